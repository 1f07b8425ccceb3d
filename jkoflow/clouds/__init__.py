"""Point masses in R^d: what moves them, and what happens where they meet."""

from .departures import Departures
from .forces import Forces
from .groups import Groups, together
from .law import CloudLaw, difference_step, gradient_of, is_steep
from .motion import Motion, Moved

__all__ = [
    "CloudLaw",
    "Departures",
    "Forces",
    "Groups",
    "Motion",
    "Moved",
    "difference_step",
    "gradient_of",
    "is_steep",
    "together",
]
