"""The JKO step as a conic program over transport plans: the reference for small grids."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...._status import FreezingWarning, Status
from ...._typing import Array
from ...base import ProximalStep, ProxResult
from .solver import ConicSolver, unsolved


@dataclass(frozen=True)
class Convex(ConicSolver):
    """The exact JKO step between point masses at the cell centres, as a cvxpy program in the transport plans.

        min over g_i >= 0 with first marginals anchor_i:   sum_i <|x - y|^2, g_i> / (2 tau alpha_i) + E(second marginals)

    solved by Clarabel's interior point: entropies by exponential cones, Renyi entropies by power cones, interactions by
    quadratic forms that must be positive semidefinite at fixed masses, as a DirichletCoupling is; any sum, all species jointly.

    Freezing. A plan between cell centres moves mass by whole cells: a positive density is its own step when
    dt <= dx^2 / (2 max |phi_i - phi_(i+1)|), phi being the first variation (docs/theory/poisson-nernst-planck.md, section 4).
    Below that threshold a ``FreezingWarning`` is raised and the status is FROZEN; several times above it the motion is still
    too slow. ``ConvexDynamic`` does not freeze.

    Parameters
    ----------
    tolerance : float
        Clarabel's bound on the relative gap and on the infeasibilities.
    max_iterations : int
        Bound on the interior-point iterations.

    Notes
    -----
    n^2 variables per species for n cells, about n^3 operations an iteration at worst: n = 64 takes a tenth of a second,
    16 x 16 a few seconds. An interior-point answer meets its constraints to the tolerance only: its entries below zero are
    set to zero and the rows scaled to the anchor's masses; ``residual`` is the L1 share of the mass so moved, the
    largest over the species.

    Examples
    --------
    >>> import numpy as np, jkoflow as jf
    >>> grid = jf.Grid.box((-4, 4), cells=32)
    >>> rho = jf.Species.of(grid.density(lambda x: np.exp(-(x - 1) ** 2)))
    >>> step = jf.ProximalStep(jf.Entropy() + jf.Potential(lambda x: x**2 / 2), rho, tau=0.5)
    >>> answer = Convex().solve(step)
    >>> answer.status.name, round(float(answer.state[""].mean) * 1.5, 1)     # the exact mean is 1 / 1.5
    ('CONVERGED', 1.0)
    """

    solves: ClassVar[str] = "the exact step between point masses at the cell centres, which freezes for small dt"

    def solve(self, step: ProximalStep) -> ProxResult:
        import cvxpy as cp

        from .energy import conic_energy, run_clarabel

        self.must_take(step)
        grid, anchor = step.grid, step.anchor
        cost = squared_distances(grid.points)
        held = {name: anchor[name].masses > 0 for name in anchor}
        plans = {name: cp.Variable((int(held[name].sum()), grid.size), nonneg=True) for name in anchor}
        densities = {name: cp.Variable(grid.size, nonneg=True) for name in anchor}
        conic = conic_energy(step, densities)
        rows = [cp.sum(plans[name], axis=1) == anchor[name].masses[held[name]] for name in anchor]
        links = {name: cp.sum(plans[name], axis=0) == grid.cell_volume * densities[name] for name in anchor}
        moves = [cp.sum(cp.multiply(cost[held[n]], plans[n])) / (2 * step.weight(n)) for n in anchor]
        problem = cp.Problem(cp.Minimize(cp.sum(moves + conic.objective)), [*rows, *links.values(), *conic.constraints])
        frozen = self._freezes(step)
        status, iterations = run_clarabel(problem, self.max_iterations, self.tolerance)
        if any(plan.value is None or not np.all(np.isfinite(plan.value)) for plan in plans.values()):
            return unsolved(step, status, iterations)
        feasible, residual = {}, 0.0
        for name, plan in plans.items():
            feasible[name], moved = _made_feasible(plan.value, anchor[name].masses[held[name]])
            residual = max(residual, moved)
        state = anchor.like({n: g.sum(axis=0).reshape(grid.shape) / grid.cell_volume for n, g in feasible.items()})
        distances = {n: float(np.sum(cost[held[n]] * g)) ** 0.5 for n, g in feasible.items()}
        potentials = {n: -step.weight(n) * links[n].dual_value.reshape(grid.shape) for n in anchor}
        if status is Status.CONVERGED and frozen:
            status = Status.FROZEN
        return ProxResult(state, distances, potentials, status, iterations, residual)

    def _freezes(self, step: ProximalStep) -> bool:
        """Whether the anchor is stuck although its first variation is not constant; warns if so."""
        threshold = freezing_threshold(step)
        frozen = step.tau <= threshold < np.inf
        if frozen:
            warnings.warn(
                f"dt={step.tau:.3g} is below the freezing threshold {threshold:.3g} of plans between cell centres: the "
                "state cannot move; take a larger dt, more cells, or ConvexDynamic()",
                FreezingWarning,
                stacklevel=3,
            )
        return frozen


def freezing_threshold(step: ProximalStep) -> float:
    """The largest tau at which a plan between cell centres leaves the anchor where it is.

    Source: docs/theory/poisson-nernst-planck.md, section 4.

        min of  dx^2 / (2 alpha (phi_i - phi_j)_+)  over neighbours i, j along an axis, i with mass;   phi = dE / d rho

    over all species. 0 next to vacuum where the first variation is -inf; inf when no neighbour is lower by more than the
    rounding of phi. O(n).
    """
    steepest = 0.0
    for name in step.anchor:
        phi, held = step.energy.first_variation(step.anchor, name), step.anchor[name].values > 0
        if np.isposinf(phi[held]).any():
            return 0.0  # the anchor breaks a bound, and has to move
        noise = 1e-12 * float(np.abs(phi[held]).max())
        for axis, h in enumerate(step.grid.spacing):
            f, m = np.moveaxis(phi, axis, 0), np.moveaxis(held, axis, 0)
            up, down = (f[:-1], f[1:], m[:-1]), (f[1:], f[:-1], m[1:])
            drop = max(float((here[mass] - there[mass]).max(initial=0.0)) for here, there, mass in (up, down))
            if drop > noise:
                steepest = max(steepest, step.mobilities[name] * drop / h**2)
    return np.inf if steepest == 0 else 0.5 / steepest


def squared_distances(points: Array) -> Array:
    """|x - y|^2 between all pairs of points, shape (n, n)."""
    coordinates = points.reshape(len(points), -1)
    return np.square(coordinates[:, None, :] - coordinates[None, :, :]).sum(axis=-1)


def _made_feasible(plan: Array, masses: Array) -> tuple[Array, float]:
    """The plan without negative entries and with rows of exactly the given masses, and the share of mass this moved."""
    kept = np.maximum(plan, 0.0)
    rows = kept.sum(axis=1)
    kept *= (masses / np.where(rows > 0, rows, 1.0))[:, None]
    return kept, float(np.abs(kept - plan).sum() / masses.sum())
