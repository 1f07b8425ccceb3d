"""Files that a user gives to the explorer."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import numpy as np

from .._typing import Array
from ..grids import Grid, resampled
from ..measures import Density

LARGEST_UPLOAD = 5_000_000  # bytes
_MOST_ENTRIES = 16_000_000  # of a picture or an array, however few bytes it was packed into


def array_of(name: str, content: bytes, cells: int) -> Array:
    """Return what a file holds, as an array (cells, cells) with x first: how dark a picture is, or the numbers of a .npy file.

    Numbers are given as shares of the largest size among them. Raises ValueError for a file that is too large, that cannot be
    read, or that is no array of finite numbers in two dimensions.
    """
    if len(content) > LARGEST_UPLOAD:
        raise ValueError(f"{name} must have at most {LARGEST_UPLOAD} bytes, got {len(content)}")
    try:
        values = _numbers(content) if name.lower().endswith(".npy") else _darkness(content, cells)
    except Exception as reason:  # whatever a reader makes of a hostile file
        raise ValueError(f"{name} must be a .npy array or a picture, and cannot be read: {reason}") from None
    if values.ndim != 2 or min(values.shape) < 2:
        raise ValueError(f"{name} must hold numbers in two dimensions, got shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must hold finite numbers")
    largest = float(np.abs(values).max())
    return resampled(values / largest if largest > 0 else values, (cells, cells))


def _numbers(content: bytes) -> Array:
    """The array of a .npy file. Its header is read first."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.kind not in "fiub":
        raise ValueError("it holds no real numbers")
    _must_be_moderate(shape)
    with np.errstate(over="ignore"):
        return np.load(io.BytesIO(content), allow_pickle=False).astype(np.float64)


def _darkness(content: bytes, cells: int) -> Array:
    """How dark a picture is. Its size is read first."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as picture:
        _must_be_moderate(picture.size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(content)
        return Density.from_image(path, grid=Grid.box((0, 1), (0, 1), cells=(cells, cells)), invert=True).values


def _must_be_moderate(shape: tuple[int, ...]) -> None:
    entries = 1
    for side in shape:
        entries *= int(side)
    if entries > _MOST_ENTRIES:
        raise ValueError(f"it has {entries} entries, and at most {_MOST_ENTRIES} are taken")
