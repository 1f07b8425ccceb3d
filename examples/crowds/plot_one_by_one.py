r"""
One by one
==========

Forty people leave a hall by a door. Everybody walks straight to the door with speed 1, and people keep apart by a repulsion
of short range:

.. math::

    \dot x_i = -\nabla d(x_i) - \sum_j m_j \nabla W(x_i - x_j), \qquad d(x) = |x - \text{door}|.

``Exit`` takes who comes into its region out of the state. ``flow.departures`` tells when, where and who; ``flow.paths()`` has
the ways, NaN for those who are outside.

Left: the ways of all, and where they are at t = 1. Middle: how many are inside. With more repulsion the last ones come out
later. Right: when each left, against the distance from the door. On the diagonal nobody is held up.

RESULT is the mean of time over distance without repulsion: 1.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

RADIUS = 0.15
rng = np.random.default_rng(3)
people = jf.Particles(rng.uniform((-3.0, -1.5), (-0.5, 1.5), (40, 2)))
door = jf.Exit(lambda x, y: x**2 + y**2 < RADIUS**2, name="door")
way = jf.Potential(lambda x, y: np.sqrt(x**2 + y**2))


def leave(repulsion):
    """The flow with some repulsion, whose range is a quarter."""
    law = way + door - repulsion * jf.Interaction(jf.Gaussian(1.0, 0.25))
    return jf.evolve(law, people, scheme=jf.Splitting(jf.Overdamped()), dt=0.05, t_end=8.0)


flows = {strength: leave(strength) for strength in (0.0, 2.0, 6.0)}
distance = np.linalg.norm(people.points, axis=1) - RADIUS
alone = flows[0.0].departures
RESULT = float((alone.times / distance[alone.numbers]).mean())
for strength, flow in flows.items():
    print(f"repulsion {strength:3.1f}: {len(flow.departures)} have left, the last at t = {flow.departures.times[-1]:.2f}")

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12.0, 3.8), width_ratios=(1.3, 1, 1), layout="constrained")
paths = flows[2.0].paths()
left.plot(paths[..., 0], paths[..., 1], color="#1f5fa8", linewidth=0.6, alpha=0.5)
left.plot(*paths[20].T, "o", color="#1f5fa8", markersize=4)
left.add_patch(plt.Circle((0, 0), RADIUS, color="#c1440e"))
left.set(aspect="equal", xlabel="x", ylabel="y", title="repulsion 2: the ways, and t = 1")
for (strength, flow), colour in zip(flows.items(), ("0.5", "#1f5fa8", "#c1440e"), strict=True):
    gone = flow.departures
    middle.step([0, *gone.times], 40 - np.arange(41), where="post", color=colour, label=f"repulsion {strength:g}")
    right.plot(distance[gone.numbers], gone.times, "o", color=colour, markersize=3)
middle.set(xlabel="time", ylabel="people inside", ylim=(0, 41))
middle.legend(frameon=False)
right.plot([0, 3.3], [0, 3.3], color="0.7", linewidth=0.8, zorder=0)
right.set(xlabel="distance from the door", ylabel="time of leaving")
for axis in (left, middle, right):
    axis.spines[["top", "right"]].set_visible(False)
