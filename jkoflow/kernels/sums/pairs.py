"""Sums of kernels over pairs of points in any dimension."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import NamedTuple

import numpy as np

from ..._arrays import cumulated, read_only
from ..._typing import Array
from ..base import Kernel, terms_of
from ..gaussian import Gaussian
from ..morse import Morse
from ..newtonian import Newtonian
from ..power_law import PowerLaw
from .fourier.nufft import GaussianWaves, worth_it
from .fourier.split import split_sums
from .kinds import GAUSSIAN, MORSE, POWER
from .line import LineKernel, on_the_line

_TABLE = 1 << 20  # entries of the largest table of pairs in memory


def pair_gradients(kernel: Kernel, at: Array, sources: Array, masses: Array) -> Array:
    """Return sum_j m_j grad K(x_i - y_j) at the targets x_i = ``at``, over the sources y_j of masses m_j.

    Pairs that coincide count 0. For a convex kernel this is the minimal selection.

    On the line ``at`` and ``sources`` have the shapes (n,) and (m,), otherwise (n, d) and (m, d). The result has the shape of
    ``at``. The cost is

    * O(n + m) for the quadratic kernel, in any dimension;
    * O((n + m) log(n + m)) for |x|, even powers and Morse on the line;
    * O(n + m) for many points and Gaussian, by waves, with an error of 1e-13 of the masses, if finufft is installed
      (``jkoflow[fast]``) and the length is not too small a share of the extent;
    * O((n + m) log(n + m)) for many points and power laws with p < 2, Newtonian kernels and Morse, by Ewald's splitting, with
      an error of 1e-10 to 3e-8 of the largest sum, if finufft is installed and most points do not crowd in a small part of
      the box that holds the others;
    * O(n m) otherwise: compiled and on all cores for the kernels of this package, in numpy blocks for others.

    >>> from jkoflow import PowerLaw
    >>> pair_gradients(PowerLaw(1), np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 3.0]), np.array([0.5, 0.25, 0.25]))
    array([-0.5 ,  0.25,  0.75])
    """
    if at.shape[1:] == (1,):  # a line, whose points are rows
        return pair_gradients(kernel, at[:, 0], sources[:, 0], masses)[:, None]
    total = np.zeros_like(at)
    for c, term in terms_of(kernel) if len(at) and len(sources) else ():
        total += c * _gradients(term, at, sources, masses)
    return total


def pair_values(kernel: Kernel, at: Array, sources: Array, masses: Array) -> Array:
    """Return sum_j m_j K(x_i - y_j), shape (n,), at the targets x_i = ``at``, over the sources y_j of masses m_j.

    Pairs that coincide count K(0), or nothing if K(0) is infinite. The shapes and the cost are as in :func:`pair_gradients`,
    but the quadratic kernel has no cheaper sum off the line.

    >>> from jkoflow import Quadratic
    >>> pair_values(Quadratic(), np.array([[3.0, 4.0]]), np.zeros((1, 2)), np.ones(1))
    array([12.5])
    """
    if at.shape[1:] == (1,):  # a line, whose points are rows
        return pair_values(kernel, at[:, 0], sources[:, 0], masses)
    total = np.zeros(len(at))
    for c, term in terms_of(kernel) if len(at) and len(sources) else ():
        total += c * _values(term, at, sources, masses)
    return total


class CompiledPair(NamedTuple):
    """A kernel as ``factor`` times a kernel whose sums are compiled. ``kind`` and ``parameter`` tell which one."""

    factor: float
    kind: int
    parameter: float


@singledispatch
def compiled_pair(kernel: Kernel) -> CompiledPair | None:
    """Return the kernel as a multiple of a compiled kernel, or None if it has no compiled sums."""
    return None


@compiled_pair.register
def _(kernel: PowerLaw) -> CompiledPair:
    return CompiledPair(1.0, POWER, float(kernel.p))


@compiled_pair.register
def _(kernel: Newtonian) -> CompiledPair:
    return CompiledPair(float(kernel.slope(1.0)), POWER, 2.0 - kernel.d)


@compiled_pair.register
def _(kernel: Morse) -> CompiledPair:
    return CompiledPair(kernel.strength, MORSE, kernel.length)


@compiled_pair.register
def _(kernel: Gaussian) -> CompiledPair:
    return CompiledPair(kernel.strength, GAUSSIAN, kernel.length)


def _gradients(term: Kernel, at: Array, sources: Array, masses: Array) -> Array:
    """Return the sums of the gradient of one kernel that is no combination, by the fastest method for it."""
    if isinstance(term, PowerLaw) and term.p == 2:
        middle = sources[len(sources) // 2]
        return masses.sum() * (at - middle) - masses @ (sources - middle)
    line_kernel = _fast_on_the_line(term, at)
    if line_kernel is not None:
        return _line_sums(line_kernel, at, sources, masses)[1]
    pair = compiled_pair(term)
    if pair is None:
        if at.ndim == 1:
            return _in_blocks(at, sources, lambda *gaps: term.gradient(*gaps) @ masses)
        return _in_blocks(at, sources, lambda *gaps: (term.gradient(*gaps) @ masses).T)
    targets, places, weights = by_coordinates(at, sources, masses)
    if pair.kind == GAUSSIAN and worth_it(targets, places, weights, pair.parameter):  # the kernel is 1 - exp(-|x|^2 / l^2)
        slopes = [tuple(row) for row in np.eye(len(targets), dtype=int)]
        sums = -np.stack(GaussianWaves(targets, places, pair.parameter).sums(weights, *slopes))
    elif (fast := split_sums(targets, places, weights, pair.kind, pair.parameter)) is not None:
        sums = fast.gradients()
    else:
        from .compiled_pairs import gradient_sums

        sums = gradient_sums(targets, places, weights, pair.kind, pair.parameter)
    return pair.factor * sums.T.reshape(at.shape)


def _values(term: Kernel, at: Array, sources: Array, masses: Array) -> Array:
    """Return the sums of the values of one kernel that is no combination, by the fastest method for it."""
    line_kernel = _fast_on_the_line(term, at)
    if line_kernel is not None:
        return _line_sums(line_kernel, at, sources, masses)[0]
    pair = compiled_pair(term)
    if pair is None:
        return _in_blocks(at, sources, lambda *gaps: term(*gaps) @ masses)
    targets, places, weights = by_coordinates(at, sources, masses)
    if pair.kind == GAUSSIAN and worth_it(targets, places, weights, pair.parameter):
        (near,) = GaussianWaves(targets, places, pair.parameter).sums(weights, (0,) * len(targets))
        return pair.factor * (weights.sum() - near)
    if (fast := split_sums(targets, places, weights, pair.kind, pair.parameter)) is not None:
        return pair.factor * fast.values()
    from .compiled_pairs import value_sums

    return pair.factor * value_sums(targets, places, weights, pair.kind, pair.parameter)


def by_coordinates(at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
    """Return the points with the coordinates as the first axis, shapes (d, n) and (d, m), and the masses, all read-only."""
    targets, places = (np.ascontiguousarray(np.atleast_2d(points.T)) for points in (at, sources))
    return read_only(targets, places, masses)


def _fast_on_the_line(term: Kernel, at: Array) -> LineKernel | None:
    """Return the term as a ``LineKernel`` if sums over sorted points are faster than sums over all pairs, else None."""
    pair = compiled_pair(term)
    if at.ndim > 1 or pair is None or (pair.kind == POWER and pair.parameter <= 0):
        return None
    line_kernel = on_the_line(term)
    return line_kernel if all(part.fast for _, part in line_kernel.parts) else None


def _line_sums(line_kernel: LineKernel, at: Array, sources: Array, masses: Array) -> tuple[Array, Array]:
    """Return the sums of the kernel and of its derivative at targets in any order, by sorting targets and sources."""
    order, by_place = np.argsort(at, kind="stable"), np.argsort(sources, kind="stable")
    x, y, m = at[order], sources[by_place], masses[by_place]
    middle = y[len(y) // 2]
    x, y = x - middle, y - middle  # far from the origin, moments would lose the differences
    values, slopes = np.zeros(len(x)), np.zeros(len(x))
    if line_kernel.tip != 0:
        mass, moment = cumulated(m), cumulated(m * y)
        before, until = np.searchsorted(y, x, side="left"), np.searchsorted(y, x, side="right")
        slopes += line_kernel.tip * (mass[before] + mass[until] - mass[-1])
        values += line_kernel.tip * (x * (2 * mass[before] - mass[-1]) - 2 * moment[before] + moment[-1])
    for c, part in line_kernel.parts:
        value, slope, _ = part.values(x, y, m)
        values += c * value
        slopes += c * slope
    values_at, slopes_at = np.empty_like(values), np.empty_like(slopes)
    values_at[order], slopes_at[order] = values, slopes
    return values_at, slopes_at


def _in_blocks(at: Array, sources: Array, summed: Callable[..., Array]) -> Array:
    """Return ``summed`` of the displacements between all pairs, for one block of targets after another.

    ``summed`` takes one array of shape (targets, sources) per coordinate.
    """
    rows = max(1, _TABLE // len(sources))
    blocks = [at[start : start + rows] for start in range(0, len(at), rows)]
    return np.concatenate([summed(*_gaps(block, sources)) for block in blocks])


def _gaps(block: Array, sources: Array) -> list[Array]:
    """Return the displacements x - y of all pairs, one array of shape (targets, sources) per coordinate."""
    if block.ndim == 1:
        return [block[:, None] - sources]
    return [x[:, None] - y for x, y in zip(block.T, sources.T, strict=True)]
