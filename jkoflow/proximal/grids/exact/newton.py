"""Newton's method for the equations of an exact JKO step on a grid."""

from __future__ import annotations

import numpy as np

from ...._typing import Array
from ....grids import on_faces
from ....linear import diagonal_of, elliptic, gmres
from .equations import GridStep
from .trial import Trial

# A viscosity is added to the conductances. It is this share of the largest conductance: _VISCOSITY times the residual, and at
# most _MOST_VISCOSITY.
_VISCOSITY, _MOST_VISCOSITY = 1.0, 0.02
_VISCOSITY_IN_MASS = 0.1  # share of the viscosity that acts where there is mass
_TRACE = 1e-12  # share of the largest diagonal entry, added because nothing determines the potential in vacuum
_MOST_PRODUCTS = 20  # where the map folds a rough step is enough: more products cost more than another step


def newton_change(problem: GridStep, trial: Trial) -> Array:
    """The change of the potentials by one Newton step from a trial.

    The Jacobian is the derivative of the discrete equations, with one exception: the slope (U*)'' is replaced by the secant
    of (U*)' to the pulled-back density. The secant is exact where one cell is out of balance with its neighbours, and tends
    to the derivative as the residual falls.

    The linear system is solved by GMRES, to a tolerance that falls with the residual. The norm weights cells by the inverse
    diagonal. The preconditioner is a multigrid cycle for the elliptic part, on a torus its factorisation. If a coupling by
    charge repels, the cycle treats all species together, with psi as one more unknown.
    """
    size = len(problem.names)
    slopes = np.stack([_secants(problem, trial, k) for k in range(size)])
    charged = problem.charged
    operators, cycles, diagonals, conductances = [], [], [], []
    for k in range(size):
        faces = trial.pulled[k].conductances
        viscosity = min(_VISCOSITY * trial.residual, _MOST_VISCOSITY) * max(float(f.max()) for f in faces)
        empty_or_inverted = (trial.rho[k] == 0) | (trial.masses[k] < -1e-9 * trial.rho[k].max())
        cell_viscosity = np.where(empty_or_inverted, viscosity, _VISCOSITY_IN_MASS * viscosity)
        smoothing = tuple(on_faces(problem.grid, cell_viscosity, axis, np.maximum) for axis in range(len(faces)))
        conductances.append(tuple(a + b for a, b in zip(faces, smoothing, strict=True)))
        diagonal = diagonal_of(slopes[k], conductances[k])
        trace = _TRACE * float(diagonal.max())
        diagonals.append(diagonal + trace)
        operators.append(elliptic(np.full(slopes[k].shape, trace), smoothing))
        if charged is None:
            cycles.append(problem.cycle(slopes[k], conductances[k]))
    coupled_cycle = None if charged is None else charged.cycle(slopes, conductances)
    scale = np.sqrt(np.stack(diagonals))

    def apply(change: Array) -> Array:
        gains = np.stack([trial.pulled[k].derivative(change[k]) for k in range(size)])
        levels = change - _responses(problem, trial, gains) if problem.joint else change
        rows = [slopes[k] * levels[k] - gains[k] + operators[k](change[k]) for k in range(size)]
        return np.stack(rows) / scale

    def precondition(right: Array) -> Array:
        if charged is not None and coupled_cycle is not None:
            return charged.precondition(coupled_cycle, right * scale)
        return np.stack([cycles[k](right[k] * scale[k]) for k in range(size)])

    tolerance = float(np.clip(0.3 * trial.residual**0.5, 1e-6, 0.1))
    change = gmres(apply, (trial.masses - trial.rho) / scale, precondition, tolerance, _MOST_PRODUCTS)
    return change if problem.continued else _without_spikes(problem, trial, change)


def _without_spikes(problem: GridStep, trial: Trial, change: Array) -> Array:
    """The change, bounded in cells without density.

    There it goes at most to the level U' of the density that the linearised pull-back expects.
    """
    bounded = []
    for k, name in enumerate(problem.names):
        conjugate = problem.conjugates[name]
        expected = np.maximum(trial.masses[k] + trial.pulled[k].derivative(change[k]), 0.0)
        with np.errstate(invalid="ignore"):
            most = conjugate.derivative(expected) - trial.levels[k]
        empty = (trial.rho[k] == 0) & ~conjugate.local.forbidden
        bounded.append(np.where(empty, np.minimum(change[k], most), change[k]))
    return np.stack(bounded)


def _secants(problem: GridStep, trial: Trial, k: int) -> Array:
    """The secant slope of (U*)' between two levels: the present level, and the level that gives the pulled-back density.

    It is at least a tenth of (U*)''. Where the two densities agree to 1e-9, and in obstacles, it is (U*)''.
    """
    conjugate, rho, slope = problem.conjugates[problem.names[k]], trial.rho[k], trial.slopes[k]
    pulled = np.maximum(trial.masses[k], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        secant = (rho - pulled) / (trial.levels[k] - conjugate.derivative(pulled))
    near = np.abs(rho - pulled) <= 1e-9 * (rho + pulled)
    usable = np.isfinite(secant) & ~near & ~conjugate.local.forbidden
    return np.where(usable, np.maximum(secant, 0.1 * slope), slope)


def _responses(problem: GridStep, trial: Trial, changes: Array) -> Array:
    """The derivatives of the fields at the pulled-back densities, in the direction of changes of these densities."""
    state, by_name = problem.state_of(trial.masses), dict(zip(problem.names, changes, strict=True))
    return np.stack([problem.joint.response(name, state, by_name) for name in problem.names])
