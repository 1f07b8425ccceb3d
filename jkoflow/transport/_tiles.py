"""Compiled parts of ``absorbed_log_sum``: the bounding planes, the sources that matter to a tile, and the sums of a tile."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._compiled import jit
from .._typing import Array, Indices, Mask, Whole

BLOCK = 8  # sources along each axis that share a bounding plane; also the side of the smallest tile
_COARSE = 4  # blocks along each axis that share a coarser plane
_MIDDLE = (BLOCK - 1) / 2
_COARSE_MIDDLE = (_COARSE * BLOCK - 1) / 2


class Sources(NamedTuple):
    """The values at the sources, and planes (h, q0, q1) that the values lie below.

    ``planes`` has one plane per block of sources, ``coarse`` one per 4 x 4 blocks. On a block, values at the sources j are
    <= h + q.(j - middle of the block). For a block without mass h = -inf.
    """

    values: Array
    planes: Array
    coarse: Array


class Tiles(NamedTuple):
    """Tiles of targets, and the sources that matter to them.

    * ``corners`` are the first targets of the tiles; a tile is ``side`` cells wide. ``stiffness`` is s of the kernel.
    * ``best`` is, per tile, a source whose term is large at the middle c of the tile, or -1 if there is no mass.
    * ``low`` is, per block of targets, the bound below which a term does not matter there.
    * ``boxes`` is, per tile, a box with every source that matters to the tile: first row, end of the rows, first column, end of
      the columns.

    The shift of a tile is d = best - c, its tilt is p = 2 s d. Terms at a target i are measured relative to the sum of the term
    of the best source at c and p.(i - c).
    """

    corners: Indices
    side: int
    stiffness: tuple[float, ...]
    best: Indices
    low: Array
    boxes: Indices


@jit
def block_planes(values: Array) -> Array:
    """Return the planes of all blocks."""
    planes = np.empty((values.shape[0] // BLOCK, values.shape[1] // BLOCK, 3))
    half = BLOCK // 2
    for k in range(planes.shape[0]):
        for c in range(planes.shape[1]):
            block = values[k * BLOCK : (k + 1) * BLOCK, c * BLOCK : (c + 1) * BLOCK]
            q0, q1 = 0.0, 0.0
            for a in range(BLOCK):
                for b in range(half):
                    q0 += block[b + half, a] - block[b, a]
                    q1 += block[a, b + half] - block[a, b]
            q0, q1 = q0 / (BLOCK * half * half), q1 / (BLOCK * half * half)
            if not np.isfinite(q0 + q1):
                q0, q1 = 0.0, 0.0
            top = -np.inf
            for a in range(BLOCK):
                for b in range(BLOCK):
                    top = max(top, block[a, b] - q0 * (a - _MIDDLE) - q1 * (b - _MIDDLE))
            planes[k, c] = top, q0, q1
    return planes


@jit
def coarse_planes(planes: Array) -> Array:
    """Return the planes of groups of 4 x 4 blocks, from the planes of the blocks."""
    out = np.empty(((planes.shape[0] + _COARSE - 1) // _COARSE, (planes.shape[1] + _COARSE - 1) // _COARSE, 3))
    for k in range(out.shape[0]):
        for c in range(out.shape[1]):
            part = planes[k * _COARSE : (k + 1) * _COARSE, c * _COARSE : (c + 1) * _COARSE]
            q0, q1, count = 0.0, 0.0, 0
            for a in range(part.shape[0]):
                for b in range(part.shape[1]):
                    if part[a, b, 0] > -np.inf:
                        q0, q1, count = q0 + part[a, b, 1], q1 + part[a, b, 2], count + 1
            q0, q1 = q0 / max(count, 1), q1 / max(count, 1)
            top = -np.inf
            for a in range(part.shape[0]):
                for b in range(part.shape[1]):
                    y, x = a * BLOCK + _MIDDLE - _COARSE_MIDDLE, b * BLOCK + _MIDDLE - _COARSE_MIDDLE
                    apart = _MIDDLE * (abs(part[a, b, 1] - q0) + abs(part[a, b, 2] - q1))
                    top = max(top, part[a, b, 0] - q0 * y - q1 * x + apart)
            out[k, c] = top, q0, q1
    return out


@jit
def plan(sources: Sources, corners: Indices, side: int, stiffness: tuple[float, ...], negligible: float) -> Tiles:
    """Return the tiles at the given corners. The box of a tile is empty if a bound overflowed."""
    count, parts = len(corners), side // BLOCK
    best = np.full((count, 2), -1)
    low, boxes = np.full((count, parts, parts), np.inf), np.zeros((count, 4), np.int64)
    tiles = Tiles(corners, side, stiffness, best, low, boxes)
    for t in range(count):
        _find_best(sources, tiles, t)
        if best[t, 0] >= 0:
            _find_low(sources, tiles, t, negligible)
            _find_box(sources, tiles, t)
    return tiles


@jit
def _term(values: Array, r: int, c: int, c0: int, c1: int, s: tuple[float, ...]) -> float:
    """Return the term of the source (r, c) at the target (c0, c1)."""
    return values[r, c] - s[0] * (r - c0) ** 2 - s[1] * (c - c1) ** 2


@jit
def _middle(tiles: Tiles, t: Whole) -> tuple[int, int]:
    """Return the middle of tile t."""
    return tiles.corners[t, 0] + tiles.side // 2, tiles.corners[t, 1] + tiles.side // 2


@jit
def _find_best(sources: Sources, tiles: Tiles, t: int) -> None:
    """Set the best source of tile t.

    It is the source with the largest term at the middle of the tile if the values are smooth, else some source with mass.
    """
    values, coarse, s, best = sources.values, sources.coarse, tiles.stiffness, tiles.best[t]
    c0, c1 = _middle(tiles, t)
    side = _COARSE * BLOCK
    top = -np.inf
    for k in range(coarse.shape[0]):
        for m in range(coarse.shape[1]):
            r, c = min(k * side + side // 2, values.shape[0] - 1), min(m * side + side // 2, values.shape[1] - 1)
            bound = coarse[k, m, 0] - s[0] * (r - c0) ** 2 - s[1] * (c - c1) ** 2
            if bound > top:
                top, best[0], best[1] = bound, r, c
    if top == -np.inf:
        return
    top = _term(values, best[0], best[1], c0, c1, s)
    if top == -np.inf:
        first, second = best[0] // side * side, best[1] // side * side
        for r in range(first, min(first + side, values.shape[0])):
            for c in range(second, min(second + side, values.shape[1])):
                if _term(values, r, c, c0, c1, s) > top:
                    top, best[0], best[1] = _term(values, r, c, c0, c1, s), r, c
    jump = side // 2
    while jump:
        r0, r1 = best[0], best[1]
        for r in range(max(0, r0 - jump), min(values.shape[0], r0 + jump + 1), jump):
            for c in range(max(0, r1 - jump), min(values.shape[1], r1 + jump + 1), jump):
                if _term(values, r, c, c0, c1, s) > top:
                    top, best[0], best[1] = _term(values, r, c, c0, c1, s), r, c
        if best[0] == r0 and best[1] == r1:
            jump //= 2


@jit
def _peak(slope: float, s: float, first: int, length: int, other: int, other_length: int) -> float:
    """Return the maximum of slope (x - middle of the interval) - s (distance of x to the other interval)^2.

    x runs over the interval from ``first`` on, of ``length`` cells. The other interval begins at ``other``.
    """
    last, other_last = first + length - 1, other + other_length - 1
    x = min(max((other_last if slope > 0 else other) + slope / (2 * s), first), last)
    apart = max(0.0, x - other_last, other - x)
    return slope * (x - (first + last) / 2) - s * apart * apart


@jit
def _find_low(sources: Sources, tiles: Tiles, t: int, negligible: float) -> None:
    """Set the bounds below which a term does not matter, per block of targets of tile t.

    The sum at a target is at least the largest of two of its terms: of the best source of the tile, and of the source that lies
    at the target plus the shift d.
    """
    values, s, best, low = sources.values, tiles.stiffness, tiles.best[t], tiles.low[t]
    c0, c1 = _middle(tiles, t)
    d0, d1 = best[0] - c0, best[1] - c1
    at = values[best[0], best[1]]
    for y in range(tiles.corners[t, 0], tiles.corners[t, 0] + tiles.side):
        for x in range(tiles.corners[t, 1], tiles.corners[t, 1] + tiles.side):
            term = -s[0] * (y - c0) ** 2 - s[1] * (x - c1) ** 2
            if 0 <= y + d0 < values.shape[0] and 0 <= x + d1 < values.shape[1]:
                term = max(term, values[y + d0, x + d1] - at - 2 * s[0] * d0 * (y - c0) - 2 * s[1] * d1 * (x - c1))
            e, f = (y - tiles.corners[t, 0]) // BLOCK, (x - tiles.corners[t, 1]) // BLOCK
            low[e, f] = min(low[e, f], term - negligible)


@jit
def _find_box(sources: Sources, tiles: Tiles, t: int) -> None:
    """Set the box of the sources that matter to tile t."""
    planes, coarse, box = sources.planes, sources.coarse, tiles.boxes[t]
    everywhere = np.full((1, 1), tiles.low[t].min())
    rows, columns = (planes.shape[0], 0), (planes.shape[1], 0)
    for k in range(coarse.shape[0]):
        for m in range(coarse.shape[1]):
            if not _matters(coarse[k, m], k, m, _COARSE * BLOCK, sources, tiles, t, everywhere):
                continue
            for a in range(k * _COARSE, min(planes.shape[0], (k + 1) * _COARSE)):
                for b in range(m * _COARSE, min(planes.shape[1], (m + 1) * _COARSE)):
                    if _matters(planes[a, b], a, b, BLOCK, sources, tiles, t, tiles.low[t]):
                        rows = min(rows[0], a), max(rows[1], a + 1)
                        columns = min(columns[0], b), max(columns[1], b + 1)
    if rows[1] > 0:
        box[0], box[1], box[2], box[3] = rows[0] * BLOCK, rows[1] * BLOCK, columns[0] * BLOCK, columns[1] * BLOCK


@jit
def _matters(plane: Array, a: int, b: int, width: int, sources: Sources, tiles: Tiles, t: Whole, low: Array) -> bool:
    """Return True if the sources below a plane on block (a, b), of the given width, may matter to a part of tile t."""
    best, s, part = tiles.best[t], tiles.stiffness, tiles.side // low.shape[0]
    c0, c1 = _middle(tiles, t)
    d0, d1 = best[0] - c0, best[1] - c1
    p0, p1 = 2 * s[0] * d0, 2 * s[1] * d1
    middle = (width - 1) / 2
    level = plane[0] - sources.values[best[0], best[1]]
    level -= p0 * (a * width + middle - best[0]) + p1 * (b * width + middle - best[1])
    row, column = a * width - d0 - tiles.corners[t, 0], b * width - d1 - tiles.corners[t, 1]
    for e in range(low.shape[0]):
        height = level + _peak(plane[1] - p0, s[0], row, width, e * part, part)
        for f in range(low.shape[1]):
            if height + _peak(plane[2] - p1, s[1], column, width, f * part, part) >= low[e, f]:
                return True
    return False


@jit
def exponents(sources: Sources, tiles: Tiles, cut: Mask, ends: Indices) -> Array:
    """Return the exponents b_j in the boxes of the tiles that are not cut, box after box.

    Sources that do not matter have the exponent -inf.
    """
    values, s = sources.values, tiles.stiffness
    out = np.full(ends[-1], -np.inf)
    for t in range(len(cut)):
        if cut[t] or tiles.boxes[t, 1] == 0:
            continue
        c0, c1 = _middle(tiles, t)
        top = _term(values, tiles.best[t, 0], tiles.best[t, 1], c0, c1, s)
        first, last, left, right = tiles.boxes[t]
        box = out[ends[t] - (last - first) * (right - left) : ends[t]].reshape(last - first, right - left)
        for a in range(first // BLOCK, last // BLOCK):
            for b in range(left // BLOCK, right // BLOCK):
                if not _matters(sources.planes[a, b], a, b, BLOCK, sources, tiles, t, tiles.low[t]):
                    continue
                for r in range(a * BLOCK, (a + 1) * BLOCK):
                    for c in range(b * BLOCK, (b + 1) * BLOCK):
                        box[r - first, c - left] = _term(values, r, c, c0, c1, s) - top
    return out


@jit
def sum_tiles(sources: Sources, tiles: Tiles, cut: Mask, ends: Indices, weights: Array, sums: Array, offsets: Array) -> None:
    """Set ``sums`` and ``offsets`` on every tile that is not cut: the log-sum is log(sums) + offsets.

    If a sum overflows, its tile is marked in ``cut``. A tile that no source reaches has the sum 0. A tile whose bounds
    overflowed has the sum NaN.
    """
    s, side = tiles.stiffness, tiles.side
    for t in range(len(cut)):
        i0, i1 = tiles.corners[t, 0], tiles.corners[t, 1]
        rows, columns = min(side, sums.shape[0] - i0), min(side, sums.shape[1] - i1)
        if tiles.boxes[t, 1] == 0:
            sums[i0 : i0 + rows, i1 : i1 + columns] = 0.0 if tiles.best[t, 0] < 0 else np.nan
            offsets[i0 : i0 + rows, i1 : i1 + columns] = 0.0
        elif not cut[t]:
            c0, c1 = _middle(tiles, t)
            d0, d1 = tiles.best[t, 0] - c0, tiles.best[t, 1] - c1
            first, last, left, right = tiles.boxes[t]
            inside = weights[ends[t] - (last - first) * (right - left) : ends[t]].reshape(last - first, right - left)
            along0 = _tilts(first - tiles.best[t, 0], last - first, side, s[0])
            along1 = _tilts(left - tiles.best[t, 1], right - left, side, s[1])
            out = np.dot(along0, np.dot(inside, along1.T))
            cut[t] = not np.isfinite(out.max())
            top = _term(sources.values, tiles.best[t, 0], tiles.best[t, 1], c0, c1, s)
            for r in range(rows):
                y = r - side // 2
                for c in range(columns):
                    x = c - side // 2
                    sums[i0 + r, i1 + c] = out[r, c]
                    offsets[i0 + r, i1 + c] = top + s[0] * y * (2 * d0 - y) + s[1] * x * (2 * d1 - x)


@jit
def _tilts(first: int, length: int, side: int, s: float) -> Array:
    """Return exp(2 s x y) for x = -side / 2, ..., side / 2 - 1 and y = first, ..., first + length - 1, power after power."""
    step = np.exp(2 * s * (first + np.arange(length)))
    out = np.empty((side, length))
    middle = side // 2
    out[middle] = 1.0
    for x in range(1, middle):
        out[middle + x] = out[middle + x - 1] * step
    for x in range(1, middle + 1):
        out[middle - x] = out[middle - x + 1] / step
    return out


@jit
def sum_cut(sources: Sources, tiles: Tiles, cut: Mask, sums: Array, offsets: Array) -> None:
    """Set ``sums`` and ``offsets`` on the smallest tiles that are cut, with a tilt for every block of sources."""
    total, top = np.empty((BLOCK, BLOCK)), np.empty((BLOCK, BLOCK))
    for t in np.flatnonzero(cut):
        i0, i1 = tiles.corners[t, 0], tiles.corners[t, 1]
        c0, c1 = _middle(tiles, t)
        total[:], top[:] = 0.0, -np.inf
        for a in range(tiles.boxes[t, 0] // BLOCK, tiles.boxes[t, 1] // BLOCK):
            for b in range(tiles.boxes[t, 2] // BLOCK, tiles.boxes[t, 3] // BLOCK):
                if _matters(sources.planes[a, b], a, b, BLOCK, sources, tiles, t, tiles.low[t]):
                    block = sources.values[a * BLOCK : (a + 1) * BLOCK, b * BLOCK : (b + 1) * BLOCK]
                    _add_block(block, a * BLOCK - c0, b * BLOCK - c1, tiles.stiffness, total, top)
        for r in range(min(BLOCK, sums.shape[0] - i0)):
            for c in range(min(BLOCK, sums.shape[1] - i1)):
                sums[i0 + r, i1 + c], offsets[i0 + r, i1 + c] = total[r, c], top[r, c]


@jit
def _add_block(block: Array, row: int, column: int, s: tuple[float, ...], total: Array, top: Array) -> None:
    """Add the terms of a block of sources to the sums total exp(top) at the targets of one tile.

    (row, column) is the first source of the block minus the middle of the targets.
    """
    weights = np.empty((BLOCK, BLOCK))
    for r in range(BLOCK):
        for c in range(BLOCK):
            weights[r, c] = block[r, c] - s[0] * (row + r) ** 2 - s[1] * (column + c) ** 2
    highest = weights.max()
    if highest == -np.inf:
        return
    left, right = _tilts(-BLOCK // 2, BLOCK, BLOCK, s[0]), _tilts(-BLOCK // 2, BLOCK, BLOCK, s[1])
    out = np.dot(left, np.dot(np.exp(weights - highest), right.T))
    for r in range(BLOCK):
        y = r - BLOCK // 2
        for c in range(BLOCK):
            x = c - BLOCK // 2
            tilt = s[0] * y * (2 * row + BLOCK - y) + s[1] * x * (2 * column + BLOCK - x)
            if highest + tilt > top[r, c]:
                total[r, c] = total[r, c] * np.exp(top[r, c] - highest - tilt) + out[r, c]
                top[r, c] = highest + tilt
            else:
                total[r, c] += out[r, c] * np.exp(highest + tilt - top[r, c])
