"""Laws and energies, and the algebra of their sums and multiples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from .._typing import Array
from .._validate import finite
from ..measures import UNNAMED, Measure, Species
from .forms import Form, General
from .reading import LawForms
from .symmetry import symmetrizing_mobilities

State: TypeAlias = "Measure | Species"


class Law(ABC):
    """What drives a flow: a sum of energies and of drifts that come from no energy."""

    @property
    @abstractmethod
    def involves(self) -> tuple[str, ...]:
        """The names of the species that the law speaks of; the unnamed one is ``""``."""

    @property
    @abstractmethod
    def terms(self) -> tuple[tuple[float, Term], ...]:
        """The law as a linear combination of terms: pairs (coefficient, term)."""

    @cached_property
    def forms(self) -> LawForms:
        """The terms by their forms: read once, at the first call."""
        return LawForms.of(self.terms)

    @property
    def has_energy(self) -> bool:
        """Whether every term is one of an energy."""
        return self.forms.has_energy

    def symmetrizable(self) -> Mapping[str, float] | None:
        """The mobilities alpha with which the law is the gradient flow of an energy (see ``gradient_form``); None without any.

        They make K_ba = (alpha_b / alpha_a) K_ab, where species a moves with -grad K_ab * rho_b; found from the kernels
        themselves, 1 for the first species (Di Francesco and Fagioli 2013, (5)). JKO accepts such a
        law.

        >>> from jkoflow import Drift, Morse
        >>> (Drift(Morse(1.0), moves="x", by="y") + Drift(Morse(2.5), moves="y", by="x")).symmetrizable()
        {'x': 1.0, 'y': 2.5}
        >>> (Drift(Morse(), moves="x", by="y") - Drift(Morse(), moves="y", by="x")).symmetrizable() is None
        True
        """
        return symmetrizing_mobilities(self.involves, self.forms.motions, self.forms.tied)

    @abstractmethod
    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        """The relative law E[. | state]: every cross term has become a Potential made from ``state``.

        With ``self_terms=True`` the interactions of a species with itself are frozen as well. Afterwards the species
        decouple.
        """

    def check(self, state: State) -> Species:
        """The state as Species, once it is known to hold every species that the law names.

        Raises ValueError in words otherwise.
        """
        held = Species.of(state)
        for name in self.involves:
            if name in held:
                continue
            said = "names no species" if name == UNNAMED else f"speaks of species {name!r}"
            has = "one unnamed species" if held.bare else "species " + ", ".join(map(repr, held))
            way_out = (
                "give every term a species, as in Entropy('u')"
                if name == UNNAMED
                else f"pass Species({name}=...) or leave the name out of the law"
            )
            raise ValueError(f"law {self!r} {said}, and the state has {has}: {way_out}")
        return held

    def __call__(self, state: State) -> float:
        """The value of the energy, which may be +inf."""
        raise ValueError(f"{self!r} has no energy: it drives the flow through a drift alone")

    def first_variation(self, state: State, species: str = UNNAMED) -> Array:
        """dE / d rho per unit mass at the measure's points: the limit of (E(rho + s eta) - E(rho)) / s is its integral
        against eta. An array over the grid for a Density; zero where the energy does not involve the species.
        """
        raise ValueError(f"{self!r} has no first variation: it drives the flow through a drift alone")

    def __add__(self, other: object) -> Law:
        if not isinstance(other, Law):
            return NotImplemented
        return Combination(self.terms + other.terms)

    def __radd__(self, other: object) -> Law:
        if other == 0:  # so that sum([...]) works
            return self
        return NotImplemented

    def __sub__(self, other: object) -> Law:
        if not isinstance(other, Law):
            return NotImplemented
        return self + (-1.0) * other

    def __neg__(self) -> Law:
        return (-1.0) * self

    def __mul__(self, factor: float) -> Law:
        number = finite("factor of a law", factor)
        return Combination(tuple((number * c, term) for c, term in self.terms))

    __rmul__ = __mul__

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled and copied: the law without its reading, which is made again where it is asked for."""
        return {name: value for name, value in self.__dict__.items() if name != "forms"}


class Term(Law):
    """One term of a law. It tells its ``form``, by which everything else works with it."""

    @property
    @abstractmethod
    def form(self) -> Form:
        """What the term is to solvers, schemes and diagnostics (see ``laws.forms``)."""

    @property
    def terms(self) -> tuple[tuple[float, Term], ...]:
        return ((1.0, self),)


class Energy(Term):
    """A term that is the gradient flow of an energy. A new one defines ``involves``, ``value`` and ``variation``.

    It is then known by value and first variation. One that is more than that tells its ``form``, or subclasses
    ``InternalEnergy``, ``PairEnergy``, ``Congestion`` or ``Obstacle``.
    """

    @property
    def form(self) -> Form:
        return General(self)

    @abstractmethod
    def value(self, state: Species) -> float:
        """E(state)."""

    @abstractmethod
    def variation(self, state: Species, species: str) -> Array:
        """The first variation in one of the species that the energy involves."""

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        if len(self.involves) > 1:
            raise ValueError(f"{self!r} must define frozen_at, which tells it at a state, or subclass PairEnergy, which does")
        return self

    def __call__(self, state: State) -> float:
        return self.value(self.check(state))

    def first_variation(self, state: State, species: str = UNNAMED) -> Array:
        held = self.check(state)
        measure = known_species(held, species)
        if species not in self.involves:
            return measure.zero_field
        return self.variation(held, species)


class SpeciesEnergy(Energy):
    """An energy of a single species, kept in the field ``species``."""

    species: str

    @property
    def involves(self) -> tuple[str, ...]:
        return (self.species,)


@dataclass(frozen=True)
class Combination(Law):
    """A linear combination of laws, kept flat: ``a * (E + 2 * F)`` holds the terms (a, E) and (2 a, F).

    Equal terms are gathered, and a term whose coefficients cancel stays with the coefficient 0.

    >>> from jkoflow import Entropy, RenyiEntropy
    >>> 2 * (Entropy() + 3 * RenyiEntropy(2)) + Entropy()
    3 * Entropy() + 6 * RenyiEntropy(2)
    """

    parts: tuple[tuple[float, Term], ...]

    def __post_init__(self) -> None:
        gathered: list[tuple[float, Term]] = []
        for c, term in self.parts:
            place = next((k for k, (_, known) in enumerate(gathered) if known == term), None)
            if place is None:
                gathered.append((c, term))
            else:
                gathered[place] = (gathered[place][0] + c, term)
        object.__setattr__(self, "parts", tuple(gathered))

    @property
    def terms(self) -> tuple[tuple[float, Term], ...]:
        return self.parts

    @property
    def involves(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for _, term in self.parts for name in term.involves))

    def check(self, state: State) -> Species:
        held = super().check(state)
        for _, term in self.parts:
            term.check(held)
        return held

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        self.check(state)
        frozen = [(c, term.frozen_at(state, self_terms=self_terms)) for c, term in self.parts]
        return Combination(tuple((c * inner, part) for c, term in frozen for inner, part in term.terms))

    def __call__(self, state: State) -> float:
        self._must_have_energy()
        held = self.check(state)
        return float(sum(c * term(held) for c, term in self.parts if c != 0))

    def first_variation(self, state: State, species: str = UNNAMED) -> Array:
        self._must_have_energy()
        held = self.check(state)
        zero = known_species(held, species).zero_field
        return sum((c * term.first_variation(held, species) for c, term in self.parts if c != 0), zero)

    def _must_have_energy(self) -> None:
        for entry in self.forms.entries:
            if not entry.form.has_energy:
                raise ValueError(
                    f"{entry.term!r} has no energy, so neither has its sum with others: "
                    "evolve it with SemiImplicitJKO, which freezes it in every step"
                )

    def __repr__(self) -> str:
        if not self.parts:
            return "0"
        return " + ".join(f"{term!r}" if c == 1 else f"{c:g} * {term!r}" for c, term in self.parts)


def known_species(state: Species, species: str) -> Measure:
    """The measure of a species; ValueError for a name that the state lacks."""
    if species not in state:
        raise ValueError(f"species must be one of {', '.join(map(repr, state))}, got {species!r}")
    return state[species]


def short_repr(name: str, species: str, *arguments: Any) -> str:
    """``Name(arguments, 'species')`` with the unnamed species left out."""
    shown = [a if isinstance(a, str) else repr(a) for a in arguments] + ([repr(species)] if species != UNNAMED else [])
    return f"{name}({', '.join(shown)})"


def restricted_to(law: Law, species: str) -> Law:
    """The terms of a decoupled law that involve one species; ValueError if a term couples it to another."""
    kept = []
    for c, term in law.terms:
        if species in term.involves:
            if len(term.involves) > 1:
                raise ValueError(f"{term!r} couples species {term.involves}: freeze it first")
            kept.append((c, term))
    return Combination(tuple(kept))
