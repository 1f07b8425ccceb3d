r"""
A conical pore rectifies
========================

A membrane with a conical hole divides two reservoirs of the same salt. The walls of the pore are charged. At the narrow end
mainly the ions of the other sign pass, at the wide end both. A voltage of one sign fills the narrow end with salt, one of the
other sign empties it, and the current-voltage curve bends: an ionic diode.

The equations are those of Poisson, Nernst and Planck at steady state. With the distance r from the axis, n = r c stands for
a density c in space. So the entropy comes with the potential -log r, and the permittivity is multiplied by r:

.. math::

    \nabla\cdot\bigl(n_i \nabla(\log n_i - \log r + z_i \psi)\bigr) = 0, \qquad
    -\nabla\cdot(r\, \varepsilon \nabla\psi) = \sum_i z_i n_i + r\, (\text{charge of the walls})."""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

grid = jf.Grid.box((-0.55, 0.55), (0, 0.4), cells=(88, 32))  # along the axis, and away from it, in lengths of the pore
z, r = grid.mesh
left, right = z < -0.5, z > 0.5
membrane = (np.abs(z) < 0.5) & (r > 0.025 + 0.3 * (z + 0.5))
pore = ~(left | right | membrane)
walls = membrane & np.roll(pore, 1, axis=1)  # the cells of the membrane next to the pore


def law(voltage):
    plates = jf.Electrode(left, 0.0), jf.Electrode(right, voltage)
    permittivity = np.where(membrane, 1e-4, 0.005) * r  # a Debye length of .05; the membrane is an insulator
    charge = -0.6 / grid.spacing[1] * walls * r
    salt = jf.DirichletCoupling(p=1, m=-1, permittivity=permittivity, doping=charge, electrodes=plates)
    for ion in "pm":
        salt = salt + jf.Entropy(ion) - jf.Potential(np.log(r), ion) + jf.Obstacle(membrane, ion)
        salt = salt + jf.Reservoir(left, r, ion, "narrow") + jf.Reservoir(right, r, ion, "wide")
    return salt


start = jf.Species({ion: grid.density(r * pore, mass=None) for ion in "pm"})
voltages = np.linspace(-20, 20, 21)
curve = jf.current_voltage(law, start, voltages)
print(curve.status.name)
current = 2 * np.pi * curve.currents["narrow"]  # what leaves at the narrow end

fig, axes = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained", gridspec_kw={"width_ratios": [1, 1.3, 1.3]})
axes[0].plot(voltages, current, "o-")
axes[0].axhline(0, color="0.7", lw=0.8)
axes[0].set(xlabel="voltage at the wide end (kT/e)", ylabel="current out of the narrow end")
for ax, k in zip(axes[1:], (0, -1), strict=True):
    salt = np.where(pore, sum(curve.steady_states[k].state[ion].values for ion in "pm") / r, np.nan)
    picture = ax.pcolormesh(*grid.axes, salt.T, cmap="viridis", vmin=0, vmax=8)
    ax.set(title=f"ions at {voltages[k]:g} kT/e", xlabel="z", ylabel="r", aspect="equal")
    fig.colorbar(picture, ax=ax, label="density of both ions")

print(f"currents at -20 and 20: {current[0]:.4f}, {current[-1]:.4f}")
RESULT = max(abs(current[0] / current[-1]), abs(current[-1] / current[0]))
print(f"rectification {RESULT:.3f}")
