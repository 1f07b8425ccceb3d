"""Rectangular boxes cut into equal cells: quadrature, sampling, Poisson's equation, free-space convolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .._typing import Array, SpaceFunction
from .._validate import finite, finite_array, positive_integer
from .convolution import free_space_convolution, kernel_lattice
from .poisson import Wall, cosine_eigenvalues, inverse_laplacian

if TYPE_CHECKING:
    from ..measures import Density


@dataclass(frozen=True)
class Grid:
    """A box in dimension 1, 2 or 3 cut into equal cells, with no-flux walls; values live at the cell centres.

    Make one with :meth:`Grid.box`. Arrays over the grid have the shape ``grid.shape``, the first axis being x.

    Attributes
    ----------
    bounds : tuple of (low, high)
        The two ends of the box along every axis.
    shape : tuple of int
        The number of cells along every axis.

    Examples
    --------
    >>> grid = Grid.box((0, 2), (0, 1), cells=(4, 2))
    >>> grid.spacing, grid.cell_volume
    ((0.5, 0.5), 0.25)
    >>> float(grid.integrate(grid.sample(lambda x, y: x * y)))
    1.0
    """

    bounds: tuple[tuple[float, float], ...]
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.bounds, tuple) or not isinstance(self.shape, tuple):
            raise ValueError("a grid must be made with Grid.box((low, high), ..., cells=...)")
        if not 1 <= len(self.bounds) <= 3:
            raise ValueError(f"bounds must hold 1, 2 or 3 pairs of ends, got {len(self.bounds)}")
        if len(self.shape) != len(self.bounds):
            raise ValueError(f"cells must give one number per axis ({len(self.bounds)}), got {self.shape!r}")
        for low, high in self.bounds:
            if not finite("low end", low) < finite("high end", high):
                raise ValueError(f"bounds must be pairs with low < high, got ({low!r}, {high!r})")
        for count in self.shape:
            positive_integer("cells", count)

    @classmethod
    def box(cls, *bounds: tuple[float, float], cells: int | tuple[int, ...]) -> Grid:
        """The box with the given pairs of ends; ``cells`` is the number of cells along every axis, or one per axis.

        >>> Grid.box((-1, 1), cells=4).axes[0]
        array([-0.75, -0.25,  0.25,  0.75])
        """
        for pair in bounds:
            if np.shape(pair) != (2,):
                raise ValueError(f"bounds must be pairs (low, high), got {pair!r}")
        counts = (cells,) * len(bounds) if np.ndim(cells) == 0 else tuple(cells)  # type: ignore[arg-type]
        ends = tuple((finite("low end", low), finite("high end", high)) for low, high in bounds)
        return cls(ends, tuple(positive_integer("cells", count) for count in counts))

    @property
    def dim(self) -> int:
        """The dimension d."""
        return len(self.bounds)

    @property
    def size(self) -> int:
        """The number of cells."""
        return int(np.prod(self.shape))

    @property
    def lengths(self) -> tuple[float, ...]:
        """The length of the box along every axis."""
        return tuple(high - low for low, high in self.bounds)

    @property
    def spacing(self) -> tuple[float, ...]:
        """The width of a cell along every axis."""
        return tuple(length / count for length, count in zip(self.lengths, self.shape, strict=True))

    @property
    def cell_volume(self) -> float:
        """The volume of one cell."""
        return float(np.prod(self.spacing))

    @property
    def volume(self) -> float:
        """The volume of the box."""
        return float(np.prod(self.lengths))

    @cached_property
    def axes(self) -> tuple[Array, ...]:
        """The cell centres along every axis, each of shape (cells,)."""
        return tuple(
            low + h * (np.arange(count, dtype=np.float64) + 0.5)
            for (low, _), h, count in zip(self.bounds, self.spacing, self.shape, strict=True)
        )

    @property
    def mesh(self) -> tuple[Array, ...]:
        """The coordinates of the cell centres, one array of the grid's shape per axis."""
        return tuple(np.meshgrid(*self.axes, indexing="ij"))

    @property
    def points(self) -> Array:
        """The cell centres: shape (n,) in dimension 1, (n, d) otherwise."""
        if self.dim == 1:
            return self.axes[0]
        return np.stack([x.ravel() for x in self.mesh], axis=-1)

    def sample(self, function: SpaceFunction, order: int = 1) -> Array:
        """Cell averages of ``function(x)``, ``function(x, y)``, ... by Gauss-Legendre quadrature in every cell.

        ``order`` is the number of points per axis and cell; 1 samples the cell centres, which is second order already.

        >>> Grid.box((0, 1), cells=2).sample(lambda x: x**2, order=2)
        array([0.08333333, 0.58333333])
        """
        positive_integer("order", order)
        nodes, weights = np.polynomial.legendre.leggauss(order)
        total = np.zeros(self.shape)
        for index in np.ndindex(*(order,) * self.dim):
            shifted = [x + 0.5 * h * nodes[i] for x, h, i in zip(self.mesh, self.spacing, index, strict=True)]
            weight = np.prod([0.5 * weights[i] for i in index])
            total += weight * np.broadcast_to(np.asarray(function(*shifted), dtype=np.float64), self.shape)
        return total

    def field(self, name: str, values: SpaceFunction | Any) -> Array:
        """``values``, a function of space or an array, as a finite array over the grid; ``name`` is for the error."""
        return finite_array(name, self.sample(values) if callable(values) else values, self.shape)

    def integrate(self, values: Array) -> float:
        """The integral over the box of a function given by its cell averages."""
        return float(np.sum(values)) * self.cell_volume

    def density(self, values: SpaceFunction | Any, mass: float | None = 1.0, order: int = 1) -> Density:
        """The density with the given values, a function of space or an array, scaled to the given mass.

        ``mass=None`` takes the values as they are. ``order`` is the number of quadrature points per axis and cell of a
        function (see :meth:`sample`). Raises ValueError for negative or non-finite values, or when there is no mass.

        >>> Grid.box((0, 2), cells=4).density(lambda x: x).values
        array([0.125, 0.375, 0.625, 0.875])
        """
        from ..measures import Density  # the one import that points up: people look for this method on the grid

        sampled = self.sample(values, order) if callable(values) else values
        return Density.scaled(self, sampled, mass)

    def solve_poisson(self, charge: Array, boundary: Wall = "neumann") -> Array:
        """The potential psi with -lap psi = charge: no flux through the walls and zero mean, or psi = 0 on the walls.

        Second-order finite volumes, diagonal in the cosine or the sine basis with eigenvalues 2 (1 - cos(k pi / n)) / h^2 per
        axis, so the discrete energy is exact: 1/2 sum |grad psi|^2 = 1/2 sum charge psi. Two transforms, O(n log n).

        Raises ValueError when the total charge is not zero (to 1e-10 of the total of its absolute value) and the walls let no
        flux through: that problem has no solution.

        >>> grid = Grid.box((0, 1), cells=64)
        >>> charge = grid.sample(lambda x: np.cos(np.pi * x))
        >>> psi = grid.solve_poisson(charge)
        >>> bool(abs(grid.integrate(charge * psi) / 2 - 0.0253353827864) < 1e-12)
        True
        >>> float(np.round(grid.solve_poisson(np.ones(64), "dirichlet").max(), 3))      # x (1 - x) / 2
        0.125
        """
        charge = finite_array("charge", charge, self.shape)
        excess, scale = abs(self.integrate(charge)), self.integrate(np.abs(charge))
        if boundary == "neumann" and excess > 1e-10 * scale:
            raise ValueError(
                f"charge must have zero total for a box with no-flux walls, got {self.integrate(charge):.6g}; "
                "subtract a background of equal charge (doping) first"
            )
        return self.inverse_laplacian(charge, boundary)

    def inverse_laplacian(self, charge: Array, boundary: Wall) -> Array:
        """``solve_poisson`` without its checks; a mean of the charge, where it has to vanish, is left out."""
        return inverse_laplacian(charge, self.spacing, boundary)

    @cached_property
    def laplacian_eigenvalues(self) -> Array:
        """Of minus the discrete Laplacian in the cosine basis, with 1 in the place of the 0 of the constant mode."""
        return cosine_eigenvalues(self.shape, self.spacing)

    def convolve(self, kernel: Callable[..., Any], values: Array) -> Array:
        """The integral of kernel(x - y) values(y) dy over the box, in free space (no images), at the cell centres.

        Midpoint quadrature summed exactly by a zero-padded FFT, with the cell average of a pointed or singular kernel at the
        origin, so that kernels which are pointed there (|x|), or have an integrable singularity and are harmonic away from it
        (the Newtonian), keep second order. Two FFTs of 2^d n cells; the transform of a kernel of the library is kept for the
        next call, that of your own function is made afresh.

        >>> grid = Grid.box((0, 1), cells=100)
        >>> potential = grid.convolve(abs, np.ones(100))        # of |x|, at x: (x^2 + (1 - x)^2) / 2
        >>> bool(abs(potential[0] - (0.005**2 + 0.995**2) / 2) < 1e-12)
        True
        """
        values = finite_array("values", values, self.shape)
        return free_space_convolution(kernel, values, self.spacing)

    def kernel_matrix(self, kernel: Callable[..., Any]) -> Array:
        """The dense (n, n) matrix W with convolve(kernel, values) = W @ values * cell_volume; for small grids.

        >>> Grid.box((0, 3), cells=3).kernel_matrix(abs)
        array([[0.25, 1.  , 2.  ],
               [1.  , 0.25, 1.  ],
               [2.  , 1.  , 0.25]])
        """
        lattice = kernel_lattice(kernel, self.shape, self.spacing)
        index = np.stack([i.ravel() for i in np.indices(self.shape)])
        differences = index[:, :, None] - index[:, None, :]
        return lattice[tuple(differences)]

    def dirichlet(self, values: Array, weight: Array | float = 1.0, other: Array | None = None) -> float:
        """The integral of weight grad values . grad other (of weight |grad values|^2), by differences across the faces and the
        mean weight of their two cells.

        Faces next to a cell of no weight, or of a value that is not finite, count nothing.

        >>> grid = Grid.box((0, 1), cells=10)
        >>> round(grid.dirichlet(3 * grid.axes[0], np.ones(10)), 12)       # 9 of the 10 widths: no flux at the walls
        8.1
        """
        f, g, w = values, values if other is None else other, np.broadcast_to(weight, self.shape)
        counts = np.isfinite(f) & np.isfinite(g) & (w > 0)
        f, g, w = (np.where(counts, one, 0.0) for one in (f, g, w))
        total = 0.0
        for axis, h in enumerate(self.spacing):
            held, across = np.moveaxis(counts, axis, 0), np.moveaxis(w, axis, 0)
            rise = np.diff(np.moveaxis(f, axis, 0), axis=0) * np.diff(np.moveaxis(g, axis, 0), axis=0) / h**2
            total += float(np.sum((held[1:] & held[:-1]) * (across[1:] + across[:-1]) / 2 * rise)) * self.cell_volume
        return total
