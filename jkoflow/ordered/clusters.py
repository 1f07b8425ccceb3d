"""What the compiled walk from meeting to meeting holds."""

from __future__ import annotations

from typing import NamedTuple

from .._typing import Array, Indices


class Pull(NamedTuple):
    """The masses of both species, cumulated from 0, and (s_1, c, s_2, 1 / alpha_1, 1 / alpha_2)."""

    M: Array
    N: Array
    law: Array


class Clusters(NamedTuple):
    """A row per slot of the clusters, and the heap of their next meetings (columns as in ``_walk``).

    ``numbers`` holds places, times, velocities and meetings; ``links`` members and neighbours; ``heap`` orders slots by their
    next meeting; ``free`` are the slots not in use; ``state`` the sizes of it all.
    """

    numbers: Array
    links: Indices
    heap: Indices
    free: Indices
    state: Indices
