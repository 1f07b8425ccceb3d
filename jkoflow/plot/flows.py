"""Pictures of flows: densities, quantiles, paths and the energy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._typing import Array, Mask
from .._validate import finite_array, positive_integer
from ..laws import Law
from ..measures import Measure, Quantiles, RadialQuantiles, Species
from ..trajectory import Trajectory
from ._drawing import closed_cells, draw_image, draw_on_line, flat_values, hatch, is_drawn_on_line, view
from ._shared import HUES, figure_of, must_be_flow, shown_once, states_at, time_label


@shown_once
def density(
    what: Trajectory | Measure | Species,
    *,
    times: Sequence[float] | None = None,
    panels: int = 5,
    over: Any = None,
    obstacles: Law | None = None,
    own_scale: bool = False,
    figsize: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Figure:
    """Draw a density, or the densities of a flow at several times.

    * In 1-D, and over the radius for RadialQuantiles, every species has a panel with one curve per time. An atom is a line with
      a dot whose area is the mass of the atom.
    * In 2-D there is a panel for every time, and a row of panels for every species.
    * In 3-D it is the same, with the density integrated along the third axis.

    Parameters
    ----------
    what : Trajectory, Density, Quantiles, RadialQuantiles or Species
        What to draw.
    times : sequence of float, optional
        The states nearest to these times are drawn. Default: ``panels`` states evenly spread over the flow.
    panels : int
        The number of states to draw if no times are given.
    over : array, optional
        In 2-D a landscape of the shape of the grid. It is drawn shaded beneath the density.
    obstacles : Law, optional
        On a grid, the obstacles in this law are hatched.
    own_scale : bool
        In 2-D and 3-D, give every panel a colour scale of its own. By default the panels of a species share one.
    figsize : pair of float, optional
        Width and height of the figure in inches.
    ax : Axes, optional
        The axes to draw on, if there is one panel: one species, and in 2-D and 3-D one state.

    Raises ValueError for measures of other kinds, and for ``ax`` if there are several panels.

    >>> import numpy as np, jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> picture = density(jf.Grid.box((0, 1), (0, 1), cells=8).density(lambda x, y: x * y))
    >>> len(picture.axes)
    2
    """
    shown = states_at(what, times, panels)
    closed = {} if obstacles is None else closed_cells(obstacles, shown[0][1])
    if is_drawn_on_line(shown[0][1]):
        return _curves(shown, figsize, closed, ax)
    landscape = None if over is None else finite_array("over", over, shown[0][1].grid.shape)
    return _maps(shown, landscape, figsize, closed, own_scale, ax)


@shown_once
def quantiles(flow: Trajectory, *, times: Sequence[float] | None = None, panels: int = 5) -> Figure:
    """Draw the pseudo-inverses X(s) of a flow of Quantiles at several times. Flat parts are atoms, jumps are gaps.

    Raises ValueError for measures of other kinds.

    >>> import jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> flow = jf.evolve(jf.Interaction(jf.PowerLaw(1)), jf.Quantiles([0.0, 1.0, 3.0]), dt=0.2, t_end=1.0)
    >>> picture = quantiles(flow)
    """
    must_be_flow(flow)
    shown = states_at(flow, times, panels)
    _must_be_quantiles(shown[0][1])
    figure, axes = _panels(list(shown[0][1]), None)
    shades = plt.get_cmap("viridis")(np.linspace(0.0, 0.85, len(shown)))
    for axis, name in zip(axes, shown[0][1], strict=True):
        for (time, state), colour in zip(shown, shades, strict=True):
            levels = state[name].levels
            axis.plot(levels, state[name].nodes, color=colour, label=time_label(time), linewidth=1.6)
        axis.set(xlabel="mass s", title=name)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("X(s)")
    if len(shown) > 1:
        axes[-1].legend(frameon=False)
    return figure


@shown_once
def paths(flow: Trajectory, *, most: int = 60, ax: Axes | None = None) -> Figure:
    """Draw the paths of the mass on the line: place against time for the nodes of Quantiles.

    At most ``most`` nodes of every species are drawn.

    Raises ValueError for measures of other kinds.

    >>> import jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> flow = jf.evolve(jf.Interaction(jf.PowerLaw(1)), jf.Quantiles([0.0, 1.0, 3.0]), dt=0.2, t_end=1.0)
    >>> len(paths(flow).axes[0].lines)
    3
    """
    must_be_flow(flow)
    _must_be_quantiles(flow.snapshots[0])
    positive_integer("most", most)
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
    for k, name in enumerate(flow.species):
        places = np.stack([state[name].nodes for state in flow.snapshots])
        drawn_nodes = np.unique(np.linspace(0, places.shape[1] - 1, most).round().astype(int))
        lines = ax.plot(places[:, drawn_nodes], flow.times, color=HUES[(k + 1) % len(HUES)], linewidth=0.8, alpha=0.8)
        if name:
            lines[0].set_label(name)
    ax.set(xlabel="x", ylabel="time", ylim=(flow.times[0], flow.times[-1]))
    ax.spines[["top", "right"]].set_visible(False)
    if any(flow.species):
        ax.legend(frameon=False)
    return figure_of(ax)


@shown_once
def energy(flow: Trajectory, *, ax: Axes | None = None) -> Figure:
    """Draw the energy against time, and the dissipation of every step on a second, logarithmic axis.

    The second axis is left out if the dissipation of a step is 0. Raises ValueError for a flow that has no energy.

    >>> import jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> picture = energy(jf.evolve(jf.Entropy(), rho, dt=0.01, t_end=0.05))
    """
    must_be_flow(flow)
    if np.isnan(flow.energies).any():
        raise ValueError("flow must have an energy to be plotted, and its law holds a drift")
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
    ax.plot(flow.times, flow.energies, "o-", color=HUES[1], markersize=3, linewidth=1.5)
    ax.set(xlabel="time", ylabel="energy")
    ax.yaxis.label.set_color(HUES[1])
    ax.spines["top"].set_visible(False)
    if len(flow) > 1 and np.all(flow.dissipation > 0):
        right = ax.twinx()
        right.semilogy(flow.times[1:], flow.dissipation, "-", color=HUES[0], linewidth=1.2)
        right.set_ylabel("dissipation", color=HUES[0])
        right.spines["top"].set_visible(False)
    return figure_of(ax)


def _must_be_quantiles(state: Species) -> None:
    """Raise ValueError for anything but Quantiles."""
    if state.kind is not Quantiles:
        raise ValueError(f"flow must be of Quantiles, got {state.kind.__name__}: convert with .quantiles()")


def _panels(names: list[str], figsize: tuple[float, float] | None) -> tuple[Figure, Array]:
    """A figure with a row of panels, one for every name."""
    figure, axes = plt.subplots(
        1, len(names), figsize=figsize or (6.4 * len(names), 4), squeeze=False, sharey=True, layout="constrained"
    )
    return figure, axes[0]


def _on_given(ax: Axes, panels: int) -> tuple[Figure, Array]:
    """The figure of the axes that were given, and the axes as a row of panels."""
    if panels != 1:
        raise ValueError(f"ax must be left out where there are {panels} panels: select one species, or give one time")
    figure = ax.figure
    assert isinstance(figure, Figure)
    return figure, np.array([[ax]])


def _curves(
    shown: list[tuple[float | None, Species]],
    figsize: tuple[float, float] | None,
    closed: dict[str, Mask],
    ax: Axes | None,
) -> Figure:
    """Densities on the line: a panel per species, a curve per time."""
    if ax is None:
        figure, axes = _panels(list(shown[0][1]), figsize)
    else:
        figure, ((*axes,),) = _on_given(ax, len(shown[0][1]))
    states = [state for _, state in shown]
    (left, right), top = view(states)
    shades = plt.get_cmap("viridis")(np.linspace(0.0, 0.85, len(shown)))
    for axis, name in zip(axes, shown[0][1], strict=True):
        for (time, state), colour in zip(shown, shades, strict=True):
            draw_on_line(axis, state[name], top, colour, time_label(time))
        coordinate = "r" if shown[0][1].kind is RadialQuantiles else "x"
        axis.set(xlabel=coordinate, title=name, ylim=(0, 1.05 * top), xlim=(left, right))
        axis.spines[["top", "right"]].set_visible(False)
        if name in closed:
            edges = np.linspace(*shown[0][1].grid.bounds[0], len(closed[name]) + 1)
            for k in np.flatnonzero(closed[name]):
                axis.axvspan(edges[k], edges[k + 1], facecolor="0.85", edgecolor="none", zorder=0)
    axes[0].set_ylabel("density")
    if len(shown) > 1:
        axes[-1].legend(frameon=False)
    return figure


def _maps(
    shown: list[tuple[float | None, Species]],
    landscape: Array | None,
    figsize: tuple[float, float] | None,
    closed: dict[str, Mask],
    own_scale: bool,
    ax: Axes | None,
) -> Figure:
    """Densities in the plane, or integrated along the third axis: a row per species, a panel per time."""
    names, grid = list(shown[0][1]), shown[0][1].grid
    aspect = grid.lengths[1] / grid.lengths[0]
    if ax is None:
        figure, axes = plt.subplots(
            len(names),
            len(shown),
            figsize=figsize or (3.0 * len(shown) + 1, (2.7 * aspect + 0.7) * len(names)),
            squeeze=False,
            sharex=True,
            sharey=True,
            layout="constrained",
        )
    else:
        figure, axes = _on_given(ax, len(names) * len(shown))
    for row, name in enumerate(names):
        top = max(float(flat_values(state[name]).max()) for _, state in shown)
        for column, (time, state) in enumerate(shown):
            axis = axes[row, column]
            highest = float(flat_values(state[name]).max()) if own_scale else top
            image = draw_image(axis, state[name], highest, landscape, HUES[row % len(HUES)])
            axis.set_title(" ".join(filter(None, [name, time_label(time)])))
            axis.set(xlabel="x" if row == len(names) - 1 else "", ylabel="y" if column == 0 else "")
            if name in closed:
                hatch(axis, grid, closed[name])
            if own_scale:
                figure.colorbar(image, ax=axis, shrink=0.85, pad=0.01)
        if not own_scale:
            figure.colorbar(image, ax=list(axes[row]), label="density", shrink=0.85, pad=0.01)
    return figure
