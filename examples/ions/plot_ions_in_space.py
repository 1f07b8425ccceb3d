r"""
Two clouds of ions in space
===========================

Two clouds of opposite charge lie in a well in the whole space. Poisson's equation is solved by the Newtonian potential. This is
the setting of the theory.

.. math::

    \partial_t n_\pm = \nabla\cdot(n_\pm \nabla(\log n_\pm + V \pm \psi)), \qquad
    \psi = \frac{1}{4\pi\varepsilon |x|} * (n_+ - n_-).

The flow is computed twice: on 48 x 48 x 48 cells, and by the radii that enclose given masses. With radii the field follows from
the enclosed charge.
"""

import numpy as np

import jkoflow as jf

free = jf.DirichletCoupling(plus=+1, minus=-1, permittivity=0.02, boundary="free-space")
entropies = jf.Entropy("plus") + jf.Entropy("minus")

grid = jf.Grid.box((-6, 6), (-6, 6), (-6, 6), cells=48)
well = jf.Potential(lambda x, y, z: (x**2 + y**2 + z**2) / 2, "plus") + jf.Potential(
    lambda x, y, z: (x**2 + y**2 + z**2) / 2, "minus"
)
clouds = jf.Species(
    plus=grid.density(lambda x, y, z: np.exp(-(x**2 + y**2 + z**2) / 2)),
    minus=grid.density(lambda x, y, z: np.exp(-(x**2 + y**2 + z**2) / 4.5)),
)
flow = jf.evolve(entropies + well + free, clouds, dt=0.1, t_end=0.2)
print(flow)

radial_well = jf.Potential(lambda r: r**2 / 2, "plus") + jf.Potential(lambda r: r**2 / 2, "minus")
shells = jf.Species(
    plus=jf.RadialQuantiles.from_density(lambda r: np.exp(-(r**2) / 2), radius=9.0, shells=400),
    minus=jf.RadialQuantiles.from_density(lambda r: np.exp(-(r**2) / 4.5), radius=13.0, shells=400),
)
reference = jf.evolve(entropies + radial_well + free, shells, dt=0.1, t_end=0.2)
print(reference)

jf.plot.density(flow, panels=3)
jf.plot.density(reference, panels=3)
jf.plot.ions(flow.snapshots[-1], entropies + well + free)

on_grid, by_radii = np.trace(flow["minus"].final.covariance), reference["minus"].final.second_moment
print(f"second moment {on_grid:.4f} on the grid, {by_radii:.4f} by radii")
RESULT = on_grid / by_radii
