"""The entropic JKO step on a grid: generalised Sinkhorn scaling, stabilised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np

from ...._status import FreezingWarning, Status, warn
from ...._validate import positive, positive_integer
from ....grids import Grid
from ....laws.forms import Bound, External, Form, General, Internal, Pair, UniformCoupling
from ....measures import Density, Measure, Species
from ....transport import GibbsKernel
from ...base import IterativeSolver, ProximalStep, ProxResult
from ...verification import checked
from ..local_energy import GridEnergy
from ..translations import MOST_MOVES, Translation, better_place, moved
from .pointwise import pointwise_steps
from .resolution import with_resolution
from .scaling import Scaling, Sweep

_CELLS = 1.5  # default epsilon in squared cells: less does not lower the grid error, more blurs (benchmarks/barenblatt.py)
_FAR = 0.5  # a first residual above this: the mass has far to go against sqrt(epsilon), so start with a larger epsilon
_STRONG = 100.0  # gain of the fields of repulsive pairs in a sweep, above which they are split from the start (plain: below 60)
_COARSE = 0.05  # tolerance at the larger values of epsilon


@dataclass(frozen=True)
class Entropic(IterativeSolver):
    """One JKO step with the transport cost replaced by entropic transport, by Sinkhorn-type scaling.

        min over rho:  sum_i [OT_eps(anchor_i, rho_i) - c eps H(rho_i)] / (2 tau alpha_i) + E(rho),
        OT_eps(mu, rho) = min over plans g of <|x - y|^2, g> + eps int int g log g,   H(rho) = int rho log rho.

    * ``debias=True``, the default: c = 1/2.
    * ``debias=False``: c = 0, the scheme of Peyre (2015).

    With either c the step is convex for a convex E, because OT_eps - eps H is convex in rho.

    The plan blurs the density. For densities of finite Fisher information int |grad rho|^2 / rho

        OT_eps(mu, rho) = W2^2 + eps (H(mu) + H(rho)) / 2 + constant + O(eps^2)       (docs/theory/debiasing.md, section 2.1).

    * Without debiasing the step is, to first order in eps, the exact JKO step of E + eps / (4 tau alpha) H. This is an extra
      diffusion with the coefficient eps / (4 tau). It adds a variance of eps / 2 per axis in every step, whatever dt.
    * With debiasing that term is taken out, and a bias of O(eps^2) per step is left. A mode of wave number k decays at a rate
      that is too high by k^4 eps^2 / (32 tau). With the default epsilon this is below the O(tau) error of the JKO scheme
      itself if tau times the diffusivity is at least epsilon / 4. ``benchmarks/entropic.py`` measures both orders.
    * At a jump of the density, and at the edge of a Barenblatt profile with m = 2, the Fisher information is infinite. Next to
      such places the bias is larger than O(eps^2) (docs/theory/debiasing.md, section 2.4).

    The plan reflects at the walls, and goes round a torus (see ``GibbsKernel``). So all this holds next to the ends too.

    Parameters
    ----------
    epsilon : float, optional
        Strength of the regularisation, a length squared: plans are blurred over the length sqrt(epsilon / 2). Default: 1.5
        times the square of the widest cell. Sums over cell centres stand for integrals of the kernel. Their relative error is
        2 exp(-pi^2 epsilon / dx^2): 1e-4 at epsilon = dx^2, 7e-7 at the default (docs/theory/debiasing.md, section 3). If
        epsilon is well below the square of a cell, the plan does not see between the cell centres. Then it freezes, as every
        plan between grid points does.
    debias : bool
        Whether the blur of first order in epsilon is removed.
    tolerance : float
        Bound on the residual. The residual is the larger of two numbers, and the largest over the species:

        * the L1 distance, over the mass, between the second marginal of the plan and the density that the energy asks for;
        * the relative error of the mass of this marginal.
    max_iterations : int
        Bound on the number of sweeps of the scaling iteration.
    memory : int
        Depth of the Anderson acceleration of the scaling iteration, in sweeps. 0 switches the acceleration off.

    Notes
    -----
    Entropic accepts sums of

    * internal energies whose coefficients are non-negative (for entropies: in total);
    * Congestion and Potential;
    * Interaction, CrossInteraction, DirichletCoupling and Functional. Their fields are updated in every iteration.

    The answer satisfies the optimality conditions of the joint implicit step, all species together. If the energy is not
    convex, these conditions are necessary only.

    Strong charges: if the iteration does not settle under a strong DirichletCoupling, the potential psi is solved for within
    every sweep, together with the densities. Such a sweep costs ten times as much, and does not depend on the strength of
    the coupling.

    Strong repulsion by pairs: if the iteration does not settle, half of the strength of a repulsive ``Interaction`` is taken
    as a local energy, and given back as a field. Then it contracts however strong the repulsion is.

    Epsilon scaling: if the mass has far to go against sqrt(epsilon), the step is first solved roughly with epsilon 4^k times
    as large, and the potentials are carried down. ``iterations`` counts all sweeps.

    Places: if the objective falls as species move as a whole by cells, the iteration goes on from there. In long steps with
    attraction, mass that has come together in a cell has no residual wherever it lies.

    Cost per iteration:

    * two applications of the Gibbs kernel per species (see ``GibbsKernel``): banded matrix products, or tiles where the
      multipliers span more than the range of the numbers;
    * one scalar equation per cell and species;
    * one FFT convolution per interaction.

    Memory: about 2 memory + 12 arrays of N numbers per species on N cells. The mass is kept to rounding, because the state is
    the second marginal of a plan whose first marginal is the anchor.

    ``distances`` is the square root of the Sinkhorn divergence between anchor and answer (Feydy et al. 2019). It is 0 for a
    state that stays. If the Fisher information is finite, its square differs from W2^2 by O(eps^2)
    (docs/theory/debiasing.md, section 5.3). It costs nine more applications of the kernel.

    Source: Peyre, Entropic approximation of Wasserstein gradient flows (2015); Chizat, Peyre, Schmitzer, Vialard (2018);
    Anderson (1965). Debiasing: docs/theory/debiasing.md, section 2.3.

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
    takes_torus: ClassVar[bool] = True
    takes: ClassVar[tuple[type[Form], ...]] = (Internal, Bound, External, Pair, UniformCoupling, General)

    def __post_init__(self) -> None:
        if self.epsilon is not None:
            positive("epsilon", self.epsilon, "a positive finite number, or None for 1.5 cells squared")
        super().__post_init__()
        if self.memory != 0:
            positive_integer("memory", self.memory)
        if not isinstance(self.debias, bool):
            raise ValueError(f"debias must be True or False, got {self.debias!r}")

    def epsilon_on(self, grid: Grid) -> float:
        """The epsilon used on a grid: the given epsilon, or by default 1.5 times the square of the widest cell."""
        return _CELLS * max(grid.spacing) ** 2 if self.epsilon is None else float(self.epsilon)

    def filled_in(self, state: Species) -> Entropic:
        if state.kind is not Density:
            return self  # check refuses the state, in words
        return replace(self, epsilon=self.epsilon_on(state.grid))

    def check(self, step: ProximalStep) -> None:
        super().check(step)
        epsilon, widest = self.epsilon_on(step.grid), max(step.grid.spacing)
        if epsilon < 0.5 * widest**2:
            warn(
                f"epsilon={epsilon:.3g} is below half the square of a cell ({widest:.3g}): the plan no longer sees between "
                "the cell centres, and a small step freezes; take epsilon >= the square of a cell",
                FreezingWarning,
            )

    def prepare(self, step: ProximalStep) -> Scaling:
        return self._scaling(step, 0)

    def solve(self, step: ProximalStep) -> ProxResult:
        answer = self.solve_quietly(step)
        if answer.warning is not None:
            warn(str(answer.warning), type(answer.warning))
        return answer

    def solve_quietly(self, step: ProximalStep) -> ProxResult:
        first, *others = self._ways(step)
        end = self._solve(step, self._scaling(step, 0, first), first)
        for way in others:
            if end.status.ok:
                break
            another = self._solve(step, self._scaling(step, 0, way), way)
            better = another if another.status.ok or another.sweep.residual < end.sweep.residual else end
            end = better._replace(iterations=end.iterations + another.iterations)
        answer, translation = self._in_its_place(step, end)
        return with_resolution(step, checked(step, answer, slack=np.inf), self.epsilon_on(step.grid), translation)

    def _in_its_place(self, step: ProximalStep, end: _End) -> tuple[ProxResult, Translation | None]:
        """The answer. If its objective falls as species move by cells, the iteration goes on from there.

        Returned beside it is a move that would lower its objective still, where the iteration does not arrive.
        """
        scaling, answer = end.scaling, end.answer
        if not end.status.ok:
            return answer, None
        potentials = {name: equation.local.potential for name, equation in scaling.equations.items()}
        for _ in range(MOST_MOVES):
            translation = better_place(step, potentials, answer)
            if translation is None:
                return answer, None
            log_b = end.sweep.log_b.copy()
            for k, name in enumerate(scaling.equations):
                if name in translation.names:
                    log_b[k] = moved(step.grid, log_b[k], translation, 2 / scaling.kernel.epsilon)
            left = max(self.max_iterations - end.iterations, 0)
            status, sweep, used = scaling.iterate(scaling.sweep(log_b), self.tolerance, left, self.memory)
            if not status.ok:
                return replace(answer, iterations=end.iterations + used), translation
            end = _End(scaling, sweep, status, end.iterations + used)
            answer = end.answer
        return answer, translation

    def _ways(self, step: ProximalStep) -> list[_Way]:
        """The ways of iteration that the terms of the step allow, the most promising one first."""
        plain = self._scaling(step, 0)
        ways = [_Way()]
        if plain.screening is not None:
            ways.append(_Way(screened=True))
        if any(pair.form.is_self for pair in step.forms.pairs):
            ways.insert(0 if plain.gain(_repulsions(step)) > _STRONG else len(ways), _Way(split=True))
        return ways

    def _solve(self, step: ProximalStep, scaling: Scaling, way: _Way) -> _End:
        """The end of epsilon scaling: up to an epsilon at which the mass has not far to go, then down rung by rung."""
        widest = sum(length**2 for length in step.grid.lengths) / 4
        rung = 0
        sweep, iterations = scaling.sweep(scaling.guess()), 1
        while sweep.residual > _FAR and scaling.kernel.epsilon < widest and iterations < self.max_iterations:
            rung += 1
            scaling = self._scaling(step, rung, way)
            sweep = scaling.sweep(scaling.guess())
            iterations += 1
        while True:
            tolerance = self.tolerance if rung == 0 else max(self.tolerance, _COARSE)
            status, sweep, used = scaling.iterate(sweep, tolerance, self.max_iterations - iterations, self.memory)
            iterations += used
            if rung > 0 and status.ok and iterations >= self.max_iterations:
                status = Status.ITERATION_LIMIT  # solved, but for a larger epsilon
            if rung == 0 or not status.ok:
                break
            rung -= 1
            blurred, scaling = scaling, self._scaling(step, rung, way)
            sweep = scaling.sweep(scaling.guess_after(blurred, sweep))
            iterations += 1
        return _End(scaling, sweep, status, iterations)

    def _scaling(self, step: ProximalStep, rung: int, way: _Way | None = None) -> Scaling:
        """The scaling problem with epsilon 4^rung times as large as asked for.

        Raises ValueError for a step that Entropic does not accept.
        """
        self.must_take(step)
        way = way or _Way()
        epsilon = self.epsilon_on(step.grid) * 4**rung
        energy = GridEnergy.of(step.forms, step.anchor)
        if way.split:
            energy = energy.split(_repulsions(step))
        equations = pointwise_steps(step, energy, epsilon, self.debias)
        return Scaling(step, GibbsKernel(step.grid, epsilon), equations, energy.joint, way.screened)


class _End(NamedTuple):
    """The end of an iteration."""

    scaling: Scaling
    sweep: Sweep
    status: Status
    iterations: int

    @property
    def answer(self) -> ProxResult:
        """What the last sweep stands for."""
        state, distances, potentials = self.scaling.read(self.sweep)
        return ProxResult(state, distances, potentials, self.status, self.iterations, self.sweep.residual)


class _Way(NamedTuple):
    """How the iteration takes its joint terms: all explicitly, or one kind of them implicitly."""

    screened: bool = False
    """psi of a coupling by charge is solved for within a sweep."""
    split: bool = False
    """Half of the repulsion by pairs counts as a local energy."""


def _repulsions(step: ProximalStep) -> Mapping[str, float]:
    """The strengths of the repulsion by pairs, by species. They are computed once for a law and a grid."""
    return step.forms.once((_Way, step.grid), lambda: GridEnergy.of(step.forms, step.anchor).repulsions(step.grid))
