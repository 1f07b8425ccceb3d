"""The terms of an energy on quantiles: laws of the cells, potentials, interactions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np

from ..._typing import Array
from ...kernels.sums import LineKernel, on_the_line
from ...laws import (
    Congestion,
    CrossInteraction,
    CustomInternalEnergy,
    DirichletCoupling,
    Entropy,
    Interaction,
    Law,
    Potential,
    RenyiEntropy,
)
from ...measures import LinePotential
from ..base import ProximalStep

CellLaw = Callable[[Array, Array], tuple[Array, Array, Array]]
"""phi(h), phi'(h), phi''(h) of cells of mass w > 0 and width h > 0, from (w, h)."""

PointLaw = Callable[[Array, float], tuple[Array, Array, Array]]
"""V, V', V'' at points, given a length on which V varies little."""


@dataclass
class LineTerms:
    """What a step adds up to on the line, by species. ``floors`` are least widths per unit mass."""

    step: ProximalStep
    cells: dict[str, list[CellLaw]] = field(default_factory=dict)
    floors: dict[str, float] = field(default_factory=dict)
    points: dict[str, list[PointLaw]] = field(default_factory=dict)
    differences: set[str] = field(default_factory=set)  # species under a potential whose gradient is not given
    fields: dict[str, list[LinePotential]] = field(default_factory=dict)
    selves: dict[str, list[LineKernel]] = field(default_factory=dict)
    crosses: list[tuple[str, str, LineKernel]] = field(default_factory=list)

    @classmethod
    def of(cls, step: ProximalStep) -> LineTerms:
        """The terms of a step; ValueError for one that is not accepted."""
        terms = cls(step)
        for c, term in step.energy.terms:
            if c != 0:
                enter(term, c, terms)
        return terms

    def add_cells(self, species: str, c: float, term: Law, law: CellLaw) -> None:
        """Add c sum phi(h_i), once every cell of the anchor that holds mass has a width."""
        if c < 0:
            raise ValueError(f"{term!r} must have a coefficient >= 0, got {c:g}: its step is unbounded below otherwise")
        atoms = np.flatnonzero(self.step.anchor[species].atomic)
        if len(atoms):
            raise ValueError(
                f"{term!r} needs cells of positive width, and cell {int(atoms[0])} of species {species!r} is an atom "
                f"({len(atoms)} in all): spread it over an interval first, or evolve without the internal energy"
            )
        self.cells.setdefault(species, []).append(lambda w, h: tuple(c * part for part in law(w, h)))  # type: ignore[arg-type, return-value]


@singledispatch
def enter(term: Law, c: float, terms: LineTerms) -> None:
    """Add c times the term. For an energy of your own register a function with ``enter.register``."""
    raise ValueError(
        f"{term!r} is not accepted on quantiles: they take internal energies, Congestion, Potential, Interaction and "
        "CrossInteraction; register others with jkoflow.proximal.quantile_newton.enter.register"
    )


@enter.register
def _(term: Entropy, c: float, terms: LineTerms) -> None:
    terms.add_cells(term.species, c, term, lambda w, h: (w * np.log(w / h), -w / h, w / h**2))


@enter.register
def _(term: RenyiEntropy, c: float, terms: LineTerms) -> None:
    m = term.m

    def law(w: Array, h: Array) -> tuple[Array, Array, Array]:
        pressure = (w / h) ** m
        return h * pressure / (m - 1), -pressure, m * pressure / h

    terms.add_cells(term.species, c, term, law)


@enter.register
def _(term: CustomInternalEnergy, c: float, terms: LineTerms) -> None:
    def law(w: Array, h: Array) -> tuple[Array, Array, Array]:
        s = w / h
        value, slope = term.integrand(s), term.derivative(s)
        d = 1e-4 * s
        near = term.derivative(s + d) - term.derivative(s - d)
        far = term.derivative(s + 2 * d) - term.derivative(s - 2 * d)
        curvature = (8 * near - far) / (12 * d)
        return h * value, value - s * slope, s**2 * curvature / h

    terms.add_cells(term.species, c, term, law)


@enter.register
def _(term: Congestion, c: float, terms: LineTerms) -> None:
    if c < 0:
        raise ValueError(f"{term!r} must have a coefficient >= 0, got {c:g}")
    terms.floors[term.species] = max(terms.floors.get(term.species, 0.0), 1 / term.bound)


@enter.register
def _(term: Potential, c: float, terms: LineTerms) -> None:
    if isinstance(term.V, LinePotential):
        scaled = LinePotential(term.V.kernel.scaled(c), term.V.nodes, term.V.masses)
        terms.fields.setdefault(term.species, []).append(scaled)
    elif callable(term.V):
        terms.points.setdefault(term.species, []).append(point_law(term.V, c, term.gradient))
        if term.gradient is None:
            terms.differences.add(term.species)
    else:
        raise ValueError(f"V must be a function of space on quantiles, whose points move, got an array of shape {term.V.shape}")


@enter.register
def _(term: Interaction, c: float, terms: LineTerms) -> None:
    kernel = on_the_line(term.W).scaled(c)
    if kernel.singular and np.any(terms.step.anchor[term.species].atomic):
        raise ValueError(f"{term!r} is infinite in the atoms of species {term.species!r}: spread them over intervals first")
    terms.selves.setdefault(term.species, []).append(kernel)


@enter.register
def _(term: CrossInteraction, c: float, terms: LineTerms) -> None:
    kernel = on_the_line(term.K).scaled(c)
    if kernel.singular:
        raise ValueError(f"{term!r} must be finite at the origin on quantiles, whose points may meet")
    terms.crosses.append((*term.between, kernel))


@enter.register
def _(term: DirichletCoupling, c: float, terms: LineTerms) -> None:
    for inner, part in term.as_interactions(terms.step.anchor).terms:
        enter(part, c * inner, terms)


def point_law(V: Callable[..., Any], c: float, gradient: Callable[..., Any] | None) -> PointLaw:
    """The derivatives of a function of space by central differences of fourth order, from its gradient where that is known."""

    def law(z: Array, length: float) -> tuple[Array, Array, Array]:
        h = np.ldexp(
            1.0, np.frexp(1e-3 * length + 1e-4 * np.abs(z - z[len(z) // 2]))[1] - 1
        )  # powers of two, so that z + h is exact

        def around(f: Callable[..., Any]) -> tuple[Array, Array, Array, Array]:
            sides = [np.broadcast_to(np.asarray(f(z + k * h), dtype=np.float64), z.shape) for k in (-2, -1, 1, 2)]
            return sides[0], sides[1], sides[2], sides[3]

        value = np.broadcast_to(np.asarray(V(z), dtype=np.float64), z.shape)
        if gradient is not None:
            a, b, d, e = around(gradient)
            slope = np.broadcast_to(np.asarray(gradient(z), dtype=np.float64), z.shape)
            curvature = (8 * (d - b) - (e - a)) / (12 * h)
            return c * value, c * slope, c * np.where(np.isfinite(curvature), curvature, 0.0)  # it may not reach past a wall
        a, b, d, e = around(V)
        return c * value, c * (8 * (d - b) - (e - a)) / (12 * h), c * (16 * (d + b) - (e + a) - 30 * value) / (12 * h**2)

    return law
