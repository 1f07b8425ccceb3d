"""Pictures of cells with the field that they make and follow."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._typing import Array
from .._validate import positive_integer
from ..fields import AnyField, Field
from ..laws import emitter_of
from ..measures import Density, Measure, MovingParticles, Particles, PhaseDensity, Quantiles
from ..trajectory import Trajectory
from ._shared import HUES, last_paths, must_be_flow, shown_once, time_label

_FINER = 3  # points of the picture per cell of the field, along an axis
_LEVELS = 6  # contours of a density


@shown_once
def cells_and_field(
    flow: Trajectory,
    field: str | None = None,
    *,
    times: Sequence[float] | None = None,
    panels: int = 4,
    trail: int = 40,
) -> Figure:
    """Draw a field, with the cells on it and the trails that they have left, at several times.

    * In the plane the field is an image. Particles are dots, with a line through their last places; densities are contours.
    * On the line the field is a curve, with the cells below it: dots, or the curve of their density.

    Parameters
    ----------
    flow : Trajectory
        A run with fields.
    field : str, optional
        The name of the field. Default: the first one.
    times : sequence of float, optional
        The states nearest to these times are drawn. Default: ``panels`` states evenly spread over the flow.
    panels : int
    trail : int
        The number of steps that trails go back. 0: no trails.

    All panels have one scale of colours. Raises ValueError for a run without fields, an unknown name, and in space.

    >>> import jkoflow as jf, matplotlib, numpy as np
    >>> matplotlib.use("agg")
    >>> law = jf.FieldEnergy("c", diffusion=0.1) + jf.Secretion(jf.GaussianProfile(0.2)) + jf.Chemotaxis(1.0)
    >>> start = jf.State(jf.Particles(np.eye(2)), {"c": jf.FreeField(2)})
    >>> picture = cells_and_field(jf.evolve(law, start, scheme=jf.Overdamped(), dt=0.25, t_end=1.0))
    >>> len(picture.axes)                                                          # four panels and the scale
    5
    """
    must_be_flow(flow)
    first = flow.state(0).fields
    name = next(iter(first), "") if field is None else field
    if name not in first or not isinstance(first[name], AnyField):
        raise ValueError(f"field must be one of {', '.join(map(repr, first)) or 'none'}, got {field!r}")
    if trail and not isinstance(trail, bool):
        positive_integer("trail", trail)
    shown = _indices(flow, times, panels)
    fields = [flow.state(k).fields[name] for k in shown]
    if fields[0].dim > 2:
        raise ValueError("fields are drawn on the line and in the plane, got dimension 3: draw a section with field.at(points)")
    if fields[0].dim == 1:
        size, stacked = (3.1 * len(shown) + 0.7, 2.8), False
    else:
        width, height = np.ptp(_extent(flow, shown, fields[-1]), axis=0)
        stacked = width > 2 * height
        size = (6.4, 6.4 * height / width * len(shown) + 1.2) if stacked else (3.1 * len(shown) + 0.7, 3.2)
    rows, columns = (len(shown), 1) if stacked else (1, len(shown))
    layout = "constrained" if fields[0].dim == 1 else "compressed"
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, sharex=True, sharey=True, layout=layout)
    axes = list(grid.ravel())
    draw = _on_the_line if fields[0].dim == 1 else _in_the_plane
    draw(figure, axes, flow, shown, fields, trail)
    for axis, k in zip(axes, shown, strict=True):
        axis.set_title(time_label(float(flow.times[k])), fontsize="medium")
    for axis in grid[-1]:
        axis.set_xlabel("x")
    for axis in grid[:, 0] if fields[0].dim == 2 else ():
        axis.set_ylabel("y")
    return figure


def _indices(flow: Trajectory, times: Sequence[float] | None, panels: int) -> list[int]:
    if times is None:
        return np.unique(np.linspace(0, len(flow) - 1, positive_integer("panels", panels)).round().astype(int)).tolist()
    return sorted({int(np.argmin(np.abs(flow.times - time))) for time in np.atleast_1d(times)})


def _extent(flow: Trajectory, shown: list[int], field: AnyField) -> Array:
    """The part of space that is drawn, shape (2, d): the box of the field, or what the cells have seen in free space."""
    if isinstance(field, Field) and not field.grid.periodic:
        return np.array(field.grid.bounds).T
    bounds = np.array([emitter_of(m).bounds for k in range(shown[-1] + 1) for m in flow.state(k).masses.values()])
    low, high = bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)
    room = 0.15 * max(float((high - low).max()), 1e-9)
    if isinstance(field, Field):
        ends = np.array(field.grid.bounds).T
        return np.stack([np.minimum(ends[0], low), np.maximum(ends[1], high)])
    return np.stack([low - room, high + room])


def _in_the_plane(
    figure: Figure, axes: list[Axes], flow: Trajectory, shown: list[int], fields: list[AnyField], trail: int
) -> None:
    low, high = _extent(flow, shown, fields[-1])
    count = 120 if not isinstance(fields[-1], Field) else _FINER * max(fields[-1].grid.shape)
    x, y = (np.linspace(low[k], high[k], min(count, 400)) for k in (0, 1))
    mesh = np.stack([a.ravel() for a in np.meshgrid(x, y, indexing="ij")], axis=1)
    images = [field.at(mesh).reshape(len(x), len(y)) for field in fields]
    least, most = min(image.min() for image in images), max(image.max() for image in images)
    image, species = None, list(flow.state(0).masses)
    for axis, k, values in zip(axes, shown, images, strict=True):
        image = axis.imshow(
            values.T,
            origin="lower",
            extent=(low[0], high[0], low[1], high[1]),
            cmap="magma" if len(species) == 1 else "Greys",
            vmin=least,
            vmax=most if len(species) == 1 else least + 1.6 * (most - least),  # pale below several colours
        )
        for j, (name, measure) in enumerate(flow.state(k).masses.items()):
            hue = "white" if len(species) == 1 else HUES[j % len(HUES)]
            if isinstance(measure, Density):
                axis.contour(*measure.grid.axes, measure.values.T, levels=_LEVELS, colors=hue, linewidths=0.8)
                axis.plot([], [], color=hue, label=name)
                continue
            for before in _trails(flow, k, trail, j):
                axis.plot(*before.T, color=hue, linewidth=0.6, alpha=0.5)
            axis.plot(
                *measure.points.T, "o", color=hue, markersize=3.5, markeredgewidth=0.4, markeredgecolor="white", label=name
            )
        axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    if len(species) > 1:
        axes[0].legend(frameon=False, fontsize="small", loc="upper left")
    assert image is not None
    figure.colorbar(image, ax=axes, label="field", shrink=0.85)


def _on_the_line(
    figure: Figure, axes: list[Axes], flow: Trajectory, shown: list[int], fields: list[AnyField], trail: int
) -> None:
    low, high = _extent(flow, shown, fields[-1])
    x = np.linspace(low[0], high[0], 400)
    for axis, k, field in zip(axes, shown, fields, strict=True):
        axis.fill_between(x, field.at(x), color="0.85", label="field")
        for j, (name, measure) in enumerate(flow.state(k).masses.items()):
            _draw_on_the_line(axis, measure, name or "cells", HUES[j % len(HUES)])
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, fontsize="small")


def _draw_on_the_line(axis: Axes, measure: Measure, name: str, hue: str) -> None:
    places = measure.places if isinstance(measure, PhaseDensity | MovingParticles) else measure
    if isinstance(places, Density):
        axis.plot(places.grid.axes[0], places.values, color=hue, label=name)
    elif isinstance(places, Quantiles):
        widths = np.diff(places.nodes)
        axis.stairs(places.masses / np.where(widths > 0, widths, np.nan), places.nodes, color=hue, label=name)
    elif isinstance(places, Particles):
        axis.plot(places.points.ravel(), np.zeros(len(places.masses)), "o", color=hue, markersize=3, label=name)


def _trails(flow: Trajectory, k: int, trail: int, species: int) -> Array:
    """The last places of the particles of one species up to the k-th state, shape (particles, steps, d)."""
    if not trail:
        return np.zeros((0, 0, 2))
    return last_paths(flow, flow.species[species], k, trail)
