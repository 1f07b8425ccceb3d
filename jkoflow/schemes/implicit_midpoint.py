"""The implicit midpoint rule in Wasserstein space: half a JKO step, and its geodesic continued by the same length."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import singledispatch
from typing import ClassVar

import numpy as np

from .._status import Status
from .._typing import Array
from ..laws import Law, LawForms
from ..measures import Density, Measure, Quantiles, Species, State
from ..proximal import BackAndForth, Entropic, FiniteVolume
from ..pull_back import PullBack
from ..transport import upper_transform
from ._step_scheme import StepScheme, info_of, proximal_step
from .base import Carry, Taken
from .fields import joint_step, must_have_joint_step
from .problem import Problem

_MOST_FOLDED = 1e-4  # the largest share of the mass that may be lost to cells that fold


@dataclass(frozen=True)
class ImplicitMidpoint(StepScheme):
    """The implicit midpoint rule: half a JKO step, and the geodesic of this half step continued by the same length.

        rho' minimises  W2(rho, rho^k)^2 / dt + E(rho);   rho' is the middle of the geodesic from rho^k to rho^(k+1).

    With X the position of a particle this is X^(k+1) = X^k - dt grad(dE/drho)(X'), X' = (X^k + X^(k+1)) / 2.

    The order is 2 for smooth flows. A step costs as much as a step of JKO with dt / 2, which is all that is solved. The
    geodesic is continued in closed form:

    * on a Density by a pull-back through the c-transform of the potential of the half step;
    * on Quantiles by 2 X' - X^k.

    Fields (FieldEnergy, Secretion, Chemotaxis) go through the same rule, c^(k+1) = 2 c' - c^k.

    If the law or a mobility depends on time, it is that in the middle of the step. The dissipation is that of the middle too.

    Modes that are too fast for dt change their sign in every step and are not damped. So take this scheme if dt resolves the
    flow, and JKO if it does not. The energy may rise.

    On a Density a few cells at a free boundary may fold. Their negative mass is set to 0, and the rest is scaled down by as
    much. So it is with mass that comes into an obstacle. This share of the mass counts as residual. If it exceeds 1e-4, or if
    quantiles cross, the step ends with the status STALLED: take a smaller dt.

    The end of a step lies beyond its middle, and may break a bound on the density, or bring more mass into an obstacle. Then
    the run ends as INFEASIBLE: take JKO() or BDF2().

    Parameters
    ----------
    solver : StepSolver, optional
        Default: BackAndForth on a Density, QuantileNewton on Quantiles. Entropic is refused, because its potentials are
        blurred, and FiniteVolume, because its step is exact to the first order only.

    Source: Legendre and Turinici, Second-order in time schemes for gradient flows in Wasserstein and geodesic metric spaces
    (2017).

    >>> import numpy as np, jkoflow as jf
    >>> rho = jf.Grid.box((-4, 4), cells=100).density(lambda x: np.exp(-2 * (x - 1) ** 2))
    >>> flow = jf.evolve(jf.Entropy() + jf.Potential(lambda x: x**2 / 2), rho, scheme=ImplicitMidpoint(), dt=0.1, t_end=1.0)
    >>> bool(abs(flow.final.mean - np.exp(-1.0)) < 1e-3)
    True
    """

    order: ClassVar[float] = 2
    takes_fields: ClassVar[bool] = True

    def filled_in(self, law: Law, state: Species) -> ImplicitMidpoint:
        if self.solver is None and issubclass(state.kind, Density):
            return replace(self, solver=BackAndForth())
        return super().filled_in(law, state)

    def begin(self, problem: Problem, state: State, dt: float, carry: Carry) -> Carry:
        kind = state.masses.kind
        if isinstance(self.step_solver, Entropic | FiniteVolume):
            raise ValueError(
                f"solver must solve the exact step, and give its potentials, got {self.step_solver!r}: take BackAndForth()"
            )
        if not issubclass(kind, Density | Quantiles):
            raise ValueError(f"ImplicitMidpoint takes Density and Quantiles, got {kind.__name__}: take JKO()")
        if problem.law.field_names:
            must_have_joint_step(problem, state)
            problem = problem.without_fields
        self.step_solver.check(proximal_step(problem.at(state.time + dt / 2), state.masses, dt / 2))
        return {}

    def step(self, problem: Problem, state: State, dt: float, carry: Carry) -> Taken:
        instant = problem.at(state.time + dt / 2)
        fields, of_fields = None, 0.0
        if instant.law.field_names:
            answer, _, middle, of_fields = joint_step(
                instant, state, dt / 2, lambda step: (self.step_solver.solve(step), self.step_solver), {}
            )
            fields = {name: field.like(2 * field.modes - state.fields[name].modes) for name, field in middle.items()}
        else:
            answer = self.step_solver.solve(proximal_step(instant, state.masses, dt / 2))
        info = info_of(
            [answer], {name: 2 * distance for name, distance in answer.distances.items()}, instant, dt, self.step_solver
        )
        info = replace(info, dissipation=info.dissipation + of_fields)
        if not answer.status.ok:
            return Taken(state.after(dt, answer.state), {}, info)
        ends = {name: continued(answer.state[name], start, answer.potentials[name]) for name, start in state.masses.items()}
        info = replace(info, residual=max(answer.residual, *(folded for _, folded in ends.values())))
        if info.residual > max(answer.residual, _MOST_FOLDED):
            return Taken(state.after(dt, answer.state), {}, replace(info, status=Status.STALLED))
        after = Species({name: end for name, (end, _) in ends.items()})
        after, inside = _out_of_obstacles(instant.forms, after)
        info = replace(info, residual=max(info.residual, inside))
        if inside > _MOST_FOLDED:
            return Taken(state.after(dt, answer.state), {}, replace(info, status=Status.INFEASIBLE))
        if not instant.forms.signals.hold(state.fields, after):
            return Taken(state.after(dt, answer.state), {}, replace(info, status=Status.LEFT_DOMAIN))
        bounds = [*(entry.term for entry in instant.forms.bounds), *(entry.term for entry in instant.forms.shared)]
        if any(np.isinf(bound(after)) for bound in bounds):
            return Taken(state.after(dt, answer.state), {}, replace(info, status=Status.INFEASIBLE))
        return Taken(state.after(dt, after, fields), {}, info)


def _out_of_obstacles(forms: LawForms, masses: Species) -> tuple[Species, float]:
    """The masses without what lies in obstacles, scaled up to what they were, and the largest share that lay there."""
    moved, largest = dict(masses), 0.0
    for obstacle in forms.obstacles:
        density = moved[obstacle.form.species]
        inside = np.where(obstacle.form.mask(density.grid), density.values, 0.0)
        share = float(inside.sum() / density.values.sum())
        if 0 < share < 1:
            moved[obstacle.form.species] = density.like((density.values - inside) / (1 - share))
        largest = max(largest, share)
    return Species(moved), largest


@singledispatch
def continued(middle: Measure, start: Measure, potential: Array) -> tuple[Measure, float]:
    """Return the end of the geodesic from ``start`` through ``middle``, and the share of the mass that folds.

    ``middle`` is half way between ``start`` and the end. ``potential`` is the Kantorovich potential from the middle to the
    start. Raises ValueError for measures other than Density and Quantiles.
    """
    raise ValueError(f"geodesics are continued for Density and Quantiles, got {type(middle).__name__}")


@continued.register
def _(middle: Density, start: Density, potential: Array) -> tuple[Density, float]:
    spacing, periodic = middle.grid.spacing, middle.grid.periodic_axes
    source = PullBack(middle.values, spacing, 1.0, periodic=periodic)
    pulled = source.pull(upper_transform(-potential, spacing, 1.0, periodic)).values
    kept = np.maximum(pulled, 0.0)
    share = float(pulled.sum() / kept.sum())
    return middle.like(kept * share), 1 - share


@continued.register
def _(middle: Quantiles, start: Quantiles, potential: Array) -> tuple[Quantiles, float]:
    nodes = 2 * middle.nodes - start.nodes
    inside = start.walls is None or (nodes[0] >= start.walls[0] and nodes[-1] <= start.walls[1])
    if not inside or np.any(np.diff(nodes) < 0):
        return middle, 1.0
    return Quantiles(nodes, middle.masses, start.walls), 0.0
