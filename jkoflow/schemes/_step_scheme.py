"""The base class of schemes whose steps are solved by a step solver, and the problems of the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from .._status import ConcentrationWarning, OrderWarning, Status, warn
from ..laws import Law
from ..measures import Density, Measure, Species
from ..proximal import FiniteVolume, ProximalStep, ProxResult, StepSolver
from ._recommended import grid_solvers, recommended_solver
from .base import Scheme, StepInfo, chord_dissipation
from .problem import Problem

_SHARE = 0.2  # of the mass in one cell: above, a density concentrates beyond what its grid resolves


@dataclass(frozen=True)
class StepScheme(Scheme):
    """A scheme whose steps are solved by a step solver. If none is given, it is the one recommended for the measure."""

    several_anchors: ClassVar[bool] = False  # whether its steps have further anchors
    solver: StepSolver | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.solver, StepSolver | None):
            raise ValueError(
                f"solver must be a step solver such as Entropic(), or None for the recommended one, got {self.solver!r}"
            )

    def filled_in(self, law: Law, state: Species) -> Self:
        law = law.without_fields
        solver = self.solver
        if solver is None:
            solver = recommended_solver(next(iter(state.values())), law, state)
            if self.several_anchors and issubclass(state.kind, Density):
                solver = FiniteVolume()
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
    """A scheme that hands a step which its solver does not solve, or does not resolve, over to others.

    ``fallback`` holds these solvers, in the order in which they are tried. Default, on a Density without a solver given: all
    of FiniteVolume(), Entropic() and BackAndForth() that take the law. Otherwise none.

    ``each_step``: of all these solvers, the one that is recommended for the state from which a step begins is tried first. It
    is True on a Density without a solver given. Then ``solver`` is the usual one for the law.
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
        if not isinstance(self.each_step, bool):
            raise ValueError(f"each_step must be True or False, got {self.each_step!r}")

    def filled_in(self, law: Law, state: Species) -> Self:
        if self.solver is None and self.fallback is None and issubclass(state.kind, Density):
            solver, *others = (solver.filled_in(state) for solver in grid_solvers(law.without_fields, state))
            return replace(self, solver=solver, fallback=tuple(others), each_step=True)
        others = [solver.filled_in(state) for solver in self.fallback or ()]
        return replace(super().filled_in(law, state), fallback=tuple(others))

    @property
    def step_solvers(self) -> tuple[StepSolver, ...]:
        """All solvers of a scheme whose defaults are filled in. Raises ValueError if there are none yet."""
        return (self.step_solver, *(self.fallback or ()))

    def check(self, step: ProximalStep) -> None:
        """Raise ValueError for a step that one of the solvers does not accept."""
        for solver in reversed(self.step_solvers):  # what the first one prepares is kept
            solver.check(step)

    def solved(self, step: ProximalStep) -> tuple[ProxResult, StepSolver]:
        """The answer of the first solver that solves and resolves a step, and this solver.

        If none does, the answer is that of the first solver that solves it. If none solves it, it is that of the first one.
        """
        solvers = list(self.step_solvers)
        if self.each_step:
            suited = type(recommended_solver(next(iter(step.anchor.values())), step.energy, step.anchor))
            solvers.sort(key=lambda solver: not isinstance(solver, suited))
        tried: list[tuple[ProxResult, StepSolver]] = []
        for solver in solvers:
            tried.append((solver.solve_quietly(step), solver))
            if tried[-1][0].status.ok and tried[-1][0].status is not Status.UNRESOLVED:
                break
        # min takes the first of equals
        answer, solver = min(tried, key=lambda pair: (not pair[0].status.ok, pair[0].status is Status.UNRESOLVED))
        if not answer.status.ok:
            return answer, solver
        if answer.warning is not None:
            warn(str(answer.warning), type(answer.warning))
        if (step.forms.pairs or step.forms.general) and step.forms.internal:
            warn_of_concentration(step.anchor, answer.state)
        return replace(answer, iterations=sum(other.iterations for other, _ in tried)), solver


def warn_of_concentration(before: Species, after: Species) -> None:
    """Warn if interactions bring more than a fifth of the mass of a species into one cell, against its diffusion."""
    for name, density in after.items():
        held = _largest_share(density)
        if held > _SHARE >= _largest_share(before[name]):
            label = f" of species {name!r}" if name else ""
            warn(
                f"one cell of {len(density.masses)} holds {held:.0%} of the mass{label}: the density concentrates beyond what "
                "the grid resolves, and what follows depends on the cells. Take more cells, or end the run before (stop=...)",
                ConcentrationWarning,
            )


def _largest_share(measure: Measure) -> float:
    """The share of the mass in the fullest cell of a Density; 0 for other measures."""
    if not isinstance(measure, Density) or not measure.mass > 0:
        return 0.0
    return float(measure.values.max()) * measure.grid.cell_volume / measure.mass


def proximal_step(
    problem: Problem, anchor: Species, tau: float, further: tuple[tuple[float, Species], ...] = ()
) -> ProximalStep:
    """The problem of one step at one instant."""
    return ProximalStep(problem.law, anchor, tau, problem.mobilities, further)


def in_place_of(failed: ProxResult, step: ProximalStep, solver: StepSolver) -> ProxResult:
    """The answer to a step of JKO, where a step with further anchors has no positive answer."""
    if failed.status.ok or not solver.tells_speed:
        return failed
    answer = solver.solve_quietly(step)
    if not answer.status.ok:
        return failed
    warn(
        "a step of order 2 has no positive density where one falls fast, as at a front that draws back: a step of JKO, of "
        "order 1, takes its place. Shorter steps help if the density is smooth; ImplicitMidpoint() has no such steps",
        OrderWarning,
    )
    return replace(answer, iterations=failed.iterations + answer.iterations)


def distances_in(dt: float, step: ProximalStep, answer: ProxResult, solver: StepSolver) -> Mapping[str, float]:
    """The distances from the anchor of a step whose tau is not dt. Those of a solver that tells speeds are these times dt."""
    if not solver.tells_speed:
        return answer.distances
    return {name: distance * dt / step.tau for name, distance in answer.distances.items()}


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
        energy_out=sum(answer.energy_out for answer in answers),
        outflow={name: dict(doors) for answer in answers for name, doors in answer.outflow.items() if doors},
    )
