"""Numbers along a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .._typing import Array
from ..laws import Law
from ..trajectory import Trajectory

_MASS = 1e-9  # relative


@dataclass(frozen=True, eq=False)
class Report:
    """Curves over the times of a run, and their bounds.

    Attributes
    ----------
    title : str
        The name of the quantity in the curves.
    times : array (K,)
    curves : mapping from names to arrays (K,)
    bounds : mapping from names to arrays (K,)
        The curves with which ``curves`` are compared. They are drawn dashed.
    worst : float
        The largest violation, over all times, of the statement that the report checks. Each diagnostic says how it is
        measured. If the statement holds, ``worst`` is at most 0, up to rounding and the errors of the run. It is NaN if the
        report checks no statement.

    >>> import jkoflow as jf
    >>> flow = jf.evolve(jf.Entropy(), jf.Quantiles([-1.0, 0.0, 1.0]), dt=0.1, t_end=0.3)
    >>> isinstance(jf.diagnostics.energy_dissipation(flow), Report)
    True
    """

    title: str
    times: Array
    curves: Mapping[str, Array]
    bounds: Mapping[str, Array] = field(default_factory=dict)
    worst: float = float("nan")

    def __repr__(self) -> str:
        checked = "" if self.worst != self.worst else f", worst {self.worst:.3g}"
        return f"{type(self).__name__}({self.title}: {', '.join(self.curves)}; {len(self.times)} times{checked})"


def must_be_of_masses(law: Law, name: str) -> None:
    """Raise ValueError for a law with fields, doors, Advection or Growth: a diagnostic compares the motion of masses alone."""
    if law.field_names or any(entry.form.is_outer for entry in law.forms.entries) or law.forms.openings:
        raise ValueError(f"{name} takes laws of masses alone, and {law!r} has fields, doors, Advection or Growth")


def must_keep_mass(flow: Trajectory, name: str, doors: bool = False) -> None:
    """Raise ValueError for a run whose mass changes: what it says of energies holds for gradient flows of a given mass.

    ``doors`` counts what went through doors as kept.
    """
    masses = flow.masses
    for gone in flow.outflow.values() if doors else ():
        masses = masses + np.append(0.0, np.cumsum(gone))
    if (flow.outflow and not doors) or np.abs(masses - masses[0]).max() > _MASS * flow.masses.max():
        raise ValueError(f"{name} takes runs that keep their mass, and this one has doors or growth")
