"""The distance of two runs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .._validate import finite
from ..laws import State
from ..measures import Species, complete_mobilities
from ..trajectory import Trajectory
from ..transport import wasserstein2
from .report import Report


def product_distance(a: State, b: State, mobility: Mapping[str, float] | None = None) -> float:
    """Return the product distance of two states, (sum_i W2(a_i, b_i)^2 / alpha_i)^(1/2).

    In this distance the flow is a gradient flow. Raises ValueError for states of different species.

    Source: Di Francesco and Fagioli (2013), section 2.

    >>> from jkoflow import Quantiles
    >>> state = Species(x=Quantiles([0.0, 1.0]), y=Quantiles([0.0, 1.0]))
    >>> product_distance(state, Species(x=Quantiles([3.0, 4.0]), y=Quantiles([2.0, 3.0])), {"y": 0.25})
    5.0
    """
    first, second = Species.of(a), Species.of(b)
    if set(first) != set(second):
        raise ValueError(f"a and b must be of the same species, got {list(first)} and {list(second)}")
    alpha = complete_mobilities(mobility, first)
    return float(np.sqrt(sum(wasserstein2(first[name], second[name]) ** 2 / alpha[name] for name in first)))


def contraction(one: Trajectory, other: Trajectory, convexity: float) -> Report:
    """Report the distance of two runs of one law, and its bound: exp(-lambda t) times the distance at the start.

    ``convexity`` is lambda (see ``geodesic_convexity``). ``worst`` is the largest excess over the bound.

    Raises ValueError for runs at different times or with different mobilities.

    Source: Theorem 3.1 of Di Francesco and Fagioli (2013), corrected in docs/theory/two-species.md, section 3.4.

    >>> import jkoflow as jf
    >>> runs = [jf.evolve(jf.Potential(lambda x: x**2), jf.Quantiles.atoms([x]), dt=0.01, t_end=1.0) for x in (1.0, 3.0)]
    >>> contraction(*runs, convexity=2.0).worst < 0.02                      # implicit Euler contracts a little less: O(dt)
    True
    """
    must_have_same_times(one, other)
    if one.mobilities != other.mobilities:
        raise ValueError(f"the runs must have the same mobilities, got {one.mobilities} and {other.mobilities}")
    finite("convexity", convexity)
    pairs = zip(one.snapshots, other.snapshots, strict=True)
    distances = np.array([product_distance(a, b, one.mobilities) for a, b in pairs])
    bound = distances[0] * np.exp(-convexity * (one.times - one.times[0]))
    return Report(
        "distance of two runs", one.times, {"distance": distances}, {"exp(-lambda t)": bound}, float((distances - bound).max())
    )


def must_have_same_times(one: Trajectory, other: Trajectory) -> None:
    """Raise ValueError for runs at different times, apart from 1e-9 of their length."""
    span = float(np.ptp(one.times)) or 1.0
    if len(one) != len(other) or not np.allclose(one.times, other.times, rtol=0.0, atol=1e-9 * span):
        raise ValueError(f"the runs must have the same times, got {len(one)} to {one.times[-1]} and {len(other)}")
