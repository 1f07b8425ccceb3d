"""Single measures drawn on axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LightSource, LinearSegmentedColormap

from .._typing import Array, Mask
from .._validate import of_kind
from ..grids import Grid
from ..laws import Law
from ..measures import Density, Quantiles, RadialQuantiles, Species


def flat_values(measure: Density) -> Array:
    """The values of a density in 1-D and 2-D, in 3-D their integral along the third axis."""
    return measure.values if measure.grid.dim < 3 else measure.values.sum(axis=2) * measure.grid.spacing[2]


def closed_cells(law: Law, state: Species) -> dict[str, Mask]:
    """The cells of the obstacles of every species that has some."""
    of_kind("obstacles", law, Law, "a law, such as Obstacle(where)")
    closed: dict[str, Mask] = {}
    for _, form, _ in law.forms.obstacles:
        mask = form.mask(state.grid)
        closed[form.species] = closed.get(form.species, np.zeros(state.grid.shape, dtype=bool)) | mask
    return closed


def view(states: list[Species]) -> tuple[tuple[float, float], float]:
    """The range of x and the highest density to show.

    Cells of Quantiles that are about to become atoms have very high densities, which would hide all others. So the highest
    density shown is at most ten times the least of the maxima of all states and species.
    """
    if issubclass(states[0].kind, Density):
        return states[0].grid.bounds[0], max(float(measure.values.max()) for state in states for measure in state.values())
    measures = [measure for state in states for measure in state.values()]
    low, high = min(measure.nodes[0] for measure in measures), max(measure.nodes[-1] for measure in measures)
    if isinstance(measures[0], RadialQuantiles):
        top = max(float(measure.values.max()) for measure in measures)
        return (
            0.0,
            max(float(measure.nodes[1:][measure.values > 1e-3 * top].max(initial=0.0)) for measure in measures),
        ), top
    if measures[0].walls is not None:
        low, high = measures[0].walls
    margin = 0.03 * float(high - low) or 1.0
    tops = [float(measure.values[np.isfinite(measure.values)].max(initial=0.0)) for measure in measures]
    positive_tops = [top for top in tops if top > 0]
    return (float(low) - margin, float(high) + margin), min(max(tops), 10 * min(positive_tops)) if positive_tops else 1.0


def draw_on_line(axis: Axes, measure: Density | Quantiles | RadialQuantiles, top: float, colour: Any, label: str) -> None:
    """Draw a density as a curve, or quantiles as a piecewise constant density with a line and a dot for every atom."""
    if isinstance(measure, Density):
        axis.plot(measure.grid.axes[0], measure.values, color=colour, label=label, linewidth=1.6)
        return
    atomic = measure.atomic
    heights = np.where(np.isfinite(measure.values), measure.values, 0.0)
    axis.stairs(heights, measure.nodes, color=colour, label=label, linewidth=1.4, baseline=None if not heights.any() else 0)
    if atomic.any():
        places, place_of_cell = np.unique(measure.nodes[:-1][atomic], return_inverse=True)
        masses = np.bincount(place_of_cell, weights=measure.masses[atomic]) / measure.mass
        axis.vlines(places, 0, top, color=colour, linewidth=1.0)
        axis.scatter(places, np.full(len(places), top), s=80 * masses, color=colour, zorder=3)


def hatch(axis: Axes, grid: Grid, closed: Mask) -> None:
    """Hatch the cells of an obstacle; in 3-D those columns of cells that are closed as a whole."""
    flat = closed if closed.ndim == 2 else closed.all(axis=2)
    (left, right), (bottom, up) = grid.bounds[:2]
    edges = np.linspace(left, right, flat.shape[0] + 1), np.linspace(bottom, up, flat.shape[1] + 1)
    marked = np.ma.masked_where(~flat.T, np.ones(flat.T.shape))
    axis.pcolor(*edges, marked, cmap="Greys", vmin=0, vmax=2, hatch="///", alpha=0.6, zorder=2)


def draw_image(axis: Axes, measure: Density, top: float, landscape: Array | None, hue: str) -> Any:
    """Draw a density as an image: in colours, or in one hue over the shaded landscape."""
    (left, right), (bottom, up) = measure.grid.bounds[:2]
    placement: dict[str, Any] = {"extent": (left, right, bottom, up), "origin": "lower", "aspect": "equal"}
    colours: Any = "viridis"
    if landscape is not None:
        steepness = 0.06 * max(measure.grid.lengths) / max(float(np.ptp(landscape)), 1e-300)
        dx, dy = measure.grid.spacing
        shade = LightSource(azdeg=315, altdeg=50).hillshade(landscape.T, vert_exag=steepness, dx=dx, dy=dy)
        axis.imshow(shade, cmap="gray", vmin=0.0, vmax=1.1, alpha=0.8, interpolation="bilinear", **placement)
        axis.contour(*measure.grid.axes[:2], landscape.T, levels=8, colors="k", linewidths=0.3, alpha=0.4)
        red, green, blue = (int(hue[k : k + 2], 16) / 255 for k in (1, 3, 5))
        ramp = [(red, green, blue, 0.0), (red, green, blue, 0.75), (red / 3, green / 3, blue / 3, 0.95)]
        colours = LinearSegmentedColormap.from_list("ink", ramp)
    return axis.imshow(flat_values(measure).T, cmap=colours, vmin=0.0, vmax=top, **placement)


def is_drawn_on_line(state: Species) -> bool:
    """Return True for measures that are drawn as curves. Raises ValueError for measures that have no density."""
    if not issubclass(state.kind, Density | Quantiles | RadialQuantiles):
        raise ValueError(
            f"what must be of Density or Quantiles to be plotted, got {state.kind.__name__}: "
            "plot.world_lines and plot.cdfs take ordered particles"
        )
    return state.kind is not Density or state.grid.dim == 1
