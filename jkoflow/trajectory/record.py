"""What is kept of a run: its description, its steps, and its states."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar, overload

import numpy as np

from .._typing import Array
from ..measures import Measure, Species, State
from ..schemes import Carry, StepInfo

T = TypeVar("T")


@dataclass(frozen=True)
class RunDescription:
    """What a run was made with, in words and numbers: functions and code are not kept.

    Attributes
    ----------
    law, scheme : str
        Their repr. The defaults of the scheme are filled in.
    mobilities : mapping
        The mobility of every species as the scheme took it, at the start of the run.
    given : mapping
        The mobility of every species as the user gave it; None for a function of the time.
    dt : float
        The step asked for.
    start_time : float
        The time at which the run began.
    version : str
        The version of jkoflow.
    run : str
        A name that no other run has.
    code : str
        What tells the functions and arrays of the law, for one version of Python. Empty in files that do not have it.
    """

    law: str
    scheme: str
    mobilities: Mapping[str, float]
    given: Mapping[str, float | None]
    dt: float
    start_time: float
    version: str
    run: str = ""
    code: str = ""


@dataclass(frozen=True, eq=False)
class Step:
    """One completed step of a run.

    Attributes
    ----------
    index : int
        The number of the step, from 1.
    time : float
        The time reached.
    dt : float
        The size of the step.
    state : Measure, Species or State
        The state reached: a State if there are fields.
    energy : float
        The energy of the state, as the scheme tells it. NaN if there is none.
    info : StepInfo
        What the scheme tells of the step.
    distance : float
        The product distance moved, (sum_i W2_i^2 / alpha_i)^(1/2); for one species W2.
    work : float
        The energy that the change of the law in time, or of the mobilities if the energy of the scheme holds them, has added
        during the step: E(t + dt) - E(t), both at the state before.
    largest_dissipation : float
        The largest dissipation of the steps of the run up to this one, those of a run that is continued included.
    elapsed : float
        Seconds since the run began.
    reached : State
        The state reached, with fields and time.
    carry : mapping of arrays
        What the next step needs beyond the state.
    before : State
        The state before the step.
    energy_before : float
        The energy of the state before the step.
    description : RunDescription
        What the run is made with.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> [round(step.time, 3) for step in jf.steps(jf.Entropy(), rho, dt=0.1, t_end=0.3)]
    [0.1, 0.2, 0.3]
    """

    index: int
    dt: float
    energy: float
    info: StepInfo
    distance: float
    work: float
    largest_dissipation: float
    elapsed: float
    reached: State
    carry: Carry
    before: State
    energy_before: float
    description: RunDescription

    @property
    def time(self) -> float:
        """The time reached."""
        return self.reached.time

    @property
    def state(self) -> Measure | Species | State:
        """The state reached, as the user holds it."""
        return self.reached.unwrapped

    @property
    def dissipation(self) -> float:
        """The dissipation that the scheme tells, an energy per time."""
        return self.info.dissipation


class Numbers(NamedTuple):
    """The numbers of a run: one per state (times, energies), or one per step."""

    times: Array
    energies: Array
    dts: Array
    distances: Array
    dissipations: Array
    works: Array
    solved: Array
    """1 if the status of the step is ok, else 0."""


class Lazy(Sequence[T]):
    """A sequence whose entries are made when they are asked for.

    >>> squares = Lazy(4, lambda k: k**2)
    >>> squares[-1], list(squares), squares[1:3]
    (9, [0, 1, 4, 9], (1, 4))
    """

    def __init__(self, count: int, entry: Callable[[int], T]) -> None:
        self._count, self._entry = count, entry

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, key: int) -> T: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[T, ...]: ...
    def __getitem__(self, key: int | slice) -> T | tuple[T, ...]:
        if isinstance(key, slice):
            return tuple(self._entry(k) for k in range(self._count)[key])
        return self._entry(range(self._count)[key])

    def __iter__(self) -> Iterator[T]:
        return map(self._entry, range(self._count))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(tuple(self))


class Record(ABC):
    """The steps of a run that are kept. They follow one another without a gap, and end with the last step.

    Attributes
    ----------
    description : RunDescription
    outcome : str
        Why the run ended.
    complete : bool
        False if the run was interrupted, or an error ended it.
    first : int
        The number of the first state that is kept: 0, unless steps were dropped (``keep``).
    carry : mapping of arrays or None
        What the next step needs beyond the last state. None if it was lost.
    """

    description: RunDescription
    outcome: str
    complete: bool
    first: int
    carry: Carry | None

    @property
    @abstractmethod
    def numbers(self) -> Numbers:
        """The numbers of all states and steps."""

    @property
    def largest_dissipation(self) -> float:
        """The largest dissipation of all steps of the run; 0 if there is none."""
        return float(np.fmax.reduce(self.numbers.dissipations, initial=0.0))

    @abstractmethod
    def __len__(self) -> int:
        """The number of steps."""

    @abstractmethod
    def state(self, k: int) -> State:
        """The k-th state that is kept."""

    @abstractmethod
    def info(self, k: int) -> StepInfo:
        """What the scheme told of the k-th step that is kept."""


class MemoryRecord(Record):
    """The steps of a run in memory. With ``keep``, only so many last steps; the steps before are dropped.

    Parameters
    ----------
    description : RunDescription
    start : State
        The state at which the run starts.
    energy : float
        Its energy.
    carry : mapping of arrays
    keep : int, optional
    before : Record, optional
        The run that is continued. ``start`` is its last state.
    """

    def __init__(
        self,
        description: RunDescription,
        start: State,
        energy: float,
        carry: Carry,
        keep: int | None = None,
        before: Record | None = None,
    ) -> None:
        self.description, self.carry, self.keep = description, carry, keep
        self.outcome, self.complete, self.first = "begun", True, 0
        self._states, self._infos = [start], list[StepInfo]()
        self._rows: list[tuple[float, ...]] = []
        self._start, self._dropped_dissipation = (start.time, energy), 0.0
        if before is not None:
            self._dropped_dissipation = before.largest_dissipation
            self.first = before.first
            self._states = [before.state(k) for k in range(len(before) + 1)]
            self._infos = [before.info(k) for k in range(len(before))]
            numbers = before.numbers
            self._start = (float(numbers.times[0]), float(numbers.energies[0]))
            columns = (numbers.times[1:], numbers.energies[1:], *numbers[2:])
            self._rows = list(zip(*(column.tolist() for column in columns), strict=True))

    def add(self, step: Step) -> None:
        """Keep a step."""
        info = step.info
        numbers = (step.time, step.energy, step.dt, step.distance, info.dissipation, step.work, float(info.status.ok))
        self.restore(step.reached, info, numbers)
        self.carry = step.carry
        if self.keep is not None and len(self._infos) >= 2 * self.keep + 16:  # dropped in bulk, at a cost of O(1) a step
            self._drop(len(self._infos) - self.keep)

    def restore(self, state: State, info: StepInfo, numbers: tuple[float, ...]) -> None:
        """Keep a step that was read from a file: its state, what the scheme told, and its ``Numbers`` in their order."""
        self._states.append(state)
        self._infos.append(info)
        self._rows.append(numbers)
        self.__dict__.pop("numbers", None)

    def end(self, outcome: str, complete: bool) -> None:
        """Say why the run ended."""
        self.outcome, self.complete = outcome, complete
        if self.keep is not None and len(self._infos) > self.keep:
            self._drop(len(self._infos) - self.keep)

    @property
    def largest_dissipation(self) -> float:
        return max(self._dropped_dissipation, super().largest_dissipation)

    def _drop(self, count: int) -> None:
        self._dropped_dissipation = self.largest_dissipation
        time, energy, *_ = self._rows[count - 1]
        self._start = (time, energy)
        del self._states[:count], self._infos[:count], self._rows[:count]
        self.first += count
        self.__dict__.pop("numbers", None)

    @cached_property
    def numbers(self) -> Numbers:
        columns = np.array(self._rows, dtype=np.float64).reshape(-1, len(Numbers._fields)).T
        (time, energy), (times, energies, *rest) = self._start, columns
        return Numbers(np.array([time, *times]), np.array([energy, *energies]), *(column.copy() for column in rest))

    def __len__(self) -> int:
        return len(self._infos)

    def state(self, k: int) -> State:
        return self._states[k]

    def info(self, k: int) -> StepInfo:
        return self._infos[k]


def record_of(steps: Iterable[Step]) -> MemoryRecord:
    """Return the record of steps that follow one another. Raises ValueError if there is none, or if they do not."""
    record: MemoryRecord | None = None
    last: Step | None = None
    for step in steps:
        if not isinstance(step, Step):
            raise ValueError(f"steps must be of steps as jkoflow.steps yields them, got {type(step).__name__}")
        if record is None:
            record = MemoryRecord(step.description, step.before, step.energy_before, step.carry)
            record.first = step.index - 1
        elif last is not None and (step.index != last.index + 1 or step.description is not last.description):
            raise ValueError(f"steps must be of one run, each after the other, got step {step.index} after {last.index}")
        record.add(step)
        last = step
    if record is None or last is None:
        raise ValueError("steps must hold at least one step, got none")
    record.end(f"reached t = {last.time:g}", True)
    return record
