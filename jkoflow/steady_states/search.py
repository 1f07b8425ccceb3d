"""Steady states of laws with doors, reservoirs and electrodes: mass may flow for ever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from .._frozen import FrozenMapping
from .._status import Status
from .._typing import Array
from .._validate import of_kind, positive, positive_integer
from ..laws import Law, State
from ..laws.electrostatics import charge_density, psi_of_charge
from ..measures import Density, Measure, Species, complete_mobilities
from ..proximal import FiniteVolume, ProximalStep
from ..proximal.grids.finite_volume import (
    Factors,
    FiniteVolumeStep,
    SteadyEquations,
    Trial,
    correction,
    first_search,
    newton_search,
    outflow,
    positive_part,
    rounding_of_outflow,
)
from .barriers import slowest_rate
from .stability import growth_rate

_RESIDUAL = 1e-9  # of the equations, before corrections are looked at one by one
_DIRECT, _DETOURS = 40, 40  # iterations of Newton's method from one start; times those of a step by FiniteVolume it may take
_SLOW = 0.5  # of a correction over the one before: above, rounding is reached
_DROWNED = 1e-16  # of the rates: a slower one is not seen
_BALANCE = 1e-7  # of what leaves and enters, and of the energy
_FIRST, _LONG, _LONGER = 1e-2, 1e5, 10.0  # diffusion times: the first and the longest step along the flow; from one to the next
_SHORTEST, _WAITED = 1e-8, 12  # diffusion times, below which it fails; the number of longest steps
_NEAR = 0.02  # of the mass: what a step, or Newton's method, may move where there may be several steady states
_SHORT, _LEFT = 0.3, 3.0  # of the time in which what grows does so e-fold; times _NEAR: away from a state that is not stable
_FOR_EVER = 1e200  # the length of a step whose equations are those of a steady state


@dataclass(frozen=True, eq=False)
class SteadyState:
    """A state that its law leaves as it is, with the mass that flows through it.

    Attributes
    ----------
    state : Measure or Species
        The state: the one measure of a state without names, else all species.
    fluxes : mapping of tuples
        By species, one array per axis: the mass per area and time through every face across the axis, shape n + 1 along it.
        They count positive towards larger coordinates. On a torus the last face along an axis is the first one, and 0 here.
    outflow : mapping of mappings
        By species and name of a door, the mass per time that leaves; what enters counts negative.
    rounding : mapping of float
        By species, what rounding may leave of its outflow: a share of 1e-15 of the flows in both directions at the doors. A
        smaller outflow says nothing.
    currents : mapping of float
        By name of a door, the charge per time that leaves: the sum of z_i times the outflow. Empty without a DirichletCoupling.
    potential : array of the grid's shape
        psi; 0 without a DirichletCoupling.
    status : Status
    iterations : int
        Those of Newton's method.
    residual : float
        How far the state is from the solution, by the last correction: the L1 norm over the mass, the largest over the species.

    >>> import jkoflow as jf
    >>> grid = jf.Grid.box((-0.1, 1.1), cells=24)
    >>> ends = jf.Reservoir(lambda x: x < 0, 2.0, name="left") + jf.Reservoir(lambda x: x > 1, 1.0, name="right")
    >>> end = jf.steady(jf.Entropy() + ends, grid.density(lambda x: 1.0 * (x > 0) * (x < 1)))
    >>> end.status.ok, round(end.outflow[""]["right"], 9)
    (True, 1.0)
    """

    state: Measure | Species
    fluxes: Mapping[str, tuple[Array, ...]]
    outflow: Mapping[str, Mapping[str, float]]
    rounding: Mapping[str, float]
    currents: Mapping[str, float]
    potential: Array
    status: Status
    iterations: int
    residual: float

    def __str__(self) -> str:
        shown = [self.status.name, f"residual={self.residual:.1e}"]
        flows = {"currents": self.currents} if self.currents else {"outflow": self.outflow}
        for name, values in flows.items():
            shown += [f"{name}={values!r}"] if any(values.values()) else []
        return f"SteadyState({', '.join(shown)})"


def steady(
    law: Law,
    state: State,
    *,
    mobility: Mapping[str, float] | None = None,
    tolerance: float = 1e-9,
    max_iterations: int = 2000,
) -> SteadyState:
    """The steady state in which the flow of a law ends: with doors, reservoirs and electrodes mass may flow for ever.

        div(alpha_i rho_i grad phi_i) = 0,      phi_i = U'(rho_i) + V_i + fields

    It is solved on the cells of ``state``, which is the start, with the fluxes of ``FiniteVolume``. A species without a door
    keeps its mass.

    Newton's method is applied to these equations, from the start. If it fails, it is tried again from states along the flow, in
    steps that grow to 10^5 diffusion times. Where mass does not spread into vacuum, and with interactions, there may be several
    steady states: then it follows the flow first, and stays near to it. A state from which a small part of the way back to the
    start grows along the flow is not stable: then it follows the flow in shorter steps.

    The end is CONVERGED if a further correction of Newton's method, by exact factors, moves less than ``tolerance``. So a
    motion that is slow, as over a high barrier, is corrected too. Over barriers of more than some 30 temperatures rounding
    hides it, and the status is STALLED. Where the equations are singular, as without any diffusion, the end is CONVERGED if
    what long steps move, continued as a geometric series, is less than ``tolerance``. In every case what enters must balance
    what leaves, and an energy must not have risen where there are no doors.

    Parameters
    ----------
    law : Law
        What FiniteVolume takes.
    state : Density or Species of them
    mobility : mapping of float, optional
        alpha_i by species; 1 where silent.
    tolerance : float
        Bound on ``SteadyState.residual``.
    max_iterations : int
        Bound on the iterations of Newton's method, all together.

    Cost: from a start near by 3 to 6 sparse factorisations, about n^1.3 in the plane.

    Raises ValueError for a law that FiniteVolume does not take, for two DirichletCouplings, and for bad numbers.

    Source: pseudo-transient continuation; Kelley and Keyes (1998).

    >>> import jkoflow as jf
    >>> grid = jf.Grid.box((-0.1, 1.1), cells=24)                                          # salt from 2 to 1 over a length 1
    >>> ends = jf.Reservoir(lambda x: x < 0, 2.0, name="left") + jf.Reservoir(lambda x: x > 1, 1.0, name="right")
    >>> rho = grid.density(lambda x: 1.0 * (x > 0) * (x < 1))
    >>> end = steady(3 * jf.Entropy() + ends, rho)
    >>> end.status.name, round(end.outflow[""]["right"], 9), round(float(end.state.mass), 9)
    ('CONVERGED', 3.0, 1.5)
    """
    positive("tolerance", tolerance)
    positive_integer("max_iterations", max_iterations)
    of_kind("law", law, Law, "an energy or a sum of them")
    start = law.check(state)
    if len(law.forms.couplings) > 1:
        raise ValueError(f"law must hold at most one DirichletCoupling, got {len(law.forms.couplings)}")
    if not issubclass(start.kind, Density):
        raise ValueError(f"steady takes densities on a grid, got {start.kind.__name__}: evolve it with stop=Steady()")
    outer = law.outer_on(start.kind)
    if outer is not None:
        raise ValueError(f"steady does not take {outer!r}: evolve the law by Splitting(JKO()) until its masses rest")
    search = _Search(law, complete_mobilities(mobility, start), tolerance, max_iterations)
    return search.from_state(start)


class _Reached(NamedTuple):
    """A trial of the equations of a steady state, and how far it is from their solution."""

    equations: SteadyEquations
    trial: Trial
    rest: float
    """The L1 norm over the mass, the largest over the species."""


class _Search:
    """The search for a steady state."""

    def __init__(self, law: Law, mobilities: Mapping[str, float], tolerance: float, most: int) -> None:
        self.law, self.mobilities, self.tolerance, self.left, self.most = law, mobilities, tolerance, most, most
        self.solver = FiniteVolume()
        self.longest = np.inf  # of the steps along the flow: longer ones come to states that are not stable
        self.unstable: list[Array] = []

    def from_state(self, start: Species) -> SteadyState:
        with np.errstate(all="ignore"):  # an overflow ends in the status
            first = self._equations(start)
            best = _Reached(first, first.trial(first.start(with_psi=True)), np.inf)
            for reached in self._candidates(first, start):
                if reached.rest <= self.tolerance and not self._is_sound(reached, start):
                    reached = reached._replace(rest=np.inf)
                if reached.rest <= best.rest:
                    best = reached
                if best.rest <= self.tolerance:
                    return self._answer(best, Status.CONVERGED)
            return self._answer(best, Status.STALLED if self.left > 0 else Status.ITERATION_LIMIT)

    def _is_sound(self, reached: _Reached, start: Species) -> bool:
        """False if rounding hides what crosses a barrier, if mass comes from nowhere, or if an energy without doors rose."""
        equations, trial = reached.equations, reached.trial
        for k in range(len(equations.names)):
            if slowest_rate(equations, trial, k) < _DROWNED:
                return False
            out = outflow(equations, trial, k).values()
            small = self.tolerance * equations.sizes[k] * equations.grid.cell_volume
            small += 10 * rounding_of_outflow(equations, trial, k) + _BALANCE * sum(map(abs, out))
            if abs(sum(out)) > small:
                return False
        if any(len(doors.cells) for doors in equations.doors):
            return True
        if not equations.has_one_solution:
            unit = self._diffusion_time(equations)
            rate = growth_rate(self.law, equations, trial.rho, equations.densities(start), unit, self._stepped)
            if rate > 0:
                self.longest = min(self.longest, _SHORT / rate)
                self.unstable.append(trial.rho)
                return False
        before, after = self.law(start), self.law(equations.with_masses(trial.rho))
        return bool(after <= before + _BALANCE * (abs(before) + abs(after)))

    def _candidates(self, first: SteadyEquations, start: Species) -> Iterator[_Reached]:
        """What Newton's method comes to from the start, and from states along the flow; then what the flow comes to.

        Where there may be several steady states, Newton's method waits until the flow has come near one.
        """
        if first.has_one_solution:
            yield from self._direct(first)
        unit = self._diffusion_time(first)
        length, state, before, waited = _FIRST * unit, start, np.inf, 0
        longer = _LONGER if first.has_one_solution else _LONGER**0.5
        while self.left > 0 and length > _SHORTEST * unit and waited < _WAITED:
            after = self._stepped(state, length)
            if after is None:
                length /= _LONGER**2
                continue
            moved = first.moved(first.densities(state), first.densities(after))
            left = all(first.moved(rho, first.densities(after)) > _LEFT * _NEAR for rho in self.unstable)
            if length >= min(unit, self.longest) and (first.has_one_solution or moved < _NEAR) and left:
                equations = self._equations(after)
                equations.keep_masses_of(first)
                for reached in self._direct(equations):
                    if first.has_one_solution or first.moved(first.densities(after), reached.trial.rho) < _NEAR:
                        yield reached
            if self.longest < length:
                state, length, before, waited = start, self.longest, np.inf, 0
                continue
            if length >= _LONG * unit:
                ratio = moved / before if waited > 1 and before > 0 else 1.0
                here = self._equations(after)
                if (now := self._diffusion_time(here)) > 2 * unit:  # as mass has left, all is slower
                    unit, state = now, after
                    continue
                trial = here.trial(here.start(with_psi=True))
                seen = min(slowest_rate(here, trial, k) / here.taus[k] for k in range(len(here.names))) * length
                if seen > 1 and (ratio < 1 or moved == 0):
                    yield _Reached(here, trial, moved * ratio / (1 - ratio) if ratio < 1 else 0.0)
                waited, before = waited + 1, moved
            state, length = after, min(longer * length, _LONG * unit, self.longest)

    def _equations(self, state: Species) -> SteadyEquations:
        return self.solver.steady_equations(self._step(state, _FOR_EVER))

    def _direct(self, equations: SteadyEquations) -> Iterator[_Reached]:
        """What Newton's method comes to, if it does: psi of the charge to begin with, and then 0."""
        for with_psi in (True, False)[: 1 + (equations.coupling is not None)]:
            end = newton_search(equations, equations.start(with_psi), _RESIDUAL, min(_DIRECT, self.left))
            self.left -= max(end.iterations, 1)
            if end.status.ok:
                yield self._polished(equations, end.trial)
                return

    def _polished(self, equations: SteadyEquations, trial: Trial) -> _Reached:
        """More corrections with exact factors, until one moves less than the tolerance: slow motions are corrected too."""
        rest = np.inf
        while rest > self.tolerance and self.left > 0:
            change = correction(equations, trial, Factors(), exact=True)
            self.left -= 1
            if change is None or not np.isfinite(change).all():
                break
            after = equations.trial(positive_part(equations, trial.unknowns + change))
            moved = equations.moved(trial.rho, after.rho)
            if not moved < _SLOW * rest:
                break
            trial, rest = after, moved
        return _Reached(equations, trial, rest)

    def _stepped(self, state: Species, length: float) -> Species | None:
        """The state after a step, by Newton's method alone if that gets there; None if it fails."""
        problem: FiniteVolumeStep = self.solver.prepare(self._step(state, length))
        problem.after = 1.0  # kernels act with what is reached: a long step goes all the way
        end = first_search(problem, self.solver.tolerance, min(_DIRECT, self.left))
        self.left -= max(end.iterations, 1)
        if end.status.ok:
            return problem.state_of(end.trial.rho)
        patient = replace(self.solver, max_iterations=max(self.left // _DETOURS, 1))
        answer = patient.solve(self._step(state, length))
        self.left -= answer.iterations
        return answer.state if answer.status.ok else None

    def _step(self, state: Species, length: float) -> ProximalStep:
        return ProximalStep(self.law, state, length, self.mobilities)

    def _diffusion_time(self, problem: SteadyEquations) -> float:
        """The square of the box's longest side over what spreads the slowest species: D and what potentials rise."""
        times = []
        for k, (name, phi) in enumerate(zip(problem.names, problem.driving(), strict=True)):
            local = problem.local[k]
            energy = max(local.entropy, float(np.ptp(phi[~problem.closed[k]]))) or 1.0
            least = min(float(a.min()) for a in local.medium.values) if local.medium else 1.0
            times.append(max(problem.grid.lengths) ** 2 / (least * self.mobilities[name] * energy))
        return max(times)

    def _answer(self, reached: _Reached, status: Status) -> SteadyState:
        equations, trial = reached.equations, reached.trial
        flows: dict[str, tuple[Array, ...]] = {}
        gone: dict[str, Mapping[str, float]] = {}
        rounding: dict[str, float] = {}
        for k, name in enumerate(equations.names):
            per_time = self.mobilities[name] / equations.taus[k]
            flows[name] = tuple(per_time * flux for flux in equations.fluxes_by_axis(trial, k))
            gone[name] = FrozenMapping({door: per_time * mass for door, mass in outflow(equations, trial, k).items()})
            rounding[name] = per_time * rounding_of_outflow(equations, trial, k)
        state = equations.with_masses(trial.rho)
        currents, psi = _electric(self.law, state, gone)
        return SteadyState(
            state.unwrapped,
            FrozenMapping(flows),
            FrozenMapping(gone),
            FrozenMapping(rounding),
            FrozenMapping(currents),
            psi,
            status,
            self.most - self.left,
            reached.rest,
        )


def _electric(law: Law, state: Species, gone: Mapping[str, Mapping[str, float]]) -> tuple[dict[str, float], Array]:
    """The charge per time that leaves through every door, and psi."""
    currents: dict[str, float] = {}
    if not law.forms.couplings:
        return currents, np.zeros(state.grid.shape)
    coupling = law.forms.couplings[0].form
    for name, z in coupling.charges.items():
        for door, rate in gone[name].items():
            currents[door] = currents.get(door, 0.0) + z * rate
    return currents, psi_of_charge(coupling, state.grid, charge_density(coupling, state))
