"""Trajectories on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray

from ._status import Status
from .grids import Grid
from .measures import Density, Species
from .schemes import StepInfo
from .trajectory import Trajectory


def save(flow: Trajectory, path: str | Path) -> None:
    """Write a trajectory to a compressed ``.npz`` file that :func:`load` reads back bit for bit.

    Law and scheme are code and are not stored; the scheme's description is.

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
    grid = flow.snapshots[0].grid
    with Path(path).open("wb") as file:  # numpy would add an ending to a bare path
        np.savez_compressed(
            file,
            bounds=np.array(grid.bounds),
            shape=np.array(grid.shape),
            names=np.array(names),
            mobilities=np.array([flow.mobilities[name] for name in names]),
            values=np.stack([[state[name].values for name in names] for state in flow.snapshots]),
            times=flow.times,
            energies=flow.energies,
            dts=flow.dts,
            distances=np.array([[info.distances[name] for name in names] for info in flow.infos]),
            statuses=np.array([info.status.name for info in flow.infos], dtype=str),
            iterations=np.array([info.iterations for info in flow.infos], dtype=int),
            residuals=np.array([info.residual for info in flow.infos], dtype=float),
            scheme=np.array(flow.scheme),
            outcome=np.array(flow.outcome),
        )


def load(path: str | Path) -> Trajectory:
    """Read a trajectory that :func:`save` wrote. Continue it with ``evolve(law, load(path), ...)``.

    Raises ValueError for a file that is not there or holds something else.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            data = {key: stored[key] for key in stored.files}
    except (OSError, ValueError, AttributeError) as reason:
        raise ValueError(f"path must name a saved trajectory, and {str(path)!r} cannot be read") from reason
    if not {"names", "values", "statuses", "mobilities"} <= set(data):
        raise ValueError(f"path must name a saved trajectory, and {str(path)!r} holds {sorted(data)}")
    names = [str(name) for name in data["names"]]
    grid = Grid.box(*map(tuple, data["bounds"].tolist()), cells=tuple(data["shape"].tolist()))
    infos = tuple(
        StepInfo(dict(zip(names, moved.tolist(), strict=True)), Status[str(status)], int(iterations), float(residual))
        for moved, status, iterations, residual in zip(
            data["distances"], data["statuses"], data["iterations"], data["residuals"], strict=True
        )
    )
    return Trajectory(
        times=data["times"],
        snapshots=tuple(
            Species({name: Density(grid, one) for name, one in zip(names, values, strict=True)}) for values in data["values"]
        ),
        energies=data["energies"],
        dts=data["dts"],
        infos=infos,
        mobilities=dict(zip(names, data["mobilities"].tolist(), strict=True)),
        scheme=str(data["scheme"]),
        outcome=str(data["outcome"]),
    )


def to_xarray(flow: Trajectory) -> xarray.Dataset:
    """The densities, energies and distances of a trajectory as an xarray Dataset, for export to netCDF and the like.

    Needs xarray: ``pip install 'jkoflow[storage]'``.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> data = jf.to_xarray(jf.evolve(jf.Entropy(), rho, dt=0.01, t_end=0.02))
    >>> dict(data.sizes)
    {'time': 3, 'species': 1, 'x': 16, 'step': 2}
    """
    import xarray

    axes = ("x", "y", "z")[: flow.snapshots[0].grid.dim]
    values = np.stack([[state[name].values for name in flow.species] for state in flow.snapshots])
    distances = np.array([[info.distances[name] for name in flow.species] for info in flow.infos])
    return xarray.Dataset(
        {
            "density": (("time", "species", *axes), values),
            "energy": (("time",), flow.energies),
            "distance": (("step", "species"), distances.reshape(len(flow.infos), len(flow.species))),
            "status": (("step",), [status.name for status in flow.statuses]),
        },
        coords={
            "time": flow.times,
            "species": list(flow.species),
            **dict(zip(axes, flow.snapshots[0].grid.axes, strict=True)),
        },
        attrs={"scheme": flow.scheme, "outcome": flow.outcome},
    )
