"""Newton's step under lower bounds on the gaps between neighbouring nodes."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array, Indices, Mask
from ._line_model import Model
from ._ties import Ties

_MOST_CHANGES = 60
_MOST_PRODUCTS = 400
_LIFTS = (0.0, 1e-13)  # of the diagonal: stiff cells can hide the inertia of their nodes behind the rounding


class NotConvexError(Exception):
    """The second derivative is not positive definite."""


@dataclass(frozen=True)
class ConeStep:
    """The minimiser of the model in the cone: the nodes there, which gaps are closed to their bound, the force that they hold
    back at most, and whether the set of closed gaps and of tied atoms is the right one for the model.
    """

    nodes: Array
    closed: Mask
    held_back: float
    settled: bool


def step_in_cone(x: Array, model: Model, floors: Array, fixed: Mask, closed: Mask, ties: Ties) -> ConeStep:
    """Minimise the model over the nodes whose gaps are at least ``floors``, the fixed ones staying.

    By the primal-dual active-set method (Hintermueller, Ito, Kunisch 2002): nodes between closed gaps move as one, a gap
    closes where its bound is broken and opens where the force across it pulls; atoms of two species are tied where they would
    pass one another, and part where the tie is too weak. Each change costs a solve in O(n).

    Raises NotConvexError when the model is found not to be.
    """
    bounded = np.isfinite(floors)
    floors = np.where(bounded, floors, 0.0)
    slack = 1e-13 * model.forces
    rounding = np.where(floors > 0, 4 * np.spacing(float(np.abs(x).max())), 0.0)
    seen: set[bytes] = set()
    for change in range(_MOST_CHANGES):
        pooled = _Pooled(x, floors, fixed, closed, ties)
        nodes = pooled.minimise(model)
        force = model.gradient + pooled.push + model.apply(nodes - x)
        pull = pooled.across_gaps(force)
        broken = bounded & ~closed & (np.diff(nodes) < floors - rounding)
        opened = closed & (pull < -slack)
        if _key(closed, ties) in seen or change > _MOST_CHANGES // 2:  # a cycle: from here on gaps only close
            opened = np.zeros_like(opened)
        seen.add(_key(closed, ties))
        retied = bool(ties.tips) and ties.revise(pooled.group, closed, nodes, pooled.by_group(force))
        if not broken.any() and not opened.any() and not retied:
            return ConeStep(nodes, closed, float(pull.max(initial=0.0)), not np.any(closed & (pull < -slack)))
        closed = (closed | broken) & ~opened
    return ConeStep(nodes, closed, 0.0, False)


def _key(closed: Mask, ties: Ties) -> bytes:
    """The closed gaps and ties as something to remember them by."""
    return closed.tobytes() + repr(sorted(ties.choice.items())).encode()


class _Pooled:
    """The nodes in groups between open gaps, each moving as one; tied groups share an unknown, some are held in place."""

    def __init__(self, x: Array, floors: Array, fixed: Mask, closed: Mask, ties: Ties) -> None:
        self.group = np.concatenate([[0], np.cumsum(~closed)])
        self.first = np.flatnonzero(np.concatenate([[True], ~closed]))
        spread = np.concatenate([[0.0], np.cumsum(np.where(closed, floors, 0.0))])
        self.offset = spread - spread[self.first][self.group]
        self.base = x[self.first].copy()
        self.x, self.fixed, self.closed, self.ties = x, fixed, closed, ties
        owner, held = np.arange(len(self.first)), np.zeros(len(self.first), dtype=bool)
        for node in np.flatnonzero(fixed):
            held[self.group[node]] = True
            self.base[self.group[node]] = x[node] - self.offset[node]
        self.push = np.zeros_like(x)
        if ties.tips:
            ties.arrange(self.group, closed)
            for pair in ties.tied:
                _join(pair.first, pair.second, pair.place, owner, held, self.base)
            for pair in ties.apart:
                strength = ties.choice[pair.key] * pair.capacity
                self._spread(pair.first, strength, self.push)
                if pair.second >= 0:
                    self._spread(pair.second, -strength, self.push)
        owners, self.unknown_of_group = np.unique(owner, return_inverse=True)
        self.unknown = self.unknown_of_group[self.group]
        self.held = np.zeros(len(owners), dtype=bool)
        np.logical_or.at(self.held, self.unknown_of_group, held)

    def minimise(self, model: Model) -> Array:
        """The nodes at the minimum of the model over the unknowns that are not held."""
        shift = self.base[self.group] + self.offset - self.x
        residual = -self.gather(model.gradient + self.push + model.apply(shift))
        residual[self.held] = 0.0
        solve = self._near_solver(model) if model.matrix is None else self._dense_solver(model.matrix)
        moved = solve(residual)
        if model.far and model.matrix is None:
            moved = _conjugate_gradients(lambda y: self._restricted(model, y), solve, residual, moved)
        return np.asarray(self.base[self.group] + moved[self.unknown] + self.offset)

    def gather(self, values: Array) -> Array:
        """The sums over the nodes of every unknown."""
        return np.asarray(np.bincount(self.unknown, weights=values, minlength=len(self.held)), dtype=np.float64)

    def by_group(self, values: Array) -> Array:
        """The sums over the nodes of every group."""
        return np.asarray(np.bincount(self.group, weights=values, minlength=len(self.first)), dtype=np.float64)

    def across_gaps(self, force: Array) -> Array:
        """The force that every closed gap passes on, positive where it is pressed shut; 0 at open gaps."""
        balanced = force.copy()
        for pair, reaction in zip(self.ties.tied, self.ties.reactions(self.by_group(force)), strict=True):
            self._spread(pair.first, reaction, balanced)
            if pair.second >= 0:
                self._spread(pair.second, -reaction, balanced)
        nodes = np.flatnonzero(self.fixed)
        balanced[nodes] -= self.by_group(balanced)[self.group[nodes]]
        running = np.cumsum(balanced)
        before = np.concatenate([[0.0], running])[self.first]
        within = running - before[self.group]
        return np.where(self.closed, -within[:-1], 0.0)

    def _spread(self, group: int, strength: float, out: Array) -> None:
        """Add a force on an atom, shared among its cells by their mass."""
        for tip in self.ties.tips:
            for part, masses in ((tip.a, tip.masses_a), (tip.b, tip.masses_b)):
                if part is None or not part.start <= self.first[group] < part.stop:
                    continue
                cells = np.flatnonzero(
                    self.closed[part.start : part.stop - 1] & (self.group[part.start : part.stop - 1] == group)
                )
                share = strength * masses[cells] / masses[cells].sum() / 2
                np.add.at(out, part.start + cells, share)
                np.add.at(out, part.start + cells + 1, share)
                return

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
        if model.triplets or self.ties.tied:
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
            factors = splu(total.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
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
        if rz <= 1e-20 * size:
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
