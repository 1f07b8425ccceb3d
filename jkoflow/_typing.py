"""Names of types that recur in signatures."""

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
"""An array of indices into another array."""

Whole: TypeAlias = "int | np.integer[Any]"
"""A whole number: an int of Python or an entry of an integer array."""

SpaceFunction: TypeAlias = Callable[..., Any]
"""A function of space. Coordinates are separate arguments that broadcast: ``f(x)``, ``f(x, y)``, ``f(x, y, z)``."""

Mobilities: TypeAlias = Mapping[str, float]
"""The mobility alpha of each species, by name."""
