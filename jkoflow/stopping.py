"""Rules that end a run early.

A rule is called with every Step. It returns a sentence, which is the reason to stop, or None to go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ._validate import finite, plain_numbers, positive
from .measures import MovingParticles
from .trajectory import Step

_AT_REST = 1e-6  # share of the largest speed of a run

StoppingRule: TypeAlias = Callable[[Step], str | None]


@dataclass(frozen=True)
class Steady:
    """Stop if the flow has come to rest.

    The speed is the square root of the dissipation of a step: the W2 distance moved per time, for several species the product
    distance. The run stops

    * with ``speed``, if the speed is at most this bound, in the unit of the run;
    * without it, if the speed is at most a millionth of the largest speed of the run so far. This is the same rule in any
      unit. The steps of a run that is continued count.

    A run with a flux between reservoirs never comes to rest, and Splitting does not tell its dissipation: neither is stopped.

    >>> import jkoflow as jf
    >>> grid = jf.Grid.box((-4, 4), cells=64)
    >>> energy = jf.Entropy() + jf.Potential(lambda x: x**2 / 2)
    >>> rho = grid.density(lambda x: (abs(x) < 1) * 1.0)
    >>> jf.evolve(energy, rho, dt=0.5, t_end=100.0, stop=jf.Steady(1e-3)).outcome
    'stopped: the speed fell below 0.001'
    >>> jf.evolve(energy, rho, dt=0.5, t_end=100.0, stop=jf.Steady()).outcome
    'stopped: the speed fell below 1e-06 of its largest value'
    """

    speed: float | None = None

    def __post_init__(self) -> None:
        plain_numbers(self)
        if self.speed is not None:
            positive("speed", self.speed)

    def __call__(self, step: Step) -> str | None:
        now = step.dissipation**0.5
        if self.speed is not None:
            return f"the speed fell below {self.speed:g}" if now <= self.speed else None
        least = _AT_REST * step.largest_dissipation**0.5
        return f"the speed fell below {_AT_REST:g} of its largest value" if now <= least else None


@dataclass(frozen=True)
class EnergyBelow:
    """Stop if the energy is at or below a level.

    >>> import jkoflow as jf
    >>> start = jf.Quantiles([-1.0, 0.0, 1.0])
    >>> flow = jf.evolve(jf.Potential(lambda x: x**2 / 2), start, dt=0.1, t_end=9.0, stop=EnergyBelow(0.1))
    >>> bool(flow.energies[-1] <= 0.1 < flow.energies[-2])
    True
    """

    level: float

    def __post_init__(self) -> None:
        plain_numbers(self)
        finite("level", self.level)

    def __call__(self, step: Step) -> str | None:
        return f"the energy fell to {self.level:g}" if step.energy <= self.level else None


@dataclass(frozen=True)
class WallClock:
    """Stop after the step in which the run has lasted this many seconds.

    >>> import jkoflow as jf
    >>> start = jf.Quantiles([-1.0, 0.0, 1.0])
    >>> flow = jf.evolve(jf.Potential(lambda x: x**2 / 2), start, dt=0.1, t_end=1.0, stop=WallClock(60.0))
    >>> flow.outcome
    'reached t = 1'
    """

    seconds: float

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("seconds", self.seconds)

    def __call__(self, step: Step) -> str | None:
        return f"{self.seconds:g} seconds had passed" if step.elapsed >= self.seconds else None


@dataclass(frozen=True)
class BeforeCrossing:
    """Stop before particles on the line cross that have one velocity at each place: before the shock of the Euler flow.

    Neighbours that approach meet in the time gap / (difference of velocities), if they keep their velocities. The run stops if
    the first such time is below ``ahead`` times the last dt. The particles are in the order of their places at the start, and
    each is compared with the next.

    Parameters
    ----------
    ahead : float
        In steps. At least 1, so that no step is taken across a crossing.

    Raises ValueError for ``ahead`` < 1, and in a run of other measures than MovingParticles on the line.

    Source: Natalini and Paul, Corollary 2.2: beyond the shock the Euler flow is no limit of particles;
    docs/theory/chemotaxis.md, T12.

    >>> import numpy as np, jkoflow as jf
    >>> x = np.linspace(-1, 1, 101)
    >>> waves = jf.MovingParticles(x, -np.sin(np.pi * x) / np.pi)                # free: the slope -1 breaks at t = 1
    >>> free, stop = 0 * jf.Potential(lambda x: x), jf.BeforeCrossing()
    >>> jf.evolve(free, waves, scheme=jf.Inertial(), dt=0.01, t_end=2.0, stop=stop).outcome
    'stopped: particles would cross at about t = 1'
    """

    ahead: float = 2.0

    def __post_init__(self) -> None:
        plain_numbers(self)
        if not positive("ahead", self.ahead) >= 1:
            raise ValueError(f"ahead must be at least 1 step, got {self.ahead!r}")

    def __call__(self, step: Step) -> str | None:
        first = np.inf
        for name, cloud in step.reached.masses.items():
            if not isinstance(cloud, MovingParticles) or cloud.dim != 1:
                raise ValueError(f"BeforeCrossing takes MovingParticles on the line, got {cloud!r} for {name!r}")
            order = np.argsort(step.before.masses[name].points.ravel(), kind="stable")
            gaps, closing = np.diff(cloud.points.ravel()[order]), -np.diff(cloud.velocities.ravel()[order])
            if (gaps <= 0).any():
                first = 0.0
            elif (closing > 0).any():
                first = min(first, float((gaps[closing > 0] / closing[closing > 0]).min()))
        return f"particles would cross at about t = {step.time + first:.3g}" if first < self.ahead * step.dt else None
