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

_SAFE = (FiniteVolume(), Entropic(), BackAndForth())


@singledispatch
def recommended_solver(measure: Measure, law: Law, state: Species) -> StepSolver:
    """Return the step solver that JKO() takes for the measure of a state if no solver is given.

    docs/solvers.md has the table of solvers and measures. Raises ValueError for a kind of measure that has none.
    """
    raise ValueError(f"no step solver is recommended for {type(measure).__name__}: give the scheme one")


@recommended_solver.register
def _(measure: Density, law: Law, state: Species) -> StepSolver:
    exact, safe = BackAndForth(), FiniteVolume()
    if law.forms.obstacles:
        return safe if _takes(safe, law, state) else exact  # the map of an exact step jumps through thin walls
    if exact.suits(law, state):
        return exact
    spreads = all(any(entry.form.species == name for entry in law.forms.internal) for name in state)
    return safe if spreads and _takes(safe, law, state) else Entropic()


def safe_solvers(solver: StepSolver, law: Law, state: Species) -> tuple[StepSolver, ...]:
    """All other solvers that take the law on a Density, the safest first: for the steps that ``solver`` does not solve."""
    return tuple(other.filled_in(state) for other in _SAFE if not isinstance(other, type(solver)) and _takes(other, law, state))


def _takes(solver: StepSolver, law: Law, state: Species) -> bool:
    """Return True if a solver accepts a step of the law from the state."""
    try:
        solver.check(ProximalStep(law, state, 1.0))
    except ValueError:
        return False
    return True


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
