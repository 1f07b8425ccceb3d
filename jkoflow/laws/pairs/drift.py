"""A term with no energy: one species moves in the field of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..._validate import species_name
from ...kernels import Kernel
from ...measures import UNNAMED, Density, Species
from ..base import Law, State, Term
from ..forms import Form, OneWay
from ..potential import Potential
from .interaction import as_kernel


@dataclass(frozen=True)
class Drift(Term):
    """Species ``moves`` has the extra velocity -grad K * rho_by, and nothing acts back on ``by``.

    Two drifts between two species come from an energy only if their kernels are positive multiples of each other
    (docs/theory/two-species.md, section 1.2; see ``symmetrizable``). Otherwise only schemes that freeze the field accept
    them. The frozen law is a Potential on ``moves``.

    >>> from jkoflow import Gaussian
    >>> chase = Drift(Gaussian(), moves="fox", by="hare") + Drift(-Gaussian(), moves="hare", by="fox")
    >>> chase.has_energy
    False
    """

    K: Kernel
    moves: str = UNNAMED
    by: str = UNNAMED

    def __post_init__(self) -> None:
        species_name("moves", self.moves)
        species_name("by", self.by)
        object.__setattr__(self, "K", as_kernel(self.K))

    @property
    def involves(self) -> tuple[str, ...]:
        return (self.moves, self.by)

    def check(self, state: State) -> Species:
        """Return the state as Species. Raises ValueError also for a kernel without what points that move need."""
        checked_state = super().check(state)
        if not issubclass(checked_state.kind, Density):
            by = checked_state[self.by]
            self.K.gradient(*np.ones((by.points.reshape(len(by.masses), -1).shape[1], 1)))
            by.potential(self.K)
        return checked_state

    @property
    def form(self) -> Form:
        return OneWay(self.K, self.moves, self.by)

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        return Potential(self.check(state)[self.by].potential(self.K), self.moves)

    def __repr__(self) -> str:
        return f"Drift({self.K!r}, moves={self.moves!r}, by={self.by!r})"
