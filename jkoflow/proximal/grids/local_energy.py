"""The energy of a step on a grid: what is local, species by species, and the joint terms beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..._typing import Array, Mask
from ...grids import Grid
from ...laws import LawForms
from ...laws.forms import DensityFunction
from ...measures import Density, Species
from ..base import ProximalStep
from .joint_terms import JointTerms

Weighted: TypeAlias = "tuple[tuple[float, DensityFunction], ...]"


@dataclass(frozen=True, eq=False)
class LocalEnergy:
    """int U(rho) + V rho dx  of one species,  with  rho <= cap,  none where forbidden.

    U(s) = entropy s log s + sum_k c_k s^m_k / (m_k - 1) + sum_k c_k U_k(s).
    """

    potential: Array
    forbidden: Mask
    entropy: float = 0.0
    powers: tuple[tuple[float, float], ...] = ()  # (coefficient, m)
    others: Weighted = ()
    cap: float = np.inf

    @property
    def strictly_convex(self) -> bool:
        """Whether U is, so that the density follows the potential without jumps."""
        return bool(self.entropy or self.powers or self.others)

    def derivative(self, rho: Array) -> Array:
        """U'(rho); -inf at 0 where the slope there is infinite."""
        with np.errstate(divide="ignore"):
            total = self.entropy * (np.log(rho) + 1) if self.entropy else np.zeros_like(rho)
            for c, m in self.powers:
                total = total + c * m / (m - 1) * rho ** (m - 1)
            for c, function in self.others:
                total = total + c * function.derivative(rho)
        return total

    def curvature(self, rho: Array) -> Array:
        """U''(rho), by central differences where only U' is known."""
        total = self.entropy / rho
        for c, m in self.powers:
            total = total + c * m * rho ** (m - 2)
        for c, function in self.others:
            step = 1e-6 * rho
            total = total + c * (function.derivative(rho + step) - function.derivative(rho - step)) / (2 * step)
        return total


@dataclass(frozen=True, eq=False)
class GridEnergy:
    """The energy of a law on a grid: local energies by species, and the joint terms."""

    local: Mapping[str, LocalEnergy]
    joint: JointTerms

    @classmethod
    def of(cls, forms: LawForms, anchor: Species) -> GridEnergy:
        """That of a law whose forms are accepted, on the grid of a state: sampled once and kept with the law.

        Raises ValueError for a negative coefficient where convexity is lost.
        """
        grid, names = anchor.grid, tuple(anchor)

        def sampled() -> GridEnergy:
            return cls({name: _local(forms, name, anchor[name], grid) for name in names}, JointTerms.of(forms, grid))

        return forms.once((cls, grid, names), sampled)


def _local(forms: LawForms, species: str, density: Density, grid: Grid) -> LocalEnergy:
    potential, forbidden = np.zeros(grid.shape), np.zeros(grid.shape, dtype=bool)
    entropy, cap = 0.0, np.inf
    powers: list[tuple[float, float]] = []
    others: list[tuple[float, DensityFunction]] = []
    for entry in forms.internal:
        form = entry.form
        if form.species == species:
            entropy += entry.factor * form.entropy
            powers += [(entry.non_negative() * c, m) for c, m in form.powers]
            others += [(entry.non_negative() * c, function) for c, function in form.others]
    for bound in forms.bounds:
        if bound.form.species == species:
            bound.non_negative()
            cap = min(cap, bound.form.density)
    for obstacle in forms.forbidden:
        if obstacle.form.species == species:
            obstacle.non_negative()
            forbidden = forbidden | obstacle.form.mask(grid)
    for external in forms.external:
        if external.form.species == species:
            potential = potential + external.factor * density.field("V", external.form.V)
    if entropy < 0:
        label = f" of species {species!r}" if species else ""
        raise ValueError(f"the entropies{label} must add up to a coefficient >= 0, got {entropy}")
    return LocalEnergy(potential, forbidden, entropy, tuple(powers), tuple(others), cap)


def must_leave_room(energy: GridEnergy, step: ProximalStep, spare: float) -> None:
    """ValueError for a bound that the mass does not fit under, with a share ``spare`` of the mass to be left free besides."""
    for name, local in energy.local.items():
        room = local.cap * step.grid.cell_volume * float(np.sum(~local.forbidden))
        if room < step.anchor[name].mass * (1 + spare):
            label = f" of species {name!r}" if name else ""
            raise ValueError(f"bound must leave room for the mass {step.anchor[name].mass:.6g}{label}, got {room:.6g}")
