"""The energy of an external potential."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .._typing import Array, SpaceFunction
from .._validate import finite_array
from ..measures import UNNAMED, Species
from .base import SpeciesEnergy, short_repr
from .forms import External, Form
from .time_functions import fixed_at, name_of, takes_time


@dataclass(frozen=True, eq=False)
class Potential(SpeciesEnergy):
    """E(rho) = int V d rho, with first variation V.

    ``V`` may be given in two ways:

    * a function of space, ``V(x)``, ``V(x, y)`` or ``V(x, y, z)``: works on every measure;
    * an array of its values at the points of the measure, in the shape of the grid: works on a Density only, because the
      points of Quantiles and Particles move.

    ``gradient`` is a function of space that returns grad V. Only measures with moving points use it. If it is missing, the
    gradient is exact if V is made of the arithmetic and the smooth functions of numpy. Otherwise, as with ``np.abs`` and
    ``np.where``, it is computed by central differences of V. Their step is about a thousandth of the extent of the measure, but
    at least a millionth of its distance from the origin. So V is evaluated slightly outside the support.

    Quantiles take V in polynomial pieces where it has kinks, jumps or steep places: their means over cells are exact, whatever
    the gradient. For this V is evaluated in a box of up to three times the extent of the quantiles.

    V may depend on the time t, by an argument of this name: ``V(x, t)``, ``V(x, y, t)`` or ``V(x, y, z, t)``. Then the gradient
    may take ``t`` too. A scheme evaluates V at the times that its order needs. ``at(time)`` returns the potential of one
    instant, which has values and a first variation.

    Raises ValueError if V returns a value that is not finite, or if an array has the wrong shape: at the first evaluation.
    An array with a value that is not finite is refused at once.

    >>> from jkoflow import Grid
    >>> rho = Grid.box((-1, 1), cells=200).density(lambda x: np.ones_like(x))
    >>> bool(np.isclose(Potential(lambda x: x**2)(rho), 1 / 3, atol=1e-4))
    True
    """

    V: SpaceFunction | Any
    species: str = UNNAMED
    gradient: SpaceFunction | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.gradient) and self.gradient is not None:
            raise ValueError(f"gradient must be a function of space or None, got {self.gradient!r}")
        if takes_time(self.gradient) and not self.depends_on_time:
            raise ValueError(f"gradient depends on the time t, so V must take t too, got {self.V!r}")
        if not callable(self.V):
            values = finite_array("V", self.V, np.shape(self.V)).copy()
            values.setflags(write=False)
            object.__setattr__(self, "V", values)

    @property
    def form(self) -> Form:
        return External(self.species, self.V, self.gradient)

    @cached_property
    def depends_on_time(self) -> bool:
        return takes_time(self.V)

    def at(self, time: float) -> Potential:
        """Return the potential of one instant: itself if V does not depend on time.

        >>> from jkoflow import Quantiles
        >>> round(Potential(lambda x, t: x * t).at(2.0)(Quantiles([0.0, 1.0])), 9)
        1.0
        """
        if not self.depends_on_time:
            return self
        return Potential(fixed_at(self.V, time), self.species, fixed_at(self.gradient, time))

    def value(self, state: Species) -> float:
        return state[self.species].expectation(self.variation(state, self.species))

    def variation(self, state: Species, species: str) -> Array:
        if self.depends_on_time:
            raise ValueError(f"{self!r} depends on the time: take law.at(time), which has a value")
        return state[species].field("V", self.V)

    def __repr__(self) -> str:
        shown = name_of(self.V) if callable(self.V) else f"<array {self.V.shape}>"
        return short_repr("Potential", self.species, shown)
