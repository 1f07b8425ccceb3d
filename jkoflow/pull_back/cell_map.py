"""The pull-back of densities through any map of a box onto itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._typing import Array
from .periodic import reach, rolled_up, unrolled
from .plane import PlaneSource
from .space import SpaceSource


@dataclass(frozen=True, eq=False)
class CellMap:
    """A map S of a box onto itself, known at the corners of the cells and the middles of their faces.

    The pull-back of a density mu has the average mu(S(C)) / |C| in every cell C: moved cells are polygons or polyhedra, whose
    mass is summed exactly (see ``PullBack``). So mass is kept to rounding, and the result is non-negative as long as no moved
    cell is inverted. The error is of second order in the cell width.

    ``shape`` are the numbers of cells of 1 to 3 axes. ``moves`` are the displacements in cells, as ``CellMap.of`` makes them.
    On the axes of a torus, ``periodic``, the displacements at both ends are the same, and cells may move through the ends.

    >>> shift = CellMap.of((4,), lambda points: np.maximum(points - 0.5, 0))          # the mass moves by half a cell
    >>> shift.pull(np.array([0.0, 4.0, 0.0, 0.0]))
    array([0., 2., 2., 0.])
    """

    shape: tuple[int, ...]
    moves: tuple[Array, ...]
    periodic: tuple[bool, ...] = ()

    @classmethod
    def of(cls, shape: tuple[int, ...], images: Callable[[Array], Array], periodic: tuple[bool, ...] = ()) -> CellMap:
        """Return the map whose images are given as a function of points (n, d), in cells from the low corner of the box.

        ``images`` is called once.
        """
        origins = [np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) for axes in _axes_of_points(shape)]
        flat = np.concatenate([points.reshape(-1, len(shape)) for points in origins])
        moved = np.split(images(flat) - flat, np.cumsum([points[..., 0].size for points in origins])[:-1])
        moves = tuple(np.moveaxis(m.reshape(p.shape), -1, 0) for m, p in zip(moved, origins, strict=True))
        return cls(shape, moves, periodic if any(periodic) else ())

    @property
    def deformation(self) -> float:
        """The largest change of a displacement from one point to the next, in cells: below 1 no cell is inverted."""
        corners = self.moves[0]
        return max(float(np.abs(np.diff(corners, axis=axis + 1)).max(initial=0.0)) for axis in range(len(self.shape)))

    def pull(self, values: Array) -> Array:
        """Return the cell averages of the pull-back of a density that is given by its cell averages. O(n)."""
        if self.periodic:
            return self._unrolled(values)
        if len(self.shape) == 3:
            corners, *across = self.moves
            normal = [np.ascontiguousarray(part[axis]) for axis, part in enumerate(across)]
            source = SpaceSource(values, (0.0, 0.0, 0.0))
            masses = source.moved(np.ascontiguousarray(corners), (normal[0], normal[1], normal[2])).masses
        elif len(self.shape) == 2:
            corners, across0, across1 = (part.copy() for part in self.moves)
            masses = PlaneSource(values, (0.0, 0.0)).moved((corners, across0, across1)).masses
        else:
            (faces,) = self.moves
            still = [np.zeros((2, *size)) for size in ((2, len(values) + 1), (2, len(values)), (1, len(values) + 1))]
            still[0][1], still[2][1] = faces[0], faces[0]
            still[1][1] = (faces[0, 1:] + faces[0, :-1]) / 2
            masses = PlaneSource(values[None], (0.0, 0.0)).moved((still[0], still[1], still[2])).masses[0]
        return np.maximum(masses, 0.0)  # what rounding leaves below 0

    def _unrolled(self, values: Array) -> Array:
        """The pull-back on a torus: in a box with as many further cells beyond its ends as the map reaches."""
        beyond = reach(self.moves, self.periodic)
        further = unrolled(values, beyond, self.shape)
        in_box = CellMap(further.shape, tuple(unrolled(part, beyond, self.shape) for part in self.moves))
        return rolled_up(in_box.pull(further), beyond)


def _axes_of_points(shape: tuple[int, ...]) -> list[list[Array]]:
    """The coordinates of the corners, then of the middles of the faces across every axis; on the line corners alone."""
    corners = [np.arange(count + 1.0) for count in shape]
    if len(shape) == 1:
        return [corners]
    across = [[c if k == axis else c[:-1] + 0.5 for k, c in enumerate(corners)] for axis in range(len(shape))]
    return [corners, *across]
