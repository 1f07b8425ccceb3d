"""Steps on quantiles."""

from .newtonian_step import NewtonianStep
from .quantile_newton import QuantileNewton

__all__ = ["NewtonianStep", "QuantileNewton"]
