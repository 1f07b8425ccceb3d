r"""
Fisher's wave
=============

A population that spreads and grows where there is room:

.. math::

    \partial_t\rho = \rho_{xx} + \rho\, (1 - \rho).

The spreading is the gradient flow of the entropy, the growth has no energy: ``Splitting`` takes both.

Left: a colony that begins in a small place fills the line. Its fronts get steeper until they move at the least possible speed,
2, which they approach like 2 - 3 / (2 t) (Bramson 1978). Middle: the speed of the front, and that law. Right: a front whose
shape is known, (1 + exp(z / 6^(1/2)))^(-2) with z = x - 5 t / 6^(1/2) (Ablowitz and Zeppetella 1979), and the run on top of it.

The script prints the measured speed of this front over 5 / 6^(1/2).
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

law = jf.Entropy() + jf.Growth(lambda rho: 1 - rho)
scheme = jf.Splitting(jf.JKO(jf.FiniteVolume()))

line = jf.Grid.box((0, 80), cells=400)
colony = line.density(lambda x: 1.0 * (x < 2), mass=None)
flow = jf.evolve(law, colony, scheme=scheme, dt=0.02, t_end=24.0)
speeds = np.diff(flow.masses) / np.diff(flow.times)  # behind the front the density is 1


def front(t):
    return line.density(lambda x: (1 + np.exp((x - 20 - 5 * t / 6**0.5) / 6**0.5)) ** -2.0, mass=None, order=2)


known = jf.evolve(law, front(0.0), scheme=scheme, dt=0.05, t_end=10.0)
RESULT = float((known.masses[-1] - known.masses[0]) / 10.0 / (5 / 6**0.5))
print(f"the front moves at {RESULT:.4f} of 5 / 6^(1/2)")

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12.0, 3.6), layout="constrained")
for k in range(0, len(flow), 200):
    left.plot(line.axes[0], flow[k].values, color=plt.cm.viridis(k / len(flow)), linewidth=1.5)
left.set(xlabel="x", ylabel="density", title="a colony, every 4 units of time")
middle.plot(flow.times[1:], speeds, color="#1f5fa8", linewidth=1.8, label="run")
t = np.linspace(3, 24, 100)
middle.plot(t, 2 - 1.5 / t, "--", color="#c1440e", label=r"$2 - 3/(2t)$")
middle.set(xlabel="time", ylim=(0, 2.1), title="speed of the front")
middle.legend(frameon=False)
right.plot(line.axes[0], front(10.0).values, color="#1f5fa8", linewidth=1.8, label="known front")
right.plot(line.axes[0][::8], known.final.values[::8], "o", color="#c1440e", markersize=4, label="run")
right.set(xlabel="x", xlim=(25, 60), title="a known front at t = 10")
right.legend(frameon=False)
for axis in (left, middle, right):
    axis.spines[["top", "right"]].set_visible(False)
plt.show()
