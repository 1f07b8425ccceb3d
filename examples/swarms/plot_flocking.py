r"""
A flock, a crowd that disperses, and a mill
===========================================

In the model of Cucker and Smale every bird draws its velocity towards those of the others, more so towards those that are near:

.. math::

    x_i' = v_i, \qquad v_i' = \frac1N \sum_j \psi(|x_i - x_j|)\, (v_j - v_i), \qquad \psi(r) = (1 + r^2)^{-\beta}.

If beta is at most 1/2, the birds agree on one velocity from every start: they flock. Beyond 1/2 it depends on the start. Here
beta = 3/2 is too large for the spread of their velocities, and they disperse. The mean velocity never changes. If beta = 0,
then v_i' = mean - v_i, and the spread of the velocities falls as exp(-t).

A mill needs no alignment. The birds attract one another through :math:`|x|^2 / 2` and repel one another through a bump of the
length 0.4. Both forces act along the line between two birds. So the angular momentum is kept: a group that turns goes on
turning.

Arrows are velocities, seen from the centre of the group. Their colour is the direction.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

rng = np.random.default_rng(5)
birds, t_end = 120, 8.0
wheel = plt.get_cmap("hsv")(np.linspace(0.0, 1.0, 256))[:, :3] * 0.85


def arrows(axis, state, title):
    """The velocities, about the centre of the group. Their colour is the direction."""
    points, (across, up) = state.points - state.mean, state.velocities.T
    hues = wheel[(np.arctan2(up, across) / (2 * np.pi) % 1.0 * 255).astype(int)]
    axis.quiver(*points.T, across, up, color=hues, scale=18, width=0.006)
    reach = 1.15 * np.abs(points).max()
    axis.set(title=title, aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach), xlabel="x")
    axis.spines[["top", "right"]].set_visible(False)


start = jf.MovingParticles(rng.normal(size=(birds, 2)), rng.normal([0.8, 0.4], 1.0, size=(birds, 2)))
figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained")
arrows(axes[0], start, "start")
cases = ((1.5, "3/2", "#c1440e", "dispersed"), (0.25, "1/4", "#1f5fa8", "a flock"), (0.0, "0", "0.4", ""))
for beta, label, colour, fate in cases:
    law = jf.Alignment(lambda r, beta=beta: (1 + r**2) ** -beta)
    flow = jf.evolve(law, start, scheme=jf.Inertial(), dt=0.1, t_end=t_end)
    spread = [state.velocity_spread for state in flow]
    axes[3].semilogy(flow.times, spread, color=colour, linewidth=1.6, label=rf"$\beta$ = {label}")
    if beta:
        arrows(axes[2 if beta > 0.5 else 1], flow.final, rf"$\beta$ = {label}: {fate}, t = {t_end:g}")
    print(flow, "the mean velocity has moved by", np.abs(flow.final.mean_velocity - start.mean_velocity).max())
axes[0].set_ylabel("y")
axes[3].set(title="spread of the velocities", xlabel="time", ylim=(1e-4, 3))
axes[3].legend(frameon=False)
RESULT = float(np.log(spread[0] / spread[-1]) / t_end)  # the rate with beta = 0

# The mill: birds on a ring, which turn with the angular velocity 1 and a little disorder.
angles, radii = rng.uniform(0, 2 * np.pi, birds), np.sqrt(rng.uniform(0.3, 1.7, birds))
x, y = radii * np.cos(angles), radii * np.sin(angles)
ring = jf.MovingParticles(np.stack([x, y], 1), np.stack([-y, x], 1) + 0.1 * rng.normal(size=(birds, 2)))
mill = jf.Interaction(jf.Quadratic()) - jf.Interaction(jf.Gaussian(1.5, 0.4))
flow = jf.evolve(mill, ring, scheme=jf.Inertial(), dt=0.05, t_end=20.0)
spins = [float(state.masses @ np.linalg.det(np.moveaxis(state.phase, 0, 1))) for state in flow]
print(flow, "the angular momentum has moved by", np.ptp(spins))
figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), layout="constrained")
for axis, k in zip(axes, (0, 200, 400), strict=True):
    arrows(axis, flow[k], f"a mill, t = {flow.times[k]:g}")
axes[0].set_ylabel("y")
film = jf.plot.movie(flow)
