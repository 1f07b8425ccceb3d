"""numba's compiler with the options of this library. Compiled functions keep their types for type checkers.

Import this module only from modules of compiled loops: it imports numba, and ``import jkoflow`` must not import numba.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, update_wrapper
from typing import Any, TypeVar, overload

from numba import njit
from numba.core import event

from ._log import log
from ._status import warn
from ._threads import in_parts

__all__ = ["SharedLoop", "jit", "shared"]

_WORTH = 1e5  # nanoseconds of work on one core, above which it pays to share it: threads take some 4e4 to start

F = TypeVar("F", bound=Callable[..., Any])


@overload
def jit(function: F, /) -> F: ...
@overload
def jit(*, inline: bool = ..., reassociate: bool = ..., unlocked: bool = ...) -> Callable[[F], F]: ...
def jit(function: Any = None, /, *, inline: bool = False, reassociate: bool = False, unlocked: bool = False) -> Any:
    """Return the function compiled, with numpy's rules for division by zero. The result is cached on disk.

    Use it as a decorator without or with options:

    * ``inline`` compiles the function into its callers;
    * ``reassociate`` allows sums in another order, so that they become vector instructions;
    * ``unlocked`` releases Python's lock while the function runs.
    """
    options: dict[str, Any] = {"cache": True, "error_model": "numpy"}
    if inline:
        options["inline"] = "always"
    if reassociate:
        options["fastmath"] = {"reassoc"}
    if unlocked:
        options["nogil"] = True
    return _compiling(options) if function is None else _compiling(options)(function)


def _compiling(options: dict[str, Any]) -> Callable[[F], F]:
    """numba's decorator. Where nothing can be cached, it compiles in every process, and one warning says so."""

    def compiled(function: F) -> F:
        try:
            return njit(**options)(function)
        except RuntimeError as reason:
            if "cache" not in str(reason):
                raise
            _warn_of_no_cache()
            return njit(**options | {"cache": False})(function)

    return compiled


@cache  # so that it is said once in a process
def _warn_of_no_cache() -> None:
    warn(
        "compiled loops cannot be kept, as neither the installation nor the home folder can be written, so every process "
        "compiles them again: set NUMBA_CACHE_DIR to a folder that can be written",
    )


class _TellOnce(event.Listener):  # type: ignore[misc, unused-ignore]
    """Says that loops are being compiled, at the first one of a process."""

    def on_start(self, event_: Any) -> None:
        log.info("compiling loops, once: the result is kept for later processes")
        event.unregister("numba:compile", self)

    def on_end(self, event_: Any) -> None:
        """Nothing is said."""


event.register("numba:compile", _TellOnce())


class SharedLoop:
    """A compiled loop that is shared among the cores."""

    def __init__(self, function: Callable[..., None]) -> None:
        update_wrapper(self, function)
        self.alone = jit(unlocked=True)(function)
        """The loop ``alone(first, last, ...)`` on one core: for little work, which threads do not make faster."""

    def __call__(self, total: int, *arguments: Any) -> None:
        """Do the work of range(total), on all cores."""
        in_parts(self.alone, total, arguments)

    def by_work(self, nanoseconds: float, total: int, *arguments: Any) -> None:
        """Do the work of range(total): on one core if it takes so little time that sharing it would take longer."""
        if nanoseconds < _WORTH:
            self.alone(0, total, *arguments)
        else:
            self(total, *arguments)


def shared(function: Callable[..., None]) -> SharedLoop:
    """Return the loop ``function(first, last, ...)`` compiled, and shared among the cores.

    ``function`` does the work of range(first, last). The result is called with their number: ``loop(total, ...)``. What the
    loop does for one of them must not depend on another.
    """
    return SharedLoop(function)
