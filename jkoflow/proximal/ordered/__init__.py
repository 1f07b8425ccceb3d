"""Steps of ordered particles."""

from .cutting_planes import CuttingPlanes
from .ordered_resolvent import OrderedResolvent

__all__ = ["CuttingPlanes", "OrderedResolvent"]
