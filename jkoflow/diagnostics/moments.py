"""The change of moments over JKO steps in the whole space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._typing import Array
from .._validate import positive
from ..laws import Law
from ..measures import Measure, Particles, Quantiles, RadialQuantiles, Species
from ..trajectory import Trajectory
from .report import Report, must_be_of_masses

_LEAST = 1e-3  # of the largest change that the distances allow: smaller changes are compared with this
_STEP = 1e-4  # of the parameter s in its unit, in the central differences of d/ds E


def second_moment_identity(flow: Trajectory, law: Law) -> Report:
    """Report the change of the second moments over every JKO step, and the virial of the energy.

        sum_i [m2(rho_i') - m2(rho_i) + W2^2] / (2 dt alpha_i)  =  - d/ds E((1 + s) z') at s = 0,      m2 = int |x|^2 drho

    rho_i and rho_i' are species i before and after the step, z' is the state after it. The two sides are equal for exact
    steps in the whole space. A DirichletCoupling contributes (d - 2) times its energy
    (docs/theory/poisson-nernst-planck.md, section 2.5 (b)). With walls the two sides differ, because walls push back.
    ``worst`` is the largest difference, divided by the largest side.

    The measures must be Quantiles without walls, RadialQuantiles or Particles, which can be dilated. Raises ValueError for
    other measures.

    >>> import jkoflow as jf
    >>> law = jf.Interaction(jf.Quadratic())
    >>> flow = jf.evolve(law, jf.Quantiles([0.0, 1.0, 3.0]), dt=0.1, t_end=0.5)
    >>> bool(second_moment_identity(flow, law).worst < 1e-8)
    True
    """
    must_be_of_masses(law, "second_moment_identity")
    farthest = max(float(np.abs(measure.points).max()) for measure in flow.snapshots[0].values())
    return _compared(
        "second moment",
        flow,
        law,
        _second_moment,
        lambda measure, s: _mapped(measure, lambda x: (1 + s) * x),
        unit=min(1.0, _extent(flow.snapshots[0]) / (farthest or 1.0)),  # far from the origin a dilation moves all
    )


def centre_identity(flow: Trajectory, law: Law, axis: int = 0) -> Report:
    """Report the change of the centres of mass over every JKO step, and the force.

        sum_i [c(rho_i') - c(rho_i)] M_i / (dt alpha_i)  =  - d/ds E(z' + s e) at s = 0,      e along an axis

    c is the centre and M_i the mass of a species, z' the state after the step. Interactions drop out of both sides, by
    Newton's third law (docs/theory/poisson-nernst-planck.md, section 2.5 (c)). With walls the two sides differ. ``worst`` is
    the largest difference, divided by the largest change, which is the sum of the absolute changes of the species; at least by
    1e-3 sum_i M_i^(1/2) W2_i / (dt alpha_i), where centres stay.

    The measures must be Quantiles without walls or Particles. Raises ValueError for other measures.

    >>> import jkoflow as jf
    >>> law = jf.Potential(lambda x: x**2 / 2)
    >>> flow = jf.evolve(law, jf.Quantiles([0.0, 1.0, 3.0]), dt=0.1, t_end=0.5)
    >>> bool(centre_identity(flow, law).worst < 1e-8)
    True
    """
    must_be_of_masses(law, "centre_identity")
    if flow.snapshots[0].kind is RadialQuantiles:
        raise ValueError("flow must be of Quantiles or Particles: the centre of RadialQuantiles is the origin")

    def translated(x: Array, s: float) -> Array:
        return x + s * (1.0 if x.ndim == 1 else np.eye(x.shape[1])[axis])

    def twice_first_moment(measure: Measure) -> float:
        return 2 * float(measure.mass * np.atleast_1d(measure.mean)[axis])

    return _compared(
        "centre of mass",
        flow,
        law,
        twice_first_moment,
        lambda measure, s: _mapped(measure, lambda x: translated(x, s)),
        with_distance=False,
        unit=_extent(flow.snapshots[0]),
    )


def _compared(
    title: str,
    flow: Trajectory,
    law: Law,
    moment: Callable[[Measure], float],
    along: Callable[[Measure, float], Measure],
    with_distance: bool = True,
    unit: float = 1.0,
) -> Report:
    """Report the two sides of a moment identity for every step.

    The left side is the sum over the species of [moment' - moment + W2^2] / (2 dt alpha), where W2^2 is left out unless
    ``with_distance``. The right side is - d/ds E at s = 0, where ``along(measure, s)`` displaces every measure. ``unit``
    is that of s.
    """
    first = next(iter(flow.snapshots[0].values()))
    if not isinstance(first, Quantiles | RadialQuantiles | Particles) or getattr(first, "walls", None) is not None:
        raise ValueError(
            f"flow must be in the whole space, of Quantiles without walls, RadialQuantiles or Particles, got {first!r}"
        )
    left, right, sizes = [], [], []
    for before, after, info, dt in zip(flow.snapshots[:-1], flow.snapshots[1:], flow.infos, flow.dts, strict=True):
        changes = []
        for name, alpha in flow.mobilities.items():
            squares = info.distances[name] ** 2 if with_distance else 0.0
            changes.append((moment(after[name]) - moment(before[name]) + squares) / (2 * positive("dt", dt) * alpha))
        energies = [law(Species({name: along(measure, unit * s) for name, measure in after.items()})) for s in _NODES]
        left.append(sum(changes))
        ways = (info.distances[name] * after[name].mass ** 0.5 / (dt * alpha) for name, alpha in flow.mobilities.items())
        sizes.append(max(sum(map(abs, changes)), _LEAST * sum(ways)))
        right.append(-float(np.dot(energies, _WEIGHTS)) / (unit * _STEP))
    change, force = np.array(left), np.array(right)
    size = max(*sizes, float(np.abs(force).max()), 1e-300)
    return Report(
        title, flow.times[1:], {"moved": change, "by the energy": force}, {}, float(np.abs(change - force).max()) / size
    )


_NODES = tuple(_STEP * k for k in (-2, -1, 1, 2))
_WEIGHTS = np.array([1.0, -8.0, 8.0, -1.0]) / 12  # central differences of fourth order


def _extent(state: Species) -> float:
    """The largest extent of the points of all species; for points at one place its distance from the origin, or 1 there."""
    points = np.concatenate([measure.points.reshape(len(measure.masses), -1) for measure in state.values()])
    return float(np.ptp(points, axis=0).max()) or float(np.abs(points).max()) or 1.0


def _second_moment(measure: Measure) -> float:
    """Return int |x|^2 d measure."""
    if isinstance(measure, RadialQuantiles):
        return measure.second_moment
    return float(measure.mass * (np.trace(np.atleast_2d(measure.covariance)) + np.sum(np.square(measure.mean))))


def _mapped(measure: Measure, f: Callable[[Array], Array]) -> Measure:
    """Return the measure with its points x moved to f(x)."""
    if isinstance(measure, Quantiles | RadialQuantiles):
        return measure.like(f(measure.nodes))
    return Particles(f(measure.points), measure.masses)
