"""Two species with Newtonian self-repulsion and cross-attraction on the line: the limit of many particles."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import finite, finite_array, positive, positive_integer
from ..measures import Quantiles

_POINTS, _LATEST = 400, 600.0


def dirac_rest_time(n: int) -> float:
    """When n particles at -1 and n at +1, of mass 1/n, have all met: 4^n / (2 binom(2n, n)), about (pi n)^(1/2) / 2.

    Source: docs/theory/newtonian-particles.md, T4.

    >>> dirac_rest_time(3)
    1.6
    """
    n = positive_integer("n", n)
    return float(4**n / (2 * comb(2 * n, n))) if n < 500 else _central(n)


def _central(n: int) -> float:
    """The same by Stirling's series, where the integers overflow."""
    return float(np.sqrt(np.pi * n) / 2 * (1 + 1 / (8 * n) + 1 / (128 * n**2) - 5 / (1024 * n**3) - 21 / (32768 * n**4)))


@dataclass(frozen=True)
class DiracPair:
    """delta_left and delta_right of mass 1 under ``newtonian_law()``: each spreads to the height 1/(2t), they touch when half
    way, and end as one, rho = eta = (pi / 4a) cos(pi x / 2a) about the middle, 2a apart at first.

    The level F of the one meets the level G < F of the other at the time K(chi) / (pi sqrt(F (1 - G))), chi = G (1 - F) / (F
    (1 - G)), for a = 1: an Euler-Poisson-Darboux equation under the hodograph transform.

    Source: docs/theory/newtonian-particles.md, T5.

    >>> pair = DiracPair()
    >>> round(float(pair.quantile(0.5, 1.0)), 10), round(float(pair.limit(0.75)), 10)
    (-0.1116528555, 0.3333333333)
    """

    left: float = -1.0
    right: float = 1.0

    def __post_init__(self) -> None:
        if not finite("left", self.left) < finite("right", self.right):
            raise ValueError(f"left must be less than right, got {self.left!r} and {self.right!r}")

    @property
    def _half(self) -> float:
        return (self.right - self.left) / 2

    def meeting_time(self, F: float, G: float) -> float:
        """When the level F of the left species meets the level G < F of the right one."""
        if not 0 <= G < F <= 1:
            raise ValueError(f"levels must be 0 <= G < F <= 1, got F={F!r}, G={G!r}")
        return self._half * _dirac_time(F, F - G)

    def quantile(self, s: float, t: float) -> float:
        """X(s) of the species that starts on the left; that of the other is left + right - X(1 - s)."""
        _must_be_levels(s)
        return self.left + self._half * (1 + self._own(s, positive("t", t) / self._half)[0])

    def excess(self, s: float, t: float) -> float:
        """F - G at the place X(s)."""
        _must_be_levels(s)
        return self._own(s, positive("t", t) / self._half)[1]

    def energy(self, t: float) -> float:
        """int (F - G)^2 dx, 2a - 8t/3 until they touch; from then on by a spline through 400 places, to about 1e-8."""
        from scipy.interpolate import CubicSpline
        from scipy.optimize import brentq

        scaled = positive("t", t) / self._half
        if scaled <= 0.5:
            return self._half * (2 - 8 * scaled / 3)
        free = 1 / (4 * scaled**2)  # levels below it have met nobody: there F - G = s
        top = float(brentq(lambda s: self._own(s, scaled)[0], free, 1 - 1e-12, xtol=1e-14))
        levels = free + (top - free) * (1 - np.cos(np.linspace(0, np.pi, _POINTS))) / 2
        found = np.array([self._own(float(s), scaled) for s in levels])
        met = CubicSpline(found[:, 0], found[:, 1] ** 2).integrate(found[0, 0], found[-1, 0])
        return self._half * 2 * (2 * scaled * free**3 / 3 + float(met))

    def limit(self, s: Any) -> Array:
        """X(s) of both in the end."""
        _must_be_levels(s)
        return np.asarray(self.left + self._half * 4 / np.pi * np.arcsin(np.sqrt(s)))

    def _own(self, s: float, t: float) -> tuple[float, float]:
        """The place of the level s between -1 and 1, and F - G there. With F - G = s exp(-v) all is smooth in v."""
        from scipy.integrate import quad
        from scipy.optimize import brentq

        if t <= 1 / (2 * np.sqrt(s)):
            return -1 + 2 * s * t, s
        if _dirac_time(s, s * np.exp(-_LATEST)) <= t:  # as good as at rest
            return 4 / np.pi * float(np.arcsin(np.sqrt(s))) - 1, 0.0
        v = float(brentq(lambda u: _dirac_time(s, s * np.exp(-u)) - t, 0.0, _LATEST, xtol=1e-14))
        gap = s * float(np.exp(-v))
        moved = quad(lambda u: _dirac_time(s, s * np.exp(-u)) * s * np.exp(-u), 0.0, v, limit=200)[0]
        return -1 + 2 * gap * t + 2 * float(moved), gap


def _must_be_levels(s: Any) -> None:
    levels = finite_array("s", s, np.shape(s))
    if levels.size and not 0 <= levels.min() <= levels.max() <= 1:
        raise ValueError(f"s must lie between 0 and 1, got {levels.min():g} to {levels.max():g}")


def _dirac_time(F: float, gap: float) -> float:
    """When the level F meets the level F - gap, a = 1: by the complement of chi, which loses no digits for small gaps."""
    from scipy.special import ellipkm1

    both = F * (1 - F + gap)
    return float(ellipkm1(gap / both) / (np.pi * np.sqrt(both)))


def newtonian_meeting(F: float, G: float, x: Quantiles, y: Quantiles) -> tuple[float, float]:
    """When and where the level F of x meets the level G < F of y under ``newtonian_law()``, both of mass 1 and without atoms.

    It holds where x leads, F_0 > G_0, all the way between the two.

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
    first = float(y.cdf(X0))
    moved = float(quad(lambda g: _meeting_time(F, g, x, y), first, G, limit=200)[0])
    t = _meeting_time(F, G, x, y)
    return t, X0 + 2 * (F - G) * t + 2 * moved


def _must_lead(F: float, G: float, x: Quantiles, y: Quantiles) -> None:
    left, right = float(x.quantile(F)), float(y.quantile(G))
    between = np.concatenate([x.nodes, y.nodes, [left, right]])
    between = np.unique(between[(between >= left) & (between <= right)])
    if not left < right or np.any(x.cdf(between)[1:-1] <= y.cdf(between)[1:-1]):
        raise ValueError(f"x must lead all the way from its level F={F!r} at {left:g} to the level G={G!r} of y at {right:g}")


def _must_be_of_mass_one(x: Quantiles, y: Quantiles) -> None:
    for name, measure in (("x", x), ("y", y)):
        if not isinstance(measure, Quantiles) or abs(measure.mass - 1) > 1e-12:
            raise ValueError(f"{name} must be Quantiles of mass 1, got {measure!r}")


def _meeting_time(F: float, G: float, x: Quantiles, y: Quantiles) -> float:
    from scipy.integrate import quad
    from scipy.special import ellipk

    left, right = float(x.quantile(F)), float(y.quantile(G))

    def integrand(z: float) -> float:
        F0, G0 = float(x.cdf(z)), float(y.cdf(z))
        chi = (G - G0) * (F0 - F) / ((F - G0) * (F0 - G))
        return float(ellipk(chi)) / np.sqrt((F - G0) * (F0 - G))

    corners = [z for z in np.concatenate([x.nodes, y.nodes]) if left < z < right]
    return float(quad(integrand, left, right, points=corners or None, limit=200)[0]) / (2 * np.pi)


def newtonian_limit(x: Quantiles, y: Quantiles, levels: Any, *, points: int = 20_001) -> Array:
    """The quantiles in which both species end under ``newtonian_law()``, both of mass 1.

        X(s) = a + int_a^b (2/pi) arcsin sqrt(clip((s - lo) / (hi - lo), 0, 1)) dx,    lo = min(F_0, G_0), hi = max(F_0, G_0)

    by the midpoint rule on ``points`` intervals of the hull [a, b].

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

    def one(s: float) -> float:
        share = np.where(apart, (s - lo) / np.where(apart, hi - lo, 1.0), np.where(s >= lo, 1.0, 0.0))
        return float(a + dx * (2 / np.pi * np.arcsin(np.sqrt(np.clip(share, 0.0, 1.0)))).sum())

    return np.array([one(float(s)) for s in np.ravel(levels)]).reshape(np.shape(levels))
