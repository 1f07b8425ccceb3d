"""The objective of a step on quantiles to second order, and what of it belongs to one species."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ..._typing import Array, Indices
from ...kernels.sums import GAUSS_POINTS, at_gauss_points
from ...kernels.sums.line import Sum

LEFT, RIGHT = 1 - GAUSS_POINTS, GAUSS_POINTS  # the weights of the two nodes of a cell at its Gauss points
_DENSE = 2500  # up to so many nodes sums over all pairs are held as a matrix


@dataclass
class Chain:
    """One species: where its nodes stand in the vector of all, and what they are drawn to."""

    name: str
    masses: Array
    nodes: slice
    target: Array
    inertia: float  # sum of the weights of the anchors over tau alpha
    mobility: float

    def mean_square(self, p: Array) -> float:
        """The root mean square over the mass of what is given at the nodes of all."""
        return float(np.sqrt(max(square(self.masses, p[self.nodes]), 0.0) / self.masses.sum()))

    def distance(self, x: Array, nodes: Array) -> float:
        """W2 from this chain in the vector of all to other nodes of the same masses."""
        return float(np.sqrt(max(square(self.masses, x[self.nodes] - nodes), 0.0)))


@dataclass(frozen=True)
class FarPart:
    """The second derivatives of c int int S(x - y) between the Gauss points of two chains (or of one), off the diagonal."""

    a: slice
    b: slice
    points_a: Array
    masses_a: Array
    points_b: Array
    masses_b: Array
    c: float
    part: Sum

    def add_product(self, v: Array, out: Array) -> None:
        """Add the second derivative times v."""
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
        """Add the second derivative."""
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
    """The objective to second order about a point: value, gradient, tridiagonal and further second derivatives."""

    value: float
    size: float  # of what was added up to the value, for its rounding
    forces: float  # the same of the gradient
    rounding: float  # of a force, from that of the nodes
    gradient: Array
    diagonal: Array
    beside: Array
    triplets: list[tuple[Indices, Indices, Array]] = field(default_factory=list)
    far: list[FarPart] = field(default_factory=list)
    jitter: dict[str, float] = field(default_factory=dict)  # of a force per unit mass, from differences of potentials

    @classmethod
    def zero(cls, n: int) -> Model:
        """The model of nothing, in n nodes."""
        return cls(0.0, 0.0, 0.0, 0.0, np.zeros(n), np.zeros(n), np.zeros(n - 1))

    def add_value(self, parts: Array | float) -> None:
        """Add to the value."""
        self.value += float(np.sum(parts))
        self.size += float(np.sum(np.abs(parts)))

    def add_cells(self, chain: Chain, ends: tuple[Array, Array], second: tuple[Array, Array, Array]) -> None:
        """Add by cell the derivatives in its left and right node, and the second ones: left-left, left-right, right-right."""
        start, stop = chain.nodes.start, chain.nodes.stop
        self.gradient[start : stop - 1] += ends[0]
        self.gradient[start + 1 : stop] += ends[1]
        self.forces += float(np.abs(ends[0]).sum() + np.abs(ends[1]).sum())
        self.diagonal[start : stop - 1] += second[0]
        self.beside[start : stop - 1] += second[1]
        self.diagonal[start + 1 : stop] += second[2]

    def add_points(self, chain: Chain, m: Array, value: Array, slope: Array, curvature: Array) -> None:
        """Add what is known at the Gauss points per unit mass."""
        self.add_value(m * value)
        f, q = (m * slope).reshape(-1, 3), (m * curvature).reshape(-1, 3)
        self.add_cells(chain, (f @ LEFT, f @ RIGHT), (q @ LEFT**2, q @ (LEFT * RIGHT), q @ RIGHT**2))

    @cached_property
    def matrix(self) -> Array | None:
        """All second derivatives as a matrix, where sums over all pairs make that the cheaper way; None otherwise."""
        if len(self.gradient) > _DENSE or all(one.part.fast for one in self.far):
            return None
        out = np.diag(self.diagonal) + np.diag(self.beside, 1) + np.diag(self.beside, -1)
        for rows, columns, entries in self.triplets:
            np.add.at(out, (rows, columns), entries)
            np.add.at(out, (columns, rows), entries)
        for one in self.far:
            one.add_matrix(out)
        return out

    def apply(self, v: Array) -> Array:
        """The second derivative times v."""
        if self.matrix is not None:
            return np.asarray(self.matrix @ v)
        out = self.diagonal * v
        out[:-1] += self.beside * v[1:]
        out[1:] += self.beside * v[:-1]
        for rows, columns, entries in self.triplets:
            np.add.at(out, rows, entries * v[columns])
            np.add.at(out, columns, entries * v[rows])
        for one in self.far:
            one.add_product(v, out)
        return out


def square(w: Array, d: Array) -> float:
    """int |d|^2 ds for d linear between nodes."""
    return float(w @ (d[:-1] ** 2 + d[:-1] * d[1:] + d[1:] ** 2)) / 3


def potential_along(nodes: Array, anchor: Array) -> Array:
    """The Kantorovich potential, whose slope is the displacement from the anchor, averaged over the cells."""
    d, h = nodes - anchor, np.diff(nodes)
    start = np.concatenate([[0.0], np.cumsum(h * (d[:-1] + d[1:]) / 2)[:-1]])
    return np.asarray(start + h * (d[:-1] / 3 + d[1:] / 6))


def _to_nodes(out: Array, f: Array) -> None:
    """Add to the nodes what acts at the Gauss points."""
    by_cell = f.reshape(-1, 3)
    out[:-1] += by_cell @ LEFT
    out[1:] += by_cell @ RIGHT
