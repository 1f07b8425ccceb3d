"""What the entropic step needs of an energy: one scalar equation per cell and species."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...._typing import Array
from ...base import ProximalStep
from ..local_energy import GridEnergy, LocalEnergy, must_leave_room
from ..log_density import monotone_equation, power_equation

_SPARE = -1e-12  # share of the mass: a bound that is exactly filled may be short of the mass by rounding


@dataclass(frozen=True, eq=False)
class PointwiseStep:
    """The equation for the density of one species in a cell, given the plan of the present sweep.

    The unknown is l = log rho:

        theta (l - log q) + entropy (l + 1) + sum_k c_k U_k'(e^l) + V + fields = blur l_now,      e^l <= cap.

    * q are the scaled kernel sums K a per unit volume.
    * theta = epsilon / (2 tau alpha).
    * fields are the first variations of the joint terms.
    * blur = theta / 2 if the entropic bias is taken out, else 0.
    * l_now is the log density of the plan's present second marginal. Taking the debiasing term at l_now halves the step of the
      iteration where nothing else holds the density (in vacuum), and keeps it from changing sign there
      (docs/theory/debiasing.md, section 5.1).

    ``log_volume`` is the log of the volume of a cell. ``log_total`` is the log of the sum of the anchor's cell values.
    """

    name: str
    local: LocalEnergy
    theta: float
    blur: float
    log_volume: float
    log_total: float

    def log_masses(self, log_q: Array, log_marginal: Array, effective_potential: Array) -> Array:
        """The log of the mass in every cell that solves the equation.

        ``log_q`` are the log kernel sums, ``log_marginal`` the log masses of the present second marginal;
        ``effective_potential`` is V + fields.
        """
        right = self.theta * (log_q - self.log_volume) + self.blur * (log_marginal - self.log_volume)
        right = right - effective_potential
        slope = self.theta + self.local.entropy
        log_density = self._solve(slope, right - self.local.entropy)
        if np.isinf(self.local.cap):
            return log_density + self.log_volume
        if self.local.powers or self.local.others:  # a scale factor would change their equation by more than a constant
            return np.minimum(log_density, np.log(self.local.cap)) + self.log_volume
        return _filled(log_density, np.log(self.local.cap), self.log_total) + self.log_volume

    def _solve(self, slope: float, right: Array) -> Array:
        if not self.local.powers and not self.local.others:
            return right / slope
        if len(self.local.powers) == 1 and not self.local.others:
            return power_equation(slope, *self.local.powers[0], right)
        return monotone_equation(slope, self.local.powers, self.local.others, right)

    def density_response(self, density: Array) -> Array:
        """Minus the derivative of the density in the effective potential: 1 / (theta / rho + U''(rho)).

        0 in vacuum and at the cap.
        """
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            slope = 1 / (self.theta / density + self.local.curvature(density))
        return np.where((density > 0) & (density < self.local.cap), slope, 0.0)

    def guess(self, density: Array, effective_potential: Array) -> Array:
        """log b for the first iteration, from the first variation at the anchor.

        Vacuum counts as a trace of mass: 1e-8 of the largest density.
        """
        trace = np.maximum(density, 1e-8 * density.max())
        variation = effective_potential + self.local.derivative(trace) - self.blur * np.log(trace)
        return (variation.min() - variation) / self.theta


def _filled(log_density: Array, log_cap: float, log_total: float) -> Array:
    """log min(s rho, cap), with the scale factor s that gives the total. Sorting finds s in O(n log n).

    If the whole support is full, the bound leaves a constant in the multipliers undetermined. A scale factor adds a constant
    to the first variation of an entropy or a potential. The step does not see this constant.
    """
    falling = np.sort(log_density.ravel())[::-1]
    log_tails = np.logaddexp.accumulate(falling[::-1])[::-1]
    room = np.exp(log_total) - np.arange(falling.size) * np.exp(log_cap)  # for the cells below the k fullest
    log_scales = np.log(np.maximum(room, np.finfo(float).tiny)) - log_tails
    fits = (room > 0) & (falling + log_scales <= log_cap)
    if not fits.any():
        return np.full_like(log_density, log_cap)
    return np.minimum(log_density + log_scales[np.argmax(fits)], log_cap)


def pointwise_steps(step: ProximalStep, energy: GridEnergy, epsilon: float, debias: bool) -> dict[str, PointwiseStep]:
    """The equation of every species.

    Raises ValueError if the mass does not fit under a bound.
    """
    must_leave_room(energy, step, _SPARE)
    equations = {}
    for name, local in energy.local.items():
        theta = epsilon / (2 * step.weight(name))
        equations[name] = PointwiseStep(
            name=name,
            local=local,
            theta=theta,
            blur=theta / 2 if debias else 0.0,
            log_volume=np.log(step.grid.cell_volume),
            log_total=float(np.log(step.anchor[name].values.sum())),
        )
    return equations
