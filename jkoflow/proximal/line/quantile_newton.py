"""The exact JKO step on quantiles, by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ..._log import log_iteration
from ..._status import Status, UnresolvedWarning
from ..._typing import Array, Mask
from ...laws.forms import Bound, Eliminated, External, Form, Internal, Pair, Shared, UniformCoupling
from ...measures import Measure, Quantiles
from ..base import IterativeSolver, ProximalStep, ProxResult
from ..continuation import through_shares
from .clusters import Join, joins, no_cut_lowers_objective
from .derivatives import steps_in_cells
from .model import Model, potential_along
from .monotone import ConeStep, NotConvexError, brought_together, minimiser_with_closed_gaps, step_in_cone
from .problem import LineProblem
from .rows import would_mix

_NEGLIGIBLE = 1e-9  # share of the mass that may lie in unresolved cells
_RESOLVED = 32  # spacings of the numbers: a cell with a barrier that is thinner is unresolved
_DECREASE, _POOR, _STRAIGHT = 1e-4, 0.2, 0.6  # shares of the descent that the slope promises, in the line search
_SURE = 1e3  # tolerances: the largest distance that the remaining force may still drive the nodes
_SHORTEST = 1e-24  # share of a step: under |x|^1.5 the widths of a cloud that collapses are squared in a step
_ROUNDINGS = 64  # spacings of the numbers: the most that counts as rounding of a node
_HALVINGS = 40  # of an interval
_HIDDEN, _FLAT = 1e4, 0.5  # roundings of the value: smaller descents are judged by slopes; the share to which these must fall
_NEAR = (1e-6, 1e-4)  # shares of the extent: distances within which atoms are joined
_BLURS, _ROUGH = 8, 1e-4  # the number of lengths by which tips are rounded off, each a tenth of the last; the tolerance there
_PATIENT = 20  # iterations that must be allowed for shorter steps to be tried
_MOST_IN_ALL = 6  # the most iterations of a step that is solved through shorter ones, in units of ``max_iterations``
_SHOWN = 0.3  # of the pressure over the density: what a potential may step within a cell
_STEP_IN_CELL = (
    "QuantileNewton does not resolve this step: a potential{} steps within a cell, so the densities on both sides of it may "
    "stay away from their equilibrium. Take a ramp as wide as some cells, more cells, or a Density"
)
_SHRINK = 0.1  # least share of its width that a cell with a barrier at width 0 keeps in an iteration


@dataclass(frozen=True)
class QuantileNewton(IterativeSolver):
    """The exact JKO step on Quantiles, by Newton's method.

    W2 on the line is the L2 distance of pseudo-inverses. So the step is

        minimise over nodes x   sum_i int |X_i - Y_i|^2 ds / (2 tau alpha_i) + E(X),    X_i piecewise linear, non-decreasing

    This is a smooth problem in sum N_i numbers, with no transport to be found. It is solved by Newton's method with a line
    search. An active set keeps X non-decreasing, the density within its bounds and the mass within the walls. Atoms are exact
    atoms: their nodes coincide.

    Parameters
    ----------
    tolerance : float
        The iteration ends when Newton's correction is below ``tolerance`` times the extent, root mean square in every species.
        The extent is that of the mass, or the way that the mass has come if that is longer. The relative error of the answer is
        then about the square of ``tolerance``.
    max_iterations : int
        Of Newton's method. Each costs one solve per change of the active set.

    Notes
    -----
    **Accepts** any sum of these terms, for several species jointly, with walls or without, and further anchors (BDF2):

    * Entropy, RenyiEntropy (any m) and CustomInternalEnergy: cells must have positive width;
    * Congestion;
    * Potential, given by a function;
    * Interaction and CrossInteraction;
    * DirichletCoupling;
    * fields that are solved for together with the masses (``JKO`` with a FieldEnergy).

    **Integration over cells.** Internal energies are exact. The kernel |x| is exact, by ranks and distribution functions.
    Smooth potentials and kernels are integrated by three Gauss points a cell, which is exact to degree 5. The waves of fields
    are exact.

    **Convergence.** If the energy is convex in X (displacement convex), every descent ends in the one minimiser. The iteration
    is made to reach it from any admissible anchor at any tau. Otherwise it descends to a critical point. If it does not arrive,
    it tries again from the answers to shorter steps, up to the whole one. If that fails too, the status says so.

    **Potentials with kinks, jumps and steep places** are taken in polynomial pieces, whose means over cells are exact. A jump
    becomes a ramp of a millionth of the extent. Where a potential steps within a cell by more than .3 of the pressure over the
    density, the status is UNRESOLVED: the densities on both sides of it may stay away from their equilibrium. Take a ramp of
    some cells, more cells, or a Density.

    **Atoms that meet** follow the minimal selection:

    * A pointed attractive kernel within a species keeps together what it has brought together.
    * Atoms of different species stay together as long as the tip can hold them (docs/theory/coincidences.md, section 7).
    * A pointed repulsive kernel spreads the atoms of its own species.

    If many atoms meet in one step, the tips are rounded off less and less, which shows which atoms come together. If there are
    attractive tips between species, or to frozen atoms, the status is CONVERGED only after two tests:

    * The remaining force would move the nodes against their inertia by at most 1e3 tolerances, up to rounding.
    * No cut of what has met lowers the objective to first order, up to rounding. A cut divides every species of a cluster once
      (docs/theory/clusters.md, section 5.1).

    There is one exception without these tests: every species is one atom, and the line search finds no lower point. What the
    test of cuts proves for a convex objective depends on the cells:

    * If no cell with mass opens, the test is complete: no splitting lowers the objective
      (docs/theory/clusters.md, sections 5.2 and 5.3). So it is for atoms of the anchor whose species does not repel itself by
      a tip.
    * If cells with mass may open, the test may accept a cluster that should open. The slope that it misses is of the order of
      the mass of one cell (docs/theory/clusters.md, section 5.4).

    **Cost** per iteration:

    * O(n) for internal energies, potentials, and the kernels |x|, x^2, x^4, ..., Morse and their sums: a tridiagonal solve, or
      conjugate gradients with it as preconditioner;
    * O(n times the cells of the field) for fields, within conjugate gradients;
    * for other kernels tables of 9 n^2 pairs, and a dense solve up to 2500 nodes.

    Typically 3 to 10 iterations.

    ``residual`` is the product distance (a length) of the last correction. ``iterations`` counts those of all stages.

    Source: the step as a problem in quantiles, docs/theory/two-species.md, section 1.7; Blanchet, Calvez, Carrillo (2008);
    the active set, Hintermueller, Ito, Kunisch (2002).

    Examples
    --------
    >>> import numpy as np, jkoflow as jf
    >>> uniform = jf.Species.of(jf.Quantiles(np.linspace(-1, 1, 11)))
    >>> step = jf.ProximalStep(jf.Interaction(jf.PowerLaw(1)), uniform, tau=0.25)       # |x| pulls: X' = X - tau (2 s - 1)
    >>> QuantileNewton().solve(step).state[""].nodes[-1]
    np.float64(0.75)
    """

    tolerance: float = 1e-11
    max_iterations: int = 100
    solves: ClassVar[str] = "the exact step among measures with the mass nodes of the anchor"
    measures: ClassVar[tuple[type[Measure], ...]] = (Quantiles,)
    takes: ClassVar[tuple[type[Form], ...]] = (Internal, Bound, Shared, External, Pair, UniformCoupling, Eliminated)
    several_anchors: ClassVar[bool] = True

    def prepare(self, step: ProximalStep) -> LineProblem:
        """The step as a problem in the nodes. Raises ValueError if the step is not accepted."""
        self.must_take(step)
        return LineProblem(step)

    def solve(self, step: ProximalStep) -> ProxResult:
        problem: LineProblem = self.prepared(step)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # the status tells
            end = self._newton(problem, problem.start, self.tolerance)
            if not end.status.ok and problem.tips:
                end = self._through_blur(problem, end)
            if not end.status.ok and not step.further and self.max_iterations >= _PATIENT:
                end = self._through_shorter_steps(step, problem, end)
            end = _checked(problem, end)
            shared = end.status.ok and problem.terms.sums
            if shared and would_mix(problem.terms, problem.chains, problem.energy(end.x), end.x):
                end = replace(end, status=Status.MIXING)
        warning = None
        if end.status is Status.CONVERGED and (name := _with_step_in_cell(problem, end.x)) is not None:
            of = f" of {name!r}" if name else ""
            end, warning = replace(end, status=Status.UNRESOLVED), UnresolvedWarning(_STEP_IN_CELL.format(of))
        distances = {chain.name: chain.distance(end.x, problem.start_of(chain)) for chain in problem.chains}
        potentials = {chain.name: potential_along(end.x[chain.nodes], problem.start_of(chain)) for chain in problem.chains}
        return ProxResult(
            problem.state(end.x), distances, potentials, end.status, end.iterations, end.residual, warning=warning
        )

    def _through_shorter_steps(self, step: ProximalStep, problem: LineProblem, failed: _End) -> _End:
        """Newton's method from the answers to shorter steps; ``failed`` if that fails too."""

        def solve(share: float, x: Array, left: int) -> _End:
            part = problem if share == 1 else LineProblem(replace(step, tau=share * step.tau))
            return self._newton(part, x, self.tolerance if share == 1 else _ROUGH)

        reached = through_shares(solve, problem.start, _MOST_IN_ALL * self.max_iterations, slowest=1.5)
        return replace(reached.end or failed, iterations=failed.iterations + reached.iterations)

    def _through_blur(self, problem: LineProblem, end: _End) -> _End:
        """Find out which atoms come together, after a first attempt that ended at ``end`` without success.

        The attempts, until one converges (docs/theory/clusters.md, section 4):

        1. Newton's method from ``end``, with atoms joined that are near one another.
        2. Newton's method from the anchor with tips that are rounded off less and less; then as in 1 from where that led.
        """
        iterations, x = end.iterations, problem.start
        extent = max(problem.length(x), *(chain.mean_square(end.x - x) for chain in problem.chains))
        for near in _NEAR:
            end = self._newton(problem, end.x, self.tolerance, near * extent)
            iterations += end.iterations
            if end.status.ok:
                return replace(end, iterations=iterations)
        for blur in extent * 0.1 ** np.arange(_BLURS):
            problem.blur = float(blur)
            end = self._newton(problem, x, _ROUGH)
            iterations, x = iterations + end.iterations, end.x
        problem.blur = 0.0
        for near in _NEAR:
            end = self._newton(problem, x, self.tolerance, near * extent)
            iterations += end.iterations
            if end.status.ok:
                break
        return replace(end, iterations=iterations)

    def _newton(self, problem: LineProblem, x: Array, tolerance: float, near: float = 0.0) -> _End:
        """Newton's method from x, with the atoms joined that are at most ``near`` apart.

        The status is CONVERGED in two cases:

        * The correction is negligible, the clusters pass ``no_cut_lowers_objective``, and if there are tips the remaining force
          is negligible.
        * Every species is one atom, and a cautious line search finds no lower point. Then nothing else is tested.
        """
        status, residual, iterations = Status.ITERATION_LIMIT, np.inf, 0
        closed = ~problem.barrier & np.isfinite(problem.floors) & (np.diff(x) <= problem.floors + near)
        tips = problem.tips if problem.blur == 0 else []
        joined = joins(tips, x, closed, near)
        x, cautious = brought_together(x, closed, joined, problem.floors, problem.fixed), False
        model = problem.start_model if x is problem.start and problem.blur == 0 else problem.evaluate(x)
        while iterations < self.max_iterations:
            iterations += 1
            if not np.isfinite(model.value) or not np.all(np.isfinite(model.gradient)):
                status = Status.NOT_FINITE
                break
            widths, thinnest = np.diff(x), _RESOLVED * np.spacing(float(np.abs(x).max()))
            least = np.maximum(_SHRINK * widths, np.minimum(widths, thinnest))
            floors = np.where(problem.barrier, least, problem.floors)
            pinned = closed & ~(problem.barrier & (least < widths))
            aim = self._aim(problem, x, model, floors, pinned, joined, cautious)
            if aim is None:
                status = Status.STALLED
                break
            p, closed = aim.nodes - x, aim.closed
            residual = problem.distance(p)
            log_iteration("QuantileNewton", iterations, residual)
            # a cell with a barrier was stopped at its least width, or too much mass lies in cells that are not resolved
            stopped = np.any(closed & problem.barrier & (least > thinnest)) or problem.unresolved_share(closed) > _NEGLIGIBLE
            if not np.isfinite(residual):
                status = Status.NOT_FINITE
                break
            done = problem.correction_is_negligible(aim, x, model, tolerance if aim.settled else 0.0)
            if done and not stopped:
                x, slack = aim.nodes, 1e-10 * (model.forces + problem.total_tip_strength())
                optimal = no_cut_lowers_objective(tips, joined, aim.group, closed, problem.fixed, aim.gradient, slack)
                optimal = optimal and (not tips or self._remaining_force_is_negligible(problem, x, floors, closed, joined))
                status = Status.CONVERGED if optimal else Status.STALLED
                break
            lower = _line_search(problem, x, aim.nodes, model)
            if lower is None:
                status = Status.STALLED
                break
            if np.array_equal(lower[0], x) and cautious:  # nothing lower that numbers can tell from x
                status = Status.CONVERGED if problem.at_one_place(x) else Status.STALLED
                break
            promised = -float(model.gradient @ (lower[0] - x))
            poor = model.value - lower[1].value < _POOR * promised and promised > 1e-12 * model.size
            cautious = poor or np.array_equal(lower[0], x)
            x, model = lower
        return _End(x, status, iterations, residual)

    def _remaining_force_is_negligible(
        self, problem: LineProblem, x: Array, floors: Array, closed: Mask, joined: list[Join]
    ) -> bool:
        """Return True if the gradient at x bounds the error to little more than the tolerance and rounding.

        Newton's correction alone does not show this: where thin cells of two species make the objective stiff, the correction
        is small however large the force. A convex objective grows at least as its inertia does away from the minimiser. So the
        minimiser is no farther than the force would drive the nodes against their inertia alone. The test is that this
        distance, root mean square in every species, is below ``_SURE * tolerance * extent`` plus what rounding can cause.
        """
        model = problem.evaluate(x)
        of_rounding = model.diagonal * np.spacing(float(np.abs(x).max()))
        driven, noise = (
            minimiser_with_closed_gaps(x, problem.inert(force), floors, problem.fixed, closed, joined) - x
            for force in (model.gradient, of_rounding)
        )
        allowed, rounding = _SURE * self.tolerance * problem.extent(x), np.finfo(float).eps * model.forces
        return all(
            chain.mean_square(driven)
            <= allowed + 8 * (chain.mean_square(noise) + rounding / (chain.inertia * float(chain.masses.sum())))
            for chain in problem.chains
        )

    def _aim(
        self, problem: LineProblem, x: Array, model: Model, floors: Array, closed: Mask, joined: list[Join], cautious: bool
    ) -> ConeStep | None:
        """The minimiser of the model in the cone; None if there is none.

        If the model is not convex, or ``cautious`` is true, it is the minimiser of the convex part of the model.
        """
        for convexified in (True,) if cautious else (False, True):
            try:
                if convexified:
                    model = problem.evaluate(x, convexified=True)
                return step_in_cone(x, model, floors, problem.fixed, closed, joined)
            except NotConvexError:
                continue
        return None


def _with_step_in_cell(problem: LineProblem, x: Array) -> str | None:
    """The name of a species with a potential that steps within a cell by more than its pressure over density, T, can show.

    Left and right of a node on a step of height J densities may differ by any factor from 1 + J / T to exp(J / T), and those of
    neighbours on a ramp of one or two cells by (1 + J / 2 T) / (1 - J / 2 T). So a step of .3 T makes an error of 4 %.
    """
    for chain in problem.chains:
        steps = steps_in_cells(problem.terms.points.get(chain.name, []), x[chain.nodes], problem.walls)
        if steps.any():
            work = np.abs(problem.energy(x).stress[chain.nodes.start : chain.nodes.stop - 1]) * np.diff(x[chain.nodes])
            if ((chain.masses * steps > _SHOWN * work) & (work > 0)).any():
                return chain.name
    return None


@dataclass(frozen=True)
class _End:
    """Where Newton's method ended."""

    x: Array
    status: Status
    iterations: int
    residual: float

    @property
    def unknowns(self) -> Array:
        """The nodes."""
        return self.x


def _checked(problem: LineProblem, end: _End) -> _End:
    """The end of the iteration with the nodes in order, and with what bears out its status.

    A step is not solved if its nodes cross by more than rounding. It is not solved either if its objective is above that of the
    anchor, unless the nodes moved by no more than rounding. If the objective of the anchor is less, the anchor is returned.
    """
    x, start = problem.in_order(end.x), problem.start
    spacing = float(np.spacing(np.abs(start).max() + np.abs(x).max()))
    crossed = float(np.abs(x - end.x).max()) > _ROUNDINGS * spacing
    before, (value, size, forces) = problem.start_model, problem.end_values(x)
    noise = 1e-12 * (before.size + size) + spacing * (before.forces + forces)
    worse = not value <= before.value + noise
    at_rest = float(np.abs(x - start).max()) <= _ROUNDINGS * spacing
    status = Status.STALLED if end.status.ok and (crossed or (worse and not at_rest)) else end.status
    return replace(end, x=start if worse and np.isfinite(before.value) else x, status=status)


def _line_search(problem: LineProblem, x: Array, full: Array, model: Model) -> tuple[Array, Model] | None:
    """Return a point on the line from x through ``full`` where the objective is lower, and the model there; None if none is.

    The way to ``full`` is halved until the objective falls. If it falls along the whole way almost as fast as its slope says,
    the search goes on beyond ``full``, and doubles the way as long as the objective falls. Cells that have to grow manyfold
    need this.
    """
    p = full - x
    slope = float(model.gradient @ p)
    of_nodes = 4 * float(np.spacing(np.abs(x).max())) * model.forces
    noise = 1e-14 * model.size + of_nodes
    if not slope <= noise:
        return None
    if of_nodes < -slope < _HIDDEN * noise:
        return _line_search_by_slopes(problem, x, p, slope)
    share = 1.0
    while share > _SHORTEST:
        trial = full if share == 1 else x + share * p
        after = problem.evaluate(trial)
        if after.value <= model.value + _DECREASE * share * min(slope, 0.0) + noise:
            break
        share /= 2
    else:
        return None
    if model.value - after.value > _STRAIGHT * abs(slope) > noise:
        while problem.admits(further := x + 2 * share * p):
            beyond = problem.evaluate(further)
            if not beyond.value < after.value:
                break
            trial, after, share = further, beyond, 2 * share
    return trial, after


def _line_search_by_slopes(problem: LineProblem, x: Array, p: Array, slope: float) -> tuple[Array, Model]:
    """Return a point from x to x + p where the slope along p is at most ``_FLAT`` of the first, and the model there.

    The interval in which the slope changes sign is halved. This is for the last iterations, where the rounding of the value
    hides the descent (the approximate conditions of Hager and Zhang 2005).
    """
    low, high, share = 0.0, 1.0, 1.0
    for _ in range(_HALVINGS):
        trial = x + share * p
        after = problem.evaluate(trial)
        here = float(after.gradient @ p)
        if abs(here) <= _FLAT * abs(slope) or (here < 0 and share == 1):
            break
        low, high = (share, high) if here < 0 else (low, share)
        share = (low + high) / 2
    return trial, after
