"""Joint terms: the terms of an energy on a grid whose first variation at a place depends on densities elsewhere.

An energy holds every joint term once, beside the species and not per species.
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

_POWERS = 20  # steps of the power method
_SHARE = 1e-6  # share of the largest density: the difference from which the response of a general energy is computed


@dataclass(frozen=True, eq=False)
class JointTerm(ABC):
    """A joint term: ``factor`` times a term of the energy, with its field and the response of this field."""

    factor: float

    @property
    @abstractmethod
    def involves(self) -> tuple[str, ...]:
        """The species that the term couples."""

    @abstractmethod
    def field(self, species: str, state: Species) -> Array:
        """The first variation of the term in a species, without the factor: the field that acts on the species."""

    @abstractmethod
    def response(self, species: str, state: Species, changes: Mapping[str, Array]) -> Array:
        """The derivative of the field on a species in the direction of changes of the densities, without the factor."""

    def coarser(self, grid: Grid) -> JointTerm | None:
        """The same term on cells twice as wide as the cells of ``grid``; None if that is not known."""
        return None


@dataclass(frozen=True, eq=False)
class JointPair(JointTerm):
    """A pair interaction, by convolution."""

    pair: Pair

    @property
    def involves(self) -> tuple[str, ...]:
        return (self.pair.a,) if self.pair.is_self else (self.pair.a, self.pair.b)

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
    """A coupling by charge: by Poisson's equation, with its doping as an array over the grid."""

    coupling: FieldCoupling

    @property
    def involves(self) -> tuple[str, ...]:
        return tuple(self.coupling.charges)

    def field(self, species: str, state: Species) -> Array:
        """The valence times psi.

        On the way to the answer the charge need not add up to 0. The part of it for which there is no psi is left out.
        """
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
    """An energy known by value and first variation. Its response is a difference quotient, unless the energy tells it."""

    form: General

    @property
    def involves(self) -> tuple[str, ...]:
        return self.form.energy.involves

    def field(self, species: str, state: Species) -> Array:
        return self.form.energy.first_variation(state, species)

    def response(self, species: str, state: Species, changes: Mapping[str, Array]) -> Array:
        told = getattr(self.form.energy, "response", None)
        if told is not None:
            return np.asarray(told(state, species, changes))
        size = max(float(np.abs(changes[name]).max()) for name in self.involves)
        if size == 0:
            return np.zeros(state.grid.shape)
        step = _SHARE * max(float(state[name].values.max()) for name in self.involves) / size
        changed = {name: state[name].like(np.maximum(state[name].values + step * changes[name], 0.0)) for name in state}
        return (self.field(species, Species(changed)) - self.field(species, state)) / step


@dataclass(frozen=True, eq=False)
class JointLocal(JointTerm):
    """int rho^2 / 2 of one species, as a field: what an iteration has taken implicitly is given back explicitly."""

    species: str

    @property
    def involves(self) -> tuple[str, ...]:
        return (self.species,)

    def field(self, species: str, state: Species) -> Array:
        return state[self.species].values

    def response(self, species: str, state: Species, changes: Mapping[str, Array]) -> Array:
        return changes[self.species]

    def coarser(self, grid: Grid) -> JointTerm | None:
        return self


@dataclass(frozen=True, eq=False)
class JointTerms:
    """All joint terms of an energy, in the order of the law."""

    terms: tuple[JointTerm, ...] = ()

    @classmethod
    def of(cls, forms: LawForms, grid: Grid) -> JointTerms:
        """The joint terms of a law on a grid. Doping is sampled here, once."""
        terms: list[JointTerm] = []
        for factor, form, _ in forms.entries:
            match form:
                case Pair():
                    terms.append(JointPair(factor, form))
                case FieldCoupling():
                    terms.append(JointCoupling(factor, sampled_on(form, grid)))
                case General():
                    terms.append(JointGeneral(factor, form))
        return cls(tuple(terms))

    def __bool__(self) -> bool:
        return bool(self.terms)

    def effective_potential(self, potential: Array, species: str, state: Species, without: JointTerm | None = None) -> Array:
        """The potential plus the fields of all terms that involve the species, at a state. The term ``without`` is left out."""
        acting = (term for term in self.terms if species in term.involves and term is not without)
        return sum((term.factor * term.field(species, state) for term in acting), potential)

    def response(self, species: str, state: Species, changes: Mapping[str, Array]) -> Array:
        """The derivative of the fields on a species in the direction of changes of the densities."""
        acting = (term for term in self.terms if species in term.involves)
        return sum((term.factor * term.response(species, state, changes) for term in acting), np.zeros(state.grid.shape))

    def coarser(self, grid: Grid) -> JointTerms | None:
        """The same terms on cells twice as wide; None if a term is not known there."""
        coarse_terms = [term.coarser(grid) for term in self.terms]
        known = [term for term in coarse_terms if term is not None]
        return JointTerms(tuple(known)) if len(known) == len(coarse_terms) else None

    def with_charges_scaled(self, share: float) -> JointTerms:
        """The same terms with the couplings by charge multiplied by ``share``."""
        return JointTerms(
            tuple(replace(term, factor=term.factor * share) if isinstance(term, JointCoupling) else term for term in self.terms)
        )

    def repulsion_by_pairs(self, species: str, grid: Grid) -> float:
        """The largest factor by which the fields of pair interactions on a species answer a change of its density.

        The change keeps the mass. The factor is an eigenvalue of the convolutions, found by the power method up to a few per
        cent; 0 if they attract more than they repel.
        """
        terms = [term for term in self.terms if isinstance(term, JointPair) and term.pair.is_self and species in term.involves]
        change = np.random.default_rng(0).standard_normal(grid.shape)
        largest = 0.0
        for _ in range(_POWERS if terms else 0):
            change -= change.mean()
            change /= np.sqrt((change**2).sum())
            answer = sum((term.factor * grid.convolve(term.pair.kernel, change) for term in terms), np.zeros(grid.shape))
            largest = float((answer * change).sum())
            change = answer
        return max(largest, 0.0)

    @cached_property
    def couplings(self) -> tuple[JointCoupling, ...]:
        """The couplings by charge."""
        return tuple(term for term in self.terms if isinstance(term, JointCoupling))

    @property
    def repulsion(self) -> JointCoupling | None:
        """The first coupling by charge that repels, which has a factor > 0; None if there is none."""
        return next((term for term in self.couplings if term.factor > 0), None)


def halved(values: Array) -> Array:
    """The averages over pairs of neighbours along every axis: cell averages on cells twice as wide."""
    for axis in range(values.ndim):
        v = np.moveaxis(values, axis, 0)
        values = np.moveaxis(0.5 * (v[::2] + v[1::2]), 0, axis)
    return np.ascontiguousarray(values)
