"""What bears out the answer to a step, apart from the iteration that found it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple
from weakref import ref

import numpy as np

from .._status import Status
from ..laws.forms import Bound
from ..measures import Density, Measure, Species
from .base import ProximalStep, ProxResult

_MASS = 1e-9  # share by which masses may differ
_BOUND = 1e-6  # share by which a density may exceed its bound, as for Congestion
_ROUNDING = 1e-12  # of the sizes of the terms of an energy, and of the inertia of a way across the support
_LEFT = 1e-6  # of the mass: what a solver on a grid may leave at a wrong place
_STILL = 1e-3  # share of a cell: a shorter way is what tolerances leave


class Value(NamedTuple):
    """An energy, and the sum of the sizes of its terms, which tells its rounding."""

    energy: float
    size: float


def checked(step: ProximalStep, answer: ProxResult, slack: float = 0.5) -> ProxResult:
    """Return the answer, with the status that its own check bears out.

    An answer with a good status is REFUTED

    * if its objective is above that of the anchor:  E(rho) + (1 - slack) sum_i d_i^2 / (2 tau alpha_i) > E(mu) + ``margin``.
      ``slack`` leaves room for the quadrature of the distances d_i; with ``slack = inf`` objectives are not compared;
    * if a density exceeds its bound, or has mass in an obstacle;
    * if a mass differs from that of the anchor by more than 1e-9 of it.

    A step that is not solved hands back the anchor, if the energy of the anchor is less. The energies are those of the law, not
    those of the solver.

    Not compared with its anchor is a step with doors or further anchors, a step whose status is FROZEN, and a step in which no
    density moves by 1e-3 of a cell.

    Cost: one evaluation of the energy. That of the anchor is kept from the step before.
    """
    if step.further or answer.status is Status.FROZEN:
        return answer
    if answer.status.ok and not _is_admissible(step, answer.state, answer.outflow):
        return _at_rest(step, replace(answer, status=Status.REFUTED))
    if answer.status.ok and (np.isinf(slack) or step.forms.openings or not moves(step, answer)):
        return answer  # what goes through doors may raise the energy
    before, after = energies(step, answer)
    paid = (1 - slack) * cost(step, answer) if answer.status.ok else 0.0
    if np.isinf(before.energy) or after.energy + paid <= before.energy + margin(step, answer, before, after):
        return answer
    return _at_rest(step, replace(answer, status=Status.REFUTED) if answer.status.ok else answer)


def energies(step: ProximalStep, answer: ProxResult) -> tuple[Value, Value]:
    """The energies of the anchor and of the answer.

    They are kept with the law, by weak references to the measures: the answer is the anchor of the step that follows.
    """
    kept: list[_Kept] = step.forms.taken("energies") or []
    both = []
    for state in (step.anchor, answer.state):
        known = (one.value for one in kept if one.is_of(state))
        both.append(_Kept(tuple(map(ref, state.values())), next(known, None) or _value(step, state)))
    step.forms.keep("energies", both)
    return both[0].value, both[1].value


class _Kept(NamedTuple):
    """The energy of a state that is known by its measures."""

    measures: tuple[ref[Measure], ...]
    value: Value

    def is_of(self, state: Species) -> bool:
        """Return True if this is the energy of the state."""
        return all(kept() is measure for kept, measure in zip(self.measures, state.values(), strict=True))


def cost(step: ProximalStep, answer: ProxResult) -> float:
    """sum_i d_i^2 / (2 tau alpha_i), an energy, as the solver counts it."""
    if not np.isnan(answer.paid):
        return answer.paid
    return float(sum(distance**2 / (2 * step.weight(name)) for name, distance in answer.distances.items()))


def margin(step: ProximalStep, answer: ProxResult, before: Value, after: Value) -> float:
    """What rounding and tolerances may add to an energy. It does not depend on a constant in the energy, but for its rounding.

    It is the sum of

    * 1e-12 of the sizes of all terms, and of the inertia sum_i m_i L_i^2 / (tau alpha_i), L_i being the extent of the points;
    * on a Density 1e-6 of the masses times the differences of their Kantorovich potentials over tau alpha.
    """
    size = before.size + after.size if np.isfinite(after.size) else before.size
    left = 0.0
    for name, measure in step.anchor.items():
        points = measure.points.reshape(len(measure.masses), -1)
        size += measure.mass * float((np.ptp(points, axis=0) ** 2).sum()) / step.weight(name)
        if isinstance(measure, Density):
            potential = answer.potentials[name][answer.state[name].values > 0]
            left += measure.mass * float(np.ptp(potential)) / step.weight(name)
    return _ROUNDING * size + _LEFT * (left if np.isfinite(left) else 0.0)


def _value(step: ProximalStep, state: Species) -> Value:
    """The energy of a state; inf where the law does not accept the state."""
    try:
        with np.errstate(all="ignore"):
            checked_state = step.energy.check(state)
            terms = [c * term(checked_state) for c, term in step.energy.terms if c != 0]
    except ValueError:
        return Value(np.inf, np.inf)
    energy = float(sum(terms))
    return Value(energy if energy == energy else np.inf, float(sum(map(abs, terms))))


def moves(step: ProximalStep, answer: ProxResult) -> bool:
    """Return False for densities that move by less than a small share of a cell."""
    if not issubclass(step.anchor.kind, Density):
        return True
    cell = min(step.grid.spacing)
    return any(way > _STILL * cell * step.anchor[name].mass ** 0.5 for name, way in answer.distances.items())


def _is_admissible(step: ProximalStep, state: Species, outflow: Mapping[str, Mapping[str, float]]) -> bool:
    """Return True if the masses are those of the anchor, and bounds and obstacles hold."""
    for name, measure in state.items():
        through = outflow.get(name, {}).values()
        expected = step.anchor[name].mass - sum(through)
        if not abs(measure.mass - expected) <= _MASS * (step.anchor[name].mass + sum(map(abs, through))):
            return False
    for bound in step.forms.bounds:
        measure = state[bound.form.species]
        if isinstance(measure, Density) and float(measure.values.max()) > bound.form.density * (1 + _BOUND):
            return False
    for shared in step.forms.shared:
        if isinstance(shared.form.of_sum, Bound) and shared.term(state) > 0:
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
