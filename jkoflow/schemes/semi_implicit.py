"""The semi-implicit JKO scheme, for laws with or without an energy."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from .._status import CycleWarning, Status
from ..laws import Law, restricted_to
from ..measures import Density, Measure, Species
from ..proximal import ProximalStep, ProxResult
from ._step_scheme import StepScheme
from .base import Past, StepInfo

_UNDONE = 1e-3  # of the way of the last step: what is left of it when it has been undone


@dataclass(frozen=True)
class SemiImplicitJKO(StepScheme):
    """rho_i^(k+1) minimises  W2(rho_i, rho_i^k)^2 / (2 dt alpha_i) + E[rho_i | rho^k]  for each species on its own.

    E[. | rho^k] is the law with every cross term, and every drift, frozen at the last state (all species at once: Jacobi), so
    the species decouple and no energy is needed. Order 1. The energy, where there is one, may rise when dt is large
    against the strength of the coupling. Cross kernels should be C^1: under pointy ones atoms of two species at a distance
    within dt times the slope of the tip swap places for ever (docs/theory/two-species.md, T18). Such a cycle of period two is
    found: the status is CYCLE, with a ``CycleWarning``. The way out is a smaller dt, or JKO where the law is symmetrizable.

    Parameters
    ----------
    solver : StepSolver, optional
        How a step is solved. Default: the one recommended for the measure.
    freeze_self : bool
        Freeze the interactions of a species with itself, and Functionals, as well: for those that a solver cannot take
        implicitly.

    Source: Di Francesco and Fagioli (2013), section 4.1; docs/theory/two-species.md, section 2.4.

    >>> from jkoflow import Entropic
    >>> SemiImplicitJKO(Entropic(), freeze_self=True).freeze_self
    True
    """

    freeze_self: bool = False
    order: ClassVar[float] = 1
    needs_energy: ClassVar[bool] = False

    def init(
        self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], past: Past | None = None
    ) -> Species | None:
        for step in self._steps(law, state, tau, mobilities):
            self.step_solver.check(step)
        return None if past is None else past.state

    def step(
        self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], carry: Species | None
    ) -> tuple[Species, Species, StepInfo]:
        answers = [self.step_solver.solve(step) for step in self._steps(law, state, tau, mobilities)]
        merged = Species({name: measure for answer in answers for name, measure in answer.state.items()})
        info = _merged_info(answers)
        if carry is not None and info.status is Status.CONVERGED and _came_back(carry, state, merged):
            warnings.warn(str(Status.CYCLE), CycleWarning, stacklevel=2)
            info = replace(info, status=Status.CYCLE)
        return merged, state, info

    def _steps(self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float]) -> list[ProximalStep]:
        frozen = law.frozen_at(state, self_terms=self.freeze_self)
        return [
            ProximalStep(restricted_to(frozen, name), Species({name: measure}), tau, {name: mobilities[name]})
            for name, measure in state.items()
        ]


def _came_back(before: Species, now: Species, after: Species) -> bool:
    """Whether a step has undone the one before, and both went somewhere. A flow that goes on, or comes to rest, does not."""
    there, back = (sum(_squared_change(a[name], b[name]) for name in after) for a, b in ((before, now), (before, after)))
    return there > 0 and back <= _UNDONE**2 * there


def _squared_change(a: Measure, b: Measure) -> float:
    """The squared change of cell averages, or of the places of what moves."""
    if isinstance(a, Density) and isinstance(b, Density):
        return float(((a.values - b.values) ** 2).sum())
    return float(b.masses @ ((a.points - b.points) ** 2).reshape(len(b.masses), -1).sum(axis=1))


def _merged_info(answers: list[ProxResult]) -> StepInfo:
    """Of the decoupled steps together: the first trouble, all iterations, the largest residual."""
    distances = {name: d for answer in answers for name, d in answer.distances.items()}
    troubles = [answer.status for answer in answers if answer.status is not Status.CONVERGED]
    status = min(troubles, key=lambda s: s.ok, default=Status.CONVERGED)
    return StepInfo(distances, status, sum(a.iterations for a in answers), max(a.residual for a in answers))
