"""The objective of a step on quantiles to second order, and the nodes of one species in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from ..._typing import Array, Indices, Mask
from ...kernels.sums import GAUSS_POINTS, at_gauss_points, over_gauss_points
from ...kernels.sums.line import Sum

LEFT, RIGHT = 1 - GAUSS_POINTS, GAUSS_POINTS  # the weights of the two nodes of a cell at its Gauss points
_DENSE = 2500  # nodes: up to so many, second derivatives with sums over all pairs are a matrix


class Far(Protocol):
    """Second derivatives between nodes that are not neighbours."""

    @property
    def fast(self) -> bool:
        """True if products are cheaper than a matrix."""

    def add_product(self, v: Array, out: Array) -> None:
        """Add the second derivative times v to ``out``."""

    def add_matrix(self, out: Array) -> None:
        """Add the second derivative to the matrix ``out``."""


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

    @cached_property
    def gauss_masses(self) -> Array:
        """The masses at the Gauss points of its cells."""
        return over_gauss_points(self.masses)

    @cached_property
    def sixths(self) -> Array:
        """A sixth of the masses, times the inertia."""
        return np.asarray(self.inertia / 6 * self.masses)

    @cached_property
    def thirds(self) -> Array:
        """A third of the masses, times the inertia."""
        return 2 * self.sixths

    @cached_property
    def with_mass(self) -> Mask | None:
        """Which cells have mass; None if all have."""
        mask = self.masses > 0
        return None if mask.all() else mask

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

    @property
    def fast(self) -> bool:
        """True if a product costs O(n)."""
        return self.part.is_fast(self.points_a, self.points_b, self.masses_b)

    def add_product(self, v: Array, out: Array) -> None:
        """Add the second derivative times v to ``out``."""
        weights = self.c * self.masses_b * at_gauss_points(v[self.b])
        _to_nodes(out[self.a], -self.masses_a * self._onto_a(weights))
        if self.a != self.b:
            weights = self.c * self.masses_a * at_gauss_points(v[self.a])
            _to_nodes(out[self.b], -self.masses_b * self._onto_b(weights))

    @cached_property
    def _onto_a(self) -> Callable[[Array], Array]:
        return self.part.curvature_products(self.points_a, self.points_b, self.masses_b)

    @cached_property
    def _onto_b(self) -> Callable[[Array], Array]:
        return self.part.curvature_products(self.points_b, self.points_a, self.masses_a)

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

    Functions of the widths of cells are kept apart from functions of the nodes. A cell that is stiff would hide the inertia of
    its nodes behind the rounding if both were added up.

    The second derivative is the sum of four parts: a tridiagonal matrix, the stiffness of the cells, single entries and far
    parts.

    Attributes
    ----------
    value : float
    size : float
        The sum of the sizes of the terms of the value, which tells its rounding.
    forces : float
        The sum of the sizes of the terms of the gradient, which tells its rounding.
    rounding : float
        The error of an entry of the gradient that the rounding of the nodes causes.
    nodal_gradient, nodal_diagonal : arrays (n,)
        Of the functions of the nodes.
    nodal_off_diagonal : array (n - 1,)
        The entries beside the diagonal, on either side of it.
    stress, stiffness : arrays (n - 1,)
        The first and the second derivative of the functions of the widths, in the widths.
    sizes : array (n,)
        For every entry of ``nodal_gradient`` the sum of the sizes of its terms, which tells its rounding.
    triplets : list of (rows, columns, entries)
        Single entries that couple species. Each stands for itself and for its mirror image.
    far : list of FarPart and WavePart
        Sums over pairs of Gauss points, and over the waves of fields.
    jitter : dict of float
        By species, the error of the force per unit mass from potentials whose gradient is taken by differences.
    """

    value: float
    size: float
    forces: float
    rounding: float
    nodal_gradient: Array
    nodal_diagonal: Array
    nodal_off_diagonal: Array
    stress: Array
    stiffness: Array
    sizes: Array
    triplets: list[tuple[Indices, Indices, Array]] = field(default_factory=list)
    far: list[Far] = field(default_factory=list)
    jitter: dict[str, float] = field(default_factory=dict)

    @classmethod
    def zero(cls, n: int) -> Model:
        """The model of the objective 0 in n nodes."""
        nodes, gaps = np.zeros((3, n)), np.zeros((3, n - 1))
        return cls(0.0, 0.0, 0.0, 0.0, nodes[0], nodes[1], gaps[0], gaps[1], gaps[2], nodes[2])

    @cached_property
    def gradient(self) -> Array:
        """The whole gradient, shape (n,). It is kept: nothing may be added to the model after it was asked for."""
        return self.nodal_gradient + at_ends(self.stress)

    @property
    def diagonal(self) -> Array:
        """The diagonal of the second derivative without single entries and far parts, shape (n,)."""
        out = self.nodal_diagonal.copy()
        out[:-1] += self.stiffness
        out[1:] += self.stiffness
        return out

    @property
    def off_diagonal(self) -> Array:
        """The entries beside it, shape (n - 1,)."""
        return self.nodal_off_diagonal - self.stiffness

    def add_value(self, parts: Array | float) -> None:
        """Add the sum of ``parts`` to the value."""
        self.value += float(np.sum(parts))
        self.size += float(np.sum(np.abs(parts)))

    def add_cells(self, chain: Chain, ends: tuple[Array, Array], second: tuple[Array, Array, Array]) -> None:
        """Add the derivatives of functions of the two nodes of a cell, an array entry per cell.

        ``ends`` are the derivatives in the left and the right node of the cell. ``second`` are the second derivatives:
        left-left, left-right, right-right.
        """
        start, stop = chain.nodes.start, chain.nodes.stop
        left, right = np.abs(ends[0]), np.abs(ends[1])
        self.nodal_gradient[start : stop - 1] += ends[0]
        self.nodal_gradient[start + 1 : stop] += ends[1]
        self.sizes[start : stop - 1] += left
        self.sizes[start + 1 : stop] += right
        self.forces += float(left.sum() + right.sum())
        self.nodal_diagonal[start : stop - 1] += second[0]
        self.nodal_off_diagonal[start : stop - 1] += second[1]
        self.nodal_diagonal[start + 1 : stop] += second[2]

    def add_widths(self, chain: Chain, slope: Array, curvature: Array) -> None:
        """Add the derivatives of functions of the widths of cells, an array entry per cell with mass."""
        cells = slice(chain.nodes.start, chain.nodes.stop - 1)
        if chain.with_mass is None:
            self.stress[cells] += slope
            self.stiffness[cells] += curvature
        else:
            self.stress[cells][chain.with_mass] += slope
            self.stiffness[cells][chain.with_mass] += curvature
        self.forces += 2 * float(np.abs(slope).sum())

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
        if len(self.gradient) > _DENSE or all(far_part.fast for far_part in self.far):
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
        return self.apply_nodal(v) + at_ends(self.stiffness * np.diff(v))

    def apply_nodal(self, v: Array) -> Array:
        """The second derivative times v, without the stiffness of the cells."""
        if self.matrix is not None:
            return np.asarray(self.matrix @ v) - at_ends(self.stiffness * np.diff(v))
        out = self.nodal_diagonal * v
        out[:-1] += self.nodal_off_diagonal * v[1:]
        out[1:] += self.nodal_off_diagonal * v[:-1]
        for rows, columns, entries in self.triplets:
            np.add.at(out, rows, entries * v[columns])
            np.add.at(out, columns, entries * v[rows])
        for far_part in self.far:
            far_part.add_product(v, out)
        return out


def at_ends(stress: Array) -> Array:
    """The forces on the nodes of a stress in the cells: -stress on the left node of a cell, +stress on the right one."""
    out = np.zeros(len(stress) + 1)
    out[:-1] -= stress
    out[1:] += stress
    return out


def square(w: Array, d: Array) -> float:
    """int |d|^2 ds for values d at the nodes, linear in s within the cells of masses w."""
    squares = d * d
    return float(w @ squares[:-1] + w @ squares[1:] + w @ (d[:-1] * d[1:])) / 3


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
