"""The kinetic equation on a grid of phase space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..._status import Status
from ..._typing import Array
from ..._validate import positive
from ...laws import Combination
from ...laws.forms import Damping, VelocityPull
from ...measures import PhaseDensity, Species, State
from ...pull_back import moved_along
from ..base import Carry, Scheme, StepInfo, Taken
from ..problem import Problem

_FAR = 1e12  # a stretch that leaves nothing of a line but one point


@dataclass(frozen=True)
class Kinetic(Scheme):
    """The Vlasov equation with damping, on a grid of places and velocities. Order 2 in dt for a fixed epsilon.

        d f / dt + v . grad_x f = (1 / epsilon) div_v((v - F) f),   F = -alpha grad dE/d rho

    The state is of ``PhaseDensity``. Without ``epsilon`` it is Vlasov's equation d f / dt + v . grad_x f + F . grad_v f = 0.

    A step is half a step in v, a step in x, half a step in v, each by its exact flow: lines of cells are shifted, or shrunk
    towards F by exp(-dt / (2 epsilon)), and their masses are found from the mass before every edge. So mass is kept to rounding
    and stays positive, and there is no condition on dt from the cells or from epsilon. For epsilon far below dt all mass lies
    on the graph of F, up to a cell of velocities.

    F is taken by central differences of the first variation. Mass that would leave the box, in places or velocities, stays in
    the cells at the wall: give boxes that hold what moves.

    The energy is H = E + (epsilon / alpha) int |v|^2 f / 2, without epsilon E + int |v|^2 f / (2 alpha); its dissipation is
    int |v|^2 f / alpha, and 0 without epsilon. ``distances`` are dt (int |v|^2 f)^(1/2) at the new state, how far the mass has
    moved to the first order in dt.

    Parameters
    ----------
    epsilon : float or None
        The inertia time.

    Raises ValueError for epsilon <= 0, a state that is not of PhaseDensity, and laws on velocities (Alignment, Friction).

    Cost: O(cells of phase space) per step, four passes in 1-D times 1-D.

    Source: the equation is (4) of Choi, Fagioli, Iorio, Small inertia limit for coupled kinetic swarming models; the scheme is
    conservative semi-Lagrangian splitting (Cheng and Knorr 1976).

    >>> import numpy as np, jkoflow as jf
    >>> space, velocity = jf.Grid.box((-4, 4), cells=64), jf.Grid.box((-4, 4), cells=64)
    >>> f = jf.PhaseDensity.of(space, velocity, lambda x, v: np.exp(-2 * (x - 1) ** 2 - 2 * v**2))
    >>> flow = jf.evolve(jf.Potential(lambda x: x**2 / 2), f, scheme=Kinetic(0.1), dt=0.05, t_end=0.5)
    >>> bool(abs(flow.final.mass - 1) < 1e-14), bool(flow.final.values.min() >= 0)
    (True, True)
    """

    epsilon: float | None = None
    order: ClassVar[float] = 2
    needs_energy: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.epsilon is not None:
            object.__setattr__(self, "epsilon", positive("epsilon", self.epsilon))

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        if not issubclass(state.masses.kind, PhaseDensity):
            raise ValueError(f"Kinetic takes PhaseDensity, got {state.masses.kind.__name__}: Inertial takes MovingParticles")
        for entry in problem.law.forms.entries:
            if isinstance(entry.form, VelocityPull | Damping):
                raise ValueError(f"Kinetic does not take {entry.term!r}: follow MovingParticles by Inertial")
        self._forces(problem, state.masses, state.time)
        return {}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        middle = self._accelerated(problem, state.masses, state.time, dt / 2)
        drifted = Species({name: _drifted(f, dt) for name, f in middle.items()})
        after = state.after(dt, self._accelerated(problem, drifted, state.time + dt, dt / 2))
        alpha = problem.mobilities_at(after.time)
        distances = {name: float(np.sqrt(2 * f.kinetic_energy)) * dt for name, f in after.masses.items()}
        drag = 0.0 if self.epsilon is None else 1.0
        dissipation = sum(2 * drag * f.kinetic_energy / alpha[name] for name, f in after.masses.items())
        return Taken(after, {}, StepInfo(distances, Status.CONVERGED, dissipation=float(dissipation), evaluations=2))

    def energy(self, problem: Problem, state: State) -> float:
        law = problem.law.at(state.time)
        if not law.has_energy:
            return float("nan")
        inertia = 1.0 if self.epsilon is None else self.epsilon
        alpha = problem.mobilities_at(state.time)
        return float(law(state.masses) + sum(inertia * f.kinetic_energy / alpha[name] for name, f in state.masses.items()))

    def _forces(self, problem: Problem, masses: Species, time: float) -> dict[str, Array]:
        """F of every species, shape (d, ...) over the grid of places."""
        instant = problem.at(time)
        places = Species({name: f.places for name, f in masses.items()})
        frozen = Combination(instant.law.terms).frozen_at(places, self_terms=True)
        forces = {}
        for name, rho in places.items():
            variation = frozen.first_variation(places, name)
            if not np.isfinite(variation).all():
                raise ValueError(f"the force on species {name!r} must be finite: Kinetic takes no entropy next to vacuum")
            slopes = [np.gradient(variation, h, axis=axis, edge_order=2) for axis, h in enumerate(rho.grid.spacing)]
            forces[name] = -instant.mobilities[name] * np.stack(slopes)
        return forces

    def _accelerated(self, problem: Problem, masses: Species, time: float, h: float) -> Species:
        """The state after a time h in which only velocities change."""
        forces = self._forces(problem, masses, time)
        return Species({name: self._shrunk(f, forces[name], h) for name, f in masses.items()})

    def _shrunk(self, f: PhaseDensity, force: Array, h: float) -> PhaseDensity:
        values = f.values
        for axis, (dv, (low, _)) in enumerate(zip(f.velocity.spacing, f.velocity.bounds, strict=True)):
            here = force[axis].reshape(force[axis].shape + (1,) * (f.dim - 1))
            if self.epsilon is None:
                shifts, stretch = -here * h / dv, 1.0
            else:
                stretch = float(min(np.exp(min(h / self.epsilon, 600.0)), _FAR))
                shifts = (here - low) * (1 - stretch) / dv
            values = moved_along(values, f.dim + axis, shifts, stretch)
        return f.like(values)


def _drifted(f: PhaseDensity, dt: float) -> PhaseDensity:
    """The density after free motion for a time dt."""
    values = f.values
    for axis, (dx, v) in enumerate(zip(f.space.spacing, f.velocity.axes, strict=True)):
        shape = (1,) * (f.dim - 1) + tuple(len(v) if k == axis else 1 for k in range(f.dim))
        values = moved_along(values, axis, (-v * dt / dx).reshape(shape), 1.0)
    return f.like(values)
