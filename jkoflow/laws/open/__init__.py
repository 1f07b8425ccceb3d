"""Motion and growth that come from no energy."""

from .advection import Advection
from .growth import Growth

__all__ = ["Advection", "Growth"]
