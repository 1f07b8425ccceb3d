"""The times of the steps of a run: equal steps, or steps that the scheme chooses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._typing import Array
from ..schemes import Carry, StepInfo

_ROUNDING = 1e-9  # share of a time that counts as rounding
_ULPS = 64  # roundings of a time that is a multiple of dt: less than that before t_end is t_end
_MOST_STEPS = 1e12  # more steps than this are a typing error in dt or t_end


class StepTime(NamedTuple):
    """The number of a step just taken, from 1, the time that it reached, and its size."""

    number: int
    time: float
    dt: float


class Start(NamedTuple):
    """Where a run starts or goes on: the time of its beginning, the time now, the number of steps so far, and their times."""

    beginning: float
    now: float
    steps: int
    times: Array
    dts: Array

    def lattice(self, dt: float) -> tuple[float, int]:
        """The origin of the times of the steps, which are multiples of dt from there, and how many steps lie behind it."""
        if self.now == self.beginning + self.steps * dt:
            return self.beginning, self.steps
        other = np.flatnonzero(self.dts != dt)
        same = len(self.dts) - (int(other[-1]) + 1 if len(other) else 0)  # steps of dt at the end
        origin = float(self.times[len(self.dts) - same])
        return (origin, same) if self.now == origin + same * dt else (self.now, 0)


class EqualSteps:
    """Steps of dt. The last one is shorter if t_end is no multiple of dt.

    The times are multiples of dt. So no rounding adds up, and a run that is continued has the times of an unbroken run.
    """

    def __init__(self, start: Start, dt: float, t_end: float, carry: Carry) -> None:
        self.dt, self.t_end = dt, t_end
        self.origin, self.index = start.lattice(dt)
        self.before = start.steps - self.index  # steps before those that are counted here
        now = self.origin + self.index * dt
        if t_end - now <= _ULPS * np.spacing(abs(t_end)):
            raise ValueError(f"t_end must lie after the start t = {now:g}, got {t_end!r}")
        exact_count = (t_end - self.origin) / dt
        if exact_count > _MOST_STEPS:
            raise ValueError(f"dt must cut the time to t_end into at most {_MOST_STEPS:g} steps, got dt={dt!r}")
        rounding = _ROUNDING * max(1.0, exact_count)
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

    def with_whole_proposal(self, carry: Carry) -> Carry:
        """The carry as it is: dt is not in it."""
        return carry

    def advance(self, info: StepInfo, carry: Carry) -> StepTime:
        """Count a step just taken, and return its number, time and size."""
        dt = self.propose()
        self.index += 1
        time = self.origin + self.index * self.dt if dt == self.dt else self.t_end
        return StepTime(self.before + self.index, time, dt)


class ChosenSteps:
    """Steps of the size that the scheme proposed after the step before. The last one is cut to end at t_end.

    The first step has the size dt or, if a trajectory is continued, the size in its carry.
    """

    count: int | None = None

    def __init__(self, start: Start, dt: float, t_end: float, carry: Carry) -> None:
        self.t_end, self.index, self.time = t_end, start.steps, start.now
        self.next_dt = float(carry["dt"]) if "dt" in carry else dt
        if t_end <= self.time:
            raise ValueError(f"t_end must lie after the start t = {self.time:g}, got {t_end!r}")

    @property
    def running(self) -> bool:
        """True while there are steps to take."""
        return self.time < self.t_end

    def propose(self) -> float:
        """The size of the next step to try."""
        return min(self.next_dt, self.t_end - self.time)

    def with_whole_proposal(self, carry: Carry) -> Carry:
        """The carry, with the size that was proposed if the step was cut to end at t_end and no smaller one was taken."""
        if "dt" not in carry or self.propose() == self.next_dt:
            return carry
        return {**carry, "dt": np.maximum(carry["dt"], self.next_dt)}

    def advance(self, info: StepInfo, carry: Carry) -> StepTime:
        """Count a step just taken, and return its number, time and size."""
        proposed = self.propose()
        dt = proposed if info.dt is None else info.dt
        self.index += 1
        self.time = self.t_end if dt == self.t_end - self.time else self.time + dt
        self.next_dt = float(carry["dt"]) if "dt" in carry else proposed
        return StepTime(self.index, self.time, dt)
