"""Rectangular boxes with equal cells: quadrature, Poisson's equation, free-space convolution."""

from .box import Grid
from .elliptic import Elliptic
from .faces import Faces, mobility_on_faces, on_faces
from .medium import Medium, axes_of
from .resampling import resampled
from .walking import walking_distance

__all__ = ["Elliptic", "Faces", "Grid", "Medium", "axes_of", "mobility_on_faces", "on_faces", "resampled", "walking_distance"]
