"""What BackAndForth needs of an energy: the density that a potential asks for, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from ..._typing import Array
from ...laws import CrossInteraction, DirichletCoupling, Interaction, Law, psi_of_charge
from ...measures import Species
from ..base import ProximalStep
from .local_energy import LocalEnergy, enter_all
from .power_equation import monotone_equation, power_equation

_SOFT = 0.2  # less sharpens fronts, and makes Newton's work harder


@dataclass(kw_only=True)
class Conjugate(LocalEnergy):
    """The local energy of one species with what its conjugate needs; U has softness s^2 / (2 cap) besides.

    Its conjugate is the integral of U*(phi - V), and (U*)' gives the density.
    """

    softness: float = 0.0

    @property
    def strictly_convex(self) -> bool:
        """Whether U is, so that the density follows the potential without jumps."""
        return bool(self.entropy or self.powers or self.others)

    def density(self, level: Array) -> tuple[Array, Array]:
        """rho = (U*)'(level) and (U*)''(level), where level = phi - V. Infinite where the conjugate does not exist."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            rho = self._unbounded(level)
            slope = np.where((rho > 0) & (rho < np.inf), 1 / self.curvature(np.where(rho > 0, rho, 1.0)), 0.0)
        full = rho >= self.cap
        outside = self.forbidden
        return np.where(outside, 0.0, np.where(full, self.cap, rho)), np.where(outside | full, 0.0, slope)

    def _unbounded(self, level: Array) -> Array:
        if not self.strictly_convex:
            return self.cap * np.maximum(level, 0.0) / self.softness
        if not self.others and not self.powers:
            return np.exp(level / self.entropy - 1)
        if not self.others and len(self.powers) == 1:
            c, m = self.powers[0]
            if self.entropy:
                return np.exp(power_equation(self.entropy, c, m, level - self.entropy))
            base = (m - 1) * level / (c * m)
            if m > 1:
                return np.maximum(base, 0.0) ** (1 / (m - 1))
            return np.where(base > 0, np.abs(base) ** (1 / (m - 1)), np.inf)
        logs = monotone_equation(self.entropy, self.powers, self.others, level - self.entropy)
        return np.where(np.isnan(logs), 0.0, np.exp(logs))

    def derivative(self, rho: Array) -> Array:
        """U'(rho), at most U'(cap); -inf at 0 where the slope there is infinite."""
        rho = np.minimum(rho, self.cap)
        total = super().derivative(rho)
        return total + self.softness * rho / self.cap if self.softness else total

    def curvature(self, rho: Array) -> Array:
        """U''(rho)."""
        return super().curvature(rho) + self.softness / self.cap

    def variation(self, rho: Array, outside: Array) -> Array:
        """The outside and U'(rho), finite: vacuum counts as a trace of mass, and places that are forbidden as free."""
        return np.where(self.forbidden, 0.0, outside) + self.derivative(np.maximum(rho, 1e-8 * rho.max()))


def conjugates(step: ProximalStep) -> dict[str, Conjugate]:
    """The local energy of every species of a step, with all the terms of the energy entered.

    Raises ValueError for a term that is not known, a negative coefficient where convexity is lost, a species that nothing keeps
    from collapsing, mass in an obstacle, or a bound that the mass does not fit under.
    """
    grid = step.grid
    free = np.zeros(grid.shape, dtype=bool)
    found = {name: Conjugate(potential=np.zeros(grid.shape), forbidden=free) for name in step.anchor}
    enter_all(found, step, spare=1e-9)
    for name, local in found.items():
        label = f" of species {name!r}" if name else ""
        if not local.strictly_convex and np.isinf(local.cap):
            raise ValueError(
                f"BackAndForth needs an internal energy (Entropy, RenyiEntropy, Congestion, ...){label}, which keeps "
                "the density from becoming a point mass in a step; without one take Quantiles or Particles, or Entropic()"
            )
        if (step.anchor[name].values[local.forbidden] > 0).any():
            raise ValueError(f"the density{label} must hold no mass in the obstacle at the start")
        if not local.strictly_convex:
            local.softness = _softness(local, step, name)
    return found


def _softness(local: Conjugate, step: ProximalStep, name: str) -> float:
    """Under a bound alone a cell is either full or empty, and a front cannot stand inside of one. A small compressibility lets
    densities between take their place: a share of the largest difference of the potential between neighbours, at most of
    that of a displacement by one cell. It acts as a diffusion of that size where the crowd is below its bound.
    """
    grid, state = step.grid, step.anchor
    driving = local.outside(name, state)
    cell = max(grid.spacing) ** 2 / step.weight(name)
    held = ~local.forbidden
    rise = 0.0
    for axis in range(grid.dim):
        v, inside = np.moveaxis(driving, axis, 0), np.moveaxis(held, axis, 0)
        rise = max(rise, float(np.abs(np.diff(v, axis=0))[inside[1:] & inside[:-1]].max(initial=0.0)))
    return _SOFT * (min(cell, rise) if rise > 0 else cell)


@singledispatch
def response(term: Law, name: str, state: Species, changes: dict[str, Array]) -> Array:
    """The change of the first variation in a species with the densities: exact where it is linear, else by a difference."""
    size = max(float(np.abs(changes[other]).max()) for other in term.involves)
    if size == 0:
        return np.zeros(state.grid.shape)
    step = 1e-6 * max(float(state[other].values.max()) for other in term.involves) / size
    moved = {other: state[other].like(np.maximum(state[other].values + step * changes[other], 0.0)) for other in state}
    return (term.first_variation(Species(moved), name) - term.first_variation(state, name)) / step


@response.register
def _(term: Interaction, name: str, state: Species, changes: dict[str, Array]) -> Array:
    return state.grid.convolve(term.W, changes[name])


@response.register
def _(term: CrossInteraction, name: str, state: Species, changes: dict[str, Array]) -> Array:
    a, b = term.between
    return state.grid.convolve(term.K, changes[b if name == a else a])


@response.register
def _(term: DirichletCoupling, name: str, state: Species, changes: dict[str, Array]) -> Array:
    charge = sum((z * changes[other] for other, z in term.charges.items()), np.zeros(state.grid.shape))
    return term.charges[name] * psi_of_charge(term, state.grid, charge)
