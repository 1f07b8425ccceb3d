"""The kinetic equation on a grid of phase space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..._status import Status
from ...laws.forms import (
    Damping,
    Emitting,
    External,
    FieldCoupling,
    General,
    Internal,
    OneWay,
    Pair,
    Relaxing,
    Shared,
    Steering,
    VelocityPull,
)
from ...measures import PhaseDensity, Species, State
from ...pull_back import moved_along
from ..base import Carry, StepInfo, Taken
from ..problem import Problem
from .inertia import PhaseMotion, WithInertia

_OF_PLACES, _OF_VELOCITIES = (Internal, Shared, External, Pair, OneWay, FieldCoupling, General), (Damping, VelocityPull)
_OF_FIELDS = (Relaxing, Emitting, Steering)


@dataclass(frozen=True)
class Kinetic(WithInertia):
    """The Vlasov equation with damping, on a grid of places and velocities. Order 2 in dt for a fixed epsilon.

        d f / dt + v . grad_x f = (1 / epsilon) div_v((v - F) f),   F = -alpha grad dE/d rho + (Alignment) - (Friction)

    The state is of ``PhaseDensity``. Without ``epsilon`` it is Vlasov's equation d f / dt + v . grad_x f + div_v(F f) = 0.
    ``Alignment`` is F = psi * (rho u) - (psi * rho) v, with the mean velocity u.

    A step is half a step in v, a step in x, half a step in v, each by its exact flow: lines of cells are shifted, or shrunk
    towards F by exp(-dt / (2 epsilon)), and their masses are found from the mass before every edge. So mass is kept to rounding
    and stays positive, and there is no condition on dt from the cells or from epsilon. The mean of every line moves exactly
    too: mean velocities are right also where f is narrower than a cell. For epsilon far below dt all mass lies on the graph of
    F, up to a cell of velocities.

    Fields (FieldEnergy, Secretion, Chemotaxis) live on the grid of places: half a step in v sees those of its time, and they
    relax exactly, with sources that go linearly from the places before to the places after.

    F is taken by central differences of the first variation. Mass that would leave the box, in places or velocities, stays in
    the cells at the wall: give boxes that hold what moves.

    The energy is H = E + (epsilon / alpha) int |v|^2 f / 2, without epsilon E + int |v|^2 f / (2 alpha). Its dissipation is
    (1 + gamma) int |v|^2 f / alpha, without epsilon gamma int |v|^2 f / alpha, and NaN with alignment. ``distances`` are
    dt (int |v|^2 f)^(1/2) at the new state, how far the mass has moved to the first order in dt.

    Parameters
    ----------
    epsilon : float, mapping or None
        The inertia time, of every species or by species. None: Vlasov's equation.

    Raises ValueError for epsilon <= 0, a species without epsilon, a state that is not of PhaseDensity, and terms without a
    force (bounds, obstacles, doors, Mobility, Advection, Growth).

    Cost: O(cells of phase space) per step, four passes in 1-D times 1-D. Alignment adds 10 to 40 convolutions of places.

    Source: the equation is (4) of Choi, Fagioli, Iorio, Small inertia limit for coupled kinetic swarming models; the scheme is
    conservative semi-Lagrangian splitting (Cheng and Knorr 1976).

    >>> import numpy as np, jkoflow as jf
    >>> space, velocity = jf.Grid.box((-4, 4), cells=64), jf.Grid.box((-4, 4), cells=64)
    >>> f = jf.PhaseDensity.of(space, velocity, lambda x, v: np.exp(-2 * (x - 1) ** 2 - 2 * v**2))
    >>> flow = jf.evolve(jf.Potential(lambda x: x**2 / 2), f, scheme=Kinetic(0.1), dt=0.05, t_end=0.5)
    >>> bool(abs(flow.final.mass - 1) < 1e-14), bool(flow.final.values.min() >= 0)
    (True, True)
    """

    order: ClassVar[float] = 2

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        if not issubclass(state.masses.kind, PhaseDensity):
            raise ValueError(f"Kinetic takes PhaseDensity, got {state.masses.kind.__name__}: Inertial takes MovingParticles")
        self.check_species(state.masses)
        problem.forms.require((*_OF_PLACES, *_OF_VELOCITIES, *_OF_FIELDS), "Kinetic")
        PhaseMotion.of(problem, state.masses, state.time, self.epsilons(state.masses), self.drag, state.fields)
        return {}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        middle = self._relaxed(problem, state, dt / 2)
        if middle is None:
            return _failed(state, dt)
        drifted = Species({name: _drifted(f, dt) for name, f in middle.items()})
        fields = problem.forms.signals.after(state.fields, dt, state.masses, drifted)
        end = self._relaxed(problem, state.after(dt, drifted, fields), dt / 2)
        if end is None:
            return _failed(state, dt)
        after = state.after(dt, end, fields)
        distances = {name: float(np.sqrt(2 * f.kinetic_energy)) * dt for name, f in after.masses.items()}
        dissipation = self.dissipation(problem, after)
        return Taken(after, {}, StepInfo(distances, Status.CONVERGED, dissipation=dissipation, evaluations=2))

    def _relaxed(self, problem: Problem, state: State, h: float) -> Species | None:
        """The densities after a time h in which only velocities change, in the fields of the state."""
        masses = state.masses
        return PhaseMotion.of(problem, masses, state.time, self.epsilons(masses), self.drag, state.fields).after(h)


def _failed(state: State, dt: float) -> Taken:
    return Taken(state.after(dt, state.masses), {}, StepInfo(dict.fromkeys(state.masses, 0.0), Status.SOLVER_FAILED))


def _drifted(f: PhaseDensity, dt: float) -> PhaseDensity:
    """The density after free motion for a time dt."""
    values = f.values
    for axis, (dx, v) in enumerate(zip(f.space.spacing, f.velocity.axes, strict=True)):
        shape = (1,) * (f.dim - 1) + tuple(len(v) if k == axis else 1 for k in range(f.dim))
        values = moved_along(values, axis, (-v * dt / dx).reshape(shape), 1.0)
    return f.like(values)
