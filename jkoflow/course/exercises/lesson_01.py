"""Exercises of the lesson on the metric."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import Quantiles, wasserstein
from ..exercise import Exercise, defined, number


def _check_distance(names: dict[str, Any]) -> None:
    distance = defined(names, "distance")
    rng = np.random.default_rng(1)
    for _ in range(5):
        a, c = rng.uniform(-3.0, 3.0, 2)
        b, d = np.array([a, c]) + rng.uniform(0.2, 3.0, 2)
        found = number(distance(a, b, c, d), "distance")
        expected = float(wasserstein(Quantiles(np.array([a, b])), Quantiles(np.array([c, d]))))
        where = f"for ({a:.3g}, {b:.3g}) and ({c:.3g}, {d:.3g})"
        assert not np.isclose(found, expected**2), f"{where} {found:.4g} is the square of the distance"
        assert np.isclose(found, expected), (
            f"{where} the distance is {expected:.4g}, not {found:.4g}: integrate the square of the difference of the quantiles"
        )


def _check_longest(names: dict[str, Any]) -> None:
    longest = defined(names, "longest")
    rng = np.random.default_rng(2)
    for wider in (False, False, False, True, False):
        x = np.cumsum(rng.uniform(0.1, 2.0, 6))
        gaps = np.diff(x) * (rng.uniform(1.0, 3.0, 5) if wider else rng.uniform(0.2, 2.0, 5))
        y = np.append(0, np.cumsum(gaps)) + rng.normal()
        with np.errstate(all="ignore"):
            found = number(longest(x.copy(), y.copy()), "longest")
        where = f"for the gaps {np.diff(x).round(2)} of x and {np.diff(y).round(2)} of y"
        if np.all(np.diff(y) >= np.diff(x)):
            assert found == np.inf, f"{where} no gap ever closes: the answer is np.inf, not {found:.4g}"
            continue
        assert np.isfinite(found), f"{where} the way ends: which gap is narrower in y than in x?"
        assert found > 1, f"{where} the way reaches y at t = 1, so it does not end at {found:.4g}"
        before, after = (np.diff((1 - t) * x + t * y).min() for t in (found * (1 - 1e-6), found * (1 + 1e-6)))
        assert before > 0, f"{where} a gap has closed before t = {found:.4g}: the gap that closes first decides"
        assert after < 0, f"{where} the nodes are still in order after t = {found:.4g}"


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
        "two uniform laws",
        "Write `distance(a, b, c, d)`, the distance $W_2$ of the uniform law on $(a, b)$ and the uniform law on $(c, d)$. "
        "What are their quantiles?",
        "def distance(a, b, c, d):\n    return None\n",
        _check_distance,
    ),
    Exercise(
        "beyond the end of the way",
        r"`x` and `y` are increasing arrays: the quantiles of two measures at the same levels. The way $(1 - t) x + t y$ may "
        r"be continued beyond $t = 1$. Write `longest(x, y)`, the largest $t$ up to which these values are in order. If they "
        "are in order for every $t$, return `np.inf`.",
        "def longest(x, y):\n    return None\n",
        _check_longest,
    ),
    Exercise(
        "points in any order",
        "`x` and `y` are arrays of $n$ points, each of mass $1/n$, in any order. Write `cost(x, y)`, the square of $W_2$. "
        "On the line the best plan keeps the order.",
        "def cost(x, y):\n    return None\n",
        _check_matching,
    ),
)
