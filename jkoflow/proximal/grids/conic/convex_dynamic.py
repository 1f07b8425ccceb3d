"""The JKO step as a conic program in densities and fluxes over time: a reference that does not freeze."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...._typing import Array
from ...._validate import positive_integer
from ....grids import Grid
from ....measures import Species
from ...base import ProximalStep, ProxResult
from ...verification import checked
from .solver import ConicSolver, judged, unsolved

if TYPE_CHECKING:
    from .energy import ConicEnergy  # imports cvxpy


@dataclass(frozen=True)
class ConvexDynamic(ConicSolver):
    """The JKO step in the dynamic formulation of transport (Benamou and Brenier 2000), as a cvxpy program.

        min over densities rho(s), fluxes m(s), 0 <= s <= 1, with d rho/ds + div m = 0, rho(0) = anchor, no flux at the walls:
            sum_i 1 / (2 tau alpha_i) int int |m_i|^2 / rho_i dx ds + E(rho(1))

    * The densities are values in the cells at ``layers`` + 1 times s.
    * The fluxes are values on the faces between cells, in the ``layers`` intervals of s. Each flux stands against the mean
      density of its two cells and two times, which is of second order in dx and in s.
    * |m|^2 / rho enters by rotated second-order cones.

    The motion is seen however small dt is. The error of W2 and of the step is O(dx^2 + layers^-2).

    Parameters
    ----------
    tolerance, max_iterations
        As for Convex.
    layers : int
        The number of intervals in s.

    Notes
    -----
    ConvexDynamic accepts the same energies as Convex.

    Cost: layers (d + 1) n variables and layers d n cones for n cells in dimension d. 64 cells take a tenth of a second,
    16 x 16 cells a second.

    The answer meets its constraints to the tolerance only. So densities below 0 are set to 0, and the density is scaled to
    the mass of the anchor. ``residual`` is the share of the mass that this changes, in L1, the largest over the species.

    Examples
    --------
    >>> import numpy as np, jkoflow as jf
    >>> grid = jf.Grid.box((-4, 4), cells=32)
    >>> rho = jf.Species.of(grid.density(lambda x: np.exp(-(x - 1) ** 2)))
    >>> step = jf.ProximalStep(jf.Entropy() + jf.Potential(lambda x: x**2 / 2), rho, tau=0.01)
    >>> answer = ConvexDynamic().solve(step)                                  # Convex() would not move at all
    >>> answer.status.name, round(float(answer.state[""].mean) * 1.01, 3)
    ('CONVERGED', 1.0)
    """

    layers: int = 4
    solves: ClassVar[str] = "the step with W2 discretised on the grid and in time: O(dx^2 + layers^-2), does not freeze"

    def __post_init__(self) -> None:
        super().__post_init__()
        positive_integer("layers", self.layers)

    def prepare(self, step: ProximalStep) -> tuple[dict[str, _Path], ConicEnergy]:
        """Return the paths of all species, and the energy of the densities at their ends."""
        import cvxpy as cp

        from .energy import conic_energy

        self.must_take(step)
        paths = {name: _Path(cp, step.grid, start.values.ravel(), self.layers) for name, start in step.anchor.items()}
        return paths, conic_energy(step, {name: path.densities[-1] for name, path in paths.items()})

    def solve(self, step: ProximalStep) -> ProxResult:
        import cvxpy as cp

        from .energy import run_clarabel

        paths, conic = self.prepared(step)
        grid, anchor, last = step.grid, step.anchor, conic.shapes
        transport = [path.action / (2 * step.weight(name)) for name, path in paths.items()]
        constraints = [constraint for path in paths.values() for constraint in path.continuity + path.cones] + conic.constraints
        problem = cp.Problem(cp.Minimize(cp.sum([term / conic.unit for term in transport + conic.objective])), constraints)
        status, iterations = run_clarabel(problem, self.max_iterations, self.tolerance)
        if any(rho.value is None or not np.all(np.isfinite(rho.value)) for rho in last.values()):
            return unsolved(step, status, iterations)
        measures, residual = {}, 0.0
        for name, rho in last.items():
            feasible, found = np.maximum(rho.value, 0.0), conic.mean(name) * rho.value
            feasible *= anchor[name].values.sum() / feasible.sum()
            residual = max(residual, float(np.abs(feasible - found).sum() / feasible.sum()))
            measures[name] = anchor[name].like(feasible.reshape(grid.shape))
        distances = {name: max(float(path.action.value), 0.0) ** 0.5 for name, path in paths.items()}
        potentials = {name: path.potential(step.weight(name), conic.unit) for name, path in paths.items()}
        answer = ProxResult(Species(measures), distances, potentials, judged(status, residual), iterations, residual)
        return checked(step, answer)


class _Path:
    """The variables of one species along s, with their constraints: densities in cells, fluxes on faces, and the action.

    Densities are in units of their mean, lengths in units of the longest side of the grid.
    """

    def __init__(self, cp: Any, grid: Grid, start: Array, layers: int) -> None:
        self._grid, self._layers, self._mean, self._length = grid, layers, float(start.mean()), max(grid.lengths)
        faces = [(self._length * difference, mean) for difference, mean in (_faces(grid, a) for a in range(grid.dim))]
        start = start / self._mean
        later = [cp.Variable(grid.size, nonneg=True) for _ in range(layers)]
        self.densities = [start, *later]
        self.continuity, self.cones, costs = [], [], []
        for before, after in zip(self.densities[:-1], self.densities[1:], strict=True):
            divergence = 0
            self._last_interval: list[Any] = []  # per axis: the mean onto faces, the flux, and the density on faces
            for difference, mean in faces:
                if difference.shape[0] == 0:
                    continue
                flux = cp.Variable(difference.shape[0])
                cost = cp.Variable(difference.shape[0])
                density = mean @ ((before + after) / 2)
                self.cones.append(cp.SOC(cost + density, cp.vstack([2 * flux, cost - density]), axis=0))
                costs.append(cp.sum(cost))
                self._last_interval.append((mean, flux, density))
                divergence = divergence - difference.T @ flux
            self.continuity.append(layers * (after - before) + divergence == 0)
        scale = self._mean * self._length**2 * grid.cell_volume / layers
        self.action = cp.sum(costs) * scale if costs else cp.Constant(0.0)

    def potential(self, weight: float, unit: float) -> Array:
        """The Kantorovich potential, which is phi at s = 1.

        It is the multiplier of the continuity equation in the last interval. Half a Hamilton-Jacobi step carries it from the
        middle of this interval to its end.
        """
        phi = weight * self._layers / self._grid.cell_volume * unit / self._mean * self.continuity[-1].dual_value
        for mean, flux, density in self._last_interval:
            occupied = density.value > 1e-9 * density.value.max()
            velocity = np.where(occupied, flux.value, 0.0) / np.where(occupied, density.value, 1.0)
            phi = phi - mean.T @ (self._length * velocity) ** 2 / (4 * self._layers)
        return np.asarray(phi).reshape(self._grid.shape)


def _faces(grid: Grid, axis: int) -> tuple[Any, Any]:
    """The difference quotient and the mean across the inner faces along an axis, as sparse matrices (faces, cells)."""
    from scipy import sparse

    along = grid.shape[axis]
    ones = np.ones(along - 1)
    differences = sparse.diags_array([-ones, ones], offsets=[0, 1], shape=(along - 1, along)) / grid.spacing[axis]
    means = sparse.diags_array([ones, ones], offsets=[0, 1], shape=(along - 1, along)) / 2
    before = sparse.eye_array(int(np.prod(grid.shape[:axis])))
    behind = sparse.eye_array(int(np.prod(grid.shape[axis + 1 :])))
    return tuple(sparse.csr_matrix(sparse.kron(sparse.kron(before, matrix), behind)) for matrix in (differences, means))
