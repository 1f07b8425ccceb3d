"""Arrays on a torus, unrolled: they go on beyond both ends of the periodic axes."""

from __future__ import annotations

import numpy as np

from .._typing import Array


def unrolled(values: Array, beyond: tuple[int, ...], counts: tuple[int, ...]) -> Array:
    """Return an array over cells or faces with ``beyond`` further cells at both ends of its last axes.

    ``counts`` are the numbers of cells along these axes, the period. Along axes with ``beyond`` 0 nothing changes.

    >>> unrolled(np.array([1, 2, 3]), (2,), (3,))
    array([2, 3, 1, 2, 3, 1, 2])
    """
    first = values.ndim - len(counts)
    for axis, (more, count) in enumerate(zip(beyond, counts, strict=True), first):
        if more:
            places = np.arange(-more, values.shape[axis] + more)
            values = values.take(places % count, axis)
    return values


def rolled_up(values: Array, beyond: tuple[int, ...]) -> Array:
    """Return what is left without the further cells at both ends of the last axes.

    >>> rolled_up(np.array([2, 3, 1, 2, 3, 1, 2]), (2,))
    array([1, 2, 3])
    """
    lengths = values.shape[values.ndim - len(beyond) :]
    inner = tuple(slice(more, length - more) for more, length in zip(beyond, lengths, strict=True))
    return values[(slice(None),) * (values.ndim - len(beyond)) + inner]


def reach(displacements: tuple[Array, ...], periodic: tuple[bool, ...]) -> tuple[int, ...]:
    """Return the cells beyond the ends that points reach with these displacements in cells, by axis; 0 along other axes."""
    farthest = (max(float(np.abs(part[axis]).max(initial=0.0)) for part in displacements) for axis in range(len(periodic)))
    return tuple(int(np.ceil(far)) + 2 if ends else 0 for far, ends in zip(farthest, periodic, strict=True))
