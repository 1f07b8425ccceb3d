"""The state of least energy at given masses: Poisson-Boltzmann, and what stands in its place for nonlinear diffusion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from ...._status import Status
from ...._typing import Array
from ...._validate import positive, positive_integer
from ....laws import Law, State
from ....laws.electrostatics import charge_density
from ....laws.forms import Bound, External, FieldCoupling, Forbidden, Internal
from ....measures import Measure, Species
from ...base import ProximalStep
from ..conjugate import conjugates_of
from ..local_energy import GridEnergy
from ..mass_level import level_of_mass
from .charged import Charged
from .screening import Screening

_TAKES = (Internal, Bound, Forbidden, External, FieldCoupling)
_FIRST_SHARE, _FASTER = 1e-3, 4.0  # of the coupling, where its whole is out of reach at once


@dataclass(frozen=True, eq=False)
class EquilibriumState:
    """A state of least energy.

    Attributes
    ----------
    state : Measure or Species
    chemical_potentials : mapping of float
        The constant value of dE/drho_i where there is mass, by species.
    potential : array of the grid's shape
        psi, 0 for a law without a DirichletCoupling.
    status : Status
    iterations : int
    residual : float
        The L1 distance between the charge that makes psi and that of the densities psi asks for, over that of all charges
        without their signs.
    """

    state: Measure | Species
    chemical_potentials: Mapping[str, float]
    potential: Array
    status: Status
    iterations: int
    residual: float


def equilibrium(law: Law, state: State, *, tolerance: float = 1e-11, max_iterations: int = 200) -> EquilibriumState:
    """The state of least energy with the masses, and on the grid, of a state: where the flow of the law ends.

        rho_i = (U_i*)'(mu_i - V_i - z_i psi),      - permittivity lap psi = sum_i z_i rho_i + doping

    with the mu_i that give the masses: Poisson-Boltzmann for entropies, [(m - 1) / (m D) (mu - V - z psi)]_+^(1/(m-1)) for
    RenyiEntropy(m) (docs/theory/poisson-nernst-planck.md, section 3.10). One answer, as the energy is strictly convex in the
    densities; it is the fixed point of JKO() on the same grid. Newton's method on the charge, with psi eliminated exactly and
    a multigrid cycle as preconditioner; a strong coupling is approached through weaker ones. Two transforms for each of some
    ten products in each of 3 to 60 iterations, O(n log n).

    The law is a sum of internal energies, Congestion, Obstacle, Potential and at most one DirichletCoupling; ValueError for
    others, and for what ``BackAndForth`` refuses.

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
    law.forms.require(_TAKES, "equilibrium", "for others evolve it with JKO() and stop=Steady()")
    step = ProximalStep(law, Species.of(state), 1.0)
    problem = _Rest(step, GridEnergy.of(law.forms, step.anchor))
    charge, status, iterations = problem.solve(tolerance, max_iterations)
    return problem.answer(charge, status, iterations)


class _Rest:
    """The charge n as the unknown of  n = doping + sum_i z_i (U_i*)'(mu_i - V_i - z_i psi(n))."""

    def __init__(self, step: ProximalStep, energy: GridEnergy) -> None:
        self.step, self.names, self.grid = step, tuple(step.anchor), step.grid
        self.conjugates = conjugates_of(step, energy)
        couplings = energy.joint.couplings
        if len(couplings) > 1 or any(term.factor < 0 for term in couplings):
            raise ValueError(
                f"law must hold at most one DirichletCoupling, with a coefficient > 0, got {step.energy!r}: "
                "for others evolve it with JKO() and stop=Steady()"
            )
        self.term = couplings[0] if couplings else None
        self.totals = {name: float(step.anchor[name].values.sum()) for name in self.names}

    def screening(self, share: float) -> Screening:
        """The equation for the charge, with a share of the coupling."""
        assert self.term is not None
        charged = Charged(self.term, self.term.factor * share, self.names, self.grid)
        gross = sum(abs(z) * self.totals[name] for name, z in charged.coupling.charges.items())
        return Screening(charged, float(gross or 1.0), fixed_masses=True)

    def asked(self, psi: Array) -> tuple[dict[str, Array], dict[str, Array], dict[str, float]]:
        """Densities, slopes (U*)'' and levels mu of all species under a potential."""
        rho, slopes, levels = {}, {}, {}
        for name, conjugate in self.conjugates.items():
            z, local = 0.0 if self.term is None else self.term.coupling.charges[name], conjugate.local
            outside = np.where(local.forbidden, -np.inf, -local.potential - z * psi)
            top = float(outside.max())
            levels[name] = level_of_mass(conjugate, outside - top, self.totals[name]) - top
            rho[name], slopes[name] = conjugate.density(outside + levels[name])
        return rho, slopes, levels

    def charge_of(self, rho: dict[str, Array]) -> Array:
        """That of densities, and of the doping."""
        if self.term is None:
            return np.zeros(self.grid.shape)
        return charge_density(self.term.coupling, self.step.anchor.like(rho))

    def respond(self, psi: Array) -> tuple[Array, list[Array]]:
        """The charge under a potential, and z^2 (U*)'' by species."""
        assert self.term is not None
        rho, slopes, _ = self.asked(psi)
        return self.charge_of(rho), [self.term.coupling.charges[name] ** 2 * one for name, one in slopes.items()]

    def solve(self, tolerance: float, most: int) -> tuple[Array, Status, int]:
        """The charge in which both sides agree."""
        zero = np.zeros(self.grid.shape)
        if self.term is None:
            return zero, Status.CONVERGED, 0
        with np.errstate(all="ignore"):  # what overflows ends in the status
            start, _ = self.respond(zero)
            charge, status, iterations = self.screening(1.0).solve(self.respond, start, tolerance, most)
            return (charge, status, iterations) if status.ok else self._through_weaker(start, tolerance, most)

    def _through_weaker(self, charge: Array, tolerance: float, most: int) -> tuple[Array, Status, int]:
        """Along a path of rising charge, slower where it is lost."""
        reached, faster, used, status = 0.0, _FASTER, 0, Status.STALLED
        while used < most:
            share = min(1.0, max(reached * faster, _FIRST_SHARE))
            accuracy = tolerance if share == 1 else 1e-4
            trial, status, iterations = self.screening(share).solve(self.respond, charge, accuracy, most - used)
            used += iterations
            if status.ok and share == 1:
                return trial, status, used
            if status.ok:
                reached, charge = share, trial
            elif faster < 1.05 or reached == 0:
                break
            else:
                faster = faster**0.5
        return charge, Status.ITERATION_LIMIT if used >= most else status, used

    def answer(self, charge: Array, status: Status, iterations: int) -> EquilibriumState:
        """What a charge says."""
        if self.term is None:
            psi, residual = charge, 0.0
            rho, _, levels = self.asked(psi)
        else:
            screening = self.screening(1.0)
            with np.errstate(all="ignore"):
                psi = screening.psi(charge)
                rho, _, levels = self.asked(psi)
                residual = screening.size(charge - self.charge_of(rho))
            psi = psi / self.term.factor
        state = self.step.anchor.like(rho)
        return EquilibriumState(state.unwrapped, MappingProxyType(levels), psi, status, iterations, residual)
