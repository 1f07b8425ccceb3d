"""numba's compiler with the options of this library. Compiled functions keep their types for type checkers.

Import this module only from modules of compiled loops: it imports numba, and ``import jkoflow`` must not import numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from numba import njit, prange

__all__ = ["jit", "prange"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def jit(function: F, /) -> F: ...
@overload
def jit(*, parallel: bool = ..., inline: bool = ..., reassociate: bool = ...) -> Callable[[F], F]: ...
def jit(function: Any = None, /, *, parallel: bool = False, inline: bool = False, reassociate: bool = False) -> Any:
    """Return the function compiled, with numpy's rules for division by zero. The result is cached on disk.

    Use it as a decorator without or with options:

    * ``parallel`` shares loops over ``prange`` among the cores;
    * ``inline`` compiles the function into its callers;
    * ``reassociate`` allows sums in another order, so that they become vector instructions.
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
