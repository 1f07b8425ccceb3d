"""Distances and norms on phase space."""

from __future__ import annotations

import numpy as np

from ..._typing import Array
from ..._validate import finite, positive
from ...measures import MovingParticles, Particles, PhaseDensity
from ...trajectory import Trajectory
from ...transport import Distance, wasserstein
from ..report import Report


def phase_wasserstein(
    a: MovingParticles | PhaseDensity, b: MovingParticles | PhaseDensity, p: float = 1, *, time: float = 1.0
) -> Distance:
    """Return W_p of two measures on phase space, for the distance (|x - y|^2 + time^2 |v - w|^2)^(1/2), a length.

    ``time`` makes a length of a velocity. MovingParticles are point masses at (x, v). A PhaseDensity is taken as
    ``PhaseDensity.particles`` gives it: point masses at the centres of its cells.

    The distance is exact between the point masses, by the network simplex: seconds for 2000 points each.

    Raises ValueError as ``wasserstein``, and for other measures or time <= 0.

    Source: Definition 2.1 of Choi, Fagioli, Iorio; docs/theory/small-inertia.md, section 2.5.

    >>> one, other = MovingParticles([0.0], [0.0]), MovingParticles([3.0], [2.0])
    >>> phase_wasserstein(one, other, time=2.0).value
    5.0
    """
    positive("time", time)
    return wasserstein(_points("a", a, time), _points("b", b, time), p=p, method="exact")


def phase_norms(flow: Trajectory, epsilon: float, p: float = 2.0) -> Report:
    """Report the L^p norms of f along a run of Kinetic, and their exact growth exp((d / epsilon) (1 - 1/p) t).

    The damping shrinks cells of velocity, so f grows; the masses stay. The equality holds for every law of places. ``worst`` is
    the largest relative difference: the diffusion of the grid, which grows as f becomes narrower than some cells.

    Raises ValueError for measures that are no PhaseDensity, epsilon <= 0, and p < 1.

    Source: Lemma 4.1 of Choi, Fagioli, Iorio, an equality: docs/theory/small-inertia.md, section 4.5.

    >>> import numpy as np, jkoflow as jf
    >>> x, v = jf.Grid.box((-4, 4), cells=160), jf.Grid.box((-4, 4), cells=160)
    >>> f = jf.PhaseDensity.of(x, v, lambda x, v: np.exp(-x**2 - v**2))
    >>> flow = jf.evolve(jf.Potential(lambda x: x**2 / 2), f, scheme=jf.Kinetic(1.0), dt=0.1, t_end=0.5)
    >>> bool(phase_norms(flow, 1.0).worst < 1e-2)
    True
    """
    positive("epsilon", epsilon)
    if not p >= 1:
        raise ValueError(f"p must be >= 1, got {p!r}")
    if not np.isinf(p):
        finite("p", p)
    state = flow.snapshots[0]
    if not issubclass(state.kind, PhaseDensity):
        raise ValueError(f"flow must be of PhaseDensity, got {state.kind.__name__}")
    dim = state.domain[0].dim
    curves = {name: np.array([snapshot[name].norm(p) for snapshot in flow.snapshots]) for name in state}
    growth = np.exp(dim / epsilon * (1 - 1 / p) * (flow.times - flow.times[0]))
    bounds: dict[str, Array] = {f"{name} exact".strip(): curve[0] * growth for name, curve in curves.items()}
    worst = max(float(np.abs(curve / curve[0] / growth - 1).max()) for curve in curves.values())
    return Report(f"norms in L^{p:g}", flow.times, curves, bounds, worst)


def _points(name: str, measure: MovingParticles | PhaseDensity, time: float) -> Particles:
    """The point masses at (x, time v)."""
    if not isinstance(measure, MovingParticles | PhaseDensity):
        raise ValueError(f"{name} must be MovingParticles or a PhaseDensity, got {type(measure).__name__}")
    cloud = measure if isinstance(measure, MovingParticles) else measure.particles()
    x, v = (part.reshape(len(cloud.masses), cloud.dim) for part in (cloud.points, cloud.velocities))
    return Particles(np.concatenate([x, time * v], axis=1), cloud.masses)
