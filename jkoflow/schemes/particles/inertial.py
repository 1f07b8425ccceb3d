"""Particles with inertia, of second order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..._status import Status
from ...clouds import Forces
from ...measures import State
from ..base import Carry
from ..problem import Problem
from .inertia import Advanced, DampedMotion, InertialScheme

_FORCE_ON = "force on "


@dataclass(frozen=True)
class Inertial(InertialScheme):
    """Particles with inertia, of order 2 in dt. The state is of ``MovingParticles``.

    With ``epsilon``, the inertia time, the damped system

        x' = u,   epsilon u' = -u + F(x, u),   F = -alpha grad dE/d rho + (Alignment) - (Friction)

    is solved by an exponential Runge-Kutta method. It takes any epsilon, from far above dt to far below it: the error is
    bounded by a multiple of dt^2 whatever epsilon, and as epsilon tends to 0 the method becomes Heun's method for the flow of
    first order, x' = F(x).

    Without ``epsilon``, Newton's equations x' = v, v' = F(x, v) are solved: by the method of Verlet, which is symplectic, and
    half steps of friction and alignment before and after it, each exact at places that stay.

    If the terms of places have an energy E, the scheme tells the energy H, and its dissipation:

    * with epsilon H = E + sum (epsilon / alpha) m |u|^2 / 2 and -dH/dt = sum (1 + gamma) m |u|^2 / alpha;
    * without it H = E + sum m |v|^2 / (2 alpha) and -dH/dt = sum gamma m |v|^2 / alpha.

    Here gamma is that of Friction, 0 without it. Alignment adds -sum m u . (Alignment) / alpha, which is positive if all
    mobilities are equal and psi is the same both ways.

    Fields (FieldEnergy, Secretion, Chemotaxis) relax exactly in time, with sources that go linearly from the places before to
    the places after. A particle feels its own trail. The state carries the fields: a run is continued from masses and fields.

    Friction and alignment are linear in the velocities. With epsilon they are a part of the exponential, however strong they
    are.

    Conditions:

    * dt resolves F: dt times the Lipschitz constant of F in space is below about 1. The forces of places are explicit. In a
      field whose derivative is at most L, steps are stable for dt < 2 / L where epsilon is far below dt, and for
      dt < 2 / L^(1/2) without epsilon. Beyond, the energies of the run grow.
    * There is no condition on dt / epsilon.
    * Kernels are smooth, or repulsive and singular: then the pair of a particle with itself is left out. An attraction that
      does not vanish at distance 0 is refused.

    Parameters
    ----------
    epsilon : float, mapping or None
        The inertia time, of every species or by species. None: Newton's equations.

    Raises ValueError for epsilon <= 0, a species without epsilon, and a state that is not of MovingParticles.

    Cost: two evaluations of F per step with epsilon. Alignment adds 10 to 40 products with its table of pairs: the table is
    kept up to N = 2000, and computed anew for every product beyond. Without epsilon a step takes one evaluation: the last
    force of a step is in the carry, and is the first of the next, unless the law or a mobility depends on time.

    Source: the system is (3) of Choi, Fagioli, Iorio, Small inertia limit for coupled kinetic swarming models; the scheme:
    docs/theory/small-inertia.md, section 2.3. Exponential Runge-Kutta methods: Hochbruck and Ostermann (2010).

    >>> import numpy as np, jkoflow as jf
    >>> start = jf.MovingParticles([1.0], [0.0])
    >>> well = jf.Potential(lambda x: x**2 / 2)
    >>> flow = jf.evolve(well, start, scheme=Inertial(1e-6), dt=0.01, t_end=1.0)
    >>> bool(abs(flow.final.points[0] - np.exp(-1.0)) < 1e-4)                      # the flow of first order
    True
    """

    order: ClassVar[float] = 2
    carried: ClassVar[str | None] = _FORCE_ON

    def advanced(self, problem: Problem, state: State, dt: float, carry: Carry) -> Advanced:
        return self._verlet(problem, state, dt, carry) if self.epsilon is None else self._exponential(problem, state, dt)

    def _exponential(self, problem: Problem, state: State, h: float) -> Advanced:
        """A step with the force and the L of the start, and its correction by the change of both over it."""
        motion = DampedMotion.of(problem, state.masses, state.time, self.epsilons(state.masses), self.drag)
        x, u = ([getattr(p, part) for p in state.masses.values()] for part in ("points", "velocities"))
        push, drag = motion.push(x, state.time, state.fields), motion.drag_at(x)
        phis = motion.phis(drag, h, 4)
        of_u, of_push = phis(u), phis(push)
        if of_u is None or of_push is None:
            return Advanced(x, u, {}, motion.evaluations, Status.SOLVER_FAILED)
        ua = [a + h * b for a, b in zip(of_u[0], of_push[1], strict=True)]
        xa = [a + h * b + h**2 * c for a, b, c in zip(x, of_u[1], of_push[2], strict=True)]
        fields = motion.fields_after(state.fields, h, x, xa)
        change = [after - before for after, before in zip(motion.push(xa, state.time + h, fields), push, strict=True)]
        if motion.forces.pulls:
            change = [c - a + b for c, a, b in zip(change, motion.drag_at(xa)(ua), drag(ua), strict=True)]
        of_change = phis(change)
        if of_change is None:
            return Advanced(x, u, {}, motion.evaluations, Status.SOLVER_FAILED)
        u = [a + h * b for a, b in zip(ua, of_change[2], strict=True)]
        end = [a + h**2 * b for a, b in zip(xa, of_change[3], strict=True)]
        return Advanced(end, u, {}, motion.evaluations, fields=motion.fields_after(state.fields, h, x, end))

    def _verlet(self, problem: Problem, state: State, h: float, carry: Carry) -> Advanced:
        """Half a step of the forces of velocities, a step of Verlet, and the other half."""
        forces = Forces.of(problem.law, state.masses, problem.mobilities_at(state.time))
        later = forces if problem.constant else forces.with_mobilities(problem.mobilities_at(state.time + h))
        x, v, m = ([getattr(p, part) for p in state.masses.values()] for part in ("points", "velocities", "masses"))
        known = [carry[_FORCE_ON + name] for name in state.masses] if carry else None
        first = forces.of_places(x, m, state.time, state.fields) if known is None else known
        motion = DampedMotion(problem, forces, m, [1.0] * len(m), 0.0)
        relaxed = motion.phis(motion.drag_at(x), h / 2, 1)(v)
        if relaxed is None:
            return Advanced(x, v, {}, 1, Status.SOLVER_FAILED)
        v = [vk + h / 2 * f for vk, f in zip(relaxed[0], first, strict=True)]
        before, x = x, [xk + h * vk for xk, vk in zip(x, v, strict=True)]
        fields = forces.fields_after(state.fields, h, m, before, x)
        end = later.of_places(x, m, state.time + h, fields)
        v = [vk + h / 2 * f for vk, f in zip(v, end, strict=True)]
        relaxed = motion.phis(motion.drag_at(x), h / 2, 1)(v)
        if relaxed is None:
            return Advanced(x, v, {}, 1, Status.SOLVER_FAILED)
        kept: Carry = {}
        if problem.constant:  # the places stay until the next step, and so do the forces
            kept = {_FORCE_ON + name: force for name, force in zip(state.masses, end, strict=True)}
        return Advanced(x, relaxed[0], kept, 1 if known is not None else 2, fields=fields)
