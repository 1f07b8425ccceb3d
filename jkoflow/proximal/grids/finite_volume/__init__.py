"""The step by finite volumes: implicit Euler for the fluxes through the faces of a grid."""

from .solver import FiniteVolume

__all__ = ["FiniteVolume"]
