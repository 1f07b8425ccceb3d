"""Flows, JKO iterates and distances known in closed form, for tests, checks and teaching."""

from .barenblatt import Barenblatt
from .distances import wasserstein_gaussians, wasserstein_uniforms
from .gibbs import gibbs_state
from .line import LogarithmicLine, RepulsiveLine, sticky_collapse, sticky_collapse_time
from .newtonian import DiracPair, dirac_rest_time, newtonian_limit, newtonian_meeting
from .ornstein_uhlenbeck import OrnsteinUhlenbeck
from .two_species import QuadraticPair, UniformPair, collapse_time

__all__ = [
    "Barenblatt",
    "DiracPair",
    "LogarithmicLine",
    "OrnsteinUhlenbeck",
    "QuadraticPair",
    "RepulsiveLine",
    "UniformPair",
    "collapse_time",
    "dirac_rest_time",
    "gibbs_state",
    "newtonian_limit",
    "newtonian_meeting",
    "sticky_collapse",
    "sticky_collapse_time",
    "wasserstein_gaussians",
    "wasserstein_uniforms",
]
