"""Rectangular boxes with equal cells: quadrature, Poisson's equation, free-space convolution."""

from .box import Grid
from .resampling import resampled
from .walking import walking_distance

__all__ = ["Grid", "resampled", "walking_distance"]
