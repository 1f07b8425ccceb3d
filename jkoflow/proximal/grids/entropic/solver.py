"""The entropic JKO step on a grid: generalised Sinkhorn scaling, stabilised."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import ClassVar

from ...._status import FreezingWarning, Status
from ...._validate import positive, positive_integer
from ....grids import Grid
from ....laws.forms import Bound, External, FieldCoupling, Form, General, Internal, Pair
from ....measures import Density, Measure, Species
from ....transport import GibbsKernel
from ...base import IterativeSolver, ProximalStep, ProxResult
from ..local_energy import GridEnergy
from .pointwise import pointwise_steps
from .scaling import Scaling

_CELLS = 1.5  # default epsilon in squared cells: less gains nothing on the grid error, more blurs (benchmarks/barenblatt.py)
_FAR = 0.5  # a first residual above this says that the mass has far to go against sqrt(epsilon): start from a larger one
_COARSE = 0.05  # tolerance at the larger epsilons


@dataclass(frozen=True)
class Entropic(IterativeSolver):
    """One JKO step with the transport cost replaced by entropic transport, by Sinkhorn-type scaling.

        min over rho:  sum_i [OT_eps(anchor_i, rho_i) - c eps H(rho_i)] / (2 tau alpha_i) + E(rho),
        OT_eps(mu, rho) = min over plans g of <|x - y|^2, g> + eps int int g log g,   H(rho) = int rho log rho,

    with c = 1/2 for ``debias=True`` and c = 0 for ``debias=False``, the scheme of Peyre (2015).

    The blur. For smooth densities OT_eps = W2^2 + eps (H(mu) + H(rho)) / 2 + const + O(eps^2). With ``debias=False`` a step
    therefore solves the JKO step of E + eps/(4 tau alpha) H: an extra diffusion of eps / (4 tau), that is eps/2 of
    variance per axis and step whatever dt. With ``debias=True`` that term is taken out: the step stays convex, as
    OT_eps - eps H is convex in rho, and the bias falls to O(eps^2) per step: a mode of wave number k decays at a rate too high
    by k^4 eps^2 / (32 tau). With the default epsilon this stays below the O(tau) error of the scheme itself as long as tau
    times the diffusivity is at least epsilon / 4. ``benchmarks/entropic.py`` measures both orders.

    The plan reflects at the walls (see ``GibbsKernel``), so that all this holds next to them too.

    Parameters
    ----------
    epsilon : float, optional
        Strength of the regularisation, a length squared: plans are blurred over sqrt(epsilon / 2). Default: 1.5 times the
        square of the widest cell. The sums over cells are exact up to exp(-pi^2 epsilon / dx^2); well below the square of a
        cell the plan no longer sees between the cell centres, and freezes as any plan between grid points does.
    debias : bool
        Whether the first-order blur is removed (default).
    tolerance : float
        Bound on the residual: the L1 distance, over the mass, between the second marginal of the plan and the density that
        the energy asks for, or the error of its mass if that is larger; the largest over the species.
    max_iterations : int
        Bound on the number of scaling iterations.
    memory : int
        Depth of the Anderson acceleration of the scaling iteration; 0 switches it off.

    Notes
    -----
    Accepts sums of internal energies with (in total) non-negative coefficients, Congestion, Potential, and Interaction,
    CrossInteraction, DirichletCoupling and Functional, whose fields are updated in every iteration: the answer satisfies the
    optimality conditions of the joint implicit step, all species together; where the energy is not convex these are necessary
    only. Where that does not settle under a strong DirichletCoupling, its potential is solved for within every sweep, together
    with the densities: sweeps that cost ten times as much, and do not feel the strength.

    Where the mass has far to go against sqrt(epsilon), the step is first solved roughly for epsilon 4^k times as large, and
    the potentials are carried down (epsilon scaling); ``iterations`` counts all the sweeps.

    Cost per iteration: two applications of the Gibbs kernel per species (see ``GibbsKernel``: banded matrix products, tiles
    where the multipliers span more than the numbers do) and one scalar solve per cell, plus one FFT convolution per
    interaction. Memory: about 2 memory + 12 arrays of N numbers per species. The mass is kept to rounding: the state is the
    second marginal of a plan whose first is the anchor.

    ``distances`` is the square root of the Sinkhorn divergence between anchor and answer (Feydy et al. 2019): W2 up to a
    share of O(eps^2), and nothing for a state that stays. It costs nine more applications of the kernel.

    Source: Peyre, Entropic approximation of Wasserstein gradient flows (2015); Chizat, Peyre, Schmitzer, Vialard (2018);
    Anderson (1965).

    Examples
    --------
    >>> import numpy as np, jkoflow as jf
    >>> grid = jf.Grid.box((-4, 4), cells=80)
    >>> rho = jf.Species.of(grid.density(lambda x: np.exp(-(x - 1) ** 2)))
    >>> step = jf.ProximalStep(jf.Entropy() + jf.Potential(lambda x: x**2 / 2), rho, tau=0.1)
    >>> answer = Entropic().solve(step)
    >>> answer.status.name, round(float(answer.state[""].mean) * 1.1, 3)      # the exact mean is 1 / 1.1
    ('CONVERGED', 1.0)
    """

    epsilon: float | None = None
    debias: bool = True
    tolerance: float = 1e-8
    max_iterations: int = 2000
    memory: int = 10
    solves: ClassVar[str] = "the entropic step: blur O(epsilon^2) with debias, O(epsilon) without"
    measures: ClassVar[tuple[type[Measure], ...]] = (Density,)
    takes: ClassVar[tuple[type[Form], ...]] = (Internal, Bound, External, Pair, FieldCoupling, General)

    def __post_init__(self) -> None:
        if self.epsilon is not None:
            positive("epsilon", self.epsilon, "a positive finite number, or None for 1.5 cells squared")
        super().__post_init__()
        if self.memory != 0:
            positive_integer("memory", self.memory)
        if not isinstance(self.debias, bool):
            raise ValueError(f"debias must be True or False, got {self.debias!r}")

    def epsilon_on(self, grid: Grid) -> float:
        """The regularisation used on a grid: the one given, or 1.5 times the square of the widest cell."""
        return _CELLS * max(grid.spacing) ** 2 if self.epsilon is None else float(self.epsilon)

    def filled_in(self, state: Species) -> Entropic:
        if state.kind is not Density:
            return self  # check refuses the state, in words
        return replace(self, epsilon=self.epsilon_on(state.grid))

    def check(self, step: ProximalStep) -> None:
        self._level(step, 0)
        epsilon, widest = self.epsilon_on(step.grid), max(step.grid.spacing)
        if epsilon < 0.5 * widest**2:
            warnings.warn(
                f"epsilon={epsilon:.3g} is below half the square of a cell ({widest:.3g}): the plan no longer sees between "
                "the cell centres, and a small step freezes; take epsilon >= the square of a cell",
                FreezingWarning,
                stacklevel=2,
            )

    def solve(self, step: ProximalStep) -> ProxResult:
        found = self._solve(step, screened=False)
        if found.status.ok or self._level(step, 0, screened=True).screening is None:
            return found
        again = self._solve(step, screened=True)
        return replace(again, iterations=found.iterations + again.iterations)

    def _solve(self, step: ProximalStep, screened: bool) -> ProxResult:
        widest = sum(length**2 for length in step.grid.lengths) / 4
        rung, level = 0, self._level(step, 0, screened)
        sweep, iterations = level.sweep(level.guess()), 1
        while sweep.residual > _FAR and level.kernel.epsilon < widest and iterations < self.max_iterations:
            rung += 1
            level = self._level(step, rung, screened)
            sweep = level.sweep(level.guess())
            iterations += 1
        while True:
            tolerance = self.tolerance if rung == 0 else max(self.tolerance, _COARSE)
            status, sweep, used = level.iterate(sweep, tolerance, self.max_iterations - iterations, self.memory)
            iterations += used
            if rung > 0 and status.ok and iterations >= self.max_iterations:
                status = Status.ITERATION_LIMIT  # solved, but for a larger epsilon
            if rung == 0 or not status.ok:
                break
            rung -= 1
            coarser, level = level, self._level(step, rung, screened)
            sweep = level.sweep(level.guess_after(coarser, sweep))
            iterations += 1
        state, distances, potentials = level.read(sweep)
        return ProxResult(state, distances, potentials, status, iterations, sweep.residual)

    def _level(self, step: ProximalStep, rung: int, screened: bool = False) -> Scaling:
        """The scaling problem blurred 4^rung times as much as asked for."""
        self.must_take(step)
        epsilon = self.epsilon_on(step.grid) * 4**rung
        energy = GridEnergy.of(step.forms, step.anchor)
        equations = pointwise_steps(step, energy, epsilon, self.debias)
        return Scaling(step, GibbsKernel(step.grid, epsilon), equations, energy.joint, screened)
