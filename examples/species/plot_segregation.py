r"""
Two species that segregate, with little and with much inertia
=============================================================

Two species are mixed, each in random motion. Each is drawn to itself. A weak singular repulsion keeps its particles apart. The
other species repels them at short distance and draws them at long distance. So the species part, but stay together as a pair.
All particles have the inertia time epsilon, and F is the force:

.. math::

    x' = u, \qquad \varepsilon u' = -u + F.

With little inertia the motion is almost the gradient flow of the energy: the distance of the two centres grows to its value at
rest. With much inertia the species part late, run past this value, and swing about it.

Action equals reaction, and all masses are equal. So the forces add up to 0, and the mean of x + epsilon u over all particles is
constant (T4 in docs/theory/small-inertia.md). The mean of u falls as exp(-t / epsilon). So the mean of x moves by
epsilon (1 - exp(-t / epsilon)) times the mean of u at the start. The scheme does the same up to rounding.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

count = 80
rng = np.random.default_rng(5)
colours = {"a": "#c1440e", "b": "#1f5fa8"}
within = jf.Quadratic() + 0.15 * jf.Riesz(0.5)
between = 0.4 * jf.Quadratic() - jf.Gaussian(4.0, 1.2)
law = jf.Interaction(within, "a") + jf.Interaction(within, "b") + jf.CrossInteraction(between, between=("a", "b"))
start = jf.Species(
    {
        name: jf.MovingParticles(rng.normal([place, 0.0], 0.6, size=(count, 2)), rng.normal(0.0, 0.15, size=(count, 2)))
        for name, place in (("a", -0.1), ("b", 0.1))
    }
)

figure = plt.figure(figsize=(13, 5.4), layout="constrained")
grid = figure.add_gridspec(2, 4, width_ratios=(1, 1, 1, 1.3))
distances = figure.add_subplot(grid[:, 3])
for row, (epsilon, hue) in enumerate(((0.05, "#2e7d32"), (5.0, "#7b3fa0"))):
    flow = jf.evolve(law, start, scheme=jf.Inertial(epsilon), dt=0.05, t_end=20.0)
    print(flow)
    for column, k in enumerate((0, 40, 160)):
        axis = figure.add_subplot(grid[row, column])
        for name, colour in colours.items():
            axis.scatter(*flow[k][name].points.T, s=9, color=colour, linewidths=0, label=name)
        axis.set(
            title=rf"$\varepsilon$ = {epsilon:g}, t = {flow.times[k]:g}",
            xlabel="x" if row else "",
            ylabel="" if column else "y",
        )
        axis.set(xlim=(-2.4, 2.4), ylim=(-1.8, 1.8), aspect="equal")
        axis.spines[["top", "right"]].set_visible(False)
    gaps = [np.linalg.norm(state["b"].mean - state["a"].mean) for state in flow]
    distances.plot(flow.times, gaps, color=hue, linewidth=1.6, label=rf"$\varepsilon$ = {epsilon:g}")
axis.legend(frameon=False, loc="lower right", handletextpad=0)
distances.set(title="distance of the two centres", xlabel="time", ylim=(0, None))
distances.spines[["top", "right"]].set_visible(False)
distances.legend(frameon=False, loc="lower right")
# How far the mean of x has moved with epsilon = 5, in units of its closed form.
moved = sum(flow.final[name].mean - start[name].mean for name in colours)
wind = sum(start[name].mean_velocity for name in colours)
RESULT = float(np.linalg.norm(moved) / np.linalg.norm(epsilon * (1 - np.exp(-flow.times[-1] / epsilon)) * wind))
