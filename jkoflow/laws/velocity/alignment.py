"""Alignment of velocities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..._validate import function, positive_integer, species_name
from ...kernels.periodic import Period, checked_period
from ...measures import UNNAMED
from ..base import Law, State, Term
from ..forms import Form, VelocityPull


@dataclass(frozen=True)
class Alignment(Term):
    """The velocity of species ``moves`` is drawn towards those of species ``by``.

    The force per mass is

        sum_j m_j psi(|x_i - y_j|) (w_j - v_i)        on particle i of ``moves``, over the particles j of ``by``.

    ``psi`` is a function of the distance. If it is positive, velocities approach one another. The sum is weighted by the
    masses, so that N particles of mass 1/N give the mean.

    There is no energy. The term acts on ``MovingParticles`` and ``PhaseDensity``, under the schemes with inertia. With
    ``moves`` and ``by`` the same species it keeps the momentum. ``psi`` is finite, at distance 0 too.

    ``groups`` are replicas: the particles are cut into so many equal groups, in their order. They align within their group
    alone, as if it held the whole mass. With a field that all share this is the Liouville-Vlasov system of Natalini and
    Paul, (9) to (12).

    With ``period``, a length or one per axis, distances are those of the shortest way round a torus, as in ``Periodic``.

    Raises ValueError if ``psi`` is no function, a name is no text, ``groups`` is no whole number >= 1, or ``period`` is not
    positive.

    Source: Cucker and Smale, Emergent behavior in flocks (2007), with psi(r) = K / (1 + r^2)^beta.

    >>> import numpy as np, jkoflow as jf
    >>> pair = jf.MovingParticles([0.0, 1.0], [1.0, -1.0])
    >>> flow = jf.evolve(Alignment(lambda r: 1 + 0 * r), pair, scheme=jf.Inertial(), dt=0.01, t_end=1.0)
    >>> bool(np.allclose(flow.final.velocities, [np.exp(-1), -np.exp(-1)], rtol=1e-4))
    True
    """

    psi: Callable[[Any], Any]
    moves: str = UNNAMED
    by: str = UNNAMED
    groups: int = 1
    period: Period | None = None

    def __post_init__(self) -> None:
        function("psi", self.psi, "a function of the distance")
        species_name("moves", self.moves)
        species_name("by", self.by)
        positive_integer("groups", self.groups)
        if self.period is not None:
            object.__setattr__(self, "period", checked_period(self.period))

    @property
    def involves(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.moves, self.by)))

    @property
    def form(self) -> Form:
        return VelocityPull(self.psi, self.moves, self.by, self.groups, self.period)

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        raise ValueError(f"{self!r} acts on velocities, which this scheme does not have: take Inertial with MovingParticles")
