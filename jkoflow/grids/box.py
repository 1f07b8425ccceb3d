"""Rectangular boxes with equal cells: quadrature, sampling, Poisson's equation, convolution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .._functions import values_of
from .._typing import Array, SpaceFunction
from .._validate import finite, finite_array, positive_integer
from .convolution import convolved, kernel_lattice
from .poisson import Wall, inverse_laplacian

if TYPE_CHECKING:
    from ..measures import Density


@dataclass(frozen=True)
class Grid:
    """A box in dimension 1, 2 or 3, divided into equal cells. The two ends of an axis are no-flux walls, or one place.

    Make a grid with :meth:`Grid.box` or :meth:`Grid.torus`. An array over the grid has one value per cell and the shape
    ``grid.shape``; its first axis is x. Points of the grid are the cell centres.

    Attributes
    ----------
    bounds : tuple of (low, high)
        The two ends of the box along every axis.
    shape : tuple of int
        The number of cells along every axis.
    periodic : bool or tuple of bool
        True for a torus, whose opposite ends are one, False between walls, and a tuple with one value per axis if they differ.

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
    periodic: bool | tuple[bool, ...] = False

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
        ends = self.periodic if isinstance(self.periodic, tuple | list) else (self.periodic,) * len(self.bounds)
        if len(ends) != len(self.bounds) or not all(isinstance(end, bool) for end in ends):
            raise ValueError(
                f"periodic must be True or False, or one of them per axis ({len(self.bounds)}), got {self.periodic!r}"
            )
        object.__setattr__(self, "periodic", ends[0] if len(set(ends)) == 1 else tuple(ends))

    @classmethod
    def box(cls, *bounds: tuple[float, float], cells: int | tuple[int, ...], periodic: bool | tuple[bool, ...] = False) -> Grid:
        """Return the grid on the box with the given pairs of ends, one pair per axis.

        ``cells`` is the number of cells along every axis, or a tuple with one number per axis. ``periodic`` says along which
        axes the two ends are one: ``periodic=(True, False)`` is a channel that closes on itself along x, with walls along y.

        Raises ValueError for ends that are not finite or not increasing, or if the numbers of cells do not fit.

        >>> Grid.box((-1, 1), cells=4).axes[0]
        array([-0.75, -0.25,  0.25,  0.75])
        """
        for pair in bounds:
            if np.shape(pair) != (2,):
                raise ValueError(f"bounds must be pairs (low, high), got {pair!r}")
        counts = (cells,) * len(bounds) if np.ndim(cells) == 0 else tuple(cells)  # type: ignore[arg-type]
        ends = tuple((finite("low end", low), finite("high end", high)) for low, high in bounds)
        return cls(ends, tuple(positive_integer("cells", count) for count in counts), periodic)

    @classmethod
    def torus(cls, *bounds: tuple[float, float], cells: int | tuple[int, ...]) -> Grid:
        """Return the grid on the torus: opposite ends are one. For fields, particles in fields, and densities.

        FiniteVolume solves the steps of densities on a torus. Kernels act along the shortest way round. Poisson's equation
        needs a total charge of 0. Places of mass and distances are not periodic, and what needs
        them refuses a torus; but ``wasserstein`` of two densities on a circle is exact.

        The arguments, and the errors raised, are those of :meth:`box`.

        >>> Grid.torus((0, 1), cells=4).axes[0]
        array([0.125, 0.375, 0.625, 0.875])
        """
        return cls.box(*bounds, cells=cells, periodic=True)

    @property
    def periodic_axes(self) -> tuple[bool, ...]:
        """By axis, whether its two ends are one."""
        return self.periodic if isinstance(self.periodic, tuple) else (self.periodic,) * self.dim

    @property
    def dim(self) -> int:
        """The dimension d of the box."""
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

    def sample(self, function: SpaceFunction, order: int = 1, name: str = "function") -> Array:
        """Return the cell averages of ``function(x)``, ``function(x, y)`` or ``function(x, y, z)``.

        They are computed by Gauss-Legendre quadrature in every cell. ``order`` is the number of points per axis and cell.
        ``order=1`` takes the values at the cell centres; its error is of second order in the cell width.

        Raises ValueError, with ``name`` in the message, for a function that does not return one real number for every point.

        >>> Grid.box((0, 1), cells=2).sample(lambda x: x**2, order=2)
        array([0.08333333, 0.58333333])
        """
        positive_integer("order", order)
        nodes, weights = np.polynomial.legendre.leggauss(order)
        total = np.zeros(self.shape)
        for index in np.ndindex(*(order,) * self.dim):
            shifted = [x + 0.5 * h * nodes[i] for x, h, i in zip(self.mesh, self.spacing, index, strict=True)]
            weight = np.prod([0.5 * weights[i] for i in index])
            total += weight * values_of(name, function, shifted)
        return total

    def field(self, name: str, values: SpaceFunction | Any) -> Array:
        """Return ``values``, a function of space or an array, as an array over the grid.

        Raises ValueError if a value is not finite or if the array has another shape. The message uses ``name``.
        """
        return finite_array(name, self.sample(values, name=name) if callable(values) else values, self.shape)

    def integrate(self, values: Array) -> float:
        """Return the integral over the box of a function that is given by its cell averages."""
        return float(np.sum(values)) * self.cell_volume

    def density(self, values: SpaceFunction | Any, mass: float | None = 1.0, order: int = 1) -> Density:
        """Return the density with the given values, a function of space or an array, scaled to the given mass.

        ``mass=None`` keeps the values as they are. ``order`` is the number of quadrature points per axis and cell that a
        function is sampled at (see :meth:`sample`).

        Raises ValueError for values that are negative or not finite, or if they have to be scaled and their total is 0.

        >>> Grid.box((0, 2), cells=4).density(lambda x: x).values
        array([0.125, 0.375, 0.625, 0.875])
        """
        from ..measures import Density  # the one import that points up: people look for this method on the grid

        sampled = self.sample(values, order, "values") if callable(values) else values
        return Density.scaled(self, sampled, mass)

    def solve_poisson(self, charge: Array, boundary: Wall = "neumann") -> Array:
        """Return the potential psi with -lap psi = charge.

        * ``boundary="neumann"``: no flux through the walls, and psi has mean zero.
        * ``boundary="dirichlet"``: psi = 0 on the walls.

        The discretisation is second-order finite volumes. It is diagonal in the cosine or the sine basis, with the eigenvalues
        2 (1 - cos(k pi / n)) / h^2 per axis. The discrete energy is exact: 1/2 sum |grad psi|^2 = 1/2 sum charge psi. The cost
        is two transforms, O(n log n).

        Raises ValueError for "neumann" if the total charge is not zero (to 1e-10 of the total of its absolute value), because
        that problem has no solution.

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
                f"charge must have zero total on a torus and between no-flux walls, got {self.integrate(charge):.6g}; "
                "subtract a background of equal charge (doping) first"
            )
        return self.inverse_laplacian(charge, boundary)

    def inverse_laplacian(self, charge: Array, boundary: Wall, reaction: float = 0.0) -> Array:
        """Return the solution of ``solve_poisson`` without its checks, or that of reaction psi - lap psi = charge.

        With no flux, the mean of the charge is left out.
        """
        if all(self.periodic_axes) and boundary != "neumann":
            raise ValueError(f'boundary must be "neumann" on a torus, which has no walls, got {boundary!r}')
        return inverse_laplacian(charge, self.spacing, boundary, self.periodic_axes, reaction)

    def convolve(self, kernel: Callable[..., Any], values: Array) -> Array:
        """Return the integral over the box of kernel(x - y) values(y) dy, at the cell centres x, in free space (no images).

        Along a periodic axis x - y is the shortest way round, the smallest image. It is midpoint quadrature, summed exactly by
        an FFT, which is zero-padded along the other axes. For a kernel that is pointed or singular, the cell average takes the
        place of the value at the origin. The error is then of second order in the cell width also for

        * kernels that are pointed at the origin, such as |x|;
        * kernels with an integrable singularity that are harmonic away from it, such as the Newtonian.

        The cost is two FFTs of 2^d n cells. The transform of a kernel of the library is cached for the next call. The transform
        of your own function is computed in every call.

        >>> grid = Grid.box((0, 1), cells=100)
        >>> potential = grid.convolve(abs, np.ones(100))        # of |x|, at x: (x^2 + (1 - x)^2) / 2
        >>> bool(abs(potential[0] - (0.005**2 + 0.995**2) / 2) < 1e-12)
        True
        """
        values = finite_array("values", values, self.shape)
        return convolved(kernel, values, self.spacing, self.periodic_axes)

    def kernel_matrix(self, kernel: Callable[..., Any]) -> Array:
        """Return the dense (n, n) matrix W with convolve(kernel, values) = W @ values * cell_volume. For small grids only.

        Raises ValueError for a grid with a periodic axis.

        >>> Grid.box((0, 3), cells=3).kernel_matrix(abs)
        array([[0.25, 1.  , 2.  ],
               [1.  , 0.25, 1.  ],
               [2.  , 1.  , 0.25]])
        """
        self.must_have_walls("kernel_matrix")
        lattice = kernel_lattice(kernel, self.shape, self.spacing)
        index = np.stack([i.ravel() for i in np.indices(self.shape)])
        differences = index[:, :, None] - index[:, None, :]
        return lattice[tuple(differences)]

    def dirichlet(self, values: Array, weight: Array | float = 1.0, other: Array | None = None) -> float:
        """Return the integral of weight grad values . grad other. Without ``other`` it is that of weight |grad values|^2.

        Gradients are differences across the faces. The weight of a face is the mean of the weights of its two cells. A face
        counts nothing if one of its two cells has no weight or a value that is not finite.

        >>> grid = Grid.box((0, 1), cells=10)
        >>> round(grid.dirichlet(3 * grid.axes[0], np.ones(10)), 12)       # 9 of the 10 widths: no flux at the walls
        8.1
        """
        f, g, w = values, values if other is None else other, np.broadcast_to(weight, self.shape)
        counts = np.isfinite(f) & np.isfinite(g) & (w > 0)
        f, g, w = (np.where(counts, array, 0.0) for array in (f, g, w))
        total = 0.0
        for axis, h in enumerate(self.spacing):
            counted, weights, along_f, along_g = (self.along(array, axis) for array in (counts, w, f, g))
            rise = np.diff(along_f, axis=0) * np.diff(along_g, axis=0) / h**2
            total += float(np.sum((counted[1:] & counted[:-1]) * (weights[1:] + weights[:-1]) / 2 * rise)) * self.cell_volume
        return total

    def must_have_walls(self, what: str) -> None:
        """Raise ValueError for a grid with a periodic axis, in the name of what needs walls."""
        if self.periodic:
            raise ValueError(
                f"{what} works in boxes with walls, got a torus or a channel that closes on itself. There work: the steps of "
                "JKO() with FiniteVolume(), BackAndForth() and Entropic(), Advection and wasserstein"
            )

    def along(self, values: Any, axis: int) -> Any:
        """Return an array over the grid with one axis first. On a periodic axis the first cells follow the last ones again.

        So neighbours along the axis are neighbours in the array. One cell alone has none.
        """
        first = np.moveaxis(values, axis, 0)
        return np.concatenate([first, first[:1]]) if self.periodic_axes[axis] and len(first) > 1 else first
