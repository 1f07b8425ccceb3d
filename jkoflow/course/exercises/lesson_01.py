"""Exercises of the lesson on the metric."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..exercise import Exercise, defined


def _check_distance(names: dict[str, Any]) -> None:
    distance = defined(names, "distance")
    for m, s, n, t in ((0.0, 1.0, 3.0, 1.0), (0.0, 1.0, 0.0, 2.5), (-1.0, 0.5, 2.0, 2.0)):
        found = distance(m, s, n, t)
        assert found is not None, "distance returns nothing yet"
        expected = np.hypot(m - n, s - t)
        assert np.isclose(found, expected), f"for N({m}, {s}^2) and N({n}, {t}^2) the distance is not {found:.4g}"


def _check_geodesic(names: dict[str, Any]) -> None:
    geodesic = defined(names, "geodesic")
    x, y = np.array([0.0, 1.0, 5.0]), np.array([2.0, 2.0, 3.0])
    for t in (0.0, 0.25, 1.0):
        found = geodesic(x, y, t)
        assert found is not None, "geodesic returns nothing yet"
        assert np.shape(found) == (3,), "geodesic must return as many points as it gets"
        assert np.allclose(found, (1 - t) * x + t * y), f"at t = {t} the points are not on the way from x to y"


def _check_matching(names: dict[str, Any]) -> None:
    cost = defined(names, "cost")
    rng = np.random.default_rng(0)
    for _ in range(5):
        x, y = rng.normal(size=6), rng.exponential(size=6)
        found = cost(x, y)
        assert found is not None, "cost returns nothing yet"
        expected = ((np.sort(x) - np.sort(y)) ** 2).mean()
        assert found < expected + 1e-9, "there is a cheaper way: which point should go to the leftmost one?"
        assert np.isclose(found, expected), "the cost is below the least: is it the mean of the squares?"


EXERCISES = (
    Exercise(
        "two Gaussians",
        r"Write `distance(m, s, n, t)`, the distance $W_2$ of the normal distributions $N(m, s^2)$ and $N(n, t^2)$. "
        "Their quantiles are $m + s z$ and $n + t z$, with $z$ the quantiles of $N(0, 1)$.",
        "def distance(m, s, n, t):\n    return None\n",
        _check_distance,
    ),
    Exercise(
        "the way between two measures",
        r"`x` and `y` are the quantiles of two measures at the same levels. Write `geodesic(x, y, t)`, the quantiles of the "
        r"measure that lies at the share $t \in [0, 1]$ of the way from one to the other.",
        "def geodesic(x, y, t):\n    return None\n",
        _check_geodesic,
    ),
    Exercise(
        "points in any order",
        "`x` and `y` are arrays of $n$ points, each of mass $1/n$, in any order. Write `cost(x, y)`, the square of $W_2$. "
        "On the line the best plan keeps the order.",
        "def cost(x, y):\n    return None\n",
        _check_matching,
    ),
)
