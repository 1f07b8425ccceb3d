r"""
Cells sort by adhesion
======================

Two kinds of cells are mixed at random. They share the room: the sum of the two densities is nowhere above a bound.

.. math::

    \partial_t\rho_a = \nabla\cdot\Bigl(\rho_a \nabla\bigl(p + \sum_b K_{ab} * \rho_b\bigr)\Bigr), \qquad
    \rho_1 + \rho_2 \le 1,\quad p\, (1 - \rho_1 - \rho_2) = 0.

All cells stick to one another. The first kind sticks the most to itself. So it gathers in the middle, and the other kind
engulfs it.
"""

import numpy as np

import jkoflow as jf

grid = jf.Grid.box((-1, 1), (-1, 1), cells=48)
rng = np.random.default_rng(2)
x, y = grid.mesh
tissue = np.maximum(1 - (x**2 + y**2) / 0.5, 0)
blobs = sum(
    rng.choice([-1.0, 1.0]) * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 0.02) for a, b in rng.uniform(-0.8, 0.8, size=(60, 2))
)
mixture = 1 / (1 + np.exp(-3 * blobs))
state = jf.Species(
    sticky=grid.density(tissue * (0.02 + 0.96 * mixture), mass=1.0),
    loose=grid.density(tissue * (0.98 - 0.96 * mixture), mass=1.0),
)

law = (
    jf.Congestion(3.0, ("sticky", "loose"))
    + jf.Interaction(jf.Gaussian(6.0, 0.6), "sticky")
    + jf.Interaction(jf.Gaussian(1.5, 0.6), "loose")
    + jf.CrossInteraction(jf.Gaussian(2.5, 0.6), between=("sticky", "loose"))
)
flow = jf.evolve(law, state, dt=0.01, t_end=0.4)

jf.plot.density(flow, times=[0.0, 0.05, 0.15, 0.4])


def spread(rho):
    return float(np.sqrt(np.trace(rho.covariance)))


print(flow)
RESULT = spread(flow["sticky"].final) / spread(flow["loose"].final)
film = jf.plot.movie(flow)
