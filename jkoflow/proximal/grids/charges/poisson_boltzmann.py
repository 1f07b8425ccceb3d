"""The state of least energy at given masses: Poisson-Boltzmann, also for nonlinear diffusion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ...._frozen import FrozenMapping
from ...._status import Status
from ...._typing import Array
from ...._validate import of_kind, positive, positive_integer
from ....laws import Law, State
from ....laws.electrostatics import charge_density
from ....laws.forms import Bound, External, Forbidden, Internal, UniformCoupling
from ....measures import Measure, Species
from ...base import ProximalStep
from ..conjugate import conjugates_of
from ..local_energy import GridEnergy
from ..mass_level import level_of_mass
from .charged import Charged
from .interior import InteriorPoint
from .screening import ChargeSolution, Screening

_TRACE, _FLAT = 1e-8, 1e-3  # shares: of the mean density, a trace; of the curvature U'' there, one that counts as 0
_BY_CHARGE = 80  # most iterations with the charge as the unknown: the interior point method takes 20 to 90
_TAKES = (Internal, Bound, Forbidden, External, UniformCoupling)


@dataclass(frozen=True, eq=False)
class EquilibriumState:
    """A state of least energy at given masses.

    Attributes
    ----------
    state : Measure or Species
        The state: the one measure of a state without names, else all species.
    chemical_potentials : mapping of float
        By species, the constant value of dE/drho_i where there is mass.
    potential : array of the grid's shape
        psi; 0 for a law without a DirichletCoupling.
    status : Status
    iterations : int
        The number of Newton steps.
    residual : float
        With the charge as the unknown: the L1 distance between two charges, over the charge of the state without its signs:
        the charge that makes psi, and the charge of the densities that psi asks for. With the densities as unknowns, the
        larger of two numbers: the L1 length of a Newton step of the densities of a species, in units of its mass, and a bound
        of the energy above the least, in units of the potentials and of the mass.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> law = jf.Entropy("p") + jf.Entropy("n") + jf.DirichletCoupling(p=1, n=-1)
    >>> end = jf.equilibrium(law, jf.Species(p=rho, n=rho))
    >>> end.status.name, bool(end.state["p"].values.min() > 0)
    ('CONVERGED', True)
    """

    state: Measure | Species
    chemical_potentials: Mapping[str, float]
    potential: Array
    status: Status
    iterations: int
    residual: float


def equilibrium(law: Law, state: State, *, tolerance: float = 1e-11, max_iterations: int = 200) -> EquilibriumState:
    """The state of least energy that has the masses and the grid of ``state``: where the flow of the law ends.

        rho_i = (U_i*)'(mu_i - V_i - z_i psi),      - permittivity lap psi = sum_i z_i rho_i + doping

    The chemical potentials mu_i are the constants that give the masses. For entropies this is the Poisson-Boltzmann equation.
    For RenyiEntropy(m) the density is [(m - 1) / (m D) (mu - V - z psi)]_+^(1/(m-1))
    (docs/theory/poisson-nernst-planck.md, section 3.10).

    With an internal energy there is one answer, because the energy is strictly convex in the densities. It is the fixed point
    of JKO() on the same grid. Under a bound alone cells of one potential may share the last of the mass in many ways.

    ``tolerance`` bounds the residual (see ``EquilibriumState``). The unknown of Newton's method is the charge: psi is
    eliminated exactly, and a multigrid cycle is the preconditioner. If this fails, or if U'' = 0 at density 0, as for
    RenyiEntropy(m > 2), an interior point method takes the densities as unknowns. It may take ``max_iterations`` of its own.
    Cost: O(n log n); 3 to 90 iterations, each with some ten products of two transforms.

    Source of the interior point method: Wright, Primal-dual interior-point methods (1997), chapter 1.

    The law is a sum of internal energies, Congestion, Obstacle, Potential and at most one DirichletCoupling.

    Raises ValueError for another law, for a DirichletCoupling with a negative coefficient, and for what ``BackAndForth`` does
    not accept.

    >>> import numpy as np, jkoflow as jf
    >>> grid = jf.Grid.box((0, 1), cells=64)
    >>> ions = jf.Species(u=grid.density(lambda x: np.ones_like(x)), v=grid.density(lambda x: np.ones_like(x)))
    >>> wall = lambda x: 0.5 * np.cos(np.pi * x)
    >>> law = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=+1, v=-1, doping=wall)
    >>> rest = equilibrium(law, ions)
    >>> rest.status.name, bool(law(rest.state) < law(ions))
    ('CONVERGED', True)
    """
    positive("tolerance", tolerance)
    positive_integer("max_iterations", max_iterations)
    of_kind("law", law, Law, "an energy or a sum of them").forms.require(
        _TAKES, "equilibrium", "for others take jkoflow.steady(law, state), or evolve it with JKO() and stop=Steady()"
    )
    Species.of(state).grid.must_have_walls("equilibrium")
    step = ProximalStep(law, Species.of(state), 1.0)
    problem = _RestEquation(step, GridEnergy.of(law.forms, step.anchor))
    return problem.solve(tolerance, max_iterations)


class _UnderPsi(NamedTuple):
    """What a potential psi asks for, by species: the densities, the slopes (U*)'', and the chemical potentials mu_i."""

    densities: dict[str, Array]
    slopes: dict[str, Array]
    chemical_potentials: dict[str, float]


class _RestEquation:
    """The equation  n = doping + sum_i z_i (U_i*)'(mu_i - V_i - z_i psi(n))  of a state of rest, for the charge n."""

    def __init__(self, step: ProximalStep, energy: GridEnergy) -> None:
        self.step, self.names, self.grid = step, tuple(step.anchor), step.grid
        self.conjugates = conjugates_of(step, energy, at_rest=True)
        couplings = energy.joint.couplings
        if len(couplings) > 1 or any(term.factor < 0 for term in couplings):
            raise ValueError(
                f"law must hold at most one DirichletCoupling, with a coefficient > 0, got {step.energy!r}: "
                "for others take jkoflow.steady(law, state), or evolve it with JKO() and stop=Steady()"
            )
        self.term = couplings[0] if couplings else None
        self.totals = {name: float(step.anchor[name].values.sum()) for name in self.names}

    @cached_property
    def screening(self) -> Screening:
        """The equation for the charge."""
        assert self.term is not None
        charged = Charged(self.term, self.term.factor, self.names, self.grid)
        gross = sum(abs(z) * self.totals[name] for name, z in charged.coupling.charges.items())
        return Screening(charged, float(gross or 1.0), fixed_masses=True)

    def under(self, psi: Array) -> _UnderPsi:
        """What psi asks for, with the chemical potentials that give the masses."""
        rho, slopes, chemical_potentials = {}, {}, {}
        for name, conjugate in self.conjugates.items():
            z, local = 0.0 if self.term is None else self.term.coupling.charges[name], conjugate.local
            minus_potential = np.where(local.forbidden, -np.inf, -local.potential - z * psi)
            top = float(minus_potential.max())
            level = level_of_mass(conjugate, minus_potential - top, self.totals[name])
            chemical_potentials[name] = level - top
            rho[name], slopes[name] = conjugate.density((minus_potential - top) + level)
        return _UnderPsi(rho, slopes, chemical_potentials)

    def charge_of(self, rho: dict[str, Array]) -> Array:
        """The charge of densities, plus the doping."""
        if self.term is None:
            return np.zeros(self.grid.shape)
        return charge_density(self.term.coupling, self.step.anchor.like(rho))

    def charge_under(self, psi: Array) -> tuple[Array, list[Array]]:
        """The charge under psi, and z^2 (U*)'' by species."""
        assert self.term is not None
        rho, slopes, _ = self.under(psi)
        return self.charge_of(rho), [self.term.coupling.charges[name] ** 2 * slope for name, slope in slopes.items()]

    def solve(self, tolerance: float, most: int) -> EquilibriumState:
        """The state of rest, by at most ``most`` iterations with the charge as the unknown, and as many with the densities."""
        zero = np.zeros(self.grid.shape)
        with np.errstate(all="ignore"):  # an overflow ends in the status
            if self.term is None:
                rho, _, levels = self.under(zero)
                return self._state(rho, levels, zero, Status.CONVERGED, 0, 0.0)
            used = 0
            if not self.has_sharp_edges:
                start, _ = self.charge_under(zero)
                solution = self.screening.solve(self.charge_under, start, tolerance, min(most, _BY_CHARGE))
                if solution.status.ok:
                    return self._of_charge(solution)
                used = solution.iterations
            return self._by_densities(tolerance, most, used)

    @property
    def has_sharp_edges(self) -> bool:
        """Whether the density of a species falls to 0 with an infinite slope in psi: there U'' = 0 at density 0."""
        for name, conjugate in self.conjugates.items():
            mean = self.totals[name] / self.grid.size
            trace, present = conjugate.curvature(np.array([_TRACE * mean, mean]))
            if trace < _FLAT * present:
                return True
        return False

    def _by_densities(self, tolerance: float, most: int, used: int) -> EquilibriumState:
        """The state of rest by an interior point method, after ``used`` iterations with the charge as the unknown."""
        interior = InteriorPoint(
            self.screening,
            [self.conjugates[name] for name in self.names],
            np.array([self.totals[name] for name in self.names]),
            lambda rho: self.charge_of(dict(zip(self.names, rho, strict=True))),
        )
        found = interior.solve(tolerance, most)
        rho = dict(zip(self.names, found.rho, strict=True))
        levels = dict(zip(self.names, map(float, found.levels), strict=True))
        psi = self.screening.psi(self.charge_of(rho))
        return self._state(rho, levels, psi, found.status, used + found.iterations, found.residual)

    def _of_charge(self, solution: ChargeSolution) -> EquilibriumState:
        """The state that a charge stands for."""
        psi = self.screening.psi(solution.charge)
        under = self.under(psi)
        residual = self.screening.size(solution.charge - self.charge_of(under.densities))
        return self._state(under.densities, under.chemical_potentials, psi, solution.status, solution.iterations, residual)

    def _state(
        self, rho: dict[str, Array], levels: dict[str, float], psi: Array, status: Status, iterations: int, residual: float
    ) -> EquilibriumState:
        """The state of densities, and of the multiple ``psi`` of the potential."""
        potential = psi if self.term is None else psi / self.term.factor
        state = self.step.anchor.like(rho).unwrapped
        return EquilibriumState(state, FrozenMapping(levels), potential, status, iterations, residual)
