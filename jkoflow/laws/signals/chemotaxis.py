"""Steering of a species by a field."""

from __future__ import annotations

from dataclasses import dataclass

from ..._validate import field_name, finite, plain_numbers, species_name
from ...measures import UNNAMED
from ..base import Law, State, Term
from ..forms import Form, Steering


@dataclass(frozen=True)
class Chemotaxis(Term):
    """A species is drawn up the gradient of a field: with alpha eta grad c, a velocity, or with inertia an acceleration.

    ``moves`` is the species, ``along`` the name of the field. alpha is the mobility of the species, 1 if none is given. A
    negative eta repels.

    Raises ValueError for eta that is not finite, or a name that is no text.

    >>> Chemotaxis(2.0, moves="cells", along="c")
    Chemotaxis(2, moves='cells', along='c')
    """

    eta: float
    moves: str = UNNAMED
    along: str = "c"

    def __post_init__(self) -> None:
        plain_numbers(self)
        finite("eta", self.eta)
        species_name("moves", self.moves)
        field_name("along", self.along)

    @property
    def involves(self) -> tuple[str, ...]:
        return (self.moves,)

    @property
    def form(self) -> Form:
        return Steering(self.eta, self.moves, self.along)

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        return self

    def __repr__(self) -> str:
        return f"Chemotaxis({self.eta:g}, moves={self.moves!r}, along={self.along!r})"
