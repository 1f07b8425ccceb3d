"""Distances and the kernels of entropic transport."""

from .dense import semi_relaxed_step
from .distances import wasserstein2
from .gibbs import GibbsKernel

__all__ = ["GibbsKernel", "semi_relaxed_step", "wasserstein2"]
