"""Particles with inertia, of first order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..._status import Status
from ...measures import State
from ..base import Carry
from ..problem import Problem
from .inertia import Advanced, DampedMotion, InertialScheme


@dataclass(frozen=True)
class ExponentialEuler(InertialScheme):
    """Particles with inertia, of order 1 in dt whatever epsilon: the force is that at the start of the step.

        x' = u,   epsilon u' = -u + F(x, u)

    The system, its energy and its dissipation are those of ``Inertial``. A step solves the system exactly for the force of
    places, and the coefficients of friction and alignment, at its start. As epsilon tends to 0 it becomes the explicit Euler
    method for the flow of first order. ``Inertial`` costs twice as much per step and is of order 2: take it unless you compare
    orders, or the forces are rough.

    Parameters
    ----------
    epsilon : float, mapping or None
        The inertia time, of every species or by species. None: Newton's equations.

    Raises ValueError as ``Inertial``.

    Cost: one evaluation of F per step.

    Source: Hochbruck and Ostermann, Exponential integrators (2010), (1.3); docs/theory/small-inertia.md, section 2.3.

    >>> import numpy as np, jkoflow as jf
    >>> well = jf.Potential(lambda x: x**2 / 2)
    >>> flow = jf.evolve(well, jf.MovingParticles([1.0], [0.0]), scheme=ExponentialEuler(1e-6), dt=0.01, t_end=1.0)
    >>> bool(abs(flow.final.points[0] - 0.99**100) < 1e-5)                         # explicit Euler for x' = -x
    True
    """

    order: ClassVar[float] = 1

    def advanced(self, problem: Problem, state: State, dt: float, carry: Carry) -> Advanced:
        motion = DampedMotion.of(problem, state.masses, state.time, self.epsilons(state.masses), self.drag)
        x, u = ([getattr(p, part) for p in state.masses.values()] for part in ("points", "velocities"))
        phis = motion.phis(motion.drag_at(x), dt, 3)
        of_u, of_push = phis(u), phis(motion.push(x, state.time, state.fields))
        if of_u is None or of_push is None:
            return Advanced(x, u, {}, 1, Status.SOLVER_FAILED)
        moved = [a + dt * b + dt**2 * c for a, b, c in zip(x, of_u[1], of_push[2], strict=True)]
        u = [a + dt * b for a, b in zip(of_u[0], of_push[1], strict=True)]
        return Advanced(moved, u, {}, 1, fields=motion.fields_after(state.fields, dt, x, moved))
