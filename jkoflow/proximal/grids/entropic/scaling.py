"""The scaling iteration of the entropic step: from one set of multipliers to the next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

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

_SELF_SWEEPS = 4  # the first guess is right to first order in epsilon already
_SCREENED, _MOST_SCREENING = 1e-11, 50  # accuracy of the charge within a sweep
_PATIENCE = 400  # sweeps without a new lowest residual before the iteration counts as stalled


@dataclass(frozen=True)
class Sweep:
    """One sweep over both marginals; every array has a leading axis for the species.

    ``log_b`` are the multipliers of the second marginal that it started from, ``log_marginal`` the second marginal of the
    plan whose first marginal is the anchor, ``image`` the multipliers that the energy asks for in return, ``residual`` the
    L1 distance over the mass between that marginal and the one the energy asks for, or the error of the mass if larger.
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
    """The plans g = a K b between the anchor and the density sought, one per species."""

    step: ProximalStep
    kernel: GibbsKernel
    equations: dict[str, PointwiseStep]
    joint: JointTerms
    screened: bool = False  # whether the potential of charges is solved for within a sweep

    @cached_property
    def _log_anchor(self) -> Array:
        with np.errstate(divide="ignore"):
            return np.log(np.stack([self.step.anchor[name].values for name in self.equations])) + self._log_volume

    @property
    def _log_volume(self) -> float:
        return float(np.log(self.kernel.grid.cell_volume))

    def guess(self) -> Array:
        """log b from the first variation at the anchor."""
        anchor = self.step.anchor
        rows = ((anchor[name].values, self._outside(name, anchor)) for name in self.equations)
        return np.stack([one.guess(*row) for one, row in zip(self.equations.values(), rows, strict=True)])

    def guess_after(self, coarser: Scaling, reached: Sweep) -> Array:
        """log b from what a coarser problem reached: its centred potential and its density carry over."""
        ratio = coarser.kernel.epsilon / self.kernel.epsilon
        half_log_density = (reached.log_marginal - self._log_volume) / 2
        return ratio * (reached.log_b - half_log_density) + half_log_density

    def iterate(self, sweep: Sweep, tolerance: float, most: int, memory: int) -> tuple[Status, Sweep, int]:
        """Accelerated sweeps from a first one until the residual is below the tolerance.

        Returns the status, the sweep with the lowest residual, and the number of new sweeps, at the most ``most``.
        """
        mixing = Anderson(memory)
        best, best_at = sweep, 0
        for used in range(most + 1):
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
        """Scale the first marginal to the anchor, then ask the energy for the second."""
        apply = self.kernel.log_apply
        log_q = np.stack([apply(mu - apply(v)) for mu, v in zip(self._log_anchor, log_b, strict=True)])
        log_marginal = log_b + log_q
        with np.errstate(over="ignore"):  # an overflow is told by the residual
            marginal = np.exp(log_marginal)
        if not np.all(np.isfinite(marginal)):
            return Sweep(log_b, log_marginal, log_b, np.inf)
        wanted = self._wanted(log_q, log_marginal, marginal)
        cells = tuple(range(1, wanted.ndim))
        held = np.exp(self._log_anchor).sum(axis=cells)
        with np.errstate(over="ignore"):
            gap = np.abs(np.exp(wanted) - marginal).sum(axis=cells) / held
        lost = np.abs(marginal.sum(axis=cells) / held - 1)  # rounding, unless the multipliers have run away
        return Sweep(log_b, log_marginal, wanted - log_q, float(max(gap.max(), lost.max())))

    def _wanted(self, log_q: Array, log_marginal: Array, marginal: Array) -> Array:
        """log of the masses that the energy asks for. Fields are those of the present marginal, but for the potential of
        charges where that is to be solved for together with the masses.
        """
        state = self._state(marginal) if self.joint else self.step.anchor
        screening = self.screening if self.screened else None
        term = None if screening is None else screening.charged.term
        outside = [self._outside(name, state, without=term) for name in self.equations]
        cells = list(zip(self.equations.values(), log_q, log_marginal, outside, strict=True))
        if screening is None or term is None:
            return np.stack([equation.log_masses(q, p, field) for equation, q, p, field in cells])
        z, coupling = screening.charged.valences, term.coupling
        doping = doping_on(coupling, self.kernel.grid)

        def under(psi: Array) -> Array:
            asked = [one.log_masses(q, p, field + zk * psi) for zk, (one, q, p, field) in zip(z, cells, strict=True)]
            return np.stack(asked)

        def respond(psi: Array) -> tuple[Array, list[Array]]:
            with np.errstate(over="ignore"):
                rho = np.exp(under(psi)) / self.kernel.grid.cell_volume
            slopes = [zk**2 * one.answer_to_level(r) for zk, one, r in zip(z, self.equations.values(), rho, strict=True)]
            return np.einsum("k,k...->...", z, rho) + doping, slopes

        charge, _, _ = screening.solve(respond, charge_density(coupling, state), _SCREENED, _MOST_SCREENING)
        return under(screening.psi(charge))

    def _outside(self, species: str, state: Species, without: JointTerm | None = None) -> Array:
        """What a species feels besides its own density: the potential, and the fields of a state."""
        return self.joint.outside(self.equations[species].local.potential, species, state, without)

    @cached_property
    def screening(self) -> Screening | None:
        """The equation for the charge, if there is a coupling by charge."""
        charged = Charged.of(self.joint, tuple(self.equations), self.kernel.grid)
        if charged is None:
            return None
        gross = sum(abs(z) * float(self.step.anchor[name].values.sum()) for name, z in charged.coupling.charges.items())
        return Screening(charged, gross or 1.0, fixed_masses=False)

    def read(self, sweep: Sweep) -> tuple[Species, dict[str, float], dict[str, Array]]:
        """State, distances and potentials of a sweep; the anchor itself where no sweep was finite.

        To first order in epsilon, log b = 2 phi / epsilon + (log rho) / 2, phi being the Kantorovich potential: the blur is
        an entropy. So phi is centred by taking that half of log rho away. The distance is the square root of the Sinkhorn
        divergence eps [<log a - log s_mu, mu> + <log b - log s_rho, rho>], s K s being the plan of a density to itself: of
        second order in epsilon for edges too, and zero for a state that stays (Feydy et al. 2019).
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
            held = ~np.isneginf(log_masses)
            excess = multipliers[held] - self._self_multipliers(log_masses)[held]
            total += float(np.exp(log_masses[held]) @ excess)
        return max(self.kernel.epsilon * total, 0.0)  # rounding can take it below zero

    def _self_multipliers(self, log_marginal: Array) -> Array:
        """log s with s K s = the marginal, by the symmetric scaling iteration, whose error halves at the least."""
        log_s = log_marginal / 2
        for _ in range(_SELF_SWEEPS):
            log_s = (log_s + log_marginal - self.kernel.log_apply(log_s)) / 2
        return log_s

    def _state(self, marginal: Array) -> Species:
        return self.step.anchor.like(dict(zip(self.equations, marginal / self.kernel.grid.cell_volume, strict=True)))
