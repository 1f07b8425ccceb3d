"""Atoms of two species at one place, held together by a kernel with a tip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from .._typing import Array, Indices, Mask

_MOST_PAIRS = 4_000_000

Key: TypeAlias = tuple[int, int, int]
"""The tip, the first node of the first atom, and that of the second (or its number, of a frozen one)."""


@dataclass(frozen=True)
class Tip:
    """c |x - y|, c > 0, between the atoms of one chain and those of another, or of frozen quantiles at fixed nodes.

    Where two atoms of masses m and n meet, the force between them may be anything between -c m n and c m n: they stay
    together as long as that suffices (the minimal selection; paper note 0, section 2.6).
    """

    strength: float
    a: slice
    masses_a: Array
    b: slice | None
    masses_b: Array
    frozen: Array | None = None


@dataclass(frozen=True)
class Atoms:
    """Atoms by the group of nodes that each is (-1 of frozen ones), the first node (or number), place and mass."""

    groups: Indices
    nodes: Indices
    places: Array
    masses: Array

    def place_of(self, node: int) -> float | None:
        """Where the atom with this first node is; None where it is no atom any more."""
        found = np.flatnonzero(self.nodes == node)
        return float(self.places[found[0]]) if len(found) else None


@dataclass(frozen=True)
class Pair:
    """An atom of one chain and another, by their groups; the place of the second, and the most that the tip can hold."""

    first: int
    second: int
    place: float
    capacity: float
    key: Key


@dataclass
class Ties:
    """Which pairs of atoms are held together (0), or apart with the first to the right (+1) or to the left (-1)."""

    tips: list[Tip]
    x: Array
    choice: dict[Key, int] = field(default_factory=dict)
    tied: list[Pair] = field(default_factory=list)
    apart: list[Pair] = field(default_factory=list)

    def gather(self, group: Indices, closed: Mask, near: float) -> None:
        """Tie all atoms that are nearer than a distance."""
        for number, a, b, _ in self._sides(self.x, group, closed):
            for i, k in np.argwhere(np.abs(a.places[:, None] - b.places) <= near):
                self.choice[number, int(a.nodes[i]), int(b.nodes[k])] = 0

    def arrange(self, group: Indices, closed: Mask) -> None:
        """Find the pairs that count for this grouping of the nodes: those at one place, and those known from before."""
        self.tied, self.apart = [], []
        for number, a, b, strength in self._sides(self.x, group, closed):
            counts = a.places[:, None] == b.places
            for tip, first, second in self.choice:
                if tip == number:
                    counts |= (a.nodes[:, None] == first) & (b.nodes == second)
            for i, k in np.argwhere(counts):
                key = (number, int(a.nodes[i]), int(b.nodes[k]))
                capacity = strength * float(a.masses[i] * b.masses[k])
                pair = Pair(int(a.groups[i]), int(b.groups[k]), float(b.places[k]), capacity, key)
                (self.tied if self.choice.setdefault(key, 0) == 0 else self.apart).append(pair)

    def revise(self, group: Indices, closed: Mask, nodes: Array, force: Array) -> bool:
        """Tie the atoms that would pass one another, part those whose tie is not strong enough; True when anything changed.

        ``force`` is the gradient on every group.
        """
        before = dict(self.choice)
        for pair, held in zip(self.tied, self.reactions(force), strict=True):
            if abs(held) > pair.capacity * (1 + 1e-12):
                self.choice[pair.key] = 1 if held > 0 else -1
        was_sides = self._sides(self.x, group, closed)
        for (number, a, b, _), (_, a_was, b_was, _) in zip(self._sides(nodes, group, closed), was_sides, strict=True):
            now = np.sign(a.places[:, None] - b.places)
            was = np.sign(a_was.places[:, None] - b_was.places)
            for i, k in np.argwhere(was * now < 0):
                self.choice.setdefault((number, int(a.nodes[i]), int(b.nodes[k])), 0)
            for pair in self.apart:
                places = a.place_of(pair.key[1]), b.place_of(pair.key[2])
                if pair.key[0] != number or places[0] is None or places[1] is None:
                    continue
                if (places[0] - places[1]) * self.choice[pair.key] < 0:
                    self.choice[pair.key] = 0
        return self.choice != before

    def reactions(self, force: Array) -> Array:
        """The forces of the ties that balance the groups, the smallest ones where there is a choice."""
        if not self.tied:
            return np.zeros(0)
        members = sorted({g for pair in self.tied for g in (pair.first, pair.second) if g >= 0})
        row = {g: i for i, g in enumerate(members)}
        balance = np.zeros((len(members), len(self.tied)))
        for k, pair in enumerate(self.tied):
            balance[row[pair.first], k] = 1.0
            if pair.second >= 0:
                balance[row[pair.second], k] = -1.0
        return np.asarray(np.linalg.lstsq(balance, -force[members], rcond=None)[0])

    def _sides(self, x: Array, group: Indices, closed: Mask) -> Iterator[tuple[int, Atoms, Atoms, float]]:
        """The atoms on the two sides of every tip, where they are not too many to be looked at pair by pair."""
        for number, tip in enumerate(self.tips):
            a = _atoms(x, tip.a, tip.masses_a, group, closed)
            b = _frozen_atoms(tip) if tip.b is None else _atoms(x, tip.b, tip.masses_b, group, closed)
            if len(a.nodes) * len(b.nodes) <= _MOST_PAIRS:
                yield number, a, b, tip.strength


def _atoms(x: Array, part: slice, masses: Array, group: Indices, closed: Mask) -> Atoms:
    inner = slice(part.start, part.stop - 1)
    held = np.flatnonzero(closed[inner] & (masses > 0))
    groups, first, which = np.unique(group[inner][held], return_index=True, return_inverse=True)
    nodes = part.start + held[first]
    weights = np.bincount(which, weights=masses[held], minlength=len(groups))
    return Atoms(groups, nodes, x[nodes], weights.astype(np.float64))


def _frozen_atoms(tip: Tip) -> Atoms:
    assert tip.frozen is not None
    held = (np.diff(tip.frozen) == 0) & (tip.masses_b > 0)
    places, which = np.unique(tip.frozen[:-1][held], return_inverse=True)
    weights = np.bincount(which, weights=tip.masses_b[held], minlength=len(places))
    return Atoms(np.full(len(places), -1), np.arange(len(places)), places, weights.astype(np.float64))
