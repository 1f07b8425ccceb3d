"""Pictures of flows, states and diagnostics. Only this package imports matplotlib."""

from .accounts import current_voltage, masses
from .animations import animate, movie
from .charges import ions
from .flows import density, energy, paths, quantiles
from .live import Live
from .particles import cdfs, world_lines
from .phase import phase_space
from .rates import rate
from .reports import report
from .scatter import clouds
from .signals import cells_and_field

__all__ = [
    "Live",
    "animate",
    "cdfs",
    "cells_and_field",
    "clouds",
    "current_voltage",
    "density",
    "energy",
    "ions",
    "masses",
    "movie",
    "paths",
    "phase_space",
    "quantiles",
    "rate",
    "report",
    "world_lines",
]


def __dir__() -> list[str]:
    return __all__
