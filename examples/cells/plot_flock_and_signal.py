r"""
A flock on the way to food
==========================

A flock in the plane aligns its velocities, and smells food at the origin. The smell fades with the rate kappa:

.. math::

    x_i' = v_i, \qquad v_i' = \sum_j m_j\, \psi(|x_i - x_j|)\, (v_j - v_i) + \eta \nabla c, \qquad
    c = -\tfrac{a}{2} |x|^2 e^{-\kappa t}.

The pull of food is linear in the place, and alignment keeps the momentum. So the centre of the flock does not know of the
flock: it obeys X'' = -w^2 exp(-kappa t) X with w^2 = eta a, and

.. math::

    X = c_1 J_0(s) + c_2 Y_0(s), \qquad s = \frac{2 w}{\kappa}\, e^{-\kappa t / 2}.

* Left: the paths. Birds that start in disorder come to fly on one path round the food.
* Middle: the same flock also makes a signal of its own, and follows it. Its trail holds it back, so it falls towards the food.
* Right: the way of the centre, with and without that signal. The blue line is the closed form.

RESULT is the first coordinate of the centre at the end, without a signal of its own. In closed form it is -1.092093.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import j0, j1, y0, y1

import jkoflow as jf

A, KAPPA, ETA, T = 1.2, 0.12, 1.0, 10.0
birds = 80
smell = jf.FieldEnergy("food", diffusion=0.0, decay=KAPPA) + jf.Chemotaxis(ETA, along="food")
law = smell + jf.Alignment(lambda r: 1.0 / (1 + r**2))
own = jf.FieldEnergy("own", 0.05, 0.5) + jf.Secretion(jf.GaussianProfile(0.25), into="own") + jf.Chemotaxis(0.3, along="own")

rng = np.random.default_rng(3)
x, v = rng.normal(size=(2, birds, 2))
x = np.array([2.0, 0.0]) + 0.5 * (x - x.mean(axis=0))
v = np.array([0.0, 1.1]) + 0.5 * (v - v.mean(axis=0))
food = jf.QuadraticField([0.0, 0.0, 0.0, A])
flow = jf.evolve(law, jf.State(jf.MovingParticles(x, v), {"food": food}), scheme=jf.Inertial(), dt=0.02, t_end=T)
fields = {"food": food, "own": jf.FreeField(2, 1e-4)}
curbed = jf.evolve(law + own, jf.State(jf.MovingParticles(x, v), fields), scheme=jf.Inertial(), dt=0.05, t_end=T)
print(flow)
print(curbed)

root = np.sqrt(ETA * A)
phase = 2 * root / KAPPA * np.exp(-KAPPA * flow.times / 2)
first = phase[0]
start = np.array([[2.0, 0.0], [0.0, 1.1]])
coefficients = np.linalg.solve([[j0(first), y0(first)], KAPPA * first / 2 * np.array([j1(first), y1(first)])], start)
exact = np.stack([j0(phase), y0(phase)], axis=1) @ coefficients
centres = np.array([state.masses[""].mean for state in flow])
RESULT = float(centres[-1, 0])
print(f"centre at the end: {centres[-1]}, closed form {exact[-1]}")

figure, axes = plt.subplots(1, 3, figsize=(13.5, 4.4), layout="constrained", sharex=True, sharey=True)
reach = 3.6
x, y = (np.linspace(-reach, reach, 140) for _ in range(2))
mesh = np.stack([a.ravel() for a in np.meshgrid(x, y, indexing="ij")], axis=1)
for axis, run, name in zip(axes, (flow, curbed), ("food", "own"), strict=False):
    image = run.final.fields[name].at(mesh).reshape(140, 140)
    axis.imshow(image.T, origin="lower", extent=(-reach, reach, -reach, reach), cmap="Greens", alpha=0.7)
    paths = np.array([state.masses[""].points for state in run])
    axis.plot(*paths.transpose(2, 0, 1), color="0.35", linewidth=0.35, alpha=0.5)
    hues = plt.get_cmap("plasma")(np.linspace(0.0, 0.8, 5))
    for k, hue in zip(np.linspace(0, len(run) - 1, 5).astype(int), hues, strict=True):
        cloud = run.state(k).masses[""]
        axis.quiver(*cloud.points.T, *cloud.velocities.T, color=hue, scale=30, width=0.005)
        axis.plot([], [], "o", color=hue, label=f"t = {run.times[k]:g}")
    axis.plot(0, 0, "*", color="black", markersize=11)
axes[0].set(title="food and its smell (green)", ylabel="y")
axes[1].set_title("food and a signal of their own (green)")
axes[2].plot(*exact.T, color="#1f5fa8", linewidth=1.6, label="food: closed form")
axes[2].plot(*centres[::12].T, "o", color="#1f5fa8", markersize=4, label="food: centre of the flock")
axes[2].plot(*np.array([state.masses[""].mean for state in curbed]).T, color="#c1440e", linewidth=1.6, label="own signal too")
axes[2].plot(0, 0, "*", color="black", markersize=11)
axes[2].set(title="the way of the centre", aspect="equal")
axes[0].legend(frameon=False, fontsize="small", ncols=5, loc="lower center", handletextpad=0.0, columnspacing=0.8)
axes[2].legend(frameon=False, fontsize="small", loc="lower center")
for axis in axes:
    axis.set(xlabel="x", xlim=(-reach, reach), ylim=(-reach, reach))
    axis.spines[["top", "right"]].set_visible(False)
plt.show()
