"""Fast sums of kernels over sorted points on the line, over pairs of points in R^d, and over the cells of quantiles."""

from .curvatures import pair_curvature_blocks, pair_curvatures
from .gauss import GAUSS_POINTS, GAUSS_WEIGHTS, at_gauss_points, over_gauss_points
from .line import LineKernel, on_the_line
from .own_cell import own_cell_law, own_cell_mean
from .pairs import compiled_pair, pair_gradients, pair_values
from .pieces import Pieces, WithoutWedges, pieces_of
from .spheres import SphereMean, sphere_mean

__all__ = [
    "GAUSS_POINTS",
    "GAUSS_WEIGHTS",
    "LineKernel",
    "Pieces",
    "SphereMean",
    "WithoutWedges",
    "at_gauss_points",
    "compiled_pair",
    "on_the_line",
    "over_gauss_points",
    "own_cell_law",
    "own_cell_mean",
    "pair_curvature_blocks",
    "pair_curvatures",
    "pair_gradients",
    "pair_values",
    "pieces_of",
    "sphere_mean",
]
