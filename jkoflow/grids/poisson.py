"""Poisson's equation on a box, by cosine and sine transforms."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from .._typing import Array

Wall: TypeAlias = Literal["neumann", "dirichlet"]
"""The condition on the walls: no flux ("neumann"), or the value 0 ("dirichlet")."""


def inverse_laplacian(charge: Array, spacing: tuple[float, ...], boundary: Wall) -> Array:
    """Return the discrete psi with -lap psi = charge.

    With no flux through the walls psi has mean zero, and the mean of the charge is left out.

    The operator is diagonal in the cosine basis (no flux) or in the sine basis (psi = 0 on the walls). The cost is two
    transforms, O(n log n).
    """
    from scipy.fft import dctn, dstn, idctn, idstn

    if boundary == "dirichlet":
        return np.asarray(idstn(dstn(charge, type=2) / _eigenvalues(charge.shape, spacing, first=1), type=2))
    if boundary != "neumann":
        raise ValueError(f'boundary must be "neumann" or "dirichlet", got {boundary!r}')
    modes = dctn(charge, type=2)
    modes.flat[0] = 0.0
    return np.asarray(idctn(modes / cosine_eigenvalues(charge.shape, spacing), type=2))


def periodic_inverse_laplacian(charge: Array, spacing: tuple[float, ...]) -> Array:
    """Return the discrete psi with -lap psi = charge on a torus, with mean zero; the mean of the charge is left out."""
    from scipy.fft import fftn, ifftn

    total = _eigenvalues(charge.shape, spacing, first=0, turn=2 * np.pi)
    total.flat[0] = 1.0
    modes = fftn(charge)
    modes.flat[0] = 0.0
    return np.asarray(ifftn(modes / total).real)


def cosine_eigenvalues(shape: tuple[int, ...], spacing: tuple[float, ...]) -> Array:
    """Return the eigenvalues of minus the discrete Laplacian with no flux, and 1 instead of 0 for the constant mode.

    They are the sums over the axes of 2 (1 - cos(k pi / n)) / h^2.
    """
    total = _eigenvalues(shape, spacing, first=0)
    total.flat[0] = 1.0
    return total


def _eigenvalues(shape: tuple[int, ...], spacing: tuple[float, ...], first: int, turn: float = np.pi) -> Array:
    """Return the sums over the axes of 2 (1 - cos(k turn / n)) / h^2, for the wave numbers k = first, first + 1, ..."""
    total = np.zeros(shape)
    for axis, (count, h) in enumerate(zip(shape, spacing, strict=True)):
        along = (2 - 2 * np.cos(turn * np.arange(first, first + count) / count)) / h**2
        total += along.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return total
