"""Functions of space that depend on the time too, by an argument with the name t."""

from __future__ import annotations

import inspect
from functools import partial
from typing import Any


def takes_time(function: Any) -> bool:
    """Return True if a function of space has an argument ``t`` after its first argument.

    The first argument is a coordinate, whatever its name.

    >>> takes_time(lambda x, t: x - t), takes_time(lambda t: t**2)
    (True, False)
    """
    if not callable(function) or (isinstance(function, partial) and "t" in function.keywords):
        return False
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some compiled functions tell no signature
        return False
    names = [name for name, one in parameters.items() if name != "t" or one.kind is not one.POSITIONAL_ONLY]
    return "t" in names[1:]


def fixed_at(function: Any, time: float) -> Any:
    """Return the function of space at one time: the function itself if it does not depend on time."""
    return partial(function, t=time) if takes_time(function) else function


def name_of(function: Any) -> str:
    """Return the name of a function for messages. A function at one time is shown with the time."""
    if isinstance(function, partial) and set(function.keywords) == {"t"} and not function.args:
        return f"{name_of(function.func)} at t={function.keywords['t']:g}"
    return str(getattr(function, "__name__", type(function).__name__))
