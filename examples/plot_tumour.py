"""
A tumour with a necrotic core
=============================

Cells grow where there is nutrient, and die where there is too little. They fill the space and no more, so that they push one
another outwards. The nutrient diffuses in from blood around the tissue and is taken up by the cells:

    d cells/dt = div(cells grad p) + g (nutrient - starving) cells,     cells <= 1,  p >= 0,  p = 0 where cells < 1
    d nutrient/dt = D lap nutrient - uptake cells nutrient,             nutrient = 1 at the blood

Two seeds grow, touch and merge. As soon as the tumour is thicker than the nutrient reaches, its core starves. This is a model
of Hele and Shaw's kind; Perthame, Quiros and Vazquez (2014) derive it from the pressure of packed cells.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

cells, dt = 60, 0.01
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
    + jf.Growth(lambda nutrient: 5 * (nutrient - 0.35), "cells")
    + jf.Entropy("nutrient")
    + jf.Growth(lambda cells: -16 * cells, "nutrient")
    + jf.Reservoir(blood, 1.0, "nutrient", name="blood")
)
flow = jf.evolve(law, start, scheme=jf.Splitting(jf.JKO()), dt=dt, t_end=2.4, mobility={"nutrient": 1.2})
print(flow)

tumour, nutrient = flow["cells"], flow["nutrient"]
fig, axes = plt.subplots(2, 4, figsize=(11, 5.6), layout="constrained", sharex=True, sharey=True)
for k, t in enumerate((0.0, 0.8, 1.6, 2.4)):
    at = int(np.argmin(np.abs(flow.times - t)))
    upper = axes[0, k].pcolormesh(*grid.axes, tumour[at].values.T, cmap="magma_r", vmin=0, vmax=1)
    lower = axes[1, k].pcolormesh(*grid.axes, nutrient[at].values.T, cmap="YlGn", vmin=0, vmax=1)
    axes[1, k].contour(*grid.axes, tumour[at].values.T, levels=[0.5], colors="0.3", linewidths=0.8)
    axes[0, k].set(title=f"t = {t:g}", aspect="equal")
    axes[1, k].set_aspect("equal")
fig.colorbar(upper, ax=axes[0], label="cells")
fig.colorbar(lower, ax=axes[1], label="nutrient")

covered = tumour.final.values > 0.05
RESULT = tumour.final.mass / (covered.sum() * grid.cell_volume)
print(f"mass {tumour[0].mass:.3f} -> {tumour.final.mass:.3f}; the tumour is full to {RESULT:.3f}")
