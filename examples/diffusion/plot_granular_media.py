r"""
A crowd of noisy particles chooses a side
=========================================

Particles diffuse in a double well and are drawn to their common mean. The limit of many of them is the McKean-Vlasov equation,
or granular media equation:

.. math::

    \partial_t\rho = D \rho_{xx} + \bigl(\rho\, (V' + W' * \rho)\bigr)_x, \qquad V(x) = \tfrac{x^4}{4} - \tfrac{x^2}{2},
    \qquad W(x) = \tfrac{x^2}{2}.

It is the flow of entropy, potential and interaction together. In a state at rest with the mean m, every particle is in the
potential :math:`V + (x - m)^2 / 2`. So m solves an equation for one number:

.. math::

    m = \frac{\int x\, e^{-(V(x) + (x - m)^2 / 2) / D}\, dx}{\int e^{-(V(x) + (x - m)^2 / 2) / D}\, dx}.

With much noise 0 is the only solution. At a critical D two others branch off, and 0 is no longer stable (Dawson 1983). At this
D, the variance of the symmetric state is D.

Left and middle: one start, a little to the right of the middle. With little noise the symmetry breaks, with much noise it is
restored. White lines are the mean. Right: the means at rest. Lines solve the equation for m. Dots are the ends of runs that
begin on the right or on the left.

RESULT is the mean at the end of the run with D = 0.25, over the solution of the equation for m.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import brentq

import jkoflow as jf

grid = jf.Grid.box((-2.6, 2.6), cells=104)
fine = np.linspace(-6, 6, 4001)


def V(x):
    return x**4 / 4 - x**2 / 2


def moment(m, D, k):
    """The moment of order k of the density exp(-(V + (x - m)^2 / 2) / D), scaled to mass 1."""
    height = V(fine) + (fine - m) ** 2 / 2
    weights = np.exp((height.min() - height) / D)
    return float(weights @ fine**k / weights.sum())


def run(D, side, dt, t_end):
    law = D * jf.Entropy() + jf.Potential(V) + jf.Interaction(jf.Quadratic())
    start = grid.density(lambda x: np.exp(-((x - 0.05 * side) ** 2) / 0.02))
    return jf.evolve(law, start, scheme=jf.JKO(jf.FiniteVolume()), dt=dt, t_end=t_end, stop=jf.Steady(1e-5))


critical = brentq(lambda D: moment(0.0, D, 2) - D, 0.1, 1.0)
noises = critical - (critical - 0.1) * np.linspace(0, 1, 100)[1:] ** 2  # more of them near the critical one
branch = [brentq(lambda m, D=D: moment(m, D, 1) - m, 1e-4, 1.5) for D in noises]
print(f"critical D: {critical:.5f}")

figure, axes = plt.subplots(1, 3, figsize=(13.0, 4.0), layout="constrained")
figure.suptitle("Noise against attraction in a double well", fontsize="x-large")
for axis, D, fate in zip(axes, (0.6, 0.25), ("the symmetry is restored", "the symmetry breaks"), strict=False):
    flow = run(D, 1, 0.2, 20.0)
    print(f"D = {D}: {flow}")
    picture = np.array([state.values for state in flow])
    axis.pcolormesh(flow.times, grid.axes[0], picture.T, cmap="magma", vmin=0, vmax=1.0, shading="gouraud")
    axis.plot(flow.times, [float(state.mean) for state in flow], color="white", linewidth=1.4)
    axis.set(title=f"D = {D}: {fate}", xlabel="time", ylabel="x", ylim=(-2, 2))
RESULT = float(run(0.25, 1, 0.5, 200.0).final.mean) / brentq(lambda m: moment(m, 0.25, 1) - m, 1e-4, 1.5)
print(f"mean at rest with D = 0.25, over the solution of the equation: {RESULT:.6f}")

last = axes[2]
starts = {0.12: 1, 0.15: -1, 0.2: 1, 0.25: -1, 0.3: 1, 0.35: -1, 0.4: 1, 0.43: -1, 0.5: 1, 0.55: -1, 0.6: 1}
means = [float(run(D, side, 4.0, 400.0).final.mean) for D, side in starts.items()]
for side in (1, -1):
    last.plot(noises, side * np.array(branch), color="#1f5fa8", linewidth=1.8)
last.plot(list(starts), means, "o", color="#c1440e", markersize=6)
last.plot([critical, 0.65], [0, 0], color="#1f5fa8", linewidth=1.8)
last.plot([0.1, critical], [0, 0], "--", color="#1f5fa8", linewidth=1.2)
last.annotate("critical D", (critical, 0.03), (0.55, 0.45), ha="center", arrowprops={"arrowstyle": "->", "color": "0.4"})
last.set(title="the mean at rest", xlabel="D", ylabel="m")
last.spines[["top", "right"]].set_visible(False)
plt.show()
