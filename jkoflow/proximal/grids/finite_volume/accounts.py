"""What moves in a step by finite volumes, and what leaves."""

from __future__ import annotations

import numpy as np

from ...._typing import Array
from .problem import FiniteVolumeStep
from .trial import Trial
from .unknowns import logarithmic_mean

_ROUNDING = 4 * np.finfo(float).eps  # of the fluxes in both directions


def dissipated(problem: FiniteVolumeStep, trial: Trial, k: int) -> float:
    """int |v|^2 / a d rho tau^2 of a species: the squared distance that its mass moves, to the first order in the cells."""
    faces, flux, rho = problem.faces[k], trial.fluxes[k].value, trial.rho[k]
    mean = logarithmic_mean(rho[faces.left], rho[faces.right])
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = np.where(mean > 0, flux**2 / mean, 0.0)
    total = (problem.rates[k] * squares).sum() + _dissipated_at_doors(problem, trial, k)
    return float(problem.taus[k] * total) * problem.grid.cell_volume


def outflow(problem: FiniteVolumeStep, trial: Trial, k: int) -> dict[str, float]:
    """The mass of a species that leaves through every door, by the name of the door."""
    doors, out = problem.doors[k], dict[str, float]()
    leaving = problem.rates_at_doors[k] / doors.widths * trial.through[k].value * problem.grid.cell_volume
    for number, outside in enumerate(problem.local[k].outside):
        out[outside.name] = out.get(outside.name, 0.0) + float(leaving[doors.doors == number].sum())
    return out


def rounding_of_outflow(problem: FiniteVolumeStep, trial: Trial, k: int) -> float:
    """What rounding may leave of the mass of a species that leaves: a share of the fluxes in both directions at the doors."""
    doors, through = problem.doors[k], trial.through[k]
    both = np.abs(through.of_left) * trial.rho[k][doors.cells] + np.abs(through.of_right) * doors.densities
    both = both + np.abs(through.of_rise * trial.levels[k][doors.cells]) + np.abs(through.value)
    both = np.where(np.isfinite(both), both, np.abs(through.value))
    return _ROUNDING * float((problem.rates_at_doors[k] / doors.widths * both).sum()) * problem.grid.cell_volume


def is_outgrown(problem: FiniteVolumeStep) -> bool:
    """True if more of some species enters than a bound, their own or a shared one, leaves room for, and none can leave."""
    held = problem.totals + problem.entering
    stuck = np.array([not np.isnan(doors.inflow).any() for doors in problem.doors])
    open_cells = ~problem.closed
    own = held > [local.cap * cells.sum() for local, cells in zip(problem.local, open_cells, strict=True)]
    if (own & stuck).any():
        return True
    for room in problem.rooms.bounded:
        members = room.weights > 0
        if stuck[members].all() and room.weights @ held > room.local.cap * open_cells[members].any(axis=0).sum():
            return True
    return False


def _dissipated_at_doors(problem: FiniteVolumeStep, trial: Trial, k: int) -> float:
    """The sum over the doors of |flux|^2 / rho, for half a cell each."""
    doors = problem.doors[k]
    mean = logarithmic_mean(trial.rho[k][doors.cells], doors.densities)
    with np.errstate(divide="ignore", invalid="ignore"):
        squares = np.where(mean > 0, trial.through[k].value ** 2 / mean, 0.0)
    return float((problem.rates_at_doors[k] * squares).sum()) / 2


def energy_out(problem: FiniteVolumeStep, trial: Trial, k: int) -> float:
    """The energy that the mass of a species takes with it through the doors: its first variation there times what leaves.

    NaN if mass with an entropy leaves to a density of 0, where its first variation is infinite.
    """
    doors, entropy = problem.doors[k], problem.local[k].entropy
    if not len(doors.cells):
        return 0.0
    leaving = problem.rates_at_doors[k] / doors.widths * trial.through[k].value * problem.grid.cell_volume
    with np.errstate(divide="ignore"):
        level = trial.at_doors[k] + (entropy * (np.log(doors.densities) + 1) if entropy else 0.0)
        inside = trial.levels[k][doors.cells] + entropy
    level = np.where(np.isnan(doors.inflow), level, inside)  # what enters at a given flux has the energy of where it is
    return float(level @ leaving) if np.isfinite(level).all() else np.nan


def pressure_of_bounds(problem: FiniteVolumeStep, trial: Trial, k: int) -> Array | None:
    """The pressure of the bounds on a species over the grid; None if there is none."""
    own = np.isfinite(problem.local[k].cap)
    shared = [room for room in problem.rooms.bounded if room.weights[k]]
    if not own and not shared:
        return None
    pressure = np.zeros(problem.grid.size)
    if own:
        pressure += problem.stiffness[k] * np.maximum(trial.unknowns[k] / problem.local[k].cap - 1, 0.0)
    for room in shared:
        pressure += room.weights[k] * room.pressure(trial.unknowns[room.row])
    return pressure.reshape(problem.grid.shape)
