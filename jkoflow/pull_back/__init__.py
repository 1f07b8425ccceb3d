"""The pull-back of a density through the map x + tau grad phi, cell by cell, and its derivative in phi."""

from .source import PullBack, Pulled

__all__ = ["PullBack", "Pulled"]
