"""The pull-back of a density through the map x + tau grad phi, cell by cell, and its derivative; shears along an axis."""

from .lines import moved_along
from .source import PullBack, Pulled

__all__ = ["PullBack", "Pulled", "moved_along"]
