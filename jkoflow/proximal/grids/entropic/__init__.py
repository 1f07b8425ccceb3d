"""The step with entropic transport on a grid."""

from .solver import Entropic

__all__ = ["Entropic"]
