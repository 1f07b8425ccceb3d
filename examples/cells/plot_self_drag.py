r"""
A cell dragged by its own trail
===============================

One cell on the line secretes a signal and is drawn up its gradient. What it made lies behind it: so its own trail pulls it
back.

.. math::

    x' = v, \qquad v' = \eta\, c_x(x), \qquad \partial_t c = D c_{xx} - \kappa c + \chi(x - x(t)).

Left: chi = -b y^2 / 2, and the field starts in balance with a cell at 0. Then c_x = -(b / kappa) x + b m, where m is the
memory of the places, m' = -kappa m + x. The number v + omega^2 m is kept, with omega^2 = eta b / kappa, and the cell moves
like a damped oscillator, though nothing rubs on it:

.. math::

    x = x_e + e^{-\kappa t / 2} (c_1 \cos \Omega t + c_2 \sin \Omega t), \qquad x_e = \frac{\kappa\, v(0)}{\omega^2}, \qquad
    \Omega^2 = \omega^2 - \frac{\kappa^2}{4}.

It comes to rest at x_e (docs/theory/chemotaxis.md, T11).

RESULT is the place where it rests. In closed form it is x_e = 0.589091.

Middle and right: a Gaussian chi in free space, without a field at the start. The peak of the field runs behind the cell,
catches it and holds it. The longer the trail lasts (small kappa), the sooner the cell is caught.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

B, KAPPA, ETA, X0, V0 = 1.1, 0.9, 1.0, 0.3, 0.8
law = jf.FieldEnergy("c", diffusion=0.3, decay=KAPPA) + jf.Secretion(jf.QuadraticProfile(B)) + jf.Chemotaxis(ETA)
field = jf.QuadraticField([0.0, 0.0, B / KAPPA])
flow = jf.evolve(law, jf.State(jf.MovingParticles([X0], [V0]), {"c": field}), scheme=jf.Inertial(), dt=0.04, t_end=20.0)
print(flow)


def path(flow):
    return np.array([state.masses[""].phase[:, 0] for state in flow]).T


x, v = path(flow)
square = ETA * B / KAPPA
rest, turns = KAPPA * V0 / square, np.sqrt(square - KAPPA**2 / 4)
first = X0 - rest
second = (V0 + KAPPA * first / 2) / turns
t = flow.times
exact = rest + np.exp(-KAPPA * t / 2) * (first * np.cos(turns * t) + second * np.sin(turns * t))
print(f"largest distance from the closed form: {np.abs(x - exact).max():.1e}")
RESULT = float(x[-1])

figure, axes = plt.subplots(1, 3, figsize=(12.5, 3.7), layout="constrained")
axes[0].axhline(rest, color="0.7", linewidth=0.9, linestyle="--")
axes[0].plot(t, exact, color="#1f5fa8", linewidth=1.6, label="closed form")
axes[0].plot(t[::10], x[::10], "o", color="#1f5fa8", markersize=4.5, label="jkoflow")
axes[0].text(0.9, rest - 0.005, r"$x_e$", va="top")
axes[0].set(title="a quadratic profile", xlabel="time", ylabel="place of the cell", xlim=(-0.2, 10.4))
axes[0].legend(frameon=False)

gaussian = jf.GaussianProfile(0.3)
hues = plt.get_cmap("viridis")(np.linspace(0.0, 0.85, 4))
for kappa, hue in zip((0.1, 0.3, 1.0, 3.0), hues, strict=True):
    law = jf.FieldEnergy("c", diffusion=0.05, decay=kappa) + jf.Secretion(gaussian) + jf.Chemotaxis(1.5)
    start = jf.State(jf.MovingParticles([0.0], [0.8]), {"c": jf.FreeField(1)})
    run = jf.evolve(law, start, scheme=jf.Inertial(), dt=0.04, t_end=12.0)
    x, v = path(run)
    axes[1].plot(run.times, x, color=hue, linewidth=1.6, label=rf"$\kappa$ = {kappa:g}")
    if kappa == 0.3:
        for k, shade in zip((25, 50, 100, 200), ("0.8", "0.65", "0.45", "0.2"), strict=True):
            y = np.linspace(-1.5, 2.5, 300)
            c = run.state(k).fields["c"]
            axes[2].plot(y, c.at(y), color=shade, linewidth=1.6, label=f"t = {run.times[k]:g}")
            axes[2].plot(x[k], c.at([x[k]]), "o", color="#c1440e", markersize=6)
axes[1].set(title="a Gaussian profile, no field at the start", xlabel="time")
axes[1].legend(frameon=False)
axes[2].set(title=r"the field, $\kappa$ = 0.3; dots: the cell", xlabel="x", ylabel="c")
axes[2].legend(frameon=False)
for axis in axes:
    axis.spines[["top", "right"]].set_visible(False)
plt.show()
