"""A region in which the electric potential is given."""

from __future__ import annotations

from dataclasses import dataclass

from ..._typing import Array, Mask, SpaceFunction
from ..._validate import finite
from ...grids import Grid
from ..base import short_repr
from ..regions import region_mask


@dataclass(frozen=True, eq=False)
class Electrode:
    """Cells of a grid that are held at an electric potential: an electrode for ``DirichletCoupling(electrodes=...)``.

    ``region`` is a function of space, or an array over the grid: a cell belongs to it if it is true (not 0) at the centre of
    the cell. psi is ``voltage`` up to the faces of the region. Charge within the region makes no field.

    An electrode is not a wall, nor a door. Where ions must not enter, an Obstacle has the same region; where they leave or come
    from, an Exit or a Reservoir.

    Raises ValueError for a voltage that is not finite; in a run for a region that holds no cell or all.

    >>> import numpy as np, jkoflow as jf
    >>> grid = jf.Grid.box((-0.1, 1.1), cells=24)                                          # a capacitor of two layers
    >>> plates = Electrode(lambda x: x < 0, 0.0), Electrode(lambda x: x > 1, 1.0)
    >>> layers = jf.DirichletCoupling(ions=1, permittivity=lambda x: np.where(x < 0.5, 1.0, 3.0), electrodes=plates)
    >>> psi = layers.potential(jf.Species(ions=grid.density(0 * grid.axes[0], mass=None)))
    >>> [round(float(u), 4) for u in (psi[0], psi[11], psi[12], psi[-1])]                    # 3/4 of the voltage in the first
    [0.0, 0.7125, 0.7625, 1.0]
    """

    region: SpaceFunction | Array
    voltage: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "voltage", finite("voltage", self.voltage))

    def mask(self, grid: Grid) -> Mask:
        """Return an array over the grid that is True in the region. Raises ValueError if it holds no cell, or all."""
        return region_mask(self, self.region, grid)

    def __repr__(self) -> str:
        return short_repr("Electrode", "", self.region, f"{self.voltage:g}")
