"""The energy of one species on a grid, term by term: what the solvers that know its local part have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import singledispatch

import numpy as np

from ..._typing import Array, Mask
from ...laws import (
    Congestion,
    CrossInteraction,
    DirichletCoupling,
    Entropy,
    Functional,
    Interaction,
    InternalEnergy,
    Law,
    Obstacle,
    Potential,
    RenyiEntropy,
    charge_density,
    psi_of_charge,
)
from ...measures import Species
from ..base import ProximalStep


@dataclass(kw_only=True)
class LocalEnergy:
    """The terms of the energy of one species,  int U(rho) + V rho dx  with  rho <= cap,  none where forbidden, and the rest.

        U(s) = entropy s log s + sum_k c_k s^m_k / (m_k - 1) + sum_k c_k U_k(s).

    ``moving`` are the terms whose first variation depends on more than the density at a place.
    """

    potential: Array
    forbidden: Mask
    entropy: float = 0.0
    powers: list[tuple[float, float]] = field(default_factory=list)  # (coefficient, m)
    others: list[tuple[float, InternalEnergy]] = field(default_factory=list)
    moving: list[tuple[float, Law]] = field(default_factory=list)
    cap: float = np.inf

    def derivative(self, rho: Array) -> Array:
        """U'(rho); -inf at 0 where the slope there is infinite."""
        with np.errstate(divide="ignore"):
            total = self.entropy * (np.log(rho) + 1) if self.entropy else np.zeros_like(rho)
            for c, m in self.powers:
                total = total + c * m / (m - 1) * rho ** (m - 1)
            for c, term in self.others:
                total = total + c * term.derivative(rho)
        return total

    def curvature(self, rho: Array) -> Array:
        """U''(rho), by central differences where only U' is known."""
        total = self.entropy / rho
        for c, m in self.powers:
            total = total + c * m * rho ** (m - 2)
        for c, term in self.others:
            step = 1e-6 * rho
            total = total + c * (term.derivative(rho + step) - term.derivative(rho - step)) / (2 * step)
        return total

    def outside(self, name: str, state: Species, without: Law | None = None) -> Array:
        """V and the moving terms' first variation in the species, at a state; one of them may be left out."""
        fields = (c * moving_field(term, name, state) for c, term in self.moving if term is not without)
        return sum(fields, self.potential)


@singledispatch
def moving_field(term: Law, name: str, state: Species) -> Array:
    """The first variation of a moving term in a species."""
    return term.first_variation(state, name)


@moving_field.register
def _(term: DirichletCoupling, name: str, state: Species) -> Array:
    """z psi; on the way to the answer the charge need not add up to 0, and what psi cannot answer is left out."""
    return term.charges[name] * psi_of_charge(term, state.grid, charge_density(term, state))


def enter_all(found: Mapping[str, LocalEnergy], step: ProximalStep, spare: float) -> None:
    """Enter every term of the energy of a step. ``spare`` is the share of the mass that a bound has to leave free besides.

    Raises ValueError for a term that is not known, a negative coefficient where convexity is lost, or a bound that the mass
    does not fit under.
    """
    for c, term in step.energy.terms:
        if c != 0:
            enter(term, c, found, step)
    for name, local in found.items():
        label = f" of species {name!r}" if name else ""
        if local.entropy < 0:
            raise ValueError(f"the entropies{label} must add up to a coefficient >= 0, got {local.entropy}")
        room = local.cap * step.grid.cell_volume * float(np.sum(~local.forbidden))
        if room < step.anchor[name].mass * (1 + spare):
            raise ValueError(
                f"bound of Congestion must leave room for the mass {step.anchor[name].mass:.6g}{label}, got {room:.6g}"
            )


@singledispatch
def enter(term: Law, c: float, found: Mapping[str, LocalEnergy], step: ProximalStep) -> None:
    """Enter c times a term of the energy. Register your own energies here, for BackAndForth and Entropic both."""
    raise ValueError(
        f"a step on a grid does not accept {term!r}: write it as a CustomInternalEnergy or a Functional, or register it, for "
        f"BackAndForth and Entropic, with jkoflow.proximal.back_and_forth.enter.register({type(term).__name__})"
    )


@enter.register
def _(term: Entropy, c: float, found: Mapping[str, LocalEnergy], step: ProximalStep) -> None:
    found[term.species].entropy += c


@enter.register
def _(term: RenyiEntropy, c: float, found: Mapping[str, LocalEnergy], step: ProximalStep) -> None:
    found[term.species].powers.append((_non_negative(term, c), term.m))


@enter.register
def _(term: InternalEnergy, c: float, found: Mapping[str, LocalEnergy], step: ProximalStep) -> None:
    found[term.species].others.append((_non_negative(term, c), term))


@enter.register
def _(term: Congestion, c: float, found: Mapping[str, LocalEnergy], step: ProximalStep) -> None:
    _non_negative(term, c)
    found[term.species].cap = min(found[term.species].cap, term.bound)


@enter.register
def _(term: Obstacle, c: float, found: Mapping[str, LocalEnergy], step: ProximalStep) -> None:
    _non_negative(term, c)
    found[term.species].forbidden = found[term.species].forbidden | term.mask(step.grid)


@enter.register
def _(term: Potential, c: float, found: Mapping[str, LocalEnergy], step: ProximalStep) -> None:
    local = found[term.species]
    local.potential = local.potential + c * term.first_variation(step.anchor, term.species)


@enter.register(Interaction)
@enter.register(CrossInteraction)
@enter.register(Functional)
def _(
    term: Interaction | CrossInteraction | Functional | DirichletCoupling,
    c: float,
    found: Mapping[str, LocalEnergy],
    step: ProximalStep,
) -> None:
    for name in term.involves:
        found[name].moving.append((c, term))


@enter.register
def _(term: DirichletCoupling, c: float, found: Mapping[str, LocalEnergy], step: ProximalStep) -> None:
    on_grid = term.on(step.grid)  # sampled once
    for name in term.involves:
        found[name].moving.append((c, on_grid))


def _non_negative(term: Law, c: float) -> float:
    if c < 0:
        raise ValueError(f"the coefficient of {term!r} must be >= 0, got {c:g}: the step would not be convex")
    return c
