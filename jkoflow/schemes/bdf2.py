"""The second-order backward differentiation formula in Wasserstein space."""

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
class BDF2(StepScheme):
    """The backward differentiation formula of order 2, in the form of one minimisation per step.

        rho^(k+1) minimises  W2(rho, rho^k)^2 / dt - W2(rho, rho^(k-1))^2 / (4 dt) + E(rho).

    The order is 2 for smooth flows. The first step is a step of JKO. If a step is w times as long as the one before it, the
    squared distances over 2 dt have the weights 1 + w and -w^2 / (1 + w). The order is then 2 for w < 2.4.

    On Quantiles the two squared distances combine into one, with 2 dt / 3 in the place of dt: the squared distance to the
    extrapolation (4 X^k - X^(k-1)) / 3. The extrapolation need not be a measure. So a step costs as much as a step of JKO.

    The energy may rise in a step. On Quantiles, for equal steps, two statements hold:

    * For every energy, E(rho^(k+1)) + W2(rho^(k+1), rho^k)^2 / (2 dt) <= E(rho^k) + W2(rho^k, rho^(k-1))^2 / (4 dt).
    * If E is convex on quantiles, E + W2^2 / (4 dt) falls, where W2 is the distance of the last step.

    Parameters
    ----------
    solver : StepSolver, optional
        A solver that takes further anchors: QuantileNewton. Default: the solver recommended for the measure.

    Source: Matthes and Plazotta, A variational formulation of the BDF2 method for metric gradient flows (2019).

    >>> import numpy as np, jkoflow as jf
    >>> rho = jf.Quantiles(np.linspace(0.0, 2.0, 21))
    >>> flow = jf.evolve(jf.Potential(lambda x: x**2 / 2), rho, scheme=BDF2(), dt=0.1, t_end=1.0)
    >>> bool(abs(flow.final.mean - np.exp(-1.0)) < 2e-3)
    True
    """

    order: ClassVar[float] = 2
    looks_back: ClassVar[bool] = True

    def init(
        self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], past: Past | None = None
    ) -> Past | None:
        self.step_solver.check(_problem(law, state, tau, mobilities, Past(state, tau) if past is None else past))
        return past

    def step(
        self, law: Law, state: Species, tau: float, mobilities: Mapping[str, float], carry: Past | None
    ) -> tuple[Species, Past, StepInfo]:
        answer = self.step_solver.solve(_problem(law, state, tau, mobilities, carry))
        info = StepInfo(answer.distances, answer.status, answer.iterations, answer.residual)
        return answer.state, Past(state, tau), info


def _problem(law: Law, state: Species, tau: float, mobilities: Mapping[str, float], past: Past | None) -> ProximalStep:
    """The problem of one step: that of JKO if there is no past."""
    if past is None:
        return ProximalStep(law, state, tau, mobilities)
    ratio = tau / past.dt
    return ProximalStep(law, state, tau / (1 + ratio), mobilities, further=((-(ratio**2) / (1 + ratio) ** 2, past.state),))
