"""The exact JKO step on quantiles, by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ..._status import Status
from ..._typing import Array, Mask
from ...laws.forms import Bound, External, FieldCoupling, Form, Internal, Pair
from ...measures import Measure, Quantiles
from ..base import IterativeSolver, ProximalStep, ProxResult
from .clusters import Join, hold_together, joins
from .model import Model, potential_along
from .monotone import ConeStep, NotConvexError, brought_together, driven, step_in_cone
from .problem import LineProblem

_NEGLIGIBLE = 1e-9  # the share of the mass that may lie in cells that are not resolved
_RESOLVED = 32  # widths of cells with a barrier are not resolved below so many times the spacing of the numbers
_DECREASE, _POOR, _STRAIGHT = 1e-4, 0.2, 0.6  # of what the slope promises, in the line search
_SURE = 1e3  # tolerances: the bound on the error from the force that is left
_SHORTEST = 1e-24  # share of a step: under |x|^1.5 the widths of a cloud that collapses are squared in a step
_HALVINGS = 40  # of an interval
_HIDDEN, _FLAT = 1e4, 0.5  # descents of so many roundings of the value are judged by slopes, which have to fall by half
_NEAR = (1e-6, 1e-4)  # of the extent: what may come together in the end
_BLURS, _ROUGH = 8, 1e-4  # stages of rounding off, by tenths, and the tolerance in them
_SHRINK = 0.1  # a cell with a barrier at width 0 keeps at least this share of its width in an iteration


@dataclass(frozen=True)
class QuantileNewton(IterativeSolver):
    """The exact JKO step on Quantiles.

    W2 is the L2 distance of pseudo-inverses, so the step is to

        minimise over nodes x   sum_i int |X_i - Y_i|^2 ds / (2 tau alpha_i) + E(X),    X_i piecewise linear, non-decreasing

    a smooth problem in sum N_i numbers with no transport to be found. Solved by Newton's method with a line search; the cone
    of non-decreasing X, bounds on the density and walls are held by an active set, so that atoms are exact atoms.

    Parameters
    ----------
    tolerance : float
        The iteration ends when Newton's correction, root mean square in every species, is below this share of the extent of the
        mass (or of the way it has come); its error is then of the square of that.
    max_iterations : int
        Of Newton's method, each with one solve per change of the active set.

    Notes
    -----
    Accepts Entropy, RenyiEntropy (any m), CustomInternalEnergy, Congestion, Potential (of functions), Interaction,
    CrossInteraction and DirichletCoupling, in any sum, of several species jointly, with walls or without, and further anchors
    (BDF2). Internal energies need cells of positive width, and are integrated exactly; |x| as well, by ranks and distribution
    functions; potentials and smooth kernels by three Gauss points a cell, exact to degree 5.

    Where the energy is convex in X (displacement convex) every descent ends in the one minimiser, and the iteration is made to
    get there from any admissible anchor at any tau; otherwise it goes down to a critical point. Where it does not arrive the
    status says so.

    A potential with a kink, such as |x - a|, is taken exactly as the field of an atom,
    ``Potential(Quantiles.atoms([a]).potential(PowerLaw(1)))``; as a function of space it is smooth over the width of the
    differences only, and the status may say so.

    A tie follows the minimal selection: mass that a pointed attractive kernel has brought together stays together; atoms of
    different species do as long as the tip can hold them (docs/theory/coincidences.md, section 7). When many of them meet in
    one step, the tips are rounded off less and less to see who does, and the answer counts as CONVERGED only if no splitting of
    what has met lowers the objective. A pointed repulsive kernel spreads the atoms of its own species.

    Cost per iteration: O(n) for internal energies, potentials and the kernels |x|, x^2, x^4, ..., Morse and their sums (a
    tridiagonal solve, or conjugate gradients with it as preconditioner); else tables of 9 n^2 pairs, and a dense solve up to
    2500 nodes. Typically 3 to 10 iterations.

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
    takes: ClassVar[tuple[type[Form], ...]] = (Internal, Bound, External, Pair, FieldCoupling)
    several_anchors: ClassVar[bool] = True

    def check(self, step: ProximalStep) -> None:
        self._problem(step)

    def _problem(self, step: ProximalStep) -> LineProblem:
        """The step in the nodes; ValueError for one that is not accepted."""
        self.must_take(step)
        return LineProblem(step)

    def solve(self, step: ProximalStep) -> ProxResult:
        problem = self._problem(step)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # the status tells
            found = self._newton(problem, problem.start, self.tolerance)
            if not found.status.ok and problem.tips:
                found = self._through_blur(problem, found)
        distances = {chain.name: chain.distance(found.x, problem.start_of(chain)) for chain in problem.chains}
        potentials = {chain.name: potential_along(found.x[chain.nodes], problem.start_of(chain)) for chain in problem.chains}
        return ProxResult(problem.state(found.x), distances, potentials, found.status, found.iterations, found.residual)

    def _through_blur(self, problem: LineProblem, found: _Found) -> _Found:
        """Once more with what has come near taken as together; and along a path of tips rounded off less and less, which shows
        what comes together in the end.
        """
        iterations, x = found.iterations, problem.start
        extent = max(problem.length(x), *(chain.mean_square(found.x - x) for chain in problem.chains))
        for near in _NEAR:
            found = self._newton(problem, found.x, self.tolerance, near * extent)
            iterations += found.iterations
            if found.status.ok:
                return replace(found, iterations=iterations)
        for blur in extent * 0.1 ** np.arange(_BLURS):
            problem.blur = float(blur)
            found = self._newton(problem, x, _ROUGH)
            iterations, x = iterations + found.iterations, found.x
        problem.blur = 0.0
        for near in _NEAR:
            found = self._newton(problem, x, self.tolerance, near * extent)
            iterations += found.iterations
            if found.status.ok:
                break
        return replace(found, iterations=iterations)

    def _newton(self, problem: LineProblem, x: Array, tolerance: float, near: float = 0.0) -> _Found:
        """Newton's method from x; what is within ``near`` of one another counts as together, which the end must bear out."""
        status, residual, iterations = Status.ITERATION_LIMIT, np.inf, 0
        closed = ~problem.barrier & np.isfinite(problem.floors) & (np.diff(x) <= problem.floors + near)
        tips = problem.tips if problem.blur == 0 else []
        joined = joins(tips, x, closed, near)
        x, cautious = brought_together(x, closed, joined, problem.floors, problem.fixed), False
        model = problem.evaluate(x)
        while iterations < self.max_iterations:
            iterations += 1
            if not np.isfinite(model.value) or not np.all(np.isfinite(model.gradient)):
                status = Status.NOT_FINITE
                break
            widths, resolved = np.diff(x), _RESOLVED * np.spacing(float(np.abs(x).max()))
            least = np.maximum(_SHRINK * widths, np.minimum(widths, resolved))
            floors = np.where(problem.barrier, least, problem.floors)
            aim = self._aim(problem, x, model, floors, closed & ~problem.barrier, joined, cautious)
            if aim is None:
                status = Status.STALLED
                break
            p, closed = aim.nodes - x, aim.closed
            residual = problem.distance(p)
            shy = np.any(closed & problem.barrier & (least > resolved)) or problem.unresolved(closed) > _NEGLIGIBLE
            if not np.isfinite(residual):
                status = Status.NOT_FINITE
                break
            done = problem.small(p, x, aim.pull, model, tolerance if aim.settled else 0.0)
            if done and not shy:
                x, slack = aim.nodes, 1e-10 * (model.forces + problem.strongest_ties())
                right = hold_together(tips, joined, aim.group, closed, problem.fixed, aim.force, slack)
                right = right and (not tips or self._certain(problem, x, floors, closed, joined))
                status = Status.CONVERGED if right else Status.STALLED
                break
            found = _line_search(problem, x, aim.nodes, model)
            if found is None:
                status = Status.STALLED
                break
            if np.array_equal(found[0], x) and cautious:  # nothing lower that numbers can tell from x
                status = Status.CONVERGED if problem.at_one_place(x) else Status.STALLED
                break
            promised = -float(model.gradient @ (found[0] - x))
            poor = model.value - found[1].value < _POOR * promised and promised > 1e-12 * model.size
            cautious = poor or np.array_equal(found[0], x)
            x, model = found
        return _Found(x, status, iterations, residual)

    def _certain(self, problem: LineProblem, x: Array, floors: Array, closed: Mask, joined: list[Join]) -> bool:
        """Whether the force that is left bears out what Newton's correction says, which is small wherever thin cells of two
        species make the objective stiff. A convex objective grows at least as its inertia does away from the minimiser, so
        that this is no farther than the force could drive the nodes against their inertia alone.
        """
        model = problem.evaluate(x)
        rounded = replace(model, gradient=model.diagonal * np.spacing(float(np.abs(x).max())))
        left, noise = (driven(x, problem.inert(one), floors, problem.fixed, closed, joined) - x for one in (model, rounded))
        allowed, of_forces = _SURE * self.tolerance * problem.extent(x), np.finfo(float).eps * model.forces
        return all(
            chain.mean_square(left)
            <= allowed + 8 * (chain.mean_square(noise) + of_forces / (chain.inertia * float(chain.masses.sum())))
            for chain in problem.chains
        )

    def _aim(
        self, problem: LineProblem, x: Array, model: Model, floors: Array, closed: Mask, joined: list[Join], cautious: bool
    ) -> ConeStep | None:
        """Newton's point, of the convex part of the model where the whole is not convex or the last point was too far."""
        for convexified in (True,) if cautious else (False, True):
            try:
                if convexified:
                    model = problem.evaluate(x, convexified=True)
                return step_in_cone(x, model, floors, problem.fixed, closed, joined)
            except NotConvexError:
                continue
        return None


@dataclass(frozen=True)
class _Found:
    """Where Newton's method ended."""

    x: Array
    status: Status
    iterations: int
    residual: float


def _line_search(problem: LineProblem, x: Array, full: Array, model: Model) -> tuple[Array, Model] | None:
    """A point on the way from x to ``full`` where the objective is lower, halving the way; None where there is none.

    Where the objective falls along the whole way hardly less than its slope says, as it does for cells that have to grow
    manyfold, it is followed beyond, doubling the way as long as it falls.
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
    """A point on the way from x to x + p where the slope is no longer steep, by halving the interval in which it changes sign.

    For the end, where the rounding of the value hides the descent (the approximate conditions of Hager and Zhang 2005).
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
