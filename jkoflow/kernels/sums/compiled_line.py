"""Compiled sums of kernels over sorted points on the line. Each runs on one thread."""

from __future__ import annotations

import numpy as np

from ..._compiled import jit
from ..._typing import Array


@jit
def morse_values(at: Array, sources: Array, masses: Array, length: float) -> tuple[Array, Array, Array]:
    """Return the sums of S(x) = 1 - exp(-|x|/l) - |x|/l, of S' and of S'', by recurrences from both ends."""
    n, k = len(at), len(sources)
    left, mass_left, moment_left = np.zeros(n), np.zeros(n), np.zeros(n)
    # Over the sources y passed so far: sum m (1 - exp(-(place - y)/l)), sum m, sum m (place - y); place is the last of them.
    # The sums of 1 - exp, in place of exp, keep the digits of a kernel that is longer than the cloud.
    risen, mass, moment, place, j = 0.0, 0.0, 0.0, sources[0], 0
    for i in range(n):
        while j < k and sources[j] <= at[i]:
            gap = sources[j] - place
            rise = -np.expm1(-gap / length)
            risen += (mass - risen) * rise
            moment += mass * gap
            mass += masses[j]
            place = sources[j]
            j += 1
        gap = at[i] - place
        left[i] = risen - (mass - risen) * np.expm1(-gap / length) if j > 0 else 0.0
        mass_left[i], moment_left[i] = mass, moment + mass * gap
    values, slopes, curvatures = np.empty(n), np.empty(n), np.empty(n)
    risen, mass, moment, place, j = 0.0, 0.0, 0.0, sources[k - 1], k - 1
    for i in range(n - 1, -1, -1):
        while j >= 0 and sources[j] > at[i]:
            gap = place - sources[j]
            rise = -np.expm1(-gap / length)
            risen += (mass - risen) * rise
            moment += mass * gap
            mass += masses[j]
            place = sources[j]
            j -= 1
        gap = place - at[i]
        right = risen - (mass - risen) * np.expm1(-gap / length) if j < k - 1 else 0.0
        values[i] = left[i] + right - (moment_left[i] + moment + mass * gap) / length
        slopes[i] = (right - left[i]) / length
        curvatures[i] = -((mass_left[i] - left[i]) + (mass - right)) / length**2
    return values, slopes, curvatures


@jit
def morse_curvatures(at: Array, sources: Array, weights: Array, length: float) -> Array:
    """Return the sums of the second derivative -exp(-|x|/l)/l^2."""
    n, k = len(at), len(sources)
    out = np.zeros(n)
    decayed, place, j = 0.0, sources[0], 0
    for i in range(n):
        while j < k and sources[j] <= at[i]:
            decayed = decayed * np.exp(-(sources[j] - place) / length) + weights[j]
            place = sources[j]
            j += 1
        if j > 0:
            out[i] = -decayed * np.exp(-(at[i] - place) / length) / length**2
    decayed, place, j = 0.0, sources[k - 1], k - 1
    for i in range(n - 1, -1, -1):
        while j >= 0 and sources[j] > at[i]:
            decayed = decayed * np.exp(-(place - sources[j]) / length) + weights[j]
            place = sources[j]
            j -= 1
        if j < k - 1:
            out[i] -= decayed * np.exp(-(place - at[i]) / length) / length**2
    return out


@jit
def morse_own_curvatures(decays: Array, weights: Array, length: float) -> Array:
    """Return the sums of -exp(-|x|/l)/l^2 where the targets are the sources, from the decays exp(-gap/l) between neighbours."""
    n = len(weights)
    out = np.empty(n)
    carried = 0.0
    for i in range(n):
        carried = (carried * decays[i - 1] if i > 0 else 0.0) + weights[i]
        out[i] = carried
    carried = 0.0
    for i in range(n - 2, -1, -1):
        carried = (carried + weights[i + 1]) * decays[i]
        out[i] += carried
    return out * (-1 / length**2)


@jit
def power_values(at: Array, sources: Array, masses: Array, p: float) -> tuple[Array, Array, Array]:
    """Return the sums of |x|^p / p and of its two derivatives over the pairs that do not coincide."""
    n = len(at)
    values, slopes, curvatures = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        for j in range(len(sources)):
            x = at[i] - sources[j]
            r = abs(x)
            if r > 0:
                slope = masses[j] * r ** (p - 1)
                values[i] += slope * r / p
                slopes[i] += slope if x > 0 else -slope
                curvatures[i] += (p - 1) * slope / r
    return values, slopes, curvatures


@jit
def log_values(at: Array, sources: Array, masses: Array) -> tuple[Array, Array, Array]:
    """Return the sums of log|x| and of its two derivatives over the pairs that do not coincide."""
    n = len(at)
    values, slopes, curvatures = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        for j in range(len(sources)):
            x = at[i] - sources[j]
            if x != 0:
                slope = masses[j] / x
                values[i] += masses[j] * np.log(abs(x))
                slopes[i] += slope
                curvatures[i] -= slope / x
    return values, slopes, curvatures


@jit
def gaussian_values(at: Array, sources: Array, masses: Array, length: float) -> tuple[Array, Array, Array]:
    """Return the sums of 1 - exp(-x^2/l^2) and of its two derivatives."""
    n = len(at)
    values, slopes, curvatures = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in range(n):
        for j in range(len(sources)):
            x = (at[i] - sources[j]) / length
            rise = -np.expm1(-x * x)
            bell = 1 - rise
            values[i] += masses[j] * rise
            slopes[i] += masses[j] * 2 * x * bell / length
            curvatures[i] += masses[j] * 2 * (1 - 2 * x * x) * bell / length**2
    return values, slopes, curvatures
