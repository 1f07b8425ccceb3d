"""What follows from unknowns of a step by finite volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ...._typing import Array
from ....grids import Faces
from .fluxes import Flux

TRACES = (1e-2, 1e-6)  # shares of the largest density: its trace that stands in for vacuum, to fill and to empty cells


@dataclass(frozen=True, eq=False)
class Trial:
    """Unknowns, and what follows from them. Arrays have the shape (species, cells)."""

    unknowns: Array
    """u of every species, then psi if there is one: shape (K, cells)."""
    rho: Array
    potentials: Array
    """What drives the species besides the entropy: V, fields, U' of other internal energies, pressures."""
    levels: Array
    """The first variations U'(rho) + V + fields, with the pressure of a bound."""
    fluxes: list[Flux]
    through: list[Flux]
    """Those out of the doors."""
    at_doors: list[Array]
    """The potentials on the faces of the doors."""
    excess: Array
    """What is left of the equations, (K, cells), densities."""
    residual: float
    """The L1 norm of the excess of the densities over the mass, the largest over the species."""
    of_charge: float
    """That of Poisson's equation alone."""
    noise: float
    """What rounding may leave of the residual: in a long step the fluxes of both directions far exceed what is left."""
    share: float = TRACES[0]
    """The share of the largest density that stands in for vacuum in derivatives, while the residual is the mass."""

    @property
    def trace(self) -> float:
        """The share of the largest density that stands in for vacuum in derivatives."""
        return self.share * min(self.residual, 1.0)


class Derivatives(NamedTuple):
    """The derivatives of the equations of a species in its own unknown u."""

    faces: Faces
    of_left: Array
    """By face, of tau alpha times the flux per width, in u of the left cell."""
    of_right: Array
    below: Array
    """By cell, d rho / du."""
    diagonal: Array
    """By cell, d rho / du and what leaves through the doors, in u."""
