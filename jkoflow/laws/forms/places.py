"""Forms of terms of densities, of places and of positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

from ..._typing import Array, Mask, SpaceFunction
from ...grids import Grid, Medium
from ...measures import Measure
from ..time_functions import fixed_at, takes_time
from .base import Form


class DensityFunction(Protocol):
    """A function U(s) of a density s >= 0, with its derivative U'(s)."""

    def integrand(self, s: Array) -> Array:
        """U(s)."""

    def derivative(self, s: Array) -> Array:
        """U'(s)."""


@dataclass(frozen=True, eq=False)
class Internal(Form):
    """int U(rho) dx of one species, with U(s) = entropy s log s + sum_k c_k s^m_k / (m_k - 1) + sum_k c_k U_k(s).

    ``powers`` are the pairs (c_k, m_k), ``others`` the pairs (c_k, U_k). Solvers treat the entropy and the powers in closed
    form. They know the others by their values and derivatives.
    """

    label: ClassVar[str] = "internal energies"
    species: str
    entropy: float = 0.0
    powers: tuple[tuple[float, float], ...] = ()
    others: tuple[tuple[float, DensityFunction], ...] = ()


@dataclass(frozen=True, eq=False)
class External(Form):
    """int V d rho of one species. V and its gradient are kept as they were given to ``Potential``."""

    label: ClassVar[str] = "potentials"
    species: str
    V: SpaceFunction | Any
    gradient: SpaceFunction | None = None

    @cached_property
    def depends_on_time(self) -> bool:
        """True if V is a function of the time too."""
        return takes_time(self.V)

    def at(self, time: float) -> External:
        """Return the potential of one instant: itself if it does not depend on time."""
        return External(self.species, fixed_at(self.V, time), fixed_at(self.gradient, time)) if self.depends_on_time else self


@dataclass(frozen=True, eq=False)
class Bound(Form):
    """The density of one species is at most ``density``."""

    label: ClassVar[str] = "bounds on the density"
    species: str
    density: float


@dataclass(frozen=True, eq=False)
class Shared(Form):
    """An internal energy, or a bound, of the sum s = sum_i w_i rho_i of several densities.

    ``of_sum`` is the form for a single density s. The first variation in species i is w_i U'(s).
    """

    label: ClassVar[str] = "internal energies and bounds of sums of species"
    weights: Mapping[str, float]
    of_sum: Internal | Bound


@dataclass(frozen=True, eq=False)
class Forbidden(Form):
    """One species holds no mass in the cells of a grid where ``mask(grid)`` is true."""

    label: ClassVar[str] = "obstacles"
    species: str
    mask: Callable[[Grid], Mask]


@dataclass(frozen=True, eq=False)
class Opening(Form):
    """The cells of a grid where ``mask(grid)`` is true are outside, and hold one species at a given density.

    Mass goes through the faces between these cells and the others. It is accounted for under ``name``.
    """

    label: ClassVar[str] = "doors and reservoirs"
    species: str
    mask: Callable[[Grid], Mask]
    densities: Callable[[Grid], Array]
    """Over a grid, the densities in the cells of the mask."""
    fills: bool
    """Whether mass may come in."""
    name: str
    flux: Callable[[Grid], Array] | None = None
    """Over a grid, the mass that enters per time and area of a face of these cells, if that is given and not the density."""
    contains: Callable[[Array], Mask] | None = None
    """Which of some points are outside. None if points cannot leave."""

    def is_outer_on(self, kind: type[Measure]) -> bool:
        """Return True for points that leave one by one, after a step. The solvers on grids see the faces of the cells."""
        return kind.may_leave and self.contains is not None


@dataclass(frozen=True, eq=False)
class Conducting(Form):
    """The mobility of one species is multiplied by a function of place, or a tensor: ``medium(grid)``."""

    label: ClassVar[str] = "mobilities that vary in space"
    species: str
    medium: Callable[[Grid], Medium]


@dataclass(frozen=True, eq=False)
class Positions(Form):
    """A convex function of the positions of ordered particles, with its subgradient, its resolvent, or both."""

    label: ClassVar[str] = "convex functions of positions"
    species: tuple[str, ...]
    function: Callable[[Any], float]
    subgradient: Callable[[Any], Mapping[str, Any]] | None
    resolvent: Callable[[Any, float], Mapping[str, Any]] | None


class KnownByVariation(Protocol):
    """An energy that is known by its first variation."""

    @property
    def involves(self) -> tuple[str, ...]:
        """The names of the species in the energy."""

    def first_variation(self, state: Any, species: str) -> Array:
        """Return dE / d rho of a species, at a state."""


@dataclass(frozen=True, eq=False)
class General(Form):
    """An energy of which only the value and the first variation are known."""

    label: ClassVar[str] = "energies known by value and first variation"
    energy: KnownByVariation


@dataclass(frozen=True, eq=False)
class Eliminated(General):
    """The part of the fields in a step of masses and fields together, at their best (``FieldsAfter``).

    Solvers that know fields take them apart. To the others it is an energy known by value and first variation.
    """

    label: ClassVar[str] = "fields of a joint step"
