"""The convexity of an energy along geodesics, from its kernels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..laws import Law, State
from ..laws.forms import Internal, Pair
from ..measures import complete_mobilities


def geodesic_convexity(
    law: Law, state: State, mobility: Mapping[str, float] | None = None, *, common_centre: bool = False
) -> float:
    """The lambda for which pair interactions of lambda_ij-convex kernels make E convex along geodesics of the product distance.

    For displacements u_i with mean and fluctuations s_i, masses M_i, mobilities alpha_i, the deficit of convexity is

        sum_i M_i (sum_j M_j lambda_ij) s_i^2 + sum_(i<j) M_i M_j lambda_ij |mean u_i - mean u_j|^2

    so that lambda is the least of alpha_i sum_j M_j lambda_ij and of the eigenvalues of the second form in the metric M_i /
    alpha_i. For two unit masses: min(l11 + l12, alpha (l22 + l12), (1 + alpha) l12, 0). Equality for quadratic kernels: sharp.
    Lemma 2.1 of Di Francesco and Fagioli (2013), corrected and sharpened in docs/theory/two-species.md, section 3.3. An entropy
    adds nothing.

    With ``common_centre`` among states with the same joint centre, where 0, the eigenvalue of translations, does not count.

    Raises ValueError for terms of other kinds.

    >>> from jkoflow import CrossInteraction, Interaction, Particles, Quadratic, Species
    >>> law = Interaction(Quadratic(), "x") + 0.5 * Interaction(Quadratic(), "y")
    >>> law = law + 0.25 * CrossInteraction(Quadratic(), between=("x", "y"))
    >>> state = Species(x=Particles([0.0]), y=Particles([1.0]))
    >>> geodesic_convexity(law, state, {"y": 2.0}), geodesic_convexity(law, state, {"y": 2.0}, common_centre=True)
    (0.0, 0.75)
    """
    held = law.check(state)
    names = list(held)
    alpha = np.array([complete_mobilities(mobility, held)[name] for name in names])
    masses = np.array([measure.mass for measure in held.values()])
    pairs = np.zeros((len(names), len(names)))
    way_out = "give the lambda of the whole yourself"
    law.forms.require((Pair, Internal), "geodesic_convexity", way_out)
    for factor, internal, term in law.forms.internal:
        if internal.powers or internal.others or factor * internal.entropy < 0:
            raise ValueError(f"{term!r} is not a pair interaction, and no entropy with a coefficient >= 0: {way_out}")
    for factor, pair, _ in law.forms.pairs:
        i, j = names.index(pair.a), names.index(pair.b)
        pairs[i, j] += (factor * pair.kernel).convexity
        pairs[j, i] = pairs[i, j]
    if not np.isfinite(pairs).all():
        return -np.inf
    fluctuations = alpha * (pairs @ masses)
    coupling = pairs * np.outer(masses, masses)
    np.fill_diagonal(coupling, 0.0)
    form = np.diag(coupling.sum(axis=1)) - coupling
    scale = np.sqrt(alpha / masses)
    still = np.sqrt(masses / alpha)
    still /= np.linalg.norm(still)  # translations, in the coordinates of the scaled form
    across = np.eye(len(names)) - np.outer(still, still)
    values = np.linalg.eigvalsh(across @ (scale[:, None] * form * scale) @ across)
    centred = np.delete(values, np.argmin(np.abs(values)))  # without one 0, that of translations
    return float(min([*fluctuations, *centred, *([] if common_centre else [0.0])]))
