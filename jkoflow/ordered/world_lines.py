"""The exact flow of ordered particles under kernels |x|, by its events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from .._typing import Array
from .._validate import plain_numbers, positive
from ..laws import Law, newtonian_law
from ..measures import OrderedParticles, Species
from .clusters import Clusters, Pull
from .events import Events, increasing_times
from .tip_law import TipLaw
from .velocities import velocity

_FIRST_ROOM = 1024


class Walk:
    """The exact flow of ordered particles, advanced from meeting to meeting.

    Clusters of particles move along straight lines. When clusters meet, the lower convex hull of their particles says in which
    groups they leave. Times count from the state that the flow starts from.

    What meets is decided by no tolerance but rounding:

    * Closing speeds below 1e-15 of the forces count as 0.
    * Clusters that meet within rounding of the time advanced to have met.
    * The order of meetings that cannot be told apart does not matter, because the flow is a contraction.

    Cost: O(log N) for every meeting, and the hull of what has met.

    Source: docs/theory/newtonian-particles.md, section 2.5.

    >>> import jkoflow as jf
    >>> tips, state = TipLaw.on(jf.newtonian_law(), jf.OrderedParticles(x=[-1.0], y=[1.0]))
    >>> walk = Walk(tips, state)
    >>> walk.advance(3.0)
    >>> len(walk.events)
    1
    """

    def __init__(self, tips: TipLaw, state: Species) -> None:
        from . import _walk
        from ._hull import cumulative

        self.tips, self.start, self._compiled = tips, state, _walk
        x, m, y, n, law = tips.arrays(state)
        count = len(x) + len(y)
        self._x, self._y = x.copy(), y.copy()
        self._pull = Pull(cumulative(m), cumulative(n), law)
        heap, free = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        self._clusters = Clusters(
            np.zeros((count, 4)), np.zeros((count, 7), dtype=np.int64), heap, free, np.zeros(4, dtype=np.int64)
        )
        self._when, self._who = np.empty((_FIRST_ROOM, 2)), np.empty((_FIRST_ROOM, 6), dtype=np.int32)
        _walk.begin(x, y, self._pull, self._clusters)

    def advance(self, until: float) -> None:
        """Go on to the time ``until``, which may be infinite."""
        while not self._compiled.advance(until, self._pull, self._clusters, self._when, self._who):
            self._when, self._who = (np.concatenate([a, np.empty_like(a)]) for a in (self._when, self._who))

    def particles(self, time: float) -> OrderedParticles:
        """The particles at a time between the last event and the time advanced to."""
        numbers, links, _, _, counts = self._clusters
        self._compiled.places_at(time, numbers, links, counts[self._compiled.STATE_HEAD], self._x, self._y)
        places = (self._x.copy(), self._y.copy())
        return OrderedParticles(
            {name: (z, self.start[name].masses) for name, z in zip(self.tips.species, places, strict=False)}
        )

    @property
    def count(self) -> int:
        """The number of meetings so far."""
        return int(self._clusters.state[self._compiled.STATE_EVENTS])

    @property
    def events(self) -> Events:
        """The meetings so far, in the order of time; those at one time from left to right."""
        order = np.lexsort((self._when[: self.count, 1], self._when[: self.count, 0]))
        when, who = self._when[order], self._who[order]
        return Events(when[:, 0], when[:, 1], who[:, :4], who[:, 4:], self.tips.species)


@dataclass(frozen=True, eq=False)
class WorldLines:
    """The exact flow of ordered particles, from a start to a time, with all states in between.

        d z_i / dt = - the element of least norm of the subdifferential of E at Z,    in the metric sum_i m_i |z_i|^2 / alpha_i

    Parameters
    ----------
    start : Species of OrderedPoints
        One species or two, with any masses; ties are allowed. If the total masses of two species differ, there is no state of
        rest: the excess runs away, and ``final`` is the state after the last meeting.
    t_end : float
        The time up to which the flow goes. Default inf: after finitely many events the flow comes to rest, or to a motion
        without meetings.
    law : Law
        A law of |x| alone, whose cross-interaction attracts; default ``newtonian_law()``.
    mobility : mapping, optional
        alpha by species, 1 where silent.

    Attributes
    ----------
    events : Events
        The meetings. Clusters of the start that part at once are not among them; they are in ``splits``.

    Cost: O(log N) for every event. For equal masses there are at most N (N + 1) / 2 events, exactly as many if the species are
    separated.

    Source: Di Francesco, Esposito, Schmidtchen (2021), Theorem 3.1 and Remark 3.6 (the flow);
    docs/theory/newtonian-particles.md, sections 2.4 and 2.5 (its events).

    >>> from jkoflow import OrderedParticles
    >>> lines = WorldLines(OrderedParticles(x=[-1.0, -1.0], y=[1.0, 1.0]))
    >>> for event in lines.events:
    ...     print(event)
    t = 0.666667, x = 0: x1 and y0 cross
    t = 1.33333, x = -0.333333: x0 and y0 stick
    t = 1.33333, x = 0.333333: x1 and y1 stick
    >>> lines.at([1.0])[0]["x"].points
    array([-0.5       ,  0.16666667])
    """

    start: Species
    t_end: float = np.inf
    law: Law = field(default_factory=newtonian_law)
    mobility: Mapping[str, float] | None = None
    events: Events = field(init=False)

    def __post_init__(self) -> None:
        plain_numbers(self)
        if self.t_end != np.inf:
            positive("t_end", self.t_end)
        object.__setattr__(self, "start", TipLaw.on(self.law, self.start, self.mobility)[1])
        walk = self._walk()
        walk.advance(self.t_end)
        object.__setattr__(self, "events", walk.events)

    def _walk(self) -> Walk:
        return Walk(TipLaw.of(self.law, self.start, self.mobility), self.start)

    def at(self, times: Iterable[float]) -> list[OrderedParticles]:
        """The particles at given times.

        Raises ValueError if the times do not increase from 0 to at most ``t_end``.
        """
        return list(self._visit(times))

    def _visit(self, times: Iterable[float]) -> Iterator[OrderedParticles]:
        checked_times = increasing_times(times, self.t_end)
        walk = self._walk()
        for time in checked_times:
            walk.advance(float(time))
            yield walk.particles(float(time))

    @property
    def splits(self) -> Events:
        """The clusters of the start that part at once, as events at time 0 with one group before and several after."""
        v = velocity(self.start, self.law, mobility=self.mobility)
        clouds = [(self.start[name].points, v[name]) for name in self.start]
        places = np.unique(np.concatenate([points for points, _ in clouds]))
        members = np.zeros((len(places), 4), dtype=np.int32)
        for a, (points, _) in enumerate(clouds):
            members[:, 2 * a] = np.searchsorted(points, places, side="left")
            members[:, 2 * a + 1] = np.searchsorted(points, places, side="right")
        speeds = [
            np.unique(np.concatenate([w[row[2 * a] : row[2 * a + 1]] for a, (_, w) in enumerate(clouds)])) for row in members
        ]
        after = np.array([len(speeds_of_cluster) for speeds_of_cluster in speeds], dtype=np.int32)
        parts_at_once = after > 1
        groups = np.stack([np.ones(int(parts_at_once.sum()), dtype=np.int32), after[parts_at_once]], axis=1)
        return Events(
            np.zeros(int(parts_at_once.sum())), places[parts_at_once], members[parts_at_once], groups, tuple(self.start)
        )

    @property
    def at_rest_from(self) -> float:
        """The time of the last event up to ``t_end``; 0 if there is none.

        For ``newtonian_law()`` and equal masses nothing moves after it.
        """
        return float(self.events.times[-1]) if len(self.events) else 0.0

    @property
    def final(self) -> OrderedParticles:
        """The particles at ``t_end`` if that is finite, else after the last event."""
        return self.at([self.at_rest_from if self.t_end == np.inf else self.t_end])[0]

    def path(self, species: str, k: int) -> tuple[Array, Array]:
        """Return the times and places of the corners of the world-line of particle k, up to ``t_end`` or the last event.

        Raises ValueError if there is no such particle.
        """
        if species not in self.start or not isinstance(k, int | np.integer) or not 0 <= k < len(self.start[species].points):
            raise ValueError(f"species and k must name a particle, counted from 0, got {species!r} and {k!r}")
        corners = self.events.of(species, int(k))
        end = self.at_rest_from if self.t_end == np.inf else self.t_end
        times = np.concatenate([[0.0], self.events.times[corners], [end]])
        places = [self.start[species].points[k], *self.events.places[corners], self.at([end])[0][species].points[k]]
        return times, np.asarray(places)
