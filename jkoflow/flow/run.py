"""A run that was checked: an iterator over its steps."""

from __future__ import annotations

import re
import time as clock
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isnan, nan
from typing import Any
from uuid import uuid4

import numpy as np

from .._status import Status, warn
from .._validate import finite, positive
from .._version import VERSION
from ..laws import Law
from ..measures import Measure, Species, State
from ..schemes import JKO, Carry, Mobility, Problem, Scheme, StepInfo, Taken
from ..storage.fingerprints import code_of
from ..trajectory import RunDescription, Step, Trajectory
from .clock import ChosenSteps, EqualSteps, Start

_DEFAULT_STEPS = 100  # equal steps of a scheme that is exact in time, if no dt is given


@dataclass(frozen=True)
class Beginning:
    """Where a run starts: a state, or a trajectory to be continued."""

    state: State
    before: Trajectory | None = None

    @classmethod
    def of(cls, state: Measure | Species | State | Trajectory) -> Beginning:
        """Return the start of a run. Raises ValueError for the trajectory of one species alone."""
        if not isinstance(state, Trajectory):
            return cls(State.of(state))
        if state.selected is not None:
            raise ValueError(f"state must be a whole trajectory to be continued, got that of species {state.selected!r} alone")
        return cls(state.state(-1), state)

    @property
    def carry(self) -> Carry:
        """The carry with which the trajectory ended; an empty one for a new run."""
        return {} if self.before is None else self.before.carry

    @property
    def start(self) -> Start:
        """The number and the time of the first and of the last step so far."""
        if self.before is None:
            return Start(self.state.time, self.state.time, 0, np.zeros(1), np.zeros(0))
        record = self.before.record
        numbers = record.numbers
        return Start(record.description.start_time, self.state.time, record.first + len(record), numbers.times, numbers.dts)


class Run:
    """A checked run: iterating over it takes the steps.

    Raises ValueError, before any work, for what the law, the scheme or the clock does not accept, and for a trajectory that is
    continued with another law, scheme or mobility.
    """

    def __init__(
        self,
        law: Law,
        beginning: Beginning,
        scheme: Scheme | None,
        dt: float | None,
        t_end: float,
        mobility: Mapping[str, Mobility] | None,
    ) -> None:
        if not isinstance(law, Law):
            raise ValueError(f"law must be an energy, a drift or a sum of them, got {type(law).__name__}")
        if scheme is None and beginning.before is not None:
            _must_be_jko(beginning.before.record.description.scheme)
        scheme = JKO() if scheme is None else scheme
        if not isinstance(scheme, Scheme):
            raise ValueError(f"scheme must be a Scheme such as JKO(), got {scheme!r}")
        code = code_of(law)  # before anything is evaluated: objects may count their calls
        self.beginning, self.state = beginning, beginning.state
        before = None if beginning.before is None else beginning.before.record.description
        if beginning.before is not None and len(beginning.before) > 1 and not beginning.before.record.numbers.solved[-1]:
            raise ValueError(
                "state must be a trajectory whose last step was solved: start a new run from the state before, "
                "jkoflow.State(flow[-2], time=flow.times[-2])"
            )
        t_end = finite("t_end", t_end)
        dt = positive("dt", self._default_dt(scheme, t_end, before) if dt is None else dt)
        law.check(self.state.masses)
        law.forms.signals.check(self.state.fields, self.state.masses)
        if law.field_names and not scheme.takes_fields:
            names = ", ".join(map(repr, law.field_names))
            outside = law.outer_on(self.state.masses.kind) is not None
            within = ", each within Splitting(...)" if outside else ""
            raise ValueError(
                f"{scheme!r} does not move fields, and the law has {names}: take JKO, ImplicitMidpoint or Alternating on "
                f"Density and Quantiles, Overdamped on Particles, Inertial on MovingParticles{within}"
            )
        outer = law.outer_on(self.state.masses.kind)
        if outer is not None and not scheme.takes_outer:
            inside = "a scheme with a fixed dt" if scheme.chooses_dt else repr(scheme)
            raise ValueError(f"{type(scheme).__name__} does not take {outer!r}: take Splitting({inside})")
        empty = [name for name, measure in self.state.masses.items() if not len(measure.masses)]
        if empty and not law.forms.openings:
            raise ValueError(f"state must hold particles, and species {empty[0]!r} has none")
        problem = Problem.of(law, self.state.masses, _mobility_again(mobility, before))
        given = {name: None if callable(alpha) else alpha for name, alpha in problem.mobility.items()}
        self.problem = problem.in_gradient_form() if scheme.needs_energy else problem
        self.scheme = self._filled_in(scheme, before)
        if before is not None:
            _must_be_the_same("law", in_words(law), before.law)
            _must_be_the_same("scheme", in_words(self.scheme), before.scheme)
            _must_be_the_same("mobility", given, dict(before.given))
            _warn_of_other_code(code, before.code)
        self.clock = (ChosenSteps if scheme.chooses_dt else EqualSteps)(beginning.start, dt, t_end, beginning.carry)
        self.carry = checked_carry(self.scheme.begin(self.problem, self.state, self.clock.propose(), beginning.carry), "begin")
        self.first_energy = self.scheme.energy(self.problem, self.state)
        self.description = before or RunDescription(
            law=in_words(law),
            scheme=in_words(self.scheme),
            mobilities=dict(self.problem.mobilities_at(self.state.time)),
            given=given,
            dt=dt,
            start_time=self.state.time,
            version=VERSION,
            run=uuid4().hex,
            code=code,
        )

    def _filled_in(self, scheme: Scheme, before: RunDescription | None) -> Scheme:
        """The scheme with its defaults: those of the run that is continued, whose first state may ask for others."""
        now = scheme.filled_in(self.problem.law.at(self.state.time), self.state.masses)
        if before is None or in_words(now) == before.scheme or self.beginning.before is None:
            return now
        first = self.beginning.before.state(0)
        return scheme.filled_in(self.problem.law.at(first.time), first.masses)

    def _default_dt(self, scheme: Scheme, t_end: float, before: RunDescription | None) -> float:
        """The dt of the run that is continued; of a scheme that is exact in time a hundredth of the time to t_end."""
        if before is not None:
            return before.dt
        if not scheme.exact_in_time:
            raise ValueError(f"dt must be given for {type(scheme).__name__}, whose error depends on it, got None")
        now = self.state.time
        if t_end <= now:
            raise ValueError(f"t_end must lie after the start t = {now:g}, got {t_end!r}")
        return (t_end - now) / _DEFAULT_STEPS

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps. A step that is not solved is yielded too, and is the last."""
        state, carry, energy, started = self.state, self.carry, self.first_energy, clock.perf_counter()
        before = self.beginning.before
        largest = 0.0 if before is None else before.record.largest_dissipation
        while self.clock.running:
            taken = self.scheme.step(self.problem, state, self.clock.propose(), carry)
            taken = _checked_answer(taken)
            taken = taken._replace(carry=self.clock.with_whole_proposal(taken.carry))
            index, time, dt = self.clock.advance(taken.info, taken.carry)
            reached = State(taken.state.masses, taken.state.fields, time)  # the clock adds up no rounding
            after = self.scheme.energy(self.problem, reached)
            largest = float(np.fmax(largest, taken.info.dissipation))
            step = Step(
                index=index,
                dt=dt,
                energy=after,
                info=taken.info,
                distance=self._distance(taken.info.distances, time),
                work=self._work(state, energy, reached, after),
                largest_dissipation=largest,
                elapsed=clock.perf_counter() - started,
                reached=reached,
                carry=taken.carry,
                before=state,
                energy_before=energy,
                description=self.description,
            )
            state, carry, energy = reached, taken.carry, after
            yield step
            if not taken.info.status.ok:
                return

    def _distance(self, distances: Mapping[str, float], time: float) -> float:
        """The product distance, for one species W2."""
        if len(distances) == 1:
            return next(iter(distances.values()))
        alpha = self.problem.mobilities_at(time)
        return float(sum(distance**2 / alpha[name] for name, distance in distances.items()) ** 0.5)

    def _work(self, before: State, energy: float, reached: State, after: float) -> float:
        """The energy that the change of the law and of the mobilities in time adds.

        It is taken at the state before the step, and for schemes of order 2 and more it is the mean of those at both states.
        """
        if self.problem.constant:
            return 0.0
        if isnan(energy):
            return nan
        work = self.scheme.energy(self.problem, State(before.masses, before.fields, reached.time)) - energy
        if self.scheme.order < 2:
            return work
        return (work + after - self.scheme.energy(self.problem, State(reached.masses, reached.fields, before.time))) / 2


def checked_carry(carry: Any, where: str) -> Carry:
    """Return what a scheme carries, with arrays that cannot be changed. Raises ValueError for anything but arrays by name."""
    if not isinstance(carry, Mapping) or not all(isinstance(name, str) for name in carry):
        raise ValueError(f"{where} must return the carry as a mapping from names to arrays, got {type(carry).__name__}")
    arrays = {}
    for name, values in carry.items():
        array = np.asarray(values)
        if array.dtype.kind not in "fiubc":
            raise ValueError(f"carry {name!r} must be an array of numbers, got {type(values).__name__}: {where} cannot keep it")
        if array.flags.writeable:
            array = array.copy()
            array.setflags(write=False)
        arrays[name] = array
    return arrays


def _checked_answer(taken: Any) -> Taken:
    """Return the answer of a scheme to a step. Raises ValueError for anything but Taken(State, carry, StepInfo)."""
    parts = isinstance(taken, Taken) and isinstance(taken.state, State) and isinstance(taken.info, StepInfo)
    if not parts or not isinstance(taken.info.distances, Mapping) or not isinstance(taken.info.status, Status):
        raise ValueError(
            "step must return Taken(State, carry, StepInfo), with the distances of StepInfo by species and a Status, got "
            f"{taken!r:.80}"
        )
    return taken._replace(carry=checked_carry(taken.carry, "step"))


def in_words(thing: object) -> str:
    """Return the repr without addresses in memory, which are others in every process."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(thing))


def _mobility_again(mobility: Mapping[str, Mobility] | None, before: RunDescription | None) -> Mapping[str, Mobility] | None:
    """The mobilities given; if none are given, those of the run that is continued."""
    if mobility is not None or before is None:
        return mobility
    functions = [name for name, alpha in before.given.items() if alpha is None]
    if functions:
        raise ValueError(f"mobility of {functions[0]!r} was a function of the time, which is not stored: give it again")
    return {name: alpha for name, alpha in before.given.items() if alpha is not None}


def _warn_of_other_code(now: str, before: str) -> None:
    """Warn if functions or arrays of one name are others, as far as that can be told: between runs of one Python."""
    if before and now.split()[0] == before.split()[0] and now != before:
        warn(
            "the functions or arrays of the law are not those with which the run began, though they have the same names: the "
            "energies are one sequence only if they mean the same. Start a new run from flow.final for another law"
        )


def _must_be_jko(before: str) -> None:
    """Raise ValueError if the run that is continued without a scheme had another than the default one."""
    if not before.startswith("JKO("):
        raise ValueError(
            f"scheme must be that of the run that is continued, {before}, got None: pass scheme= as the run had it, or start a "
            "new one from flow.final"
        )


def _must_be_the_same(what: str, now: object, before: object) -> None:
    if now != before:
        raise ValueError(
            f"{what} must be that of the run that is continued, {before}, got {now}: energies of different runs are no "
            "sequence, so start a new one from flow.final"
        )
