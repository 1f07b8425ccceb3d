"""Wasserstein distances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .._validate import finite, positive
from ..measures import Density, Measure, Particles, Quantiles, RadialQuantiles
from .sinkhorn import sinkhorn_divergence

_EXACT = 4_000  # points of both measures up to which the network simplex takes seconds
_BLUR = 0.02  # of the extent


@dataclass(frozen=True)
class Distance:
    """A distance and how it was found: ``float(distance)`` is its value, a length.

    ``exact`` is False where it is an approximation. ``settled`` is False where the iteration ended before its value did.
    """

    value: float
    method: str
    exact: bool
    settled: bool = True

    def __float__(self) -> float:
        return self.value


def wasserstein(
    a: Density | Quantiles | Particles,
    b: Density | Quantiles | Particles,
    p: float = 2,
    *,
    method: Literal["exact", "sinkhorn"] | None = None,
    blur: float | None = None,
) -> Distance:
    """W_p(a, b) = (min int |x - y|^p d gamma)^(1/p), a length, for 1 <= p < inf, and by what method.

    On the line exact, through pseudo-inverses, O(n log n). In the plane and in space between point masses, at the cell centres
    of densities: "exact" by the network simplex of POT, O(n m) memory and seconds for 2000 points each; or "sinkhorn", for
    p = 2, the root of the Sinkhorn divergence at epsilon = blur^2, O(n m) time a step and no table of all pairs, on one grid
    axis by axis. Without ``method`` exact up to 4000 points in all, and for p other than 2. ``blur`` is by default a fiftieth
    of the extent; the answer tends to W2 as blur^2 does to 0, and details below it are not seen.

    Raises ValueError for other kinds, dimensions that differ, masses that do by more than 1e-9, p < 1, or "sinkhorn" with p
    other than 2.

    Source: Feydy et al. (2019) for the divergence.

    >>> from jkoflow import Particles
    >>> square = Particles([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> wasserstein(square, Particles(square.points + [3.0, 4.0]))
    Distance(value=5.0, method='network simplex', exact=True, settled=True)
    >>> round(float(wasserstein(square, Particles(square.points + [3.0, 4.0]), method="sinkhorn")), 5)
    5.0
    """
    _must_compare(a, b)
    if finite("p", p) < 1:
        raise ValueError(f"p must be >= 1 and finite, got {p!r}")
    if method not in (None, "exact", "sinkhorn"):
        raise ValueError(f'method must be "exact", "sinkhorn" or None, got {method!r}')
    if method == "sinkhorn" and p != 2:
        raise ValueError(f'p must be 2 with method "sinkhorn", whose error is of first order in epsilon for others, got {p!r}')
    if blur is not None:
        positive("blur", blur)
    if a.mass == 0:
        return Distance(0.0, "no mass", True)
    if _dimension(a) == 1 and method != "sinkhorn":
        return Distance(_on_the_line(a, b, p), "pseudo-inverses", True)
    count = sum(int((measure.masses > 0).sum()) for measure in (a, b))
    if method == "exact" or (method is None and (count <= _EXACT or p != 2)):
        return Distance(_between_points(a, b, p), "network simplex", True)
    if blur is None:
        ends = [measure.points[measure.masses > 0] for measure in (a, b)]
        blur = _BLUR * float(np.linalg.norm(np.ptp(np.concatenate(ends), axis=0))) or 1.0
    cost, settled = sinkhorn_divergence(a, b, blur)
    return Distance((a.mass * cost) ** 0.5, f"Sinkhorn divergence, blur {blur:.3g}", False, settled)


def wasserstein2(
    a: Density | Quantiles | Particles | RadialQuantiles, b: Density | Quantiles | Particles | RadialQuantiles
) -> float:
    """W2(a, b), a length.

    For Quantiles, particles on the line, and densities in dimension 1, exact for the measures that they stand for, through
    their pseudo-inverses, in O(n log n), or O(n) where the masses are the same (see also ``Quantiles.wasserstein``); so for
    two RadialQuantiles, by the radii that enclose the same mass. Otherwise in dimension 2 and 3 exact for the point masses, at
    the cell centres of densities, by the network simplex of POT: O(n^2) memory, meant for a few thousand.

    Raises ValueError for other kinds, for dimensions that differ, or masses that do by more than 1e-9.

    >>> from jkoflow import Grid
    >>> grid = Grid.box((0, 4), cells=400)
    >>> left = grid.density(lambda x: (x < 1.0) * 1.0)
    >>> right = grid.density(lambda x: (x > 1.0) * (x < 3.0) * 1.0)
    >>> bool(abs(wasserstein2(left, right) - np.sqrt(7 / 3)) < 1e-9)     # the map is x -> 2 x + 1
    True
    """
    if isinstance(a, RadialQuantiles) or isinstance(b, RadialQuantiles):
        if not (isinstance(a, RadialQuantiles) and isinstance(b, RadialQuantiles)):
            raise ValueError(f"both measures must be RadialQuantiles, or none, got {a!r} and {b!r}")
        return a.wasserstein(b)
    _must_compare(a, b)
    if a.mass == 0:
        return 0.0
    return _between_points(a, b, 2) if _dimension(a) > 1 else _on_the_line(a, b, 2)


def _must_compare(a: Measure, b: Measure) -> None:
    for name, value in (("a", a), ("b", b)):
        if not isinstance(value, Density | Quantiles | Particles):
            raise ValueError(f"{name} must be a Density, Quantiles or Particles, got {type(value).__name__}")
    if abs(a.mass - b.mass) > 1e-9 * max(a.mass, b.mass):
        raise ValueError(f"a and b must have the same mass, got {a.mass:.12g} and {b.mass:.12g}")
    dims = [_dimension(one) for one in (a, b)]
    if dims[0] != dims[1]:
        raise ValueError(f"a and b must have one dimension, got {dims[0]} and {dims[1]}")


def _on_the_line(a: Density | Quantiles | Particles, b: Density | Quantiles | Particles, p: float) -> float:
    first, second = (one if isinstance(one, Quantiles) else one.quantiles() for one in (a, b))
    return first.wasserstein(second, p)


def _dimension(measure: Measure) -> int:
    if isinstance(measure, Density):
        return measure.grid.dim
    return measure.dim if isinstance(measure, Particles) else 1


def _between_points(a: Measure, b: Measure, p: float) -> float:
    import ot

    held_a, held_b = a.masses > 0, b.masses > 0
    cost = ot.dist(a.points[held_a], b.points[held_b], metric="sqeuclidean" if p == 2 else "euclidean")
    top = 1.0
    if p not in (1, 2):
        top = float(cost.max()) or 1.0
        cost = (cost / top) ** p
    mass_a = a.masses[held_a]
    mass_b = b.masses[held_b]
    least = float(ot.emd2(mass_a, mass_b * (mass_a.sum() / mass_b.sum()), cost, numItermax=10_000_000))
    return top * max(least, 0.0) ** (1 / p)
