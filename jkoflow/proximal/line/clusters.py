"""Atoms of several species at one place, held together by kernels with a tip."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..._arrays import cumulated_from_right
from ..._typing import Array, Indices, Mask
from .model import Chain

_MOST = 4_000_000  # pairs of atoms, or ways of splitting a cluster, that are looked at


@dataclass(frozen=True)
class Tip:
    """c |x - y|, c > 0, between the atoms of one chain and those of another, or frozen ones (``b`` None) at ``places``."""

    strength: float
    a: Chain
    b: Chain | None
    places: Array
    masses: Array


@dataclass(frozen=True)
class Join:
    """Two atoms, by their first nodes, that are to be at one place; or one (``second`` < 0) at a fixed place."""

    first: int
    second: int
    place: float


def joins(tips: list[Tip], x: Array, closed: Mask, near: float) -> list[Join]:
    """The atoms of different species under a tip that are at one place, or nearer than ``near``."""
    found = []
    for tip in tips:
        nodes_a = _atoms(tip.a, closed)
        nodes_b = np.full(len(tip.places), -1) if tip.b is None else _atoms(tip.b, closed)
        places = tip.places if tip.b is None else x[nodes_b]
        if len(nodes_a) * len(nodes_b) <= _MOST:
            for i, k in np.argwhere(np.abs(x[nodes_a][:, None] - places) <= near):
                found.append(Join(int(nodes_a[i]), int(nodes_b[k]), float(places[k])))
    return found


def _atoms(chain: Chain, closed: Mask) -> Indices:
    """The first nodes of the atoms of a chain, that is of its groups of closed cells that hold mass."""
    cells = slice(chain.nodes.start, chain.nodes.stop - 1)
    shut = closed[cells]
    group = np.concatenate([[0], np.cumsum(~shut)])[:-1]
    held = np.flatnonzero(shut & (chain.masses > 0))
    return np.asarray(chain.nodes.start + held[np.unique(group[held], return_index=True)[1]])


def hold_together(
    tips: list[Tip], joined: list[Join], group: Indices, closed: Mask, fixed: Mask, force: Array, slack: float
) -> bool:
    """Whether no splitting of a cluster lowers the objective: the joined atoms are where the step wants them.

    ``force`` is the gradient with the tips at rest. Directions that keep every species in order are mixtures of cuts, in which
    the nodes right of one place in each species move to the right (or those left of it to the left). Along a cut the tips
    between masses A of M and B of N on the moving side give c (A (N - B) + (M - A) B), and half-moving cells a third of their
    product where they meet; so there are finitely many conditions (the minimal selection at a cluster).
    """
    for members, frozen in _clusters(joined, group):
        parts = [_Part.of(chain, members, group, closed, fixed, force) for chain in _chains(tips)]
        present = [part for part in parts if part is not None]
        if int(np.prod([len(part.tail) for part in present], dtype=float)) > _MOST:
            return False
        for rightwards in (True, False):
            if any(part.held_below if not rightwards else part.held_above for part in present):
                continue  # a wall is in the way
            if not rightwards and not frozen and not any(part.held_above for part in present):
                continue  # a free cluster: moving the left side to the left is the same, up to a shift
            if _lowest(tips, present, frozen, rightwards) < -slack:
                return False
    return True


@dataclass(frozen=True)
class _Part:
    """The nodes of one species in a cluster, cut before each of them and after the last: what is right of the cut."""

    chain: Chain
    tail: Array  # the force on it
    mass: Array  # its mass, of a cut cell the half
    cut: Array  # the mass of the cut cell
    held_below: bool
    held_above: bool

    @classmethod
    def of(cls, chain: Chain, members: set[int], group: Indices, closed: Mask, fixed: Mask, force: Array) -> _Part | None:
        inside = np.flatnonzero(np.isin(group[chain.nodes], list(members))) + chain.nodes.start
        if not len(inside):
            return None
        around = [node for node in (chain.nodes.start - 1, chain.nodes.stop) if 0 <= node < len(fixed)]
        walls = [node for node in around if fixed[node] and int(group[node]) in members]  # its own: none of another species
        tail = cumulated_from_right(force[inside])
        cells = chain.masses[inside[:-1] - chain.nodes.start]
        right = cumulated_from_right(cells)
        cut = np.concatenate([[0.0], cells, [0.0]])
        mass = np.concatenate([right, [0.0]]) + cut / 2
        return cls(chain, tail, mass, cut, any(w < inside[0] for w in walls), any(w > inside[-1] for w in walls))


def _lowest(tips: list[Tip], parts: list[_Part], frozen: set[float], rightwards: bool) -> float:
    """The least slope over all cuts of the cluster."""
    shape = [len(part.tail) for part in parts]

    def along(axis: int, values: Array) -> Array:
        return values.reshape([-1 if k == axis else 1 for k in range(len(shape))])

    slope = np.zeros(shape)
    for axis, part in enumerate(parts):
        slope = slope + along(axis, part.tail if rightwards else part.tail - part.tail[0])
    for tip in tips:
        for (i, a), (j, b) in itertools.permutations(enumerate(parts), 2):
            if tip.a is a.chain and tip.b is b.chain:
                A, B = along(i, a.mass), along(j, b.mass)
                M, N = a.mass[0], b.mass[0]
                halves = along(i, a.cut) * along(j, b.cut) / 6
                slope = slope + tip.strength * (A * (N - B) + (M - A) * B - halves)
        if tip.b is None and frozen:
            there = float(tip.masses[np.isin(tip.places, list(frozen))].sum())
            for axis, part in enumerate(parts):
                if tip.a is part.chain:
                    moving = part.mass if rightwards else part.mass[0] - part.mass
                    slope = slope + tip.strength * there * along(axis, moving)
    return float(slope.min())


def _chains(tips: list[Tip]) -> list[Chain]:
    """Every chain under a tip, once."""
    both = [chain for tip in tips for chain in (tip.a, tip.b) if chain is not None]
    return list({chain.name: chain for chain in both}.values())


def _clusters(joined: list[Join], group: Indices) -> Iterator[tuple[set[int], set[float]]]:
    """The groups of nodes that are joined, directly or by others, and the fixed places, where there are some."""
    pairs = [({int(group[node]) for node in (j.first, j.second) if node >= 0}, j) for j in joined]
    while pairs:
        members: set[int] = set(pairs[0][0])
        places: set[float] = set()
        while touching := [pair for pair in pairs if pair[0] & members]:
            pairs = [pair for pair in pairs if not pair[0] & members]
            for groups, join in touching:
                members |= groups
                if join.second < 0:
                    places.add(join.place)
        yield members, places
