"""Fluxes through a face, per unit of mobility, with their derivatives."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...._typing import Array

_SMALL = 1e-4  # of the argument of Bernoulli's function: below, its series


class Flux(NamedTuple):
    """The flux from the left cell to the right one: a density times a velocity."""

    value: Array
    of_left: Array
    """The derivative in the density of the left cell."""
    of_right: Array
    of_rise: Array
    """The derivative in the difference of the potentials, right less left."""


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
