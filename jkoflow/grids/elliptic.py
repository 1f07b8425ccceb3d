"""Poisson's equation in a medium that varies, with cells in which the potential is given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from .._typing import Array, Mask
from ..linear import Multigrid, gmres
from .box import Grid
from .faces import Faces
from .poisson import Wall

_FACTORISED = {1: np.inf, 2: np.inf, 3: 4000}  # by dimension, the cells up to which the matrix is factorised
_TOLERANCE, _PRODUCTS, _REPEATS = 1e-10, 60, 4  # of GMRES, beyond, and how often it is repeated
_ROUNDING = 1e-15  # of the products of a row: what may be left


class _Parts(NamedTuple):
    """The coefficients of the equation."""

    faces: Faces
    conductances: Array
    """Of every face: 0 beside a cell in which psi is given."""
    ties: Array
    """By cell, the conductance to given potentials."""
    source: Array
    """By cell, that times the potentials."""


@dataclass(frozen=True, eq=False)
class Elliptic:
    """-div(permittivity grad psi) = charge by finite volumes, with psi given in some cells.

    The permittivity of a face is the harmonic mean of its two cells: exact for layers. A cell in which psi is given holds it up
    to its faces. ``boundary`` is the condition at the walls of the box.

    Attributes
    ----------
    grid : Grid
    permittivity : array of the grid's shape
    boundary : "neumann" or "dirichlet"
    held : array of bool
        The cells in which psi is given. Their charge is left out.
    given : array
        psi there.
    """

    grid: Grid
    permittivity: Array
    boundary: Wall
    held: Mask
    given: Array

    @property
    def leaves_a_constant(self) -> bool:
        """True if nothing fixes psi but for a constant: then the charge must add up to 0, and psi has mean zero."""
        return not self.held.any() and (all(self.grid.periodic_axes) or self.boundary == "neumann")

    @cached_property
    def _parts(self) -> _Parts:
        grid, e, n = self.grid, self.permittivity.ravel(), self.grid.size
        faces = Faces.of(grid, np.zeros(grid.shape, dtype=bool))
        held, given = self.held.ravel(), np.where(self.held, self.given, 0.0).ravel()
        left, right = faces.left, faces.right
        weight = 2 * e[left] * e[right] / (e[left] + e[right]) / faces.widths**2
        tie, source = np.zeros(n), np.zeros(n)
        for cells, beyond in ((left, right), (right, left)):
            beside = held[beyond] & ~held[cells]
            c, b = cells[beside], beyond[beside]
            to_face = 2 * e[c] / faces.widths[beside] ** 2
            np.add.at(tie, c, to_face)
            np.add.at(source, c, to_face * given[b])
        if self.boundary == "dirichlet":
            walls = np.zeros(grid.shape)
            for axis, h in enumerate(grid.spacing):
                if grid.periodic_axes[axis]:
                    continue
                side = np.moveaxis(walls, axis, 0)
                side[0] += 2 / h**2
                side[-1] += 2 / h**2
            tie += np.where(held, 0.0, walls.ravel() * e)
        unit = e * max(1 / h**2 for h in grid.spacing)
        tie, source = np.where(held, unit, tie), np.where(held, unit * given, source)
        return _Parts(faces, np.where(held[left] | held[right], 0.0, weight), tie, source)

    @property
    def source(self) -> Array:
        """What given potentials add to the charge, (n,): the equation is ``matrix @ psi = free_charge(charge) + source``."""
        return self._parts.source

    def free_charge(self, charge: Array) -> Array:
        """The charge (n,) as far as it makes a field: none in held cells, and with a mean of 0 where it must have one."""
        free = np.where(self.held, 0.0, charge.reshape(self.grid.shape)).ravel()
        return free - free.mean() if self.leaves_a_constant else free

    @cached_property
    def matrix(self) -> Any:
        """The sparse matrix of the equation."""
        from scipy.sparse import csc_matrix

        faces, weight, tie, _ = self._parts
        n, cells = self.grid.size, np.arange(self.grid.size)
        rows = np.concatenate([faces.left, faces.right, faces.left, faces.right, cells])
        columns = np.concatenate([faces.left, faces.right, faces.right, faces.left, cells])
        return csc_matrix((np.concatenate([weight, weight, -weight, -weight, tie]), (rows, columns)), shape=(n, n))

    @cached_property
    def regular_matrix(self) -> Any:
        """The matrix, with psi of the first cell tied to 0 where nothing else fixes a constant."""
        if not self.leaves_a_constant:
            return self.matrix
        from scipy.sparse import csc_matrix

        tie = self._parts.conductances.max(initial=1.0)
        return self.matrix + csc_matrix(([tie], ([0], [0])), shape=self.matrix.shape)

    @cached_property
    def _inverse(self) -> Any:
        grid = self.grid
        if not self.held.any() and np.ptp(self.permittivity) == 0:  # by transforms
            e = self.permittivity.flat[0]
            return lambda right: grid.inverse_laplacian(right.reshape(grid.shape), self.boundary) / e
        if grid.size <= _FACTORISED[grid.dim] or grid.periodic:
            return self._factors
        faces, weight, tie, _ = self._parts
        cycle, matrix = Multigrid(tie.reshape(grid.shape), faces.on_grid(weight, grid.shape)), self.regular_matrix

        def precondition(right: Array) -> Array:
            return cycle(right.reshape(grid.shape)).ravel()

        def refined(right: Array) -> Array:
            psi, left = np.zeros_like(right), right
            for _ in range(_REPEATS):
                psi = psi + gmres(lambda x: np.asarray(matrix @ x), left, precondition, _TOLERANCE, _PRODUCTS)
                left = right - matrix @ psi
                if np.linalg.norm(left) <= _ROUNDING * np.linalg.norm(np.abs(matrix) @ np.abs(psi)):
                    return psi
            return np.asarray(self._factors(right))

        return refined

    @cached_property
    def _factors(self) -> Any:
        from scipy.sparse.linalg import splu

        return splu(self.regular_matrix, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve

    def solve(self, charge: Array) -> Array:
        """Return psi of a charge, an array over the grid. Where a constant is left open, psi has mean zero."""
        psi = np.asarray(self._inverse(self.free_charge(charge) + self.source)).reshape(self.grid.shape)
        return psi - psi.mean() if self.leaves_a_constant else psi

    @cached_property
    def of_given(self) -> Array:
        """The part of psi that the given potentials make, without any charge."""
        return self.solve(np.zeros(self.grid.shape))

    def energy(self, charge: Array) -> float:
        """int charge (psi_0 / 2 + psi_1), with psi_0 the part of psi that the charge makes, and psi_1 that of the electrodes.

        Its first variation in the charge is psi. It is the energy of the field less the work of the sources that hold psi, up
        to a constant.
        """
        own = np.where(self.held, 0.0, self.solve(charge) - self.of_given)
        return self.grid.integrate(charge * (own / 2 + self.of_given))

    def __getstate__(self) -> dict[str, Any]:
        """All but the factors, which can be made again."""
        names = ("grid", "permittivity", "boundary", "held", "given")
        return {name: self.__dict__[name] for name in names}
