"""The confinement of mass to the ball, and to the convex hull, that hold it at the start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import finite_array
from ..trajectory import Trajectory
from ._places import support
from .report import Report

_DIRECTIONS = 256  # in which the convex hull is measured, in the plane and beyond


@dataclass(frozen=True, eq=False, repr=False)
class ConfinementReport(Report):
    """The radius of all mass about a point, along a run.

    Attributes
    ----------
    hull_growth : float
        The largest distance of mass outside the convex hull of the start, at any time. It is measured by the support function
        of the hull, in 256 directions.

    >>> import jkoflow as jf
    >>> flow = jf.evolve(jf.Interaction(jf.Quadratic()), jf.Quantiles([-1.0, 0.0, 1.0]), dt=0.1, t_end=0.3)
    >>> isinstance(jf.diagnostics.confinement(flow), ConfinementReport)
    True
    """

    hull_growth: float = float("nan")


def confinement(flow: Trajectory, *, about: Any = None) -> ConfinementReport:
    """Report the radius of all mass about a point: the largest distance of any mass from this point.

    The point is ``about``; by default it is the mean of all mass at the start. Under attractive radial kernels

    * all mass stays in a ball that holds it at the start (Corollary 4.1 of Di Francesco and Fagioli 2013);
    * all mass stays in its convex hull at the start (docs/theory/two-species.md, section 3.11).

    Both hold for JKO and semi-implicit JKO with any dt. ``worst`` is the largest growth of the radius since the start.

    >>> import jkoflow as jf
    >>> flow = jf.evolve(jf.Interaction(jf.Gaussian()), jf.Quantiles([-1.0, 1.0]), dt=0.5, t_end=2.0)
    >>> report = confinement(flow)
    >>> bool(report.worst <= 0), bool(report.hull_growth <= 1e-12)
    (True, True)
    """
    places = [np.concatenate([support(measure) for measure in state.values()]) for state in flow.snapshots]
    d = places[0].shape[1]
    start = flow.snapshots[0].values()
    mean = sum(measure.mass * np.atleast_1d(measure.mean) for measure in start) / sum(measure.mass for measure in start)
    point = mean if about is None else np.atleast_1d(finite_array("about", about, () if d == 1 else (d,)))
    radii = np.array([np.sqrt(((x - point) ** 2).sum(axis=1).max()) for x in places])
    directions = _directions(d)
    support_function = np.array([(x @ directions).max(axis=0) for x in places])
    growth = float((support_function - support_function[0]).max())
    bound = {"at the start": np.full(len(radii), radii[0])}
    return ConfinementReport("radius", flow.times, {"radius": radii}, bound, float((radii - radii[0]).max()), growth)


def _directions(d: int) -> Array:
    """Return unit vectors (d, k): both directions on the line, evenly spread in the plane, random beyond."""
    if d == 1:
        return np.array([[1.0, -1.0]])
    if d == 2:
        angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
        return np.stack([np.cos(angles), np.sin(angles)])
    vectors = np.random.default_rng(0).normal(size=(d, _DIRECTIONS))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=0))
