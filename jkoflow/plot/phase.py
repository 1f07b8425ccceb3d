"""Pictures of phase space: places and velocities."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from .._validate import of_kind
from ..diagnostics.inertia.fields import first_order_velocities
from ..laws import Law
from ..measures import Measure, MovingParticles, PhaseDensity, Species, complete_mobilities
from ..trajectory import Trajectory
from ._shared import HUES, shown_once, states_at, time_label

_AREA = 8.0  # of the dot of a particle of mean mass, in square points


@shown_once
def phase_space(
    what: Trajectory | Measure | Species,
    *,
    law: Law | None = None,
    times: Sequence[float] | None = None,
    panels: int = 4,
) -> Figure:
    """Draw velocities against places, on the line: a panel for every time, a row for every species.

    A PhaseDensity is shown by its values, each panel on a scale of its own, since f grows as velocities concentrate: half of
    the mass lies in cells of the full colour. MovingParticles are dots, whose area shows the mass.

    Parameters
    ----------
    what : Trajectory, PhaseDensity, MovingParticles or Species
    law : Law, optional
        A law of places: the velocity u(x) of first order that it gives is drawn as a line. With small inertia, mass falls
        onto it.
    times : sequence of float, optional
        The states nearest to these times are drawn. Default: ``panels`` states evenly spread over the flow.
    panels : int

    Raises ValueError for other measures, and off the line.

    >>> import jkoflow as jf, matplotlib, numpy as np
    >>> matplotlib.use("agg")
    >>> swarm = jf.MovingParticles(np.linspace(-1, 1, 20), np.zeros(20))
    >>> picture = phase_space(swarm, law=jf.Potential(lambda x: x**2 / 2))
    >>> len(picture.axes[0].lines)
    1
    """
    if law is not None:
        of_kind("law", law, Law, "a law of places")
    shown = states_at(what, times, panels)
    first = shown[0][1]
    if not issubclass(first.kind, PhaseDensity | MovingParticles) or next(iter(first.values())).dim != 1:
        raise ValueError(
            f"what must be a PhaseDensity or MovingParticles on the line, got {first.kind.__name__}: "
            "plot.clouds draws particles in the plane"
        )
    figure, axes = plt.subplots(
        len(first),
        len(shown),
        figsize=(3.0 * len(shown) + 0.4, 2.8 * len(first)),
        squeeze=False,
        sharex=True,
        sharey=True,
        layout="constrained",
    )
    mobilities = what.mobilities if isinstance(what, Trajectory) else complete_mobilities(None, first)
    for column, (time, state) in zip(axes.T, shown, strict=True):
        graphs = {} if law is None else first_order_velocities(law.at(time or 0.0), state, state, mobilities)
        for k, (axis, (name, measure)) in enumerate(zip(column, state.items(), strict=True)):
            _draw(axis, measure, HUES[k % len(HUES)])
            if name in graphs:
                x = measure.space.axes[0] if isinstance(measure, PhaseDensity) else measure.points
                order = np.argsort(x)
                axis.plot(x[order], graphs[name].ravel()[order], color="0.25", linewidth=1.0, label="u(x)")
            axis.spines[["top", "right"]].set_visible(False)
            title = ", ".join(part for part in (name, time_label(time)) if part)
            axis.set_title(title)
            if axis is column[-1]:
                axis.set_xlabel("x")
    for row in axes:
        row[0].set_ylabel("v")
    return figure


def _draw(axis: Axes, measure: Measure, colour: str) -> None:
    if isinstance(measure, PhaseDensity):
        (left, right), (low, high) = measure.space.bounds[0], measure.velocity.bounds[0]
        ink = LinearSegmentedColormap.from_list("ink", ["white", colour])
        axis.imshow(
            measure.values.T,
            origin="lower",
            extent=(left, right, low, high),
            aspect="auto",
            cmap=ink,
            vmin=0.0,
            vmax=_denser_than_half(measure),
        )
        axis.set(xlim=(left, right), ylim=(low, high))
        return
    assert isinstance(measure, MovingParticles)
    areas = np.minimum(_AREA * measure.masses / measure.masses.mean(), 3 * _AREA)
    axis.scatter(measure.points, measure.velocities, s=areas, color=colour, edgecolors="none")


def _denser_than_half(measure: PhaseDensity) -> float:
    """The value above which half of the mass lies: few cells that hold much would hide all others."""
    values = np.sort(measure.values.ravel())[::-1]
    return float(values[np.searchsorted(np.cumsum(values), values.sum() / 2)])
