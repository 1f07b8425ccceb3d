"""Where a step on quantiles starts, and what draws its nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..._typing import Array
from ...measures import Quantiles
from ..base import ProximalStep
from .model import Chain, Model

_ROUNDING = 1e-12  # share of the room that sums of widths may exceed


def fitted(least: Array, walls: tuple[float, float] | None) -> Array:
    """The least widths, made smaller where their sum exceeds the room between the walls by no more than rounding."""
    room = np.inf if walls is None else walls[1] - walls[0]
    total = float(least.sum())
    return least * (room / total) * (1 - _ROUNDING) if room < total <= room * (1 + _ROUNDING) else least


def within_floors(nodes: Array, least: Array, walls: tuple[float, float] | None) -> Array:
    """Return the nodes with cells widened to at least ``least``, between the walls; the given nodes if they are wide enough.

    Raises ValueError if the walls leave no room.
    """
    widths = np.diff(nodes)
    if np.all(widths >= least):
        return nodes
    widths = np.maximum(widths, least)
    middle = (nodes[0] + nodes[-1]) / 2
    if walls is not None:
        room = walls[1] - walls[0] - float(least.sum())
        if room < 0:
            raise ValueError(f"bound must leave room for the mass between the walls {walls}, got {-room:.3g} too little")
        spare = widths - least
        widths = least + spare * min(1.0, room / max(float(spare.sum()), 1e-300))
        half = float(widths.sum()) / 2
        middle = min(max(middle, walls[0] + half), walls[1] - half)
    start = middle - float(widths.sum()) / 2
    return np.concatenate([[start], start + np.cumsum(widths)])


def target_of(step: ProximalStep, name: str, anchor: Quantiles) -> tuple[float, Array]:
    """Return the total weight of the anchors of a species, and the weighted mean of their nodes, which need not be in order."""
    weight, total = 1.0, anchor.nodes.copy()
    for c, other in step.further:
        weight += c
        total += c * other[name].nodes
    return weight, total / weight


class KeptEnergy(NamedTuple):
    """The energy about some nodes to second order, with what it depends on besides the law."""

    walls: tuple[float, float] | None
    nodes: Array
    masses: list[tuple[str, Array]]
    model: Model

    def is_about(self, walls: tuple[float, float] | None, x: Array, chains: Sequence[Chain]) -> bool:
        """Return True if this is the energy of these species about the nodes x."""
        same = len(chains) == len(self.masses) and all(
            chain.name == name and np.array_equal(chain.masses, w) for chain, (name, w) in zip(chains, self.masses, strict=True)
        )
        return same and walls == self.walls and np.array_equal(self.nodes, x)
