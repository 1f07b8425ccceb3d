"""The matrices that the sweeps go over, one row a cell; arrays have three axes, of one cell where the grid has fewer."""

from __future__ import annotations

from typing import NamedTuple

from .._typing import Array


class Stencil(NamedTuple):
    """reaction x - div(conductance grad x): its diagonal, the inverse of that (0 where it is 0), the conductances by axis."""

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
    """The same for several unknowns a cell, on a leading axis, the potential that couples them last.

    ``inverse`` is that of the diagonal and, for the potential, of what is left of its diagonal when the others have been
    eliminated from a cell; ``ties`` are the coefficients that tie every species to the potential.
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
