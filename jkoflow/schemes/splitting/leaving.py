"""Particles that leave through doors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..._typing import Array, Indices
from ...clouds import Departures
from ...laws import Entry, LawForms
from ...laws.forms import Opening, VelocityPull
from ...measures import Species, State
from ..base import Carry

NUMBERS = "number of "
"""The carry: under this prefix the numbers of the particles at the start of the run, by species."""
_LOOKS = 16  # places of the way of a step at which a particle is looked for in a region
_HALVINGS = 45  # of the part of the way in which a particle came in


def must_let_out(forms: LawForms, masses: Species) -> None:
    """Raise ValueError for particles that are outside already, and for groups of particles, which would lose their sizes."""
    for pull in forms.each(VelocityPull):
        if pull.form.groups > 1:
            raise ValueError(f"groups of {pull.term!r} must be 1 where particles leave, got {pull.form.groups}")
    for entry in forms.openings:
        if entry.form.contains is None:
            continue  # which the scheme within refuses
        outside = int(np.count_nonzero(entry.form.contains(masses[entry.form.species].points)))
        if outside:
            raise ValueError(f"{entry.term!r} must hold no particle at the start, and {outside} are in its region")


def numbered(masses: Species, carry: Carry) -> dict[str, Indices]:
    """The numbers of the particles at the start of the run, from the carry; at the start 0, 1, 2, ..."""
    return {name: np.asarray(carry.get(NUMBERS + name, np.arange(len(m.masses)))) for name, m in masses.items()}


def with_numbers(numbers: Mapping[str, Indices]) -> dict[str, Indices]:
    """The numbers under their names in the carry."""
    return {NUMBERS + name: array for name, array in numbers.items()}


def is_empty(masses: Species) -> bool:
    """Return True if nothing is left of any species."""
    return masses.kind.may_leave and not any(len(measure.masses) for measure in masses.values())


def left(
    entries: Sequence[Entry[Opening]], before: Species, after: Species, numbers: Mapping[str, Indices], dt: float
) -> tuple[Departures, dict[str, Indices]]:
    """The particles that came into a region on the straight ways of a step of dt, and which of the others stay, by species.

    A way is looked at in 16 places. The time of entry is found to rounding by halving. Of several doors the first one counts.
    """
    parts, staying = [], {}
    for name, measure in after.items():
        shares, doors = np.full(len(measure.masses), np.inf), np.zeros(len(measure.masses), dtype=int)
        of_species = [entry for entry in entries if entry.form.species == name]
        for k, entry in enumerate(of_species):
            share = _entries_into(entry, before[name].points, measure.points)
            shares, doors = np.where(share < shares, share, shares), np.where(share < shares, k, doors)
        gone = np.flatnonzero(np.isfinite(shares))
        gone = gone[np.argsort(shares[gone], kind="stable")]
        staying[name] = np.flatnonzero(np.isinf(shares))
        names = tuple(of_species[door].form.name for door in doors[gone])
        places = _between(before[name].points[gone], measure.points[gone], shares[gone])
        species = (name,) * len(gone)
        parts.append(Departures(shares[gone] * dt, places, measure.masses[gone], numbers[name][gone], species, names))
    return Departures.joined(parts), staying


def outflow_of(departures: Departures) -> dict[str, dict[str, float]]:
    """The mass that left, by species and door."""
    gone: dict[str, dict[str, float]] = {}
    for name, door, mass in zip(departures.species, departures.doors, departures.masses, strict=True):
        doors = gone.setdefault(name, {})
        doors[door] = doors.get(door, 0.0) + float(mass)
    return gone


def present(state: State) -> State:
    """The state without the species of which nothing is left; the state itself if there are none, or none is left."""
    if not state.masses.kind.may_leave:
        return state
    held = {name: measure for name, measure in state.masses.items() if len(measure.masses)}
    return state if len(held) in (0, len(state.masses)) else State(Species(held), state.fields, state.time)


def _entries_into(entry: Entry[Opening], start: Array, end: Array) -> Array:
    """The share of its way at which every particle came into a region; inf if it did not."""
    contains = entry.form.contains
    assert contains is not None
    shares = np.full(len(end), np.inf)
    for k in range(1, _LOOKS + 1):
        outside = np.flatnonzero(np.isinf(shares))
        if not len(outside):
            break
        inside = contains(_between(start[outside], end[outside], np.full(len(outside), k / _LOOKS)))
        shares[outside[inside]] = k / _LOOKS
    came = np.flatnonzero(np.isfinite(shares))
    if not len(came):
        return shares
    low, high = shares[came] - 1 / _LOOKS, shares[came]
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        inside = contains(_between(start[came], end[came], middle))
        low, high = np.where(inside, low, middle), np.where(inside, middle, high)
    shares[came] = high
    return shares


def _between(start: Array, end: Array, share: Any) -> Array:
    """The points at a share of the ways."""
    share = share.reshape(-1, *[1] * (start.ndim - 1))
    return np.asarray((1 - share) * start + share * end)
