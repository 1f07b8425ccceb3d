"""Pictures of diagnostics."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..diagnostics import CollapseReport, Report
from ._shared import HUES, figure_of, shown_once


@shown_once
def report(what: Report, *, logarithmic: bool = False, ax: Axes | None = None) -> Figure:
    """Draw the curves of a diagnostic over time.

    Bounds are dashed. The time of a collapse is marked by a dotted line. Raises ValueError for anything but a Report.

    >>> import jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> flow = jf.evolve(jf.Interaction(jf.PowerLaw(1)), jf.Quantiles([-1.0, 1.0]), dt=0.25, t_end=2.0)
    >>> picture = report(jf.diagnostics.collapse(flow))
    """
    if not isinstance(what, Report):
        raise ValueError(f"what must be a Report of jkoflow.diagnostics, got {type(what).__name__}")
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    for k, (name, curve) in enumerate(what.curves.items()):
        ax.plot(what.times, curve, color=HUES[k % len(HUES)], label=name, linewidth=1.6)
    for k, (name, curve) in enumerate(what.bounds.items()):
        ax.plot(what.times, curve, color="#555555", linestyle=("--", ":")[k % 2], label=name, linewidth=1.2)
    if isinstance(what, CollapseReport):
        _mark(ax, what)
    if logarithmic:
        positive = [curve[curve > 0] for curve in what.curves.values() if np.any(curve > 0)]
        ax.set_yscale("log")
        ax.set_ylim(bottom=max(float(min(values.min() for values in positive)), 1e-12) if positive else None)
    ax.set(xlabel="time", ylabel=what.title)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return figure_of(ax)


def _mark(ax: Axes, what: CollapseReport) -> None:
    """Mark the times at which species collapse, and the time at which all are one point."""
    times = {name or "collapse": time for name, (time, _) in what.partial.items()}
    if what.total is not None and len(what.curves) > 1:
        times["all"] = what.total[0]
    for name, time in times.items():
        ax.axvline(time, color="#999999", linestyle=":", linewidth=1)
        ax.annotate(f"{name} {time:.3g}", (time, 1.0), xycoords=("data", "axes fraction"), rotation=90, va="top", ha="right")
