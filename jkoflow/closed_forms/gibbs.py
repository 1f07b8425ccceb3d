"""Stationary densities of diffusion in a potential."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import of_kind, positive
from ..grids import Grid
from ..measures import Density


def gibbs_state(
    grid: Grid, V: Callable[..., Any] | Any, *, diffusion: float = 1.0, m: float = 1.0, mass: float = 1.0
) -> Density:
    """Return the stationary density of diffusion in a potential V, on a grid.

    The law is ``D * Entropy() + Potential(V)`` for m = 1, and ``D * RenyiEntropy(m) + Potential(V)`` otherwise, where D is
    ``diffusion``. The density is

        m = 1:    exp(-V / D), scaled to the mass
        m != 1:   [(m-1) (mu - V) / (m D)]_+^(1/(m-1)), with the constant mu that gives the mass

    For m < 1 the constant mu is less than min V.

    Source: docs/theory/poisson-nernst-planck.md, section 3.10.

    >>> grid = Grid.box((-5, 5), cells=500)
    >>> round(float(gibbs_state(grid, lambda x: x**2 / 2, diffusion=0.5).covariance), 6)
    0.5
    """
    from scipy.optimize import brentq

    values = of_kind("grid", grid, Grid, "a Grid").field("V", V)
    diffusion, m, mass = positive("diffusion", diffusion), positive("m", m), positive("mass", mass)
    if m == 1:
        return grid.density(np.exp((values.min() - values) / diffusion), mass=mass)

    def profile(shift: float) -> Array:
        """Return the density for mu = min V + shift."""
        pressure = (m - 1) / (m * diffusion) * (values.min() + shift - values)
        return np.maximum(pressure, 0.0) ** (1 / (m - 1))

    def excess_mass(log_shift: float) -> float:
        return grid.integrate(profile(np.sign(m - 1) * np.exp(log_shift))) - mass

    log_shift = brentq(excess_mass, *_bracket(excess_mass), xtol=1e-14)
    return grid.density(profile(np.sign(m - 1) * np.exp(log_shift)), mass=mass)


def _bracket(function: Callable[[float], float]) -> tuple[float, float]:
    """Return two points at which a monotone function of a logarithm has different signs."""
    low, high = -1.0, 1.0
    while function(low) * function(high) > 0 and high < 600:
        low, high = 2 * low, 2 * high
    return low, high
