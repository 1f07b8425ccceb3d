"""The exact potential Phi(x) = int |x - y| d nu(y) of a measure nu given by its quantiles, and its integrals over cells."""

from __future__ import annotations

import numpy as np

from ..._compiled import jit
from ..._typing import Array, Indices


@jit
def _at_nodes(y: Array, v: Array) -> tuple[Array, Array]:
    """Return the mass to the left of every node, in the order of the cells, and Phi at every node."""
    n = len(v)
    below, phi = np.zeros(n + 1), np.zeros(n + 1)
    for k in range(n):
        below[k + 1] = below[k] + v[k]
        phi[0] += v[k] * (0.5 * (y[k] + y[k + 1]) - y[0])
    for k in range(n):
        phi[k + 1] = phi[k] + (y[k + 1] - y[k]) * (below[k] + below[k + 1] - below[n])
    return below, phi


@jit
def abs_potential(at: Array, y: Array, v: Array) -> tuple[Array, Array, Array]:
    """Return Phi, Phi' and Phi'' at sorted points, for nu with the nodes y and the masses v.

    At an atom Phi' is the mean of the limits from its two sides, and Phi'' is taken without the Dirac mass.
    """
    below, phi = _at_nodes(y, v)
    n, total = len(v), below[len(v)]
    values, slopes, curvatures = np.empty(len(at)), np.empty(len(at)), np.zeros(len(at))
    first, last = 0, 0  # the number of nodes < x, and <= x
    for i in range(len(at)):
        x = at[i]
        while first <= n and y[first] < x:
            first += 1
        last = max(last, first)
        while last <= n and y[last] <= x:
            last += 1
        if last == first:  # strictly between two nodes, or outside
            if first == 0:
                values[i], slopes[i] = phi[0] + total * (y[0] - x), -total
            elif first == n + 1:
                values[i], slopes[i] = phi[n] + total * (x - y[n]), total
            else:
                k = first - 1
                density = v[k] / (y[k + 1] - y[k])
                away = x - y[k]
                values[i] = phi[k] + away * (2 * below[k] - total) + density * away**2
                slopes[i], curvatures[i] = 2 * (below[k] + density * away) - total, 2 * density
        else:  # on the nodes first, ..., last - 1
            values[i], slopes[i] = phi[first], below[first] + below[last - 1] - total
            if first > 0:
                curvatures[i] += v[first - 1] / (y[first] - y[first - 1])
            if last <= n:
                curvatures[i] += v[last - 1] / (y[last] - y[last - 1])
    return values, slopes, curvatures


@jit
def abs_over_cells(x: Array, y: Array, v: Array) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Return the means of six functions over every cell between the nodes x, exactly. u runs from 0 to 1 along the cell.

    The functions are, in this order,

    * Phi,
    * Phi' (1 - u) and Phi' u,
    * Phi'' (1 - u)^2, Phi'' u (1 - u) and Phi'' u^2.

    An atom of nu inside a cell of positive width counts with the Dirac mass in Phi''. At an end of the cell it counts by half.
    """
    below, phi = _at_nodes(y, v)
    n, total = len(v), below[len(v)]
    cells = len(x) - 1
    out = np.zeros((6, cells))
    start = 0  # the number of nodes y that are < the left end of the cell
    for i in range(cells):
        a, b = x[i], x[i + 1]
        while start <= n and y[start] < a:
            start += 1
        position, k = a, start
        while a < b and position <= b:
            while k <= n and y[k] <= position:
                if k < n and y[k + 1] == y[k]:  # an atom between these two nodes
                    u = (position - a) / (b - a)
                    jump = 2 * v[k] / (b - a) * (1.0 if a < position < b else 0.5)
                    out[3, i] += jump * (1 - u) ** 2
                    out[4, i] += jump * u * (1 - u)
                    out[5, i] += jump * u**2
                k += 1
            if position == b:
                break
            end = b if k > n else min(b, y[k])
            if end > position:
                left, right = (position - a) / (b - a), (end - a) / (b - a)
                base, anchor, mass, density = phi[0], y[0], 0.0, 0.0
                if k > 0:
                    base, anchor, mass = phi[k - 1], y[k - 1], below[k - 1]
                if 0 < k <= n:
                    density = v[k - 1] / (y[k] - y[k - 1])
                for q in range(3):  # Simpson's rule, exact for these products of a line and a line, or a quadratic
                    u = left + 0.5 * q * (right - left)
                    weight = (right - left) / 6 * (4.0 if q == 1 else 1.0)
                    away = position + 0.5 * q * (end - position) - anchor
                    slope = 2 * (mass + density * away) - total
                    out[0, i] += weight * (base + away * (2 * mass - total) + density * away**2)
                    out[1, i] += weight * slope * (1 - u)
                    out[2, i] += weight * slope * u
                    out[3, i] += weight * 2 * density * (1 - u) ** 2
                    out[4, i] += weight * 2 * density * u * (1 - u)
                    out[5, i] += weight * 2 * density * u**2
            position = end
    values, slopes, curvatures = abs_potential(x, y, v)
    for i in range(cells):
        if x[i + 1] == x[i]:
            out[0, i] = values[i]
            out[1, i] = out[2, i] = slopes[i] / 2
            out[3, i] = out[5, i] = curvatures[i] / 3
            out[4, i] = curvatures[i] / 6
    return out[0], out[1], out[2], out[3], out[4], out[5]


@jit
def abs_coupling(x: Array, w: Array, y: Array, v: Array) -> tuple[Indices, Indices, Array]:
    """Return the mixed second derivatives of int int |x - y| d mu d nu in a node of mu and a node of nu.

    They are triplets (rows, columns, entries): a row is a node of mu, a column a node of nu. Triplets may repeat; then they add
    up. An entry is a part of -2 int (hat of the node of mu) (hat of the node of nu) rho_mu rho_nu dx.

    An atom at the end of a cell counts by half. Pairs of atoms at the same place are left out: they have no second derivative.
    """
    n, m = len(w), len(v)
    capacity = 12 * (n + m + 2)
    rows, columns, entries = np.empty(capacity, np.int64), np.empty(capacity, np.int64), np.empty(capacity)
    count = 0
    i, k = 0, 0
    while i < n and k < m:
        low, high = max(x[i], y[k]), min(x[i + 1], y[k + 1])
        if high > low:
            scale = -2 * w[i] / (x[i + 1] - x[i]) * v[k] / (y[k + 1] - y[k]) * (high - low)
            for p in range(2):
                for r in range(2):
                    total = 0.0
                    for q in range(3):
                        place = low + 0.5 * q * (high - low)
                        s = (place - x[i]) / (x[i + 1] - x[i])
                        t = (place - y[k]) / (y[k + 1] - y[k])
                        total += (4.0 if q == 1 else 1.0) / 6 * (s if p == 1 else 1 - s) * (t if r == 1 else 1 - t)
                    rows[count], columns[count], entries[count] = i + p, k + r, scale * total
                    count += 1
        if x[i + 1] < y[k + 1]:
            i += 1
        else:
            k += 1
    count = _couple_atoms(x, w, y, v, rows, columns, entries, count)
    count = _couple_atoms(y, v, x, w, columns, rows, entries, count)
    return rows[:count], columns[:count], entries[:count]


@jit
def _couple_atoms(x: Array, w: Array, y: Array, v: Array, rows: Indices, columns: Indices, entries: Array, count: int) -> int:
    """Add the triplets of the atoms of nu with the cells of positive width of mu. Return the new number of triplets."""
    n = len(w)
    first, last = 0, 0  # the number of nodes x < the place of the atom, and <= it
    for k in range(len(v)):
        place = y[k]
        if y[k + 1] > place:
            continue
        while first <= n and x[first] < place:
            first += 1
        last = max(last, first)
        while last <= n and x[last] <= place:
            last += 1
        for cell in (first - 1, last - 1):  # left and right of the atom, by half each; inside a cell both are the same cell
            if cell < 0 or cell >= n:
                continue
            u = (place - x[cell]) / (x[cell + 1] - x[cell])
            scale = -2 * w[cell] * v[k] / (x[cell + 1] - x[cell])
            for p in range(2):
                for r in range(2):
                    rows[count], columns[count] = cell + p, k + r
                    entries[count] = 0.25 * scale * (u if p == 1 else 1 - u)
                    count += 1
    return count
