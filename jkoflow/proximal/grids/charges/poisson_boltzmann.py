"""The state of least energy at given masses: Poisson-Boltzmann, also for nonlinear diffusion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...._frozen import FrozenMapping
from ...._status import Status
from ...._typing import Array
from ...._validate import of_kind, positive, positive_integer
from ....laws import Law, State
from ....laws.electrostatics import charge_density
from ....laws.forms import Bound, External, FieldCoupling, Forbidden, Internal
from ....measures import Measure, Species
from ...base import ProximalStep
from ...continuation import through_shares
from ..conjugate import conjugates_of
from ..local_energy import GridEnergy
from ..mass_level import level_of_mass
from .charged import Charged
from .screening import ChargeSolution, Screening

_TAKES = (Internal, Bound, Forbidden, External, FieldCoupling)


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
        The L1 distance between two charges, over the charge of the state without its signs: the charge that makes psi, and
        the charge of the densities that psi asks for.
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
    eliminated exactly, and a multigrid cycle is the preconditioner. If this fails, a strong coupling is approached through
    weaker couplings. Cost: O(n log n); 3 to 60 iterations, each with some ten products of two transforms.

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
        _TAKES, "equilibrium", "for others evolve it with JKO() and stop=Steady()"
    )
    step = ProximalStep(law, Species.of(state), 1.0)
    problem = _RestEquation(step, GridEnergy.of(law.forms, step.anchor))
    charge, status, iterations = problem.solve(tolerance, max_iterations)
    return problem.answer(charge, status, iterations)


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
                "for others evolve it with JKO() and stop=Steady()"
            )
        self.term = couplings[0] if couplings else None
        self.totals = {name: float(step.anchor[name].values.sum()) for name in self.names}

    def screening(self, share: float) -> Screening:
        """The equation for the charge, with the coupling multiplied by ``share``."""
        assert self.term is not None
        charged = Charged(self.term, self.term.factor * share, self.names, self.grid)
        gross = sum(abs(z) * self.totals[name] for name, z in charged.coupling.charges.items())
        return Screening(charged, float(gross or 1.0), fixed_masses=True)

    def under(self, psi: Array) -> _UnderPsi:
        """What psi asks for, with the chemical potentials that give the masses."""
        rho, slopes, chemical_potentials = {}, {}, {}
        for name, conjugate in self.conjugates.items():
            z, local = 0.0 if self.term is None else self.term.coupling.charges[name], conjugate.local
            minus_potential = np.where(local.forbidden, -np.inf, -local.potential - z * psi)
            top = float(minus_potential.max())
            chemical_potentials[name] = level_of_mass(conjugate, minus_potential - top, self.totals[name]) - top
            rho[name], slopes[name] = conjugate.density(minus_potential + chemical_potentials[name])
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

    def solve(self, tolerance: float, most: int) -> ChargeSolution:
        """The charge at which both sides of the equation agree, in at most ``most`` iterations."""
        zero = np.zeros(self.grid.shape)
        if self.term is None:
            return ChargeSolution(zero, Status.CONVERGED, 0)
        with np.errstate(all="ignore"):  # an overflow ends in the status
            start, _ = self.charge_under(zero)
            solution = self.screening(1.0).solve(self.charge_under, start, tolerance, most)
            return solution if solution.status.ok else self._through_weaker_charges(start, tolerance, most)

    def _through_weaker_charges(self, charge: Array, tolerance: float, most: int) -> ChargeSolution:
        """The charge at the end of a path of rising coupling, which rises more slowly after a failure."""

        def solve(share: float, start: Array, left: int) -> ChargeSolution:
            return self.screening(share).solve(self.charge_under, start, tolerance if share == 1 else 1e-4, left)

        end, charge, used = through_shares(solve, charge, most, first=1e-3, fastest=4.0, slowest=1.05)
        if end is not None:
            return end._replace(iterations=used)
        return ChargeSolution(charge, Status.ITERATION_LIMIT if used >= most else Status.STALLED, used)

    def answer(self, charge: Array, status: Status, iterations: int) -> EquilibriumState:
        """The state that a charge stands for."""
        if self.term is None:
            psi, residual = charge, 0.0
            rho, _, chemical_potentials = self.under(psi)
        else:
            screening = self.screening(1.0)
            with np.errstate(all="ignore"):
                psi = screening.psi(charge)
                rho, _, chemical_potentials = self.under(psi)
                residual = screening.size(charge - self.charge_of(rho))
            psi = psi / self.term.factor
        state = self.step.anchor.like(rho)
        return EquilibriumState(state.unwrapped, FrozenMapping(chemical_potentials), psi, status, iterations, residual)
