"""Particles with inertia, to a tolerance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..._status import Status
from ..._validate import positive
from ...measures import State
from ..base import Carry
from ..problem import Problem
from .inertia import Advanced, DampedMotion, InertialScheme, Parts
from .inertia.collocation import NODES, collocated
from .whole_system import integrated

_INNER = "inner step"  # its size, and the largest extent and velocity of the run
_SLACK = 0.01  # of the tolerance: the change at which the fixed-point iteration of a step ends
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 4.0  # of the size of the next step
_SHORTEST = 1e-13  # share of dt
_ROUNDING = 8 * np.finfo(float).eps  # of the distance from the origin: places are not known better


@dataclass(frozen=True)
class InertialReference(InertialScheme):
    """Particles with inertia, to a tolerance: for references, and where ``Inertial`` needs many steps.

        x' = u,   epsilon u' = -u + F(x, u)

    The system, its energy and its dissipation are those of ``Inertial``. ``dt`` only says when states are recorded. Between
    them the scheme chooses steps of its own. In a step the force is a polynomial of degree 5 in time, and its integrals
    against the exponential of the damping are exact. So its steps are those that the force asks for, whatever epsilon is.

    Parameters
    ----------
    epsilon : float, mapping or None
        The inertia time, of every species or by species. None: Newton's equations.
    tolerance : float
        The local error of a step: of places as a share of the extent of the particles (or of the way they go), of velocities as
        a share of the largest velocity of the run.

    With fields (FieldEnergy, Secretion, Chemotaxis), places, velocities and the modes of the fields are one system, integrated
    by an explicit Runge-Kutta method of order 8: its steps are at most about 6 epsilon, and 6 / (decay + D k^2) for the
    shortest wave.

    StepInfo tells as error the local error that was allowed, a length.

    Raises ValueError as ``Inertial``, and for a tolerance that is not in (0, 1e-3].

    Cost: a step takes 20 to 60 evaluations of F. The length of a step is that over which F changes, times tolerance^(1/6). With
    Alignment the layer of the velocities, which lasts some epsilon, is resolved by 20 to 100 steps more.

    Source: docs/theory/small-inertia.md, sections 2.1 and 2.4; collocation: Hairer, Norsett, Wanner, Solving Ordinary
    Differential Equations I, II.7.

    >>> import numpy as np, jkoflow as jf
    >>> well = jf.Potential(lambda x: 1.3 * x**2 / 2, gradient=lambda x: 1.3 * x)
    >>> flow = jf.evolve(well, jf.MovingParticles([0.7], [-0.4]), scheme=InertialReference(0.05), t_end=0.9)
    >>> round(float(flow.final.points[0]), 9)                                      # docs/theory/small-inertia.md, T1
    0.208529415
    """

    tolerance: float = 1e-10
    order: ClassVar[float] = np.inf
    exact_in_time: ClassVar[bool] = True
    carried: ClassVar[str | None] = _INNER

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "tolerance", positive("tolerance", self.tolerance))
        if self.tolerance > 1e-3:
            raise ValueError(f"tolerance must be at most 1e-3, got {self.tolerance!r}")

    def advanced(self, problem: Problem, state: State, dt: float, carry: Carry) -> Advanced:
        motion = DampedMotion.of(problem, state.masses, state.time, self.epsilons(state.masses), self.drag)
        x, u = ([getattr(p, part) for p in state.masses.values()] for part in ("points", "velocities"))
        if problem.law.field_names:
            inertia = (self.drag, motion.epsilons)
            end = integrated(motion.forces, motion.masses, x, u, state.fields, state.time, dt, self.tolerance, inertia)
            return Advanced(end.x, end.v, {}, end.evaluations, end.status, fields=end.fields)
        h, length, speed = map(float, carry[_INNER]) if carry else (dt, 0.0, 0.0)
        start, now, allowed = x, 0.0, 0.0
        noise = _ROUNDING * max(float(np.abs(part).max()) for part in x)
        while now < dt:
            step = min(h, dt - now)
            length, speed = map(max, (length, speed), _scales(motion, x, u, state.time + now, dt))
            allowed = max(self.tolerance * length, noise)
            limits = (allowed, max(self.tolerance * speed, noise / dt) or 1.0) if length else (1.0, 1.0)  # all rests
            after = collocated(motion, x, u, state.time + now, step, (max(_SLACK * limits[0], noise), _SLACK * limits[1]))
            worst = np.inf if after is None else max(after.error_of_x / limits[0], after.error_of_u / limits[1])
            if after is not None and worst <= 1:
                x, u = after.x, after.u
                now = dt if step == dt - now else now + step
            elif step < _SHORTEST * dt:
                return Advanced(start, u, {}, motion.evaluations, Status.SOLVER_FAILED)
            factor = _SAFETY * max(worst, 1e-300) ** (-1 / NODES) if np.isfinite(worst) else _SHRINK
            proposed = step * min(max(factor, _SHRINK), _GROW)
            h = max(h, proposed) if worst <= 1 and step < h else proposed
        return Advanced(x, u, {_INNER: np.array([h, length, speed])}, motion.evaluations, error=allowed)


def _scales(motion: DampedMotion, x: Parts, u: Parts, time: float, dt: float) -> tuple[float, float]:
    """The extent of the particles, or how far they go in dt if that is more, and their largest velocity."""
    together = np.concatenate([part.reshape(len(part), -1) for part in x])
    extent, speed = float(np.ptp(together, axis=0).max()), 0.0
    for part, push, rate in zip(u, motion.push(x, time), motion.rates, strict=True):
        lasting = min(dt, 1 / rate) if rate > 0 else dt  # of a velocity that nothing keeps up
        gained = float(np.abs(push).max()) * lasting
        speed = max(speed, float(np.abs(part).max()), gained)
        extent = max(extent, float(np.abs(part).max()) * lasting + gained * dt)
    return extent, speed
