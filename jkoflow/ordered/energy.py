"""The energy of ordered particles by their distribution functions."""

from __future__ import annotations

import numpy as np

from .._arrays import cumulated
from ..laws import Law
from ..measures import Measure, Species
from .tip_law import TipLaw


def tip_energy(state: Measure | Species, law: Law | None = None) -> float:
    """Return the energy of ordered particles, as the integral over space of h(p, q).

    p and q are the numbers of particles to the left (see TipLaw). For ``newtonian_law()`` and equal total masses it is
    int (F - G)^2 dx, with the distribution functions F and G (docs/theory/newtonian-particles.md, section 1.3).

    It is the same number as ``law(state)``. Its terms are 0 where the species coincide, so no digits are lost near rest.
    Cost: O(N log N).

    >>> from jkoflow import OrderedParticles
    >>> tip_energy(OrderedParticles(x=[-1.0, 0.5], y=[0.5, 1.0]))
    0.5
    """
    tips, checked_state = TipLaw.on(law, state)
    x, m, y, n, (s1, c, s2, _, _) = tips.arrays(checked_state)
    places = np.unique(np.concatenate([x, y]))
    z, width = places[:-1], np.diff(places)
    left, below = (cumulated(w)[np.searchsorted(at, z, side="right")] for at, w in ((x, m), (y, n)))
    right, above = m.sum() - left, n.sum() - below
    if tips.is_newtonian and abs(m.sum() - n.sum()) <= 1e-12 * m.sum():
        return float(c * ((left - below) ** 2) @ width)
    return float((s1 * left * right + s2 * below * above + c * (left * above + below * right)) @ width)
