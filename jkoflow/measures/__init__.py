"""How mass is held."""

from .base import Measure
from .cloud_potential import CloudPotential
from .density import Density
from .enclosed import EnclosedCharge
from .line_potential import GAUSS_POINTS, GAUSS_WEIGHTS, LinePotential, at_gauss_points, over_gauss_points
from .ordered import OrderedParticles, OrderedPoints, ghost_place, same_masses
from .particles import Particles
from .quantiles import Quantiles
from .radial import RadialQuantiles, shell_radii, unit_ball
from .species import UNNAMED, Species

__all__ = [
    "GAUSS_POINTS",
    "GAUSS_WEIGHTS",
    "UNNAMED",
    "CloudPotential",
    "Density",
    "EnclosedCharge",
    "LinePotential",
    "Measure",
    "OrderedParticles",
    "OrderedPoints",
    "Particles",
    "Quantiles",
    "RadialQuantiles",
    "Species",
    "at_gauss_points",
    "ghost_place",
    "over_gauss_points",
    "same_masses",
    "shell_radii",
    "unit_ball",
]
