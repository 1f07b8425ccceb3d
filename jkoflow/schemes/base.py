"""What a time scheme is, and what a step of it tells."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .._status import Status
from ..laws import Law
from ..measures import Species
from ..ordered import Events


@dataclass(frozen=True)
class StepInfo:
    """What a person wants to know of one step. Every entry means the same whatever the scheme.

    Attributes
    ----------
    distances : mapping of float
        How far every species moved, a length: (int |S(x) - x|^2 d rho)^(1/2) of the map S that the step followed. It is W2
        where that map is optimal, as in JKO steps, and at least W2 otherwise.
    status : Status
    iterations : int
        Of the step solver, added up over all the steps that it solved; 0 for a scheme without one.
    residual : float
        The largest that the step solver left, in the unit that it documents; 0 for a scheme without one.
    dt, next_dt : float or None
        The step taken and the one proposed next, by a scheme that chooses them.
    events : Events or None
        What happened during the step, in times from its start, where the scheme follows that.
    evaluations : int
        Of the velocity, by a scheme that integrates it.
    error : float or None
        The error of this step in time, a length, by a scheme that estimates or bounds it.
    """

    distances: Mapping[str, float]
    status: Status
    iterations: int = 0
    residual: float = 0.0
    dt: float | None = None
    next_dt: float | None = None
    events: Events | None = None
    evaluations: int = 0
    error: float | None = None


@dataclass(frozen=True)
class Past:
    """The state before the one a run starts from, and the dt between the two."""

    state: Species
    dt: float


class Scheme(ABC):
    """A time scheme. ``order`` is its declared order of accuracy in dt.

    ``init`` refuses what the scheme does not accept, before any work, and returns what the first step needs apart from
    the state; ``step`` returns the next state, what the next step needs, and a StepInfo. A run that is continued hands the
    past to ``init``. A scheme with ``looks_back`` needs more than the last state; one with ``chooses_dt`` may take a smaller
    step than it is asked for, and says so; one that is ``exact_in_time`` has no error in dt, and ``order`` inf. A law of
    drifts is handed in its gradient form, where it has one, to a scheme that ``needs_energy``.
    """

    order: ClassVar[float]
    looks_back: ClassVar[bool] = False
    chooses_dt: ClassVar[bool] = False
    exact_in_time: ClassVar[bool] = False
    needs_energy: ClassVar[bool] = True

    @abstractmethod
    def filled_in(self, law: Law, state: Species) -> Scheme:
        """The same scheme with every default filled in for this law and state."""

    @abstractmethod
    def init(self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], past: Past | None = None) -> Any:
        """Check the problem; return the carry of the first step."""

    @abstractmethod
    def step(
        self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], carry: Any
    ) -> tuple[Species, Any, StepInfo]:
        """One step of size tau."""
