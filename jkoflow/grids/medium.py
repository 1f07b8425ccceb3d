"""Coefficients of diffusion and drift that depend on place and direction, as conductivities along directions of the grid."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

from .._typing import Array
from .box import Grid

_OBTUSE = 1e-12  # share of the trace: a product above it is positive
_REACH = 8  # the part of an axis that a direction may reach over
_MOST = 10_000  # rounds, each of which shortens a vector of a superbase; ratios of eigenvalues up to 1e6 take some hundred


class Medium(NamedTuple):
    """A tensor field a(x) as a sum  a = sum_k values_k w_k w_k^T / |w_k|^2  over directions w_k between centres of cells.

    Values are not negative. So a scheme that moves mass along the directions keeps densities positive.
    """

    directions: tuple[tuple[int, ...], ...]
    """The way to the neighbour, in cells along every axis."""
    values: tuple[Array, ...]
    """By direction, an array over the grid."""

    def applied(self, grid: Grid, vectors: Array) -> Array:
        """The tensor times vectors in the cells, shape (d, *grid)."""
        out = np.zeros_like(vectors)
        for direction, values in zip(self.directions, self.values, strict=True):
            way = np.array(direction) * grid.spacing
            along = np.tensordot(way, vectors, axes=1) * values / (way @ way)
            out += np.multiply.outer(way, along)
        return out

    @property
    def is_diagonal(self) -> bool:
        """Whether all directions are axes."""
        return all(sum(map(abs, direction)) == 1 for direction in self.directions)

    def times(self, factor: float) -> Medium:
        """The medium with all values multiplied by a factor."""
        return Medium(self.directions, tuple(factor * values for values in self.values))

    @classmethod
    def along_axes(cls, values: Array) -> Medium:
        """A tensor that is diagonal in the axes; ``values`` has the shape (d, *grid)."""
        return cls(axes_of(len(values)), tuple(values))

    @classmethod
    def of_tensor(cls, grid: Grid, tensor: Array) -> Medium:
        """A symmetric positive definite tensor, shape (d, d, *grid), by Selling's decomposition.

        In every cell it has d (d + 1) / 2 directions. They are the longer the more the eigenvalues differ: up to about the
        square root of their ratio.

        Source: Selling (1874); Fehrenbach and Mirebeau, Sparse non-negative stencils for anisotropic diffusion (2014).

        >>> grid = Grid.box((0, 2), (0, 2), cells=2)
        >>> medium = Medium.of_tensor(grid, np.array([[2.0, 1.0], [1.0, 2.0]])[:, :, None, None] * np.ones(grid.shape))
        >>> medium.directions, [float(values[0, 0]) for values in medium.values]
        (((0, 1), (1, 0), (1, 1)), [1.0, 1.0, 2.0])
        """
        dim, spacing = grid.dim, np.array(grid.spacing)
        in_cells = tensor.reshape(dim, dim, -1) / np.multiply.outer(spacing, spacing)[:, :, None]
        offsets, weights = _selling(in_cells)
        first = np.take_along_axis(offsets, (offsets != 0).argmax(axis=1)[:, None], axis=1)
        offsets = offsets * np.sign(first)  # a direction and its opposite are one
        kinds, which = np.unique(offsets.transpose(0, 2, 1).reshape(-1, dim), axis=0, return_inverse=True)
        values = np.zeros((len(kinds), grid.size))
        cells = np.broadcast_to(np.arange(grid.size), weights.shape)
        np.add.at(values, (which.reshape(weights.shape), cells), weights)
        used = values.any(axis=1)
        reach = np.abs(kinds[used]).max(axis=0)
        if (reach > np.maximum(1, np.array(grid.shape) // _REACH)).any():  # ways that leave the grid are lost
            raise ValueError(
                "the eigenvalues of a tensor must not differ too much for its cells, got one that mixes cells "
                f"{reach.tolist()} apart, more than an eighth of an axis, on {grid!r}: take more cells, or axes along "
                "the fibres"
            )
        lengths = ((kinds * spacing) ** 2).sum(axis=1)
        directions = tuple(tuple(map(int, kind)) for kind in kinds[used])
        return cls(directions, tuple((lengths[:, None] * values)[used].reshape(-1, *grid.shape)))


def axes_of(dim: int) -> tuple[tuple[int, ...], ...]:
    """The directions along the axes."""
    return tuple(tuple(row) for row in np.eye(dim, dtype=int).tolist())


def _selling(tensor: Array) -> tuple[Array, Array]:
    """Return integer vectors e (K, d, n) and weights >= 0 (K, n) with tensor = sum_k weight_k e_k e_k^T, for tensors (d, d, n).

    A superbase is d + 1 vectors of sum 0. Where two of them, b_i and b_j, have a positive product b_i . D b_j, they are
    exchanged, until none have. Then the weights are -b_i . D b_j.
    """
    dim, _, count = tensor.shape
    if dim == 1:
        return np.ones((1, 1, count), dtype=int), tensor[0]
    base = np.repeat(np.vstack([np.eye(dim, dtype=int), -np.ones((1, dim), dtype=int)])[:, :, None], count, axis=2)
    allowed = _OBTUSE * np.trace(tensor)
    pairs = list(combinations(range(dim + 1), 2))
    for _ in range(_MOST):
        changed = False
        for i, j in pairs:
            acute = _product(base[i], tensor, base[j]) > allowed
            if not acute.any():
                continue
            changed = True
            turned = base[i][:, acute].copy()
            for k in set(range(dim + 1)) - {i, j}:
                base[k][:, acute] += turned if dim == 3 else 2 * turned
            base[i][:, acute] = -turned
        if not changed:
            break
    weights = np.stack([np.maximum(-_product(base[i], tensor, base[j]), 0.0) for i, j in pairs])
    others = [[base[k] for k in range(dim + 1) if k not in pair] for pair in pairs]
    if dim == 2:
        return np.stack([np.stack([-b[1], b[0]]) for (b,) in others]), weights
    return np.stack([np.cross(b, c, axis=0) for b, c in others]), weights


def _product(b: Array, tensor: Array, c: Array) -> Array:
    """b . D c in every cell."""
    return np.einsum("in,ijn,jn->n", b, tensor, c)
