"""The compiled sums over the faces of moved cells in space.

Lengths are in units of cells. A face is four triangles from its corners to its middle. The mass of a moved cell is the flux out
of the cell of the field (M, Q, R), whose divergence is the density:

* M is the primitive in x of the density minus its mean over x. M is 0 at both walls across x.
* Q is the primitive in y of the mean over x minus its mean over y. Q is 0 at both walls across y.
* R is the primitive in z of the mean over x and y.
"""

from __future__ import annotations

import numpy as np

from .._compiled import jit, shared
from .._typing import Array, Whole
from .tables import Tables

_MOST = 16  # room for the corners of a triangle that is cut by six planes


@jit
def clip(polygon: Array, count: int, c: float, c1: float, c2: float, out: Array) -> int:
    """Set ``out`` to the part of a polygon where c + c1 u + c2 v >= 0. Return the number of its corners.

    Source: Sutherland and Hodgman (1974).
    """
    corners = 0
    for a in range(count):
        b = a + 1 if a + 1 < count else 0
        here = c + c1 * polygon[a, 0] + c2 * polygon[a, 1]
        there = c + c1 * polygon[b, 0] + c2 * polygon[b, 1]
        if here >= 0:
            out[corners, 0], out[corners, 1] = polygon[a, 0], polygon[a, 1]
            corners += 1
        if (here >= 0) != (there >= 0):
            t = here / (here - there)
            out[corners, 0] = polygon[a, 0] + t * (polygon[b, 0] - polygon[a, 0])
            out[corners, 1] = polygon[a, 1] + t * (polygon[b, 1] - polygon[a, 1])
            corners += 1
    return corners


@jit
def slab(
    polygon: Array, count: int, height: tuple[float, float, float], k: int, low: int, high: int, spare: Array, out: Array
) -> int:
    """Set ``out`` to the part of a polygon with k <= c + c1 u + c2 v <= k + 1. Return the number of its corners.

    ``height`` is (c, c1, c2). The whole polygon lies between ``low`` and ``high`` + 1.
    """
    c, c1, c2 = height
    if low == high:
        out[:count] = polygon[:count]
        return count
    if k == low:
        return clip(polygon, count, k + 1 - c, -c1, -c2, out)
    if k == high:
        return clip(polygon, count, c - k, c1, c2, out)
    inner = clip(polygon, count, c - k, c1, c2, spare)
    return clip(spare, inner, k + 1 - c, -c1, -c2, out)


@jit
def extent(polygon: Array, count: int, c: float, c1: float, c2: float, n: int) -> tuple[int, int]:
    """Return the first and the last cell along an axis that a polygon meets."""
    least, most = np.inf, -np.inf
    for a in range(count):
        x = c + c1 * polygon[a, 0] + c2 * polygon[a, 1]
        least, most = min(least, x), max(most, x)
    low = min(max(int(least), 0), n - 1)
    high = min(max(int(np.ceil(most)) - 1, low), n - 1)
    return low, high


@jit
def triangle(A: Array, B: Array, C: Array, tables: Tables, work: Array, sums: Array) -> None:
    """Add the flux through the triangle ABC, and the integrals of mu times its three barycentric coordinates, to ``sums``."""
    mu, s0, s1, s2, P, P1, P2, r, r1, r2, Q, Q2, R, m, m2 = tables
    n0, n1, n2 = mu.shape
    e0, e1, e2 = B[0] - A[0], B[1] - A[1], B[2] - A[2]
    f0, f1, f2 = C[0] - A[0], C[1] - A[1], C[2] - A[2]
    normal0, normal1, normal2 = e1 * f2 - e2 * f1, e2 * f0 - e0 * f2, e0 * f1 - e1 * f0
    whole, first, second, third, spare = work[0], work[1], work[2], work[3], work[4]
    whole[0, 0], whole[0, 1], whole[1, 0], whole[1, 1], whole[2, 0], whole[2, 1] = 0.0, 0.0, 1.0, 0.0, 0.0, 1.0
    i0, i1 = extent(whole, 3, A[0], e0, f0, n0)
    for i in range(i0, i1 + 1):
        count0 = slab(whole, 3, (A[0], e0, f0), i, i0, i1, spare, first)
        if count0 < 3:
            continue
        j0, j1 = extent(first, count0, A[1], e1, f1, n1)
        for j in range(j0, j1 + 1):
            count1 = slab(first, count0, (A[1], e1, f1), j, j0, j1, spare, second)
            if count1 < 3:
                continue
            k0, k1 = extent(second, count1, A[2], e2, f2, n2)
            for k in range(k0, k1 + 1):
                count = slab(second, count1, (A[2], e2, f2), k, k0, k1, spare, third)
                for a in range(1, count - 1):
                    u0, v0 = third[0, 0], third[0, 1]
                    u1, v1, u2, v2 = third[a, 0], third[a, 1], third[a + 1, 0], third[a + 1, 1]
                    share = ((u1 - u0) * (v2 - v0) - (u2 - u0) * (v1 - v0)) / 6
                    for side in range(3):  # quadrature at the middles of the sides, exact for quadratics
                        if side == 0:
                            u, v = 0.5 * (u0 + u1), 0.5 * (v0 + v1)
                        elif side == 1:
                            u, v = 0.5 * (u1 + u2), 0.5 * (v1 + v2)
                        else:
                            u, v = 0.5 * (u2 + u0), 0.5 * (v2 + v0)
                        x = A[0] + u * e0 + v * f0 - i
                        y = A[1] + u * e1 + v * f1 - j - 0.5
                        z = A[2] + u * e2 + v * f2 - k - 0.5
                        here = mu[i, j, k] + s0[i, j, k] * (x - 0.5) + s1[i, j, k] * y + s2[i, j, k] * z
                        over0 = mu[i, j, k] - r[j, k] + (s1[i, j, k] - r1[j, k]) * y + (s2[i, j, k] - r2[j, k]) * z
                        flow0 = P[i, j, k] + P1[i, j, k] * y + P2[i, j, k] * z
                        flow0 += x * (over0 + 0.5 * s0[i, j, k] * (x - 1))
                        over1 = r[j, k] - m[k] + (r2[j, k] - m2[k]) * z
                        flow1 = Q[j, k] + Q2[j, k] * z + (y + 0.5) * (over1 + 0.5 * r1[j, k] * (y - 0.5))
                        flow2 = R[k] + (z + 0.5) * (m[k] + 0.5 * m2[k] * (z - 0.5))
                        sums[0] += share * (flow0 * normal0 + flow1 * normal1 + flow2 * normal2)
                        sums[1] += share * here * (1 - u - v)
                        sums[2] += share * here * u
                        sums[3] += share * here * v


@jit
def corner_of(axis: int, step: int) -> tuple[int, int, int]:
    """Return the offset of corner number ``step`` of a face across an axis, counted round the face with the axis as normal."""
    a = 1 if step == 1 or step == 2 else 0
    b = 1 if step >= 2 else 0
    if axis == 0:
        return 0, a, b
    if axis == 1:
        return b, 0, a
    return a, b, 0


@shared
def normal_moves(first: int, last: int, phi: Array, rate: float, axis: int, out: Array) -> None:
    """Set ``out`` to ``rate`` times the difference of phi across every face, and to 0 at the walls."""
    _, n1, n2 = out.shape
    wall = out.shape[axis] - 1
    for i in range(first, last):
        for j in range(n1):
            for k in range(n2):
                at = i if axis == 0 else (j if axis == 1 else k)
                if at == 0 or at == wall:
                    out[i, j, k] = 0.0
                else:
                    before = phi[i - (axis == 0), j - (axis == 1), k - (axis == 2)]
                    out[i, j, k] = rate * (phi[i, j, k] - before)


@shared
def to_corners(first: int, last: int, faces: Array, axis: int, out: Array) -> None:
    """Set ``out`` to the mean over the four faces around every corner. Faces beyond a wall are mirror images."""
    _, n1, n2 = out.shape
    for i in range(first, last):
        for j in range(n1):
            for k in range(n2):
                total = 0.0
                for step in range(4):
                    o0, o1, o2 = corner_of(axis, step)
                    x = min(max(i - o0, 0), faces.shape[0] - 1)
                    y = min(max(j - o1, 0), faces.shape[1] - 1)
                    z = min(max(k - o2, 0), faces.shape[2] - 1)
                    total += faces[x, y, z]
                out[i, j, k] = 0.25 * total


@jit
def place(corners: Array, i: Whole, j: int, k: int, out: Array) -> None:
    """Set ``out`` to the place of a corner, kept inside the box."""
    out[0] = min(max(i + corners[0, i, j, k], 0.0), corners.shape[1] - 1.0)
    out[1] = min(max(j + corners[1, i, j, k], 0.0), corners.shape[2] - 1.0)
    out[2] = min(max(k + corners[2, i, j, k], 0.0), corners.shape[3] - 1.0)


@jit
def middle(corners: Array, normal: Array, axis: int, i: Whole, j: int, k: int, clipped: bool, out: Array) -> None:
    """Set ``out`` to the place of the middle of a face. ``clipped`` keeps it inside the box.

    Across the face the middle moves by ``normal``. Along the face it moves by the mean of the four corners.
    """
    for c in range(3):
        at = i if c == 0 else (j if c == 1 else k)
        if c == axis:
            x = at + normal[i, j, k]
        else:
            x = at + 0.5
            for step in range(4):
                o0, o1, o2 = corner_of(axis, step)
                x += 0.25 * corners[c, i + o0, j + o1, k + o2]
        out[c] = min(max(x, 0.0), corners.shape[c + 1] - 1.0) if clipped else x


@shared
def face_integrals(
    first: int, last: int, corners: Array, normal: Array, axis: int, tables: Tables, flux: Array, weights: Array
) -> None:
    """Set ``flux`` to the flux through every face across an axis.

    Set ``weights``, shape (n0, n1, n2, 4, 3), to the weights of the vertices of the four triangles of every face.
    """
    _, n1, n2 = flux.shape
    for i in range(first, last):
        work, sums = np.empty((5, _MOST, 2)), np.empty(4)
        A, B, C = np.empty(3), np.empty(3), np.empty(3)
        for j in range(n1):
            for k in range(n2):
                middle(corners, normal, axis, i, j, k, True, C)
                flux[i, j, k] = 0.0
                for step in range(4):
                    o0, o1, o2 = corner_of(axis, step)
                    place(corners, i + o0, j + o1, k + o2, A)
                    o0, o1, o2 = corner_of(axis, (step + 1) % 4)
                    place(corners, i + o0, j + o1, k + o2, B)
                    sums[:] = 0.0
                    triangle(A, B, C, tables, work, sums)
                    flux[i, j, k] += sums[0]
                    weights[i, j, k, step] = sums[1:]


@shared
def face_changes(
    first: int,
    last: int,
    corners: Array,
    normal: Array,
    axis: int,
    weights: Array,
    moved: Array,
    across: Array,
    swept: Array,
    stiffness: bool,
) -> None:
    """Set ``swept`` to the mass that every face sweeps as its corners and its middle move.

    ``moved`` and ``across`` are the moves. With ``stiffness`` every point moves by 1 along the axis instead.
    """
    _, n1, n2 = swept.shape
    for i in range(first, last):
        C, dC = np.empty(3), np.zeros(3)
        A, B = np.empty(3), np.empty(3)
        for j in range(n1):
            for k in range(n2):
                middle(corners, normal, axis, i, j, k, True, C)
                if stiffness:
                    dC[axis] = 1.0
                else:
                    middle(moved, across, axis, i, j, k, False, dC)
                    for c in range(3):
                        at: Whole = i if c == 0 else (j if c == 1 else k)
                        dC[c] -= at if c == axis else at + 0.5
                        if C[c] <= 0.0 or C[c] >= corners.shape[c + 1] - 1.0:
                            dC[c] = 0.0
                total = 0.0
                for step in range(4):
                    a0, a1, a2 = corner_of(axis, step)
                    b0, b1, b2 = corner_of(axis, (step + 1) % 4)
                    e0, a1, a2, f0, b1, b2 = i + a0, j + a1, k + a2, i + b0, j + b1, k + b2
                    place(corners, e0, a1, a2, A)
                    place(corners, f0, b1, b2, B)
                    for c in range(3):
                        p, q = (c + 1) % 3, (c + 2) % 3
                        area = (B[p] - A[p]) * (C[q] - A[q]) - (B[q] - A[q]) * (C[p] - A[p])
                        if stiffness:
                            dA, dB = dC[c], dC[c]
                        else:
                            end = corners.shape[c + 1] - 1.0
                            dA = moved[c, e0, a1, a2] if 0.0 < A[c] < end else 0.0
                            dB = moved[c, f0, b1, b2] if 0.0 < B[c] < end else 0.0
                        w = weights[i, j, k, step]
                        total += area * (w[0] * dA + w[1] * dB + w[2] * dC[c])
                swept[i, j, k] = total
