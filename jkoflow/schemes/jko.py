"""The scheme of Jordan, Kinderlehrer and Otto."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from ..laws import Law
from ..measures import Species
from ..proximal import ProximalStep
from ._step_scheme import StepScheme
from .base import Past, StepInfo


@dataclass(frozen=True)
class JKO(StepScheme):
    """The scheme of Jordan, Kinderlehrer and Otto: implicit Euler in Wasserstein space, of order 1.

        rho^(k+1) minimises  sum_i W2(rho_i, rho_i^k)^2 / (2 dt alpha_i) + E(rho_1, ..., rho_S).

    All species are solved jointly. If every step is solved exactly, the energy never rises, whatever dt.

    A law of drifts is taken in its gradient form, an energy and mobilities (see ``gradient_form``). It is refused if it has
    none.

    Parameters
    ----------
    solver : StepSolver, optional
        The solver of the steps. Default: the one recommended for the measure, the law and the state from which the run begins.
        The trajectory's ``scheme`` shows it.

    Source: Jordan, Kinderlehrer, Otto (1998). For species with mobilities: Di Francesco and Fagioli (2013), section 3.2.

    >>> from jkoflow import Entropic
    >>> JKO(Entropic(epsilon=0.01))
    JKO(solver=Entropic(epsilon=0.01, debias=True, tolerance=1e-08, max_iterations=2000, memory=10))
    """

    order: ClassVar[float] = 1

    def init(self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], past: Past | None = None) -> None:
        self.step_solver.check(ProximalStep(law, state, tau, mobilities))

    def step(
        self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], carry: None
    ) -> tuple[Species, None, StepInfo]:
        answer = self.step_solver.solve(ProximalStep(law, state, tau, mobilities))
        return answer.state, None, StepInfo(answer.distances, answer.status, answer.iterations, answer.residual)
