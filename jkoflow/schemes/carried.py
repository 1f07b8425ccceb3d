"""States in a carry: the arrays that a flow changes, by name."""

from __future__ import annotations

from ..measures import Species
from .base import Carry

PRESSURE = "pressure of "  # and the name of a species: the pressure of its bound after the last step, for Growth


def packed(state: Species, prefix: str) -> Carry:
    """Return the changing arrays of a state by the names ``prefix`` and species.

    >>> from jkoflow import Quantiles
    >>> packed(Species(u=Quantiles([0.0, 1.0])), "before ")
    {'before u': array([0., 1.])}
    """
    return {prefix + name: getattr(measure, measure.moving) for name, measure in state.items()}


def unpacked(carry: Carry, prefix: str, like: Species) -> Species:
    """Return the state that :func:`packed` has packed. Its grid, masses and walls are those of ``like``."""
    return like.like({name: carry[prefix + name] for name in like})
