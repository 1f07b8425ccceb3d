"""The JKO step as conic programs for cvxpy: references for small grids."""

from .convex import Convex, freezing_threshold
from .convex_dynamic import ConvexDynamic

__all__ = ["Convex", "ConvexDynamic", "freezing_threshold"]
