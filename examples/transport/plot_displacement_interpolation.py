r"""
Displacement interpolation: J becomes K becomes O
=================================================

A geodesic of Wasserstein space moves every bit of mass along a straight line, at a speed of its own. The optimal plan says from
where to where. McCann called this motion displacement interpolation:

.. math::

    \rho_s = \bigl((1 - s)\, x + s\, y\bigr)_\# \gamma, \qquad \gamma \text{ an optimal plan from } \rho_0 \text{ to } \rho_1.

Upper rows: the letters of Jordan, Kinderlehrer and Otto, as point masses. The plans are those of the network simplex. The
colour of the mass is its height in the K. Lower row, left: on the line a geodesic interpolates the quantiles. One hump parts in
two. Middle: the mixture of the same two densities fades one out and the other in. Right: the distance from the start. For
the geodesic it is a straight line. For the mixture it grows like the square root of s at first.

RESULT is W2 between the shapes at s = 1/4 and s = 3/4 on the way from J to K, over W2 between J and K. The speed of a geodesic
is constant, W2 between two of its points is :math:`|t - s|` times the whole. So this is 1/2. The network simplex computes it
anew from the two shapes in between. It would be less than 1/2 if there were a shorter way than the straight lines.
"""

import matplotlib.pyplot as plt
import numpy as np
import ot
from matplotlib.path import Path
from matplotlib.textpath import TextPath

import jkoflow as jf

rng = np.random.default_rng(0)


def letter(text):
    """Points spread evenly over a letter, about its middle."""
    outline = TextPath((0, 0), text, size=1.0, prop={"family": "DejaVu Sans", "weight": "bold"})
    low, high = outline.vertices.min(axis=0), outline.vertices.max(axis=0)
    lattice = np.stack(np.meshgrid(*(np.arange(a, b, 0.022) for a, b in zip(low, high, strict=True))), -1).reshape(-1, 2)
    lattice += rng.uniform(-0.007, 0.007, lattice.shape)
    crossings = sum(Path(ring).contains_points(lattice).astype(int) for ring in outline.to_polygons())
    return lattice[crossings % 2 == 1] - (low + high) / 2


def geodesic(x, y):
    """The geodesic between equal masses at the points x and those at the points y, as a function of s; and who moves where."""
    plan = ot.emd([], [], ot.dist(x, y))
    i, j = np.nonzero(plan)
    return lambda s: jf.Particles((1 - s) * x[i] + s * y[j], plan[i, j]), i, j


j, k, o = (letter(text) for text in "JKO")
first, _, end = geodesic(j, k)
second, start, _ = geodesic(k, o)
quarter = jf.wasserstein(first(0.25), first(0.75))
whole = jf.wasserstein(first(0.0), first(1.0))
RESULT = float(quarter) / float(whole)
print(f"W2 from J to K: {whole:.4f}. From s = 1/4 to s = 3/4: {quarter:.4f}")

grid = jf.Grid.box((-4, 4), cells=800)
hump = grid.density(lambda x: np.exp(-(x**2) / 0.5)).quantiles()
pair = grid.density(lambda x: np.exp(-((x + 2) ** 2) / 0.08) + 2 * np.exp(-((x - 2) ** 2) / 0.08)).quantiles()
levels, coarse = np.linspace(0, 1, 2001), jf.Grid.box((-4, 4), cells=200)
x, y = hump.quantile(levels), pair.quantile(levels)
shares = np.linspace(0, 1, 11)
between = [jf.Density.from_quantiles(jf.Quantiles((1 - s) * x + s * y), coarse) for s in shares]
mixture = [coarse.density((1 - s) * between[0].values + s * between[-1].values) for s in shares]

figure = plt.figure(figsize=(12.0, 7.4), layout="constrained")
figure.suptitle("Displacement interpolation", fontsize="x-large")
upper, lower = figure.subfigures(2, 1, height_ratios=(1.25, 1))
axes = upper.subplots(2, 5, sharex=True, sharey=True)
for row, (way, heights) in enumerate(((first, k[end, 1]), (second, k[start, 1]))):
    for axis, s in zip(axes[row], (0, 0.25, 0.5, 0.75, 1), strict=True):
        axis.scatter(*way(s).points.T, c=heights, s=6, cmap="plasma", linewidths=0)
        axis.set_aspect("equal")
        axis.set_axis_off()
        axis.text(0.5, -0.08, f"s = {s:g}", transform=axis.transAxes, ha="center", color="0.3")
moved, mixed, distances = lower.subplots(1, 3)
for axis, states, title, hue in ((moved, between, "geodesic", "#1f5fa8"), (mixed, mixture, "mixture", "#c1440e")):
    for s, state in list(zip(shares, states, strict=True))[::-1]:
        height, colour = s + 0.35 * state.values, plt.cm.viridis(0.9 * s)
        axis.fill_between(coarse.axes[0], s, height, color=colour, alpha=0.8, linewidth=0)
        axis.plot(coarse.axes[0], height, color="white", linewidth=0.8)
    axis.set(title=f"{title} on the line", xlabel="x", ylabel="s")
    ways = [jf.wasserstein(between[0], state).value for state in states]
    distances.plot(shares, ways, "o-", color=hue, label=title, linewidth=1.6)
distances.set(title="W2 from the start", xlabel="s")
distances.legend(frameon=False)
for axis in (moved, mixed, distances):
    axis.spines[["top", "right"]].set_visible(False)
plt.show()
