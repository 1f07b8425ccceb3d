"""The base class of schemes whose steps are solved by a step solver, and the problems of the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from .._status import Status
from ..laws import Law
from ..measures import Species
from ..proximal import ProximalStep, ProxResult, StepSolver
from ._recommended import recommended_solver
from .base import Scheme, StepInfo, chord_dissipation
from .problem import Problem


@dataclass(frozen=True)
class StepScheme(Scheme):
    """A scheme whose steps are solved by a step solver. If none is given, it is the one recommended for the measure."""

    solver: StepSolver | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.solver, StepSolver | None):
            raise ValueError(
                f"solver must be a step solver such as Entropic(), or None for the recommended one, got {self.solver!r}"
            )

    def filled_in(self, law: Law, state: Species) -> Self:
        solver = recommended_solver(next(iter(state.values())), law, state) if self.solver is None else self.solver
        return replace(self, solver=solver.filled_in(state))

    @property
    def step_solver(self) -> StepSolver:
        """The solver of a scheme whose defaults are filled in (``filled_in``). Raises ValueError if there is none yet."""
        if self.solver is None:
            raise ValueError(
                f"the defaults of a scheme must be filled in for a state before it steps (filled_in), got {self!r}"
            )
        return self.solver


def proximal_step(
    problem: Problem, anchor: Species, tau: float, further: tuple[tuple[float, Species], ...] = ()
) -> ProximalStep:
    """The problem of one step at one instant."""
    return ProximalStep(problem.law, anchor, tau, problem.mobilities, further)


def solved(step: ProximalStep, solver: StepSolver, fallback: StepSolver | None) -> tuple[ProxResult, StepSolver]:
    """The answer of ``solver`` to a step, or that of ``fallback`` if only this one solves it; and whose answer it is."""
    answer = solver.solve(step)
    if answer.status.ok or fallback is None:
        return answer, solver
    another = fallback.solve(step)
    if not another.status.ok:
        return answer, solver
    return replace(another, iterations=answer.iterations + another.iterations), fallback


def info_of(
    answers: Sequence[ProxResult], distances: Mapping[str, float], instant: Problem, dt: float, solver: StepSolver
) -> StepInfo:
    """What is told of a step that solved several problems: the worst status, all iterations, the largest residual."""
    not_converged = [answer.status for answer in answers if answer.status is not Status.CONVERGED]
    return StepInfo(
        distances,
        min(not_converged, key=lambda status: status.ok, default=Status.CONVERGED),
        sum(answer.iterations for answer in answers),
        max(answer.residual for answer in answers),
        chord_dissipation(distances, instant.mobilities, dt),
        solver=type(solver).__name__,
    )
