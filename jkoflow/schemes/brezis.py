"""The exact flow of ordered particles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._status import Status
from ..laws import Law
from ..measures import Species
from ..ordered import TipLaw, Walk
from .base import Past, Scheme, StepInfo


@dataclass(frozen=True)
class Brezis(Scheme):
    """The gradient flow of a convex function on the cone of ordered particles, -dZ/dt in its subdifferential, with no error in
    time: kernels |x|, one or two species on the line, any masses, ties allowed.

    Between meetings of particles all velocities are constant, so that the flow is followed from meeting to meeting; a step is
    only a time at which to look. ``evolve`` needs no dt for it and then looks at 100 equal times. What happened in between is
    in ``flow.events``. A step starts from the positions alone: cutting the time elsewhere changes nothing but the rounding.

    Raises ValueError for measures other than ordered particles, kernels other than |x|, cross-repulsion, three species.

    Cost: O(log N) for a meeting, of which equal masses of two species have at most N (N + 1) / 2. CrossingGrid gives final
    states of those faster, WorldLines the whole as one object, RationalFlow in fractions.

    Source: Brezis (1973); the law and its minimal selection, Di Francesco, Esposito, Schmidtchen (2021), Theorem 3.1 and
    Remark 3.6; its events, docs/theory/newtonian-particles.md, sections 2.4 and 2.5.

    >>> import jkoflow as jf
    >>> start = jf.OrderedParticles(x=[-1.0, -1.0], y=[1.0, 1.0])
    >>> flow = jf.evolve(jf.newtonian_law(), start, scheme=Brezis(), t_end=2.0)
    >>> flow.final["x"].points, flow.events
    (array([-0.33333333,  0.33333333]), Events(3, of which 2 stickings))
    """

    order: ClassVar[float] = np.inf
    exact_in_time: ClassVar[bool] = True

    def filled_in(self, law: Law, state: Species) -> Brezis:
        return self

    def init(self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], past: Past | None = None) -> None:
        TipLaw.of(law, state, mobilities)

    def step(
        self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], carry: None
    ) -> tuple[Species, None, StepInfo]:
        walk = Walk(TipLaw.of(law, state, mobilities), state)
        walk.advance(tau)
        after, events = walk.particles(tau), walk.events
        moved = {name: after[name].moved_from(cloud) for name, cloud in state.items()}
        return after, None, StepInfo(moved, Status.CONVERGED, events=events, error=0.0)
