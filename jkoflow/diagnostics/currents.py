"""The currents of a state under a law."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .._typing import Array
from ..grids import axes_of
from ..laws import DirichletCoupling, Law, State, known_species
from ..measures import Species, complete_mobilities


def current_density(law: Law, state: State, species: str = "", mobility: Mapping[str, float] | None = None) -> Array:
    """Return the flux of a species, - alpha rho grad dE/drho, at the cell centres: shape (d, *grid), mass per area and time.

    A ``Mobility`` of the law multiplies it. The flux in a cell is the mean of the fluxes through its two faces. There is no
    flux through the walls, and none between two cells of which one is empty.

    >>> import numpy as np, jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=100).density(lambda x: 1 + x)
    >>> float(np.round(current_density(jf.Entropy(), rho)[0, 50], 4))                      # heat flows down at the slope 2/3
    -0.6667
    """
    checked_state = law.check(state)
    known_species(checked_state, species)
    grid, rho = checked_state.grid, checked_state[species].values
    alpha = complete_mobilities(mobility, checked_state)[species]
    with np.errstate(invalid="ignore"):  # in empty cells, -inf of an entropy + inf of an obstacle: left out below
        variation = law.first_variation(checked_state, species)
    medium = law.forms.medium_of(species, grid)
    by_axis = medium is not None and medium.is_diagonal
    current, faces = np.zeros((2, grid.dim, *grid.shape))
    for axis, h in enumerate(grid.spacing):
        m, f = grid.along(rho, axis), grid.along(variation, axis)
        both_full = (m[1:] > 0) & (m[:-1] > 0)
        with np.errstate(invalid="ignore"):
            falls = -np.where(both_full, np.diff(f, axis=0), 0.0) / h
            through = np.where(both_full, alpha * (m[1:] + m[:-1]) / 2 * falls, 0.0)
        if medium is not None and by_axis:  # the harmonic mean is exact for layers
            a = grid.along(medium.values[medium.directions.index(axes_of(grid.dim)[axis])], axis)
            through = through * 2 * a[1:] * a[:-1] / (a[1:] + a[:-1])
        for sums, part in ((current[axis], through), (faces[axis], both_full)):
            flux = np.moveaxis(sums, axis, 0)
            flux[: len(part)] += part / 2
            flux[1:] += part[: len(flux) - 1] / 2
            if grid.periodic_axes[axis] and len(flux) > 1:
                flux[0] += part[-1] / 2
    if medium is None or by_axis:
        return current
    # along a wall the gradient is that of the one face there is; through it the flux of the other is 0
    return medium.applied(grid, np.divide(current, faces, out=np.zeros_like(current), where=faces > 0)) * faces


def electric_current(law: Law, state: State, mobility: Mapping[str, float] | None = None) -> Array:
    """Return the electric current, sum_i z_i times the current density of species i: shape (d, *grid).

    The valences z_i are those of the DirichletCoupling in the law. Raises ValueError for a law without a DirichletCoupling,
    or with several.

    >>> import jkoflow as jf
    >>> grid = jf.Grid.box((0, 1), cells=50)
    >>> salt = jf.Species(u=grid.density(lambda x: 1 + x), v=grid.density(lambda x: 1 + x))
    >>> law = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=+1, v=-1)
    >>> bool(abs(electric_current(law, salt)).max() < 1e-12)                                # equal ions carry no charge
    True
    """
    coupling = coupling_of(law)
    charges = coupling.charges.items()
    checked_state: Species = law.check(state)
    zero = np.zeros((checked_state.grid.dim, *checked_state.grid.shape))
    return sum((z * current_density(law, checked_state, name, mobility) for name, z in charges if z != 0), zero)


def coupling_of(law: Law) -> DirichletCoupling:
    """Return the DirichletCoupling of a law. Raises ValueError for a law without a DirichletCoupling, or with several.

    >>> import jkoflow as jf
    >>> coupling_of(jf.Entropy("p") + jf.DirichletCoupling(p=1, n=-1)).charges["n"]
    -1.0
    """
    entries = law.forms.couplings
    if len(entries) != 1:
        raise ValueError(f"law must hold one DirichletCoupling, got {len(entries)} in {law!r}")
    coupling: DirichletCoupling = entries[0].term
    return coupling
