"""The error of a run."""

from __future__ import annotations

from typing import Any

from ..trajectory import Trajectory


class FlowError(RuntimeError):
    """A step could not be taken or kept.

    ``trajectory`` holds the run up to there. If a step was not solved, it is the last step: its status says what happened. If
    an exception ended the run, it is the cause of this error.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> strict = jf.JKO(jf.FiniteVolume(tolerance=1e-15, max_iterations=1))
    >>> try:
    ...     jf.evolve(jf.RenyiEntropy(2), rho, scheme=strict, dt=1.0, t_end=3.0)
    ... except FlowError as error:
    ...     print(error.trajectory.statuses[-1].name)
    ITERATION_LIMIT
    """

    def __init__(self, message: str, trajectory: Trajectory) -> None:
        super().__init__(message)
        self.trajectory = trajectory

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.trajectory)
