"""Poisson's equation on a box, by cosine and sine transforms."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from .._typing import Array

Wall: TypeAlias = Literal["neumann", "dirichlet"]
"""The condition on the walls: no flux ("neumann"), or the value 0 ("dirichlet")."""


def inverse_laplacian(
    charge: Array,
    spacing: tuple[float, ...],
    boundary: Wall,
    periodic: tuple[bool, ...] | None = None,
    reaction: float = 0.0,
) -> Array:
    """Return the discrete psi with reaction psi - lap psi = charge.

    With no flux through the walls, or no walls, psi has mean zero, and the mean of the charge is left out.

    The operator is diagonal in the cosine basis (no flux) or in the sine basis (psi = 0 on the walls), and along ``periodic``
    axes in the Fourier basis. The cost is two transforms, O(n log n).
    """
    from scipy.fft import dctn, dstn, fftn, idctn, idstn, ifftn

    if boundary not in ("neumann", "dirichlet"):
        raise ValueError(f'boundary must be "neumann" or "dirichlet", got {boundary!r}')
    closed = periodic or (False,) * charge.ndim
    walls = [axis for axis in range(charge.ndim) if not closed[axis]]
    round_ = [axis for axis in range(charge.ndim) if closed[axis]]
    forward, back = (dstn, idstn) if boundary == "dirichlet" else (dctn, idctn)
    modes = forward(charge, type=2, axes=walls) if walls else charge
    modes = fftn(modes, axes=round_) if round_ else modes
    total = _eigenvalues(charge.shape, spacing, int(boundary == "dirichlet"), closed)
    if boundary == "neumann" or not walls:
        modes.flat[0], total.flat[0] = 0.0, 1.0
    modes = modes / (reaction + total)
    psi = ifftn(modes, axes=round_).real if round_ else modes
    return np.asarray(back(psi, type=2, axes=walls) if walls else psi)


def _eigenvalues(shape: tuple[int, ...], spacing: tuple[float, ...], first: int, periodic: tuple[bool, ...]) -> Array:
    """Return the sums over the axes of 2 (1 - cos(k turn / n)) / h^2.

    Between walls turn is pi and k = first, first + 1, ...; along a periodic axis turn is 2 pi and k = 0, 1, ...
    """
    total = np.zeros(shape)
    for axis, (count, h, closed) in enumerate(zip(shape, spacing, periodic, strict=True)):
        angles = 2 * np.pi * np.arange(count) / count if closed else np.pi * np.arange(first, first + count) / count
        along = (2 - 2 * np.cos(angles)) / h**2
        total += along.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return total
