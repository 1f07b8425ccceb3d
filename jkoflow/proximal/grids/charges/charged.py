"""The linear systems of charged species, with the potential that couples them as one more unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...._typing import Array
from ....grids import Grid
from ....laws.forms import FieldCoupling
from ....linear import CoupledMultigrid, Multigrid, elliptic, gmres
from ..joint_terms import JointCoupling, JointTerms

Faces = tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Charged:
    """A multiple > 0 of a coupling by charge on a grid, for the species of a step in their order.

    With psi the multiple of the coupling's potential, the densities rho_k = s_k (x_k - z_k psi) of changes x_k of the
    potentials obey  - e lap psi = sum_k z_k rho_k,  e = permittivity / multiple: eliminated, this is the dense response of the
    fields to the densities; kept, a sparse symmetric system, however strong the coupling.
    """

    term: JointCoupling
    multiple: float
    names: tuple[str, ...]
    grid: Grid

    @classmethod
    def of(cls, joint: JointTerms, names: tuple[str, ...], grid: Grid) -> Charged | None:
        """The first coupling by charge that repels; None without any."""
        term = joint.repulsion
        return None if term is None else cls(term, term.factor, names, grid)

    @property
    def coupling(self) -> FieldCoupling:
        """What Poisson's equation has to know."""
        return self.term.coupling

    @property
    def valences(self) -> Array:
        """z_k in the order of the names."""
        return np.array([self.coupling.charges[name] for name in self.names])

    def cycle(self, reactions: Array, conductances: Sequence[Faces]) -> CoupledMultigrid:
        """The multigrid cycle for reactions s_k and one tuple of conductances per species; in free space psi = 0 on the walls
        stands in for what is not sparse.
        """
        faces, outer = self._of_psi()
        joined = tuple(np.stack([*(one[axis] for one in conductances), faces[axis]]) for axis in range(self.grid.dim))
        return CoupledMultigrid(reactions, self.valences, joined, outer)

    def cycle_of_psi(self, reaction: Array) -> Multigrid:
        """The cycle for psi alone, with a reaction, as ``cycle`` has it."""
        faces, outer = self._of_psi()
        return Multigrid(reaction + outer, faces)

    def precondition(self, cycle: CoupledMultigrid, right: Array) -> Array:
        """The cycle for the system from which psi has been eliminated: sum_k z_k times its rows is the row of psi."""
        return cycle(np.concatenate([right, -np.einsum("k,k...->...", self.valences, right)[None]]))[:-1]

    def relaxed(self, reactions: Array, conductances: Sequence[Faces], first: Array, tolerance: float, most: int) -> Array:
        """The potentials x of one implicit step of the linearised flow, psi included, from the first variations.

        s_k (x_k - first_k - z_k psi) = div(a_k grad x_k),      - e lap psi = sum_k z_k s_k (x_k - first_k - z_k psi).
        """
        faces, outer = self._of_psi()
        of_species = [elliptic(np.zeros(self.grid.shape), one) for one in conductances]
        of_psi = elliptic(outer, faces)
        z = self.valences.reshape(-1, *(1,) * self.grid.dim)

        def apply(x: Array) -> Array:
            rho = reactions * (x[:-1] - z * x[-1])
            rows = [one + a(y) for one, a, y in zip(rho, of_species, x[:-1], strict=True)]
            return np.stack([*rows, of_psi(x[-1]) - (z * rho).sum(axis=0)])

        right = np.stack([*(-a(y) for a, y in zip(of_species, first, strict=True)), np.zeros(self.grid.shape)])
        change = gmres(apply, right, self.cycle(reactions, conductances), tolerance, most)
        return first + change[:-1]

    def _of_psi(self) -> tuple[Faces, Array]:
        """The conductances of psi across the faces, and to the walls."""
        e, grid = self.coupling.permittivity / self.multiple, self.grid
        faces, outer = [], np.zeros(grid.shape)
        for axis, h in enumerate(grid.spacing):
            inner = np.zeros(tuple(n + (c == axis) for c, n in enumerate(grid.shape)))
            np.moveaxis(inner, axis, 0)[1:-1] = e / h**2
            faces.append(inner)
            if self.coupling.boundary != "neumann":
                along = np.moveaxis(outer, axis, 0)
                along[0] += 2 * e / h**2
                along[-1] += 2 * e / h**2
        return tuple(faces), outer
