"""How the moments of exact steps change in the whole space."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._typing import Array
from .._validate import positive
from ..laws import Law
from ..measures import Measure, Particles, Quantiles, RadialQuantiles, Species
from ..trajectory import Trajectory
from .report import Report

_STEP = 1e-4


def second_moment_identity(flow: Trajectory, law: Law) -> Report:
    """The change of the second moments over JKO steps against the virial of the energy.

        sum_i [m2(rho_i') - m2(rho_i) + W2^2] / (2 dt alpha_i)  =  - d/ds E((1 + s) z'),      m2 = int |x|^2 drho

    at s = 0, exact for exact steps in the whole space; a DirichletCoupling adds (d - 2) times its energy
    (docs/theory/poisson-nernst-planck.md, section 2.5 (b)). Against walls it does not hold, as they push back. ``worst``
    is the largest difference over the largest side.

    For Quantiles without walls, RadialQuantiles and Particles, which can be dilated; ValueError for others.

    >>> import jkoflow as jf
    >>> law = jf.Interaction(jf.Quadratic())
    >>> flow = jf.evolve(law, jf.Quantiles([0.0, 1.0, 3.0]), dt=0.1, t_end=0.5)
    >>> bool(second_moment_identity(flow, law).worst < 1e-8)
    True
    """
    return _compared("second moment", flow, law, _second_moment, lambda measure, s: _moved(measure, lambda x: (1 + s) * x))


def centre_identity(flow: Trajectory, law: Law, axis: int = 0) -> Report:
    """The change of the centres of mass over JKO steps against the force.

        sum_i [c(rho_i') - c(rho_i)] M_i / (dt alpha_i)  =  - d/ds E(z' + s e),      e along an axis

    at s = 0. Interactions drop out of it, by Newton's third law (docs/theory/poisson-nernst-planck.md, section 2.5 (c)). Not
    against walls. ``worst`` is the largest difference over the largest change, species by species without signs.

    For Quantiles without walls and Particles; ValueError for others.

    >>> import jkoflow as jf
    >>> law = jf.Potential(lambda x: x**2 / 2)
    >>> flow = jf.evolve(law, jf.Quantiles([0.0, 1.0, 3.0]), dt=0.1, t_end=0.5)
    >>> bool(centre_identity(flow, law).worst < 1e-8)
    True
    """
    if flow.snapshots[0].kind is RadialQuantiles:
        raise ValueError("flow must be of Quantiles or Particles: the centre of RadialQuantiles is the origin")

    def push(x: Array, s: float) -> Array:
        return x + s * (1.0 if x.ndim == 1 else np.eye(x.shape[1])[axis])

    def first(measure: Measure) -> float:
        return 2 * float(measure.mass * np.atleast_1d(measure.mean)[axis])

    return _compared("centre of mass", flow, law, first, lambda measure, s: _moved(measure, lambda x: push(x, s)), moved=False)


def _compared(
    title: str,
    flow: Trajectory,
    law: Law,
    moment: Callable[[Measure], float],
    along: Callable[[Measure, float], Measure],
    moved: bool = True,
) -> Report:
    first = next(iter(flow.snapshots[0].values()))
    if not isinstance(first, Quantiles | RadialQuantiles | Particles) or getattr(first, "walls", None) is not None:
        raise ValueError(
            f"flow must be in the whole space, of Quantiles without walls, RadialQuantiles or Particles, got {first!r}"
        )
    left, right, moves = [], [], []
    for before, after, info, dt in zip(flow.snapshots[:-1], flow.snapshots[1:], flow.infos, flow.dts, strict=True):
        changes = []
        for name, alpha in flow.mobilities.items():
            squares = info.distances[name] ** 2 if moved else 0.0
            changes.append((moment(after[name]) - moment(before[name]) + squares) / (2 * positive("dt", dt) * alpha))
        sides = [law(Species({name: along(one, s) for name, one in after.items()})) for s in _AROUND]
        left.append(sum(changes))
        moves.append(sum(map(abs, changes)))
        right.append(-float(np.dot(sides, _WEIGHTS)) / _STEP)
    one, other = np.array(left), np.array(right)
    size = max(*moves, float(np.abs(other).max()), 1e-300)
    return Report(title, flow.times[1:], {"moved": one, "by the energy": other}, {}, float(np.abs(one - other).max()) / size)


_AROUND = tuple(_STEP * k for k in (-2, -1, 1, 2))
_WEIGHTS = np.array([1.0, -8.0, 8.0, -1.0]) / 12  # central differences of fourth order


def _second_moment(measure: Measure) -> float:
    if isinstance(measure, RadialQuantiles):
        return measure.second_moment
    return float(measure.mass * (np.trace(np.atleast_2d(measure.covariance)) + np.sum(np.square(measure.mean))))


def _moved(measure: Measure, f: Callable[[Array], Array]) -> Measure:
    if isinstance(measure, Quantiles | RadialQuantiles):
        return measure.like(f(measure.nodes))
    return Particles(f(measure.points), measure.masses)
