"""The step solver that is recommended for each kind of measure."""

from __future__ import annotations

from functools import singledispatch

from ..laws import Law
from ..laws.forms import UniformCoupling
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
    return BackAndForth() if _in_a_box(law, state) and BackAndForth().suits(law, state) else _beside_exact(law, state)


def grid_solvers(law: Law, state: Species) -> tuple[StepSolver, ...]:
    """The solvers that take a law on a Density, the usual one first, then the safest first.

    They depend on the law alone, and on what no flow changes: the grid, the masses and whether an obstacle holds mass.
    """
    exact = _in_a_box(law, state) and BackAndForth().suits_law(law, state)
    usual = BackAndForth() if exact else _beside_exact(law, state)
    others = (FiniteVolume(), Entropic(), BackAndForth())
    return (usual, *(other for other in others if not isinstance(other, type(usual)) and _takes(other, law, state)))


def _in_a_box(law: Law, state: Species) -> bool:
    """Return True for a box without obstacles: elsewhere the exact step is not the recommended one."""
    return not law.forms.obstacles and not state.grid.periodic


def _beside_exact(law: Law, state: Species) -> StepSolver:
    """The recommended solver of steps on a Density for which BackAndForth is not.

    The map of an exact step jumps through thin obstacles, and FiniteVolume does not.
    """
    only_there = bool(law.forms.openings or law.forms.shared or law.forms.media) or state.grid.periodic
    if only_there or any(not isinstance(entry.form, UniformCoupling) for entry in law.forms.couplings):
        return FiniteVolume()
    if law.forms.obstacles:
        return FiniteVolume() if _takes(FiniteVolume(), law, state) else BackAndForth()
    spread = {entry.form.species for entry in law.forms.internal} | {entry.form.species for entry in law.forms.bounds}
    return FiniteVolume() if spread >= set(state) and _takes(FiniteVolume(), law, state) else Entropic()


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
