"""Sums over pairs of points of the second derivatives of kernels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..._arrays import read_only
from ..._typing import Array
from ..base import Kernel, terms_of
from ..power_law import PowerLaw
from .fourier.nufft import GaussianWaves, worth_it
from .kinds import GAUSSIAN
from .pairs import by_coordinates, compiled_pair, pair_gradients

_SHARE = 2.0**-16  # of the extent: how far the points of a kernel without compiled sums are moved

Curved = Callable[[Array], Array]


def pair_curvatures(kernel: Kernel, at: Array, sources: Array, masses: Array) -> Curved:
    """Return the function v -> sum_j m_j D^2 K(x_i - y_j) v_j, from vectors (m, d) at the sources to vectors (n, d).

    The points ``at`` and ``sources`` are (n, d) and (m, d). Pairs that coincide count D^2 K(0), or 0 where it is infinite.

    The cost of a call is that of the sums of gradients (:func:`pair_gradients`). Second derivatives of a kernel without
    compiled sums are differences of its gradient, of second order.

    >>> from jkoflow import PowerLaw
    >>> curved = pair_curvatures(PowerLaw(4), np.array([[1.0, 0.0]]), np.zeros((1, 2)), np.ones(1))
    >>> curved(np.array([[1.0, 0.0]])), curved(np.array([[0.0, 1.0]]))
    (array([[3., 0.]]), array([[0., 1.]]))
    """
    parts = [(c, _curved(term, at, sources, masses)) for c, term in terms_of(kernel)]
    return lambda vectors: sum((c * part(vectors) for c, part in parts), np.zeros(at.shape))


def pair_curvature_blocks(kernel: Kernel, at: Array, sources: Array, masses: Array) -> Array:
    """Return sum_j m_j D^2 K(x_i - y_j), shape (n, d, d), as :func:`pair_curvatures` counts them. Cost: about one call.

    >>> from jkoflow import PowerLaw
    >>> pair_curvature_blocks(PowerLaw(4), np.array([[1.0, 0.0]]), np.zeros((1, 2)), np.ones(1))
    array([[[3., 0.],
            [0., 1.]]])
    """
    d, total = at.shape[1], np.zeros((len(at), at.shape[1], at.shape[1]))
    for c, term in terms_of(kernel):
        pair = compiled_pair(term)
        targets, places, weights = by_coordinates(at, sources, masses)
        quadratic = isinstance(term, PowerLaw) and term.p == 2
        if pair is None or quadratic or (pair.kind == GAUSSIAN and worth_it(targets, places, weights, pair.parameter)):
            curved = _curved(term, at, sources, masses)
            total += c * np.stack([curved(np.broadcast_to(e, sources.shape)) for e in np.eye(d)], axis=-1)
        else:
            from .compiled_pairs import curvature_blocks

            blocks = curvature_blocks(targets, places, weights, pair.kind, pair.parameter)
            total += c * pair.factor * np.moveaxis(blocks, -1, 0)
    return total


def _curved(term: Kernel, at: Array, sources: Array, masses: Array) -> Curved:
    """The sums of one kernel that is no combination."""
    if isinstance(term, PowerLaw) and term.p == 2:
        return lambda vectors: np.broadcast_to(masses @ vectors, at.shape)
    pair = compiled_pair(term)
    if pair is None:
        return _by_differences(term, at, sources, masses)
    factor, kind, parameter = pair
    targets, places, weights = by_coordinates(at, sources, masses)
    if kind == GAUSSIAN and worth_it(targets, places, weights, parameter):
        waves = GaussianWaves(targets, places, parameter)
        return lambda vectors: -factor * waves.curvatures(weights * vectors.T).T

    def summed(vectors: Array) -> Array:
        from .compiled_pairs import curvature_sums

        (weighted,) = read_only(np.ascontiguousarray(weights * vectors.T))
        return factor * curvature_sums(targets, places, weighted, kind, parameter).T

    return summed


def _by_differences(term: Kernel, at: Array, sources: Array, masses: Array) -> Curved:
    extent = float(max(np.ptp(np.concatenate([at, sources]), axis=0)))

    def summed(vectors: Array) -> Array:
        largest = float(np.abs(vectors).max())
        if largest == 0:
            return np.zeros(at.shape)
        h = _SHARE * (extent or 1.0) / largest
        ahead, behind = (pair_gradients(term, at, sources + side * h * vectors, masses) for side in (-1, 1))
        return (ahead - behind) / (2 * h)

    return summed
