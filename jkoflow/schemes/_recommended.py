"""Which step solver is recommended for which measure."""

from __future__ import annotations

from functools import singledispatch

from ..measures import Density, Measure, OrderedPoints, Quantiles
from ..proximal import Entropic, OrderedResolvent, QuantileNewton, StepSolver


@singledispatch
def recommended_solver(measure: Measure) -> StepSolver:
    """The step solver that JKO() takes when none is given (the table is in docs/solvers.md)."""
    raise ValueError(f"no step solver is recommended for {type(measure).__name__}: give the scheme one")


@recommended_solver.register
def _(measure: Density) -> StepSolver:
    return Entropic()


@recommended_solver.register
def _(measure: Quantiles) -> StepSolver:
    return QuantileNewton()


@recommended_solver.register
def _(measure: OrderedPoints) -> StepSolver:
    return OrderedResolvent()
