r"""
A salt between two reservoirs
=============================

The concentration of an acid is ten times as high in the left reservoir as in the right one. Protons are faster than chloride
and run ahead. This makes a field, which slows the protons and speeds up the chloride:

.. math::

    0 = \alpha_i\, \partial_x\bigl(n_i\, \partial_x(\log n_i + z_i \psi)\bigr), \qquad -\varepsilon\, \psi'' = \sum_i z_i n_i,
    \qquad n_i \text{ and } \psi \text{ given at both ends.}

At one voltage no current flows, though salt does: one can measure it. Planck and Henderson found it. With mobilities a and b
it is (a - b) / (a + b) log(c_left / c_right).

Left: the current-voltage curve, by ``current_voltage``. Right: the densities and the potential at the voltage without current.

RESULT is this voltage over that of Planck and Henderson. The charge near the ends makes a small difference.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

grid = jf.Grid.box((-0.02, 1.02), cells=208)
mobility = {"protons": 5.0, "chloride": 1.0}
c_left, c_right = 1.0, 0.1


def left(x):
    return x < 0


def right(x):
    return x > 1


def law(voltage):
    """The acid between reservoirs, with the electric potential of the left one."""
    plates = jf.Electrode(left, voltage), jf.Electrode(right, 0.0)
    terms = jf.DirichletCoupling(protons=+1, chloride=-1, permittivity=5e-5, electrodes=plates)
    for ion in mobility:
        terms += jf.Entropy(ion) + jf.Reservoir(left, c_left, ion, "left") + jf.Reservoir(right, c_right, ion, "right")
    return terms


inside = {ion: grid.density(lambda x: 0.5 * ~(left(x) | right(x)), mass=None) for ion in mobility}
curve = jf.current_voltage(law, jf.Species(inside), np.linspace(-3, 1, 17), mobility=mobility)
current = curve.currents["right"]
balance = float(np.interp(0, current, curve.voltages))
known = -(5 - 1) / (5 + 1) * np.log(c_left / c_right)
rest = jf.steady(law(balance), jf.Species(inside), mobility=mobility)
print(f"no current at {balance:.4f}; by Planck and Henderson at {known:.4f}")
RESULT = balance / known

figure, (curves, profile) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
curves.plot(curve.voltages, current, ".-", color="#1f5fa8")
curves.axhline(0, color="0.6", linewidth=0.8)
curves.plot(known, 0, "o", markersize=10, markerfacecolor="none", color="#c1440e", label="Planck and Henderson")
curves.set(xlabel="voltage", title="electric current")
curves.legend(frameon=False)
between = ~(left(grid.axes[0]) | right(grid.axes[0]))
x = grid.axes[0][between]
for ion, colour in (("protons", "#c1440e"), ("chloride", "#2e7d32")):
    profile.plot(x, rest.state[ion].values[between], color=colour, label=ion)
profile.plot(x, rest.potential[between], "k--", label="potential")
profile.set(xlabel="x", title="at the voltage without current")
profile.legend(frameon=False)
plt.show()
