"""The JKO step of two Newtonian species on the line, by one interpolation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..._status import Status
from ..._typing import Array
from ...kernels.sums import on_the_line
from ...laws.forms import Form, Pair
from ...measures import Measure, Quantiles
from ..base import ProximalStep, ProxResult, StepSolver
from .model import potential_along


@dataclass(frozen=True)
class NewtonianStep(StepSolver):
    """The exact JKO step of ``newtonian_law()`` on Quantiles, with no iteration.

    **Formula.** F and G are the distribution functions of the two species, X_0 and X_1 the quantiles of the first before and
    after the step. At the end of the step, w = F_1 - G_1 at a place c solves

        w = F_0(c - 2 tau w) - G_0(c + 2 tau w)

    This is one increasing equation for every place, independent of all other places
    (docs/theory/newtonian-particles.md, section 2.7). Followed along the mass s it says

        X_1(s) = (X_0(s) + z) / 2,    z / (4 tau) + G_0(z) = s + X_0(s) / (4 tau)

    The left side is one piecewise linear function of z for all s. So the nodes of X_1 are an interpolation in it.

    **Accuracy.** The nodes are exact for the piecewise constant densities of the anchor. Between its nodes X_1 is taken linear.
    It is not linear where the other species has its nodes. So with few nodes the energy may rise in a step; with many it
    falls.

    Atoms and gaps are allowed. No mass leaves the hull of both species, so walls are never touched. ``residual`` is 0.

    Raises ValueError for another law, for different total masses and for mobilities other than 1.

    **Cost**: two interpolations, O(N) for sorted nodes.

    >>> import jkoflow as jf
    >>> state = jf.Species(x=jf.Quantiles.atoms([-1.0]), y=jf.Quantiles.atoms([1.0]))
    >>> jf.evolve(jf.newtonian_law(), state, scheme=jf.JKO(NewtonianStep()), dt=0.25, t_end=0.25).final["x"].nodes
    array([-1. , -0.5])
    """

    solves: ClassVar[str] = "the exact step at the mass nodes of the anchor"
    measures: ClassVar[tuple[type[Measure], ...]] = (Quantiles,)
    takes: ClassVar[tuple[type[Form], ...]] = (Pair,)

    def solve(self, step: ProximalStep) -> ProxResult:
        reach = 4 * step.tau * self.prepared(step)
        x, y = step.anchor.values()
        state = step.anchor.like(dict(zip(step.anchor, (_moved(x, y, reach), _moved(y, x, reach)), strict=True)))
        distances = {name: after.moved_from(step.anchor[name]) for name, after in state.items()}
        potentials = {name: potential_along(after.nodes, step.anchor[name].nodes) for name, after in state.items()}
        return ProxResult(state, distances, potentials, Status.CONVERGED, 1, 0.0)

    def prepare(self, step: ProximalStep) -> float:
        """Return c for the law c ``newtonian_law()``. Raises ValueError for every other step."""
        self.must_take(step)
        if len(step.anchor) != 2:
            raise ValueError(f"NewtonianStep takes two species, got {step.anchor!r}")
        x, y = step.anchor
        strengths = dict.fromkeys((x, y, "cross"), 0.0)
        for factor, form, term in step.forms.pairs:
            kernel = on_the_line(form.kernel)
            if not kernel.only_tip:
                raise ValueError(f"law must be a multiple of newtonian_law(), got {term!r}: QuantileNewton takes others")
            strengths[form.a if form.is_self else "cross"] += factor * kernel.tip
        c = strengths["cross"]
        if (
            not c > 0
            or strengths[x] != -c
            or strengths[y] != -c
            or any(abs(alpha - 1) > 1e-12 for alpha in step.mobilities.values())
        ):
            raise ValueError(
                f"law must be a multiple of newtonian_law() with mobilities of 1, got {step.energy!r}: "
                "QuantileNewton takes others"
            )
        masses = [measure.mass for measure in step.anchor.values()]
        if abs(masses[0] - masses[1]) > 1e-12 * max(masses):
            raise ValueError(f"both species must have one total mass, got {masses[0]:g} and {masses[1]:g}")
        return c


def _moved(x: Quantiles, y: Quantiles, reach: float) -> Array:
    """The nodes of x after the step: (X_0 + z) / 2 with z by interpolation. ``reach`` is 4 tau c, c the strength of the law."""
    s, g = (measure.levels for measure in (x, y))
    left, right = y.nodes / reach + g, s + x.nodes / reach  # the two sides of the equation, the left at the nodes of y
    z = np.interp(right, left, y.nodes)
    z = np.where(right < left[0], right * reach, np.where(right > left[-1], (right - g[-1]) * reach, z))
    return np.maximum.accumulate((x.nodes + z) / 2)  # rounding may not undo the order
