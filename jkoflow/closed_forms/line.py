"""One species of unit mass on the line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._validate import finite, positive, positive_integer
from ..measures import Quantiles


def sticky_collapse(start: Quantiles, t: float, strength: float = 1.0) -> Quantiles:
    """Atoms under Interaction(strength |x|) at time t: the isotonic projection of X_0 - t strength (2 s - mass).

    JKO steps of any size lead to the same (docs/theory/two-species.md, section 2.7; T11 is this case). Atoms that have
    met are cells of no width at one place.

    >>> sticky_collapse(Quantiles.atoms([-1.0, 0.0, 3.0]), 0.6).nodes.round(12)
    array([-0.6, -0.6,  0. ,  0. ,  2.6,  2.6])
    """
    from scipy.optimize import isotonic_regression

    places, masses = _atoms(start)
    force = strength * (2 * np.cumsum(masses) - masses - masses.sum())
    moved = isotonic_regression(places - finite("t", t) * force, weights=masses).x
    return start.like(np.repeat(moved, 2))


def sticky_collapse_time(start: Quantiles, strength: float = 1.0) -> float:
    """When all atoms have become one: the greatest distance between the centres of the k left ones and of the others, over
    the mass and the strength (docs/theory/two-species.md, T11).

    >>> round(sticky_collapse_time(Quantiles.atoms([-1.0, 0.0, 3.0])), 12)
    3.5
    """
    places, masses = _atoms(start)
    below, moment = np.cumsum(masses)[:-1], np.cumsum(masses * places)[:-1]
    total, whole = masses.sum(), float(masses @ places)
    gaps = (whole - moment) / (total - below) - moment / below
    return float(gaps.max(initial=0.0)) / (positive("strength", strength) * float(total))


def _atoms(measure: Quantiles) -> tuple[Any, Any]:
    if not np.all(measure.atomic == (measure.masses > 0)) or len(measure.masses) % 2 == 0:
        raise ValueError(f"start must consist of separate atoms, as Quantiles.atoms makes them, got {measure!r}")
    return measure.nodes[::2], measure.masses[::2]


@dataclass(frozen=True)
class RepulsiveLine:
    """The law Interaction(a |x|^2 / 2 - b |x|) + Potential(k |x - centre|^2 / 2): X less its mean relaxes to that of a
    uniform law of half-width b / (a + k) (docs/theory/two-species.md, T17). From one atom, without a and k, the uniform law
    on (-b t, b t).

    >>> RepulsiveLine(a=0.0, b=1.0).half_width(0.0, 2.0), RepulsiveLine(a=1.0, b=0.5, k=1.0).jko(0.0, dt=0.5)
    (2.0, 0.125)
    """

    a: float
    b: float
    k: float = 0.0

    def __post_init__(self) -> None:
        for name in ("a", "b", "k"):
            finite(name, getattr(self, name))

    def half_width(self, start: float, t: float) -> float:
        """Of the law that starts uniform with half-width ``start``, at time t."""
        rate = self.a + self.k
        if rate == 0:
            return start + self.b * t
        rest = self.b / rate
        return float(rest + np.exp(-rate * t) * (start - rest))

    def jko(self, start: float, dt: float, steps: int = 1) -> float:
        """The half-width after exact JKO steps."""
        for _ in range(positive_integer("steps", steps)):
            start = (start + positive("dt", dt) * self.b) / positive("1 + (a + k) dt", 1 + (self.a + self.k) * dt)
        return float(start)


@dataclass(frozen=True)
class LogarithmicLine:
    """diffusion Entropy() + Interaction(strength log|x|): Keller-Segel's competition of diffusion and attraction, on the line.

    Whatever the shape, the variance is v_0 + (2 diffusion - strength) t: mass concentrates in finite time where the strength
    exceeds 2 diffusion (Blanchet, Calvez, Carrillo 2008). Without diffusion and with strength < 0 a semicircle law stays
    one (Wigner's, of variance radius^2 / 4), also under JKO steps.

    >>> LogarithmicLine(diffusion=1.0, strength=3.0).variance(0.5, 0.2), LogarithmicLine(0.0, -1.0).radius(1.0, 2.0)
    (0.3, 3.0)
    """

    diffusion: float
    strength: float

    def __post_init__(self) -> None:
        finite("strength", self.strength)
        if finite("diffusion", self.diffusion) < 0:
            raise ValueError(f"diffusion must be >= 0, got {self.diffusion!r}")

    def variance(self, start: float, t: float) -> float:
        """The variance at time t, as long as the solution lasts."""
        return start + (2 * self.diffusion - self.strength) * t

    def lifetime(self, start: float) -> float:
        """The time after which there is no solution of that variance; inf where there is no end."""
        return start / (self.strength - 2 * self.diffusion) if self.strength > 2 * self.diffusion else np.inf

    def radius(self, start: float, t: float) -> float:
        """Of the semicircle at time t."""
        return float(np.sqrt(start**2 + 4 * self._repulsion * t))

    def jko_radius(self, start: float, dt: float, steps: int = 1) -> float:
        """Of the semicircle after exact JKO steps: R' = R + 2 dt |strength| / R'."""
        for _ in range(positive_integer("steps", steps)):
            start = (start + float(np.sqrt(start**2 + 8 * positive("dt", dt) * self._repulsion))) / 2
        return start

    def semicircle(self, radius: float, cells: int) -> Quantiles:
        """The semicircle law, on cells that thin out towards its ends.

        >>> round(float(LogarithmicLine(0.0, -1.0).semicircle(2.0, 400).covariance), 4)
        1.0
        """
        positive("radius", radius)
        angle = np.pi * np.arange(positive_integer("cells", cells) + 1) / cells
        level = (angle - np.sin(2 * angle) / 2) / np.pi
        return Quantiles(-radius * np.cos(angle), np.diff(level))

    @property
    def _repulsion(self) -> float:
        if self.diffusion != 0 or self.strength >= 0:
            raise ValueError(f"semicircles need diffusion 0 and a strength < 0, got {self.diffusion!r} and {self.strength!r}")
        return -self.strength
