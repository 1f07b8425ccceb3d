"""Clusters: atoms of several species at one place, joined by kernels with a tip. Whether they stay together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..._arrays import cumulated_from_right
from ..._typing import Array, Indices, Mask
from .model import Chain

_MOST = 4_000_000  # the most pairs of atoms, and the most ways of cutting a cluster, that are looked at


@dataclass(frozen=True)
class Tip:
    """The term c int int |x - y| of an energy, c > 0: a tip between two species, or between a species and frozen atoms.

    Attributes
    ----------
    strength : float
        c.
    a : Chain
        The species of x.
    b : Chain or None
        The species of y; None for frozen atoms.
    places, masses : arrays
        The frozen atoms; empty for two species.
    """

    strength: float
    a: Chain
    b: Chain | None
    places: Array
    masses: Array


@dataclass(frozen=True)
class Join:
    """A demand that two atoms be at one place, or that one atom be at a fixed place.

    Attributes
    ----------
    first : int
        The first node of an atom.
    second : int
        The first node of the other atom; negative if the place is fixed.
    place : float
        The fixed place; not used for two atoms.
    """

    first: int
    second: int
    place: float


def joins(tips: list[Tip], x: Array, closed: Mask, near: float) -> list[Join]:
    """Return a join for every two atoms under a tip that are at most ``near`` apart.

    The atoms of a species are its groups of ``closed`` cells that hold mass. A tip with more than 4e6 pairs of atoms is left
    out.
    """
    joined = []
    for tip in tips:
        nodes_a = _atoms(tip.a, closed)
        nodes_b = np.full(len(tip.places), -1) if tip.b is None else _atoms(tip.b, closed)
        places = tip.places if tip.b is None else x[nodes_b]
        if len(nodes_a) * len(nodes_b) <= _MOST:
            for i, k in np.argwhere(np.abs(x[nodes_a][:, None] - places) <= near):
                joined.append(Join(int(nodes_a[i]), int(nodes_b[k]), float(places[k])))
    return joined


def _atoms(chain: Chain, closed: Mask) -> Indices:
    """The first nodes of the atoms of a chain. An atom is a group of closed cells that holds mass."""
    cells = slice(chain.nodes.start, chain.nodes.stop - 1)
    closed_cells = closed[cells]
    group = np.concatenate([[0], np.cumsum(~closed_cells)])[:-1]
    with_mass = np.flatnonzero(closed_cells & (chain.masses > 0))
    return np.asarray(chain.nodes.start + with_mass[np.unique(group[with_mass], return_index=True)[1]])


def no_cut_lowers_objective(
    tips: list[Tip], joined: list[Join], group: Indices, closed: Mask, fixed: Mask, gradient: Array, slack: float
) -> bool:
    """Return True if no cut of a cluster lowers the objective to first order, by more than ``slack``.

    A cut divides every species of the cluster in two. The nodes right of the cut move to the right at speed 1, the others
    stay. If the cut goes through a cell with mass, the cell opens evenly. Every choice of one cut per species is tested, by
    formula (3) of docs/theory/clusters.md, section 5.1. Two kinds of directions are treated apart:

    * If the cluster holds a frozen atom or lies at a wall, the cuts whose left part moves to the left are tested as well.
    * Directions into a wall are not admissible, and are not tested (docs/theory/clusters.md, section 5.5).

    What the answer proves for a convex objective:

    * False after a negative cut: the cluster must split.
    * True: no admissible direction of a cluster that opens no cell with mass lowers the objective
      (docs/theory/clusters.md, sections 5.2 and 5.3).
    * True does not exclude that a cell with mass should open. The slope that the test can miss is of the order of the mass of
      one cell (docs/theory/clusters.md, section 5.4).

    A cluster with more than 4e6 choices of cuts is not tested: the answer is False.

    Parameters
    ----------
    group
        The number of the group of every node, as in ``ConeStep``.
    gradient
        The gradient of the objective with the tips within the cluster at rest: g of docs/theory/clusters.md, section 1.
    slack
        Slopes above -slack count as not negative: what rounding can cause.
    """
    for members, frozen in _clusters(joined, group):
        by_species = [_Cuts.of(chain, members, group, closed, fixed, gradient) for chain in _chains(tips)]
        cuts = [of_species for of_species in by_species if of_species is not None]
        if int(np.prod([len(of_species.force) for of_species in cuts], dtype=float)) > _MOST:
            return False
        for rightwards in (True, False):
            if any(of_species.wall_below if not rightwards else of_species.wall_above for of_species in cuts):
                continue  # a wall is in the way
            if not rightwards and not frozen and not any(of_species.wall_above for of_species in cuts):
                continue  # a free cluster: moving the left side to the left is the same, up to a shift
            if _lowest_slope(tips, cuts, frozen, rightwards) < -slack:
                return False
    return True


@dataclass(frozen=True)
class _Cuts:
    """The cuts of one species in a cluster: before each of its nodes, and after the last."""

    chain: Chain
    force: Array  # T: the sum of the gradient over the nodes right of the cut
    mass: Array  # A: the mass right of the cut, with half of the cell that is cut
    cell: Array  # kappa: the mass of the cell that is cut, 0 for the first and the last cut
    wall_below: bool  # the species lies at its lower wall
    wall_above: bool

    @classmethod
    def of(cls, chain: Chain, members: set[int], group: Indices, closed: Mask, fixed: Mask, gradient: Array) -> _Cuts | None:
        """The cuts of a species in the cluster of the groups ``members``; None if the species is not in it."""
        inside = np.flatnonzero(np.isin(group[chain.nodes], list(members))) + chain.nodes.start
        if not len(inside):
            return None
        around = [node for node in (chain.nodes.start - 1, chain.nodes.stop) if 0 <= node < len(fixed)]
        # the walls of this species alone: a fixed node next to it may be a wall of another
        walls = [node for node in around if fixed[node] and int(group[node]) in members]
        force = cumulated_from_right(gradient[inside])
        cells = chain.masses[inside[:-1] - chain.nodes.start]
        right = cumulated_from_right(cells)
        cell = np.concatenate([[0.0], cells, [0.0]])
        mass = np.concatenate([right, [0.0]]) + cell / 2
        return cls(chain, force, mass, cell, any(w < inside[0] for w in walls), any(w > inside[-1] for w in walls))


def _lowest_slope(tips: list[Tip], cuts: list[_Cuts], frozen: set[float], rightwards: bool) -> float:
    """The least of (3) over all choices of one cut per species: one axis of a table per species."""
    shape = [len(of_species.force) for of_species in cuts]

    def along(axis: int, values: Array) -> Array:
        return values.reshape([-1 if k == axis else 1 for k in range(len(shape))])

    slope = np.zeros(shape)
    for axis, of_species in enumerate(cuts):
        slope = slope + along(axis, of_species.force if rightwards else of_species.force - of_species.force[0])
    for tip in tips:
        for (i, a), (j, b) in itertools.permutations(enumerate(cuts), 2):
            if tip.a is a.chain and tip.b is b.chain:
                A, B = along(i, a.mass), along(j, b.mass)
                M, N = a.mass[0], b.mass[0]
                both_open = along(i, a.cell) * along(j, b.cell) / 6
                slope = slope + tip.strength * (A * (N - B) + (M - A) * B - both_open)
        if tip.b is None and frozen:
            frozen_mass = float(tip.masses[np.isin(tip.places, list(frozen))].sum())
            for axis, of_species in enumerate(cuts):
                if tip.a is of_species.chain:
                    moving_mass = of_species.mass if rightwards else of_species.mass[0] - of_species.mass
                    slope = slope + tip.strength * frozen_mass * along(axis, moving_mass)
    return float(slope.min())


def _chains(tips: list[Tip]) -> list[Chain]:
    """Every chain under a tip, once."""
    with_repeats = [chain for tip in tips for chain in (tip.a, tip.b) if chain is not None]
    return list({chain.name: chain for chain in with_repeats}.values())


def _clusters(joined: list[Join], group: Indices) -> Iterator[tuple[set[int], set[float]]]:
    """Every cluster: the groups of nodes that are joined, directly or by others, and the places of its frozen atoms."""
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
