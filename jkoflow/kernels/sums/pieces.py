"""Functions of the line in polynomial pieces: what has kinks, jumps or steep places is integrated exactly over cells.

Three Gauss points see a function only where they stand. A step of it between them has no force. So a function that is not
smooth is taken in pieces of degree 5, which are halved until they follow it, and its means over cells are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from ..._functions import values_of
from ..._typing import Array, Indices, Mask
from .gauss import GAUSS_WEIGHTS, at_gauss_points

_FIRST, _HALVINGS = 64, 14  # pieces of the box; halvings of them, after which a piece is a straight line
_MOST = 1 << 15  # pieces
_BOXES = 4  # whose pieces are kept
_FOLLOWED = 1e-12  # of the range of the values: the largest error of a piece
_ROUNDINGS = 64  # spacings of the numbers: what rounding of values and of places makes
_SMOOTH = 2.0**-10  # of the box: a function with narrower pieces is not smooth
_NARROW = 2.0**-14  # of the box: in a narrower cell differences of integrals would lose their digits
_WITHIN = 0.25  # of a cell
_KNOTS = (1 - np.cos(np.pi * np.arange(6) / 5)) / 2
_BETWEEN = (_KNOTS[1:] + _KNOTS[:-1]) / 2
_TO_COEFFICIENTS = np.linalg.inv(np.vander(_KNOTS, increasing=True))
_POWERS = np.arange(6)

Function = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Pieces:
    """A function as polynomials of t = (x - edge) / width, a row of six coefficients each, between increasing edges."""

    edges: Array
    coefficients: Array

    @cached_property
    def widths(self) -> Array:
        """The widths of the pieces: the box, halved some times."""
        exact = np.ldexp(1.0, np.rint(np.log2(np.diff(self.edges) / (self.edges[-1] - self.edges[0]))).astype(int))
        return np.asarray(exact * (self.edges[-1] - self.edges[0]))

    def jet(self, x: Array) -> tuple[Array, Array, Array]:
        """The values and the first two derivatives at points between the ends."""
        k = self.piece_of(x)
        width, c = self.widths[k], self.coefficients[k]
        t = (x - self.edges[k]) / width
        value, slope, bend = c[:, 5].copy(), np.zeros_like(t), np.zeros_like(t)
        for power in range(4, -1, -1):
            bend = bend * t + slope
            slope = slope * t + value
            value = value * t + c[:, power]
        return value, slope / width, 2 * bend / width**2

    def means(self, nodes: Array) -> Array:
        """The means over cells."""
        out = self.jet(at_gauss_points(nodes))[0].reshape(-1, 3) @ GAUSS_WEIGHTS
        across = self.across(nodes)
        left, right = nodes[:-1][across], nodes[1:][across]
        out[across] = self._integrals(left, right) / (right - left)
        return np.asarray(out)

    def steps(self, nodes: Array) -> Array:
        """How much the function steps within every cell.

        That is how much it rises and falls in pieces narrower than half the cell, beyond what the slopes a quarter of the
        cell from its ends would make of it. So a kink is none.
        """
        k, cells = np.searchsorted(self.edges, nodes), np.diff(nodes)
        around = (nodes[:-1] + share * cells for share in (-_WITHIN, _WITHIN, 1 - _WITHIN, 1 + _WITHIN))
        slopes = [np.abs(self.jet(np.clip(x, self.edges[0], self.edges[-1]))[1]) for x in around]
        rises, total, breadth = np.abs(self.coefficients[:, 1:].sum(axis=1)), np.zeros(len(cells)), np.zeros(len(cells))
        for width in np.unique(self.widths):
            narrow = self.widths == width
            for out, part in ((total, rises), (breadth, self.widths)):
                before = np.concatenate([[0.0], np.cumsum(np.where(narrow, part, 0.0))])
                out += np.where(width < 2 * _WITHIN * cells, before[k[1:]] - before[k[:-1]], 0.0)
        return np.maximum(total - breadth * np.max(slopes, axis=0), 0.0)

    def across(self, nodes: Array) -> Mask:
        """The cells that reach over an edge, and are not so narrow that their integral would be rounding."""
        k = self.piece_of(nodes)
        return np.asarray((k[1:] > k[:-1]) & (np.diff(nodes) > _NARROW * (self.edges[-1] - self.edges[0])))

    def piece_of(self, x: Array) -> Indices:
        """The numbers of the pieces that hold the points."""
        return np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, len(self.coefficients) - 1)

    @cached_property
    def _wholes(self) -> Array:
        """The integrals over the first pieces: over none, one, two, ..."""
        return np.concatenate([[0.0], np.cumsum(self.widths * (self.coefficients @ (1 / (_POWERS + 1))))])

    def _integrals(self, left: Array, right: Array) -> Array:
        """The integrals over intervals that begin and end in different pieces."""
        i, j = self.piece_of(left), self.piece_of(right)
        first = self._wholes[i + 1] - self._wholes[i] - self._since_edge(left, i)
        return np.asarray(first + (self._wholes[j] - self._wholes[i + 1]) + self._since_edge(right, j))

    def _since_edge(self, x: Array, k: Indices) -> Array:
        t, total = (x - self.edges[k]) / self.widths[k], np.zeros(len(x))
        for power in range(5, -1, -1):
            total = (total + self.coefficients[k, power] / (power + 1)) * t
        return total * self.widths[k]


def pieces_of(f: Function, nodes: Array) -> Pieces | None:
    """Return a function of space in pieces, on a box around the nodes; None where it is smooth, or not finite in the box.

    The ends of the box are multiples of a power of two that is at most the extent of the nodes. So it changes rarely, and the
    pieces are kept.

    >>> pieces = pieces_of(lambda x: np.where(x > 0.1, 1.0, 0.0), np.array([-1.0, 0.0, 1.0]))
    >>> np.round(pieces.means(np.array([-1.0, 0.0, 1.0])), 6)
    array([0. , 0.9])
    """
    low, high = _box(nodes)
    if not high > low:
        return None
    try:
        kept = _KEPT.setdefault(f, {})
    except TypeError:  # what cannot be referred to weakly
        return _computed(f, low, high)
    if (low, high) not in kept:
        if len(kept) >= _BOXES:
            kept.clear()
        kept[low, high] = _computed(f, low, high)
    return kept[low, high]


_KEPT: WeakKeyDictionary[Function, dict[tuple[float, float], Pieces | None]] = WeakKeyDictionary()


def _box(nodes: Array) -> tuple[float, float]:
    first, last = float(nodes[0]), float(nodes[-1])
    if not (np.isfinite(first) and np.isfinite(last) and last > first):
        return 0.0, 0.0
    step = float(np.ldexp(1.0, np.frexp(last - first)[1] - 1))
    low, high = np.floor(first / step) * step, np.ceil(last / step) * step
    return (float(low), float(high)) if np.spacing(max(abs(low), abs(high))) < 1e-9 * step else (0.0, 0.0)


def _computed(f: Function, low: float, high: float) -> Pieces | None:
    edges = np.linspace(low, high, _FIRST + 1)
    left, width = edges[:-1], (high - low) / _FIRST
    done: list[tuple[Array, Array]] = []
    scale = rounding = -1.0
    for level in range(_HALVINGS + 1):
        with np.errstate(all="ignore"):
            values = values_of("V", f, [(left[:, None] + width * _KNOTS).ravel()]).reshape(-1, 6)
            between = values_of("V", f, [(left[:, None] + width * _BETWEEN).ravel()]).reshape(-1, 5)
        if not (np.isfinite(values).all() and np.isfinite(between).all()):
            return None
        if scale < 0:
            scale, rounding = float(np.ptp(values)), _ROUNDINGS * float(np.spacing(np.abs(values).max()))
        coefficients = (values - values[:, :1]) @ _TO_COEFFICIENTS.T  # differences: a large constant would hide them
        coefficients[:, 0] = values[:, 0]
        errors = np.abs(coefficients @ _AT_BETWEEN - between).max(axis=1)
        of_places = _ROUNDINGS * float(np.spacing(max(abs(low), abs(high)))) / width * np.ptp(values, axis=1)
        follows = errors <= _FOLLOWED * scale + rounding + of_places
        if level == _HALVINGS or 2 * (~follows).sum() + sum(len(part) for part, _ in done) > _MOST:
            coefficients[~follows] = 0.0
            coefficients[~follows, 0] = values[~follows, 0]
            coefficients[~follows, 1] = values[~follows, -1] - values[~follows, 0]
            follows[:] = True
        done.append((left[follows], coefficients[follows]))
        if follows.all():
            break
        width /= 2
        left = (left[~follows, None] + np.array([0.0, width])).ravel()
    if width >= _SMOOTH * (high - low):
        return None
    starts = np.concatenate([part for part, _ in done])
    order = np.argsort(starts)
    return Pieces(np.append(starts[order], high), np.concatenate([part for _, part in done])[order])


_AT_BETWEEN = np.vander(_BETWEEN, 6, increasing=True).T
