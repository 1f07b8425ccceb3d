"""Poisson's equation for densities that depend on psi: nonlinear Poisson-Boltzmann, with the charge as the unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ...._status import Status
from ...._typing import Array
from ....laws.electrostatics import psi_of_charge
from ....linear import gmres
from .charged import Charged

ChargeUnder = Callable[[Array], tuple[Array, list[Array]]]
"""psi -> (the charge of the densities under psi; by species z^2 times the derivative of the density in its level)."""

_SHORTEST = 1e-6  # share of a Newton step below which the search stalls
_PRODUCTS = 60  # most products of GMRES in a Newton step
_PATIENCE = 5  # Newton steps without a gain of a tenth


class ChargeSolution(NamedTuple):
    """The charge at which an iteration stops, the status, and the number of iterations."""

    charge: Array
    status: Status
    iterations: int


@dataclass(frozen=True, eq=False)
class Screening:
    """The equation  n = charge(psi(n))  for the charge n.

    psi(n) is the multiple of ``charged`` times the potential of the charge n. charge(psi) is the charge of the densities under
    psi.

    Attributes
    ----------
    charged : Charged
        The coupling, and its multiple.
    scale : float
        The unit of the residual: the charge of the state without its signs, summed over the cells.
    fixed_masses : bool
        Whether the level of every species changes with psi so that the mass of the species stays.
    """

    charged: Charged
    scale: float
    fixed_masses: bool

    def psi(self, charge: Array) -> Array:
        """The multiple times the potential of a charge."""
        return self.charged.multiple * psi_of_charge(self.charged.coupling, self.charged.grid, charge)

    def size(self, left: Array) -> float:
        """The L1 norm of a difference of charges, in units of ``scale``."""
        return float(np.abs(left).sum()) / self.scale

    def solve(self, charge_under: ChargeUnder, charge: Array, tolerance: float, most: int) -> ChargeSolution:
        """Solve the equation by Newton's method, beginning with ``charge``, in at most ``most`` iterations.

        psi is eliminated exactly. GMRES solves the linear systems, with a multigrid cycle for psi as preconditioner.
        """
        present, slopes = charge_under(self.psi(charge))
        excess = charge - present
        residual, best, since = self.size(excess), np.inf, 0
        for iterations in range(most):
            if not np.isfinite(residual):
                return ChargeSolution(charge, Status.NOT_FINITE, iterations)
            if residual <= tolerance:
                return ChargeSolution(charge, Status.CONVERGED, iterations)
            best, since = (residual, 0) if residual < 0.9 * best else (best, since + 1)
            if since > _PATIENCE:
                return ChargeSolution(charge, Status.STALLED, iterations)
            change, share = self._newton_step(excess, slopes, min(0.1, max(1e-8, residual))), 1.0
            while share > _SHORTEST:
                trial = charge + share * change
                present, trial_slopes = charge_under(self.psi(trial))
                trial_excess = trial - present
                if self.size(trial_excess) < (1 - 0.1 * share) * residual:
                    break
                share /= 2
            else:
                return ChargeSolution(charge, Status.STALLED, iterations + 1)
            charge, slopes, excess, residual = trial, trial_slopes, trial_excess, self.size(trial_excess)
        return ChargeSolution(charge, Status.ITERATION_LIMIT, most)

    def _newton_step(self, excess: Array, slopes: list[Array], tolerance: float) -> Array:
        """The change of the charge that makes the linearised excess vanish."""
        totals = [max(float(slope.sum()), np.finfo(float).tiny) for slope in slopes]
        reaction = sum(slopes, np.zeros_like(excess))
        cycle = self.charged.cycle_of_psi(reaction)

        def apply(change: Array) -> Array:
            psi = self.psi(change)
            row = change + reaction * psi
            if self.fixed_masses:
                row -= sum(
                    (slope * (float(np.sum(slope * psi)) / total) for slope, total in zip(slopes, totals, strict=True)), 0.0
                )
            return row

        return gmres(apply, -excess, lambda b: b - reaction * cycle(b), tolerance, _PRODUCTS)
