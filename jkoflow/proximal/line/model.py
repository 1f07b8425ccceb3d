"""The objective of a step on quantiles to second order, and the nodes of one species in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..._typing import Array, Indices
from ...kernels.sums import GAUSS_POINTS, at_gauss_points
from ...kernels.sums.line import Sum

LEFT, RIGHT = 1 - GAUSS_POINTS, GAUSS_POINTS  # the weights of the two nodes of a cell at its Gauss points
_DENSE = 2500  # nodes: up to so many, second derivatives with sums over all pairs are a matrix


@dataclass
class Chain:
    """One species of a step: where its nodes stand in the vector of all nodes, and what draws them.

    Attributes
    ----------
    name : str
    masses : array
        The masses of its cells.
    nodes : slice
        Its nodes in the vector of all nodes.
    target : array
        The places that draw its nodes: the weighted mean of the anchors.
    inertia : float
        The strength with which they draw: the sum of the weights of the anchors over tau alpha.
    mobility : float
        alpha.
    """

    name: str
    masses: Array
    nodes: slice
    target: Array
    inertia: float
    mobility: float

    def mean_square(self, p: Array) -> float:
        """The root mean square over its mass of values p, given at all nodes and linear between them."""
        return float(np.sqrt(max(square(self.masses, p[self.nodes]), 0.0) / self.masses.sum()))

    def distance(self, x: Array, nodes: Array) -> float:
        """W2 between this species at the nodes x, all nodes together, and the same masses at ``nodes``."""
        return float(np.sqrt(max(square(self.masses, x[self.nodes] - nodes), 0.0)))


@dataclass(frozen=True)
class FarPart:
    """The mixed second derivatives of c int int S(x - y): between the Gauss points of two species, or of one with itself.

    Attributes
    ----------
    a, b : slice
        The nodes of the two species in the vector of all nodes; equal for one.
    points_a, masses_a, points_b, masses_b : arrays
        Their Gauss points, three per cell, and the masses there.
    c : float
    part : Sum
        S.
    """

    a: slice
    b: slice
    points_a: Array
    masses_a: Array
    points_b: Array
    masses_b: Array
    c: float
    part: Sum

    def add_product(self, v: Array, out: Array) -> None:
        """Add the second derivative times v to ``out``."""
        weights = self.c * self.masses_b * at_gauss_points(v[self.b])
        _to_nodes(out[self.a], -self.masses_a * self._onto_a(weights))
        if self.a != self.b:
            weights = self.c * self.masses_a * at_gauss_points(v[self.a])
            _to_nodes(out[self.b], -self.masses_b * self._onto_b(weights))

    @cached_property
    def _onto_a(self) -> Callable[[Array], Array]:
        return self.part.curvature_products(self.points_a, self.points_b)

    @cached_property
    def _onto_b(self) -> Callable[[Array], Array]:
        return self.part.curvature_products(self.points_b, self.points_a)

    def add_matrix(self, out: Array) -> None:
        """Add the second derivative to the matrix ``out``."""
        step = 3 * 64
        for start in range(0, len(self.points_a), step):
            rows = slice(start, start + step)
            table = self.part.curvature(self.points_a[rows, None] - self.points_b)
            table *= -self.c * self.masses_a[rows, None] * self.masses_b
            by_node = np.zeros((len(table), self.b.stop - self.b.start))
            by_cell = table.reshape(len(table), -1, 3)
            by_node[:, :-1] += by_cell @ LEFT
            by_node[:, 1:] += by_cell @ RIGHT
            first = self.a.start + start // 3
            by_cell = by_node.reshape(-1, 3, by_node.shape[1])
            for shift, weights in ((0, LEFT), (1, RIGHT)):
                block = np.tensordot(weights, by_cell, axes=(0, 1))
                place = slice(first + shift, first + shift + len(block))
                out[place, self.b] += block
                if self.a != self.b:
                    out[self.b, place] += block.T


@dataclass
class Model:
    """The objective about a point to second order.

    The second derivative is the sum of three parts: a tridiagonal matrix, single entries and far parts.

    Attributes
    ----------
    value : float
    size : float
        The sum of the sizes of the terms of the value, which tells its rounding.
    forces : float
        The sum of the sizes of the terms of the gradient, which tells its rounding.
    rounding : float
        The error of an entry of the gradient that the rounding of the nodes causes.
    gradient, diagonal : arrays (n,)
    off_diagonal : array (n - 1,)
        The entries beside the diagonal, on either side of it.
    triplets : list of (rows, columns, entries)
        Single entries that couple species. Each stands for itself and for its mirror image.
    far : list of FarPart
        Sums over pairs of Gauss points.
    jitter : dict of float
        By species, the error of the force per unit mass from potentials whose gradient is taken by differences.
    """

    value: float
    size: float
    forces: float
    rounding: float
    gradient: Array
    diagonal: Array
    off_diagonal: Array
    triplets: list[tuple[Indices, Indices, Array]] = field(default_factory=list)
    far: list[FarPart] = field(default_factory=list)
    jitter: dict[str, float] = field(default_factory=dict)

    @classmethod
    def zero(cls, n: int) -> Model:
        """The model of the objective 0 in n nodes."""
        return cls(0.0, 0.0, 0.0, 0.0, np.zeros(n), np.zeros(n), np.zeros(n - 1))

    def add_value(self, parts: Array | float) -> None:
        """Add the sum of ``parts`` to the value."""
        self.value += float(np.sum(parts))
        self.size += float(np.sum(np.abs(parts)))

    def add_cells(self, chain: Chain, ends: tuple[Array, Array], second: tuple[Array, Array, Array]) -> None:
        """Add the derivatives of functions of single cells, an array entry per cell.

        ``ends`` are the derivatives in the left and the right node of the cell. ``second`` are the second derivatives:
        left-left, left-right, right-right.
        """
        start, stop = chain.nodes.start, chain.nodes.stop
        self.gradient[start : stop - 1] += ends[0]
        self.gradient[start + 1 : stop] += ends[1]
        self.forces += float(np.abs(ends[0]).sum() + np.abs(ends[1]).sum())
        self.diagonal[start : stop - 1] += second[0]
        self.off_diagonal[start : stop - 1] += second[1]
        self.diagonal[start + 1 : stop] += second[2]

    def add_points(self, chain: Chain, m: Array, value: Array, slope: Array, curvature: Array) -> None:
        """Add a function of space that is given at the Gauss points of a species, whose masses are m.

        ``value``, ``slope`` and ``curvature`` are per unit mass.
        """
        self.add_value(m * value)
        f, q = (m * slope).reshape(-1, 3), (m * curvature).reshape(-1, 3)
        self.add_cells(chain, (f @ LEFT, f @ RIGHT), (q @ LEFT**2, q @ (LEFT * RIGHT), q @ RIGHT**2))

    @cached_property
    def matrix(self) -> Array | None:
        """The second derivative as a matrix; None where products with it are cheaper.

        It is a matrix if there are sums over all pairs that cost O(n^2), and at most 2500 nodes.
        """
        if len(self.gradient) > _DENSE or all(far_part.part.fast for far_part in self.far):
            return None
        out = np.diag(self.diagonal) + np.diag(self.off_diagonal, 1) + np.diag(self.off_diagonal, -1)
        for rows, columns, entries in self.triplets:
            np.add.at(out, (rows, columns), entries)
            np.add.at(out, (columns, rows), entries)
        for far_part in self.far:
            far_part.add_matrix(out)
        return out

    def apply(self, v: Array) -> Array:
        """The second derivative times v."""
        if self.matrix is not None:
            return np.asarray(self.matrix @ v)
        out = self.diagonal * v
        out[:-1] += self.off_diagonal * v[1:]
        out[1:] += self.off_diagonal * v[:-1]
        for rows, columns, entries in self.triplets:
            np.add.at(out, rows, entries * v[columns])
            np.add.at(out, columns, entries * v[rows])
        for far_part in self.far:
            far_part.add_product(v, out)
        return out


def square(w: Array, d: Array) -> float:
    """int |d|^2 ds for values d at the nodes, linear in s within the cells of masses w."""
    return float(w @ (d[:-1] ** 2 + d[:-1] * d[1:] + d[1:] ** 2)) / 3


def potential_along(nodes: Array, anchor: Array) -> Array:
    """The Kantorovich potential of nodes that came from those of the anchor, averaged over the cells.

    Its slope is the displacement from the anchor. It is 0 at the first node.
    """
    d, h = nodes - anchor, np.diff(nodes)
    start = np.concatenate([[0.0], np.cumsum(h * (d[:-1] + d[1:]) / 2)[:-1]])
    return np.asarray(start + h * (d[:-1] / 3 + d[1:] / 6))


def _to_nodes(out: Array, f: Array) -> None:
    """Add the forces f at the Gauss points to the nodes of their cells."""
    by_cell = f.reshape(-1, 3)
    out[:-1] += by_cell @ LEFT
    out[1:] += by_cell @ RIGHT
