"""The exact JKO step on a grid: back-and-forth ascent, then Newton's method on the pulled-back density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...._status import Status
from ...._typing import Array
from ....laws import Law
from ....laws.forms import Bound, External, FieldCoupling, Forbidden, Form, General, Internal, Pair
from ....measures import Density, Measure, Species
from ...base import IterativeSolver, ProximalStep, ProxResult
from .equations import GridStep, Trial
from .newton import newton
from .refinement import doubled

_COARSE = 1e-3  # tolerance on coarser grids and with a thicker floor
_CLOSE = 0.1  # residual at which Newton takes over from the ascent
_SLOW = 0.7  # an ascent that gains less than this gives way to Newton
_SHORTEST = 1 / 32  # a Newton step cut below this share calls for another ascent
_MEMORY = 4  # residuals before the last one that a Newton step may go back up to
_STUCK = 3  # iterations without a gain of a tenth after which the residual may rise: a kink of (U*)' lies across the way down
_RISING, _RUNGS = 0.25, 7  # the coupling by charge on the way to its full strength
_PATIENCE = 15  # iterations without a gain of a tenth


@dataclass(frozen=True)
class BackAndForth(IterativeSolver):
    """One exact JKO step on a grid, in 1, 2 or 3 dimensions: no entropic blur, no freezing.

        min over rho:  sum_i W2(rho_i, anchor_i)^2 / (2 tau alpha_i) + E(rho_1, ..., rho_S),   E = int U(rho) + V rho + ...

    The dual unknown of a species is phi, a Kantorovich potential over tau alpha. It gives the density twice:

        (U*)'(phi - V)   =   anchor pulled back through  S(x) = x + tau alpha grad phi(x),

    and the step is solved when the two agree. The left is non-negative and takes its mass by a constant; the right is summed
    exactly over moved cells (``PullBack``), which keeps the mass whatever phi.

    Far from the answer phi climbs the concave dual of Jacobs and Leger, in turn with its c-transform, preconditioned by cosine
    transforms. Close to it Newton's method with the exact derivative of the pull-back takes over, its systems solved by GMRES
    with a multigrid cycle. All this starts from the answer on cells twice as wide.

    Parameters
    ----------
    tolerance : float
        Bound on the residual: the L1 distance between the two densities over the mass, the largest over the species.
    max_iterations : int
        Bound on the ascents and Newton steps together, on each grid.

    Notes
    -----
    Accepts sums with non-negative coefficients of Entropy, RenyiEntropy (m > 1, and m < 1 for densities without vacuum), other
    internal energies, Congestion and Obstacle, with Potential; each species needs one of the internal energies or Congestion.
    Interaction, CrossInteraction, DirichletCoupling and Functional are solved jointly, all species together: their fields are
    taken at the answer, with their response in Newton's step. Where E is not convex along the step the answer is a critical
    point. The potential of a DirichletCoupling is one more unknown of Newton's systems, which makes them sparse and symmetric
    whatever its strength; the ascent, for which it would stand still, is left out.

    Second order in the cell width: the exact JKO iterate of the Barenblatt density is met to 1e-4 in relative L1 on 256 x 256
    cells (``benchmarks/grids.py``). Displacements far below a cell are resolved in proportion. Under a bound alone a
    compressibility of a fifth of a cell's fall of the potential stands in for the missing internal energy: an O(h) diffusion.

    ``gap`` of the answer is the cost of the map less the Kantorovich dual of phi, in units of the energy: 0 for the optimal
    map, up to the quadrature of second order, which also lets it fall below 0. CONVERGED speaks of the residual; that the map
    is optimal is what the gap says. ``distances`` are the lengths of the map; next to obstacles, where the map says nothing of
    how far mass has come, they are those of the dual, and the gap is NaN.

    Where an entropy has to fill a vacuum beyond a jump of the anchor (the first step from the indicator of a set), the map
    collapses far cells onto the edge of the support. On the line the mass is continued beyond the ends (``PullBack``), and the
    iteration converges as elsewhere, across gaps too. In the plane and in space it stalls, mostly between 1e-5 and 1e-3, at
    large dt higher, and says so: start with a positive density, or take Entropic, as ``JKO()`` does then.

    Cost of a Newton step: one pull-back (6 segments a cell in the plane, 12 cut triangles in space), and 3 to 10 products of 30
    (900 in space) operations a cell, each with a V-cycle; 3 to 10 steps on the finest grid. O(n), with about 60 arrays of n
    numbers in the plane and 150 in space.

    Source: Jacobs and Leger (2020), Jacobs, Lee and Leger, The back-and-forth method for Wasserstein gradient flows
    (arXiv:2011.08151), for the dual and the ascent; the start, the pull-back and Newton's method are our own.

    Examples
    --------
    >>> import numpy as np, jkoflow as jf
    >>> grid = jf.Grid.box((-4, 4), cells=80)
    >>> rho = jf.Species.of(grid.density(lambda x: np.exp(-(x - 1) ** 2)))
    >>> step = jf.ProximalStep(jf.Entropy() + jf.Potential(lambda x: x**2 / 2), rho, tau=0.1)
    >>> answer = BackAndForth().solve(step)
    >>> answer.status.name, round(float(answer.state[""].mean) * 1.1, 3)      # the exact mean is 1 / 1.1
    ('CONVERGED', 1.0)
    """

    tolerance: float = 1e-6
    max_iterations: int = 100
    solves: ClassVar[str] = "the exact step, to second order in the cell width"
    measures: ClassVar[tuple[type[Measure], ...]] = (Density,)
    takes: ClassVar[tuple[type[Form], ...]] = (Internal, Bound, Forbidden, External, Pair, FieldCoupling, General)

    def check(self, step: ProximalStep) -> None:
        self._equations(step)

    def _equations(self, step: ProximalStep) -> GridStep:
        self.must_take(step)
        return GridStep.of(step)

    def suits(self, law: Law, state: Species) -> bool:
        """Whether the steps of a flow from ``state`` are among those that Newton's method is known to solve.

        Not so for a law that is refused, for fast diffusion without an entropy, and where an entropy has vacuum beyond a jump
        to fill; but always so with an obstacle, which no other solver takes.
        """
        try:
            problem = self._equations(ProximalStep(law, state, 1.0))
        except ValueError:
            return False
        locals_ = [conjugate.local for conjugate in problem.conjugates.values()]
        fast = any(m < 1 and not local.entropy for local in locals_ for _, m in local.powers)
        alone = any(local.forbidden.any() for local in locals_)
        return alone or not (fast or problem.filling)

    def solve(self, step: ProximalStep) -> ProxResult:
        problem = self._equations(step)
        with np.errstate(all="ignore"):  # what overflows ends in the status
            at, status, iterations = self._solve(problem, self.tolerance)
            return problem.answer(at, status, iterations)

    def _solve(self, problem: GridStep, tolerance: float) -> tuple[Trial, Status, int]:
        """From the answer on a coarser grid where there is one; with ever thinner floors under vacuum that has to fill."""
        coarse, phi = problem.coarser(), None
        if coarse is not None:
            below, _, _ = self._solve(coarse, max(tolerance, _COARSE))
            if np.isfinite(below.residual):
                phi = np.stack([doubled(one) for one in coarse.tidied(below)])
        phi = problem.start() if phi is None else phi
        phi = problem.from_support(phi) if problem.continued else phi
        iterations = 0
        for floor in problem.floors(tolerance):
            padded = problem.floored(floor)
            at, _, used = self._iterate(padded, phi, max(tolerance, _COARSE))
            iterations += used
            phi = at.phi
        at, status, used = self._iterate(problem, phi, tolerance)
        iterations += used
        if status.ok or problem.charged is None:
            return at, status, iterations
        risen, further = self._through_weaker(problem)
        again, status_again, used = self._iterate(problem, risen, tolerance)
        iterations += further + used
        return (again, status_again, iterations) if again.residual < at.residual else (at, status, iterations)

    def _through_weaker(self, problem: GridStep) -> tuple[Array, int]:
        """The potentials along a path of rising charge, for a step in which mass far apart is drawn together."""
        phi, iterations = problem.weaker(_RISING**_RUNGS).start(), 0
        for rung in range(_RUNGS, 0, -1):
            at, _, used = self._iterate(problem.weaker(_RISING**rung), phi, max(self.tolerance, _COARSE))
            phi, iterations = at.phi, iterations + used
        return phi, iterations

    def _iterate(self, problem: GridStep, phi: Array, tolerance: float) -> tuple[Trial, Status, int]:
        at = problem.mended(problem.trial(phi))
        if not np.isfinite(at.residual):
            return at, Status.NOT_FINITE, 0
        recent: list[float] = []
        best, since, ascending = at, 0, at.residual > _CLOSE and problem.ascends
        for iterations in range(self.max_iterations):
            if at.residual <= tolerance:
                return at, Status.CONVERGED, iterations
            if ascending:
                new = problem.trial(problem.back_and_forth(at))
                ascending = _CLOSE < new.residual < _SLOW * at.residual
                at = new if np.isfinite(new.residual) else at
            else:
                recent = [*recent[-_MEMORY:], at.residual]
                stuck = since >= _STUCK or problem.continued
                new, share = _line_search(problem, at, max(recent) if stuck else at.residual)
                ascending = share < _SHORTEST and problem.ascends
                if not ascending and not np.isfinite(new.residual):
                    return best, Status.STALLED, iterations + 1
                at = at if ascending else new
            best, since = (at, 0) if at.residual < 0.9 * best.residual else (best, since + 1)
            if since > _PATIENCE:
                return (at if at.residual < best.residual else best), Status.STALLED, iterations + 1
        status = Status.CONVERGED if at.residual <= tolerance else Status.ITERATION_LIMIT
        return (at if at.residual < best.residual else best), status, self.max_iterations


def _line_search(problem: GridStep, at: Trial, ceiling: float) -> tuple[Trial, float]:
    """The trial at the end of a Newton step, halved until the residual falls, and the share of the step that was taken.

    If it is cut, the longest share that stays below the ceiling instead.
    """
    change = newton(problem, at)
    share, rising = 1.0, (at, 0.0)
    while True:
        new = problem.mended(problem.trial(at.phi + share * change))
        if new.residual < (1 - 0.1 * share) * at.residual:
            break
        if new.residual < (1 - 0.1 * share) * ceiling and share > rising[1]:
            rising = new, share
        if share < _SHORTEST:
            break
        share /= 2
    return rising if rising[1] > share else (new, share)
