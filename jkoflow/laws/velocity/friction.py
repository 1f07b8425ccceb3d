"""Friction."""

from __future__ import annotations

from dataclasses import dataclass

from ..._validate import plain_numbers, positive, species_name
from ...measures import UNNAMED
from ..base import Law, State, Term
from ..forms import Damping, Form


@dataclass(frozen=True)
class Friction(Term):
    """The velocity v of a species is damped: the force per mass -gamma v.

    In Newton's equations ``gamma`` is a rate, one over a time. In a system with the inertia time epsilon it is a number: the
    damping is epsilon u' = -(1 + gamma) u + ...

    There is no energy. The term acts on ``MovingParticles`` and ``PhaseDensity``, under the schemes with inertia.

    Raises ValueError for gamma <= 0.

    >>> import numpy as np, jkoflow as jf
    >>> start = jf.MovingParticles([0.0], [1.0])
    >>> flow = jf.evolve(Friction(2.0), start, scheme=jf.Inertial(), dt=0.1, t_end=1.0)
    >>> bool(np.isclose(flow.final.velocities[0], np.exp(-2.0)))
    True
    """

    gamma: float
    species: str = UNNAMED

    def __post_init__(self) -> None:
        plain_numbers(self)
        positive("gamma", self.gamma)
        species_name("species", self.species)

    @property
    def involves(self) -> tuple[str, ...]:
        return (self.species,)

    @property
    def form(self) -> Form:
        return Damping(self.species, self.gamma)

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        raise ValueError(f"{self!r} acts on velocities, which this scheme does not have: take Inertial with MovingParticles")
