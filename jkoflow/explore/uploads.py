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


def array_of(name: str, content: bytes, cells: int) -> Array:
    """Return what a file holds, as an array (cells, cells) with x first: how dark a picture is, or the numbers of a .npy file.

    Raises ValueError for a file that is too large, that cannot be read, or that is no array of numbers in two dimensions.
    """
    if len(content) > LARGEST_UPLOAD:
        raise ValueError(f"{name} must have at most {LARGEST_UPLOAD} bytes, got {len(content)}")
    if not name.endswith(".npy"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "picture"
            path.write_bytes(content)
            grid = Grid.box((0, 1), (0, 1), cells=(cells, cells))
            return Density.from_image(path, grid=grid, invert=True).values
    try:
        values = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, OSError, EOFError) as reason:
        raise ValueError(f"{name} must be a .npy array, and cannot be read: {reason}") from None
    numbers = isinstance(values, np.ndarray) and values.dtype.kind in "fiub"
    if not numbers or values.ndim != 2 or min(values.shape) < 2:
        raise ValueError(f"{name} must hold numbers in two dimensions")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must hold finite numbers")
    return resampled(values.astype(float), (cells, cells))
