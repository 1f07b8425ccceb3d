"""The matrices of the sweeps, with one row per cell. Arrays have three axes; axes that the grid lacks have one cell."""

from __future__ import annotations

from typing import NamedTuple

from .._typing import Array


class Stencil(NamedTuple):
    """The operator reaction x - div(conductance grad x).

    ``diagonal`` is its diagonal. ``inverse`` is 1 / diagonal, and 0 where the diagonal is 0. ``k0``, ``k1`` and ``k2`` are the
    conductances of the faces across the three axes.
    """

    diagonal: Array
    inverse: Array
    k0: Array
    k1: Array
    k2: Array

    @property
    def faces(self) -> tuple[Array, Array, Array]:
        """The conductances of the faces across every axis."""
        return self.k0, self.k1, self.k2


class CoupledStencil(NamedTuple):
    """The operator of several unknowns per cell. The unknowns are a leading axis: the species, then the potential.

    ``diagonal``, ``k0``, ``k1`` and ``k2`` are as in ``Stencil``. ``inverse`` is 1 / diagonal for the species. For the
    potential it is 1 / (the diagonal after the species of the cell have been eliminated). ``ties`` are the coefficients that
    couple every species to the potential.
    """

    diagonal: Array
    inverse: Array
    ties: Array
    k0: Array
    k1: Array
    k2: Array

    @property
    def faces(self) -> tuple[Array, Array, Array]:
        """The conductances of the faces across every axis."""
        return self.k0, self.k1, self.k2
