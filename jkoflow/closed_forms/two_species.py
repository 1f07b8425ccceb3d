"""Two species of unit mass in the normal form (13) of Di Francesco and Fagioli (2013): species y moves alpha times as fast.

The law is Interaction(K11, "x") + Interaction(K22, "y") + CrossInteraction(K12, between=("x", "y")), mobility {"y": alpha}.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from .._validate import finite, positive
from ..kernels import Kernel, Morse, PowerLaw, RadialKernel
from ..kernels.base import terms_of


@dataclass(frozen=True)
class QuadraticPair:
    """K_ij = a_ij |x|^2 / 2: fluctuations about the two means decay at the rates a11 + a12 and alpha (a22 + a12), their
    distance D at (1 + alpha) a12, and the joint centre (alpha X + Y) / (1 + alpha) rests
    (docs/theory/two-species.md, T1; the steps of the schemes are T2 and T3).

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
        for name in ("a11", "a22", "a12"):
            finite(name, getattr(self, name))
        positive("alpha", self.alpha)

    @property
    def rates(self) -> tuple[float, float, float]:
        """The rates of decay of the fluctuations of x and of y, and of the distance of the means."""
        return self.a11 + self.a12, self.alpha * (self.a22 + self.a12), (1 + self.alpha) * self.a12

    def flow(self, t: float) -> tuple[float, float, float]:
        """The factors of the flow after time t."""
        x, y, d = (float(np.exp(-rate * t)) for rate in self.rates)
        return x, y, d

    def jko(self, dt: float) -> tuple[float, float, float]:
        """The factors of one exact JKO step; needs 1 + rate dt > 0."""
        x, y, d = (1 / positive("1 + rate dt", 1 + rate * positive("dt", dt)) for rate in self.rates)
        return x, y, d

    def semi_implicit(self, dt: float) -> tuple[float, float, float]:
        """The factors of one step of SemiImplicitJKO, which moves the joint centre unless alpha is 1."""
        k1, k2 = positive("dt", dt) * self.a12, dt * self.alpha * self.a12
        x, y, _ = self.rates
        return 1 / (1 + x * dt), 1 / (1 + y * dt), (1 - k1 * k2) / ((1 + k1) * (1 + k2))

    def energy(self, variance_x: float, variance_y: float, distance: float) -> float:
        """E in terms of the two variances and the distance of the means."""
        within = (self.a11 + self.a12) * variance_x + (self.a22 + self.a12) * variance_y
        return (within + self.a12 * distance**2) / 2


@dataclass(frozen=True)
class UniformPair:
    """K11 = a |x|, K22 = b |x|, K12 = kappa |x| on the line with a + kappa = alpha (b + kappa), from one uniform law on
    (-A, A) for both: they stay uniform, A falls at the speed a + kappa, and the JKO step is exact
    (docs/theory/two-species.md, T10).

    >>> pair = UniformPair(a=3.0, b=1.0, kappa=1.0)
    >>> pair.alpha, round(pair.collapse_time(1.2), 12), round(pair.half_width(1.2, 0.1), 12), round(pair.energy(1.2), 12)
    (2.0, 0.3, 0.8, 2.4)
    """

    a: float
    b: float
    kappa: float

    def __post_init__(self) -> None:
        positive("a + kappa", finite("a", self.a) + finite("kappa", self.kappa))
        positive("b + kappa", finite("b", self.b) + self.kappa)

    @property
    def alpha(self) -> float:
        """The mobility of y at which the two stay together."""
        return (self.a + self.kappa) / (self.b + self.kappa)

    def half_width(self, start: float, t: float) -> float:
        """A at time t, 0 after the collapse."""
        return max(0.0, start - (self.a + self.kappa) * t)

    def collapse_time(self, start: float) -> float:
        """When both have become one atom."""
        return start / (self.a + self.kappa)

    def energy(self, half_width: float) -> float:
        """E, which falls at the rate (a + b + 2 kappa) (a + kappa) / 3."""
        return (self.a + self.b + 2 * self.kappa) / 3 * half_width


def collapse_time(kernel: Kernel, distance: float, alpha: float = 1.0) -> float:
    """When two atoms at a distance meet under K12: int_0^D dr / ((1 + alpha) k'(r)), for K12 = k(|x|) with k' > 0.

    They meet at (alpha X + Y) / (1 + alpha). inf where the integral diverges, as for smooth kernels. For alpha in (-1, 0)
    y flees and is caught (docs/theory/two-species.md, T4; T5 and T13 are special cases). Closed forms
    for PowerLaw and Morse, quadrature otherwise. Two atoms of one species and masses m, n meet as for alpha = m + n - 1.

    >>> from jkoflow.kernels import Morse, PowerLaw
    >>> round(collapse_time(0.8 * PowerLaw(1.5), 1.3, alpha=1.6), 12), round(collapse_time(Morse(0.8, 0.7), 1.3, alpha=1.6), 12)
    (1.096322524134, 1.273389722003)
    """
    if not finite("alpha", alpha) > -1:
        raise ValueError(f"alpha must be > -1 for the two to meet, got {alpha!r}")
    positive("distance", distance)
    terms = terms_of(kernel)
    if len(terms) == 1:
        return _time_to_origin(terms[0][1], distance) / (positive("factor of the kernel", terms[0][0]) * (1 + alpha))
    return _time_to_origin(kernel, distance) / (1 + alpha)


@singledispatch
def _time_to_origin(kernel: Kernel, distance: float) -> float:
    """int_0^D dr / k'(r)."""
    if not isinstance(kernel, RadialKernel):
        raise ValueError(f"kernel must be radial, got {kernel!r}")
    from scipy.integrate import quad

    r = np.linspace(0.0, distance, 1001)[1:]
    if not np.all(kernel.slope(r) > 0):
        raise ValueError(f"kernel must attract up to the distance {distance:g}, got {kernel!r}")
    near, nearer = (float(kernel.slope(share * distance)) for share in (1e-6, 1e-8))
    if nearer < 0.011 * near:  # k' falls like r, or faster: Osgood's integral diverges
        return np.inf
    return float(quad(lambda u: 4 * u**3 * distance / kernel.slope(distance * u**4), 0.0, 1.0, limit=200)[0])


@_time_to_origin.register
def _(kernel: PowerLaw, distance: float) -> float:
    return distance ** (2 - kernel.p) / (2 - kernel.p) if kernel.p < 2 else np.inf


@_time_to_origin.register
def _(kernel: Morse, distance: float) -> float:
    return kernel.length**2 / kernel.strength * float(np.expm1(distance / kernel.length))
