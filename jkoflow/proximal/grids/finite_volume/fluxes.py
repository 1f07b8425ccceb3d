"""Fluxes through a face, per unit of mobility, with their derivatives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...._typing import Array
from ..local_energy import LocalEnergy

_SMALL = 1e-4  # of the argument of Bernoulli's function: below, its series


class Flux(NamedTuple):
    """The flux from the left cell to the right one: a density times a velocity."""

    value: Array
    of_left: Array
    """The derivative in the density of the left cell."""
    of_right: Array
    of_rise: Array
    """The derivative in the difference of the potentials, right less left."""
    of_left_slope: Array | float = 0.0
    """The derivative in U' of the left cell, as far as it acts on the density that is carried."""
    of_right_slope: Array | float = 0.0


def scharfetter_gummel(diffusion: float, left: Array, right: Array, rise: Array, h: Array) -> Flux:
    """-(D d rho + rho d Phi) / dx for a Phi that is linear between the cells: exact for one face in one dimension.

        F = D / h [B(w) rho_left - B(-w) rho_right],    w = (Phi_right - Phi_left) / D,    B(w) = w / (exp(w) - 1)

    It is 0 at the equilibrium rho = exp(-Phi / D), and linear in the densities with the signs of an M-matrix.

    Source: Scharfetter and Gummel (1969).
    """
    w = rise / diffusion
    ahead, behind = _bernoulli(w), _bernoulli(-w)
    scale = diffusion / h
    of_rise = (_bernoulli_slope(w) * left + _bernoulli_slope(-w) * right) / h
    return Flux(scale * (ahead * left - behind * right), scale * ahead, -scale * behind, of_rise)


def upwind(left: Array, right: Array, rise: Array, h: Array) -> Flux:
    """-rho d phi / dx with the density of the cell that the mass comes from."""
    from_left = rise < 0
    carried = np.where(from_left, left, right)
    return Flux(-carried * rise / h, np.where(from_left, -rise / h, 0.0), np.where(from_left, 0.0, -rise / h), -carried / h)


def limited_mean(local: LocalEnergy, left: Array, right: Array, rise: Array, h: Array) -> Flux:
    """-theta d phi / dx, phi with U' of an internal energy, and a mean theta of the densities: of order 2 in the cells.

    Where mass moves to a lower density, theta is that with which diffusion alone moves it by differences of the pressure P:

        theta = (P(left) - P(right)) / (U'(left) - U'(right)),      P(s) = s U'(s) - U(s),  so that dP = s dU'

    Where it moves to a higher one, by a drift, theta is the harmonic mean 2 rho_from rho_to / (rho_from + rho_to). Both agree
    to second order in the difference, and theta is 0 where the cell that the mass comes from is empty. The flux has the sign
    of -d phi: so the energy decays, and an equilibrium, where phi is constant, has none.
    """
    from_left = rise < 0
    source, target = np.where(from_left, left, right), np.where(from_left, right, left)
    uphill = target > source
    total = source + target
    safe = np.where(total > 0, total, 1.0)
    mean, slopes = _mean_of_pressure(local, source, target)
    by_density = uphill | (slopes == 0)
    theta = np.where(uphill, 2 * source * target / safe, mean)
    of_source = np.where(uphill, 2 * (target / safe) ** 2, np.where(total > 0, 0.5, 1.0)) * by_density
    of_target = np.where(uphill, 2 * (source / safe) ** 2, np.where(total > 0, 0.5, 0.0)) * by_density
    unit = np.where(by_density, 1.0, slopes)
    of_source_slope = np.where(by_density, 0.0, (source - theta) / unit)
    of_target_slope = np.where(by_density, 0.0, (theta - target) / unit)
    velocity = -rise / h
    return Flux(
        theta * velocity,
        velocity * np.where(from_left, of_source, of_target),
        velocity * np.where(from_left, of_target, of_source),
        -theta / h,
        velocity * np.where(from_left, of_source_slope, of_target_slope),
        velocity * np.where(from_left, of_target_slope, of_source_slope),
    )


def _mean_of_pressure(local: LocalEnergy, high: Array, low: Array) -> tuple[Array, Array]:
    """theta of two densities, and the difference of U', or 0 where they are close and theta is their arithmetic mean."""
    empty = high <= 0
    a = np.where(empty, 1.0, high)
    t = np.clip(np.where(empty, 0.0, low) / a, 0.0, 1.0)
    least = 1.0 if local.others else min(m for _, m in local.powers)  # nothing underflows in units of a^(least - 1)
    slopes, pressures = np.zeros_like(a), np.zeros_like(a)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(t)
        for c, m in local.powers:
            scale = c * m * a ** (m - least)
            slopes += scale / (m - 1) * -np.expm1((m - 1) * log)
            pressures += scale / m * -np.expm1(m * log)
        for c, function in local.others:
            at_high, at_low = function.derivative(a), function.derivative(t * a)
            slopes += c * (at_high - at_low)
            pressures += c * (at_high - t * at_low - (function.integrand(a) - function.integrand(t * a)) / a)
        theta = pressures / slopes  # in units of a
    slopes = slopes * a ** (least - 1)
    close = (t > 1 - _SMALL) | ~np.isfinite(theta) | (slopes <= 0) | empty
    theta = np.where(empty, 0.0, a * np.where(close, 0.5 * (1 + t), theta))
    return theta, np.where(close, 0.0, slopes)


def _bernoulli(w: Array) -> Array:
    """B(w) = w / (exp(w) - 1)."""
    small = np.abs(w) < _SMALL
    safe = np.where(small, 1.0, w)
    with np.errstate(over="ignore"):
        return np.where(small, 1 - w / 2 + w**2 / 12, safe / np.expm1(safe))


def _bernoulli_slope(w: Array) -> Array:
    """B'(w)."""
    small = np.abs(w) < _SMALL
    safe = np.where(small, 1.0, w)
    with np.errstate(over="ignore", invalid="ignore"):
        rest = np.expm1(safe)
        slope = np.where(safe > 500, 0.0, (rest - safe * (rest + 1)) / rest**2)
    return np.where(small, -0.5 + w / 6, slope)
