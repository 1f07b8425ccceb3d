r"""
An evacuation
=============

A crowd leaves a room through a passage, crosses a second room, and goes out by a door. Everybody walks the shortest way round
the walls with speed 1 (``walking_distance``), and nowhere are there more than one person per unit of area (``Congestion``):

.. math::

    \partial_t\rho = \nabla\cdot(\rho \nabla(d + p)), \qquad
    \rho \le 1,\quad p \ge 0,\quad p = 0 \text{ where } \rho < 1; \qquad \rho = 0 \text{ at the door}.

This is the model of Maury, Roudneff-Chupin and Santambrogio (2010), with a door. The pressure p pushes those in the passage,
so it lets more through than its width times the speed.

Upper row: the crowd at three times, for the narrowest passage. Below: how many are inside, and the time until 95 of 100 are
out. The last few are late by the cells: a front that only drifts smears. Halve the cells before
you quote a time. Widths and walls end at faces of cells.

RESULT is what has gone through the door plus who is left, over who was there: nobody gets lost.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

grid = jf.Grid.box((0, 4), (0, 2), cells=(64, 32))


def door(x, y):
    return (x > 3.95) & (abs(y - 1) < 0.25)


def run(width):
    """The evacuation through a passage of some width, and the walls."""

    def walls(x, y):
        return (x > 1.75) & (x < 2.25) & (abs(y - 1) > width / 2)

    way = jf.walking_distance(grid, to=door, obstacles=walls)
    crowd = grid.density(lambda x, y: 0.8 * (x < 1.6), mass=None)
    law = jf.Congestion(1.0) + jf.Potential(way) + jf.Obstacle(walls) + jf.Exit(door, name="door")
    flow = jf.evolve(law, crowd, dt=0.1, t_end=12.0, stop=lambda step: "empty" if step.state.mass < 0.02 * crowd.mass else None)
    return flow, grid.sample(walls)


widths = (0.25, 0.5, 0.75, 1.0)
runs = {width: run(width) for width in widths}
needed = {width: float(np.interp(-0.05, -flow.masses / flow.masses[0], flow.times)) for width, (flow, _) in runs.items()}
for width, time in needed.items():
    print(f"width {width:5.3f}: {time:5.2f} until 95 of 100 are out")
narrow, walls = runs[widths[0]]
RESULT = float((narrow.outflow["door"].sum() + narrow.final.mass) / narrow[0].mass)

figure = plt.figure(figsize=(10.0, 6.0), layout="constrained")
upper, lower = figure.subfigures(2, 1)
for axis, t in zip(upper.subplots(1, 3, sharey=True), (0.5, 2.0, 5.0), strict=True):
    k = int(np.searchsorted(narrow.times, t))
    shown = np.ma.MaskedArray(narrow[k].values, walls > 0)
    colours = plt.get_cmap("YlOrRd").with_extremes(bad="#4a4a4a")
    picture = axis.imshow(shown.T, colours, origin="lower", extent=(0, 4, 0, 2), vmin=0, vmax=1)
    axis.plot([4, 4], [0.75, 1.25], color="#1f5fa8", linewidth=5, clip_on=False)
    axis.set_title(f"t = {narrow.times[k]:g}")
upper.colorbar(picture, ax=upper.axes, shrink=0.7)
inside, times = lower.subplots(1, 2)
for width, (flow, _) in runs.items():
    inside.plot(flow.times, flow.masses, label=f"{width:g}", color=plt.cm.viridis(1 - width), linewidth=1.8)
inside.set(xlabel="time", title="people inside, by the width of the passage")
inside.legend(frameon=False)
times.plot(widths, list(needed.values()), "o-", color="#c1440e")
times.set(xlabel="width of the passage", title="time until 95 of 100 are out", ylim=(0, None))
for axis in (inside, times):
    axis.spines[["top", "right"]].set_visible(False)
plt.show()
