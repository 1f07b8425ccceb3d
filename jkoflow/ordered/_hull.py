"""The lower convex hull that tells how ordered particles group and move.

A lattice point (p, q) stands for numbers of particles to the left. It has

* the abscissa u = M_p / alpha_1 + N_q / alpha_2;
* the ordinate tau h(p, q) + (the first moments of these particles).

Every edge of the lower hull of a box of lattice points is one group. Its slope is the velocity of the group (with tau = 1 and
no moments), or its place after an implicit step of tau (docs/theory/clusters.md, sections 2.2 and 2.3).

The law and the masses come as a ``Pull``.
"""

from __future__ import annotations

import numpy as np

from .._compiled import jit
from .._typing import Array, Indices
from .clusters import Pull

_ROUNDING = 1e-14  # share of the sizes of what is added: points less than that below an edge count as on it


@jit(inline=True)
def rise(p: int, q: int, p2: int, q2: int, pull: Pull) -> float:
    """h(p2, q2) - h(p, q), by factors that lose no digits (docs/theory/clusters.md, section 2.1)."""
    M, N, law = pull
    right_x, right_y = M[-1] - M[p] - M[p2], N[-1] - N[q] - N[q2]
    return (M[p2] - M[p]) * (law[0] * right_x + law[1] * right_y) + (N[q2] - N[q]) * (law[2] * right_y + law[1] * right_x)


@jit
def lower_hull(p0: int, p1: int, q0: int, q1: int, x: Array, y: Array, pull: Pull, tau: float, ends: Indices) -> int:
    """Write the ends (p, q) of the edges of the hull from (p0, q0) to (p1, q1) into the rows of ``ends``, and return how many.

    ``x`` and ``y`` are the places of the particles, for their moments; both empty for velocities.

    If no point lies below a candidate edge by more than rounding, it is an edge. Otherwise it is cut at the lowest point. Ties
    go to the longest edge.

    Cost of a pass over a candidate edge: its length if the second species repels itself or not at all, since h is then convex
    in q and its minimisers grow with p; otherwise the area of its box.
    """
    M, N, law = pull
    todo = np.empty((p1 - p0 + q1 - q0 + 2, 2), np.int64)
    todo[0, 0], todo[0, 1] = p1, q1
    waiting, count, p, q = 1, 0, p0, q0
    strength = abs(law[0]) + abs(law[1]) + abs(law[2])
    moments = len(x) + len(y) > 0
    P, Q = np.zeros(p1 - p0 + 1 if moments else 1), np.zeros(q1 - q0 + 1 if moments else 1)
    while waiting > 0:
        pe, qe = todo[waiting - 1, 0], todo[waiting - 1, 1]
        low_p, low_q = pe, qe
        if pe - p + qe - q > 1:
            spread = 0.0
            if moments:  # about a place within the edge, so that they lose no digits far from the origin
                about = x[p] if p < pe else y[q]
                spread = _moments(p, pe, M, x, about, law[3], P) + _moments(q, qe, N, y, about, law[4], Q)
            du = law[3] * (M[pe] - M[p]) + law[4] * (N[qe] - N[q])
            moment = P[pe - p] + Q[qe - q] if moments else 0.0
            slope = (tau * rise(p, q, pe, qe, pull) + moment) / du
            mass = M[pe] - M[p] + N[qe] - N[q]
            lowest = -_ROUNDING * (tau * strength * mass * (M[-1] + N[-1]) + abs(slope) * du + spread)
            start = q
            for a in range(p, pe + 1):
                best = np.inf
                for b in range(start, qe + 1):
                    g = tau * rise(p, q, a, b, pull)
                    g -= slope * (law[3] * (M[a] - M[p]) + law[4] * (N[b] - N[q]))
                    if moments:
                        g += P[a - p] + Q[b - q]
                    if g <= best:
                        best = g
                        if law[2] <= 0:
                            start = b
                        if g < lowest:
                            lowest, low_p, low_q = g, a, b
                    elif law[2] <= 0:
                        break
        if low_p == pe and low_q == qe:
            ends[count, 0], ends[count, 1] = pe, qe
            count += 1
            p, q = pe, qe
            waiting -= 1
        else:
            todo[waiting, 0], todo[waiting, 1] = low_p, low_q
            waiting += 1
    return count


@jit
def _moments(i0: int, i1: int, M: Array, x: Array, about: float, weight: float, out: Array) -> float:
    """Write the cumulative moments m (x - about) / alpha of the particles i0..i1-1 into ``out``; return their total size."""
    size = 0.0
    out[0] = 0.0
    for i in range(i0, i1):
        moment = weight * (M[i + 1] - M[i]) * (x[i] - about)
        out[i - i0 + 1] = out[i - i0] + moment
        size += abs(moment)
    return size


@jit(inline=True)
def slope_of(p: int, q: int, p2: int, q2: int, pull: Pull) -> float:
    """The velocity of the group from (p, q) to (p2, q2)."""
    M, N, law = pull
    return rise(p, q, p2, q2, pull) / (law[3] * (M[p2] - M[p]) + law[4] * (N[q2] - N[q]))


@jit
def cumulative(m: Array) -> Array:
    """0, m_1, m_1 + m_2, ...: if all are equal by multiples, which rounds once."""
    out = np.zeros(len(m) + 1)
    equal = True
    for i in range(len(m)):
        equal = equal and m[i] == m[0]
        out[i + 1] = (i + 1) * m[0] if equal else out[i] + m[i]
    return out


@jit
def next_place(x: Array, y: Array, i: int, j: int) -> tuple[float, int, int]:
    """Return the leftmost place of the particles from i and j on, and the first particles of both species beyond it."""
    place = min(x[i] if i < len(x) else np.inf, y[j] if j < len(y) else np.inf)
    while i < len(x) and x[i] == place:
        i += 1
    while j < len(y) and y[j] == place:
        j += 1
    return place, i, j
