"""What of a law on ordered particles is smooth, with its derivatives in the positions."""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from ..._typing import Array
from ...kernels.sums import LineKernel, on_the_line
from ...laws import ConvexFunction, CrossInteraction, Interaction, Law, Potential
from ...measures import OrderedPoints, Species
from ...ordered import TipLaw
from ..line.terms import point_law

Slopes = dict[str, Array]
"""By species, the derivative in every position per unit mass: the gradient in the metric of the masses."""


def smooth_part(law: Law, state: Species) -> tuple[float, Slopes]:
    """The value and slopes of a law on ordered particles, its tips |x| left out."""
    value, slopes = 0.0, {name: cloud.zero_field for name, cloud in state.items()}
    for c, term in law.terms:
        if c != 0:
            more, gradient = smooth_term(term, state)
            value += c * more
            for name, slope in gradient.items():
                slopes[name] = slopes[name] + c * slope
    return value, slopes


def jitter(law: Law, state: Species) -> float:
    """How far rounding may put slopes off that come from differences of a potential."""
    sizes = [0.0]
    for c, term in law.terms:
        if c != 0 and isinstance(term, Potential) and term.gradient is None:
            cloud = state[term.species]
            values = np.abs(np.asarray(term.variation(state, term.species)))
            sizes.append(abs(c) * float(np.spacing(values.max())) / (5e-4 * _length(cloud)))
    return max(sizes)


def _length(cloud: OrderedPoints) -> float:
    return max(float(np.ptp(cloud.points)), 1e-3 * abs(float(cloud.mean))) or 1.0


def is_smooth_free(law: Law) -> bool:
    """Whether there is nothing in a law but tips."""
    kernels = [_kernel(term) for c, term in law.terms if c != 0 and isinstance(term, Interaction | CrossInteraction)]
    return len(kernels) == sum(c != 0 for c, _ in law.terms) and not any(kernel.parts for kernel in kernels)


def tip_subgradient(tips: TipLaw, state: Species) -> Slopes:
    """The element of the subdifferential of the tips given by the order within a species, and by strict position between two
    (Di Francesco, Esposito, Schmidtchen 2021, Lemma 3.4).
    """
    s1, c, s2 = tips.strengths
    x, y = tips.clouds(state)
    out = {tips.species[0]: s1 * _ranks(x)}
    if y is not None:
        out[tips.species[0]] = out[tips.species[0]] + c * _sides(x, y)
        out[tips.species[1]] = s2 * _ranks(y) + c * _sides(y, x)
    return out


@singledispatch
def smooth_term(term: Law, state: Species) -> tuple[float, Slopes]:
    """Of one term. For an energy of your own register a function with ``smooth_term.register``."""
    raise ValueError(
        f"{term!r} is not accepted on ordered particles: they take Potential, interactions and ConvexFunction; "
        "register others with jkoflow.proximal.ordered_resolvent.smooth_term.register"
    )


@smooth_term.register
def _(term: Interaction, state: Species) -> tuple[float, Slopes]:
    cloud = state[term.species]
    value, slope = _generated(term, cloud, cloud)
    return float(cloud.masses @ value) / 2, {term.species: slope}


@smooth_term.register
def _(term: CrossInteraction, state: Species) -> tuple[float, Slopes]:
    a, b = term.between
    value, slope = _generated(term, state[a], state[b])
    return float(state[a].masses @ value), {a: slope, b: _generated(term, state[b], state[a])[1]}


@smooth_term.register
def _(term: Potential, state: Species) -> tuple[float, Slopes]:
    if not callable(term.V):
        raise ValueError(f"V must be a function of space on particles, which move, got an array of shape {term.V.shape}")
    cloud = state[term.species]
    value, slope, _ = point_law(term.V, 1.0, term.gradient)(cloud.points, _length(cloud))
    return float(cloud.masses @ value), {term.species: slope}


@smooth_term.register
def _(term: ConvexFunction, state: Species) -> tuple[float, Slopes]:
    if term.subgradient is None:
        raise ValueError(f"{term!r} is known by its resolvent alone, which does not tell that of a sum: give its subgradient")
    given = term.subgradient(state)
    missing = [name for name in term.species if name not in given]
    if missing:
        raise ValueError(f"subgradient of {term!r} must give those of species {missing}, got {list(given)}")
    return term.value(state), {name: state[name].field(f"subgradient of {name!r}", given[name]) for name in term.species}


def _kernel(term: Interaction | CrossInteraction) -> LineKernel:
    kernel = on_the_line(term.W if isinstance(term, Interaction) else term.K)
    if kernel.singular:
        raise ValueError(f"{term!r} is infinite where particles meet: evolve the law on Quantiles or a Density")
    return kernel


def _generated(term: Interaction | CrossInteraction, at: OrderedPoints, source: OrderedPoints) -> tuple[Array, Array]:
    value, slope = at.zero_field, at.zero_field
    for c, part in _kernel(term).parts:
        first, second, _ = part.values(at.points, source.points, source.masses)
        value, slope = value + c * first, slope + c * second
    return value, slope


def _ranks(cloud: OrderedPoints) -> Array:
    """The mass before less the mass behind, by order."""
    return np.asarray(2 * np.cumsum(cloud.masses) - cloud.masses - cloud.mass)


def _sides(at: OrderedPoints, source: OrderedPoints) -> Array:
    """The mass of the source to the left less that to the right."""
    below = np.concatenate([[0.0], np.cumsum(source.masses)])
    left, right = (np.searchsorted(source.points, at.points, side=side) for side in ("left", "right"))
    return np.asarray(below[left] + below[right] - below[-1])
