"""Relations that hold for every JKO step, whatever the energy and dt."""

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
from .report import Report, must_be_of_masses, must_keep_mass


def step_dissipation(flow: Trajectory) -> Report:
    """Report the energy that every step loses, and its lower bound W^2 / (2 dt).

    If the law depends on time, the work that its change adds in the step is lost too.

    ``worst`` is the largest shortfall of a step. Raises ValueError for a run without an energy.

    Source: Kinderlehrer, Monsaingeon, Xu (2017), section 4; docs/theory/poisson-nernst-planck.md, section 3.1.

    >>> import jkoflow as jf
    >>> flow = jf.evolve(jf.Interaction(jf.Quadratic()), jf.Quantiles([0.0, 1.0]), dt=0.1, t_end=1.0)
    >>> bool(step_dissipation(flow).worst < 1e-14)
    True
    """
    must_keep_mass(flow, "step_dissipation")
    lost, least = flow.work - np.diff(_energies(flow)), flow.squared_distances / flow.dts / 2
    return Report(
        "energy lost in a step", flow.times[1:], {"E before - E after": lost}, {"W^2 / (2 dt)": least}, _largest(least - lost)
    )


def square_distances(flow: Trajectory, lowest: float) -> Report:
    """Report two sums over the steps so far, and their bounds by the energy.

    | sum over the steps so far | bound |
    |---|---|
    | W^2 / (2 dt) | E(start) - inf E |
    | W, the length of the path | (2 (E(start) - inf E) t)^(1/2) |

    ``lowest`` stands for inf E: it is a lower bound of the energy, such as the energy of the ``equilibrium``. ``worst`` is
    the largest excess of either sum. Raises ValueError for a run without an energy.

    Source: Kinderlehrer, Monsaingeon, Xu (2017), (4.1) and (4.2); for the constant of the second bound
    docs/theory/poisson-nernst-planck.md, section 3.3.

    >>> import jkoflow as jf
    >>> flow = jf.evolve(jf.Interaction(jf.Quadratic()), jf.Quantiles([0.0, 1.0]), dt=0.1, t_end=1.0)
    >>> bool(square_distances(flow, lowest=0.0).worst < 0)
    True
    """
    must_keep_mass(flow, "square_distances")
    energy_range = float(_energies(flow)[0]) + float(np.maximum(flow.work, 0.0).sum()) - finite("lowest", lowest)
    sums = np.cumsum(flow.squared_distances / flow.dts / 2)
    lengths = np.cumsum(np.sqrt(flow.squared_distances))  # no shorter than the distance from the start
    length_bound = np.sqrt(2 * max(energy_range, 0.0) * (flow.times[1:] - flow.times[0]))
    curves = {"sum W^2 / (2 dt)": sums, "length of the path": lengths}
    bounds = {"E(start) - inf E": np.full_like(sums, energy_range), "(2 (E(start) - inf E) t)^(1/2)": length_bound}
    return Report(
        "total square distance",
        flow.times[1:],
        curves,
        bounds,
        max(_largest(sums - energy_range), _largest(lengths - length_bound)),
    )


def slope_identity(flow: Trajectory, law: Law) -> Report:
    """Report the squared speed of every step, and the squared slope of the energy after it.

        squared speed   sum_i W2_i^2 / (alpha_i dt^2)
        squared slope   sum_i alpha_i int |grad dE/drho_i|^2 drho_i, at the state after the step

    For an exact step the two are equal (docs/theory/poisson-nernst-planck.md, section 2.5 (a)), up to errors of the mesh.
    ``worst`` is the largest difference, divided by the larger of the two.

    The measures must be Density or RadialQuantiles, whose gradients are differences between neighbours. These do not see mass
    that jumps over an obstacle. Raises ValueError for other measures.

    >>> import numpy as np, jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=100).density(lambda x: 1 + 0.5 * np.cos(np.pi * x))
    >>> law = jf.Entropy()
    >>> bool(slope_identity(jf.evolve(law, rho, dt=0.02, t_end=0.1), law).worst < 1e-3)
    True
    """
    must_be_of_masses(law, "slope_identity")
    squared_speed = flow.squared_distances / flow.dts**2
    squared_slope = np.array([_dissipation(law, state, flow.mobilities) for state in flow.snapshots[1:]])
    difference = np.abs(squared_speed - squared_slope) / np.maximum(np.maximum(squared_speed, squared_slope), 1e-300)
    return Report(
        "slope of the energy",
        flow.times[1:],
        {"W^2 / dt^2": squared_speed, "int |grad dE|^2": squared_slope},
        {},
        _largest(difference),
    )


def de_giorgi(
    law: Law,
    state: State,
    dt: float,
    *,
    mobility: Mapping[str, float] | None = None,
    solver: StepSolver | None = None,
    points: int = 8,
) -> Report:
    """Report the two sides of De Giorgi's identity for one JKO step. This is a test of a solver.

        E(z) - E(z_dt) - W^2(z, z_dt) / (2 dt)  =  int_0^dt W^2(z, z_s) / (2 s^2) ds,      z_s the step of size s.

    The integral is computed by Gauss-Legendre quadrature in s, which takes ``points`` more steps. The curves are the two
    sides, each at the single time dt. ``worst`` is the difference of the sides, divided by the left side.

    Raises ValueError for a law without an energy, and for a step that is not solved.

    Source: Ambrosio, Gigli, Savare (2008), section 3; docs/theory/poisson-nernst-planck.md, section 3.9.

    >>> import jkoflow as jf
    >>> rest = de_giorgi(jf.Potential(lambda x: x**2 / 2), jf.Quantiles.atoms([1.0]), dt=0.5)
    >>> bool(abs(rest.worst) < 1e-9)
    True
    """
    must_be_of_masses(law, "de_giorgi")
    start = law.check(state)
    step_solver = solver or JKO().filled_in(law, start).step_solver
    nodes, weights = np.polynomial.legendre.leggauss(positive_integer("points", points))

    def solved(tau: float) -> tuple[Species, float]:
        """Return the state after a step of size tau, and its squared product distance from the start."""
        step = ProximalStep(law, start, tau, mobility or {})
        answer = step_solver.solve(step)
        if not answer.status.ok:
            raise ValueError(f"the step of size {tau:.3g} must be solved, and {step_solver!r} says: {answer.status}")
        return answer.state, sum(distance**2 / step.mobilities[name] for name, distance in answer.distances.items())

    after, square = solved(dt)
    left = law(start) - law(after) - square / (2 * dt)
    sizes = dt * (nodes + 1) / 2
    right = sum(w * dt / 2 * solved(float(s))[1] / (2 * s**2) for s, w in zip(sizes, weights, strict=True))
    sides = {"E(z) - E(z_dt) - W^2 / (2 dt)": np.array([left]), "int W^2 / (2 s^2) ds": np.array([right])}
    return Report("De Giorgi's identity", np.array([dt]), sides, {}, abs(left - right) / max(abs(left), 1e-300))


def _dissipation(law: Law, state: Species, mobilities: Mapping[str, float]) -> float:
    """Return sum_i alpha_i int |grad dE/drho_i|^2 drho_i at a state. Raises ValueError for a Mobility that varies in space."""
    if law.forms.media:
        raise ValueError(f"law must have no Mobility that varies in space, got {law.forms.media[0].term!r}")
    total = 0.0
    for name, measure in state.items():
        with np.errstate(invalid="ignore"):  # in empty cells, -inf of an entropy + inf of an obstacle: they weigh nothing
            variation = law.first_variation(state, name)
        total += mobilities[name] * gradient_product(measure, variation, variation, measure.values)
    return total


def _energies(flow: Trajectory) -> Array:
    """Return the energies of a run. Raises ValueError for a run without an energy."""
    if np.isnan(flow.energies).any():
        raise ValueError("flow must be of a law with an energy: there is none to lose")
    return flow.energies


def _largest(excess: Array) -> float:
    return float(np.max(excess))
