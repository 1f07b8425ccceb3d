"""What every JKO step obeys, whatever the energy and dt."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .._typing import Array
from .._validate import finite, positive_integer
from ..laws import Law, State
from ..measures import Species
from ..proximal import ProximalStep, StepSolver
from ..schemes import JKO
from ..trajectory import Trajectory
from ._gradients import gradient_product
from .report import Report


def step_dissipation(flow: Trajectory) -> Report:
    """The energy that each step loses against W^2 / (2 dt), which it loses at the least: Kinderlehrer, Monsaingeon, Xu (2017),
    section 4; docs/theory/poisson-nernst-planck.md, section 3.1. ``worst`` is by how much a step lost less.

    >>> import jkoflow as jf
    >>> flow = jf.evolve(jf.Interaction(jf.Quadratic()), jf.Quantiles([0.0, 1.0]), dt=0.1, t_end=1.0)
    >>> bool(step_dissipation(flow).worst < 1e-14)
    True
    """
    lost, spent = -np.diff(_energies(flow)), flow.dissipation * flow.dts / 2
    return Report(
        "energy lost in a step", flow.times[1:], {"E before - E after": lost}, {"W^2 / (2 dt)": spent}, _most(spent - lost)
    )


def square_distances(flow: Trajectory, lowest: float) -> Report:
    """sum W^2 / (2 dt) over the steps so far against E(start) - inf E, which it does not exceed.

    ``lowest`` is a lower bound of the energy, such as that of the ``equilibrium``. The length of the path so far is bounded by
    (2 (E(start) - inf E) t)^(1/2), the second pair of curves. ``worst`` is the largest excess of either. Source: Kinderlehrer,
    Monsaingeon, Xu (2017), (4.1) and (4.2); the constant of the second: docs/theory/poisson-nernst-planck.md, section 3.3.

    >>> import jkoflow as jf
    >>> flow = jf.evolve(jf.Interaction(jf.Quadratic()), jf.Quantiles([0.0, 1.0]), dt=0.1, t_end=1.0)
    >>> bool(square_distances(flow, lowest=0.0).worst < 0)
    True
    """
    fall = float(_energies(flow)[0]) - finite("lowest", lowest)
    sums = np.cumsum(flow.dissipation * flow.dts / 2)
    lengths = np.cumsum(np.sqrt(flow.dissipation) * flow.dts)  # no shorter than the distance from the start
    roof = np.sqrt(2 * max(fall, 0.0) * (flow.times[1:] - flow.times[0]))
    curves = {"sum W^2 / (2 dt)": sums, "length of the path": lengths}
    bounds = {"E(start) - inf E": np.full_like(sums, fall), "(2 (E(start) - inf E) t)^(1/2)": roof}
    return Report("total square distance", flow.times[1:], curves, bounds, max(_most(sums - fall), _most(lengths - roof)))


def slope_identity(flow: Trajectory, law: Law) -> Report:
    """The speed sum_i W2_i^2 / (alpha_i dt^2) against the dissipation sum_i alpha_i int |grad dE/drho_i|^2 drho_i of the state
    reached: equal for an exact step (docs/theory/poisson-nernst-planck.md, section 2.5 (a)), up to the mesh. ``worst``
    is the largest difference over the larger of the two.

    For Density and RadialQuantiles, whose densities have differences. Mass that jumps over an obstacle is not seen by them.

    >>> import numpy as np, jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=100).density(lambda x: 1 + 0.5 * np.cos(np.pi * x))
    >>> law = jf.Entropy()
    >>> bool(slope_identity(jf.evolve(law, rho, dt=0.02, t_end=0.1), law).worst < 1e-3)
    True
    """
    spent = flow.dissipation
    slopes = np.array([_dissipation(law, state, flow.mobilities) for state in flow.snapshots[1:]])
    apart = np.abs(spent - slopes) / np.maximum(np.maximum(spent, slopes), 1e-300)
    return Report("slope of the energy", flow.times[1:], {"W^2 / dt^2": spent, "int |grad dE|^2": slopes}, {}, _most(apart))


def de_giorgi(
    law: Law,
    state: State,
    dt: float,
    *,
    mobility: Mapping[str, float] | None = None,
    solver: StepSolver | None = None,
    points: int = 8,
) -> Report:
    """De Giorgi's identity for one JKO step, a test of a solver.

        E(z) - E(z_dt) - W^2(z, z_dt) / (2 dt)  =  int_0^dt W^2(z, z_s) / (2 s^2) ds,      z_s the step of size s.

    The integral by Gauss-Legendre quadrature in s with ``points`` more steps. Curves are the two sides, at the one time dt;
    ``worst`` is their difference over the left. Source: Ambrosio, Gigli, Savare (2008), section 3;
    docs/theory/poisson-nernst-planck.md, section 3.9.

    Raises ValueError for a law without an energy, or a step that is not solved.

    >>> import jkoflow as jf
    >>> rest = de_giorgi(jf.Potential(lambda x: x**2 / 2), jf.Quantiles.atoms([1.0]), dt=0.5)
    >>> bool(abs(rest.worst) < 1e-9)
    True
    """
    start = law.check(state)
    chosen = solver or JKO().filled_in(law, start).step_solver
    nodes, weights = np.polynomial.legendre.leggauss(positive_integer("points", points))

    def solved(tau: float) -> tuple[Species, float]:
        step = ProximalStep(law, start, tau, mobility or {})
        answer = chosen.solve(step)
        if not answer.status.ok:
            raise ValueError(f"the step of size {tau:.3g} must be solved, and {chosen!r} says: {answer.status}")
        return answer.state, sum(moved**2 / step.mobilities[name] for name, moved in answer.distances.items())

    after, square = solved(dt)
    left = law(start) - law(after) - square / (2 * dt)
    sizes = dt * (nodes + 1) / 2
    right = sum(w * dt / 2 * solved(float(s))[1] / (2 * s**2) for s, w in zip(sizes, weights, strict=True))
    sides = {"E(z) - E(z_dt) - W^2 / (2 dt)": np.array([left]), "int W^2 / (2 s^2) ds": np.array([right])}
    return Report("De Giorgi's identity", np.array([dt]), sides, {}, abs(left - right) / max(abs(left), 1e-300))


def _dissipation(law: Law, state: Species, mobilities: Mapping[str, float]) -> float:
    total = 0.0
    for name, one in state.items():
        with np.errstate(invalid="ignore"):  # an entropy and an obstacle disagree on empty cells, which weigh nothing
            first = law.first_variation(state, name)
        total += mobilities[name] * gradient_product(one, first, first, one.values)
    return total


def _energies(flow: Trajectory) -> Array:
    if np.isnan(flow.energies).any():
        raise ValueError("flow must be of a law with an energy: there is none to lose")
    return flow.energies


def _most(excess: Array) -> float:
    return float(np.max(excess))
