"""The joint step of masses on quantiles and fields: each in turn, until both stay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..._status import Status
from ..._typing import Array
from ...laws import FieldsAfter
from ...linear import Anderson
from ...measures import State
from ...proximal import ProximalStep, ProxResult, StepSolver
from ..problem import Problem
from .steering import steering_potentials

_MEMORY = 6  # of the acceleration
_FIRST, _DESCENTS, _LAST = 30, 300, 100  # solutions of the step of masses: accelerated, in the descent, accelerated again
_SETTLED = 1e-11  # share of the extent: nodes that move less between two solutions stay
_ROUNDED = 1e-10  # share of a field, or of an energy: smaller changes are rounding

Solve = Callable[[ProximalStep], tuple[ProxResult, StepSolver]]


class _Failed(Exception):  # noqa: N818 - it ends in a status
    """The step of masses in given fields was not solved."""


class _Point(NamedTuple):
    """The masses that are best in given fields, and the fields that are best for these masses, as modes in one row."""

    answer: ProxResult
    image: Array


@dataclass
class InTurn:
    """A step of masses and fields, as a fixed-point iteration on the fields.

    The masses of given fields solve a step in their potentials; the fields of given masses solve a linear equation. Each
    lowers the joint objective. So the iteration y -> G(y) of the fields descends: y - G(y) is the gradient of the objective
    that is minimised over the masses, in the metric of its second derivative. It is accelerated in two ways:

    * by Anderson's method, which needs a few solutions where the coupling is weak or dt resolves it;
    * where that jumps between several minima, by the quasi-Newton method L-BFGS, which lowers the objective in every step.
    """

    problem: Problem
    state: State
    tau: float
    solve: Solve
    eliminated: FieldsAfter
    iterations: int = 0
    solver: StepSolver | None = None

    def solved(self) -> tuple[ProxResult, StepSolver]:
        """Return the masses after the step, and their solver."""
        start = self._row(self.eliminated.after(self.state.masses))
        try:
            answer = self._accelerated(start, _FIRST)
            if not answer.status.ok:
                answer = self._accelerated(self._descended(start), _LAST)
        except _Failed as failure:
            (answer,) = failure.args
        if answer.status.ok and not self._is_lower(answer):
            answer = replace(answer, status=Status.REFUTED)
        assert self.solver is not None
        return replace(answer, iterations=self.iterations), self.solver

    def _accelerated(self, row: Array, most: int) -> ProxResult:
        """Iterate from fields until nodes and fields stay; the status is ITERATION_LIMIT if they do not."""
        mixing, nodes = Anderson(_MEMORY), list[Array]()
        for _ in range(most):
            answer, image = self._at(row)
            before, nodes = nodes, [measure.nodes for measure in answer.state.values()]
            change, size = (float(self._metric @ part**2) for part in (image - row, image))
            gap = (change / size) ** 0.5 if size > 0 else change**0.5
            if before and gap <= _ROUNDED:
                moved = max(float(np.abs(now - then).max()) for now, then in zip(nodes, before, strict=True))
                if moved <= _SETTLED * max(float(np.ptp(part)) for part in nodes):
                    return answer
            row = mixing.next(row, image, self._metric, gap)
        return replace(answer, status=Status.ITERATION_LIMIT)

    def _descended(self, row: Array) -> Array:
        """The fields at the end of a descent of the joint objective, in units in which its second derivative is 1."""
        from scipy.optimize import minimize

        root = np.sqrt(self._metric)
        unit = float(np.linalg.norm(root * (row - self._at(row).image)))  # so that the first step is G(y) - y
        if unit == 0:
            return row

        def objective(u: Array) -> tuple[float, Array]:
            y = unit * u / root
            answer, image = self._at(y)
            return self._objective(answer, self._fields(y)) / unit**2, root * (y - image) / unit

        options = {"maxfun": _DESCENTS, "maxiter": _DESCENTS, "ftol": 0.0, "gtol": 0.0, "maxcor": 20}
        return np.asarray(unit * minimize(objective, root * row / unit, jac=True, method="L-BFGS-B", options=options).x / root)

    def _at(self, row: Array) -> _Point:
        """Solve the step of masses in fields, and find their best fields."""
        law = self.problem.law.without_fields + steering_potentials(self.problem, self._fields(row))
        answer, self.solver = self.solve(ProximalStep(law, self.state.masses, self.tau, self.problem.mobilities))
        self.iterations += answer.iterations
        if not answer.status.ok:
            raise _Failed(answer)
        return _Point(answer, self._row(self.eliminated.after(answer.state)))

    def _objective(self, answer: ProxResult, fields: Mapping[str, Any]) -> float:
        """The objective of masses and fields, up to a constant."""
        moved = sum(distance**2 / (2 * self.tau * self.problem.mobilities[name]) for name, distance in answer.distances.items())
        return float(self.problem.law.without_fields(answer.state) + self.eliminated.value_with(fields, answer.state) + moved)

    def _is_lower(self, answer: ProxResult) -> bool:
        """Return True if the objective is not above that of the anchor with its best fields, up to rounding."""
        anchor = self.state.masses
        most = self.problem.law.without_fields(anchor) + self.eliminated(anchor)
        least = self._objective(answer, self.eliminated.after(answer.state))
        return bool(least <= most + _ROUNDED * (abs(least) + abs(most)))

    @cached_property
    def _metric(self) -> Array:
        """The second derivative of the objective in the modes."""
        parts = [self.eliminated.metric(signal).ravel() for signal in self.problem.forms.signals.signals]
        return np.minimum(np.concatenate(parts), np.finfo(float).max ** 0.25)

    def _row(self, fields: Mapping[str, Any]) -> Array:
        return np.concatenate([fields[name].modes.ravel() for name in self.problem.forms.signals.names])

    def _fields(self, row: Array) -> dict[str, Any]:
        fields, start = dict(self.state.fields), 0
        for name in self.problem.forms.signals.names:
            like = self.state.fields[name]
            fields[name] = like.like(row[start : start + like.modes.size].reshape(like.modes.shape))
            start += like.modes.size
        return fields
