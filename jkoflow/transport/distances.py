"""Wasserstein distances."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from .._typing import Array
from .._validate import finite, positive, same_total
from ..kernels.periodic import Period, checked_period
from ..measures import Density, Measure, Particles, Quantiles, RadialQuantiles
from ..measures.line_distance import sorted_distance
from .circle import Turn, circle_distance
from .sinkhorn import sinkhorn_divergence

_EXACT = 4_000  # points of both measures together, up to which the network simplex takes seconds
_FAR, _CUTS = 1e6, 8  # of the mean cost: the cost at which far pairs are cut; the most times
_BLUR = 0.02  # share of the extent


class Distance(float):
    """A distance, and how it was computed. It is a number: it can be divided, compared and formatted.

    Attributes
    ----------
    value : float
        The distance, a length. By the network simplex it is the cost of a plan, so that the distance is at most that.
    lower : float
        A length that the distance is not below, by potentials that are feasible; the value itself on the line. A Sinkhorn
        divergence that is below it is replaced by it.
    method : str
        The name of the method.
    exact : bool
        False if the value is an approximation.
    settled : bool
        False if the iteration reached its limit before the value stopped changing.

    >>> from jkoflow import Particles
    >>> distance = wasserstein(Particles([0.0]), Particles([3.0]))
    >>> distance / 2, f"{distance:.2f}", distance.method
    (1.5, '3.00', 'pseudo-inverses')
    """

    method: str
    exact: bool
    settled: bool
    lower: float

    def __new__(cls, value: float, method: str, exact: bool, settled: bool = True, lower: float = float("nan")) -> Distance:
        self = super().__new__(cls, value)
        self.method, self.exact, self.settled, self.lower = method, exact, settled, lower
        return self

    @property
    def value(self) -> float:
        """The distance as a plain float."""
        return float(self)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return float(self), self.method, self.exact, self.settled, self.lower

    def __repr__(self) -> str:
        return (
            f"Distance(value={float(self)!r}, method={self.method!r}, exact={self.exact}, settled={self.settled}, "
            f"lower={self.lower!r})"
        )


def wasserstein(
    a: Density | Quantiles | Particles,
    b: Density | Quantiles | Particles,
    p: float = 2,
    *,
    method: Literal["exact", "sinkhorn"] | None = None,
    blur: float | None = None,
    period: Period | None = None,
) -> Distance:
    """Return W_p(a, b) = (min int |x - y|^p d gamma)^(1/p), a length, for 1 <= p < inf, together with its method.

    On the line and on a circle the distance is exact, through pseudo-inverses, in O(n log n), unless ``method="sinkhorn"`` is
    asked for. In the plane, in space and on their tori it is the distance of point masses, which for densities lie at the cell
    centres. The methods are

    * "exact": the network simplex of POT. O(n m) memory, and seconds for 2000 points each.
    * "sinkhorn", for p = 2 only: the square root of the Sinkhorn divergence at epsilon = blur^2. O(n m) time per step and no
      table of all pairs. For two densities on one grid it goes from coarse cells to fine ones: 512 x 512 cells take 2 s.

    Without ``method`` it is "exact" if there are at most 4000 points in both measures together or if p is not 2, else
    "sinkhorn".

    ``blur`` is a length, by default a fiftieth of the extent of both measures. The Sinkhorn value tends to W2 as ``blur`` tends
    to 0, with an error of order blur^2. Details smaller than ``blur`` are not seen.

    ``period`` closes the space of two Particles to a circle or a torus, as in ``Periodic``: a length for all axes, or one per
    axis, None for an axis that does not close. The way between two points is the shortest way round. Then the method is
    "exact". A Density on ``Grid.torus`` brings its period with it.

    Raises ValueError

    * for other kinds of measures, or different dimensions;
    * for a ``period`` with other measures than Particles, with another number of axes, or with "sinkhorn";
    * for masses that differ by more than 1e-6 of the larger one (less is the rounding of single precision: b is brought to
      the mass of a);
    * on a torus for a second measure that is no density on it, and, but for "exact", for another number of cells;
    * for p < 1, or "sinkhorn" with p other than 2.

    Source: Feydy et al. (2019) for the divergence.

    >>> from jkoflow import Particles
    >>> square = Particles([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> wasserstein(square, Particles(square.points + [3.0, 4.0]))
    Distance(value=5.0, method='network simplex', exact=True, settled=True, lower=5.0)
    >>> round(float(wasserstein(square, Particles(square.points + [3.0, 4.0]), method="sinkhorn")), 5)
    5.0
    >>> round(float(wasserstein(Particles([0.1]), Particles([0.9]), period=1.0)), 9)
    0.2
    """
    _check_comparable(a, b)
    if finite("p", p) < 1:
        raise ValueError(f"p must be >= 1 and finite, got {p!r}")
    if method not in (None, "exact", "sinkhorn"):
        raise ValueError(f'method must be "exact", "sinkhorn" or None, got {method!r}')
    if method == "sinkhorn" and p != 2:
        raise ValueError(f'p must be 2 with method "sinkhorn", whose error is of first order in epsilon for others, got {p!r}')
    if blur is not None:
        positive("blur", blur)
    periods = _periods(a, b, period)
    if period is not None and method == "sinkhorn":
        raise ValueError('method must be "exact" or None with a period, got "sinkhorn": many points go onto a Grid.torus first')
    if isinstance(a, Particles) and isinstance(b, Particles) and period is not None:
        box = [(0.0, length) if np.isfinite(length) else None for length in periods.tolist()]
        a, b = a.wrapped(*box), b.wrapped(*box)
    if a.mass == 0:
        return Distance(0.0, "no mass", True, lower=0.0)
    if _dimension(a) == 1 and method != "sinkhorn":
        value = _on_the_line(a, b, p, float(periods[0]))
        return Distance(value, "pseudo-inverses", True, lower=value)
    if method != "exact" and isinstance(a, Density) and a.grid.periodic and isinstance(b, Density) and a.grid != b.grid:
        raise ValueError(f"a and b must be densities on one grid of a torus, got {a.grid!r} and {b.grid!r}")
    count = sum(int((measure.masses > 0).sum()) for measure in (a, b))
    if method == "exact" or (method is None and (count <= _EXACT or p != 2 or period is not None)):
        value, lower = _between_points(a, b, p, periods)
        return Distance(value, "network simplex", True, lower=lower)
    if blur is None:
        points = [measure.points[measure.masses > 0] for measure in (a, b)]
        blur = _BLUR * float(np.linalg.norm(np.ptp(np.concatenate(points), axis=0))) or 1.0
    cost, settled, lower = sinkhorn_divergence(a, b, blur)
    value, bound = ((a.mass * square) ** 0.5 for square in (max(cost, lower), lower))
    return Distance(value, f"Sinkhorn divergence, blur {blur:.3g}", False, settled, lower=bound)


def wasserstein2(
    a: Density | Quantiles | Particles | RadialQuantiles, b: Density | Quantiles | Particles | RadialQuantiles
) -> float:
    """Return W2(a, b), a length.

    * On the line (Quantiles, particles, and densities in dimension 1) it is exact for the measures that a and b stand for,
      through their pseudo-inverses. The cost is O(n log n), or O(n) if the masses are the same. See also
      ``Quantiles.wasserstein``.
    * For two RadialQuantiles it is the distance by the radii that enclose the same mass.
    * In dimension 2 and 3 it is exact for point masses, which for densities lie at the cell centres, by the network simplex of
      POT. The memory is O(n^2): it is meant for a few thousand points.

    Raises ValueError for other kinds of measures, different dimensions, or masses that differ by more than 1e-6 of the larger
    one.

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
    _check_comparable(a, b)
    if a.mass == 0:
        return 0.0
    periods = _periods(a, b, None)
    return _between_points(a, b, 2, periods)[0] if _dimension(a) > 1 else _on_the_line(a, b, 2, float(periods[0]))


def _check_comparable(a: Measure, b: Measure) -> None:
    """Raise ValueError if a and b are of kinds, masses or dimensions between which there is no distance."""
    for name, value in (("a", a), ("b", b)):
        if not isinstance(value, Density | Quantiles | Particles):
            raise ValueError(f"{name} must be a Density, Quantiles or Particles, got {type(value).__name__}")
    if not same_total(a.mass, b.mass):
        raise ValueError(f"a and b must have the same mass, got {a.mass:.12g} and {b.mass:.12g}")
    dims = [_dimension(measure) for measure in (a, b)]
    if dims[0] != dims[1]:
        raise ValueError(f"a and b must have one dimension, got {dims[0]} and {dims[1]}")
    tori = [measure.grid for measure in (a, b) if isinstance(measure, Density) and measure.grid.periodic]
    if tori and (len(tori) < 2 or tori[0].bounds != tori[1].bounds or tori[0].periodic_axes != tori[1].periodic_axes):
        raise ValueError(f"a and b must be densities on one circle or torus, or none on one, got {a!r} and {b!r}")


def _on_the_line(a: Density | Quantiles | Particles, b: Density | Quantiles | Particles, p: float, period: float) -> float:
    """Return W_p of two measures on the line, or on a circle of a finite period, through their pseudo-inverses."""
    if np.isfinite(period) and not isinstance(a, Quantiles) and not isinstance(b, Quantiles):
        return circle_distance(Turn.of(a), Turn.of(b), period, p)
    if isinstance(a, Particles) and isinstance(b, Particles) and _are_equal(a.masses, b.masses):
        return sorted_distance(a.points.ravel(), b.points.ravel(), float(a.masses[0]), p)
    first, second = (measure if isinstance(measure, Quantiles) else measure.quantiles() for measure in (a, b))
    return first.wasserstein(second, p)


def _are_equal(masses: Array, others: Array) -> bool:
    """Return True if there are as many masses as others, and all are one number."""
    if not len(masses) == len(others) > 0:
        return False
    return bool(masses.min() == masses.max() == others.min() == others.max())


def _dimension(measure: Measure) -> int:
    """Return the dimension of the space of a measure."""
    if isinstance(measure, Density):
        return measure.grid.dim
    return measure.dim if isinstance(measure, Particles) else 1


def _between_points(a: Measure, b: Measure, p: float, periods: Array) -> tuple[float, float]:
    """Return W_p of the point masses of a and b, by the network simplex of POT, and what it is at least.

    The simplex works with absolute tolerances. So places are moved to the middle of both measures and divided by their
    extent, and masses by their total. If few points are far away, their costs would drown those of the others: then the costs
    are cut at a million times the mean cost, and the plan is taken if it is better at the full costs.
    """
    sides = [measure.points[measure.masses > 0] for measure in (a, b)]
    shares = [measure.masses[measure.masses > 0] / measure.masses.sum() for measure in (a, b)]
    together = np.concatenate(sides)
    low, high = together.min(axis=0), together.max(axis=0)
    extent = float((high - low).max())
    if extent == 0:
        return 0.0, 0.0
    x, y = ((side - low) / extent - (high - low) / (2 * extent) for side in sides)
    cost = _costs(x, y, periods / extent, p)
    least, lower = _least_cost(shares, cost, float(cost.max()))
    for _ in range(_CUTS):
        cut = _FAR * least
        if not 0 < cut < float(cost.max()):
            break
        nearer, bound = _least_cost(shares, cost, cut)
        lower = max(lower, bound)
        if nearer >= least * (1 - 1e-12):
            break
        least = nearer
    return extent * float(a.mass * least) ** (1 / p), extent * float(a.mass * min(lower, least)) ** (1 / p)


def _periods(a: Measure, b: Measure, period: Period | None) -> Array:
    """The lengths of the periodic axes, by axis; infinite for others. Raises ValueError as ``wasserstein`` does."""
    dim = _dimension(a)
    if period is None:
        return np.where(a.grid.periodic_axes, a.grid.lengths, np.inf) if isinstance(a, Density) else np.full(dim, np.inf)
    if not (isinstance(a, Particles) and isinstance(b, Particles)):
        raise ValueError(f"period is for two Particles, got {a!r} and {b!r}: a Density on Grid.torus brings its own")
    checked = checked_period(period)
    lengths = checked if isinstance(checked, tuple) else (checked,) * dim
    if len(lengths) != dim:
        raise ValueError(f"period must have {dim} lengths, one per axis, got {period!r}")
    return np.array([np.inf if length is None else length for length in lengths])


def _costs(x: Array, y: Array, periods: Array, p: float) -> Array:
    """The costs |x - y|^p between points (n, d) and (m, d), the shortest way round."""
    from scipy.spatial.distance import cdist

    if np.isinf(periods).all():
        return np.asarray(cdist(x, y, "sqeuclidean") if p == 2 else cdist(x, y) ** p)
    squares = np.zeros((len(x), len(y)))
    for here, there, period in zip(x.T, y.T, periods, strict=True):
        apart = here[:, None] - there
        squares += (apart - (period * np.round(apart / period) if np.isfinite(period) else 0.0)) ** 2
    return squares ** (p / 2)


def _least_cost(shares: list[Array], cost: Array, cut: float) -> tuple[float, float]:
    """The cost of the best plan for costs that are cut at ``cut``, at the full costs, and a lower bound on it.

    The bound is the dual of the potentials u of the simplex and of v(y) = min over x of cost(x, y) - u(x), which are feasible.
    """
    import ot

    if cut == 0:
        return 0.0, 0.0
    first, second = shares
    second = second * (first.sum() / second.sum())
    plan, log = ot.emd(first, second, np.minimum(cost, cut) / cut, numItermax=10_000_000, log=True)
    u = cut * log["u"]
    dual = float(first @ u + second @ (cost - u[:, None]).min(axis=0))
    return max(float(np.sum(plan * cost)), 0.0), max(dual, 0.0)
