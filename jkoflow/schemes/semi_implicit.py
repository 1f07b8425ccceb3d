"""The semi-implicit JKO scheme, for laws with or without an energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from .._status import Status
from ..energies import Law, restricted_to
from ..measures import Species
from ..proximal import ProximalStep, ProxResult
from ._step_scheme import StepScheme
from .base import Past, StepInfo


@dataclass(frozen=True)
class SemiImplicitJKO(StepScheme):
    """rho_i^(k+1) minimises  W2(rho_i, rho_i^k)^2 / (2 dt alpha_i) + E[rho_i | rho^k]  for each species on its own.

    E[. | rho^k] is the law with every cross term, and every drift, frozen at the last state (all species at once: Jacobi), so
    the species decouple and no energy is needed. Order 1. The energy, where there is one, may rise when dt is large
    against the strength of the coupling. Cross kernels should be C^1: with pointy ones two species can fall into a cycle of
    period two.

    Parameters
    ----------
    solver : StepSolver, optional
        How a step is solved. Default: the one recommended for the measure.
    freeze_self : bool
        Freeze the interactions of a species with itself, and Functionals, as well: for those that a solver cannot take
        implicitly.

    Source: Di Francesco and Fagioli (2013), section 4.1; paper note 0, section 2.4.

    >>> from jkoflow import Entropic
    >>> SemiImplicitJKO(Entropic(), freeze_self=True).freeze_self
    True
    """

    freeze_self: bool = False
    order: ClassVar[float] = 1
    needs_energy: ClassVar[bool] = False

    def init(self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], past: Past | None = None) -> None:
        for step in self._steps(law, state, tau, mobilities):
            self.step_solver.check(step)

    def step(
        self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], carry: None
    ) -> tuple[Species, None, StepInfo]:
        answers = [self.step_solver.solve(step) for step in self._steps(law, state, tau, mobilities)]
        merged = Species({name: measure for answer in answers for name, measure in answer.state.items()})
        return merged, None, _merged_info(answers)

    def _steps(self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float]) -> list[ProximalStep]:
        frozen = law.frozen_at(state, self_terms=self.freeze_self)
        return [
            ProximalStep(restricted_to(frozen, name), Species({name: measure}), tau, {name: mobilities[name]})
            for name, measure in state.items()
        ]


def _merged_info(answers: list[ProxResult]) -> StepInfo:
    """Of the decoupled steps together: the first trouble, the most iterations, the largest residual."""
    distances = {name: d for answer in answers for name, d in answer.distances.items()}
    troubles = [answer.status for answer in answers if answer.status is not Status.CONVERGED]
    status = min(troubles, key=lambda s: s.ok, default=Status.CONVERGED)
    return StepInfo(distances, status, max(a.iterations for a in answers), max(a.residual for a in answers))
