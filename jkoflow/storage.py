"""Trajectories in files, and as xarray Datasets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray

from ._status import Status
from .grids import Grid
from .measures import UNNAMED, Density, Measure, OrderedParticles, OrderedPoints, Particles, Quantiles, RadialQuantiles, Species
from .ordered import Events
from .schemes import StepInfo
from .trajectory import Trajectory

_EVENT_ARRAYS = ("times", "places", "members", "groups")


def save(flow: Trajectory, path: str | Path) -> None:
    """Write a trajectory to a compressed ``.npz`` file that :func:`load` reads back bit for bit.

    Law and scheme are code and are not stored. The description of the scheme is stored.

    Raises ValueError for anything but a whole trajectory.

    >>> import tempfile, jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> flow = jf.evolve(jf.Entropy(), rho, dt=0.01, t_end=0.02)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     jf.save(flow, f"{folder}/flow.npz")
    ...     again = jf.load(f"{folder}/flow.npz")
    >>> bool((again.final.values == flow.final.values).all())
    True
    """
    if not isinstance(flow, Trajectory) or flow.selected is not None:
        raise ValueError("flow must be a whole trajectory, not that of one species or anything else")
    names = list(flow.snapshots[0])
    kind = flow.snapshots[0].kind
    arrays = _constant_arrays(flow.snapshots[0]) | _event_arrays(flow)
    for k, name in enumerate(names):
        arrays[f"state {k}"] = np.stack([getattr(state[name], kind.moving) for state in flow.snapshots])
    with Path(path).open("wb") as file:  # numpy would add an ending to a bare path
        np.savez_compressed(
            file,
            kind=np.array(kind.__name__),
            names=np.array(names),
            mobilities=np.array([flow.mobilities[name] for name in names]),
            times=flow.times,
            energies=flow.energies,
            dts=flow.dts,
            distances=np.array([[info.distances[name] for name in names] for info in flow.infos]),
            statuses=np.array([info.status.name for info in flow.infos], dtype=str),
            iterations=np.array([info.iterations for info in flow.infos], dtype=int),
            residuals=np.array([info.residual for info in flow.infos], dtype=float),
            evaluations=np.array([info.evaluations for info in flow.infos], dtype=int),
            errors=np.array([_or_nan(info.error) for info in flow.infos], dtype=float),
            chosen=np.array([(_or_nan(info.dt), _or_nan(info.next_dt)) for info in flow.infos], dtype=float).reshape(-1, 2),
            scheme=np.array(flow.scheme),
            outcome=np.array(flow.outcome),
            **arrays,
        )


def load(path: str | Path) -> Trajectory:
    """Read a trajectory that :func:`save` wrote. Continue it with ``evolve(law, load(path), ...)``.

    Raises ValueError if the file is missing or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            data = {key: stored[key] for key in stored.files}
    except (OSError, ValueError, AttributeError) as reason:
        raise ValueError(f"path must name a saved trajectory, and {str(path)!r} cannot be read") from reason
    if not {"names", "kind", "statuses", "mobilities", "chosen"} <= set(data):
        raise ValueError(f"path must name a saved trajectory, and {str(path)!r} holds {sorted(data)}")
    names = [str(name) for name in data["names"]]
    count = len(data["statuses"])
    data = {"evaluations": np.zeros(count, dtype=int), "errors": np.full(count, np.nan)} | data  # files before 0.2 lack them
    keys = ("distances", "statuses", "iterations", "residuals", "chosen", "evaluations", "errors")
    columns = [data[key] for key in keys]
    infos = tuple(
        StepInfo(
            dict(zip(names, distances.tolist(), strict=True)),
            Status[str(status)],
            int(iterations),
            float(residual),
            dt=_or_none(chosen[0]),
            next_dt=_or_none(chosen[1]),
            events=events,
            evaluations=int(evaluations),
            error=_or_none(error),
        )
        for distances, status, iterations, residual, chosen, evaluations, error, events in zip(
            *columns, _stored_events(data, names), strict=True
        )
    )
    return Trajectory(
        times=data["times"],
        snapshots=tuple(_species(dict(zip(names, state, strict=True))) for state in _stored_states(data)),
        energies=data["energies"],
        dts=data["dts"],
        infos=infos,
        mobilities=dict(zip(names, data["mobilities"].tolist(), strict=True)),
        scheme=str(data["scheme"]),
        outcome=str(data["outcome"]),
    )


def _species(measures: dict[str, Measure]) -> Species:
    """The measures as Species: as OrderedParticles if they are ordered points of named species."""
    ordered = all(isinstance(measure, OrderedPoints) for measure in measures.values()) and list(measures) != [UNNAMED]
    return OrderedParticles(measures) if ordered else Species(measures)


def _constant_arrays(state: Species) -> dict[str, Any]:
    """The arrays that stay the same along a flow: the grid of densities; the masses, walls and dimension of other measures."""
    if state.kind is Density:
        return {"bounds": np.array(state.grid.bounds), "shape": np.array(state.grid.shape)}
    domain = {"walls": np.array(state.domain)} if state.kind is Quantiles and state.domain is not None else {}
    if state.kind is RadialQuantiles:
        domain = {"dim": np.array(state.domain[1])}
    return {f"masses {k}": measure.masses for k, measure in enumerate(state.values())} | domain


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


def _event_arrays(flow: Trajectory) -> dict[str, Any]:
    """The events of all steps, one step after the other, and the number of events of each step.

    Times are from the start of the step. The number is -1 for a step whose events were not followed.
    """
    if all(info.events is None for info in flow.infos):
        return {}
    events_of_steps = [Events() if info.events is None else info.events for info in flow.infos]
    return {
        f"event {part}": np.concatenate([getattr(events, part) for events in events_of_steps]) for part in _EVENT_ARRAYS
    } | {"event counts": np.array([-1 if info.events is None else len(info.events) for info in flow.infos])}


def _stored_events(data: dict[str, Any], names: list[str]) -> list[Events | None]:
    """The events of every step. None for a step whose events were not followed."""
    if "event counts" not in data:
        return [None] * len(data["statuses"])
    counts = data["event counts"]
    ends = np.cumsum(np.maximum(counts, 0))[:-1]
    parts = [np.split(data[f"event {part}"], ends) for part in _EVENT_ARRAYS]
    return [
        None if count < 0 else Events(times, places, members, groups, tuple(names))
        for count, times, places, members, groups in zip(counts, *parts, strict=True)
    ]


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def to_xarray(flow: Trajectory) -> xarray.Dataset:
    """Return a trajectory as an xarray Dataset, for export to netCDF and other formats.

    It holds energies, distances, statuses and, depending on the measure,

    * the densities, with the axes x, y and z of the grid as coordinates;
    * the nodes and masses of Quantiles and RadialQuantiles, as ``nodes_name`` and ``masses_name`` for every species;
    * the points and masses of Particles and OrderedParticles, as ``points_name`` and ``masses_name``.

    A bare measure has ``nodes`` and ``masses`` or ``points`` and ``masses``. Needs xarray: ``pip install 'jkoflow[storage]'``.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> data = jf.to_xarray(jf.evolve(jf.Entropy(), rho, dt=0.01, t_end=0.02))
    >>> dict(data.sizes)
    {'time': 3, 'species': 1, 'x': 16, 'step': 2}
    """
    import xarray

    distances = np.array([[info.distances[name] for name in flow.species] for info in flow.infos])
    kind = flow.snapshots[0].kind
    if kind is Density:
        axes = ("x", "y", "z")[: flow.snapshots[0].grid.dim]
        values = np.stack([[state[name].values for name in flow.species] for state in flow.snapshots])
        variables: dict[str, Any] = {"density": (("time", "species", *axes), values)}
        coordinates: dict[str, Any] = dict(zip(axes, flow.snapshots[0].grid.axes, strict=True))
    else:
        variables, coordinates = {}, {}
        for name in flow.species:
            suffix, array = f"_{name}" if name else "", kind.moving
            stacked = np.stack([getattr(state[name], array) for state in flow.snapshots])
            variables[array + suffix] = (("time", f"{array}{suffix}_index", "axis")[: stacked.ndim], stacked)
            variables["masses" + suffix] = ((f"masses{suffix}_index",), flow.snapshots[0][name].masses)
    return xarray.Dataset(
        variables
        | {
            "energy": (("time",), flow.energies),
            "distance": (("step", "species"), distances.reshape(len(flow.infos), len(flow.species))),
            "status": (("step",), [status.name for status in flow.statuses]),
        },
        coords={"time": flow.times, "species": list(flow.species), **coordinates},
        attrs={"scheme": flow.scheme, "outcome": flow.outcome},
    )
