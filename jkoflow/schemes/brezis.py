"""The exact flow of ordered particles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._status import Status
from ..measures import State
from ..ordered import TipLaw, Walk
from .base import Carry, Scheme, StepInfo, Taken
from .problem import Problem


@dataclass(frozen=True)
class Brezis(Scheme):
    """The exact flow of ordered particles under the kernels |x|: it has no error in time.

    The flow is the gradient flow of a convex function on the cone of ordered positions: -dZ/dt lies in the subdifferential of
    the function at the positions Z. The scheme takes one or two species on the line and any masses. Ties are allowed.

    Between meetings of particles all velocities are constant. So the scheme follows the flow from meeting to meeting, and a
    step is only a time at which the state is recorded. If ``evolve`` is given no dt, it records 100 equal steps.
    ``flow.events`` holds what happened in between. A step starts from the positions alone: if the time is cut elsewhere, only
    the rounding changes.

    Raises ValueError for measures other than ordered particles, kernels other than |x|, cross-repulsion, and three species.

    Cost: O(log N) for a meeting. Two species of equal masses have at most N (N + 1) / 2 meetings.

    For the same flow in other forms: CrossingGrid gives the final states for equal masses faster, WorldLines the whole flow as
    one object, RationalFlow the flow in fractions.

    Source: Brezis (1973). The law and its minimal selection: Di Francesco, Esposito, Schmidtchen (2021), Theorem 3.1 and Remark
    3.6. The events: docs/theory/newtonian-particles.md, sections 2.4 and 2.5.

    >>> import jkoflow as jf
    >>> start = jf.OrderedParticles(x=[-1.0, -1.0], y=[1.0, 1.0])
    >>> flow = jf.evolve(jf.newtonian_law(), start, scheme=Brezis(), t_end=2.0)
    >>> flow.final["x"].points, flow.events
    (array([-0.33333333,  0.33333333]), Events(3, of which 2 stickings))
    """

    order: ClassVar[float] = np.inf
    exact_in_time: ClassVar[bool] = True

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        if not problem.constant:
            raise ValueError("Brezis takes laws and mobilities that do not depend on time: take JKO() for one that does")
        TipLaw.of(problem.law, state.masses, problem.mobilities)
        return {}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        tips = TipLaw.of(problem.law, state.masses, problem.mobilities)
        walk = Walk(tips, state.masses)
        walk.advance(dt)
        after, events = walk.particles(dt), walk.events
        distances = {name: after[name].moved_from(cloud) for name, cloud in state.masses.items()}
        info = StepInfo(distances, Status.CONVERGED, dissipation=tips.dissipation(after), events=events, error=0.0)
        return Taken(state.after(dt, after), {}, info)
