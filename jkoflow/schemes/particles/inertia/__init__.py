"""What the schemes for particles with inertia are made of."""

from .base import Advanced, InertialScheme
from .motion import DampedMotion, Parts, Phis

__all__ = ["Advanced", "DampedMotion", "InertialScheme", "Parts", "Phis"]
