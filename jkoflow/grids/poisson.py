"""Poisson's equation on a box by transforms."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from .._typing import Array

Wall: TypeAlias = Literal["neumann", "dirichlet"]
"""No flux through the walls, or 0 on them."""


def inverse_laplacian(charge: Array, spacing: tuple[float, ...], boundary: Wall) -> Array:
    """The discrete psi with -lap psi = charge; with no flux, of mean zero, a mean of the charge is left out.

    Diagonal in the cosine basis (no flux) or in the sine basis (0 on the walls). Two transforms, O(n log n).
    """
    from scipy.fft import dctn, dstn, idctn, idstn

    if boundary == "dirichlet":
        return np.asarray(idstn(dstn(charge, type=2) / _eigenvalues(charge.shape, spacing, first=1), type=2))
    if boundary != "neumann":
        raise ValueError(f'boundary must be "neumann" or "dirichlet", got {boundary!r}')
    modes = dctn(charge, type=2)
    modes.flat[0] = 0.0
    return np.asarray(idctn(modes / cosine_eigenvalues(charge.shape, spacing), type=2))


def cosine_eigenvalues(shape: tuple[int, ...], spacing: tuple[float, ...]) -> Array:
    """Of minus the discrete Laplacian with no flux, 2 (1 - cos(k pi / n)) / h^2 over the axes; 1 for the constant mode."""
    total = _eigenvalues(shape, spacing, first=0)
    total.flat[0] = 1.0
    return total


def _eigenvalues(shape: tuple[int, ...], spacing: tuple[float, ...], first: int) -> Array:
    """The sums over the axes for wave numbers from ``first`` on."""
    total = np.zeros(shape)
    for axis, (count, h) in enumerate(zip(shape, spacing, strict=True)):
        along = (2 - 2 * np.cos(np.pi * np.arange(first, first + count) / count)) / h**2
        total += along.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return total
