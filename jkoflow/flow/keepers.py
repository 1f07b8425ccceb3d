"""What keeps the steps of a run: memory, or a file."""

from __future__ import annotations

from os import PathLike

from .._log import log
from ..storage import StoredRecord, StoreWriter, whole_path
from ..trajectory import MemoryRecord, Record, Step, Trajectory, record_of
from .errors import FlowError
from .run import Run


class InMemory:
    """Keeps the steps of a run in memory."""

    def __init__(self, run: Run, keep: int | None) -> None:
        before = None if run.beginning.before is None else run.beginning.before.record
        self._record = MemoryRecord(run.description, run.state, run.first_energy, run.carry, keep, before)

    def add(self, step: Step) -> None:
        self._record.add(step)

    def finish(self, outcome: str, complete: bool) -> Trajectory:
        self._record.end(outcome, complete)
        return Trajectory(self._record)


class InFile:
    """Keeps the steps of a run in a file."""

    def __init__(self, writer: StoreWriter) -> None:
        self._writer = writer
        self._last: Step | None = None
        self._written = True

    def add(self, step: Step) -> None:
        self._last, self._written = step, False
        self._writer.add(step)
        self._written = True

    def finish(self, outcome: str, complete: bool) -> Trajectory:
        try:
            self._writer.end(outcome, complete)
        except Exception as error:  # a full disk: the steps are in the file, why the run ended is not
            log.warning("the outcome could not be written: %s", error)
        try:
            record: Record = StoredRecord(self._writer.path)
        except ValueError as error:
            if self._last is None:
                raise
            rest = record_of([self._last])
            rest.end(f"{outcome}, and the store cannot be read any more", False)
            raise FlowError(f"{outcome}, and the store cannot be read any more: {error}", Trajectory(rest)) from error
        if self._last is not None and not self._written:
            tail = MemoryRecord(record.description, record.state(0), float(record.numbers.energies[0]), {}, None, record)
            tail.add(self._last)
            tail.end(outcome, complete)
            record = tail
        return Trajectory(record)


def keeper_of(run: Run, store: str | PathLike[str] | None, keep: int | None) -> InMemory | InFile:
    """What keeps the steps: memory, a new file, or the file of the trajectory that is continued."""
    before = None if run.beginning.before is None else run.beginning.before.record
    if store is None and not isinstance(before, StoredRecord):
        return InMemory(run, keep)
    path = before.path if store is None and isinstance(before, StoredRecord) else whole_path("store", store)
    if isinstance(before, StoredRecord) and path == before.path:
        return InFile(StoreWriter.going_on(before))
    start, energy = (run.state, run.first_energy) if before is None else (before.state(0), float(before.numbers.energies[0]))
    writer = StoreWriter.new(path, run.description, start, energy, run.carry)
    if before is not None:
        try:
            writer.copy(before)
        except BaseException:
            writer.close()
            path.unlink(missing_ok=True)
            raise
    return InFile(writer)
