"""Colours, and the choice of the states to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._typing import Array
from .._validate import positive_integer
from ..measures import Measure, Species
from ..trajectory import Trajectory

P = ParamSpec("P")
HUES = ("#c1440e", "#1f5fa8", "#2e7d32", "#7b3fa0", "#8a6d00", "#00808a")


def states_at(
    what: Trajectory | Measure | Species, times: Sequence[float] | None, panels: int
) -> list[tuple[float | None, Species]]:
    """Return the states to show, as pairs of a time and a Species.

    Of a trajectory these are the states nearest to ``times`` or, without times, ``panels`` states evenly spread over the flow.
    Anything else is one state, and its time is None.
    """
    if not isinstance(what, Trajectory):
        return [(None, Species.of(what))]
    if times is None:
        indices = np.unique(np.linspace(0, len(what) - 1, positive_integer("panels", panels)).round().astype(int))
    else:
        if np.size(times) == 0 or not np.all(np.isfinite(np.atleast_1d(times))):
            raise ValueError(f"times must be finite numbers, at least one, got {times!r}")
        indices = np.unique([int(np.argmin(np.abs(what.times - time))) for time in np.atleast_1d(times)])
    frames = frames_of(what)
    return [(float(what.times[k]), frames[k]) for k in indices]


def frames_of(flow: Trajectory) -> list[Species]:
    """Return all states of a flow, restricted to the species that the trajectory shows."""
    return [Species({name: state[name] for name in flow.species}) for state in flow.snapshots]


def figure_of(ax: Axes) -> Figure:
    """Return the figure of axes."""
    figure = ax.figure
    assert isinstance(figure, Figure)
    return figure


def time_label(time: float | None) -> str:
    """Return "t = ..." for a time, and an empty text for None."""
    return "" if time is None else f"t = {time:.4g}"


def shown_once(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Return a function that draws a figure, such that a notebook shows the figure once.

    The inline backend of notebooks shows every figure that is open at the end of a cell, and the value of the cell too. So the
    figure is closed there; it stays what is returned. A figure that was given by ``ax`` is left alone.
    """

    @wraps(draw)
    def drawn(*given: P.args, **options: P.kwargs) -> Figure:
        figure = draw(*given, **options)
        if "inline" in matplotlib.get_backend().lower() and options.get("ax") is None:
            plt.close(figure)
        return figure

    return drawn


def must_be_flow(flow: Trajectory) -> None:
    """Raise ValueError for anything but a Trajectory."""
    if not isinstance(flow, Trajectory):
        raise ValueError(f"flow must be a Trajectory, got {type(flow).__name__}")


def last_paths(flow: Trajectory, name: str, k: int, trail: int) -> Array:
    """The points of a species in the k-th state and the ``trail`` states before it, shape (particles, steps, d).

    Those that have left by then are left out.
    """
    states = [state[name].points for state in flow.snapshots[max(0, k - trail) : k + 1]]
    if len({len(points) for points in states}) == 1:  # nobody has left
        return np.stack(states, axis=1)
    paths = flow.paths(name)[max(0, k - trail) : k + 1].swapaxes(0, 1)
    return paths[~np.isnan(paths[:, -1]).reshape(len(paths), -1).any(axis=1)]
