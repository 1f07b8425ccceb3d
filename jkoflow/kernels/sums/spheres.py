"""Kernels between spheres: their mean over the angles."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..._typing import Array
from ..base import Kernel, terms_of
from ..power_law import PowerLaw

_ROOM = 0.25  # of p above -d: nearer to it the quadrature within shells loses its accuracy (5 % at 0.1)
_NEAREST, _KNOTS = 1e-11, 5001  # 1 - q of the ratio nearest to 1 that is told apart from 1, and the knots up to there


class SphereMean(NamedTuple):
    """The mean A(r, s) of a kernel over all pairs of points on two spheres of radii r and s, with its derivatives."""

    value: Array
    r: Array
    s: Array
    rr: Array
    rs: Array
    ss: Array


def power_terms(kernel: Kernel, dim: int) -> list[tuple[float, float]]:
    """The kernel as pairs (c, p) of c |x|^p / p.

    Raises ValueError if it is no sum of power laws with p >= 1/4 - dim, p != 0, and log|x| in the plane.
    """
    terms: list[tuple[float, float]] = []
    for c, term in terms_of(kernel):
        if isinstance(term, PowerLaw):
            terms.append((c, term.p))
        elif terms_of(term) != ((1.0, term),):
            terms += [(c * factor, p) for factor, p in power_terms(term, dim)]
        else:
            raise ValueError(f"RadialQuantiles take sums of power laws as kernels, got {term!r}: take a Density on a grid")
    for _, p in terms:
        if p < -dim + _ROOM or (p == 0 and dim != 2):
            raise ValueError(
                f"RadialQuantiles in R^{dim} take |x|^p for p >= {_ROOM - dim:g}, p != 0 (log|x| in the plane alone), got "
                f"p = {p:g}: up to there sums over shells are accurate"
            )
    return terms


def sphere_mean(terms: list[tuple[float, float]], dim: int, r: Array, s: Array, gap: Array) -> SphereMean:
    """Return the mean of sum c |x|^p / p over the angles between spheres of radii r and s > r, with its derivatives.

    ``gap`` is s - r, given apart because it is small where the mean is singular.

        A(r, s) = s^p / p 2F1(-p/2, 1 - (d + p)/2; d/2; (r / s)^2)

    In the plane the mean of log|x - y| is log s. A is infinite at r = s if p <= 1 - d.

    Source: docs/theory/small-inertia.md, section 2.6.
    """
    total = [np.zeros(np.broadcast(r, s).shape) for _ in SphereMean._fields]
    q = r / s
    for c, p in terms:
        if p == 0:
            G, G1, G2, scale = np.zeros_like(q), np.zeros_like(q), np.zeros_like(q), 1.0
        else:
            G, G1, G2 = _of_the_ratio(p, dim, q, gap / s)
            scale = 1 / p
        size = c * scale * s**p
        parts = (
            size * G,
            size / s * G1,
            size / s * (p * G - q * G1),
            size / s**2 * G2,
            size / s**2 * ((p - 1) * G1 - q * G2),
            size / s**2 * (p * (p - 1) * G - 2 * (p - 1) * q * G1 + q**2 * G2),
        )
        if p == 0:
            parts = (c * np.log(s), parts[1], c / s, parts[3], parts[4], -c / s**2)
        for whole, part in zip(total, parts, strict=True):
            whole += part
    return SphereMean(*total)


def _of_the_ratio(p: float, dim: int, q: Array, below_one: Array) -> tuple[Array, Array, Array]:
    """F(q^2) of the hypergeometric function F, and its first and second derivatives in q = 1 - below_one."""
    F, first, second = np.moveaxis(_table(p, dim)(-np.log(np.maximum(below_one, _NEAREST))), -1, 0)
    return F, 2 * q * first, 2 * first + 4 * q**2 * second


@cache
def _table(p: float, dim: int) -> Any:
    """F, F' and F'' at q^2, as a cubic spline in -log(1 - q): 100 times faster than the functions, relative error 1e-8."""
    from scipy.interpolate import CubicSpline
    from scipy.special import hyp2f1

    x = np.linspace(0.0, -np.log(_NEAREST), _KNOTS)
    a, b, c, z = -p / 2, 1 - (dim + p) / 2, dim / 2, np.expm1(-x) ** 2
    first, second = a * b / c, a * b / c * (a + 1) * (b + 1) / (c + 1)
    columns = (hyp2f1(a, b, c, z), first * hyp2f1(a + 1, b + 1, c + 1, z), second * hyp2f1(a + 2, b + 2, c + 2, z))
    return CubicSpline(x, np.stack(columns, axis=-1))
