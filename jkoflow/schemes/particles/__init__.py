"""Schemes for particles: without inertia through collisions, with inertia, with noise."""

from .exponential_euler import ExponentialEuler
from .inertial import Inertial
from .inertial_reference import InertialReference
from .kinetic import Kinetic
from .langevin import Langevin
from .overdamped import Overdamped
from .time_sliced import TimeSliced

__all__ = ["ExponentialEuler", "Inertial", "InertialReference", "Kinetic", "Langevin", "Overdamped", "TimeSliced"]
