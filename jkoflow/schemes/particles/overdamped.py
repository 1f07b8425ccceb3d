"""Particle systems of first order, followed through their collisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..._status import Status
from ..._validate import plain_numbers, positive
from ...clouds import CloudLaw, Forces, Motion, is_steep
from ...measures import State
from ..base import Carry, Scheme, StepInfo, Taken
from ..problem import Problem
from .whole_system import integrated

_GROUP_OF = "group of "


@dataclass(frozen=True)
class Overdamped(Scheme):
    """The flow of particles in any dimension, through their collisions, to a tolerance.

        dx/dt = -alpha_a (sum_b grad K_ab * rho_b + grad V_a)(x)        for the particles of every species a

    The law may have an energy or not. Between collisions the scheme is an explicit Runge-Kutta method of order 8 with error
    control.

    Kernels whose slope over r grows without bound towards the origin bring atoms together in finite time: PowerLaw(p) for
    p < 2, Morse, their sums. At a collision the rule of docs/theory/coincidences.md, section 3 decides:

    * Atoms of one species stay together.
    * Atoms of two species stay together as long as the tips can hold them. Otherwise they part or pass through one another.
    * Under a repulsive tip atoms of one place stay there: the force 0 is selected.

    So atoms that collapse are followed to the end and beyond. Where many come together at once the steps may get too small: a
    step that takes more than 100 000 evaluations of the velocity ends with the status ITERATION_LIMIT.

    With fields (FieldEnergy, Secretion, Chemotaxis) places and fields are one system, dx/dt = alpha eta grad c - ...,
    integrated to the tolerance. A particle feels its own trail. Kernels must then be smooth.

    ``evolve`` needs no dt: the error is that of ``tolerance``, and a step is only a time at which the state is recorded. Every
    StepInfo tells how often the velocity was evaluated, and as its error the local error that was allowed, a length.
    The dissipation is the rate at the new state. A potential may depend on time, mobilities may not.
    ``distances`` are those of the motion, (sum m |dx|^2)^(1/2), which is at least W2.

    Parameters
    ----------
    tolerance : float
        The local error of an integration step, as a share of the extent of the particles. Atoms that attract without bound
        count as one place if they are within 100 times this error.

    Cost of one evaluation of the velocity: O(N^2) in general, for all pairs. On the line O(N log N) for abs(x), even powers and
    Morse, and O(N) for quadratic kernels. For stiff laws, and for thousands of collisions, take ``ParticleProximal``.

    Source: particle systems and minimal selection, Di Francesco and Fagioli (2013), (23), (25) and appendix B. The paper is
    corrected at coincidences in docs/theory/two-species.md, section 2.6.

    >>> import jkoflow as jf
    >>> pair = jf.Particles([[0.0, 0.0], [1.0, 0.0]])
    >>> flow = jf.evolve(jf.Interaction(jf.PowerLaw(1)), pair, scheme=Overdamped(), t_end=2.0)
    >>> flow.final.points.round(6)                                                 # together since t = 1
    array([[0.5, 0. ],
           [0.5, 0. ]])
    """

    tolerance: float = 1e-9
    order: ClassVar[float] = np.inf
    exact_in_time: ClassVar[bool] = True
    needs_energy: ClassVar[bool] = False
    takes_fields: ClassVar[bool] = True

    def __post_init__(self) -> None:
        plain_numbers(self)
        if not positive("tolerance", self.tolerance) <= 1e-3:
            raise ValueError(f"tolerance must be at most 1e-3, got {self.tolerance!r}")

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        law = CloudLaw.of(problem.law.without_fields, state.masses, _constant(problem))
        steep = next((kernel for kernel in law.kernels.values() if is_steep(kernel)), None)
        if problem.law.field_names and steep is not None:
            raise ValueError(
                f"with fields, kernels must be smooth, so that no particles collide, got {steep!r}: take Gaussian()"
            )
        return {name: carry[name] for name in (_GROUP_OF + species for species in state.masses) if name in carry}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        if problem.law.field_names:
            with np.errstate(over="ignore", invalid="ignore"):  # the status tells
                return self._with_fields(problem, state, dt)
        law = CloudLaw.of(problem.law, state.masses, problem.mobilities)
        motion = Motion(law, self.tolerance, state.time)
        members = tuple(carry[_GROUP_OF + name] for name in state.masses) if carry else None
        with np.errstate(over="ignore", invalid="ignore"):  # the status tells
            moved = motion.run(state.masses, dt, members)
        extent = max(float(np.ptp(cloud.points, axis=0).max()) for cloud in state.masses.values())
        distances = {name: moved.state[name].moved_from(cloud) for name, cloud in state.masses.items()}
        info = StepInfo(
            distances,
            moved.status,
            dissipation=moved.dissipation,
            evaluations=motion.evaluations,
            error=self.tolerance * extent,
        )
        met = {_GROUP_OF + name: group for name, group in zip(state.masses, moved.members, strict=True)}
        return Taken(state.after(dt, moved.state), met, info)

    def _with_fields(self, problem: Problem, state: State, dt: float) -> Taken:
        """Places and the modes of the fields as one system, without collisions."""
        forces = Forces.of_first_order(problem.law, state.masses, problem.mobilities)
        x, m = [cloud.points for cloud in state.masses.values()], [cloud.masses for cloud in state.masses.values()]
        end = integrated(forces, m, x, None, state.fields, state.time, dt, self.tolerance)
        moved = state.masses.like(dict(zip(state.masses, end.x, strict=True)))
        held = not end.status.ok or problem.forms.signals.hold(state.fields, moved)
        status = end.status if held else Status.LEFT_DOMAIN
        if not status.ok:
            info = StepInfo(dict.fromkeys(state.masses, 0.0), status, evaluations=end.evaluations)
            return Taken(state.after(dt, state.masses), {}, info)
        after = state.after(dt, moved, end.fields)
        velocities = forces.of_places(end.x, m, after.time, end.fields)
        of_masses = sum(
            float(mass @ (v.reshape(len(v), -1) ** 2).sum(axis=1)) / problem.mobilities[name]
            for name, mass, v in zip(moved, m, velocities, strict=True)
        )
        info = StepInfo(
            {name: moved[name].moved_from(state.masses[name]) for name in moved},
            status,
            dissipation=of_masses + problem.forms.signals.dissipation(after.fields, moved),
            evaluations=end.evaluations,
            error=self.tolerance * max(float(np.ptp(part, axis=0).max()) for part in x),
        )
        return Taken(after, {}, info)


def _constant(problem: Problem) -> Mapping[str, float]:
    """The mobilities. Raises ValueError for mobilities that depend on time."""
    for name, alpha in problem.mobility.items():
        if callable(alpha):
            raise ValueError(f"mobility of {name!r} must be a number for Overdamped, got a function of time: take JKO()")
    return problem.mobilities
