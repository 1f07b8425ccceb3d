"""A run in a file, written step by step: a database of SQLite with a checksum for every entry.

A step is written in one transaction. So the file holds every step that was written, whenever the process dies. Writes reach
the disk itself at least every ``SYNC_SECONDS``: a power cut costs the steps since then, and no others.

The tables:

* ``run(key, value)``: "description", "start" (the first state), "carry" (of the last step), "end" (why the run ended);
* ``steps(number, numbers, info, state)``: one row per step.
"""

from __future__ import annotations

import os
import sqlite3
import struct
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from zlib import crc32

import numpy as np

from .._log import log
from ..measures import State
from ..schemes import Carry, StepInfo
from ..trajectory import Numbers, Record, RunDescription, Step
from .locks import WriterLock
from .packing import DamagedError, Packed, pack, unpack
from .states import changing, info_as_packed, info_of_packed, moved_state, start_as_packed, state_of_packed

FORMAT = 1
SYNC_SECONDS = 2.0
_NOT_ENDED = "was not ended"
_TABLES = (
    "CREATE TABLE run (key TEXT PRIMARY KEY, value BLOB NOT NULL)",
    "CREATE TABLE steps (number INTEGER PRIMARY KEY, numbers BLOB NOT NULL, info BLOB NOT NULL, state BLOB NOT NULL)",
)
_APPLICATION = 0x6A6B6F66  # "jkof": tells the file from other databases
_ROW = struct.Struct("<q7d")  # number, time, energy, dt, distance, dissipation, work, solved
_COLUMNS = np.dtype([("number", "<i8"), ("values", "<f8", (7,)), ("sum", "<u4")])


class StoreWriter:
    """The one writer of a store.

    Raises ValueError

    * if the file exists, for a new run; if it is not one, or has gone on since it was read, for one that is continued;
    * if another run writes it;
    * if the folder cannot be written;
    * for a kind of measure that cannot be stored.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
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
        writer = cls(path)
        try:
            with writer._transaction() as database:
                for table in _TABLES:
                    database.execute(table)
                database.execute(f"PRAGMA application_id = {_APPLICATION}")
                database.execute(f"PRAGMA user_version = {FORMAT}")
                writer._put("description", pack(asdict(description) | {"energy": float(energy)}))
                writer._put("start", pack(*begun))
                writer._put_carry(0, carry)
                writer._put("end", pack({"outcome": _NOT_ENDED, "complete": False}))
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
        writer = cls(record.path)
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
                writer._put("end", pack({"outcome": _NOT_ENDED, "complete": False}))
        except BaseException as error:
            writer.close()
            if isinstance(error, sqlite3.Error):
                raise ValueError(f"store {str(record.path)!r} cannot be written: {error}") from error
            raise
        return writer

    def add(self, step: Step, with_carry: bool = True) -> None:
        """Write a step, with its carry or without. Raises sqlite3.Error if it cannot be written; then the file is as before."""
        info = step.info
        row = _ROW.pack(
            step.index, step.time, step.energy, step.dt, step.distance, info.dissipation, step.work, float(info.status.ok)
        )
        row += struct.pack("<I", crc32(row))
        state = pack({"number": step.index, "time": step.time}, changing(step.reached))
        values = (step.index, row, pack(*info_as_packed(info)), state)
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
        before, energy = record.state(0), float(record.numbers.energies[0])
        for k in range(len(record)):
            n = record.numbers
            reached, numbers = record.state(k + 1), [float(column[k]) for column in n[2:]]
            energies = float(n.energies[k + 1])
            step = Step(k + 1, numbers[0], energies, record.info(k), numbers[1], numbers[3], 0.0, reached, {}, before, energy,
                        record.description)  # fmt: skip
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


class StoredRecord(Record):
    """The steps of a run in a file. States and infos are read when they are asked for.

    It holds the steps that the file had when it was opened. If entries are damaged, it ends before the first damaged row of
    numbers, and says so in its outcome. A damaged state raises ValueError when it is read.
    """

    first = 0

    def __init__(self, path: str | Path) -> None:
        self.path = whole_path("path", path)
        self._connections: dict[int, sqlite3.Connection] = {}
        self._guard, self._ended, self.signature = threading.Lock(), False, b""
        try:
            size = self.path.stat().st_size
        except OSError as reason:
            raise ValueError(
                f"path must name a saved trajectory, and {str(path)!r} cannot be read: {reason.strerror}"
            ) from reason
        if size == 0:
            raise ValueError(f"path must name a saved trajectory, and {str(path)!r} cannot be read: it is empty")
        (application,), (version,) = self._rows("PRAGMA application_id")[0], self._rows("PRAGMA user_version")[0]
        if application != _APPLICATION:
            raise ValueError(f"path must name a saved trajectory, and {str(path)!r} cannot be read: it is another file")
        if version != FORMAT:
            raise ValueError(f"{str(path)!r} has format {version}, and this version of jkoflow reads format {FORMAT}")
        made_of = [sql for (sql,) in self._rows("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
        if sorted(made_of) != sorted(_TABLES):  # nothing is computed by what a file defines
            raise self._unreadable("it holds other tables")
        self.signature = self._rows("SELECT value FROM run WHERE key = 'description'")[0][0]
        told = self._told("description").numbers
        self._start_energy = told.pop("energy")
        self.description = RunDescription(**told)
        self._start = state_of_packed(self._told("start"))
        end = self._told("end").numbers
        self.outcome, self.complete = str(end["outcome"]), bool(end["complete"])
        self._numbers = self._intact_rows()
        self._ended = self.outcome != _NOT_ENDED
        try:
            number, carry = self._told("carry")
        except DamagedError:
            number, carry = {}, {}
        self.carry = carry if number.get("number") == len(self) and not number["lost"] else None
        if number.get("number", 0) > len(self):
            self.outcome, self.complete = _damaged_after(len(self)), False

    def _intact_rows(self) -> Any:
        """The rows of numbers up to the first that is damaged."""
        rows = [row for (row,) in self._rows("SELECT numbers FROM steps ORDER BY number")]
        for k, row in enumerate(rows):
            if not isinstance(row, bytes) or len(row) != _COLUMNS.itemsize or not _row_fits(row, k + 1):
                self.outcome, self.complete = _damaged_after(k), False
                rows = rows[:k]
                break
        return np.frombuffer(b"".join(rows), _COLUMNS)

    @property
    def damaged(self) -> bool:
        """True if the file holds more steps than can be read."""
        return self.outcome == _damaged_after(len(self))

    @cached_property
    def numbers(self) -> Numbers:
        time, energy, dt, distance, dissipation, work, solved = np.ascontiguousarray(self._numbers["values"].T)
        times, energies = np.array([self._start.time, *time]), np.array([self._start_energy, *energy])
        return Numbers(times, energies, dt, distance, dissipation, work, solved)

    def __len__(self) -> int:
        return len(self._numbers)

    def state(self, k: int) -> State:
        if k == 0:
            return self._start
        packed = self._entry("state", k)
        return moved_state(self._start, packed.arrays, float(self._numbers["values"][k - 1, 0]))

    def info(self, k: int) -> StepInfo:
        return info_of_packed(self._entry("info", k + 1))

    def _entry(self, column: str, number: int) -> Packed:
        rows = self._rows(f"SELECT {column} FROM steps WHERE number = ?", number)
        try:
            packed = unpack(rows[0][0] if rows else b"")
        except DamagedError as reason:
            raise DamagedError(f"step {number} in {str(self.path)!r} is damaged: {reason}") from reason
        if column == "state" and packed.numbers != {"number": number, "time": float(self._numbers["values"][number - 1, 0])}:
            raise DamagedError(f"step {number} in {str(self.path)!r} is damaged: it is that of another step")
        return packed

    def _told(self, key: str) -> Packed:
        rows = self._rows("SELECT value FROM run WHERE key = ?", key)
        try:
            return unpack(rows[0][0] if rows else b"")
        except DamagedError as reason:
            raise DamagedError(f"{str(self.path)!r} is damaged in {key!r}: {reason}") from reason

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with self._guard:
            try:
                return self._connection().execute(query, values).fetchall()
            except (sqlite3.Error, OverflowError, UnicodeDecodeError) as reason:
                raise self._unreadable(reason) from reason
            finally:
                if not self._ended:  # a connection that stays would keep the writer from closing the file
                    self._close()

    def _unreadable(self, reason: object) -> DamagedError:
        return DamagedError(f"path must name a saved trajectory, and {str(self.path)!r} cannot be read: {reason}")

    def _connection(self) -> sqlite3.Connection:
        """The connection of this process: one that was open at a fork is not used by the child."""
        process = os.getpid()
        if process not in self._connections:
            database = self._connected()
            if self.signature:  # the file may have been replaced since it was opened
                found = database.execute("SELECT value FROM run WHERE key = 'description'").fetchall()
                if found != [(self.signature,)]:
                    database.close()
                    raise sqlite3.DatabaseError("it holds another run by now")
            self._connections = {process: database}
        return self._connections[process]

    def _connected(self) -> sqlite3.Connection:
        address = self.path.as_uri() + "?mode=ro"
        database = sqlite3.connect(address, uri=True, check_same_thread=False)
        try:
            database.execute("PRAGMA user_version")
        except sqlite3.OperationalError:
            database.close()
            if self.path.with_name(self.path.name + "-wal").exists():
                raise
            return sqlite3.connect(address + "&immutable=1", uri=True, check_same_thread=False)  # in a read-only folder
        return database

    def _close(self) -> None:
        for database in self.__dict__.get("_connections", {}).values():
            database.close()
        self._connections = {}

    def __del__(self) -> None:
        self._close()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_connections", "_guard")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state | {"_connections": {}, "_guard": threading.Lock()}


def whole_path(name: str, path: Any) -> Path:
    """Return a path without links, which stays the same if the working folder changes.

    Raises ValueError for anything but a path in a folder that exists.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str) or not str(path):
        raise ValueError(f"{name} must be a path, got {path!r}")
    try:
        whole = Path(path).resolve()
        if not whole.parent.is_dir():
            raise ValueError(f"{name} must be in a folder that exists, got {str(path)!r}")
        whole.exists()  # refuses names that are too long
    except OSError as reason:
        raise ValueError(f"{name} must be a path, and {str(path)[:80]!r} is none: {reason.strerror}") from reason
    return whole


def _damaged_after(k: int) -> str:
    return f"is damaged after step {k}"


def _row_fits(row: bytes, number: int) -> bool:
    return crc32(row[:-4]) == int.from_bytes(row[-4:], "little") and int.from_bytes(row[:8], "little") == number
