r"""
A crowd under a hard bound
==========================

People walk towards an exit, which is the minimum of the potential. Their density may not exceed 1. So the crowd packs into a
disc. The pressure is a part of the Kantorovich potential of the step, and it is positive only where the crowd is packed.

.. math::

    \partial_t\rho = \nabla\cdot(\rho\, \nabla(V + p)), \qquad \rho \le 1,\quad p \ge 0,\quad p\, (1 - \rho) = 0.
"""

import numpy as np

import jkoflow as jf

grid = jf.Grid.box((-2, 2), (-1.5, 1.5), cells=(64, 48))
two_groups = grid.density(lambda x, y: 1.0 * ((np.hypot(x - 1.2, y - 0.5) < 0.6) | (np.hypot(x + 1.1, y) < 0.7)), mass=2.0)
energy = jf.Congestion(1.0) + jf.Potential(lambda x, y: np.hypot(x, y))
flow = jf.evolve(energy, two_groups, dt=0.1, t_end=2.0)

jf.plot.density(flow, panels=4)

packed = float(grid.integrate((flow.final.values > 0.99) * 1.0))
print(f"{packed:.3f} of the area is packed, of the 2 that the mass needs; radius {np.sqrt(packed / np.pi):.3f}")
RESULT = float(np.trace(flow.final.covariance))
