"""Laws and energies, and the algebra of their sums and multiples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from .._frozen import ReadOnly
from .._typing import Array
from .._validate import finite, species_name
from ..measures import UNNAMED, Measure, Species
from ..measures import State as WithFields
from .forms import Form, General
from .reading import LawForms
from .symmetry import symmetrizing_mobilities

State: TypeAlias = "Measure | Species"


class Law(ReadOnly, ABC):
    """A law drives a flow. It is a sum of energies and of drifts; a drift comes from no energy.

    >>> import jkoflow as jf
    >>> law = 0.5 * jf.Entropy() + jf.Potential(lambda x: x**2)
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + 0 * x)
    >>> round(law(rho), 3), law.has_energy
    (0.333, True)
    """

    @property
    @abstractmethod
    def involves(self) -> tuple[str, ...]:
        """The names of the species in the law. The name of the unnamed species is ``""``."""

    @property
    @abstractmethod
    def terms(self) -> tuple[tuple[float, Term], ...]:
        """The law as a linear combination of terms: pairs (coefficient, term)."""

    @cached_property
    def forms(self) -> LawForms:
        """The terms, sorted by their forms. They are sorted once, at the first call."""
        return LawForms.of(self.terms)

    @property
    def depends_on_time(self) -> bool:
        """True if the law is another one at every time. Then ``at(time)`` returns the law of one instant."""
        return False

    def at(self, time: float) -> Law:
        """Return the law of one instant: the law itself if it does not depend on time."""
        return self

    @property
    def has_energy(self) -> bool:
        """True if every term is an energy."""
        return self.forms.has_energy

    def symmetrizable(self) -> Mapping[str, float] | None:
        """Return the mobilities alpha with which the law is the gradient flow of an energy; None if there are none.

        The mobilities satisfy K_ba = (alpha_b / alpha_a) K_ab, where species a moves with -grad K_ab * rho_b (Di Francesco
        and Fagioli 2013, (5)). They are computed from the kernels. The mobility of the first species is 1.

        Fields count too: a field that a species secretes with the rate sigma, and that steers it with eta, has the mobility
        alpha sigma / eta. The profile must be the same for all species. ``evolve`` takes the mobilities of the species alone:
        those of fields follow from the law.

        If there are mobilities, ``gradient_form`` returns the energy, and JKO accepts the law.

        >>> from jkoflow import Drift, Morse
        >>> (Drift(Morse(1.0), moves="x", by="y") + Drift(Morse(2.5), moves="y", by="x")).symmetrizable()
        {'x': 1.0, 'y': 2.5}
        >>> (Drift(Morse(), moves="x", by="y") - Drift(Morse(), moves="y", by="x")).symmetrizable() is None
        True
        """
        forms, signals = self.forms, self.forms.signals
        return symmetrizing_mobilities(
            (*self.involves, *signals.names), forms.motions, forms.coupled_without_kernel, signals.ratios
        )

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of the fields in the law."""
        return self.forms.signals.names

    @property
    def without_fields(self) -> Law:
        """The terms of the masses alone."""
        if not self.field_names:
            return self
        return Combination(tuple((entry.factor, entry.term) for entry in self.forms.entries if not entry.form.is_signal))

    def outer_on(self, kind: type[Measure]) -> Law | None:
        """The terms that ``Splitting`` takes, and step solvers do not see, on a kind of measure; None if there are none.

        They are Advection, Growth, and on particles Exit.
        """
        return self._sorted_on(kind)[0]

    def inner_on(self, kind: type[Measure]) -> Law:
        """The other terms."""
        return self._sorted_on(kind)[1]

    def _sorted_on(self, kind: type[Measure]) -> tuple[Law | None, Law]:
        def sort() -> tuple[Law | None, Law]:
            terms = [(entry.form.is_outer_on(kind), (entry.factor, entry.term)) for entry in self.forms.entries]
            outer = tuple(term for is_outer, term in terms if is_outer)
            if not outer:
                return None, self
            return Combination(outer), Combination(tuple(term for is_outer, term in terms if not is_outer))

        return self.forms.once(("outer", kind), sort)

    @abstractmethod
    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        """Return the relative law E[. | state]: every cross term is replaced by Potentials made from ``state``.

        With ``self_terms=True`` the interactions of a species with itself are replaced as well. The species of the relative
        law are decoupled.
        """

    def check(self, state: State) -> Species:
        """Return the state as Species.

        Raises ValueError if the state lacks a species that the law names. The message says what to change.
        """
        checked_state = Species.of(state)
        for name in self.involves:
            if name in checked_state:
                continue
            law_names = "names no species" if name == UNNAMED else f"speaks of species {name!r}"
            state_names = "one unnamed species" if checked_state.bare else "species " + ", ".join(map(repr, checked_state))
            remedy = (
                "give every term a species, as in Entropy('u')"
                if name == UNNAMED
                else f"pass Species({name}=...) or leave the name out of the law"
            )
            raise ValueError(f"law {self!r} {law_names}, and the state has {state_names}: {remedy}")
        return checked_state

    def __call__(self, state: State) -> float:
        """Return the value of the energy, which may be +inf. Raises ValueError for a law without an energy."""
        raise ValueError(f"{self!r} has no energy: it drives the flow through a drift alone")

    def first_variation(self, state: State, species: str = UNNAMED) -> Array:
        """Return the first variation dE / d rho of one species, per unit mass, at the points of its measure.

        It is defined by: for every change eta of rho, its integral against eta is the limit of (E(rho + s eta) - E(rho)) / s
        as s tends to 0. For a Density it is an array over the grid. It is zero if the energy does not involve the species.

        Raises ValueError for a law without an energy, and for a species that the state lacks.
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
        """Return what is pickled and copied: all attributes but those that are sorted again at the next call."""
        return {name: value for name, value in self.__dict__.items() if name != "forms"}


class Term(Law):
    """One term of a law. Solvers, schemes and diagnostics use a term through its ``form``."""

    @property
    @abstractmethod
    def form(self) -> Form:
        """The form of the term (see ``laws.forms``)."""

    @property
    def terms(self) -> tuple[tuple[float, Term], ...]:
        return ((1.0, self),)


class Energy(Term):
    """A term that is an energy: its flow is a gradient flow.

    A subclass defines ``involves``, ``value`` and ``variation``. An energy of several species defines ``frozen_at`` too.
    Solvers then know the energy by its value and first variation only. They can do more with it if the subclass also defines
    ``form``, or extends ``InternalEnergy``, ``PairEnergy``, ``Congestion`` or ``Obstacle``.

    >>> import jkoflow as jf
    >>> class Tilt(Energy):
    ...     involves = ("",)
    ...
    ...     def value(self, state):
    ...         return float(state[""].mean)
    ...
    ...     def variation(self, state, species):
    ...         return state[""].points
    >>> rho = jf.Grid.box((0, 1), cells=32).density(lambda x: 1 + x)
    >>> round(Tilt()(rho), 3), jf.evolve(Tilt() + 0.1 * jf.Entropy(), rho, dt=0.1, t_end=0.1).ok
    (0.556, True)
    """

    @property
    def form(self) -> Form:
        return General(self)

    @abstractmethod
    def value(self, state: Species) -> float:
        """Return E(state)."""

    @abstractmethod
    def variation(self, state: Species, species: str) -> Array:
        """Return the first variation in ``species``, one of the species that the energy involves."""

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        if len(self.involves) > 1:
            raise ValueError(f"{self!r} must define frozen_at, which tells it at a state, or subclass PairEnergy, which does")
        return self

    def __call__(self, state: State) -> float:
        return self.value(self.check(state))

    def first_variation(self, state: State, species: str = UNNAMED) -> Array:
        checked_state = self.check(state)
        measure = known_species(checked_state, species)
        if species not in self.involves:
            return measure.zero_field
        return self.variation(checked_state, species)


class SpeciesEnergy(Energy):
    """An energy of a single species. The attribute ``species`` is its name, by default that of a bare measure."""

    species: str = UNNAMED

    def __post_init__(self) -> None:
        species_name("species", self.species)

    @property
    def involves(self) -> tuple[str, ...]:
        return (self.species,)


@dataclass(frozen=True)
class Combination(Law):
    """A linear combination of laws, kept flat: ``a * (E + 2 * F)`` holds the terms (a, E) and (2 a, F).

    The coefficients of equal terms are added. A term whose coefficients cancel stays, with the coefficient 0.

    >>> from jkoflow import Entropy, RenyiEntropy
    >>> 2 * (Entropy() + 3 * RenyiEntropy(2)) + Entropy()
    3 * Entropy() + 6 * RenyiEntropy(2)
    """

    parts: tuple[tuple[float, Term], ...]

    def __post_init__(self) -> None:
        gathered: list[tuple[float, Term]] = []
        for c, term in self.parts:
            index = next((k for k, (_, known) in enumerate(gathered) if known == term), None)
            if index is None:
                gathered.append((c, term))
            else:
                gathered[index] = (gathered[index][0] + c, term)
        object.__setattr__(self, "parts", tuple(gathered))

    @property
    def terms(self) -> tuple[tuple[float, Term], ...]:
        return self.parts

    @property
    def involves(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for _, term in self.parts for name in term.involves))

    @cached_property
    def depends_on_time(self) -> bool:
        return any(term.depends_on_time for _, term in self.parts)

    def at(self, time: float) -> Law:
        if not self.depends_on_time:
            return self
        instant = [(c, term.at(time)) for c, term in self.parts]
        return Combination(tuple((c * inner, part) for c, law in instant for inner, part in law.terms))

    def check(self, state: State) -> Species:
        checked_state = super().check(state)
        for _, term in self.parts:
            term.check(checked_state)
        return checked_state

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        self.check(state)
        frozen = [(c, term.frozen_at(state, self_terms=self_terms)) for c, term in self.parts]
        return Combination(tuple((c * inner, part) for c, term in frozen for inner, part in term.terms))

    def __call__(self, state: State) -> float:
        self._must_have_energy()
        if self.field_names:
            whole = WithFields.of(state)
            self.forms.signals.must_fit(whole.fields, whole.masses)
            return self.without_fields(whole.masses) + self.forms.signals.energy(whole.fields, whole.masses)
        checked_state = self.check(state)
        return float(sum(c * term(checked_state) for c, term in self.parts if c != 0))

    def first_variation(self, state: State, species: str = UNNAMED) -> Array:
        self._must_have_energy()
        if self.field_names:
            whole = WithFields.of(state)
            self.forms.signals.must_fit(whole.fields, whole.masses)
            of_masses = self.without_fields.first_variation(whole.masses, species)
            return of_masses + self.forms.signals.variation(whole.fields, whole.masses, species)
        checked_state = self.check(state)
        zero = known_species(checked_state, species).zero_field
        return sum((c * term.first_variation(checked_state, species) for c, term in self.parts if c != 0), zero)

    def _must_have_energy(self) -> None:
        if not self.forms.signals.have_energy:
            raise ValueError(
                f"{self!r} has no energy: a species must secrete a field and follow it in a positive ratio, with one profile "
                "for all species. Alternating takes the law, and the schemes of particles"
            )
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
    """Return the measure of a species. Raises ValueError for a name that the state lacks."""
    if species not in state:
        raise ValueError(f"species must be one of {', '.join(map(repr, state))}, got {species!r}")
    return state[species]


def short_repr(name: str, species: Any, *arguments: Any) -> str:
    """Return ``Name(arguments, 'species')``. The unnamed species is left out."""
    shown = [a if isinstance(a, str) else "..." if np.ndim(a) else repr(a) for a in arguments] + (
        [repr(species)] if species != UNNAMED else []
    )
    return f"{name}({', '.join(shown)})"


def restricted_to(law: Law, species: str) -> Law:
    """Return the terms of a law that involve one species. Raises ValueError if such a term involves another one too."""
    kept = []
    for c, term in law.terms:
        if species in term.involves:
            if len(term.involves) > 1:
                raise ValueError(f"{term!r} couples species {term.involves}: freeze it first")
            kept.append((c, term))
    return Combination(tuple(kept))
