"""A convex function of ordered particles, given with its subgradient or its resolvent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .._functions import of_measure
from .._typing import Array
from .._validate import real_array
from ..measures import UNNAMED, Species
from .base import Energy, Law, State, short_repr
from .forms import Form, Positions


@dataclass(frozen=True)
class ConvexFunction(Energy):
    """A convex function of the positions Z of ordered particles. Its flow is the solution of -dZ/dt in its subdifferential.

    Parameters
    ----------
    function : callable
        ``function(state) -> float``, of a state of OrderedPoints. It must be finite at all ordered positions.
    subgradient : callable, optional
        ``subgradient(state) -> {name: array}``: any one subgradient p, in the metric of the masses. It satisfies
        function(Z') >= function(Z) + sum_i m_i p_i (z'_i - z_i) for all ordered positions Z'.
    resolvent : callable, optional
        ``resolvent(state, tau) -> {name: positions}``: the minimiser Z of
        function(Z) + sum_i m_i |z_i - z_i^0|^2 / (2 tau), where z_i^0 are the positions in ``state``.
    species : tuple of names
        The species on whose positions the function depends.

    Raises ValueError if neither ``subgradient`` nor ``resolvent`` is given.

    Notes
    -----
    The scheme depends on what is given:

    * resolvent: ``JKO()``, which calls it once per step;
    * subgradient: ``JKO(CuttingPlanes())``, which iterates.

    Both schemes are implicit Euler, the exponential formula of Crandall and Liggett. The error is of order dt if the flow is
    as regular as here, and never worse than dt^(1/2).

    Examples
    --------
    >>> import numpy as np, jkoflow as jf
    >>> length = ConvexFunction(
    ...     lambda state: float(np.ptp(state["x"].points)),
    ...     resolvent=lambda state, tau: {"x": state["x"].points + tau * np.array([2.0, 0.0, -2.0])},
    ...     species=("x",),
    ... )
    >>> pulled = jf.OrderedParticles(x=([0.0, 1.0, 2.0], [0.5, 1.0, 0.5]))
    >>> jf.evolve(length, pulled, scheme=jf.JKO(), dt=0.1, t_end=0.2).final["x"].points
    array([0.4, 1. , 1.6])
    """

    function: Callable[[Species], float]
    subgradient: Callable[[Species], Mapping[str, Any]] | None = None
    resolvent: Callable[[Species, float], Mapping[str, Any]] | None = None
    species: tuple[str, ...] = (UNNAMED,)

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise ValueError(f"function must be a function of the state, got {self.function!r}")
        for argument, given in (("subgradient", self.subgradient), ("resolvent", self.resolvent)):
            if given is not None and not callable(given):
                raise ValueError(f"{argument} must be a function, got {given!r}")
        if self.subgradient is None and self.resolvent is None:
            raise ValueError("subgradient or resolvent must be given as a function, got neither")
        if not isinstance(self.species, tuple) or not self.species or not all(isinstance(name, str) for name in self.species):
            raise ValueError(f"species must be a tuple of names, got {self.species!r}")

    @property
    def involves(self) -> tuple[str, ...]:
        return self.species

    @property
    def form(self) -> Form:
        return Positions(self.species, self.function, self.subgradient, self.resolvent)

    def value(self, state: Species) -> float:
        value = real_array("function", of_measure("function", self.function, state))
        if value.ndim > 0:
            raise ValueError(f"function must return one number, got an array of shape {value.shape}")
        return float(value)

    def variation(self, state: Species, species: str) -> Array:
        raise ValueError(f"{self!r} is a function of positions and has no first variation in the density")

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        return self

    def __repr__(self) -> str:
        return short_repr("ConvexFunction", UNNAMED, self.function)
