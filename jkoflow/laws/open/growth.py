"""Growth and decay of mass."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..._validate import finite, species_name
from ...measures import UNNAMED
from ..base import short_repr
from ..forms import Form, Reacting
from ..time_functions import fixed_at, name_of, takes_time
from .outer import OuterTerm


@dataclass(frozen=True, eq=False)
class Growth(OuterTerm):
    """A species grows or decays: d rho / dt = rate rho, beside its motion.

    ``rate`` is a number, one over a time, or a function that computes with arrays. Its arguments are told apart by their names:

    * ``rho`` is the density of the species itself, and the name of a species is the density of that one;
    * ``x``, ``y``, ``z`` are the coordinates, if no species has this name;
    * ``t`` is the time;
    * ``pressure`` is that of the bound on the species (Congestion) after the last step, 0 before the first one. It is an energy
      per mass, and 0 where there is room. FiniteVolume tells it.

    Other arguments must have defaults, which are taken. So ``Growth(lambda rho: 1 - rho)`` is logistic, and
    ``Growth(lambda prey, x: a(x) - prey, "hunters")`` couples two species.

    There is no energy. ``Splitting`` takes the term, on Density. It solves the equation of every cell to rounding: the density
    stays positive, and a cell without mass stays without.

    Raises ValueError for a rate that is neither a finite number nor a function; in a run for an argument of another name.

    Source: Gallouet and Monsaingeon, A JKO splitting scheme for Kantorovich-Fisher-Rao gradient flows (2017).

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=8).density(lambda x: 1 + 0 * x)
    >>> flow = jf.evolve(jf.Entropy() + Growth(0.5), rho, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=1.0)
    >>> round(flow.final.mass, 6)                                                           # exp(1/2)
    1.648721
    """

    rate: float | Callable[..., Any]
    species: str = UNNAMED

    def __post_init__(self) -> None:
        if not callable(self.rate):
            object.__setattr__(self, "rate", finite("rate", self.rate))
        else:
            try:
                inspect.signature(self.rate)
            except (TypeError, ValueError):
                raise ValueError(
                    f"rate must be a function whose arguments have names, got {self.rate!r}: wrap it in a lambda"
                ) from None
        species_name("species", self.species)

    @property
    def form(self) -> Form:
        return Reacting(self.species, self.rate)

    @cached_property
    def depends_on_time(self) -> bool:
        return takes_time(self.rate)

    def at(self, time: float) -> Growth:
        """Return the growth of one instant: itself if it does not depend on time."""
        return Growth(fixed_at(self.rate, time), self.species) if self.depends_on_time else self

    def __repr__(self) -> str:
        return short_repr("Growth", self.species, name_of(self.rate) if callable(self.rate) else f"{self.rate:g}")
