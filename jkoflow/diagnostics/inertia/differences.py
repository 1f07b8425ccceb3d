"""The energy of the difference of two measures under a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._typing import Array
from ..._validate import same_total
from ...kernels import Kernel
from ...measures import Density, Particles, Quantiles, RadialQuantiles, ShellPairs

_ROUNDING = 1e-12  # of the parts of a difference


def energy_distance(
    a: Density | Quantiles | Particles | RadialQuantiles, b: Density | Quantiles | Particles | RadialQuantiles, kernel: Kernel
) -> float:
    """Return int int K(x - y) (a - b)(dx) (a - b)(dy), for two measures of one kind and mass.

    For Riesz kernels and other positive definite ones it is >= 0, and 0 only for a = b: it is the square of the distance
    that is also called maximum mean discrepancy. On a grid this holds for densities that the cells resolve: on cells longer
    than about 3 : 1 that of noise may fall below 0. In a modulated energy it is the interaction part.

    The measures are two densities on one grid, two Quantiles, two Particles, or two RadialQuantiles in one dimension.

    Raises ValueError for measures of different kinds, domains or masses, and for point masses under a singular kernel, where
    it is infinite.

    Source: docs/theory/small-inertia.md, section 2.5.

    >>> import jkoflow as jf
    >>> energy_distance(jf.Particles([0.0, 1.0]), jf.Particles([0.5, 1.5]), -1.0 * jf.PowerLaw(1))
    0.5
    """
    if type(a) is not type(b) or a.domain != b.domain:
        raise ValueError(f"a and b must be of one kind and on one domain, got {a!r} and {b!r}")
    if not same_total(a.mass, b.mass):
        raise ValueError(f"a and b must have the same mass, got {a.mass:.12g} and {b.mass:.12g}")
    if isinstance(a, Density) and isinstance(b, Density):
        difference = a.values - b.values
        return float(np.sum(a.grid.convolve(kernel, difference) * difference)) * a.grid.cell_volume
    if isinstance(a, RadialQuantiles) and isinstance(b, RadialQuantiles):
        return _of_shells(a, b, kernel)
    if isinstance(a, Quantiles) and isinstance(b, Quantiles):
        if not (a.atomic.any() or b.atomic.any()):
            return _of_quantiles(a, b, kernel)
        return _without_rounding(*_squares(a, b, kernel))
    assert isinstance(a, Particles)
    assert isinstance(b, Particles)
    return _without_rounding(*_squares(a, b, kernel))


def _squares(a: Any, b: Any, kernel: Kernel) -> tuple[float, float, float]:
    """Of Quantiles or Particles, |a|^2, -2 <a, b> and |b|^2. Raises ValueError for a kernel that is infinite at 0."""
    _must_be_finite(kernel)
    return a.pair_expectation(kernel), -2 * a.pair_expectation(kernel, b), b.pair_expectation(kernel)


def _without_rounding(*parts: float) -> float:
    """The sum of parts that cancel; 0 if it is below 0 by no more than their rounding."""
    total = sum(parts)
    return 0.0 if -_ROUNDING * sum(map(abs, parts)) < total < 0 else total


def _must_be_finite(kernel: Kernel) -> None:
    """Raise ValueError for a kernel under which the energy of a point mass is infinite."""
    if kernel.singular:
        raise ValueError(
            f"kernel must be finite at 0 between point masses, got {kernel!r}: take a Plummer kernel, for instance "
            "CustomKernel(lambda x: (x**2 + delta**2) ** (-alpha / 2)), or densities"
        )


def _of_shells(a: RadialQuantiles, b: RadialQuantiles, kernel: Kernel) -> float:
    """The same on the shells between the radii of both: there each density is constant."""
    nodes = np.unique(np.concatenate([a.nodes, b.nodes]))
    volumes = nodes**a.dim
    masses = np.diff(np.interp(volumes, a.nodes**a.dim, a.levels) - np.interp(volumes, b.nodes**b.dim, b.levels))
    return float(masses @ ShellPairs.of(kernel, a.dim, len(masses)).field(nodes, masses))


def _of_quantiles(a: Quantiles, b: Quantiles, kernel: Kernel) -> float:
    """|a - b|^2 = 2 |a|^2 + 2 |b|^2 - |a + b|^2, all three on the nodes of both: they have no cells that cut one another."""
    nodes = np.unique(np.concatenate([a.nodes, b.nodes]))
    masses = [np.diff(np.interp(nodes, measure.nodes, measure.levels)) for measure in (a, b)]

    def square(each: Array) -> float:
        filled = np.flatnonzero(each > 0)
        cells = slice(filled[0], filled[-1] + 1)
        return Quantiles(nodes[cells.start : cells.stop + 1], each[cells]).pair_expectation(kernel)

    return _without_rounding(2 * square(masses[0]), 2 * square(masses[1]), -square(masses[0] + masses[1]))
