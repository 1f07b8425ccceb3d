"""Continuation: a problem that is not solved at once is reached through easier ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, TypeVar

from .._status import Status
from .._typing import Array


class Attempt(Protocol):
    """Where an iteration ended."""

    @property
    def status(self) -> Status: ...

    @property
    def iterations(self) -> int: ...

    @property
    def unknowns(self) -> Array:
        """The point at which it ended: the start of the next attempt."""


A = TypeVar("A", bound=Attempt)


class Reached(NamedTuple, Generic[A]):
    """Where a continuation ended."""

    end: A | None
    """The end of the iteration for the whole problem; None if it was not solved."""
    unknowns: Array
    """The answer to the largest share that was solved."""
    iterations: int
    """Those of all attempts."""


def through_shares(
    solve: Callable[[float, Array, int], A],
    unknowns: Array,
    most: int,
    *,
    first: float = 2.0**-12,
    least: float = 2.0**-42,
    fastest: float = 8.0,
    slowest: float = 1.1,
) -> Reached[A]:
    """Solve a problem through shares of it that grow from ``first`` to 1: of the length of a step, or of a coupling.

    ``solve(share, unknowns, left)`` iterates on a share from a start. ``left`` is the number of iterations that are left.

    A share is ``fastest`` times the last one that was solved. After a failure this ratio is replaced by its square root, after
    a success by its square, up to ``fastest``. If the first share fails, a smaller one is tried, down to ``least``. The
    continuation ends without success if that fails, if a share fails whose ratio is below ``slowest``, or after ``most``
    iterations.

    Source: Allgower and Georg, Numerical continuation methods (1990), section 6.1, for the control of the step.
    """
    reached, ratio, used = 0.0, fastest, 0
    while used < most:
        share = min(1.0, max(reached * ratio, first))
        end = solve(share, unknowns, most - used)
        used += end.iterations
        if end.status.ok and share == 1:
            return Reached(end, end.unknowns, used)
        if end.status.ok:
            reached, unknowns, ratio = share, end.unknowns, min(ratio**2, fastest)
        elif reached == 0 and share > least:
            first = share / 64
        elif reached == 0 or ratio < slowest:
            break
        else:
            ratio = ratio**0.5
    return Reached(None, unknowns, used)
