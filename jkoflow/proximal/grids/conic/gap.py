"""A bound on how far the objective of a plan is above the least one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...._typing import Array
from ....laws.forms import Bound
from ....measures import Species
from ...base import ProximalStep

_TRACE = 1e-12  # share of the mean density that stands in for a vacuum, in which a first variation may be infinite


def duality_gaps(step: ProximalStep, state: Species, plans: Mapping[str, Array], cost: Array) -> dict[str, float]:
    """Return by species how far J may fall if its plan changes, energies. NaN for laws with a bound on the density.

        gap_i = sum_xy plan_i(x, y) [g_i(x, y) - min over z of g_i(x, z)],    g_i = cost / (2 tau alpha_i) + dE/drho_i(y)

    J is convex in the plans, so it lies above its tangent at these plans. The rows of the plans are given, so the tangent is
    least where every row goes to the least entry of g_i. So J of the plans is above the least J by at most the sum of the gaps.
    The gaps need nothing of the solver that found the plans.

    Source: Frank and Wolfe (1956), the gap of their algorithm.
    """
    if step.forms.bounds or any(isinstance(entry.form.of_sum, Bound) for entry in step.forms.shared):
        return dict.fromkeys(plans, np.nan)
    filled = {}
    for name, measure in state.items():
        filled[name] = measure.like(np.maximum(measure.values, _TRACE * measure.mass / measure.grid.volume))
    gaps = {}
    for name, plan in plans.items():
        slope = step.energy.first_variation(Species(filled), name).ravel()
        g = cost[step.anchor[name].masses > 0] / (2 * step.weight(name)) + slope
        gaps[name] = float(np.sum(plan * (g - g.min(axis=1, keepdims=True))))
    return gaps
