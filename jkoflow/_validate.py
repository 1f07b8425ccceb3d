"""Checks of arguments. Each check returns the value if it is valid, and else raises a ValueError with its name."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from ._typing import Array

SAME_TOTAL = 1e-6


def positive(name: str, value: Any, expected: str = "a positive finite number") -> float:
    """Return ``value`` as a float if it is finite and > 0."""
    number = finite(name, value, expected)
    if number <= 0:
        raise ValueError(f"{name} must be {expected}, got {value!r}")
    return number


def finite(name: str, value: Any, expected: str = "a finite number") -> float:
    """Return ``value`` as a float if it is one finite real number."""
    if isinstance(value, bool | np.bool_ | str | bytes) or np.ndim(value) != 0 or np.ma.isMaskedArray(value):
        raise ValueError(f"{name} must be {expected}, got {value!r}")
    try:
        if np.asarray(value).dtype.kind not in "fiuO":
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be {expected}, got {value!r}") from None
    if not np.isfinite(number):
        raise ValueError(f"{name} must be {expected}, got {value!r}")
    return number


def plain_numbers(value: Any) -> None:
    """Store the numbers of a frozen dataclass as ints and floats of Python: those of numpy overflow, and change their kind.

    Numbers that are no numbers of Python or numpy (fractions, decimals) become floats. Anything else is left alone.
    """
    for field in fields(value):
        given = getattr(value, field.name)
        if isinstance(given, np.generic) and given.dtype.kind in "fiu":
            object.__setattr__(value, field.name, given.item())
        elif isinstance(given, Fraction | Decimal):
            object.__setattr__(value, field.name, float(given))


def positive_integer(name: str, value: Any) -> int:
    """Return ``value`` as an int if it is a whole number >= 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {value!r}")
    return int(value)


def finite_array(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    """Return ``value`` as a float64 array if it has the given shape and finite real entries."""
    try:
        if np.ma.isMaskedArray(value):
            raise ValueError(f"{name} must not be masked: fill the masked entries, or leave them out")
        array = np.asarray(value)
        if array.dtype.kind not in "fiubO":
            raise TypeError
        array = array.astype(np.float64)
    except (TypeError, ValueError) as reason:
        if "masked" in str(reason):
            raise
        kind = getattr(getattr(value, "dtype", None), "name", type(value).__name__)
        raise ValueError(f"{name} must be an array of real numbers of shape {shape}, got {kind}") from None
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    bad = int(np.count_nonzero(~np.isfinite(array)))
    if bad:
        raise ValueError(f"{name} must be finite, got {bad} NaN or infinite of {array.size} entries")
    return array


def non_negative_array(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    """Return ``value`` as in :func:`finite_array` if its entries are >= 0 too."""
    array = finite_array(name, value, shape)
    if array.size and array.min() < 0:
        raise ValueError(f"{name} must be non-negative, got {array.min():.6g} at its lowest")
    return array


def same_total(first: float, second: float) -> bool:
    """Return True if two total masses count as equal: if they differ by at most a millionth of the larger one.

    That is the rounding of weights that were brought to one sum in single precision.
    """
    return abs(first - second) <= SAME_TOTAL * max(abs(first), abs(second))
