"""Newton's step under lower bounds on the gaps between neighbouring nodes, by an active set."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ..._arrays import cumulated
from ..._typing import Array, Indices, Mask
from ...linear import LIFTS, chain_solver, positive_definite_solver, spring_solver, tridiagonal_solver
from .clusters import Join
from .model import Model, at_ends

_MOST_CHANGES = 60  # of the active set, before those that only close gaps
_MOST_PRODUCTS = 400  # of conjugate gradients
_NEGLIGIBLE = 1e-4  # share of the second derivatives that may be hidden: thin tails are solved better with forces
_STIFF = 1e4  # per node: stiffer cells would shift the nodes between them by about 1e-12 of the extent by rounding

_Solve: TypeAlias = Callable[[Array, Array], Array]
"""From forces on the unknowns and stresses in the gaps to the displacement of the unknowns."""


class NotConvexError(Exception):
    """The second derivative is not positive definite."""


@dataclass(frozen=True)
class ConeStep:
    """The minimiser of a model under lower bounds on its gaps.

    Attributes
    ----------
    nodes : array (n,)
        The minimiser.
    closed : mask (n - 1,)
        The gaps that are at their bound: the active set.
    group : array (n,)
        The number of the group of every node. A group is what lies between two open gaps.
    multipliers : array (n - 1,)
        The force across every closed gap, positive where the gap is pressed shut; 0 at open gaps.
    settled : bool
        True if the active set is optimal for the model: no multiplier is negative, except within joined groups.
    """

    nodes: Array
    closed: Mask
    group: Indices
    multipliers: Array
    settled: bool
    model: Model
    start: Array
    """The nodes about which the model is."""
    moved_by: Callable[[Array, Array], Array]
    """How far the nodes move if forces (n,) and stresses (n - 1,) are added to the gradient of the model."""
    apart: bool
    """True if stresses were unknowns of their own. Otherwise they were added up to forces, and rounded as such."""

    @property
    def gradient(self) -> Array:
        """The gradient of the model at the minimiser, (n,)."""
        return self.model.gradient + self.model.apply(self.nodes - self.start)


def step_in_cone(x: Array, model: Model, floors: Array, fixed: Mask, closed: Mask, joined: list[Join]) -> ConeStep:
    """Return the minimiser of the model about x in the cone of admissible nodes.

    Nodes are admissible under three constraints:

    * every gap between neighbouring nodes is at least its bound in ``floors``; -inf is no bound;
    * the ``fixed`` nodes stay;
    * the ``joined`` atoms stay at one place.

    It is found by the primal-dual active-set method (Hintermueller, Ito, Kunisch 2002), from the active set ``closed``:

    1. Nodes between closed gaps move as one. Solve for the groups, in O(n) if the model is tridiagonal.
    2. Close each gap whose bound is broken. Open each closed gap whose multiplier is negative, except within joined groups.
    3. Repeat until nothing changes. If an active set comes back, gaps only close from then on. After 30 changes all gaps
       between a wall and the nodes beyond it close at once.

    Raises NotConvexError if the second derivative is not positive definite.
    """
    bounded, given = np.isfinite(floors), floors
    floors = np.where(bounded, floors, 0.0)
    slack, rounding = 1e-13 * model.forces + model.rounding, 4 * np.spacing(float(np.abs(x).max()))
    seen: set[bytes] = set()
    most, settled = _MOST_CHANGES + len(x), False  # from a cycle on every change closes a gap
    for change in range(most):
        pooled = _Pooled(x, floors, fixed, closed, joined)
        nodes = pooled.minimise(model)
        multipliers = pooled.multipliers(model, nodes - x)
        broken = np.diff(nodes) < given
        if broken.any():
            broken &= ~closed & (np.diff(nodes) < floors - np.where(floors > 0, rounding, 0.0))
        if change > _MOST_CHANGES // 2:
            broken |= bounded & ~closed & _beyond_walls(nodes, bounded, fixed)
        opened = closed & ~pooled.joined[pooled.group[1:]] & (multipliers < -slack)
        cycle = closed.tobytes() in seen or change > _MOST_CHANGES // 2
        if not broken.any() and (cycle or not opened.any()):
            settled = not opened.any()
            break
        seen.add(closed.tobytes())
        closed = closed | broken if cycle else (closed | broken) & ~opened  # after a cycle gaps only close
    return ConeStep(nodes, pooled.closed, pooled.group, multipliers, settled, model, x, pooled.response, pooled.apart)


def _beyond_walls(nodes: Array, bounded: Mask, fixed: Mask) -> Mask:
    """The gaps between each wall and the nodes of its species that lie beyond it, by more than rounding."""
    beyond = np.zeros(len(bounded), dtype=bool)
    rounding = 64 * float(np.spacing(np.abs(nodes).max()))
    ends = np.concatenate([[-1], np.flatnonzero(~bounded), [len(bounded)]])  # the gaps between species
    for wall in np.flatnonzero(fixed):
        species = int(np.searchsorted(ends, wall))
        first, last = int(ends[species - 1]) + 1, int(ends[species])
        beyond[wall : wall + _prefix_above(nodes[wall] - nodes[wall + 1 : last + 1], rounding)] = True
        beyond[wall - _prefix_above(nodes[first:wall][::-1] - nodes[wall], rounding) : wall] = True
    return beyond


def _prefix_above(excess: Array, rounding: float) -> int:
    """The number of first entries up to the last one above ``rounding`` before any falls below -``rounding``."""
    below = np.flatnonzero(excess < -rounding)
    above = np.flatnonzero(excess[: below[0] if len(below) else None] > rounding)
    return int(above[-1]) + 1 if len(above) else 0


def brought_together(x: Array, closed: Mask, joined: list[Join], floors: Array, fixed: Mask) -> Array:
    """The nodes x with the closed gaps put to their bounds and the joined atoms to one place; x itself if nothing is joined."""
    if not joined:
        return x
    pooled = _Pooled(x, np.where(np.isfinite(floors), floors, 0.0), fixed, closed, joined)
    return np.asarray(pooled.base[pooled.group] + pooled.offset)


def minimiser_with_closed_gaps(x: Array, model: Model, floors: Array, fixed: Mask, closed: Mask, joined: list[Join]) -> Array:
    """The minimiser of the model about x if the closed gaps stay closed and the open ones have no bound."""
    return _Pooled(x, np.where(np.isfinite(floors), floors, 0.0), fixed, closed, joined).minimise(model)


class _Pooled:
    """The nodes pooled into groups between open gaps; every group moves as one.

    Joined groups share an unknown. The unknown of a group with a fixed node, or joined to a fixed place, is fixed.

    Attributes
    ----------
    group : array by node
        The number of its group.
    first_nodes : array by group
        Its first node.
    base : array by group
        The place of its first node before it moves.
    offset : array by node
        How far it lies right of the first node of its group.
    single : bool
        Whether every node moves on its own.
    joined : mask by group
        Whether the group is joined to another, or to a fixed place.
    unknown : array by node
        The number of the unknown that moves it.
    fixed_unknowns : mask by unknown
    response : function
        How far the nodes move if forces and stresses are added to the gradient of the model that was minimised last.
    apart : bool
        True if stresses were unknowns of their own in it.
    """

    response: Callable[[Array, Array], Array]
    apart: bool

    def __init__(self, x: Array, floors: Array, fixed: Mask, closed: Mask, joined: list[Join]) -> None:
        self.single = not closed.any() and not joined
        if self.single:
            self.group = self.first_nodes = np.arange(len(x))
            self.offset, self.base = np.zeros_like(x), x.copy()
        else:
            self.group = np.concatenate([[0], np.cumsum(~closed)])
            self.first_nodes = np.flatnonzero(np.concatenate([[True], ~closed]))
            spread = cumulated(np.where(closed, floors, 0.0))
            self.offset = spread - spread[self.first_nodes][self.group]
            self.base = x[self.first_nodes].copy()
        self.x, self.fixed, self.closed = x, fixed, closed
        owner, fixed_groups = np.arange(len(self.first_nodes)), np.zeros(len(self.first_nodes), dtype=bool)
        for node in np.flatnonzero(fixed):
            fixed_groups[self.group[node]] = True
            self.base[self.group[node]] = x[node] - self.offset[node]
        self.joined = np.zeros(len(self.first_nodes), dtype=bool)
        for join in joined:
            first, second = self.group[join.first], self.group[join.second] if join.second >= 0 else -1
            self.joined[first] = True
            if second >= 0:
                self.joined[second] = True
            _join(first, second, join.place, owner, fixed_groups, self.base)
        self.unknown, self.fixed_unknowns = self.group, fixed_groups
        if joined:
            owners, of_group = np.unique(owner, return_inverse=True)
            self.unknown = of_group[self.group]
            self.fixed_unknowns = np.bincount(of_group, weights=fixed_groups, minlength=len(owners)) > 0

    def minimise(self, model: Model) -> Array:
        """The nodes at the minimum of the model over the unknowns that are not fixed."""
        self.apart = False
        solve = self._near_solver(model) if model.matrix is None else self._dense_solver(model.matrix)
        self.response = functools.partial(self._moved_by, model, solve)
        if self.single:
            return self.x + self.response(model.nodal_gradient, model.stress)
        shift = self.base[self.group] + self.offset - self.x
        force = model.nodal_gradient + model.apply_nodal(shift)
        moved = self.response(force, model.stress + model.stiffness * np.diff(shift))
        return np.asarray(self.base[self.group] + moved + self.offset)

    def _moved_by(self, model: Model, solve: _Solve, force: Array, stress: Array) -> Array:
        """How far the nodes move if forces (n,) and stresses (n - 1,) are added to the gradient of the model at its minimum."""
        residual, stress = -self.gather(force), -stress
        stress[self.closed] = 0.0
        residual[self.fixed_unknowns] = 0.0
        moved = solve(residual, stress)
        if model.far and model.matrix is None:
            whole = self._with_stress(residual, stress)
            nothing = np.zeros_like(stress)
            moved = _conjugate_gradients(lambda y: self._restricted(model, y), lambda b: solve(b, nothing), whole, moved)
        moved[self.fixed_unknowns] = 0.0
        return moved if self.single else np.asarray(moved[self.unknown])

    def _with_stress(self, residual: Array, stress: Array) -> Array:
        """The forces on the unknowns, with those of the stress in the gaps; 0 in the fixed ones."""
        out = residual + self.gather(at_ends(stress))
        out[self.fixed_unknowns] = 0.0
        return np.asarray(out)

    def gather(self, values: Array) -> Array:
        """The sums over the nodes of every unknown."""
        if self.single:
            return values.copy()
        return np.asarray(np.bincount(self.unknown, weights=values, minlength=len(self.fixed_unknowns)), dtype=np.float64)

    def multipliers(self, model: Model, moved: Array) -> Array:
        """The force that every closed gap passes on after a move, positive where the gap is pressed shut; 0 at open gaps.

        It is minus the sum of the gradient over the nodes of the group left of the gap. A fixed node bears the total of its
        group.
        """
        if not self.closed.any():
            return np.zeros(len(self.closed))
        gradient = model.gradient + model.apply(moved)
        balanced = gradient.copy()
        nodes = np.flatnonzero(self.fixed)
        balanced[nodes] -= np.bincount(self.group, weights=gradient)[self.group[nodes]]
        running = np.cumsum(balanced)
        before = np.concatenate([[0.0], running])[self.first_nodes]
        within = running - before[self.group]
        return np.where(self.closed, -within[:-1], 0.0)

    def _restricted(self, model: Model, y: Array) -> Array:
        """The second derivative of the model in the unknowns times y; the identity in the fixed ones."""
        out = self.gather(model.apply(y[self.unknown]))
        out[self.fixed_unknowns] = y[self.fixed_unknowns]
        return out

    def _dense_solver(self, matrix: Array) -> _Solve:
        """A solver with the second derivative in the unknowns, from the matrix in the nodes."""
        from scipy.linalg import LinAlgError, cho_factor, cho_solve
        from scipy.sparse import csr_array

        nodes = np.arange(len(self.x))
        members = csr_array((np.ones(len(nodes)), (self.unknown, nodes)))
        pooled = np.asarray(members @ (members @ matrix).T)
        pooled[self.fixed_unknowns, :] = pooled[:, self.fixed_unknowns] = 0.0
        pooled[self.fixed_unknowns, self.fixed_unknowns] = 1.0
        diagonal = pooled.diagonal().copy()
        for lift in LIFTS:
            np.fill_diagonal(pooled, diagonal * (1 + lift))
            with contextlib.suppress(LinAlgError):
                factor = cho_factor(pooled, lower=True)
                return lambda b, stress: np.asarray(cho_solve(factor, self._with_stress(b, stress)))
        raise NotConvexError

    def _near_solver(self, model: Model) -> _Solve:
        """A solver with the second derivative in the unknowns, its far parts left out."""
        if model.triplets or self.joined.any():
            return self._coupled_solver(model)
        diagonal, off_diagonal = self._tridiagonal(model.nodal_diagonal, model.nodal_off_diagonal)
        stiffness, free = model.stiffness[~self.closed], ~self.fixed_unknowns
        hidden = _hides(stiffness, diagonal, slice(None, -1), slice(1, None), free)
        if hidden and tridiagonal_solver(diagonal, off_diagonal) is not None:
            self.apart = True
            solve_chain = chain_solver(diagonal, off_diagonal, stiffness, free)
            return lambda b, stress: solve_chain(b, -stress[~self.closed])
        diagonal[:-1] += np.where(free[:-1], stiffness, 0.0)
        diagonal[1:] += np.where(free[1:], stiffness, 0.0)
        solve = tridiagonal_solver(diagonal, off_diagonal - np.where(free[1:] & free[:-1], stiffness, 0.0))
        if solve is None:
            raise NotConvexError
        return lambda b, stress: solve(self._with_stress(b, stress))

    def _tridiagonal(self, diagonal: Array, off_diagonal: Array) -> tuple[Array, Array]:
        """The diagonal and the entries beside it in the groups, of a tridiagonal matrix in the nodes. 1 in fixed groups."""
        pooled, beside = self.gather(diagonal), off_diagonal[~self.closed]
        if self.closed.any():
            groups = self.group[1:][self.closed]
            pooled += 2 * np.bincount(groups, weights=off_diagonal[self.closed], minlength=len(pooled))
        pooled[self.fixed_unknowns] = 1.0
        beside[self.fixed_unknowns[1:] | self.fixed_unknowns[:-1]] = 0.0
        return pooled, beside

    def _coupled_solver(self, model: Model) -> _Solve:
        """The same with entries that couple species: a sparse factorisation."""
        from scipy.sparse import csr_array

        nodal = self._coupled_matrix(model.nodal_diagonal, model.nodal_off_diagonal, model)
        left, right = self.unknown[:-1], self.unknown[1:]
        gaps, free = np.flatnonzero(left != right), ~self.fixed_unknowns
        stiffness = model.stiffness[gaps]
        if _hides(stiffness, nodal.diagonal(), left[gaps], right[gaps], free) and positive_definite_solver(nodal) is not None:
            self.apart = True
            rows, ones = np.arange(len(gaps)), np.ones(len(gaps))
            columns = np.concatenate([right[gaps], left[gaps]])
            shape = (len(gaps), len(free))
            differences = csr_array((np.concatenate([ones, -ones]), (np.concatenate([rows, rows]), columns)), shape=shape)
            solve_springs = spring_solver(nodal, differences, stiffness, free)
            return lambda b, stress: solve_springs(b, -stress[gaps])
        solve = positive_definite_solver(self._coupled_matrix(model.diagonal, model.off_diagonal, model))
        if solve is None:
            raise NotConvexError
        return lambda b, stress: solve(self._with_stress(b, stress))

    def _coupled_matrix(self, diagonal: Array, off_diagonal: Array, model: Model) -> Any:
        """A tridiagonal matrix in the nodes and the single entries of the model, in the unknowns. 1 in the fixed ones."""
        from scipy.sparse import coo_array, diags_array

        n, nodes = len(self.fixed_unknowns), np.arange(len(self.x) - 1)
        near = [(nodes, nodes + 1, off_diagonal), *model.triplets]
        rows = self.unknown[np.concatenate([r for r, _, _ in near])]
        columns = self.unknown[np.concatenate([c for _, c, _ in near])]
        entries = np.concatenate([e for _, _, e in near])
        free = ~(self.fixed_unknowns[rows] | self.fixed_unknowns[columns])
        half = coo_array((entries[free], (rows[free], columns[free])), shape=(n, n)).tocsc()
        return (half + half.T + diags_array(np.where(self.fixed_unknowns, 1.0, self.gather(diagonal)))).tocsc()


def _hides(stiffness: Array, diagonal: Array, left: Indices | slice, right: Indices | slice, free: Mask) -> bool:
    """Return True if gaps of this stiffness hide the second derivatives of the nodes beside them behind the rounding.

    ``left`` and ``right`` are the unknowns on either side of the gaps. ``diagonal`` holds their second derivatives. Gaps beside
    unknowns with less than 1e-4 of all second derivatives do not count: there is little mass.
    """
    held = np.where(free, diagonal, np.inf)
    beside = np.minimum(held[left], held[right])
    hidden = beside[stiffness > _STIFF * len(diagonal) * beside]
    return bool(len(stiffness) and stiffness.min() >= 0 and hidden.sum() > _NEGLIGIBLE * diagonal[free].sum())


def _join(first: int, second: int, place: float, owner: Indices, fixed_groups: Mask, base: Array) -> None:
    """Let two groups share an unknown, or fix the first at a place (``second`` < 0).

    Groups with the same number in ``owner`` share an unknown. ``owner``, ``fixed_groups`` and ``base`` are changed.
    """
    if second < 0:
        with_first = owner == owner[first]
        fixed_groups[with_first], base[with_first] = True, place
        return
    if owner[first] == owner[second]:
        return
    a, b = owner == owner[first], owner == owner[second]
    keep, move = (a, b) if fixed_groups[a].any() else (b, a)
    target = base[first] if fixed_groups[a].any() else base[second]
    base[move] = target
    fixed_groups[move] = fixed_groups[keep].any()
    owner[move] = owner[np.flatnonzero(keep)[0]]


def _conjugate_gradients(apply: Callable[[Array], Array], precondition: Callable[[Array], Array], b: Array, x: Array) -> Array:
    """Return the solution of apply(x) = b, from a first guess x.

    Raises NotConvexError if the curvature along a direction is not positive.
    """
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
