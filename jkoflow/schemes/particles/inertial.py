"""Particles with inertia."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..._frozen import FrozenMapping
from ..._status import Status
from ..._typing import Array
from ..._validate import positive
from ...clouds import Forces
from ...laws import Combination
from ...laws.forms import Damping, VelocityPull
from ...measures import State
from ..base import Carry, Scheme, StepInfo, Taken
from ..problem import Problem

_SERIES = 1.0  # of dt / epsilon: below, the weights are summed as series, since their formulas cancel
_TERMS = 20
_FORCE_ON = "force on "


@dataclass(frozen=True)
class Inertial(Scheme):
    """Particles with inertia, of order 2 in dt. The state is of ``MovingParticles``.

    With ``epsilon``, the inertia time, the damped system

        x' = u,   epsilon u' = -u + F(x, u),   F = -alpha grad dE/d rho + (Alignment) - (Friction)

    is solved by an exponential Runge-Kutta method. It takes any epsilon, from far above dt to far below it: the error is
    bounded by a multiple of dt^2 whatever epsilon, and as epsilon tends to 0 the method becomes Heun's method for the flow of
    first order, x' = F(x).

    Without ``epsilon``, Newton's equations x' = v, v' = F(x, v) are solved: by the method of Verlet, which is symplectic, and
    half steps of the forces of velocities before and after it (friction exactly, alignment by the midpoint rule).

    If the terms of places have an energy E, the scheme tells the energy H, and its dissipation:

    * with epsilon H = E + sum (epsilon / alpha) m |u|^2 / 2 and, for laws of places alone, -dH/dt = sum m |u|^2 / alpha;
    * without it H = E + sum m |v|^2 / (2 alpha) and -dH/dt = sum gamma m |v|^2 / alpha, with the gamma of Friction.

    With Alignment the dissipation is NaN.

    Conditions: dt resolves F, that is dt times the Lipschitz constant of F is below about 1. There is no condition on
    dt / epsilon. Kernels are smooth, or repulsive and singular: then the pair of a particle with itself is left out. An
    attraction that does not vanish at distance 0 is refused.

    Parameters
    ----------
    epsilon : float, mapping or None
        The inertia time, of every species or by species. None: Newton's equations.

    The forces are explicit. In a field F whose derivative is at most L, steps are stable for dt < 2 / L where epsilon is far
    below dt, and for dt < 2 / L^(1/2) without epsilon. Beyond, the energies of the run grow.

    Raises ValueError for epsilon <= 0, a species without epsilon, and a state that is not of MovingParticles.

    Cost: two evaluations of F per step with epsilon. Without, one: the last force of a step is in the carry, and is the first
    of the next, unless the law or a mobility depends on time.

    Source: the system is (3) of Choi, Fagioli, Iorio, Small inertia limit for coupled kinetic swarming models; the scheme:
    docs/theory/small-inertia.md. Exponential Runge-Kutta methods: Cox and Matthews (2002).

    >>> import numpy as np, jkoflow as jf
    >>> start = jf.MovingParticles([1.0], [0.0])
    >>> well = jf.Potential(lambda x: x**2 / 2)
    >>> flow = jf.evolve(well, start, scheme=Inertial(1e-6), dt=0.01, t_end=1.0)
    >>> bool(abs(flow.final.points[0] - np.exp(-1.0)) < 1e-4)                      # the flow of first order
    True
    """

    epsilon: float | Mapping[str, float] | None = None
    order: ClassVar[float] = 2
    needs_energy: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if isinstance(self.epsilon, Mapping):
            times = {name: positive(f"epsilon of {name!r}", value) for name, value in self.epsilon.items()}
            object.__setattr__(self, "epsilon", FrozenMapping(times))
        elif self.epsilon is not None:
            object.__setattr__(self, "epsilon", positive("epsilon", self.epsilon))

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        Forces.of(problem.law, state.masses, problem.mobilities_at(state.time))
        if isinstance(self.epsilon, Mapping):
            for name in state.masses:
                if name not in self.epsilon:
                    raise ValueError(f"epsilon must be given for every species, and there is none for {name!r}")
        return {name: carry[name] for name in (_FORCE_ON + species for species in state.masses) if name in carry}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        forces = Forces.of(problem.law, state.masses, problem.mobilities_at(state.time))
        later = forces if problem.constant else forces.with_mobilities(problem.mobilities_at(state.time + dt))
        particles = list(state.masses.values())
        x, v = [p.points for p in particles], [p.velocities for p in particles]
        masses = [p.masses for p in particles]
        known: Carry = {}
        with np.errstate(over="ignore", invalid="ignore"):  # the status tells
            if self.epsilon is None:
                start = [carry[_FORCE_ON + name] for name in state.masses] if carry else None
                x, v, end, used = _verlet(forces, later, x, v, masses, state.time, dt, start)
                if problem.constant:  # the places stay until the next step, and so do the forces
                    known = {_FORCE_ON + name: force for name, force in zip(state.masses, end, strict=True)}
            else:
                times = [self._time_of(name) for name in state.masses]
                x, v, used = _exponential(forces, later, x, v, masses, state.time, dt, times)
        if not all(np.isfinite(part).all() for part in (*x, *v)):
            info = StepInfo(dict.fromkeys(state.masses, 0.0), Status.NOT_FINITE, evaluations=used)
            return Taken(state.after(dt, state.masses), {}, info)
        moved = state.masses.like({name: (x[k], v[k]) for k, name in enumerate(state.masses)})
        distances = {name: moved[name].moved_from(state.masses[name]) for name in moved}
        after = state.after(dt, moved)
        info = StepInfo(distances, Status.CONVERGED, dissipation=self._dissipation(problem, forces, after), evaluations=used)
        return Taken(after, known, info)

    def energy(self, problem: Problem, state: State) -> float:
        law = problem.law.at(state.time)
        velocity_terms = (VelocityPull, Damping)
        of_places = [entry for entry in law.forms.entries if not isinstance(entry.form, velocity_terms)]
        if not all(entry.form.has_energy for entry in of_places):
            return float("nan")
        potential = Combination(tuple((entry.factor, entry.term) for entry in of_places))(state.masses)
        alpha = problem.mobilities_at(state.time)
        return float(potential + sum(self._inertia(name) * m.kinetic_energy / alpha[name] for name, m in state.masses.items()))

    def _time_of(self, name: str) -> float:
        """The inertia time of a species."""
        assert self.epsilon is not None
        return float(self.epsilon[name] if isinstance(self.epsilon, Mapping) else self.epsilon)

    def _inertia(self, name: str) -> float:
        """What the kinetic energy of a species is multiplied with in H, apart from 1 / alpha."""
        return 1.0 if self.epsilon is None else self._time_of(name)

    def _dissipation(self, problem: Problem, forces: Forces, state: State) -> float:
        alpha = problem.mobilities_at(state.time)
        if forces.pulls:
            return float("nan")
        rates = {name: forces.damping[k] for k, name in enumerate(state.masses)}
        drag = 0.0 if self.epsilon is None else 1.0
        return float(sum((drag + rates[n]) * 2 * m.kinetic_energy / alpha[n] for n, m in state.masses.items()))


class _Weights:
    """The weights of a step of h of the exponential method: h phi_1, h phi_2 and their integrals, for one epsilon."""

    def __init__(self, h: float, epsilon: float) -> None:
        z = h / epsilon
        self.decay = float(np.exp(-z))
        self.gain = float(-np.expm1(-z))  # 1 - E
        if z < _SERIES:  # (z - 1 + E) / z and (z^2 / 2 - z + 1 - E) / z^2 by their series
            powers = np.cumprod(np.r_[1.0, [-z / k for k in range(1, _TERMS)]])  # (-z)^k / k!
            first, second = float(powers[2:].sum()) / z if z > 0 else 0.0, float(-powers[3:].sum()) / z**2 if z > 0 else 0.0
        else:
            first, second = 1 - self.gain / z, 0.5 - (z - self.gain) / z**2
        self.lag = h * first  # h - epsilon (1 - E)
        self.second = h * h * second  # h^2 / 2 - epsilon h + epsilon^2 (1 - E)
        self.reach = epsilon * self.gain  # epsilon (1 - E)


def _exponential(
    forces: Forces,
    later: Forces,
    x: list[Array],
    u: list[Array],
    m: list[Array],
    time: float,
    h: float,
    epsilons: list[float],
) -> tuple[list[Array], list[Array], int]:
    """One step of the exponential method of order 2 (ETD2RK): a step with the force at the start, and its correction."""
    weights = [_Weights(h, epsilon) for epsilon in epsilons]
    start = forces(x, u, m, time)
    xa = [x[k] + w.reach * u[k] + w.lag * start[k] for k, w in enumerate(weights)]
    ua = [w.decay * u[k] + w.gain * start[k] for k, w in enumerate(weights)]
    change = [(end - now) / h for end, now in zip(later(xa, ua, m, time + h), start, strict=True)]
    return (
        [xa[k] + w.second * change[k] for k, w in enumerate(weights)],
        [ua[k] + w.lag * change[k] for k, w in enumerate(weights)],
        2,
    )


def _verlet(
    forces: Forces,
    later: Forces,
    x: list[Array],
    v: list[Array],
    m: list[Array],
    time: float,
    h: float,
    start: list[Array] | None,
) -> tuple[list[Array], list[Array], list[Array], int]:
    """Half a step of the forces of velocities, a step of Verlet, and the other half.

    ``start`` is the force of places at the start, if it is known. The third result is that at the end.
    """
    first = forces.of_places(x, m, time) if start is None else start
    v = _velocities_alone(forces, x, v, m, h / 2)
    v = [vk + h / 2 * f for vk, f in zip(v, first, strict=True)]
    x = [xk + h * vk for xk, vk in zip(x, v, strict=True)]
    end = later.of_places(x, m, time + h)
    v = [vk + h / 2 * f for vk, f in zip(v, end, strict=True)]
    return x, _velocities_alone(forces, x, v, m, h / 2), end, 2 if start is None else 1


def _velocities_alone(forces: Forces, x: list[Array], v: list[Array], m: list[Array], h: float) -> list[Array]:
    """The velocities after a time h of friction, exactly, and of alignment at places that stay, by the midpoint rule."""
    if forces.pulls:
        middle = [vk + h / 2 * f for vk, f in zip(v, forces.alignment(x, v, m), strict=True)]
        v = [vk + h * f for vk, f in zip(v, forces.alignment(x, middle, m), strict=True)]
    return [np.exp(-rate * h) * vk for rate, vk in zip(forces.damping, v, strict=True)]
