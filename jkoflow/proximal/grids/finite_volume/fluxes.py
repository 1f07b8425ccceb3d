"""Fluxes through a face, per unit of mobility, with their derivatives."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...._typing import Array, Mask
from ..local_energy import LocalEnergy

_SMALL = 1e-4  # of the argument of Bernoulli's function: below, its series
_CLOSE = 1e-6  # relative difference of two densities: below, their arithmetic mean stands for that of the pressure
_LARGE = 700.0  # argument at which Bernoulli's function is below the least number


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


def with_given(flux: Flux, given: Array) -> Flux:
    """The flux, with given values that depend on nothing at the faces where ``given`` is a number."""
    free = np.isnan(given)
    if free.all():
        return flux
    return Flux(np.where(free, flux.value, given), *(np.where(free, derivative, 0.0) for derivative in flux[1:]))


def scharfetter_gummel(diffusion: float, left: Array, right: Array, rise: Array, h: Array) -> Flux:
    """-(D d rho + rho d Phi) / dx for a Phi that is linear between the cells: exact for one face in one dimension.

        F = D / h [B(w) rho_left - B(-w) rho_right],    w = (Phi_right - Phi_left) / D,    B(w) = w / (exp(w) - 1)

    It is 0 at the equilibrium rho = exp(-Phi / D), and linear in the densities with the signs of an M-matrix.

    Source: Scharfetter and Gummel (1969).
    """
    w = rise / diffusion
    less, slope = _bernoulli(np.abs(w))
    more, rises = less + np.abs(w), w > 0  # B(-w) = B(w) + w
    ahead, behind = np.where(rises, less, more), np.where(rises, more, less)
    scale = diffusion / h
    of_rise = (np.where(rises, slope, -1 - slope) * left + np.where(rises, -1 - slope, slope) * right) / h
    return Flux(scale * (ahead * left - behind * right), scale * ahead, -scale * behind, of_rise)


def upwind(left: Array, right: Array, rise: Array, h: Array) -> Flux:
    """-rho d phi / dx with the density of the cell that the mass comes from."""
    from_left = rise < 0
    carried = np.where(from_left, left, right)
    return Flux(-carried * rise / h, np.where(from_left, -rise / h, 0.0), np.where(from_left, 0.0, -rise / h), -carried / h)


def nonlinear_diffusion(local: LocalEnergy, left: Array, right: Array, rise: Array, h: Array) -> Flux:
    """-(d P + rho d Phi) / dx with the pressure P(s) = s U'(s) - U(s) of an internal energy: of order 2 in the cells.

    Let a >= b be the two densities, E = U'(a) - U'(b) >= 0 and F = Phi(a) - Phi(b). From a to b flows, times h,

        P(a) - P(b) + [a - b (a - b) / (a + b)] F      if the drift goes the same way, F >= 0
        [P(a) - P(b)] / E  (E + F)                      if it is weaker than diffusion, -E <= F < 0
        2 a b / (a + b)  (E + F)                        if it prevails, F < -E: then mass flows from b to a

    All three agree to second order in a - b with the arithmetic mean times E + F. The flux has the sign of E + F: so the energy
    decays, and an equilibrium, where U' + Phi is constant, has none. Nothing leaves an empty cell.
    """
    left_is_high = (left > right) | ((left == right) & (rise < 0))
    a, b = np.where(left_is_high, left, right), np.where(left_is_high, right, left)
    lead = np.where(left_is_high, -rise, rise)  # E + F
    mean, drop, close = _mean_of_pressure(local, a, b)
    along, against = lead >= drop, lead < 0
    x, y = a / np.where(a > 0, a + b, 1.0), b / np.where(a > 0, a + b, 1.0)

    def by_regime(along_it: Any, between: Any, against_it: Any) -> Array:
        return np.where(along, along_it, np.where(against, against_it, between))

    carried = by_regime(a - y * (a - b), mean, 2 * a * y)
    flow = np.where(along, mean * drop + carried * (lead - drop), carried * lead)
    # its derivatives in the densities, and in U' as far as it acts on what is carried: for d P = s d U'
    speed = np.where(along, lead - drop, lead)
    of_a = speed * by_regime(1 - 2 * y**2, np.where(close, 0.5, 0.0), 2 * y**2)
    of_b = speed * by_regime(y**2 + 2 * x * y - x**2, np.where(close, 0.5, 0.0), 2 * x**2)
    steep = np.where(along, 1.0, np.where(against | close, 0.0, lead / np.where(close, 1.0, drop)))
    of_a_slope, of_b_slope = steep * (a - carried), steep * (carried - b)
    sign = np.where(left_is_high, 1.0, -1.0) / h
    return Flux(
        sign * flow,
        sign * np.where(left_is_high, of_a, of_b),
        sign * np.where(left_is_high, of_b, of_a),
        -carried / h,
        sign * np.where(left_is_high, of_a_slope, of_b_slope),
        sign * np.where(left_is_high, of_b_slope, of_a_slope),
    )


def _mean_of_pressure(local: LocalEnergy, high: Array, low: Array) -> tuple[Array, Array, Mask]:
    """(P(high) - P(low)) / (U'(high) - U'(low)), the difference of U', and where the mean is the arithmetic one instead."""
    empty = high <= 0
    a = np.where(empty, 1.0, high)
    t = np.clip(np.where(empty, 1.0, low / a), 0.0, 1.0)
    least = 1.0 if local.others else min(m for _, m in local.powers)  # nothing underflows in units of a^(least - 1)
    drop, pressures = np.zeros_like(a), np.zeros_like(a)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(t)
        for c, m in local.powers:
            scale = c * m * a ** (m - least)
            drop += scale / (m - 1) * -np.expm1((m - 1) * log)
            pressures += scale / m * -np.expm1(m * log)
        for c, function in local.others:
            at_high, at_low = function.derivative(a), function.derivative(t * a)
            drop += c * (at_high - at_low)
            pressures += c * (at_high - t * at_low - (function.integrand(a) - function.integrand(t * a)) / a)
        mean = pressures / drop  # in units of a
    drop = drop * a ** (least - 1)
    close = (t > 1 - _CLOSE) | ~np.isfinite(mean) | (drop <= 0)
    return np.where(empty, 0.0, a * np.where(close, 0.5 * (1 + t), mean)), drop, close


def _bernoulli(w: Array) -> tuple[Array, Array]:
    """B(w) = w / (exp(w) - 1) and B'(w), for w >= 0."""
    small, large = w < _SMALL, w > _LARGE
    safe = np.where(small | large, 1.0, w)
    rest = np.expm1(safe)
    value = np.where(small, 1 - w / 2 + w**2 / 12, np.where(large, 0.0, safe / rest))
    slope = np.where(small, -0.5 + w / 6, np.where(large, 0.0, (rest - safe * (rest + 1)) / rest**2))
    return value, slope
