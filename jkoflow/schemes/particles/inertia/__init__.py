"""What the schemes for particles and densities with inertia are made of."""

from .base import Advanced, InertialScheme, WithInertia
from .motion import DampedMotion, Parts, Phis
from .phase_motion import PhaseMotion, force_fields

__all__ = [
    "Advanced",
    "DampedMotion",
    "InertialScheme",
    "Parts",
    "PhaseMotion",
    "Phis",
    "WithInertia",
    "force_fields",
]
