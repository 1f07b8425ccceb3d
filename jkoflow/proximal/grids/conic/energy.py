"""The energy of a step as cvxpy expressions, and the call of Clarabel: what the conic solvers share."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

import cvxpy as cp
import numpy as np

from ...._status import Status
from ...._typing import Array
from ....kernels import Kernel
from ....laws import Entry
from ....laws.electrostatics import doping_on, energy_of_charge, psi_of_charge
from ....laws.forms import Bound, External, FieldCoupling, Internal, Pair, Shared
from ...base import ProximalStep

_UNIT = 3.0  # costs of moving the mass across a cell: with 10 the answer, with 1 or less the multipliers come out less exact
_FALL = 0.01  # of the range of the first variation times the mass
_STATUSES = {
    "optimal": Status.CONVERGED,
    "optimal_inaccurate": Status.STALLED,
    "user_limit": Status.ITERATION_LIMIT,
    "infeasible": Status.INFEASIBLE,
    "infeasible_inaccurate": Status.INFEASIBLE,
}


@dataclass
class ConicEnergy:
    """The energy of a step in the densities: terms of the objective, constraints, and one quadratic form of the masses.

    The tolerances of Clarabel are absolute, so its numbers are of order 1: the density of a species is its mean times
    ``shapes``, and the objective is divided by ``unit``, some times the cost of moving the mass across a cell.

    ``blocks`` are the matrices of the quadratic form for pairs of species, per unit mass in each cell.
    """

    step: ProximalStep
    shapes: dict[str, Any]
    objective: list[Any] = field(default_factory=list)
    constraints: list[Any] = field(default_factory=list)
    blocks: dict[tuple[str, str], Array] = field(default_factory=dict)

    def mean(self, name: str) -> float:
        """The mean density of a species."""
        return self.step.anchor[name].mass / self.step.grid.volume

    @property
    def densities(self) -> dict[str, Any]:
        """The densities, as expressions in the shapes."""
        return {name: self.mean(name) * shape for name, shape in self.shapes.items()}

    @cached_property
    def unit(self) -> float:
        """The unit of the objective, an energy: a cost of transport, or a share of what the energy falls if that is more."""
        widest, anchor = max(self.step.grid.spacing), self.step.anchor
        transport = sum(anchor[name].mass * widest**2 / (2 * self.step.weight(name)) for name in anchor)
        fall = 0.0
        for name in anchor:
            variation = self.step.energy.first_variation(anchor, name)[anchor[name].values > 0]
            finite = variation[np.isfinite(variation)]
            fall += anchor[name].mass * float(np.ptp(finite)) if len(finite) else 0.0
        return max(_UNIT * transport, _FALL * fall)

    @property
    def volume(self) -> float:
        """The volume of a cell."""
        return self.step.grid.cell_volume

    def add_block(self, a: str, b: str, c: float, kernel: Kernel) -> None:
        """Add c int int kernel(x - y) rho_a(x) rho_b(y) to the quadratic form, with a factor 1/2 if a is b."""
        self.add_matrix(a, b, c * self.step.grid.kernel_matrix(kernel))

    def add_matrix(self, a: str, b: str, matrix: Array) -> None:
        """Add an interaction by its symmetric matrix: the energy of a unit of mass in one cell and one in another."""
        for pair in {(a, b), (b, a)}:
            self.blocks[pair] = self.blocks.get(pair, 0.0) + matrix

    def finish(self) -> None:
        """Add the quadratic form to the objective.

        Raises ValueError if the form is not convex at fixed masses.
        """
        if not self.blocks:
            return
        names = list(self.shapes)
        n = self.step.grid.size
        zero = np.zeros((n, n))
        full = np.block([[self.blocks.get((a, b), zero) for b in names] for a in names])
        mean_free = np.kron(np.eye(len(names)), np.eye(n) - 1 / n)
        inner = mean_free @ full @ mean_free
        lowest = float(np.linalg.eigvalsh(inner)[0])
        if lowest < -1e-9 * np.abs(full).max() * n:
            raise ValueError(
                f"the interactions must be positive semidefinite at fixed masses, got a lowest eigenvalue {lowest:.3g}: "
                "the step is not convex in the densities; SemiImplicitJKO(solver, freeze_self=True) freezes them"
            )
        shapes = cp.hstack([self.shapes[name] for name in names])
        uniform = np.concatenate([np.full(n, self.step.anchor[name].mass / n) for name in names])
        self.objective.append(
            0.5 * cp.quad_form(shapes, cp.psd_wrap(inner * np.outer(uniform, uniform) / self.unit)) * self.unit
        )
        self.objective.append((uniform * (mean_free @ (full @ uniform))) @ shapes)
        self.objective.append(0.5 * uniform @ full @ uniform)


def conic_energy(step: ProximalStep, shapes: dict[str, Any]) -> ConicEnergy:
    """The energy of the step in the densities, each in units of its mean.

    Raises ValueError for a term that is not accepted.
    """
    conic = ConicEnergy(step, shapes)
    densities = conic.densities
    for entry in step.forms.entries:
        match entry.form:
            case Internal() as internal:
                name = internal.species
                _enter_internal(entry, internal, conic.shapes[name], conic.mean(name), conic)
            case Shared() as shared:
                entry.non_negative()
                mean = sum(w * conic.mean(name) for name, w in shared.weights.items())
                shape = sum(w * conic.mean(name) / mean * conic.shapes[name] for name, w in shared.weights.items())
                if isinstance(shared.of_sum, Bound):
                    conic.constraints.append(shape <= shared.of_sum.density / mean)
                else:
                    _enter_internal(entry, shared.of_sum, shape, mean, conic)
            case Bound() as bound:
                entry.non_negative()
                conic.constraints.append(shapes[bound.species] <= bound.density / conic.mean(bound.species))
            case External() as external:
                values = step.anchor[external.species].field("V", external.V).ravel()
                conic.objective.append((entry.factor * conic.volume * values) @ densities[external.species])
            case Pair() as pair:
                conic.add_block(pair.a, pair.b, entry.factor, pair.kernel)
            case FieldCoupling() as coupling:
                _enter_coupling(coupling, entry.non_negative(), conic)
    conic.finish()
    return conic


def _enter_internal(entry: Entry[Any], form: Internal, shape: cp.Expression, mean: float, conic: ConicEnergy) -> None:
    """Add an internal energy of the density mean x shape."""
    c, volume = entry.non_negative(), conic.volume
    if form.others:
        raise ValueError(
            f"Convex and ConvexDynamic do not accept {entry.term!r}, whose integrand is known by its values alone: they take "
            "sums of entropies and powers; use BackAndForth or Entropic"
        )
    if form.entropy:
        scale = c * form.entropy * volume * mean
        conic.objective.append(-scale * cp.sum(cp.entr(shape)) + scale * np.log(mean) * cp.sum(shape))
    for factor, m in form.powers:
        power = cp.sum_squares(shape) if m == 2 else cp.sum(cp.power(shape, m, approx=False))
        conic.objective.append(c * factor * volume * mean**m / (m - 1) * power)


def _enter_coupling(coupling: FieldCoupling, c: float, conic: ConicEnergy) -> None:
    """Add c > 0 times a coupling by charge.

    The Green's function of Poisson's equation, column by column, makes the quadratic form of the species. The potential of the
    doping and of the electrodes enters as linear terms and a constant.
    """
    grid = conic.step.grid
    units = np.eye(grid.size).reshape(-1, *grid.shape) / conic.volume
    of_electrodes = psi_of_charge(coupling, grid, np.zeros(grid.shape)).ravel()
    green = np.stack([psi_of_charge(coupling, grid, unit).ravel() - of_electrodes for unit in units])
    fixed = doping_on(coupling, grid)
    psi = psi_of_charge(coupling, grid, fixed)
    for a, b in combinations_with_replacement(conic.densities, 2):
        conic.add_matrix(a, b, c * coupling.charges[a] * coupling.charges[b] * (green + green.T) / 2)
    for name, density in conic.densities.items():
        conic.objective.append((c * coupling.charges[name] * conic.volume * psi.ravel()) @ density)
    conic.objective.append(c * energy_of_charge(coupling, grid, fixed))


def run_clarabel(problem: cp.Problem, max_iterations: int, tolerance: float) -> tuple[Status, int]:
    """Solve the program in place. Returns the status and the number of interior-point iterations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the status says what cvxpy warns of
        try:
            problem.solve(
                solver=cp.CLARABEL,
                max_iter=max_iterations,
                tol_gap_abs=tolerance,
                tol_gap_rel=tolerance,
                tol_feas=tolerance,
            )
        except cp.SolverError:
            return Status.SOLVER_FAILED, 0
    status = _STATUSES.get(str(problem.status), Status.SOLVER_FAILED)
    stats = problem.solver_stats
    return status, int(stats.num_iters or 0) if stats is not None else 0
