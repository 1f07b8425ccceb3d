"""The particles that have left a flow through doors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from .._frozen import ReadOnly
from .._typing import Array, Indices
from .._validate import finite_array, of_kind


@dataclass(frozen=True, eq=False)
class Departures(ReadOnly):
    """The particles that have left through doors, in the order in which they left.

    Attributes
    ----------
    times : array (K,)
        When they came into the region of the door.
    places : array (K,) on the line, (K, d) otherwise
        Where.
    masses : array (K,)
    numbers : array (K,) of whole numbers
        Which particle of its species each was at the start of the run, from 0.
    species, doors : tuples of K names

    Raises ValueError for arrays that are not finite or of other shapes, and for names that are not texts.

    >>> import numpy as np, jkoflow as jf
    >>> law = jf.Potential(lambda x: -x) + jf.Exit(lambda x: x > 1, name="door")
    >>> flow = jf.evolve(law, jf.Particles([0.0, 0.5]), scheme=jf.Splitting(jf.Overdamped()), dt=0.1, t_end=2.0)
    >>> gone = flow.departures
    >>> len(gone), gone.numbers, gone.times.round(6), gone.doors                                 # both walk at speed 1
    (2, array([1, 0]), array([0.5, 1. ]), ('door', 'door'))
    """

    times: Array
    places: Array
    masses: Array
    numbers: Indices
    species: tuple[str, ...]
    doors: tuple[str, ...]

    def __post_init__(self) -> None:
        count, shape = np.shape(self.times)[:1] or (0,), np.shape(self.places)
        arrays = {
            "times": finite_array("times", self.times, count),
            "places": finite_array("places", self.places, (*count, *shape[1:])),
            "masses": finite_array("masses", self.masses, count),
            "numbers": finite_array("numbers", self.numbers, count).astype(np.intp),
        }
        for name, array in arrays.items():
            array = array.copy()
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        for name in ("species", "doors"):
            names = of_kind(name, getattr(self, name), tuple, "a tuple of texts")
            if len(names) != len(self.times) or not all(isinstance(text, str) for text in names):
                raise ValueError(f"{name} must be {len(self.times)} texts, got {names!r:.80}")

    @classmethod
    def none(cls) -> Departures:
        """No departures."""
        return cls(np.zeros(0), np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.intp), (), ())

    @classmethod
    def joined(cls, parts: Sequence[Departures]) -> Departures:
        """The departures of several parts of a run, sorted by their times."""
        parts = [part for part in parts if len(part)]
        if not parts:
            return cls.none()
        if len({part.places.ndim for part in parts}) > 1:  # a line, of which some points are rows
            parts = [replace(part, places=part.places.reshape(len(part), -1)) for part in parts]
        times, places, masses, numbers = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("times", "places", "masses", "numbers")
        )
        order = np.argsort(times, kind="stable")
        species, doors = (list(chain.from_iterable(getattr(part, name) for part in parts)) for name in ("species", "doors"))
        names = (tuple(labels[k] for k in order) for labels in (species, doors))
        return cls(times[order], places[order], masses[order], numbers[order], *names)

    def later(self, by: float) -> Departures:
        """The same departures, later by a time."""
        return replace(self, times=self.times + by)

    def of(self, species: str) -> Departures:
        """Those of one species."""
        k = [k for k, name in enumerate(self.species) if name == species]
        doors = tuple(self.doors[i] for i in k)
        return Departures(self.times[k], self.places[k], self.masses[k], self.numbers[k], (species,) * len(k), doors)

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        return f"Departures({len(self)} particles{f', the last at t = {self.times[-1]:.6g}' if len(self) else ''})"
