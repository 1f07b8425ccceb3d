"""The exact JKO step on a grid: the back-and-forth ascent, then Newton's method on the pulled-back density."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np

from ...._log import log_iteration
from ...._status import Status
from ...._typing import Array
from ....laws import Law
from ....laws.forms import Bound, External, Forbidden, Form, General, Internal, Pair, UniformCoupling
from ....measures import Density, Measure, Species
from ...base import IterativeSolver, ProximalStep, ProxResult
from ...verification import checked
from ..translations import MOST_MOVES, better_place, moved
from .equations import GridStep
from .folds import folded_share, unfolded
from .newton import newton_change
from .refinement import doubled
from .trial import Trial

_COARSE = 1e-3  # tolerance of the residual with a thicker floor and with weaker charges
_COARSER = 10  # tolerances: that on coarser grids; one with an entropy, whose tails weigh little and are followed far
_CLOSE = 0.1  # residual below which Newton's method takes over from the ascent
_SLOW = 0.7  # an ascent after which the residual is above this share of the last one gives way to Newton's method
_SHORTEST = 1 / 32  # a Newton step cut below this share calls for another ascent
_MEMORY = 4  # a Newton step may go back up to the largest of the last residual and this many before it
_STUCK = 3  # iterations without a gain of a tenth after which the residual may rise: a kink of (U*)' lies across the way down
_RISING, _RUNGS = 0.25, 7  # coupling by charge on the way to its full strength: ratio between rungs, and number of rungs
_NEAR, _CAREFUL = 12, 0.3  # from a guess: iterations before it is given up, and share of the tolerance to be reached
_FOLDED, _SOON = 4e-4, 20  # share of the mass in folds from which they are looked at; iterations for that
_PATIENCE = 15  # iterations without a gain of a tenth
_FINE, _ROUNDING, _POLISH = 1e-3, 1e-12, 3  # share of the motion that the residual may be; its least; iterations for that


class _Outcome(NamedTuple):
    """The end of an iteration: the trial it stops at, the status, and the number of iterations."""

    trial: Trial
    status: Status
    iterations: int


@dataclass(frozen=True)
class BackAndForth(IterativeSolver):
    """One exact JKO step on a grid, in 1, 2 or 3 dimensions: no entropic blur, no freezing.

        min over rho:  sum_i W2(rho_i, anchor_i)^2 / (2 tau alpha_i) + E(rho_1, ..., rho_S),   E = int U(rho) + V rho + ...

    The dual unknown of a species is phi: minus the Kantorovich potential, over tau alpha. It gives the density twice:

        (U*)'(phi - V)   =   anchor pulled back through  S(x) = x + tau alpha grad phi(x).

    The step is solved when both sides agree.

    * The left side is never negative. It gets its mass by a constant in phi.
    * The right side is summed exactly over moved cells (``PullBack``). It keeps the mass whatever phi.

    Method: The solver begins with the answer on cells twice as wide. Far from the answer, phi and its c-transform climb the
    concave dual of Jacobs and Leger in turn, preconditioned by cosine transforms. Close to the answer, Newton's method with
    the exact derivative of the pull-back takes over. GMRES with a multigrid cycle solves its linear systems.

    Parameters
    ----------
    tolerance : float
        Bound on the residual: the L1 distance between the two densities over the mass, the largest over the species. Where a
        few more iterations get there, the residual is also below a thousandth of the share of the mass that changes.
    max_iterations : int
        Bound on the number of ascents and Newton steps together, on each grid.

    Notes
    -----
    BackAndForth accepts sums with non-negative coefficients of

    * Entropy, RenyiEntropy (m > 1, and m < 1 for densities without vacuum), and other internal energies;
    * Congestion and Obstacle;
    * Potential;
    * Interaction, CrossInteraction, DirichletCoupling and Functional, solved jointly for all species. Their fields are taken
      at the answer, with their response in Newton's step.

    Each species needs an internal energy or Congestion. If E is not convex along the step, the answer is a critical point.

    A DirichletCoupling: the multigrid cycle has psi as one more unknown. So the matrix of the cycle is sparse and symmetric
    whatever the strength of the coupling. The ascent, which would fix psi, is left out.

    Accuracy: second order in the cell width. For smooth flows on the line the leading error is known
    (docs/theory/grid-step-error.md, section 5). The exact JKO iterate of the Barenblatt density is met to 1e-4 in relative
    L1 on 256 x 256 cells (``benchmarks/grids.py``). Displacements far below a cell are resolved in proportion. Under a bound
    alone, a compressibility stands in for the missing internal energy: a fifth of the fall of the potential over a cell. It
    acts as an O(h) diffusion, h being the cell width.

    Place: where the terms do not change as all mass moves, as for attraction, cells hold fronts back by more than the distance
    of a long step pulls. The discrete objective then has critical points some cells apart. The solver compares its answer with
    the answer moved by cells, and goes on from the better one. So the place is right to half a cell, or the status is REFUTED.

    On a torus, and in a channel that closes on itself, maps go the shortest way round. There the linear systems are factorised,
    and couplings by charge are refused.

    ``gap`` of the answer is the cost of the map less the Kantorovich dual of phi, in units of the energy. For the optimal map
    it is 0, up to the quadrature of second order; so it may fall below 0. CONVERGED says that the residual is small. The gap
    says whether the map is optimal.

    ``distances`` are the lengths of the map. Next to obstacles the map does not say how far mass has moved: there
    ``distances`` come from the dual, and the gap is NaN.

    Vacuum: an entropy may have to fill a vacuum beyond a jump of the anchor, as in the first step from the indicator of a
    set. Then the map collapses far cells onto the edge of the support.

    * On the line the mass is continued beyond the ends of the support (``PullBack``). The iteration converges as elsewhere,
      across gaps too.
    * In the plane and in space the iteration stalls, mostly at a residual between 1e-5 and 1e-3, at large dt higher, and the
      status says so. Start with a positive density, or take Entropic, as ``JKO()`` does then.

    Cost of a Newton step on n cells, O(n); the finest grid takes 3 to 10 Newton steps:

    =====================================  ======================  ======================
    part                                   in the plane            in space
    =====================================  ======================  ======================
    one pull-back                          6 segments a cell       12 cut triangles a cell
    3 to 10 products, each with a V-cycle  30 operations a cell    900 operations a cell
    memory                                 60 arrays of n numbers  150 arrays of n numbers
    =====================================  ======================  ======================

    Source: Jacobs and Leger (2020), and Jacobs, Lee and Leger, The back-and-forth method for Wasserstein gradient flows
    (arXiv:2011.08151), for the dual and the ascent. The start, the pull-back (docs/theory/pull-back.md, section 2) and
    Newton's method are our own.

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
    takes_guess: ClassVar[bool] = True
    takes_torus: ClassVar[bool] = True
    measures: ClassVar[tuple[type[Measure], ...]] = (Density,)
    takes: ClassVar[tuple[type[Form], ...]] = (Internal, Bound, Forbidden, External, Pair, UniformCoupling, General)

    def prepare(self, step: ProximalStep) -> GridStep:
        """The equations of a step. Raises ValueError for a step that BackAndForth does not accept."""
        self.must_take(step)
        if step.grid.periodic and step.forms.couplings:
            raise ValueError(
                f"BackAndForth takes couplings by charge in boxes, got {step.forms.couplings[0].term!r} on a torus: "
                "take FiniteVolume()"
            )
        return GridStep.of(step)

    def suits_law(self, law: Law, state: Species) -> bool:
        """Return True if Newton's method is known to solve the steps of flows of the law from states without sharp edges.

        In this order:

        * False for a law or state that BackAndForth does not accept;
        * True with an obstacle;
        * False for fast diffusion (RenyiEntropy with m < 1) without an entropy.
        """
        return self._suited(law, state) is not None

    def suits(self, law: Law, state: Species) -> bool:
        """Return True if Newton's method is known to solve a step of the law from ``state``.

        In this order:

        * False if ``suits_law`` is;
        * True with an obstacle;
        * False if an entropy has to fill a vacuum beyond a jump of the density;
        * False without drifts, if a density with an entropy falls by more than a factor of 4 between two cells. In a first step
          the answer would spread by a share of a cell whatever tau (measured: 5 times too far at tau = 1e-5 on 32^2 cells).
        """
        problem = self._suited(law, state)
        if problem is None:
            return False
        drifts = bool(problem.joint or law.forms.external)
        edges = problem.fills_vacuum or (problem.has_unresolved_jump and not drifts)
        return bool(law.forms.obstacles) or not edges

    def _suited(self, law: Law, state: Species) -> GridStep | None:
        """The equations of a step of a law that suits the solver; None for others."""
        try:
            problem = self.prepare(ProximalStep(law, state, 1.0))
        except ValueError:
            return None
        local_energies = [conjugate.local for conjugate in problem.conjugates.values()]
        fast = any(m < 1 and not local.entropy for local in local_energies for _, m in local.powers)
        return None if fast and not law.forms.obstacles else problem

    def solve(self, step: ProximalStep) -> ProxResult:
        problem: GridStep = self.prepared(step)
        with np.errstate(all="ignore"):  # an overflow ends in the status
            near = self._from_guess(problem, step.guess)
            if near is not None and near.status.ok:
                return self._in_its_place(step, problem, near)
            outcome = self._beyond_walls(problem, self._solve(problem, self.tolerance))
            used = 0 if near is None else near.iterations
            return self._in_its_place(step, problem, outcome._replace(iterations=used + outcome.iterations))

    def _in_its_place(self, step: ProximalStep, problem: GridStep, outcome: _Outcome) -> ProxResult:
        """The answer with the status that checks apart from the iteration bear out.

        If its objective falls as species move by cells, the iteration goes on from there.
        """
        outcome = self._unfolded(problem, _polished(problem, outcome))
        answer, translation = problem.answer(*outcome), None
        potentials = {name: conjugate.local.potential for name, conjugate in problem.conjugates.items()}
        for _ in range(MOST_MOVES):
            translation = better_place(step, potentials, answer)
            if translation is None:
                break
            phi = outcome.trial.phi.copy()
            for k, (name, tau) in enumerate(zip(problem.names, problem.taus, strict=True)):
                if name in translation.names:
                    phi[k] = moved(problem.grid, phi[k], translation, -1 / tau)
            trial, status, used = self._from_there(problem, phi)
            if not status.ok and (outcome.status.ok or trial.residual >= outcome.trial.residual):
                break
            moved_outcome = _Outcome(trial, status, outcome.iterations + used)
            outcome = self._unfolded(problem, _polished(problem, moved_outcome))
            answer = problem.answer(*outcome)
        if translation is not None and answer.status.ok:
            answer = replace(answer, status=Status.REFUTED)
        return checked(step, answer, slack=0.1)

    def _unfolded(self, problem: GridStep, outcome: _Outcome) -> _Outcome:
        """The outcome, or one that folds less mass, to which the iteration converges soon from phi^cc where the map folds.

        Less than a share ``_FOLDED`` of the mass in folds moves the density by far less: it is left.
        """
        best, share, hasty = outcome, 0.0, replace(self, max_iterations=min(_SOON, self.max_iterations))
        if outcome.status.ok and problem.grid.dim > 1:
            share = folded_share(problem, outcome.trial)
        for everywhere in (False, True, True):
            if share < _FOLDED:
                break
            start = unfolded(problem, outcome.trial, everywhere)
            trial, status, used = hasty._iterate(problem, start, self.tolerance)
            outcome = _polished(problem, _Outcome(trial, status, outcome.iterations + used))
            if not status.ok:
                break
            new_share = folded_share(problem, outcome.trial)
            best, share = (outcome, new_share) if new_share < share else (best, share)
        return best._replace(iterations=outcome.iterations)

    def _from_there(self, problem: GridStep, phi: Array) -> _Outcome:
        """Iterate from moved potentials, or from c-concave ones in their place: from these first on a torus, which is cut."""
        used = 0
        for concave in (True, False) if problem.grid.periodic else (False, True):
            start = problem.c_concave_from_supports(phi) if concave else phi
            trial, status, iterations = self._iterate(problem, start, self.tolerance)
            used += iterations
            if status.ok:
                break
        return _Outcome(trial, status, used)

    def _from_guess(self, problem: GridStep, guess: Mapping[str, Array]) -> _Outcome | None:
        """Iterate from potentials that were guessed, a few times, well below the tolerance: a good guess must not end it early.

        None if there are none, if the step fills a vacuum, or if a species has an entropy: other starts are better there.
        """
        if problem.fills_vacuum or problem.entropic or not all(name in guess for name in problem.names):
            return None
        if any(guess[name].shape != problem.grid.shape for name in problem.names):
            return None
        phi = np.stack([-guess[name] / tau for name, tau in zip(problem.names, problem.taus, strict=True)])
        hasty = replace(self, max_iterations=min(_NEAR, self.max_iterations))
        trial, _, used = hasty._iterate(problem, phi, _CAREFUL * self.tolerance)
        status = Status.CONVERGED if used > 0 and trial.residual <= self.tolerance else Status.ITERATION_LIMIT
        return _Outcome(trial, status, used)

    def _solve(self, problem: GridStep, tolerance: float) -> _Outcome:
        """Iterate from the answer on a coarser grid, if there is one.

        A step that fills a vacuum is approached through anchors with ever thinner floors. If the iteration fails with a
        coupling by charge, it is repeated from the answers with weaker couplings.
        """
        coarse, phi = problem.coarser(), None
        if coarse is not None:
            coarse_trial, _, _ = self._solve(coarse, (1 if problem.entropic else _COARSER) * self.tolerance)
            if np.isfinite(coarse_trial.residual):
                phi = np.stack([doubled(potential, coarse.periodic) for potential in coarse.c_concave_in_vacuum(coarse_trial)])
        phi = problem.start() if phi is None else phi
        phi = problem.c_concave_from_supports(phi) if problem.continued else phi
        iterations = 0
        for floor in problem.floors(tolerance):
            floored = problem.with_floor(floor)
            trial, _, used = self._iterate(floored, phi, max(tolerance, _COARSE))
            iterations += used
            phi = trial.phi
        trial, status, used = self._iterate(problem, phi, tolerance)
        iterations += used
        if status.ok or problem.charged is None:
            return _Outcome(trial, status, iterations)
        phi_through_weaker, further = self._through_weaker_charges(problem)
        again, status_again, used = self._iterate(problem, phi_through_weaker, tolerance)
        iterations += further + used
        if again.residual < trial.residual:
            return _Outcome(again, status_again, iterations)
        return _Outcome(trial, status, iterations)

    def _beyond_walls(self, problem: GridStep, outcome: _Outcome) -> _Outcome:
        """The outcome. If the iteration failed on the line, it goes on with masses that are continued beyond the walls."""
        if outcome.status.ok or not problem.may_go_beyond or not np.isfinite(outcome.trial.residual):
            return outcome
        beyond, _, used = self._iterate(problem.beyond_the_walls(), outcome.trial.phi, self.tolerance)
        trial, status, further = self._iterate(problem, beyond.phi, self.tolerance)
        iterations = outcome.iterations + used + further
        if trial.residual < outcome.trial.residual:
            return _Outcome(trial, status, iterations)
        return outcome._replace(iterations=iterations)

    def _through_weaker_charges(self, problem: GridStep) -> tuple[Array, int]:
        """The potentials along a path of rising coupling by charge, and the number of iterations.

        This is for a step in which charge draws together mass that is far apart.
        """
        phi, iterations = problem.with_charges_scaled(_RISING**_RUNGS).start(), 0
        for rung in range(_RUNGS, 0, -1):
            trial, _, used = self._iterate(problem.with_charges_scaled(_RISING**rung), phi, max(self.tolerance, _COARSE))
            phi, iterations = trial.phi, iterations + used
        return phi, iterations

    def _iterate(self, problem: GridStep, phi: Array, tolerance: float) -> _Outcome:
        """Ascents of the dual while they pay, and Newton steps, until the residual is below the tolerance."""
        trial = problem.repaired(problem.trial(phi))
        if not np.isfinite(trial.residual):
            return _Outcome(trial, Status.NOT_FINITE, 0)
        recent: list[float] = []
        best, since, ascending = trial, 0, trial.residual > _CLOSE and problem.ascends
        for iterations in range(self.max_iterations):
            log_iteration("BackAndForth", iterations, trial.residual)
            if trial.residual <= tolerance:
                return _Outcome(trial, Status.CONVERGED, iterations)
            if ascending:
                new = problem.trial(problem.back_and_forth(trial))
                ascending = _CLOSE < new.residual < _SLOW * trial.residual
                trial = new if np.isfinite(new.residual) else trial
            else:
                recent = [*recent[-_MEMORY:], trial.residual]
                stuck = since >= _STUCK or problem.continued
                new, share = _line_search(problem, trial, max(recent) if stuck else trial.residual)
                ascending = share < _SHORTEST and problem.ascends
                if not ascending and not np.isfinite(new.residual):
                    return _Outcome(best, Status.STALLED, iterations + 1)
                trial = trial if ascending else new
            best, since = (trial, 0) if trial.residual < 0.9 * best.residual else (best, since + 1)
            if since > _PATIENCE:
                return _Outcome(trial if trial.residual < best.residual else best, Status.STALLED, iterations + 1)
        status = Status.CONVERGED if trial.residual <= tolerance else Status.ITERATION_LIMIT
        return _Outcome(trial if trial.residual < best.residual else best, status, self.max_iterations)


def _polished(problem: GridStep, outcome: _Outcome) -> _Outcome:
    """The outcome of an iteration that converged, with a residual far below the motion, if a few more Newton steps get there.

    In a short step a residual below the tolerance may be as large as all that moves.
    """
    trial, status, iterations = outcome
    changes = np.abs(trial.rho - problem.mu).reshape(len(problem.names), -1).sum(axis=1)
    moved = float((changes / problem.totals).max())
    for _ in range(_POLISH if status.ok else 0):
        if trial.residual <= max(_FINE * moved, _ROUNDING):
            break
        new, _ = _line_search(problem, trial, trial.residual)
        if not new.residual < trial.residual:
            break
        trial, iterations = new, iterations + 1
    return _Outcome(trial, status, iterations)


def _line_search(problem: GridStep, trial: Trial, ceiling: float) -> tuple[Trial, float]:
    """The trial at the end of a Newton step, and the share of the step that is taken.

    The step is halved until the residual falls. If it has to be cut, the longest share whose residual stays below the
    ceiling is taken instead.
    """
    change = newton_change(problem, trial)
    share, below_ceiling = 1.0, (trial, 0.0)
    while True:
        new = problem.repaired(problem.trial(trial.phi + share * change))
        if new.residual < (1 - 0.1 * share) * trial.residual:
            break
        if new.residual < (1 - 0.1 * share) * ceiling and share > below_ceiling[1]:
            below_ceiling = new, share
        if share < _SHORTEST:
            break
        share /= 2
    return below_ceiling if below_ceiling[1] > share else (new, share)
