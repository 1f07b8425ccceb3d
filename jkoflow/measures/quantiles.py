"""Measures on the line by their pseudo-inverse."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from .._arrays import cumulated, cumulated_from_right
from .._functions import values_of
from .._typing import Array, SpaceFunction
from .._validate import finite, finite_array, non_negative_array, positive, positive_integer
from ..kernels import Kernel
from ..kernels.sums import GAUSS_WEIGHTS, at_gauss_points, on_the_line, own_cell_mean, pieces_of
from .base import Measure
from .line_distance import quantile_distance
from .line_potential import LinePotential


@dataclass(frozen=True, eq=False)
class Quantiles(Measure):
    """A measure on the line, given by its pseudo-inverse X at N + 1 nodes. X(s) is the place below which the mass s lies.

    Between two nodes lies a cell. X is linear on every cell, so the density of the measure is constant there. Two kinds of
    cells are special:

    * a cell of width 0 is an atom: a point mass;
    * a cell of mass 0 is a gap: an interval without mass.

    ``Density.quantiles`` and ``Particles.quantiles`` return Quantiles. ``Density.from_quantiles`` and
    ``Particles.from_quantiles`` convert back.

    Attributes
    ----------
    nodes : array (N + 1,)
        The values of X at the nodes, non-decreasing: the ends of the cells.
    masses : array (N,)
        The masses of the cells. The first and the last are positive; no two neighbours are 0. By default the masses are equal
        and add up to 1.
    walls : (low, high), optional
        The ends of an interval that no mass leaves. Without walls the line is free.

    Nothing is sorted, scaled or clipped. Raises ValueError

    * for nodes that decrease or are not finite;
    * for masses of the wrong number or sign;
    * for nodes outside the walls.

    Examples
    --------
    >>> rho = Quantiles([0.0, 1.0, 3.0])              # densities 1/2 on (0, 1) and 1/4 on (1, 3)
    >>> rho.values, float(rho.mean), float(rho.cdf(2.0))
    (array([0.5 , 0.25]), 1.25, 0.75)
    """

    moving: ClassVar[str] = "nodes"
    nodes: Array
    masses: Array = None  # type: ignore[assignment]
    walls: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        count = np.size(self.nodes)
        if count < 2:
            raise ValueError(f"nodes must be at least 2, the ends of one cell, got {count}")
        nodes = finite_array("nodes", self.nodes, (count,)).copy()
        falls = np.flatnonzero(np.diff(nodes) < 0)
        if len(falls):
            k = int(falls[0])
            raise ValueError(f"nodes must not decrease, got {nodes[k]!r} before {nodes[k + 1]!r} at place {k}")
        given = np.full(count - 1, 1 / (count - 1)) if self.masses is None else self.masses
        masses = non_negative_array("masses", given, (count - 1,)).copy()
        if not (masses[0] > 0 and masses[-1] > 0):
            raise ValueError(f"masses must be positive at both ends, got {masses[0]:g} and {masses[-1]:g}")
        empty = np.flatnonzero((masses[1:] == 0) & (masses[:-1] == 0))
        if len(empty):
            raise ValueError(f"masses of neighbours must not both be zero, got a double gap at place {int(empty[0])}")
        for name, array in (("nodes", nodes), ("masses", masses)):
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if self.walls is not None:
            object.__setattr__(self, "walls", _checked_walls(self.walls, nodes))

    @classmethod
    def from_function(
        cls, X: Callable[[Any], Any], cells: int, *, mass: float = 1.0, walls: tuple[float, float] | None = None
    ) -> Quantiles:
        """Return the measure with the pseudo-inverse X, a non-decreasing function on [0, 1], in ``cells`` cells of equal mass.

        The argument of X is a share of the total mass.

        Raises ValueError if X is infinite at an end, as it is for a Gaussian. Then cut X off, or make a Density first.

        >>> Quantiles.from_function(lambda s: 2 * s - 1, cells=4).nodes
        array([-1. , -0.5,  0. ,  0.5,  1. ])
        """
        n = positive_integer("cells", cells)
        if not callable(X):
            raise ValueError(f"X must be a function on [0, 1], got {X!r}")
        nodes = np.asarray(X(np.linspace(0.0, 1.0, n + 1)), dtype=np.float64)
        return cls(nodes, np.full(n, positive("mass", mass) / n), walls)

    @classmethod
    def atoms(cls, points: Any, masses: Any = None, *, walls: tuple[float, float] | None = None) -> Quantiles:
        """Return point masses at increasing places, with gaps between them.

        Without ``masses`` they are equal and add up to 1. Raises ValueError for places that do not increase strictly.

        >>> two = Quantiles.atoms([-1.0, 2.0], [0.25, 0.75])
        >>> two.nodes, two.masses
        (array([-1., -1.,  2.,  2.]), array([0.25, 0.  , 0.75]))
        """
        places = finite_array("points", points, (np.size(points),))
        n = len(places)
        if n == 0 or np.any(np.diff(places) <= 0):
            raise ValueError(f"points must increase strictly and be at least one, got {places!r}: add the masses of equal ones")
        weights = np.full(n, 1 / n) if masses is None else finite_array("masses", masses, (n,))
        if weights.min() <= 0:
            raise ValueError(f"masses of atoms must be positive, got {weights.min():g}")
        masses_and_gaps = np.zeros(2 * n - 1)
        masses_and_gaps[::2] = weights
        return cls(np.repeat(places, 2), masses_and_gaps, walls)

    @property
    def widths(self) -> Array:
        """The widths of the cells, shape (N,). The width of an atom is 0."""
        return np.diff(self.nodes)

    @property
    def points(self) -> Array:
        """The midpoints of the cells, shape (N,)."""
        return np.asarray((self.nodes[1:] + self.nodes[:-1]) / 2)

    @property
    def values(self) -> Array:
        """The density in every cell, shape (N,): inf in an atom, 0 in a gap."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(self.masses > 0, self.masses / self.widths, 0.0))

    @property
    def mass(self) -> float:
        return float(self.masses.sum())

    @property
    def covariance(self) -> Array:
        """The variance, exact for the piecewise constant density."""
        return np.asarray(self.masses @ ((self.points - self.mean) ** 2 + self.widths**2 / 12) / self.mass)

    @property
    def atomic(self) -> Array:
        """The mask of the cells that are atoms, shape (N,)."""
        return np.asarray((self.widths == 0) & (self.masses > 0))

    @property
    def domain(self) -> tuple[float, float] | None:
        return self.walls

    @property
    def zero_field(self) -> Array:
        return np.zeros(len(self.masses))

    def resampled(self, cells: int, *, spread: float = 0.5) -> Quantiles:
        """Return the measure on about ``cells`` cells. The new X is linear between values of the old X.

        ``spread`` is the share of the nodes that are spread evenly over the length of the support. The other nodes are spread
        evenly over the mass.

        * With ``spread=0.5`` no cell has more than 2 / cells of the mass or of the length. So thin tails are resolved as
          well as heaps.
        * With ``spread=0`` the masses are equal.

        Atoms and gaps stay as they are. Each stretch between them gets its share of the cells, and at least one.

        >>> Quantiles([0.0, 1.0, 3.0]).resampled(2, spread=0.0).nodes
        array([0., 1., 3.])
        """
        cell_count = positive_integer("cells", cells)
        if not 0 <= finite("spread", spread) <= 1:
            raise ValueError(f"spread must lie between 0 and 1, got {spread!r}")
        wide = (self.masses > 0) & (self.widths > 0)
        length = float(self.widths[wide].sum()) or 1.0
        share_of_nodes = np.where(wide, (1 - spread) * self.masses / self.mass + spread * self.widths / length, 0.0)
        breaks = np.flatnonzero(np.diff(wide.astype(int), prepend=2, append=2))
        nodes, masses = [self.nodes[:1]], []
        for start, stop in itertools.pairwise(breaks):
            if not wide[start]:
                nodes.append(self.nodes[start + 1 : stop + 1])
                masses.append(self.masses[start:stop])
                continue
            rank = cumulated(share_of_nodes[start:stop])
            at = np.linspace(0.0, rank[-1], max(1, int(np.ceil(cell_count * rank[-1] - 1e-9))) + 1)
            nodes.append(np.interp(at, rank, self.nodes[start : stop + 1])[1:])
            masses.append(_masses_between(at, rank, self.masses[start:stop]))
        return Quantiles(np.concatenate(nodes), np.concatenate(masses), self.walls)

    def moment(self, k: int) -> float:
        """Return the moment int x^k d rho, exact for the piecewise constant density."""
        a, b = self.nodes[:-1], self.nodes[1:]
        positive_integer("k", k)
        mean_power = sum((a**j * b ** (k - j) for j in range(k + 1)), np.zeros_like(a)) / (k + 1)
        return float(self.masses @ mean_power)

    def cdf(self, x: Any) -> Array:
        """Return the mass at or below x."""
        x = finite_array("x", x, np.shape(x))
        levels = self.levels
        after = np.searchsorted(self.nodes, x, side="right")
        cell = np.clip(after - 1, 0, len(self.masses) - 1)
        width = self.widths[cell]
        share = np.where(width > 0, (x - self.nodes[cell]) / np.where(width > 0, width, 1.0), 1.0)
        inside = levels[cell] + self.masses[cell] * np.clip(share, 0.0, 1.0)
        return np.where(after == 0, 0.0, np.where(after == len(self.nodes), levels[-1], inside))

    def mass_above(self, x: Any) -> Array:
        """Return the mass above x, which keeps its digits where ``cdf`` is next to the whole mass.

        >>> Quantiles([0.0, 1.0]).mass_above([0.25, 1.0])
        array([0.75, 0.  ])
        """
        x = finite_array("x", x, np.shape(x))
        above = cumulated_from_right(self.masses)
        after = np.searchsorted(self.nodes, x, side="right")
        cell = np.clip(after - 1, 0, len(self.masses) - 1)
        width = self.widths[cell]
        share = np.where(width > 0, (self.nodes[cell + 1] - x) / np.where(width > 0, width, 1.0), 0.0)
        inside = above[cell + 1] + self.masses[cell] * np.clip(share, 0.0, 1.0)
        return np.where(after == 0, above[0], np.where(after == len(self.nodes), 0.0, inside))

    def quantile(self, s: Any) -> Array:
        """Return X(s), the place below which the mass s lies, for 0 <= s <= mass. At a gap it is the left end of the gap."""
        s = finite_array("s", s, np.shape(s))
        levels = self.levels
        if s.size and not (s.min() >= 0 and s.max() <= levels[-1] * (1 + 1e-14 * len(levels))):  # sums round
            raise ValueError(f"s must lie between 0 and the mass {levels[-1]:g}, got {s.min():g} to {s.max():g}")
        cell = np.clip(np.searchsorted(levels, s, side="left") - 1, 0, len(self.masses) - 1)
        share = (s - levels[cell]) / np.where(self.masses[cell] > 0, self.masses[cell], 1.0)
        return np.asarray(self.nodes[cell] + np.clip(share, 0.0, 1.0) * self.widths[cell])

    def wasserstein(self, other: Quantiles, p: float = 2) -> float:
        """Return W_p to another measure of the same mass, a length: (int |X - Y|^p ds)^(1/p). It is exact.

        p is >= 1, or inf. Y is the pseudo-inverse of ``other``.

        Raises ValueError for p < 1, or if ``other`` is not Quantiles or has another mass.

        >>> Quantiles([0.0, 1.0]).wasserstein(Quantiles([2.0, 5.0]), p=1)
        3.0
        """
        if not isinstance(other, Quantiles):
            raise ValueError(f"other must be Quantiles, got {type(other).__name__}: convert with .quantiles()")
        return quantile_distance(self.nodes, self.masses, other.nodes, other.masses, p)

    def moved_from(self, other: Self) -> float:
        d = self.nodes - other.nodes
        squares = self.masses @ (d[:-1] ** 2 + d[:-1] * d[1:] + d[1:] ** 2)  # 3 int (X - Y)^2 ds, as X - Y is linear on a cell
        return float(np.sqrt(max(float(squares) / 3, 0.0)))

    def field(self, name: str, function: SpaceFunction | Any) -> Array:
        """Return the averages of a function of space over the cells, or an array as it is. Error messages use ``name``.

        The averages are taken over three Gauss points in every cell: they are exact for polynomials of degree 5. Those of a
        function with kinks, jumps or steep places are exact, but for a jump, which becomes a ramp of a millionth of the extent.
        """
        if isinstance(function, LinePotential):
            return function.over_cells(self.nodes)
        if not callable(function):
            return finite_array(name, function, self.masses.shape)
        at = at_gauss_points(self.nodes)
        values = finite_array(name, values_of(name, function, [at]), at.shape)
        pieces = pieces_of(function, self.nodes, self.walls)
        return np.asarray(values.reshape(-1, 3) @ GAUSS_WEIGHTS) if pieces is None else pieces.means(self.nodes)

    def expectation(self, values: Array) -> float:
        has_mass = self.masses > 0
        return float(np.sum(np.where(has_mass, values, 0.0) * self.masses))

    def integrate_internal(self, U: SpaceFunction) -> float:
        """Return int U(rho(x)) dx over the cells that have mass.

        It is +inf if there is an atom and U grows faster than linearly.
        """
        has_mass = self.masses > 0
        widths, masses = self.widths[has_mass], self.masses[has_mass]
        wide = widths > 0
        total = float(np.sum(widths[wide] * U(masses[wide] / widths[wide])))
        if not wide.all():
            large = np.array([1e40, 1e80, 1e120])
            with np.errstate(over="ignore"):
                total += _limit(*(np.asarray(U(large)) / large).tolist()) * float(masses[~wide].sum())
        return total

    def convolve(self, kernel: Kernel) -> Array:
        """Return the averages of W * rho over the cells, in free space: without images in the walls.

        Exact are the part of W that is a multiple of |x|, and the powers of |x| in W within a cell. The rest of W is summed
        over three Gauss points in every cell.
        """
        line = on_the_line(kernel)
        return LinePotential(line, self.nodes, self.masses).over_cells(self.nodes) + own_cell_mean(
            line, self.masses, self.widths
        )

    def potential(self, kernel: Kernel) -> LinePotential:
        line = on_the_line(kernel)
        if line.singular:
            raise ValueError(f"{kernel!r} must be finite at the origin to be frozen on quantiles, whose points may meet")
        return LinePotential(line, self.nodes, self.masses)

    def pair_expectation(self, kernel: Kernel, other: Quantiles | None = None) -> float:
        if other is None:
            return self.expectation(self.convolve(kernel))
        return self.expectation(other.potential(kernel).over_cells(self.nodes))

    def __repr__(self) -> str:
        atoms = int(self.atomic.sum())
        atoms_of_them = f", {atoms} of them atoms" if atoms else ""
        walls = "" if self.walls is None else f", walls at {self.walls[0]:g} and {self.walls[1]:g}"
        return (
            f"Quantiles(mass={self.mass:.6g}, {len(self.masses)} cells{atoms_of_them}, "
            f"from {self.nodes[0]:.6g} to {self.nodes[-1]:.6g}{walls})"
        )


def _masses_between(at: Array, rank: Array, masses: Array) -> Array:
    """Return the masses between neighbouring ranks ``at``.

    Each mass is a difference of sums from the nearer end: else the masses of thin tails would be lost to rounding.
    """
    below = np.interp(at, rank, cumulated(masses))
    above = np.interp(at, rank, cumulated_from_right(masses))
    return np.asarray(np.where(below[1:] < above[:-1], np.diff(below), -np.diff(above)))


def _checked_walls(walls: Any, nodes: Array) -> tuple[float, float]:
    """Return the walls as floats, if they are a pair low < high with all nodes between them."""
    if np.shape(walls) != (2,):
        raise ValueError(f"walls must be a pair (low, high) or None, got {walls!r}")
    low, high = finite("low wall", walls[0]), finite("high wall", walls[1])
    if not low < high:
        raise ValueError(f"walls must be a pair with low < high, got {walls!r}")
    if nodes[0] < low or nodes[-1] > high:
        raise ValueError(f"nodes must lie between the walls {low:g} and {high:g}, got {nodes[0]:g} to {nodes[-1]:g}")
    return low, high


def _limit(first: float, second: float, third: float) -> float:
    """The limit of U(s) / s from its values at three large s in geometric progression, inf if it has none.

    It does not fall, since U is convex. Where it is the limit plus a power of s, this is exact.
    """
    rise, last_rise = second - first, third - second
    if not last_rise > 1e-9 * max(abs(third), abs(first)):
        return third
    return np.inf if not last_rise < 0.999 * rise else second + rise * last_rise / (rise - last_rise)
