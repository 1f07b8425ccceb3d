"""Two species with Newtonian self-repulsion and cross-attraction on the line."""

from __future__ import annotations

from ..kernels import PowerLaw
from .base import Law
from .cross_interaction import CrossInteraction
from .interaction import Interaction


def newtonian_law(x: str = "x", y: str = "y") -> Law:
    """E = -1/2 int int |x - x'| drho drho - 1/2 int int |y - y'| deta deta + int int |x - y| drho deta.

    On the line and at equal masses this is int (F_rho - F_eta)^2 dx >= 0, the Cramer distance, 0 only where the species
    coincide (docs/theory/newtonian-particles.md, sections 1.1 and 1.3, with N(x) = |x| as there). On Quantiles its flow is
    that of the partial differential equations; on OrderedParticles that of as many indivisible particles.

    >>> from jkoflow import OrderedParticles
    >>> newtonian_law()(OrderedParticles(x=[-1.0], y=[1.0]))
    2.0
    """
    tip = PowerLaw(1)
    return -1.0 * Interaction(tip, x) - 1.0 * Interaction(tip, y) + CrossInteraction(tip, between=(x, y))
