r"""
A chase in a ring, and the inertia that makes it unstable
=========================================================

Each of three groups chases the next: a is drawn to b, b to c, and c to a. The particles have the inertia time epsilon, and F is
the force:

.. math::

    x' = u, \qquad \varepsilon u' = -u + F.

The kernels are :math:`|x|^2 / 2`. So the centres z obey epsilon z'' + z' + B z = 0, where B is the identity minus a cyclic
shift. Its eigenvalues are 0, which belongs to the common centre, and lambda = p +- i q with p = 3/2 and q = sqrt(3)/2. They
belong to the triangle of the centres. The triangle grows or shrinks like exp(r t) with a root r of

.. math::

    \varepsilon r^2 + r + \lambda = 0.

At the edge of stability r = i w. For lambda = p + i q the imaginary part says w = -q, and the real part epsilon w^2 = p. So the
triangle shrinks if epsilon is below p / q^2 = 2. Above 2 the groups overshoot, and spiral outwards. Without inertia the
triangle always shrinks.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

t_end, size = 10.0, 30
names, colours = "abc", ("#c1440e", "#1f5fa8", "#2e7d32")
corners = np.exp(2j * np.pi * np.arange(3) / 3)
eigenvalue = 1.5 - 0.5j * np.sqrt(3)  # of the triangle of the corners
shapes = np.random.default_rng(3).normal(0.0, 0.09, size=(3, size, 2))
shapes -= shapes.mean(axis=1, keepdims=True)
quadratic = jf.Quadratic()
law = jf.Drift(quadratic, "a", by="b") + jf.Drift(quadratic, "b", by="c") + jf.Drift(quadratic, "c", by="a")
for name in names:
    law = law - jf.Interaction(quadratic, name)  # keeps the shape of the group, and does not act on its centre


def group(corner, shape, root):
    """A group about a corner, with the velocity that belongs to the root."""
    velocity = root * corner
    return jf.MovingParticles(shape + np.array([corner.real, corner.imag]), np.tile([velocity.real, velocity.imag], (size, 1)))


figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained")
panels = {1.0: ("inwards", "#00808a"), 2.0: ("a circle", "#8a6d00"), 4.0: ("outwards", "#7b3fa0")}
for axis, (epsilon, (title, hue)) in zip(axes, panels.items(), strict=False):
    root = (np.sqrt(1 - 4 * epsilon * eigenvalue) - 1) / (2 * epsilon)
    start = jf.Species({n: group(c, s, root) for n, c, s in zip(names, corners, shapes, strict=True)})
    flow = jf.evolve(law, start, scheme=jf.Inertial(epsilon), dt=0.05, t_end=t_end)
    centres = np.array([[state[name].mean for name in names] for state in flow])
    for k, colour in enumerate(colours):
        axis.plot(*centres[:, k].T, color=colour, linewidth=1.1, alpha=0.7)
        axis.scatter(*start[names[k]].points.T, s=7, color=colour, alpha=0.35, linewidths=0)
        axis.scatter(*flow.final[names[k]].points.T, s=9, color=colour, linewidths=0, label=names[k], zorder=3)
    axis.set(title=rf"$\varepsilon = {epsilon:g}$: {title}", xlabel="x", xlim=(-1.9, 1.9), ylim=(-1.9, 1.9), aspect="equal")
    radii = np.sqrt((centres**2).sum(axis=2).mean(axis=1))
    axes[3].plot(flow.times, np.exp(root.real * flow.times), color=hue, linewidth=1.4, label=rf"$\varepsilon = {epsilon:g}$")
    axes[3].plot(flow.times[::20], radii[::20], "o", color=hue, markersize=4.5)
axes[0].set_ylabel("y")
axes[0].legend(frameon=False, loc="upper right", ncols=3, handletextpad=0, columnspacing=0.5)
axes[3].set(title="size (lines: exp(Re r t))", xlabel="time", ylim=(0, None))
axes[3].legend(frameon=False, loc="upper left")
for axis in axes:
    axis.spines[["top", "right"]].set_visible(False)

print(flow)
RESULT = float(np.log(radii[-1] / radii[0]) / t_end)  # the rate of growth for epsilon = 4
