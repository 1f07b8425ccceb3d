r"""
Fokker-Planck in a quadratic well
=================================

The energy is the entropy plus a potential, as in the paper of Jordan, Kinderlehrer and Otto. A Gaussian stays Gaussian. The JKO
iterates are known: every step divides the mean by 1 + dt.

.. math::

    \partial_t\rho = \Delta\rho + \nabla\cdot(\rho\, x), \qquad E(\rho) = \int \rho \log\rho + \tfrac12 |x|^2 \rho\; dx.
"""

import numpy as np

import jkoflow as jf

grid = jf.Grid.box((-4, 4), cells=200)
rho0 = grid.density(lambda x: np.exp(-((x - 1.5) ** 2) / 0.1))
energy = jf.Entropy() + jf.Potential(lambda x: x**2 / 2)
flow = jf.evolve(energy, rho0, dt=0.05, t_end=1.0)

jf.plot.density(flow)
jf.plot.energy(flow)

mean, variance = jf.closed_forms.OrnsteinUhlenbeck(1.5, float(rho0.covariance)).jko(0.05, steps=20)
print(f"mean {flow.final.mean:.5f} (exact {mean:.5f}), variance {flow.final.covariance:.5f} (exact {variance:.5f})")
RESULT = float(flow.final.mean)
