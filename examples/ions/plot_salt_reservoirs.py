r"""
A salt between two reservoirs
=============================

The concentration of an acid is ten times as high on the left as on the right. Protons are faster than chloride and run ahead.
This makes a field, which slows the protons and speeds up the chloride. From then on both diffuse as one salt, across an
electric potential that one can measure. Planck and Henderson found it: with mobilities a and b it is (a - b) / (a + b)
log(c_left / c_right).

.. math::

    \partial_t n_i = \alpha_i\, \partial_x\bigl(n_i\, \partial_x(\log n_i + z_i \psi)\bigr), \qquad
    -\varepsilon\, \psi'' = \sum_i z_i n_i.
"""

import numpy as np

import jkoflow as jf

grid = jf.Grid.box((-1, 1), cells=200)


def concentration(x):
    return 0.55 - 0.45 * np.tanh(x / 0.02)


acid = jf.Species(protons=grid.density(concentration), chloride=grid.density(concentration))
mobility = {"protons": 5.0, "chloride": 1.0}
coupling = jf.DirichletCoupling(protons=+1, chloride=-1, permittivity=2e-4)
law = jf.Entropy("protons") + jf.Entropy("chloride") + coupling
print(f"Debye length {coupling.debye_length(acid):.4f}, relaxation time {coupling.relaxation_time(acid):.6f}")

flow = jf.evolve(law, acid, dt=0.001, t_end=0.02, mobility=mobility)
print(flow)
now = flow.snapshots[-1]
psi = coupling.potential(now)
jf.plot.density(flow, times=[0.0, 0.005, 0.02])
jf.plot.ions(now, law, mobility=mobility)

left, right = now["protons"].values[[0, -1]]
known = (5 - 1) / (5 + 1) * np.log(left / right)
print(f"potential across {psi[-1] - psi[0]:.4f}, of Planck and Henderson {known:.4f}")
print("largest electric current", np.abs(jf.diagnostics.electric_current(law, now, mobility)).max())
RESULT = (psi[-1] - psi[0]) / known
