"""The interaction of a species with itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._typing import Array
from ..kernels import CustomKernel, Kernel
from ..measures import UNNAMED, Species
from .base import Law, SpeciesEnergy, State, short_repr
from .potential import Potential


def as_kernel(W: Kernel | Callable[..., Any]) -> Kernel:
    """A kernel as it is, a function of the displacement as a CustomKernel; ValueError for anything else."""
    if isinstance(W, Kernel):
        return W
    if callable(W):
        return CustomKernel(W)
    raise ValueError(f"an interaction kernel must be a Kernel or a function of the displacement, got {W!r}")


@dataclass(frozen=True)
class Interaction(SpeciesEnergy):
    """E(rho) = 1/2 int int W(x - y) d rho(x) d rho(y), with first variation W * rho.

    ``W`` is an even kernel, or a function of the displacement. On a Density the convolution is in free space, by
    zero-padded FFT (see ``Grid.convolve``).

    >>> from jkoflow import Grid, Quadratic
    >>> rho = Grid.box((-1, 1), cells=200).density(lambda x: 1 + x)
    >>> bool(abs(Interaction(Quadratic())(rho) - rho.covariance / 2) < 1e-4)      # half the variance
    True
    """

    W: Kernel
    species: str = UNNAMED

    def __post_init__(self) -> None:
        object.__setattr__(self, "W", as_kernel(self.W))

    def value(self, state: Species) -> float:
        return 0.5 * state[self.species].pair_expectation(self.W)

    def variation(self, state: Species, species: str) -> Array:
        return state[species].convolve(self.W)

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        held = self.check(state)
        return Potential(held[self.species].potential(self.W), self.species) if self_terms else self

    def __repr__(self) -> str:
        return short_repr("Interaction", self.species, self.W)
