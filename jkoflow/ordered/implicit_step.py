"""The resolvent of ordered particles under kernels |x|, which is implicit Euler and the JKO step of the particle system."""

from __future__ import annotations

from collections.abc import Mapping

from .._validate import positive
from ..laws import Law
from ..measures import Measure, OrderedParticles, Species, same_masses
from .tip_law import TipLaw


def resolvent(
    state: Measure | Species, tau: float, law: Law | None = None, *, mobility: Mapping[str, float] | None = None
) -> OrderedParticles:
    """Return the minimiser over ordered positions of E(Z) + sum_i m_i |z_i - z_i^0|^2 / (2 tau alpha_i), exactly.

    The problem splits over places: the numbers p and q of particles to the left of a place depend on that place alone. So the
    groups that end at one place are the edges of a lower convex hull (docs/theory/clusters.md, section 2.2). For
    ``newtonian_law()`` and equal masses of both species one sweep over the particles finds them.

    Composed over the times between the events of the flow, it is the flow itself. With equal steps it is implicit Euler, of
    first order.

    >>> from jkoflow import OrderedParticles
    >>> resolvent(OrderedParticles(x=[-1.0], y=[1.0]), tau=0.25)["x"].points
    array([-0.75])
    """
    tips, checked_state = TipLaw.on(law, state, mobility)
    return tip_resolvent(tips, checked_state, positive("tau", tau))


def tip_resolvent(tips: TipLaw, state: Species, tau: float) -> OrderedParticles:
    """The resolvent of the law ``tips``, for a state that it was checked against.

    >>> import jkoflow as jf
    >>> tips, state = jf.ordered.TipLaw.on(jf.newtonian_law(), jf.OrderedParticles(x=[-1.0], y=[1.0]))
    >>> {name: points.points for name, points in tip_resolvent(tips, state, 0.5).items()}
    {'x': array([-0.5]), 'y': array([0.5])}
    """
    from ._sweeps import by_thresholds, sweep

    x, m, y, n, strengths = tips.arrays(state)
    if tips.is_newtonian and len(x) == len(y) and same_masses(m, n):
        places = sweep(x, y, float(tau * tips.strengths[1] * m[0]))
    else:
        places = by_thresholds(x, m, y, n, strengths, tau)
    return OrderedParticles({name: (z, state[name].masses) for name, z in zip(tips.species, places, strict=False)})
