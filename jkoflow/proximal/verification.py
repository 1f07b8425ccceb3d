"""What bears out the answer to a step, apart from the iteration that found it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._status import Status
from ..measures import Density, Species
from .base import ProximalStep, ProxResult

_MASS = 1e-9  # share by which masses may differ
_BOUND = 1e-6  # share by which a density may exceed its bound, as for Congestion
_ENERGY = 1e-6  # of the sizes of both energies: what tolerances and quadrature may add
_INERTIA = 1e-12  # of the inertia of a way across the support: what rounding may add where energies are 0
_STILL = 1e-3  # share of a cell: a shorter way is what tolerances leave


def checked(step: ProximalStep, answer: ProxResult, slack: float = 0.5) -> ProxResult:
    """Return the answer, with the status that its own check bears out.

    An answer with a good status is REFUTED

    * if its objective is above that of the anchor:  E(rho) + (1 - slack) sum_i d_i^2 / (2 tau alpha_i) > E(mu),  by more than
      1e-6 of the energies and rounding. ``slack`` leaves room for the quadrature of the distances d_i. With
      ``slack = inf`` the objectives are not compared. A step in which no
      density moves by 1e-3 of a cell is not compared;
    * if a density exceeds its bound, or has mass in an obstacle;
    * if a mass differs from that of the anchor by more than 1e-9 of it.

    A step that is not solved hands back the anchor, if the energy of the anchor is less. The energies are those of the law, not
    those of the solver. A step with further anchors, and one whose status is FROZEN, is not compared with its anchor.

    Cost: one evaluation of the energy. That of the anchor is kept from the step before.
    """
    if step.further or answer.status is Status.FROZEN:
        return answer
    before, after = _energy(step, step.anchor), _energy(step, answer.state)
    step.forms.keep("energy", (answer.state, after))
    rounding = _ENERGY * (abs(before) + abs(after)) + _INERTIA * _inertia(step)
    if not answer.status.ok:
        return answer if after <= before + rounding else _at_rest(step, answer)
    cost = sum(distance**2 / (2 * step.weight(name)) for name, distance in answer.distances.items())
    compared = np.isfinite(before) and np.isfinite(slack)
    worse = compared and not after + (1 - slack) * cost <= before + rounding and _moves(step, answer)
    if worse or not _is_admissible(step, answer.state):
        return _at_rest(step, replace(answer, status=Status.REFUTED))
    return answer


def _energy(step: ProximalStep, state: Species) -> float:
    """The energy of a state; inf where the law does not accept the state."""
    kept = step.forms.taken("energy")
    if kept is not None and all(kept[0].get(name) is measure for name, measure in state.items()):
        return float(kept[1])
    try:
        with np.errstate(all="ignore"):
            value = step.energy(state)
    except ValueError:
        return np.inf
    return value if value == value else np.inf


def _inertia(step: ProximalStep) -> float:
    """sum_i m_i L_i^2 / (tau alpha_i), L_i being the extent of the points."""
    total = 0.0
    for name, measure in step.anchor.items():
        points = measure.points.reshape(len(measure.masses), -1)
        total += measure.mass * float((np.ptp(points, axis=0) ** 2).sum()) / step.weight(name)
    return total


def _moves(step: ProximalStep, answer: ProxResult) -> bool:
    """Return False for densities that move by less than a small share of a cell."""
    if not issubclass(step.anchor.kind, Density):
        return True
    cell = min(step.grid.spacing)
    return any(way > _STILL * cell * step.anchor[name].mass ** 0.5 for name, way in answer.distances.items())


def _is_admissible(step: ProximalStep, state: Species) -> bool:
    """Return True if the masses are those of the anchor, and bounds and obstacles hold."""
    for name, measure in state.items():
        if not abs(measure.mass - step.anchor[name].mass) <= _MASS * step.anchor[name].mass:
            return False
    for bound in step.forms.bounds:
        measure = state[bound.form.species]
        if isinstance(measure, Density) and float(measure.values.max()) > bound.form.density * (1 + _BOUND):
            return False
    for obstacle in step.forms.obstacles:
        measure = state[obstacle.form.species]
        if isinstance(measure, Density) and measure.values[obstacle.form.mask(measure.grid)].any():
            return False
    return True


def _at_rest(step: ProximalStep, answer: ProxResult) -> ProxResult:
    """The answer with the anchor as its state."""
    nothing = {name: np.zeros_like(potential) for name, potential in answer.potentials.items()}
    return replace(answer, state=step.anchor, distances=dict.fromkeys(answer.distances, 0.0), potentials=nothing)
