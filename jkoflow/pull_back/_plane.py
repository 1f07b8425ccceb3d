"""The compiled sums over the faces of moved cells in the plane.

Lengths are in units of cells. A face is the polyline corner - middle - corner. The mass of a moved cell is the integral around
the cell of the 1-form M dy - Q dx, whose exterior derivative is the density:

* M is the primitive in x of the density minus the mean of its row. M is 0 at both walls.
* Q is the primitive in y of the means of the rows.

``table`` has 8 numbers per cell: the density; its slopes in x and y; M at the left face of the cell and the slope of M in y; Q
at the lower face; the mean of the row and its slope in y.
"""

from __future__ import annotations

import numpy as np

from .._compiled import jit, shared
from .._typing import Array

_GAUSS = 0.5773502691896257


@jit
def displacements(phi: Array, r0: float, r1: float) -> tuple[Array, Array, Array]:
    """Return tau grad phi, in cells, at the corners and at the middles of the faces across both axes, shape (2, ...).

    * Across its face a middle moves by the difference of phi between the two cells. At a wall it does not move across.
    * A corner moves by the mean of the two middles beside it.
    * Along its face a middle moves by the mean of the two corners of the face.
    """
    n0, n1 = phi.shape
    corners = np.empty((2, n0 + 1, n1 + 1))
    across0 = np.empty((2, n0 + 1, n1))
    across1 = np.empty((2, n0, n1 + 1))
    for i in range(n0 + 1):
        for j in range(n1):
            across0[0, i, j] = r0 * (phi[i, j] - phi[i - 1, j]) if 0 < i < n0 else 0.0
        if i < n0:
            for j in range(n1 + 1):
                across1[1, i, j] = r1 * (phi[i, j] - phi[i, j - 1]) if 0 < j < n1 else 0.0
    for i in range(n0 + 1):
        for j in range(n1 + 1):
            before, after = max(j - 1, 0), min(j, n1 - 1)
            corners[0, i, j] = 0.5 * (across0[0, i, before] + across0[0, i, after])
            left, right = (i - 1 if i > 0 else 0), (i if i < n0 else n0 - 1)
            corners[1, i, j] = 0.5 * (across1[1, left, j] + across1[1, right, j])
    for i in range(n0 + 1):
        for j in range(n1):
            across0[1, i, j] = 0.5 * (corners[1, i, j] + corners[1, i, j + 1])
        if i < n0:
            for j in range(n1 + 1):
                across1[0, i, j] = 0.5 * (corners[0, i, j] + corners[0, i + 1, j])
    return corners, across0, across1


@jit(inline=True)
def segment(ax: float, ay: float, bx: float, by: float, table: Array) -> tuple[float, float, float]:
    """Return three integrals along the segment from a to b: of the 1-form, of (1 - t) mu, and of t mu.

    t runs from 0 at a to 1 at b. The integrals are exact for the piecewise linear density: between two crossings of grid lines
    two Gauss points are exact.
    """
    n0, n1 = table.shape[0], table.shape[1]
    ex, ey = bx - ax, by - ay
    inverse0 = 1 / ex if ex != 0 else 0.0
    inverse1 = 1 / ey if ey != 0 else 0.0
    i, j = min(int(ax), n0 - 1), min(int(ay), n1 - 1)
    if ax == i and ex < 0 and i > 0:
        i -= 1
    if ay == j and ey < 0 and j > 0:
        j -= 1
    step0, step1 = (1 if ex > 0 else -1), (1 if ey > 0 else -1)
    next0 = (i + (ex > 0) - ax) * inverse0 if ex != 0 else 2.0
    next1 = (j + (ey > 0) - ay) * inverse1 if ey != 0 else 2.0
    form, begin, end, t = 0.0, 0.0, 0.0, 0.0
    while True:
        until = min(next0, next1, 1.0)
        if until > t:
            cell = table[i, j]
            half = 0.5 * (until - t)
            for sign in (-_GAUSS, _GAUSS):
                u = t + half * (1 + sign)
                x, y = ax + u * ex - i, ay + u * ey - j - 0.5
                over = cell[0] + cell[2] * y
                here = over + cell[1] * (x - 0.5)
                row = cell[6] + cell[7] * y
                M = cell[3] + cell[4] * y + x * (over - row + 0.5 * cell[1] * (x - 1))
                Q = cell[5] + cell[6] * (y + 0.5) + 0.5 * cell[7] * (y * y - 0.25)
                form += half * (M * ey - Q * ex)
                begin += half * here * (1 - u)
                end += half * here * u
            t = until
        if until >= 1.0:
            return form, begin, end
        if next0 <= next1:
            i += step0
            next0 += step0 * inverse0
        else:
            j += step1
            next1 += step1 * inverse1
        if i < 0 or j < 0 or i >= n0 or j >= n1:
            return form, begin, end


@jit
def keep_inside(moves: Array, origin0: float, origin1: float, n0: int, n1: int) -> None:
    """Shorten the moves, shape (2, ...), of those points (origin0 + i, origin1 + j) that would leave the box."""
    for i in range(moves.shape[1]):
        for j in range(moves.shape[2]):
            x, y = origin0 + i, origin1 + j
            moves[0, i, j] = min(max(x + moves[0, i, j], 0.0), float(n0)) - x
            moves[1, i, j] = min(max(y + moves[1, i, j], 0.0), float(n1)) - y


@jit
def stay_at_walls(changes: Array, moves: Array, origin0: float, origin1: float, n0: int, n1: int) -> None:
    """Set to 0 the changes across a wall for points that are at this wall."""
    for i in range(moves.shape[1]):
        for j in range(moves.shape[2]):
            x, y = origin0 + i + moves[0, i, j], origin1 + j + moves[1, i, j]
            if x <= 0.0 or x >= n0:
                changes[0, i, j] = 0.0
            if y <= 0.0 or y >= n1:
                changes[1, i, j] = 0.0


@shared
def face_integrals(
    first: int,
    last: int,
    corners: Array,
    across0: Array,
    across1: Array,
    table: Array,
    form0: Array,
    form1: Array,
    weights0: Array,
    weights1: Array,
) -> None:
    """Set ``form0`` and ``form1`` to the integrals of the 1-form along every face across axis 0 and axis 1.

    Set ``weights0`` and ``weights1``, shape (4, ...), to the weights of the points of the faces: of the first corner and of the
    middle on the first segment, of the middle and of the second corner on the second segment.
    """
    n0, n1 = table.shape[0], table.shape[1]
    for i in range(first, last):
        for j in range(n1 + 1):
            cx, cy = i + corners[0, i, j], j + corners[1, i, j]
            if j < n1:
                mx, my = i + across0[0, i, j], j + 0.5 + across0[1, i, j]
                dx, dy = i + corners[0, i, j + 1], j + 1 + corners[1, i, j + 1]
                f, u, v = segment(cx, cy, mx, my, table)
                g, w, z = segment(mx, my, dx, dy, table)
                form0[i, j] = f + g
                weights0[0, i, j], weights0[1, i, j], weights0[2, i, j], weights0[3, i, j] = u, v, w, z
            if i < n0:
                mx, my = i + 0.5 + across1[0, i, j], j + across1[1, i, j]
                dx, dy = i + 1 + corners[0, i + 1, j], j + corners[1, i + 1, j]
                f, u, v = segment(cx, cy, mx, my, table)
                g, w, z = segment(mx, my, dx, dy, table)
                form1[i, j] = f + g
                weights1[0, i, j], weights1[1, i, j], weights1[2, i, j], weights1[3, i, j] = u, v, w, z


@shared
def face_changes(
    first: int,
    last: int,
    corners: Array,
    across0: Array,
    across1: Array,
    change: Array,
    change0: Array,
    change1: Array,
    weights0: Array,
    weights1: Array,
    swept0: Array,
    swept1: Array,
) -> None:
    """Set ``swept0`` and ``swept1`` to the mass that every face sweeps when its corners and its middle move by the changes."""
    n0, n1 = corners.shape[1] - 1, corners.shape[2] - 1
    for i in range(first, last):
        for j in range(n1 + 1):
            if j < n1:
                x1, y1 = across0[0, i, j] - corners[0, i, j], 0.5 + across0[1, i, j] - corners[1, i, j]
                x2, y2 = corners[0, i, j + 1] - across0[0, i, j], 0.5 + corners[1, i, j + 1] - across0[1, i, j]
                swept0[i, j] = (
                    weights0[0, i, j] * (change[0, i, j] * y1 - change[1, i, j] * x1)
                    + weights0[1, i, j] * (change0[0, i, j] * y1 - change0[1, i, j] * x1)
                    + weights0[2, i, j] * (change0[0, i, j] * y2 - change0[1, i, j] * x2)
                    + weights0[3, i, j] * (change[0, i, j + 1] * y2 - change[1, i, j + 1] * x2)
                )
            if i < n0:
                x1, y1 = 0.5 + across1[0, i, j] - corners[0, i, j], across1[1, i, j] - corners[1, i, j]
                x2, y2 = 0.5 + corners[0, i + 1, j] - across1[0, i, j], corners[1, i + 1, j] - across1[1, i, j]
                swept1[i, j] = (
                    weights1[0, i, j] * (change[0, i, j] * y1 - change[1, i, j] * x1)
                    + weights1[1, i, j] * (change1[0, i, j] * y1 - change1[1, i, j] * x1)
                    + weights1[2, i, j] * (change1[0, i, j] * y2 - change1[1, i, j] * x2)
                    + weights1[3, i, j] * (change[0, i + 1, j] * y2 - change[1, i + 1, j] * x2)
                )
