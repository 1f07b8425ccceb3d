"""Pair energies: their base class, and the interaction of a species with itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..._typing import Array
from ..._validate import species_name
from ...kernels import CustomKernel, Kernel, RadialKernel
from ...kernels.base import terms_of
from ...measures import UNNAMED, Species
from ..base import Energy, Law, State, short_repr
from ..forms import Pair
from ..potential import Potential

_SAME = 1e-8  # share of the values by which those of an even kernel may differ
_HIDDEN = 1e-10  # share of the values: a smaller difference is rounding


def as_kernel(W: Kernel | Callable[..., Any]) -> Kernel:
    """Return a kernel as it is, and a function of the displacement as a CustomKernel.

    Raises ValueError for anything else.
    """
    if isinstance(W, Kernel):
        return W
    if callable(W):
        return CustomKernel(W)
    raise ValueError(f"an interaction kernel must be a Kernel or a function of the displacement, got {W!r}")


class PairEnergy(Energy):
    """E = int int K(x - y) d rho_a(x) d rho_b(y), with a factor 1/2 if a and b are the same species.

    A subclass defines ``form``, a ``Pair`` of a kernel and two names. Its value, first variation and frozen law follow.

    >>> import jkoflow as jf
    >>> isinstance(jf.Interaction(jf.Gaussian()), PairEnergy), isinstance(jf.Entropy(), PairEnergy)
    (True, False)
    """

    @property
    @abstractmethod
    def form(self) -> Pair:
        """The kernel and the names of the two species."""

    @property
    def involves(self) -> tuple[str, ...]:
        pair = self.form
        return (pair.a,) if pair.is_self else (pair.a, pair.b)

    def check(self, state: State) -> Species:
        """Return the state as Species. Raises ValueError also for a kernel that is not even, or has another slope."""
        checked_state, pair = super().check(state), self.form
        if any(not isinstance(term, RadialKernel) for _, term in terms_of(pair.kernel)):
            points = checked_state[pair.a].points.reshape(len(checked_state[pair.a].masses), -1)
            extent = float(np.ptp(points, axis=0).max(initial=0.0)) or 1.0
            asked = _fault if isinstance(pair.kernel, Hashable) else _fault.__wrapped__
            if fault := asked(pair.kernel, points.shape[1], int(np.frexp(extent)[1])):
                raise ValueError(
                    f"the kernel of {self!r} must {fault}, as that of every energy of pairs, and it does not: mend it, or take "
                    "Drift(K, moves=..., by=...) for forces that do not come from an energy"
                )
        return checked_state

    def value(self, state: Species) -> float:
        pair = self.form
        if pair.is_self:
            return 0.5 * state[pair.a].pair_expectation(pair.kernel)
        return state[pair.a].pair_expectation(pair.kernel, state[pair.b])

    def variation(self, state: Species, species: str) -> Array:
        pair = self.form
        if pair.is_self:
            return state[species].convolve(pair.kernel)
        source = state[pair.b if species == pair.a else pair.a]
        return state[species].field("K", source.potential(pair.kernel))

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        checked_state, pair = self.check(state), self.form
        if pair.is_self:
            return Potential(checked_state[pair.a].potential(pair.kernel), pair.a) if self_terms else self
        on_a, on_b = checked_state[pair.b].potential(pair.kernel), checked_state[pair.a].potential(pair.kernel)
        return Potential(on_a, pair.a) + Potential(on_b, pair.b)


@lru_cache(maxsize=64)
def _fault(kernel: Kernel, dim: int, exponent: int) -> str:
    """What a kernel lacks, from its values at 64 places up to a distance of 2^exponent; "" if it lacks nothing."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(dim, 64))
    x *= np.ldexp(10 ** rng.uniform(-2, 0, 64), exponent) / np.linalg.norm(x, axis=0)
    with np.errstate(all="ignore"):
        values, mirrored = (np.broadcast_to(kernel(*places), 64) for places in (x, -x))
        if _most_differ(values, mirrored, _SAME, share=0.0):
            return "be even, K(-x) = K(x)"
        slopes = [term.slope for _, term in terms_of(kernel) if isinstance(term, CustomKernel)]
        if any(slope is None for slope in slopes):
            return ""
        way = rng.normal(size=(dim, 64))
        way *= 1e-5 * np.linalg.norm(x, axis=0) / np.linalg.norm(way, axis=0)
        told = (np.reshape(kernel.gradient(*x), (dim, 64)) * way).sum(axis=0)
        found = (np.broadcast_to(kernel(*(x + way)), 64) - np.broadcast_to(kernel(*(x - way)), 64)) / 2
        hidden = np.abs(found) < _HIDDEN * np.abs(values)
        return "have the gradient of its values as its slope" if _most_differ(told[~hidden], found[~hidden], 0.1, 0.5) else ""


def _most_differ(a: Array, b: Array, tolerance: float, share: float) -> bool:
    """Return True if more than a share of the finite pairs differ by more than the tolerance of the larger one."""
    known = np.isfinite(a) & np.isfinite(b)
    size = np.abs(a[known]).max(initial=0.0) if share == 0 else np.maximum(np.abs(a[known]), np.abs(b[known]))
    return bool((np.abs(a - b)[known] > tolerance * size).sum() > share * known.sum())


@dataclass(frozen=True)
class Interaction(PairEnergy):
    """E(rho) = 1/2 int int W(x - y) d rho(x) d rho(y), with first variation W * rho.

    ``W`` is an even kernel, or an even function of the displacement. One that is not even is refused with the first state. On a
    Density the convolution is in free space, without images behind the walls; it is computed by a zero-padded FFT (see
    ``Grid.convolve``).

    >>> from jkoflow import Grid, Quadratic
    >>> rho = Grid.box((-1, 1), cells=200).density(lambda x: 1 + x)
    >>> bool(abs(Interaction(Quadratic())(rho) - rho.covariance / 2) < 1e-4)      # half the variance
    True
    """

    W: Kernel
    species: str = UNNAMED

    def __post_init__(self) -> None:
        species_name("species", self.species)
        object.__setattr__(self, "W", as_kernel(self.W))

    @property
    def form(self) -> Pair:
        return Pair(self.W, self.species, self.species)

    def __repr__(self) -> str:
        return short_repr("Interaction", self.species, self.W)
