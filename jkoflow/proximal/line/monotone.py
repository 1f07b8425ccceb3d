"""Newton's step under lower bounds on the gaps between neighbouring nodes."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._arrays import cumulated
from ..._typing import Array, Indices, Mask
from .clusters import Join
from .model import Model

_MOST_CHANGES = 60
_MOST_PRODUCTS = 400
_LIFTS = (0.0, 1e-13)  # of the diagonal: stiff cells can hide the inertia of their nodes behind the rounding


class NotConvexError(Exception):
    """The second derivative is not positive definite."""


@dataclass(frozen=True)
class ConeStep:
    """The minimiser of the model in the cone.

    The nodes there, which gaps are closed to their bound, the groups of nodes between open gaps, the gradient, the force
    across every closed gap, and whether the set of closed gaps is the right one for the model.
    """

    nodes: Array
    closed: Mask
    group: Indices
    force: Array
    pull: Array
    settled: bool


def step_in_cone(x: Array, model: Model, floors: Array, fixed: Mask, closed: Mask, joined: list[Join]) -> ConeStep:
    """Minimise the model over the nodes whose gaps are at least ``floors``, the fixed ones staying, the joined ones together.

    By the primal-dual active-set method (Hintermueller, Ito, Kunisch 2002): nodes between closed gaps move as one, a gap
    closes where its bound is broken and opens where the force across it pulls, except within what is joined. Each change
    costs a solve in O(n).

    Raises NotConvexError when the model is found not to be.
    """
    bounded = np.isfinite(floors)
    floors = np.where(bounded, floors, 0.0)
    slack = 1e-13 * model.forces + model.rounding
    rounding = np.where(floors > 0, 4 * np.spacing(float(np.abs(x).max())), 0.0)
    seen: set[bytes] = set()
    for change in range(_MOST_CHANGES):
        pooled = _Pooled(x, floors, fixed, closed, joined)
        nodes = pooled.minimise(model)
        force = model.gradient + model.apply(nodes - x)
        pull = pooled.across_gaps(force)
        broken = bounded & ~closed & (np.diff(nodes) < floors - rounding)
        opened = closed & ~pooled.joined[pooled.group[1:]] & (pull < -slack)
        cycle = closed.tobytes() in seen or change > _MOST_CHANGES // 2
        if not broken.any() and (cycle or not opened.any()):
            return ConeStep(nodes, closed, pooled.group, force, pull, not opened.any())
        seen.add(closed.tobytes())
        closed = closed | broken if cycle else (closed | broken) & ~opened  # after a cycle gaps only close
    return ConeStep(nodes, closed, pooled.group, force, pull, False)


def brought_together(x: Array, closed: Mask, joined: list[Join], floors: Array, fixed: Mask) -> Array:
    """The nodes with the closed gaps at their bounds and the joined atoms at one place, where they are not yet."""
    if not joined:
        return x
    pooled = _Pooled(x, np.where(np.isfinite(floors), floors, 0.0), fixed, closed, joined)
    return np.asarray(pooled.base[pooled.group] + pooled.offset)


def driven(x: Array, model: Model, floors: Array, fixed: Mask, closed: Mask, joined: list[Join]) -> Array:
    """The nodes at the minimum of the model, with the closed gaps staying closed and no other bound."""
    return _Pooled(x, np.where(np.isfinite(floors), floors, 0.0), fixed, closed, joined).minimise(model)


class _Pooled:
    """The nodes in groups between open gaps, each moving as one; joined groups share an unknown, some are held in place."""

    def __init__(self, x: Array, floors: Array, fixed: Mask, closed: Mask, joined: list[Join]) -> None:
        self.group = np.concatenate([[0], np.cumsum(~closed)])
        self.first = np.flatnonzero(np.concatenate([[True], ~closed]))
        spread = cumulated(np.where(closed, floors, 0.0))
        self.offset = spread - spread[self.first][self.group]
        self.base = x[self.first].copy()
        self.x, self.fixed, self.closed = x, fixed, closed
        owner, held = np.arange(len(self.first)), np.zeros(len(self.first), dtype=bool)
        for node in np.flatnonzero(fixed):
            held[self.group[node]] = True
            self.base[self.group[node]] = x[node] - self.offset[node]
        self.joined = np.zeros(len(self.first), dtype=bool)
        for join in joined:
            first, second = self.group[join.first], self.group[join.second] if join.second >= 0 else -1
            self.joined[first] = True
            if second >= 0:
                self.joined[second] = True
            _join(first, second, join.place, owner, held, self.base)
        self.unknown, self.held = self.group, held
        if joined:
            owners, of_group = np.unique(owner, return_inverse=True)
            self.unknown = of_group[self.group]
            self.held = np.bincount(of_group, weights=held, minlength=len(owners)) > 0

    def minimise(self, model: Model) -> Array:
        """The nodes at the minimum of the model over the unknowns that are not held."""
        shift = self.base[self.group] + self.offset - self.x
        residual = -self.gather(model.gradient + model.apply(shift))
        residual[self.held] = 0.0
        solve = self._near_solver(model) if model.matrix is None else self._dense_solver(model.matrix)
        moved = solve(residual)
        if model.far and model.matrix is None:
            moved = _conjugate_gradients(lambda y: self._restricted(model, y), solve, residual, moved)
        return np.asarray(self.base[self.group] + moved[self.unknown] + self.offset)

    def gather(self, values: Array) -> Array:
        """The sums over the nodes of every unknown."""
        return np.asarray(np.bincount(self.unknown, weights=values, minlength=len(self.held)), dtype=np.float64)

    def across_gaps(self, force: Array) -> Array:
        """The force that every closed gap passes on, positive where it is pressed shut; 0 at open gaps."""
        balanced = force.copy()
        nodes = np.flatnonzero(self.fixed)
        balanced[nodes] -= np.bincount(self.group, weights=force)[self.group[nodes]]
        running = np.cumsum(balanced)
        before = np.concatenate([[0.0], running])[self.first]
        within = running - before[self.group]
        return np.where(self.closed, -within[:-1], 0.0)

    def _restricted(self, model: Model, y: Array) -> Array:
        out = self.gather(model.apply(y[self.unknown]))
        out[self.held] = y[self.held]
        return out

    def _dense_solver(self, matrix: Array) -> Callable[[Array], Array]:
        from scipy.linalg import LinAlgError, cho_factor, cho_solve
        from scipy.sparse import csr_array

        nodes = np.arange(len(self.x))
        members = csr_array((np.ones(len(nodes)), (self.unknown, nodes)))
        pooled = np.asarray(members @ (members @ matrix).T)
        pooled[self.held, :] = pooled[:, self.held] = 0.0
        pooled[self.held, self.held] = 1.0
        diagonal = pooled.diagonal().copy()
        for lift in _LIFTS:
            np.fill_diagonal(pooled, diagonal * (1 + lift))
            with contextlib.suppress(LinAlgError):
                factor = cho_factor(pooled, lower=True)
                return lambda b: np.asarray(cho_solve(factor, b))
        raise NotConvexError

    def _near_solver(self, model: Model) -> Callable[[Array], Array]:
        if model.triplets or self.joined.any():
            return self._coupled_solver(model)
        from scipy.linalg import LinAlgError, solveh_banded

        diagonal = self.gather(model.diagonal)
        diagonal += 2 * np.bincount(self.group[1:][self.closed], weights=model.beside[self.closed], minlength=len(self.held))
        beside = model.beside[~self.closed].copy()
        diagonal[self.held] = 1.0
        beside[self.held[1:] | self.held[:-1]] = 0.0
        if len(diagonal) == 1:
            if diagonal[0] <= 0:
                raise NotConvexError
            return lambda b: b / diagonal
        banded = np.zeros((2, len(diagonal)))
        banded[0], banded[1, :-1] = diagonal, beside

        def solve(b: Array) -> Array:
            for lift in _LIFTS:
                with contextlib.suppress(LinAlgError):
                    banded[0] = diagonal * (1 + lift)
                    return np.asarray(solveh_banded(banded, b, lower=True, check_finite=False))
            raise NotConvexError

        return solve

    def _coupled_solver(self, model: Model) -> Callable[[Array], Array]:
        from scipy.sparse import coo_array
        from scipy.sparse.linalg import splu

        n, nodes = len(self.held), np.arange(len(self.x) - 1)
        near = [(nodes, nodes + 1, model.beside), *model.triplets]
        rows = self.unknown[np.concatenate([r for r, _, _ in near])]
        columns = self.unknown[np.concatenate([c for _, c, _ in near])]
        entries = np.concatenate([e for _, _, e in near])
        free = ~(self.held[rows] | self.held[columns])
        half = coo_array((entries[free], (rows[free], columns[free])), shape=(n, n)).tocsc()
        diagonal = np.where(self.held, 1.0, self.gather(model.diagonal))
        for lift in _LIFTS:
            total = half + half.T + coo_array((diagonal * (1 + lift), (np.arange(n), np.arange(n)))).tocsc()
            with contextlib.suppress(RuntimeError):  # a singular factor
                factors = splu(
                    total.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
                )
                if np.all(factors.U.diagonal() > 0):
                    return functools.partial(_solved, factors)
        raise NotConvexError


def _solved(factors: Any, b: Array) -> Array:
    return np.asarray(factors.solve(b))


def _join(first: int, second: int, place: float, owner: Indices, held: Mask, base: Array) -> None:
    """Let two groups move as one, or hold the first at a fixed place (``second`` < 0)."""
    if second < 0:
        mine = owner == owner[first]
        held[mine], base[mine] = True, place
        return
    if owner[first] == owner[second]:
        return
    a, b = owner == owner[first], owner == owner[second]
    keep, move = (a, b) if held[a].any() else (b, a)
    target = base[first] if held[a].any() else base[second]
    base[move] = target
    held[move] = held[keep].any()
    owner[move] = owner[np.flatnonzero(keep)[0]]


def _conjugate_gradients(apply: Callable[[Array], Array], precondition: Callable[[Array], Array], b: Array, x: Array) -> Array:
    """Solve apply(x) = b from a first guess. Raises NotConvexError where the curvature is not positive along a direction."""
    r = b - apply(x)
    z = precondition(r)
    p, rz = z, float(r @ z)
    size = float(b @ precondition(b))
    for _ in range(_MOST_PRODUCTS):
        if rz <= 1e-14 * size:
            break
        q = apply(p)
        curvature = float(p @ q)
        if curvature <= 0:
            if rz <= 1e-10 * size:  # nothing but rounding is left
                break
            raise NotConvexError
        x = x + rz / curvature * p
        r = r - rz / curvature * q
        z = precondition(r)
        rz, last = float(r @ z), rz
        p = z + rz / last * p
    return x
