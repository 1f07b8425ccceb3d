"""The unknown u of a species: the density, or a power of it; above a bound its pressure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...._typing import Array
from ..local_energy import LocalEnergy

YIELDING = 1e-12  # of the density, to the pressure of a full cell: so that the matrix is regular where nothing flows
FULL = 1e-9  # share of a bound: what a full cell may lack


def fast_diffusion(local: LocalEnergy) -> tuple[float, float]:
    """The coefficient and the exponent of a fast diffusion without an entropy: its flux is the difference of c rho^m.

    (0, 1) if there is none. U' is infinite in vacuum, so the unknown is u = rho^m.
    """
    fast = [(c, m) for c, m in local.powers if m < 1]
    return fast[0] if fast and not local.entropy else (0.0, 1.0)


def exponent(local: LocalEnergy) -> float:
    """The exponent q of the unknown u = rho^q: that of a fast diffusion, and else 1."""
    return fast_diffusion(local)[1]


def density_of(local: LocalEnergy, u: Array) -> Array:
    """The density of an unknown."""
    q = exponent(local)
    return np.minimum(u if q == 1 else np.maximum(u, 0.0) ** (1 / q), local.cap)


def unknown_of(local: LocalEnergy, rho: Array) -> Array:
    """The unknown of a density."""
    return np.asarray(rho ** exponent(local))


def first_unknown(local: LocalEnergy, rho: Array) -> Array:
    """The unknown of a density, with the least pressure there is in full cells: Newton's method begins with these as full."""
    return np.where(rho < local.cap * (1 - FULL), unknown_of(local, rho), np.nextafter(local.cap, np.inf))


def density_slope(local: LocalEnergy, u: Array, trace: float) -> Array:
    """d rho / du.

    For an unknown other than the density it is 0 in vacuum, and nothing would bound Newton's step. There it is that of a trace
    of u, a share of the largest, doors included. In full cells it is next to 0.
    """
    q = exponent(local)
    largest = max([float(u.max()), *(float(door.densities.max()) ** q for door in local.outside)])
    slope = np.ones_like(u) if q == 1 else np.maximum(u, trace**q * largest) ** (1 / q - 1) / q
    return np.where(density_of(local, u) < local.cap, slope, slope * np.where(u <= local.cap, 1.0, YIELDING))


def steady_part(local: LocalEnergy) -> LocalEnergy:
    """What moves mass by differences of U': all but the entropy and a fast diffusion, whose U' is infinite in vacuum."""
    return replace(local, entropy=0.0, powers=tuple((c, m) for c, m in local.powers if m > 1))


def logarithmic_mean(left: Array, right: Array) -> Array:
    """The logarithmic mean of two densities."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gap = np.log(right / left)
        mean = np.where(np.abs(gap) > 1e-3, (right - left) / gap, (left + right) / 2)
    return np.where((left > 0) & (right > 0), mean, np.maximum(left, right) / 10)
