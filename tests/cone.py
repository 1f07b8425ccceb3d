"""The step of FiniteVolume beside that of the cone program, which shares no code with it."""

from __future__ import annotations

import numpy as np

import jkoflow as jf


def gaps_to_the_cone_program(law: jf.Law, state: jf.Species, taus: tuple[float, ...]) -> list[float]:
    """By tau, the L1 distance of the two answers over the L1 length of the step: both minimise J to O(tau^2)."""
    gaps = []
    for tau in taus:
        step = jf.ProximalStep(law, state, tau)
        ours, cone = jf.FiniteVolume().solve(step).state, jf.ConvexDynamic().solve(step).state
        moved = sum(np.abs(cone[s].values - state[s].values).sum() for s in state)
        gaps.append(sum(np.abs(ours[s].values - cone[s].values).sum() for s in state) / moved)
    return gaps
