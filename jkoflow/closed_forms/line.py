"""One species of unit mass on the line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._validate import finite, of_kind, plain_numbers, positive, positive_integer
from ..measures import Quantiles


def sticky_collapse(start: Quantiles, t: float, strength: float = 1.0) -> Quantiles:
    """Return the atoms at time t under Interaction(strength |x|).

    They are the isotonic projection of X_0 - t strength (2 s - mass). JKO steps of any size lead to the same state
    (docs/theory/two-species.md, section 2.7; T11 is this case). Atoms that have met stay separate cells of no width, at one
    place.

    Raises ValueError if ``start`` does not consist of separate atoms, as ``Quantiles.atoms`` makes them.

    >>> sticky_collapse(Quantiles.atoms([-1.0, 0.0, 3.0]), 0.6).nodes.round(12)
    array([-0.6, -0.6,  0. ,  0. ,  2.6,  2.6])
    """
    from scipy.optimize import isotonic_regression

    places, masses = _atoms(start)
    force = strength * (2 * np.cumsum(masses) - masses - masses.sum())
    final_places = isotonic_regression(places - finite("t", t) * force, weights=masses).x
    return start.like(np.repeat(final_places, 2))


def sticky_collapse_time(start: Quantiles, strength: float = 1.0) -> float:
    """Return the time at which all atoms have become one atom under Interaction(strength |x|).

    It is the largest distance, over all k, between the centre of the k leftmost atoms and the centre of the other atoms,
    divided by mass * strength.

    Source: docs/theory/two-species.md, T11.

    >>> round(sticky_collapse_time(Quantiles.atoms([-1.0, 0.0, 3.0])), 12)
    3.5
    """
    places, masses = _atoms(start)
    below, moment = np.cumsum(masses)[:-1], np.cumsum(masses * places)[:-1]
    total, total_moment = masses.sum(), float(masses @ places)
    distances = (total_moment - moment) / (total - below) - moment / below
    return float(distances.max(initial=0.0)) / (positive("strength", strength) * float(total))


def _atoms(measure: Quantiles) -> tuple[Any, Any]:
    """Return the places and the masses of separate atoms. Raises ValueError for other measures."""
    of_kind("start", measure, Quantiles, "Quantiles")
    if not np.all(measure.atomic == (measure.masses > 0)) or len(measure.masses) % 2 == 0:
        raise ValueError(f"start must consist of separate atoms, as Quantiles.atoms makes them, got {measure!r}")
    return measure.nodes[::2], measure.masses[::2]


@dataclass(frozen=True)
class RepulsiveLine:
    """The flow of Interaction(a |x|^2 / 2 - b |x|) + Potential(k |x - centre|^2 / 2).

    X minus its mean tends to X of the centred uniform law of half-width b / (a + k). For a = k = 0, one atom at the origin
    spreads to the uniform law on (-b t, b t).

    Source: docs/theory/two-species.md, T17.

    >>> RepulsiveLine(a=0.0, b=1.0).half_width(0.0, 2.0), RepulsiveLine(a=1.0, b=0.5, k=1.0).jko(0.0, dt=0.5)
    (2.0, 0.125)
    """

    a: float
    b: float
    k: float = 0.0

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name in ("a", "b", "k"):
            finite(name, getattr(self, name))

    def half_width(self, start: float, t: float) -> float:
        """Return the half-width at time t, if the measure is uniform with half-width ``start`` at time 0."""
        rate = self.a + self.k
        if rate == 0:
            return start + self.b * t
        rest = self.b / rate
        return float(rest + np.exp(-rate * t) * (start - rest))

    def jko(self, start: float, dt: float, steps: int = 1) -> float:
        """Return the half-width after ``steps`` exact JKO steps from the half-width ``start``."""
        for _ in range(positive_integer("steps", steps)):
            start = (start + positive("dt", dt) * self.b) / positive("1 + (a + k) dt", 1 + (self.a + self.k) * dt)
        return float(start)


@dataclass(frozen=True)
class LogarithmicLine:
    """The flow of diffusion Entropy() + Interaction(strength log|x|): the Keller-Segel equation on the line.

    For any shape, the variance is v_0 + (2 diffusion - strength) t. So mass concentrates in finite time if the strength
    exceeds 2 diffusion (Blanchet, Calvez, Carrillo 2008).

    For diffusion = 0 and strength < 0, a semicircle law (Wigner's law, of variance radius^2 / 4) stays a semicircle law. This
    is true for the flow and for JKO steps.

    >>> LogarithmicLine(diffusion=1.0, strength=3.0).variance(0.5, 0.2), LogarithmicLine(0.0, -1.0).radius(1.0, 2.0)
    (0.3, 3.0)
    """

    diffusion: float
    strength: float

    def __post_init__(self) -> None:
        plain_numbers(self)
        finite("strength", self.strength)
        if finite("diffusion", self.diffusion) < 0:
            raise ValueError(f"diffusion must be >= 0, got {self.diffusion!r}")

    def variance(self, start: float, t: float) -> float:
        """Return the variance at time t, as long as the solution exists; ``start`` is the variance at time 0."""
        return start + (2 * self.diffusion - self.strength) * t

    def lifetime(self, start: float) -> float:
        """Return the time at which the formula for the variance reaches 0, from ``start`` at time 0; inf if it never does.

        No solution exists after this time.
        """
        return start / (self.strength - 2 * self.diffusion) if self.strength > 2 * self.diffusion else np.inf

    def radius(self, start: float, t: float) -> float:
        """Return the radius of the semicircle at time t, from the radius ``start``."""
        return float(np.sqrt(start**2 + 4 * self._repulsion * t))

    def jko_radius(self, start: float, dt: float, steps: int = 1) -> float:
        """Return the radius of the semicircle after ``steps`` exact JKO steps: R' = R + 2 dt |strength| / R'."""
        for _ in range(positive_integer("steps", steps)):
            start = (start + float(np.sqrt(start**2 + 8 * positive("dt", dt) * self._repulsion))) / 2
        return start

    def semicircle(self, radius: float, cells: int) -> Quantiles:
        """Return the semicircle law, on cells whose width falls towards its ends.

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
