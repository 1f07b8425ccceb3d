"""Terms of a law whose energy is 0, which change where mass may go or how fast."""

from __future__ import annotations

import numpy as np

from ..._typing import Array
from ...measures import Density, Species
from ..base import SpeciesEnergy


class ZeroEnergy(SpeciesEnergy):
    """A term of one species on a grid with the energy 0."""

    def value(self, state: Species) -> float:
        return 0.0

    def variation(self, state: Species, species: str) -> Array:
        measure = state[species]
        if not isinstance(measure, Density):
            raise ValueError(f"{type(self).__name__} acts on a Density, got {type(measure).__name__}")
        return np.zeros(measure.grid.shape)
