"""Whether a steady state is stable: what becomes of a small deviation along the flow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._typing import Array
from ..laws import Law
from ..measures import Species
from ..proximal.grids.finite_volume import SteadyEquations

_ASIDE, _GROWS, _LENGTHS = 1e-3, 1e-3, 10.0 ** np.arange(-2, 2)  # of the way; more a step; diffusion times
_STEPS, _FOLD = 40, 10.0  # in which what grows comes to the fore; by which it must have grown
_MOSTLY = 0.5  # of a change: what is left of it
_UNSEEN = 1e-8  # of the mass: a smaller deviation is left to rounding


def growth_rate(
    law: Law,
    equations: SteadyEquations,
    rho: Array,
    start: Array,
    unit: float,
    stepped: Callable[[Species, float], Species | None],
) -> float:
    """The rate at which a small part of the way from rho back to the start grows along the flow; 0 if the state is stable.

    ``stepped`` takes a step of a length along the flow. Short and long steps are tried, in ``unit``: an implicit step damps
    what grows at more than twice the rate 1 / length. Where the law does not depend on the place, motion as a whole does not
    count: the cells make states that lie between them roll to the next one.
    """
    ways = _translations(law, equations, rho)

    def apart(state: Species) -> float:
        return equations.moved(rho, equations.densities(state))

    aside = equations.with_masses((1 - _ASIDE) * rho + _ASIDE * start)
    for length in unit * _LENGTHS:
        state, gap, least = aside, apart(aside), np.inf
        for step in range(_STEPS):
            after = stepped(state, length)
            if after is None:
                break
            state, before, gap = after, gap, apart(after)
            least = min(least, gap)
            grows = gap > (1 + _GROWS) * before
            if gap < _UNSEEN or (step > _STEPS // 4 and not grows):
                break
            if grows and gap > _FOLD * least:
                if _is_made_of(ways, equations.densities(after) - rho):
                    break
                return float((1 - before / gap) / length)
    return 0.0


def _is_made_of(ways: Array, change: Array) -> bool:
    """True if a change is for the most part a combination of the ways, the rows of an array."""
    if len(ways) == 0:
        return False
    rest = change.ravel() - ways.T @ np.linalg.lstsq(ways.T, change.ravel(), rcond=None)[0]
    return bool(np.abs(rest).sum() < _MOSTLY * np.abs(change).sum())


def _translations(law: Law, equations: SteadyEquations, rho: Array) -> Array:
    """How the densities change as all move along an axis, a row per axis; none where the law depends on the place."""
    forms, grid = law.forms, equations.grid
    if forms.external or forms.obstacles or forms.couplings or forms.openings:
        return np.zeros((0, rho.size))
    densities = rho.reshape(-1, *grid.shape)
    rows = [(np.roll(densities, -1, 1 + axis) - np.roll(densities, 1, 1 + axis)).ravel() for axis in range(grid.dim)]
    return np.stack(rows)
