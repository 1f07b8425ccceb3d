"""A check of an exact step that the iteration does not know: no density gains by moving as a whole by cells."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np

from ...._typing import Array
from ...base import ProximalStep, ProxResult
from ...verification import energies, margin, moves, value_of
from .equations import GridStep


class Translation(NamedTuple):
    """Some species that move together along an axis, by a number of cells, which is negative towards the low end."""

    names: tuple[str, ...]
    axis: int
    cells: int


class _Change(NamedTuple):
    """The objective after a translation, less that before, and a bound on its error."""

    value: float
    error: float


def better_place(step: ProximalStep, answer: ProxResult) -> Translation | None:
    """Return a translation that lowers the objective, if the opposite one does not; None if there is none.

    Every species moves alone, then all move together, by one cell. If this lowers the objective, by two cells, by four, and so
    on, as long as it falls. Its change is known without an approximation. It is the difference of the energies, and for a
    density of mass M with mean m

        W2(rho moved by s, mu)^2 - W2(rho, mu)^2  =  2 M s . (m(rho) - m(mu)) + M |s|^2.

    What reaches a wall stays there. The distance that it has come is bounded by the length of the grid.

    This finds a place that is wrong by more than half a cell. Such places are critical points of the discrete objective: where
    terms do not change as all mass moves, as for attraction, cells hold fronts back by more than the distance pulls in a long
    step. Where the objective falls both ways, the answer is a critical point that is no minimiser. It is kept.

    Not checked are steps next to obstacles and on tori, and steps that do not move.

    Cost: 2 d evaluations of the energy for one species, and 2 d (S + 1) for S > 1.
    """
    if not np.isfinite(answer.residual) or step.forms.obstacles or step.grid.periodic or not moves(step, answer):
        return None
    _, after = energies(step, answer)
    if not np.isfinite(after.energy):
        return None
    allowed = margin(step, answer, after, after)
    groups: list[tuple[str, ...]] = [(name,) for name in answer.state]
    groups += [tuple(answer.state)] if len(groups) > 1 else []
    axes = [axis for axis, count in enumerate(step.grid.shape) if count > 1]
    for names, axis in product(groups, axes):
        falls = [
            translation
            for translation in (Translation(names, axis, -1), Translation(names, axis, 1))
            if (change := _change(step, answer, translation)).value < -change.error - allowed
        ]
        if len(falls) == 1:
            return _farthest(step, answer, falls[0])
    return None


def _farthest(step: ProximalStep, answer: ProxResult, translation: Translation) -> Translation:
    """The translation, doubled as long as the objective falls."""
    value = _change(step, answer, translation).value
    while abs(translation.cells) < step.grid.shape[translation.axis]:
        farther = translation._replace(cells=2 * translation.cells)
        change = _change(step, answer, farther)
        if not change.value + change.error < value:
            break
        translation, value = farther, change.value
    return translation


def _change(step: ProximalStep, answer: ProxResult, translation: Translation) -> _Change:
    names, axis, cells = translation
    width, volume = step.grid.spacing[axis], step.grid.cell_volume
    value, error = -energies(step, answer)[1].energy, 0.0
    moved = {name: density.values for name, density in answer.state.items()}
    for name in names:
        # layer by layer, the last one before the wall first
        ahead = slice(None, None, -1 if cells > 0 else 1)
        rho, anchor = (np.moveaxis(state[name].values, axis, 0)[ahead] for state in (answer.state, step.anchor))
        layers = np.arange(len(rho)).reshape(-1, *[1] * (rho.ndim - 1))
        way, most = width * np.minimum(layers, abs(cells)), width * abs(cells)
        carried = float((width * layers * (anchor - rho)).sum())
        value += (2 * most * carried + float((way**2 * rho).sum())) * volume / (2 * step.weight(name))
        error += step.grid.lengths[axis] * float(((most - way) * rho).sum()) * volume / step.weight(name)
        last, others = rho[: abs(cells) + 1].sum(axis=0, keepdims=True), rho[abs(cells) + 1 :]
        new = np.concatenate([last, others, np.zeros((len(rho) - 1 - len(others), *rho.shape[1:]))])
        moved[name] = np.ascontiguousarray(np.moveaxis(new[ahead], 0, axis))
    return _Change(value + value_of(step, answer.state.like(moved)).energy, error)


def moved(problem: GridStep, phi: Array, translation: Translation) -> Array:
    """The potentials phi(x - s) - s . x / (tau alpha), whose maps carry the moved densities to the places of before."""
    names, axis, cells = translation
    new, width = phi.copy(), problem.grid.spacing[axis]
    for k, name in enumerate(problem.names):
        if name in names:
            rows = np.moveaxis(phi[k], axis, -1)
            places = np.arange(rows.shape[-1])
            shifted = rows[..., np.clip(places - cells, 0, len(places) - 1)]
            new[k] = np.moveaxis(shifted - cells * width**2 * places / problem.taus[k], -1, axis)
    return new
