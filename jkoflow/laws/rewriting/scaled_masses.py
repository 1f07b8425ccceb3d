"""The same flow, with mass 1 in every species."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch
from typing import Any, NamedTuple

from ..._validate import of_kind
from ...measures import Density, Measure, Particles, Quantiles, Species
from ..base import Combination, Law, State, Term
from ..forms import External, Internal, OneWay, Pair
from ..internal import Entropy, RenyiEntropy
from ..pairs import Drift
from ..reading import Entry


class UnitMasses(NamedTuple):
    """A law and a state with unit masses. Their time t and the time tau of the given law satisfy t = rate tau.

    >>> import jkoflow as jf
    >>> state = jf.Species(a=jf.Quantiles([0.0, 1.0], masses=[2.0]), b=jf.Quantiles([0.0, 1.0]))
    >>> law = jf.CrossInteraction(jf.Quadratic(), between=("a", "b"))
    >>> scaled = jf.unit_masses(law, state)
    >>> isinstance(scaled, UnitMasses), [measure.mass for measure in scaled.state.values()]
    (True, [1.0, 1.0])
    """

    law: Law
    state: Species
    rate: float


def unit_masses(law: Law, state: State) -> UnitMasses:
    """Return the law and the state with every species divided by its mass M_a.

    The new time is t = M tau, where tau is the time of the given law and M the mass of the last species. The terms change as
    follows:

    | term | becomes |
    |---|---|
    | kernel K_ab, through which b moves a | M_b K_ab / M |
    | kernel H_a of a with itself | M_a H_a / M |
    | potential, entropy | divided by M |
    | RenyiEntropy(m) of a | multiplied by M_a^(m - 1) / M |
    | CrossInteraction | two drifts, which ``symmetrizable`` joins again |

    For two species with G_21 = beta G_12 the mobility is alpha = beta M_1 / M_2 (Di Francesco and Fagioli 2013, Remark 3.1).

    Raises ValueError for terms of other kinds, and for a species without mass.

    >>> from jkoflow import Quadratic
    >>> state = Species(x=Particles([0.0], [3.0]), y=Particles([1.0], [2.0]))
    >>> law = Drift(Quadratic(), moves="x", by="y") + Drift(4 * Quadratic(), moves="y", by="x")
    >>> unit = unit_masses(law, state)
    >>> unit.law.symmetrizable(), unit.rate                                    # alpha = 4 * 3 / 2
    ({'x': 1.0, 'y': 6.0}, 2.0)
    """
    checked_state = of_kind("law", law, Law, "an energy, a drift or a sum of them").check(state)
    masses = {name: measure.mass for name, measure in checked_state.items()}
    for name, mass in masses.items():
        if not mass > 0:
            raise ValueError(f"species {name!r} must hold mass, got a total of {mass:g}")
    rate = masses[list(checked_state)[-1]]
    law.forms.require((Internal, External, Pair, OneWay), "unit_masses")
    parts = [(entry.factor / rate * factor, term) for entry in law.forms.entries for factor, term in _divided(entry, masses)]
    return UnitMasses(
        Combination(tuple(parts)), Species({name: _with_unit_mass(measure) for name, measure in checked_state.items()}), rate
    )


def _divided(entry: Entry[Any], masses: dict[str, float]) -> list[tuple[float, Term]]:
    """Return the terms, with their factors, that replace a term when all species are divided by their masses."""
    match entry.form:
        case Internal(species=name, others=()) as form:
            entropy: list[tuple[float, Term]] = [(form.entropy, Entropy(name))] if form.entropy else []
            return entropy + [(c * masses[name] ** (m - 1), RenyiEntropy(m, name)) for c, m in form.powers]
        case Internal():
            raise ValueError(f"{entry.term!r} has no known form for unit masses: sums of entropies and powers have")
        case Pair(is_self=True) as form:
            return [(masses[form.a], entry.term)]
        case Pair() | OneWay() as form:
            return [(masses[b], Drift(kernel, moves=a, by=b)) for a, b, kernel in form.motions]
    return [(1.0, entry.term)]


@singledispatch
def _with_unit_mass(measure: Measure) -> Any:
    """Return the measure divided by its mass."""
    raise ValueError(f"state must be of Density, Quantiles or Particles, got {type(measure).__name__}")


@_with_unit_mass.register
def _(measure: Density) -> Density:
    return measure.like(measure.values / measure.mass)


@_with_unit_mass.register(Quantiles)
@_with_unit_mass.register(Particles)
def _(measure: Quantiles | Particles) -> Quantiles | Particles:
    return replace(measure, masses=measure.masses / measure.mass)
