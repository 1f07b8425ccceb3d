"""The arrays of the compiled walk from meeting to meeting."""

from __future__ import annotations

from typing import NamedTuple

from .._typing import Array, Indices


class Pull(NamedTuple):
    """The law of the motion: the masses M, N of both species, cumulated from 0, and (s_1, c, s_2, 1 / alpha_1, 1 / alpha_2)."""

    M: Array
    N: Array
    law: Array


class Clusters(NamedTuple):
    """The clusters, a row per slot, and the heap of their next meetings. ``_walk`` names the columns.

    Attributes
    ----------
    numbers : array (slots, 4)
        Places, times of these places, velocities, times of the next meetings.
    links : array (slots, 7)
        Members, neighbours, positions in the heap.
    heap : array
        The slots in use, ordered by their next meeting.
    free : array
        The slots not in use.
    state : array (4,)
        How many slots are free, the leftmost slot, the size of the heap, the number of events so far.
    """

    numbers: Array
    links: Indices
    heap: Indices
    free: Indices
    state: Indices
