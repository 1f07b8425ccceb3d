"""Pictures of flows: densities, quantiles, paths, the energy, and an animation."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FFMpegWriter, FuncAnimation, PillowWriter
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._typing import Array, Mask
from .._validate import finite_array, positive, positive_integer
from ..laws import Law
from ..measures import Density, Measure, OrderedPoints, Quantiles, RadialQuantiles, Species
from ..trajectory import Trajectory
from ._drawing import closed_cells, draw_image, draw_on_line, flat_values, hatch, view
from ._shared import HUES, figure_of, frames_of, must_be_flow, shown_once, states_at, time_label
from .particles import cdf_updater


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
    if _on_the_line(shown[0][1]):
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


def animate(flow: Trajectory, path: str | Path, *, over: Any = None, seconds: float = 6.0, dpi: int = 90) -> Path:
    """Write an animation of a flow to a file, and return its path.

    A path that ends in ``.gif`` always works. A path that ends in ``.mp4`` needs ffmpeg. Ordered particles are shown by their
    distribution functions, other measures by their densities. ``over`` is a landscape as in ``density``. ``seconds`` is about
    the length of the animation, ``dpi`` its resolution.

    Raises ValueError for another ending, and for .mp4 if ffmpeg is not installed.

    >>> import tempfile, jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> flow = jf.evolve(jf.Entropy(), rho, dt=0.01, t_end=0.03)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     animate(flow, f"{folder}/heat.gif").stat().st_size > 1000
    True
    """
    must_be_flow(flow)
    path = Path(path)
    if path.suffix not in (".gif", ".mp4"):
        raise ValueError(f"path must end in .gif or .mp4, got {str(path)!r}")
    if path.suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise ValueError("path must end in .gif where ffmpeg is not installed, got an .mp4")
    positive("seconds", seconds)
    positive_integer("dpi", dpi)
    frames = frames_of(flow)
    ordered = frames[0].kind is OrderedPoints
    line = ordered or _on_the_line(frames[0])
    landscape = None if over is None or line else finite_array("over", over, frames[0].grid.shape)
    aspect = 1.0 if line else frames[0].grid.lengths[0] / frames[0].grid.lengths[1]
    figure, axes = plt.subplots(
        1,
        1 if line else len(flow.species),
        figsize=(6.4 if line else 1.0 + 5.0 * aspect * len(flow.species), 4.4 if line else 5.4),
        squeeze=False,
        layout="constrained",
    )
    title = figure.suptitle("")
    if ordered:
        update = cdf_updater(axes[0, 0], frames)
    else:
        update = _line_updater(axes[0, 0], frames) if line else _map_updater(axes[0], frames, landscape)

    def show(k: int) -> list[Any]:
        update(frames[k])
        title.set_text(f"t = {flow.times[k]:.4g}")
        return []

    show(0)
    animation = FuncAnimation(figure, show, frames=len(frames), blit=False)
    rate = max(1, round(len(frames) / seconds))
    animation.save(path, writer=PillowWriter(fps=rate) if path.suffix == ".gif" else FFMpegWriter(fps=rate), dpi=dpi)
    plt.close(figure)
    return path


def _on_the_line(state: Species) -> bool:
    """Return True for measures that are drawn as curves. Raises ValueError for measures that have no density."""
    if not issubclass(state.kind, Density | Quantiles | RadialQuantiles):
        raise ValueError(
            f"what must be of Density or Quantiles to be plotted, got {state.kind.__name__}: "
            "plot.world_lines and plot.cdfs take ordered particles"
        )
    return state.kind is not Density or state.grid.dim == 1


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


def _line_updater(axis: Axes, frames: list[Species]) -> Callable[[Species], None]:
    """Return a function that clears the panel and draws a state on the line, all species together."""
    bounds, top = view(frames)

    def update(state: Species) -> None:
        axis.clear()
        for k, (name, measure) in enumerate(state.items()):
            draw_on_line(axis, measure, top, HUES[k % len(HUES)], name)
        axis.set(xlim=bounds, ylim=(0, 1.05 * top), xlabel="x", ylabel="density")
        if not state.bare:
            axis.legend(frameon=False, loc="upper right")

    return update


def _map_updater(axes: Array, frames: list[Species], landscape: Array | None) -> Callable[[Species], None]:
    """Return a function that draws a state in 2-D or 3-D, a panel per species.

    Its first call draws the images, later calls change them.
    """
    images: dict[str, Any] = {}

    def update(state: Species) -> None:
        for k, (name, measure) in enumerate(state.items()):
            if name in images:
                images[name].set_data(flat_values(measure).T)
                continue
            top = max(float(flat_values(frame[name]).max()) for frame in frames)
            images[name] = draw_image(axes[k], measure, top, landscape, HUES[k % len(HUES)])
            axes[k].set_title(name)

    return update
