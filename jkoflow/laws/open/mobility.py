"""A mobility that varies in space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._functions import called
from ..._typing import Array
from ..._validate import finite_array, species_name
from ...grids import Grid, Medium
from ...measures import UNNAMED
from ..base import short_repr
from ..forms import Conducting, Form
from ..time_functions import takes_time
from .zero_energy import ZeroEnergy

_SYMMETRIC = 1e-12  # share of the largest entry


@dataclass(frozen=True, eq=False)
class Mobility(ZeroEnergy):
    """The mobility of a species is multiplied by a(x): d rho / dt = div(a rho grad dE/d rho).

    So diffusion by an entropy has the diffusivity a(x), and drifts are multiplied by a too. ``a`` is a function of the
    coordinates, or an array over the grid. It is positive. In more than one dimension it may return a tensor: a tuple with one
    number or array per axis if it is diagonal in the axes, as of layered rock; or d tuples of d entries, symmetric and
    positive definite, as of fibres that turn, a = k n n^T + (1 - n n^T).

    The energy of the term is 0: it changes the metric, in which lengths count 1 / sqrt(a). ``FiniteVolume`` takes it, on
    Density. The mobility of a face is the harmonic mean of its two cells, exact for layers. A tensor that is not diagonal is
    written as a sum of conductivities >= 0 along directions between cells (Selling), so that densities stay positive: mass
    then moves to neighbours some cells away, the farther the more the eigenvalues differ, and the longer the cells are. It
    does not pass over cells of a small trace. It is of order 2 in the cells inside and on tori, of order 1 at walls, where ways
    that leave the grid are left out, and it is not taken beside doors and reservoirs.

    Raises ValueError for ``a`` that is neither a function nor an array; in a run for values that are not positive, for a tensor
    that is not symmetric and positive definite or whose eigenvalues differ too much for the cells, for two such terms of one
    species, and for a coefficient that is not positive.

    Source: Fehrenbach and Mirebeau, Sparse non-negative stencils for anisotropic diffusion (2014), for tensors.

    >>> import numpy as np, jkoflow as jf
    >>> grid = jf.Grid.box((-0.1, 1.1), cells=24)                                     # two layers between reservoirs
    >>> ends = jf.Reservoir(lambda x: x < 0, 1.0, name="left") + jf.Reservoir(lambda x: x > 1, 0.0, name="right")
    >>> layers = Mobility(lambda x: np.where(x < 0.5, 1.0, 3.0))
    >>> end = jf.steady(jf.Entropy() + ends + layers, grid.density(lambda x: 1.0 * (x > 0) * (x < 1)))
    >>> round(end.outflow[""]["right"], 9)                                                      # 1 / (1/2 + 1/6)
    1.5
    """

    a: Callable[..., Any] | Array
    species: str = UNNAMED

    def __post_init__(self) -> None:
        species_name("species", self.species)
        if takes_time(self.a):
            raise ValueError(
                "a must be a function of the coordinates alone, got one of the time too: a mobility that depends on time is "
                "given to evolve, as mobility={name: lambda t: ...}"
            )
        if not callable(self.a):
            finite_array("a", self.a, np.shape(self.a))

    @property
    def form(self) -> Form:
        return Conducting(self.species, self.medium)

    def medium(self, grid: Grid) -> Medium:
        """Return a on a grid. Raises ValueError for values that are not positive, or tensors that are not positive definite."""
        if callable(self.a):
            function = self.a

            def components(*coordinates: Array) -> Array:
                return _stacked(function(*coordinates), coordinates[0].shape)

            values = called("a", components, list(grid.mesh))
        else:
            values = np.asarray(self.a, dtype=float)
        of_tensor = (grid.dim, grid.dim, *grid.shape)
        if values.shape not in ((), grid.shape, of_tensor[1:], of_tensor):
            raise ValueError(
                f"a of {self!r} must give one number for every cell of {grid!r}, one per axis, or a tensor, got shape "
                f"{values.shape}"
            )
        if values.shape == of_tensor and grid.dim > 1:
            return Medium.of_tensor(grid, self._positive_definite(values))
        whole = np.broadcast_to(values.reshape(grid.shape) if values.shape == of_tensor else values, of_tensor[1:])
        if not (np.isfinite(whole).all() and (whole > 0).all()):
            raise ValueError(f"a of {self!r} must be positive and finite everywhere, got {whole.min():g} to {whole.max():g}")
        return Medium.along_axes(whole)

    def _positive_definite(self, tensor: Array) -> Array:
        """The tensor. Raises ValueError if it is not symmetric and positive definite everywhere."""
        asymmetry = np.abs(tensor - tensor.swapaxes(0, 1)).max()
        if not asymmetry <= _SYMMETRIC * np.abs(tensor).max():
            raise ValueError(f"a of {self!r} must be a symmetric and finite tensor, got entries that differ by {asymmetry:g}")
        eigenvalues = np.linalg.eigvalsh(np.moveaxis(tensor, (0, 1), (-2, -1)))
        if not eigenvalues.min() > 0:
            raise ValueError(f"a of {self!r} must be positive definite everywhere, got an eigenvalue {eigenvalues.min():g}")
        return tensor

    def __repr__(self) -> str:
        return short_repr("Mobility", self.species, self.a if callable(self.a) else "...")


def _stacked(parts: Any, shape: tuple[int, ...]) -> Any:
    """The entries of a tuple, or of a tuple of tuples, as one array whose last axes have the shape; others as they are."""
    if not isinstance(parts, tuple | list):
        return parts
    rows = [_stacked(part, shape) for part in parts]
    deep = isinstance(parts[0], tuple | list)
    return np.stack(rows if deep else [np.broadcast_to(row, shape) for row in rows])
