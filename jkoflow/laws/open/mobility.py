"""A mobility that varies in space."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._functions import called
from ..._typing import Array
from ..._validate import finite_array, species_name
from ...grids import Grid
from ...measures import UNNAMED
from ..base import short_repr
from ..forms import Conducting, Form
from .zero_energy import ZeroEnergy


@dataclass(frozen=True, eq=False)
class Mobility(ZeroEnergy):
    """The mobility of a species is multiplied by a(x): d rho / dt = div(a rho grad dE/d rho).

    So diffusion by an entropy has the diffusivity a(x), and drifts are multiplied by a too. ``a`` is a function of the
    coordinates, or an array over the grid. It is positive. In more than one dimension it may return a tuple, one number or
    array per axis: a tensor that is diagonal in the axes, as of layered rock or a fibre.

    The energy of the term is 0: it changes the metric, in which lengths count 1 / sqrt(a). ``FiniteVolume`` takes it, on
    Density. The mobility of a face is the harmonic mean of its two cells, exact for layers.

    Raises ValueError for ``a`` that is neither a function nor an array; in a run for values that are not positive, for a tensor
    that is not diagonal, for two such terms of one species, and for a coefficient that is not positive.

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
        if not callable(self.a):
            finite_array("a", self.a, np.shape(self.a))

    @property
    def form(self) -> Form:
        return Conducting(self.species, self.by_axis)

    def by_axis(self, grid: Grid) -> tuple[Array, ...]:
        """Return a along every axis, arrays over the grid. Raises ValueError for values that are not positive."""
        if callable(self.a):
            function = self.a

            def components(*coordinates: Array) -> Array:
                parts = function(*coordinates)
                shape = coordinates[0].shape
                return np.stack([np.broadcast_to(p, shape) for p in parts]) if isinstance(parts, tuple | list) else parts

            values = called("a", components, list(grid.mesh))
        else:
            values = np.asarray(self.a, dtype=float)
        if values.shape not in ((), grid.shape, (grid.dim, *grid.shape)):
            raise ValueError(
                f"a of {self!r} must give one number for every cell of {grid!r}, or one per axis, got shape {values.shape}: "
                "tensors with entries off the diagonal are not taken"
            )
        whole = np.broadcast_to(values, (grid.dim, *grid.shape))
        if not (np.isfinite(whole).all() and (whole > 0).all()):
            raise ValueError(f"a of {self!r} must be positive and finite everywhere, got {whole.min():g} to {whole.max():g}")
        return tuple(whole)

    def __repr__(self) -> str:
        return short_repr("Mobility", self.species, self.a if callable(self.a) else "...")
