"""What the two conic solvers have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ...._status import Status
from ....laws.forms import Bound, External, FieldCoupling, Form, Internal, Pair
from ....measures import Density, Measure
from ...base import IterativeSolver, ProximalStep, ProxResult


@dataclass(frozen=True)
class ConicSolver(IterativeSolver):
    """A step solver by Clarabel: its tolerance, its limit, and what it accepts. cvxpy is imported at the first use."""

    measures: ClassVar[tuple[type[Measure], ...]] = (Density,)
    takes: ClassVar[tuple[type[Form], ...]] = (Internal, Bound, External, Pair, FieldCoupling)
    tolerance: float = 1e-7
    max_iterations: int = 200

    def check(self, step: ProximalStep) -> None:
        import cvxpy as cp

        from .energy import conic_energy

        self.must_take(step)
        conic_energy(step, {name: cp.Variable(step.anchor.grid.size, nonneg=True) for name in step.anchor})


def unsolved(step: ProximalStep, status: Status, iterations: int) -> ProxResult:
    """The anchor as it was, for a program that gave no numbers."""
    nothing = {name: np.zeros(step.anchor.grid.shape) for name in step.anchor}
    return ProxResult(step.anchor, dict.fromkeys(step.anchor, 0.0), nothing, status, iterations, np.inf)
