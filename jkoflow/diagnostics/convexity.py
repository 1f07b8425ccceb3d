"""The convexity of an energy along geodesics, computed from its kernels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..laws import Law, State
from ..laws.forms import Internal, Pair
from ..measures import Density, complete_mobilities


def geodesic_convexity(
    law: Law, state: State, mobility: Mapping[str, float] | None = None, *, common_centre: bool = False
) -> float:
    """Return a lambda such that E is lambda-convex along geodesics of the product distance.

    It is computed for pair interactions through kernels that are lambda_ij-convex. An entropy adds nothing. Let u_i be the
    displacements along a geodesic with parameter t, s_i their fluctuations about their means, M_i the masses and alpha_i the
    mobilities. Then E lies below its chord by at least t (1 - t) / 2 times

        sum_i M_i (sum_j M_j lambda_ij) s_i^2 + sum_(i<j) M_i M_j lambda_ij |mean u_i - mean u_j|^2

    So lambda is the least of these numbers:

    * alpha_i sum_j M_j lambda_ij, for every species i;
    * the eigenvalues of the second sum as a quadratic form, in the metric M_i / alpha_i.

    For two species of unit mass, lambda = min(l11 + l12, alpha (l22 + l12), (1 + alpha) l12, 0). For quadratic kernels there
    is equality: the value is sharp.

    One eigenvalue is 0; it belongs to translations. With ``common_centre=True`` it is left out: then lambda is valid
    among states with the same joint centre. If a kernel has no convexity, lambda is -inf.

    Raises ValueError for terms other than pair interactions and entropies with a coefficient >= 0.

    Source: Lemma 2.1 of Di Francesco and Fagioli (2013), corrected and sharpened in docs/theory/two-species.md, section 3.3.

    >>> from jkoflow import CrossInteraction, Interaction, Particles, Quadratic, Species
    >>> law = Interaction(Quadratic(), "x") + 0.5 * Interaction(Quadratic(), "y")
    >>> law = law + 0.25 * CrossInteraction(Quadratic(), between=("x", "y"))
    >>> state = Species(x=Particles([0.0]), y=Particles([1.0]))
    >>> geodesic_convexity(law, state, {"y": 2.0}), geodesic_convexity(law, state, {"y": 2.0}, common_centre=True)
    (0.0, 0.75)
    """
    checked_state = law.check(state)
    if issubclass(checked_state.kind, Density):
        checked_state.grid.must_have_walls("geodesic_convexity")
    names = list(checked_state)
    alpha = np.array([complete_mobilities(mobility, checked_state)[name] for name in names])
    masses = np.array([measure.mass for measure in checked_state.values()])
    kernel_convexity = np.zeros((len(names), len(names)))
    remedy = "give the lambda of the whole yourself"
    law.forms.require((Pair, Internal), "geodesic_convexity", remedy)
    for factor, internal, term in law.forms.internal:
        if internal.powers or internal.others or factor * internal.entropy < 0:
            raise ValueError(f"{term!r} is not a pair interaction, and no entropy with a coefficient >= 0: {remedy}")
    for factor, pair, _ in law.forms.pairs:
        i, j = names.index(pair.a), names.index(pair.b)
        kernel_convexity[i, j] += (factor * pair.kernel).convexity
        kernel_convexity[j, i] = kernel_convexity[i, j]
    if not np.isfinite(kernel_convexity).all():
        return -np.inf
    fluctuations = alpha * (kernel_convexity @ masses)
    coupling = kernel_convexity * np.outer(masses, masses)
    np.fill_diagonal(coupling, 0.0)
    form = np.diag(coupling.sum(axis=1)) - coupling
    scale = np.sqrt(alpha / masses)
    translation = np.sqrt(masses / alpha)
    translation /= np.linalg.norm(translation)  # in the coordinates of the scaled form
    projector = np.eye(len(names)) - np.outer(translation, translation)
    eigenvalues = np.linalg.eigvalsh(projector @ (scale[:, None] * form * scale) @ projector)
    without_translation = np.delete(eigenvalues, np.argmin(np.abs(eigenvalues)))  # one 0 belongs to translations
    return float(min([*fluctuations, *without_translation, *([] if common_centre else [0.0])]))
