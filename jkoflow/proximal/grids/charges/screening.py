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

_HALVINGS, _EARLY = 50, 3  # of an interval of shares; the first trials, which may also lower the residual
_FLAT = 0.5  # share to which the slope has to fall
_PRODUCTS = 60  # most products of GMRES in a Newton step


class ChargeSolution(NamedTuple):
    """The charge at which an iteration stops, the status, and the number of iterations."""

    charge: Array
    status: Status
    iterations: int


class _Trial(NamedTuple):
    """A charge, z^2 (U*)'' by species under its psi, and the charge less the charge under psi."""

    charge: Array
    slopes: list[Array]
    excess: Array


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

        The equation says that a convex function of psi is least: 1/2 psi A psi - doping psi + sum_i U_i*(mu_i - V_i - z_i psi),
        with A psi = n Poisson's equation. So a Newton step that does not lower the residual is cut where the slope of this
        function is small. Then the function falls, and the iteration converges from everywhere.
        """
        present, slopes = charge_under(self.psi(charge))
        excess = charge - present
        for iterations in range(most):
            residual = self.size(excess)
            if not np.isfinite(residual):
                return ChargeSolution(charge, Status.NOT_FINITE, iterations)
            if residual <= tolerance:
                return ChargeSolution(charge, Status.CONVERGED, iterations)
            change = self._newton_step(excess, slopes, min(0.1, max(1e-8, residual)))
            after = self._line_search(charge_under, charge, excess, change)
            if after is None:
                return ChargeSolution(charge, Status.STALLED, iterations + 1)
            charge, slopes, excess = after
        return ChargeSolution(charge, Status.ITERATION_LIMIT, most)

    def _line_search(self, charge_under: ChargeUnder, charge: Array, excess: Array, change: Array) -> _Trial | None:
        """The charge at the end of a step, or of a share of it; None if the convex function does not fall along the step."""
        residual, way = self.size(excess), self.psi(change)
        slope, low, high, share = float(np.sum(excess * way)), 0.0, 1.0, 1.0
        if not slope < 0:
            return None
        for halvings in range(_HALVINGS):
            trial = charge + share * change
            present, slopes = charge_under(self.psi(trial))
            after = trial - present
            here = float(np.sum(after * way))
            less = self.size(after) < (1 - 0.1 * share) * residual
            if (less and halvings < _EARLY) or abs(here) <= _FLAT * -slope or (here < 0 and share == 1):
                return _Trial(trial, slopes, after)
            low, high = (share, high) if here < 0 else (low, share)
            share = 0.5 * (low + high)
        return None

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
