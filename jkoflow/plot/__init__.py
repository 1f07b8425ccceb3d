"""Pictures of flows. Needs matplotlib, imported only here."""

from .flows import animate, density, energy, paths, quantiles
from .particles import cdfs, world_lines

__all__ = ["animate", "cdfs", "density", "energy", "paths", "quantiles", "world_lines"]
