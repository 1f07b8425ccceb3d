"""The JKO step of ordered particles under any convex function, by cutting planes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..._status import Status
from ..._typing import Array
from ...laws.forms import External, Form, Pair, Positions
from ...measures import Measure, OrderedParticles, OrderedPoints, Species
from ...ordered import TipLaw
from ..base import IterativeSolver, ProximalStep, ProxResult
from .slopes import smooth_part, tip_subgradient
from .step import answer, distance

_ABOVE = 1e-8  # share of the objective: a plane higher than that lies above it, beyond Clarabel's rounding


@dataclass(frozen=True)
class CuttingPlanes(IterativeSolver):
    """The JKO step of ordered particles from values and subgradients of E alone, smooth or not.

    It is meant for some hundred particles of one species or two, for functions that OrderedResolvent does not take, and as a
    reference for OrderedResolvent.

    1. The value and a subgradient of E at a point give a plane that lies below E.
    2. The step of the highest of all planes so far gives the next point. It is a quadratic program, solved by Clarabel through
       cvxpy, in units of the step.
    3. The minimum lies between the least value found and the minimum of the last program. The difference of the two is the
       gap. It bounds the distance to the minimiser: ``residual`` = (2 tau gap)^(1/2), a product distance.

    If a plane is seen to lie above E, then E is not convex, and the status is STALLED. A function that is not convex need not
    be found out.

    Parameters
    ----------
    tolerance : float
        The iteration ends when the gap is below this share of the descent. Clarabel reaches no less than about 1e-11; where
        rounding shows twice in a row, as a gap below 0, the iteration ends too, and ``residual`` tells how accurate it is.
    max_iterations : int
        The most planes.

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

    tolerance: float = 1e-10
    max_iterations: int = 200
    solves: ClassVar[str] = "the exact step of indivisible particles in their order, to the gap"
    measures: ClassVar[tuple[type[Measure], ...]] = (OrderedPoints,)
    takes: ClassVar[tuple[type[Form], ...]] = (External, Pair, Positions)

    def prepare(self, step: ProximalStep) -> _Program:
        self.must_take(step)
        return _Program(step)

    def solve(self, step: ProximalStep) -> ProxResult:
        program: _Program = self.prepared(step)
        best, lowest, at, below = step.anchor, np.inf, step.anchor, -np.inf
        status, residual, iterations, above = Status.ITERATION_LIMIT, np.inf, 0, 0
        while iterations < self.max_iterations:
            iterations += 1
            value, slopes = _plane(step, at)
            total = (value - program.level) / program.scale + distance(step, at, step.anchor) ** 2 / (2 * program.length**2)
            if not np.isfinite(total):
                status = Status.NOT_FINITE
                break
            if total < lowest:
                best, lowest = at, total
            if np.isfinite(below):
                residual = program.length * float(np.sqrt(2 * abs(lowest - below)))
                if lowest - below < -_ABOVE * max(1.0, abs(lowest)):  # a plane that lies above the function: it is not convex
                    status = Status.STALLED
                    break
                above = above + 1 if below > lowest else 0
                close = abs(lowest - below) <= self.tolerance * max(abs(lowest), 1e-3)
                if close or above == 2:  # twice in a row the program's minimum was right to no more than rounding
                    status = Status.CONVERGED
                    break
            program.add(at, value, slopes)
            solved = program.solve()
            if solved is None:
                status = Status.STALLED
                break
            at, below = solved
        return answer(step, best, status, iterations, residual)


def _plane(step: ProximalStep, state: Species) -> tuple[float, dict[str, Array]]:
    """The energy at a state and one of its subgradients, per unit mass."""
    _, slopes = smooth_part(step.forms, state)
    for name, slope in tip_subgradient(TipLaw.part_of(step.energy, state), state).items():
        slopes[name] = slopes[name] + slope
    return step.energy(state), slopes


class _Program:
    """The step of the highest of all planes, in units in which all numbers are of order 1.

        minimise r + |u|^2 / 2   over ordered z = z0 + length u and r above all planes

    ``length`` is a product distance, ``scale`` = length^2 / tau an energy, ``level`` the energy of the anchor. ``size`` is, by
    species, how far one unit of u moves every particle.
    """

    def __init__(self, step: ProximalStep) -> None:
        import cvxpy as cp

        self.step = step
        self.planes: list[Any] = []
        self.level, slopes = _plane(step, step.anchor)
        pull = sum(step.mobilities[name] * float(cloud.masses @ slopes[name] ** 2) for name, cloud in step.anchor.items())
        self.length = step.tau * float(np.sqrt(pull)) or 1.0
        self.scale = self.length**2 / step.tau
        self.r = cp.Variable()
        self.u: dict[str, Any] = {name: cp.Variable(len(cloud.points)) for name, cloud in step.anchor.items()}
        self.size = {name: self.length * np.sqrt(step.mobilities[name] / cloud.masses) for name, cloud in step.anchor.items()}
        self.order = []
        for name, cloud in step.anchor.items():
            if len(cloud.points) > 1:
                unit = float(self.size[name].max())
                gaps = np.diff(cloud.points) / unit
                moved = cp.multiply(self.size[name] / unit, self.u[name])
                self.order.append(moved[1:] - moved[:-1] >= -gaps)
        self.objective = cp.Minimize(self.r + sum(cp.sum_squares(u) for u in self.u.values()) / 2)

    def add(self, at: Species, value: float, slopes: dict[str, Array]) -> None:
        """Add the plane at a state, from the energy and its slopes there."""
        bound = (value - self.level) / self.scale
        for name, u in self.u.items():
            rate = at[name].masses * slopes[name] / self.scale
            bound = bound + (rate * self.size[name]) @ u + float(rate @ (self.step.anchor[name].points - at[name].points))
        self.planes.append(self.r >= bound)

    def solve(self) -> tuple[OrderedParticles, float] | None:
        """Return the minimiser and the minimum; None if Clarabel finds none."""
        import cvxpy as cp

        problem = cp.Problem(self.objective, [*self.planes, *self.order])
        try:
            with warnings.catch_warnings():  # the gap tells how accurate it was
                warnings.simplefilter("ignore", UserWarning)
                problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12)
        except cp.SolverError:
            return None
        if problem.status not in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
            return None
        places = {}
        for name, u in self.u.items():
            cloud = self.step.anchor[name]
            places[name] = (np.maximum.accumulate(cloud.points + self.size[name] * u.value), cloud.masses)
        return OrderedParticles(places), float(problem.value)
