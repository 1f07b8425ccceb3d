"""The mobilities that make pairs of cross-interactions symmetric."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from ..kernels import Kernel
from ..kernels.base import terms_of
from ..kernels.sums import compiled_pair
from .reading import Motion

_SAME = 1e-12  # relative: coefficients that differ by less differ by rounding only


def symmetrizing_mobilities(
    names: Sequence[str],
    motions: Iterable[Motion],
    tied: Iterable[Sequence[str]],
    given: Mapping[tuple[str, str], float] | None,
) -> dict[str, float] | None:
    """Return mobilities alpha > 0 with K_ab / alpha_a = K_ba / alpha_b for all pairs of species; None if there are none.

    Of the species that interact, directly or through others, the first has the mobility 1. The species in one group of
    ``tied`` have equal mobilities. ``given`` are ratios alpha_b / alpha_a that must hold, by pairs (a, b); None: none can.
    """
    if given is None:
        return None
    coefficients: dict[tuple[str, str], dict[Any, float]] = defaultdict(dict)
    for a, b, c, kernel in motions:
        for key, strength in _by_shape(kernel).items():
            coefficients[a, b][key] = coefficients[a, b].get(key, 0.0) + c * strength
    ratios = dict(given)
    for a, b in combinations(names, 2):
        coefficients_ab, coefficients_ba = coefficients.get((a, b), {}), coefficients.get((b, a), {})
        ratio = _ratio(coefficients_ab, coefficients_ba)
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
    """Return alpha with alpha_b = ratio alpha_a for every pair (a, b); None if the pairs along a circle contradict this."""
    ratios = ratios | {(b, a): 1 / ratio for (a, b), ratio in ratios.items()}
    mobilities: dict[str, float] = {}
    for first in names:
        if first in mobilities:
            continue
        mobilities[first] = 1.0
        to_visit = [first]
        while to_visit:
            a = to_visit.pop()
            for (start, b), ratio in ratios.items():
                if start == a and b not in mobilities:
                    mobilities[b] = ratio * mobilities[a]
                    to_visit.append(b)
    agree = all(abs(mobilities[b] / (mobilities[a] * ratio) - 1) <= 100 * _SAME for (a, b), ratio in ratios.items())
    return mobilities if agree else None


def _by_shape(kernel: Kernel) -> dict[Any, float]:
    """Return the coefficients of a kernel by shape. A shape has no strength: -Riesz(1) and PowerLaw(-1) have the same shape."""
    shapes: dict[Any, float] = {}
    for c, term in terms_of(kernel):
        known = compiled_pair(term)
        key, strength = (_identity(term), c) if known is None else (known[1:], c * known[0])
        shapes[key] = shapes.get(key, 0.0) + strength
    return shapes


def _identity(kernel: Kernel) -> Any:
    """Return a key for a kernel: the kernel, which is compared by value, or its id if it cannot be hashed."""
    try:
        hash(kernel)
    except TypeError:
        return id(kernel)
    return kernel


def _ratio(coefficients_ab: dict[Any, float], coefficients_ba: dict[Any, float]) -> float | None:
    """Return r with coefficients_ba = r coefficients_ab; 0 if both vanish, None if there is no such r."""
    largest = max(map(abs, [*coefficients_ab.values(), *coefficients_ba.values()]), default=0.0)
    coefficients_ab, coefficients_ba = (
        {k: c for k, c in side.items() if abs(c) > _SAME * largest} for side in (coefficients_ab, coefficients_ba)
    )
    if not coefficients_ab and not coefficients_ba:
        return 0.0
    if coefficients_ab.keys() != coefficients_ba.keys():
        return None
    ratios = [coefficients_ba[key] / coefficients_ab[key] for key in coefficients_ab]
    return ratios[0] if all(abs(r / ratios[0] - 1) <= 100 * _SAME for r in ratios) else None
