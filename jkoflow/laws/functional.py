"""An energy of your own, given by two callables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._functions import of_measure
from .._typing import Array
from .._validate import finite_array, real_array
from ..measures import UNNAMED, Species
from .base import Law, SpeciesEnergy, State, short_repr
from .potential import Potential


@dataclass(frozen=True)
class Functional(SpeciesEnergy):
    """An energy of one species, given by two callables.

    * ``energy(measure)`` returns the value, a float.
    * ``variation_of(measure)`` returns the first variation per unit mass, an array over the points of the measure.

    ``check_energy`` tests that the two callables agree. For int U(rho) dx use CustomInternalEnergy, which solvers can treat
    cell by cell. ``SemiImplicitJKO(freeze_self=True)`` replaces the energy by the Potential of its first variation in every
    step.

    Raises ValueError at an evaluation if the first variation is not finite or has the wrong shape.

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
        super().__post_init__()
        if not callable(self.energy) or not callable(self.variation_of):
            raise ValueError(f"energy and variation_of must be functions, got {self.energy!r} and {self.variation_of!r}")

    def value(self, state: Species) -> float:
        value = real_array("the value of a Functional", of_measure("energy", self.energy, state[self.species]))
        if value.ndim > 0:
            raise ValueError(f"the value of a Functional must be one number, got an array of shape {value.shape}")
        return float(value)

    def variation(self, state: Species, species: str) -> Array:
        measure = state[species]
        return finite_array(
            "the first variation of a Functional",
            of_measure("variation_of", self.variation_of, measure),
            measure.zero_field.shape,
        )

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        checked_state = self.check(state)
        return Potential(self.variation(checked_state, self.species), self.species) if self_terms else self

    def __repr__(self) -> str:
        return short_repr("Functional", self.species, self.energy, self.variation_of)
