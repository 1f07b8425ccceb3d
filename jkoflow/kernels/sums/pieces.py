"""Functions of the line in polynomial pieces: what has kinks, jumps or steep places is integrated exactly over cells.

Three Gauss points see a function only where they stand. A step of it between them has no force. So a function that is not
smooth is taken in pieces of degree 5, which are halved until they follow it, and its means over cells are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from ..._functions import values_of
from ..._typing import Array, Indices, Mask
from .gauss import GAUSS_WEIGHTS, at_gauss_points

_FIRST, _HALVINGS = 64, 14  # pieces of the box; halvings of them, after which a piece is a straight line
_ASIDE = (3 - 5**0.5) / 2  # of a piece, by which edges are moved: kinks at round places are not to be seen as edges
_MOST = 1 << 15  # pieces
_MOST_KINKS, _CURVED = 256, 0.01  # straight pieces; of the rise of a slope: how much it may change beside a kink
_REST = 100.0  # times the error of a function: that without some of its kinks
_FAR = 1e8  # times the extent of the nodes: a box in which they are almost at one place
_DIGITS = 12  # of the box: to which the place of a kink is known
_BOXES = 4  # whose pieces are kept
_FOLLOWED = 1e-12  # of the range of the values: the largest error of a piece
_ROUNDINGS = 64  # spacings of the numbers: what rounding of values and of places makes
_SMOOTH = 2.0**-10  # of the box: a function with narrower pieces is not smooth
_NARROW = 2.0**-14  # of the box: in a narrower cell differences of integrals would lose their digits
_KNOTS = (1 - np.cos(np.pi * np.arange(6) / 5)) / 2
_BETWEEN = (_KNOTS[1:] + _KNOTS[:-1]) / 2
_TO_COEFFICIENTS = np.linalg.inv(np.vander(_KNOTS, increasing=True))
_POWERS = np.arange(6)

Function = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Pieces:
    """A function as polynomials of t = (x - edge) / width, a row of six coefficients each, between increasing edges."""

    edges: Array
    widths: Array
    coefficients: Array
    kinks: tuple[Array, Array] = (np.zeros(0), np.zeros(0))
    """The places of the kinks, which are edges, and half of what the slope rises there."""

    @cached_property
    def smooth(self) -> bool:
        """Whether no piece is narrow: then Gauss points see the function."""
        return bool(self.widths.min() >= _SMOOTH * self.length)

    @property
    def length(self) -> float:
        """The length of the box."""
        return float(self.edges[-1] - self.edges[0])

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
        out[across] = self.integrals(left, right) / (right - left)
        return np.asarray(out)

    def across(self, nodes: Array) -> Mask:
        """The cells that reach over an edge, and are not so narrow that their integral would be rounding."""
        k = self.piece_of(nodes)
        return np.asarray((k[1:] > k[:-1]) & (np.diff(nodes) > _NARROW * self.length))

    def piece_of(self, x: Array) -> Indices:
        """The numbers of the pieces that hold the points."""
        return np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, len(self.coefficients) - 1)

    @cached_property
    def _wholes(self) -> Array:
        """The integrals over the first pieces: over none, one, two, ..."""
        return np.concatenate([[0.0], np.cumsum(self.widths * (self.coefficients @ (1 / (_POWERS + 1))))])

    def integrals(self, left: Array, right: Array) -> Array:
        """The integrals over intervals that begin and end in different pieces."""
        i, j = self.piece_of(left), self.piece_of(right)
        first = self._wholes[i + 1] - self._wholes[i] - self._since_edge(left, i)
        return np.asarray(first + (self._wholes[j] - self._wholes[i + 1]) + self._since_edge(right, j))

    def _since_edge(self, x: Array, k: Indices) -> Array:
        t, total = (x - self.edges[k]) / self.widths[k], np.zeros(len(x))
        for power in range(5, -1, -1):
            total = (total + self.coefficients[k, power] / (power + 1)) * t
        return total * self.widths[k]


class _Parabola(NamedTuple):
    """The polynomial of degree 2 with this value, slope and second derivative at a place."""

    at: float
    height: float
    slope: float
    bend: float

    def value(self, x: Any) -> Any:
        return self.height + (x - self.at) * (self.slope + self.bend / 2 * (x - self.at))

    def slope_at(self, x: float) -> float:
        return self.slope + self.bend * (x - self.at)

    def row(self, low: float, high: float) -> tuple[float, float, float, float, float]:
        """A piece from low to high: its edge, its width and its coefficients."""
        width = high - low
        return low, width, self.value(low), self.slope_at(low) * width, self.bend / 2 * width**2


def _with_kinks(f: Function, pieces: Pieces) -> Pieces:
    """The pieces with edges where there are kinks.

    A kink lies in the narrowest pieces, which are straight. The slopes on both sides of it do not depend on the distance, as
    they do at a cusp.
    """
    edges, widths, rows = pieces.edges, pieces.widths, pieces.coefficients
    narrow = widths.max() / 2**_HALVINGS
    straight = np.flatnonzero((widths <= narrow) & ~rows[:, 2:].any(axis=1))
    if len(straight) == 0 or len(straight) > _MOST_KINKS:
        return pieces
    places, halves, added = list[float](), list[float](), list[tuple[float, ...]]()
    kept = np.ones(len(widths), dtype=bool)
    for group in np.split(straight, np.flatnonzero(np.diff(straight) > 1) + 1):
        if group[0] == 0 or group[-1] == len(widths) - 1:
            continue
        a, b = edges[group[0]], edges[group[-1] + 1]
        before, after, far = group[0] - 1, group[-1] + 1, np.clip([a - 32 * narrow, b + 32 * narrow], edges[0], edges[-1])
        slopes = float(rows[before] @ _POWERS) / widths[before], rows[after, 1] / widths[after]
        changes = slopes[0] - pieces.jet(far)[1][0], pieces.jet(far)[1][1] - slopes[1]
        left = _Parabola(a, rows[group[0], 0], slopes[0], changes[0] / (a - far[0]))
        right = _Parabola(b, rows[after, 0], slopes[1], changes[1] / (far[1] - b))
        place = a
        for _ in range(3 if slopes[0] != slopes[1] else 0):
            place -= (right.value(place) - left.value(place)) / (right.slope_at(place) - left.slope_at(place))
        place = round(float(place), _DIGITS - int(np.floor(np.log10(edges[-1] - edges[0]))))  # it is not known better
        rise = right.slope_at(place) - left.slope_at(place)
        inside = np.linspace(a, b, 8)
        model = np.where(inside < place, left.value(inside), right.value(inside))
        error = np.abs(values_of("V", f, [inside]) - model).max() if a < place < b else np.inf
        if max(map(abs, changes)) <= _CURVED * abs(rise) and error <= _CURVED**2 * abs(rise) * (b - a):
            places.append(place)
            halves.append(rise / 2)
            kept[group] = False
            added += [left.row(a, place), right.row(place, b)]
    if not places:
        return pieces
    new = np.array(added)
    starts = np.concatenate([edges[:-1][kept], new[:, 0]])
    order = np.argsort(starts)
    all_rows = np.concatenate([rows[kept], np.pad(new[:, 2:], ((0, 0), (0, 3)))])
    all_widths = np.concatenate([widths[kept], new[:, 1]])
    return Pieces(np.append(starts[order], edges[-1]), all_widths[order], all_rows[order], (np.array(places), np.array(halves)))


@dataclass(frozen=True, eq=False)
class WithoutWedges:
    """A function less s |x - c| for some of its kinks c."""

    f: Function
    places: Array
    halves: Array
    box: tuple[float, float]
    pieces: Pieces

    @classmethod
    def of(cls, f: Function, pieces: Pieces, chosen: Mask) -> WithoutWedges:
        """The function without the chosen kinks."""
        places, halves = (part[chosen] for part in pieces.kinks)
        low, high = float(pieces.edges[0]), float(pieces.edges[-1])
        rest = cls(f, places, halves, (low, high), pieces)
        scale = _REST * float(np.ptp(pieces.coefficients[:, 0]))
        return replace(rest, pieces=_computed(rest, low, high, scale) or pieces)

    def __call__(self, x: Array) -> Array:
        total = values_of("V", self.f, [x])
        for place, half in zip(self.places, self.halves, strict=True):
            total = total - half * np.abs(x - place)
        return np.asarray(total)


def pieces_of(f: Function, nodes: Array, walls: tuple[float, float] | None = None) -> Pieces | None:
    """Return a function of space in pieces, on a box around the nodes; None where it is smooth, or not known in all the box.

    The box ends at walls, else at multiples of a power of two that is at most the extent of the nodes. So it changes rarely.
    Pieces are kept as long as the function has the same values at their edges.

    >>> pieces = pieces_of(lambda x: np.where(x > 0.1, 1.0, 0.0), np.array([-1.0, 0.0, 1.0]))
    >>> np.round(pieces.means(np.array([-1.0, 0.0, 1.0])), 6)
    array([0. , 0.9])
    """
    if isinstance(f, WithoutWedges) and f.box[0] <= nodes[0] and nodes[-1] <= f.box[1]:
        return f.pieces
    low, high = _box(nodes, walls)
    try:
        kept = _KEPT.setdefault(f, {})
    except TypeError:  # what cannot be referred to weakly
        kept = {}
    pieces: Pieces | None
    wide = (
        one for box, one in kept.items() if box[0] < nodes[0] and nodes[-1] < box[1] and box[1] - box[0] > _FAR * (high - low)
    )
    around = next((one for one in wide if one is not None and _is_still(f, one)), None)
    if around is not None:
        pieces = around  # almost all at one place: a box that was around it tells of a kink there
    elif high > low:
        pieces = kept.get((low, high))
        if pieces is None or not _is_still(f, pieces):
            kept[low, high] = pieces = _computed(f, low, high)
            while len(kept) > _BOXES:
                del kept[next(iter(kept))]
    else:
        return None
    return None if pieces is None or pieces.smooth else pieces


_KEPT: WeakKeyDictionary[Function, dict[tuple[float, float], Pieces | None]] = WeakKeyDictionary()


def _is_still(f: Function, pieces: Pieces) -> bool:
    """Return True if the function has the values that it had at the edges where pieces begin."""
    before = pieces.coefficients[:, 0]
    with np.errstate(all="ignore"):
        now = values_of("V", f, [pieces.edges[:-1]])
        return bool((np.abs(now - before) <= _REST * _FOLLOWED * np.ptp(before) + np.spacing(np.abs(before))).all())


def _box(nodes: Array, walls: tuple[float, float] | None) -> tuple[float, float]:
    first, last = float(nodes[0]), float(nodes[-1])
    if not (np.isfinite(first) and np.isfinite(last) and last > first):
        return 0.0, 0.0
    step = float(np.ldexp(1.0, np.frexp(last - first)[1] - 1))
    low, high = float(np.floor(first / step) * step), float(np.ceil(last / step) * step)
    if walls is not None:
        low, high = max(low, walls[0]), min(high, walls[1])
    return (low, high) if np.spacing(max(abs(low), abs(high))) < 1e-9 * step else (0.0, 0.0)


def _computed(f: Function, low: float, high: float, range_: float | None = None) -> Pieces | None:
    """The pieces, with errors that are a share of the range; None if the function is not finite, or fails, in the box."""
    inner = low + (high - low) * (np.arange(1, _FIRST + 1) - _ASIDE) / _FIRST
    left, width = np.append(low, inner), np.diff([low, *inner, high])
    done: list[tuple[Array, Array, Array]] = []
    scale = rounding = -1.0
    for level in range(_HALVINGS + 1):
        try:
            with np.errstate(all="ignore"):
                values = values_of("V", f, [(left[:, None] + width[:, None] * _KNOTS).ravel()]).reshape(-1, 6)
                between = values_of("V", f, [(left[:, None] + width[:, None] * _BETWEEN).ravel()]).reshape(-1, 5)
        except Exception:  # whatever a function does beyond the places it was made for
            return None
        if not (np.isfinite(values).all() and np.isfinite(between).all()):
            return None
        if scale < 0:
            scale = float(np.ptp(values)) if range_ is None else range_
            rounding = _ROUNDINGS * float(np.spacing(np.abs(values).max()))
        coefficients = (values - values[:, :1]) @ _TO_COEFFICIENTS.T  # differences: a large constant would hide them
        coefficients[:, 0] = values[:, 0]
        errors = np.abs(coefficients @ _AT_BETWEEN - between).max(axis=1)
        of_places = _ROUNDINGS * float(np.spacing(max(abs(low), abs(high)))) / width * np.ptp(values, axis=1)
        follows = errors <= _FOLLOWED * scale + rounding + of_places
        if level == _HALVINGS or 2 * (~follows).sum() + sum(len(part) for part, *_ in done) > _MOST:
            coefficients[~follows] = 0.0
            coefficients[~follows, 0] = values[~follows, 0]
            coefficients[~follows, 1] = values[~follows, -1] - values[~follows, 0]
            follows[:] = True
        done.append((left[follows], width[follows], coefficients[follows]))
        if follows.all():
            break
        left, width = left[~follows], width[~follows] / 2
        left, width = np.stack([left, left + width], axis=1).ravel(), np.repeat(width, 2)
    starts, widths, rows = (np.concatenate(parts) for parts in zip(*done, strict=True))
    order = np.argsort(starts)
    pieces = Pieces(np.append(starts[order], high), widths[order], rows[order])
    return pieces if pieces.smooth else _with_kinks(f, pieces)


_AT_BETWEEN = np.vander(_BETWEEN, 6, increasing=True).T
