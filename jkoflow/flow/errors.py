"""The error of a run."""

from __future__ import annotations

from typing import Any

from ..trajectory import Trajectory


class FlowError(RuntimeError):
    """A step could not be taken or kept.

    ``trajectory`` holds the run up to there. If a step was not solved, it is the last step: its status says what happened. If
    an exception ended the run, it is the cause of this error.
    """

    def __init__(self, message: str, trajectory: Trajectory) -> None:
        super().__init__(message)
        self.trajectory = trajectory

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.trajectory)
