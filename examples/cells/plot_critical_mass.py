r"""
The critical mass of Keller and Segel
=====================================

Cells diffuse, secrete a signal and follow it. In the plane their mass M decides what happens:

.. math::

    \partial_t \rho = \Delta\rho - \nabla\cdot(\rho \nabla c), \qquad \partial_t c = a\, (\Delta c + \rho).

The signal is fast here, a = 50, so that almost -lap c = rho. Then the mean square distance q from the centre has a rate in
closed form, the virial: q' = 4 (1 - M / (8 pi)) in the whole plane. In a box with walls -lap c = rho - (mean density), and
the mean density pushes outwards:

.. math::

    q' = 4 \Bigl(1 - \frac{M}{8\pi}\Bigr) + (\text{mean density})\, q.

* Below 8 pi the cells spread.
* Above 8 pi they concentrate: q would fall to 0 in finite time, so there must be a blow-up before. The grid cannot follow it.
  ``ConcentrationWarning`` says so, and the stopping rule ends the run there.

JKO takes masses and signal in one step, in W2 x L2, and the energy never rises.

RESULT is the mass at which the first part of q' is 0, in units of 8 pi: from the first five steps of all runs, by a line in M.
By the virial it is 1, up to the lag of the signal, the cells and the steps.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

SPEED, HALF, DT = 50.0, 2.0, 0.005
grid = jf.Grid.box((-HALF, HALF), (-HALF, HALF), cells=64)
law = jf.Entropy() + SPEED * (jf.FieldEnergy("c", diffusion=1.0) + jf.Secretion()) + jf.Chemotaxis(1.0)
x, y = np.meshgrid(*grid.axes, indexing="ij")


def too_narrow(step):
    """Stop when one cell holds a fifth of the mass."""
    share = step.reached.masses[""].masses.max() / step.reached.masses[""].mass
    return f"one cell holds {share:.0%} of the mass" if share > 0.2 else None


def square_distance(state):
    rho = state.masses[""]
    return float(np.sum(rho.values * (x**2 + y**2)) * grid.cell_volume / rho.mass)


ratios, flows = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0), {}
for ratio in ratios:
    mass = 8 * np.pi * ratio
    rho = grid.density(lambda x, y: np.exp(-5 * (x**2 + y**2)), mass=mass)
    start = jf.State(rho, {"c": jf.Field(grid, grid.solve_poisson(rho.values - mass / grid.volume))})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", jf.ConcentrationWarning)
        flows[ratio] = jf.evolve(law, start, dt=DT, t_end=0.2, stop=too_narrow)
    print(f"M = {ratio:g} x 8 pi: {flows[ratio]}")
    for warning in caught:
        print(f"    warned: {str(warning.message).partition(':')[0]}")

figure, axes = plt.subplots(1, 4, figsize=(14.5, 3.7), width_ratios=(1, 1, 1.15, 1.15), layout="constrained")
hues = dict(zip(ratios, plt.get_cmap("coolwarm")((0.0, 0.15, 0.3, 0.75, 0.88, 1.0)), strict=True))
parts = {}  # of q' without the push of the mean density
for ratio, flow in flows.items():
    t, push = flow.times, 8 * np.pi * ratio / grid.volume
    q, free = np.array([square_distance(state) for state in flow]), 4 * (1 - ratio)
    parts[ratio] = np.mean(np.diff(q[:6]) / DT - push * (q[1:6] + q[:5]) / 2)
    fine = np.linspace(0, t[-1], 100)
    axes[2].plot(fine, q[0] + (q[0] + free / push) * np.expm1(push * fine), color=hues[ratio], linewidth=1.0)
    axes[2].plot(t[::2], q[::2], "o", color=hues[ratio], markersize=3.5)
    peaks = [state.masses[""].values.max() / state.masses[""].mass for state in flow]
    axes[3].semilogy(t, peaks, color=hues[ratio], linewidth=1.8, label=f"{ratio:g}")
    if flow.times[-1] < 0.2 - DT / 2:
        axes[3].plot(t[-1], peaks[-1], "x", color=hues[ratio], markersize=8, markeredgewidth=2)
for axis, ratio in zip(axes, (0.5, 1.5), strict=False):
    decades = np.log10(np.maximum(flows[ratio].final.masses[""].values / (8 * np.pi * ratio), 1e-3))
    axis.imshow(decades.T, origin="lower", extent=(-HALF, HALF, -HALF, HALF), cmap="magma", vmin=-3, vmax=2)
    axis.set(title=rf"M = {ratio:g} $\times$ 8$\pi$, t = {flows[ratio].times[-1]:.3g}", xlabel="x")
axes[0].set_ylabel("y")
axes[2].set(title="mean square distance (lines: virial)", xlabel="time", ylabel="q")
axes[3].set(title="peak over mass (x: stopped)", xlabel="time")
axes[3].legend(frameon=False, title=r"M / 8$\pi$", fontsize="small", ncols=2, loc="center right", bbox_to_anchor=(1.0, 0.55))
for axis in axes[2:]:
    axis.spines[["top", "right"]].set_visible(False)

slope, height = np.polyfit(ratios, [parts[ratio] for ratio in ratios], 1)
RESULT = float(-height / slope)
print(f"critical mass: {RESULT:.3f} x 8 pi")
plt.show()
