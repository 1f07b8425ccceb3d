"""Compiled sums of radial kernels over all pairs of points: on all cores, in blocks that stay in the fastest memory."""

from __future__ import annotations

import numpy as np

from ..._compiled import SharedLoop, jit, shared
from ..._typing import Array
from .kinds import GAUSSIAN, MORSE

_BLOCK = 512
_SMALL = 100_000  # pairs below which one core is as fast, and does not disturb the threads of BLAS
LEAST_EXPONENT = -708.0  # below it exp leaves the normal numbers
_LOG2_E, _LN2_HIGH, _LN2_LOW = 1.4426950408889634, 0.6931471803691238, 1.9082149292705877e-10
_LEAST = 2.2250738585072014e-308  # the least normal number: pairs whose squared distance is below it coincide
_ROUNDING_BITS = 0x4338000000000000  # of _ROUNDING
_ROOT_HALF = 0x3FE6A09E667F3BCD  # the bits of 1 / sqrt(2)
_HALVED = 0x5FE6EB50C7B537A9  # less half the bits of x, these are the bits of about 1 / sqrt(x)
_ROUNDING = 6755399441055744.0  # 3 * 2^51: adding it rounds to a whole number, kept in the lowest bits


@jit(inline=True)
def _exp_parts(x: float) -> tuple[float, float]:
    """Return 2^n and exp(r) - 1 with x = n log 2 + r and |r| <= (log 2) / 2, for LEAST_EXPONENT <= x <= 0.

    exp(r) - 1 is a Taylor sum, to 2e-16. The operations become vector instructions.
    """
    shifted = x * _LOG2_E + _ROUNDING
    n = shifted - _ROUNDING
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = 1 / 479001600
    p = p * r + 1 / 39916800
    p = p * r + 1 / 3628800
    p = p * r + 1 / 362880
    p = p * r + 1 / 40320
    p = p * r + 1 / 5040
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 1 / 2
    p = p * r + 1
    exponent = (np.float64(shifted).view(np.int64) + np.int64(1023)) << np.int64(52)
    return np.int64(exponent).view(np.float64), p * r


@jit(inline=True)
def fast_exp(x: float) -> float:
    """Return exp(x) for LEAST_EXPONENT <= x <= 0, to 2e-16."""
    scale, rest = _exp_parts(x)
    return scale * rest + scale


@jit(inline=True)
def fast_expm1(x: float) -> float:
    """Return exp(x) - 1 for LEAST_EXPONENT <= x <= 0, to 4e-16 relative to its value."""
    scale, rest = _exp_parts(x)
    return scale * rest + (scale - 1)


@jit(inline=True)
def reciprocal_root(x: float) -> float:
    """Return 1 / sqrt(x) of a normal number x > 0, to 3e-16: half as long as a root and a division, in vector instructions.

    A shift of the bits halves the exponent, which leaves an error of 3.5 %. Every step of Newton squares it, times 3/2.
    """
    y = np.int64(np.int64(_HALVED) - (np.float64(x).view(np.int64) >> np.int64(1))).view(np.float64)
    half = 0.5 * x
    y = y * (1.5 - half * y * y)
    y = y * (1.5 - half * y * y)
    y = y * (1.5 - half * y * y)
    return y * (1.5 - half * y * y)


@jit(inline=True)
def fast_log(x: float) -> float:
    """Return log(x) of a normal number x > 0, to 4e-16 of its value, in vector instructions.

    x = 2^n m with m between 1 / sqrt(2) and sqrt(2), and log m = 2 artanh z by its series, z = (m - 1) / (m + 1).
    """
    bits = np.float64(x).view(np.int64)
    n = (bits - np.int64(_ROOT_HALF)) >> np.int64(52)
    m = np.int64(bits - (n << np.int64(52))).view(np.float64)
    z = (m - 1) / (m + 1)
    w = z * z
    p = 1 / 23
    p = p * w + 1 / 21
    p = p * w + 1 / 19
    p = p * w + 1 / 17
    p = p * w + 1 / 15
    p = p * w + 1 / 13
    p = p * w + 1 / 11
    p = p * w + 1 / 9
    p = p * w + 1 / 7
    p = p * w + 1 / 5
    p = p * w + 1 / 3
    number = np.int64(n + np.int64(_ROUNDING_BITS)).view(np.float64) - _ROUNDING
    return number * (_LN2_HIGH + _LN2_LOW) + (2 * z + 2 * z * (w * p))


@jit
def weigh(kind: int, a: float, squares: Array, masses: Array, out: Array) -> None:
    """Set ``out`` to m k'(r) / r from the squares r^2, and to 0 at r = 0. ``a`` is the parameter of the kernel."""
    n = len(masses)
    if kind == GAUSSIAN:
        rate = 1 / (a * a)
        for j in range(n):
            out[j] = masses[j] * 2 * rate * fast_exp(max(-squares[j] * rate, LEAST_EXPONENT))
    elif kind == MORSE:
        for j in range(n):
            r = np.sqrt(squares[j])
            out[j] = masses[j] * fast_exp(max(-r / a, LEAST_EXPONENT)) / (a * r) if r > 0 else 0.0
    elif a == 1:
        for j in range(n):
            out[j] = masses[j] * reciprocal_root(squares[j]) if squares[j] >= _LEAST else 0.0
    elif a == 0:
        for j in range(n):
            out[j] = masses[j] / squares[j] if squares[j] > 0 else 0.0
    elif a == 3:
        for j in range(n):
            out[j] = masses[j] * np.sqrt(squares[j])
    elif a == 4:
        for j in range(n):
            out[j] = masses[j] * squares[j]
    elif a == -1:
        for j in range(n):
            root = reciprocal_root(squares[j])
            out[j] = masses[j] * (root * root) * root if squares[j] >= _LEAST else 0.0
    else:
        half = 0.5 * a - 1
        for j in range(n):
            out[j] = masses[j] * squares[j] ** half if squares[j] > 0 else 0.0


@jit
def kernel_values(kind: int, a: float, squares: Array, out: Array) -> None:
    """Set ``out`` to k(r) from the squares r^2, and to 0 at r = 0 if k(0) is infinite."""
    n = len(squares)
    if kind == GAUSSIAN:
        rate = 1 / (a * a)
        for j in range(n):
            out[j] = -fast_expm1(max(-squares[j] * rate, LEAST_EXPONENT))
    elif kind == MORSE:
        for j in range(n):
            out[j] = -fast_expm1(max(-np.sqrt(squares[j]) / a, LEAST_EXPONENT))
    elif a == 0:
        for j in range(n):
            out[j] = 0.5 * fast_log(squares[j]) if squares[j] >= _LEAST else 0.0
    elif a == 1:
        for j in range(n):
            out[j] = np.sqrt(squares[j])
    elif a == -1:
        for j in range(n):
            out[j] = -reciprocal_root(squares[j]) if squares[j] >= _LEAST else 0.0
    else:
        for j in range(n):
            out[j] = squares[j] ** (0.5 * a) / a if squares[j] > 0 else 0.0


@jit
def squared_distances(at: Array, i: int, sources: Array, start: int, stop: int, out: Array) -> None:
    """Set ``out`` to |x_i - y_j|^2 for the sources j from ``start`` to ``stop``."""
    for k in range(len(at)):
        x, places = at[k, i], sources[k, start:stop]
        if k == 0:
            for j in range(len(places)):
                gap = x - places[j]
                out[j] = gap * gap
        else:
            for j in range(len(places)):
                gap = x - places[j]
                out[j] += gap * gap


@jit(reassociate=True)
def _pull(x: float, places: Array, weights: Array) -> float:
    total = 0.0
    for j in range(len(places)):
        total += weights[j] * (x - places[j])
    return total


@shared
def _gradient_rows(first: int, last: int, at: Array, sources: Array, masses: Array, kind: int, a: float, out: Array) -> None:
    squares, weights = np.empty(_BLOCK), np.empty(_BLOCK)
    m = sources.shape[1]
    for start in range(0, m, _BLOCK):
        stop = min(m, start + _BLOCK)
        for i in range(first, last):
            squared_distances(at, i, sources, start, stop, squares)
            weigh(kind, a, squares, masses[start:stop], weights)
            for k in range(len(at)):
                out[k, i] += _pull(at[k, i], sources[k, start:stop], weights)


@shared
def _value_rows(first: int, last: int, at: Array, sources: Array, masses: Array, kind: int, a: float, out: Array) -> None:
    squares, heights = np.empty(_BLOCK), np.empty(_BLOCK)
    m = sources.shape[1]
    for start in range(0, m, _BLOCK):
        stop = min(m, start + _BLOCK)
        for i in range(first, last):
            squared_distances(at, i, sources, start, stop, squares)
            kernel_values(kind, a, squares[: stop - start], heights)
            out[i] += _dot(masses[start:stop], heights)


@jit
def _twist(kind: int, a: float, squares: Array, across: Array, dots: Array) -> None:
    """Multiply ``dots`` by (k''(r) - k'(r) / r) / r^2, and by 0 at r = 0, from the squares r^2 and ``across`` = k'(r) / r."""
    for j in range(len(squares)):
        r_squared = squares[j]
        if kind == GAUSSIAN:
            dots[j] *= -2 / (a * a) * across[j]
        elif kind == MORSE:
            dots[j] *= -across[j] * (np.sqrt(r_squared) / a + 1) / r_squared if r_squared > 0 else 0.0
        elif a == 0:
            dots[j] *= -2 * across[j] * across[j]
        else:
            dots[j] *= (a - 2) * across[j] / r_squared if r_squared > 0 else 0.0


@jit
def _distances_and_dots(at: Array, i: int, sources: Array, vectors: Array, squares: Array, dots: Array) -> None:
    """Set ``squares`` to |x_i - y_j|^2 and ``dots`` to (x_i - y_j) v_j."""
    n = sources.shape[1]
    for k in range(len(at)):
        x, places, along = at[k, i], sources[k], vectors[k]
        if k == 0:
            for j in range(n):
                gap = x - places[j]
                squares[j] = gap * gap
                dots[j] = gap * along[j]
        else:
            for j in range(n):
                gap = x - places[j]
                squares[j] += gap * gap
                dots[j] += gap * along[j]


@shared
def _curvature_rows(first: int, last: int, at: Array, sources: Array, vectors: Array, kind: int, a: float, out: Array) -> None:
    squares, across, dots, ones = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK), np.ones(_BLOCK)
    m = sources.shape[1]
    for start in range(0, m, _BLOCK):
        stop = min(m, start + _BLOCK)
        for i in range(first, last):
            _distances_and_dots(at, i, sources[:, start:stop], vectors[:, start:stop], squares, dots)
            weigh(kind, a, squares, ones[: stop - start], across)
            _twist(kind, a, squares[: stop - start], across, dots)
            for k in range(len(at)):
                out[k, i] += _bent(at[k, i], sources[k, start:stop], vectors[k, start:stop], across, dots)


@shared
def _block_rows(first: int, last: int, at: Array, sources: Array, masses: Array, kind: int, a: float, out: Array) -> None:
    squares, across, twists, ones = np.empty(_BLOCK), np.empty(_BLOCK), np.empty(_BLOCK), np.ones(_BLOCK)
    m = sources.shape[1]
    for start in range(0, m, _BLOCK):
        stop = min(m, start + _BLOCK)
        for i in range(first, last):
            squared_distances(at, i, sources, start, stop, squares)
            weigh(kind, a, squares, ones[: stop - start], across)
            twists[: stop - start] = masses[start:stop]
            _twist(kind, a, squares[: stop - start], across, twists)
            whole = _dot(masses[start:stop], across)
            for k in range(len(at)):
                out[k, k, i] += whole
                for other in range(len(at)):
                    out[k, other, i] += _pulled(
                        at[k, i], sources[k, start:stop], at[other, i], sources[other, start:stop], twists
                    )


@jit(reassociate=True)
def _dot(masses: Array, weights: Array) -> float:
    total = 0.0
    for j in range(len(masses)):
        total += masses[j] * weights[j]
    return total


@jit(reassociate=True)
def _pulled(x: float, places: Array, y: float, others: Array, weights: Array) -> float:
    total = 0.0
    for j in range(len(places)):
        total += weights[j] * (x - places[j]) * (y - others[j])
    return total


@jit(reassociate=True)
def _bent(x: float, places: Array, vectors: Array, across: Array, along: Array) -> float:
    total = 0.0
    for j in range(len(places)):
        total += across[j] * vectors[j] + along[j] * (x - places[j])
    return total


def gradient_sums(at: Array, sources: Array, masses: Array, kind: int, a: float) -> Array:
    """Return sum_j m_j grad K(x_i - y_j), with 0 for pairs that coincide. The points have shape (d, n) and (d, m)."""
    return _filled(np.zeros_like(at), _gradient_rows, at, sources, masses, kind, a)


def value_sums(at: Array, sources: Array, masses: Array, kind: int, a: float) -> Array:
    """Return sum_j m_j K(x_i - y_j). If K(0) is infinite, pairs that coincide are left out."""
    return _filled(np.zeros(at.shape[1]), _value_rows, at, sources, masses, kind, a)


def curvature_sums(at: Array, sources: Array, vectors: Array, kind: int, a: float) -> Array:
    """Return sum_j D^2 K(x_i - y_j) w_j for the vectors w, shape (d, m). What is infinite at pairs that coincide counts 0."""
    return _filled(np.zeros_like(at), _curvature_rows, at, sources, vectors, kind, a)


def curvature_blocks(at: Array, sources: Array, masses: Array, kind: int, a: float) -> Array:
    """Return sum_j m_j D^2 K(x_i - y_j), shape (d, d, n). What is infinite at pairs that coincide counts 0."""
    return _filled(np.zeros((len(at), *at.shape)), _block_rows, at, sources, masses, kind, a)


def _filled(out: Array, rows: SharedLoop, at: Array, sources: Array, weights: Array, kind: int, a: float) -> Array:
    """The result of a loop over the targets: on one core if there are few pairs."""
    n = at.shape[1]
    if n * sources.shape[1] < _SMALL:
        rows.alone(0, n, at, sources, weights, kind, a, out)
    else:
        rows(n, at, sources, weights, kind, a, out)
    return out
