"""The one place where functions of users are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._typing import Array


def values_of(name: str, function: Callable[..., Any], coordinates: Sequence[Array]) -> Array:
    """Return the values of a function of space, in the shape of the coordinates. A constant is spread.

    Raises ValueError, whose message begins with ``name``, if the function cannot be called with arrays of coordinates, or if it
    returns anything but one real number for every point.

    >>> values_of("V", lambda x: 2 * x, [np.array([1.0, 2.0])])
    array([2., 4.])
    """
    values = called(name, function, coordinates)
    shape = np.shape(coordinates[0])
    if values.shape == shape:
        return values
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise ValueError(
            f"{name} must return one number for every point, that is an array of shape {shape}, got shape {values.shape}"
        ) from None


def called(name: str, function: Callable[..., Any], coordinates: Sequence[Array]) -> Array:
    """Return what a function of space returns, an array of real numbers of any shape. Raises ValueError as values_of does."""
    try:
        returned = function(*coordinates)
    except (TypeError, ValueError, AttributeError) as reason:
        arguments = "one array" if len(coordinates) == 1 else f"{len(coordinates)} arrays"
        hint = ": an argument for the time is called t" if "missing" in str(reason) else ""
        raise ValueError(
            f"{name} must be a function that takes {arguments} of coordinates and computes with whole arrays (np.sin and "
            f"np.where, not math.sin or if), and it raised {type(reason).__name__}: "
            f"{reason}{hint}"
        ) from reason
    if np.ma.isMaskedArray(returned):
        raise ValueError(f"{name} must return numbers for all points, got a masked array: fill the masked entries")
    try:
        values = np.asarray(returned)
        if values.dtype.kind not in "fiub":
            raise TypeError
        return values.astype(np.float64, copy=False)
    except (TypeError, ValueError):
        kind = getattr(getattr(returned, "dtype", None), "name", type(returned).__name__)
        raise ValueError(f"{name} must return real numbers, got {kind}") from None


def of_measure(name: str, function: Callable[..., Any], measure: Any) -> Any:
    """Return what a function of a measure returns. Raises ValueError if it cannot be called with the measure."""
    try:
        return function(measure)
    except (TypeError, AttributeError) as reason:
        raise ValueError(
            f"{name} must be a function of {measure!r}, and it raised {type(reason).__name__}: {reason}"
        ) from reason
