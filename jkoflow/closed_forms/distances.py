"""Wasserstein distances on the line in closed form."""

from __future__ import annotations

from math import gamma

import numpy as np

from .._validate import finite, positive


def wasserstein_uniforms(first: tuple[float, float], second: tuple[float, float], p: float = 2) -> float:
    """Return W_p between the uniform laws on two intervals. It is the L^p norm of a linear function on (0, 1).

    >>> round(wasserstein_uniforms((0.0, 1.0), (1.0, 3.0)) ** 2, 12)
    2.333333333333
    """
    (a, b), (c, d) = first, second
    if not (finite("low end", a) < finite("high end", b) and finite("low end", c) < finite("high end", d)):
        raise ValueError(f"intervals must be pairs with low < high, got {first!r} and {second!r}")
    _check_order(p)
    u, v = a - c, b - d
    if np.isinf(p):
        return max(abs(u), abs(v))
    if u == v:
        return abs(u)
    return float((abs(abs(v) ** p * v - abs(u) ** p * u) / ((p + 1) * abs(v - u))) ** (1 / p))


def wasserstein_gaussians(mean: float, deviation: float, other_mean: float, other_deviation: float, p: float = 2) -> float:
    """Return W_p between two Gaussians on the line.

    It is (E|m + s Z|^p)^(1/p), where m is the difference of the means, s the difference of the standard deviations, and Z a
    standard Gaussian.

    >>> round(wasserstein_gaussians(0.0, 1.0, 3.0, 5.0), 12)
    5.0
    """
    from scipy.special import hyp1f1

    finite("mean", mean), finite("other_mean", other_mean)
    positive("deviation", deviation), positive("other_deviation", other_deviation)
    _check_order(p)
    m, s = mean - other_mean, abs(deviation - other_deviation)
    if s == 0:
        return abs(m)
    if np.isinf(p):
        return np.inf
    moment = s**p * 2 ** (p / 2) * gamma((1 + p) / 2) / np.sqrt(np.pi) * hyp1f1(-p / 2, 0.5, -((m / s) ** 2) / 2)
    return float(moment ** (1 / p))


def _check_order(p: float) -> None:
    """Raise ValueError unless p is a number >= 1, or inf."""
    if isinstance(p, bool | str | bytes) or np.ndim(p) != 0 or not p >= 1:
        raise ValueError(f"p must be a number >= 1, or inf, got {p!r}")
