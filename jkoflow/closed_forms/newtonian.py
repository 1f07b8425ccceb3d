"""Two species with Newtonian self-repulsion and cross-attraction on the line, as densities: the limit of many particles."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import finite, finite_array, in_floating_point, plain_numbers, positive, positive_integer
from ..measures import Quantiles

_POINTS, _LATEST = 400, 600.0  # places for the energy; the largest v = log(s / (F - G)), beyond which a level is at rest


@in_floating_point
def dirac_rest_time(n: int) -> float:
    """Return the time at which all of n particles at -1 and n particles at +1 have met, each of mass 1/n.

    It is 4^n / (2 binom(2n, n)), about (pi n)^(1/2) / 2.

    Source: docs/theory/newtonian-particles.md, T4.

    >>> dirac_rest_time(3)
    1.6
    """
    n = positive_integer("n", n)
    return float(4**n / (2 * comb(2 * n, n))) if n < 500 else _rest_time_of_many(n)


def _rest_time_of_many(n: int) -> float:
    """Return 4^n / (2 binom(2n, n)) by Stirling's series, for n so large that the integers overflow a float."""
    return float(np.sqrt(np.pi * n) / 2 * (1 + 1 / (8 * n) + 1 / (128 * n**2) - 5 / (1024 * n**3) - 21 / (32768 * n**4)))


@dataclass(frozen=True)
class DiracPair:
    """Two Dirac masses, delta_left and delta_right, of mass 1 each under ``newtonian_law()``. Their distance is 2a.

    * At first each mass spreads, with the density 1/(2t).
    * The two touch half way between them.
    * In the end both have the density rho = eta = (pi / 4a) cos(pi x / 2a), where x is measured from the middle.

    F and G are the distribution functions of the left and the right species. For a = 1, the level F meets the level G < F at
    the time

        K(chi) / (pi sqrt(F (1 - G))),      chi = G (1 - F) / (F (1 - G)),

    where K is the complete elliptic integral of the parameter chi. The formula solves an Euler-Poisson-Darboux equation,
    which the hodograph transform gives.

    Source: docs/theory/newtonian-particles.md, T5.

    >>> pair = DiracPair()
    >>> round(float(pair.quantile(0.5, 1.0)), 10), round(float(pair.limit(0.75)), 10)
    (-0.1116528555, 0.3333333333)
    """

    left: float = -1.0
    right: float = 1.0

    def __post_init__(self) -> None:
        plain_numbers(self)
        if not finite("left", self.left) < finite("right", self.right):
            raise ValueError(f"left must be less than right, got {self.left!r} and {self.right!r}")

    @property
    def _half(self) -> float:
        return (self.right - self.left) / 2

    def meeting_time(self, F: float, G: float) -> float:
        """Return the time at which the level F of the left species meets the level G < F of the right species."""
        if not 0 <= G < F <= 1:
            raise ValueError(f"levels must be 0 <= G < F <= 1, got F={F!r}, G={G!r}")
        return self._half * _dirac_time(F, F - G)

    def quantile(self, s: float, t: float) -> float:
        """Return X(s) of the left species at time t. X(s) of the right species is left + right - X(1 - s)."""
        _must_be_levels(s)
        return self.left + self._half * (1 + self._place_and_excess(s, positive("t", t) / self._half)[0])

    def excess(self, s: float, t: float) -> float:
        """Return F - G at the place X(s) of the left species, at time t."""
        _must_be_levels(s)
        return self._place_and_excess(s, positive("t", t) / self._half)[1]

    def energy(self, t: float) -> float:
        """Return the energy int (F - G)^2 dx at time t.

        It is 2a - 8t/3 until the species touch. Afterwards it is computed by a spline through 400 places, to about 1e-8.
        """
        from scipy.interpolate import CubicSpline
        from scipy.optimize import brentq

        scaled = positive("t", t) / self._half
        if scaled <= 0.5:
            return self._half * (2 - 8 * scaled / 3)
        free = 1 / (4 * scaled**2)  # levels below it have met no level of the other species: there F - G = s
        middle = float(brentq(lambda s: self._place_and_excess(s, scaled)[0], free, 1 - 1e-12, xtol=1e-14))
        levels = free + (middle - free) * (1 - np.cos(np.linspace(0, np.pi, _POINTS))) / 2
        curve = np.array([self._place_and_excess(float(s), scaled) for s in levels])
        overlap = CubicSpline(curve[:, 0], curve[:, 1] ** 2).integrate(curve[0, 0], curve[-1, 0])
        return self._half * 2 * (2 * scaled * free**3 / 3 + float(overlap))

    def limit(self, s: Any) -> Array:
        """Return X(s) of both species at rest, in the limit of long times."""
        _must_be_levels(s)
        return np.asarray(self.left + self._half * 4 / np.pi * np.arcsin(np.sqrt(s)))

    def _place_and_excess(self, s: float, t: float) -> tuple[float, float]:
        """Return the place of the level s of the left species, for masses at -1 and 1, and F - G at this place.

        The unknown is v with F - G = s exp(-v), because everything is smooth in v.
        """
        from scipy.integrate import quad
        from scipy.optimize import brentq

        if t <= 1 / (2 * np.sqrt(s)):
            return -1 + 2 * s * t, s
        if _dirac_time(s, s * np.exp(-_LATEST)) <= t:  # at rest, up to rounding
            return 4 / np.pi * float(np.arcsin(np.sqrt(s))) - 1, 0.0
        v = float(brentq(lambda u: _dirac_time(s, s * np.exp(-u)) - t, 0.0, _LATEST, xtol=1e-14))
        excess = s * float(np.exp(-v))
        integral = quad(lambda u: _dirac_time(s, s * np.exp(-u)) * s * np.exp(-u), 0.0, v, limit=200)[0]
        return -1 + 2 * excess * t + 2 * float(integral), excess


def _must_be_levels(s: Any) -> None:
    """Raise ValueError unless all levels lie between 0 and 1."""
    levels = finite_array("s", s, np.shape(s))
    if levels.size and not 0 <= levels.min() <= levels.max() <= 1:
        raise ValueError(f"s must lie between 0 and 1, got {levels.min():g} to {levels.max():g}")


def _dirac_time(F: float, gap: float) -> float:
    """Return the time at which the level F meets the level G = F - gap, for a = 1.

    The elliptic integral is taken at 1 - chi, which loses no digits for small gaps.
    """
    from scipy.special import ellipkm1

    product = F * (1 - F + gap)  # F (1 - G)
    return float(ellipkm1(gap / product) / (np.pi * np.sqrt(product)))


def newtonian_meeting(F: float, G: float, x: Quantiles, y: Quantiles) -> tuple[float, float]:
    """Return when and where the level F of x meets the level G < F of y under ``newtonian_law()``.

    x and y have mass 1 and no atoms. F_0 and G_0 are their distribution functions at the start. F_0 > G_0 must hold at all
    places between the two levels.

    Raises ValueError if F_0 > G_0 does not hold there, for masses other than 1, and for levels outside 0 <= G < F <= 1.

    Source: docs/theory/newtonian-particles.md, section 3.8.

    >>> x, y = Quantiles([0.0, 1.0]), Quantiles([0.5, 1.5])
    >>> t, place = newtonian_meeting(0.6, 0.3, x, y)
    >>> round(t, 10), round(place, 10)
    (0.1277064059, 0.7)
    """
    from scipy.integrate import quad

    if not 0 <= G < F <= 1:
        raise ValueError(f"levels must be 0 <= G < F <= 1, got F={F!r}, G={G!r}")
    _must_be_of_mass_one(x, y)
    _must_lead(F, G, x, y)
    X0 = float(x.quantile(F))
    level_at_start = float(y.cdf(X0))
    integral = float(quad(lambda g: _meeting_time(F, g, x, y), level_at_start, G, limit=200)[0])
    t = _meeting_time(F, G, x, y)
    return t, X0 + 2 * (F - G) * t + 2 * integral


def _must_lead(F: float, G: float, x: Quantiles, y: Quantiles) -> None:
    """Raise ValueError unless F_0 > G_0 between the level F of x and the level G of y."""
    left, right = float(x.quantile(F)), float(y.quantile(G))
    between = np.concatenate([x.nodes, y.nodes, [left, right]])
    between = np.unique(between[(between >= left) & (between <= right)])
    if not left < right or np.any(x.cdf(between)[1:-1] <= y.cdf(between)[1:-1]):
        raise ValueError(f"x must lead all the way from its level F={F!r} at {left:g} to the level G={G!r} of y at {right:g}")


def _must_be_of_mass_one(x: Quantiles, y: Quantiles) -> None:
    """Raise ValueError unless x and y are Quantiles of mass 1."""
    for name, measure in (("x", x), ("y", y)):
        if not isinstance(measure, Quantiles) or abs(measure.mass - 1) > 1e-12:
            raise ValueError(f"{name} must be Quantiles of mass 1, got {measure!r}")


def _meeting_time(F: float, G: float, x: Quantiles, y: Quantiles) -> float:
    """Return the time at which the level F of x meets the level G of y."""
    from scipy.integrate import quad
    from scipy.special import ellipk

    left, right = float(x.quantile(F)), float(y.quantile(G))

    def integrand(z: float) -> float:
        F0, G0 = float(x.cdf(z)), float(y.cdf(z))
        chi = (G - G0) * (F0 - F) / ((F - G0) * (F0 - G))
        return float(ellipk(chi)) / np.sqrt((F - G0) * (F0 - G))

    breakpoints = [z for z in np.concatenate([x.nodes, y.nodes]) if left < z < right]
    return float(quad(integrand, left, right, points=breakpoints or None, limit=200)[0]) / (2 * np.pi)


def newtonian_limit(x: Quantiles, y: Quantiles, levels: Any, *, points: int = 20_001) -> Array:
    """Return X(s) of both species in the limit of long times under ``newtonian_law()``, at the levels s.

        X(s) = a + int_a^b (2/pi) arcsin sqrt(clip((s - lo) / (hi - lo), 0, 1)) dx,    lo = min(F_0, G_0), hi = max(F_0, G_0)

    x and y have mass 1, F_0 and G_0 are their distribution functions at the start, and [a, b] is the hull of both. The integral
    is computed by the midpoint rule on ``points`` intervals.

    Source: docs/theory/newtonian-particles.md, section 3.8.

    >>> newtonian_limit(Quantiles([0.0, 1.0]), Quantiles([0.5, 1.5]), [0.25, 0.5]).round(5)
    array([0.48873, 0.75   ])
    """
    positive_integer("points", points)
    _must_be_of_mass_one(x, y)
    a, b = min(x.nodes[0], y.nodes[0]), max(x.nodes[-1], y.nodes[-1])
    edges = np.linspace(a, b, points + 1)
    z, dx = (edges[1:] + edges[:-1]) / 2, (b - a) / points
    F, G = x.cdf(z), y.cdf(z)
    lo, hi = np.minimum(F, G), np.maximum(F, G)
    apart = hi > lo

    def limit_place(s: float) -> float:
        share = np.where(apart, (s - lo) / np.where(apart, hi - lo, 1.0), np.where(s >= lo, 1.0, 0.0))
        return float(a + dx * (2 / np.pi * np.arcsin(np.sqrt(np.clip(share, 0.0, 1.0)))).sum())

    return np.array([limit_place(float(s)) for s in np.ravel(levels)]).reshape(np.shape(levels))
