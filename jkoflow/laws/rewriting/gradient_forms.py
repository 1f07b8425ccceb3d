"""The energy behind a law of drifts, where there is one."""

from __future__ import annotations

from collections.abc import Mapping

from ..base import Combination, Law, Term
from ..cross_interaction import CrossInteraction
from ..interaction import Interaction


def gradient_form(law: Law) -> tuple[Law, Mapping[str, float]] | None:
    """(energy, mobilities) whose gradient flow is that of the law; None where the law is not symmetrizable.

    Species a of the flow of E with mobility alpha_a moves with -alpha_a grad dE/d rho_a, so that every term of a alone is
    divided by alpha_a, and two species that move one another by K_ab and K_ba = alpha_b / alpha_a K_ab share the
    cross-interaction K_ab / alpha_a (Di Francesco and Fagioli 2013, (5), (6)).

    >>> from jkoflow import Drift, Interaction, Quadratic
    >>> W = Quadratic()
    >>> energy, mobility = gradient_form(Drift(W, moves="x", by="y") + Drift(4 * W, moves="y", by="x") + Interaction(W, "y"))
    >>> energy
    CrossInteraction(Quadratic(p=2.0), between=('x', 'y')) + 0.25 * Interaction(Quadratic(p=2.0), 'y')
    >>> mobility
    {'x': 1.0, 'y': 4.0}
    """
    alpha = law.symmetrizable()
    if alpha is None:
        return None
    parts: list[tuple[float, Term]] = []
    for factor, form, term in law.forms.entries:
        for a, b, kernel in form.motions:
            if a == b:
                parts.append((factor / alpha[a], Interaction(kernel, a)))
            elif a < b:  # the other half of the pair says the same
                parts.append((factor / alpha[a], CrossInteraction(kernel, between=(a, b))))
        if not form.motions:
            parts.append((factor / alpha[term.involves[0]], term))
    return Combination(tuple(parts)), alpha
