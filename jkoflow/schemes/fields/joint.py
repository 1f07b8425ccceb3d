"""The JKO step of masses and fields together, in W2 x L2."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..._status import Status
from ...fields import Field
from ...laws import FieldsAfter
from ...measures import Density, Quantiles, State
from ...proximal import ProximalStep, ProxResult, StepSolver
from ..problem import Problem

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
    if not issubclass(state.masses.kind, Density | Quantiles):
        raise ValueError(
            f"the joint step takes Density and Quantiles, got {state.masses.kind.__name__}: Overdamped takes Particles, "
            "Inertial takes MovingParticles"
        )
    for name in signals.names:
        if not isinstance(state.fields[name], Field):
            raise ValueError(f"field {name!r} must be a Field on a box for the joint step, got {state.fields[name]!r}")


def joint_step(problem: Problem, state: State, tau: float, solve: Solve, guess: Mapping[str, Any]) -> JointAnswer:
    """Solve one step of masses and fields.

    The fields are eliminated: given the masses they solve a linear equation. The solver of the masses sees them as one more
    term, with its exact response on grids and its exact second derivative on quantiles.
    """
    eliminated = FieldsAfter(problem.forms.signals, state.fields, tau)
    law = problem.law.without_fields
    answer, solver = solve(ProximalStep(law + eliminated, state.masses, tau, problem.mobilities, guess=guess))
    if answer.status.ok and not problem.forms.signals.hold(state.fields, answer.state):
        answer = replace(answer, state=state.masses, status=Status.LEFT_DOMAIN)
    fields = eliminated.after(answer.state)
    return JointAnswer(answer, solver, fields, _dissipation(problem, state, fields, tau))


def _dissipation(problem: Problem, before: State, fields: Mapping[str, Any], tau: float) -> float:
    ends = [(signal, before.fields[signal.name], fields[signal.name]) for signal in problem.forms.signals.signals]
    return sum(signal.square(end, end.modes - start.modes) for signal, start, end in ends) / tau**2
