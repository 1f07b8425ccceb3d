"""Pictures of flows: densities at several times, the energy, an animation. Needs matplotlib, imported only here."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.animation import FFMpegWriter, FuncAnimation, PillowWriter
from matplotlib.axes import Axes
from matplotlib.colors import LightSource, LinearSegmentedColormap
from matplotlib.figure import Figure

from ._typing import Array
from ._validate import finite_array, positive, positive_integer
from .measures import UNNAMED, Density, Measure, Species
from .trajectory import Trajectory

_HUES = ("#c1440e", "#1f5fa8", "#2e7d32", "#7b3fa0", "#8a6d00", "#00808a")


def density(
    what: Trajectory | Measure | Species,
    *,
    times: Sequence[float] | None = None,
    panels: int = 5,
    over: Any = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """The density, or the densities of a flow at several times.

    In 1-D one curve per time, one panel per species; in 2-D a panel per time, one row per species; in 3-D the same with the
    density integrated along the third axis.

    Parameters
    ----------
    what : Trajectory, Density or Species
    times : sequence of float, optional
        The states nearest to these times; by default ``panels`` states evenly spread over the flow.
    panels : int
        How many times to show when none are given.
    over : array, optional
        In 2-D: a landscape of the grid's shape, drawn shaded beneath the density.

    >>> import numpy as np, jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> picture = density(jf.Grid.box((0, 1), (0, 1), cells=8).density(lambda x, y: x * y))
    >>> len(picture.axes)
    2
    """
    shown = _shown(what, times, panels)
    grid = shown[0][1].grid
    if grid.dim == 1:
        return _curves(shown, figsize)
    landscape = None if over is None else finite_array("over", over, grid.shape)
    return _maps(shown, landscape, figsize)


def energy(flow: Trajectory, *, ax: Axes | None = None) -> Figure:
    """The energy against time, and the dissipation of every step on a second, logarithmic axis.

    Raises ValueError for a flow that has no energy.

    >>> import jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> picture = energy(jf.evolve(jf.Entropy(), rho, dt=0.01, t_end=0.05))
    """
    if np.isnan(flow.energies).any():
        raise ValueError("flow must have an energy to be plotted, and its law holds a drift")
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
    ax.plot(flow.times, flow.energies, "o-", color=_HUES[1], markersize=3, linewidth=1.5)
    ax.set(xlabel="time", ylabel="energy")
    ax.yaxis.label.set_color(_HUES[1])
    ax.spines["top"].set_visible(False)
    if len(flow) > 1 and np.all(flow.dissipation > 0):
        right = ax.twinx()
        right.semilogy(flow.times[1:], flow.dissipation, "-", color=_HUES[0], linewidth=1.2)
        right.set_ylabel("dissipation", color=_HUES[0])
        right.spines["top"].set_visible(False)
    figure = ax.figure
    assert isinstance(figure, Figure)
    return figure


def animate(flow: Trajectory, path: str | Path, *, over: Any = None, seconds: float = 6.0, dpi: int = 90) -> Path:
    """Write the flow as an animation; a ``.gif`` always works, an ``.mp4`` where ffmpeg is installed.

    Raises ValueError for another ending, or for .mp4 without ffmpeg.

    >>> import tempfile, jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> flow = jf.evolve(jf.Entropy(), rho, dt=0.01, t_end=0.03)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     animate(flow, f"{folder}/heat.gif").stat().st_size > 1000
    True
    """
    path = Path(path)
    if path.suffix not in (".gif", ".mp4"):
        raise ValueError(f"path must end in .gif or .mp4, got {str(path)!r}")
    if path.suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise ValueError("path must end in .gif where ffmpeg is not installed, got an .mp4")
    positive("seconds", seconds)
    positive_integer("dpi", dpi)
    frames = _frames(flow)
    grid = frames[0].grid
    tops = {name: max(float(_flat(state[name]).max()) for state in frames) for name in flow.species}
    landscape = None if over is None or grid.dim == 1 else finite_array("over", over, grid.shape)
    width = 6.4 if grid.dim == 1 else 1.0 + 5.0 * grid.lengths[0] / grid.lengths[1] * len(tops)
    figure, axes = plt.subplots(
        1,
        1 if grid.dim == 1 else len(tops),
        figsize=(width, 4.4 if grid.dim == 1 else 5.4),
        squeeze=False,
        layout="constrained",
    )
    title = figure.suptitle("")
    draw = [_moving(axes[0, 0 if grid.dim == 1 else k], name, tops, landscape, grid.dim) for k, name in enumerate(tops)]

    def show(k: int) -> list[Any]:
        for update in draw:
            update(frames[k])
        title.set_text(f"t = {flow.times[k]:.4g}")
        return []

    show(0)
    if grid.dim == 1 and list(tops) != [UNNAMED]:
        axes[0, 0].legend(frameon=False)
    moving = FuncAnimation(figure, show, frames=len(frames), blit=False)
    rate = max(1, round(len(frames) / seconds))
    moving.save(path, writer=PillowWriter(fps=rate) if path.suffix == ".gif" else FFMpegWriter(fps=rate), dpi=dpi)
    plt.close(figure)
    return path


def _shown(
    what: Trajectory | Measure | Species, times: Sequence[float] | None, panels: int
) -> list[tuple[float | None, Species]]:
    if not isinstance(what, Trajectory):
        return [(None, Species.of(what))]
    if times is None:
        indices = np.unique(np.linspace(0, len(what) - 1, positive_integer("panels", panels)).round().astype(int))
    else:
        indices = np.unique([int(np.argmin(np.abs(what.times - t))) for t in times])
    frames = _frames(what)
    return [(float(what.times[k]), frames[k]) for k in indices]


def _frames(flow: Trajectory) -> list[Species]:
    return [Species({name: state[name] for name in flow.species}) for state in flow.snapshots]


def _flat(measure: Density) -> Array:
    """The values in 1-D and 2-D; in 3-D their integral along the third axis."""
    return measure.values if measure.grid.dim < 3 else measure.values.sum(axis=2) * measure.grid.spacing[2]


def _label(time: float | None) -> str:
    return "" if time is None else f"t = {time:.4g}"


def _curves(shown: list[tuple[float | None, Species]], figsize: tuple[float, float] | None) -> Figure:
    names = list(shown[0][1])
    figure, axes = plt.subplots(
        1, len(names), figsize=figsize or (6.4 * len(names), 4), squeeze=False, sharey=True, layout="constrained"
    )
    for k, name in enumerate(names):
        axis = axes[0, k]
        shades = plt.get_cmap("viridis")(np.linspace(0.0, 0.85, len(shown)))
        for (time, state), colour in zip(shown, shades, strict=True):
            axis.plot(state.grid.axes[0], state[name].values, color=colour, label=_label(time), linewidth=1.6)
        axis.set(xlabel="x", title=name, ylim=(0, None), xlim=state.grid.bounds[0])
        axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("density")
    if len(shown) > 1:
        axes[0, -1].legend(frameon=False)
    return figure


def _maps(shown: list[tuple[float | None, Species]], landscape: Array | None, figsize: tuple[float, float] | None) -> Figure:
    names, grid = list(shown[0][1]), shown[0][1].grid
    aspect = grid.lengths[1] / grid.lengths[0]
    figure, axes = plt.subplots(
        len(names),
        len(shown),
        figsize=figsize or (3.0 * len(shown) + 1, 3.0 * aspect * len(names) + 0.4),
        squeeze=False,
        sharex=True,
        sharey=True,
        layout="constrained",
    )
    for row, name in enumerate(names):
        top = max(float(_flat(state[name]).max()) for _, state in shown)
        for column, (time, state) in enumerate(shown):
            image = _image(axes[row, column], state[name], top, landscape, _HUES[row % len(_HUES)])
            axes[row, column].set_title(" ".join(filter(None, [name, _label(time)])))
        figure.colorbar(image, ax=axes[row], label="density", shrink=0.85, pad=0.01)
    return figure


def _image(axis: Axes, measure: Density, top: float, landscape: Array | None, hue: str) -> Any:
    (left, right), (bottom, up) = measure.grid.bounds[:2]
    where: dict[str, Any] = {"extent": (left, right, bottom, up), "origin": "lower", "aspect": "equal"}
    colours: Any = "viridis"
    if landscape is not None:
        steepness = 0.06 * max(measure.grid.lengths) / max(float(np.ptp(landscape)), 1e-300)
        dx, dy = measure.grid.spacing
        shade = LightSource(azdeg=315, altdeg=50).hillshade(landscape.T, vert_exag=steepness, dx=dx, dy=dy)
        axis.imshow(shade, cmap="gray", vmin=0.0, vmax=1.1, alpha=0.8, interpolation="bilinear", **where)
        axis.contour(*measure.grid.axes[:2], landscape.T, levels=8, colors="k", linewidths=0.3, alpha=0.4)
        red, green, blue = (int(hue[k : k + 2], 16) / 255 for k in (1, 3, 5))
        ramp = [(red, green, blue, 0.0), (red, green, blue, 0.75), (red / 3, green / 3, blue / 3, 0.95)]
        colours = LinearSegmentedColormap.from_list("ink", ramp)
    return axis.imshow(_flat(measure).T, cmap=colours, vmin=0.0, vmax=top, **where)


def _moving(axis: Axes, name: str, tops: dict[str, float], landscape: Array | None, dim: int) -> Any:
    """A function that draws one species of a state into the axis, afresh or by changing what it drew before."""
    hue = _HUES[list(tops).index(name) % len(_HUES)]
    drawn: list[Any] = []

    def update(state: Species) -> None:
        measure = state[name]
        if drawn and dim == 1:
            drawn[0].set_ydata(measure.values)
        elif drawn:
            drawn[0].set_data(_flat(measure).T)
        elif dim == 1:
            drawn.extend(axis.plot(measure.grid.axes[0], measure.values, color=hue, label=name))
            axis.set(xlim=measure.grid.bounds[0], ylim=(0, 1.05 * max(tops.values())), xlabel="x", ylabel="density")
        else:
            drawn.append(_image(axis, measure, tops[name], landscape, hue))
            axis.set_title(name)

    return update
