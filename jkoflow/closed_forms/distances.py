"""Wasserstein distances on the line in closed form."""

from __future__ import annotations

from math import gamma

import numpy as np

from .._validate import finite, in_floating_point, positive


@in_floating_point
def wasserstein_uniforms(first: tuple[float, float], second: tuple[float, float], p: float = 2) -> float:
    """Return W_p between the uniform laws on two intervals. It is the L^p norm of a linear function on (0, 1).

    >>> round(wasserstein_uniforms((0.0, 1.0), (1.0, 3.0)) ** 2, 12)
    2.333333333333
    """
    (a, b), (c, d) = _interval("first", first), _interval("second", second)
    p = _order(p)
    u, v = a - c, b - d
    if np.isinf(p):
        return max(abs(u), abs(v))
    if abs(v - u) <= 1e-4 * max(abs(u), abs(v)):  # a series: the difference of two powers loses digits
        middle = abs(u + v) / 2
        return float(middle * (1 + p * (p - 1) / 24 * ((v - u) / (middle or 1.0)) ** 2) ** (1 / p))
    return float((abs(abs(v) ** p * v - abs(u) ** p * u) / ((p + 1) * abs(v - u))) ** (1 / p))


@in_floating_point
def wasserstein_gaussians(mean: float, deviation: float, other_mean: float, other_deviation: float, p: float = 2) -> float:
    """Return W_p between two Gaussians on the line.

    It is (E|m + s Z|^p)^(1/p), where m is the difference of the means, s the difference of the standard deviations, and Z a
    standard Gaussian.

    >>> round(wasserstein_gaussians(0.0, 1.0, 3.0, 5.0), 12)
    5.0
    """
    from scipy.special import hyp1f1

    p = _order(p)
    m = finite("mean", mean) - finite("other_mean", other_mean)
    s = abs(positive("deviation", deviation) - positive("other_deviation", other_deviation))
    if s == 0:
        return abs(m)
    if np.isinf(p):
        return np.inf
    moment = s**p * 2 ** (p / 2) * gamma((1 + p) / 2) / np.sqrt(np.pi) * hyp1f1(-p / 2, 0.5, -((m / s) ** 2) / 2)
    return float(moment ** (1 / p))


def _interval(name: str, value: tuple[float, float]) -> tuple[float, float]:
    """Return the ends of an interval. Raises ValueError for anything but two numbers, low < high."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise ValueError(f"{name} must be a pair (low, high), got {value!r}")
    low, high = (finite(f"end of {name}", end) for end in value)
    if not low < high:
        raise ValueError(f"{name} must be a pair with low < high, got {value!r}")
    return low, high


def _order(p: float) -> float:
    """Return p as a float. Raises ValueError for anything but a number >= 1 or inf."""
    try:
        if isinstance(p, bool | str) or np.iscomplexobj(p) or not float(p) >= 1:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"p must be a number >= 1, or inf, got {p!r}") from None
    return float(p)
