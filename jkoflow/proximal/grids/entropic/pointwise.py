"""What the entropic step needs of an energy: one scalar equation per cell and species."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...._typing import Array
from ...base import ProximalStep
from ..local_energy import GridEnergy, LocalEnergy, must_leave_room
from ..power_equation import monotone_equation, power_equation

_SPARE = -1e-12  # of the mass: rounding in a bound that is filled


@dataclass(frozen=True, eq=False)
class PointwiseStep:
    """The equation of one species.

    With l = log rho,

        theta (l - log q) + entropy (l + 1) + sum_k c_k U_k'(e^l) + V + moving = blur l_now,      e^l <= cap,

    where q are the scaled kernel sums per unit volume and theta = epsilon / (2 tau alpha). blur is theta / 2 when the entropic
    bias is taken out, else 0; its term is taken at the plan's present density l_now, which halves the step where nothing
    else holds the density (in vacuum) and keeps the iteration from flipping sign there.
    """

    name: str
    local: LocalEnergy
    theta: float
    blur: float
    log_volume: float
    log_total: float

    def log_masses(self, log_q: Array, log_marginal: Array, outside: Array) -> Array:
        """log of the mass in every cell, for the scaled kernel sums log_q; ``outside`` is V with the moving fields."""
        right = self.theta * (log_q - self.log_volume) + self.blur * (log_marginal - self.log_volume)
        right = right - outside
        slope = self.theta + self.local.entropy
        log_density = self._solve(slope, right - self.local.entropy)
        if np.isinf(self.local.cap):
            return log_density + self.log_volume
        if self.local.powers or self.local.others:  # a scale would change their equation by more than a constant
            return np.minimum(log_density, np.log(self.local.cap)) + self.log_volume
        return _filled(log_density, np.log(self.local.cap), self.log_total) + self.log_volume

    def _solve(self, slope: float, right: Array) -> Array:
        if not self.local.powers and not self.local.others:
            return right / slope
        if len(self.local.powers) == 1 and not self.local.others:
            return power_equation(slope, *self.local.powers[0], right)
        return monotone_equation(slope, self.local.powers, self.local.others, right)

    def answer_to_level(self, density: Array) -> Array:
        """The slope of the density in what lies outside, with its sign changed: 1 / (theta / rho + U''(rho)), 0 at the cap."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            slope = 1 / (self.theta / density + self.local.curvature(density))
        return np.where((density > 0) & (density < self.local.cap), slope, 0.0)

    def guess(self, density: Array, outside: Array) -> Array:
        """log b for the first iteration, from the first variation at the anchor; vacuum counts as a trace of mass."""
        trace = np.maximum(density, 1e-8 * density.max())
        level = outside + self.local.derivative(trace) - self.blur * np.log(trace)
        return (level.min() - level) / self.theta


def _filled(log_density: Array, log_cap: float, log_total: float) -> Array:
    """log min(s rho, cap) with the scale s that gives the total, found by sorting in O(n log n).

    Under a bound the multipliers are loose by a constant where the whole support is full. A scale adds a constant to the
    first variation of an entropy or a potential, which the step does not see.
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
    """The equation of every species. Raises ValueError for a bound that the mass does not fit under."""
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
