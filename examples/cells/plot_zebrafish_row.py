r"""
A row of cells behind a leader
==============================

In the embryo of the zebrafish a row of cells wanders along a stripe of the body. Here one leader is pushed by a force F, and
rubs on the ground. The cells behind it

* align their velocities with those of cells and leader that are near,
* follow a signal, which the leader makes, and they themselves a little,
* keep their distance from one another and from the leader, and stay on the stripe, y = 0.

The leader obeys the first equation, the cells the second one, with sums over cells and leader:

.. math::

    \text{leader:}\quad & v' = F - \gamma v \\
    \text{cells:}\quad & v_i' = \sum_j m_j\, \psi(|x_i - x_j|)\, (v_j - v_i) + \eta \nabla c(x_i)
    - (\text{repulsion}) - (\text{stripe}) \\
    \text{signal:}\quad & \partial_t c = D \Delta c - \kappa c + (\text{sources}).

All are at rest at the start. The leader tears away, and the motion runs down the row: the first cells follow at once, the
last ones late. Then the last ones are faster than the leader, and the row is hauled in until it keeps its length.

RESULT is the mean speed of the row at the end. A row that keeps its shape has the speed of its leader. The leader feels
nobody, and its speed F (1 - exp(-gamma t)) / gamma tends to F / gamma = 0.4. At the end the row still shortens a little.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

FORCE, GAMMA, COUNT, T = 0.4, 1.0, 16, 40.0


def psi(r):
    return 3.0 / (1 + r**2)


law = (
    jf.Potential(lambda x, y: -FORCE * x, "leader", gradient=lambda x, y: np.stack([-FORCE + 0 * x, 0 * y]))
    + jf.Friction(GAMMA, "leader")
    + jf.Potential(lambda x, y: 10 * y**2, "cells", gradient=lambda x, y: np.stack([0 * x, 20 * y]))
    + jf.Alignment(psi, moves="cells", by="cells")
    + jf.Alignment(psi, moves="cells", by="leader")
    - jf.Interaction(jf.Gaussian(3.0, 0.15), "cells")
    - jf.Drift(jf.Gaussian(0.25, 0.15), moves="cells", by="leader")
    + jf.FieldEnergy("c", diffusion=0.6, decay=0.3)
    + 1.5 * jf.Secretion(jf.GaussianProfile(0.3), by="leader")
    + 0.6 * jf.Secretion(jf.GaussianProfile(0.3), by="cells")
    + jf.Chemotaxis(0.5, moves="cells")
)
rng = np.random.default_rng(4)
row = np.stack([np.linspace(-3.2, -0.2, COUNT), np.tile([-0.04, 0.04], COUNT // 2)], axis=1)
row += 0.02 * rng.normal(size=row.shape)
start = jf.Species(
    cells=jf.MovingParticles(row, 0 * row),
    leader=jf.MovingParticles([[0.0, 0.0]], [[0.0, 0.0]]),
)
flow = jf.evolve(law, jf.State(start, {"c": jf.FreeField(2, 1e-4)}), scheme=jf.Inertial(), dt=0.1, t_end=T)
print(flow)
cells = np.array([state.phase for state in flow["cells"]])  # (times, x or v, cells, coordinates)
leader = np.array([state.phase for state in flow["leader"]])
RESULT = float(cells[-1, 1, :, 0].mean())

figure = plt.figure(figsize=(12.5, 5.2), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(1.7, 1))
axes = left.subplots(4, 1, sharex=True, sharey=True)
x, y = np.linspace(-3.7, 16.8, 300), np.linspace(-1.1, 1.1, 40)
mesh = np.stack([a.ravel() for a in np.meshgrid(x, y, indexing="ij")], axis=1)
shown = (0, 50, 150, 400)
images = [flow.state(k).fields["c"].at(mesh).reshape(300, 40) for k in shown]
for axis, k, image in zip(axes, shown, images, strict=True):
    picture = axis.imshow(
        image.T, origin="lower", extent=(x[0], x[-1], y[0], y[-1]), cmap="Blues", vmin=0, vmax=max(i.max() for i in images)
    )
    axis.plot(*cells[max(0, k - 30) : k + 1, 0].transpose(2, 0, 1), color="#c1440e", linewidth=0.5, alpha=0.5)
    axis.plot(*cells[k, 0].T, "o", color="#c1440e", markersize=4, markeredgewidth=0)
    axis.plot(*leader[k, 0].T, "*", color="black", markersize=10)
    axis.set(ylabel="y")
    axis.text(0.01, 0.8, f"t = {flow.times[k]:g}", transform=axis.transAxes)
axes[-1].set_xlabel("x")
left.colorbar(picture, ax=axes, label="signal", shrink=0.7)
axis = right.subplots()
lines = axis.plot(flow.times, cells[:, 1, :, 0], linewidth=1.0)
for line, hue in zip(lines, plt.get_cmap("autumn")(np.linspace(0.8, 0.0, COUNT)), strict=True):
    line.set_color(hue)
axis.plot(flow.times, leader[:, 1, 0, 0], color="black", linewidth=2.0, label="leader")
axis.axhline(FORCE / GAMMA, color="0.6", linestyle="--", linewidth=0.9, label=r"$F / \gamma$")
axis.set(title="speeds; red: near the leader", xlabel="time", ylabel="speed along the row")
axis.legend(frameon=False)
axis.spines[["top", "right"]].set_visible(False)
plt.show()
