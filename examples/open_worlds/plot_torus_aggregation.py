r"""
Aggregation on a torus
======================

Mass attracts itself over a short range, against diffusion, in a square whose opposite sides are one. A nearly uniform density
is unstable if the attraction is strong enough, and breaks up into heaps. Without walls nothing tells them where to go but one
another.

.. math::

    \partial_t\rho = \Delta\rho + \nabla\cdot(\rho\, \nabla W * \rho), \qquad W(x) = C\, (1 - e^{-|x|^2 / \ell^2}).

A wave of wave number k grows at the rate  k^2 (A(k) - 1)  about the density 1, where A(k) is the transform of -W, the
attraction.
The script prints the measured rate of a small wave over this rate.
"""

import numpy as np

import jkoflow as jf

grid = jf.Grid.torus((0, 1), (0, 1), cells=48)
strength, width = 3.0, 0.06
kernel = jf.Gaussian(strength / (2 * np.pi * width**2), width * np.sqrt(2))  # the attraction has the integral 3
law = jf.Entropy() + jf.Interaction(kernel)

k = 2 * np.pi * 2
growth = k**2 * (strength * np.exp(-(k**2) * width**2 / 2) - 1)
small = grid.density(lambda x, y: 1 + 1e-3 * np.cos(k * x))
short = jf.evolve(law, small, dt=2e-5, t_end=1e-3)
RESULT = float(np.log(np.ptp(short.final.values) / np.ptp(small.values)) / 1e-3 / growth)
print(f"the wave grows at {RESULT:.4f} of its rate {growth:.1f}")

rng = np.random.default_rng(4)
flow = jf.evolve(law, grid.density(1 + 0.1 * rng.standard_normal(grid.shape)), dt=2e-4, t_end=0.018)
print(flow)
jf.plot.density(flow, times=[0.0, 0.006, 0.012, 0.018], own_scale=True)
film = jf.plot.movie(flow)
