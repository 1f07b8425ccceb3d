"""Rules that end a run early.

A rule is called with every Step. It returns a sentence, which is the reason to stop, or None to go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ._validate import finite, plain_numbers, positive
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
    """Stop if the energy is at or below a level."""

    level: float

    def __post_init__(self) -> None:
        plain_numbers(self)
        finite("level", self.level)

    def __call__(self, step: Step) -> str | None:
        return f"the energy fell to {self.level:g}" if step.energy <= self.level else None


@dataclass(frozen=True)
class WallClock:
    """Stop after the step in which the run has lasted this many seconds."""

    seconds: float

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("seconds", self.seconds)

    def __call__(self, step: Step) -> str | None:
        return f"{self.seconds:g} seconds had passed" if step.elapsed >= self.seconds else None
