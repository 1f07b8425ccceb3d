"""When and where mass collapses to a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .._typing import Array, Mask
from .._validate import positive
from ..trajectory import Trajectory
from ._places import support
from .centre_of_mass import joint_centre
from .report import Report

_WITHIN = 1e-6  # of the extent at the start: a smaller radius counts as a point


class Collapse(NamedTuple):
    """When and where mass became one point."""

    time: float
    """A time of the run."""
    place: Array
    """The centre of the mass at this time."""


@dataclass(frozen=True, eq=False, repr=False)
class CollapseReport(Report):
    """The radius of every species, and of all species together, along a run.

    Attributes
    ----------
    partial : mapping from names to Collapse
        When and where a species became a point. A species that did not is not in the mapping.
    total : Collapse or None
        When and where all species together became one point; None if they did not.

    >>> import jkoflow as jf
    >>> flow = jf.evolve(jf.Interaction(jf.PowerLaw(1)), jf.Quantiles([-1.0, 0.0, 1.0]), dt=0.1, t_end=0.3)
    >>> isinstance(jf.diagnostics.collapse(flow), CollapseReport)
    True
    """

    partial: Mapping[str, Collapse] = field(default_factory=dict)
    total: Collapse | None = None


def collapse(flow: Trajectory, *, within: float | None = None) -> CollapseReport:
    """Return the radii of a run, and when and where the species collapse.

    The radius of a species is the largest distance of its mass from its centre of mass. The radius of all species together is
    the largest distance of any mass from the joint centre. On a grid, a cell below 1e-8 of the largest density counts as empty.

    A species has collapsed at the first time of the run from which on its radius stays at most ``within``. The default of
    ``within`` is a millionth of the extent at the start. The report holds this time, and the centre at this time. Collapse
    times are times of the run, so their resolution is its time step.

    That each species collapses before all collapse to one point is Theorem 3.2 of Di Francesco and Fagioli (2013); for its
    hypotheses see docs/theory/two-species.md, section 3.8.

    >>> import jkoflow as jf
    >>> flow = jf.evolve(jf.Interaction(jf.PowerLaw(1)), jf.Quantiles([-1.0, 1.0]), dt=0.25, t_end=2.0)
    >>> time, place = collapse(flow).total                                       # |x| pulls the ends in at speed 1
    >>> time, round(float(place), 12)
    (1.0, 0.0)
    """
    supports = [{name: support(measure) for name, measure in state.items()} for state in flow.snapshots]
    start = np.concatenate(list(supports[0].values()))
    if within is None:
        within = _WITHIN * float(np.ptp(start, axis=0).max())
    else:
        positive("within", within)
    radii: dict[str, Array] = {}
    centres: dict[str, list[Array]] = {}
    for name in flow.snapshots[0]:
        centres[name] = [np.asarray(state[name].mean) for state in flow.snapshots]
        radii[name] = np.array(
            [
                _radius(places_by_species[name], centre)
                for places_by_species, centre in zip(supports, centres[name], strict=True)
            ]
        )
    joint_centres = [joint_centre(state, flow.mobilities) for state in flow.snapshots]
    joint_radius = np.array(
        [
            max(_radius(places, centre) for places in places_by_species.values())
            for places_by_species, centre in zip(supports, joint_centres, strict=True)
        ]
    )
    collapses = {name: _first_lasting(radii[name] <= within, flow.times, centres[name]) for name in radii}
    partial = {name: known for name, known in collapses.items() if known is not None}
    total = _first_lasting(joint_radius <= within, flow.times, joint_centres)
    curves = {name or "radius": radius for name, radius in radii.items()}
    if len(radii) > 1:
        curves["all"] = joint_radius
    return CollapseReport("radius", flow.times, curves, partial=partial, total=total)


def _radius(places: Array, centre: Array) -> float:
    """Return the largest distance of places (n, d) from a centre."""
    return float(np.sqrt(((places - centre) ** 2).sum(axis=1).max()))


def _first_lasting(small: Mask, times: Array, centres: list[Array]) -> Collapse | None:
    """Return the first time from which on ``small`` stays true, and the centre then; None if it is false at the end."""
    if not small[-1]:
        return None
    k = int(len(small) - np.argmin(small[::-1])) if not small.all() else 0
    return Collapse(float(times[k]), centres[k])
