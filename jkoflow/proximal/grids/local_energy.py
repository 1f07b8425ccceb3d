"""The energy of a step on a grid: a local energy for each species, and the joint terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import numpy as np

from ..._typing import Array, Mask
from ...grids import Grid, Medium
from ...laws import Entry, LawForms
from ...laws.forms import Bound, DensityFunction, Shared
from ...measures import Density, Species
from ..base import ProximalStep
from .joint_terms import JointLocal, JointTerms

_NOISE = 1e-9  # share of the range of U', by which a function of a user may fall: of a table, or of its rounding
Weighted: TypeAlias = "tuple[tuple[float, DensityFunction], ...]"


class Outside(NamedTuple):
    """Cells beyond a door, which hold a density."""

    name: str
    cells: Mask
    densities: Array
    """Over the grid, in these cells."""
    flux: Array | None = None
    """Over the grid, what enters per time and area of a face, if that is given."""


@dataclass(frozen=True, eq=False)
class LocalEnergy:
    """The local energy of one species:  int U(rho) + V rho dx,  with  rho <= cap,  and rho = 0 where forbidden.

    U(s) = entropy s log s + sum_k c_k s^m_k / (m_k - 1) + sum_k c_k U_k(s).

    Attributes
    ----------
    potential : array of the grid's shape
        V.
    forbidden : array of bool
        The cells in obstacles.
    entropy : float
        The coefficient of s log s.
    powers : tuple of (c_k, m_k)
    others : tuple of (c_k, U_k)
    cap : float
        The smallest bound on the density; inf without a bound.
    outside : tuple of Outside
        Doors and reservoirs.
    medium : Medium or None
        What multiplies the mobility of the species, by direction; None if nothing does.
    """

    potential: Array
    forbidden: Mask
    entropy: float = 0.0
    powers: tuple[tuple[float, float], ...] = ()
    others: Weighted = ()
    cap: float = np.inf
    outside: tuple[Outside, ...] = ()
    medium: Medium | None = None

    @property
    def strictly_convex(self) -> bool:
        """Return True if U is strictly convex, so that the density follows the potential without jumps."""
        return bool(self.entropy or self.powers or self.others)

    @property
    def closed(self) -> Mask:
        """The cells that hold no mass: those in obstacles, and those outside."""
        return np.any([self.forbidden, *(door.cells for door in self.outside)], axis=0)

    def derivative(self, rho: Array) -> Array:
        """U'(rho); at rho = 0 it may be -inf."""
        with np.errstate(divide="ignore"):
            slope = self.entropy * (np.log(rho) + 1) if self.entropy else np.zeros_like(rho)
            for c, m in self.powers:
                slope = slope + c * m / (m - 1) * rho ** (m - 1)
            for c, function in self.others:
                slope = slope + c * function.derivative(rho)
        return slope

    def curvature(self, rho: Array) -> Array:
        """U''(rho). For the functions U_k, of which U_k' is known, it is a central difference."""
        curvature = self.entropy / rho if self.entropy else np.zeros_like(rho)
        for c, m in self.powers:
            curvature = curvature + c * m * rho ** (m - 2)
        for c, function in self.others:
            step = 1e-6 * rho
            curvature = curvature + c * (function.derivative(rho + step) - function.derivative(rho - step)) / (2 * step)
        return curvature


class SharedLocal(NamedTuple):
    """The local energy of a sum of densities, sum_i w_i rho_i."""

    weights: Mapping[str, float]
    local: LocalEnergy


@dataclass(frozen=True, eq=False)
class GridEnergy:
    """The energy of a law on a grid: local energies by species and of sums of species, and the joint terms."""

    local: Mapping[str, LocalEnergy]
    joint: JointTerms
    shared: tuple[SharedLocal, ...] = ()

    @classmethod
    def of(cls, forms: LawForms, anchor: Species) -> GridEnergy:
        """The energy of a law on the grid of a state. It is sampled once and kept with the law.

        The forms of the law must be among those that the solver takes. Raises ValueError for a negative coefficient with
        which the local energy is not convex, and for functions of a user that are concave between densities of the state.
        """
        grid, names = anchor.grid, tuple(anchor)

        def sampled() -> GridEnergy:
            local = {name: _local(forms, name, anchor[name], grid) for name in names}
            shared = tuple(_shared(entry, grid) for entry in forms.shared)
            for weights, of_sum in shared:
                doors = sum(w * door.densities for name, w in weights.items() for door in local[name].outside)
                if np.max(doors) > of_sum.cap:
                    raise ValueError(f"the densities of reservoirs must add up to at most the bound {of_sum.cap:g}")
            return cls(local, JointTerms.of(forms, grid), shared)

        energy: GridEnergy = forms.once((cls, grid, names), sampled)
        for name, local in energy.local.items():
            _must_be_convex(local, anchor[name].values)
        for weights, of_sum in energy.shared:
            _must_be_convex(of_sum, sum(weight * anchor[name].values for name, weight in weights.items()))
        return energy

    def repulsions(self, grid: Grid) -> dict[str, float]:
        """The strength of the repulsion by pairs for every species (see ``JointTerms.repulsion_by_pairs``)."""
        return {name: self.joint.repulsion_by_pairs(name, grid) for name in self.local}

    def split(self, repulsions: Mapping[str, float]) -> GridEnergy:
        """The same energy with half of the strength of its repulsive pair interactions as a local term.

        A quadratic local energy is added, and given back as a joint term. So an iteration that takes local terms implicitly,
        and joint terms explicitly, contracts however strong the repulsion is.
        """
        local, terms = dict(self.local), list(self.joint.terms)
        for name, strength in repulsions.items():
            if strength > 0:
                local[name] = replace(local[name], powers=(*local[name].powers, (strength / 4, 2.0)))
                terms.append(JointLocal(-strength / 2, name))
        return GridEnergy(local, JointTerms(tuple(terms)))


def _local(forms: LawForms, species: str, density: Density, grid: Grid) -> LocalEnergy:
    """The local energy of one species, gathered from all terms that act on it."""
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
    for obstacle in forms.obstacles:
        if obstacle.form.species == species:
            obstacle.non_negative()
            forbidden = forbidden | obstacle.form.mask(grid)
    outside: tuple[Outside, ...] = ()
    for opening in forms.openings:
        if opening.form.species == species:
            opening.non_negative()
            door = opening.form
            flux = None if door.flux is None else opening.factor * door.flux(grid)
            outside += (Outside(door.name, door.mask(grid), door.densities(grid), flux),)
    taken = forbidden.astype(int) + sum((beyond.cells.astype(int) for beyond in outside), np.zeros(grid.shape, dtype=int))
    if outside and taken.max() > 1:
        raise ValueError("regions of doors and reservoirs must not overlap, nor meet an Obstacle, and some cells lie in two")
    if any(beyond.densities.max() > cap for beyond in outside):
        raise ValueError(f"the density of a reservoir must be at most the bound {cap:g}")
    for external in forms.external:
        if external.form.species == species:
            potential = potential + external.factor * density.field("V", external.form.V)
    if entropy < 0:
        label = f" of species {species!r}" if species else ""
        raise ValueError(f"the entropies{label} must add up to a coefficient >= 0, got {entropy}")
    return LocalEnergy(
        potential, forbidden, entropy, tuple(powers), tuple(others), cap, outside, forms.medium_of(species, grid)
    )


def _must_be_convex(local: LocalEnergy, values: Array) -> None:
    """Raise ValueError if functions of a user make U concave between densities that a state has."""
    largest = float(np.max(values))
    if not local.others or not largest > 0:
        return
    s = largest * np.geomspace(1e-3, 1, 128)
    slopes = local.derivative(s)
    finite = slopes[np.isfinite(slopes)]
    with np.errstate(invalid="ignore"):  # inf less inf, where U is not defined
        falls = np.flatnonzero(np.diff(slopes) < -_NOISE * np.ptp(finite)) if len(finite) else finite
    if len(falls):
        raise ValueError(
            f"internal energies must be convex, and U' falls between the densities {s[falls[0]]:.3g} and "
            f"{s[falls[-1] + 1]:.3g}: such mass separates into phases, which no step can hold"
        )


def _shared(entry: Entry[Shared], grid: Grid) -> SharedLocal:
    """The local energy of a sum of species."""
    factor, of_sum = entry.non_negative(), entry.form.of_sum
    nothing = LocalEnergy(np.zeros(grid.shape), np.zeros(grid.shape, dtype=bool))
    if isinstance(of_sum, Bound):
        return SharedLocal(entry.form.weights, replace(nothing, cap=of_sum.density))
    powers = tuple((factor * c, m) for c, m in of_sum.powers)
    others = tuple((factor * c, function) for c, function in of_sum.others)
    return SharedLocal(entry.form.weights, replace(nothing, entropy=factor * of_sum.entropy, powers=powers, others=others))


class NoRoom(ValueError):  # noqa: N818 - it says what there is not
    """The mass does not fit under a bound."""


def must_leave_room(energy: GridEnergy, step: ProximalStep, spare: float) -> None:
    """Raise NoRoom if, for some species, (1 + spare) times the mass does not fit under the bound."""
    for name, local in energy.local.items():
        room = local.cap * step.grid.cell_volume * float(np.sum(~local.closed))
        if room < step.anchor[name].mass * (1 + spare):
            label = f" of species {name!r}" if name else ""
            raise NoRoom(f"bound must leave room for the mass {step.anchor[name].mass:.6g}{label}, got {room:.6g}")
    for weights, shared in energy.shared:
        closed = np.all([energy.local[name].closed for name in weights], axis=0)
        room = shared.cap * step.grid.cell_volume * float(np.sum(~closed))
        total = sum(w * step.anchor[name].mass for name, w in weights.items())
        if room < total * (1 + spare):
            names = ", ".join(map(repr, weights))
            raise NoRoom(f"bound must leave room for the mass {total:.6g} of species {names}, got {room:.6g}")
