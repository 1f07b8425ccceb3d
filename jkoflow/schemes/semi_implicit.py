"""The semi-implicit JKO scheme, for laws with or without an energy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from .._status import CycleWarning, Status, warn
from ..laws import Law, restricted_to
from ..measures import Density, Measure, Species, State
from ..proximal import ProximalStep
from ._step_scheme import SafeStepScheme, info_of
from .base import Carry, Taken
from .carried import packed, unpacked
from .problem import Problem

_BEFORE = "before "

_UNDONE = 1e-3  # a step undoes the last one if it ends this near to its start, as a share of its length


@dataclass(frozen=True)
class SemiImplicitJKO(SafeStepScheme):
    """The semi-implicit JKO scheme: every species makes a step of its own against the others as they were. Order 1.

        rho_i^(k+1) minimises  W2(rho_i, rho_i^k)^2 / (2 dt alpha_i) + E[rho_i | rho^k]        for each species i on its own

    E[. | rho^k] is the law with every cross term and every drift frozen at the last state, for all species at once (Jacobi). So
    the species decouple, and the law needs no energy. If there is an energy, it may rise where dt is large against the strength
    of the coupling.

    If the law or a mobility depends on time, it is that at the end of the step.

    Cross kernels should be C^1. Under a pointy cross kernel, atoms of two species swap places for ever if their distance is at
    most dt times the slope of the tip (docs/theory/two-species.md, T18). The scheme detects such a cycle of two states: the
    status is CYCLE, with a ``CycleWarning``. Then take a smaller dt, or JKO if the law is symmetrizable.

    Parameters
    ----------
    solver : StepSolver, optional
        The solver of the steps. Default: the one recommended for the measure and the frozen law.
    fallback : StepSolver or tuple of them, optional
        The solvers of those steps that ``solver`` does not solve, as for JKO.
    each_step : bool
        Whether the solver is chosen again for each step, as for JKO.
    freeze_self : bool
        Also freeze the interactions of a species with itself, and Functionals. This is for terms that a solver cannot take
        implicitly.

    Source: Di Francesco and Fagioli (2013), section 4.1; docs/theory/two-species.md, section 2.4.

    >>> from jkoflow import Entropic
    >>> SemiImplicitJKO(Entropic(), freeze_self=True).freeze_self
    True
    """

    freeze_self: bool = False
    order: ClassVar[float] = 1
    needs_energy: ClassVar[bool] = False

    def filled_in(self, law: Law, state: Species) -> SemiImplicitJKO:
        frozen_law = law.frozen_at(state, self_terms=self.freeze_self)
        return super().filled_in(frozen_law, state)

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        for step in self._steps(problem.at(state.time + dt), state.masses, dt):
            self.check(step)
        return {name: carry[name] for name in packed(state.masses, _BEFORE) if name in carry}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        instant, masses = problem.at(state.time + dt), state.masses
        solutions = [self.solved(step) for step in self._steps(instant, masses, dt)]
        answers = [answer for answer, _ in solutions]
        merged = Species({name: measure for answer in answers for name, measure in answer.state.items()})
        distances = {name: distance for answer in answers for name, distance in answer.distances.items()}
        handed_over = [solver for _, solver in solutions if solver is not self.step_solver]
        info = info_of(answers, distances, instant, dt, handed_over[0] if handed_over else self.step_solver)
        if carry and info.status is Status.CONVERGED and _undoes_last_step(unpacked(carry, _BEFORE, masses), masses, merged):
            warn(str(Status.CYCLE), CycleWarning)
            info = replace(info, status=Status.CYCLE)
        return Taken(state.after(dt, merged), packed(masses, _BEFORE), info)

    def _steps(self, instant: Problem, masses: Species, dt: float) -> list[ProximalStep]:
        """The step problems of all species, each on its own."""
        frozen_law = instant.law.frozen_at(masses, self_terms=self.freeze_self)
        return [
            ProximalStep(restricted_to(frozen_law, name), Species({name: measure}), dt, {name: instant.mobilities[name]})
            for name, measure in masses.items()
        ]


def _undoes_last_step(before: Species, now: Species, after: Species) -> bool:
    """Return True if the step from ``now`` to ``after`` undoes the step from ``before`` to ``now``, and this step moved mass.

    A flow that goes on, or that comes to rest, gives False.
    """
    last_change, change_of_both = (
        sum(_squared_change(a[name], b[name]) for name in after) for a, b in ((before, now), (before, after))
    )
    return last_change > 0 and change_of_both <= _UNDONE**2 * last_change


def _squared_change(a: Measure, b: Measure) -> float:
    """The sum of the squared changes of the cell averages of densities, or of the positions of points, weighted by mass."""
    if isinstance(a, Density) and isinstance(b, Density):
        return float(((a.values - b.values) ** 2).sum())
    return float(b.masses @ ((a.points - b.points) ** 2).reshape(len(b.masses), -1).sum(axis=1))
