"""Open worlds: doors and reservoirs, mobilities that vary, and motion and growth that come from no energy."""

from .advection import Advection
from .exit import Exit
from .growth import Growth
from .inflow import Inflow
from .mobility import Mobility
from .reservoir import Reservoir

__all__ = ["Advection", "Exit", "Growth", "Inflow", "Mobility", "Reservoir"]
