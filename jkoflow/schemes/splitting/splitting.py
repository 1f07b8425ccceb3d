"""Motion, growth and doors for particles, split from the gradient flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ..._frozen import FrozenMapping
from ..._status import Status
from ...laws import Combination, Entry, Law, LawForms
from ...laws.forms import Bound, Carrying, Reacting
from ...measures import Density, Species, State
from ...proximal import FiniteVolume
from ...proximal.grids import NoRoom
from .._step_scheme import StepScheme
from ..base import Carry, Scheme, StepInfo, Taken
from ..carried import PRESSURE
from ..problem import Problem
from .advection import LostPaths, Maps, carried, must_be_carried, total_velocity
from .growth import BlowUp, NoRate, NoSteps, feels_pressure, grown, must_grow
from .leaving import NUMBERS, is_empty, left, must_let_out, numbered, outflow_of, present, with_numbers

_STATUSES: dict[type[BaseException], Status] = {
    BlowUp: Status.BLEW_UP,
    LostPaths: Status.NOT_FINITE,
    NoRate: Status.NOT_FINITE,
    NoRoom: Status.INFEASIBLE,
    NoSteps: Status.DT_TOO_SMALL,
}


@dataclass(frozen=True)
class Splitting(Scheme):
    """Advection, Growth, and Exit on particles, beside any scheme for the rest of the law.

    A step of dt is

    1. half a step along the velocity fields, then half a step of growth;
    2. a step of ``scheme`` for the rest of the law;
    3. half a step of growth, then half a step along the velocity fields;
    4. particles that came into the region of an Exit leave.

    This is Strang's splitting: its order is 2, or that of ``scheme`` if that is less. A law without other terms has no error
    in time, but for that of advection beside growth.

    * Particles and quantiles follow the paths of the velocity. The paths are solved to rounding.
    * A Density is pulled back through the paths, cell by cell. Mass is kept to rounding, the density stays non-negative, and
      the error is of second order in the cells. The cells that a step moves are computed once if the field is steady.
    * If a species grows under a bound, the step of ``scheme`` is the one that is halved: half of it, growth for dt, the other
      half. So the bound holds at the end, if ``scheme`` keeps it, as JKO does, and no Advection comes after. Growth beyond the
      room ends the run with the status INFEASIBLE.
    * Growth is solved in every cell to rounding: exactly where rates are numbers. A density that becomes infinite ends the run
      with the status BLEW_UP, a rate of -inf with NOT_FINITE; the time is logged. A rate that jumps to and fro, such as a
      threshold that holds a density, ends it with DT_TOO_SMALL: make it steep, but continuous.
    * Particles leave at the time at which they came in on the straight way of the step. ``flow.departures`` tells the times,
      places and numbers. They act on others up to the end of the step, which is an error of order 1 in dt. Noise comes to a
      door between the steps too: with ``Langevin`` the error is of order 1/2. A species of which nothing is left goes on as
      an empty one.

    The energy is that of ``scheme``, for the rest of the law. Growth and motion may raise it. The dissipation is not told
    (NaN), so ``Steady`` never ends a run.
    ``distances`` are those of the whole step for points. On a Density the way along the velocity field is added to that of
    ``scheme``.

    Parameters
    ----------
    scheme : Scheme
        Any scheme with steps of a given size that looks at the last state only, such as JKO().

    Raises ValueError for a velocity that goes through walls, obstacles and doors beside Advection, and measures that are not
    carried, or whose masses are fixed.

    Source: Strang (1968); Gallouet and Monsaingeon, A JKO splitting scheme for Kantorovich-Fisher-Rao gradient flows (2017).

    >>> import numpy as np, jkoflow as jf
    >>> law = jf.Entropy() + jf.Growth(lambda rho: 1 - rho)                                  # Fisher's equation
    >>> rho = jf.Grid.box((0, 40), cells=200).density(lambda x: (1 + np.exp((x - 15) / 6**0.5)) ** -2.0, mass=None)
    >>> flow = jf.evolve(law, rho, scheme=Splitting(jf.JKO()), dt=0.1, t_end=2.0)
    >>> bool(abs((flow.final.mass - rho.mass) / 2.0 - 5 / 6**0.5) < 0.03)                    # the speed of its front
    True
    """

    scheme: Scheme
    needs_energy: ClassVar[bool] = False
    takes_outer: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.scheme, Scheme) or self.scheme.chooses_dt or self.scheme.takes_outer:
            raise ValueError(f"scheme must be one with steps of a given size, such as JKO(), got {self.scheme!r}")
        if self.scheme.looks_back:
            raise ValueError(f"scheme must look at the last state only, got {self.scheme!r}: take JKO() or ImplicitMidpoint()")

    @property
    def order(self) -> float:  # type: ignore[override]
        """2, or the order of the scheme within if that is less."""
        return min(2.0, self.scheme.order)

    @property
    def takes_fields(self) -> bool:  # type: ignore[override]
        """Whether the scheme within moves fields."""
        return self.scheme.takes_fields

    def filled_in(self, law: Law, state: Species) -> Splitting:
        within = law.inner_on(state.kind)
        if not within.terms or is_empty(state):
            return self
        scheme = self.scheme
        pressed = any(feels_pressure(entry, state) for entry in law.forms.each(Reacting))
        if pressed and isinstance(scheme, StepScheme) and scheme.solver is None:
            scheme = replace(scheme, solver=FiniteVolume())
        return replace(self, scheme=scheme.filled_in(within, state))

    def energy(self, problem: Problem, state: State) -> float:
        return self.scheme.energy(self._within(problem, state.masses), state)

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        if not _lets_out(problem, state.masses):
            return self._begin(problem, state, dt, carry)
        must_let_out(problem.law.forms, state.masses)
        held = present(state)
        begun = {} if is_empty(held.masses) else self._begin(_of(problem, held.masses), held, dt, carry)
        return {**begun, **with_numbers(numbered(held.masses, carry))}

    def _begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        forms = problem.law.forms
        must_grow(forms.each(Reacting), state.masses, state.time)
        growing = {entry.form.species for entry in forms.each(Reacting)}
        for entry in forms.each(Reacting):
            if feels_pressure(entry, state.masses) and not (
                self.scheme.tells_pressure and entry.form.species in _bounded(forms)
            ):
                raise ValueError(
                    f"{entry.term!r} needs the pressure of a bound on its species, Congestion, from every solver of the "
                    f"scheme, as Splitting(JKO(FiniteVolume())) tells it, got {self!r}"
                )
        for coupling in forms.couplings:
            if coupling.form.must_be_neutral and growing & set(coupling.form.charges):
                raise ValueError(
                    f"{coupling.term!r} needs a total charge of 0, and Growth changes it: take boundary='dirichlet'"
                )
        for name, entries in _by_species(problem.law).items():
            closed = [entry.term for entry in forms.obstacles] + [entry.term for entry in forms.openings]
            if closed and not _lets_out(problem, state.masses):
                raise ValueError(f"Advection carries mass into {closed[0]!r}: leave one of them out")
            must_be_carried(state.masses[name], total_velocity(entries), state.time, name)
        within = self._within(problem, state.masses)
        begun = self.scheme.begin(within, state, dt, carry) if within.law.terms else {}
        return {**begun, **{name: array for name, array in carry.items() if name.startswith(PRESSURE)}}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        if not _lets_out(problem, state.masses):
            return self._step(problem, state, dt, carry)
        held, nothing = present(state), dict.fromkeys(state.masses, 0.0)
        if is_empty(held.masses):
            places = Species({name: measure.places for name, measure in state.masses.items()})
            fields = problem.forms.signals.after(state.fields, dt, places, places)
            return Taken(state.after(dt, state.masses, fields), carry, StepInfo(nothing, Status.CONVERGED))
        numbers, of_held = numbered(held.masses, carry), _of(problem, held.masses)
        taken = self._step(of_held, held, dt, {name: a for name, a in carry.items() if not name.startswith(NUMBERS)})
        info = replace(taken.info, distances=nothing | dict(taken.info.distances))
        if not info.status.ok:
            return Taken(state.after(dt, state.masses), {}, info)
        before, inner = taken.state, taken.carry
        departures, staying = left(of_held.law.forms.openings, held.masses, before.masses, numbers, dt)
        moved = rest = State(Species({**state.masses, **before.masses}), before.fields, before.time)
        if len(departures):
            remaining = {name: measure.chosen(staying[name]) for name, measure in before.masses.items()}
            rest = replace(moved, masses=Species({**state.masses, **remaining}))
            inner = self.scheme.carry_of_the_rest(inner, before.masses, staying) if inner else {}
            numbers = {name: numbers[name][staying[name]] for name in numbers}
            energy_out = self.energy(problem, moved) - self.energy(problem, rest)
            info = replace(info, outflow=outflow_of(departures), energy_out=energy_out, departures=departures)
        return Taken(rest, {**inner, **with_numbers(numbers)}, info)

    def _step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        """A step without departures."""
        growth, start, end = problem.law.forms.each(Reacting), state.time, state.time + dt
        outer = bool({entry.form.species for entry in growth} & _bounded(problem.law.forms))
        try:
            moved = State(self._carried(problem, state.masses, start, dt / 2), state.fields, start)
            if outer:
                taken = self._within_around_growth(problem, growth, moved, dt, carry)
            else:
                grown_first = moved.after(0.0, _grown(growth, moved.masses, start, start + dt / 2, carry))
                taken = self._step_within(problem, grown_first, dt, carry)
            if not taken.info.status.ok:
                return Taken(state.after(dt, state.masses), {}, taken.info)
            last = taken.state.masses if outer else _grown(growth, taken.state.masses, start + dt / 2, end, taken.carry)
            last = self._carried(problem, last, start + dt / 2, dt / 2)
        except tuple(_STATUSES) as reason:
            status = _STATUSES[type(reason)]
            return Taken(state.after(dt, state.masses), {}, StepInfo(dict.fromkeys(state.masses, 0.0), status))
        distances = self._ways(problem, state, taken.info.distances, last, dt)
        info = replace(taken.info, distances=distances, dissipation=float("nan"))
        return Taken(replace(taken.state, masses=last), taken.carry, info)

    def _step_within(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        """A step of the scheme for the rest of the law; nothing if there is none."""
        within = self._within(problem, state.masses)
        if not within.law.terms:
            still = StepInfo(dict.fromkeys(state.masses, 0.0), Status.CONVERGED)
            return Taken(state.after(dt, state.masses), carry, still)
        return self.scheme.step(within, state, dt, carry)

    def _within_around_growth(
        self, problem: Problem, growth: Sequence[Entry[Reacting]], state: State, dt: float, carry: Carry
    ) -> Taken:
        """Half a step within, growth for dt, and half a step within: so that a bound holds at the end.

        What has grown is pressed out in the second half. So the pressure is the mean of those of both halves.
        """
        first = self._step_within(problem, state, dt / 2, carry)
        if not first.info.status.ok:
            return first
        now = first.state
        means = {name: (array + carry.get(name, 0.0)) / 2 for name, array in first.carry.items() if name.startswith(PRESSURE)}
        grown_now = now.after(0.0, _grown(growth, now.masses, state.time, state.time + dt, means), now.fields)
        last = self._step_within(problem, grown_now, dt / 2, first.carry)
        return Taken(last.state, last.carry, _joined(first.info, last.info))

    def _ways(
        self, problem: Problem, before: State, within: Mapping[str, float], after: Species, dt: float
    ) -> dict[str, float]:
        """How far every species came. On a Density it is the sum of the way with the velocity field and the way within."""
        ways = dict(within)
        for name, entries in _by_species(problem.law).items():
            measure = before.masses[name]
            if isinstance(measure, Density):
                v = total_velocity(entries)(measure.points.reshape(len(measure.masses), -1), before.time)
                ways[name] += dt * float(np.sqrt(measure.masses @ (v**2).sum(axis=1)))
            else:
                ways[name] = after[name].moved_from(measure)
        return ways

    def _within(self, problem: Problem, masses: Species) -> Problem:
        """The problem of the rest of the law."""
        within = Problem(problem.law.inner_on(masses.kind), problem.mobility)
        return within.in_gradient_form() if self.scheme.needs_energy else within

    def _carried(self, problem: Problem, masses: Species, start: float, length: float) -> Species:
        fields = _by_species(problem.law)
        if not fields:
            return masses
        kept = problem.law.forms.once("the cells moved by steady velocity fields", dict[str, Maps])
        moved = dict(masses)
        for name, entries in fields.items():
            steady = not any(entry.term.depends_on_time for entry in entries)
            maps = kept.setdefault(name, {}) if steady else None
            velocity = total_velocity(entries)
            for time in () if steady else (start, start + length / 2, start + length):
                must_be_carried(masses[name], velocity, time, name)
            moved[name] = carried(masses[name], velocity, start, length, maps)
        return Species(moved)


def _lets_out(problem: Problem, masses: Species) -> bool:
    """True if points leave through doors."""
    return any(entry.form.is_outer_on(masses.kind) for entry in problem.law.forms.openings)


def _of(problem: Problem, masses: Species) -> Problem:
    """The problem of some of the species alone: itself if they are all. Where a species has left, its terms are 0."""
    if len(masses) == len(problem.mobility):
        return problem

    def rest() -> Law:
        entries = problem.law.forms.entries
        return Combination(tuple((e.factor, e.term) for e in entries if set(e.term.involves) <= set(masses)))

    law = problem.law.forms.once(("the terms of", *masses), rest)
    return Problem(law, FrozenMapping({name: problem.mobility[name] for name in masses}))


def _joined(first: StepInfo, last: StepInfo) -> StepInfo:
    """What is told of two steps, one after the other."""
    gone = {name: dict(doors) for name, doors in first.outflow.items()}
    for name, doors in last.outflow.items():
        of_both = gone.setdefault(name, {})
        for door, mass in doors.items():
            of_both[door] = of_both.get(door, 0.0) + mass
    return replace(
        last,
        distances={name: way + last.distances[name] for name, way in first.distances.items()},
        iterations=first.iterations + last.iterations,
        residual=max(first.residual, last.residual),
        evaluations=first.evaluations + last.evaluations,
        outflow=gone,
        energy_out=first.energy_out + last.energy_out,
    )


def _grown(entries: Sequence[Entry[Reacting]], masses: Species, start: float, end: float, carry: Carry) -> Species:
    """The masses after some terms of growth, at the pressures of the last step."""
    pressures = {name.removeprefix(PRESSURE): array for name, array in carry.items() if name.startswith(PRESSURE)}
    return grown(entries, masses, start, end, pressures) if entries else masses


def _bounded(forms: LawForms) -> set[str]:
    """The species under a bound."""
    shared = {name for e in forms.shared if isinstance(e.form.of_sum, Bound) for name in e.form.weights}
    return shared | {entry.form.species for entry in forms.bounds}


def _by_species(law: Law) -> Mapping[str, Any]:
    """The velocity fields of every species that has some."""
    entries = law.forms.each(Carrying)
    names = dict.fromkeys(entry.form.species for entry in entries)
    return {name: [entry for entry in entries if entry.form.species == name] for name in names}
