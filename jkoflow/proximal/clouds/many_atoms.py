"""The objective of a step of many atoms by sums over pairs, and its minimum by Newton's method with conjugate gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..._functions import values_of
from ..._log import log_iteration
from ..._typing import Array, Indices
from ...clouds import gradient_of
from ...kernels.sums import pair_curvature_blocks, pair_curvatures, pair_gradients, pair_values
from .problem import CloudProblem, hessian_of

_DECREASE, _SHORTEST = 1e-4, 1e-9  # share of the descent that the slope promises; the shortest share of a step
_ROUNDING = 1e-12  # of the sizes of the terms of the value: the errors of sums over pairs
_MOST_PRODUCTS = 200  # of the second derivative, an iteration
_ROUGH = 0.1  # share of the gradient that conjugate gradients may leave
_LEAST = 0.1  # share of the inertia: the least curvature of a block of the preconditioner


class SecondDerivative(NamedTuple):
    """The second derivative: its product with a displacement (n, d) of the atoms, and its diagonal blocks (n, d, d)."""

    product: Callable[[Array], Array]
    blocks: Array


class ManyAtoms:
    """The objective of a step of point masses by sums over pairs, with no table of pairs.

    A sum costs what :func:`~jkoflow.kernels.sums.pair_gradients` says. Kernels are as they are, with no rounding off.
    """

    def __init__(self, problem: CloudProblem) -> None:
        self.problem = problem
        self.masses = problem.weights

    def value(self, x: Array) -> tuple[float, float]:
        """The objective at x, and the sum of the sizes of its terms."""
        problem, nodes = self.problem, self.problem.nodes(x)
        terms = [0.5 * float(problem.inertia @ ((x - problem.start) ** 2).sum(axis=1))]
        for pairs in problem.pairs:
            i, j = pairs.first, pairs.other
            terms.append(pairs.share * float(self.masses[i] @ pair_values(pairs.kernel, nodes[i], nodes[j], self.masses[j])))
        for i, c, term in problem.fields:
            terms.append(c * float(problem.masses[i] @ values_of("V", term.V, tuple(x[i].T))))
        return sum(terms), sum(map(abs, terms))

    def gradient(self, x: Array) -> Array:
        """The gradient at x, shape (n, d)."""
        problem, nodes, m = self.problem, self.problem.nodes(x), self.masses
        out = problem.inertia[:, None] * (x - problem.start)
        for pairs in problem.pairs:
            i, j = pairs.first, pairs.other
            out[i] += m[i, None] * pair_gradients(pairs.kernel, nodes[i], nodes[j], m[j])
            if _is_mutual(j, pairs.share, len(x)):
                out[j] += m[j, None] * pair_gradients(pairs.kernel, nodes[j], nodes[i], m[i])
        for i, c, term in problem.fields:
            out[i] += c * problem.masses[i, None] * gradient_of(term, x[i])
        return out

    def second(self, x: Array) -> SecondDerivative:
        """The second derivative at x."""
        problem, nodes, m = self.problem, self.problem.nodes(x), self.masses
        n, d = x.shape
        blocks = problem.inertia[:, None, None] * np.eye(d)
        for i, c, term in problem.fields:
            blocks[i] += c * problem.masses[i, None, None] * hessian_of(term, x[i])
        across = []
        for pairs in problem.pairs:
            i, j = pairs.first, pairs.other
            ways = [(i, j), (j, i)] if _is_mutual(j, pairs.share, n) else [(i, j)]
            for a, b in ways:
                blocks[a] += m[a, None, None] * pair_curvature_blocks(pairs.kernel, nodes[a], nodes[b], m[b])
                if j[0] < n:
                    across.append((a, b, pair_curvatures(pairs.kernel, nodes[a], nodes[b], m[b])))

        def product(v: Array) -> Array:
            out = np.einsum("nij,nj->ni", blocks, v)
            for a, b, curved in across:
                out[a] -= m[a, None] * curved(v[b])
            return out

        return SecondDerivative(product, blocks)

    def residual(self, x: Array) -> float:
        """The product distance by which the remaining force would move the atoms against their inertia."""
        return self.problem.length(self.gradient(x) / self.problem.inertia[:, None])

    def minimised(self, x: Array, tolerance: float, most: int) -> tuple[Array, int]:
        """Return where Newton's method from x ends, and its iterations.

        It ends when the residual is below ``tolerance``, after ``most`` iterations, or when there is nothing lower on the way.
        """
        gradient, (value, size) = self.gradient(x), self.value(x)
        start = residual = self.problem.length(gradient / self.problem.inertia[:, None])
        for iteration in range(most):
            if not residual > tolerance or not np.isfinite(value):
                return x, iteration
            log_iteration("ParticleProximal", iteration + 1, residual)
            p = self._direction(x, gradient, min(_ROUGH, residual / start))
            slope, share = float((gradient * p).sum()), 1.0
            noise = _ROUNDING * size
            while share > _SHORTEST:
                there = x + share * p
                lower, size = self.value(there)
                if lower <= value + _DECREASE * share * slope + (noise if -slope < noise else 0.0):
                    break
                share /= 2
            else:
                return x, iteration + 1
            gradient = self.gradient(there)
            last, residual = residual, self.problem.length(gradient / self.problem.inertia[:, None])
            if -slope < noise and not residual < last:  # the value is flat up to rounding, and the force does not fall
                return x, iteration + 1
            x, value = there, lower
        return x, most

    def _direction(self, x: Array, gradient: Array, share: float) -> Array:
        """Newton's step by conjugate gradients, up to ``share`` of the gradient; cut short where the curvature is negative."""
        second = self.second(x)
        values, vectors = np.linalg.eigh((second.blocks + np.swapaxes(second.blocks, 1, 2)) / 2)
        values = np.maximum(values, _LEAST * self.problem.inertia[:, None])

        def precondition(r: Array) -> Array:
            return np.einsum("nij,nj->ni", vectors, np.einsum("nji,nj->ni", vectors, r) / values)

        p, r = np.zeros_like(x), -gradient
        z = precondition(r)
        direction, rz = z, float((r * z).sum())
        enough = share**2 * rz
        for _ in range(_MOST_PRODUCTS):
            bent = second.product(direction)
            curvature = float((direction * bent).sum())
            if not curvature > 0:
                return p if p.any() else direction
            p = p + rz / curvature * direction
            r = r - rz / curvature * bent
            z = precondition(r)
            rz, last = float((r * z).sum()), rz
            if rz <= enough:
                break
            direction = z + rz / last * direction
        return p


def _is_mutual(other: Indices, share: float, n: int) -> bool:
    """Return True for pairs of two species that are both free."""
    return share == 1.0 and len(other) > 0 and bool(other[0] < n)
