"""The one writer of a run in a file."""

from __future__ import annotations

import sqlite3
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Self

import numpy as np

from .._log import log
from ..measures import State
from ..schemes import Carry
from ..trajectory import Record, RunDescription, Step
from .layout import APPLICATION, FORMAT, NOT_ENDED, SYNC_SECONDS, TABLES, row_of
from .locks import WriterLock
from .packing import pack
from .states import changing, info_as_packed, start_as_packed
from .stored import StoredRecord


class StoreWriter:
    """The one writer of a store.

    Raises ValueError

    * if the file exists, for a new run; if it is not one, or has gone on since it was read, for one that is continued;
    * if another run writes it;
    * if the folder cannot be written;
    * for a kind of measure that cannot be stored.
    """

    def __init__(self, path: Path, start: State) -> None:
        self.path, self._start = path, start
        try:
            self._lock = WriterLock(path)
        except OSError as reason:
            raise ValueError(f"store {str(path)!r} cannot be written: {reason.strerror}") from reason
        try:
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("PRAGMA wal_autocheckpoint = 0")
        except sqlite3.Error as reason:
            if hasattr(self, "_database"):
                self._database.close()
            self._lock.free()
            raise ValueError(f"store {str(path)!r} cannot be written: {reason}") from reason
        self._synced = time.monotonic()

    @classmethod
    def new(cls, path: Path, description: RunDescription, start: State, energy: float, carry: Carry | None) -> Self:
        """Begin a new file."""
        if path.exists():
            if path.is_dir():
                raise ValueError(f"store must be a file, and {str(path)!r} is a folder")
            raise ValueError(
                f"store {str(path)!r} exists: continue its run with evolve(law, jkoflow.open({str(path)!r}), ...), "
                "or take another path"
            )
        begun = start_as_packed(start)  # before anything is written
        writer = cls(path, start)
        try:
            with writer._transaction() as database:
                for table in TABLES:
                    database.execute(table)
                database.execute(f"PRAGMA application_id = {APPLICATION}")
                database.execute(f"PRAGMA user_version = {FORMAT}")
                writer._put("description", pack(asdict(description) | {"energy": float(energy)}))
                writer._put("start", pack(*begun))
                writer._put_carry(0, carry)
                writer._put("end", pack({"outcome": NOT_ENDED, "complete": False}))
        except BaseException:
            writer.close()
            path.unlink(missing_ok=True)
            raise
        return writer

    @classmethod
    def going_on(cls, record: StoredRecord) -> Self:
        """Go on writing the file of a record. Raises ValueError if another has gone on since the record was read."""
        if not record.path.exists():
            raise ValueError(f"store {str(record.path)!r} is gone: keep the run in another file with store=")
        writer = cls(record.path, record.state(0))
        try:
            ((last,),) = writer._database.execute("SELECT max(number) FROM steps").fetchall()
            ((description,),) = writer._database.execute("SELECT value FROM run WHERE key = 'description'").fetchall()
            if description != record.signature:
                raise ValueError(
                    f"store {str(record.path)!r} holds another run by now: keep this one in another file with store="
                )
            if (last or 0) > len(record) and record.damaged:
                raise ValueError(f"store {str(record.path)!r} {record.outcome}: keep what is whole in another file with store=")
            if (last or 0) != len(record):
                raise ValueError(
                    f"store {str(record.path)!r} has {last} steps by now, and {len(record)} were read: open it again"
                )
            with writer._transaction():
                writer._put("end", pack({"outcome": NOT_ENDED, "complete": False}))
        except BaseException as error:
            writer.close()
            if isinstance(error, sqlite3.Error):
                raise ValueError(f"store {str(record.path)!r} cannot be written: {error}") from error
            raise
        return writer

    def add(self, step: Step, with_carry: bool = True) -> None:
        """Write a step, with its carry or without. Raises sqlite3.Error if it cannot be written; then the file is as before."""
        state = pack({"number": step.index, "time": step.time}, changing(step.reached, self._start))
        values = (step.index, row_of(step), pack(*info_as_packed(step.info)), state)
        with self._transaction() as database:
            database.execute("INSERT INTO steps VALUES (?, ?, ?, ?)", values)
            self._put_carry(step.index, step.carry if with_carry else None)
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self._synced = time.monotonic()
            try:
                self._database.execute("PRAGMA wal_checkpoint(PASSIVE)")
            except sqlite3.Error as reason:  # the step is written all the same
                log.warning("%s could not be brought to the disk: %s", self.path, reason)

    def copy(self, record: Record) -> None:
        """Write the steps of another record, which must begin with its run."""
        if record.first > 0:
            raise ValueError(f"the run must be whole to be stored, and its first {record.first} steps were dropped (keep)")
        before, energy, largest = record.state(0), float(record.numbers.energies[0]), 0.0
        for k in range(len(record)):
            n = record.numbers
            reached, numbers = record.state(k + 1), [float(column[k]) for column in n[2:]]
            energies = float(n.energies[k + 1])
            largest = float(np.fmax(largest, numbers[2]))
            step = Step(k + 1, numbers[0], energies, record.info(k), numbers[1], numbers[3], largest, 0.0, reached, {}, before,
                        energy, record.description)  # fmt: skip
            self.add(step, with_carry=False)  # that of the last step alone is known
            before, energy = reached, energies
        with self._transaction():
            self._put_carry(len(record), record.carry)

    def end(self, outcome: str, complete: bool) -> None:
        """Write why the run ended, and close the file."""
        try:
            with self._transaction():
                self._put("end", pack({"outcome": outcome, "complete": complete}))
        finally:
            self.close()

    def close(self) -> None:
        """Close the file and free it for other writers."""
        with suppress(sqlite3.Error):  # while another reads, the files beside it stay
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._database.execute("PRAGMA journal_mode = DELETE")
        try:
            self._database.close()
        finally:
            self._lock.free()

    def _put_carry(self, number: int, carry: Carry | None) -> None:
        """Write what the step after a step needs; None says that it is lost."""
        self._put("carry", pack({"number": number, "lost": carry is None}, carry))

    def _put(self, key: str, value: bytes) -> None:
        self._database.execute("INSERT OR REPLACE INTO run VALUES (?, ?)", (key, value))

    def _transaction(self) -> _Transaction:
        return _Transaction(self._database)


class _Transaction:
    """All or nothing."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> sqlite3.Connection:
        self._database.execute("BEGIN IMMEDIATE")
        return self._database

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            try:
                self._database.execute("COMMIT")
                return
            except sqlite3.Error:
                self._undo()
                raise
        self._undo()

    def _undo(self) -> None:
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")
