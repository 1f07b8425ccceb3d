"""What the schemes for particles with inertia share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ...._frozen import FrozenMapping
from ...._status import Status
from ...._validate import positive
from ....clouds import Forces
from ....laws import Combination
from ....laws.forms import Damping, VelocityPull
from ....measures import MovingParticles, Species, State
from ...base import Carry, Scheme, StepInfo, Taken
from ...problem import Problem
from .motion import Parts


class Advanced(NamedTuple):
    """Positions and velocities after a step, per species."""

    x: Parts
    u: Parts
    carry: Carry
    evaluations: int
    """How often the forces of places were computed."""
    status: Status = Status.CONVERGED
    error: float | None = None
    """The local error that was allowed, a length, if the scheme controls it."""
    fields: Mapping[str, Any] | None = None
    """The fields after the step; None if there are none."""


@dataclass(frozen=True)
class WithInertia(Scheme):
    """A scheme with the inertia time epsilon, by species; of Newton's equations if it is None. The energies are told here."""

    epsilon: float | Mapping[str, float] | None = None
    needs_energy: ClassVar[bool] = False
    takes_fields: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.epsilon, Mapping):
            times = {name: positive(f"epsilon of {name!r}", value) for name, value in self.epsilon.items()}
            object.__setattr__(self, "epsilon", FrozenMapping(times))
        elif self.epsilon is not None:
            object.__setattr__(self, "epsilon", positive("epsilon", self.epsilon))

    def check_species(self, masses: Species) -> None:
        """Raise ValueError for a species without epsilon."""
        if isinstance(self.epsilon, Mapping):
            for name in masses:
                if name not in self.epsilon:
                    raise ValueError(f"epsilon must be given for every species, and there is none for {name!r}")

    def epsilons(self, masses: Species) -> list[float]:
        """The inertia time of every species: 1 for Newton's equations."""
        if self.epsilon is None:
            return [1.0] * len(masses)
        return [self.epsilon[name] if isinstance(self.epsilon, Mapping) else self.epsilon for name in masses]

    @property
    def drag(self) -> float:
        """1 for damped motion, 0 for Newton's equations."""
        return 0.0 if self.epsilon is None else 1.0

    def energy(self, problem: Problem, state: State) -> float:
        law = problem.law.at(state.time)
        of_places = [entry for entry in law.forms.entries if not isinstance(entry.form, VelocityPull | Damping)]
        rest = Combination(tuple((entry.factor, entry.term) for entry in of_places))
        if not rest.has_energy:
            return float("nan")
        potential = rest(state) if rest.field_names else rest(state.masses)  # type: ignore[arg-type]
        alpha = problem.mobilities_at(state.time)
        times = dict(zip(state.masses, self.epsilons(state.masses), strict=True))
        return float(potential + sum(times[name] * m.kinetic_energy / alpha[name] for name, m in state.masses.items()))

    def dissipation(self, problem: Problem, state: State) -> float:
        """sum m u . (drag u + gamma u - (Alignment)) / alpha, an energy per time; NaN with alignment on PhaseDensity."""
        alpha, rates = problem.mobilities_at(state.time), dict.fromkeys(state.masses, self.drag)
        aligned = 0.0
        for entry in problem.law.forms.entries:
            if isinstance(entry.form, Damping):
                rates[entry.form.species] += entry.factor * entry.form.rate
        if any(isinstance(entry.form, VelocityPull) for entry in problem.law.forms.entries):
            aligned = _power_of_alignment(problem, state)
        of_velocities = sum(rates[name] * 2 * m.kinetic_energy / alpha[name] for name, m in state.masses.items())
        return float(of_velocities - aligned + problem.forms.signals.dissipation(state.fields, state.masses))


@dataclass(frozen=True)
class InertialScheme(WithInertia):
    """A scheme for particles with inertia. A subclass defines ``advanced``."""

    carried: ClassVar[str | None] = None
    """The first words of the names of what a subclass carries."""

    @abstractmethod
    def advanced(self, problem: Problem, state: State, dt: float, carry: Carry) -> Advanced:
        """Take one step of size dt."""

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        Forces.of(problem.law, state.masses, problem.mobilities_at(state.time))
        self.check_species(state.masses)
        return {name: part for name, part in carry.items() if self.carried is not None and name.startswith(self.carried)}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        with np.errstate(over="ignore", invalid="ignore"):  # the status tells
            after = self.advanced(problem, state, dt, carry)
        finite = all(np.isfinite(part).all() for part in (*after.x, *after.u))
        status = after.status if finite else Status.NOT_FINITE
        moved = state.masses
        if status.ok:
            moved = state.masses.like({name: (after.x[k], after.u[k]) for k, name in enumerate(state.masses)})
            if not problem.forms.signals.hold(state.fields, moved):
                status = Status.LEFT_DOMAIN
        if not status.ok:
            info = StepInfo(dict.fromkeys(state.masses, 0.0), status, evaluations=after.evaluations)
            return Taken(state.after(dt, state.masses), {}, info)
        distances = {name: moved[name].moved_from(state.masses[name]) for name in moved}
        then = state.after(dt, moved, after.fields)
        info = StepInfo(
            distances,
            after.status,
            dissipation=self.dissipation(problem, then),
            evaluations=after.evaluations,
            error=after.error,
        )
        return Taken(then, after.carry, info)


def _power_of_alignment(problem: Problem, state: State) -> float:
    """sum m u . (Alignment) / alpha; NaN for other measures than MovingParticles."""
    if not issubclass(state.masses.kind, MovingParticles):
        return float("nan")
    alpha, clouds = problem.mobilities_at(state.time), list(state.masses.values())
    x, u, m = ([getattr(cloud, part) for cloud in clouds] for part in ("points", "velocities", "masses"))
    forces = Forces.of(problem.law, state.masses, alpha).alignment(x, u, m)
    parts = zip(state.masses, m, u, forces, strict=True)
    return float(sum(np.sum(mass @ (v * force)) / alpha[name] for name, mass, v, force in parts))
