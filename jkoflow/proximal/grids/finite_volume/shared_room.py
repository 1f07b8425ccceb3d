"""Room that species share: an internal energy or a bound of the sum of their densities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ...._typing import Array, Indices
from ....grids import Faces
from ..local_energy import LocalEnergy, SharedLocal
from .faces import DoorFaces
from .trial import Trial
from .unknowns import FULL, YIELDING

_TRACE = 1e-12  # share of the largest density: below, U'' may be infinite


class Flow(NamedTuple):
    """The faces and doors of a species, with the derivatives of tau alpha times its flux in the rise of its potential."""

    faces: Faces
    of_rise: Array
    doors: DoorFaces
    of_rise_at_doors: Array


class Entries(NamedTuple):
    """Entries of the derivative of the excess: row and column as (number of the unknown, cell)."""

    row: int
    row_cells: Indices
    column: int
    column_cells: Indices
    values: Array


@dataclass(frozen=True, eq=False)
class SharedRoom:
    """int U(s) dx of the sum s = sum_i w_i rho_i, with s <= cap.

    Species i feels w_i [U'(s) + p]. The pressure p of the bound is one more unknown q, a density: p = unit max(q, 0) / cap, and
    the equation is s - cap = min(q, 0), so that either the cell is full or there is no pressure.
    """

    weights: Array
    """By species."""
    local: LocalEnergy
    """Of the density s."""
    row: int
    """The number of the unknown q, if there is a bound."""
    unit: float
    """An energy."""

    @property
    def is_bounded(self) -> bool:
        """True if there is a bound."""
        return bool(np.isfinite(self.local.cap))

    def total(self, rho: Array) -> Array:
        """s of the densities (species, ...)."""
        return np.tensordot(self.weights, rho, axes=1)

    def level(self, total: Array, q: Array | None = None) -> Array:
        """U'(s) + p."""
        level = self.local.derivative(np.maximum(total, 0.0)) if self.local.strictly_convex else np.zeros_like(total)
        return level if q is None else level + self.pressure(q)

    def pressure(self, q: Array) -> Array:
        """p."""
        return np.asarray(self.unit / self.local.cap * np.maximum(q, 0.0))

    def slope(self, total: Array, trace: float) -> Array:
        """U''(s), and in vacuum that of a trace, a share of the largest density."""
        if not self.local.strictly_convex:
            return np.zeros_like(total)
        return self.local.curvature(np.maximum(total, max(trace, _TRACE) * float(total.max(initial=0.0)) or 1.0))

    def start(self, rho: Array, full: bool) -> Array:
        """q; if ``full``, with the least pressure there is in cells that are full."""
        over = self.total(rho) - self.local.cap
        least = np.finfo(float).tiny * self.local.cap
        return np.where(over > -FULL * self.local.cap, least, over) if full else np.minimum(over, 0.0)

    def left_over(self, rho: Array, q: Array) -> Array:
        """What is left of the equation of the bound, by cell."""
        return np.asarray(self.total(rho) - self.local.cap - np.minimum(q, 0.0))

    def bound_entries(self, below: Sequence[Array], q: Array) -> Iterator[Entries]:
        """The derivatives of the equation of the bound; ``below`` are d rho / du by species."""
        cells = np.arange(len(q))
        for j, weight in enumerate(self.weights):
            if weight:
                yield Entries(self.row, cells, j, cells, weight * below[j])
        yield Entries(self.row, cells, self.row, cells, np.where(q < 0, -1.0, -YIELDING))

    def level_entries(self, rho: Array, below: Sequence[Array], q: Array | None, trace: float) -> Iterator[tuple[int, Array]]:
        """The derivatives of the level of a cell in the unknowns of the same cell: pairs (number of the unknown, by cell)."""
        slope = self.slope(self.total(rho), trace)
        for j, weight in enumerate(self.weights):
            if weight:
                yield j, weight * slope * below[j]
        if q is not None:
            yield self.row, np.where(q > 0, self.unit / self.local.cap, 0.0)


@dataclass(frozen=True, eq=False)
class Rooms:
    """All rooms that species share."""

    each: tuple[SharedRoom, ...]

    @classmethod
    def of(cls, shared: Sequence[SharedLocal], names: Sequence[str], first: int) -> Rooms:
        """The rooms of an energy. ``first`` is the number of the first unknown q; the unit of pressures is 1."""
        rooms: list[SharedRoom] = []
        for weights, local in shared:
            rooms.append(SharedRoom(np.array([weights.get(name, 0.0) for name in names]), local, first, 1.0))
            first += rooms[-1].is_bounded
        return cls(tuple(rooms))

    def __bool__(self) -> bool:
        return bool(self.each)

    @property
    def bounded(self) -> tuple[SharedRoom, ...]:
        """Those with a bound, in the order of their unknowns."""
        return tuple(room for room in self.each if room.is_bounded)

    def in_units_of(self, energies: Sequence[float]) -> Rooms:
        """The same rooms with pressures in units of the energies of the species that share them."""
        units = [max(e / w for e, w in zip(energies, room.weights, strict=True) if w > 0) for room in self.each]
        return Rooms(tuple(replace(room, unit=unit) for room, unit in zip(self.each, units, strict=True)))

    def levels(self, rho: Array, unknowns: Array | None = None) -> Array:
        """What the rooms add to the potential of every species, (species, cells); without ``unknowns`` no pressure."""
        out = np.zeros_like(rho)
        for room in self.each:
            q = unknowns[room.row] if room.is_bounded and unknowns is not None else None
            out += room.weights[:, None] * room.level(room.total(rho), q)
        return out

    def at_doors(self, k: int, rho: Array, doors: DoorFaces, locals_: Sequence[LocalEnergy]) -> Array:
        """What the rooms add to the potential of species k on the faces of its doors.

        Other species have the density of their own doors there, and where they have none that of the cell.
        """
        out = np.zeros(len(doors.cells))
        if self.each and len(doors.cells):
            there = rho[:, doors.cells]
            for j, local in enumerate(locals_):
                for door in local.outside:
                    there[j] = np.where(door.cells.ravel()[doors.beyond], door.densities.ravel()[doors.beyond], there[j])
            for room in self.each:
                out += room.weights[k] * room.level(room.total(there))
        return out

    def entries(self, trial: Trial, below: Sequence[Array], flows: Sequence[Flow]) -> Iterator[Entries]:
        """The derivatives of all equations in the unknowns that share a room. ``below`` are d rho / du, by species."""
        for room in self.each:
            q = trial.unknowns[room.row] if room.is_bounded else None
            if q is not None:
                yield from room.bound_entries(below, q)
            for column, values in room.level_entries(trial.rho, below, q, trial.trace):
                for k in np.flatnonzero(room.weights).tolist():
                    faces, of_rise, doors, at_doors = flows[k]
                    per_rise = room.weights[k] * of_rise / faces.widths
                    for cells, sign in ((faces.left, 1.0), (faces.right, -1.0)):
                        yield Entries(k, cells, column, faces.left, -sign * per_rise * values[faces.left])
                        yield Entries(k, cells, column, faces.right, sign * per_rise * values[faces.right])
                    leaving = -room.weights[k] * at_doors / doors.widths * values[doors.cells]
                    yield Entries(k, doors.cells, column, doors.cells, leaving)
