"""Ctrl-C during a run: never in the middle of keeping a step, and never lost inside a compiled loop."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupts:
    """While it is entered, Ctrl-C raises KeyboardInterrupt at once, except while ``held``.

    Some code swallows the exception. So the run asks :meth:`check` between steps, which raises it again.

    Outside the main thread it does nothing, since signals arrive there.
    """

    def __init__(self) -> None:
        self._arrived, self._holding = False, False
        self._before: Any = None

    def __enter__(self) -> Self:
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._arrived = True
        if not self._holding:
            raise KeyboardInterrupt

    def held(self) -> _Held:
        """Let Ctrl-C wait until the block is left."""
        return _Held(self)

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C has arrived."""
        if self._arrived:
            raise KeyboardInterrupt


class _Held:
    def __init__(self, interrupts: Interrupts) -> None:
        self._interrupts = interrupts

    def __enter__(self) -> None:
        self._interrupts._holding = True

    def __exit__(self, *error: object) -> None:
        self._interrupts._holding = False


def is_interrupt(error: BaseException | None) -> bool:
    """Return True for a KeyboardInterrupt, and for the SystemError that a compiled function makes of one."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ if isinstance(error, SystemError) else None
    return False
