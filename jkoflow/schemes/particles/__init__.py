"""Schemes for particles: without inertia through collisions, with inertia, with noise."""

from .inertial import Inertial
from .kinetic import Kinetic
from .langevin import Langevin
from .overdamped import Overdamped

__all__ = ["Inertial", "Kinetic", "Langevin", "Overdamped"]
