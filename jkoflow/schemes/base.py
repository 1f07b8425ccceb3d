"""The contract of time schemes, and what a scheme tells of a step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._status import Status
from .._typing import Indices
from ..clouds import Departures
from ..laws import Law
from ..measures import Species, State
from ..ordered import Events
from .problem import Problem

Carry: TypeAlias = Mapping[str, NDArray[Any]]
"""What the next step needs beyond the state: arrays of numbers by name."""


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
    dissipation : float
        The rate at which the motion lowers the energy, an energy per time: sum_i alpha_i int |grad dE/d rho_i|^2 d rho_i at the
        new state, or the approximation of it that the scheme documents. NaN if the scheme does not tell.
    dt : float or None
        The size of the step taken, if the scheme chooses dt.
    events : Events or None
        What happened during the step, in times from the start of the step, if the scheme follows events.
    evaluations : int
        The evaluations of the velocity, if the scheme integrates the velocity. 0 otherwise.
    error : float or None
        The error of this step in time, a length, if the scheme estimates or bounds it.
    solver : str
        The name of the step solver that solved the step. Empty for a scheme without a solver.
    outflow : mapping
        By species, the mass that left through every door, by its name; what entered counts negative. Empty without doors.
    energy_out : float
        The energy that went through the doors with the mass, NaN where it is infinite (see ``ProxResult``).
    departures : Departures or None
        The particles that left through doors, in times from the start of the step; None if none did.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> info = jf.evolve(jf.Entropy(), rho, dt=0.1, t_end=0.1).infos[0]
    >>> info.status.name, info.solver, bool(info.distances[""] > 0)
    ('CONVERGED', 'BackAndForth', True)
    """

    distances: Mapping[str, float]
    status: Status
    iterations: int = 0
    residual: float = 0.0
    dissipation: float = float("nan")
    dt: float | None = None
    events: Events | None = None
    evaluations: int = 0
    error: float | None = None
    solver: str = ""
    outflow: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    energy_out: float = 0.0
    departures: Departures | None = None


class Taken(NamedTuple):
    """The answer of a scheme to one step.

    >>> import jkoflow as jf
    >>> state = jf.State(jf.Quantiles([0.0, 1.0]))
    >>> Taken(state.after(0.1, state.masses), {}, jf.StepInfo({"": 0.0}, jf.Status.CONVERGED)).state.time
    0.1
    """

    state: State
    """The state after the step, at its time."""
    carry: Carry
    """What the step after it needs beyond the state."""
    info: StepInfo
    """What the scheme tells of the step."""


class Scheme(ABC):
    """A time scheme: a rule that takes a state to the next one.

    A subclass defines two methods:

    * ``begin`` refuses what the scheme does not accept, before any work. It returns the carry of the first step. If a run is
      continued, ``begin`` gets the carry with which that run ended, else an empty one.
    * ``step`` returns the next state, the carry of the step after it, and a StepInfo, as ``Taken``.

    The carry is a flat mapping from names to arrays: all that the next step needs beyond the state. It is saved with the
    trajectory. So a scheme that keeps nothing anywhere else continues a run to the last bit. Random numbers come from a seed
    and a counter in the carry.

    A subclass may define ``filled_in``, which returns the scheme with its defaults filled in for a law and a state; and
    ``carry_of_the_rest``, if its carry has arrays over particles that it cannot do without after some have left.

    Class attributes tell what a run must know of the scheme:

    * ``order`` is the declared order of accuracy in dt.
    * ``looks_back``: the scheme needs more than the last state to keep its order.
    * ``chooses_dt``: the scheme may take a step of another size than it is asked for. ``StepInfo.dt`` then says which, and the
      carry holds the size proposed for the next step, an array of one number under the name ``dt``.
    * ``exact_in_time``: the scheme has no error in dt. Its ``order`` is inf.
    * ``needs_energy``: a law of drifts is handed to the scheme in its gradient form, if the law has one.
    * ``takes_fields``: the scheme moves the fields of a law too. A law with fields is refused otherwise.
    * ``takes_outer``: the scheme takes Advection, Growth, and Exit on particles. A law with such terms is refused otherwise.
    * ``tells_pressure``: the carry holds the pressures of the step, where its solver tells them (see ``ProxResult``).

    >>> import jkoflow as jf
    >>> jf.JKO().order, jf.BDF2().order, isinstance(jf.JKO(), Scheme)
    (1, 2, True)
    """

    order: ClassVar[float]
    looks_back: ClassVar[bool] = False
    chooses_dt: ClassVar[bool] = False
    exact_in_time: ClassVar[bool] = False
    needs_energy: ClassVar[bool] = True
    takes_fields: ClassVar[bool] = False
    takes_outer: ClassVar[bool] = False
    tells_pressure: ClassVar[bool] = False

    def filled_in(self, law: Law, state: Species) -> Scheme:
        """Return the same scheme with every default filled in for this law and state."""
        return self

    @abstractmethod
    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        """Check the problem, and return the carry of the first step. Raises ValueError for what the scheme does not accept."""

    @abstractmethod
    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        """Take one step of size dt."""

    def carry_of_the_rest(self, carry: Carry, before: Species, staying: Mapping[str, Indices]) -> Carry:
        """Return the carry after particles have left through doors, which is empty if ``step`` begins anew without one.

        ``before`` are the masses before they left, ``staying`` has the numbers in them of those that stay, by species.
        """
        return {}

    def energy(self, problem: Problem, state: State) -> float:
        """Return the energy that the scheme lowers, at a state: that of the law at its time. NaN if there is none."""
        law = problem.law.at(state.time)
        if not law.has_energy:
            return float("nan")
        return law(state) if law.field_names else law(state.masses)  # type: ignore[arg-type]


def chord_dissipation(distances: Mapping[str, float], mobilities: Mapping[str, float], dt: float) -> float:
    """Return sum_i distance_i^2 / (alpha_i dt^2), an energy per time.

    For the exact JKO step it is sum_i alpha_i int |grad dE/d rho_i|^2 d rho_i at the new state
    (docs/theory/poisson-nernst-planck.md, section 2.5). For other steps it is the mean over the step, to the first order in dt.
    """
    return float(np.sum([distance**2 / (mobilities[name] * dt**2) for name, distance in distances.items()]))
