"""The linear systems of charged species, with the potential psi that couples the species as one more unknown."""

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
    """A multiple > 0 of a coupling by charge on a grid, and the linear systems of the species that it couples.

    The unknowns are changes x_k of the potentials of the species, and psi: the multiple times the potential of the coupling.
    The changes of the densities are rho_k = s_k (x_k - z_k psi), with the valences z_k and reactions s_k >= 0. They obey

        - e lap psi = sum_k z_k rho_k,      e = permittivity / multiple.

    If psi is eliminated, the system is dense: it holds the response of the fields to the densities. If psi is kept as an
    unknown, the system is sparse and symmetric, however strong the coupling.

    Attributes
    ----------
    term : JointCoupling
        The coupling by charge.
    multiple : float
        Its factor, or a share of this factor.
    names : tuple of str
        The species of a step, in the order of the step.
    grid : Grid
    """

    term: JointCoupling
    multiple: float
    names: tuple[str, ...]
    grid: Grid

    @classmethod
    def of(cls, joint: JointTerms, names: tuple[str, ...], grid: Grid) -> Charged | None:
        """The first coupling by charge that repels, with its factor as the multiple; None if no coupling repels."""
        term = joint.repulsion
        return None if term is None else cls(term, term.factor, names, grid)

    @property
    def coupling(self) -> FieldCoupling:
        """The form of the coupling: valences, permittivity, doping and the condition at the walls."""
        return self.term.coupling

    @property
    def valences(self) -> Array:
        """The valences z_k in the order of the names."""
        return np.array([self.coupling.charges[name] for name in self.names])

    def cycle(self, reactions: Array, conductances: Sequence[Faces]) -> CoupledMultigrid:
        """The multigrid cycle for the unknowns x_k and psi together.

        It takes the reactions s_k, and one tuple of conductances across faces per species. In free space the equation of psi
        is not sparse. The cycle takes psi = 0 on the walls instead.
        """
        faces, outer = self._conductances_of_psi()
        joined = tuple(np.stack([*(species[axis] for species in conductances), faces[axis]]) for axis in range(self.grid.dim))
        return CoupledMultigrid(reactions, self.valences, joined, outer)

    def cycle_of_psi(self, reaction: Array) -> Multigrid:
        """The multigrid cycle for psi alone, with a reaction. Walls are as in ``cycle``."""
        faces, outer = self._conductances_of_psi()
        return Multigrid(reaction + outer, faces)

    def precondition(self, cycle: CoupledMultigrid, right: Array) -> Array:
        """One cycle for the system from which psi is eliminated. ``right`` is the right side of the rows of the species.

        The right side of the row of psi is minus the sum of z_k times the right sides of the species.
        """
        return cycle(np.concatenate([right, -np.einsum("k,k...->...", self.valences, right)[None]]))[:-1]

    def relaxed(self, reactions: Array, conductances: Sequence[Faces], first: Array, tolerance: float, most: int) -> Array:
        """The potentials x after one implicit step of the linearised flow, from the first variations ``first``.

        s_k (x_k - first_k - z_k psi) = div(a_k grad x_k),      - e lap psi = sum_k z_k s_k (x_k - first_k - z_k psi).

        GMRES solves for x and psi together, to ``tolerance``, with at most ``most`` products.
        """
        faces, outer = self._conductances_of_psi()
        diffusions = [elliptic(np.zeros(self.grid.shape), across) for across in conductances]
        poisson = elliptic(outer, faces)
        z = self.valences.reshape(-1, *(1,) * self.grid.dim)

        def apply(x: Array) -> Array:
            rho = reactions * (x[:-1] - z * x[-1])
            rows = [density + diffuse(y) for density, diffuse, y in zip(rho, diffusions, x[:-1], strict=True)]
            return np.stack([*rows, poisson(x[-1]) - (z * rho).sum(axis=0)])

        right = np.stack([*(-diffuse(y) for diffuse, y in zip(diffusions, first, strict=True)), np.zeros(self.grid.shape)])
        change = gmres(apply, right, self.cycle(reactions, conductances), tolerance, most)
        return first + change[:-1]

    def _conductances_of_psi(self) -> tuple[Faces, Array]:
        """The conductances of psi across the faces between cells, and from the cells to walls on which psi = 0."""
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
