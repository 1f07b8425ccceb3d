"""The symmetric interaction of two species."""

from __future__ import annotations

from dataclasses import dataclass

from ...kernels import Kernel
from ..forms import Pair
from .interaction import PairEnergy, as_kernel


@dataclass(frozen=True)
class CrossInteraction(PairEnergy):
    """E = int int K(x - y) d rho_a(x) d rho_b(y), with first variations K * rho_b and K * rho_a.

    There is no factor 1/2: the pair (a, b) is counted once (Di Francesco and Fagioli 2013, (10)). The frozen law has one
    Potential for each of the two species.

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
    def form(self) -> Pair:
        return Pair(self.K, *self.between)

    def __repr__(self) -> str:
        return f"CrossInteraction({self.K!r}, between={self.between})"
