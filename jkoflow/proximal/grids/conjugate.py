"""The convex conjugate of a local energy: the density that a potential asks for in every cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._typing import Array
from ..base import ProximalStep
from .local_energy import GridEnergy, LocalEnergy, must_leave_room
from .log_density import monotone_equation, power_equation

_SOFTNESS = 0.2  # share of the difference of the potential over a cell: less sharpens fronts, and slows Newton's method
_SOFTNESS_AT_REST = 0.1  # share of the largest rise that stands for h^2 / (tau alpha) at rest
_AT_REST = 1e-9  # share of that difference: the least softness
_SPARE = 1e-9  # share of the mass: for so much more mass a bound has to leave room


@dataclass(frozen=True, eq=False)
class Conjugate:
    """The density (U*)'(level) of one species as a function of its level, the value of phi - V - fields.

    U is the local energy density of the species, plus softness rho^2 / (2 cap) where a bound needs one. The dual of a step
    holds the integral of U*(phi - V).
    """

    local: LocalEnergy
    softness: float = 0.0

    def density(self, level: Array) -> tuple[Array, Array]:
        """rho = (U*)'(level) and its derivative (U*)''(level), for every cell.

        rho is infinite where U*(level) does not exist, and 0 in obstacles.
        """
        cap, forbidden = self.local.cap, self.local.forbidden
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            rho = self._unbounded(level)
            slope = np.where((rho > 0) & (rho < np.inf), 1 / self.curvature(np.where(rho > 0, rho, 1.0)), 0.0)
        full = rho >= cap
        return np.where(forbidden, 0.0, np.where(full, cap, rho)), np.where(forbidden | full, 0.0, slope)

    def _unbounded(self, level: Array) -> Array:
        """(U*)'(level) without the bound."""
        local = self.local
        if not local.strictly_convex:
            return local.cap * np.maximum(level, 0.0) / self.softness
        if not local.others and not local.powers:
            return np.exp(level / local.entropy - 1)
        if not local.others and len(local.powers) == 1:
            c, m = local.powers[0]
            if local.entropy:
                return np.exp(power_equation(local.entropy, c, m, level - local.entropy))
            base = (m - 1) * level / (c * m)
            if m > 1:
                return np.maximum(base, 0.0) ** (1 / (m - 1))
            return np.where(base > 0, np.abs(base) ** (1 / (m - 1)), np.inf)
        logs = monotone_equation(local.entropy, local.powers, local.others, level - local.entropy)
        return np.where(np.isnan(logs), 0.0, np.exp(logs))

    def derivative(self, rho: Array) -> Array:
        """U'(rho), or U'(cap) if rho exceeds the cap; at rho = 0 it may be -inf."""
        rho = np.minimum(rho, self.local.cap)
        slope = self.local.derivative(rho)
        return slope + self.softness * rho / self.local.cap if self.softness else slope

    def curvature(self, rho: Array) -> Array:
        """U''(rho)."""
        return self.local.curvature(rho) + self.softness / self.local.cap

    def variation(self, rho: Array, effective_potential: Array) -> Array:
        """The effective potential plus U'(rho), made finite.

        Vacuum counts as a trace of mass, 1e-8 of the largest density. In obstacles the effective potential counts as 0.
        """
        return np.where(self.local.forbidden, 0.0, effective_potential) + self.derivative(np.maximum(rho, 1e-8 * rho.max()))


def conjugates_of(step: ProximalStep, energy: GridEnergy, *, at_rest: bool = False) -> dict[str, Conjugate]:
    """The conjugate of the local energy of every species of a step; with ``at_rest``, of a state of rest, which has no tau.

    Raises ValueError if the mass does not fit under a bound, if a species has neither an internal energy nor a bound (nothing
    keeps it from collapsing), or if there is mass in an obstacle.
    """
    must_leave_room(energy, step, _SPARE)
    conjugates = {}
    for name, local in energy.local.items():
        label = f" of species {name!r}" if name else ""
        if not local.strictly_convex and np.isinf(local.cap):
            raise ValueError(
                f"BackAndForth needs an internal energy (Entropy, RenyiEntropy, Congestion, ...){label}, which keeps "
                "the density from becoming a point mass in a step; without one take FiniteVolume(), Entropic(), or "
                "Quantiles or Particles"
            )
        if (step.anchor[name].values[local.forbidden] > 0).any():
            raise ValueError(f"the density{label} must hold no mass in the obstacle at the start: multiply it by ~mask there")
        conjugates[name] = Conjugate(local)
    soft = [name for name, local in energy.local.items() if not local.strictly_convex]
    rises = {name: _rise(energy.local[name], energy, step, name) for name in soft}
    for name in soft:
        one_cell = _SOFTNESS_AT_REST * max(rises.values()) if at_rest else max(step.grid.spacing) ** 2 / step.weight(name)
        interacts = any(name in term.involves for term in energy.joint.terms)
        conjugates[name] = Conjugate(energy.local[name], _softness(rises[name], one_cell or 1.0, interacts))
    return conjugates


def _rise(local: LocalEnergy, energy: GridEnergy, step: ProximalStep, name: str) -> float:
    """The largest difference of the potential of a species and its fields between two neighbours outside of obstacles."""
    effective_potential = energy.joint.effective_potential(local.potential, name, step.anchor)
    allowed, rise = ~local.forbidden, 0.0
    for axis in range(step.grid.dim):
        v, inside = effective_potential.swapaxes(axis, 0), allowed.swapaxes(axis, 0)
        rise = max(rise, float(np.abs(np.diff(v, axis=0))[inside[1:] & inside[:-1]].max(initial=0.0)))
    return rise


def _softness(rise: float, one_cell: float, interacts: bool) -> float:
    """The compressibility of a species that has a bound and no internal energy: its softness.

    Under a bound alone a cell is either full or empty, so that a front cannot stand inside of a cell. A small compressibility
    allows densities in between. It acts as a diffusion of its size where the crowd is below the bound.

    The softness is a share, _SOFTNESS, of the smaller of two differences of the potential:

    * ``rise``, the largest difference between neighbours;
    * ``one_cell``, the difference that belongs to a displacement by one cell: h^2 / (tau alpha). A state of rest has no front
      that moves: there it is a tenth of the largest rise of all species.

    Where nothing ever pulls, it is so small that a crowd moves by about 1e-10 of a cell in a step. A species that interacts may
    feel a force within the step even if it feels none now.
    """
    if rise == 0 and interacts:
        return _SOFTNESS * one_cell
    return _SOFTNESS * max(min(one_cell, rise), _AT_REST * one_cell)
