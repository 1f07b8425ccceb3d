"""A multigrid cycle for Newton's systems of a step by finite volumes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...._typing import Array
from ....linear import Multigrid
from .problem import FiniteVolumeStep
from .trial import Trial

_DEEPEST = 60.0  # of the potential over the diffusion, up to which it scales the unknowns


def multigrid_cycle(problem: FiniteVolumeStep, trial: Trial) -> Callable[[Array], Array]:
    """Return an approximate inverse of the derivative of the excess, for species without psi.

    Each species has one V-cycle for a symmetric operator. With an entropy D the unknowns are scaled by exp(-Phi / D), in which
    the flux of Scharfetter and Gummel is symmetric. Otherwise the conductance of a face is the mean of its two derivatives.

    Cost: O(n) per cycle.
    """
    shape, cycles, scales = problem.grid.shape, [], []
    for k, local in enumerate(problem.local):
        faces, of_left, of_right, _, diagonal = problem.derivatives(trial, k)
        scale = np.ones(problem.grid.size)
        if local.entropy > 0:
            with np.errstate(divide="ignore", invalid="ignore"):
                phi = trial.levels[k] - local.entropy * np.log(trial.rho[k])
            phi = np.where(np.isfinite(phi), phi, np.inf)
            scale = np.exp(-np.minimum((phi - phi.min()) / local.entropy, _DEEPEST))
        conductance = np.maximum(0.5 * (of_left * scale[faces.left] - of_right * scale[faces.right]), 0.0)
        cycles.append(Multigrid((diagonal * scale).reshape(shape), faces.on_grid(conductance, shape)))
        scales.append(scale)

    def cycle(right: Array) -> Array:
        parts = [scale * one(b.reshape(shape)).ravel() for one, scale, b in zip(cycles, scales, right, strict=True)]
        return np.stack(parts)

    return cycle
