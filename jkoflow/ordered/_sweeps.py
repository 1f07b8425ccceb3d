"""The compiled sweeps over sorted particles: velocities, resolvents, crossing times."""

from __future__ import annotations

import numpy as np

from .._compiled import jit
from .._typing import Array
from ._hull import cumulative, lower_hull, next_place, rise, slope_of
from .clusters import Pull


@jit
def velocities(x: Array, m: Array, y: Array, n: Array, law: Array) -> tuple[Array, Array]:
    """Return the velocities of both species: at every place the hull of the particles there."""
    nx, ny = len(x), len(y)
    pull = Pull(cumulative(m), cumulative(n), law)
    nowhere = np.zeros(0)
    vx, vy = np.empty(nx), np.empty(ny)
    ends = np.empty((nx + ny, 2), np.int64)
    i, j = 0, 0
    while i < nx or j < ny:
        _, i2, j2 = next_place(x, y, i, j)
        if i2 - i + j2 - j == 1:
            ends[0, 0], ends[0, 1] = i2, j2
            count = 1
        else:
            count = lower_hull(i, i2, j, j2, nowhere, nowhere, pull, 1.0, ends)
        for k in range(count):
            v = slope_of(i, j, ends[k, 0], ends[k, 1], pull)
            vx[i : ends[k, 0]] = v
            vy[j : ends[k, 1]] = v
            i, j = ends[k, 0], ends[k, 1]
    return vx, vy


@jit
def sweep(x: Array, y: Array, step: float) -> tuple[Array, Array]:
    """Return the places of both species after an implicit step, for equal masses under ``newtonian_law()``.

    ``step`` is tau times the mass of a particle, times the strength of the law. The next edge of the hull is one x, one y, or a
    pair of them.
    """
    count = len(x)
    X, Y = np.empty(count), np.empty(count)
    p, q, last = 0, 0, -np.inf
    while p < count or q < count:
        of_x = x[p] + step * (2 * (p - q) + 1) if p < count else np.inf
        of_y = y[q] + step * (2 * (q - p) + 1) if q < count else np.inf
        of_both = (x[p] + y[q]) / 2 if p < count and q < count else np.inf
        last = max(last, min(of_both, of_x, of_y))  # rounding may not undo the order
        if of_both <= of_x and of_both <= of_y:
            X[p] = Y[q] = last
            p, q = p + 1, q + 1
        elif of_x <= of_y:
            X[p] = last
            p += 1
        else:
            Y[q] = last
            q += 1
    return X, Y


@jit
def by_thresholds(x: Array, m: Array, y: Array, n: Array, law: Array, tau: float) -> tuple[Array, Array]:
    """Return the places of both species after an implicit step, for any masses: by the hull of all particles."""
    pull = Pull(cumulative(m), cumulative(n), law)
    M, N, _ = pull
    X, Y = np.empty(len(x)), np.empty(len(y))
    ends = np.empty((len(x) + len(y), 2), np.int64)
    count = lower_hull(0, len(x), 0, len(y), x, y, pull, tau, ends)
    p, q, last = 0, 0, -np.inf
    for k in range(count):
        p2, q2 = ends[k, 0], ends[k, 1]
        weight = law[3] * (M[p2] - M[p]) + law[4] * (N[q2] - N[q])
        about = x[p] if p < p2 else y[q]
        moment = law[3] * np.sum(m[p:p2] * (x[p:p2] - about)) + law[4] * np.sum(n[q:q2] * (y[q:q2] - about))
        last = max(last, about + (moment + tau * rise(p, q, p2, q2, pull)) / weight)  # rounding may not undo the order
        X[p:p2] = Y[q:q2] = last
        p, q = p2, q2
    return X, Y


@jit
def family(a: Array, b: Array, speed: float, times: Array, A: Array, B: Array, T: Array, C: Array) -> float:
    """Go through the meetings of the a_i that start left of their b_i, and return the time of the last.

    The rows of A and B are filled with the places at ``times``, the tables T and C with the times and places of the meetings,
    unless they are empty. ``speed`` is the mass of a particle times the strength of the law.
    """
    n, last = len(a), 0.0
    t, c = np.empty(n + 1), np.empty(n + 1)  # times and places of the meetings on the anti-diagonal before, by i
    seen_a, seen_b = np.zeros(n, np.int64), np.zeros(n, np.int64)  # how many of the times are filled
    for d in range(n - 1, -1, -1):
        v = (2 * d + 1) * speed
        for i in range(d, n):
            j = i - d
            if not (a[i] < b[i] and a[i] < b[j]):
                continue
            before_a, before_b = j > 0 and a[i] < b[j - 1], i + 1 < n and a[i + 1] < b[j]
            t_a, c_a = (t[i], c[i]) if before_a else (0.0, a[i])
            t_b, c_b = (t[i + 1], c[i + 1]) if before_b else (0.0, b[j])
            t[i] = (c_b - c_a + v * (t_a + t_b)) / (2 * v)
            c[i] = c_a + v * (t[i] - t_a)
            while seen_a[i] < len(times) and times[seen_a[i]] < t[i]:
                A[seen_a[i], i] = c_a + v * (times[seen_a[i]] - t_a)
                seen_a[i] += 1
            while seen_b[j] < len(times) and times[seen_b[j]] < t[i]:
                B[seen_b[j], j] = c_b - v * (times[seen_b[j]] - t_b)
                seen_b[j] += 1
            if len(T):
                T[i, j], C[i, j] = t[i], c[i]
            if d == 0:
                last = max(last, t[i])
                A[seen_a[i] :, i] = c[i]
                B[seen_b[j] :, j] = c[i]
    return last
