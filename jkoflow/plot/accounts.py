"""Pictures of what a flow holds, of what goes through its doors, and of currents."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..steady_states import CurrentVoltage
from ..trajectory import Trajectory
from ._shared import HUES, figure_of, must_be_flow, shown_once


@shown_once
def masses(flow: Trajectory, *, ax: Axes | None = None) -> Figure:
    """Draw the mass of every species against time, and what has left through every door since the start.

    What entered through a door counts negative. Masses are full lines, doors broken ones.

    >>> import jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> grid = jf.Grid.box((0, 1.1), cells=22)
    >>> law = jf.Entropy() + jf.Exit(lambda x: x > 1, name="door")
    >>> flow = jf.evolve(law, grid.density(lambda x: 1.0 * (x < 1)), dt=0.01, t_end=0.1)
    >>> [line.get_label() for line in masses(flow).axes[0].lines]
    ['inside', 'through door']
    """
    must_be_flow(flow)
    if ax is None:
        _, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
    for k, name in enumerate(flow.species):
        held = [state[name].mass for state in flow.snapshots]
        ax.plot(flow.times, held, color=HUES[k % len(HUES)], label=name or "inside")
    for k, (door, gone) in enumerate(flow.outflow.items()):
        ax.plot(
            flow.times,
            np.append(0.0, np.cumsum(gone)),
            "--",
            color=HUES[(k + len(flow.species)) % len(HUES)],
            label=f"through {door}",
        )
    ax.set(xlabel="time", ylabel="mass")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return figure_of(ax)


@shown_once
def current_voltage(curve: CurrentVoltage, *, ax: Axes | None = None) -> Figure:
    """Draw the currents through every door against the voltage. Voltages without a steady state are left out.

    >>> import jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> grid, left, right = jf.Grid.box((-0.1, 1.1), cells=24), (lambda x: x < 0), (lambda x: x > 1)
    >>> def law(voltage):
    ...     plates = jf.Electrode(left, voltage), jf.Electrode(right, 0.0)
    ...     ends = jf.Reservoir(left, 1.0, "p", "left") + jf.Reservoir(right, 1.0, "p", "right")
    ...     return jf.Entropy("p") + ends + jf.DirichletCoupling(p=1, electrodes=plates)
    >>> salt = jf.Species(p=grid.density(lambda x: 1.0 * (x > 0) * (x < 1)))
    >>> picture = current_voltage(jf.current_voltage(law, salt, [-1, 0, 1]))
    >>> len(picture.axes[0].lines)                                                      # two doors, and the axis
    3
    """
    if not isinstance(curve, CurrentVoltage):
        raise ValueError(f"curve must be what jkoflow.current_voltage returns, got {type(curve).__name__}")
    if not curve.currents:
        raise ValueError("curve must be of a law with a DirichletCoupling and doors, got one without currents")
    if ax is None:
        _, ax = plt.subplots(figsize=(5.2, 4), layout="constrained")
    order = np.argsort(curve.voltages)
    for k, (door, current) in enumerate(curve.currents.items()):
        ax.plot(curve.voltages[order], current[order], "o-", markersize=3, color=HUES[k % len(HUES)], label=f"out at {door}")
    ax.axhline(0.0, color="0.7", linewidth=0.8)
    ax.set(xlabel="voltage", ylabel="current")
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False)
    return figure_of(ax)
