"""Compiled parts of the absorbed log-sum: bounding planes, the sources of a tile, its sums."""

from __future__ import annotations

import numpy as np
from numba import njit

from .._typing import Array, Indices

BLOCK = 8  # sources that share a bounding plane along an axis; the side of the smallest tile
_COARSE = 4  # blocks that share a coarser one
_MIDDLE = (BLOCK - 1) / 2
_COARSE_MIDDLE = (_COARSE * BLOCK - 1) / 2

_compiled = njit(cache=True, error_model="numpy")


@_compiled  # type: ignore[untyped-decorator]
def mirrored(values: Array, margin: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """The values with their images in the walls around them, and -inf beyond these."""
    n0, n1 = values.shape
    out = np.full(shape, -np.inf)
    for r in range(min(shape[0], n0 + 2 * margin[0])):
        i = r - margin[0]
        i = -1 - i if i < 0 else (2 * n0 - 1 - i if i >= n0 else i)
        out[r, margin[1] : margin[1] + n1] = values[i]
        for c in range(margin[1]):
            out[r, c] = values[i, margin[1] - 1 - c]
            out[r, margin[1] + n1 + c] = values[i, n1 - 1 - c]
    return out


@_compiled  # type: ignore[untyped-decorator]
def block_planes(values: Array) -> Array:
    """Per block (h, q0, q1) with values <= h + q.(j - its middle); h = -inf for a block without mass."""
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


@_compiled  # type: ignore[untyped-decorator]
def coarse_planes(planes: Array) -> Array:
    """The same for 4 x 4 blocks at a time."""
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


@_compiled  # type: ignore[untyped-decorator]
def plan(
    values: Array, planes: Array, coarse: Array, corners: Array, tile: int, s: tuple[float, ...], negligible: float
) -> tuple[Indices, Array, Indices]:
    """Per tile: a source whose term is large at its centre, a threshold per block of targets, and the box of the sources.

    Terms are measured from p.(i - c), p = 2 s (j* - c), and the term of the best source j* at c. A source matters to a block of
    targets if its term comes up to the threshold there; the box (rows, then columns) holds every source that matters.
    """
    best = np.full((len(corners), 2), -1)
    low = np.full((len(corners), tile // BLOCK, tile // BLOCK), np.inf)
    boxes = np.zeros((len(corners), 4), np.int64)
    for t in range(len(corners)):
        _best_source(values, coarse, corners[t, 0] + tile // 2, corners[t, 1] + tile // 2, s, best[t])
        if best[t, 0] >= 0:
            _thresholds(values, corners[t], tile, s, negligible, best[t], low[t])
            _box(values, planes, coarse, corners[t], tile, s, best[t], low[t], boxes[t])
            if boxes[t, 1] == 0:  # the bounds have overflowed
                boxes[t] = 0
    return best, low, boxes


@_compiled  # type: ignore[untyped-decorator]
def _term(values: Array, r: int, c: int, c0: int, c1: int, s: tuple[float, ...]) -> float:
    return values[r, c] - s[0] * (r - c0) ** 2 - s[1] * (c - c1) ** 2


@_compiled  # type: ignore[untyped-decorator]
def _best_source(values: Array, coarse: Array, c0: int, c1: int, s: tuple[float, ...], best: Array) -> None:
    """The source of the largest term at the target c where the values are smooth; some source with mass anywhere else."""
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


@_compiled  # type: ignore[untyped-decorator]
def _peak(slope: float, s: float, first: int, length: int, other: int, other_length: int) -> float:
    """The maximum over x in the first interval of slope (x - its middle) - s (distance of x to the other interval)^2."""
    last, other_last = first + length - 1, other + other_length - 1
    x = min(max((other_last if slope > 0 else other) + slope / (2 * s), first), last)
    apart = max(0.0, x - other_last, other - x)
    return slope * (x - (first + last) / 2) - s * apart * apart


@_compiled  # type: ignore[untyped-decorator]
def _thresholds(
    values: Array, corner: Array, tile: int, s: tuple[float, ...], negligible: float, best: Array, low: Array
) -> None:
    """The least term that matters: a sum is at least the term of the tile's best source, or of the target's own image."""
    c0, c1 = corner[0] + tile // 2, corner[1] + tile // 2
    d0, d1 = best[0] - c0, best[1] - c1
    at = values[best[0], best[1]]
    for r in range(tile):
        for c in range(tile):
            y, x = corner[0] + r, corner[1] + c
            term = -s[0] * (y - c0) ** 2 - s[1] * (x - c1) ** 2
            if 0 <= y + d0 < values.shape[0] and 0 <= x + d1 < values.shape[1]:
                term = max(term, values[y + d0, x + d1] - at - 2 * s[0] * d0 * (y - c0) - 2 * s[1] * d1 * (x - c1))
            low[r // BLOCK, c // BLOCK] = min(low[r // BLOCK, c // BLOCK], term - negligible)


@_compiled  # type: ignore[untyped-decorator]
def _box(
    values: Array,
    planes: Array,
    coarse: Array,
    corner: Array,
    tile: int,
    s: tuple[float, ...],
    best: Array,
    low: Array,
    box: Array,
) -> None:
    at = values[best[0], best[1]]
    everywhere = np.full((1, 1), low.min())
    box[0], box[1], box[2], box[3] = values.shape[0], 0, values.shape[1], 0
    for k in range(coarse.shape[0]):
        for m in range(coarse.shape[1]):
            if not _matters(coarse[k, m], k, m, _COARSE * BLOCK, at, best, corner, tile, tile, s, everywhere):
                continue
            for a in range(k * _COARSE, min(planes.shape[0], (k + 1) * _COARSE)):
                for b in range(m * _COARSE, min(planes.shape[1], (m + 1) * _COARSE)):
                    if _matters(planes[a, b], a, b, BLOCK, at, best, corner, tile, BLOCK, s, low):
                        box[0], box[1] = min(box[0], a * BLOCK), max(box[1], (a + 1) * BLOCK)
                        box[2], box[3] = min(box[2], b * BLOCK), max(box[3], (b + 1) * BLOCK)


@_compiled  # type: ignore[untyped-decorator]
def _matters(
    plane: Array,
    a: int,
    b: int,
    side: int,
    at: float,
    best: Array,
    corner: Array,
    tile: int,
    part: int,
    s: tuple[float, ...],
    low: Array,
) -> bool:
    """Whether the sources of block (a, b), of the given side, may matter to a part of the tile."""
    d0, d1 = best[0] - corner[0] - tile // 2, best[1] - corner[1] - tile // 2
    p0, p1 = 2 * s[0] * d0, 2 * s[1] * d1
    middle = (side - 1) / 2
    level = plane[0] - at - p0 * (a * side + middle - best[0]) - p1 * (b * side + middle - best[1])
    for e in range(low.shape[0]):
        height = level + _peak(plane[1] - p0, s[0], a * side - d0 - corner[0], side, e * part, part)
        for f in range(low.shape[1]):
            if height + _peak(plane[2] - p1, s[1], b * side - d1 - corner[1], side, f * part, part) >= low[e, f]:
                return True
    return False


@_compiled  # type: ignore[untyped-decorator]
def exponents(
    values: Array,
    planes: Array,
    best: Array,
    low: Array,
    boxes: Array,
    corners: Array,
    tile: int,
    s: tuple[float, ...],
    cut: Array,
    ends: Array,
) -> Array:
    """The exponents b_j in the box of each tile that is not cut, box after box; -inf where a source does not matter."""
    out = np.full(ends[-1], -np.inf)
    for t in range(len(corners)):
        if cut[t] or best[t, 0] < 0:
            continue
        c0, c1 = corners[t, 0] + tile // 2, corners[t, 1] + tile // 2
        at = values[best[t, 0], best[t, 1]]
        top = at - s[0] * (best[t, 0] - c0) ** 2 - s[1] * (best[t, 1] - c1) ** 2
        height, width = boxes[t, 1] - boxes[t, 0], boxes[t, 3] - boxes[t, 2]
        box = out[ends[t] - height * width : ends[t]].reshape(height, width)
        for a in range(boxes[t, 0] // BLOCK, boxes[t, 1] // BLOCK):
            for b in range(boxes[t, 2] // BLOCK, boxes[t, 3] // BLOCK):
                if not _matters(planes[a, b], a, b, BLOCK, at, best[t], corners[t], tile, BLOCK, s, low[t]):
                    continue
                for r in range(a * BLOCK, (a + 1) * BLOCK):
                    level = top + s[0] * (r - c0) ** 2
                    for c in range(b * BLOCK, (b + 1) * BLOCK):
                        box[r - boxes[t, 0], c - boxes[t, 2]] = values[r, c] - level - s[1] * (c - c1) ** 2
    return out


@_compiled  # type: ignore[untyped-decorator]
def sum_tiles(
    values: Array,
    best: Array,
    boxes: Array,
    corners: Array,
    tile: int,
    s: tuple[float, ...],
    cut: Array,
    ends: Array,
    weights: Array,
    sums: Array,
    offsets: Array,
) -> None:
    """exp(out) = sums exp(offsets) on every tile; marks as cut those where a sum overflows."""
    for t in range(len(corners)):
        i0, i1 = corners[t, 0], corners[t, 1]
        rows, columns = min(tile, sums.shape[0] - i0), min(tile, sums.shape[1] - i1)
        if best[t, 0] < 0:
            sums[i0 : i0 + rows, i1 : i1 + columns] = 0.0
            offsets[i0 : i0 + rows, i1 : i1 + columns] = 0.0
        elif boxes[t, 1] == 0:
            sums[i0 : i0 + rows, i1 : i1 + columns] = np.nan
            offsets[i0 : i0 + rows, i1 : i1 + columns] = 0.0
        elif not cut[t]:
            d0, d1 = best[t, 0] - i0 - tile // 2, best[t, 1] - i1 - tile // 2
            height, width = boxes[t, 1] - boxes[t, 0], boxes[t, 3] - boxes[t, 2]
            inside = weights[ends[t] - height * width : ends[t]].reshape(height, width)
            left = _tilts(boxes[t, 0] - best[t, 0], height, tile, s[0])
            right = _tilts(boxes[t, 2] - best[t, 1], width, tile, s[1])
            out = np.dot(left, np.dot(inside, right.T))
            cut[t] = not np.isfinite(out.max())
            top = values[best[t, 0], best[t, 1]] - s[0] * d0**2 - s[1] * d1**2
            for r in range(rows):
                y = r - tile // 2
                level = top + s[0] * y * (2 * d0 - y)
                for c in range(columns):
                    x = c - tile // 2
                    sums[i0 + r, i1 + c] = out[r, c]
                    offsets[i0 + r, i1 + c] = level + s[1] * x * (2 * d1 - x)


@_compiled  # type: ignore[untyped-decorator]
def _tilts(first: int, length: int, tile: int, s: float) -> Array:
    """exp(2 s x y) for x = -tile / 2 .. tile / 2 - 1 and y = first .. first + length - 1, power after power."""
    step = np.exp(2 * s * (first + np.arange(length)))
    out = np.empty((tile, length))
    middle = tile // 2
    out[middle] = 1.0
    for x in range(1, middle):
        out[middle + x] = out[middle + x - 1] * step
    for x in range(1, middle + 1):
        out[middle - x] = out[middle - x + 1] / step
    return out


@_compiled  # type: ignore[untyped-decorator]
def sum_block(
    values: Array,
    planes: Array,
    best: Array,
    low: Array,
    boxes: Array,
    corners: Array,
    s: tuple[float, ...],
    sums: Array,
    offsets: Array,
) -> None:
    """The sums on tiles of one block, with a tilt for every block of sources."""
    total, top = np.empty((BLOCK, BLOCK)), np.empty((BLOCK, BLOCK))
    for t in range(len(corners)):
        i0, i1 = corners[t, 0], corners[t, 1]
        at = values[best[t, 0], best[t, 1]]
        total[:], top[:] = 0.0, -np.inf
        for a in range(boxes[t, 0], boxes[t, 1], BLOCK):
            for b in range(boxes[t, 2], boxes[t, 3], BLOCK):
                if _matters(
                    planes[a // BLOCK, b // BLOCK],
                    a // BLOCK,
                    b // BLOCK,
                    BLOCK,
                    at,
                    best[t],
                    corners[t],
                    BLOCK,
                    BLOCK,
                    s,
                    low[t],
                ):
                    _add_block(values[a : a + BLOCK, b : b + BLOCK], a - i0 - BLOCK // 2, b - i1 - BLOCK // 2, s, total, top)
        for r in range(min(BLOCK, sums.shape[0] - i0)):
            for c in range(min(BLOCK, sums.shape[1] - i1)):
                sums[i0 + r, i1 + c], offsets[i0 + r, i1 + c] = total[r, c], top[r, c]


@_compiled  # type: ignore[untyped-decorator]
def _add_block(block: Array, row: int, column: int, s: tuple[float, ...], total: Array, top: Array) -> None:
    """Add the terms of a block that begins at (row, column) from the middle of the targets to their sums total exp(top)."""
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
