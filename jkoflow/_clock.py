"""The times of the steps of a run: equal steps, or steps that the scheme chooses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .schemes import StepInfo
from .trajectory import Trajectory

_MOST_STEPS = 1e12  # more steps than this are a typing error in dt or t_end


class StepTime(NamedTuple):
    """The number of a step just taken, from 1, the time that it reached, and its size."""

    number: int
    time: float
    dt: float


class EqualSteps:
    """Steps of dt. The last one is shorter if t_end is no multiple of dt.

    The times are multiples of dt. So no rounding adds up, and a run that is continued has the times of an unbroken run.
    """

    def __init__(self, before: Trajectory | None, dt: float, t_end: float) -> None:
        self.dt, self.t_end = dt, t_end
        self.origin, self.index = 0.0, 0
        if before is not None:
            steps_before = len(before) - 1
            aligned = before.times[-1] == before.times[0] + steps_before * dt
            self.origin, self.index = (float(before.times[0]), steps_before) if aligned else (float(before.times[-1]), 0)
        now = self.origin + self.index * dt
        if t_end <= now:
            raise ValueError(f"t_end must lie after the start t = {now:g}, got {t_end!r}")
        exact_count = (t_end - self.origin) / dt
        if exact_count > _MOST_STEPS:
            raise ValueError(f"dt must cut the time to t_end into at most {_MOST_STEPS:g} steps, got dt={dt!r}")
        rounding = 1e-9 * max(1.0, exact_count)
        self.total = max(self.index + 1, int(np.ceil(exact_count - rounding)))
        remainder = t_end - (self.origin + (self.total - 1) * dt)
        self.last_dt = dt if abs(self.total - exact_count) <= rounding else remainder
        self.count: int | None = self.total - self.index

    @property
    def running(self) -> bool:
        """True while there are steps to take."""
        return self.index < self.total

    def propose(self) -> float:
        """The size of the next step."""
        return self.last_dt if self.index == self.total - 1 else self.dt

    def advance(self, info: StepInfo) -> StepTime:
        """Count a step just taken, and return its number, time and size."""
        dt = self.propose()
        self.index += 1
        return StepTime(self.index, self.origin + self.index * self.dt if dt == self.dt else self.t_end, dt)


class ChosenSteps:
    """Steps of the size that the scheme proposed after the step before. The last one is cut to end at t_end.

    The first step has the size dt or, if a trajectory is continued, the size that was proposed at its end.
    """

    count: int | None = None

    def __init__(self, before: Trajectory | None, dt: float, t_end: float) -> None:
        self.t_end = t_end
        self.index = 0 if before is None else len(before) - 1
        self.time = 0.0 if before is None else float(before.times[-1])
        proposed = before.infos[-1].next_dt if before is not None and before.infos else None
        self.next_dt = dt if proposed is None else proposed
        if t_end <= self.time:
            raise ValueError(f"t_end must lie after the start t = {self.time:g}, got {t_end!r}")

    @property
    def running(self) -> bool:
        """True while there are steps to take."""
        return self.time < self.t_end

    def propose(self) -> float:
        """The size of the next step to try."""
        return min(self.next_dt, self.t_end - self.time)

    def advance(self, info: StepInfo) -> StepTime:
        """Count a step just taken, and return its number, time and size."""
        proposed = self.propose()
        dt = proposed if info.dt is None else info.dt
        self.index += 1
        self.time = self.t_end if dt == self.t_end - self.time else self.time + dt
        self.next_dt = proposed if info.next_dt is None else info.next_dt
        return StepTime(self.index, self.time, dt)
