"""Log-sums of a narrow Gaussian kernel in the plane, tile by tile, with the tilt of each tile absorbed into the kernel.

    out_i = log sum_j exp(v_j - s |i - j|^2),     s |i - j|^2 = s0 (i0 - j0)^2 + s1 (i1 - j1)^2.

For the targets i = c + x of a tile around c, and a source j* whose term is large at c, with y = j - j*,

    v_j - s |i - j|^2 = b_j + 2 s x.y + [v_j* - s |j* - c|^2 + 2 s x.(j* - c) - s |x|^2],
    b_j = (v_j - s |j - c|^2) - (v_j* - s |j* - c|^2),

so that a product of exp(b_j), at most about 1, with the two short matrices exp(2 s x y) sums the tile, and the sum is at least
1. The sources that matter are found by bounds that miss none: v lies below a plane on every block of 8 x 8 sources. A tile
where exp(2 s x y) would leave the range of the numbers is cut into four; the smallest are summed with a tilt for every block
of sources.

One thread: a second one would fight the threads of the matrix products around it (measured: three times as slow).
"""

from __future__ import annotations

import numpy as np

from .._typing import Array

_NEGLIGIBLE = 40.0  # exp(-40) is below the rounding of the sum it would join
_LARGEST_TILE = 16
_RANGE = 640.0  # exp(2 s x y) stays below exp of this, and no term that matters has underflowed before it is multiplied by it
_STIFFEST = 5.0  # s up to which the same holds for the sources of one block and the targets of the smallest tile
_WIDE = 64  # cells, besides twice the reach, from which tiles are faster than lines
_SPREAD = 8  # a tile whose sources fill this many times the usual box is cut


def absorbed_log_sum(values: Array, stiffness: tuple[float, ...]) -> Array:
    """The log-sums of values, shape (n0, n1), for ``stiffness`` s, with the images of the sources in the walls."""
    from . import _tiles  # compiled

    margin = [_whole(_NEGLIGIBLE / 2 / s, _tiles.BLOCK) for s in stiffness]
    inside = tuple(slice(m, m + n) for n, m in zip(values.shape, margin, strict=True))
    mirrored = np.pad(values, [(m, m) for m in margin], mode="symmetric")
    padded = np.pad(mirrored, [(0, -n % _tiles.BLOCK) for n in mirrored.shape], constant_values=-np.inf)
    planes = _tiles.block_planes(padded)
    sources = _tiles.Sources(padded, planes, _tiles.coarse_planes(planes))
    sums, offsets = np.empty(padded.shape), np.empty(padded.shape)
    side = _LARGEST_TILE
    corners = np.stack(np.meshgrid(*(np.arange(s.start, s.stop, side) for s in inside), indexing="ij"), -1).reshape(-1, 2)
    while len(corners):
        tiles = _tiles.plan(sources, corners, side, stiffness, _NEGLIGIBLE)
        usual = np.prod([side + 2 * np.sqrt(_NEGLIGIBLE / s) + _tiles.BLOCK for s in stiffness])
        areas = np.prod(np.diff(tiles.boxes.reshape(-1, 2, 2))[..., 0], axis=1)
        farthest = np.abs(tiles.boxes.reshape(-1, 2, 2) - tiles.best[:, :, None]).max(axis=2)
        cut = (areas > 0) & ((areas > _SPREAD * usual) | (side * farthest @ np.asarray(stiffness) > _RANGE))
        ends = np.cumsum(np.where(cut, 0, areas))
        weights = _tiles.exponents(sources, tiles, cut, ends)
        with np.errstate(over="ignore"):  # where it overflows, the tile is cut
            np.exp(weights, out=weights)
        _tiles.sum_tiles(sources, tiles, cut, ends, weights, sums, offsets)
        if side == _tiles.BLOCK:
            _tiles.sum_cut(sources, tiles, cut, sums, offsets)
            break
        side //= 2
        corners = (corners[cut][:, None] + side * np.array([(0, 0), (0, 1), (1, 0), (1, 1)])).reshape(-1, 2)
        corners = corners[(corners < [s.stop for s in inside]).all(axis=1)]
    with np.errstate(divide="ignore"):
        out = np.log(sums[inside])
    out += offsets[inside]
    return np.asarray(out)


def narrow(shape: tuple[int, ...], stiffness: tuple[float, ...]) -> bool:
    """Whether tiles pay: in the plane, for a kernel that reaches a few cells, and far less than the box.

    The image of a source j in a wall adds a share of exp(-s (2 i + 1) (2 j + 1)) to its term at a target i, so that a margin of
    20 / s cells is enough; it has to be within the box.
    """

    def along(n: int, s: float) -> bool:
        return s < _STIFFEST and n >= _WIDE + 4 * np.sqrt(_NEGLIGIBLE / s) and n >= _NEGLIGIBLE / 2 / s + _LARGEST_TILE

    return len(shape) == 2 and all(along(n, s) for n, s in zip(shape, stiffness, strict=True))


def _whole(length: float, block: int) -> int:
    return block * int(np.ceil(length / block))
