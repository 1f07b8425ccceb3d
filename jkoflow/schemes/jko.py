"""The scheme of Jordan, Kinderlehrer and Otto."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from ..measures import State
from ._step_scheme import SafeStepScheme, info_of, proximal_step
from .base import Carry, Taken
from .carried import PRESSURE
from .fields import joint_step, must_have_joint_step
from .problem import Problem

_POTENTIAL = "potential of "


@dataclass(frozen=True)
class JKO(SafeStepScheme):
    """The scheme of Jordan, Kinderlehrer and Otto: implicit Euler in Wasserstein space, of order 1.

        rho^(k+1) minimises  sum_i W2(rho_i, rho_i^k)^2 / (2 dt alpha_i) + E(rho_1, ..., rho_S).

    The potentials of a step, divided by dt alpha, are the start of the next one for solvers that take a start
    (BackAndForth).

    All species are solved jointly. If every step is solved exactly, the energy never rises, whatever dt.

    If the law or a mobility depends on time, it is that at the end of the step.

    If the law has fields (FieldEnergy, Secretion, Chemotaxis), the step is that of masses and fields in W2 x L2:

        (rho, c)^(k+1) minimises  sum_i W2(rho_i, rho_i^k)^2 / (2 dt alpha_i) + |c - c^k|^2 / (2 dt beta) + E(rho, c)

    The fields are eliminated, and the solver of the masses sees them as one more term. The energy never rises either.

    A law of drifts is taken in its gradient form, an energy and mobilities (see ``gradient_form``). It is refused if it has
    none.

    Parameters
    ----------
    solver : StepSolver, optional
        The solver of the steps. Default: the one recommended for the measure and the law. The trajectory's ``scheme`` shows it.
    fallback : StepSolver or tuple of them, optional
        The solvers of those steps that ``solver`` does not solve or resolve, in the order in which they are tried. Default, on
        a Density with the recommended solver: FiniteVolume(), Entropic() and BackAndForth(), as far as they take the law.
        Otherwise none. ``flow.solvers`` tells which solver took which step.
    each_step : bool
        If True, of these solvers the one that is recommended for the state from which a step begins is tried first. Default:
        True on a Density with the recommended solver.

    Source: Jordan, Kinderlehrer, Otto (1998). For species with mobilities: Di Francesco and Fagioli (2013), section 3.2.

    >>> from jkoflow import Entropic
    >>> JKO(Entropic(epsilon=0.01)).solver
    Entropic(epsilon=0.01, debias=True, tolerance=1e-08, max_iterations=2000, memory=10)
    """

    order: ClassVar[float] = 1
    takes_fields: ClassVar[bool] = True

    @property
    def tells_pressure(self) -> bool:  # type: ignore[override]
        """Whether all its solvers tell pressures."""
        return self.solver is not None and all(solver.tells_pressure for solver in self.step_solvers)

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        if problem.law.field_names:
            must_have_joint_step(problem, state)
            problem = problem.without_fields
        self.check(proximal_step(problem.at(state.time + dt), state.masses, dt))
        kept = (prefix + species for prefix in (_POTENTIAL, PRESSURE) for species in state.masses)
        return {name: carry[name] for name in kept if name in carry}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        instant = problem.at(state.time + dt)
        step, fields, dissipation = proximal_step(instant.without_fields, state.masses, dt), None, 0.0
        if all(_POTENTIAL + name in carry for name in state.masses):
            guess = {name: step.weight(name) * carry[_POTENTIAL + name] for name in state.masses}
            step = replace(step, guess=guess)
        if instant.law.field_names:
            answer, solver, fields, dissipation = joint_step(instant, state, dt, self.solved, step.guess)
        else:
            answer, solver = self.solved(step)
        carry = {}
        if self.step_solver.takes_guess:
            carry = {_POTENTIAL + name: phi / step.weight(name) for name, phi in answer.potentials.items()}
        carry |= {PRESSURE + name: pressure for name, pressure in answer.pressures.items()}
        info = info_of([answer], answer.distances, instant, dt, solver)
        info = replace(info, dissipation=info.dissipation + dissipation)
        return Taken(state.after(dt, answer.state, fields), carry, info)
