"""Rectangular boxes with equal cells: quadrature, Poisson's equation, free-space convolution."""

from .box import Grid
from .elliptic import Elliptic
from .faces import Faces
from .resampling import resampled
from .walking import walking_distance

__all__ = ["Elliptic", "Faces", "Grid", "resampled", "walking_distance"]
