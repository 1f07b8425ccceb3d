"""Ordered particles under kernels |x|, exactly.

* ``velocity``, ``tip_energy``, ``TipLaw``: velocities, energies and laws
* ``WorldLines``, ``Event``, ``Events``: the flow by its meetings
* ``resolvent``: the implicit step
* ``CrossingGrid``, ``isotonic_flow``, ``first_crossing``: special cases with formulas of their own
* ``RationalFlow``, ``RationalEvent``: the flow in rational numbers
"""

from ..measures import ghost_place
from .crossings import CrossingGrid
from .energy import tip_energy
from .events import Event, Events
from .implicit_step import resolvent, tip_resolvent
from .isotonic import first_crossing, isotonic_flow
from .rational import RationalEvent, RationalFlow
from .tip_law import TipLaw
from .velocities import velocity
from .world_lines import Walk, WorldLines

__all__ = [
    "CrossingGrid",
    "Event",
    "Events",
    "RationalEvent",
    "RationalFlow",
    "TipLaw",
    "Walk",
    "WorldLines",
    "first_crossing",
    "ghost_place",
    "isotonic_flow",
    "resolvent",
    "tip_energy",
    "tip_resolvent",
    "velocity",
]


def __dir__() -> list[str]:
    return __all__
