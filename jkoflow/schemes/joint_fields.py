"""The JKO step of masses and fields together, in W2 x L2."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .._status import Status
from ..fields import Field
from ..laws import Combination, FieldsAfter, Law, Potential
from ..measures import Density, Quantiles, State
from ..proximal import ProximalStep, ProxResult, StepSolver
from .problem import Problem

_MOST = 60  # solutions of the step of masses on quantiles
_SETTLED = 1e-11  # share of the extent: nodes that move less between two of them stay

Solve = Callable[[ProximalStep], tuple[ProxResult, StepSolver]]


class JointAnswer(NamedTuple):
    """The masses and the fields at the end of a step."""

    answer: ProxResult
    solver: StepSolver
    fields: Mapping[str, Any]
    dissipation: float
    """That of the fields, an energy per time: sum |change of c|^2 / (beta tau^2)."""


def must_have_joint_step(problem: Problem, state: State) -> None:
    """Raise ValueError for a law whose fields do not have a step together with the masses."""
    signals = problem.forms.signals
    if not signals.have_energy:
        raise ValueError(
            f"{problem.law!r} is not one gradient flow of masses and fields: a species must secrete a field and follow it in a "
            "positive ratio, with one profile. Alternating takes the law"
        )
    if state.masses.kind not in (Density, Quantiles):
        raise ValueError(
            f"the joint step takes Density and Quantiles, got {state.masses.kind.__name__}: Overdamped takes Particles, "
            "Inertial takes MovingParticles"
        )
    for name in signals.names:
        if not isinstance(state.fields[name], Field):
            raise ValueError(f"field {name!r} must be a Field on a box for the joint step, got {state.fields[name]!r}")


def joint_step(problem: Problem, state: State, tau: float, solve: Solve, guess: Mapping[str, Any]) -> JointAnswer:
    """Solve one step of masses and fields.

    The fields are eliminated: given the masses they solve a linear equation. On grids the solver of the masses sees them as one
    more term, with its exact response. On quantiles masses and fields are solved for in turn, which lowers the objective
    every time, until the nodes stay.
    """
    eliminated = FieldsAfter(problem.forms.signals, state.fields, tau)
    law = problem.law.without_fields
    if state.masses.kind is Density:
        step = ProximalStep(law + eliminated, state.masses, tau, problem.mobilities, guess=guess)
        answer, solver = solve(step)
    else:
        answer, solver = _in_turn(law, problem, state, tau, solve, eliminated)
    fields = eliminated.after(answer.state)
    return JointAnswer(answer, solver, fields, _dissipation(problem, state, fields, tau))


def _in_turn(
    law: Law, problem: Problem, state: State, tau: float, solve: Solve, eliminated: FieldsAfter
) -> tuple[ProxResult, StepSolver]:
    masses, iterations = state.masses, 0
    for _ in range(_MOST):
        seen = law + steering_potentials(problem, eliminated.after(masses))
        answer, solver = solve(ProximalStep(seen, state.masses, tau, problem.mobilities))
        iterations += answer.iterations
        moved = max(float(np.abs(answer.state[name].nodes - masses[name].nodes).max()) for name in masses)
        extent = max(float(np.ptp(measure.nodes)) for measure in masses.values())
        masses = answer.state
        if not answer.status.ok or moved <= _SETTLED * extent:
            return replace(answer, iterations=iterations), solver
    return replace(answer, iterations=iterations, status=Status.ITERATION_LIMIT), solver


def steering_potentials(problem: Problem, fields: Mapping[str, Any]) -> Law:
    """The potentials -eta c by which given fields steer the species. On a Density they are arrays over its grid."""
    total: Law = Combination(())
    for signal in problem.forms.signals.signals:
        field = fields[signal.name]
        for species, eta in signal.steering.items():
            total = total + Potential(_Potential(field, -eta), species, gradient=_Gradient(field, -eta))
    return total


def steering_arrays(problem: Problem, fields: Mapping[str, Any]) -> list[Law]:
    """The same potentials as arrays over the grid of the fields."""
    return [
        Potential(-eta * fields[signal.name].values, species)
        for signal in problem.forms.signals.signals
        for species, eta in signal.steering.items()
    ]


class _Potential:
    """A multiple of a field as a function of coordinates."""

    def __init__(self, field: Field, factor: float) -> None:
        self.field, self.factor = field, factor

    def __call__(self, *coordinates: Any) -> Any:
        shape = np.shape(coordinates[0])
        points = np.stack([np.ravel(x) for x in coordinates], axis=1)
        return self.factor * self.field.at(points).reshape(shape)


class _Gradient(_Potential):
    """Its gradient, one array per coordinate."""

    def __call__(self, *coordinates: Any) -> Any:
        shape = np.shape(coordinates[0])
        points = np.stack([np.ravel(x) for x in coordinates], axis=1)
        gradient = self.factor * self.field.gradient_at(points)
        if len(coordinates) == 1:
            return gradient.reshape(shape)
        return np.moveaxis(gradient.reshape(*shape, -1), -1, 0)


def _dissipation(problem: Problem, before: State, fields: Mapping[str, Any], tau: float) -> float:
    total = 0.0
    for signal in problem.forms.signals.signals:
        start, end = before.fields[signal.name], fields[signal.name]
        change = (end.modes - start.modes) ** 2
        held = change > 0
        assert signal.weight is not None
        total += signal.weight / tau**2 * float(np.sum(change[held] * signal.metric(end)[held]))
    return total
