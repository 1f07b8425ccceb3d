"""Diagnostics of a run. Most return a Report: curves of numbers along the run, which ``plot.report`` draws."""

from .centre_of_mass import centres, joint_centre
from .convexity import geodesic_convexity
from .currents import coupling_of, current_density, electric_current
from .dissipation import energy_dissipation
from .evi import evi_residual
from .hulls import ConfinementReport, confinement
from .inertia import (
    energy_distance,
    modulated_energy,
    monokinetic_bound,
    phase_norms,
    phase_wasserstein,
    velocity_defect,
)
from .interchange import flow_interchange, norm_growth
from .mean_field import coupling_error, field_gradient_distance
from .moments import centre_identity, second_moment_identity
from .radii import CollapseReport, collapse
from .report import Report
from .steps import de_giorgi, slope_identity, square_distances, step_dissipation
from .two_runs import contraction, product_distance

__all__ = [
    "CollapseReport",
    "ConfinementReport",
    "Report",
    "centre_identity",
    "centres",
    "collapse",
    "confinement",
    "contraction",
    "coupling_error",
    "coupling_of",
    "current_density",
    "de_giorgi",
    "electric_current",
    "energy_dissipation",
    "energy_distance",
    "evi_residual",
    "field_gradient_distance",
    "flow_interchange",
    "geodesic_convexity",
    "joint_centre",
    "modulated_energy",
    "monokinetic_bound",
    "norm_growth",
    "phase_norms",
    "phase_wasserstein",
    "product_distance",
    "second_moment_identity",
    "slope_identity",
    "square_distances",
    "step_dissipation",
    "velocity_defect",
]


def __dir__() -> list[str]:
    return __all__
