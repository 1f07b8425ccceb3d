"""The JKO step as a conic program in transport plans: a reference for small grids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ...._status import FreezingWarning, Status, warn
from ...._typing import Array
from ...._validate import of_kind
from ...base import ProximalStep, ProxResult
from ...verification import checked
from .gap import duality_gaps
from .solver import ConicSolver, judged, unsolved

if TYPE_CHECKING:
    from .energy import ConicEnergy  # imports cvxpy
_GAP = 1e-2  # of the gap of the anchor, and of the fall of the objective: the largest gap of a species that counts as solved


@dataclass(frozen=True)
class Convex(ConicSolver):
    """The exact JKO step between point masses at the cell centres, as a cvxpy program in the transport plans.

        min over g_i >= 0 with first marginals anchor_i:   sum_i <|x - y|^2, g_i> / (2 tau alpha_i) + E(second marginals)

    The interior-point method of Clarabel solves the program, for all species jointly and any sum of

    * entropies, by exponential cones;
    * Renyi entropies, by power cones;
    * bounds and potentials;
    * interactions and a DirichletCoupling, by quadratic forms. These must be positive semidefinite at fixed masses, as that
      of a DirichletCoupling is.

    Freezing: a plan between cell centres moves mass by whole cells. So a positive density is its own step if
    dt <= dx^2 / (2 max |phi_i - phi_(i+1)|), where phi is the first variation
    (docs/theory/poisson-nernst-planck.md, section 4). Below this threshold a ``FreezingWarning`` is issued, and the status is
    FROZEN. At several times the threshold the motion is still too slow. ``ConvexDynamic`` does not freeze.

    Parameters
    ----------
    tolerance : float
        Bound of Clarabel on the gap, absolute and relative, and on the infeasibilities.
    max_iterations : int
        Bound on the interior-point iterations.

    Notes
    -----
    Cost: n^2 variables per species for n cells, and at worst about n^3 operations an iteration. 64 cells take a tenth of a
    second, 16 x 16 cells a few seconds.

    The answer of an interior-point method meets its constraints to the tolerance only. So entries of the plans below 0 are
    set to 0, and the rows are scaled to the masses of the anchor. ``residual`` is the share of the mass that this moves, in
    L1, the largest over the species.

    ``gap`` is a duality gap that is computed from the plans alone (``duality_gaps``); NaN under a bound. A step is STALLED if
    the gap of a species is above a hundredth of that of the anchor, or of the fall of the objective. The gap is mostly ten to
    sixty times the error of the objective.

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

    def prepare(self, step: ProximalStep) -> ConicEnergy:
        import cvxpy as cp

        from .energy import conic_energy

        self.must_take(step)
        return conic_energy(step, {name: cp.Variable(step.grid.size, nonneg=True) for name in step.anchor})

    def solve(self, step: ProximalStep) -> ProxResult:
        import cvxpy as cp

        from .energy import run_clarabel

        conic: ConicEnergy = self.prepared(step)
        grid, anchor = step.grid, step.anchor
        cost = squared_distances(grid.points)
        occupied = {name: anchor[name].masses > 0 for name in anchor}  # the cells with mass, which have a row in the plan
        mass = {name: anchor[name].mass / grid.size for name in anchor}  # the mean in a cell
        plans = {name: cp.Variable((int(occupied[name].sum()), grid.size), nonneg=True) for name in anchor}  # in mean masses
        rows = [cp.sum(plans[name], axis=1) == anchor[name].masses[occupied[name]] / mass[name] for name in anchor]
        links = {name: cp.sum(plans[name], axis=0) == conic.shapes[name] for name in anchor}
        weights = {name: mass[name] / (2 * step.weight(name)) for name in anchor}
        transport = [weights[name] * cp.sum(cp.multiply(cost[occupied[name]], plans[name])) for name in anchor]
        objective = cp.Minimize(cp.sum([term / conic.unit for term in transport + conic.objective]))
        problem = cp.Problem(objective, [*rows, *links.values(), *conic.constraints])
        frozen = self._freezes(step)
        status, iterations = run_clarabel(problem, self.max_iterations, self.tolerance)
        if any(plan.value is None or not np.all(np.isfinite(plan.value)) for plan in plans.values()):
            return unsolved(step, status, iterations)
        feasible, residual = {}, 0.0
        for name, plan in plans.items():
            feasible[name], moved_share = _made_feasible(mass[name] * plan.value, anchor[name].masses[occupied[name]])
            residual = max(residual, moved_share)
        state = anchor.like({name: g.sum(axis=0).reshape(grid.shape) / grid.cell_volume for name, g in feasible.items()})
        distances = {name: float(np.sum(cost[occupied[name]] * g)) ** 0.5 for name, g in feasible.items()}
        scales = {name: step.weight(name) * conic.unit / mass[name] for name in anchor}
        potentials = {name: -scales[name] * links[name].dual_value.reshape(grid.shape) for name in anchor}
        status = judged(status, residual)
        if status is Status.CONVERGED and frozen:
            status = Status.FROZEN
        gaps, anchor_gaps = duality_gaps(step, state, feasible, cost), _gaps_of_anchor(step, cost)
        fall = step.energy(anchor) - step.energy(state) - sum(d**2 / (2 * step.weight(name)) for name, d in distances.items())
        allowed = {name: _GAP * min(of_anchor, fall) + self.tolerance * conic.unit for name, of_anchor in anchor_gaps.items()}
        if status is Status.CONVERGED and any(gap > allowed[name] for name, gap in gaps.items()):
            status = Status.STALLED
        gap = sum(gaps.values())
        return checked(step, ProxResult(state, distances, potentials, status, iterations, residual, gap))

    def _freezes(self, step: ProximalStep) -> bool:
        """Return True, with a FreezingWarning, if tau is at most the freezing threshold and phi is not constant."""
        threshold = freezing_threshold(step)
        frozen = step.tau <= threshold < np.inf
        if frozen:
            warn(
                f"dt={step.tau:.3g} is below the freezing threshold {threshold:.3g} of plans between cell centres: the "
                "state cannot move; take a larger dt, more cells, or ConvexDynamic()",
                FreezingWarning,
            )
        return frozen


def _gaps_of_anchor(step: ProximalStep, cost: Array) -> dict[str, float]:
    """The duality gaps of the plans that leave the anchor as it is."""
    plans = {}
    for name, measure in step.anchor.items():
        occupied = np.flatnonzero(measure.masses > 0)
        plans[name] = np.zeros((len(occupied), len(measure.masses)))
        plans[name][np.arange(len(occupied)), occupied] = measure.masses[occupied]
    return duality_gaps(step, step.anchor, plans, cost)


def freezing_threshold(step: ProximalStep) -> float:
    """The largest tau, a time, at which a step by plans between cell centres leaves the anchor as it is.

    It is the minimum of

        dx^2 / (2 alpha (phi_i - phi_j)_+),      phi = dE / d rho,

    over all species of mobility alpha, and all pairs of neighbours i, j along an axis of which i has mass. The cost is O(n).

    Special values:

    * 0 next to vacuum where phi is -inf, and for an anchor that breaks a bound: the anchor moves at every tau;
    * inf if no neighbour is lower by more than the rounding of phi: the anchor moves at no tau.

    Source: docs/theory/poisson-nernst-planck.md, section 4.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> step = jf.ProximalStep(jf.Entropy(), jf.Species.of(rho), tau=0.1)
    >>> bool(freezing_threshold(step) > 0)
    True
    """
    of_kind("step", step, ProximalStep, "a ProximalStep")
    steepest = 0.0
    for name in step.anchor:
        phi, occupied = step.energy.first_variation(step.anchor, name), step.anchor[name].values > 0
        if np.isposinf(phi[occupied]).any():
            return 0.0  # the anchor breaks a bound, and has to move
        noise = 1e-12 * float(np.abs(phi[occupied]).max())
        for axis, h in enumerate(step.grid.spacing):
            f, m = np.moveaxis(phi, axis, 0), np.moveaxis(occupied, axis, 0)
            up, down = (f[:-1], f[1:], m[:-1]), (f[1:], f[:-1], m[1:])  # phi in cells, in their neighbours, cells with mass
            drop = max(float((here[mass] - neighbour[mass]).max(initial=0.0)) for here, neighbour, mass in (up, down))
            if drop > noise:
                steepest = max(steepest, step.mobilities[name] * drop / h**2)
    return np.inf if steepest == 0 else 0.5 / steepest


def squared_distances(points: Array) -> Array:
    """|x - y|^2 between all pairs of points, shape (n, n)."""
    coordinates = points.reshape(len(points), -1)
    return np.square(coordinates[:, None, :] - coordinates[None, :, :]).sum(axis=-1)


def _made_feasible(plan: Array, masses: Array) -> tuple[Array, float]:
    """The plan with negative entries set to 0 and rows scaled to the masses, and the share of the mass that this moves."""
    feasible = np.maximum(plan, 0.0)
    rows = feasible.sum(axis=1)
    feasible *= (masses / np.where(rows > 0, rows, 1.0))[:, None]
    return feasible, float(np.abs(feasible - plan).sum() / masses.sum())
