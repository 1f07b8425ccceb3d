"""The energy of a law of drifts, if there is one."""

from __future__ import annotations

from collections.abc import Mapping

from ..._validate import of_kind
from ..base import Combination, Law, Term
from ..forms import Emitting, Relaxing
from ..pairs import CrossInteraction, Interaction


def gradient_form(law: Law) -> tuple[Law, Mapping[str, float]] | None:
    """Return an energy E and mobilities alpha whose gradient flow is the flow of the law; None if there are none.

    In the gradient flow, species a moves with -alpha_a grad dE/d rho_a (Di Francesco and Fagioli 2013, (5), (6)). Therefore:

    * a term of species a alone is divided by alpha_a;
    * two species that move each other through K_ab and K_ba = alpha_b / alpha_a K_ab share the cross-interaction
      K_ab / alpha_a;
    * steering by a field is divided by alpha_a. The mobility of a field stays in its energy.

    >>> from jkoflow import Drift, Interaction, Quadratic
    >>> W = Quadratic()
    >>> energy, mobility = gradient_form(Drift(W, moves="x", by="y") + Drift(4 * W, moves="y", by="x") + Interaction(W, "y"))
    >>> energy
    CrossInteraction(Quadratic(p=2.0), between=('x', 'y')) + 0.25 * Interaction(Quadratic(p=2.0), 'y')
    >>> mobility
    {'x': 1.0, 'y': 4.0}
    """
    alpha = of_kind("law", law, Law, "an energy, a drift or a sum of them").symmetrizable()
    if alpha is None:
        return None
    parts: list[tuple[float, Term]] = []
    for factor, form, term in law.forms.entries:
        for a, b, kernel in form.motions:
            if a == b:
                parts.append((factor / alpha[a], Interaction(kernel, a)))
            elif a < b:  # the motion (b, a) is the same cross-interaction
                parts.append((factor / alpha[a], CrossInteraction(kernel, between=(a, b))))
        if isinstance(form, Relaxing | Emitting):  # a field has its mobility in its energy
            parts.append((factor, term))
        elif not form.motions:
            parts.append((factor / alpha[term.involves[0]], term))
    return Combination(tuple(parts)), alpha
