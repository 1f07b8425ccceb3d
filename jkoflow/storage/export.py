"""Trajectories as xarray Datasets, for netCDF and zarr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray

from ..fields import AnyField, Field
from ..measures import Density, MovingParticles, PhaseDensity
from ..trajectory import Trajectory


def to_xarray(flow: Trajectory) -> xarray.Dataset:
    """Return a trajectory as an xarray Dataset, for export to netCDF, zarr and other formats.

    Write it by ``data.to_netcdf(path)`` or ``data.to_zarr(path, zarr_format=2)``; version 3 of zarr has no texts yet.

    It holds energies, distances, dissipations, the work of a law that moves, statuses; the law, the scheme and the version of
    jkoflow as attributes; and, depending on the measure,

    * the densities, with the axes x, y and z of the grid as coordinates;
    * the nodes and masses of Quantiles and RadialQuantiles, as ``nodes_name`` and ``masses_name`` for every species;
    * the points and masses of Particles and OrderedParticles, as ``points_name`` and ``masses_name``;
    * the velocities of MovingParticles too, as ``velocities_name``. Where particles leave through doors there are their points
      alone, NaN after they have left.

    Fields of a State are ``field_name``, with the axes ``name_0``, ``name_1``, ... What leaves through doors is ``outflow``, by
    step and door.

    A bare measure has ``nodes`` and ``masses`` or ``points`` and ``masses``. Needs xarray: ``pip install 'jkoflow[storage]'``.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> data = jf.to_xarray(jf.evolve(jf.Entropy(), rho, dt=0.01, t_end=0.02))
    >>> dict(data.sizes)
    {'time': 3, 'species': 1, 'x': 16, 'step': 2}
    """
    import xarray

    if len(flow) < 2:
        raise ValueError("flow must have taken a step to be exported")
    distances = np.array([[info.distances[name] for name in flow.species] for info in flow.infos])
    kind = flow.snapshots[0].kind
    if issubclass(kind, Density):
        axes = ("x", "y", "z")[: flow.snapshots[0].grid.dim]
        values = np.stack([[state[name].values for name in flow.species] for state in flow.snapshots])
        variables: dict[str, Any] = {"density": (("time", "species", *axes), values)}
        coordinates: dict[str, Any] = dict(zip(axes, flow.snapshots[0].grid.axes, strict=True))
    elif kind is PhaseDensity:
        space, velocity = flow.snapshots[0].domain
        axes = ("x", "y")[: space.dim] + ("v", "w")[: space.dim]
        values = np.stack([[state[name].values for name in flow.species] for state in flow.snapshots])
        variables = {"phase_density": (("time", "species", *axes), values)}
        coordinates = dict(zip(axes, (*space.axes, *velocity.axes), strict=True))
    else:
        variables, coordinates = {}, {}
        changing: tuple[str, ...] = ("points", "velocities") if kind is MovingParticles else (kind.moving,)
        for name in flow.species:
            suffix = f"_{name}" if name else ""
            if flow.departures:
                stacked = flow.paths(name)
                variables["points" + suffix] = (("time", f"points{suffix}_index", "axis")[: stacked.ndim], stacked)
                changing = ()
            for array in changing:
                stacked = np.stack([getattr(state[name], array) for state in flow.snapshots])
                variables[array + suffix] = (("time", f"{array}{suffix}_index", "axis")[: stacked.ndim], stacked)
            variables["masses" + suffix] = ((f"masses{suffix}_index",), flow.snapshots[0][name].masses)
    for name, first in flow.state(0).fields.items():
        fields = [flow.state(k).fields[name] for k in range(len(flow))]
        if isinstance(first, AnyField) and not isinstance(first, Field):
            continue  # a window that grows is no array over a grid
        stacked = np.stack([field.values if isinstance(field, Field) else field for field in fields])
        variables[f"field_{name}"] = (("time", *(f"{name}_{axis}" for axis in range(stacked.ndim - 1))), stacked)
    if outflow := flow.outflow:
        variables["outflow"] = (("step", "door"), np.stack(list(outflow.values()), axis=1))
        coordinates["door"] = list(outflow)
    return xarray.Dataset(
        variables
        | {
            "energy": (("time",), flow.energies),
            "distance": (("step", "species"), distances.reshape(len(flow.infos), len(flow.species))),
            "dissipation": (("step",), flow.dissipation),
            "work": (("step",), flow.work),
            "status": (("step",), [status.name for status in flow.statuses]),
        },
        coords={"time": flow.times, "species": list(flow.species), **coordinates},
        attrs={
            "law": flow.law,
            "scheme": flow.scheme,
            "outcome": flow.outcome,
            "jkoflow": flow.record.description.version,
            **{f"mobility {name}".strip(): alpha for name, alpha in flow.mobilities.items()},
        },
    )
