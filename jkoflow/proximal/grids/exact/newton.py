"""Newton's method on the equations of an exact JKO step on a grid."""

from __future__ import annotations

import numpy as np

from ...._typing import Array
from ....linear import Multigrid, diagonal_of, elliptic, gmres
from .equations import GridStep, Trial

_VISCOSITY, _MOST_VISCOSITY = 1.0, 0.02  # times the residual, and at most: the share of the largest conductance that is added
_ELSEWHERE = 0.1  # of the viscosity, where there is mass
_TRACE = 1e-12  # of the diagonal, added where nothing holds the potential
_MOST_PRODUCTS = 20  # a rough step does where the map folds: more products cost more than another step


def newton(problem: GridStep, at: Trial) -> Array:
    """The Newton step from a trial, solved to a tolerance that falls with the residual.

    The Jacobian is that of the discrete equations, but for the slope of (U*)', for which the secant to the pulled density
    stands: exact where one cell is out of balance with its neighbours, and the derivative in the limit. GMRES in the norm
    that weights cells by the inverse diagonal, with a multigrid cycle for the elliptic part, of all species together where
    Poisson's equation couples them.
    """
    size = len(problem.names)
    slopes = np.stack([_secants(problem, at, k) for k in range(size)])
    charged = problem.charged
    operators, cycles, diagonals, conductances = [], [], [], []
    for k in range(size):
        faces = at.pulled[k].conductances
        viscosity = min(_VISCOSITY * at.residual, _MOST_VISCOSITY) * max(float(f.max()) for f in faces)
        loose = (at.rho[k] == 0) | (at.masses[k] < -1e-9 * at.rho[k].max())
        local_viscosity = np.where(loose, viscosity, _ELSEWHERE * viscosity)
        smoothing = tuple(_between(local_viscosity, axis) for axis in range(len(faces)))
        conductances.append(tuple(a + b for a, b in zip(faces, smoothing, strict=True)))
        diagonal = diagonal_of(slopes[k], conductances[k])
        trace = _TRACE * float(diagonal.max())
        diagonals.append(diagonal + trace)
        operators.append(elliptic(np.full(slopes[k].shape, trace), smoothing))
        if charged is None:
            cycles.append(Multigrid(slopes[k], conductances[k]))
    together = None if charged is None else charged.cycle(slopes, conductances)
    scale = np.sqrt(np.stack(diagonals))

    def apply(change: Array) -> Array:
        drift = np.stack([at.pulled[k].derivative(change[k]) for k in range(size)])
        level = change - _responses(problem, at, drift) if problem.joint else change
        rows = [slopes[k] * level[k] - drift[k] + operators[k](change[k]) for k in range(size)]
        return np.stack(rows) / scale

    def precondition(right: Array) -> Array:
        if charged is not None and together is not None:
            return charged.precondition(together, right * scale)
        return np.stack([cycles[k](right[k] * scale[k]) for k in range(size)])

    tolerance = float(np.clip(0.3 * at.residual**0.5, 1e-6, 0.1))
    change = gmres(apply, (at.masses - at.rho) / scale, precondition, tolerance, _MOST_PRODUCTS)
    return change if problem.continued else _without_spikes(problem, at, change)


def _without_spikes(problem: GridStep, at: Trial, change: Array) -> Array:
    """The change, where there was no density no further than to the level of the mass that is expected there."""
    out = []
    for k, name in enumerate(problem.names):
        conjugate = problem.conjugates[name]
        expected = np.maximum(at.masses[k] + at.pulled[k].derivative(change[k]), 0.0)
        with np.errstate(invalid="ignore"):
            most = conjugate.derivative(expected) - at.levels[k]
        empty = (at.rho[k] == 0) & ~conjugate.local.forbidden
        out.append(np.where(empty, np.minimum(change[k], most), change[k]))
    return np.stack(out)


def _secants(problem: GridStep, at: Trial, k: int) -> Array:
    """The slope of (U*)' between the level and the one at which the pulled density would be asked for."""
    conjugate, rho, slope = problem.conjugates[problem.names[k]], at.rho[k], at.slopes[k]
    there = np.maximum(at.masses[k], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        secant = (rho - there) / (at.levels[k] - conjugate.derivative(there))
    near = np.abs(rho - there) <= 1e-9 * (rho + there)
    usable = np.isfinite(secant) & ~near & ~conjugate.local.forbidden
    return np.where(usable, np.maximum(secant, 0.1 * slope), slope)


def _responses(problem: GridStep, at: Trial, changes: Array) -> Array:
    state, by_name = problem.state_of(at.masses), dict(zip(problem.names, changes, strict=True))
    return np.stack([problem.joint.response(name, state, by_name) for name in problem.names])


def _between(values: Array, axis: int) -> Array:
    """The larger of the values of two neighbours on the face between them, 0 on the walls."""
    cells = np.moveaxis(values, axis, 0)
    out = np.zeros((len(cells) + 1, *cells.shape[1:]))
    out[1:-1] = np.maximum(cells[1:], cells[:-1])
    return np.ascontiguousarray(np.moveaxis(out, 0, axis))
