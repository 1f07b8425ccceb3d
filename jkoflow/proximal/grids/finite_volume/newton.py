"""Newton's method for the equations of a step by finite volumes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ...._log import log_iteration
from ...._status import Status
from ...._typing import Array
from ....grids import Grid
from ....linear import gmres
from .cycle import multigrid_cycle
from .problem import FiniteVolumeStep
from .trial import TRACES, Trial

_SHORTEST, _GAIN = 2.0**-10, 1e-3  # of the line search: the least part of a correction, and of what it promises
_SLOW = 0.5  # a residual that falls less is slow
_SHORT = 40  # iterations of the first attempt where cells are full
_PATIENCE = 40  # iterations in which the residual has to halve
_BLIND = 5  # corrections that may raise the residual since the best trial
_PRODUCTS, _REACHED = 60, 0.1  # of GMRES; share of the excess that a correction by multigrid may leave
_FACTORISED = {1: np.inf, 2: 2500, 3: 4000}  # by dimension, the cells up to which the matrix is always factorised
_KEPT, _STAGES = "the factors of the last linear steps by finite volumes", 3  # as many as a scheme has different steps
_UNEVEN = 1e12  # of the largest entries of two rows: above, rows are scaled
_CLOSE = 1e-4  # share of the excess that a correction with the last factors may leave
_RUN_AWAY = 1e60  # of the largest entries of two rows: above, Newton's method is lost
_PIVOT = 0.01  # of the largest entry of a column: the least pivot on the diagonal
_DROP, _FILL = 1e-3, 10  # of an incomplete factorisation
_OF_PSI = 1e-7  # share of the mass: the residual that may be left once psi is exactly that of the charge
_FITS = 60000  # unknowns in space of which complete factors fit into memory
_WORTH_KEEPING, _FEW = 500, 12  # unknowns in the plane and in space from which factors are tried again; products with them
_EXACT = 1e-13  # share of the charges: the residual of a psi that is as good as exact
_MOST_NOISE = 1e-3  # share of the mass: the largest residual that counts as rounding

Map: TypeAlias = "Callable[[Array], Array]"


class End(NamedTuple):
    """Where Newton's method ended."""

    trial: Trial
    status: Status
    iterations: int

    @property
    def unknowns(self) -> Array:
        """Those of the trial."""
        return self.trial.unknowns


def first_search(problem: FiniteVolumeStep, tolerance: float, most: int) -> End:
    """Newton's method from the anchor. Where a bound holds cells, it begins with these as full, and soon with them as not.

    The first is right where most of them stay full, the second where many more get full, as in long steps.
    """
    if not problem.has_full_cells:
        return newton_search(problem, problem.start(), tolerance, most)
    end, used = newton_search(problem, problem.start(), tolerance, min(_SHORT, most)), 0
    for full in (False, True):
        if end.status.ok or used + end.iterations >= most:
            break
        used += end.iterations
        end = newton_search(problem, problem.start(full=full), tolerance, most - used)
    return end._replace(iterations=used + end.iterations)


def newton_search(problem: FiniteVolumeStep, unknowns: Array, tolerance: float, most: int) -> End:
    """Newton's method with a line search on the residual.

    Where no part of a correction lowers the residual, the whole one is taken all the same, up to ``_BLIND`` times since the
    best trial: where a bound or vacuum moves over many cells, the residual first rises. Where it falls slowly, the trace
    that stands in for vacuum is changed. Where it does not halve in ``_PATIENCE`` iterations, shorter steps are faster.
    """
    factors = Factors()
    trial = best = problem.trial(unknowns)
    blind, trace, half, since = 0, 0, 0.5 * trial.residual, 0
    for iterations in range(most):
        log_iteration("FiniteVolume", iterations, trial.residual)
        if not np.isfinite(trial.residual):
            return End(best, Status.NOT_FINITE, iterations)
        if trial.residual <= _allowed(tolerance, trial):
            exact = problem.with_psi_of_charge(trial)
            if exact.residual <= max(_allowed(tolerance, exact), _OF_PSI):
                return End(exact, Status.CONVERGED, iterations)
            if trial.of_charge <= _EXACT:  # where charges all but balance, rounding of theirs spoils the other psi
                return End(trial, Status.CONVERGED, iterations)
            trial = exact
        if trial.residual < best.residual:
            best, blind = trial, 0
        if best.residual < half:
            half, since = 0.5 * best.residual, iterations
        if iterations > since + _PATIENCE:
            return End(best, Status.STALLED, iterations)
        change = correction(problem, trial, factors)
        if change is None or not np.isfinite(change).all():
            return End(best, Status.STALLED, iterations)
        lower = _lower(problem, trial, change, tolerance)
        if lower is None:
            blind += 1
            if blind > _BLIND:
                return End(best, Status.STALLED, iterations + 1)
            lower = problem.trial(positive_part(problem, trial.unknowns + change))
        if lower.residual > _SLOW * trial.residual:
            trace, factors.solve = trace + 1, None  # far from the answer the correction is exact
        trial = replace(lower, share=TRACES[trace % 2])
    return End(best, Status.ITERATION_LIMIT, most)


def _lower(problem: FiniteVolumeStep, trial: Trial, change: Array, tolerance: float) -> Trial | None:
    """The trial after the largest part of a correction that lowers the residual; None if none does."""
    share = 1.0
    while share >= _SHORTEST:
        new = problem.trial(positive_part(problem, trial.unknowns + share * change))
        if new.residual < (1 - _GAIN * share) * trial.residual or new.residual <= _allowed(tolerance, new):
            return new
        share /= 2
    return None


def _allowed(tolerance: float, trial: Trial) -> float:
    """The residual that is allowed: the tolerance, or what rounding may leave, up to a bound."""
    return max(tolerance, min(trial.noise, _MOST_NOISE))


def positive_part(problem: FiniteVolumeStep, unknowns: Array) -> Array:
    """The unknowns with densities of at least 0, and 0 in closed cells, where rounding may put some; psi as it is."""
    count = len(problem.names)
    return np.concatenate([np.where(problem.closed, 0.0, np.maximum(unknowns[:count], 0.0)), unknowns[count:]])


@dataclass
class Factors:
    """The last factors of a matrix of the search: a preconditioner for the next matrices, which differ little."""

    solve: Map | None = None


def correction(problem: FiniteVolumeStep, trial: Trial, last: Factors, exact: bool = False) -> Array | None:
    """Newton's correction of the unknowns; None if the matrix is singular.

    On the line, on small grids, and in the plane with entropies or bounds, the matrix is factorised. On other large grids
    GMRES solves the system, with a multigrid cycle as the preconditioner. If it does not get there, and with psi, the
    preconditioner is a factorisation, in space an incomplete one. GMRES takes in the answer of nonlocal fields too. The last
    factors are tried first, where a few products with them cost less than new ones. ``exact`` asks for complete factors up to
    a size where they fit into memory.
    """
    excess = trial.excess
    large = problem.grid.size > _FACTORISED[problem.grid.dim] and not (problem.grid.dim == 2 and _suits_factors(problem))
    large = large and not (exact and excess.size < _FITS)
    large = large and not problem.grid.periodic and not problem.rooms  # the cycles end at walls, and are of one species
    if problem.is_linear and not large:
        kept = _kept_factors(problem, trial)
        return None if kept is None else -kept(excess)
    matrix = problem.jacobian(trial)

    def apply(change: Array) -> Array:
        product = np.asarray((matrix @ change.ravel()).reshape(change.shape))
        return product + problem.response(trial, change) if problem.nonlocal_terms else product

    tolerance = float(np.clip(0.1 * trial.residual**0.5, 1e-10, 1e-2))
    along_axes = all(local.medium is None or local.medium.is_diagonal for local in problem.local)
    if large and problem.coupling is None and along_axes:
        change = gmres(apply, -excess, multigrid_cycle(problem, trial), tolerance, _PRODUCTS)
        if np.linalg.norm(apply(change) + excess) <= _REACHED * np.linalg.norm(excess):
            return change
    incomplete = large and problem.grid.dim == 3
    if last.solve is not None and problem.grid.dim > 1 and excess.size > _WORTH_KEEPING:
        close = float(np.clip(1e-2 * trial.residual, 1e-10, _CLOSE))
        change = gmres(apply, -excess, last.solve, close, _FEW)
        if np.linalg.norm(apply(change) + excess) <= 2 * close * np.linalg.norm(excess):
            return change
    precondition = last.solve = _factorised(problem, matrix, incomplete)
    if precondition is None:
        return None
    if not (incomplete or problem.nonlocal_terms):
        return -precondition(excess)
    return gmres(apply, -excess, precondition, tolerance, _PRODUCTS)


def _suits_factors(problem: FiniteVolumeStep) -> bool:
    """Return True for entropies, whose equations are linear, and for bounds, under which a cycle sees no front."""
    return all(local.entropy > 0 or np.isfinite(local.cap) for local in problem.local)


class _Kept(NamedTuple):
    """The factors of the matrix of a linear equation, with what it depends on besides the law."""

    names: tuple[str, ...]
    taus: list[float]
    weight: float
    diffusions: list[float]
    grid: Grid
    solve: Map | None

    def is_of(self, problem: FiniteVolumeStep) -> bool:
        return self[:-1] == (problem.names, problem.taus, problem.weight, problem.diffusions, problem.grid)


def _kept_factors(problem: FiniteVolumeStep, trial: Trial) -> Map | None:
    """The factors of a linear equation, those of an earlier step with the same matrix: the last few are kept with the law."""
    kept: list[_Kept] = problem.step.forms.taken(_KEPT) or []
    found = next((one for one in kept if one.is_of(problem)), None)
    if found is None:
        factors = _factorised(problem, problem.jacobian(trial), incomplete=False)
        found = _Kept(problem.names, problem.taus, problem.weight, problem.diffusions, problem.grid, factors)
        kept = [*kept, found][-_STAGES:]
    problem.step.forms.keep(_KEPT, kept)
    return found.solve


def _factorised(problem: FiniteVolumeStep, matrix: Any, incomplete: bool) -> Map | None:
    """A solver with a factorisation of the matrix; None if it is singular.

    On the line and in the plane the order of the unknowns is that of minimum degree on the symmetric pattern, with pivots near
    the diagonal: a third of the fill. With the pressures of shared bounds the diagonal has zeros, and the order is by columns.
    """
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import spilu, splu

    if not np.isfinite(matrix.data).all():
        return None
    scale = problem.row_scale
    rows = abs(matrix).max(axis=1).toarray().ravel()
    if not rows.max() < _RUN_AWAY * rows.min():  # SuperLU may crash on what overflows in it
        return None
    if rows.max() > _UNEVEN * rows.min():
        scale = (1.0 if scale is None else scale) / rows
    scaled = matrix if scale is None else (diags_array(scale) @ matrix).tocsc()
    by_pattern = problem.grid.dim < 3 and not problem.rooms.bounded
    order: dict[str, Any] = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": _PIVOT} if by_pattern else {}
    try:
        factors = spilu(scaled, drop_tol=_DROP, fill_factor=_FILL) if incomplete else splu(scaled, **order)
    except RuntimeError:
        return None

    def solve(right: Array) -> Array:
        b = right.ravel() if scale is None else scale * right.ravel()
        return np.asarray(factors.solve(b).reshape(right.shape))

    return solve
