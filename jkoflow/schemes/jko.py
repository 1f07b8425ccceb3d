"""The scheme of Jordan, Kinderlehrer and Otto."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from ..energies import Law
from ..measures import Species
from ..proximal import ProximalStep, StepSolver
from ._recommended import recommended_solver
from .base import Scheme, StepInfo, check_solver_kind


@dataclass(frozen=True)
class JKO(Scheme):
    """rho^(k+1) minimises  sum_i W2(rho_i, rho_i^k)^2 / (2 dt alpha_i) + E(rho_1, ..., rho_S).

    Implicit Euler in Wasserstein space, of order 1; the energy never rises, whatever dt. All species are solved jointly. A
    drift is refused: it has no energy.

    Parameters
    ----------
    solver : StepSolver, optional
        How a step is solved. Default: the one recommended for the measure, shown in the trajectory's scheme.

    Source: Jordan, Kinderlehrer, Otto (1998); for species with mobilities paper note 0, section 2.3.

    >>> from jkoflow import Entropic
    >>> JKO(Entropic(epsilon=0.01))
    JKO(solver=Entropic(epsilon=0.01, debias=True, tolerance=1e-08, max_iterations=2000, memory=10))
    """

    solver: StepSolver | None = None
    order: ClassVar[int] = 1

    def __post_init__(self) -> None:
        check_solver_kind(self.solver)

    def resolved(self, state: Species) -> JKO:
        solver = recommended_solver(next(iter(state.values()))) if self.solver is None else self.solver
        return replace(self, solver=solver.resolved(state))

    def init(self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float]) -> None:
        assert self.solver is not None, "resolve the scheme first"
        self.solver.check(ProximalStep(law, state, tau, mobilities))

    def step(
        self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], carry: None
    ) -> tuple[Species, None, StepInfo]:
        assert self.solver is not None, "resolve the scheme first"
        answer = self.solver.solve(ProximalStep(law, state, tau, mobilities))
        return answer.state, None, StepInfo(answer.distances, answer.status, answer.iterations, answer.residual)
