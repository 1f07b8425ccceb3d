"""Kernels between the shells of a spherically symmetric measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..._typing import Array, Indices
from ...kernels import Kernel
from ...kernels.sums import SphereMean, sphere_mean
from ...kernels.sums.spheres import power_terms

_NEAR = 3  # shells apart: up to here more points are taken
_FAR_POINTS, _NEAR_POINTS, _ANGLES, _GRADED = 3, 6, 6, 12


_Rule = tuple[Array, Array, Array, Array]


class Block(NamedTuple):
    """Pairs of shells with one rule: shell ``inner`` inside shell ``outer``, or both the same."""

    inner: Indices
    outer: Indices
    at_inner: Array
    """The places of the points in the inner shell, in (0, 1) by volume, shape (Q,)."""
    at_outer: Array
    between: Array
    """Within a shell at_outer - at_inner, else 1 - at_inner: free of cancellation."""
    weights: Array
    """They add up to 1."""


@dataclass(frozen=True, eq=False)
class ShellPairs:
    """The means of a kernel over the pairs of N shells, by quadrature that knows where the kernel is singular.

    The kernel is a sum of power laws |x|^p with p >= 1/4 - d. Its mean over the angles between spheres is known
    (``sphere_mean``). It is singular where the radii are equal: like |r - s|^(d - 1 + p), or a logarithm.

    * Within a shell, points are graded towards equal radii.
    * Between neighbours, they are graded towards the common sphere.
    * Elsewhere the rules are those of Gauss, with 6 points up to three shells apart, then 3.

    Cost: 9 values of two hypergeometric functions for every two shells.
    """

    terms: list[tuple[float, float]]
    dim: int
    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, kernel: Kernel, dim: int, count: int) -> ShellPairs:
        """The pairs of ``count`` shells in R^dim.

        Raises ValueError for a kernel that is no sum of power laws with p >= 1/4 - d.
        """
        terms = power_terms(kernel, dim)
        exponent = min(0.0, *(dim - 1 + p for _, p in terms))  # of |r - s| in the mean
        inner, outer = np.triu_indices(count, 1)
        apart = outer - inner
        blocks = [Block(np.arange(count), np.arange(count), *_within(exponent))]
        for chosen, rule in (
            (apart == 1, _between_neighbours(exponent)),
            ((apart > 1) & (apart <= _NEAR), _product(_NEAR_POINTS)),
            (apart > _NEAR, _product(_FAR_POINTS)),
        ):
            if chosen.any():
                blocks.append(Block(inner[chosen], outer[chosen], *rule))
        return cls(terms, dim, tuple(blocks))

    def means(self, nodes: Array) -> Iterator[tuple[Block, Array, Array, SphereMean]]:
        """For every block the volumes r^d at its points in the inner and the outer shells, and the means over the angles there.

        Every array has the shape (pairs, points).
        """
        y = nodes**self.dim
        for block in self.blocks:
            low, high = (y[i, None] + (y[i + 1] - y[i])[:, None] * at for i, at in _places(block))
            r, s = low ** (1 / self.dim), high ** (1 / self.dim)
            gap = _volume_between(block, y) / sum(s ** (self.dim - 1 - k) * r**k for k in range(self.dim))
            yield block, low, high, sphere_mean(self.terms, self.dim, r, s, gap)

    def field(self, nodes: Array, masses: Array) -> Array:
        """The averages over the shells of the convolution of the kernel with the measure."""
        out = np.zeros(len(masses))
        for block, _, _, mean in self.means(nodes):
            average = mean.value @ block.weights
            np.add.at(out, block.inner, average * masses[block.outer])
            if block.inner[0] != block.outer[0]:
                np.add.at(out, block.outer, average * masses[block.inner])
        return out


def _places(block: Block) -> tuple[tuple[Indices, Array], tuple[Indices, Array]]:
    return (block.inner, block.at_inner), (block.outer, block.at_outer)


def _volume_between(block: Block, y: Array) -> Array:
    """r^d at the points of the outer shell less that at the points of the inner one, to full relative precision."""
    h_inner, h_outer = ((y[i + 1] - y[i])[:, None] for i in (block.inner, block.outer))
    if block.inner[0] == block.outer[0]:
        return np.asarray(h_inner * block.between)
    return np.asarray((y[block.outer] - y[block.inner + 1])[:, None] + h_inner * block.between + h_outer * block.at_outer)


def _gauss(count: int) -> tuple[Array, Array]:
    points, weights = np.polynomial.legendre.leggauss(count)
    return (points + 1) / 2, weights / 2


def _grading(exponent: float) -> tuple[Array, Array]:
    """Points t in (0, 1) and weights for functions like t^exponent: Gauss points in t^(1/q).

    A higher q would put points so close to 0 that two radii round to the same number.
    """
    q = min(np.ceil(2 / (1 + exponent)), 4.0)
    points, weights = _gauss(_GRADED)
    return points**q, weights * q * points ** (q - 1)


def _product(count: int) -> _Rule:
    points, weights = _gauss(count)
    x, y = np.meshgrid(points, points, indexing="ij")
    return x.ravel(), y.ravel(), 1 - x.ravel(), np.outer(weights, weights).ravel()


def _within(exponent: float) -> _Rule:
    """Points x < y of the unit square with y - x, graded towards x = y; the other half is the same by symmetry."""
    (t, of_t), (v, of_v) = _grading(exponent), _gauss(_ANGLES)
    x = np.outer(1 - t, v)
    return x.ravel(), (x + t[:, None]).ravel(), np.repeat(t, len(v)), 2 * np.outer(of_t * (1 - t), of_v).ravel()


def _between_neighbours(exponent: float) -> _Rule:
    """Points of the unit square with 1 - x, graded towards the corner (1, 0), by two triangles."""
    (t, of_t), (v, of_v) = _grading(exponent), _gauss(_ANGLES)
    far, near, weights = np.repeat(t, len(v)), np.outer(t, v).ravel(), np.outer(of_t * t, of_v).ravel()
    to_end = np.r_[far, near]
    return 1 - to_end, np.r_[near, far], to_end, np.r_[weights, weights]
