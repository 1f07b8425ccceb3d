"""The step by finite volumes, by Newton's method."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ...._status import Status
from ...._typing import Array
from ....laws.forms import Bound, Conducting, External, FieldCoupling, Forbidden, Form, General, Internal, Opening, Pair, Shared
from ....measures import Density, Measure
from ...base import IterativeSolver, ProximalStep, ProxResult
from ...continuation import through_shares
from ...verification import checked
from ..local_energy import GridEnergy, LocalEnergy, must_leave_room
from .accounts import dissipated, energy_out, is_outgrown, outflow, pressure_of_bounds
from .newton import End, first_search, newton_search
from .problem import FiniteVolumeStep
from .steady_equations import SteadyEquations
from .trial import Trial

_COARSE = 1e-3  # the tolerance of easier steps on the way to one that is not solved from the anchor
_SHORTER = 8  # times max_iterations: those on such a way
_DIFFUSION, _FADING = 0.1, 2.0**-14  # the first diffusion, a share of the rise of the potential; the share at which it ends
_SPARE = -1e-12  # share of the mass: a bound that is exactly filled may be short of it by rounding


@dataclass(frozen=True)
class FiniteVolume(IterativeSolver):
    """One step of implicit Euler in finite volumes on a grid, in 1, 2 or 3 dimensions: safe where other solvers stall.

        (rho_i - mu_i) / (tau alpha_i) = div(rho_i grad phi_i),      phi_i = U'(rho_i) + V_i + fields

    holds in every cell, with fluxes through the faces. The answer differs from the minimiser of the JKO step by O(tau^2), so
    the flow has the same order 1 in dt. Densities are positive, mass is kept to rounding, and a convex energy never rises (but
    for fast diffusion beside a potential, where it may by the error of the cells).

    * With an entropy the flux is that of Scharfetter and Gummel: of order 2 in the cells, exact at equilibrium, and right in
      vacuum that an entropy has to fill.
    * With powers above 1, and other internal energies, each face carries a mean of its two densities: where there is no drift
      the flux is the difference of the pressures s U'(s) - U(s). It is of order 2 in the cells, exact at equilibrium, and
      nothing leaves an empty cell.
    * With no internal energy, and beside a fast diffusion, a drift moves mass with the density of the cell that it comes from:
      of order 1 in the cells.
    * Under a bound the pressure is what holds the density: mass goes round an Obstacle and never through it, since its faces
      are closed.
    * An internal energy or a bound of a sum of species acts on each of them; each flux carries the density of the cell that it
      comes from: of order 1 in the cells, and an interface between two species is smeared over some cells.
    * psi of a DirichletCoupling is one more unknown. Kernels act with the mean of the densities before and after the step.

    Parameters
    ----------
    tolerance : float
        Bound on the residual: the L1 norm of what is left of the equations, over the mass; the largest over the species. Where
        rounding of the fluxes leaves more, as in very long steps, the bound is that.
    max_iterations : int
        Bound on the iterations of Newton's method.

    Notes
    -----
    FiniteVolume accepts sums with non-negative coefficients of internal energies and Congestion, of one species or of a sum of
    several, Obstacle, Potential, Interaction, CrossInteraction, DirichletCoupling in any medium and with electrodes,
    Functional, Exit, Reservoir and Mobility, for several species jointly. Nothing that spreads is needed. RenyiEntropy with
    m < 1 is taken without other internal energies and bounds. Your own internal energies, and those of sums, have a finite
    slope at density 0.

    If Newton's method stalls from the anchor, the step is reached through easier ones, whose answers are starts for the next:
    first with a diffusion that fades, then through shorter steps. Each way may take eight times ``max_iterations``.

    ``distances`` are tau (int |v|^2 d rho)^(1/2), from the fluxes: W2 to the first order in tau.

    In steps with further anchors, those of BDF2 and VariationalExtrapolation, densities take the place of squared distances:
    sum_k weight_k (rho_i - anchor_k,i) stands on the left side. BDF2 becomes the backward difference of order 2 of the
    equation. Where a density falls fast, sum_k weight_k anchor_k < 0, and there may be no answer. The energy may rise.

    Cost: 1 or 2 Newton iterations for a linear equation (entropies and potentials), whose factors are kept for the steps that
    follow; 3 to 20 for others. Each is a sparse factorisation, O(n) on the line and about n^1.3 in the plane, or, on large
    grids, some ten to thirty multigrid cycles of O(n). See ``benchmarks/trust.txt``.

    Source: Scharfetter and Gummel (1969); Eymard, Gallouet, Herbin, Finite volume methods (2000); for gradient flows
    Cances, Gallouet, Todeschini (2020).

    Examples
    --------
    >>> import numpy as np, jkoflow as jf
    >>> grid = jf.Grid.box((-4, 4), cells=80)
    >>> rho = jf.Species.of(grid.density(lambda x: np.exp(-(x - 1) ** 2)))
    >>> step = jf.ProximalStep(jf.Entropy() + jf.Potential(lambda x: x**2 / 2), rho, tau=0.1)
    >>> answer = FiniteVolume().solve(step)
    >>> answer.status.name, round(float(answer.state[""].mean) * 1.1, 3)      # the exact mean is 1 / 1.1
    ('CONVERGED', 1.0)
    """

    tolerance: float = 1e-10
    max_iterations: int = 200
    solves: ClassVar[str] = "implicit Euler in finite volumes: the step to second order in tau"
    measures: ClassVar[tuple[type[Measure], ...]] = (Density,)
    takes_torus: ClassVar[bool] = True
    several_anchors: ClassVar[bool] = True
    tells_speed: ClassVar[bool] = True
    tells_pressure: ClassVar[bool] = True
    takes: ClassVar[tuple[type[Form], ...]] = (
        Internal,
        Bound,
        Shared,
        Conducting,
        Forbidden,
        Opening,
        External,
        Pair,
        FieldCoupling,
        General,
    )

    def prepare(self, step: ProximalStep) -> FiniteVolumeStep:
        """The equations of a step. Raises ValueError for a step that FiniteVolume does not accept."""
        return self._equations(step, 1.0)

    def steady_equations(self, step: ProximalStep) -> SteadyEquations:
        """The equations of a steady state with the law of a step. Raises ValueError as ``prepare`` does."""
        return SteadyEquations(step, self._energy(step))

    def _equations(self, step: ProximalStep, share: float) -> FiniteVolumeStep:
        return FiniteVolumeStep(step, self._energy(step), share)

    def _energy(self, step: ProximalStep) -> GridEnergy:
        self.must_take(step)
        energy = GridEnergy.of(step.forms, step.anchor)
        must_leave_room(energy, step, _SPARE)
        _must_suit_doors(energy, step)
        for name, local in energy.local.items():
            if local.medium and not local.medium.is_diagonal and local.outside:
                label = f" of species {name!r}" if name else ""
                raise ValueError(
                    f"the Mobility{label} must be diagonal in the axes beside doors and reservoirs, got a tensor with entries "
                    "off the diagonal"
                )
        if step.further and step.forms.openings:
            raise ValueError(
                f"FiniteVolume takes doors and reservoirs in steps with one anchor, got "
                f"{step.forms.openings[0].term!r}: take JKO()"
            )
        for _, shared in energy.shared:
            _must_be_gentle(shared)
        for name, local in energy.local.items():
            _must_be_taken(local)
            if step.anchor[name].values[local.closed].any():
                label = f" of species {name!r}" if name else ""
                raise ValueError(f"the state{label} must hold no mass in obstacles, doors and reservoirs, got some")
        return energy

    def solve(self, step: ProximalStep) -> ProxResult:
        problem: FiniteVolumeStep = self.prepared(step)
        with np.errstate(all="ignore"):  # an overflow ends in the status
            end = first_search(problem, self.tolerance, self.max_iterations)
            reachable = (problem.before >= 0).all()  # with further anchors there may be no answer
            if reachable and not end.status.ok:
                end = self._through_fading_diffusion(problem, end)
            if reachable and not end.status.ok:
                end = self._through_shorter_steps(step, problem, end)
        return self._answer(step, problem, *end)

    def _through_fading_diffusion(self, problem: FiniteVolumeStep, failed: End) -> End:
        """Newton's method from the answers with a diffusion that fades; ``failed`` if that fails too.

        A front advances by about a cell in an iteration. With a diffusion mass is everywhere at once.
        """

        def solve(share: float, unknowns: Array, left: int) -> End:
            if share == 1:
                return newton_search(problem, unknowns, self.tolerance, self.max_iterations)
            softer = problem.with_diffusion(_DIFFUSION * _FADING / share)
            return newton_search(softer, unknowns, max(self.tolerance, _COARSE), self.max_iterations)

        reached = through_shares(solve, problem.start(), _SHORTER * self.max_iterations, first=_FADING, least=_FADING)
        return (reached.end or failed)._replace(iterations=failed.iterations + reached.iterations)

    def _through_shorter_steps(self, step: ProximalStep, problem: FiniteVolumeStep, failed: End) -> End:
        """Newton's method from the answers to shorter steps; ``failed`` if that fails too."""

        def solve(share: float, unknowns: Array, left: int) -> End:
            part = problem if share == 1 else self._equations(step, share)
            tolerance = self.tolerance if share == 1 else max(self.tolerance, _COARSE)
            return newton_search(part, unknowns, tolerance, self.max_iterations)

        reached = through_shares(solve, problem.start(), _SHORTER * self.max_iterations)
        return (reached.end or failed)._replace(iterations=failed.iterations + reached.iterations)

    def _answer(
        self, step: ProximalStep, problem: FiniteVolumeStep, trial: Trial, status: Status, iterations: int
    ) -> ProxResult:
        if not status.ok:  # nothing worse than what was given
            status = Status.INFEASIBLE if is_outgrown(problem) else status
            nothing = {name: np.zeros(problem.grid.shape) for name in problem.names}
            return ProxResult(step.anchor, dict.fromkeys(problem.names, 0.0), nothing, status, iterations, trial.residual)
        rho, gone_by = trial.rho.copy(), {}
        for k, name in enumerate(problem.names):  # what the tolerance leaves open goes through the doors, or to all cells
            by_door = outflow(problem, trial, k)
            given = {outside.name for outside in problem.local[k].outside if outside.flux is not None}
            free = {door: abs(out) for door, out in by_door.items() if door not in given}
            gross, gone = sum(free.values()), sum(by_door.values())
            if gross > 0:
                left_open = (problem.totals[k] - rho[k].sum()) * problem.grid.cell_volume - gone
                by_door |= {door: by_door[door] + left_open * share / gross for door, share in free.items()}
            elif rho[k].any():
                rho[k] *= (problem.totals[k] - gone / problem.grid.cell_volume) / rho[k].sum()
            gone_by[name] = by_door
        state = problem.state_of(rho)
        across = float(np.linalg.norm(problem.grid.lengths))  # no mass goes farther
        distances = {
            name: min(dissipated(problem, trial, k) ** 0.5, across * step.anchor[name].mass ** 0.5)
            for k, name in enumerate(problem.names)
        }
        potentials = {}
        for k, name in enumerate(problem.names):
            level = trial.levels[k]
            finite = np.isfinite(level)
            filled = np.where(finite, level, level[finite].min(initial=0.0))
            potentials[name] = -step.weight(name) * filled.reshape(problem.grid.shape)
        answer = ProxResult(state, distances, potentials, status, iterations, trial.residual, outflow=gone_by)
        through = sum(energy_out(problem, trial, k) for k in range(len(problem.names)))
        told = {name: pressure_of_bounds(problem, trial, k) for k, name in enumerate(problem.names)}
        answer = replace(answer, energy_out=through, pressures={name: p for name, p in told.items() if p is not None})
        return checked(step, answer, slack=1.0)  # its distances are right to the first order in tau


def _must_suit_doors(energy: GridEnergy, step: ProximalStep) -> None:
    """Raise ValueError for a coupling by charge that doors, or a torus, leave without a solution."""
    doors = any(local.outside for local in energy.local.values())
    for coupling in step.forms.couplings:
        boundary = coupling.form.boundary
        if doors and coupling.form.must_be_neutral:
            raise ValueError(
                f"{coupling.term!r} needs a total charge of 0, and charge leaves through doors: take boundary='dirichlet', or "
                "electrodes"
            )
        if all(step.grid.periodic_axes) and boundary != "neumann":
            raise ValueError(
                f"boundary must be 'neumann' on a torus, which has no walls, got {boundary!r} in {coupling.term!r}"
            )
        if step.grid.periodic and boundary == "free-space":
            raise ValueError(f"boundary must be that of a wall beside a periodic axis, got {boundary!r} in {coupling.term!r}")


def _must_be_taken(local: LocalEnergy) -> None:
    """Raise ValueError for a local energy whose slope is infinite in vacuum, but for an entropy, and a fast diffusion alone."""
    fast = any(m < 1 for _, m in local.powers)
    if fast and (local.entropy or local.others or len(local.powers) > 1 or np.isfinite(local.cap)):
        raise ValueError("FiniteVolume takes RenyiEntropy with m < 1 without other internal energies and bounds, got some")
    _must_be_gentle(replace(local, entropy=0.0, powers=()))


def _must_be_gentle(local: LocalEnergy) -> None:
    """Raise ValueError for an internal energy with an infinite slope at density 0: your own, or one of a sum of species."""
    with np.errstate(all="ignore"):
        slopes = [float(function.derivative(np.zeros(1))[0]) for _, function in local.others]
    if not np.isfinite(slopes).all() or local.entropy or any(m < 1 for _, m in local.powers):
        raise ValueError(
            "FiniteVolume takes internal energies of your own, and of sums of species, with a finite slope at density 0, "
            "got an infinite one"
        )
