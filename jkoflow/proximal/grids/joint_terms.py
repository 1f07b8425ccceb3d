"""The terms of an energy on a grid whose first variation depends on more than the density at a place.

They are held once, beside the species.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ..._typing import Array
from ...grids import Grid
from ...laws import LawForms
from ...laws.electrostatics import charge_density, doping_on, psi_of_charge, sampled_on
from ...laws.forms import FieldCoupling, General, Pair
from ...measures import Species

_SHARE = 1e-6  # of the largest density: the difference by which the response of a general energy is found


@dataclass(frozen=True, eq=False)
class JointTerm(ABC):
    """``factor`` times a term of the energy."""

    factor: float

    @property
    @abstractmethod
    def involves(self) -> tuple[str, ...]:
        """The species that it couples."""

    @abstractmethod
    def field(self, species: str, state: Species) -> Array:
        """The first variation in a species, without the factor."""

    @abstractmethod
    def response(self, species: str, state: Species, changes: Mapping[str, Array]) -> Array:
        """How the field in a species changes with the densities, without the factor."""

    def coarser(self, grid: Grid) -> JointTerm | None:
        """The same term on cells twice as wide than those of ``grid``; None where that is not known."""
        return None


@dataclass(frozen=True, eq=False)
class JointPair(JointTerm):
    """A pair interaction, by convolution."""

    pair: Pair

    @property
    def involves(self) -> tuple[str, ...]:
        return (self.pair.a,) if self.pair.alone else (self.pair.a, self.pair.b)

    def field(self, species: str, state: Species) -> Array:
        return state.grid.convolve(self.pair.kernel, state[self._source(species)].values)

    def response(self, species: str, state: Species, changes: Mapping[str, Array]) -> Array:
        return state.grid.convolve(self.pair.kernel, changes[self._source(species)])

    def coarser(self, grid: Grid) -> JointTerm | None:
        return self

    def _source(self, species: str) -> str:
        return self.pair.b if species == self.pair.a else self.pair.a


@dataclass(frozen=True, eq=False)
class JointCoupling(JointTerm):
    """A coupling by Poisson's equation, its doping an array over the grid."""

    coupling: FieldCoupling

    @property
    def involves(self) -> tuple[str, ...]:
        return tuple(self.coupling.charges)

    def field(self, species: str, state: Species) -> Array:
        """z psi; on the way to the answer the charge need not add up to 0, and what psi cannot answer is left out."""
        charge = charge_density(self.coupling, state)
        return self.coupling.charges[species] * psi_of_charge(self.coupling, state.grid, charge)

    def response(self, species: str, state: Species, changes: Mapping[str, Array]) -> Array:
        charges = self.coupling.charges
        charge = sum((z * changes[name] for name, z in charges.items()), np.zeros(state.grid.shape))
        return charges[species] * psi_of_charge(self.coupling, state.grid, charge)

    def coarser(self, grid: Grid) -> JointTerm | None:
        if self.coupling.doping is None:
            return self
        return replace(self, coupling=replace(self.coupling, doping=halved(doping_on(self.coupling, grid))))


@dataclass(frozen=True, eq=False)
class JointGeneral(JointTerm):
    """An energy known by value and first variation; its response comes from a difference."""

    form: General

    @property
    def involves(self) -> tuple[str, ...]:
        return self.form.energy.involves

    def field(self, species: str, state: Species) -> Array:
        return self.form.energy.first_variation(state, species)

    def response(self, species: str, state: Species, changes: Mapping[str, Array]) -> Array:
        size = max(float(np.abs(changes[name]).max()) for name in self.involves)
        if size == 0:
            return np.zeros(state.grid.shape)
        step = _SHARE * max(float(state[name].values.max()) for name in self.involves) / size
        moved = {name: state[name].like(np.maximum(state[name].values + step * changes[name], 0.0)) for name in state}
        return (self.field(species, Species(moved)) - self.field(species, state)) / step


@dataclass(frozen=True, eq=False)
class JointTerms:
    """All of them, in the order of the law."""

    terms: tuple[JointTerm, ...] = ()

    @classmethod
    def of(cls, forms: LawForms, grid: Grid) -> JointTerms:
        """Those of a law, with doping sampled once."""
        found: list[JointTerm] = []
        for factor, form, _ in forms.entries:
            match form:
                case Pair():
                    found.append(JointPair(factor, form))
                case FieldCoupling():
                    found.append(JointCoupling(factor, sampled_on(form, grid)))
                case General():
                    found.append(JointGeneral(factor, form))
        return cls(tuple(found))

    def __bool__(self) -> bool:
        return bool(self.terms)

    def outside(self, potential: Array, species: str, state: Species, without: JointTerm | None = None) -> Array:
        """A potential and the fields of all terms that involve the species, at a state; one of them may be left out."""
        kept = (term for term in self.terms if species in term.involves and term is not without)
        return sum((term.factor * term.field(species, state) for term in kept), potential)

    def response(self, species: str, state: Species, changes: Mapping[str, Array]) -> Array:
        """How the fields change with the densities."""
        kept = (term for term in self.terms if species in term.involves)
        return sum((term.factor * term.response(species, state, changes) for term in kept), np.zeros(state.grid.shape))

    def coarser(self, grid: Grid) -> JointTerms | None:
        """The same on cells twice as wide; None where a term has no coarse twin."""
        twins = [term.coarser(grid) for term in self.terms]
        known = [twin for twin in twins if twin is not None]
        return JointTerms(tuple(known)) if len(known) == len(twins) else None

    def weaker(self, share: float) -> JointTerms:
        """The same with a share of the couplings by charge."""
        return JointTerms(tuple(replace(t, factor=t.factor * share) if isinstance(t, JointCoupling) else t for t in self.terms))

    @cached_property
    def couplings(self) -> tuple[JointCoupling, ...]:
        """The couplings by Poisson's equation."""
        return tuple(term for term in self.terms if isinstance(term, JointCoupling))

    @property
    def repulsion(self) -> JointCoupling | None:
        """The first coupling by charge that repels; None without any."""
        return next((term for term in self.couplings if term.factor > 0), None)


def halved(values: Array) -> Array:
    """Averages over pairs of neighbours along every axis."""
    for axis in range(values.ndim):
        v = np.moveaxis(values, axis, 0)
        values = np.moveaxis(0.5 * (v[::2] + v[1::2]), 0, axis)
    return np.ascontiguousarray(values)
