"""Pulling a density back through the map x + tau grad phi, cell by cell, and the derivative of that in phi."""

from .source import PullBack, Pulled

__all__ = ["PullBack", "Pulled"]
