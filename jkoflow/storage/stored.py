"""A run in a file, as it is read."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..measures import State
from ..schemes import StepInfo
from ..trajectory import Numbers, Record, RunDescription
from .layout import APPLICATION, COLUMNS, FORMAT, NOT_ENDED, TABLES, damaged_after, row_fits, whole_path
from .packing import DamagedError, Packed, unpack
from .states import info_of_packed, moved_state, state_of_packed


class StoredRecord(Record):
    """The steps of a run in a file. States and infos are read when they are asked for.

    It holds the steps that the file had when it was opened. If entries are damaged, it ends before the first damaged row of
    numbers, and says so in its outcome. A damaged state raises ValueError when it is read.
    """

    first = 0

    def __init__(self, path: str | Path) -> None:
        self.path = whole_path("path", path)
        self._connect_when_asked()
        self._ended, self.signature = False, b""
        try:
            size = self.path.stat().st_size
        except OSError as reason:
            raise ValueError(
                f"path must name a saved trajectory, and {str(path)!r} cannot be read: {reason.strerror}"
            ) from reason
        if size == 0:
            raise ValueError(f"path must name a saved trajectory, and {str(path)!r} cannot be read: it is empty")
        (application,), (version,) = self._rows("PRAGMA application_id")[0], self._rows("PRAGMA user_version")[0]
        if application != APPLICATION:
            raise ValueError(f"path must name a saved trajectory, and {str(path)!r} cannot be read: it is another file")
        if version != FORMAT:
            raise ValueError(f"{str(path)!r} has format {version}, and this version of jkoflow reads format {FORMAT}")
        made_of = [sql for (sql,) in self._rows("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")]
        if sorted(made_of) != sorted(TABLES):  # nothing is computed by what a file defines
            raise self._unreadable("it holds other tables")
        self.signature = self._rows("SELECT value FROM run WHERE key = 'description'")[0][0]
        told = self._told("description").numbers
        self._start_energy = told.pop("energy")
        self.description = RunDescription(**told)
        self._start = state_of_packed(self._told("start"))
        end = self._told("end").numbers
        self.outcome, self.complete = str(end["outcome"]), bool(end["complete"])
        self._numbers = self._intact_rows()
        self._ended = self.outcome != NOT_ENDED
        try:
            number, carry = self._told("carry")
        except DamagedError:
            number, carry = {}, {}
        self.carry = carry if number.get("number") == len(self) and not number["lost"] else None
        if number.get("number", 0) > len(self):
            self.outcome, self.complete = damaged_after(len(self)), False

    def _intact_rows(self) -> Any:
        """The rows of numbers up to the first that is damaged."""
        rows = [row for (row,) in self._rows("SELECT numbers FROM steps ORDER BY number")]
        for k, row in enumerate(rows):
            if not row_fits(row, k + 1):
                self.outcome, self.complete = damaged_after(k), False
                rows = rows[:k]
                break
        return np.frombuffer(b"".join(rows), COLUMNS)

    @property
    def damaged(self) -> bool:
        """True if the file holds more steps than can be read."""
        return self.outcome == damaged_after(len(self))

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
                    _close(self._connections)

    def _unreadable(self, reason: object) -> DamagedError:
        return DamagedError(f"path must name a saved trajectory, and {str(self.path)!r} cannot be read: {reason}")

    def _connection(self) -> sqlite3.Connection:
        """The connection of this process: one that was open at a fork is not used by the child."""
        process = os.getpid()
        if process not in self._connections:
            database = self._connected()
            if self.signature:  # the file may have been replaced since it was opened
                self._connections[process] = database  # so that it is closed whatever comes
                found = database.execute("SELECT value FROM run WHERE key = 'description'").fetchall()
                if found != [(self.signature,)]:
                    _close(self._connections)
                    raise sqlite3.DatabaseError("it holds another run by now")
            self._connections[process] = database
        return self._connections[process]

    def _connected(self) -> sqlite3.Connection:
        address = self.path.as_uri() + "?mode=ro"
        database = sqlite3.connect(address, uri=True, check_same_thread=False)
        try:
            database.execute("PRAGMA user_version").fetchall()
        except sqlite3.Error as reason:
            database.close()
            log_beside = self.path.with_name(self.path.name + "-wal").exists()
            if log_beside or not isinstance(reason, sqlite3.OperationalError):
                raise
            return sqlite3.connect(address + "&immutable=1", uri=True, check_same_thread=False)  # in a read-only folder
        return database

    def _connect_when_asked(self) -> None:
        """Begin without connections. Those that are made are closed with this object, also if it is a part of a cycle."""
        self._guard = threading.Lock()
        self._connections: dict[int, sqlite3.Connection] = {}
        weakref.finalize(self, _close, self._connections).atexit = False

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_connections", "_guard")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._connect_when_asked()


def _close(connections: dict[int, sqlite3.Connection]) -> None:
    """Close the connections of this process, and forget those that were open at a fork."""
    for process, database in connections.items():
        if process == os.getpid():
            database.close()
    connections.clear()
