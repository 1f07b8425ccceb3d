"""Charged species: densities, the potential, the currents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from .._typing import Array
from ..diagnostics import coupling_of, current_density
from ..laws import Law, State
from ..measures import Species
from ._shared import HUES, shown_once

_LEAST_CURRENT = 1e-4  # share of the strongest current below which no stream lines are drawn
_DASHES = ("-", (0, (5, 2)), ":")  # the curves of two species may coincide


@shown_once
def ions(
    state: State, law: Law, *, mobility: Mapping[str, float] | None = None, figsize: tuple[float, float] | None = None
) -> Figure:
    """Draw a state of charged densities: the densities, the electric potential psi, and the currents.

    * On the line there are three panels: the densities with the charge, psi, and the current densities of the species.
    * In the plane every species has a panel with its density and the stream lines of its current. One more panel shows psi
      with its level lines.
    * In space the same is drawn in the middle plane of the third axis.

    Cells that are forbidden or empty are left white. ``mobility`` is that of the flow, as in ``evolve``.

    Raises ValueError if the law has no DirichletCoupling or the state is not on a grid.

    >>> import jkoflow as jf, matplotlib
    >>> matplotlib.use("agg")
    >>> grid = jf.Grid.box((0, 1), cells=32)
    >>> salt = jf.Species(u=grid.density(lambda x: 1 + x), v=grid.density(lambda x: 2 - x))
    >>> law = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=+1, v=-1)
    >>> len(ions(salt, law).axes)
    3
    """
    if not isinstance(law, Law):
        raise ValueError(f"law must be an energy or a sum of them, got {law!r}")
    coupling = coupling_of(law)
    checked_state = law.check(state)
    psi = coupling.potential(checked_state)
    currents = {name: current_density(law, checked_state, name, mobility) for name in checked_state}
    if checked_state.grid.dim == 1:
        return _on_the_line(checked_state, coupling.charge_density(checked_state), psi, currents, figsize)
    return _in_the_plane(checked_state, psi, currents, figsize)


def _on_the_line(
    state: Species, charge: Array, psi: Array, currents: dict[str, Array], figsize: tuple[float, float] | None
) -> Figure:
    """Three panels over x: densities and charge, psi, current densities."""
    figure, axes = plt.subplots(3, 1, figsize=figsize or (6.4, 7.2), sharex=True, layout="constrained")
    x = state.grid.axes[0]
    for k, (name, measure) in enumerate(state.items()):
        style: dict[str, Any] = {"color": HUES[k % len(HUES)], "linestyle": _DASHES[k % len(_DASHES)], "linewidth": 1.6}
        axes[0].plot(x, measure.values, label=name, **style)
        axes[2].plot(x, currents[name][0], label=name, **style)
    axes[0].plot(x, charge, color="0.4", linestyle="--", linewidth=1.2, label="charge")
    axes[1].plot(x, psi, color="black", linewidth=1.6)
    for axis, label in zip(axes, ("density", "psi", "current density"), strict=True):
        axis.set_ylabel(label)
        axis.spines[["top", "right"]].set_visible(False)
        axis.axhline(0.0, color="0.85", linewidth=0.8, zorder=0)
    top = max(float(measure.values.max()) for measure in state.values())
    axes[0].set_ylim(max(-top, 1.1 * float(charge.min())) - 0.05 * top, 1.1 * top)  # the charge of a wall is cut off
    axes[0].legend(frameon=False)
    axes[2].set_xlabel("x")
    return figure


def _in_the_plane(state: Species, psi: Array, currents: dict[str, Array], figsize: tuple[float, float] | None) -> Figure:
    """A map per species with the stream lines of its current, and a map of psi. In space: of the middle plane."""
    grid = state.grid
    names, aspect = list(state), grid.lengths[1] / grid.lengths[0]
    stacked = aspect < 0.7
    count = len(names) + 1
    rows, columns = (count, 1) if stacked else (1, count)
    width = 6.4 if stacked else 3.6 * count
    size = figsize or (width + 0.8, (width / columns * aspect + 0.5) * rows)
    figure, panels = plt.subplots(rows, columns, figsize=size, squeeze=False, sharex=True, sharey=True, layout="constrained")
    axes = panels.ravel()
    x, y = grid.axes[:2]
    placement: dict[str, Any] = {"extent": (*grid.bounds[0], *grid.bounds[1]), "origin": "lower", "aspect": "equal"}
    for axis, name in zip(axes, names, strict=False):
        rho = _middle_plane(state[name].values)
        cells_with_mass = np.ma.masked_where(rho <= 0, rho)
        image = axis.imshow(cells_with_mass.T, cmap="viridis", vmin=0.0, **placement)
        figure.colorbar(image, ax=axis, label="density", shrink=0.85, pad=0.01)
        across, up = (_middle_plane(currents[name][k]) for k in range(2))
        speed = np.hypot(across, up)
        if speed.max() > 0 and min(speed.shape) > 1:
            across, up = (np.where(speed > _LEAST_CURRENT * speed.max(), component, np.nan) for component in (across, up))
            axis.streamplot(x, y, across.T, up.T, color="white", linewidth=0.7, arrowsize=0.8, density=0.9)
        axis.set_title(name)
    top = float(np.abs(psi).max()) or 1.0
    image = axes[-1].imshow(_middle_plane(psi).T, cmap="RdBu_r", vmin=-top, vmax=top, **placement)
    if min(len(x), len(y)) > 1:
        axes[-1].contour(x, y, _middle_plane(psi).T, levels=12, colors="0.3", linewidths=0.5)
    figure.colorbar(image, ax=axes[-1], label="psi", shrink=0.85, pad=0.01)
    axes[-1].set_title("potential")
    for axis in axes:
        axis.set(xlim=grid.bounds[0], ylim=grid.bounds[1])
    return figure


def _middle_plane(values: Array) -> Array:
    """The values in the plane, or in space the values in the middle plane of the third axis."""
    return values if values.ndim == 2 else values[:, :, values.shape[2] // 2]
