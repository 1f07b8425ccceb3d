"""Energies as cvxpy expressions: what the conic solvers share."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import singledispatch
from itertools import combinations_with_replacement
from typing import Any

import cvxpy as cp
import numpy as np

from ...._status import Status
from ...._typing import Array
from ....kernels import Kernel
from ....laws import (
    Congestion,
    CrossInteraction,
    DirichletCoupling,
    Entropy,
    Interaction,
    Law,
    Potential,
    RenyiEntropy,
    doping_on,
    psi_of_charge,
)
from ...base import ProximalStep

_STATUSES = {
    "optimal": Status.CONVERGED,
    "optimal_inaccurate": Status.STALLED,
    "user_limit": Status.ITERATION_LIMIT,
    "infeasible": Status.INFEASIBLE,
    "infeasible_inaccurate": Status.INFEASIBLE,
}


@dataclass
class ConicEnergy:
    """The energy of a step as an objective, constraints, and one joint quadratic form of the masses."""

    step: ProximalStep
    densities: dict[str, cp.Variable]
    objective: list[Any] = field(default_factory=list)
    constraints: list[Any] = field(default_factory=list)
    blocks: dict[tuple[str, str], Array] = field(default_factory=dict)

    @property
    def volume(self) -> float:
        """The volume of a cell."""
        return self.step.grid.cell_volume

    def add_block(self, a: str, b: str, c: float, kernel: Kernel) -> None:
        """Add c int int kernel(x - y) rho_a(x) rho_b(y), with a factor 1/2 when a is b, to the quadratic form."""
        self.add_matrix(a, b, c * self.step.grid.kernel_matrix(kernel))

    def add_matrix(self, a: str, b: str, matrix: Array) -> None:
        """The same for a symmetric matrix that says what a unit of mass in one cell does to one in another."""
        for pair in {(a, b), (b, a)}:
            self.blocks[pair] = self.blocks.get(pair, 0.0) + matrix

    def finish(self) -> None:
        """Enter the quadratic form, once it is known to be convex at fixed masses."""
        if not self.blocks:
            return
        names = list(self.densities)
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
        masses = cp.hstack([self.volume * self.densities[name] for name in names])
        uniform = np.concatenate([np.full(n, self.step.anchor[name].mass / n) for name in names])
        self.objective.append(0.5 * cp.quad_form(masses, cp.psd_wrap(inner)))
        self.objective.append((mean_free @ (full @ uniform)) @ masses)
        self.objective.append(0.5 * uniform @ full @ uniform)


def conic_energy(step: ProximalStep, densities: dict[str, cp.Variable]) -> ConicEnergy:
    """The energy of the step in terms of the density variables; ValueError for a term that is not accepted."""
    conic = ConicEnergy(step, densities)
    for c, term in step.energy.terms:
        if c != 0:
            enter(term, c, conic)
    conic.finish()
    return conic


@singledispatch
def enter(term: Law, c: float, conic: ConicEnergy) -> None:
    """Enter c times a term of the energy. Register your own energies here."""
    raise ValueError(
        f"Convex and ConvexDynamic do not accept {term!r}: use Entropic, or register its cvxpy expression with "
        f"jkoflow.proximal._conic.enter.register({type(term).__name__})"
    )


@enter.register
def _(term: Entropy, c: float, conic: ConicEnergy) -> None:
    _non_negative(term, c)
    conic.objective.append(-c * conic.volume * cp.sum(cp.entr(conic.densities[term.species])))


@enter.register
def _(term: RenyiEntropy, c: float, conic: ConicEnergy) -> None:
    _non_negative(term, c)
    density = conic.densities[term.species]
    power = cp.sum_squares(density) if term.m == 2 else cp.sum(cp.power(density, term.m, approx=False))
    conic.objective.append(c * conic.volume / (term.m - 1) * power)


@enter.register
def _(term: Congestion, c: float, conic: ConicEnergy) -> None:
    _non_negative(term, c)
    conic.constraints.append(conic.densities[term.species] <= term.bound)


@enter.register
def _(term: Potential, c: float, conic: ConicEnergy) -> None:
    values = term.first_variation(conic.step.anchor, term.species).ravel()
    conic.objective.append((c * conic.volume * values) @ conic.densities[term.species])


@enter.register
def _(term: Interaction, c: float, conic: ConicEnergy) -> None:
    conic.add_block(term.species, term.species, c, term.W)


@enter.register
def _(term: CrossInteraction, c: float, conic: ConicEnergy) -> None:
    conic.add_block(*term.between, c, term.K)


@enter.register
def _(term: DirichletCoupling, c: float, conic: ConicEnergy) -> None:
    """The Green's function column by column, c > 0; what the doping does stands apart from what the species do."""
    _non_negative(term, c)
    grid = conic.step.grid
    units = np.eye(grid.size).reshape(-1, *grid.shape) / conic.volume
    green = np.stack([psi_of_charge(term, grid, unit).ravel() for unit in units])
    fixed = doping_on(term, grid)
    psi = psi_of_charge(term, grid, fixed)
    for a, b in combinations_with_replacement(conic.densities, 2):
        conic.add_matrix(a, b, c * term.charges[a] * term.charges[b] * (green + green.T) / 2)
    for name, density in conic.densities.items():
        conic.objective.append((c * term.charges[name] * conic.volume * psi.ravel()) @ density)
    conic.objective.append(c * grid.integrate(fixed * psi) / 2)


def run_clarabel(problem: cp.Problem, max_iterations: int, tolerance: float) -> tuple[Status, int]:
    """Solve in place; the status, and the interior-point iterations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what cvxpy warns of is what the status says
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


def _non_negative(term: Law, c: float) -> None:
    if c < 0:
        raise ValueError(f"the coefficient of {term!r} must be >= 0, got {c:g}: the step would not be convex")
