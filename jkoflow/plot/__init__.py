"""Pictures of flows. Needs matplotlib, imported only here."""

from .clouds import clouds
from .flows import animate, density, energy, paths, quantiles
from .ions import ions
from .particles import cdfs, world_lines
from .reports import report

__all__ = ["animate", "cdfs", "clouds", "density", "energy", "ions", "paths", "quantiles", "report", "world_lines"]
