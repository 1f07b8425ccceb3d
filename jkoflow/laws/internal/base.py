"""Internal energies: integrals of a function of the density."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from ..._frozen import FrozenMapping
from ..._functions import values_of
from ..._typing import Array
from ..._validate import positive, species_name
from ...measures import UNNAMED, Density, Quantiles, Species
from ..base import Energy, Law, State, short_repr
from ..forms import Bound, Form, Internal, Shared
from .sums import SumOnLine

_HIDDEN, _APART = 1e-10, 0.1  # of U: a smaller rise is rounding; of a rise: what its derivative may make of it otherwise

SpeciesNames: TypeAlias = "str | tuple[str, ...] | Mapping[str, float]"
"""One species, or several of which the densities are added, with weights in a mapping."""


class Weights(FrozenMapping[float]):
    """The weights of several species in a sum. Equal weights are shown as names alone."""

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __repr__(self) -> str:
        return repr(tuple(self)) if set(self.values()) == {1.0} else repr(dict(self))


class InternalEnergy(Energy):
    """E(rho) = int U(rho(x)) dx, with first variation U'(rho).

    ``species`` is the name of one species, or several names, or a mapping from names to weights w_i > 0. With several the
    energy is that of their sum, int U(s) dx with s = sum_i w_i rho_i, and the first variation in species i is w_i U'(s). So
    they share the room, as in cross-diffusion. It takes Density and Quantiles. Steps on Quantiles need
    species side by side that do not push into each other (``Status.MIXING``).

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> class Square(InternalEnergy):
    ...     species = ""
    ...
    ...     def integrand(self, s):
    ...         return s**2
    ...
    ...     def derivative(self, s):
    ...         return 2 * s
    >>> bool(abs(Square()(rho) - jf.RenyiEntropy(2)(rho)) < 1e-12)
    True
    """

    species: SpeciesNames = UNNAMED

    def __post_init__(self) -> None:
        weights = _weights(self.species)
        if not isinstance(self.species, str):
            object.__setattr__(self, "species", weights)

    @property
    def weights(self) -> Mapping[str, float]:
        """The weights w_i by species; 1 for a single one."""
        return self.species if isinstance(self.species, Weights) else _weights(self.species)

    @property
    def involves(self) -> tuple[str, ...]:
        return tuple(self.weights)

    @abstractmethod
    def integrand(self, s: Array) -> Array:
        """U(s) for s >= 0."""

    @abstractmethod
    def derivative(self, s: Array) -> Array:
        """U'(s) for s >= 0; -inf at s = 0 if the slope there is infinite."""

    @property
    def form_of_sum(self) -> Internal | Bound:
        """The form for a single density, here of a U that is known by its values and slopes."""
        return Internal(UNNAMED, others=((1.0, self),))

    @property
    def form(self) -> Form:
        of_sum = self.form_of_sum
        if not isinstance(self.species, str):
            return Shared(self.weights, of_sum)
        return replace(of_sum, species=str(self.species))

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        if not isinstance(self.species, str):
            raise ValueError(
                f"{self!r} holds species together in one room and cannot be frozen: take JKO() if the law has an energy; no "
                "scheme takes it beside a Drift"
            )
        return self

    def value(self, state: Species) -> float:
        energy = self._sum(state).integrate_internal(self.integrand)
        if np.isnan(energy):
            raise ValueError(f"U of {self!r} must return a number at every density, 0 included, got NaN")
        return energy

    def variation(self, state: Species, species: str) -> Array:
        whole = self._sum(state)
        if isinstance(whole, SumOnLine):
            return self.weights[species] * whole.means_over(state[species], self.derivative)
        slope = self.derivative(whole.values)
        return slope if isinstance(self.species, str) else self.weights[species] * slope

    def _sum(self, state: Species) -> Any:
        """The measure of which the energy is taken: that of the species, or the density of the sum."""
        if isinstance(self.species, str):
            return state[self.species]
        parts = {name: state[name] for name in self.weights}
        first = next(iter(parts.values()))
        if isinstance(first, Quantiles):
            return SumOnLine([(w, parts[name]) for name, w in self.weights.items()])
        if not isinstance(first, Density):
            raise ValueError(f"{self!r} takes Density or Quantiles, as it is of several species, got {type(first).__name__}")
        return first.like(sum(w * parts[name].values for name, w in self.weights.items()))


def _weights(species: Any) -> Weights:
    """The weights by species. Raises ValueError for anything but a name, several names, or a mapping to weights > 0."""
    if isinstance(species, str):
        return Weights({species_name("species", species): 1.0})
    if not isinstance(species, tuple | list | Mapping):
        raise ValueError(f"species must be the name of one, several names, or a mapping to weights, got {species!r}")
    names: Mapping[str, float]
    names = species if isinstance(species, Mapping) else {species_name("species", name): 1.0 for name in species}
    for name, weight in names.items():
        species_name("species", name)
        positive(f"weight of {name!r}", weight)
    if len(names) < 2 or len(names) != len(species):
        raise ValueError(f"species must be one name, or several that differ, got {species!r}")
    return Weights({name: float(weight) for name, weight in names.items()})


@dataclass(frozen=True)
class CustomInternalEnergy(InternalEnergy):
    """E(rho) = int U(rho) dx for a convex U of your own, with derivative dU. Both are functions of an array of densities.

    Where U is not defined, as beyond the close packing of a gas, they return inf or NaN: a positive density at which they are
    NaN counts as forbidden, U = inf.

    The energy is displacement convex in R^d if s -> s^d U(s^-d) is convex and non-increasing (McCann 1997).

    >>> import numpy as np
    >>> from jkoflow import Grid
    >>> grid = Grid.box((0, 1), cells=10)
    >>> E = CustomInternalEnergy(lambda s: s**2, lambda s: 2 * s)
    >>> round(E(grid.density(lambda x: np.ones_like(x))), 12)
    1.0
    """

    U: Callable[[Any], Any]
    dU: Callable[[Any], Any]
    species: SpeciesNames = UNNAMED

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.U) or not callable(self.dU):
            raise ValueError(f"U and dU must be functions, got {self.U!r} and {self.dU!r}")

    def check(self, state: State) -> Species:
        """Return the state as Species. Raises ValueError also if dU is not the derivative of U."""
        checked_state = super().check(state)
        for name in self.involves:
            measure = checked_state[name]
            top = float(measure.values.max()) if isinstance(measure, Density) else 0.0
            if top > 0 and not _fit(self, top):
                raise ValueError(f"dU of {self!r} must be the derivative of U, and it is not at densities up to {top:.3g}")
        return checked_state

    def integrand(self, s: Array) -> Array:
        return _forbidden_where_undefined("U", self.U, s)

    def derivative(self, s: Array) -> Array:
        return _forbidden_where_undefined("dU", self.dU, s)

    def __repr__(self) -> str:
        return short_repr("CustomInternalEnergy", self.species, self.U, self.dU)


def _fit(energy: CustomInternalEnergy, top: float) -> bool:
    """Return False if most rises of U between densities up to ``top`` differ by a tenth from what dU makes of them."""
    s = top * np.geomspace(1e-2, 1, 33)
    with np.errstate(all="ignore"):
        U, dU = energy.integrand(s), energy.derivative(s)
        rises, told = np.diff(U), (dU[1:] + dU[:-1]) / 2 * np.diff(s)
        known = np.isfinite(rises) & np.isfinite(told) & (np.abs(rises) > _HIDDEN * np.abs(U[1:]))
        return not (np.abs(rises - told) > _APART * np.maximum(np.abs(rises), np.abs(told)))[known].sum() > known.sum() / 2


def _forbidden_where_undefined(name: str, function: Callable[[Any], Any], s: Array) -> Array:
    """The values of a function of the density, with inf in the place of NaN where the density is positive."""
    with np.errstate(invalid="ignore", divide="ignore"):
        values = values_of(name, function, [s])
    return np.where(np.isnan(values) & (s > 0), np.inf, values)
