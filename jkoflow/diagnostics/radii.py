"""When and where mass collapses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .._typing import Array, Mask
from .._validate import positive
from ..trajectory import Trajectory
from ._support import support
from .centre_of_mass import joint_centre
from .report import Report

_WITHIN = 1e-6  # of the extent at the start


@dataclass(frozen=True, eq=False, repr=False)
class CollapseReport(Report):
    """The radii of the species and of all along a run; ``partial`` says of every species that has become a point when and
    where, ``total`` of all together, None if they have not.
    """

    partial: Mapping[str, tuple[float, Array]] = field(default_factory=dict)
    total: tuple[float, Array] | None = None


def collapse(flow: Trajectory, *, within: float | None = None) -> CollapseReport:
    """The radius of every species about its centre and of all about the joint centre, and the first time of the run from which
    on it stays below ``within``, by default a millionth of the extent at the start, with the centre at that time.

    Partial collapse of each before total collapse is Theorem 3.2 of Di Francesco and Fagioli (2013); the times have the
    resolution of the run's. A radius is the largest distance of places with mass (on a grid: of cells above 1e-8 of the
    largest density).

    >>> import jkoflow as jf
    >>> flow = jf.evolve(jf.Interaction(jf.PowerLaw(1)), jf.Quantiles([-1.0, 1.0]), dt=0.25, t_end=2.0)
    >>> time, place = collapse(flow).total                                       # |x| pulls the ends in at speed 1
    >>> time, round(float(place), 12)
    (1.0, 0.0)
    """
    places = [{name: support(measure) for name, measure in state.items()} for state in flow.snapshots]
    first = np.concatenate(list(places[0].values()))
    if within is None:
        within = _WITHIN * float(np.ptp(first, axis=0).max())
    else:
        positive("within", within)
    radii: dict[str, Array] = {}
    centres: dict[str, list[Array]] = {}
    for name in flow.snapshots[0]:
        centres[name] = [np.asarray(state[name].mean) for state in flow.snapshots]
        radii[name] = np.array([_radius(held[name], c) for held, c in zip(places, centres[name], strict=True)])
    joint = [joint_centre(state, flow.mobilities) for state in flow.snapshots]
    whole = np.array([max(_radius(p, c) for p in held.values()) for held, c in zip(places, joint, strict=True)])
    ended = {name: _from_when(radii[name] <= within, flow.times, centres[name]) for name in radii}
    partial = {name: found for name, found in ended.items() if found is not None}
    total = _from_when(whole <= within, flow.times, joint)
    curves = {name or "radius": radius for name, radius in radii.items()}
    if len(radii) > 1:
        curves["all"] = whole
    return CollapseReport("radius", flow.times, curves, partial=partial, total=total)


def _radius(places: Array, centre: Array) -> float:
    return float(np.sqrt(((places - centre) ** 2).sum(axis=1).max()))


def _from_when(small: Mask, times: Array, centres: list[Array]) -> tuple[float, Array] | None:
    """The first time from which on it stays so, and the centre then."""
    if not small[-1]:
        return None
    k = int(len(small) - np.argmin(small[::-1])) if not small.all() else 0
    return float(times[k]), centres[k]
