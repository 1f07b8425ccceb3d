"""The exact flow in rational numbers, for teaching and as a reference for all other code."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

from ..laws import Law, newtonian_law
from ..measures import OrderedParticles
from .tip_law import TipLaw


@dataclass(frozen=True)
class RationalEvent:
    """A meeting as :class:`Event`, with its time and place as fractions.

    >>> import jkoflow as jf
    >>> events = jf.ordered.RationalFlow({"x": [-1], "y": [1]}).events
    >>> events[0].time, events[0].place
    (Fraction(1, 1), Fraction(0, 1))
    """

    time: Fraction
    place: Fraction
    who: dict[str, range]
    before: int
    after: int


@dataclass(frozen=True)
class _Cluster:
    """Particles that move as one: p[0]..p[1]-1 of the first species and q[0]..q[1]-1 of the second."""

    place: Fraction
    speed: Fraction
    p: tuple[int, int]
    q: tuple[int, int]


class RationalFlow:
    """The flow of :class:`WorldLines` in exact arithmetic.

    It takes the masses, laws and ties that :class:`WorldLines` takes, with mobilities of 1. The run time grows about as N^4.

    Parameters
    ----------
    species : mapping from one or two names to positions, or to pairs of positions and masses
        Integers, fractions, or strings such as "1/3". A float counts as the binary fraction that it is. If no masses are given,
        all masses are 1/N.
    law : Law, optional
        A law of |x| alone, default ``newtonian_law()``.

    Attributes
    ----------
    events : tuple of RationalEvent
        The meetings, in the order of time.

    >>> flow = RationalFlow({"x": [-1, -1, -1], "y": [1, 1, 1]})
    >>> flow.events[-1].time, flow.at(flow.events[-1].time)["x"]
    (Fraction(8, 5), [Fraction(-7, 15), Fraction(0, 1), Fraction(7, 15)])
    """

    def __init__(self, species: Mapping[str, Any], law: Law | None = None) -> None:
        law = newtonian_law() if law is None else law
        if not isinstance(species, Mapping):
            raise ValueError(f"species must be a mapping from names to positions, got {type(species).__name__}")
        clouds = {name: _fractions(name, given) for name, given in species.items()}
        floats = OrderedParticles(
            {name: ([float(z) for z in places], [float(m) for m in masses]) for name, (places, masses) in clouds.items()}
        )
        for name, (places, masses) in clouds.items():  # what floats cannot see
            if any(a > b for a, b in pairwise(places)) or min(masses) <= 0:
                raise ValueError(f"species {name!r} must have non-decreasing positions and positive masses")
        tips, _ = TipLaw.on(law, floats)
        self.species = tips.species
        self._s1, self._c, self._s2 = map(Fraction, tips.strengths)
        nothing: tuple[list[Fraction], list[Fraction]] = ([], [])
        (self._x, self._m), (self._y, self._n) = (*clouds.values(), nothing)[:2]
        self._M, self._N = (list(accumulate(masses, initial=Fraction(0))) for masses in (self._m, self._n))
        self._follow()

    def at(self, time: Any) -> dict[str, list[Fraction]]:
        """The positions of both species at a time."""
        elapsed, clusters = self._since(time)
        x, y = list(self._x), list(self._y)
        for cluster in clusters:
            place = cluster.place + cluster.speed * elapsed
            x[slice(*cluster.p)] = [place] * (cluster.p[1] - cluster.p[0])
            y[slice(*cluster.q)] = [place] * (cluster.q[1] - cluster.q[0])
        return dict(zip(self.species, (x, y), strict=False))

    def velocity(self, time: Any) -> dict[str, list[Fraction]]:
        """The velocities of both species from a time on (the right derivative)."""
        x, y = list(self._x), list(self._y)
        for cluster in self._since(time)[1]:
            x[slice(*cluster.p)] = [cluster.speed] * (cluster.p[1] - cluster.p[0])
            y[slice(*cluster.q)] = [cluster.speed] * (cluster.q[1] - cluster.q[0])
        return dict(zip(self.species, (x, y), strict=False))

    def energy(self, time: Any) -> Fraction:
        """The energy at a time: the sum of h(p, q) times the width over the gaps between the particles."""
        elapsed, clusters = self._since(time)
        places = [cluster.place + cluster.speed * elapsed for cluster in clusters]
        gaps = zip(clusters, places, places[1:], strict=False)
        return sum((self._h(cluster.p[1], cluster.q[1]) * (right - left) for cluster, left, right in gaps), Fraction(0))

    def _since(self, time: Any) -> tuple[Fraction, list[_Cluster]]:
        """The time since the last event before a time, and the clusters since that event."""
        time = _fraction("time", time)
        if time < 0:
            raise ValueError(f"time must be >= 0, got {time}")
        k = bisect_right(self._times, time) - 1
        return time - self._times[k], self._stages[k]

    def _h(self, p: int, q: int) -> Fraction:
        """h(p, q) of ``TipLaw``."""
        left, right = self._M[p], self._M[-1] - self._M[p]
        below, above = self._N[q], self._N[-1] - self._N[q]
        return self._s1 * left * right + self._s2 * below * above + self._c * (left * above + below * right)

    def _leave(self, place: Fraction, p: tuple[int, int], q: tuple[int, int]) -> list[_Cluster]:
        """The groups in which the particles p and q at a place leave: the edges of the lower hull of h, from the left."""
        at, groups = (p[0], q[0]), []
        while at != (p[1], q[1]):
            base, mass = self._h(*at), self._M[at[0]] + self._N[at[1]]
            further = [(a, b) for a in range(at[0], p[1] + 1) for b in range(at[1], q[1] + 1) if (a, b) != at]
            slopes = [((self._h(a, b) - base) / (self._M[a] + self._N[b] - mass), -a - b, (a, b)) for a, b in further]
            speed, _, to = min(slopes)
            groups.append(_Cluster(place, speed, (at[0], to[0]), (at[1], to[1])))
            at = to
        return groups

    def _follow(self) -> None:
        """Go from meeting to meeting, and keep the times, the clusters after them and the events."""
        clusters: list[_Cluster] = []
        p = q = 0
        for place in sorted({*self._x, *self._y}):
            i, j = bisect_right(self._x, place), bisect_right(self._y, place)
            clusters += self._leave(place, (p, i), (q, j))
            p, q = i, j
        now, events = Fraction(0), []
        self._times, self._stages = [now], [clusters]
        while True:
            pairs = pairwise(clusters)
            waits = [(b.place - a.place) / (a.speed - b.speed) for a, b in pairs if a.speed > b.speed]
            if not waits:
                break
            wait = min(waits)
            now += wait
            moved = [
                _Cluster(cluster.place + wait * cluster.speed, cluster.speed, cluster.p, cluster.q) for cluster in clusters
            ]
            clusters, k = [], 0
            while k < len(moved):
                e = k
                while e + 1 < len(moved) and moved[e].place == moved[e + 1].place and moved[e].speed > moved[e + 1].speed:
                    e += 1
                if e == k:
                    clusters.append(moved[k])
                else:
                    p_met, q_met = (moved[k].p[0], moved[e].p[1]), (moved[k].q[0], moved[e].q[1])
                    after = self._leave(moved[k].place, p_met, q_met)
                    clusters += after
                    who = dict(zip(self.species, (range(*p_met), range(*q_met)), strict=False))
                    events.append(RationalEvent(now, moved[k].place, who, e - k + 1, len(after)))
                k = e + 1
            self._times.append(now)
            self._stages.append(clusters)
        self.events = tuple(events)


def _fractions(name: str, given: Any) -> tuple[list[Fraction], list[Fraction]]:
    """Positions and masses from what a user gave: a pair of sequences is both, anything else is positions alone."""
    paired = isinstance(given, tuple) and len(given) == 2 and not any(isinstance(part, str) for part in given)
    paired = paired and all(isinstance(part, Iterable) for part in given)
    places, masses = given if paired else (given, None)
    if not isinstance(places, Iterable):
        raise ValueError(f"positions of species {name!r} must be a sequence, got {places!r}")
    places = [_fraction(f"positions of {name!r}", z) for z in places]
    if not places:
        raise ValueError(f"positions of species {name!r} must hold at least one particle, got none")
    if masses is None:
        return places, [Fraction(1, len(places))] * len(places)
    masses = [_fraction(f"masses of {name!r}", m) for m in masses]
    if len(masses) != len(places):
        raise ValueError(f"masses of species {name!r} must be as many as its positions, {len(places)}, got {len(masses)}")
    return places, masses


def _fraction(name: str, value: Any) -> Fraction:
    try:
        return Fraction(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        raise ValueError(f"{name} must be rational numbers, got {value!r}") from None
