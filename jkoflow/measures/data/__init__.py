"""Data as it comes: points onto grids, and columns of tables."""

from .deposit import cloud_in_cell, gaussian_clouds
from .tables import columns_of

__all__ = ["cloud_in_cell", "columns_of", "gaussian_clouds"]
