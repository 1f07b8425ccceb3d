"""The energy of ordered particles by their distribution functions."""

from __future__ import annotations

import numpy as np

from .._arrays import cumulated
from ..laws import Law
from ..measures import Measure, Species
from .tip_law import TipLaw


def tip_energy(state: Measure | Species, law: Law | None = None) -> float:
    """The integral over space of h(p, q), p and q the particles to the left (see TipLaw): for ``newtonian_law()`` and equal
    total masses int (F - G)^2 dx, F and G the distribution functions (docs/theory/newtonian-particles.md, section 1.3).

    The same number as ``law(state)``, from a sum whose terms are 0 where the species coincide: no digits are lost near rest.
    Cost O(N log N).

    >>> from jkoflow import OrderedParticles
    >>> tip_energy(OrderedParticles(x=[-1.0, 0.5], y=[0.5, 1.0]))
    0.5
    """
    tips, held = TipLaw.on(law, state)
    x, m, y, n, (s1, c, s2, _, _) = tips.arrays(held)
    places = np.unique(np.concatenate([x, y]))
    z, width = places[:-1], np.diff(places)
    left, below = (cumulated(w)[np.searchsorted(at, z, side="right")] for at, w in ((x, m), (y, n)))
    right, above = m.sum() - left, n.sum() - below
    if tips.is_newtonian and abs(m.sum() - n.sum()) <= 1e-12 * m.sum():
        return float(c * ((left - below) ** 2) @ width)
    return float((s1 * left * right + s2 * below * above + c * (left * above + below * right)) @ width)
