"""The motion of point masses through their meetings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from .._status import Status
from .._typing import Array, Indices
from ..measures import Species
from .groups import _SAME, Groups, together
from .law import CloudLaw

_CONTACT = 100.0  # tolerances: the contact distance, at which atoms with a grip on one another count as together
_MET, _MOST_MET = 1.01, 1.09  # contact distances: groups nearer have met; the same if time is too coarse to stop them there
_ONE_PLACE = 1e-13  # share of the distance from the origin: places nearer to one another are one place, up to rounding
_ROUNDING = 8 * np.finfo(float).eps  # of the distance from the origin: places are not known better
_UNITS = 1024.0  # units of time in a motion: scipy finds meetings to 9e-16 units
_FIRST = 0.05  # share of the extent that the fastest particle goes in the first step that is tried
_LOOKS = 33  # times at which the way of particles that start at one place is estimated
_MOST_MEETINGS = 50  # per atom
_MOST_EVALUATIONS = 100_000  # of the velocity in one motion: a thousand times what a smooth motion takes


class Moved(NamedTuple):
    """Particles after a motion."""

    state: Species
    """The particles. If the status is NOT_FINITE, those at the start."""
    status: Status
    members: tuple[Indices, ...]
    """For every atom of every species, the number of its group."""
    dissipation: float
    """sum_a (1 / alpha_a) sum m |v|^2 at the end, an energy per time; NaN if the motion failed."""


@dataclass
class Motion:
    """The motion of particles under a law, through their meetings.

    Between meetings dx/dt = velocity is solved by an explicit Runge-Kutta method of order 8 with error control. Atoms with a
    grip on one another (see ``CloudLaw.grips``) that come within 100 tolerances have met. Then they stay together, or part, by
    the rule of ``together``.

    Attributes
    ----------
    law : CloudLaw
    tolerance : float
        The error allowed, as a share of the extent. If all atoms start at one place, it is a share of the way to go.
    start : float
        The time at which the motion starts, for potentials that depend on time.
    evaluations : int
        How many times velocities were computed.
    """

    law: CloudLaw
    tolerance: float
    start: float = 0.0
    evaluations: int = 0

    def run(self, state: Species, duration: float, members: tuple[Indices, ...] | None = None) -> Moved:
        """Return the particles after the time ``duration``.

        ``members`` are the groups in which the particles start, as ``Moved.members`` of the motion before. Default: every atom
        is alone.
        """
        groups = Groups.of(state) if members is None else Groups.again(state, members)
        try:
            return self._followed(state, groups, duration)
        except _TooManyEvaluations:
            return Moved(state, Status.ITERATION_LIMIT, groups.members, np.nan)

    def _followed(self, state: Species, groups: Groups, duration: float) -> Moved:
        """The motion of groups from meeting to meeting."""
        from scipy.integrate import solve_ivp

        origin = groups.places.mean(axis=0)  # tolerances are relative to the extent, not to the distance from 0
        first = self.law.velocities(groups.places, groups.masses, self.start)
        extent, away = float(np.ptp(groups.places, axis=0).max()), float(np.abs(groups.places).max())
        if extent <= _ONE_PLACE * away:
            extent = self._way(groups, duration)
        if not (np.isfinite(extent) and np.isfinite(first).all()):
            return Moved(state, Status.NOT_FINITE, groups.members, np.nan)
        if extent == 0:
            return Moved(state, Status.CONVERGED, groups.members, 0.0)
        contact = max(_CONTACT * self.tolerance * extent, _ONE_PLACE * away)
        grips = self.law.grips(contact)
        now, near, unit = 0.0, _MET * contact, duration / _UNITS
        speed = float(np.abs(first).max())
        first_step: float | None = min(_UNITS, _FIRST * extent / max(speed * unit, _FIRST * extent / _UNITS))
        for _ in range(_MOST_MEETINGS * len(groups.places)):
            velocities = partial(self._velocities, time=now * unit)
            groups = groups.gathered(velocities, grips, self.law.balance, contact, near)
            flow = _Flow(self, groups, grips, contact, origin, unit)
            solution = solve_ivp(
                flow.velocity,
                (now, _UNITS),
                (groups.places - origin).ravel(),
                method="DOP853",
                first_step=first_step,
                rtol=max(self.tolerance, 1e-13),
                atol=max(self.tolerance * extent, _ROUNDING * away),
                events=flow.events,
            )
            now, first_step = float(solution.t[-1]), None
            groups = Groups(solution.y[:, -1].reshape(groups.places.shape) + origin, groups.masses, groups.members)
            if not np.isfinite(groups.places).all():
                return Moved(state, Status.NOT_FINITE, groups.members, np.nan)
            if solution.status == 0:
                return Moved(groups.state(state), Status.CONVERGED, groups.members, flow.dissipation(now, groups))
            near = max(_MET * contact, min(groups.gap(grips) * (1 + 1e-9), _MOST_MET * contact))
            if solution.status < 0:
                return Moved(groups.state(state), Status.SOLVER_FAILED, groups.members, np.nan)
        return Moved(groups.state(state), Status.ITERATION_LIMIT, groups.members, np.nan)

    def _way(self, groups: Groups, duration: float) -> float:
        """About how far particles at one place go: the largest velocity there, at several times, times the duration."""
        times = np.linspace(0.0, duration, _LOOKS) if self._moves else np.zeros(1)
        speeds = [np.abs(self._velocities(groups.places, groups.masses, float(time))).max() for time in times]
        return float(max(speeds)) * duration

    @property
    def _moves(self) -> bool:
        """True if a potential depends on time."""
        return any(term.depends_on_time for fields in self.law.fields for _, term in fields)

    def _velocities(self, places: Array, masses: Array, time: float) -> Array:
        """The velocities at a time from the start of the motion."""
        self.evaluations += 1
        if self.evaluations > _MOST_EVALUATIONS:
            raise _TooManyEvaluations
        return self.law.velocities(places, masses, self.start + time)


class _TooManyEvaluations(Exception):  # noqa: N818 - it ends in a status
    """The motion does not get on."""


class _Flow:
    """The equation of motion of groups between two meetings, and the events that end it. Times are in a unit."""

    def __init__(self, motion: Motion, groups: Groups, grips: Array, contact: float, origin: Array, unit: float) -> None:
        self._motion, self._groups, self._grips, self._contact, self._origin = motion, groups, grips, contact, origin
        self._unit = unit
        self._mixed = groups.mixed
        self._single = np.argmax(groups.masses > 0, axis=1)
        self.events: list[Callable[[float, Array], float]] = []
        if (grips > 0).any():
            self._add(lambda time, groups: groups.gap(grips) - contact)
        if len(self._mixed):
            self._add(self._hold)

    def velocity(self, t: float, y: Array) -> Array:
        """The velocities of the groups, a length per unit of time, in one row."""
        return self._unit * self._of_groups(t, self._at(y)).ravel()

    def dissipation(self, t: float, groups: Groups) -> float:
        """sum_a (1 / alpha_a) sum m |v|^2 of groups, an energy per time."""
        speeds = (self._of_groups(t, groups) ** 2).sum(axis=1)
        return float(speeds @ (groups.masses / self._motion.law.mobilities).sum(axis=1))

    def _of_groups(self, t: float, groups: Groups) -> Array:
        """The velocities of the groups, (n, d)."""
        forces = self._motion._velocities(groups.places, groups.masses, t * self._unit)
        out = forces[self._single, np.arange(len(groups.places))]
        for g in self._mixed:
            species, moves = self._in_group(groups, forces, g)
            weights = self._motion.law.balance[species] * groups.masses[g, species]
            out[g] = weights @ moves / weights.sum()
        return out

    def _at(self, y: Array) -> Groups:
        return Groups(y.reshape(self._groups.places.shape) + self._origin, self._groups.masses, self._groups.members)

    def _in_group(self, groups: Groups, forces: Array, g: int) -> tuple[Indices, Array]:
        """The species in a group, and the velocities that ``together`` gives them."""
        species = np.flatnonzero(groups.masses[g] > 0)
        return species, together(forces[species, g], groups.masses[g, species], self._grips[np.ix_(species, species)])

    def _hold(self, t: float, groups: Groups) -> float:
        """A number that is positive while every group holds together.

        It is ``_SAME`` less the relative difference of the velocities in a group, the least over the groups.
        """
        forces = self._motion._velocities(groups.places, groups.masses, t * self._unit)
        slack = np.inf
        for g in self._mixed:
            species, moves = self._in_group(groups, forces, g)
            differ = float(np.abs(moves - moves[0]).max())
            slack = min(slack, _SAME - differ / (float(np.abs(forces[species, g]).max()) or 1.0))
        return slack

    def _add(self, function: Callable[[float, Groups], float]) -> None:
        """Add the event that a function of the time and the groups falls to 0."""

        def event(t: float, y: Array) -> float:
            return float(min(function(t, self._at(y)), 1e300))

        event.terminal, event.direction = True, -1  # type: ignore[attr-defined]
        self.events.append(event)
