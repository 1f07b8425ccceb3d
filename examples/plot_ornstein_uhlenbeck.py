"""
Fokker-Planck in a quadratic well
=================================

Entropy plus a potential: the flow of Jordan, Kinderlehrer and Otto. A Gaussian stays Gaussian, and the JKO iterates are known:
the mean shrinks by 1 / (1 + dt) in every step.
"""

import numpy as np

import jkoflow as jf

grid = jf.Grid.box((-4, 4), cells=200)
rho0 = grid.density(lambda x: np.exp(-((x - 1.5) ** 2) / 0.1))
energy = jf.Entropy() + jf.Potential(lambda x: x**2 / 2)
flow = jf.evolve(energy, rho0, dt=0.05, t_end=1.0)

jf.plot.density(flow)
jf.plot.energy(flow)

mean, variance = jf.OrnsteinUhlenbeck(1.5, float(rho0.covariance)).jko(0.05, steps=20)
print(f"mean {flow.final.mean:.5f} (exact {mean:.5f}), variance {flow.final.covariance:.5f} (exact {variance:.5f})")
RESULT = float(flow.final.mean)
