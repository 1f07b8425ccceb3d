"""Names for the types that recur in signatures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
"""An array of float64."""

Mask: TypeAlias = NDArray[np.bool_]
"""An array of truth values."""

Indices: TypeAlias = NDArray[np.intp]
"""An array of places in another."""

Whole: TypeAlias = "int | np.integer[Any]"
"""A whole number, of Python or of an array."""

SpaceFunction: TypeAlias = Callable[..., Any]
"""A function of space: coordinates come as separate arguments, ``f(x)``, ``f(x, y)``, ``f(x, y, z)``, and broadcast."""

Mobilities: TypeAlias = Mapping[str, float]
"""The mobility alpha of each species, by name."""
