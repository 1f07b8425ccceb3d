"""Rectangular boxes with equal cells: quadrature, Poisson's equation, free-space convolution."""

from .box import Grid
from .resampling import resampled

__all__ = ["Grid", "resampled"]
