"""Ordered particles: world-lines with their meetings, and distribution functions."""

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
from ._shared import HUES, must_be_flow, states_at, time_label

_MARKERS = {"cross": ("o", "none", "passing"), "stick": ("o", "#222222", "sticking"), "regroup": ("s", "none", "regrouping")}


def world_lines(flow: Trajectory, *, most: int = 60, ax: Axes | None = None) -> Figure:
    """Place against time of ordered particles, with their meetings marked: rings where groups pass through one another, dots
    where they stay together.

    Between the states the lines go through the corners that ``flow.events`` knows, so that they are exact for Brezis. At most
    ``most`` lines of each species are drawn, and the meetings of these.

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
    drawn = np.zeros(len(events), dtype=int)
    for k, name in enumerate(flow.species):
        places = np.stack([state[name].points for state in flow.snapshots])
        chosen = np.unique(np.linspace(0, places.shape[1] - 1, most).round().astype(int))
        for i in chosen:
            mine = events.of(name, int(i)) if len(events) else np.zeros(0, dtype=int)
            drawn[mine] += 1
            times = np.concatenate([flow.times, events.times[mine]])
            corners = np.concatenate([places[:, i], events.places[mine]])
            order = np.argsort(times, kind="stable")
            label = name if i == chosen[0] else None
            ax.plot(corners[order], times[order], color=HUES[k % len(HUES)], linewidth=0.9, label=label)
    if len(events):
        _mark(ax, events, np.flatnonzero(drawn > 1 if len(flow.species) > 1 else drawn > 0))
    ax.set(xlabel="x", ylabel="time", ylim=(flow.times[0], flow.times[-1]))
    ax.spines[["top", "right"]].set_visible(False)
    if any(flow.species) or len(events):
        ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure = ax.figure
    assert isinstance(figure, Figure)
    return figure


def cdfs(what: Trajectory | Measure | Species, *, times: Sequence[float] | None = None, panels: int = 4) -> Figure:
    """The distribution functions of ordered particles at several times, a panel for each. Of two species the area between them
    is shaded: the integral of its squared height is the energy of ``newtonian_law()``.

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


def moving_cdfs(axis: Axes, frames: list[Species]) -> Callable[[Species], None]:
    """A function that draws the distribution functions of a state afresh."""
    view = _range(frames)

    def update(state: Species) -> None:
        axis.clear()
        _draw(axis, state, view)
        axis.set(ylabel="mass to the left")
        if not state.bare:
            axis.legend(frameon=False, loc="lower right")

    return update


def _must_be_ordered(state: Species) -> None:
    if state.kind is not OrderedPoints:
        raise ValueError(
            f"flow must be of ordered particles, got {state.kind.__name__}: plot.density and plot.paths take others"
        )


def _mark(axis: Axes, events: Events, which: Indices) -> None:
    kinds = np.array([events[int(k)].what for k in which])
    for kind, (marker, face, said) in _MARKERS.items():
        here = which[kinds == kind]
        if len(here):
            axis.plot(
                events.places[here],
                events.times[here],
                linestyle="none",
                marker=marker,
                markersize=4,
                markerfacecolor=face,
                markeredgecolor="#222222",
                markeredgewidth=0.7,
                label=said,
            )


def _range(states: list[Species]) -> tuple[float, float]:
    ends = [(cloud.points[0], cloud.points[-1]) for state in states for cloud in state.values()]
    low, high = min(left for left, _ in ends), max(right for _, right in ends)
    room = 0.05 * float(high - low) or 1.0
    return float(low) - room, float(high) + room


def _draw(axis: Axes, state: Species, view: tuple[float, float]) -> None:
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


def _height(cloud: OrderedPoints, at: Any) -> Array:
    levels = cloud.levels
    return np.asarray(levels[np.searchsorted(cloud.points, at, side="right")])
