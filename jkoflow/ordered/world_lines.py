"""The exact flow of ordered particles under kernels |x|, by its events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from .._typing import Array
from .._validate import positive
from ..laws import Law, newtonian_law
from ..measures import OrderedParticles, Species
from .clusters import Clusters, Pull
from .events import Events, increasing_times
from .tip_law import TipLaw
from .velocities import velocity

_FIRST_ROOM = 1024


class Walk:
    """The flow in the making: clusters move along straight lines, meet, and leave as the hull says.

    Source: docs/theory/newtonian-particles.md, section 2.5.

    Every meeting costs O(log N) and the hull of what has met. Times count from the state it starts from. No tolerance
    decides what meets but rounding: closing speeds below 1e-15 of the forces count as none, and what meets within rounding of
    the time advanced to has met. The flow is a contraction, so the order of meetings that cannot be told apart does not matter.
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
        """Go on to a time, which may be infinite."""
        while not self._compiled.advance(until, self._pull, self._clusters, self._when, self._who):
            self._when, self._who = (np.concatenate([a, np.empty_like(a)]) for a in (self._when, self._who))

    def particles(self, time: float) -> OrderedParticles:
        """The particles at a time no earlier than the last event and no later than the time advanced to."""
        numbers, links, _, _, counts = self._clusters
        self._compiled.places_at(time, numbers, links, counts[self._compiled.STATE_HEAD], self._x, self._y)
        places = (self._x.copy(), self._y.copy())
        return OrderedParticles(
            {name: (z, self.start[name].masses) for name, z in zip(self.tips.species, places, strict=False)}
        )

    @property
    def count(self) -> int:
        """How many meetings there have been."""
        return int(self._clusters.state[self._compiled.STATE_EVENTS])

    @property
    def events(self) -> Events:
        """What has happened so far."""
        order = np.lexsort((self._when[: self.count, 1], self._when[: self.count, 0]))  # at one time from left to right
        when, who = self._when[order], self._who[order]
        return Events(when[:, 0], when[:, 1], who[:, :4], who[:, 4:], self.tips.species)


@dataclass(frozen=True, eq=False)
class WorldLines:
    """The exact flow of ordered particles, from its start to a time, at any times in between.

        d z_i / dt = - the element of least norm of the subdifferential of E at Z,    in the metric sum_i m_i |z_i|^2 / alpha_i

    Parameters
    ----------
    start : Species of OrderedPoints
        One species or two, any masses, ties allowed. Where the total masses of two differ there is no state of rest: the excess
        runs away, and ``final`` is the state after the last meeting.
    t_end : float
        inf for all of the flow, which comes to rest, or to a motion without meetings, after finitely many events.
    law : Law
        Of |x| alone, with cross-attraction; default ``newtonian_law()``.
    mobility : mapping, optional

    Attributes
    ----------
    events : Events
        The meetings; clusters of the start that part at once are in ``splits``.

    Cost: for equal masses at most N (N + 1) / 2 events (exactly as many for separated species), each O(log N).

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
        if self.t_end != np.inf:
            positive("t_end", self.t_end)
        object.__setattr__(self, "start", TipLaw.on(self.law, self.start, self.mobility)[1])
        walk = self._walk()
        walk.advance(self.t_end)
        object.__setattr__(self, "events", walk.events)

    def _walk(self) -> Walk:
        return Walk(TipLaw.of(self.law, self.start, self.mobility), self.start)

    def at(self, times: Iterable[float]) -> list[OrderedParticles]:
        """The particles at times in increasing order."""
        return list(self._visit(times))

    def _visit(self, times: Iterable[float]) -> Iterator[OrderedParticles]:
        wanted = increasing_times(times, self.t_end)
        walk = self._walk()
        for time in wanted:
            walk.advance(float(time))
            yield walk.particles(float(time))

    @property
    def splits(self) -> Events:
        """The clusters of the start that part at once, as events at time 0: of one group, in so many they leave."""
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
        after = np.array([len(one) for one in speeds], dtype=np.int32)
        part = after > 1
        groups = np.stack([np.ones(int(part.sum()), dtype=np.int32), after[part]], axis=1)
        return Events(np.zeros(int(part.sum())), places[part], members[part], groups, tuple(self.start))

    @property
    def at_rest_from(self) -> float:
        """The time of the last event up to ``t_end``: for ``newtonian_law()`` and equal masses nothing moves after it."""
        return float(self.events.times[-1]) if len(self.events) else 0.0

    @property
    def final(self) -> OrderedParticles:
        """The particles after the last event, or at ``t_end`` where that is finite."""
        return self.at([self.at_rest_from if self.t_end == np.inf else self.t_end])[0]

    def path(self, species: str, k: int) -> tuple[Array, Array]:
        """Times and places of the corners of the world-line of a particle, up to the last event or ``t_end``."""
        if species not in self.start or not isinstance(k, int | np.integer) or not 0 <= k < len(self.start[species].points):
            raise ValueError(f"species and k must name a particle, counted from 0, got {species!r} and {k!r}")
        mine = self.events.of(species, int(k))
        end = self.at_rest_from if self.t_end == np.inf else self.t_end
        times = np.concatenate([[0.0], self.events.times[mine], [end]])
        places = [self.start[species].points[k], *self.events.places[mine], self.at([end])[0][species].points[k]]
        return times, np.asarray(places)
