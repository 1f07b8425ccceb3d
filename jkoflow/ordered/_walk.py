"""Clusters that move along straight lines until they meet: the compiled loop of the exact flow.

Every cluster holds the particles i0..i1-1 of the first species and j0..j1-1 of the second. It has a slot, which is a row of two
tables:

* ``numbers``: a place, the time of that place, the velocity, the time of meeting the right neighbour;
* ``links``: i0, i1, j0, j1, the slots of the left and the right neighbour, the position in the heap.

The heap orders slots by the time of their next meeting.
"""

from __future__ import annotations

import numpy as np

from .._compiled import jit
from .._typing import Array, Indices
from ._hull import lower_hull, next_place, slope_of
from .clusters import Clusters, Pull
from .events import Numbers

PLACE, SINCE, SPEED, MEETS = range(4)
I0, I1, J0, J1, LEFT, RIGHT, HEAP = range(7)
STATE_FREE, STATE_HEAD, STATE_SIZE, STATE_EVENTS = range(4)  # how many free slots, leftmost slot, size of heap, events so far


@jit
def begin(
    x: Array,
    y: Array,
    pull: Pull,
    clusters: Clusters,
) -> None:
    """Fill the slots with the clusters of a configuration. What starts at one place leaves it as the hull says."""
    numbers, links, heap, free, state = clusters
    nx, ny = len(x), len(y)
    nowhere, slow = np.zeros(0), _rounding_of_speeds(pull)
    ends = np.empty((nx + ny, 2), np.int64)
    i, j, slots = 0, 0, 0
    while i < nx or j < ny:
        place, i2, j2 = next_place(x, y, i, j)
        count = lower_hull(i, i2, j, j2, nowhere, nowhere, pull, 1.0, ends)
        for k in range(count):
            _fill(slots, place, 0.0, i, ends[k, 0], j, ends[k, 1], pull, clusters)
            links[slots, LEFT], links[slots, RIGHT] = slots - 1, slots + 1
            i, j, slots = ends[k, 0], ends[k, 1], slots + 1
    links[slots - 1, RIGHT] = -1
    state[STATE_HEAD], state[STATE_SIZE], state[STATE_EVENTS] = 0, slots, 0
    state[STATE_FREE] = nx + ny - slots
    for k in range(nx + ny - slots):
        free[k] = slots + k
    for k in range(slots):
        numbers[k, MEETS] = _meeting(k, links[k, RIGHT], numbers, slow)
        heap[k], links[k, HEAP] = k, k
    for k in range(slots // 2, -1, -1):
        _sift(k, heap, numbers, links, state[STATE_SIZE])


@jit
def advance(until: float, pull: Pull, clusters: Clusters, when: Array, who: Numbers) -> bool:
    """Go through the meetings up to the time ``until``; return False if there is no room left to write them down.

    Every meeting fills a row of ``when``, (time, place), and of ``who``, (i0, i1, j0, j1, groups before, groups after).
    """
    numbers, links, heap, _, state = clusters
    nowhere, slow = np.zeros(0), _rounding_of_speeds(pull)
    ends = np.empty((len(pull.M) + len(pull.N), 2), np.int64)
    while state[STATE_SIZE] > 0:
        first = heap[0]
        time = numbers[first, MEETS]
        if time == np.inf or (time > until and not _touching(until, numbers, links, heap, state)):
            return True
        if time > until:
            first = heap[0]
            time = numbers[first, MEETS]
        if state[STATE_EVENTS] == len(when):
            return False
        first, last = _meeting_ones(first, time, numbers, links)
        place = 0.5 * (
            numbers[first, PLACE]
            + numbers[first, SPEED] * (time - numbers[first, SINCE])
            + numbers[last, PLACE]
            + numbers[last, SPEED] * (time - numbers[last, SINCE])
        )
        left, right = links[first, LEFT], links[last, RIGHT]
        i0, j0, i1, j1 = links[first, I0], links[first, J0], links[last, I1], links[last, J1]
        before = _take_out(first, right, clusters)
        count = lower_hull(i0, i1, j0, j1, nowhere, nowhere, pull, 1.0, ends)
        event = state[STATE_EVENTS]
        when[event, 0], when[event, 1] = time, place
        who[event, 0], who[event, 1], who[event, 2], who[event, 3] = i0, i1, j0, j1
        who[event, 4], who[event, 5] = before, count
        state[STATE_EVENTS] += 1
        last = _put_in(left, right, place, time, i0, j0, ends[:count], pull, clusters)
        _schedule(left, last, time, slow, numbers, links, heap, state)
    return True


@jit(inline=True)
def _meeting_ones(first: int, time: float, numbers: Array, links: Indices) -> tuple[int, int]:
    """The leftmost and the rightmost of the clusters that meet the one in slot ``first`` at a time."""
    last = links[first, RIGHT]
    while links[last, RIGHT] >= 0 and numbers[last, MEETS] <= time:
        last = links[last, RIGHT]
    while links[first, LEFT] >= 0 and numbers[links[first, LEFT], MEETS] <= time:
        first = links[first, LEFT]
    return first, last


@jit(inline=True)
def _take_out(first: int, right: int, clusters: Clusters) -> int:
    """Free the slots from ``first`` up to ``right``, which stays; return how many they were."""
    numbers, links, heap, free, state = clusters
    count, k = 0, first
    while k != right:
        following = links[k, RIGHT]
        _remove(k, heap, numbers, links, state)
        free[state[STATE_FREE]] = k
        state[STATE_FREE] += 1
        count += 1
        k = following
    return count


@jit(inline=True)
def _put_in(
    left: int, right: int, place: float, time: float, i: int, j: int, ends: Indices, pull: Pull, clusters: Clusters
) -> int:
    """Fill free slots between ``left`` and ``right`` with the clusters that leave a place at a time; return the last slot."""
    _, links, _, free, state = clusters
    previous = left
    for g in range(len(ends)):
        state[STATE_FREE] -= 1
        k = free[state[STATE_FREE]]
        _fill(k, place, time, i, ends[g, 0], j, ends[g, 1], pull, clusters)
        i, j = ends[g, 0], ends[g, 1]
        links[k, LEFT] = previous
        if previous >= 0:
            links[previous, RIGHT] = k
        else:
            state[STATE_HEAD] = k
        previous = k
    links[previous, RIGHT] = right
    if right >= 0:
        links[right, LEFT] = previous
    return previous


@jit(inline=True)
def _schedule(
    left: int, last: int, time: float, slow: float, numbers: Array, links: Indices, heap: Indices, state: Indices
) -> None:
    """Insert the clusters right of ``left``, up to ``last``, into the heap, and move ``left``, which has a new neighbour."""
    k = last
    while k != left:
        numbers[k, MEETS] = max(_meeting(k, links[k, RIGHT], numbers, slow), time)
        _insert(k, heap, numbers, links, state)
        k = links[k, LEFT]
    if left >= 0:
        numbers[left, MEETS] = max(_meeting(left, links[left, RIGHT], numbers, slow), time)
        _restore(links[left, HEAP], heap, numbers, links, state[STATE_SIZE])


@jit
def _touching(until: float, numbers: Array, links: Indices, heap: Indices, state: Indices) -> bool:
    """Let neighbours meet at ``until`` whose places cannot be told apart at that time; return whether there are any."""
    any_touch = False
    k = state[STATE_HEAD]
    while links[k, RIGHT] >= 0:
        right = links[k, RIGHT]
        if numbers[k, MEETS] < np.inf:
            here = numbers[k, PLACE] + numbers[k, SPEED] * (until - numbers[k, SINCE])
            there = numbers[right, PLACE] + numbers[right, SPEED] * (until - numbers[right, SINCE])
            if here >= there:
                numbers[k, MEETS] = until
                _restore(links[k, HEAP], heap, numbers, links, state[STATE_SIZE])
                any_touch = True
        k = right
    return any_touch


@jit
def places_at(time: float, numbers: Array, links: Indices, head: int, x: Array, y: Array) -> None:
    """Write the places of all particles at a time before the next meeting into x and y. Rounding may not undo their order."""
    k, place = head, -np.inf
    while k >= 0:
        place = max(place, numbers[k, PLACE] + numbers[k, SPEED] * (time - numbers[k, SINCE]))
        x[links[k, I0] : links[k, I1]] = place
        y[links[k, J0] : links[k, J1]] = place
        k = links[k, RIGHT]


@jit
def _fill(k: int, place: float, time: float, i: int, i2: int, j: int, j2: int, pull: Pull, clusters: Clusters) -> None:
    """Fill slot k with the cluster of the particles i..i2-1 and j..j2-1, which is at a place at a time."""
    numbers, links = clusters.numbers, clusters.links
    numbers[k, PLACE], numbers[k, SINCE] = place, time
    numbers[k, SPEED] = slope_of(i, j, i2, j2, pull)
    links[k, I0], links[k, I1], links[k, J0], links[k, J1] = i, i2, j, j2


@jit
def _rounding_of_speeds(pull: Pull) -> float:
    """The closing speed below which rounding alone may be at work."""
    M, N, law = pull
    return 1e-15 * (abs(law[0]) + abs(law[1]) + abs(law[2])) * (M[-1] + N[-1]) / min(law[3], law[4])


@jit
def _meeting(k: int, right: int, numbers: Array, slow: float) -> float:
    """The time when a cluster meets its right neighbour; inf if they close at no more than the speed ``slow`` of rounding."""
    if right < 0:
        return np.inf
    closing = numbers[k, SPEED] - numbers[right, SPEED]
    if closing <= slow:
        return np.inf
    since = max(numbers[k, SINCE], numbers[right, SINCE])
    here = numbers[k, PLACE] + numbers[k, SPEED] * (since - numbers[k, SINCE])
    there = numbers[right, PLACE] + numbers[right, SPEED] * (since - numbers[right, SINCE])
    return since + max(there - here, 0.0) / closing


@jit
def _swap(a: int, b: int, heap: Indices, links: Indices) -> None:
    heap[a], heap[b] = heap[b], heap[a]
    links[heap[a], HEAP], links[heap[b], HEAP] = a, b


@jit
def _sift(a: int, heap: Indices, numbers: Array, links: Indices, size: int) -> None:
    """Let the entry at position a of the heap sink to where it belongs."""
    while True:
        least = a
        for b in (2 * a + 1, 2 * a + 2):
            if b < size and numbers[heap[b], MEETS] < numbers[heap[least], MEETS]:
                least = b
        if least == a:
            return
        _swap(a, least, heap, links)
        a = least


@jit
def _restore(a: int, heap: Indices, numbers: Array, links: Indices, size: int) -> None:
    """Let the entry at position a of the heap rise or sink to where it belongs."""
    while a > 0 and numbers[heap[a], MEETS] < numbers[heap[(a - 1) // 2], MEETS]:
        _swap(a, (a - 1) // 2, heap, links)
        a = (a - 1) // 2
    _sift(a, heap, numbers, links, size)


@jit
def _insert(k: int, heap: Indices, numbers: Array, links: Indices, state: Indices) -> None:
    """Put slot k into the heap."""
    a = state[STATE_SIZE]
    heap[a], links[k, HEAP] = k, a
    state[STATE_SIZE] += 1
    _restore(a, heap, numbers, links, state[STATE_SIZE])


@jit
def _remove(k: int, heap: Indices, numbers: Array, links: Indices, state: Indices) -> None:
    """Take slot k out of the heap."""
    a = links[k, HEAP]
    state[STATE_SIZE] -= 1
    last = state[STATE_SIZE]
    if a != last:
        _swap(a, last, heap, links)
        _restore(a, heap, numbers, links, last)
