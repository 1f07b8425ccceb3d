"""What a run is asked: each diagnostic returns a Report of numbers along the run, which ``plot.report`` draws."""

from .centres import centres, joint_centre
from .collapse import Collapse, collapse
from .confinement import Confinement, confinement
from .contraction import contraction, product_distance
from .convexity import geodesic_convexity
from .dissipation import energy_dissipation
from .evi import evi_residual
from .report import Report

__all__ = [
    "Collapse",
    "Confinement",
    "Report",
    "centres",
    "collapse",
    "confinement",
    "contraction",
    "energy_dissipation",
    "evi_residual",
    "geodesic_convexity",
    "joint_centre",
    "product_distance",
]
