"""Folds of the map of an exact step: places where an answer to the discrete equations is not the minimiser."""

from __future__ import annotations

import numpy as np

from ...._typing import Array, Mask
from .equations import GridStep
from .trial import Trial

_FILLED = 1e-7  # share of the mean density below which the map of a cell does not matter
_AROUND = 3  # cells


def folded(problem: GridStep, trial: Trial) -> Mask:
    """Return where the map x + tau alpha grad phi turns back along an axis, in cells with density.

    There  1 + tau alpha (second difference of phi) / dx^2 < 0,  so that phi is not c-concave. In the plane and in space moved
    cells may keep positive masses there, and the discrete equations have answers beside the minimiser: bumps of some cells.
    On the line moved cells with a positive mass are not folded.
    """
    cells = np.zeros(problem.mu.shape, dtype=bool)
    for k, tau in enumerate(problem.taus):
        for axis, (h, periodic) in enumerate(zip(problem.grid.spacing, problem.periodic, strict=True)):
            phi = trial.phi[k].swapaxes(axis, 0)
            padded = np.concatenate([phi[-1:], phi, phi[:1]] if periodic else [phi[:1], phi, phi[-1:]])
            second = padded[2:] + padded[:-2] - 2 * phi
            cells[k].swapaxes(axis, 0)[...] |= h**2 + tau * second < 0
    filled = trial.rho > _FILLED * problem.totals.reshape(-1, *[1] * problem.grid.dim) / problem.grid.size
    return np.asarray(cells & filled)


def folded_share(problem: GridStep, trial: Trial) -> float:
    """The share of the mass of a species that lies where the map folds, the largest over the species."""
    return float(((trial.rho * folded(problem, trial)).reshape(len(problem.names), -1).sum(axis=1) / problem.totals).max())


def unfolded(problem: GridStep, trial: Trial, everywhere: bool) -> Array:
    """The potentials of a trial, with phi^cc in their place in and around the cells where its map folds, or everywhere."""
    from scipy.ndimage import binary_dilation

    concave = problem.c_concave(trial.phi)
    if everywhere:
        return concave
    around = np.stack([binary_dilation(cells, iterations=_AROUND) for cells in folded(problem, trial)])
    return np.where(around, concave, trial.phi)
