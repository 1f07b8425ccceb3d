"""A check of a step that the iteration does not know: no density gains by moving as a whole by cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import NamedTuple

import numpy as np

from ..._typing import Array
from ...grids import Grid
from ...laws.forms import External
from ...measures import Species
from ..base import ProximalStep, ProxResult
from ..verification import energies, margin, moves

MOST_MOVES = 8  # times that an answer is moved to where its objective is less
_EMPTY = 1e-12  # share of the fullest layer


class Translation(NamedTuple):
    """Some species that move together along an axis, by a number of cells, which is negative towards the low end."""

    names: tuple[str, ...]
    axis: int
    cells: int
    turn: int = 0
    """On a periodic axis the cells by which arrays are rolled first, so that nothing lies at the ends."""


class _Change(NamedTuple):
    """The objective after a translation, less that before, and a bound on its error."""

    value: float
    error: float


def better_place(step: ProximalStep, potentials: Mapping[str, Array], answer: ProxResult) -> Translation | None:
    """Return a translation that lowers the objective, if the opposite one does not; None if there is none.

    Every species moves alone, then all move together, by one cell. If this lowers the objective, by two cells, by four, and so
    on, as long as it falls. Its change is known without an approximation. It is the difference of the energies, and for a
    density of mass M with mean m

        W2(rho moved by s, mu)^2 - W2(rho, mu)^2  =  2 M s . (m(rho) - m(mu)) + M |s|^2.

    What reaches a wall stays there. The distance that it has come is bounded by the length of the grid. On a torus an
    axis is looked at if nothing lies in half of the period.

    This finds a place that is wrong by more than half a cell. Such places are critical points of the discrete objective: where
    terms do not change as all mass moves, as for attraction, cells hold fronts back by more than the distance pulls in a long
    step. Where the objective falls both ways, the answer is a critical point that is no minimiser. It is kept.

    Not checked are laws whose terms all depend on the place or on one cell alone, which hold mass where it belongs, steps next
    to obstacles, steps that do not move, and on tori steps of mass that is everywhere.

    ``potentials`` are those of the law, V in the cells, by species. Entropic distances change as W2 does, away from walls.

    Cost: 2 d evaluations of the energy for one species, and 2 d (S + 1) for S > 1, without those of functions of space.
    """
    together = step.forms.pairs or step.forms.couplings or step.forms.general
    if not together or not np.isfinite(answer.residual) or step.forms.obstacles or not moves(step, answer):
        return None
    _, after = energies(step, answer)
    if not np.isfinite(after.energy):
        return None
    allowed, start = margin(step, answer, after, after), _energy(step, potentials, answer.state)

    def change(translation: Translation) -> _Change:
        return _change(step, potentials, answer, translation, start)

    groups: list[tuple[str, ...]] = [(name,) for name in answer.state]
    groups += [tuple(answer.state)] if len(groups) > 1 else []
    turns = {axis: _turn(step, answer, axis) for axis, count in enumerate(step.grid.shape) if count > 1}
    for names, (axis, turn) in product(groups, turns.items()):
        both = [] if turn is None else [Translation(names, axis, cells, turn) for cells in (-1, 1)]
        changes = {translation: change(translation) for translation in both}
        falls = [translation for translation, (value, error) in changes.items() if value < -error - allowed]
        if len(falls) == 1:
            return _farthest(change, falls[0], changes[falls[0]].value, step.grid.shape[axis])
    return None


def _turn(step: ProximalStep, answer: ProxResult, axis: int) -> int | None:
    """The cells by which a periodic axis is rolled so that nothing lies in the outer quarters; None if that is impossible."""
    if not step.grid.periodic_axes[axis]:
        return 0
    count, others = step.grid.shape[axis], tuple(k for k in range(step.grid.dim) if k != axis)
    layers = sum(state[name].values.sum(axis=others) for state in (answer.state, step.anchor) for name in state)
    filled = np.flatnonzero(layers > _EMPTY * float(layers.max()))
    gaps = np.diff(filled, append=filled[0] + count)
    widest = int(np.argmax(gaps))
    first, width = int(filled[(widest + 1) % len(filled)]), count - int(gaps[widest]) + 1
    return None if width > count / 2 else (count - width) // 2 - first


def _farthest(change: Callable[[Translation], _Change], translation: Translation, value: float, most: int) -> Translation:
    """The translation, which changes the objective by ``value``, doubled as long as it falls."""
    while abs(translation.cells) < most:
        farther = translation._replace(cells=2 * translation.cells)
        new = change(farther)
        if not new.value + new.error < value:
            break
        translation, value = farther, new.value
    return translation


def _change(
    step: ProximalStep, potentials: Mapping[str, Array], answer: ProxResult, translation: Translation, start: float
) -> _Change:
    """What a translation changes; ``start`` is the energy of the answer."""
    names, axis, cells, turn = translation
    width, volume = step.grid.spacing[axis], step.grid.cell_volume
    value, error = -start, 0.0
    after = {name: density.values for name, density in answer.state.items()}
    for name in names:
        # layer by layer, the last one before the wall first
        ahead = slice(None, None, -1 if cells > 0 else 1)
        sides = (np.roll(state[name].values, turn, axis) for state in (answer.state, step.anchor))
        rho, anchor = (np.moveaxis(values, axis, 0)[ahead] for values in sides)
        layers = np.arange(len(rho)).reshape(-1, *[1] * (rho.ndim - 1))
        way, most = width * np.minimum(layers, abs(cells)), width * abs(cells)
        carried = float((width * layers * (anchor - rho)).sum())
        value += (2 * most * carried + float((way**2 * rho).sum())) * volume / (2 * step.weight(name))
        error += step.grid.lengths[axis] * float(((most - way) * rho).sum()) * volume / step.weight(name)
        last, others = rho[: abs(cells) + 1].sum(axis=0, keepdims=True), rho[abs(cells) + 1 :]
        new = np.concatenate([last, others, np.zeros((len(rho) - 1 - len(others), *rho.shape[1:]))])
        after[name] = np.roll(np.moveaxis(new[ahead], 0, axis), -turn, axis)
    return _Change(value + _energy(step, potentials, answer.state.like(after)), error)


def _energy(step: ProximalStep, potentials: Mapping[str, Array], state: Species) -> float:
    """The energy of a state, with potentials as arrays; inf where the law does not accept the state."""
    external = (step.grid.integrate(potentials[name] * state[name].values) for name in state)
    others = (entry for entry in step.forms.entries if entry.factor != 0 and not isinstance(entry.form, External))
    try:
        with np.errstate(all="ignore"):
            energy = float(sum(external) + sum(entry.factor * entry.term(state) for entry in others))
    except ValueError:
        return np.inf
    return energy if energy == energy else np.inf


def moved(grid: Grid, values: Array, translation: Translation, slope: float) -> Array:
    """Return values(x - s) + slope s . x in the cells, where s is the translation.

    So a Kantorovich potential, with the slope 1, becomes the one whose map carries the moved density to the places of before.
    """
    _, axis, cells, turn = translation
    rows = np.moveaxis(np.roll(values, turn, axis), axis, -1)
    places = np.arange(rows.shape[-1])
    shifted = rows[..., np.clip(places - cells, 0, len(places) - 1)]
    carried = shifted + slope * cells * grid.spacing[axis] ** 2 * places
    return np.roll(np.moveaxis(carried, -1, axis), -turn, axis)
