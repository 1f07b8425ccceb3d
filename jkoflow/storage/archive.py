"""A trajectory written at once, and read at once."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from ..trajectory import MemoryRecord, Trajectory
from .layout import whole_path
from .locks import WriterLock
from .npz import looks_like_npz, read_npz
from .packing import DamagedError
from .store import StoreWriter
from .stored import StoredRecord

_OTHERS = {  # endings of files of other kinds, and how to make them
    ".nc": "jkoflow.to_xarray(flow).to_netcdf(path) writes netCDF",
    ".zarr": "jkoflow.to_xarray(flow).to_zarr(path) writes zarr",
    ".csv": "flow.to_pandas().to_csv(path) writes a table",
    ".npy": "numpy.save(path, flow.final.values) writes an array",
    ".h5": "jkoflow.to_xarray(flow).to_netcdf(path) writes HDF5",
    ".json": "json.dump(flow.rows(), file) writes a table",
    ".png": "jkoflow.plot.density(flow).savefig(path) draws a picture",
    ".gif": "jkoflow.plot.animate(flow, path) makes an animation",
    ".mp4": "jkoflow.plot.animate(flow, path) makes an animation",
}


def save(flow: Trajectory, path: str | Path) -> None:
    """Write a trajectory to a file that :func:`load` and :func:`jkoflow.open` read back bit for bit.

    The file appears under its name when it is complete: a file of this name is replaced at once, or not at all. Law and scheme
    are code and are not stored. Their descriptions are stored.

    To keep a run while it goes on, use ``evolve(..., store=path)``.

    Raises ValueError for anything but a whole trajectory, for one whose first steps were dropped, for kinds of measure that are
    not the library's own, for a path that cannot be written, and for one that ends as a file of another kind (.nc, .csv).

    >>> import tempfile, jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> flow = jf.evolve(jf.Entropy(), rho, dt=0.01, t_end=0.02)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     jf.save(flow, f"{folder}/flow.jko")
    ...     again = jf.load(f"{folder}/flow.jko")
    >>> bool((again.final.values == flow.final.values).all())
    True
    """
    if not isinstance(flow, Trajectory) or flow.selected is not None:
        raise ValueError("flow must be a whole trajectory, not that of one species or anything else")
    path, record = whole_path("path", path), flow.record
    if (way_out := _OTHERS.get(path.suffix.lower())) is not None:
        raise ValueError(f"path must not end in {path.suffix}, for the file is one of jkoflow: {way_out}")
    if path.is_dir():
        raise ValueError(f"path must be a file, and {str(path)!r} is a folder")
    unfinished = path.with_name(f".{uuid4().hex}.jko")
    try:
        lock = WriterLock(path)  # refuses a file that a run is writing
    except OSError as reason:
        raise ValueError(f"path {str(path)!r} cannot be written: {reason.strerror}") from reason
    try:
        writer = StoreWriter.new(
            unfinished, record.description, record.state(0), float(record.numbers.energies[0]), record.carry
        )
        try:
            writer.copy(record)
        finally:
            writer.end(record.outcome, record.complete)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        for left in ("-wal", "-shm"):  # of a run that was killed: they would be read as a part of the new file
            path.with_name(path.name + left).unlink(missing_ok=True)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
        lock.free()


def load(path: str | Path) -> Trajectory:
    """Read a trajectory that :func:`save` or ``evolve(..., store=path)`` wrote, into memory.

    Continue it with ``evolve(law, load(path), ...)``. If the file is damaged, the trajectory ends before the damage, and its
    outcome says so. Files of version 0.1 (``.npz``) are read too.

    Raises ValueError if the file is missing or holds something else, or nothing of it can be read.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> import tempfile
    >>> flow = jf.evolve(jf.Entropy(), rho, dt=0.1, t_end=0.2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     jf.save(flow, f"{folder}/flow.jko")
    ...     again = load(f"{folder}/flow.jko")
    >>> bool((again.energies == flow.energies).all())
    True
    """
    if looks_like_npz(whole_path("path", path)):
        return Trajectory(read_npz(path))
    stored = StoredRecord(path)
    return Trajectory(_in_memory(stored))


def open_run(path: str | Path) -> Trajectory:
    """Return the trajectory in a file of ``evolve(..., store=path)`` or :func:`save`. States are read when they are asked for.

    The file may be written meanwhile: the trajectory holds the steps that it had when it was opened.
    ``evolve(law, jkoflow.open(path), t_end=...)`` goes on and appends to the file.

    Raises ValueError if the file is missing or holds something else. A state that is damaged raises ValueError when it is read.

    >>> import tempfile, jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/run.jko"
    ...     half = jf.evolve(jf.Entropy(), rho, dt=0.01, t_end=0.02, store=path)
    ...     whole = jf.evolve(jf.Entropy(), jf.open(path), t_end=0.04)
    ...     len(whole), len(jf.open(path))
    (5, 5)
    """
    return Trajectory(StoredRecord(path))


def _in_memory(stored: StoredRecord) -> MemoryRecord:
    """The steps of a file up to the first that is damaged."""
    numbers = stored.numbers
    record = MemoryRecord(stored.description, stored.state(0), float(numbers.energies[0]), stored.carry or {})
    columns = [column.tolist() for column in (numbers.times[1:], numbers.energies[1:], *numbers[2:])]
    try:
        for k in range(len(stored)):
            record.restore(stored.state(k + 1), stored.info(k), tuple(column[k] for column in columns))
    except DamagedError:
        record.carry = None
        record.end(f"is damaged after step {len(record)}", False)
        return record
    record.carry = stored.carry  # None if it is lost
    record.end(stored.outcome, stored.complete)
    return record
