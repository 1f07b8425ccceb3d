r"""
Aggregation against diffusion
=============================

A Morse attraction gathers the mass, and Renyi's entropy pushes it apart. Scattered lumps join and settle into one compact
droplet. The interaction is implicit: it is taken at the answer of every step.

.. math::

    \partial_t\rho = 0.2\, \Delta(\rho^2) + \nabla\cdot(\rho\, \nabla W * \rho), \qquad W(x) = -4\, e^{-|x| / 0.8}.
"""

import numpy as np

import jkoflow as jf

grid = jf.Grid.box((-3, 3), (-3, 3), cells=64)
rng = np.random.default_rng(7)
centres = rng.uniform(-1.5, 1.5, size=(8, 2))
lumps = grid.density(lambda x, y: sum(np.exp(-12 * ((x - a) ** 2 + (y - b) ** 2)) for a, b in centres))
energy = 0.2 * jf.RenyiEntropy(2) + 4 * jf.Interaction(jf.Morse(length=0.8))
flow = jf.evolve(energy, lumps, dt=0.05, t_end=2.0)

jf.plot.density(flow, panels=4)
jf.plot.energy(flow)

RESULT = float(flow.energies[-1])
print(flow)
