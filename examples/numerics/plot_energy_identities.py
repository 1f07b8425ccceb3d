r"""
Where the energy goes
=====================

A gradient flow turns all the energy that it loses into motion. A JKO step does so up to an error, and keeps other identities
exactly. Here is diffusion in a quadratic well, with W for W2:

.. math::

    \partial_t\rho = \rho_{xx} + (x \rho)_x, \qquad E(\rho) = \int \rho \log\rho + \tfrac12 x^2 \rho\; dx.

Left: the energy that a run with dt = 0.2 has lost. Along the flow it is the dissipation, the sum of :math:`W^2 / dt`. JKO loses
more than that if E is convex, and more than half of that for any energy (dashed).

Middle: the evolution variational inequality. E is convex with the constant 1. So for every :math:`\nu` and every dt

.. math::

    \frac{W^2(\rho^{k+1}, \nu) - W^2(\rho^k, \nu)}{2\, dt} + \frac12 W^2(\rho^{k+1}, \nu) + E(\rho^{k+1}) - E(\nu) \le 0.

The curves are the left sides, for three :math:`\nu`.

Right: what is missing in the balance, as a share of the dissipation. The lack of the balance is of the order of dt for JKO,
and of its square for the implicit midpoint rule. De Giorgi's identity holds for a JKO step of any dt. It compares the step with
all shorter ones:

.. math::

    E(\rho^k) - E(\rho^{k+1}) = \frac{W^2(\rho^k, \rho^{k+1})}{2\, dt} + \int_0^{dt} \frac{W^2(\rho^k, \rho_s)}{2 s^2}\, ds,
    \qquad \rho_s \text{ the step of size } s.

What is missing there is the quadrature in s.

RESULT is the sum of the right sides over the run with dt = 0.2, over the energy that the run has lost. De Giorgi says 1.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import ndtr

import jkoflow as jf

law = jf.Entropy() + jf.Potential(lambda x: x**2 / 2)
z = np.linspace(-4.5, 4.5, 101)


def gaussian(mean, variance):
    """A Gaussian without its tails, in cells of given masses."""
    return jf.Quantiles(mean + variance**0.5 * z, np.diff(ndtr(z)))


def lack_of_balance(flow):
    """The difference of the energy lost and the dissipation, over the dissipation."""
    report = jf.diagnostics.energy_dissipation(flow)
    dissipation = report.bounds["sum of W2^2 / dt"][-1]
    return abs(float(report.curves["energy lost"][-1] / dissipation) - 1)


def de_giorgi(flow, dt):
    """The sum of W^2 / (2 dt) and of De Giorgi's integrals over a run, and the energy lost."""
    sides = [list(jf.diagnostics.de_giorgi(law, state, dt).curves.values())[1][0] for state in flow[:-1]]
    return float(sum(sides) + (flow.squared_distances / (2 * dt)).sum()), float(flow.energies[0] - flow.energies[-1])


start = gaussian(1.5, 0.2)
dts, lacks = np.array([0.4, 0.2, 0.1, 0.05]), []
runs = {dt: jf.evolve(law, start, dt=dt, t_end=2.0) for dt in dts}
for dt, flow in runs.items():
    midpoint = jf.evolve(law, start, scheme=jf.ImplicitMidpoint(), dt=dt, t_end=2.0)
    spent, lost = de_giorgi(flow, dt)
    lacks.append((lack_of_balance(flow), lack_of_balance(midpoint), abs(spent / lost - 1)))
    print(
        f"dt = {dt:4}: balance of JKO {lacks[-1][0]:.1e}, of the midpoint rule {lacks[-1][1]:.1e}, De Giorgi {lacks[-1][2]:.1e}"
    )
    if dt == 0.2:
        RESULT = spent / lost

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13.0, 4.0), layout="constrained")
figure.suptitle("Energy lost, and energy spent", fontsize="x-large")
balance = jf.diagnostics.energy_dissipation(runs[0.2])
whole, half = balance.bounds.values()
left.fill_between(balance.times, half, whole, color="0.92")
left.plot(balance.times, whole, "--", color="0.4", label=r"sum of $W^2 / dt$")
left.plot(balance.times, half, ":", color="0.4", label="half of it")
left.plot(balance.times, balance.curves["energy lost"], "o-", color="#c1440e", markersize=5, label="energy lost")
left.set(title="energy lost, dt = 0.2", xlabel="time")
places = {"at rest": gaussian(0.0, 1.0), "aside": gaussian(-2.0, 0.5), "wide": gaussian(0.0, 2.5)}
inequality = jf.diagnostics.evi_residual(runs[0.05], law, places, convexity=1.0)
print(inequality)
for (name, curve), hue in zip(inequality.curves.items(), ("#1f5fa8", "#2e7d32", "#7b3fa0"), strict=True):
    middle.plot(inequality.times, curve, color=hue, linewidth=1.8, label=rf"$\nu$ {name}")
middle.axhline(0, color="0.4", linewidth=1.0, linestyle="--")
middle.set(title="evolution variational inequality", xlabel="time")
names = ("balance, JKO", "balance, midpoint rule", "De Giorgi, JKO")
for name, values, hue in zip(names, zip(*lacks, strict=True), ("#c1440e", "#1f5fa8", "#2e7d32"), strict=True):
    right.loglog(dts, values, "o-", color=hue, label=name)
right.set(title="what is missing", xlabel="dt")
right.set_xticks(dts, dts)
right.set_xticks([], minor=True)
for axis in (left, middle, right):
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
plt.show()
