"""Measures: densities on a grid, quantiles, particles, radial measures, and species that are measures under names."""

from .base import HoldsPlaces, Measure
from .cloud_potential import CloudPotential
from .density import Density
from .line_potential import LinePotential
from .moving import MovingParticles
from .ordered import OrderedParticles, OrderedPoints, ghost_place, same_masses
from .particles import Particles
from .phase import PhaseDensity
from .quantiles import Quantiles
from .shells import EnclosedCharge, RadialQuantiles, ShellPairs, shell_radii, unit_ball
from .species import UNNAMED, Species, complete_mobilities
from .state import State

__all__ = [
    "UNNAMED",
    "CloudPotential",
    "Density",
    "EnclosedCharge",
    "HoldsPlaces",
    "LinePotential",
    "Measure",
    "MovingParticles",
    "OrderedParticles",
    "OrderedPoints",
    "Particles",
    "PhaseDensity",
    "Quantiles",
    "RadialQuantiles",
    "ShellPairs",
    "Species",
    "State",
    "complete_mobilities",
    "ghost_place",
    "same_masses",
    "shell_radii",
    "unit_ball",
]
