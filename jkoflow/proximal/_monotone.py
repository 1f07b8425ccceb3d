"""Newton's step under lower bounds on the gaps between neighbouring nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._typing import Array
from ._line_problem import Model

_MOST_CHANGES = 60
_MOST_PRODUCTS = 400


class NotConvex(Exception):
    """The second derivative is not positive definite."""


@dataclass(frozen=True)
class ConeStep:
    """The minimiser of the model in the cone: the nodes there, and which gaps are closed to their bound."""

    nodes: Array
    closed: Array
    force: Array  # gradient of the model there: what the closed gaps hold back
    settled: bool  # the set of closed gaps is the right one for the model


def step_in_cone(x: Array, model: Model, floors: Array, fixed: Array, closed: Array) -> ConeStep:
    """Minimise the model over the nodes whose gaps are at least ``floors``, the fixed ones staying.

    By the primal-dual active-set method (Hintermueller, Ito, Kunisch 2002): nodes between closed gaps move as one, a gap
    closes where its bound is broken and opens where the force across it pulls. Each change costs a solve in O(n).

    Raises NotConvex when the model is found not to be.
    """
    bounded = np.isfinite(floors)
    floors = np.where(bounded, floors, 0.0)
    slack = 1e-13 * float(np.abs(model.gradient).sum())
    seen: set[bytes] = set()
    settled = False
    for change in range(_MOST_CHANGES):
        pooled = _Pooled(x, floors, fixed, closed)
        nodes = pooled.minimise(model)
        force = model.gradient + model.apply(nodes - x)
        pull = pooled.across_gaps(force)
        broken = bounded & ~closed & (np.diff(nodes) < floors)
        opened = closed & (pull < -slack)
        if not broken.any() and not opened.any():
            settled = True
            break
        key = closed.tobytes()
        if key in seen or change > _MOST_CHANGES // 2:  # a cycle: from here on gaps only close
            opened = np.zeros_like(opened)
        seen.add(key)
        if not broken.any() and not opened.any():
            break
        closed = (closed | broken) & ~opened
    return ConeStep(nodes, closed, force, settled)


class _Pooled:
    """The nodes in groups, each moving as one."""

    def __init__(self, x: Array, floors: Array, fixed: Array, closed: Array) -> None:
        self.group = np.concatenate([[0], np.cumsum(~closed)])
        self.first = np.flatnonzero(np.concatenate([[True], ~closed]))
        spread = np.concatenate([[0.0], np.cumsum(np.where(closed, floors, 0.0))])
        self.offset = spread - spread[self.first][self.group]
        self.base = x[self.first].copy()
        self.x = x
        self.held = np.zeros(len(self.first), dtype=bool)
        for node in np.flatnonzero(fixed):
            self.held[self.group[node]] = True
            self.base[self.group[node]] = x[node] - self.offset[node]
        self.fixed = fixed

    def minimise(self, model: Model) -> Array:
        """The nodes at the minimum of the model over the groups that are not held."""
        shift = self.base[self.group] + self.offset - self.x
        residual = -self.gather(model.gradient + model.apply(shift))
        residual[self.held] = 0.0
        solve = self._near_solver(model) if model.matrix is None else self._dense_solver(model.matrix)
        moved = solve(residual)
        if model.far and model.matrix is None:
            moved = _conjugate_gradients(lambda y: self._restricted(model, y), solve, residual, moved)
        return np.asarray((self.base + moved)[self.group] + self.offset)

    def gather(self, values: Array) -> Array:
        """The sums over the groups."""
        return np.bincount(self.group, weights=values, minlength=len(self.first))

    def across_gaps(self, force: Array) -> Array:
        """The force that every closed gap passes on, positive where it is pressed shut; 0 at open gaps."""
        balanced = force.copy()
        nodes = np.flatnonzero(self.fixed)
        balanced[nodes] -= self.gather(force)[self.group[nodes]]
        running = np.cumsum(balanced)
        before = np.concatenate([[0.0], running])[self.first]
        within = running - before[self.group]
        return np.where(self.group[1:] == self.group[:-1], -within[:-1], 0.0)

    def _restricted(self, model: Model, y: Array) -> Array:
        out = self.gather(model.apply(y[self.group]))
        out[self.held] = y[self.held]
        return out

    def _dense_solver(self, matrix: Array) -> Callable[[Array], Array]:
        from scipy.linalg import LinAlgError, cho_factor, cho_solve

        pooled = np.add.reduceat(np.add.reduceat(matrix, self.first, axis=0), self.first, axis=1)
        pooled[self.held, :] = pooled[:, self.held] = 0.0
        pooled[self.held, self.held] = 1.0
        try:
            factor = cho_factor(pooled, lower=True, overwrite_a=True)
        except LinAlgError:
            raise NotConvex from None
        return lambda b: np.asarray(cho_solve(factor, b))

    def _near_solver(self, model: Model) -> Callable[[Array], Array]:
        same = self.group[1:] == self.group[:-1]
        diagonal = self.gather(model.diagonal)
        diagonal += 2 * np.bincount(self.group[1:][same], weights=model.beside[same], minlength=len(self.first))
        beside = model.beside[~same].copy()
        diagonal[self.held] = 1.0
        beside[self.held[1:] | self.held[:-1]] = 0.0
        if model.triplets:
            return self._coupled_solver(model, diagonal, beside)
        if len(diagonal) == 1:
            if diagonal[0] <= 0:
                raise NotConvex
            return lambda b: b / diagonal
        from scipy.linalg import LinAlgError, solveh_banded

        banded = np.zeros((2, len(diagonal)))
        banded[0], banded[1, :-1] = diagonal, beside

        def solve(b: Array) -> Array:
            try:
                return np.asarray(solveh_banded(banded, b, lower=True, check_finite=False))
            except LinAlgError:
                raise NotConvex from None

        return solve

    def _coupled_solver(self, model: Model, diagonal: Array, beside: Array) -> Callable[[Array], Array]:
        from scipy.sparse import coo_array, diags_array
        from scipy.sparse.linalg import splu

        n = len(diagonal)
        total = diags_array([beside, diagonal, beside], offsets=[-1, 0, 1], shape=(n, n), format="csc")
        for rows, columns, entries in model.triplets:
            r, c = self.group[rows], self.group[columns]
            free = ~(self.held[r] | self.held[c])
            part = coo_array((entries[free], (r[free], c[free])), shape=(n, n)).tocsc()
            total = total + part + part.T
        factors = splu(total.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
        if np.any(factors.U.diagonal() <= 0):
            raise NotConvex
        return lambda b: np.asarray(factors.solve(b))


def _conjugate_gradients(
    apply: Callable[[Array], Array], precondition: Callable[[Array], Array], b: Array, x: Array
) -> Array:
    """Solve apply(x) = b from a first guess. Raises NotConvex where the curvature is not positive along a direction."""
    r = b - apply(x)
    z = precondition(r)
    p, rz = z, float(r @ z)
    enough = 1e-20 * float(b @ precondition(b))
    for _ in range(_MOST_PRODUCTS):
        if rz <= enough:
            break
        q = apply(p)
        curvature = float(p @ q)
        if curvature <= 0:
            raise NotConvex
        x = x + rz / curvature * p
        r = r - rz / curvature * q
        z = precondition(r)
        rz, last = float(r @ z), rz
        p = z + rz / last * p
    return x
