"""Atoms that are at one place, and whether they stay together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._typing import Array, Indices
from ..measures import Particles, Species

_SWEEPS, _SETTLED = 1000, 1e-14  # the most rounds over the pairs of species at one place; the change of a pull that ends them
_SAME = 1e-9  # relative difference of velocities that count as equal
_APART = 1.1  # contact distances between the parts of a group that separates


def together(forces: Array, masses: Array, grips: Array) -> Array:
    """Return the velocities of species at one place that pull one another by tips.

    Two species a and b pull one another by a vector eta of length at most 1:

        v_a = f_a - m_b T_ab eta,    v_b = f_b + m_a T_ba eta,    eta = Proj_(|eta| <= 1) (f_a - f_b) / (m_b T_ab + m_a T_ba)

    So they stay together as long as the tips can hold them; else they separate along f_a - f_b. With more than two species the
    rule is applied to all pairs in turn until no pull changes.

    * For a symmetrizable law (T_ab = alpha_a s, T_ba = alpha_b s) this is the element of least norm of the subdifferential
      (docs/theory/coincidences.md, section 3).
    * For other laws it is the sliding velocity of Filippov.

    Parameters
    ----------
    forces : array (S, d)
        f: the velocities that everything but these pulls gives the species.
    masses : array (S,)
        m.
    grips : array (S, S)
        T: the speed at which a unit mass of species b pulls species a, see ``CloudLaw.grips``.

    Returns
    -------
    array (S, d)
        v.
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


class _Neighbours(NamedTuple):
    """Groups that hold one species, for each the nearest other group that holds a second species, and their distances."""

    groups: Indices
    nearest: Indices
    distances: Array


@dataclass(frozen=True, eq=False)
class Groups:
    """Atoms gathered in groups: the atoms of a group are at one place and move as one.

    Attributes
    ----------
    places : array (n, d)
        The places of the groups.
    masses : array (n, S)
        The mass of every species in every group.
    members : tuple of S arrays
        For every atom of every species, the number of its group.
    """

    places: Array
    masses: Array
    members: tuple[Indices, ...]

    @classmethod
    def of(cls, state: Species) -> Groups:
        """Every atom in a group of its own."""
        places = np.concatenate([cloud.points.reshape(len(cloud.masses), -1) for cloud in state.values()])
        masses = np.zeros((len(places), len(state)))
        members, start = [], 0
        for a, cloud in enumerate(state.values()):
            groups = np.arange(start, start + len(cloud.masses))
            masses[groups, a] = cloud.masses
            members.append(groups)
            start += len(cloud.masses)
        return cls(places, masses, tuple(members))

    @classmethod
    def again(cls, state: Species, members: tuple[Indices, ...]) -> Groups:
        """The groups of a state whose atoms are numbered by their groups, as ``members`` of the groups before."""
        count = 1 + max(int(group_of_atom.max()) for group_of_atom in members)
        clouds = [(cloud.points.reshape(len(cloud.masses), -1), cloud.masses) for cloud in state.values()]
        places, masses = np.zeros((count, clouds[0][0].shape[1])), np.zeros((count, len(state)))
        for a, ((points, weights), group_of_atom) in enumerate(zip(clouds, members, strict=True)):
            places[group_of_atom] = points
            np.add.at(masses[:, a], group_of_atom, weights)
        return cls(places, masses, members)

    def state(self, before: Species) -> Species:
        """The atoms at the places of their groups, with the masses and in the order of ``before``."""
        return Species(
            {
                name: Particles(self.places[group_of_atom].reshape(before[name].points.shape), before[name].masses)
                for (name, group_of_atom) in zip(before, self.members, strict=True)
            }
        )

    @property
    def mixed(self) -> Indices:
        """The numbers of the groups of several species."""
        return np.flatnonzero((self.masses > 0).sum(axis=1) > 1)

    def gap(self, grips: Array) -> float:
        """The least distance between two groups of species with a grip on one another; inf if there are none."""
        return min((float(d.min(initial=np.inf)) for _, _, d in self._neighbours(grips)), default=np.inf)

    def _neighbours(self, grips: Array) -> list[_Neighbours]:
        """The neighbours by every two species with a grip on one another."""
        from scipy.spatial import KDTree

        neighbours = []
        for a, b in zip(*np.nonzero(grips + grips.T > 0), strict=True):
            first, second = np.flatnonzero(self.masses[:, a] > 0), np.flatnonzero(self.masses[:, b] > 0)
            distances, nearest = KDTree(self.places[second]).query(self.places[first], k=[1, 2])
            nearest = np.append(second, -1)[nearest]  # -1 where there is no second one
            itself = nearest[:, 0] == first  # a group is not its own neighbour
            near = np.where(itself, nearest[:, 1], nearest[:, 0])
            away = np.where(itself, distances[:, 1], distances[:, 0])
            neighbours.append(_Neighbours(first[near >= 0], near[near >= 0], away[near >= 0]))
        return neighbours

    def gathered(
        self, velocities: Callable[[Array, Array], Array], grips: Array, balance: Array, contact: float, near: float
    ) -> Groups:
        """Return the groups after their meetings.

        1. Groups of species with a grip on one another that are at most ``near`` apart are joined. The joined group lies at
           the centre with the weights balance_a m_a, which the joint motion keeps.
        2. A group of several species that do not stay together, by the rule of ``together``, is taken apart. The parts are put
           on the sides to which they leave, a little more than ``contact`` apart.

        Parameters
        ----------
        velocities
            The velocities (S, n, d) that every species has at places (n, d) with masses (n, S), as ``CloudLaw.velocities``.
        grips : array (S, S)
        balance : array (S,)
        contact, near : float
            Lengths.
        """
        joined = self._joined(grips, balance, near)
        forces = velocities(joined.places, joined.masses)
        groups = joined
        for g in joined.mixed:
            species = np.flatnonzero(joined.masses[g] > 0)
            masses = joined.masses[g, species]
            moves = together(forces[species, g], masses, grips[np.ix_(species, species)])
            groups = groups._parted(int(g), species, moves, balance[species] * masses, contact)
        return groups

    def _joined(self, grips: Array, balance: Array, near: float) -> Groups:
        """The groups, with those joined that are at most ``near`` apart and have a grip on one another."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        links = [(first[d <= near], other[d <= near]) for first, other, d in self._neighbours(grips)]
        rows, columns = (np.concatenate([link[k] for link in links] or [np.zeros(0, int)]) for k in (0, 1))
        if len(rows) == 0:
            return self
        graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(self.places),) * 2)
        count, which = connected_components(graph, directed=False)
        weights = self.masses @ balance
        places = np.zeros((count, self.places.shape[1]))
        masses = np.zeros((count, self.masses.shape[1]))
        np.add.at(places, which, self.places * weights[:, None])
        np.add.at(masses, which, self.masses)
        centre = places / (masses @ balance)[:, None]
        alone = np.bincount(which, minlength=count)[which] == 1
        centre[which[alone]] = self.places[alone]  # to the last bit
        return Groups(centre, masses, tuple(which[group_of_atom] for group_of_atom in self.members))

    def _parted(self, g: int, species: Indices, moves: Array, weights: Array, contact: float) -> Groups:
        """The groups with group ``g`` taken apart into classes of species that move alike.

        ``moves`` are the velocities and ``weights`` the weights of its ``species``. The class that leaves the fastest becomes a
        group of its own. The rest is looked at again.
        """
        size = float(np.abs(moves).max())
        classes: list[list[int]] = []
        for k in range(len(species)):
            alike = next((c for c in classes if np.abs(moves[c[0]] - moves[k]).max() <= _SAME * size), None)
            if alike is None:
                classes.append([k])
            else:
                alike.append(k)
        if len(classes) == 1:
            return self
        means = [weights[c] @ moves[c] / weights[c].sum() for c in classes]
        rests = [np.delete(np.arange(len(species)), c) for c in classes]
        leads = [mean - weights[rest] @ moves[rest] / weights[rest].sum() for mean, rest in zip(means, rests, strict=True)]
        k = int(np.argmax([np.linalg.norm(lead) for lead in leads]))  # leaves the fastest
        leaving, rest = np.array(classes[k]), rests[k]
        way = leads[k] * (_APART * contact / float(np.linalg.norm(leads[k])))
        share = weights[leaving].sum() / weights.sum()
        places = np.concatenate([self.places, (self.places[g] + (1 - share) * way)[None]])
        places[g] = self.places[g] - share * way
        masses = np.concatenate([self.masses, np.zeros((1, self.masses.shape[1]))])
        masses[-1, species[leaving]], masses[g, species[leaving]] = self.masses[g, species[leaving]], 0.0
        members = [group_of_atom.copy() for group_of_atom in self.members]
        for a in species[leaving]:
            members[a][members[a] == g] = len(masses) - 1
        parted = Groups(places, masses, tuple(members))
        return parted._parted(g, species[rest], moves[rest], weights[rest], contact)
