"""Scalar equations for the logarithm of a density, one in every cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..._typing import Array
from ...laws.forms import DensityFunction

_MOST = 100  # halvings of a bracket, or doublings: more tell nothing


def power_equation(slope: float, c: float, m: float, right: Array) -> Array:
    """The root l of  slope l + c m/(m-1) e^((m-1) l) = right,  by the Wright omega function.

    With y = (m-1) l and B = c m / slope the equation is y + B e^y = (m-1) right / slope. The function omega solves
    omega(x) + log omega(x) = x.
    """
    from scipy.special import wrightomega

    log_B = np.log(c * m / slope)
    x = (m - 1) * right / slope + log_B
    omega = wrightomega(x)
    return (np.where(x > 1, np.log(np.maximum(omega, 1e-300)), x - omega) - log_B) / (m - 1)


def monotone_equation(
    slope: float, powers: Sequence[tuple[float, float]], others: Sequence[tuple[float, DensityFunction]], right: Array
) -> Array:
    """The root l of  slope l + f(e^l) = right,  by bracketing in every cell; NaN where no root is found.

    f is the derivative of the powers c s^m / (m - 1) and of the other functions, and is increasing.
    """
    from scipy.optimize import elementwise

    def excess(log_density: Array, target: Array) -> Array:
        with np.errstate(over="ignore"):
            density = np.exp(log_density)
            left = slope * log_density - target
            for c, m in powers:
                left = left + c * m / (m - 1) * density ** (m - 1)
            for c, function in others:
                left = left + c * function.derivative(density)
            return left

    bracket = elementwise.bracket_root(
        excess, np.full(right.shape, -1.0), np.full(right.shape, 1.0), args=(right,), maxiter=_MOST
    )
    root = elementwise.find_root(excess, bracket.bracket, args=(right,), maxiter=_MOST)
    return np.where(bracket.success & root.success, root.x, np.nan)
