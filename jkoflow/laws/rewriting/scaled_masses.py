"""The same flow with every species of mass 1."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from typing import Any, NamedTuple

from ...measures import Density, Measure, Particles, Quantiles, Species
from ..base import Combination, Law, State, Term
from ..drift import Drift
from ..entropy import Entropy
from ..forms import External, Internal, OneWay, Pair
from ..reading import Entry
from ..renyi import RenyiEntropy


class UnitMasses(NamedTuple):
    """A law and a state with unit masses, whose time runs ``rate`` times as fast: t = rate tau."""

    law: Law
    state: Species
    rate: float


def unit_masses(law: Law, state: State) -> UnitMasses:
    """The law and the state with every species divided by its mass M_a, in the time t = M tau, M the mass of the last species.

    Species a is moved by b through M_b K_ab / M, by itself through M_a H_a / M; potentials and entropies are divided by M,
    RenyiEntropy(m) gets the factor M_a^(m - 1) / M. A CrossInteraction becomes two drifts, which ``symmetrizable`` joins again:
    with two species and G_21 = beta G_12, alpha = beta M_1 / M_2 (Di Francesco and Fagioli 2013, Remark 3.1).

    Raises ValueError for terms of other kinds, and for a species without mass.

    >>> from jkoflow import Quadratic
    >>> state = Species(x=Particles([0.0], [3.0]), y=Particles([1.0], [2.0]))
    >>> law = Drift(Quadratic(), moves="x", by="y") + Drift(4 * Quadratic(), moves="y", by="x")
    >>> unit = unit_masses(law, state)
    >>> unit.law.symmetrizable(), unit.rate                                    # alpha = 4 * 3 / 2
    ({'x': 1.0, 'y': 6.0}, 2.0)
    """
    held = law.check(state)
    masses = {name: measure.mass for name, measure in held.items()}
    for name, mass in masses.items():
        if not mass > 0:
            raise ValueError(f"species {name!r} must hold mass, got a total of {mass:g}")
    rate = masses[list(held)[-1]]
    law.forms.require((Internal, External, Pair, OneWay), "unit_masses")
    parts = [(entry.factor / rate * factor, term) for entry in law.forms.entries for factor, term in _divided(entry, masses)]
    return UnitMasses(Combination(tuple(parts)), Species({name: _unit(m) for name, m in held.items()}), rate)


def _divided(entry: Entry[Any], masses: dict[str, float]) -> list[tuple[float, Term]]:
    """The terms, with their factors, that stand for a term when all species have been divided by their masses."""
    match entry.form:
        case Internal(species=name, others=()) as form:
            entropy: list[tuple[float, Term]] = [(form.entropy, Entropy(name))] if form.entropy else []
            return entropy + [(c * masses[name] ** (m - 1), RenyiEntropy(m, name)) for c, m in form.powers]
        case Internal():
            raise ValueError(f"{entry.term!r} has no known form for unit masses: sums of entropies and powers have")
        case Pair(alone=True) as form:
            return [(masses[form.a], entry.term)]
        case Pair() | OneWay() as form:
            return [(masses[b], Drift(kernel, moves=a, by=b)) for a, b, kernel in form.motions]
    return [(1.0, entry.term)]


@singledispatch
def _unit(measure: Measure) -> Any:
    raise ValueError(f"state must be of Density, Quantiles or Particles, got {type(measure).__name__}")


@_unit.register
def _(measure: Density) -> Density:
    return measure.like(measure.values / measure.mass)


@_unit.register(Quantiles)
@_unit.register(Particles)
def _(measure: Quantiles | Particles) -> Quantiles | Particles:
    return replace(measure, masses=measure.masses / measure.mass)
