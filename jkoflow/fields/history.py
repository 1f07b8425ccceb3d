"""The field in free space from the places of its sources at all times: the plain sum, for comparison."""

from __future__ import annotations

import numpy as np

from .._typing import Array


def gaussian_history(
    times: Array, places: Array, masses: Array, at: Array, *, s: float, diffusion: float, decay: float
) -> Array:
    """Return grad c at points (n, d), at the last of ``times`` (steps,), for point masses at ``places`` (steps, N, d).

        grad c(x) = -sum_j m_j int_0^t exp(-kappa u) (x - x_j(t - u)) / S G_S(x - x_j(t - u)) du,    S = s^2 + 2 D u

    by the trapezoidal rule in time, of order 2. Every mass emits a Gaussian profile of deviation s since the first time, at
    which the field is 0. Cost: n N times the number of steps.

    Source: docs/theory/chemotaxis.md, section 2.2.

    >>> times = np.linspace(0, 1, 50)
    >>> gaussian_history(times, np.zeros((50, 1, 1)), np.ones(1), np.zeros((1, 1)), s=0.1, diffusion=1.0, decay=0.0)
    array([[0.]])
    """
    steps, dim = np.diff(times), places.shape[2]
    weights = np.concatenate([[0.0], steps / 2]) + np.concatenate([steps / 2, [0.0]])
    total = np.zeros_like(at, dtype=float)
    for weight, time, x in zip(weights, times, places, strict=True):
        age = times[-1] - time
        S = s**2 + 2 * diffusion * age
        gaps = at[:, None, :] - x[None]
        bells = masses * np.exp(-(gaps**2).sum(axis=2) / (2 * S)) * (2 * np.pi * S) ** (-dim / 2)
        total -= weight * np.exp(-decay * age) / S * np.einsum("ij,ijk->ik", bells, gaps)
    return total
