"""The faces of doors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...._typing import Array, Indices, Mask
from ....grids import Faces, Grid, Medium, mobility_on_faces
from ..local_energy import LocalEnergy, Outside


class DoorFaces(NamedTuple):
    """The faces between the open cells of a species and cells that are outside."""

    cells: Indices
    """The open cell, by face."""
    beyond: Indices
    """The cell outside."""
    widths: Array
    """The distance of the two centres. The face is half way."""
    doors: Indices
    """The number of the door."""
    densities: Array
    """The density on the face."""
    axes: Indices
    """The axis that a face lies across."""
    signs: Indices
    """1 if the cell outside has the larger coordinate, else -1."""
    inflow: Array
    """What enters through the face per time and area if that is given, else NaN."""

    @classmethod
    def of(cls, grid: Grid, closed: Mask, outside: Sequence[Outside]) -> DoorFaces:
        """The faces of doors. ``closed`` are the cells in obstacles and outside."""
        numbers, which = np.arange(grid.size).reshape(grid.shape), np.full(grid.shape, -1)
        for k, door in enumerate(outside):
            which[door.cells] = k
        cells, beyond, widths, axes, signs = [], [], [], [], []
        for axis, h in enumerate(grid.spacing):
            n, shut, number = (grid.along(a, axis) for a in (numbers, closed, which))
            for inner, outer, sign in ((slice(None, -1), slice(1, None), 1), (slice(1, None), slice(None, -1), -1)):
                is_door = ~shut[inner] & (number[outer] >= 0)
                cells.append(n[inner][is_door])
                beyond.append(n[outer][is_door])
                widths.append(np.full(len(cells[-1]), h))
                axes.append(np.full(len(cells[-1]), axis))
                signs.append(np.full(len(cells[-1]), sign))
        behind = np.concatenate(beyond)
        doors = which.ravel()[behind]
        held = sum((door.densities for door in outside), np.zeros(grid.shape))
        densities = held.ravel()[behind]
        inflow = np.full(grid.shape, np.nan)
        for door in outside:
            if door.flux is not None:
                inflow[door.cells] = door.flux[door.cells]
        by_face = (np.concatenate(part) for part in (cells, widths, axes, signs))
        open_cells, distances, across, towards = by_face
        return cls(open_cells, behind, distances, doors, densities, across, towards, inflow.ravel()[behind])


def given_fluxes(doors: DoorFaces, rates: Array, time: float) -> Array:
    """The flux out of every face where it is given, in units in which ``rates`` times it is what leaves in a time; else NaN."""
    return -doors.inflow * time / rates


def entering(doors: DoorFaces, rates: Array, given: Array) -> float:
    """What enters in a step through the faces where the flux is given, a sum of densities."""
    return float(np.nansum(-rates / doors.widths * given))


def on_ways(grid: Grid, local: LocalEnergy, faces: Faces) -> Array:
    """The mobility of a species on the ways between cells; 1 if there is none."""
    return np.ones(len(faces.left)) if local.medium is None else mobility_on_faces(grid, local.closed, local.medium)


def at_doors(medium: Medium | None, doors: DoorFaces) -> Array:
    """A mobility by axis in the open cell of every face of a door; 1 if there is none."""
    values = np.ones(len(doors.cells))
    for axis, a in enumerate(medium.values if medium is not None else ()):
        across = doors.axes == axis
        values[across] = a.ravel()[doors.cells[across]]
    return values
