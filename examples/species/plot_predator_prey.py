r"""
Predator and prey: a law with no energy
=======================================

The fox is drawn to the hare, and the hare is driven away from the fox. The two kernels are no positive multiples of one
another. So the law has no energy, and JKO refuses it. The semi-implicit scheme takes it: in every step it freezes the other
species.

.. math::

    \partial_t f = \nu \Delta f + \nabla\cdot\bigl(f\, \nabla(W * f + K * h)\bigr), \qquad
    \partial_t h = \nu \Delta h + \nabla\cdot\bigl(h\, \nabla(W * h - L * f)\bigr).
"""

import numpy as np

import jkoflow as jf

grid = jf.Grid.box((-4, 4), (-2, 2), cells=(80, 40))
state = jf.Species(
    fox=grid.density(lambda x, y: np.exp(-6 * ((x + 2) ** 2 + (y + 0.3) ** 2))),
    hare=grid.density(lambda x, y: np.exp(-6 * ((x + 1) ** 2 + y**2))),
)
law = (
    0.02 * jf.Entropy("fox")
    + 0.02 * jf.Entropy("hare")
    + jf.Interaction(0.6 * jf.Gaussian(), "fox")
    + jf.Interaction(0.6 * jf.Gaussian(), "hare")
    + jf.Drift(jf.Gaussian(2.0, 2.0), moves="fox", by="hare")
    + jf.Drift(-jf.Gaussian(2.0, 1.5), moves="hare", by="fox")
)
flow = jf.evolve(law, state, scheme=jf.SemiImplicitJKO(), dt=0.05, t_end=2.0)

jf.plot.density(flow, panels=4)

print(flow)
RESULT = float(flow["hare"].final.mean[0])
