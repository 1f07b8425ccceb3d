"""The exact JKO step on spherically symmetric measures, by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..._arrays import cumulated
from ..._log import log_iteration
from ..._status import Status
from ..._typing import Array, Mask
from ...kernels.sums import GAUSS_WEIGHTS
from ...laws.forms import External, Form, Internal, Pair, UniformCoupling
from ...measures import Measure, RadialQuantiles, shell_radii
from ..base import IterativeSolver, ProximalStep, ProxResult
from ..continuation import through_shares
from ..verification import checked
from .problem import RadialModel, RadialProblem

_KEPT = 0.1  # share of its volume that a shell keeps at least in an iteration
_DENSE, _BENT = 400, 1e-9  # unknowns up to which all eigenvalues are computed; minus the scaled eigenvalue of a saddle
_PATIENT = 20  # iterations that must be allowed for shorter steps to be tried
_MOST_IN_ALL = 20  # the most iterations of a step that is solved through shorter ones, in units of ``max_iterations``
_SHORTEST, _POOR = 1e-12, 1e-3  # shares of a step: the least; below the second the convex part of the model does better


@dataclass(frozen=True)
class RadialNewton(IterativeSolver):
    """The exact JKO step on RadialQuantiles, in R^d for d >= 2.

        minimise over increasing radii   sum_i int |R_i - R_i'|^2 ds / (2 tau alpha_i) + E

    Here R_i(s) is the radius that encloses the mass s of species i. The energy of charges in the whole space is local in the
    enclosed charge Q: int Q^2 / (2 |S| r^(d-1)) dr. It is summed between the radii of all species together.

    The step is solved by Newton's method with sparse second derivatives and a line search. The hole of a hollow measure may
    close, and stays closed as long as the forces keep it closed. The energy need not be convex; the coupling is not for d >= 2.
    If Newton's step leads up or has to be cut short, the step of the convex part of the model is taken in its place.

    Parameters
    ----------
    tolerance : float
        The iteration ends when Newton's correction of the radii is below this share of the largest radius, root mean square
        over the mass of every species.
    max_iterations : int

    Notes
    -----
    **Accepts** any sum of these terms, for several species jointly: Entropy, RenyiEntropy, CustomInternalEnergy, Potential
    (given by a function of the radius), DirichletCoupling in free space, and Interaction of a species with itself by power laws
    |x|^p with p >= 1/4 - d, Riesz kernels among them.

    **Accuracy**: second order in the number of shells. **Cost**: O(n) a step, with one sparse solve in each of 4 to 8
    iterations. With an Interaction O(n^2) for the pairs of shells, and O(n^3) for the solve: 50 ms an iteration for n = 100.

    ``residual`` is the last correction, a length.

    Source: docs/theory/poisson-nernst-planck.md, T16 (Newton's theorem); Kinderlehrer, Monsaingeon, Xu (2017) for the flow.

    Examples
    --------
    >>> import numpy as np, jkoflow as jf
    >>> ball = jf.Species.of(jf.RadialQuantiles(0.5 * np.linspace(0, 1, 41) ** (1 / 3), np.full(40, 1 / 40)))
    >>> step = jf.ProximalStep(jf.DirichletCoupling({"": 1}, boundary="free-space"), ball, tau=0.1)
    >>> answer = RadialNewton().solve(step)
    >>> answer.status.name, round(float(answer.state[""].nodes[-1]), 3)      # R^3 - R0 R^2 = 0.1 / (4 pi)
    ('CONVERGED', 0.528)
    """

    tolerance: float = 1e-11
    max_iterations: int = 100
    measures: ClassVar[tuple[type[Measure], ...]] = (RadialQuantiles,)
    takes: ClassVar[tuple[type[Form], ...]] = (Internal, External, Pair, UniformCoupling)
    solves: ClassVar[str] = "the exact step among spherically symmetric measures with the shells' masses of the anchor"

    def prepare(self, step: ProximalStep) -> RadialProblem:
        """The step as a problem in the nodes. Raises ValueError if the step is not accepted."""
        self.must_take(step)
        return RadialProblem(step)

    def solve(self, step: ProximalStep) -> ProxResult:
        problem: RadialProblem = self.prepared(step)
        with np.errstate(all="ignore"):  # what overflows ends in the status
            end = self._newton(problem, problem.start)
            if not end.status.ok and self.max_iterations >= _PATIENT:
                end = self._through_shorter_steps(step, problem, end)
            y, status, iterations, residual = end
        try:
            state = problem.state(y)
        except ValueError:  # rounding has closed a shell with mass
            state, status = step.anchor, Status.STALLED
        distances = {name: state[name].wasserstein(step.anchor[name]) for name in step.anchor}
        potentials = {name: _potential(state[name], step.anchor[name]) for name in step.anchor}
        return checked(step, ProxResult(state, distances, potentials, status, iterations, residual))

    def _through_shorter_steps(self, step: ProximalStep, problem: RadialProblem, failed: _End) -> _End:
        """Newton's method from the answers to shorter steps; ``failed`` if that fails too."""

        def solve(share: float, y: Array, left: int) -> _End:
            return self._newton(problem if share == 1 else RadialProblem(replace(step, tau=share * step.tau)), y)

        reached = through_shares(solve, problem.start, _MOST_IN_ALL * self.max_iterations)
        return (reached.end or failed)._replace(iterations=failed.iterations + reached.iterations)

    def _newton(self, problem: RadialProblem, y: Array) -> _End:
        residual = np.inf
        model = problem.evaluate(y)
        fixed_nodes = problem.fixed.copy()  # with the holes that have closed
        for iterations in range(1, self.max_iterations + 1):
            p = _direction(problem, y, model, fixed_nodes)
            if p is None or not np.isfinite(p).all():
                return _End(y, Status.NOT_FINITE, iterations, residual)
            residual = problem.length(y, p)
            log_iteration("RadialNewton", iterations, residual)
            small = residual <= self.tolerance * float(y.max()) ** (1 / problem.dim)
            before, (y, model, share) = (y, model), _line_search(problem, y, p, model)
            if share < _POOR and not small:
                careful = _direction(problem, *before, fixed_nodes, convexified=(True,))
                if careful is not None:
                    y, model, share = _line_search(problem, before[0], careful, before[1])
            inner = problem.innermost()
            closed = inner[(y[inner] == 0) & ~fixed_nodes[inner]]
            fixed_nodes[closed] = True
            if small and not len(closed):
                opening = fixed_nodes & ~problem.fixed & (model.gradient < 0)
                if not opening.any():
                    lower = _off_a_saddle(problem, y, model, fixed_nodes)
                    if lower is None:
                        return _End(y, Status.CONVERGED, iterations, residual)
                    y, model, share = lower
                fixed_nodes &= ~opening
            if share < _SHORTEST:
                return _End(y, Status.STALLED, iterations, residual)
        return _End(y, Status.ITERATION_LIMIT, self.max_iterations, residual)


class _End(NamedTuple):
    """Where Newton's method ended. ``residual`` is the last correction, a length."""

    y: Array
    status: Status
    iterations: int
    residual: float

    @property
    def unknowns(self) -> Array:
        """The nodes."""
        return self.y


class _Lower(NamedTuple):
    """The point that a line search found, the model there and the share of the way to it; the share is 0 if there is none."""

    y: Array
    model: RadialModel
    share: float


def _direction(
    problem: RadialProblem, y: Array, model: RadialModel, fixed_nodes: Mask, convexified: tuple[bool, ...] = (False, True)
) -> Array | None:
    """Newton's direction with some nodes fixed; of the convex part of the model if the whole does not lead down.

    ``convexified`` tells which of the two to try, in their order. None if none leads down.
    """
    from scipy.sparse.linalg import splu

    free = np.flatnonzero(~fixed_nodes)
    for convex in convexified:
        matrix = (problem.evaluate(y, convexified=True) if convex else model).matrix()[free][:, free]
        scale = 1 / np.sqrt(np.maximum(np.abs(matrix.diagonal()), np.finfo(float).tiny))
        scaled = matrix.multiply(scale[:, None]).multiply(scale[None, :]).tocsc()
        try:
            descent = -scale * splu(scaled).solve(scale * model.gradient[free])
        except RuntimeError:  # singular
            continue
        if float(descent @ model.gradient[free]) < 0 or not model.gradient[free].any():
            p = np.zeros_like(y)
            p[free] = descent
            return p
    return None


def _is_definite(scaled: Any) -> bool:
    """Return True if no eigenvalue of a symmetric sparse matrix is below -_BENT.

    Elimination without pivots shows it: the pivots have the signs of the eigenvalues (Sylvester). It costs one factorisation.
    """
    from scipy.sparse import identity
    from scipy.sparse.linalg import splu

    shifted = (scaled + _BENT * identity(scaled.shape[0])).tocsc()
    try:
        factors = splu(shifted, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    except RuntimeError:  # singular
        return False
    without_pivots = np.array_equal(factors.perm_r, factors.perm_c)
    return without_pivots and bool((factors.U.diagonal() > 0).all())


def _off_a_saddle(problem: RadialProblem, y: Array, model: RadialModel, fixed_nodes: Mask) -> _Lower | None:
    """Return a lower point in the direction in which the objective bends down most; None if it bends up in all directions.

    Newton's method ends at saddles too. There the second derivative has a negative eigenvalue.
    """
    from scipy.linalg import eigh
    from scipy.sparse.linalg import eigsh

    free = np.flatnonzero(~fixed_nodes)
    matrix = model.matrix()[free][:, free]
    scale = 1 / np.sqrt(np.maximum(np.abs(matrix.diagonal()), np.finfo(float).tiny))
    scaled = matrix.multiply(scale[:, None]).multiply(scale[None, :]).tocsc()
    if _is_definite(scaled):
        return None
    if len(free) <= _DENSE:
        values, vectors = eigh(scaled.toarray(), subset_by_index=[0, 0])
    else:
        below = -float(abs(scaled).sum(axis=1).max())  # by Gershgorin, no eigenvalue is less
        values, vectors = eigsh(scaled, k=1, sigma=below, tol=1e-6)
    if not values[0] < -_BENT:
        return None
    downwards = np.zeros_like(y)
    downwards[free] = scale * vectors[:, 0]
    downwards *= float(y.max()) / float(np.abs(downwards).max())
    for sign in (1.0, -1.0):
        lower = _line_search(problem, y, sign * downwards, model)
        if lower.model.value < model.value - 1e-12 * model.size:
            return lower
    return None


def _line_search(problem: RadialProblem, y: Array, p: Array, model: RadialModel) -> _Lower:
    """Return the farthest point y + share p that keeps every shell and lowers the objective, up to rounding.

    The share is halved from 1, or from what the shells allow. If there is no such point, it is y.
    """
    share = 1.0
    for name in problem.names:
        h, change = np.diff(y[problem.part(name)]), np.diff(p[problem.part(name)])
        shrinking = change < 0
        share = min(share, float(((1 - _KEPT) * h / -change)[shrinking].min(initial=1.0)))
    inner = problem.innermost()
    while share >= _SHORTEST:
        trial = y + share * p
        trial[inner] = np.maximum(trial[inner], 0.0)  # a hole may close
        if problem.admits(trial):
            after = problem.evaluate(trial)
            promised = min(float(model.gradient @ (trial - y)), 0.0)
            if after.value <= model.value + 1e-4 * promised + 1e-13 * model.size:
                return _Lower(trial, after, share)
        share /= 2
    return _Lower(y, model, 0.0)


def _potential(state: RadialQuantiles, anchor: RadialQuantiles) -> Array:
    """The Kantorovich potential, averaged over the shells. Its radial slope is the displacement from the anchor."""
    moved, r = state.nodes - anchor.nodes, state.nodes
    at_nodes = cumulated(np.diff(r) * (moved[1:] + moved[:-1]) / 2)
    return np.asarray(np.interp(shell_radii(r, state.dim), r, at_nodes) @ GAUSS_WEIGHTS)
