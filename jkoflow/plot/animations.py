"""Moving pictures of flows."""

from __future__ import annotations

import shutil
from collections.abc import Callable
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
from ..measures import MovingParticles, OrderedPoints, Particles, Species
from ..trajectory import Trajectory
from ._drawing import closed_cells, draw_image, draw_on_line, flat_values, hatch, is_drawn_on_line, view
from ._shared import HUES, frames_of, must_be_flow
from .particles import cdf_updater


def movie(
    flow: Trajectory, *, over: Any = None, obstacles: Law | None = None, own_scale: bool = False, seconds: float = 6.0
) -> FuncAnimation:
    """Return an animation of a flow, for notebooks and pages: ``movie(flow).to_jshtml()``.

    Ordered particles are shown by their distribution functions, particles in the plane by dots, other measures by their
    densities. ``over`` is a landscape as in ``density``; so are ``obstacles``, a law whose obstacles are hatched, and
    ``own_scale``, which gives every state a colour scale of its own: take it if the peak falls much. ``seconds`` is about the
    length of the animation. ``animate`` writes it to a file.

    Raises ValueError for particles that are not in the plane, and for measures that have no picture.

    >>> import jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> "<img" in movie(jf.evolve(jf.Entropy(), rho, dt=0.01, t_end=0.02)).to_jshtml()
    True
    """
    must_be_flow(flow)
    positive("seconds", seconds)
    frames = frames_of(flow)
    closed = {} if obstacles is None else closed_cells(obstacles, frames[0])
    figure, update = _drawing(frames, over, closed, own_scale)
    title = figure.suptitle("")

    def show(k: int) -> list[Any]:
        update(frames[k])
        title.set_text(f"t = {flow.times[k]:.4g}")
        return []

    show(0)
    return FuncAnimation(figure, show, frames=len(frames), blit=False, interval=1000 * seconds / len(frames))


def animate(
    flow: Trajectory,
    path: str | Path,
    *,
    over: Any = None,
    obstacles: Law | None = None,
    own_scale: bool = False,
    seconds: float = 6.0,
    dpi: int = 90,
) -> Path:
    """Write an animation of a flow to a file, and return its path.

    A path that ends in ``.gif`` always works. A path that ends in ``.mp4`` needs ffmpeg. What is shown, and the
    options but ``dpi``, are as in ``movie``. ``dpi`` is the resolution.

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
    positive_integer("dpi", dpi)
    animation = movie(flow, over=over, obstacles=obstacles, own_scale=own_scale, seconds=seconds)
    figure = plt.gcf()
    rate = max(1, round(len(flow) / seconds))
    animation.save(path, writer=PillowWriter(fps=rate) if path.suffix == ".gif" else FFMpegWriter(fps=rate), dpi=dpi)
    plt.close(figure)
    return path


def _drawing(
    frames: list[Species], over: Any, closed: dict[str, Mask], own_scale: bool
) -> tuple[Figure, Callable[[Species], None]]:
    """Return a new figure, and the function that draws a state in it."""
    first = frames[0]
    if issubclass(first.kind, Particles | MovingParticles) and first.kind is not OrderedPoints:
        low, high = _box_of_cloud(frames)
        figure, axis = plt.subplots(figsize=_size_of_cloud(*(high - low)), layout="constrained")
        axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        return figure, _cloud_updater(axis, frames)
    if first.kind is OrderedPoints or is_drawn_on_line(first):
        figure, axis = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
        return figure, cdf_updater(axis, frames) if first.kind is OrderedPoints else _line_updater(axis, frames)
    landscape = None if over is None else finite_array("over", over, first.grid.shape)
    width = 1.0 + 5.0 * first.grid.lengths[0] / first.grid.lengths[1] * len(first)
    figure, axes = plt.subplots(1, len(first), figsize=(width, 5.4), squeeze=False, layout="constrained")
    for axis, name in zip(axes[0], first, strict=True):
        if name in closed:
            hatch(axis, first.grid, closed[name])
    return figure, _map_updater(axes[0], frames, landscape, own_scale)


def _box_of_cloud(frames: list[Species]) -> tuple[Array, Array]:
    """Return the lower left and the upper right corner of a box round the particles of all frames, with some room.

    Raises ValueError for particles that are not in the plane.
    """
    if any(measure.points.shape[1:] != (2,) for measure in frames[0].values()):
        raise ValueError("flow must be of particles in the plane to become a movie: plot.clouds draws others")
    everywhere = np.concatenate([measure.points for frame in frames for measure in frame.values()])
    low, high = everywhere.min(axis=0), everywhere.max(axis=0)
    room = 0.05 * float((high - low).max()) or 1.0
    return low - room, high + room


def _size_of_cloud(width: float, height: float) -> tuple[float, float]:
    """Return the size of a figure, in inches, for a box of this shape. The area of its panel is the same for all shapes.

    The panel is at most 2.5 times as long as wide. Sizes are multiples of 0.2 inch: a whole even number of pixels, as films
    need, at every resolution that is a multiple of 10.
    """
    stretch = float(np.sqrt(np.clip(width / height, 1 / 2.5, 2.5)))
    return 0.2 * round(5 * (4.8 * stretch + 0.6)), 0.2 * round(5 * (4.8 / stretch + 0.6))  # 0.6: the numbers and the title


def _cloud_updater(axis: Axes, frames: list[Species]) -> Callable[[Species], None]:
    """Return a function that draws particles in the plane as dots, a colour per species."""
    dots = {name: axis.scatter([], [], s=12, color=HUES[k % len(HUES)], label=name) for k, name in enumerate(frames[0])}
    if not frames[0].bare:
        axis.legend(frameon=False, loc="upper right")

    def update(state: Species) -> None:
        for name, measure in state.items():
            dots[name].set_offsets(measure.points)

    return update


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


def _map_updater(axes: Array, frames: list[Species], landscape: Array | None, own_scale: bool) -> Callable[[Species], None]:
    """Return a function that draws a state in 2-D or 3-D, a panel per species.

    Its first call draws the images, later calls change them.
    """
    images: dict[str, Any] = {}

    def update(state: Species) -> None:
        for k, (name, measure) in enumerate(state.items()):
            if name in images:
                images[name].set_data(flat_values(measure).T)
                if own_scale:
                    images[name].set_clim(0, float(flat_values(measure).max()))
                continue
            top = max(float(flat_values(frame[name]).max()) for frame in frames)
            images[name] = draw_image(axes[k], measure, top, landscape, HUES[k % len(HUES)])
            axes[k].set_title(name)

    return update
