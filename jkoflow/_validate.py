"""Checks of arguments. Each check returns the value if it is valid, and else raises a ValueError with its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from fractions import Fraction
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from ._typing import Array

F = TypeVar("F", bound=Callable[..., Any])
SAME_TOTAL = 1e-6
_MOST = 10**9  # a whole number beyond is a typing error


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
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be {expected}, got {value!r}") from None
    if not np.isfinite(number):
        raise ValueError(f"{name} must be {expected}, got {value!r}")
    return number


def plain_numbers(value: Any) -> None:
    """Store the numbers of a frozen dataclass as ints and floats of Python: those of numpy overflow, and change their kind.

    Numbers that are no numbers of Python or numpy (fractions, decimals) become floats. Anything else is left alone.
    """
    for field in fields(value):
        given = getattr(value, field.name, None)  # what is made after __init__ is not there yet
        if isinstance(given, np.ndarray) and given.ndim == 0:
            given = given[()]
        if isinstance(given, np.generic) and given.dtype.kind in "fiu":
            object.__setattr__(value, field.name, given.item())
        elif isinstance(given, Fraction | Decimal):
            object.__setattr__(value, field.name, float(given))


def positive_integer(name: str, value: Any) -> int:
    """Return ``value`` as an int if it is a whole number >= 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {_in_short(value)}")
    if value > _MOST:
        raise ValueError(f"{name} must be a whole number of at most {_MOST:g}, got {_in_short(value)}")
    return int(value)


def real_array(name: str, value: Any) -> Array:
    """Return ``value`` as a float64 array of real numbers, finite or not. Masked, complex, text and date arrays are refused."""
    if np.ma.isMaskedArray(value):
        raise ValueError(f"{name} must not be masked: fill the masked entries, or leave them out")
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "fiubO":
            raise TypeError
        return array.astype(np.float64)
    except (TypeError, ValueError, OverflowError):
        kind = getattr(getattr(value, "dtype", None), "name", type(value).__name__)
        raise ValueError(f"{name} must be an array of real numbers, got {kind}") from None


def finite_array(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    """Return ``value`` as a float64 array if it has the given shape and finite real entries."""
    array = real_array(name, value)
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


def of_kind(name: str, value: Any, kind: type[Any], expected: str) -> Any:
    """Return ``value`` if it is of a class. ``expected`` says in words which values are."""
    if not isinstance(value, kind):
        raise ValueError(f"{name} must be {expected}, got {_in_short(value)}")
    return value


def function(name: str, value: Any, expected: str = "a function") -> Any:
    """Return ``value`` if it can be called."""
    if not callable(value):
        raise ValueError(f"{name} must be {expected}, got {_in_short(value)}")
    return value


def species_name(name: str, value: Any) -> str:
    """Return ``value`` if it is a text, the name of a species."""
    return str(of_kind(name, value, str, "the name of a species, a text"))


def field_name(name: str, value: Any) -> str:
    """Return ``value`` if it is a text that is not empty, the name of a field."""
    if value == "":
        raise ValueError(f"{name} must be the name of a field, got an empty text")
    return str(of_kind(name, value, str, "the name of a field, a text"))


def _in_short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{type(value).__name__} {text[:60]}..."


def in_floating_point(formula: F) -> F:
    """Return a formula that raises ValueError where its numbers are beyond the range of floating point."""

    @wraps(formula)
    def checked(*given: Any, **named: Any) -> Any:
        try:
            return formula(*given, **named)
        except (OverflowError, ZeroDivisionError) as reason:
            raise ValueError(f"the arguments of {formula.__name__} are beyond the range of numbers: {reason}") from reason

    return checked  # type: ignore[return-value]
