"""The pull-back of a density, cell by cell: through the map x + tau grad phi, with its derivative, and through any map."""

from .cell_map import CellMap
from .lines import moved_along
from .periodic import rolled_up, unrolled
from .source import PullBack, Pulled

__all__ = ["CellMap", "PullBack", "Pulled", "moved_along", "rolled_up", "unrolled"]
