"""The symmetric interaction of two species."""

from __future__ import annotations

from dataclasses import dataclass

from .._typing import Array
from ..kernels import Kernel
from ..measures import Species
from .base import Energy, Law, State
from .interaction import as_kernel
from .potential import Potential
from .symmetry import Pull


@dataclass(frozen=True)
class CrossInteraction(Energy):
    """E = int int K(x - y) d rho_a(x) d rho_b(y), with first variations K * rho_b and K * rho_a.

    No factor 1/2: the pair (a, b) is counted once (Di Francesco and Fagioli 2013, (10)). Frozen, it becomes one Potential
    for each of the two species.

    >>> from jkoflow import Grid, Quadratic, Species
    >>> grid = Grid.box((-1, 1), cells=200)
    >>> state = Species(a=grid.density(lambda x: 1 + x), b=grid.density(lambda x: 1 - x))
    >>> E = CrossInteraction(Quadratic(), between=("a", "b"))
    >>> bool(abs(E(state) - (2 * 1 / 3 - 2 * (1 / 3) * (-1 / 3)) / 2) < 1e-3)
    True
    """

    K: Kernel
    between: tuple[str, str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "K", as_kernel(self.K))
        pair = self.between
        named = isinstance(pair, tuple | list) and all(isinstance(name, str) for name in pair)
        if not named or len(pair) != 2 or pair[0] == pair[1]:
            raise ValueError(f"between must name two different species, got {pair!r}")
        object.__setattr__(self, "between", tuple(pair))

    @property
    def involves(self) -> tuple[str, ...]:
        return self.between

    @property
    def pulls(self) -> tuple[Pull, ...]:
        a, b = self.between
        return (a, b, 1.0, self.K), (b, a, 1.0, self.K)

    def value(self, state: Species) -> float:
        a, b = self.between
        return state[a].pair_expectation(self.K, state[b])

    def variation(self, state: Species, species: str) -> Array:
        a, b = self.between
        return state[species].field("K", state[b if species == a else a].potential(self.K))

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        held = self.check(state)
        a, b = self.between
        return Potential(held[b].potential(self.K), a) + Potential(held[a].potential(self.K), b)

    def __repr__(self) -> str:
        return f"CrossInteraction({self.K!r}, between={self.between})"
