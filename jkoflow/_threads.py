"""Loops over parts, shared among the cores by threads of this library.

Compiled loops release Python's lock, so plain threads run them at the same time. The threads wait without using a core, they
are made anew in a process that was forked, and any number of threads may share loops at once. A part goes to whoever is free:
a core that is busy with something else does less.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from itertools import count
from queue import SimpleQueue
from typing import Any

_PARTS = 4  # per core


class _Job:
    """Calls of one function for parts of a range. Whoever is free takes the next part."""

    def __init__(self, function: Callable[..., object], total: int, parts: int, arguments: tuple[Any, ...]) -> None:
        self._function, self._arguments = function, arguments
        self._bounds = [total * k // parts for k in range(parts + 1)]
        self._next, self._left = count(), parts
        self._guard, self._finished = threading.Lock(), threading.Event()
        self._error: BaseException | None = None

    def work(self) -> None:
        """Take parts until none is left."""
        while (k := next(self._next)) < len(self._bounds) - 1:
            try:
                if self._error is None:
                    self._function(self._bounds[k], self._bounds[k + 1], *self._arguments)
            except BaseException as error:
                self._error = error
            with self._guard:
                self._left -= 1
                if self._left == 0:
                    self._finished.set()

    def wait(self) -> None:
        """Wait until every part is done. Raises what a part has raised."""
        self._finished.wait()
        if self._error is not None:
            raise self._error


class _Team:
    """The threads that help, one less than cores. They belong to one process."""

    def __init__(self, cores: int) -> None:
        self.process, self.cores = os.getpid(), cores
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        for number in range(cores - 1):
            threading.Thread(target=self._help, name=f"jkoflow {number}", daemon=True).start()

    def _help(self) -> None:
        while True:
            self._jobs.get().work()

    def share(self, job: _Job) -> None:
        """Let the team work at a job together with this thread."""
        for _ in range(self.cores - 1):
            self._jobs.put(job)
        job.work()
        job.wait()


_team: _Team | None = None
_making = threading.Lock()


def cores() -> int:
    """The number of cores that loops use: those that this process may use, at most the NUMBA_NUM_THREADS of the environment."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("NUMBA_NUM_THREADS", "")
    return max(1, min(usable, int(asked)) if asked.isdigit() else usable)


def in_parts(function: Callable[..., object], total: int, arguments: tuple[Any, ...]) -> None:
    """Call function(first, last, *arguments) for parts of range(total) that cover it, on all cores.

    What a call does for one part must not depend on another part.

    >>> found = [0] * 10
    >>> def mark(first, last, out):
    ...     for k in range(first, last):
    ...         out[k] = k
    >>> in_parts(mark, 10, (found,))
    >>> found
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    global _team, _making
    if _team is None or _team.process != os.getpid():
        _making = _making if _team is None else threading.Lock()  # a lock that was held at a fork stays held in the child
        with _making:
            if _team is None or _team.process != os.getpid():
                _team = _Team(cores())
    if _team.cores == 1 or total < 2:
        function(0, total, *arguments)
        return
    _team.share(_Job(function, total, min(total, _PARTS * _team.cores), arguments))
