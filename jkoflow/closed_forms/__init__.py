"""Flows, JKO iterates and distances in closed form, for tests, checks and teaching."""

from .barenblatt import Barenblatt
from .distances import wasserstein_gaussians, wasserstein_uniforms
from .electrostatics import ChargedBall, CosineIons, GroundedSlab, debye_rates, gaussian_coupling
from .gibbs import gibbs_state
from .line import LogarithmicLine, RepulsiveLine, sticky_collapse, sticky_collapse_time
from .mean_field import AlignedGaussians, ThreeLevels, wasserstein_normals
from .mean_field_bounds import MeanFieldBounds, cucker_smale_lipschitz
from .newtonian import DiracPair, dirac_rest_time, newtonian_limit, newtonian_meeting
from .ornstein_uhlenbeck import OrnsteinUhlenbeck
from .riesz_ball import RieszBall
from .small_inertia import SmallInertiaBounds, damped_oscillator
from .two_species import QuadraticPair, UniformPair, collapse_time

__all__ = [
    "AlignedGaussians",
    "Barenblatt",
    "ChargedBall",
    "CosineIons",
    "DiracPair",
    "GroundedSlab",
    "LogarithmicLine",
    "MeanFieldBounds",
    "OrnsteinUhlenbeck",
    "QuadraticPair",
    "RepulsiveLine",
    "RieszBall",
    "SmallInertiaBounds",
    "ThreeLevels",
    "UniformPair",
    "collapse_time",
    "cucker_smale_lipschitz",
    "damped_oscillator",
    "debye_rates",
    "dirac_rest_time",
    "gaussian_coupling",
    "gibbs_state",
    "newtonian_limit",
    "newtonian_meeting",
    "sticky_collapse",
    "sticky_collapse_time",
    "wasserstein_gaussians",
    "wasserstein_normals",
    "wasserstein_uniforms",
]


def __dir__() -> list[str]:
    return __all__
