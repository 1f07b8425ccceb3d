"""A multigrid preconditioner for elliptic operators with rough coefficients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._typing import Array
from .stencils import Stencil

_SWEEPS, _COARSEST_SWEEPS = 2, 4
_SMALL = 1 << 17  # cells below which one core is faster than threads


@dataclass(frozen=True, eq=False)
class _Level:
    """One grid of the hierarchy: its reaction and matrix, the factors to the next coarser grid, and work arrays."""

    reaction: Array
    matrix: Stencil
    factors: tuple[int, int, int]
    unknown: Array
    right: Array


class Multigrid:
    """One V-cycle for  reaction x - div(conductance grad x) = b  on a grid with no flux through its walls.

    * ``reaction`` has the grid's shape.
    * ``faces`` has one array per axis: the conductance of every face, shape n + 1 along the axis, 0 at the walls.

    Reaction and conductance may be 0, and may jump by any factor. Cells with neither reaction nor conductance get the value 0.

    A cycle does two red-black sweeps of Gauss-Seidel before the coarse correction and two, in the opposite order, after it. A
    coarse cell consists of two cells along every axis. The conductances of parallel faces are added; a conductance is halved
    for the double distance (series).

    The cost is O(n): about 10 passes over 8 arrays in 2-D. The cycle is symmetric, so it also suits conjugate gradients.
    """

    def __init__(self, reaction: Array, faces: tuple[Array, ...]) -> None:
        missing = 3 - reaction.ndim
        shape = (1,) * missing + reaction.shape
        lifted = [k.reshape((1,) * missing + k.shape) for k in faces]
        walls = [np.zeros(tuple(n + (c == axis) for c, n in enumerate(shape))) for axis in range(missing)]
        self._shape = reaction.shape
        self._levels = [_level(reaction.reshape(shape), (*walls, *lifted))]
        while max(self._levels[-1].factors) > 1:
            self._levels.append(_coarser(self._levels[-1]))

    def __call__(self, b: Array) -> Array:
        """Return the cycle applied to b, a new array of the grid's shape."""
        return self._cycle(np.ascontiguousarray(b).reshape(self._levels[0].unknown.shape), 0).reshape(self._shape).copy()

    def _cycle(self, b: Array, depth: int) -> Array:
        """Return the cycle applied to b on the grid number ``depth``, 0 being the finest."""
        from .multigrid_sweeps import prolong, restrict

        level = self._levels[depth]
        x, matrix = level.unknown, level.matrix
        if depth == len(self._levels) - 1:
            _smooth(x, b, matrix, 0, True, _COARSEST_SWEEPS)
            _smooth(x, b, matrix, 1, False, _COARSEST_SWEEPS)
            return x
        _smooth(x, b, matrix, 0, True, _SWEEPS)
        coarse = self._levels[depth + 1]
        lines = coarse.right.shape[0] * coarse.right.shape[1]
        if x.size < _SMALL:
            restrict.alone(0, lines, x, b, matrix, level.factors, coarse.right)
        else:
            restrict(lines, x, b, matrix, level.factors, coarse.right)
        prolong(x, self._cycle(coarse.right, depth + 1), level.factors)
        _smooth(x, b, matrix, 1, False, _SWEEPS)
        return x


def _smooth(x: Array, b: Array, matrix: Stencil, first: int, fresh: bool, sweeps: int) -> None:
    """Do red-black sweeps, beginning with the colour ``first``; ``fresh`` begins from x = 0, whatever x is."""
    from .multigrid_sweeps import relax, relax_small

    if x.size < _SMALL:
        relax_small(x, b, matrix, first, fresh, sweeps)
        return
    for half in range(2 * sweeps):
        relax(x.shape[0] * x.shape[1], x, b, matrix, first + half, fresh and half == 0)


def _level(reaction: Array, faces: tuple[Array, ...]) -> _Level:
    """Return the grid of the hierarchy with these coefficients."""
    diagonal = diagonal_of(reaction, faces)
    factors = tuple(2 if n > 2 else 1 for n in reaction.shape)
    k0, k1, k2 = (np.ascontiguousarray(k) for k in faces)
    inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
    matrix = Stencil(diagonal, inverse, k0, k1, k2)
    return _Level(reaction, matrix, (factors[0], factors[1], factors[2]), np.zeros_like(diagonal), np.zeros_like(diagonal))


def _coarser(level: _Level) -> _Level:
    """Return the next coarser grid of the hierarchy."""
    faces = tuple(halved_faces(k, axis, level.factors) for axis, k in enumerate(level.matrix.faces))
    return _level(np.maximum(gathered(level.reaction, level.factors), 0.0), faces)


def halved_faces(k: Array, axis: int, factors: tuple[int, ...]) -> Array:
    """Return the conductances of the faces across an axis between coarse cells.

    The conductances of the fine faces that make a coarse face are added. They are halved for the double distance between the
    centres of coarse cells (series).
    """
    if factors[axis] == 2:
        along = k.swapaxes(axis, 0)
        count = (len(along)) // 2
        halved = np.zeros((count + 1, *along.shape[1:]))
        halved[:count] = 0.5 * along[: 2 * count : 2]
        k = halved.swapaxes(0, axis)
    return gathered(k, tuple(1 if c == axis else f for c, f in enumerate(factors)))


def gathered(values: Array, factors: tuple[int, ...]) -> Array:
    """Return the sums over pairs of neighbours along the axes with a factor of 2. A last cell without a partner stays alone."""
    for axis, factor in enumerate(factors):
        if factor == 2:
            along = values.swapaxes(axis, 0)
            pairs = np.array(along[::2])
            pairs[: len(along) // 2] += along[1::2]
            values = pairs.swapaxes(0, axis)
    return values


def diagonal_of(reaction: Array, faces: tuple[Array, ...]) -> Array:
    """Return the diagonal of the operator: the reaction plus the conductances of all faces of a cell."""
    diagonal = np.array(reaction)
    for axis, k in enumerate(faces):
        along = k.swapaxes(axis, 0)
        diagonal += (along[:-1] + along[1:]).swapaxes(0, axis)
    return diagonal


def elliptic(reaction: Array, faces: tuple[Array, ...]) -> Callable[[Array], Array]:
    """Return the operator x -> reaction x - div(conductance grad x) as a function.

    The faces at both ends of an axis are those of walls, with the conductance 0, or one face of a torus.
    """

    def apply(x: Array) -> Array:
        out = reaction * x
        for axis, k in enumerate(faces):
            across, cells, total = (values.swapaxes(axis, 0) for values in (k, x, out))
            flow = across[1:-1] * np.diff(cells, axis=0)
            total[:-1] -= flow
            total[1:] += flow
            through_ends = across[0] * (cells[0] - cells[-1])
            total[-1] -= through_ends
            total[0] += through_ends
        return out

    return apply
