r"""
An ion channel
==============

A membrane with one pore lies between two baths. The salt is in the left bath. The membrane is an obstacle, closed to ions.
Fixed charge sits in it along the pore and lets the ions of the other sign through: the channel selects by charge.

.. math::

    \partial_t n_\pm = \nabla\cdot(n_\pm \nabla(\log n_\pm \pm \psi)), \qquad
    -\varepsilon \Delta\psi = n_+ - n_- + (\text{fixed charge}).

The ions that pass make a field between the baths. The field holds back more of them, until both fluxes are equal.
"""

import numpy as np

import jkoflow as jf

grid = jf.Grid.box((-1, 1), (-0.5, 0.5), cells=(64, 32))
x, y = grid.mesh
membrane = (np.abs(x) < 0.25) & (np.abs(y) > 0.125)
lining = membrane & (np.abs(y) < 0.25)

bath = np.where(membrane, 0.0, 0.1 + 0.9 / (1 + np.exp(x / 0.05)))
ring = np.where(lining, 1.0, 0.0)
inside = ring / grid.integrate(ring)
charge = 0.15
salt = jf.Species(
    potassium=grid.density(bath, mass=1 + charge),
    chloride=grid.density(bath, mass=1.0),
)
coupling = jf.DirichletCoupling(potassium=+1, chloride=-1, permittivity=0.01, doping=-charge * inside)
law = sum(jf.Entropy(name) + jf.Obstacle(membrane, name) for name in salt) + coupling
print(f"Debye length {coupling.debye_length(salt):.3f}, relaxation time {coupling.relaxation_time(salt):.4f}")

flow = jf.evolve(law, salt, dt=0.005, t_end=0.1)
print(flow)
jf.plot.density(flow, times=[0.0, 0.02, 0.1])
jf.plot.ions(flow.snapshots[-1], law)

beyond = x > 0.25
passed = {name: grid.integrate(np.where(beyond, flow[name].final.values - flow[name][0].values, 0.0)) for name in salt}
print("passed:", {name: round(mass, 5) for name, mass in passed.items()})
RESULT = passed["potassium"] / passed["chloride"]
