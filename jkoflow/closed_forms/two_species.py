"""Two species x and y of unit mass, in the normal form (13) of Di Francesco and Fagioli (2013).

The law is Interaction(K11, "x") + Interaction(K22, "y") + CrossInteraction(K12, between=("x", "y")). Species x has the
mobility 1, species y the mobility alpha.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from itertools import pairwise

import numpy as np

from .._validate import finite, plain_numbers, positive
from ..kernels import Kernel, Morse, PowerLaw, RadialKernel
from ..kernels.base import terms_of


@dataclass(frozen=True)
class QuadraticPair:
    """Two species with quadratic kernels K_ij = a_ij |x|^2 / 2.

    | quantity | rate of decay |
    |---|---|
    | fluctuations of x about its mean | a11 + a12 |
    | fluctuations of y about its mean | alpha (a22 + a12) |
    | distance D of the two means | (1 + alpha) a12 |

    The joint centre (alpha X + Y) / (1 + alpha) is at rest. The methods return the factors by which the three quantities are
    multiplied, in this order.

    Source: docs/theory/two-species.md, T1; for the steps of the schemes docs/theory/two-species.md, T2 and T3.

    >>> pair = QuadraticPair(a11=1.0, a22=0.5, a12=0.25, alpha=2.0)
    >>> [round(factor, 6) for factor in pair.jko(0.1)]                       # of x, of y, of D
    [0.888889, 0.869565, 0.930233]
    >>> round(3 * pair.flow(1.0)[2], 12), round(3 * pair.jko(0.1)[2] ** 10, 12), round(pair.semi_implicit(0.1)[2], 11)
    (1.417099658223, 1.455581784904, 0.92799070848)
    """

    a11: float
    a22: float
    a12: float
    alpha: float = 1.0

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name in ("a11", "a22", "a12"):
            finite(name, getattr(self, name))
        positive("alpha", self.alpha)

    @property
    def rates(self) -> tuple[float, float, float]:
        """The rates of decay: of the fluctuations of x, of the fluctuations of y, of the distance of the means."""
        return self.a11 + self.a12, self.alpha * (self.a22 + self.a12), (1 + self.alpha) * self.a12

    def flow(self, t: float) -> tuple[float, float, float]:
        """Return the three factors of the flow after time t."""
        x, y, d = (float(np.exp(-rate * t)) for rate in self.rates)
        return x, y, d

    def jko(self, dt: float) -> tuple[float, float, float]:
        """Return the three factors of one exact JKO step. Raises ValueError unless 1 + rate dt > 0 for every rate."""
        x, y, d = (1 / positive("1 + rate dt", 1 + rate * positive("dt", dt)) for rate in self.rates)
        return x, y, d

    def semi_implicit(self, dt: float) -> tuple[float, float, float]:
        """Return the three factors of one step of SemiImplicitJKO. The step moves the joint centre unless alpha is 1."""
        k1, k2 = positive("dt", dt) * self.a12, dt * self.alpha * self.a12
        x, y, _ = self.rates
        return 1 / (1 + x * dt), 1 / (1 + y * dt), (1 - k1 * k2) / ((1 + k1) * (1 + k2))

    def energy(self, variance_x: float, variance_y: float, distance: float) -> float:
        """Return the energy, from the variances of x and y and the distance of their means."""
        within = (self.a11 + self.a12) * variance_x + (self.a22 + self.a12) * variance_y
        return (within + self.a12 * distance**2) / 2


@dataclass(frozen=True)
class UniformPair:
    """Two species on the line with the kernels K11 = a |x|, K22 = b |x| and K12 = kappa |x|, uniform on the same interval.

    If a + kappa = alpha (b + kappa) and both species start uniform on (-A, A), both stay uniform on one interval (-A, A). The
    half-width A falls at the speed a + kappa. JKO steps of any size are exact.

    Source: docs/theory/two-species.md, T10.

    >>> pair = UniformPair(a=3.0, b=1.0, kappa=1.0)
    >>> pair.alpha, round(pair.collapse_time(1.2), 12), round(pair.half_width(1.2, 0.1), 12), round(pair.energy(1.2), 12)
    (2.0, 0.3, 0.8, 2.4)
    """

    a: float
    b: float
    kappa: float

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("a + kappa", finite("a", self.a) + finite("kappa", self.kappa))
        positive("b + kappa", finite("b", self.b) + self.kappa)

    @property
    def alpha(self) -> float:
        """The mobility of y with which both species stay on the same interval."""
        return (self.a + self.kappa) / (self.b + self.kappa)

    def half_width(self, start: float, t: float) -> float:
        """Return A at time t, from A = ``start`` at time 0. It is 0 after the collapse."""
        return max(0.0, start - (self.a + self.kappa) * t)

    def collapse_time(self, start: float) -> float:
        """Return the time at which both species have become one atom, from A = ``start`` at time 0."""
        return start / (self.a + self.kappa)

    def energy(self, half_width: float) -> float:
        """Return the energy for A = ``half_width``. Along the flow it falls at the rate (a + b + 2 kappa) (a + kappa) / 3."""
        return (self.a + self.b + 2 * self.kappa) / 3 * half_width


def collapse_time(kernel: Kernel, distance: float, alpha: float = 1.0) -> float:
    """Return the time at which two atoms at a distance D meet under the kernel K12 = k(|x|) with k' > 0.

        int_0^D dr / ((1 + alpha) k'(r))

    The atoms, one of each species and of unit mass, meet at (alpha X + Y) / (1 + alpha). The time is inf if the integral
    diverges, as for smooth kernels. For alpha in (-1, 0) species y flees and is caught. Two atoms of one species with masses
    m and n meet at the time for alpha = m + n - 1. The integral is known in closed form for PowerLaw and Morse; otherwise it
    is computed by quadrature.

    Raises ValueError for alpha <= -1, and for a kernel that is not radial or does not attract up to D.

    Source: docs/theory/two-species.md, T4; T5 and T13 are special cases.

    >>> from jkoflow.kernels import Morse, PowerLaw
    >>> round(collapse_time(0.8 * PowerLaw(1.5), 1.3, alpha=1.6), 12), round(collapse_time(Morse(0.8, 0.7), 1.3, alpha=1.6), 12)
    (1.096322524134, 1.273389722003)
    """
    alpha, distance = finite("alpha", alpha), positive("distance", distance)
    if not alpha > -1:
        raise ValueError(f"alpha must be > -1 for the two to meet, got {alpha!r}")
    terms = terms_of(kernel)
    if len(terms) == 1:
        return _time_to_origin(terms[0][1], distance) / (positive("factor of the kernel", terms[0][0]) * (1 + alpha))
    return _time_to_origin(kernel, distance) / (1 + alpha)


@singledispatch
def _time_to_origin(kernel: Kernel, distance: float) -> float:
    """Return int_0^D dr / k'(r)."""
    if not isinstance(kernel, RadialKernel):
        raise ValueError(f"kernel must be radial, got {kernel!r}")
    from scipy.integrate import quad

    r = np.linspace(0.0, distance, 1001)[1:]
    if not np.all(kernel.slope(r) > 0):
        raise ValueError(f"kernel must attract up to the distance {distance:g}, got {kernel!r}")
    slope_near, slope_nearer = (float(kernel.slope(share * distance)) for share in (1e-40, 1e-42))
    if slope_nearer < 0.011 * slope_near:  # k' falls like r, or faster: Osgood's integral diverges
        return np.inf
    ends = -np.log(10.0) * np.arange(0, 320, 4)  # of log(r / D): r / k'(r) may change over many decades

    def integrand(u: float) -> float:
        r = distance * np.exp(u)
        return float(r / kernel.slope(r))

    return float(sum(quad(integrand, low, high, limit=200)[0] for high, low in pairwise(ends)))


@_time_to_origin.register
def _(kernel: PowerLaw, distance: float) -> float:
    return distance ** (2 - kernel.p) / (2 - kernel.p) if kernel.p < 2 else np.inf


@_time_to_origin.register
def _(kernel: Morse, distance: float) -> float:
    return kernel.length**2 / kernel.strength * float(np.expm1(distance / kernel.length))
