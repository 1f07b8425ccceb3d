"""Time schemes: how a flow is cut into steps. Each scheme has a file of its own."""

from .adaptive import Adaptive
from .alternating import Alternating
from .base import Carry, Scheme, StepInfo, Taken, chord_dissipation
from .bdf2 import BDF2
from .brezis import Brezis
from .implicit_midpoint import ImplicitMidpoint
from .jko import JKO
from .particles import ExponentialEuler, Inertial, InertialReference, Kinetic, Langevin, Overdamped, TimeSliced
from .problem import Mobility, Problem
from .semi_implicit import SemiImplicitJKO
from .splitting import Splitting
from .variational_extrapolation import VariationalExtrapolation

__all__ = [
    "BDF2",
    "JKO",
    "Adaptive",
    "Alternating",
    "Brezis",
    "Carry",
    "ExponentialEuler",
    "ImplicitMidpoint",
    "Inertial",
    "InertialReference",
    "Kinetic",
    "Langevin",
    "Mobility",
    "Overdamped",
    "Problem",
    "Scheme",
    "SemiImplicitJKO",
    "Splitting",
    "StepInfo",
    "Taken",
    "TimeSliced",
    "VariationalExtrapolation",
    "chord_dissipation",
]
