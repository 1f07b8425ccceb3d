"""Forms of couplings by Poisson's equation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, TypeAlias

import numpy as np

from ..._typing import Mask
from ...grids import Elliptic, Grid
from .base import Form

Wall: TypeAlias = Literal["neumann", "dirichlet", "free-space"]
"""The boundary condition of psi: no flux through the walls, psi = 0 on the walls (grounded), or no walls (the whole space)."""

_MOST = 1e100  # of a permittivity: products of two must not overflow


class Held(Protocol):
    """A region in which the electric potential is given."""

    @property
    def voltage(self) -> float:
        """The potential."""

    def mask(self, grid: Grid) -> Mask:
        """An array over the grid that is True in the region."""


@dataclass(frozen=True, eq=False)
class FieldCoupling(Form):
    """int e/2 |grad psi|^2 dx, with -div(e grad psi) = sum_i z_i rho_i + doping (see ``DirichletCoupling``).

    The permittivity e is a number, a function of space or an array. psi is given in the ``electrodes``. The functions of
    ``laws.electrostatics`` take this form as an argument.
    """

    label: ClassVar[str] = "charges"
    charges: Mapping[str, float]
    permittivity: Any = 1.0
    doping: Any = None
    boundary: Wall = "neumann"
    electrodes: tuple[Held, ...] = ()
    _operators: dict[Grid, Elliptic] = field(default_factory=dict, repr=False)

    @property
    def must_be_neutral(self) -> bool:
        """True if psi exists for a total charge of 0 alone, whatever the dimension."""
        return self.boundary == "neumann" and not self.electrodes

    def operator(self, grid: Grid) -> Elliptic:
        """Poisson's equation on a grid, kept for the next call.

        Raises ValueError for a permittivity that is not positive somewhere, and for electrodes that share cells.
        """
        if all(grid.periodic_axes) and self.boundary != "neumann":
            raise ValueError(f"boundary must be 'neumann' on a torus, which has no walls, got {self.boundary!r} in {self!r}")
        if grid not in self._operators:
            e = self.permittivity
            e = grid.field("permittivity", e) if callable(e) or np.ndim(e) else np.full(grid.shape, float(e))
            if not (e > 0).all() or e.max() > _MOST or e.min() < 1 / _MOST:
                raise ValueError(
                    f"permittivity must be positive everywhere, and not beyond {_MOST:g} and its inverse, got {e.min():g} to "
                    f"{e.max():g} on {grid!r}"
                )
            held, given = np.zeros(grid.shape, dtype=bool), np.zeros(grid.shape)
            for electrode in self.electrodes:
                mask = electrode.mask(grid)
                if (held & mask).any():
                    raise ValueError(f"electrodes must not share cells, and {electrode!r} shares some")
                held, given = held | mask, np.where(mask, electrode.voltage, given)
            if held.all():
                raise ValueError(f"electrodes must leave some cells free, and they hold all of {grid!r}")
            self._operators[grid] = Elliptic(grid, e, "dirichlet" if self.boundary == "dirichlet" else "neumann", held, given)
        return self._operators[grid]

    def __repr__(self) -> str:
        shown = [f"{name}={z:+g}" if name.isidentifier() else f"{{{name!r}: {z:+g}}}" for name, z in self.charges.items()]
        if callable(self.permittivity) or np.ndim(self.permittivity):
            shown.append("permittivity=...")
        elif self.permittivity != 1:
            shown.append(f"permittivity={self.permittivity:g}")
        if self.doping is not None:
            shown.append("doping=...")
        if self.boundary != "neumann":
            shown.append(f"boundary={self.boundary!r}")
        if self.electrodes:
            shown.append(f"electrodes={list(self.electrodes)!r}")
        return f"DirichletCoupling({', '.join(shown)})"


@dataclass(frozen=True, eq=False, repr=False)
class UniformCoupling(FieldCoupling):
    """A coupling by charge with a permittivity that is a number, and without electrodes."""

    label: ClassVar[str] = "charges in a uniform medium"
    permittivity: float = 1.0
