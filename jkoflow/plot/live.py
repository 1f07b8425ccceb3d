"""A picture of a run that changes as the run goes on."""

from __future__ import annotations

import sys
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backends import BackendFilter, backend_registry

from .._validate import positive_integer
from ..measures import Density, OrderedPoints, Particles, Quantiles, RadialQuantiles, Species
from ..trajectory import Step
from ._drawing import flat_values
from ._shared import HUES


class Live:
    """Draw the state and the energy of a run while it goes on: ``evolve(..., observe=plot.Live())``.

    In a notebook the picture changes in its place. With a window it changes in the window. With a backend that draws to files
    the figure is there after the run: ``live.figure``.

    * Densities in the plane and in space are maps of the sum of all species.
    * Measures on the line are curves, one per species.
    * Particles are dots.

    Parameters
    ----------
    every : int
        Draw every so many steps.

    Raises ValueError if ``every`` is not a positive integer.

    >>> import jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> rho, live = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x), Live()
    >>> flow = jf.evolve(jf.Entropy(), rho, dt=0.01, t_end=0.05, observe=live)
    >>> len(live.figure.axes)
    2
    """

    def __init__(self, every: int = 1) -> None:
        self.every = positive_integer("every", every)
        self.figure: Any = None
        self._times: list[float] = []
        self._energies: list[float] = []
        self._display: Any = None

    def __call__(self, step: Step) -> None:
        """Draw a step."""
        if not self._times:
            self._times, self._energies = [step.before.time], [step.energy_before]
        self._times.append(step.time)
        self._energies.append(step.energy)
        if (step.index - 1) % self.every:
            return
        if self.figure is None:
            self.figure = plt.figure(figsize=(9, 4), layout="constrained")
        self.figure.clear()
        places, energies = self.figure.subplots(1, 2)
        _draw(places, step.reached.masses)
        places.set_title(f"t = {step.time:.4g}")
        energies.plot(self._times, self._energies, color=HUES[1])
        energies.set(xlabel="time", ylabel="energy")
        energies.spines[["top", "right"]].set_visible(False)
        self._show()

    def _show(self) -> None:
        """Bring the figure to the screen, where there is one."""
        if "inline" in plt.get_backend().lower() and "IPython" in sys.modules:
            from IPython.display import display

            plt.close(self.figure)
            if self._display is None:
                self._display = display(self.figure, display_id=True)
            else:
                self._display.update(self.figure)
        elif plt.get_backend().lower() in backend_registry.list_builtin(BackendFilter.INTERACTIVE):
            plt.pause(1e-3)


def _draw(axes: Any, state: Species) -> None:
    """Draw a state on axes."""
    places = {name: measure.places for name, measure in state.items()}
    maps = [measure for measure in places.values() if isinstance(measure, Density) and measure.grid.dim > 1]
    if maps:
        flat = np.sum([flat_values(measure) for measure in maps], axis=0)
        (left, right), (low, high) = maps[0].grid.bounds[:2]
        axes.imshow(flat.T, origin="lower", extent=(left, right, low, high), aspect="equal")
        axes.set(xlabel="x", ylabel="y")
        return
    for k, (name, measure) in enumerate(places.items()):
        colour = HUES[k % len(HUES)]
        if isinstance(measure, Density):
            axes.plot(measure.grid.axes[0], measure.values, color=colour, label=name)
        elif isinstance(measure, Quantiles | RadialQuantiles):
            axes.stairs(np.where(np.isfinite(measure.values), measure.values, 0.0), measure.nodes, color=colour, label=name)
        elif isinstance(measure, Particles) and measure.dim > 1:
            axes.scatter(*measure.points.T[:2], s=8, color=colour, label=name)
            axes.set_aspect("equal")
        elif isinstance(measure, Particles | OrderedPoints):
            axes.plot(np.ravel(measure.points), measure.levels[1:], ".", color=colour, label=name)
    axes.set_xlabel("r" if state.kind is RadialQuantiles else "x")
    if not state.bare:
        axes.legend(frameon=False)
