"""What terms share that step solvers do not see."""

from __future__ import annotations

from ...measures import UNNAMED
from ..base import Law, State, Term


class OuterTerm(Term):
    """A term of one species that ``Splitting`` takes before and after a step. There is no energy."""

    species: str = UNNAMED

    @property
    def involves(self) -> tuple[str, ...]:
        return (self.species,)

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        return self
