"""How errors fall: observed orders, and rates fitted on double-logarithmic axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import real_array


def observed_order(steps: Any, errors: Any) -> Array:
    """Return log(e_k / e_(k+1)) / log(h_k / h_(k+1)) for steps h_k and errors e_k, shape (n - 1,).

    Raises ValueError for arrays of other shapes, or numbers that are not positive.

    >>> observed_order([0.2, 0.1, 0.05], [0.04, 0.01, 0.0025])
    array([2., 2.])
    """
    h, e = _positive("steps", steps), _positive("errors", errors)
    if h.shape != e.shape:
        raise ValueError(f"errors must have the shape of steps {h.shape}, got {e.shape}")
    return np.asarray(np.log(e[:-1] / e[1:]) / np.log(h[:-1] / h[1:]))


@dataclass(frozen=True, eq=False)
class Rate:
    """errors = constant * values^exponent, fitted by least squares of the logarithms.

    Attributes
    ----------
    exponent, constant : float
    deviation : float
        The standard error of the exponent; NaN for two points.
    values, errors : arrays
        What was fitted.
    name : str
        The name of what the errors depend on.

    >>> import jkoflow as jf
    >>> fit = jf.study.rate([1.0, 2.0, 4.0], [3.0, 12.0, 48.0])
    >>> isinstance(fit, Rate), round(fit.exponent, 6)
    (True, 2.0)
    """

    exponent: float
    constant: float
    deviation: float
    values: Array
    errors: Array
    name: str

    def __repr__(self) -> str:
        return f"error ~ {self.constant:.3g} {self.name}^{self.exponent:.3f} (+- {self.deviation:.2g})"


def rate(values: Any, errors: Any, name: str = "h") -> Rate:
    """Return the rate at which errors fall with a parameter: the fit errors = c values^p. ``plot.rate`` draws it.

    Raises ValueError for less than two points, arrays of other shapes, or numbers that are not positive.

    >>> rate([0.1, 0.01, 0.001], [0.2, 0.02, 0.002], name="epsilon")
    error ~ 2 epsilon^1.000 (+- 0)
    """
    x, y = np.log(_positive("values", values)), np.log(_positive("errors", errors))
    if x.shape != y.shape or len(np.unique(x)) < 2:
        raise ValueError(f"values and errors must be at least two pairs with different values, got {x.shape} and {y.shape}")
    centred = x - x.mean()
    exponent = float(centred @ y / (centred @ centred))
    left = y - y.mean() - exponent * centred
    deviation = float(np.sqrt(left @ left / (len(x) - 2) / (centred @ centred))) if len(x) > 2 else float("nan")
    constant = float(np.exp(y.mean() - exponent * x.mean()))
    return Rate(exponent, constant, round(deviation, 12), np.exp(x), np.exp(y), name)


def _positive(name: str, given: Any) -> Array:
    array = real_array(name, given)
    if array.ndim != 1 or not (np.isfinite(array) & (array > 0)).all():
        raise ValueError(f"{name} must be a list of positive numbers, got {given!r}")
    return array
