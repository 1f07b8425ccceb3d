"""Internal energies as functions of the width of a cell, or of the volume of a shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from ..._typing import Array
from ...laws import Entry
from ...laws.forms import DensityFunction, Internal
from ...laws.taylor import Jet

CellLaw: TypeAlias = Callable[[Array, Array], Jet]
"""From the masses w > 0 and widths h > 0 of cells to their energies phi(h) = h U(w / h), with the derivatives in h."""


def cell_laws(entry: Entry[Internal]) -> list[CellLaw]:
    """The entropy, powers and other parts of an internal energy, each with its coefficient.

    Raises ValueError if the coefficient of the energy is negative.
    """
    c, form = entry.non_negative(), entry.form
    parts = [scaled(c * form.entropy, _entropy)] if form.entropy else []
    parts += [scaled(c * factor, _power(m)) for factor, m in form.powers]
    return parts + [scaled(c * factor, _of_function(function)) for factor, function in form.others]


def scaled(c: float, law: CellLaw) -> CellLaw:
    """The law c phi."""
    if c == 1:
        return law

    def multiple(w: Array, h: Array) -> Jet:
        value, slope, curvature = law(w, h)
        return Jet(c * value, c * slope, c * curvature)

    return multiple


def _entropy(w: Array, h: Array) -> Jet:
    """U(s) = s log s."""
    density = w / h
    return Jet(w * np.log(density), -density, density / h)


def _power(m: float) -> CellLaw:
    """U(s) = s^m / (m - 1)."""

    def law(w: Array, h: Array) -> Jet:
        pressure = (w / h) ** m
        return Jet(h * pressure / (m - 1), -pressure, m * pressure / h)

    return law


def _of_function(function: DensityFunction) -> CellLaw:
    """U given by a function and its derivative. U'' is taken by central differences of fourth order."""

    def law(w: Array, h: Array) -> Jet:
        s = w / h
        value, slope = function.integrand(s), function.derivative(s)
        d = 1e-4 * s
        near = function.derivative(s + d) - function.derivative(s - d)
        far = function.derivative(s + 2 * d) - function.derivative(s - 2 * d)
        curvature = (8 * near - far) / (12 * d)
        return Jet(h * value, value - s * slope, s**2 * curvature / h)

    return law
