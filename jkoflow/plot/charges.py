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
from ._shared import HUES

_SLOW = 1e-4  # of the strongest current: no stream lines below
_DASHES = ("-", (0, (5, 2)), ":")  # species may lie on one another


def ions(
    state: State, law: Law, *, mobility: Mapping[str, float] | None = None, figsize: tuple[float, float] | None = None
) -> Figure:
    """A state of densities under a law with a DirichletCoupling.

    On the line: the densities with the charge, psi, and the current densities of the species. In the plane: a panel for every
    species with the stream lines of its current, and one for psi with its level lines; in space the same in the middle plane
    of the third axis. Forbidden and empty cells are left white.

    Raises ValueError for a law without a DirichletCoupling or a state that is not on a grid.

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
    held = law.check(state)
    psi = coupling.potential(held)
    flows = {name: current_density(law, held, name, mobility) for name in held}
    if held.grid.dim == 1:
        return _on_the_line(held, coupling.charge_density(held), psi, flows, figsize)
    return _in_the_plane(held, psi, flows, figsize)


def _on_the_line(
    held: Species, charge: Array, psi: Array, flows: dict[str, Array], figsize: tuple[float, float] | None
) -> Figure:
    figure, axes = plt.subplots(3, 1, figsize=figsize or (6.4, 7.2), sharex=True, layout="constrained")
    x = held.grid.axes[0]
    for k, (name, one) in enumerate(held.items()):
        look: dict[str, Any] = {"color": HUES[k % len(HUES)], "linestyle": _DASHES[k % len(_DASHES)], "linewidth": 1.6}
        axes[0].plot(x, one.values, label=name, **look)
        axes[2].plot(x, flows[name][0], label=name, **look)
    axes[0].plot(x, charge, color="0.4", linestyle="--", linewidth=1.2, label="charge")
    axes[1].plot(x, psi, color="black", linewidth=1.6)
    for axis, label in zip(axes, ("density", "psi", "current density"), strict=True):
        axis.set_ylabel(label)
        axis.spines[["top", "right"]].set_visible(False)
        axis.axhline(0.0, color="0.85", linewidth=0.8, zorder=0)
    top = max(float(one.values.max()) for one in held.values())
    axes[0].set_ylim(max(-top, 1.1 * float(charge.min())) - 0.05 * top, 1.1 * top)  # the charge of a wall is cut off
    axes[0].legend(frameon=False)
    axes[2].set_xlabel("x")
    return figure


def _in_the_plane(held: Species, psi: Array, flows: dict[str, Array], figsize: tuple[float, float] | None) -> Figure:
    grid = held.grid
    names, aspect = list(held), grid.lengths[1] / grid.lengths[0]
    stacked = aspect < 0.7
    count = len(names) + 1
    rows, columns = (count, 1) if stacked else (1, count)
    width = 6.4 if stacked else 3.6 * count
    size = figsize or (width + 0.8, (width / columns * aspect + 0.5) * rows)
    figure, panels = plt.subplots(rows, columns, figsize=size, squeeze=False, sharex=True, sharey=True, layout="constrained")
    axes = panels.ravel()
    x, y = grid.axes[:2]
    where: dict[str, Any] = {"extent": (*grid.bounds[0], *grid.bounds[1]), "origin": "lower", "aspect": "equal"}
    for axis, name in zip(axes, names, strict=False):
        rho = _slice(held[name].values)
        shown = np.ma.masked_where(rho <= 0, rho)
        image = axis.imshow(shown.T, cmap="viridis", vmin=0.0, **where)
        figure.colorbar(image, ax=axis, label="density", shrink=0.85, pad=0.01)
        across, up = (_slice(flows[name][k]) for k in range(2))
        speed = np.hypot(across, up)
        if speed.max() > 0 and min(speed.shape) > 1:
            across, up = (np.where(speed > _SLOW * speed.max(), one, np.nan) for one in (across, up))
            axis.streamplot(x, y, across.T, up.T, color="white", linewidth=0.7, arrowsize=0.8, density=0.9)
        axis.set_title(name)
    top = float(np.abs(psi).max()) or 1.0
    image = axes[-1].imshow(_slice(psi).T, cmap="RdBu_r", vmin=-top, vmax=top, **where)
    if min(len(x), len(y)) > 1:
        axes[-1].contour(x, y, _slice(psi).T, levels=12, colors="0.3", linewidths=0.5)
    figure.colorbar(image, ax=axes[-1], label="psi", shrink=0.85, pad=0.01)
    axes[-1].set_title("potential")
    for axis in axes:
        axis.set(xlim=grid.bounds[0], ylim=grid.bounds[1])
    return figure


def _slice(values: Array) -> Array:
    """In space the middle plane of the third axis."""
    return values if values.ndim == 2 else values[:, :, values.shape[2] // 2]
