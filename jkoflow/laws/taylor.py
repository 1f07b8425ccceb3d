"""Functions of space with their first two derivatives, exactly, where they are made of smooth numpy functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .._typing import Array

_SAME = 1e-12  # share of the values by which the values of the jet may differ from those of the function
_NEAR_ZERO = 1e-4  # share of the largest divisor: below it second derivatives of quotients lose half of their digits

Numbers: TypeAlias = Array | float
Unary: TypeAlias = Callable[[Any], tuple[Numbers, Numbers, Numbers]]
"""From u to f(u), f'(u) and f''(u)."""


class Jet(NamedTuple):
    """The values, slopes and curvatures of a function at points."""

    value: Array
    slope: Array
    curvature: Array


def exact_jet(f: Callable[..., Any], coordinates: Sequence[Array], along: Sequence[float]) -> Jet | None:
    """Return the jet of a function of space along a direction at points, exact to rounding, by Taylor arithmetic of order 2.

    ``coordinates`` are the coordinates of the points, arrays (n,). ``along`` are those of the direction.

    f is called once with numbers that carry their derivatives. The result is None if f is not made of the arithmetic and the
    smooth functions of numpy alone, as with ``np.abs`` and ``np.where``, if something in the jet is not finite, or if f divides
    by numbers some of which are near 0: derivatives of sin(x) / x lose their digits there.

    Source: Griewank and Walther, Evaluating Derivatives (2008), section 13.2.

    >>> jet = exact_jet(lambda x: x**2 * np.exp(x), [np.array([0.0, 1.0])], [1.0])
    >>> bool(np.allclose(jet.curvature, [2.0, 7 * np.e]))
    True
    >>> exact_jet(np.abs, [np.array([0.0, 1.0])], [1.0]) is None
    True
    """
    count = len(coordinates[0])
    if count == 0:
        return None
    some = [0, count // 2, -1]
    try:
        found = f(*(_Taylor(x, float(u), 0.0) if u else x for x, u in zip(coordinates, along, strict=True)))
        directly = np.broadcast_to(np.asarray(f(*(x[some] for x in coordinates)), dtype=np.float64), (3,))
        parts = found.parts if isinstance(found, _Taylor) else (found, 0.0, 0.0)  # it may not depend on some coordinates
        jet = Jet(*(np.broadcast_to(np.asarray(part, dtype=np.float64), (count,)) for part in parts))
    except Exception:  # whatever a function makes of numbers of another kind
        return None
    same = np.abs(jet.value[some] - directly).max() <= _SAME * np.abs(directly).max()
    return jet if same and all(np.isfinite(part).all() for part in jet) else None


def quadratic_jet(f: Callable[..., Any], at: float) -> tuple[float, float, float] | None:
    """Return f(at), f'(at) and f'' of a function on the line that is a polynomial of degree 2 or less; None for others.

    Taylor arithmetic shows it: the second derivative is a number that no place enters. A polynomial may be written so that
    this does not show, as ``x**3 / x``.

    >>> quadratic_jet(lambda x: 3 * (x - 1) ** 2, 2.0), quadratic_jet(np.cos, 2.0)
    ((3.0, 6.0, 6.0), None)
    """
    x = np.array([at])
    try:
        found = f(_Taylor(x, 1.0, 0.0))
        directly = float(np.asarray(f(x), dtype=np.float64).reshape(()))
        value, first, second = found.parts if isinstance(found, _Taylor) else (found, 0.0, 0.0)
        if np.ndim(second) > 0:
            return None
        jet = float(np.reshape(value, ())), float(np.reshape(first, ())), float(second)
    except Exception:  # whatever a function makes of numbers of another kind
        return None
    return jet if abs(jet[0] - directly) <= _SAME * abs(directly) and np.isfinite(jet).all() else None


class _Taylor(np.lib.mixins.NDArrayOperatorsMixin):
    """Numbers with their first two derivatives. Derivatives that are 0.0 or 1.0 everywhere are kept as these floats."""

    def __init__(self, value: Numbers, first: Numbers, second: Numbers) -> None:
        self.parts = value, first, second

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            return NotImplemented
        if len(inputs) == 1:
            unary = _UNARY.get(ufunc.__name__)
            return NotImplemented if unary is None else _composed(self.parts, unary)
        rule = _BINARY.get(ufunc.__name__)
        return NotImplemented if rule is None else rule(*map(_parts, inputs))


Parts: TypeAlias = tuple[Any, Any, Any]


def _parts(number: Any) -> Parts:
    return number.parts if isinstance(number, _Taylor) else (np.asarray(number, dtype=np.float64), 0.0, 0.0)


def _times(a: Numbers, b: Numbers) -> Numbers:
    """a b, with no work for the factors 0.0 and 1.0."""
    for one, other in ((a, b), (b, a)):
        if isinstance(one, float) and one in (0.0, 1.0):
            return 0.0 if one == 0.0 else other
    return a * b


def _plus(a: Numbers, b: Numbers) -> Numbers:
    """a + b, with no work for the summand 0.0."""
    if isinstance(a, float) and a == 0.0:
        return b
    return a if isinstance(b, float) and b == 0.0 else a + b


def _composed(u: Parts, f: Unary) -> _Taylor:
    value, first, second = f(u[0])
    return _Taylor(value, _times(first, u[1]), _plus(_times(second, _times(u[1], u[1])), _times(first, u[2])))


def _sum(u: Parts, v: Parts) -> _Taylor:
    return _Taylor(u[0] + v[0], _plus(u[1], v[1]), _plus(u[2], v[2]))


def _difference(u: Parts, v: Parts) -> _Taylor:
    return _sum(u, (-v[0], _times(-1.0, v[1]), _times(-1.0, v[2])))


def _product(u: Parts, v: Parts) -> _Taylor:
    twice = _times(2.0, _times(u[1], v[1]))
    first = _plus(_times(u[1], v[0]), _times(u[0], v[1]))
    return _Taylor(u[0] * v[0], first, _plus(_plus(_times(u[2], v[0]), _times(u[0], v[2])), twice))


def _quotient(u: Parts, v: Parts) -> _Taylor:
    if isinstance(v[1], float) and v[1] == 0.0:
        return _Taylor(u[0] / v[0], u[1] / v[0], u[2] / v[0])
    _, first, second = _product(u, _composed(v, _reciprocal).parts).parts
    return _Taylor(u[0] / v[0], first, second)  # far from the origin the value may not be rounded twice


def _must_be_far_from_zero(x: Array, least: float = _NEAR_ZERO) -> None:
    """Raise ValueError if some numbers are smaller than this share of the largest."""
    sizes = np.abs(x)
    if sizes.min() < least * sizes.max():
        raise ValueError("derivatives lose their digits")


def _power(u: Parts, v: Parts) -> _Taylor:
    if not isinstance(v[1], float) or v[1] != 0.0:
        return _composed(_product(_composed(u, _log).parts, v).parts, _exp)
    p = v[0]
    return _composed(u, _square if p.ndim == 0 and p == 2 else lambda x: _to_the(x, p))


def _to_the(x: Array, p: Array) -> tuple[Numbers, Numbers, Numbers]:
    if np.min(p) < 0:
        _must_be_far_from_zero(x)
    if p.ndim == 0 and p in (3, 4, 5, 6):  # products are ten times as fast as powers
        lower = x if p == 3 else x * x if p == 4 else x * x * x if p == 5 else np.square(x * x)
        return lower * x * x, p * lower * x, p * (p - 1) * lower
    return x**p, p * x ** (p - 1), p * (p - 1) * x ** (p - 2)


def _square(x: Array) -> tuple[Numbers, Numbers, Numbers]:
    return x * x, 2 * x, 2.0


def _reciprocal(x: Array) -> tuple[Numbers, Numbers, Numbers]:
    _must_be_far_from_zero(x)
    y = 1 / x
    return y, -y * y, 2 * y * y * y


def _exp(x: Array) -> tuple[Numbers, Numbers, Numbers]:
    y = np.exp(x)
    return y, y, y


def _log(x: Array) -> tuple[Numbers, Numbers, Numbers]:
    y = 1 / x
    return np.log(x), y, -y * y


def _sqrt(x: Array) -> tuple[Numbers, Numbers, Numbers]:
    _must_be_far_from_zero(x, _SAME)
    y = np.sqrt(x)
    return y, 0.5 / y, -0.25 / (x * y)


def _sin(x: Array) -> tuple[Numbers, Numbers, Numbers]:
    y = np.sin(x)
    return y, np.cos(x), -y


def _cos(x: Array) -> tuple[Numbers, Numbers, Numbers]:
    y = np.cos(x)
    return y, -np.sin(x), -y


def _tanh(x: Array) -> tuple[Numbers, Numbers, Numbers]:
    y = np.tanh(x)
    return y, 1 - y * y, -2 * y * (1 - y * y)


def _arctan(x: Array) -> tuple[Numbers, Numbers, Numbers]:
    y = 1 / (1 + x * x)
    return np.arctan(x), y, -2 * x * y * y


_UNARY: dict[str, Unary] = {
    "negative": lambda x: (-x, -1.0, 0.0),
    "positive": lambda x: (x, 1.0, 0.0),
    "square": _square,
    "reciprocal": _reciprocal,
    "exp": _exp,
    "expm1": lambda x: (np.expm1(x), np.exp(x), np.exp(x)),
    "log": _log,
    "log1p": lambda x: (np.log1p(x), *_log(1 + x)[1:]),
    "sqrt": _sqrt,
    "sin": _sin,
    "cos": _cos,
    "sinh": lambda x: (np.sinh(x), np.cosh(x), np.sinh(x)),
    "cosh": lambda x: (np.cosh(x), np.sinh(x), np.cosh(x)),
    "tanh": _tanh,
    "arctan": _arctan,
}
_BINARY: dict[str, Callable[[Parts, Parts], _Taylor]] = {
    "add": _sum,
    "subtract": _difference,
    "multiply": _product,
    "divide": _quotient,
    "power": _power,
}
