"""One step of a damped motion by collocation with the exact exponential of its damping."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import NamedTuple

import numpy as np

from ...._typing import Array
from ....linear import Anderson, phi
from .motion import DampedMotion, Parts

NODES = 6
_POINTS = (np.polynomial.legendre.leggauss(NODES)[0] + 1) / 2
_ENDS = np.r_[_POINTS, 1.0]
# The Lagrange polynomials of the points, as coefficients of 1, s, s^2, ...: column j belongs to point j.
_LAGRANGE = np.linalg.inv(np.vander(_POINTS, increasing=True))
# The coefficient of the Legendre polynomial of the highest degree in the polynomial through values at the points.
_HIGHEST = (
    np.polynomial.legendre.leggauss(NODES)[1]
    * np.polynomial.legendre.legval(2 * _POINTS - 1, np.eye(NODES)[-1])
    * (2 * NODES - 1)
    / 2
)
_SWEEPS = 200
_MEMORY = 8  # of the acceleration of the iteration, which matters where alignment is stronger than the damping


class Collocated(NamedTuple):
    """The end of a step, and estimates of its errors."""

    x: Parts
    u: Parts
    error_of_x: float
    error_of_u: float


def collocated(
    motion: DampedMotion, x: Parts, u: Parts, time: float, h: float, slack: tuple[float, float]
) -> Collocated | None:
    """Return positions and velocities after a step of h, or None if the iteration does not settle or a number is not finite.

    With the rates l at which the particles lose their own velocities, u' = -l u + g. The rest g is a polynomial of degree 5
    through its values at six Gauss points, and the integrals

        u(t) = exp(-l t) u_0 + int_0^t exp(-l (t - s)) g(s) ds,    x(t) = x_0 + int_0^t u(s) ds

    are exact for it (docs/theory/small-inertia.md, section 2.1). The values are found by the fixed-point iteration of T21
    there, which contracts whatever epsilon. It ends when positions and velocities would change by less than ``slack``.
    """
    pulls = motion.forces.alignment_rates(x, motion.masses)
    rates = [rate + p / eps for rate, p, eps in zip(motion.rates, pulls, motion.epsilons, strict=True)]
    weights = [_Weights(h, rate, part.ndim) for rate, part in zip(rates, u, strict=True)]
    at_start = _rest(motion, x, u, rates, time)
    rests = [np.broadcast_to(g, (NODES, *g.shape)) for g in at_start]
    mixing = Anderson(_MEMORY if motion.forces.pulls else 0)
    for _ in range(_SWEEPS):
        xs = [start + w.drift * part + w.of_x(g) for start, part, w, g in zip(x, u, weights, rests, strict=True)]
        us = [w.decay * part + w.of_u(g) for part, w, g in zip(u, weights, rests, strict=True)]
        if not all(np.isfinite(part).all() for part in (*xs, *us)):
            return None
        values = [
            _rest(motion, [p[j] for p in xs], [p[j] for p in us], rates, time + c * h) for j, c in enumerate(_POINTS.tolist())
        ]
        images = [np.stack([value[k] for value in values]) for k in range(len(x))]
        gaps = [image - g for image, g in zip(images, rests, strict=True)]
        left = [max(_largest(of(g)) for of, g in zip(row, gaps, strict=True)) for row in _sums(weights)]
        if left[0] <= slack[0] and left[1] <= slack[1]:
            errors = [w.errors(g, first) for w, g, first in zip(weights, rests, at_start, strict=True)]
            return Collocated([part[-1] for part in xs], [part[-1] for part in us], *np.max(errors, axis=0).tolist())
        before, image = (np.concatenate([part.ravel() for part in parts]) for parts in (rests, images))
        mixed = mixing.next(before, image, np.ones_like(image), _largest(image - before))
        ends = np.cumsum([part.size for part in images])[:-1]
        rests = [piece.reshape(part.shape) for piece, part in zip(np.split(mixed, ends), images, strict=True)]
    return None


class _Weights:
    """The integrals of the Lagrange polynomials against exp(-l (t - s)), for the rates of one species.

    ``decay`` and ``drift`` multiply the velocities at the start: shape (ends, particles), with an axis more if positions have
    coordinates.
    """

    def __init__(self, h: float, rates: Array, ndim: int) -> None:
        each, place = np.unique(rates, return_inverse=True)
        values = phi(NODES + 2, h * _ENDS[:, None] * each)  # (k, ends, rates)
        powers = np.stack([factorial(k) * _ENDS ** (k + 1) for k in range(NODES)])[:, :, None]
        on_u = h * np.einsum("kj,kcr->cjr", _LAGRANGE, powers * values[1:-1])
        on_x = h**2 * np.einsum("kj,kcr->cjr", _LAGRANGE, powers * _ENDS[:, None] * values[2:])
        drift = h * _ENDS[:, None] * values[1]
        first = _POINTS[0] * h  # a layer at the start that the points miss lasts at most until the first of them
        reach, lasting = h * values[1, -1], first * phi(2, first * each)[1]
        columns = (on_u, on_x, values[0], drift, reach, h**2 * values[2, -1], reach * lasting)
        spread = [column[..., place].reshape(*column.shape[:-1], -1, *[1] * (ndim - 1)) for column in columns]
        self._on_u, self._on_x, self.decay, self.drift, self._reach, self._far, self._missed = spread

    def of_u(self, g: Array) -> Array:
        """int_0^t exp(-l (t - s)) g ds at the ends, for the values of g at the points."""
        return np.asarray((self._on_u * g).sum(axis=1))

    def of_x(self, g: Array) -> Array:
        """The integral of ``of_u`` over time."""
        return np.asarray((self._on_x * g).sum(axis=1))

    def errors(self, g: Array, at_start: Array) -> tuple[float, float]:
        """Estimates of the errors of x and u: from the highest degree of g, and from what g misses at the start."""
        highest = np.abs(np.tensordot(_HIGHEST, g, axes=(0, 0)))
        missed = np.abs(np.tensordot(_LAGRANGE[0], g, axes=(0, 0)) - at_start)
        return max(_largest(self._far * highest), _largest(self._missed * missed)), _largest(self._reach * highest)


def _sums(weights: list[_Weights]) -> tuple[list[Callable[[Array], Array]], list[Callable[[Array], Array]]]:
    return [w.of_x for w in weights], [w.of_u for w in weights]


def _rest(motion: DampedMotion, x: Parts, u: Parts, rates: Parts, time: float) -> Parts:
    """g = f - L u + l u."""
    push, drag = motion.push(x, time), motion.drag_at(x)(u)
    own = [(rate * part.T).T for rate, part in zip(rates, u, strict=True)]
    return [f - a + b for f, a, b in zip(push, drag, own, strict=True)]


def _largest(a: Array) -> float:
    return float(np.abs(a).max())
