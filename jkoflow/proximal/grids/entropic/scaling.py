"""The scaling iteration of the entropic step: from the multipliers of a plan to the next ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...._log import log_iteration
from ...._status import Status
from ...._typing import Array
from ....laws.electrostatics import charge_density, doping_on
from ....linear import Anderson
from ....measures import Species
from ....transport import GibbsKernel
from ...base import ProximalStep
from ..charges.charged import Charged
from ..charges.screening import Screening
from ..joint_terms import JointTerm, JointTerms
from .pointwise import PointwiseStep

_SELF_SWEEPS = 4  # for the plan of a density to itself: its first guess is right to first order in epsilon already
_SCREENED, _MOST_SCREENING = 1e-11, 50  # tolerance of the charge within a sweep, and most Newton steps for it
_PATIENCE = 400  # sweeps without a new lowest residual before the iteration counts as stalled


@dataclass(frozen=True)
class Sweep:
    """One sweep over both marginals.

    Every array has a leading axis for the species.

    Attributes
    ----------
    log_b : array
        The log multipliers of the second marginal with which the sweep begins.
    log_marginal : array
        The log masses of the second marginal of the plan whose first marginal is the anchor.
    image : array
        The log multipliers that the energy asks for in return.
    residual : float
        The L1 distance, over the mass, between the second marginal and the masses that the energy asks for, or the relative
        error of the mass if this is larger. The largest over the species.
    """

    log_b: Array
    log_marginal: Array
    image: Array
    residual: float

    @cached_property
    def marginal(self) -> Array:
        """The masses of the second marginal."""
        return np.exp(self.log_marginal)


@dataclass(frozen=True)
class Scaling:
    """The plans g = a K b between the anchor and the unknown density, one plan per species."""

    step: ProximalStep
    kernel: GibbsKernel
    equations: dict[str, PointwiseStep]
    joint: JointTerms
    screened: bool = False  # whether psi of a coupling by charge is solved for within a sweep

    @cached_property
    def _log_anchor(self) -> Array:
        with np.errstate(divide="ignore"):
            return np.log(np.stack([self.step.anchor[name].values for name in self.equations])) + self._log_volume

    @property
    def _log_volume(self) -> float:
        return float(np.log(self.kernel.grid.cell_volume))

    def guess(self) -> Array:
        """A first log b from the first variation at the anchor."""
        anchor = self.step.anchor
        rows = ((anchor[name].values, self._effective_potential(name, anchor)) for name in self.equations)
        return np.stack([equation.guess(*row) for equation, row in zip(self.equations.values(), rows, strict=True)])

    def guess_after(self, blurred: Scaling, last: Sweep) -> Array:
        """A first log b from the last sweep of the problem with a larger epsilon.

        The Kantorovich potential (eps / 2) (log b - (log rho) / 2) and the density rho carry over.
        """
        ratio = blurred.kernel.epsilon / self.kernel.epsilon
        half_log_density = (last.log_marginal - self._log_volume) / 2
        return ratio * (last.log_b - half_log_density) + half_log_density

    def iterate(self, sweep: Sweep, tolerance: float, most: int, memory: int) -> tuple[Status, Sweep, int]:
        """Repeat accelerated sweeps until the residual is below the tolerance, beginning with ``sweep``.

        Returns the status, the sweep with the lowest residual, and the number of new sweeps, which is at most ``most``.
        """
        mixing = Anderson(memory)
        best, best_at = sweep, 0
        for used in range(most + 1):
            log_iteration("Entropic", used, sweep.residual)
            if sweep.residual < best.residual:
                best, best_at = sweep, used
            if not np.isfinite(sweep.residual):
                return Status.NOT_FINITE, best, used
            if sweep.residual <= tolerance:
                return Status.CONVERGED, sweep, used
            if used - best_at > _PATIENCE:
                return Status.STALLED, best, used
            if used < most:
                sweep = self.sweep(mixing.next(sweep.log_b, sweep.image, sweep.marginal, sweep.residual))
        return Status.ITERATION_LIMIT, best, most

    def sweep(self, log_b: Array) -> Sweep:
        """Scale the first marginal to the anchor, then ask the energy for the second marginal."""
        apply = self.kernel.log_apply
        log_q = np.stack([apply(mu - apply(v)) for mu, v in zip(self._log_anchor, log_b, strict=True)])
        log_marginal = log_b + log_q
        with np.errstate(over="ignore"):  # an overflow shows in the residual
            marginal = np.exp(log_marginal)
        if not np.all(np.isfinite(marginal)):
            return Sweep(log_b, log_marginal, log_b, np.inf)
        wanted = self._wanted(log_q, log_marginal, marginal)
        cells = tuple(range(1, wanted.ndim))
        totals = np.exp(self._log_anchor).sum(axis=cells)
        with np.errstate(over="ignore"):
            gaps = np.abs(np.exp(wanted) - marginal).sum(axis=cells) / totals
        lost = np.abs(marginal.sum(axis=cells) / totals - 1)  # rounding, unless the multipliers have run away
        return Sweep(log_b, log_marginal, wanted - log_q, float(max(gaps.max(), lost.max())))

    def _wanted(self, log_q: Array, log_marginal: Array, marginal: Array) -> Array:
        """The log masses that the energy asks for.

        The fields of the joint terms are taken at the present marginal. If ``screened``, psi of the coupling by charge is
        solved for instead, together with the masses.
        """
        state = self._state(marginal) if self.joint else self.step.anchor
        screening = self.screening if self.screened else None
        term = None if screening is None else screening.charged.term
        effective = [self._effective_potential(name, state, without=term) for name in self.equations]
        rows = list(zip(self.equations.values(), log_q, log_marginal, effective, strict=True))
        if screening is None or term is None:
            return np.stack([equation.log_masses(q, p, potential) for equation, q, p, potential in rows])
        z, coupling = screening.charged.valences, term.coupling
        doping = doping_on(coupling, self.kernel.grid)

        def log_masses_under(psi: Array) -> Array:
            """The log masses of all species that psi asks for."""
            log_masses = [
                equation.log_masses(q, p, potential + zk * psi) for zk, (equation, q, p, potential) in zip(z, rows, strict=True)
            ]
            return np.stack(log_masses)

        def respond(psi: Array) -> tuple[Array, list[Array]]:
            with np.errstate(over="ignore"):
                rho = np.exp(log_masses_under(psi)) / self.kernel.grid.cell_volume
            slopes = [
                zk**2 * equation.density_response(density)
                for zk, equation, density in zip(z, self.equations.values(), rho, strict=True)
            ]
            return np.einsum("k,k...->...", z, rho) + doping, slopes

        charge, _, _ = screening.solve(respond, charge_density(coupling, state), _SCREENED, _MOST_SCREENING)
        return log_masses_under(screening.psi(charge))

    def _effective_potential(self, species: str, state: Species, without: JointTerm | None = None) -> Array:
        """V of a species and the fields of the joint terms at a state, but for the term ``without``."""
        return self.joint.effective_potential(self.equations[species].local.potential, species, state, without)

    @cached_property
    def screening(self) -> Screening | None:
        """The equation for the charge; None if no coupling by charge repels."""
        charged = Charged.of(self.joint, tuple(self.equations), self.kernel.grid)
        if charged is None:
            return None
        gross = sum(abs(z) * float(self.step.anchor[name].values.sum()) for name, z in charged.coupling.charges.items())
        return Screening(charged, gross or 1.0, fixed_masses=False)

    def gain(self, repulsions: Mapping[str, float]) -> float:
        """By how much a change of the density changes the density that repulsive pairs ask for: the most over the species."""
        densest = {name: np.asarray(self.step.anchor[name].values.max()) for name in self.equations}
        return max(repulsions[name] * float(eq.density_response(densest[name])) for name, eq in self.equations.items())

    def read(self, sweep: Sweep) -> tuple[Species, dict[str, float], dict[str, Array]]:
        """The state, the distances and the potentials that a sweep stands for.

        If the residual of the sweep is not finite, the state is the anchor, and distances and potentials are 0.

        Potentials: to first order in epsilon log b = 2 phi / epsilon + (log rho) / 2, with the Kantorovich potential phi. So
        phi = (epsilon / 2) (log b - (log rho) / 2) (docs/theory/debiasing.md, section 5.2).

        Distances: the square root of the Sinkhorn divergence (Feydy et al. 2019)

            eps [<log a - log s_mu, mu> + <log b - log s_rho, rho>],

        where s_mu K s_mu is the plan of mu to itself. It is 0 for a state that stays. If the Fisher information is finite, it
        differs from W2^2 by O(eps^2) (docs/theory/debiasing.md, section 5.3).
        """
        grid = self.kernel.grid
        if not np.isfinite(sweep.residual):
            nothing = {name: np.zeros(grid.shape) for name in self.equations}
            return self.step.anchor, dict.fromkeys(self.equations, 0.0), nothing
        state = self._state(sweep.marginal)
        centred = self.kernel.epsilon / 2 * (sweep.log_b - (sweep.log_marginal - self._log_volume) / 2)
        distances = {
            name: self._sinkhorn_divergence(mu, p, v) ** 0.5
            for name, mu, p, v in zip(self.equations, self._log_anchor, sweep.log_marginal, sweep.log_b, strict=True)
        }
        return state, distances, dict(zip(self.equations, centred, strict=True))

    def _sinkhorn_divergence(self, log_mu: Array, log_rho: Array, log_b: Array) -> float:
        log_a = log_mu - self.kernel.log_apply(log_b)
        total = 0.0
        for log_masses, multipliers in ((log_mu, log_a), (log_rho, log_b)):
            occupied = ~np.isneginf(log_masses)
            excess = multipliers[occupied] - self._self_multipliers(log_masses)[occupied]
            total += float(np.exp(log_masses[occupied]) @ excess)
        return max(self.kernel.epsilon * total, 0.0)  # rounding can take it below zero

    def _self_multipliers(self, log_marginal: Array) -> Array:
        """log s such that the plan s K s has this marginal on both sides.

        Every sweep of the symmetric scaling iteration at least halves the error.
        """
        log_s = log_marginal / 2
        for _ in range(_SELF_SWEEPS):
            log_s = (log_s + log_marginal - self.kernel.log_apply(log_s)) / 2
        return log_s

    def _state(self, marginal: Array) -> Species:
        return self.step.anchor.like(dict(zip(self.equations, marginal / self.kernel.grid.cell_volume, strict=True)))
