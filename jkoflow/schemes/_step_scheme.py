"""The base class of schemes whose steps are solved by a step solver, and the problems of the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from .._status import Status
from ..laws import Law
from ..measures import Density, Species
from ..proximal import ProximalStep, ProxResult, StepSolver
from ._recommended import recommended_solver, safe_solvers
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


@dataclass(frozen=True)
class SafeStepScheme(StepScheme):
    """A scheme that hands a step which its solver does not solve over to others.

    ``fallback`` holds these solvers, in the order in which they are tried. Default, on a Density with the recommended solver:
    all of FiniteVolume(), Entropic() and BackAndForth() that take the law. Otherwise none.

    ``each_step`` is True where the solver is the recommended one of a Density. Then the choice is made again for the state from
    which each step begins: of all these solvers, the one that is recommended for it is tried first.
    """

    fallback: tuple[StepSolver, ...] | None = None
    each_step: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        given: object = self.fallback
        if isinstance(given, StepSolver):
            given = (given,)
        if given is not None and not (isinstance(given, tuple) and all(isinstance(solver, StepSolver) for solver in given)):
            raise ValueError(f"fallback must be a step solver such as FiniteVolume(), a tuple of them, or None, got {given!r}")
        object.__setattr__(self, "fallback", given)

    def filled_in(self, law: Law, state: Species) -> Self:
        filled = super().filled_in(law, state)
        if self.fallback is not None:
            return filled
        if self.solver is not None or state.kind is not Density:
            return replace(filled, fallback=())
        return replace(filled, fallback=safe_solvers(filled.step_solver, law, state), each_step=True)

    def solved(self, step: ProximalStep) -> tuple[ProxResult, StepSolver]:
        """The answer of the first solver that solves a step, and this solver; if none does, the answer of the first one."""
        solvers = [self.step_solver, *(self.fallback or ())]
        if self.each_step:
            suited = type(recommended_solver(next(iter(step.anchor.values())), step.energy, step.anchor))
            solvers.sort(key=lambda solver: not isinstance(solver, suited))
        first, used = None, 0
        for solver in solvers:
            answer = solver.solve(step)
            used += answer.iterations
            if answer.status.ok:
                return replace(answer, iterations=used), solver
            first = first or (answer, solver)
        assert first is not None
        return first


def proximal_step(
    problem: Problem, anchor: Species, tau: float, further: tuple[tuple[float, Species], ...] = ()
) -> ProximalStep:
    """The problem of one step at one instant."""
    return ProximalStep(problem.law, anchor, tau, problem.mobilities, further)


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
