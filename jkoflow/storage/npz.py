"""Files of version 0.1, which are archives of numpy."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from .._status import Status
from ..grids import Grid
from ..measures import Density, Measure, OrderedPoints, Particles, Quantiles, RadialQuantiles, State
from ..ordered import Events
from ..schemes import StepInfo
from ..trajectory import MemoryRecord, RunDescription
from .states import EVENT_ARRAYS, species_of

_UNREADABLE = (OSError, ValueError, AttributeError, KeyError, TypeError, NotImplementedError, EOFError, BadZipFile)
_MOST_BYTES, _MOST_RATIO = 1 << 28, 50  # a file that unpacks to more bytes, and to more times its size, is no trajectory


def looks_like_npz(path: str | Path) -> bool:
    """Return True if a file begins like an archive of numpy."""
    try:
        with Path(path).open("rb") as file:
            return file.read(2) == b"PK"
    except OSError:
        return False


def read_npz(path: str | Path) -> MemoryRecord:
    """Read a file of version 0.1. Raises ValueError if it is damaged or holds something else."""
    try:
        with ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
        if size > max(_MOST_BYTES, _MOST_RATIO * Path(path).stat().st_size):
            raise ValueError(f"it unpacks to {size:.2g} bytes")
        with np.load(path, allow_pickle=False) as stored:
            data = {key: stored[key] for key in stored.files}
        return _record(data)
    except (*_UNREADABLE, zlib.error) as reason:
        raise ValueError(f"path must name a saved trajectory, and {str(path)!r} cannot be read: {reason}") from reason


def _record(data: dict[str, Any]) -> MemoryRecord:
    names = [str(name) for name in data["names"]]
    count = len(data["statuses"])
    data = {"evaluations": np.zeros(count, dtype=int), "errors": np.full(count, np.nan)} | data
    mobilities = dict(zip(names, data["mobilities"].tolist(), strict=True))
    times, dts, energies = data["times"], data["dts"], data["energies"]
    states = [
        State(species_of(dict(zip(names, measures, strict=True))), time=float(time))
        for time, measures in zip(times, _stored_states(data), strict=True)
    ]
    description = RunDescription(
        law="", scheme=str(data["scheme"]), mobilities=mobilities, given=mobilities, dt=float(dts[0]) if count else 1.0,
        start_time=float(times[0]), version="0.1",
    )  # fmt: skip
    chosen = [_or_none(next_dt) for _, next_dt in data["chosen"]]
    record = MemoryRecord(description, states[0], float(energies[0]), {})
    keys = ("distances", "statuses", "iterations", "residuals", "chosen", "evaluations", "errors")
    columns = zip(*(data[key] for key in keys), _stored_events(data, names), states[1:], energies[1:], dts, strict=True)
    for distances, status, iterations, residual, sizes, evaluations, error, events, state, energy, dt in columns:
        moved = dict(zip(names, distances.tolist(), strict=True))
        squares = sum(moved[name] ** 2 / mobilities[name] for name in names)
        info = StepInfo(
            moved, Status[str(status)], int(iterations), float(residual), squares / float(dt) ** 2, dt=_or_none(sizes[0]),
            events=events, evaluations=int(evaluations), error=_or_none(error),
        )  # fmt: skip
        distance = next(iter(moved.values())) if len(moved) == 1 else squares**0.5
        numbers = (state.time, float(energy), float(dt), distance, info.dissipation, 0.0, float(info.status.ok))
        record.restore(state, info, numbers)
    record.carry = {"dt": np.array(chosen[-1])} if chosen and chosen[-1] is not None else {}
    if count:  # what BDF2 and SemiImplicitJKO carry
        before = {f"before {name}": getattr(m, m.moving) for name, m in states[-2].masses.items()}
        record.carry |= {"last dt": np.array(float(dts[-1])), **before}
    record.end(str(data["outcome"]), True)
    return record


def _stored_states(data: dict[str, Any]) -> Iterator[list[Measure]]:
    """Yield the measures of every state as a list with one measure per species."""
    kind, count = str(data["kind"]), len(data["names"])
    walls = tuple(data["walls"].tolist()) if "walls" in data else None
    for arrays in zip(*(data[f"state {k}"] for k in range(count)), strict=True):
        if kind == "Density":
            grid = Grid.box(*map(tuple, data["bounds"].tolist()), cells=tuple(data["shape"].tolist()))
            yield [Density(grid, values) for values in arrays]
        elif kind == "Quantiles":
            yield [Quantiles(nodes, data[f"masses {k}"], walls) for k, nodes in enumerate(arrays)]
        elif kind == "RadialQuantiles":
            yield [RadialQuantiles(nodes, data[f"masses {k}"], int(data["dim"])) for k, nodes in enumerate(arrays)]
        elif kind == "OrderedPoints":
            yield [OrderedPoints(points, data[f"masses {k}"]) for k, points in enumerate(arrays)]
        else:
            yield [Particles(points, data[f"masses {k}"]) for k, points in enumerate(arrays)]


def _stored_events(data: dict[str, Any], names: list[str]) -> list[Events | None]:
    """The events of every step. None for a step whose events were not followed."""
    if "event counts" not in data:
        return [None] * len(data["statuses"])
    counts = data["event counts"]
    ends = np.cumsum(np.maximum(counts, 0))[:-1]
    parts = [np.split(data[f"event {part}"], ends) for part in EVENT_ARRAYS]
    return [
        None if count < 0 else Events(times, places, members, groups, tuple(names))
        for count, times, places, members, groups in zip(counts, *parts, strict=True)
    ]


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
