r"""
Cells that gather on the field they make
========================================

Cells without inertia secrete a signal, and walk up its gradient:

.. math::

    x_i' = \eta\, \nabla c(x_i), \qquad \partial_t c = D \Delta c - \kappa c + \sum_j m_j\, \chi(x - x_j),\qquad
    \chi \text{ a Gaussian of deviation } s.

First picture: cells on three rings in the plane. The rings break into beads. The beads merge into clusters, and the rings are
gone. White lines are the trails of the cells.

Second picture: why beads form. On a uniform state of density rho a wave of wave number k grows like exp(r t), where r is the
root of

.. math::

    r^2 + (\kappa + D k^2)\, r = \eta \rho\, k^2 e^{-s^2 k^2 / 2}.

Long waves grow slowly as there is little gradient, short ones as diffusion and the size of the cells smooth them. Dots are
measured: cells on a line at equal distances, shifted by a small wave, with the field that belongs to it.

RESULT is the measured rate at k = 4. It must be the root of the quadratic equation, 2.291408, which follows from the linear
equations of density and field.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

D, KAPPA, ETA, S, RHO = 0.02, 0.5, 2.0, 0.12, 0.25
law = jf.FieldEnergy("c", diffusion=D, decay=KAPPA) + jf.Secretion(jf.GaussianProfile(S)) + jf.Chemotaxis(ETA)

rng = np.random.default_rng(2)
rings = []
for radius, count in ((0.55, 40), (1.1, 80), (1.65, 120)):
    angles = 2 * np.pi * (np.arange(count) + 0.4 * rng.normal(size=count)) / count
    rings.append(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1) + 0.01 * rng.normal(size=(count, 2)))
grid = jf.Grid.torus((-2.1, 2.1), (-2.1, 2.1), cells=48)
start = jf.State(jf.Particles(np.concatenate(rings)), {"c": jf.Field(grid)})
flow = jf.evolve(law, start, scheme=jf.Overdamped(1e-4), dt=0.25, t_end=10.0)
print(flow)
jf.plot.cells_and_field(flow, times=[0.0, 3.0, 5.0, 10.0], trail=16)


def exact(k):
    """The rate of growth of a wave, and its field per amplitude of the relative density."""
    drag, source = KAPPA + D * k**2, RHO * np.exp(-((S * k) ** 2) / 2)
    rate = -drag / 2 + np.sqrt(drag**2 / 4 + ETA * k**2 * source)
    return rate, source / (rate + drag)


def measured(k, cells=192, size=1e-4, t_end=0.5):
    """The rate at which the wave number k of the field grows, from cells on a circle."""
    x = 2 * np.pi * np.arange(cells) / cells
    line = jf.Particles(x - size * np.sin(k * x) / k, np.full(cells, 2 * np.pi * RHO / cells))
    circle = jf.Grid.torus((0, 2 * np.pi), cells=64)
    field = jf.Field(circle, lambda y: RHO / KAPPA + size * exact(k)[1] * np.cos(k * y))
    run = jf.evolve(law, jf.State(line, {"c": field}), scheme=jf.Overdamped(1e-9), dt=t_end, t_end=t_end)
    first, last = (np.ptp(run.state(j).fields["c"].values) for j in (0, 1))
    return float(np.log(last / first) / t_end)


numbers = np.array([1, 2, 3, 4, 6, 8, 10, 12, 15, 18, 21])
rates = np.array([measured(k) for k in numbers])
RESULT = float(rates[3])
print(f"largest error of a rate: {np.abs(rates - exact(numbers)[0]).max():.1e}; at k = 4: {exact(4.0)[0]:.6f}")

figure, axis = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
k = np.linspace(0.0, 22.0, 200)
axis.plot(k, exact(k)[0], color="#1f5fa8", linewidth=1.8, label="theory")
axis.plot(numbers, rates, "o", color="#c1440e", markersize=6, label="cells on a circle")
axis.set(
    title="how fast a wave on the uniform state grows", xlabel="wave number k", ylabel="rate r", xlim=(0, 22), ylim=(0, None)
)
axis.legend(frameon=False)
axis.spines[["top", "right"]].set_visible(False)
plt.show()
