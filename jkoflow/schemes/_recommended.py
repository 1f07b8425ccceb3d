"""The step solver that is recommended for each kind of measure."""

from __future__ import annotations

from functools import singledispatch

from ..laws import Law
from ..measures import Density, Measure, OrderedPoints, Particles, Quantiles, RadialQuantiles, Species
from ..proximal import (
    BackAndForth,
    Entropic,
    FiniteVolume,
    OrderedResolvent,
    ParticleProximal,
    ProximalStep,
    QuantileNewton,
    RadialNewton,
    StepSolver,
)


@singledispatch
def recommended_solver(measure: Measure, law: Law, state: Species) -> StepSolver:
    """Return the step solver that JKO() takes for the measure of a state if no solver is given.

    docs/solvers.md has the table of solvers and measures. Raises ValueError for a kind of measure that has none.
    """
    raise ValueError(f"no step solver is recommended for {type(measure).__name__}: give the scheme one")


@recommended_solver.register
def _(measure: Density, law: Law, state: Species) -> StepSolver:
    exact = BackAndForth()
    safe = safe_solver(exact, law, state)
    in_reach = isinstance(safe, FiniteVolume) and measure.grid.dim < 3
    if safe is not None and in_reach and law.forms.obstacles:
        return safe  # the map of an exact step jumps through thin walls
    if law.forms.obstacles or exact.suits(law, state):
        return exact
    spreads = all(any(entry.form.species == name for entry in law.forms.internal) for name in state)
    return safe if spreads and safe is not None and in_reach else Entropic()


def safe_solver(solver: StepSolver, law: Law, state: Species) -> StepSolver | None:
    """The solver of those steps that ``solver`` does not solve, on a Density: the first other one that takes the law, or None.

    FiniteVolume comes first. For FiniteVolume itself it is Entropic, or BackAndForth next to obstacles.
    """
    for other in (FiniteVolume(), Entropic(), BackAndForth()):
        if isinstance(other, type(solver)):
            continue
        try:
            other.check(ProximalStep(law, state, 1.0))
        except ValueError:
            continue
        return other.filled_in(state)
    return None


@recommended_solver.register
def _(measure: Quantiles, law: Law, state: Species) -> StepSolver:
    return QuantileNewton()


@recommended_solver.register
def _(measure: RadialQuantiles, law: Law, state: Species) -> StepSolver:
    return RadialNewton()


@recommended_solver.register
def _(measure: OrderedPoints, law: Law, state: Species) -> StepSolver:
    return OrderedResolvent()


@recommended_solver.register
def _(measure: Particles, law: Law, state: Species) -> StepSolver:
    return ParticleProximal()
