"""Wasserstein distances, c-transforms, and the Gibbs kernel of entropic transport."""

from .dense import semi_relaxed_step
from .distances import Distance, wasserstein, wasserstein2
from .gibbs import GibbsKernel
from .nearby import nearby_distance
from .transforms import c_transform, upper_transform

__all__ = [
    "Distance",
    "GibbsKernel",
    "c_transform",
    "nearby_distance",
    "semi_relaxed_step",
    "upper_transform",
    "wasserstein",
    "wasserstein2",
]
