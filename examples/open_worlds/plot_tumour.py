r"""
A tumour with a necrotic core
=============================

Cells grow where there is nutrient, and die where there is too little. They fill the space and no more, so that they push one
another outwards. The nutrient diffuses in from blood around the tissue and is taken up by the cells:

.. math::

    \partial_t n &= \nabla\cdot(n \nabla p) + g\, (c - \text{starving})\, n, \qquad
    n \le 1,\quad p \ge 0,\quad p = 0 \text{ where } n < 1 \\
    \partial_t c &= D \Delta c - (\text{uptake})\, n\, c, \qquad c = 1 \text{ at the blood}

Two seeds grow, and take the nutrient from one another. Where it does not reach any more the cells die, first on the sides that
the seeds turn to each other. Cells of the rim do not fill the hole, because nothing pulls them. This is a model of Hele and
Shaw's kind; Perthame, Quiros and Vazquez (2014) derive it from the pressure of packed cells.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

cells, dt = 60, 0.04
grid = jf.Grid.box((-1, 1), (-1, 1), cells=cells)


def blood(x, y):
    return x**2 + y**2 > 0.95**2


def seeds(x, y):
    return np.minimum((x + 0.25) ** 2 + (y + 0.1) ** 2, ((x - 0.3) ** 2 + (y - 0.15) ** 2) * 1.5) < 0.02


start = jf.Species(
    cells=grid.density(grid.sample(seeds, order=4), mass=None), nutrient=grid.density(lambda x, y: 1.0 - blood(x, y), mass=None)
)
law = (
    jf.Congestion(1.0, "cells")
    + jf.Growth(lambda nutrient: 4 * (nutrient - 0.4), "cells")
    + jf.Entropy("nutrient")
    + jf.Growth(lambda cells: -4 * cells, "nutrient")
    + jf.Reservoir(blood, 1.0, "nutrient", name="blood")
)
flow = jf.evolve(law, start, scheme=jf.Splitting(jf.JKO()), dt=dt, t_end=3.0, mobility={"nutrient": 0.2})
print(flow)

tumour, nutrient = flow["cells"], flow["nutrient"]
fig, axes = plt.subplots(2, 4, figsize=(11, 5.6), layout="constrained", sharex=True, sharey=True)
for k, t in enumerate((0.0, 1.0, 2.0, 3.0)):
    at = int(np.argmin(np.abs(flow.times - t)))
    upper = axes[0, k].pcolormesh(*grid.axes, tumour[at].values.T, cmap="magma_r", vmin=0, vmax=1)
    lower = axes[1, k].pcolormesh(*grid.axes, nutrient[at].values.T, cmap="YlGn", vmin=0, vmax=1)
    axes[1, k].contour(*grid.axes, tumour[at].values.T, levels=[0.5], colors="0.3", linewidths=0.8)
    axes[0, k].set(title=f"t = {t:g}", aspect="equal")
    axes[1, k].set_aspect("equal")
fig.colorbar(upper, ax=axes[0], label="cells")
fig.colorbar(lower, ax=axes[1], label="nutrient")

tumour_now, fed = tumour.final.values > 0.5, nutrient.final.values > 0.4
RESULT = float((tumour_now & ~fed).sum() / tumour_now.sum())
print(f"mass {tumour[0].mass:.3f} -> {tumour.final.mass:.3f}; {RESULT:.1%} of the tumour starve")
