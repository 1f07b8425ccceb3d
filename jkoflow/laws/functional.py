"""Any energy of your own, from two callables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._typing import Array
from .._validate import finite_array
from ..measures import UNNAMED, Species
from .base import Law, SpeciesEnergy, State, short_repr
from .potential import Potential


@dataclass(frozen=True)
class Functional(SpeciesEnergy):
    """An energy of one species from two callables: ``energy(measure) -> float`` and its first variation
    ``variation_of(measure) -> array`` per unit mass at the measure's points.

    ``check_energy`` tells whether the two agree. For int U(rho) dx use CustomInternalEnergy, which solvers can treat
    cell by cell. ``SemiImplicitJKO(freeze_self=True)`` freezes it to the potential of its first variation.

    >>> from jkoflow import Grid
    >>> grid = Grid.box((0, 1), cells=10)
    >>> half_square_of_mass = Functional(lambda rho: rho.mass**2 / 2, lambda rho: rho.mass + 0 * rho.values)
    >>> round(half_square_of_mass(grid.density(lambda x: x, mass=2.0)), 12)
    2.0
    """

    energy: Callable[[Any], float]
    variation_of: Callable[[Any], Any]
    species: str = UNNAMED

    def __post_init__(self) -> None:
        if not callable(self.energy) or not callable(self.variation_of):
            raise ValueError(f"energy and variation_of must be functions, got {self.energy!r} and {self.variation_of!r}")

    def value(self, state: Species) -> float:
        return float(self.energy(state[self.species]))

    def variation(self, state: Species, species: str) -> Array:
        measure = state[species]
        return finite_array("the first variation of a Functional", self.variation_of(measure), measure.zero_field.shape)

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        held = self.check(state)
        return Potential(self.variation(held, self.species), self.species) if self_terms else self

    def __repr__(self) -> str:
        return short_repr("Functional", self.species, self.energy, self.variation_of)
