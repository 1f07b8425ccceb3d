"""What the two conic solvers have in common: their parameters, what they accept, and the answer after a failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...._status import Status
from ....laws.forms import Bound, External, FieldCoupling, Form, Internal, Pair, Shared
from ....measures import Density, Measure
from ...base import IterativeSolver, ProximalStep, ProxResult

_FEASIBLE = 1e-4  # share of the mass that the answer may be short of its constraints


@dataclass(frozen=True)
class ConicSolver(IterativeSolver):
    """A step solver that calls Clarabel through cvxpy. cvxpy is imported at the first use."""

    measures: ClassVar[tuple[type[Measure], ...]] = (Density,)
    takes: ClassVar[tuple[type[Form], ...]] = (Internal, Bound, Shared, External, Pair, FieldCoupling)
    tolerance: float = 1e-7
    max_iterations: int = 200


def judged(status: Status, residual: float) -> Status:
    """The status of an answer whose constraints leave a residual: STALLED if it is above 1e-4 of the mass.

    The tolerances of Clarabel are absolute. So in units in which the masses are tiny it may say that it is done at once.
    """
    return Status.STALLED if status is Status.CONVERGED and not residual <= _FEASIBLE else status


def unsolved(step: ProximalStep, status: Status, iterations: int) -> ProxResult:
    """The answer if the program gave no numbers: the anchor as it was, with distances and potentials 0 and the residual inf."""
    nothing = {name: np.zeros(step.anchor.grid.shape) for name in step.anchor}
    return ProxResult(step.anchor, dict.fromkeys(step.anchor, 0.0), nothing, status, iterations, np.inf)
