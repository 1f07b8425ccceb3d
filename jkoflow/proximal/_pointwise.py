"""What the entropic step needs of an energy: one scalar equation per cell and species."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import singledispatch

import numpy as np

from .._typing import Array
from ..energies import (
    Congestion,
    CrossInteraction,
    Entropy,
    Functional,
    Interaction,
    InternalEnergy,
    Law,
    Potential,
    RenyiEntropy,
)
from ..measures import Species
from ._power_equation import monotone_equation, power_equation
from .base import ProximalStep


@dataclass
class PointwiseStep:
    """The equation of one species.

    With l = log rho,

        theta (l - log q) + entropy (l + 1) + sum_k c_k U_k'(e^l) + fixed + moving = blur l_now,      e^l <= cap,

    where q are the scaled kernel sums per unit volume and theta = epsilon / (2 tau alpha). blur is theta / 2 when the entropic
    bias is taken out, else 0; its term is taken at the plan's present density l_now, which halves the step where nothing
    else holds the density (in vacuum) and keeps the iteration from flipping sign there.
    """

    theta: float
    blur: float
    log_volume: float
    fixed: Array
    entropy: float = 0.0
    powers: list[tuple[float, float]] = field(default_factory=list)  # (coefficient, m)
    others: list[tuple[float, InternalEnergy]] = field(default_factory=list)
    moving: list[tuple[float, Law]] = field(default_factory=list)
    cap: float = np.inf
    log_total: float = 0.0
    name: str = ""

    def log_masses(self, log_q: Array, log_marginal: Array, state: Species) -> Array:
        """log of the mass in every cell, for the scaled kernel sums log_q; moving fields are taken at ``state``."""
        right = self.theta * (log_q - self.log_volume) + self.blur * (log_marginal - self.log_volume) - self.fixed
        for c, term in self.moving:
            right = right - c * term.first_variation(state, self.name)
        slope = self.theta + self.entropy
        log_density = self._solve(slope, right - self.entropy)
        if np.isinf(self.cap):
            return log_density + self.log_volume
        if self.powers or self.others:  # a scale would change their equation by more than a constant
            return np.minimum(log_density, np.log(self.cap)) + self.log_volume
        return _filled(log_density, np.log(self.cap), self.log_total) + self.log_volume

    def _solve(self, slope: float, right: Array) -> Array:
        if not self.powers and not self.others:
            return right / slope
        if len(self.powers) == 1 and not self.others:
            return power_equation(slope, *self.powers[0], right)
        return monotone_equation(slope, self.powers, self.others, right)

    def guess(self, anchor: Species) -> Array:
        """log b for the first iteration, from the first variation at the anchor; vacuum counts as a trace of mass."""
        density = anchor[self.name]
        trace = np.maximum(density.values, 1e-8 * density.values.max())
        level = self.fixed + sum(
            (c * term.first_variation(anchor, self.name) for c, term in self.moving), np.zeros_like(self.fixed)
        )
        level = level + (self.entropy - self.blur) * np.log(trace)
        for c, m in self.powers:
            level = level + c * m / (m - 1) * trace ** (m - 1)
        for c, term in self.others:
            level = level + c * term.derivative(trace)
        return (level.min() - level) / self.theta


def _filled(log_density: Array, log_cap: float, log_total: float) -> Array:
    """log min(s rho, cap) with the scale s that gives the total, found by sorting in O(n log n).

    Under a bound the multipliers are loose by a constant where the whole support is full. A scale adds a constant to the
    first variation of an entropy or a potential, which the step does not see.
    """
    falling = np.sort(log_density.ravel())[::-1]
    log_tails = np.logaddexp.accumulate(falling[::-1])[::-1]
    room = np.exp(log_total) - np.arange(falling.size) * np.exp(log_cap)  # for the cells below the k fullest
    log_scales = np.log(np.maximum(room, np.finfo(float).tiny)) - log_tails
    fits = (room > 0) & (falling + log_scales <= log_cap)
    if not fits.any():
        return np.full_like(log_density, log_cap)
    return np.minimum(log_density + log_scales[np.argmax(fits)], log_cap)


def pointwise_steps(step: ProximalStep, epsilon: float, debias: bool) -> dict[str, PointwiseStep]:
    """The equation of every species, with all the terms of the energy entered.

    Raises ValueError for a term that is not known, a negative coefficient where convexity is lost, or a bound that the
    mass does not fit under.
    """
    grid = step.grid
    equations = {}
    for name in step.anchor:
        theta = epsilon / (2 * step.weight(name))
        equations[name] = PointwiseStep(
            theta,
            theta / 2 if debias else 0.0,
            np.log(grid.cell_volume),
            np.zeros(grid.shape),
            log_total=float(np.log(step.anchor[name].values.sum())),
            name=name,
        )
    for c, term in step.energy.terms:
        if c != 0:
            enter(term, c, equations, step)
    for name, equation in equations.items():
        if equation.cap * grid.volume < step.anchor[name].mass * (1 - 1e-12):
            raise ValueError(
                f"bound of Congestion must leave room for the mass {step.anchor[name].mass:.6g} in a box of volume "
                f"{grid.volume:.6g}, got {equation.cap:.6g}"
            )
        if equation.entropy < 0:
            raise ValueError(f"the entropies of species {name!r} must add up to a coefficient >= 0, got {equation.entropy}")
    return equations


@singledispatch
def enter(term: Law, c: float, equations: dict[str, PointwiseStep], step: ProximalStep) -> None:
    """Enter c times a term of the energy into the equations. Register your own energies here."""
    raise ValueError(
        f"Entropic does not accept {term!r}: write it as a CustomInternalEnergy or a Functional, or register it with "
        f"jkoflow.proximal.entropic.enter.register({type(term).__name__})"
    )


@enter.register
def _(term: Entropy, c: float, equations: dict[str, PointwiseStep], step: ProximalStep) -> None:
    equations[term.species].entropy += c


@enter.register
def _(term: RenyiEntropy, c: float, equations: dict[str, PointwiseStep], step: ProximalStep) -> None:
    equations[term.species].powers.append((_non_negative(term, c), term.m))


@enter.register
def _(term: InternalEnergy, c: float, equations: dict[str, PointwiseStep], step: ProximalStep) -> None:
    equations[term.species].others.append((_non_negative(term, c), term))


@enter.register
def _(term: Congestion, c: float, equations: dict[str, PointwiseStep], step: ProximalStep) -> None:
    _non_negative(term, c)
    equations[term.species].cap = min(equations[term.species].cap, term.bound)


@enter.register
def _(term: Potential, c: float, equations: dict[str, PointwiseStep], step: ProximalStep) -> None:
    equation = equations[term.species]
    equation.fixed = equation.fixed + c * term.first_variation(step.anchor, term.species)


@enter.register(Interaction)
@enter.register(CrossInteraction)
@enter.register(Functional)
def _(
    term: Interaction | CrossInteraction | Functional,
    c: float,
    equations: dict[str, PointwiseStep],
    step: ProximalStep,
) -> None:
    for name in term.involves:
        equations[name].moving.append((c, term))


def _non_negative(term: Law, c: float) -> float:
    if c < 0:
        raise ValueError(f"the coefficient of {term!r} must be >= 0, got {c:g}: the step would not be convex")
    return c
