"""Two species with Newtonian self-repulsion and cross-attraction on the line."""

from __future__ import annotations

from ...kernels import PowerLaw
from ..base import Law
from .cross_interaction import CrossInteraction
from .interaction import Interaction


def newtonian_law(x: str = "x", y: str = "y") -> Law:
    """Return the law E = -1/2 int int |x - x'| drho drho - 1/2 int int |y - y'| deta deta + int int |x - y| drho deta.

    On the line and for equal masses, E is the Cramer distance int (F_rho - F_eta)^2 dx >= 0. It is 0 only if the two species
    coincide (docs/theory/newtonian-particles.md, sections 1.1 and 1.3, with N(x) = |x| as there).

    The flow depends on the measure:

    * on Quantiles, the partial differential equations;
    * on OrderedParticles, a system of indivisible particles.

    >>> from jkoflow import OrderedParticles
    >>> newtonian_law()(OrderedParticles(x=[-1.0], y=[1.0]))
    2.0
    """
    tip = PowerLaw(1)
    return -1.0 * Interaction(tip, x) - 1.0 * Interaction(tip, y) + CrossInteraction(tip, between=(x, y))
