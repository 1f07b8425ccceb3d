"""The objective of a step of point masses, with its first and second derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from ..._functions import values_of
from ..._typing import Array, Indices, Mask
from ...clouds import CloudLaw, difference_step, gradient_of, is_steep
from ...kernels import Kernel, RadialKernel
from ...laws.forms import External
from ...laws.taylor import exact_jet
from ...measures import CloudPotential
from ..base import ProximalStep


@dataclass(frozen=True)
class Pairs:
    """The energy  share sum_ij m_i m_j K(x_i - x_j)  over the nodes i in ``first`` and j in ``other``.

    ``share`` is 1/2 within a species, else 1. ``steep`` tells whether the kernel brings atoms together in finite time.
    """

    kernel: Kernel
    first: Indices
    other: Indices
    share: float
    steep: bool


@dataclass(frozen=True)
class Model:
    """Value, gradient (n, d) and Hessian (n, d, n, d) of the objective in the free nodes."""

    value: float
    gradient: Array
    hessian: Array


class CloudProblem:
    """The step of point masses as a problem in their places.

        minimise over x   sum_i w_i |x_i - y_i|^2 / 2 + sum over pairs + sum_i m_i V(x_i),    w_i = m_i / (tau alpha_i)

    The nodes are the n atoms of all species, which are free to move. After them stand the fixed nodes: the atoms that generate
    frozen potentials. A ``blur`` is a length: steep kernels k(r) are rounded off to k((r^2 + blur^2)^(1/2)).

    Attributes
    ----------
    start : array (n, d)
        y: the places of the anchor.
    fixed : array (.., d)
        The places of the fixed nodes.
    masses, inertia, metric : arrays (n,)
        m_i, w_i and m_i / alpha_i.
    weights : array
        The masses of all nodes, free and fixed.
    species : list of arrays
        The numbers of the nodes of every species.
    pairs : list of Pairs
    fields : list of (nodes, c, potential)
        Potentials that are functions of space.
    """

    def __init__(self, step: ProximalStep) -> None:
        law = CloudLaw.of(step.energy, step.anchor, step.mobilities)
        clouds = list(step.anchor.values())
        self.start = np.concatenate([cloud.points.reshape(len(cloud.masses), -1) for cloud in clouds])
        masses = [cloud.masses for cloud in clouds]
        self.masses = np.concatenate(masses)
        self.inertia = np.concatenate([m / step.weight(name) for m, name in zip(masses, step.anchor, strict=True)])
        self.metric = np.concatenate([m / step.mobilities[name] for m, name in zip(masses, step.anchor, strict=True)])
        ends = np.cumsum([0, *map(len, masses)])
        self.species = [np.arange(start, stop) for start, stop in pairwise(ends)]
        self.pairs = [
            Pairs(kernel, self.species[a], self.species[b], 0.5 if a == b else 1.0, is_steep(kernel))
            for (a, b), kernel in law.kernels.items()
            if a <= b
        ]
        fixed, weights = [np.zeros((0, self.start.shape[1]))], [self.masses]
        self.fields: list[tuple[Indices, float, External]] = []
        for a, fields in enumerate(law.fields):
            for c, term in fields:
                if isinstance(term.V, CloudPotential):
                    stop = sum(map(len, weights))
                    sources = np.arange(stop, stop + len(term.V.masses))
                    kernel = c * term.V.kernel
                    self.pairs.append(Pairs(kernel, self.species[a], sources, 1.0, is_steep(kernel)))
                    fixed.append(term.V.points.reshape(len(sources), -1))
                    weights.append(term.V.masses)
                else:
                    self.fields.append((self.species[a], c, term))
        self.fixed, self.weights = np.concatenate(fixed), np.concatenate(weights)

    @property
    def steep(self) -> bool:
        """Whether there are kernels that bring atoms together in finite time."""
        return any(pairs.steep for pairs in self.pairs)

    def nodes(self, x: Array) -> Array:
        """The places of all nodes, those of the free ones at x."""
        return np.concatenate([x, self.fixed])

    def length(self, change: Array) -> float:
        """The product distance of two states whose atoms differ by ``change``."""
        return float(np.sqrt(self.metric @ (change**2).sum(axis=1)))

    def value(self, x: Array, blur: float = 0.0) -> float:
        """The objective at x."""
        total = 0.5 * float(self.inertia @ ((x - self.start) ** 2).sum(axis=1))
        nodes = self.nodes(x)
        for pairs in self.pairs:
            gaps, weights = self._gaps(pairs, nodes)
            if isinstance(pairs.kernel, RadialKernel):
                r = np.sqrt((gaps**2).sum(axis=-1) + (blur**2 if pairs.steep else 0.0))
                values = pairs.kernel.profile(np.where(r > 0, r, 1.0)) if pairs.kernel.singular else pairs.kernel.profile(r)
                values = np.where(r > 0, values, 0.0) if pairs.kernel.singular else values
            else:
                values = pairs.kernel(*np.moveaxis(gaps, -1, 0))
            total += pairs.share * float((weights * values).sum())
        for nodes_of_field, c, term in self.fields:
            total += c * float(self.masses[nodes_of_field] @ values_of("V", term.V, tuple(x[nodes_of_field].T)))
        return total

    def model(self, x: Array, blur: float = 0.0, *, convexified: bool = False) -> Model:
        """The objective at x with its derivatives.

        ``convexified`` sets the negative curvatures of every pair and potential to 0.
        """
        n, d = x.shape
        axes = np.arange(d)
        gradient = self.inertia[:, None] * (x - self.start)
        hessian = np.zeros((n, d, n, d))
        each = np.arange(n)
        for k in range(d):
            hessian[each, k, each, k] = self.inertia
        nodes = self.nodes(x)
        for pairs in self.pairs:
            pulls, blocks = self._derivatives(pairs, nodes, blur, convexified)
            i, j = pairs.first, pairs.other
            gradient[i] += pulls.sum(axis=1)
            self_blocks = blocks.sum(axis=1)
            hessian[i, :, i, :] += self_blocks
            if len(j) and j[0] >= n:
                continue
            cross = np.moveaxis(blocks, 1, 2)  # (i, d, j, d)
            hessian[np.ix_(i, axes, j, axes)] -= cross
            if pairs.share == 1.0:
                gradient[j] -= pulls.sum(axis=0)
                hessian[j, :, j, :] += blocks.sum(axis=0)
                hessian[np.ix_(j, axes, i, axes)] -= np.moveaxis(cross, (0, 1, 2, 3), (2, 3, 0, 1))
        for nodes_of_field, c, term in self.fields:
            gradient[nodes_of_field] += c * self.masses[nodes_of_field, None] * gradient_of(term, x[nodes_of_field])
            blocks = c * self.masses[nodes_of_field, None, None] * hessian_of(term, x[nodes_of_field])
            if convexified:
                values, vectors = np.linalg.eigh(blocks)
                blocks = (vectors * np.maximum(values, 0.0)[:, None, :]) @ np.swapaxes(vectors, 1, 2)
            hessian[nodes_of_field, :, nodes_of_field, :] += blocks
        return Model(self.value(x, blur), gradient, hessian)

    def ties(self, x: Array, blur: float, within: float, groups: Indices) -> tuple[Array, Array]:
        """Return the forces between nodes of one group, and the largest forces that their kernels can give.

        Returns
        -------
        forces : array (N, N, d)
            Over all N nodes: the forces of the kernels at x, rounded off by ``blur``.
        strengths : array (N, N)
            m_i m_j k' at the distance ``within``, without rounding off.
        """
        nodes = self.nodes(x)
        forces = np.zeros((len(nodes), len(nodes), x.shape[1]))
        strengths = np.zeros(forces.shape[:2])
        for pairs in self.pairs:
            if not pairs.steep or not isinstance(pairs.kernel, RadialKernel):
                continue
            same_group = groups[pairs.first][:, None] == groups[pairs.other]
            pulls, _ = self._derivatives(pairs, nodes, blur, False)
            _, weights = self._gaps(pairs, nodes)
            there, back = np.ix_(pairs.first, pairs.other), np.ix_(pairs.other, pairs.first)
            forces[there] += np.where(same_group[..., None], pulls, 0.0)
            strengths[there] += np.where(same_group, weights, 0.0) * float(pairs.kernel.slope(within))
            if pairs.share == 1.0:
                forces[back] -= np.swapaxes(np.where(same_group[..., None], pulls, 0.0), 0, 1)
                strengths[back] += np.where(same_group, weights, 0.0).T * float(pairs.kernel.slope(within))
        np.fill_diagonal(strengths, 0.0)
        return forces, np.maximum(strengths, 0.0)

    def links(self, nodes: Array, within: float) -> Mask:
        """Which pairs of nodes (N, N) attract one another by a steep kernel and are at most ``within`` apart."""
        out = np.zeros((len(nodes), len(nodes)), dtype=bool)
        for pairs in self.pairs:
            if pairs.steep and isinstance(pairs.kernel, RadialKernel) and pairs.kernel.slope(within) > 0:
                gaps, _ = self._gaps(pairs, nodes)
                near = (gaps**2).sum(axis=-1) <= within**2
                out[np.ix_(pairs.first, pairs.other)] |= near
        return out | out.T

    def _gaps(self, pairs: Pairs, nodes: Array) -> tuple[Array, Array]:
        """The differences x_i - x_j (.., d) of the pairs, and the products m_i m_j."""
        gaps = nodes[pairs.first][:, None] - nodes[pairs.other][None]
        return gaps, self.weights[pairs.first][:, None] * self.weights[pairs.other]

    def _derivatives(self, pairs: Pairs, nodes: Array, blur: float, convexified: bool) -> tuple[Array, Array]:
        """The forces m_i m_j grad K (.., d) of the pairs, and the blocks m_i m_j D^2 K (.., d, d)."""
        gaps, weights = self._gaps(pairs, nodes)
        if not isinstance(pairs.kernel, RadialKernel):
            return _of_custom(pairs.kernel, gaps, weights, convexified)
        squares = (gaps**2).sum(axis=-1)
        r = np.sqrt(squares + (blur**2 if pairs.steep else 0.0))
        apart = r > 0
        r = np.where(apart, r, 1.0)
        across = np.where(apart, pairs.kernel.slope(r) / r, 0.0)
        if not pairs.steep:
            across = np.where(apart, across, float(pairs.kernel.curvature(0.0)))
        along = across + np.where(apart, pairs.kernel.curvature(r) - across, 0.0) * np.where(apart, squares / r**2, 0.0)
        pulls = (weights * across)[..., None] * gaps
        if convexified:
            across, along = np.maximum(across, 0.0), np.maximum(along, 0.0)
        twist = np.divide(along - across, squares, out=np.zeros_like(squares), where=squares > 0)
        blocks = (weights * twist)[..., None, None] * gaps[..., :, None] * gaps[..., None, :]
        blocks += (weights * across)[..., None, None] * np.eye(gaps.shape[-1])
        return pulls, blocks


def _of_custom(kernel: Kernel, gaps: Array, weights: Array, convexified: bool) -> tuple[Array, Array]:
    """The same for a kernel that is not radial: D^2 K by central differences of the gradient."""
    d = gaps.shape[-1]

    def gradient(at: Array) -> Array:
        components = kernel.gradient(*np.moveaxis(at, -1, 0))
        return components[..., None] if d == 1 else np.moveaxis(components, 0, -1)

    h = 2.0**-16 * (float(np.abs(gaps).max()) or 1.0)
    columns = [(gradient(gaps + h * e) - gradient(gaps - h * e)) / (2 * h) for e in np.eye(d)]
    blocks = np.stack(columns, axis=-1)
    blocks = (blocks + np.swapaxes(blocks, -1, -2)) / 2
    if convexified:
        values, vectors = np.linalg.eigh(blocks)
        blocks = (vectors * np.maximum(values, 0.0)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return weights[..., None] * gradient(gaps), weights[..., None, None] * blocks


def _exact_hessian(V: Callable[..., Any], coordinates: tuple[Array, ...]) -> Array | None:
    """D^2 V from the second derivatives along the axes and the sums of two axes; None where they are not exact."""
    d, axes = len(coordinates), np.eye(len(coordinates))
    out = np.empty((len(coordinates[0]), d, d))
    for i, j in [*((i, i) for i in range(d)), *combinations(range(d), 2)]:
        jet = exact_jet(V, coordinates, axes[i] if i == j else axes[i] + axes[j])
        if jet is None:
            return None
        out[:, i, j] = jet.curvature if i == j else (jet.curvature - out[:, i, i] - out[:, j, j]) / 2
        out[:, j, i] = out[:, i, j]
    return out


def hessian_of(term: External, places: Array) -> Array:
    """D^2 V (n, d, d): exact where V is made of smooth numpy functions, otherwise by central differences of the gradient."""
    if term.gradient is None and callable(term.V):
        exact = _exact_hessian(term.V, tuple(places.T))
        if exact is not None:
            return exact
    h = difference_step(places, 1e-4, 1e-5)
    steps = h * np.eye(places.shape[1])
    columns = [(gradient_of(term, places + e) - gradient_of(term, places - e)) / (2 * h) for e in steps]
    blocks = np.stack(columns, axis=-1)
    return (blocks + np.swapaxes(blocks, 1, 2)) / 2
