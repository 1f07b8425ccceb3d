"""A multigrid preconditioner for several elliptic equations that are coupled by one potential."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import Array
from .multigrid import gathered, halved_faces
from .stencils import CoupledStencil

_SWEEPS, _COARSEST_SWEEPS = 2, 6
_SMALL = 1 << 15  # cells below which one core is faster than threads


@dataclass(frozen=True, eq=False)
class _Level:
    """One grid of the hierarchy. ``outer`` is the conductance between cells and walls on which psi = 0."""

    reactions: Array
    outer: Array
    matrix: CoupledStencil
    factors: tuple[int, int, int]
    unknown: Array
    right: Array


class CoupledMultigrid:
    """One V-cycle for the equations of S unknowns x_k and of the potential psi that couples them.

        s_k (x_k - z_k psi) - div(a_k grad x_k) = b_k,      - div(e grad psi) - sum_k z_k s_k (x_k - z_k psi) = b_psi.

    The walls of the grid let no flux of the x_k through. The matrix is symmetric and positive semidefinite for every coupling.

    * ``reactions`` are the s_k >= 0, shape (S, *grid).
    * ``valences`` are the z_k, shape (S,).
    * ``faces`` has one array per axis: the conductances a_k >= 0 of every face, then e, shape (S + 1, *grid) but with n + 1
      along the axis.
    * ``outer`` are the conductances between cells and walls on which psi = 0, of the grid's shape.

    A cycle does red-black sweeps of Gauss-Seidel that solve for all unknowns of a cell together. The coupling acts within
    cells, so that a strong coupling does not slow the cycle down. The coarse grids are made as in ``Multigrid``. The cost is
    O(n (S + 1)).
    """

    def __init__(self, reactions: Array, valences: Array, faces: tuple[Array, ...], outer: Array) -> None:
        missing = 3 - outer.ndim
        self._shape = outer.shape
        self._valences = valences.reshape(-1, 1, 1, 1)
        shape = (1,) * missing + outer.shape
        count = len(valences) + 1
        lifted = [k.reshape(count, *(1,) * missing, *k.shape[1:]) for k in faces]
        walls = [np.zeros((count, *(n + (c == axis) for c, n in enumerate(shape)))) for axis in range(missing)]
        self._levels = [self._level(reactions.reshape(-1, *shape), outer.reshape(shape), [*walls, *lifted])]
        while max(self._levels[-1].factors) > 1:
            self._levels.append(self._coarser(self._levels[-1]))

    def __call__(self, b: Array) -> Array:
        """Return the cycle applied to b, a new array. b and the result have the shape (S + 1, *grid), psi last."""
        x = self._cycle(np.ascontiguousarray(b).reshape(self._levels[0].unknown.shape), 0)
        return x.reshape(-1, *self._shape).copy()

    def _level(self, reactions: Array, outer: Array, faces: list[Array]) -> _Level:
        """Return the grid of the hierarchy with these coefficients."""
        diagonal = np.concatenate([reactions, outer[None] + np.sum(self._valences**2 * reactions, axis=0, keepdims=True)])
        for axis, k in enumerate(faces, start=1):
            along = k.swapaxes(axis, 0)
            diagonal += (along[:-1] + along[1:]).swapaxes(0, axis)
        ties = self._valences * reactions
        inverse = _inverse(diagonal)
        inverse[-1] = _inverse(np.maximum(diagonal[-1] - np.sum(ties**2 * inverse[:-1], axis=0), 1e-12 * diagonal[-1]))
        f = [2 if n > 2 else 1 for n in outer.shape]
        k0, k1, k2 = (np.ascontiguousarray(k) for k in faces)
        unknown, right = np.zeros_like(diagonal), np.zeros_like(diagonal)
        matrix = CoupledStencil(diagonal, inverse, ties, k0, k1, k2)
        return _Level(reactions, outer, matrix, (f[0], f[1], f[2]), unknown, right)

    def _coarser(self, level: _Level) -> _Level:
        """Return the next coarser grid of the hierarchy."""
        reactions = np.stack([gathered(reaction, level.factors) for reaction in level.reactions])
        faces = [
            np.stack([halved_faces(conductances, axis, level.factors) for conductances in k])
            for axis, k in enumerate(level.matrix.faces)
        ]
        return self._level(reactions, 0.5 * gathered(level.outer, level.factors), faces)

    def _cycle(self, b: Array, depth: int) -> Array:
        """Return the cycle applied to b on the grid number ``depth``, 0 being the finest."""
        from .coupled_sweeps import prolong, restrict

        level = self._levels[depth]
        x = level.unknown
        x[:] = 0.0
        if depth == len(self._levels) - 1:
            _smooth(level, b, 0, _COARSEST_SWEEPS)
            _smooth(level, b, 1, _COARSEST_SWEEPS)
            return x
        _smooth(level, b, 0, _SWEEPS)
        coarse = self._levels[depth + 1]
        restrict(x, b, level.matrix, level.factors, coarse.right)
        prolong(x, self._cycle(coarse.right, depth + 1), level.factors)
        _smooth(level, b, 1, _SWEEPS)
        return x


def _smooth(level: _Level, b: Array, first: int, sweeps: int) -> None:
    """Do red-black sweeps on one grid, beginning with the colour ``first``."""
    from .coupled_sweeps import relax, relax_small

    x = level.unknown
    if level.outer.size < _SMALL:
        relax_small(x, b, level.matrix, first, sweeps)
        return
    for half in range(2 * sweeps):
        relax(x.shape[1] * x.shape[2], x, b, level.matrix, first + half)


def _inverse(values: Array) -> Array:
    """Return 1 / values, and 0 where a value is not positive."""
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)
