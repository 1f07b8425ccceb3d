r"""
Along fibres
============

In wood and in muscle things spread faster along the fibres than across them: the diffusivity is a tensor,

.. math::

    \partial_t \rho = \nabla \cdot (A \nabla \rho), \qquad A(x) = k\, n n^T + (1 - n n^T), \quad k = 20,

where n(x) is the direction of the fibres. ``Mobility`` takes A as a function that returns its rows. The densities stay
positive, whatever the direction of the fibres on the grid.

Left: straight fibres. A drop becomes an ellipse; the white line is that of the exact Gaussian, at two standard deviations.
Middle: fibres along circles. The drop runs round the ring. Right: the spread along the straight fibres and across them, against
2 k t and 2 t.

RESULT is the spread along the straight fibres over 2 k t at the end: 1.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

K, ANGLE, T = 20.0, 0.5, 0.015
plane = jf.Grid.box((-3.0, 3.0), (-3.0, 3.0), cells=100)


def tensor(nx, ny):
    """A for fibres in the direction n."""
    return (1 + (K - 1) * nx**2, (K - 1) * nx * ny), ((K - 1) * nx * ny, 1 + (K - 1) * ny**2)


def straight(x, y):
    return tensor(np.cos(ANGLE) + 0 * x, np.sin(ANGLE) + 0 * y)


def along_circles(x, y):
    return tensor(-y / np.hypot(x, y), x / np.hypot(x, y))


def spread(fibres, centre):
    """A drop of variance 0.02 that spreads."""
    drop = plane.density(lambda x, y: np.exp(-((x - centre) ** 2 + y**2) / 0.04))
    return jf.evolve(jf.Entropy() + jf.Mobility(fibres), drop, scheme=jf.BDF2(), dt=T / 20, t_end=T)


line, ring = spread(straight, 0.0), spread(along_circles, 1.3)
x, y = plane.mesh
along = (x * np.cos(ANGLE) + y * np.sin(ANGLE)) ** 2
across = (x * np.sin(ANGLE) - y * np.cos(ANGLE)) ** 2
variances = np.array([[plane.integrate(square * rho.values) for square in (along, across)] for rho in line])
grown = variances - variances[0]
RESULT = float(grown[-1, 0] / (2 * K * T))
print(f"along the fibres {grown[-1, 0]:.4f} (2 k t = {2 * K * T:.4f}), across {grown[-1, 1]:.4f} (2 t = {2 * T:.4f})")

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12.0, 3.8), layout="constrained")
turn = np.linspace(0, 2 * np.pi, 200)
axes = 2 * np.sqrt(0.02 + 2 * T * np.array([K, 1.0]))
ellipse = axes[0] * np.cos(turn), axes[1] * np.sin(turn)
for axis, flow, title in ((left, line, "straight fibres"), (middle, ring, "fibres along circles")):
    axis.pcolormesh(*plane.mesh, np.sqrt(flow.final.values), cmap="viridis", rasterized=True)
    axis.set(aspect="equal", xlabel="x", ylabel="y", title=title)
turned = np.array([[np.cos(ANGLE), -np.sin(ANGLE)], [np.sin(ANGLE), np.cos(ANGLE)]]) @ np.array(ellipse)
left.plot(*turned, "w", linewidth=0.8)
middle.plot(1.3 * np.cos(turn), 1.3 * np.sin(turn), "w", linewidth=0.5, alpha=0.6)
for values, slope, colour, label in ((grown[:, 0], 2 * K, "#c1440e", "along"), (grown[:, 1], 2.0, "#1f5fa8", "across")):
    right.loglog(line.times[1:], values[1:], "o", color=colour, markersize=3, label=label)
    right.loglog(line.times[1:], slope * line.times[1:], color=colour, linewidth=0.8)
right.set(xlabel="time", ylabel="growth of the variance")
right.legend(frameon=False)
plt.show()
