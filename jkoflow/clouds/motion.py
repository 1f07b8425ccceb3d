"""The motion of point masses through their meetings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .._status import Status
from .._typing import Array, Indices
from ..measures import Species
from .groups import _SAME, Groups, together
from .law import CloudLaw

_CONTACT = 100.0  # tolerances: the distance at which what attracts without bound counts as together
_MET, _MOST_MET = 1.01, 1.09  # contact distances: who has met, and where time is too coarse to stop them closer
_ONE_PLACE = 1e-13  # of the distance from the origin: what rounding leaves of one place
_MOST_MEETINGS = 50  # for every atom


@dataclass
class Motion:
    """The motion of a state under a law, to a tolerance that is a share of the extent (of the way to go, from one place).

    Between meetings dx/dt = velocity by an explicit Runge-Kutta method of order 8 with error control. Atoms that hold one
    another (see ``CloudLaw.grips``) and come within 100 tolerances have met: they stay together, or part, by the rule of
    ``together``.
    """

    law: CloudLaw
    tolerance: float
    evaluations: int = 0

    def run(self, state: Species, duration: float) -> tuple[Species, Status]:
        """The state after a time, and whether it got there."""
        from scipy.integrate import solve_ivp

        groups = Groups.of(state)
        origin = groups.places.mean(axis=0)  # tolerances are relative to the extent, not to the distance from 0
        first = self.law.velocities(groups.places, groups.held)
        extent, away = float(np.ptp(groups.places, axis=0).max()), float(np.abs(groups.places).max())
        if extent <= _ONE_PLACE * away:
            extent = float(np.abs(first).max()) * duration
        if not (np.isfinite(extent) and np.isfinite(first).all()):
            return state, Status.NOT_FINITE
        if extent == 0:
            return state, Status.CONVERGED
        contact = max(_CONTACT * self.tolerance * extent, _ONE_PLACE * away)
        grips = self.law.grips(contact)
        now, near = 0.0, _MET * contact
        for _ in range(_MOST_MEETINGS * len(groups.places)):
            groups = groups.gathered(self._velocities, grips, self.law.balance, contact, near)
            flow = _Flow(self, groups, grips, contact, origin)
            found = solve_ivp(
                flow.velocity,
                (now, duration),
                (groups.places - origin).ravel(),
                method="DOP853",
                rtol=max(self.tolerance, 1e-13),
                atol=self.tolerance * extent,
                events=flow.events,
            )
            now = float(found.t[-1])
            groups = Groups(found.y[:, -1].reshape(groups.places.shape) + origin, groups.held, groups.members)
            if not np.isfinite(groups.places).all():
                return state, Status.NOT_FINITE
            if found.status == 0:
                return groups.state(state), Status.CONVERGED
            near = max(_MET * contact, min(groups.gap(grips) * (1 + 1e-9), _MOST_MET * contact))
            if found.status < 0:
                return groups.state(state), Status.SOLVER_FAILED
        return groups.state(state), Status.ITERATION_LIMIT

    def _velocities(self, places: Array, held: Array) -> Array:
        self.evaluations += 1
        return self.law.velocities(places, held)


class _Flow:
    """The equation of motion of groups between two meetings, and what ends it."""

    def __init__(self, motion: Motion, groups: Groups, grips: Array, contact: float, origin: Array) -> None:
        self._motion, self._groups, self._grips, self._contact, self._origin = motion, groups, grips, contact, origin
        self._mixed = groups.mixed
        self._single = np.argmax(groups.held > 0, axis=1)
        self.events: list[Callable[[float, Array], float]] = []
        if (grips > 0).any():
            self._add(lambda groups: groups.gap(grips) - contact)
        if len(self._mixed):
            self._add(self._hold)

    def velocity(self, t: float, y: Array) -> Array:
        """The velocities of the groups, flat."""
        groups = self._at(y)
        forces = self._motion._velocities(groups.places, groups.held)
        out = forces[self._single, np.arange(len(groups.places))]
        for g in self._mixed:
            there, moves = self._in_group(groups, forces, g)
            weights = self._motion.law.balance[there] * groups.held[g, there]
            out[g] = weights @ moves / weights.sum()
        return out.ravel()

    def _at(self, y: Array) -> Groups:
        return Groups(y.reshape(self._groups.places.shape) + self._origin, self._groups.held, self._groups.members)

    def _in_group(self, groups: Groups, forces: Array, g: int) -> tuple[Indices, Array]:
        there = np.flatnonzero(groups.held[g] > 0)
        return there, together(forces[there, g], groups.held[g, there], self._grips[np.ix_(there, there)])

    def _hold(self, groups: Groups) -> float:
        """Positive while every group holds together: what is left of the rounding that its velocities may differ by."""
        forces = self._motion._velocities(groups.places, groups.held)
        slack = np.inf
        for g in self._mixed:
            there, moves = self._in_group(groups, forces, g)
            differ = float(np.abs(moves - moves[0]).max())
            slack = min(slack, _SAME - differ / (float(np.abs(forces[there, g]).max()) or 1.0))
        return slack

    def _add(self, measure: Callable[[Groups], float]) -> None:
        def event(t: float, y: Array) -> float:
            return float(min(measure(self._at(y)), 1e300))

        event.terminal, event.direction = True, -1  # type: ignore[attr-defined]
        self.events.append(event)
