"""Pictures of ordered particles: world-lines with their meetings, and distribution functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .._typing import Array, Indices
from .._validate import positive_integer
from ..measures import Measure, OrderedPoints, Species
from ..ordered import Events
from ..trajectory import Trajectory
from ._shared import HUES, figure_of, must_be_flow, shown_once, states_at, time_label

_MARKERS = {"cross": ("o", "none", "passing"), "stick": ("o", "#222222", "sticking"), "regroup": ("s", "none", "regrouping")}


@shown_once
def world_lines(flow: Trajectory, *, most: int = 60, ax: Axes | None = None) -> Figure:
    """Draw place against time of ordered particles, with their meetings marked.

    * A ring marks a meeting of groups that pass through one another.
    * A dot marks a meeting of groups that stay together.
    * A square marks a meeting after which the particles form other groups.

    Between the states the lines go through the meetings in ``flow.events``. So the lines are exact for Brezis. At most ``most``
    lines of each species are drawn, and the meetings of these.

    Raises ValueError for measures of other kinds.

    >>> import jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> start = jf.OrderedParticles(x=[-1.0, -1.0], y=[1.0, 1.0])
    >>> picture = world_lines(jf.evolve(jf.newtonian_law(), start, scheme=jf.Brezis(), t_end=2.0))
    """
    must_be_flow(flow)
    _must_be_ordered(flow.snapshots[0])
    positive_integer("most", most)
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    events = flow.events
    lines_at = np.zeros(len(events), dtype=int)  # how many lines are drawn through every meeting
    for k, name in enumerate(flow.species):
        places = np.stack([state[name].points for state in flow.snapshots])
        drawn_particles = np.unique(np.linspace(0, places.shape[1] - 1, most).round().astype(int))
        for i in drawn_particles:
            meetings = events.of(name, int(i)) if len(events) else np.zeros(0, dtype=int)
            lines_at[meetings] += 1
            times = np.concatenate([flow.times, events.times[meetings]])
            corners = np.concatenate([places[:, i], events.places[meetings]])
            order = np.argsort(times, kind="stable")
            label = name if i == drawn_particles[0] else None
            ax.plot(corners[order], times[order], color=HUES[k % len(HUES)], linewidth=0.9, label=label)
    if len(events):
        _mark(ax, events, np.flatnonzero(lines_at > 1 if len(flow.species) > 1 else lines_at > 0))
    ax.set(xlabel="x", ylabel="time", ylim=(flow.times[0], flow.times[-1]))
    ax.spines[["top", "right"]].set_visible(False)
    if any(flow.species) or len(events):
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure_of(ax)


@shown_once
def cdfs(what: Trajectory | Measure | Species, *, times: Sequence[float] | None = None, panels: int = 4) -> Figure:
    """Draw the distribution functions of ordered particles, a panel for every time.

    For two species the area between the two functions is shaded. The integral of its squared height is the energy of
    ``newtonian_law()``.

    Raises ValueError for measures of other kinds.

    >>> import jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> picture = cdfs(jf.OrderedParticles(x=[-1.0, -1.0], y=[1.0, 1.0]))
    """
    shown = states_at(what, times, panels)
    _must_be_ordered(shown[0][1])
    figure, axes = plt.subplots(
        1, len(shown), figsize=(0.6 + 2.9 * len(shown), 3.0), squeeze=False, sharex=True, sharey=True, layout="constrained"
    )
    view = _range([state for _, state in shown])
    for axis, (time, state) in zip(axes[0], shown, strict=True):
        _draw(axis, state, view)
        axis.set_title(time_label(time))
    axes[0, 0].set_ylabel("mass to the left")
    if any(shown[0][1]):
        axes[0, -1].legend(frameon=False, loc="lower right")
    return figure


def cdf_updater(axis: Axes, frames: list[Species]) -> Callable[[Species], None]:
    """Return a function that clears the panel and draws the distribution functions of a state."""
    view = _range(frames)

    def update(state: Species) -> None:
        axis.clear()
        _draw(axis, state, view)
        axis.set(ylabel="mass to the left")
        if not state.bare:
            axis.legend(frameon=False, loc="lower right")

    return update


def _must_be_ordered(state: Species) -> None:
    """Raise ValueError for anything but ordered particles."""
    if state.kind is not OrderedPoints:
        raise ValueError(
            f"flow must be of ordered particles, got {state.kind.__name__}: plot.density and plot.paths take others"
        )


def _mark(axis: Axes, events: Events, indices: Indices) -> None:
    """Mark the events of the given indices."""
    kinds = np.array([events[int(k)].what for k in indices])
    for kind, (marker, face, label) in _MARKERS.items():
        of_this_kind = indices[kinds == kind]
        if len(of_this_kind):
            axis.plot(
                events.places[of_this_kind],
                events.times[of_this_kind],
                linestyle="none",
                marker=marker,
                markersize=4,
                markerfacecolor=face,
                markeredgecolor="#222222",
                markeredgewidth=0.7,
                label=label,
            )


def _range(states: list[Species]) -> tuple[float, float]:
    """The range of x that holds all particles, with a margin."""
    ends = [(cloud.points[0], cloud.points[-1]) for state in states for cloud in state.values()]
    low, high = min(left for left, _ in ends), max(right for _, right in ends)
    margin = 0.05 * float(high - low) or 1.0
    return float(low) - margin, float(high) + margin


def _draw(axis: Axes, state: Species, view: tuple[float, float]) -> None:
    """Draw the distribution functions of a state, and for two species the area between them."""
    for k, (name, cloud) in enumerate(state.items()):
        heights = cloud.levels
        edges = np.concatenate([[view[0]], cloud.points, [view[1]]])
        axis.stairs(heights, edges, color=HUES[k % len(HUES)], linewidth=1.4, baseline=None, label=name)
    if len(state) == 2:
        x, y = state.values()
        edges = np.unique(np.concatenate([[view[0]], x.points, y.points, [view[1]]]))
        F, G = (_height(cloud, edges[:-1]) for cloud in (x, y))
        axis.stairs(F, edges, baseline=G, fill=True, color="#888888", alpha=0.25)
    axis.set(xlabel="x", xlim=view)
    axis.spines[["top", "right"]].set_visible(False)


def _height(cloud: OrderedPoints, places: Any) -> Array:
    """The mass at or to the left of every place."""
    levels = cloud.levels
    return np.asarray(levels[np.searchsorted(cloud.points, places, side="right")])
