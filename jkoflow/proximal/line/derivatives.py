"""Functions of space on the line with their first two derivatives, by differences where they are not given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ..._functions import values_of
from ..._typing import Array
from ...kernels.sums import Pieces, pieces_of
from ...laws.taylor import Jet, exact_jet, quadratic_jet

_AWAY = 2  # cells
_NEAR, _FAR = 1e-6, 1e-3  # shares of the length over which a gradient, and values, are differenced
_DIGITS = 1e10  # roundings of the values that values have to differ by
_SPACINGS = 1e4  # spacings of the numbers: the least difference of places


class PointJet(NamedTuple):
    """The jet of a function of space, and the error of its slopes by rounding."""

    jet: Jet
    error: float


@dataclass(frozen=True, eq=False)
class PointLaw:
    """The function ``factor`` V of the line, with its derivatives at points.

    They are exact where V, or the gradient if it is given, is made of the arithmetic and the smooth functions of numpy
    (:func:`exact_jet`). Otherwise they are differences:

    * if the gradient is given, the second derivative is a central difference of the gradient over 2e-6 of a length. It serves
      Newton's method, which does not need more than six digits;
    * else both are central differences of V of fourth order, over 4e-3 of the length, or more where V varies so little that
      rounding would hide it.
    """

    V: Callable[..., Any]
    factor: float = 1.0
    gradient: Callable[..., Any] | None = None

    def quadratic(self, at: float) -> tuple[float, float, float] | None:
        """The value and the slope at a place, and the second derivative, if V is a polynomial of degree 2; None for others."""
        if self.gradient is not None or not self._is_quadratic:
            return None
        jet = quadratic_jet(self.V, at)
        return None if jet is None else (self.factor * jet[0], self.factor * jet[1], self.factor * jet[2])

    def pieces(self, nodes: Array, walls: tuple[float, float] | None) -> Pieces | None:
        """V in pieces, if it is not smooth. It is looked for once."""
        if self.gradient is None and self._is_quadratic:
            return None
        box = (float(nodes[0]), float(nodes[-1]))
        if not self._found or not (self._found[0][0] <= box[0] and box[1] <= self._found[0][1]):
            pieces = pieces_of(self.V, nodes, walls)
            within = box if pieces is None else (float(pieces.edges[0]), float(pieces.edges[-1]))
            self._found[:] = [within, pieces]
        return self._found[1]

    @cached_property
    def _found(self) -> list[Any]:
        return []

    @cached_property
    def _is_quadratic(self) -> bool:
        return quadratic_jet(self.V, 0.0) is not None

    def __call__(self, z: Array, length: Callable[[], float]) -> PointJet:
        """The jet at points z, with its error. ``length`` gives one on which V varies little; differences ask for it."""
        c = self.factor
        jet = exact_jet(self.V if self.gradient is None else self.gradient, [z], [1.0])
        if jet is not None and self.gradient is None:
            return PointJet(Jet(*(c * part for part in jet)), 0.0)
        value = _values(self.V, z)
        if jet is not None:
            return PointJet(Jet(c * value, c * jet.value, c * jet.slope), 0.0)
        if self.gradient is not None:
            h = _steps(z, length(), _NEAR)
            low, high = (_values(self.gradient, z + k * h, "gradient") for k in (-1, 1))
            curvature = (high - low) / (2 * h)
            within = np.where(np.isfinite(curvature), curvature, 0.0)  # it may not reach past a wall
            return PointJet(Jet(c * value, c * _values(self.gradient, z, "gradient"), c * within), 0.0)
        h = _steps(z, length(), _FAR)
        rounding = float(np.spacing(np.abs(value).max(initial=0.0)))
        while True:
            a, b, d, e = (_values(self.V, z + k * h) for k in (-2, -1, 1, 2))
            rise = float(np.maximum(np.abs(a - value), np.abs(e - value)).max(initial=0.0))
            if not 0 < rise < _DIGITS * rounding or h.max() > _FAR * np.abs(z).max():
                break
            h = 16 * h
        slope = c * (8 * (d - b) - (e - a)) / (12 * h)
        curvature = c * (16 * (d + b) - (e + a) - 30 * value) / (12 * h**2)
        return PointJet(Jet(c * value, slope, curvature), 2 * abs(c) * rounding / float(h.min()))


def sum_of_jets(laws: list[PointLaw], z: Array, length: Callable[[], float]) -> PointJet:
    """The jet of the sum of some functions at points z; 0 if there are none."""
    if not laws:
        return PointJet(Jet(*np.zeros((3, len(z)))), 0.0)
    first, *others = (law(z, length) for law in laws)
    jet, error = first
    for other, its_error in others:
        jet, error = Jet(*(a + b for a, b in zip(jet, other, strict=True))), error + its_error
    return PointJet(jet, error)


def steps_in_cells(laws: list[PointLaw], nodes: Array, walls: tuple[float, float] | None) -> Array:
    """How much functions that are not smooth step, per cell: what they rise by, beyond the slopes two cells away.

    So a kink is no step, and a ramp none that is as wide as some cells.
    """
    V = np.zeros(len(nodes))
    for law in laws:
        pieces = law.pieces(nodes, walls)
        V += 0.0 if pieces is None else law.factor * pieces.jet(nodes)[0]
    rises, widths = np.abs(np.diff(V)), np.diff(nodes)
    slopes = np.pad(np.divide(rises, widths, out=np.zeros_like(rises), where=widths > 0), _AWAY, mode="edge")
    steps = rises - np.maximum(slopes[: -2 * _AWAY], slopes[2 * _AWAY :]) * widths
    if walls is None:
        steps[[0, -1]] = 0.0  # tails
    return np.maximum(steps, 0.0)


def _steps(z: Array, length: float, share: float) -> Array:
    """About ``share`` of the length, more far from the middle of z; powers of two, so that z + h is exact."""
    least = _SPACINGS * float(np.spacing(np.abs(z).max(initial=0.0)))
    return np.ldexp(1.0, np.frexp(np.maximum(share * length + 0.1 * share * np.abs(z - z[len(z) // 2]), least))[1] - 1)


def _values(f: Callable[..., Any], z: Array, name: str = "V") -> Array:
    return values_of(name, f, [z])
