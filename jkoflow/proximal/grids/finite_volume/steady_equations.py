"""The equations of a steady state by finite volumes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...._typing import Array, Indices
from ....measures import Species
from ...base import ProximalStep
from ..local_energy import GridEnergy
from .problem import FiniteVolumeStep
from .trial import Trial
from .unknowns import fast_diffusion

_LAST = 1e-6  # what scales the equations of masses, so that their long rows are eliminated last


class _Kept(NamedTuple):
    """Cells that are connected, and no door to leave by: their mass is kept."""

    k: int
    """The number of the species."""
    cells: Indices
    instead: int
    """The cell whose equation follows from the others: that of the mass stands in its place."""
    mass: float


class SteadyEquations(FiniteVolumeStep):
    """div(a_i F_i) = 0 on every cell, in units in which a flux over a face is about a density.

    Cells that are connected and have no door keep the mass that they have in the anchor. Kernels act with the densities
    themselves.
    """

    def __init__(self, step: ProximalStep, energy: GridEnergy) -> None:
        super().__init__(step, energy)
        cell = max(self.grid.spacing) ** 2
        scales = [max(scale, self._of_internal(k)) for k, scale in enumerate(self.stiffness)]
        units = [cell / scale / tau for scale, tau in zip(scales, self.taus, strict=True)]
        self.taus = [unit * tau for unit, tau in zip(units, self.taus, strict=True)]
        self.rates = [unit * rates for unit, rates in zip(units, self.rates, strict=True)]
        self.rates_at_doors = [unit * rates for unit, rates in zip(units, self.rates_at_doors, strict=True)]
        self.inertia = np.where(self.closed, 1.0, 0.0)
        self.before = self.inertia * self.mu
        self.after = 1.0
        self.kept = [one for k in range(len(self.names)) for one in self._kept_masses(k)]
        known = np.array([sum(one.mass for one in self.kept if one.k == k) for k in range(len(self.names))])
        self.entering = self.entering * np.array(units)
        held = self.held + self.entering
        self.sizes = np.where(known + held > 0, known + held, self.totals)  # those of the answer, whatever the start held
        scale = np.ones((len(self.start()), self.grid.size))
        for one in self.kept:
            scale[one.k, one.instead] = _LAST
        self.row_scale = scale.ravel()

    def _of_internal(self, k: int) -> float:
        """The energy per mass of the largest density of a species, by its powers and its own functions."""
        local = self.local[k]
        largest = max([float(self.mu[k].max()), *(float(door.densities.max()) for door in local.outside)])
        if not largest:
            return 0.0
        powers = [c * m / abs(m - 1) * largest ** (m - 1) for c, m in local.powers]
        others = [c * abs(float(function.derivative(np.array([largest]))[0])) for c, function in local.others]
        return max([0.0, *powers, *others])

    def _kept_masses(self, k: int) -> list[_Kept]:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        faces, n = self.faces[k], self.grid.size
        graph = coo_array((np.ones(len(faces.left)), (faces.left, faces.right)), shape=(n, n))
        count, labels = connected_components(graph, directed=False)
        with_door = np.zeros(count, dtype=bool)
        doors = self.doors[k]
        with_door[labels[doors.cells[np.isnan(doors.inflow)]]] = True  # no mass leaves by an Inflow
        order = np.argsort(labels, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(labels, minlength=count))[:-1])
        found = []
        for label, cells in enumerate(parts):
            if not with_door[label] and not self.closed[k][cells[0]]:
                masses = self.mu[k][cells]
                found.append(_Kept(k, cells, int(cells[np.argmax(masses)]), float(masses.sum())))
        return found

    @property
    def has_one_solution(self) -> bool:
        """True if all species spread into vacuum, and no kernels act: then one steady state is the rule."""
        return not self.nonlocal_terms and all(x.entropy > 0 or fast_diffusion(x)[0] > 0 for x in self.local)

    @property
    def is_linear(self) -> bool:
        """False: factors of linear steps are not those of these equations."""
        return False

    def with_masses_kept(self, excess: Array, rho: Array) -> Array:
        for one in self.kept:
            excess[one.k, one.instead] = rho[one.k][one.cells].sum() - one.mass
        return excess

    def jacobian(self, trial: Trial) -> Any:
        from scipy.sparse import coo_array

        matrix = super().jacobian(trial).tocoo()
        n = self.grid.size
        replaced = [one.k * n + one.instead for one in self.kept]
        left = ~np.isin(matrix.row, replaced)
        rows, columns, values = [matrix.row[left]], [matrix.col[left]], [matrix.data[left]]
        slopes = self.density_slopes(trial)
        for one, row in zip(self.kept, replaced, strict=True):
            rows.append(np.full(len(one.cells), row))
            columns.append(one.k * n + one.cells)
            values.append(slopes[one.k][one.cells])
        empty = np.flatnonzero(np.bincount(np.concatenate(rows), np.abs(np.concatenate(values)), matrix.shape[0]) == 0)
        rows.append(empty)  # cells without mass, from which nothing flows
        columns.append(empty)
        values.append(np.ones(len(empty)))
        entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        return coo_array(entries, shape=matrix.shape).tocsc()

    def response(self, trial: Trial, change: Array) -> Array:
        out = super().response(trial, change)
        for one in self.kept:
            out[one.k, one.instead] = 0.0
        return out

    def keep_masses_of(self, other: SteadyEquations) -> None:
        """Keep the masses that other equations on the same cells keep."""
        self.kept = [one._replace(mass=known.mass) for one, known in zip(self.kept, other.kept, strict=True)]
        self.sizes = other.sizes

    def densities(self, state: Species) -> Array:
        """The densities of a state, (species, cells)."""
        return np.stack([state[name].values.ravel() for name in self.names])

    def fluxes_by_axis(self, trial: Trial, k: int) -> tuple[Array, ...]:
        """tau alpha times the flux of a species through all faces across every axis, those of doors too."""
        faces, doors, shape = self.faces[k], self.doors[k], self.grid.shape
        arrays = faces.on_grid(self.rates[k] * trial.fluxes[k].value, shape)
        out = self.rates_at_doors[k] * trial.through[k].value
        for axis, array in enumerate(arrays):
            up, down = (doors.axes == axis) & (doors.signs > 0), (doors.axes == axis) & (doors.signs < 0)
            above = list(np.unravel_index(doors.cells[up], shape))
            above[axis] = above[axis] + 1
            array[tuple(above)] += out[up]
            array[np.unravel_index(doors.cells[down], shape)] -= out[down]
        return arrays

    def moved(self, before: Array, after: Array) -> float:
        """The L1 norm of a change of the densities over the mass, the largest over the species."""
        change = np.abs(after - before).sum(axis=1)
        return float((change / np.maximum(np.maximum(self.sizes, after.sum(axis=1)), np.finfo(float).tiny)).max())

    def with_masses(self, rho: Array) -> Species:
        """The state of densities, with every mass that is kept to rounding."""
        rho = rho.copy()
        for one in self.kept:
            total = rho[one.k][one.cells].sum()
            if total > 0:
                rho[one.k][one.cells] *= one.mass / total
        return self.state_of(rho)
