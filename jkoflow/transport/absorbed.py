"""Log-sums of a narrow Gaussian kernel in the plane, tile by tile, with the tilt of each tile absorbed into the kernel.

    out_i = log sum_j exp(v_j - s |i - j|^2),     s |i - j|^2 = s0 (i0 - j0)^2 + s1 (i1 - j1)^2.

For the targets i = c + x of a tile around c, and a source j* whose term is large at c, with y = j - j*,

    v_j - s |i - j|^2 = b_j + 2 s x.y + [v_j* - s |j* - c|^2 + 2 s x.(j* - c) - s |x|^2],
    b_j = (v_j - s |j - c|^2) - (v_j* - s |j* - c|^2),

so that a tile is summed by a product of exp(b_j), at most about 1, with two short matrices exp(2 s x y). The sum is at least 1.

* The sources that matter to a tile are found by bounds that miss none: on every block of 8 x 8 sources, v lies below a plane.
* A tile is cut into four if exp(2 s x y) would leave the range of the numbers.
* The smallest tiles that would have to be cut are summed with a tilt for every block of sources.

All this runs on one thread. A second thread would fight the threads of the matrix products around it (measured: three times as
slow).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from .._typing import Array

_NEGLIGIBLE = 40.0  # exp(-40) is below the rounding of the sum it would join
_LARGEST_TILE = 16
_RANGE = 640.0  # bound of 2 s x y: so no term that matters underflows before it is multiplied by exp(2 s x y)
_STIFFEST = 5.0  # s up to which 2 s x y stays in range for the sources of one block and the targets of the smallest tile
_WIDE = 64  # cells along an axis, besides twice the reach, from which tiles are faster than lines
_SPREAD = 8  # a tile is cut if the box of its sources is this many times larger than usual


Images: TypeAlias = Literal["none", "mirrored", "repetitions"]
"""Those of a source along an axis: none, its images in the walls, or its repetitions on a torus."""

_PAD_MODES: dict[Images, Literal["constant", "symmetric", "wrap"]] = {
    "none": "constant",
    "mirrored": "symmetric",
    "repetitions": "wrap",
}


def absorbed_log_sum(values: Array, stiffness: tuple[float, ...], images: tuple[Images, ...]) -> Array:
    """Return the log-sums of values, shape (n0, n1), for ``stiffness`` s, with the images of the sources along both axes."""
    from . import _tiles  # compiled

    margins = [_whole(_margin(n, s, kind), _tiles.BLOCK) for n, s, kind in zip(values.shape, stiffness, images, strict=True)]
    inside = tuple(slice(m, m + n) for n, m in zip(values.shape, margins, strict=True))
    repeated = values
    for axis, (margin, kind) in enumerate(zip(margins, images, strict=True)):
        widths = [(margin, margin) if k == axis else (0, 0) for k in range(2)]
        repeated = np.pad(repeated, widths, mode=_PAD_MODES[kind])
    padded = np.pad(repeated, [(0, -n % _tiles.BLOCK) for n in repeated.shape], constant_values=-np.inf)
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


def narrow(shape: tuple[int, ...], stiffness: tuple[float, ...], images: tuple[Images, ...]) -> bool:
    """Return True if tiles are faster than lines: in the plane, for a kernel that reaches at least a few cells and far less
    than the box. The margin of the images has to be smaller than the box.
    """

    def along(n: int, s: float, kind: Images) -> bool:
        margin = _margin(n, s, kind) + _LARGEST_TILE if kind != "none" else 0.0
        return s < _STIFFEST and n >= max(_WIDE + 4 * np.sqrt(_NEGLIGIBLE / s), margin)

    return len(shape) == 2 and all(along(n, s, kind) for n, s, kind in zip(shape, stiffness, images, strict=True))


def _margin(count: int, stiffness: float, images: Images) -> float:
    """The cells beyond the ends whose images matter.

    * The image of a source j in a wall adds a share of exp(-s (2 i + 1) (2 j + 1)) to the term of the source at a target i. So
      a margin of 20 / s cells is enough.
    * A repetition may be nearer than the source: the nearest one is within half of the box. The next one, at n - d, adds a
      share of exp(-s n (n - 2 d)).
    """
    if images == "none":
        return 0.0
    reach = _NEGLIGIBLE / 2 / stiffness
    return reach if images == "mirrored" else count / 2 + reach / count


def _whole(length: float, block: int) -> int:
    """Return the smallest multiple of ``block`` that is not below ``length``."""
    return block * int(np.ceil(length / block))
