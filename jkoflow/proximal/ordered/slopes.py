"""The smooth part of a law on ordered particles and the subgradient of its tips, by position."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._typing import Array
from ...kernels.sums import LineKernel, on_the_line
from ...laws import Entry, LawForms
from ...laws.forms import External, Pair, Positions
from ...measures import OrderedPoints, Species
from ...ordered import TipLaw
from ..line.derivatives import PointLaw

Slopes = dict[str, Array]
"""By species, the derivative in every position, divided by the mass of the particle."""


def smooth_part(forms: LawForms, state: Species) -> tuple[float, Slopes]:
    """The value and slopes of a law on ordered particles, without its tips |x|.

    Raises ValueError for a potential that is an array, for a singular kernel, and for a function without subgradient.
    """
    value, slopes = 0.0, {name: cloud.zero_field for name, cloud in state.items()}
    for entry in forms.entries:
        more, gradient = _smooth(entry, state)
        value += entry.factor * more
        for name, slope in gradient.items():
            slopes[name] = slopes[name] + entry.factor * slope
    return value, slopes


def _smooth(entry: Entry[Any], state: Species) -> tuple[float, Slopes]:
    """The value and slopes of one term, without its coefficient."""
    match entry.form:
        case External() as form:
            return _of_potential(form, state)
        case Pair() as form:
            return _of_pair(form, entry, state)
        case form:
            return _of_positions(form, entry, state)


def _of_pair(pair: Pair, entry: Entry[Pair], state: Species) -> tuple[float, Slopes]:
    kernel = _finite_kernel(entry)
    value, slope = _generated(kernel, state[pair.a], state[pair.b])
    total = float(state[pair.a].masses @ value)
    if pair.is_self:
        return total / 2, {pair.a: slope}
    return total, {pair.a: slope, pair.b: _generated(kernel, state[pair.b], state[pair.a])[1]}


def _of_potential(form: External, state: Species) -> tuple[float, Slopes]:
    if not callable(form.V):
        raise ValueError(f"V must be a function of space on particles, which move, got an array of shape {form.V.shape}")
    cloud = state[form.species]
    jet, _ = PointLaw(form.V, 1.0, form.gradient)(cloud.points, lambda: _length(cloud))
    return float(cloud.masses @ jet.value), {form.species: jet.slope}


def _of_positions(form: Positions, entry: Entry[Positions], state: Species) -> tuple[float, Slopes]:
    if form.subgradient is None:
        raise ValueError(
            f"{entry.term!r} is known by its resolvent alone, which does not tell that of a sum: give its subgradient"
        )
    given = form.subgradient(state)
    missing = [name for name in form.species if name not in given]
    if missing:
        raise ValueError(f"subgradient of {entry.term!r} must give those of species {missing}, got {list(given)}")
    slopes = {name: state[name].field(f"subgradient of {name!r}", given[name]) for name in form.species}
    return float(form.function(state)), slopes


def jitter(forms: LawForms, state: Species) -> float:
    """How far rounding may put slopes off: those of potentials whose gradient is taken by differences."""
    sizes = [0.0]
    for factor, form, _ in forms.external:
        if form.gradient is None:
            cloud = state[form.species]
            values = np.abs(cloud.field("V", form.V))
            sizes.append(abs(factor) * float(np.spacing(values.max())) / (5e-4 * _length(cloud)))
    return max(sizes)


def _length(cloud: OrderedPoints) -> float:
    """The extent of the particles; at least 1e-3 of their distance from the origin, 1 if both are 0."""
    return max(float(np.ptp(cloud.points)), 1e-3 * abs(float(cloud.mean))) or 1.0


def is_made_of_tips(forms: LawForms) -> bool:
    """True if a law has no terms but kernels |x|."""
    return len(forms.pairs) == len(forms.entries) and not any(_finite_kernel(entry).parts for entry in forms.pairs)


def tip_subgradient(tips: TipLaw, state: Species) -> Slopes:
    """Return one element of the subdifferential of the tips.

    Within a species it follows from the order, between two species from strict position: particles at one place do not act on
    one another (Di Francesco, Esposito, Schmidtchen 2021, Lemma 3.4).
    """
    s1, c, s2 = tips.strengths
    x, y = tips.clouds(state)
    out = {tips.species[0]: s1 * _ranks(x)}
    if y is not None:
        out[tips.species[0]] = out[tips.species[0]] + c * _sides(x, y)
        out[tips.species[1]] = s2 * _ranks(y) + c * _sides(y, x)
    return out


def _finite_kernel(entry: Entry[Pair]) -> LineKernel:
    """The kernel of a term on the line. Raises ValueError if it is singular."""
    kernel = on_the_line(entry.form.kernel)
    if kernel.singular:
        raise ValueError(f"{entry.term!r} is infinite where particles meet: evolve the law on Quantiles or a Density")
    return kernel


def _generated(kernel: LineKernel, at: OrderedPoints, source: OrderedPoints) -> tuple[Array, Array]:
    """The potential that ``source`` generates at the points ``at`` through a kernel without its tip, and its slope."""
    value, slope = at.zero_field, at.zero_field
    for c, part in kernel.parts:
        first, second, _ = part.values(at.points, source.points, source.masses)
        value, slope = value + c * first, slope + c * second
    return value, slope


def _ranks(cloud: OrderedPoints) -> Array:
    """The mass to the left of every particle less the mass to the right, by the order."""
    return np.asarray(2 * np.cumsum(cloud.masses) - cloud.masses - cloud.mass)


def _sides(at: OrderedPoints, source: OrderedPoints) -> Array:
    """The mass of the source to the left of every point less the mass to the right."""
    below = source.levels
    left, right = (np.searchsorted(source.points, at.points, side=side) for side in ("left", "right"))
    return np.asarray(below[left] + below[right] - below[-1])
