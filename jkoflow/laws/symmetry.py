"""Which mobilities make pairs of cross-interactions symmetric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

from ..kernels import Kernel
from ..kernels.base import terms_of
from ..kernels.sums import compiled_pair
from .reading import Motion

_SAME = 1e-12  # relative difference of coefficients that come from rounding


def symmetrizing_mobilities(
    names: Sequence[str], motions: Iterable[Motion], tied: Iterable[Sequence[str]]
) -> dict[str, float] | None:
    """alpha > 0 by species with K_ab / alpha_a = K_ba / alpha_b for all pairs, 1 for the first of those that interact; None
    where there are none. Species in one group of ``tied`` need equal ones.
    """
    sides: dict[tuple[str, str], dict[Any, float]] = defaultdict(dict)
    for a, b, c, kernel in motions:
        for key, strength in _by_shape(kernel).items():
            sides[a, b][key] = sides[a, b].get(key, 0.0) + c * strength
    ratios = {}
    for a, b in combinations(names, 2):
        there, back = sides.get((a, b), {}), sides.get((b, a), {})
        ratio = _ratio(there, back)
        if ratio == 0:
            continue
        if ratio is None or ratio < 0:
            return None
        ratios[a, b] = ratio
    for group in tied:
        for a, b in combinations(group, 2):
            if abs(ratios.get((a, b), 1.0) - 1) > _SAME:
                return None
            ratios[a, b] = 1.0
    return _consistent(names, ratios)


def _consistent(names: Sequence[str], ratios: dict[tuple[str, str], float]) -> dict[str, float] | None:
    """alpha with alpha_b = ratio alpha_a for every pair (a, b); None if going round in a circle contradicts it."""
    ratios = ratios | {(b, a): 1 / ratio for (a, b), ratio in ratios.items()}
    found: dict[str, float] = {}
    for first in names:
        if first in found:
            continue
        found[first] = 1.0
        reached = [first]
        while reached:
            a = reached.pop()
            for (one, b), ratio in ratios.items():
                if one == a and b not in found:
                    found[b] = ratio * found[a]
                    reached.append(b)
    agree = all(abs(found[b] / (found[a] * ratio) - 1) <= 100 * _SAME for (a, b), ratio in ratios.items())
    return found if agree else None


def _by_shape(kernel: Kernel) -> dict[Any, float]:
    """The coefficients of a kernel by what it is apart from its strength: -Riesz(1) and PowerLaw(-1) are of one shape."""
    shapes: dict[Any, float] = {}
    for c, term in terms_of(kernel):
        known = compiled_pair(term)
        key, strength = (_identity(term), c) if known is None else (known[1:], c * known[0])
        shapes[key] = shapes.get(key, 0.0) + strength
    return shapes


def _identity(kernel: Kernel) -> Any:
    """The kernel itself, to be compared by value; itself alone where it cannot be hashed."""
    try:
        hash(kernel)
    except TypeError:
        return id(kernel)
    return kernel


def _ratio(there: dict[Any, float], back: dict[Any, float]) -> float | None:
    """r with back = r there, 0 where both vanish; None if there is none."""
    largest = max(map(abs, [*there.values(), *back.values()]), default=0.0)
    there, back = ({k: c for k, c in side.items() if abs(c) > _SAME * largest} for side in (there, back))
    if not there and not back:
        return 0.0
    if there.keys() != back.keys():
        return None
    ratios = [back[key] / there[key] for key in there]
    return ratios[0] if all(abs(r / ratios[0] - 1) <= 100 * _SAME for r in ratios) else None
