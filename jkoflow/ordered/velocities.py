"""The velocities of ordered particles: minus the element of least norm of the subdifferential."""

from __future__ import annotations

from collections.abc import Mapping

from .._typing import Array
from ..laws import Law
from ..measures import Measure, Species
from .tip_law import TipLaw


def velocity(
    state: Measure | Species, law: Law | None = None, *, mobility: Mapping[str, float] | None = None
) -> dict[str, Array]:
    """Return the velocity of every particle under kernels |x|, at any configuration.

    It is minus the element of least norm of the subdifferential.

    * Away from ties it follows from ranks: the velocity of x_i is alpha (-s (M_(i-1) + M_i - M) - c (N_left - N_right)).
    * Where particles meet, the edges of a lower convex hull are the groups in which they leave. The slopes are their velocities
      (docs/theory/newtonian-particles.md, section 2.4).

    The rule sgn(0) = 0 is wrong at ties: under it two particles of a species that repels itself would stay together.

    Parameters
    ----------
    state : Species of OrderedPoints
    law : Law, optional
        A law of |x| alone, default ``newtonian_law()``.
    mobility : mapping, optional
        alpha by species, 1 where silent.

    Returns
    -------
    dict of arrays, one per species

    Cost: O(N) for sorted positions, plus O(n) to O(n^2) for clusters of n.

    >>> from jkoflow import OrderedParticles
    >>> velocity(OrderedParticles(x=[0.0, 0.0], y=[5.0, 6.0]))["x"]                # the literal rule says 1, 1
    array([0.5, 1.5])
    """
    tips, state = TipLaw.on(law, state, mobility)
    from ._sweeps import velocities

    vx, vy = velocities(*tips.arrays(state))
    return dict(zip(tips.species, (vx, vy), strict=False))
