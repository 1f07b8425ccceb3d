"""Whether mass stays where it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import finite_array
from ..trajectory import Trajectory
from ._support import support
from .report import Report

_DIRECTIONS = 256


@dataclass(frozen=True, eq=False, repr=False)
class ConfinementReport(Report):
    """The radius of all mass about a point along a run; ``hull_growth`` is how far any place with mass has ever gone out of the
    convex hull of the start, as its support function tells in 256 directions.
    """

    hull_growth: float = float("nan")


def confinement(flow: Trajectory, *, about: Any = None) -> ConfinementReport:
    """The largest distance of mass from a point, by default the mean of all at the start.

    Attractive radial kernels keep all mass in a ball that holds it at the start (Corollary 4.1 of Di Francesco and Fagioli
    2013), and in the convex hull of it (docs/theory/two-species.md, section 3.11), JKO and semi-implicit JKO at
    any dt. ``worst`` is the growth of the radius over that at the start.

    >>> import jkoflow as jf
    >>> flow = jf.evolve(jf.Interaction(jf.Gaussian()), jf.Quantiles([-1.0, 1.0]), dt=0.5, t_end=2.0)
    >>> report = confinement(flow)
    >>> bool(report.worst <= 0), bool(report.hull_growth <= 1e-12)
    (True, True)
    """
    clouds = [np.concatenate([support(measure) for measure in state.values()]) for state in flow.snapshots]
    d = clouds[0].shape[1]
    first = flow.snapshots[0].values()
    mean = sum(measure.mass * np.atleast_1d(measure.mean) for measure in first) / sum(measure.mass for measure in first)
    point = mean if about is None else np.atleast_1d(finite_array("about", about, () if d == 1 else (d,)))
    radii = np.array([np.sqrt(((cloud - point) ** 2).sum(axis=1).max()) for cloud in clouds])
    directions = _directions(d)
    heights = np.array([(cloud @ directions).max(axis=0) for cloud in clouds])
    growth = float((heights - heights[0]).max())
    bound = {"at the start": np.full(len(radii), radii[0])}
    return ConfinementReport("radius", flow.times, {"radius": radii}, bound, float((radii - radii[0]).max()), growth)


def _directions(d: int) -> Array:
    """Unit vectors (d, k): both on the line, evenly spread in the plane, at random beyond."""
    if d == 1:
        return np.array([[1.0, -1.0]])
    if d == 2:
        angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
        return np.stack([np.cos(angles), np.sin(angles)])
    vectors = np.random.default_rng(0).normal(size=(d, _DIRECTIONS))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=0))
