"""Centres of mass."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .._typing import Array
from ..laws import State
from ..measures import Species, complete_mobilities
from ..trajectory import Trajectory
from .report import Report


def joint_centre(state: State, mobility: Mapping[str, float] | None = None) -> Array:
    """Return the joint centre sum_i (M_i / alpha_i) X_i / sum_i (M_i / alpha_i), where X_i is the centre of species i.

    In flows of first order, interactions leave the joint centre at rest. For two species of unit mass it is
    (alpha X + Y) / (1 + alpha), where alpha is the mobility of the second species. This is where the two collapse
    (docs/theory/two-species.md, section 3.1).

    >>> from jkoflow import Quantiles
    >>> float(joint_centre(Species(x=Quantiles.atoms([3.0]), y=Quantiles.atoms([0.0])), {"y": 2.0}))
    2.0
    """
    measures = Species.of(state)
    alpha = complete_mobilities(mobility, measures)
    weights = {name: measure.mass / alpha[name] for name, measure in measures.items()}
    total = sum((weights[name] * measure.mean for name, measure in measures.items()), np.zeros(()))
    return np.asarray(total / sum(weights.values()))


def centres(flow: Trajectory) -> Report:
    """Report the centre of every species and the joint centre along a run, with one curve for each coordinate.

    ``worst`` is the largest distance of the joint centre from its place at the start. Under pair interactions it is:

    * rounding, for the flow and for the JKO scheme;
    * O(dt), for the semi-implicit JKO scheme (docs/theory/two-species.md, T3).

    With inertia the joint centre moves, and ``worst`` is how far. What stays is the mean of x + epsilon u
    (docs/theory/small-inertia.md, T4).

    >>> import jkoflow as jf
    >>> state = jf.Species(x=jf.Quantiles.atoms([1.0]), y=jf.Quantiles.atoms([0.0]))
    >>> law = jf.CrossInteraction(jf.Quadratic(), between=("x", "y"))
    >>> report = centres(jf.evolve(law, state, dt=0.1, t_end=1.0, mobility={"y": 3.0}))
    >>> list(report.curves), report.worst < 1e-12
    (['x', 'y', 'joint'], True)
    """
    joint = np.array([joint_centre(state, flow.mobilities) for state in flow.snapshots])
    centre_curves = {name: np.array([state[name].mean for state in flow.snapshots]) for name in flow.snapshots[0]} | {
        "joint": joint
    }
    curves = {}
    for name, centre in centre_curves.items():
        columns = centre[:, None] if centre.ndim == 1 else centre
        for k, column in enumerate(columns.T):
            curves[name if columns.shape[1] == 1 else f"{name} {k + 1}".strip()] = column
    distances = np.linalg.norm((joint - joint[0]).reshape(len(joint), -1), axis=1)
    return Report("centres of mass", flow.times, curves, worst=float(distances.max()))
