"""The currents of a state under a law."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .._typing import Array
from ..laws import DirichletCoupling, Law, State, known_species
from ..measures import Species, complete_mobilities


def current_density(law: Law, state: State, species: str = "", mobility: Mapping[str, float] | None = None) -> Array:
    """The flux of a species, - alpha rho grad dE/drho, at the cell centres of a grid: shape (d, *grid), mass per area and time.

    Means of what crosses the two faces of a cell, none through the walls and none between cells of which one is empty.

    >>> import numpy as np, jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=100).density(lambda x: 1 + x)
    >>> float(np.round(current_density(jf.Entropy(), rho)[0, 50], 4))                      # heat flows down at the slope 2/3
    -0.6667
    """
    held = law.check(state)
    known_species(held, species)
    grid, rho = held.grid, held[species].values
    alpha = complete_mobilities(mobility, held)[species]
    with np.errstate(invalid="ignore"):  # an entropy and an obstacle disagree on empty cells, which are left out below
        first = law.first_variation(held, species)
    out = np.zeros((grid.dim, *grid.shape))
    for axis, h in enumerate(grid.spacing):
        m, f, flux = np.moveaxis(rho, axis, 0), np.moveaxis(first, axis, 0), np.moveaxis(out[axis], axis, 0)
        full = (m[1:] > 0) & (m[:-1] > 0)
        with np.errstate(invalid="ignore"):
            across = np.where(full, -alpha * (m[1:] + m[:-1]) / 2 * np.where(full, np.diff(f, axis=0), 0.0) / h, 0.0)
        flux[:-1] += across / 2
        flux[1:] += across / 2
    return out


def electric_current(law: Law, state: State, mobility: Mapping[str, float] | None = None) -> Array:
    """sum_i z_i times the current density of species i, for a law with a DirichletCoupling: shape (d, *grid).

    Raises ValueError for a law without one, or with several.

    >>> import jkoflow as jf
    >>> grid = jf.Grid.box((0, 1), cells=50)
    >>> salt = jf.Species(u=grid.density(lambda x: 1 + x), v=grid.density(lambda x: 1 + x))
    >>> law = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=+1, v=-1)
    >>> bool(abs(electric_current(law, salt)).max() < 1e-12)                                # equal ions carry no charge
    True
    """
    coupling = coupling_of(law)
    charges = coupling.charges.items()
    held: Species = law.check(state)
    zero = np.zeros((held.grid.dim, *held.grid.shape))
    return sum((z * current_density(law, held, name, mobility) for name, z in charges if z != 0), zero)


def coupling_of(law: Law) -> DirichletCoupling:
    """The one DirichletCoupling in a law; ValueError for a law without one, or with several."""
    found = law.forms.couplings
    if len(found) != 1:
        raise ValueError(f"law must hold one DirichletCoupling, got {len(found)} in {law!r}")
    coupling: DirichletCoupling = found[0].term
    return coupling
