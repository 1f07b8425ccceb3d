"""Poisson's equation for densities that answer to the potential: nonlinear Poisson-Boltzmann, in the charge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...._status import Status
from ...._typing import Array
from ....laws.electrostatics import psi_of_charge
from ....linear import gmres
from .charged import Charged

Answer = Callable[[Array], tuple[Array, list[Array]]]
"""The charge that the densities hold under a potential, and by species z^2 times the slope of its density in its level."""

_SHORTEST = 1e-6
_PRODUCTS = 60
_PATIENCE = 5  # Newton steps without a gain of a tenth


@dataclass(frozen=True, eq=False)
class Screening:
    """The equation  n = charge(psi(n)),  psi(n) the multiple of the coupling's potential of the charge n.

    Attributes
    ----------
    charged : Charged
    scale : float
        The charge of the state without its signs, summed over the cells, in which the residual is measured.
    fixed_masses : bool
        Whether the level of every species answers to psi so that its mass stays.
    """

    charged: Charged
    scale: float
    fixed_masses: bool

    def psi(self, charge: Array) -> Array:
        """The potential of a charge."""
        return self.charged.multiple * psi_of_charge(self.charged.coupling, self.charged.grid, charge)

    def size(self, left: Array) -> float:
        """A difference of charges in units of all charge."""
        return float(np.abs(left).sum()) / self.scale

    def solve(self, answer: Answer, charge: Array, tolerance: float, most: int) -> tuple[Array, Status, int]:
        """Newton's method from a charge, psi eliminated exactly, its systems by GMRES with a multigrid cycle for psi."""
        there, slopes = answer(self.psi(charge))
        left = charge - there
        residual, best, since = self.size(left), np.inf, 0
        for iterations in range(most):
            if not np.isfinite(residual):
                return charge, Status.NOT_FINITE, iterations
            if residual <= tolerance:
                return charge, Status.CONVERGED, iterations
            best, since = (residual, 0) if residual < 0.9 * best else (best, since + 1)
            if since > _PATIENCE:
                return charge, Status.STALLED, iterations
            change, share = self._step(left, slopes, min(0.1, max(1e-8, residual))), 1.0
            while share > _SHORTEST:
                trial = charge + share * change
                there, slopes_there = answer(self.psi(trial))
                off = trial - there
                if self.size(off) < (1 - 0.1 * share) * residual:
                    break
                share /= 2
            else:
                return charge, Status.STALLED, iterations + 1
            charge, slopes, left, residual = trial, slopes_there, off, self.size(off)
        return charge, Status.ITERATION_LIMIT, most

    def _step(self, left: Array, slopes: list[Array], tolerance: float) -> Array:
        totals = [max(float(one.sum()), np.finfo(float).tiny) for one in slopes]
        reaction = sum(slopes, np.zeros_like(left))
        cycle = self.charged.cycle_of_psi(reaction)

        def apply(change: Array) -> Array:
            psi = self.psi(change)
            out = change + reaction * psi
            if self.fixed_masses:
                out -= sum((one * (float(np.sum(one * psi)) / total) for one, total in zip(slopes, totals, strict=True)), 0.0)
            return out

        return gmres(apply, -left, lambda b: b - reaction * cycle(b), tolerance, _PRODUCTS)
