"""A multigrid cycle for several elliptic equations that one potential couples, as a preconditioner."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .._typing import Array
from .multigrid import gathered, halved_faces
from .stencils import CoupledStencil

_SWEEPS, _COARSEST_SWEEPS = 2, 6
_SMALL = 4096  # cells below which one core is faster than threads


@dataclass(frozen=True, eq=False)
class _Level:
    """``outer`` is the conductance to walls where psi is held at 0."""

    reactions: Array
    outer: Array
    matrix: CoupledStencil
    factors: tuple[int, int, int]
    unknown: Array
    right: Array


class CoupledMultigrid:
    """One V-cycle for the equations of S potentials and the one that couples them, on a grid with no flux of the S.

        s_k (x_k - z_k psi) - div(a_k grad x_k) = b_k,      - div(e grad psi) - sum_k z_k s_k (x_k - z_k psi) = b_psi.

    ``reactions`` are the s_k >= 0, shape (S, *grid); ``faces`` hold per axis the conductances a_k >= 0 of every face and those
    of psi last, shape (S + 1, *grid) but n + 1 along the axis; ``outer``, of the grid's shape, those between cells and walls on
    which psi = 0. The matrix is symmetric and positive semidefinite, whatever the coupling.

    Red-black sweeps of Gauss-Seidel in which all unknowns of a cell are solved for together, so that a strong coupling, which
    acts within cells, does not slow it down; coarse grids as in ``Multigrid``. O(n (S + 1)).
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
        """The cycle applied to b, of shape (S + 1, *grid), psi last: a new array."""
        x = self._cycle(np.ascontiguousarray(b).reshape(self._levels[0].unknown.shape), 0)
        return x.reshape(-1, *self._shape).copy()

    def _level(self, reactions: Array, outer: Array, faces: list[Array]) -> _Level:
        diagonal = np.concatenate([reactions, outer[None] + np.sum(self._valences**2 * reactions, axis=0, keepdims=True)])
        for axis, k in enumerate(faces, start=1):
            along = np.moveaxis(k, axis, 0)
            diagonal += np.moveaxis(along[:-1] + along[1:], 0, axis)
        ties = self._valences * reactions
        inverse = _inverse(diagonal)
        inverse[-1] = _inverse(np.maximum(diagonal[-1] - np.sum(ties**2 * inverse[:-1], axis=0), 1e-12 * diagonal[-1]))
        f = [2 if n > 2 else 1 for n in outer.shape]
        k0, k1, k2 = (np.ascontiguousarray(k) for k in faces)
        unknown, right = np.zeros_like(diagonal), np.zeros_like(diagonal)
        matrix = CoupledStencil(diagonal, inverse, ties, k0, k1, k2)
        return _Level(reactions, outer, matrix, (f[0], f[1], f[2]), unknown, right)

    def _coarser(self, level: _Level) -> _Level:
        reactions = np.stack([gathered(one, level.factors) for one in level.reactions])
        faces = [np.stack([halved_faces(one, axis, level.factors) for one in k]) for axis, k in enumerate(level.matrix.faces)]
        return self._level(reactions, 0.5 * gathered(level.outer, level.factors), faces)

    def _cycle(self, b: Array, depth: int) -> Array:
        from .coupled_sweeps import prolong, restrict

        level = self._levels[depth]
        x = level.unknown
        x[:] = 0.0
        if depth == len(self._levels) - 1:
            _smooth(level, b, 0, _COARSEST_SWEEPS)
            _smooth(level, b, 1, _COARSEST_SWEEPS)
            return x
        _smooth(level, b, 0, _SWEEPS)
        below = self._levels[depth + 1]
        restrict(x, b, level.matrix, level.factors, below.right)
        prolong(x, self._cycle(below.right, depth + 1), level.factors)
        _smooth(level, b, 1, _SWEEPS)
        return x


def _smooth(level: _Level, b: Array, first: int, sweeps: int) -> None:
    from .coupled_sweeps import relax, relax_small

    sweep = relax_small if level.outer.size < _SMALL else relax
    sweep(level.unknown, b, level.matrix, first, sweeps)


def _inverse(values: Array) -> Array:
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)
