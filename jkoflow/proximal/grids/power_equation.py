"""Scalar equations for the logarithm of a density, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..._typing import Array
from ...laws.forms import DensityFunction


def power_equation(slope: float, c: float, m: float, right: Array) -> Array:
    """The root l of slope l + c m/(m-1) e^((m-1) l) = right, by the Wright omega function.

    With y = (m-1) l and B = c m / slope it reads y + B e^y = (m-1) right / slope; then omega(x) + log omega(x) = x.
    """
    from scipy.special import wrightomega

    log_B = np.log(c * m / slope)
    x = (m - 1) * right / slope + log_B
    omega = wrightomega(x)
    return (np.where(x > 1, np.log(np.maximum(omega, 1e-300)), x - omega) - log_B) / (m - 1)


def monotone_equation(
    slope: float, powers: Sequence[tuple[float, float]], others: Sequence[tuple[float, DensityFunction]], right: Array
) -> Array:
    """The root l of slope l + sum of increasing functions of e^l = right, bracketed and found cell by cell."""
    from scipy.optimize import elementwise

    def excess(log_density: Array, target: Array) -> Array:
        with np.errstate(over="ignore"):
            density = np.exp(log_density)
            total = slope * log_density - target
            for c, m in powers:
                total = total + c * m / (m - 1) * density ** (m - 1)
            for c, function in others:
                total = total + c * function.derivative(density)
            return total

    bracket = elementwise.bracket_root(excess, np.full(right.shape, -1.0), np.full(right.shape, 1.0), args=(right,))
    found = elementwise.find_root(excess, bracket.bracket, args=(right,))
    return np.where(bracket.success & found.success, found.x, np.nan)
