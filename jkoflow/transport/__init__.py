"""Distances, c-transforms, and the kernels of entropic transport."""

from .c_transform import c_transform, upper_transform
from .dense import semi_relaxed_step
from .distances import Distance, wasserstein, wasserstein2
from .gibbs import GibbsKernel

__all__ = ["Distance", "GibbsKernel", "c_transform", "semi_relaxed_step", "upper_transform", "wasserstein", "wasserstein2"]
