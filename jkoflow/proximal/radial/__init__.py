"""Steps of spherically symmetric measures."""

from .radial_newton import RadialNewton

__all__ = ["RadialNewton"]
