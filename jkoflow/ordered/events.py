"""The meetings along an exact flow of particles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._typing import Array, Indices, Mask
from .._validate import finite_array

Numbers: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True)
class Event:
    """A meeting of groups of particles.

    Attributes
    ----------
    time, place : float
    who : dict of ranges
        By species, the particles that met, counted from 0.
    before, after : int
        The number of groups that met, and of groups in which they left.

    >>> import jkoflow as jf
    >>> start = jf.OrderedParticles(x=[-1.0], y=[1.0])
    >>> flow = jf.evolve(jf.newtonian_law(), start, scheme=jf.Brezis(), t_end=3.0)
    >>> event = flow.events[0]
    >>> isinstance(event, Event), round(event.time, 9), event.place
    (True, 1.0, 0.0)
    """

    time: float
    place: float
    who: dict[str, range]
    before: int
    after: int

    @property
    def what(self) -> str:
        """The kind of the meeting.

        * "split": a cluster of the start parts;
        * "stick": all go on as one group;
        * "cross": two groups pass through one another;
        * "regroup": anything else.
        """
        if self.before == 1:
            return "split"
        return "stick" if self.after == 1 else "cross" if self.before == self.after == 2 else "regroup"

    def __str__(self) -> str:
        named = [
            f"{name}{members[0]}" if len(members) == 1 else f"{name}{members[0]}..{name}{members[-1]}"
            for name, members in self.who.items()
            if len(members)
        ]
        return f"t = {self.time:.6g}, x = {self.place:.6g}: {' and '.join(named)} {self.what}"


@dataclass(frozen=True, eq=False)
class Events:
    """A list of K meetings in the order of time, as arrays. Its entries are ``Event``.

    Attributes
    ----------
    times, places : arrays (K,)
    members : array (K, 4)
        The particles that met: members[k, 0], ..., members[k, 1] - 1 of the first species and members[k, 2], ...,
        members[k, 3] - 1 of the second.
    groups : array (K, 2)
        The number of groups that met, and of groups in which they left.
    species : tuple of names

    >>> import jkoflow as jf
    >>> start = jf.OrderedParticles(x=[-1.0], y=[1.0])
    >>> events = jf.evolve(jf.newtonian_law(), start, scheme=jf.Brezis(), t_end=3.0).events
    >>> len(events), events.times
    (1, array([1.]))
    """

    times: Array = field(default_factory=lambda: np.zeros(0))
    places: Array = field(default_factory=lambda: np.zeros(0))
    members: Numbers = field(default_factory=lambda: np.zeros((0, 4), dtype=np.int32))
    groups: Numbers = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int32))
    species: tuple[str, ...] = ()

    @property
    def stuck(self) -> Mask:
        """Which meetings end with all as one group, a mask (K,)."""
        return self.groups[:, 1] == 1

    def later(self, time: float) -> Events:
        """The same meetings, later by ``time``."""
        return Events(self.times + time, self.places, self.members, self.groups, self.species)

    @classmethod
    def joined(cls, parts: Sequence[Events]) -> Events:
        """Several lists, one after the other."""
        if not parts:
            return cls()
        return cls(
            np.concatenate([part.times for part in parts]),
            np.concatenate([part.places for part in parts]),
            np.concatenate([part.members for part in parts]),
            np.concatenate([part.groups for part in parts]),
            parts[0].species,
        )

    def of(self, species: str, k: int) -> Indices:
        """The numbers of the meetings that particle k of a species took part in.

        Raises ValueError for a species that is not there.
        """
        if species not in self.species:
            raise ValueError(f"species must be one of {', '.join(map(repr, self.species))}, got {species!r}")
        column = 2 * self.species.index(species)
        return np.flatnonzero((self.members[:, column] <= k) & (k < self.members[:, column + 1]))

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, k: int) -> Event:
        who = {name: range(int(self.members[k, 2 * a]), int(self.members[k, 2 * a + 1])) for a, name in enumerate(self.species)}
        return Event(float(self.times[k]), float(self.places[k]), who, *(int(g) for g in self.groups[k]))

    def __iter__(self) -> Iterator[Event]:
        return (self[k] for k in range(len(self)))

    def __repr__(self) -> str:
        return f"Events({len(self)}, of which {int(self.stuck.sum())} stickings)"


def increasing_times(times: Iterable[float], until: float = np.inf) -> Array:
    """Return the times as an array.

    Raises ValueError if they do not increase from 0 to at most ``until``.
    """
    if not isinstance(times, Iterable):
        raise ValueError(f"times must be a sequence of numbers, got {times!r}")
    given = list(times)
    checked = finite_array("times", given, (len(given),))
    if np.any(np.diff(checked) < 0) or (len(checked) and not 0 <= checked[0] <= checked[-1] <= until):
        raise ValueError(f"times must increase from 0 to at most {until:g}, got {checked}")
    return checked
