"""The JKO step of ordered particles under any convex function, by cutting planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .._status import Status
from .._typing import Array
from .._validate import positive, positive_integer
from ..measures import OrderedParticles, Species
from ..ordered import TipLaw
from ._ordered_slopes import smooth_part, tip_subgradient
from ._ordered_step import answer, distance, must_be_ordered
from .base import ProximalStep, ProxResult, StepSolver


@dataclass(frozen=True)
class CuttingPlanes(StepSolver):
    """The JKO step of ordered particles from values and subgradients alone, smooth or not.

    Every point looked at gives a plane below E; the step of the highest of them (a quadratic program, by Clarabel through
    cvxpy) gives the next point. Between the least value found and that of the last program lies the minimum, and the distance
    to the minimiser is at most (2 gap)^(1/2) (tau alpha)^(1/2) in the metric of the masses.

    Parameters
    ----------
    tolerance : float
        The gap at which to end, as a share of the objective; Clarabel's own accuracy is about 1e-9.
    max_iterations : int
        Planes.

    For some hundred particles, functions that OrderedResolvent does not take, and as a reference for it. ``residual`` is the
    bound on the product distance to the minimiser, (2 tau gap)^(1/2).

    Source: Kelley (1960); the proximal form, Lemarechal, Nemirovskii, Nesterov (1995).

    >>> import numpy as np, jkoflow as jf
    >>> widest = jf.ConvexFunction(
    ...     lambda state: float(np.ptp(state["x"].points)),
    ...     lambda state: {"x": np.array([-1.0, 0.0, 1.0]) / state["x"].masses},
    ...     species=("x",),
    ... )
    >>> step = jf.ProximalStep(widest, jf.OrderedParticles(x=([0.0, 1.0, 2.0], [0.5, 1.0, 0.5])), tau=0.1)
    >>> CuttingPlanes().solve(step).state["x"].points.round(6)
    array([0.2, 1. , 1.8])
    """

    tolerance: float = 1e-9
    max_iterations: int = 200
    solves: ClassVar[str] = "the exact step of indivisible particles in their order, to the gap"

    def __post_init__(self) -> None:
        positive("tolerance", self.tolerance)
        positive_integer("max_iterations", self.max_iterations)

    def check(self, step: ProximalStep) -> None:
        must_be_ordered(step)
        _plane(step, step.anchor)

    def solve(self, step: ProximalStep) -> ProxResult:
        must_be_ordered(step)
        program = _Program(step)
        best, lowest, at = step.anchor, np.inf, step.anchor
        status, residual, iterations = Status.ITERATION_LIMIT, np.inf, 0
        while iterations < self.max_iterations:
            iterations += 1
            value, slopes = _plane(step, at)
            total = value + distance(step, at, step.anchor) ** 2 / (2 * step.tau)
            if not np.isfinite(total):
                status = Status.NOT_FINITE
                break
            if total < lowest:
                best, lowest = at, total
            program.add(at, value, slopes)
            solved = program.solve()
            if solved is None:
                status = Status.STALLED
                break
            at, below = solved
            gap = max(lowest - below, 0.0)
            residual = float(np.sqrt(2 * step.tau * gap))
            if gap <= self.tolerance * max(abs(lowest), abs(value), distance(step, best, step.anchor) ** 2 / step.tau):
                status = Status.CONVERGED
                break
        return answer(step, best, status, iterations, residual)


def _plane(step: ProximalStep, state: Species) -> tuple[float, dict[str, Array]]:
    """The energy and one of its subgradients, in the metric of the masses."""
    _, slopes = smooth_part(step.energy, state)
    if len(state) <= 2:
        for name, slope in tip_subgradient(TipLaw.part_of(step.energy, state), state).items():
            slopes[name] = slopes[name] + slope
    return step.energy(state), slopes


class _Program:
    """minimise r + |z - z0|^2 / (2 tau) over ordered z, r above all planes."""

    def __init__(self, step: ProximalStep) -> None:
        import cvxpy as cp

        self.step, self.planes = step, []  # type: ignore[var-annotated]
        self.r = cp.Variable()
        self.z: dict[str, Any] = {name: cp.Variable(len(cloud.points)) for name, cloud in step.anchor.items()}
        self.order = [z[1:] >= z[:-1] for z in self.z.values() if z.size > 1]
        near = sum(
            cp.sum_squares(cp.multiply(np.sqrt(cloud.masses / step.weight(name)), self.z[name] - cloud.points))
            for name, cloud in step.anchor.items()
        )
        self.objective = cp.Minimize(self.r + near / 2)

    def add(self, at: Species, value: float, slopes: dict[str, Array]) -> None:
        """One more plane."""
        rises = sum((at[name].masses * slopes[name]) @ (z - at[name].points) for name, z in self.z.items())
        self.planes.append(self.r >= value + rises)

    def solve(self) -> tuple[OrderedParticles, float] | None:
        """The minimiser and the minimum; None where Clarabel finds none."""
        import cvxpy as cp

        problem = cp.Problem(self.objective, [*self.planes, *self.order])
        try:
            problem.solve(solver=cp.CLARABEL)
        except cp.SolverError:
            return None
        if problem.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
            return None
        places = {name: (np.maximum.accumulate(z.value), self.step.anchor[name].masses) for name, z in self.z.items()}
        return OrderedParticles(places), float(problem.value)
