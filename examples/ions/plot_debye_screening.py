r"""
Screening next to a charged wall
================================

A salt is in front of a wall with a fixed charge. The ions of the opposite sign gather at the wall, and the others leave. Beyond
the Debye length the solution feels nothing of the charge.

.. math::

    \partial_t n_\pm = \nabla\cdot(n_\pm \nabla(\log n_\pm \pm \psi)), \qquad -\varepsilon \Delta\psi = n_+ - n_-.

The steady state solves the equation of Poisson and Boltzmann. The flow gets there within a few relaxation times. Its steps are
far longer than a relaxation time: a lagged potential would be unstable at such steps.
"""

import numpy as np

import jkoflow as jf

grid = jf.Grid.box((0, 1), cells=256)
x = grid.axes[0]
surface = 0.05  # charge of the wall at the left, in its outermost cell
wall = np.where(x < grid.spacing[0], -surface / grid.spacing[0], 0.0)

salt = jf.Species(
    sodium=grid.density(lambda x: np.ones_like(x), mass=1 + surface),
    chloride=grid.density(lambda x: np.ones_like(x)),
)
coupling = jf.DirichletCoupling(sodium=+1, chloride=-1, permittivity=0.005, doping=wall)
law = jf.Entropy("sodium") + jf.Entropy("chloride") + coupling
print(f"Debye length {coupling.debye_length(salt):.4f}, relaxation time {coupling.relaxation_time(salt):.5f}")

flow = jf.evolve(law, salt, dt=0.02, t_end=0.4)
rest = jf.equilibrium(law, salt)
print(flow)
print("left to the state of rest:", flow.energies[-1] - law(rest.state))

jf.plot.density(flow, times=[0.0, 0.02, 0.4])
jf.plot.ions(flow[1], law)

# Far from the wall psi falls as exp(-x / length), where length is the Debye length for the concentration there.
psi = rest.potential - rest.potential[-1]
far = (x > 0.15) & (x < 0.4)
length = -1 / np.polyfit(x[far], np.log(np.abs(psi[far])), 1)[0]
bulk = rest.state["sodium"].values[-1] + rest.state["chloride"].values[-1]
RESULT = length / (coupling.permittivity / bulk) ** 0.5
