"""The second-order backward differentiation formula in Wasserstein space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..measures import Species, State
from ..proximal import ProximalStep, StepSolver
from ._step_scheme import StepScheme, distances_in, in_place_of, info_of, proximal_step
from .base import Carry, Taken
from .carried import packed, unpacked
from .problem import Problem

_BEFORE = "before "
_WAY = "way of "


@dataclass(frozen=True)
class BDF2(StepScheme):
    """The backward differentiation formula of order 2, in the form of one minimisation per step.

        rho^(k+1) minimises  W2(rho, rho^k)^2 / dt - W2(rho, rho^(k-1))^2 / (4 dt) + E(rho).

    The order is 2 for smooth flows. The first step is a step of JKO. If a step is w times as long as the one before it, the
    squared distances over 2 dt have the weights 1 + w and -w^2 / (1 + w). The order is then 2 for w < 2.4.

    On Quantiles the two squared distances combine into one, with 2 dt / 3 in the place of dt: the squared distance to the
    extrapolation (4 X^k - X^(k-1)) / 3. The extrapolation need not be a measure. So a step costs as much as a step of JKO.

    On a Density, by FiniteVolume, densities take the place of squared distances, and the step is the backward difference

        (3 rho^(k+1) - 4 rho^k + rho^(k-1)) / (2 dt)  =  div(rho^(k+1) grad phi^(k+1)),        phi = U'(rho) + V + fields,

    which costs as much as a step of JKO. Where a density falls by more than a factor of 4 in a step, as at a front that draws
    back, there may be no positive answer. Then a step of JKO takes its place, with an OrderWarning.

    The energy may rise in a step. On Quantiles, for equal steps, two statements hold:

    * For every energy, E(rho^(k+1)) + W2(rho^(k+1), rho^k)^2 / (2 dt) <= E(rho^k) + W2(rho^k, rho^(k-1))^2 / (4 dt).
    * If E is convex on quantiles, E + W2^2 / (4 dt) falls, where W2 is the distance of the last step.

    Parameters
    ----------
    solver : StepSolver, optional
        A solver that takes further anchors. Default: QuantileNewton on Quantiles, FiniteVolume on a Density.

    Source: Matthes and Plazotta, A variational formulation of the BDF2 method for metric gradient flows (2019).

    >>> import numpy as np, jkoflow as jf
    >>> rho = jf.Quantiles(np.linspace(0.0, 2.0, 21))
    >>> flow = jf.evolve(jf.Potential(lambda x: x**2 / 2), rho, scheme=BDF2(), dt=0.1, t_end=1.0)
    >>> bool(abs(flow.final.mean - np.exp(-1.0)) < 2e-3)
    True
    """

    order: ClassVar[float] = 2
    looks_back: ClassVar[bool] = True
    several_anchors: ClassVar[bool] = True

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        further = ((-0.25, state.masses),)
        self.step_solver.check(proximal_step(problem.at(state.time + dt), state.masses, dt / 2, further))
        ways = (_WAY + name for name in state.masses)
        return {name: carry[name] for name in ("last dt", *ways, *packed(state.masses, _BEFORE)) if name in carry}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        instant = problem.at(state.time + dt)
        problem_of_step = _problem(instant, state.masses, dt, carry)
        answer = self.step_solver.solve(problem_of_step)
        distances = _with_last(distances_in(dt, problem_of_step, answer, self.step_solver), dt, carry, self.step_solver)
        if not answer.status.ok:
            answer = in_place_of(answer, proximal_step(instant, state.masses, dt), self.step_solver)
            distances = answer.distances
        ways = {_WAY + name: np.array(distance) for name, distance in distances.items()}
        carry = {"last dt": np.array(dt), **ways, **packed(state.masses, _BEFORE)}
        return Taken(state.after(dt, answer.state), carry, info_of([answer], distances, instant, dt, self.step_solver))


def _with_last(distances: Mapping[str, float], dt: float, carry: Carry, solver: StepSolver) -> Mapping[str, float]:
    """The distances of a step that a solver of speeds tells, with the share of the last step that BDF2 repeats.

    With w = dt / last dt,  rho' - rho = w^2 / (1 + 2 w) (rho - rho before) + (1 + w) / (1 + 2 w) dt times the flow at rho'.
    """
    if not carry or not solver.tells_speed:
        return distances
    ratio = dt / float(carry["last dt"])
    repeated, own = ratio**2 / (1 + 2 * ratio), (1 + ratio) / (1 + 2 * ratio)
    return {name: repeated * float(carry.get(_WAY + name, distance)) + own * distance for name, distance in distances.items()}


def _problem(instant: Problem, masses: Species, dt: float, carry: Carry) -> ProximalStep:
    """The problem of one step: that of JKO if there is no state before."""
    if not carry:
        return proximal_step(instant, masses, dt)
    ratio = dt / float(carry["last dt"])
    before = unpacked(carry, _BEFORE, masses)
    return proximal_step(instant, masses, dt / (1 + ratio), ((-(ratio**2) / (1 + ratio) ** 2, before),))
