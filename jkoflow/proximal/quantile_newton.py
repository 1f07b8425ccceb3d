"""The exact JKO step on quantiles, by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._status import Status
from .._typing import Array
from .._validate import positive, positive_integer
from ..measures import Quantiles
from ._line_problem import LineProblem, Model
from ._line_terms import enter
from ._monotone import ConeStep, NotConvex, step_in_cone
from .base import ProximalStep, ProxResult, StepSolver

__all__ = ["QuantileNewton", "enter"]

_DECREASE = 1e-4
_SHRINK = 0.1  # a cell with a barrier at width 0 keeps at least this share of its width in an iteration


@dataclass(frozen=True)
class QuantileNewton(StepSolver):
    tolerance: float = 1e-11
    max_iterations: int = 100
    solves: ClassVar[str] = "the exact step among measures with the anchor's mass nodes"
    takes_further_anchors: ClassVar[bool] = True

    def __post_init__(self) -> None:
        positive("tolerance", self.tolerance)
        positive_integer("max_iterations", self.max_iterations)

    def check(self, step: ProximalStep) -> None:
        if step.anchor.kind is not Quantiles:
            raise ValueError(
                f"QuantileNewton takes Quantiles, got {step.anchor.kind.__name__}: convert with .quantiles() where the measure "
                "is on the line"
            )
        LineProblem(step)

    def solve(self, step: ProximalStep) -> ProxResult:
        self.check(step)
        problem = LineProblem(step)
        x = problem.start
        status, residual, iterations = Status.ITERATION_LIMIT, np.inf, 0
        closed = np.isfinite(problem.floors) & (np.diff(x) <= problem.floors)
        model = problem.evaluate(x)
        for iterations in range(1, self.max_iterations + 1):
            if not np.isfinite(model.value) or not np.all(np.isfinite(model.gradient)):
                status = Status.NOT_FINITE
                break
            widths, resolved = np.diff(x), 4 * np.spacing(float(np.abs(x).max()))
            least = np.maximum(_SHRINK * widths, np.minimum(widths, resolved))
            floors = np.where(problem.barrier, least, problem.floors)
            aim = self._aim(problem, x, model, floors, closed & ~problem.barrier)
            if aim is None:
                status = Status.STALLED
                break
            p, closed = aim.nodes - x, aim.closed
            residual = problem.distance(p)
            held_back = np.any(closed & problem.barrier & (least > resolved))
            if aim.settled and residual <= self.tolerance * problem.length(x) and not held_back:
                x, status = aim.nodes, Status.CONVERGED
                break
            found = _line_search(problem, x, aim.nodes, model)
            if found is None:
                status = Status.STALLED
                break
            x, model = found
        return ProxResult(problem.state(x), {}, {}, status, iterations, residual)

    def _aim(self, problem: LineProblem, x: Array, model: Model, floors: Array, closed: Array) -> ConeStep | None:
        for convexified in (False, True):
            try:
                if convexified:
                    model = problem.evaluate(x, convexified=True)
                return step_in_cone(x, model, floors, problem.fixed, closed)
            except NotConvex:
                continue
        return None


def _line_search(problem: LineProblem, x: Array, full: Array, model: Model) -> tuple[Array, Model] | None:
    slope = float(model.gradient @ (full - x))
    if not slope < 0:
        return None
    noise = 1e-14 * model.size
    share = 1.0
    while share > 1e-12:
        trial = full if share == 1 else x + share * (full - x)
        after = problem.evaluate(trial)
        if after.value <= model.value + _DECREASE * share * slope + noise:
            return trial, after
        share /= 2
    return None
