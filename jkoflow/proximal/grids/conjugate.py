"""The convex conjugate of a local energy: the density that a potential asks for, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._typing import Array
from ..base import ProximalStep
from .local_energy import GridEnergy, LocalEnergy, must_leave_room
from .power_equation import monotone_equation, power_equation

_SOFT = 0.2  # less sharpens fronts, and makes Newton's work harder
_SPARE = 1e-9  # of the mass: what a bound has to leave free


@dataclass(frozen=True, eq=False)
class Conjugate:
    """What BackAndForth needs of the local energy of one species, which has softness s^2 / (2 cap) besides.

    The conjugate is the integral of U*(phi - V), and (U*)' gives the density.
    """

    local: LocalEnergy
    softness: float = 0.0

    def density(self, level: Array) -> tuple[Array, Array]:
        """rho = (U*)'(level) and (U*)''(level), where level = phi - V. Infinite where the conjugate does not exist."""
        cap, outside = self.local.cap, self.local.forbidden
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            rho = self._unbounded(level)
            slope = np.where((rho > 0) & (rho < np.inf), 1 / self.curvature(np.where(rho > 0, rho, 1.0)), 0.0)
        full = rho >= cap
        return np.where(outside, 0.0, np.where(full, cap, rho)), np.where(outside | full, 0.0, slope)

    def _unbounded(self, level: Array) -> Array:
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
        """U'(rho), at most U'(cap); -inf at 0 where the slope there is infinite."""
        rho = np.minimum(rho, self.local.cap)
        total = self.local.derivative(rho)
        return total + self.softness * rho / self.local.cap if self.softness else total

    def curvature(self, rho: Array) -> Array:
        """U''(rho)."""
        return self.local.curvature(rho) + self.softness / self.local.cap

    def variation(self, rho: Array, outside: Array) -> Array:
        """The outside and U'(rho), finite: vacuum counts as a trace of mass, and places that are forbidden as free."""
        return np.where(self.local.forbidden, 0.0, outside) + self.derivative(np.maximum(rho, 1e-8 * rho.max()))


def conjugates_of(step: ProximalStep, energy: GridEnergy) -> dict[str, Conjugate]:
    """The conjugate for every species of a step.

    Raises ValueError for a bound that the mass does not fit under, a species that nothing keeps from collapsing, or mass in an
    obstacle.
    """
    must_leave_room(energy, step, _SPARE)
    found = {}
    for name, local in energy.local.items():
        label = f" of species {name!r}" if name else ""
        if not local.strictly_convex and np.isinf(local.cap):
            raise ValueError(
                f"BackAndForth needs an internal energy (Entropy, RenyiEntropy, Congestion, ...){label}, which keeps "
                "the density from becoming a point mass in a step; without one take Quantiles or Particles, or Entropic()"
            )
        if (step.anchor[name].values[local.forbidden] > 0).any():
            raise ValueError(f"the density{label} must hold no mass in the obstacle at the start")
        found[name] = Conjugate(local, 0.0 if local.strictly_convex else _softness(local, energy, step, name))
    return found


def _softness(local: LocalEnergy, energy: GridEnergy, step: ProximalStep, name: str) -> float:
    """Under a bound alone a cell is either full or empty, and a front cannot stand inside of one. A small compressibility lets
    densities between take their place: a share of the largest difference of the potential between neighbours, at most of
    that of a displacement by one cell. It acts as a diffusion of that size where the crowd is below its bound.
    """
    grid = step.grid
    driving = energy.joint.outside(local.potential, name, step.anchor)
    cell = max(grid.spacing) ** 2 / step.weight(name)
    allowed = ~local.forbidden
    rise = 0.0
    for axis in range(grid.dim):
        v, inside = np.moveaxis(driving, axis, 0), np.moveaxis(allowed, axis, 0)
        rise = max(rise, float(np.abs(np.diff(v, axis=0))[inside[1:] & inside[:-1]].max(initial=0.0)))
    return _SOFT * (min(cell, rise) if rise > 0 else cell)
