r"""
Collapse into atoms
===================

Two lumps of mass attract by the Morse kernel, without diffusion. The tip of the kernel brings mass together in finite time, and
what has met stays together. The cells of the quantiles close to exact atoms.

.. math::

    \partial_t\rho = \partial_x\bigl(\rho\, \partial_x (W * \rho)\bigr), \qquad W(x) = -2\, e^{-|x| / 1.5}.

The pictures show the paths of the mass and its quantiles, which are flat where the mass is one atom.
"""

import numpy as np

import jkoflow as jf

grid = jf.Grid.box((-3, 3), cells=300)
rho = grid.density(lambda x: (abs(x + 1.5) < 0.6) + 2.0 * (abs(x - 1.2) < 0.3))
flow = jf.evolve(2 * jf.Interaction(jf.Morse(length=1.5)), rho.quantiles(120, walls=False), dt=0.05, t_end=6.0)

jf.plot.paths(flow)
jf.plot.quantiles(flow)
jf.plot.energy(flow)

whole = np.array([float(np.ptp(state.nodes)) == 0.0 for state in flow])
RESULT = float(flow.times[np.argmax(whole)])
print(f"{flow}\none atom from t = {RESULT:.2f} on, at {float(flow.final.mean):.4f}")
