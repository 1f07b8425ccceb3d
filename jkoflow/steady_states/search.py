"""Steady states of laws with doors, reservoirs and electrodes: mass may flow for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._frozen import FrozenMapping
from .._status import Status
from .._typing import Array
from .._validate import of_kind, positive, positive_integer
from ..laws import Law, State
from ..measures import Density, Measure, Species, complete_mobilities
from ..proximal import FiniteVolume, ProximalStep
from ..proximal.grids.finite_volume import Factors, FiniteVolumeStep, Trial, newton_search, steady_part

_LONG, _FIRST, _LONGER = 1e5, 1e-2, 10.0  # diffusion times: a step to the end, the first one of a ramp; from one to the next
_SHORTEST, _LONGEST = 1e-10, 1e15  # diffusion times: no ramp begins lower, no slow motion is waited for longer
_DIRECT = 40  # iterations of Newton's method before a ramp
_SLOW = 0.1  # of two changes, the later over the earlier one: above, the state moves slowly
_NO_CHANGE = 1e-3  # of the tolerance: a change that is nothing


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
    currents : mapping of float
        By name of a door, the charge per time that leaves: the sum of z_i times the outflow. Empty without a DirichletCoupling.
    potential : array of the grid's shape
        psi; 0 without a DirichletCoupling.
    status : Status
    iterations : int
        Those of Newton's method.
    residual : float
        A bound on what is left to move: the L1 norm over the mass, the largest over the species.
    """

    state: Measure | Species
    fluxes: Mapping[str, tuple[Array, ...]]
    outflow: Mapping[str, Mapping[str, float]]
    currents: Mapping[str, float]
    potential: Array
    status: Status
    iterations: int
    residual: float


def steady(
    law: Law,
    state: State,
    *,
    mobility: Mapping[str, float] | None = None,
    tolerance: float = 1e-9,
    max_iterations: int = 500,
) -> SteadyState:
    """The steady state in which the flow of a law ends: with doors, reservoirs and electrodes mass may flow for ever.

        div(alpha_i rho_i grad phi_i) = 0,      phi_i = U'(rho_i) + V_i + fields

    It is solved on the cells of ``state``, which is the start, with the fluxes of ``FiniteVolume``. A species without a door
    keeps its mass. Of several steady states it finds the one that the flow finds, unless Newton's method from the start finds
    another one at once.

    Newton's method is tried from the start. If it fails, it follows the flow in steps of FiniteVolume that grow tenfold. The
    end is checked by more steps of 10^5 diffusion times: what they move, continued as a geometric series, must be below
    ``tolerance``. So a state that moves slowly is not taken for a steady one.

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

    Raises ValueError for a law that FiniteVolume does not take, and for bad numbers.

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
    if not issubclass(start.kind, Density):
        raise ValueError(f"steady takes densities on a grid, got {start.kind.__name__}: evolve it with stop=Steady()")
    search = _Search(law, complete_mobilities(mobility, start), tolerance, max_iterations)
    return search.from_state(start)


class _Reached(NamedTuple):
    """Where a step has ended."""

    problem: FiniteVolumeStep
    trial: Trial
    state: Species
    moved: float
    """The L1 norm of the change over the mass, the largest over the species."""


class _Search:
    """The search for a steady state."""

    def __init__(self, law: Law, mobilities: Mapping[str, float], tolerance: float, most: int) -> None:
        self.law, self.mobilities, self.tolerance, self.left, self.most = law, mobilities, tolerance, most, most
        self.factors = Factors()
        self.solver = FiniteVolume(tolerance=min(1e-10, tolerance / 10))

    def from_state(self, start: Species) -> SteadyState:
        unit = self._diffusion_time(start)
        with np.errstate(all="ignore"):
            reached = self._direct(start, _LONG * unit) or self._along_the_flow(start, unit)
            if reached is None:
                return self._answer(self._nothing(start), Status.STALLED, np.inf)
            return self._settled(reached, unit)

    def _settled(self, reached: _Reached, unit: float) -> SteadyState:
        """More long steps, until what they move, continued as a geometric series, is below the tolerance."""
        length, rest = _LONG * unit, np.inf
        while self.left > 0:
            after = self._direct(reached.state, length, reached.trial)
            if after is None:
                return self._answer(reached, Status.STALLED, rest)
            ratio = after.moved / reached.moved if reached.moved > 0 else 0.0
            rest = after.moved / (1 - ratio) if ratio < 1 else np.inf
            if after.moved <= _NO_CHANGE * self.tolerance and (ratio < _SLOW or length > _LONG * unit):
                rest = after.moved
            if rest <= self.tolerance:
                return self._answer(after, Status.CONVERGED, rest)
            if ratio > _SLOW:
                length = min(100 * length, _LONGEST * unit)
            reached = after
        return self._answer(reached, Status.ITERATION_LIMIT, rest)

    def _direct(self, start: Species, length: float, warm: Trial | None = None) -> _Reached | None:
        """A long step by Newton's method alone; None if it fails."""
        problem = self._problem(start, length)
        firsts = [problem.start(with_psi=True), problem.start()] if warm is None else [warm.unknowns]
        for first in firsts[: 2 if problem.coupling is not None else 1]:
            end = newton_search(problem, first, self.solver.tolerance, min(_DIRECT, self.left), least=1, last=self.factors)
            self.left -= max(end.iterations, 1)
            if end.status.ok:
                return self._reached(problem, end.trial)
        return None

    def _along_the_flow(self, start: Species, unit: float) -> _Reached | None:
        """Steps of FiniteVolume that grow tenfold, from the start to a long one; None if they come to nothing."""
        length, state = _FIRST * unit, start
        while self.left > 0 and length > _SHORTEST * unit:
            step = ProximalStep(self.law, state, length, self.mobilities)
            answer = self.solver.solve(step)
            self.left -= answer.iterations
            if not answer.status.ok:
                length /= _LONGER**2
                continue
            state = answer.state
            if length >= _LONG * unit and (reached := self._direct(state, length)) is not None:
                return reached
            length = min(_LONGER * length, _LONG * unit)
        return None

    def _problem(self, state: Species, length: float) -> FiniteVolumeStep:
        return self.solver.prepare(ProximalStep(self.law, state, length, self.mobilities))

    def _reached(self, problem: FiniteVolumeStep, trial: Trial) -> _Reached:
        rho = trial.rho.copy()
        for k, doors in enumerate(problem.doors):
            if not len(doors.cells):  # a species without doors keeps its mass to rounding
                rho[k] *= problem.totals[k] / rho[k].sum()
        moved = np.abs(rho - problem.mu).sum(axis=1) / np.maximum(problem.sizes, np.finfo(float).tiny)
        return _Reached(problem, trial, problem.state_of(rho), float(moved.max()))

    def _nothing(self, start: Species) -> _Reached:
        """The start as it is."""
        problem = self._problem(start, self._diffusion_time(start))
        return _Reached(problem, problem.trial(problem.start()), start, np.inf)

    def _diffusion_time(self, start: Species) -> float:
        """The square of the box's longest side over what spreads the slowest species: D and what potentials rise."""
        problem, times = self._problem(start, 1.0), []
        fields = problem.fields_at(problem.mu)
        for k, name in enumerate(problem.names):
            local, is_open = problem.local[k], ~problem.closed[k]
            phi = local.potential.ravel() + fields[k] + steady_part(local).derivative(problem.mu[k])
            energy = max(local.entropy, float(np.ptp(phi[is_open]))) or 1.0
            least = min((float(a.min()) for a in local.mobility), default=1.0)
            times.append(max(problem.grid.lengths) ** 2 / (least * self.mobilities[name] * energy))
        return max(times)

    def _answer(self, reached: _Reached, status: Status, residual: float) -> SteadyState:
        problem, trial = reached.problem, reached.trial
        outflow = {
            name: {door: mass / problem.step.tau for door, mass in problem.outflow(trial, k).items()}
            for k, name in enumerate(problem.names)
        }
        fluxes = {name: _by_axis(problem, trial, k) for k, name in enumerate(problem.names)}
        currents: dict[str, float] = {}
        psi = np.zeros(problem.grid.shape)
        if problem.coupling is not None:
            psi = trial.unknowns[-1].reshape(psi.shape)
            for name, z in problem.coupling.coupling.charges.items():
                for door, rate in outflow[name].items():
                    currents[door] = currents.get(door, 0.0) + z * rate
        return SteadyState(
            reached.state.unwrapped,
            FrozenMapping(fluxes),
            FrozenMapping({name: FrozenMapping(rates) for name, rates in outflow.items()}),
            FrozenMapping(currents),
            psi,
            status,
            self.most - self.left,
            residual,
        )


def _by_axis(problem: FiniteVolumeStep, trial: Trial, k: int) -> tuple[Array, ...]:
    """The flux of a species through all faces across every axis, those of doors too."""
    faces, doors, shape = problem.faces[k], problem.doors[k], problem.grid.shape
    tau = problem.step.tau
    arrays = faces.on_grid(problem.rates[k] / tau * trial.fluxes[k].value, shape)
    out = problem.rates_at_doors[k] / tau * trial.through[k].value
    for axis, array in enumerate(arrays):
        up, down = (doors.axes == axis) & (doors.signs > 0), (doors.axes == axis) & (doors.signs < 0)
        above = list(np.unravel_index(doors.cells[up], shape))
        above[axis] = above[axis] + 1
        array[tuple(above)] += out[up]
        array[np.unravel_index(doors.cells[down], shape)] -= out[down]
    return arrays
