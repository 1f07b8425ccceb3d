"""The base class of time schemes, and what a scheme tells of a step."""

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
    """What a scheme tells of one step. Every attribute means the same whatever the scheme.

    Attributes
    ----------
    distances : mapping of float
        How far each species moved, a length: (int |S(x) - x|^2 d rho)^(1/2), where S is the map that the step followed. If S
        is optimal, as in JKO steps, this is W2. Otherwise it is at least W2.
    status : Status
        Whether the step was solved, and what happened if it was not.
    iterations : int
        The iterations of the step solver, added up over all the problems that it solved. 0 for a scheme without a solver.
    residual : float
        The largest residual that the step solver left, in the unit that the solver documents. 0 for a scheme without a solver.
    dt, next_dt : float or None
        The size of the step taken and the size proposed for the next one, if the scheme chooses dt.
    events : Events or None
        What happened during the step, in times from the start of the step, if the scheme follows events.
    evaluations : int
        The evaluations of the velocity, if the scheme integrates the velocity. 0 otherwise.
    error : float or None
        The error of this step in time, a length, if the scheme estimates or bounds it.
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
    """The state before the one from which a run starts, and the dt between the two."""

    state: Species
    dt: float


class Scheme(ABC):
    """A time scheme: a rule that takes a state to the next one.

    A subclass defines three methods:

    * ``filled_in`` returns the scheme with its defaults filled in for a law and a state.
    * ``init`` refuses what the scheme does not accept, before any work. It returns the carry: what the first step needs apart
      from the state. If a run is continued, ``init`` gets the past of that run.
    * ``step`` returns the next state, the carry of the step after it, and a StepInfo.

    Class attributes tell what a run must know of the scheme:

    * ``order`` is the declared order of accuracy in dt.
    * ``looks_back``: the scheme needs more than the last state.
    * ``chooses_dt``: the scheme may take a smaller step than it is asked for. ``StepInfo.dt`` then says which.
    * ``exact_in_time``: the scheme has no error in dt. Its ``order`` is inf.
    * ``needs_energy``: a law of drifts is handed to the scheme in its gradient form, if the law has one.
    """

    order: ClassVar[float]
    looks_back: ClassVar[bool] = False
    chooses_dt: ClassVar[bool] = False
    exact_in_time: ClassVar[bool] = False
    needs_energy: ClassVar[bool] = True

    @abstractmethod
    def filled_in(self, law: Law, state: Species) -> Scheme:
        """Return the same scheme with every default filled in for this law and state."""

    @abstractmethod
    def init(self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], past: Past | None = None) -> Any:
        """Check the problem, and return the carry of the first step. Raises ValueError for what the scheme does not accept."""

    @abstractmethod
    def step(
        self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], carry: Any
    ) -> tuple[Species, Any, StepInfo]:
        """Take one step of size tau. Return the next state, the carry of the step after it, and a StepInfo."""
