"""Atoms that are at one place, and whether they stay together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._typing import Array, Indices
from ..measures import Particles, Species

_SWEEPS, _SETTLED = 1000, 1e-14  # of the pairs of species at one place
_SAME = 1e-9  # relative: velocities that count as equal
_APART = 1.1  # contact distances at which what separates is put


def together(forces: Array, masses: Array, grips: Array) -> Array:
    """The velocities (S, d) of species at one place, from those (S, d) that everything else gives them.

    Species a and b pull one another in any direction up to a unit vector eta:

        v_a = f_a - m_b T_ab eta,    v_b = f_b + m_a T_ba eta,    eta = Proj_(|eta| <= 1) (f_a - f_b) / (m_b T_ab + m_a T_ba)

    so that they stay together as long as the tips can hold them, else separate along the difference. For a symmetrizable law
    (T_ab = alpha_a s, T_ba = alpha_b s) this is the element of least norm of the subdifferential
    (docs/theory/coincidences.md, section 3), found by going round the pairs where there are more than two species; for
    others, the sliding velocity of Filippov.
    """
    size = len(masses)
    strengths = grips * masses  # m_b T_ab
    pairs = [(a, b) for a in range(size) for b in range(a) if strengths[a, b] + strengths[b, a] > 0]
    velocities, pulls = forces.copy(), {pair: np.zeros(forces.shape[1]) for pair in pairs}
    for _ in range(_SWEEPS if len(pairs) > 1 else 1):
        largest = 0.0
        for a, b in pairs:
            wanted = pulls[a, b] + (velocities[a] - velocities[b]) / (strengths[a, b] + strengths[b, a])
            length = float(np.linalg.norm(wanted))
            change = (wanted / length if length > 1 else wanted) - pulls[a, b]
            pulls[a, b] += change
            velocities[a] -= strengths[a, b] * change
            velocities[b] += strengths[b, a] * change
            largest = max(largest, float(np.abs(change).max()))
        if largest < _SETTLED:
            break
    return velocities


@dataclass(frozen=True, eq=False)
class Groups:
    """Atoms gathered at places: ``places`` (n, d), the masses ``held`` (n, S) of every species there, and for every atom of
    every species the number of its group.
    """

    places: Array
    held: Array
    members: tuple[Indices, ...]

    @classmethod
    def of(cls, state: Species) -> Groups:
        """Every atom on its own."""
        places = np.concatenate([cloud.points.reshape(len(cloud.masses), -1) for cloud in state.values()])
        held = np.zeros((len(places), len(state)))
        members, start = [], 0
        for a, cloud in enumerate(state.values()):
            mine = np.arange(start, start + len(cloud.masses))
            held[mine, a] = cloud.masses
            members.append(mine)
            start += len(cloud.masses)
        return cls(places, held, tuple(members))

    def state(self, before: Species) -> Species:
        """The groups as particles, with the masses and in the order of ``before``."""
        return Species(
            {
                name: Particles(self.places[mine].reshape(before[name].points.shape), before[name].masses)
                for (name, mine) in zip(before, self.members, strict=True)
            }
        )

    @property
    def mixed(self) -> Indices:
        """The groups of several species."""
        return np.flatnonzero((self.held > 0).sum(axis=1) > 1)

    def gap(self, grips: Array) -> float:
        """The least distance of two groups that hold one another where they meet; inf without any."""
        return min((float(d.min(initial=np.inf)) for _, _, d in self._neighbours(grips)), default=np.inf)

    def _neighbours(self, grips: Array) -> list[tuple[Indices, Indices, Array]]:
        """For every two species with a grip: groups of one, the nearest other group of the other, and the distances."""
        from scipy.spatial import KDTree

        found = []
        for a, b in zip(*np.nonzero(grips + grips.T > 0), strict=True):
            first, second = np.flatnonzero(self.held[:, a] > 0), np.flatnonzero(self.held[:, b] > 0)
            distances, nearest = KDTree(self.places[second]).query(self.places[first], k=[1, 2])
            nearest = np.append(second, -1)[nearest]  # -1 where there is no second one
            itself = nearest[:, 0] == first  # a group is not its own neighbour
            near = np.where(itself, nearest[:, 1], nearest[:, 0])
            away = np.where(itself, distances[:, 1], distances[:, 0])
            found.append((first[near >= 0], near[near >= 0], away[near >= 0]))
        return found

    def gathered(
        self, velocities: Callable[[Array, Array], Array], grips: Array, balance: Array, contact: float, near: float
    ) -> Groups:
        """The same with groups joined that are within ``near`` of one another and hold one another, and with those taken
        apart that do not.

        Joined at the centre that the joint motion keeps, with weights balance_a m_a. What does not stay together is put on the
        side to which it leaves, a little more than ``contact`` apart.
        """
        joined = self._joined(grips, balance, near)
        forces = velocities(joined.places, joined.held)
        out = joined
        for g in joined.mixed:
            there = np.flatnonzero(joined.held[g] > 0)
            masses = joined.held[g, there]
            moves = together(forces[there, g], masses, grips[np.ix_(there, there)])
            out = out._parted(int(g), there, moves, balance[there] * masses, contact)
        return out

    def _joined(self, grips: Array, balance: Array, near: float) -> Groups:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        links = [(first[d <= near], other[d <= near]) for first, other, d in self._neighbours(grips)]
        rows, columns = (np.concatenate([link[k] for link in links] or [np.zeros(0, int)]) for k in (0, 1))
        if len(rows) == 0:
            return self
        graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(self.places),) * 2)
        count, which = connected_components(graph, directed=False)
        weights = self.held @ balance
        places = np.zeros((count, self.places.shape[1]))
        held = np.zeros((count, self.held.shape[1]))
        np.add.at(places, which, self.places * weights[:, None])
        np.add.at(held, which, self.held)
        centre = places / (held @ balance)[:, None]
        alone = np.bincount(which, minlength=count)[which] == 1
        centre[which[alone]] = self.places[alone]  # to the last bit
        return Groups(centre, held, tuple(which[mine] for mine in self.members))

    def _parted(self, g: int, there: Indices, moves: Array, weights: Array, contact: float) -> Groups:
        """A group taken apart into those species that move alike."""
        size = float(np.abs(moves).max())
        classes: list[list[int]] = []
        for k in range(len(there)):
            alike = next((c for c in classes if np.abs(moves[c[0]] - moves[k]).max() <= _SAME * size), None)
            if alike is None:
                classes.append([k])
            else:
                alike.append(k)
        if len(classes) == 1:
            return self
        means = [weights[c] @ moves[c] / weights[c].sum() for c in classes]
        rests = [np.delete(np.arange(len(there)), c) for c in classes]
        leads = [mean - weights[rest] @ moves[rest] / weights[rest].sum() for mean, rest in zip(means, rests, strict=True)]
        k = int(np.argmax([np.linalg.norm(lead) for lead in leads]))  # leaves the fastest; the others are looked at again
        own, rest = np.array(classes[k]), rests[k]
        way = leads[k] * (_APART * contact / float(np.linalg.norm(leads[k])))
        share = weights[own].sum() / weights.sum()
        places = np.concatenate([self.places, (self.places[g] + (1 - share) * way)[None]])
        places[g] = self.places[g] - share * way
        held = np.concatenate([self.held, np.zeros((1, self.held.shape[1]))])
        held[-1, there[own]], held[g, there[own]] = self.held[g, there[own]], 0.0
        members = [mine.copy() for mine in self.members]
        for a in there[own]:
            members[a][members[a] == g] = len(held) - 1
        parted = Groups(places, held, tuple(members))
        return parted._parted(g, there[rest], moves[rest], weights[rest], contact)
