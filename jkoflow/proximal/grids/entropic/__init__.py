"""Steps with entropic transport."""

from .solver import Entropic

__all__ = ["Entropic"]
