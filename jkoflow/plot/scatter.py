"""Pictures of particles in the plane."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from .._validate import positive_integer
from ..measures import Measure, MovingParticles, OrderedPoints, Particles, Species
from ..trajectory import Trajectory
from ._shared import HUES, last_paths, shown_once, states_at, time_label

_AREA = 60.0  # square points: the dot of a particle with a thirtieth of the mass of its species


@shown_once
def clouds(
    what: Trajectory | Measure | Species, *, times: Sequence[float] | None = None, panels: int = 4, trail: int = 12
) -> Figure:
    """Draw particles in the plane, a panel for every time.

    A particle is a dot. If a species has fewer than 200 particles, the area of a dot is in proportion to its mass, up to a
    bound. Behind the dots are their paths over the last ``trail`` states. MovingParticles have arrows, in proportion to their
    velocities. In space the first two coordinates are drawn.

    Raises ValueError for measures of other kinds, and for particles on the line: there ``plot.phase_space`` draws velocities,
    and ``plot.quantiles`` of ``particles.quantiles()`` places.

    >>> import jkoflow as jf, matplotlib, numpy as np
    >>> matplotlib.use("agg")
    >>> picture = clouds(jf.Particles(np.random.default_rng(0).normal(size=(20, 2))))
    """
    shown = states_at(what, times, panels)
    for _, state in shown[:1]:
        must_be_plane(state)
    if trail:
        positive_integer("trail", trail)
    low, high = _view([state for _, state in shown])
    across, up = high - low
    stacked = up < 0.5 * across
    rows, columns = (len(shown), 1) if stacked else (1, len(shown))
    width = 7.2 if stacked else 3.0 * len(shown)
    tall = (width / columns * up / across + 0.4) * rows
    figure, axes = plt.subplots(
        rows, columns, figsize=(width + 1.8, tall + 0.6), squeeze=False, sharex=True, sharey=True, layout="constrained"
    )
    for axis, (time, state) in zip(axes.ravel(), shown, strict=True):
        _draw(axis, state, shown[0][1])
        if isinstance(what, Trajectory) and trail and time is not None:
            _trails(axis, what, time, trail)
        axis.set(title=time_label(time), xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
    if any(shown[0][1]):
        axes[0, -1].legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def must_be_plane(state: Species) -> None:
    """Raise ValueError for anything but particles in the plane or in space."""
    kind = state.kind
    if not issubclass(kind, Particles | MovingParticles) or issubclass(kind, OrderedPoints) or state.domain == 1:
        where = " on the line" if state.domain == 1 else ""
        raise ValueError(f"what must be of Particles or MovingParticles in the plane, got {kind.__name__}{where}")


def _draw(axis: Axes, state: Species, first: Species) -> None:
    """Draw the dots of one state. Their areas are shares of the masses of the ``first`` one."""
    for k, (name, cloud) in enumerate(state.items()):
        few = len(first[name].masses) < 200
        areas = _AREA * np.minimum(30 * cloud.masses / (first[name].mass or 1.0), 4.0) if few else 6.0
        x, y = cloud.points.T[:2]
        colour = HUES[k % len(HUES)]
        axis.scatter(x, y, s=areas, color=colour, edgecolors="white", linewidths=0.4, label=name, zorder=3)
        if isinstance(cloud, MovingParticles):
            axis.quiver(x, y, *cloud.velocities.T[:2], color=colour, alpha=0.6, width=0.005, zorder=2)
    axis.spines[["top", "right"]].set_visible(False)


def _view(states: list[Species]) -> tuple[np.ndarray, np.ndarray]:
    """The lower left and the upper right corner of a box that holds all particles, with a margin."""
    points = np.concatenate([cloud.points[:, :2] for state in states for cloud in state.values()])
    points = points if len(points) else np.zeros((1, 2))
    margin = 0.06 * float(np.ptp(points, axis=0).max()) or 1.0
    return points.min(axis=0) - margin, points.max(axis=0) + margin


def _trails(axis: Axes, flow: Trajectory, time: float, trail: int) -> None:
    """Draw the paths of the particles over the last ``trail`` states up to a time."""
    last = int(np.argmin(np.abs(flow.times - time)))
    if not min(trail, last):
        return
    for k, name in enumerate(flow.species):
        particle_paths = last_paths(flow, name, last, trail)[:, :, :2]
        axis.add_collection(LineCollection(list(particle_paths), colors=HUES[k % len(HUES)], linewidths=0.7, alpha=0.35))
