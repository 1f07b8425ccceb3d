"""numba's compiler as this library uses it, with the types of what it compiles kept.

Import this from modules that hold compiled loops only: it brings in numba, which ``import jkoflow`` leaves alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from numba import njit, prange

__all__ = ["compiled", "prange"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def compiled(function: F, /) -> F: ...
@overload
def compiled(*, parallel: bool = ..., inline: bool = ..., reassociate: bool = ...) -> Callable[[F], F]: ...
def compiled(function: Any = None, /, *, parallel: bool = False, inline: bool = False, reassociate: bool = False) -> Any:
    """The function compiled, kept on disk for the next process, with numpy's rules for division by zero.

    Use it bare or with options:

    * ``parallel`` shares loops over ``prange`` among the cores;
    * ``inline`` compiles the function into its callers;
    * ``reassociate`` lets a sum be taken in another order, in vector instructions.
    """
    options: dict[str, Any] = {"cache": True, "error_model": "numpy"}
    if parallel:
        options["parallel"] = True
    if inline:
        options["inline"] = "always"
    if reassociate:
        options["fastmath"] = {"reassoc"}
    decorate = njit(**options)
    return decorate if function is None else decorate(function)
