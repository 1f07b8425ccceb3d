"""Measures carried by velocity fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import singledispatch
from itertools import pairwise

import numpy as np

from ..._typing import Array
from ...grids import Grid
from ...laws import Entry
from ...laws.forms import Carrying
from ...measures import Density, Measure, OrderedPoints, Particles, Quantiles
from ...pull_back import CellMap

_EXACT = 1e-10  # relative error of the paths
_FOLDED = 0.5  # deformation of the cells, in cells: more is divided into several maps
_PERIODIC = 1e-6  # share of the largest velocity: what it may jump by from one end of a periodic axis to the other
_ALONG = 1e-9  # share of the largest velocity: what may go through a wall


class LostPaths(Exception):  # noqa: N818 - it ends in a status
    """Paths become infinite."""


Velocity = Callable[[Array, float], Array]
"""The velocities at points (n, d) and a time, shape (n, d)."""

Maps = dict[tuple[Grid, float], list[CellMap]]
"""How the cells of a grid move in a time, by grid and time."""


def total_velocity(entries: Sequence[Entry[Carrying]]) -> Velocity:
    """The sum of the velocity fields of one species."""
    return lambda points, time: sum((c * form.at(points, time) for c, form, _ in entries), np.zeros_like(points))


def paths(velocity: Velocity, points: Array, start: float, end: float) -> Array:
    """The ends of the paths of points (n, d), forwards or backwards in time: the method DOP853 of scipy.

    Raises LostPaths if they become infinite.
    """
    from scipy.integrate import solve_ivp

    if len(points) == 0 or start == end:
        return points
    scale = float(np.ptp(points, axis=0).max()) or float(np.abs(points).max()) or 1.0
    solved = solve_ivp(
        lambda time, x: velocity(x.reshape(points.shape), time).ravel(),
        (start, end),
        points.ravel(),
        method="DOP853",
        rtol=_EXACT,
        atol=_EXACT * scale,
    )
    if not solved.success or not np.isfinite(solved.y[:, -1]).all():
        raise LostPaths
    return np.asarray(solved.y[:, -1].reshape(points.shape))


def must_be_carried(measure: Measure, velocity: Velocity, time: float, name: str) -> None:
    """Raise ValueError for a measure that is not carried, or a velocity that goes through a wall."""
    if not isinstance(measure, Density | Quantiles | OrderedPoints | Particles):
        raise ValueError(
            f"Advection carries Density, Quantiles, OrderedParticles and Particles, got {type(measure).__name__} "
            f"for species {name!r}"
        )
    if isinstance(measure, Density):
        _must_stay_inside(measure.grid, velocity, time)
    else:
        points = measure.points.reshape(len(measure.masses), -1)
        velocity(points, time)
        if isinstance(measure, Quantiles) and measure.domain is not None:
            _must_vanish(velocity(np.array(measure.domain)[:, None], time), velocity(points, time), time)


def _must_stay_inside(grid: Grid, velocity: Velocity, time: float) -> None:
    inside = velocity(grid.points.reshape(grid.size, -1), time)
    for axis, ends in enumerate(grid.bounds):
        others = [x for k, x in enumerate(grid.axes) if k != axis]
        places = (np.meshgrid(*others[:axis], [end], *others[axis:], indexing="ij") for end in ends)
        low, high = (velocity(np.stack([x.ravel() for x in place], axis=-1), time) for place in places)
        if grid.periodic_axes[axis]:
            _must_be_periodic(high - low, inside, axis, time)
        else:
            _must_vanish(low[:, axis], inside, time)
            _must_vanish(high[:, axis], inside, time)


def _must_be_periodic(jump: Array, inside: Array, axis: int, time: float) -> None:
    most = float(np.abs(jump).max(initial=0.0))
    if most > _PERIODIC * float(np.abs(inside).max(initial=0.0)):
        raise ValueError(
            f"velocity must be the same at both ends of the periodic axis {axis}, and it jumps there by {most:.3g} at "
            f"t = {time:g}: take a period of the length of the grid"
        )


def _must_vanish(through: Array, inside: Array, time: float) -> None:
    most = float(np.abs(through).max(initial=0.0))
    if most > _ALONG * float(np.abs(inside).max(initial=0.0)):
        raise ValueError(
            f"velocity must be along the walls, and it goes through one with {most:.3g} at t = {time:g}: make it 0 there"
        )


@singledispatch
def carried(measure: Measure, velocity: Velocity, start: float, length: float, maps: Maps | None) -> Measure:
    """The measure after a time ``length`` along a velocity field. ``maps`` keeps the moved cells of a steady field."""
    raise NotImplementedError


@carried.register
def _(measure: Particles, velocity: Velocity, start: float, length: float, maps: Maps | None) -> Measure:
    points = measure.points.reshape(len(measure.masses), -1)
    return measure.like(paths(velocity, points, start, start + length).reshape(measure.points.shape))


@carried.register
def _(measure: OrderedPoints, velocity: Velocity, start: float, length: float, maps: Maps | None) -> Measure:
    return measure.like(paths(velocity, measure.points[:, None], start, start + length)[:, 0])


@carried.register
def _(measure: Quantiles, velocity: Velocity, start: float, length: float, maps: Maps | None) -> Measure:
    nodes = paths(velocity, measure.nodes[:, None], start, start + length)[:, 0]
    nodes = np.maximum.accumulate(nodes)  # rounding may cross them
    return measure.like(nodes if measure.domain is None else np.clip(nodes, *measure.domain))


@carried.register
def _(measure: Density, velocity: Velocity, start: float, length: float, maps: Maps | None) -> Measure:
    """By the pull-back through the paths backwards in time, in so many parts that no cell is folded."""
    if maps is None:
        steps = _cell_maps(measure.grid, velocity, start, start + length)
    elif (key := (measure.grid, length)) in maps:
        steps = maps[key]
    else:
        steps = _cell_maps(measure.grid, velocity, 0.0, length)
        maps.clear()
        maps[key] = steps
    values = measure.values
    for step in steps:
        values = step.pull(values)
    return replace(measure, values=values)


def _cell_maps(grid: Grid, velocity: Velocity, start: float, end: float) -> list[CellMap]:
    low, widths, lengths = np.array(grid.bounds)[:, 0], np.array(grid.spacing), np.array(grid.lengths)

    def on_grid(points: Array, time: float) -> Array:
        """The velocity, whose function is asked on the grid alone: paths on a torus may leave it."""
        inside = low + np.mod(points - low, lengths)
        return velocity(np.where(grid.periodic_axes, inside, points), time)

    def between(first: float, last: float) -> CellMap:
        def images(cells: Array) -> Array:
            return (paths(on_grid, low + widths * cells, last, first) - low) / widths

        return CellMap.of(grid.shape, images, grid.periodic_axes)

    whole = between(start, end)
    parts = int(np.ceil(whole.deformation / _FOLDED))
    if parts <= 1:
        return [whole]
    times = np.linspace(start, end, parts + 1)
    return [between(float(a), float(b)) for a, b in pairwise(times)]
