"""The times of the steps of a run: equal steps, or steps of a size that the scheme chooses."""

from __future__ import annotations

import numpy as np

from .schemes import StepInfo
from .trajectory import Trajectory

_MOST_STEPS = 1e12  # more steps are surely a mistake in dt or t_end


class EqualSteps:
    """Steps of size dt up to t_end. The last step is shorter if the time to t_end is no multiple of dt.

    Times are computed as multiples of dt. So rounding does not accumulate, and a continued run has the same times as an
    unbroken one.
    """

    def __init__(self, before: Trajectory | None, dt: float, t_end: float) -> None:
        self.dt, self.t_end = dt, t_end
        self.origin, self.index = 0.0, 0
        if before is not None:
            done = len(before) - 1
            aligned = before.times[-1] == before.times[0] + done * dt
            self.origin, self.index = (float(before.times[0]), done) if aligned else (float(before.times[-1]), 0)
        now = self.origin + self.index * dt
        if t_end <= now:
            raise ValueError(f"t_end must lie after the start t = {now:g}, got {t_end!r}")
        whole = (t_end - self.origin) / dt
        if whole > _MOST_STEPS:
            raise ValueError(f"dt must cut the time to t_end into at most {_MOST_STEPS:g} steps, got dt={dt!r}")
        room = 1e-9 * max(1.0, whole)
        self.total = max(self.index + 1, int(np.ceil(whole - room)))
        short = t_end - (self.origin + (self.total - 1) * dt)
        self.last_dt = dt if abs(self.total - whole) <= room else short
        self.count: int | None = self.total - self.index

    @property
    def running(self) -> bool:
        """True while there are steps left to take."""
        return self.index < self.total

    def propose(self) -> float:
        """Return the size of the next step."""
        return self.last_dt if self.index == self.total - 1 else self.dt

    def advance(self, info: StepInfo) -> tuple[int, float, float]:
        """Count a step that was just taken. Return its index, the time that it ends at, and its size."""
        taken = self.propose()
        self.index += 1
        return self.index, self.origin + self.index * self.dt if taken == self.dt else self.t_end, taken


class ChosenSteps:
    """Steps of the size that the scheme has proposed after the step before. The first has the size ``dt``.

    The last step is cut so that it ends at t_end.
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
        """True while there are steps left to take."""
        return self.time < self.t_end

    def propose(self) -> float:
        """Return the size of the next step to try."""
        return min(self.next_dt, self.t_end - self.time)

    def advance(self, info: StepInfo) -> tuple[int, float, float]:
        """Count a step that was just taken. Return its index, the time that it ends at, and its size."""
        asked = self.propose()
        taken = asked if info.dt is None else info.dt
        self.index += 1
        self.time = self.t_end if taken == self.t_end - self.time else self.time + taken
        self.next_dt = asked if info.next_dt is None else info.next_dt
        return self.index, self.time, taken
