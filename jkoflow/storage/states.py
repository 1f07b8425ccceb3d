"""States and steps as numbers and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._status import Status
from ..clouds import Departures
from ..fields import AnyField, Field, FreeField, QuadraticField
from ..grids import Grid
from ..measures import (
    UNNAMED,
    Density,
    Measure,
    MovingParticles,
    OrderedParticles,
    OrderedPoints,
    Particles,
    PhaseDensity,
    Quantiles,
    RadialQuantiles,
    Species,
    State,
)
from ..ordered import Events
from ..schemes import StepInfo
from .packing import DamagedError, Packed

KINDS: dict[str, type[Measure]] = {
    kind.__name__: kind
    for kind in (Density, Quantiles, Particles, MovingParticles, PhaseDensity, OrderedPoints, RadialQuantiles)
}
EVENT_ARRAYS = ("times", "places", "members", "groups")
DEPARTED_ARRAYS = ("times", "places", "masses", "numbers")


def start_as_packed(state: State) -> Packed:
    """The whole of a state: kind, names, what stays the same along a flow, and what changes.

    Raises ValueError for a kind of measure that is not the library's own.
    """
    kind = state.masses.kind
    if KINDS.get(kind.__name__) is not kind:
        raise ValueError(f"state must be of {', '.join(KINDS)} to be stored, got {kind.__name__}")
    numbers: dict[str, Any] = {"kind": kind.__name__, "names": list(state.masses), "time": state.time}
    arrays = changing(state)
    if kind is Density:
        grid = state.masses.grid
        numbers |= {"bounds": [list(pair) for pair in grid.bounds], "shape": list(grid.shape), "periodic": grid.periodic}
    elif kind is PhaseDensity:
        for name, grid in zip(("space", "velocity"), state.masses.domain, strict=True):
            numbers[name] = [[list(pair) for pair in grid.bounds], list(grid.shape)]
    else:
        arrays |= {f"masses {k}": measure.masses for k, measure in enumerate(state.masses.values())}
    if kind is Quantiles and state.masses.domain is not None:
        numbers["walls"] = list(state.masses.domain)
    if kind is RadialQuantiles:
        numbers["dim"] = state.masses.domain[1]
    kinds = {name: _field_as_numbers(name, field) for name, field in state.fields.items() if isinstance(field, AnyField)}
    return Packed(numbers | ({"fields": kinds} if kinds else {}), arrays)


def state_of_packed(packed: Packed) -> State:
    """The state that :func:`start_as_packed` has told. Raises DamagedError if it is none."""
    numbers, arrays = packed
    try:
        kind, names = KINDS[numbers["kind"]], numbers["names"]
        walls = tuple(numbers["walls"]) if "walls" in numbers else None
        grid = _grid_of(numbers) if kind is Density else None
        measures: dict[str, Measure] = {}
        for k, name in enumerate(names):
            moved = arrays[f"state {k}"]
            if grid is not None:
                measures[name] = Density(grid, moved)
            elif kind is Quantiles:
                measures[name] = Quantiles(moved, arrays[f"masses {k}"], walls)
            elif kind is RadialQuantiles:
                measures[name] = RadialQuantiles(moved, arrays[f"masses {k}"], int(numbers["dim"]))
            elif kind is PhaseDensity:
                space, velocity = (
                    Grid.box(*map(tuple, numbers[part][0]), cells=tuple(numbers[part][1])) for part in ("space", "velocity")
                )
                measures[name] = PhaseDensity(space, velocity, moved)
            elif kind is MovingParticles:
                points, velocities = moved
                measures[name] = MovingParticles(points, velocities, arrays[f"masses {k}"])
            elif kind is OrderedPoints:
                measures[name] = OrderedPoints(moved, arrays[f"masses {k}"])
            else:
                measures[name] = Particles(moved, arrays[f"masses {k}"])
        empty = {name: _empty_field(told) for name, told in numbers.get("fields", {}).items()}
        return State(species_of(measures), _fields(arrays, empty), float(numbers["time"]))
    except (KeyError, TypeError, ValueError) as reason:
        raise DamagedError(f"it holds no state: {reason}") from reason


def species_of(measures: dict[str, Measure]) -> Species:
    """The measures as Species: as OrderedParticles if they are ordered points of named species."""
    ordered = all(isinstance(measure, OrderedPoints) for measure in measures.values()) and list(measures) != [UNNAMED]
    return OrderedParticles(measures) if ordered else Species(measures)


def changing(state: State, start: State | None = None) -> dict[str, NDArray[Any]]:
    """The arrays of a state that a flow changes; with its masses where some have left since the ``start``."""
    arrays = {f"state {k}": getattr(measure, measure.moving) for k, measure in enumerate(state.masses.values())}
    for k, (name, measure) in enumerate(state.masses.items()):
        if start is not None and measure.may_leave and len(measure.masses) != len(start.masses[name].masses):
            arrays[f"masses {k}"] = measure.masses
    for name, field in state.fields.items():
        if isinstance(field, AnyField):
            arrays |= {f"{part} of field {name}": array for part, array in field.stored.items()}
        else:
            arrays[f"field {name}"] = field
    return arrays


def moved_state(start: State, arrays: dict[str, NDArray[Any]], time: float) -> State:
    """The state with the arrays that :func:`changing` has told, in the place of those of ``start``."""
    try:
        masses = start.masses
        for k, (name, measure) in enumerate(start.masses.items()):
            if f"masses {k}" in arrays:
                those = measure.chosen(slice(len(arrays[f"masses {k}"])))
                masses = Species({**masses, name: replace(those, masses=arrays[f"masses {k}"])})
        masses = masses.like({name: arrays[f"state {k}"] for k, name in enumerate(masses)})
        return State(masses, _fields(arrays, start.fields), time)
    except (KeyError, ValueError) as reason:
        raise DamagedError(f"it holds no state: {reason}") from reason


def _fields(arrays: dict[str, NDArray[Any]], like: Mapping[str, Any]) -> dict[str, Any]:
    """The fields in the arrays of a state. ``like`` holds fields of the same kinds."""
    fields: dict[str, Any] = {name.removeprefix("field "): a for name, a in arrays.items() if name.startswith("field ")}
    for name, field in like.items():
        if isinstance(field, AnyField):
            fields[name] = field.restored({part: arrays[f"{part} of field {name}"] for part in field.stored})
    return fields


def _field_as_numbers(name: str, field: AnyField) -> dict[str, Any]:
    """What stays the same of a field. Raises ValueError for a kind that is not the library's own."""
    told: dict[str, Any] = {"kind": type(field).__name__}
    if isinstance(field, Field):
        told |= {"bounds": [list(pair) for pair in field.grid.bounds], "shape": list(field.grid.shape)}
        return told | {"periodic": field.grid.periodic}
    if isinstance(field, FreeField):
        return told | {"dim": field.dim, "tolerance": field.tolerance}
    if isinstance(field, QuadraticField):
        return told | {"dim": field.dim}
    raise ValueError(f"field {name!r} must be a Field, FreeField or QuadraticField to be stored, got {type(field).__name__}")


def _grid_of(told: Mapping[str, Any]) -> Grid:
    """The grid that was told by its ends, its shape, and which axes are periodic."""
    periodic = told.get("periodic", False)
    ends = tuple(periodic) if isinstance(periodic, list) else periodic
    return Grid.box(*map(tuple, told["bounds"]), cells=tuple(told["shape"]), periodic=ends)


def _empty_field(told: dict[str, Any]) -> AnyField:
    """A field of the kind that :func:`_field_as_numbers` has told."""
    if told["kind"] == "Field":
        return Field(_grid_of(told))
    if told["kind"] == "FreeField":
        return FreeField(told["dim"], told["tolerance"])
    return QuadraticField(np.zeros(told["dim"] + 2))


def info_as_packed(info: StepInfo) -> Packed:
    """What a scheme told of a step."""
    numbers = {
        "distances": dict(info.distances),
        "status": info.status.name,
        "iterations": int(info.iterations),
        "residual": float(info.residual),
        "dissipation": float(info.dissipation),
        "dt": info.dt,
        "evaluations": int(info.evaluations),
        "error": info.error,
        "solver": info.solver,
    }
    if info.outflow:
        numbers["outflow"] = {name: dict(doors) for name, doors in info.outflow.items()}
        numbers["energy_out"] = info.energy_out
    arrays: dict[str, NDArray[Any]] = {}
    if info.events is not None:
        numbers["species"] = list(info.events.species)
        arrays |= {part: getattr(info.events, part) for part in EVENT_ARRAYS}
    if info.departures is not None:
        numbers["departed"] = [list(info.departures.species), list(info.departures.doors)]
        arrays |= {f"departed {part}": getattr(info.departures, part) for part in DEPARTED_ARRAYS}
    return Packed(numbers, arrays)


def info_of_packed(packed: Packed) -> StepInfo:
    """What :func:`info_as_packed` has told. Raises DamagedError if it is none."""
    numbers, arrays = packed
    try:
        events = None
        if "species" in numbers:
            events = Events(**{part: arrays[part] for part in EVENT_ARRAYS}, species=tuple(numbers["species"]))
        departures = None
        if "departed" in numbers:
            species, doors = map(tuple, numbers["departed"])
            departed = {part: arrays[f"departed {part}"] for part in DEPARTED_ARRAYS}
            departures = Departures(**departed, species=species, doors=doors)
        return StepInfo(
            numbers["distances"],
            Status[numbers["status"]],
            numbers["iterations"],
            numbers["residual"],
            numbers["dissipation"],
            dt=numbers["dt"],
            events=events,
            evaluations=numbers["evaluations"],
            error=numbers["error"],
            solver=numbers.get("solver", ""),
            outflow=numbers.get("outflow", {}),
            energy_out=numbers.get("energy_out", 0.0),
            departures=departures,
        )
    except (KeyError, TypeError, ValueError) as reason:
        raise DamagedError(f"it tells of no step: {reason}") from reason
