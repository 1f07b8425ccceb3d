"""A run in a file, written step by step: a database of SQLite with a checksum for every entry.

A step is written in one transaction. So the file holds every step that was written, whenever the process dies. Writes reach
the disk itself at least every ``SYNC_SECONDS``: a power cut costs the steps since then, and no others.

The tables:

* ``run(key, value)``: "description", "start" (the first state), "carry" (of the last step), "end" (why the run ended);
* ``steps(number, numbers, info, state)``: one row per step.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from ..trajectory import Step

FORMAT = 1
SYNC_SECONDS = 2.0
NOT_ENDED = "was not ended"
TABLES = (
    "CREATE TABLE run (key TEXT PRIMARY KEY, value BLOB NOT NULL)",
    "CREATE TABLE steps (number INTEGER PRIMARY KEY, numbers BLOB NOT NULL, info BLOB NOT NULL, state BLOB NOT NULL)",
)
APPLICATION = 0x6A6B6F66  # "jkof": tells the file from other databases
COLUMNS = np.dtype([("number", "<i8"), ("values", "<f8", (7,)), ("sum", "<u4")])
"""The numbers of a step: time, energy, dt, distance, dissipation, work, 1 if it was solved; and their checksum."""
_ROW = struct.Struct("<q7d")


def row_of(step: Step) -> bytes:
    """The numbers of a step as one row of ``COLUMNS``."""
    info = step.info
    numbers = (step.time, step.energy, step.dt, step.distance, info.dissipation, step.work, float(info.status.ok))
    row = _ROW.pack(step.index, *numbers)
    return row + struct.pack("<I", crc32(row))


def row_fits(row: Any, number: int) -> bool:
    """Return True if a row is that of a step, undamaged."""
    if not isinstance(row, bytes) or len(row) != COLUMNS.itemsize or int.from_bytes(row[:8], "little") != number:
        return False
    return crc32(row[:-4]) == int.from_bytes(row[-4:], "little")


def damaged_after(k: int) -> str:
    """The outcome of a file whose steps can be read up to the k-th."""
    return f"is damaged after step {k}"


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
