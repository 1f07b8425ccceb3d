"""The forces on particles with velocities."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from .._frozen import FrozenMapping
from .._functions import values_of
from .._typing import Array
from ..fields import AnyField
from ..kernels import RadialKernel
from ..kernels.periodic import Period, shortest
from ..kernels.sums import pair_gradients
from ..laws import Combination, Law, Signals
from ..laws.forms import Damping, VelocityPull
from ..measures import MovingParticles, Particles, Species
from .law import CloudLaw, gradient_of, is_steep

_TABLE = 1 << 20  # pairs of one block of alignment sums
_KEPT = 1 << 22  # pairs up to which the values of psi at fixed places are kept

Velocities = list[Array]


@dataclass
class Forces:
    """The forces per mass on particles with velocities: of places, F = -alpha grad dE / d rho, and of velocities.

    Attributes
    ----------
    places : CloudLaw
        The terms that depend on places alone.
    pulls : list of Pull
        The alignments.
    damping : array (S,)
        The rate of friction of every species.
    signals : Signals
        The fields that steer the species.
    """

    places: CloudLaw
    pulls: list[Pull]
    damping: Array
    signals: Signals = field(default_factory=Signals)

    @classmethod
    def of(cls, law: Law, state: Species, mobilities: Mapping[str, float]) -> Forces:
        """The forces of a law on a state of MovingParticles.

        Raises ValueError for

        * a state of another kind;
        * a term that point masses do not feel;
        * an attraction that grows without bound over r at short distance: what happens in collisions is not known with
          inertia.
        """
        if not issubclass(state.kind, MovingParticles):
            raise ValueError(f"state must be of MovingParticles, got {state.kind.__name__}: Overdamped takes Particles")
        names = tuple(state)
        pulls, damping = [], np.zeros(len(names))
        of_places = []
        for factor, form, term in law.forms.entries:
            if isinstance(form, VelocityPull):
                with np.errstate(all="ignore"):
                    at_zero = values_of("psi", form.psi, [np.zeros(1)])
                if not np.isfinite(at_zero).all():
                    raise ValueError(f"psi of {term!r} must be finite at distance 0, which a particle has from itself")
                a, b = names.index(form.moves), names.index(form.by)
                _must_be_groups(form.groups, state[form.moves], state[form.by])
                pulls.append(Pull(a, b, factor, form.psi, form.groups, form.period))
            elif isinstance(form, Damping):
                damping[names.index(form.species)] += factor * form.rate
            elif not form.is_signal:
                of_places.append((factor, term))
        held = Species({name: Particles(measure.points, measure.masses) for name, measure in state.items()})
        places = CloudLaw.of(Combination(tuple(of_places)), held, mobilities)
        for (a, b), kernel in places.kernels.items():
            if is_steep(kernel) and isinstance(kernel, RadialKernel) and float(kernel.slope(1e-9)) > 0:
                raise ValueError(
                    f"{kernel!r} draws {names[a]!r} towards {names[b]!r} with a force that does not vanish at distance 0, and "
                    "what happens in a collision is not known with inertia: take a smooth kernel, or Overdamped"
                )
        return cls(places, pulls, damping, law.forms.signals)

    @classmethod
    def of_first_order(cls, law: Law, state: Species, mobilities: Mapping[str, float]) -> Forces:
        """The velocities that a law gives to particles without inertia. Raises ValueError as ``CloudLaw.of``."""
        places = CloudLaw.of(law.without_fields, state, mobilities)
        return cls(places, [], np.zeros(len(state)), law.forms.signals)

    def with_mobilities(self, mobilities: Mapping[str, float]) -> Forces:
        """The same forces with the mobilities of another time."""
        alpha = np.array([mobilities[name] for name in self.places.names])
        return replace(self, places=replace(self.places, mobilities=alpha))

    def __call__(
        self,
        points: list[Array],
        velocities: list[Array],
        masses: list[Array],
        time: float,
        fields: Mapping[str, AnyField] = FrozenMapping(),
    ) -> list[Array]:
        """Return the force per mass on every particle, per species: of places and fields, and of velocities."""
        of_places, of_velocities = self.of_places(points, masses, time, fields), self.of_velocities(points, velocities, masses)
        return [f + g for f, g in zip(of_places, of_velocities, strict=True)]

    def of_places(
        self,
        points: list[Array],
        masses: list[Array],
        time: float,
        fields: Mapping[str, AnyField] = FrozenMapping(),
        sources: list[Array] | None = None,
    ) -> list[Array]:
        """The forces of places and fields. ``sources`` are the places of the masses that exert them, by default ``points``.

        Cost: a sum over pairs for two species that interact, a gradient for each field.
        """
        out = [np.zeros_like(x) for x in points]
        by = points if sources is None else sources
        for (a, b), kernel in self.places.kernels.items():
            out[a] -= pair_gradients(kernel, points[a], by[b], masses[b])
        for a, potentials in enumerate(self.places.fields):
            for c, term in potentials:
                x = points[a]
                gradient = gradient_of(term.at(time), x.reshape(len(x), -1))
                out[a] -= c * gradient.reshape(x.shape)
        if self.places.positions:
            clouds = {name: Particles(points[a], masses[a]) for a, name in enumerate(self.places.names)}
            for name, slope in self.places.slopes(Species(clouds)).items():
                out[self.places.names.index(name)] -= slope
        for signal in self.signals.signals:
            for name, eta in signal.steering.items():
                a = self.places.names.index(name)
                out[a] += eta * fields[signal.name].gradient_at(points[a])
        return [alpha * f for alpha, f in zip(self.places.mobilities, out, strict=True)]

    def fields_after(
        self, fields: Mapping[str, Any], h: float, masses: list[Array], before: list[Array], after: list[Array]
    ) -> dict[str, Any]:
        """The fields after a time h in which the particles go from places to places."""
        start, end = (
            Species({name: Particles(x[a], masses[a]) for a, name in enumerate(self.places.names)}) for x in (before, after)
        )
        return self.signals.after(fields, h, start, end)

    def of_velocities(self, points: list[Array], velocities: Velocities, masses: list[Array]) -> Velocities:
        """The forces of velocities. Cost: O(N^2) for every alignment."""
        aligned = self.alignment(points, velocities, masses)
        return [f - rate * v for f, rate, v in zip(aligned, self.damping, velocities, strict=True)]

    def alignment(
        self,
        points: list[Array],
        velocities: Velocities,
        masses: list[Array],
        sources: tuple[list[Array], Velocities] | None = None,
    ) -> Velocities:
        """The forces of alignment alone, with the particles at ``sources``: places and velocities, by default the same."""
        out = [np.zeros_like(v) for v in velocities]
        by, moving = (points, velocities) if sources is None else sources
        for pull in self.pulls:
            a, b = pull.a, pull.b
            out[a] = out[a] + pull.c * _aligned(pull, points[a], velocities[a], by[b], moving[b], masses[b])
        return out

    def alignment_at(self, points: list[Array], masses: list[Array]) -> Callable[[Velocities], Velocities]:
        """The forces of alignment at places that stay, as a linear function of the velocities.

        The values of psi are kept if there are few enough pairs. Otherwise every call computes them again.
        """
        if sum(len(points[pull.a]) * len(points[pull.b]) / pull.groups for pull in self.pulls) > _KEPT:
            return lambda velocities: self.alignment(points, velocities, masses)
        tables = []
        for pull in self.pulls:
            x, y, m = pull.grouped(points[pull.a], points[pull.b], masses[pull.b])
            tables.append((pull, pull.c * _weights(pull, x, y, pull.groups * m)))

        def aligned(velocities: Velocities) -> Velocities:
            out = [np.zeros_like(v) for v in velocities]
            for pull, weights in tables:
                v, w = pull.grouped(velocities[pull.a], velocities[pull.b])
                out[pull.a] = out[pull.a] + _towards(weights, v, w).reshape(out[pull.a].shape)
            return out

        return aligned

    def alignment_rates(self, points: list[Array], masses: list[Array]) -> list[Array]:
        """sum_j m_j psi(|x_i - y_j|) for every particle: the rate at which it forgets its own velocity."""
        ones, none = [np.ones(len(x)) for x in points], [np.zeros(len(x)) for x in points]
        rates = [np.zeros(len(x)) for x in points]
        for pull in self.pulls:
            a, b = pull.a, pull.b
            rates[a] = rates[a] - pull.c * _aligned(pull, points[a], ones[a], points[b], none[b], masses[b])
        return rates


class Pull(NamedTuple):
    """Species a is aligned with species b: c times ``psi`` of the distance, within ``groups`` equal groups of particles."""

    a: int
    b: int
    c: float
    psi: Callable[[Any], Any]
    groups: int = 1
    period: Period | None = None

    def grouped(self, *arrays: Array) -> list[Array]:
        """Arrays over particles, with the groups along a first axis."""
        return [array.reshape(self.groups, -1, *array.shape[1:]) for array in arrays]


def _must_be_groups(groups: int, *measures: MovingParticles) -> None:
    """Raise ValueError if the particles of a species cannot be cut into equal groups."""
    for measure in measures:
        if len(measure.masses) % groups:
            raise ValueError(f"groups must divide the number of particles {len(measure.masses)}, got {groups}")


def _aligned(pull: Pull, x: Array, v: Array, y: Array, w: Array, masses: Array) -> Array:
    """sum_j m_j psi(|x_i - y_j|) (w_j - v_i) within groups, in blocks of pairs."""
    out = np.empty_like(v)
    x, v, y, w, m = pull.grouped(x, v, y, w, pull.groups * masses)
    ends = out.reshape(v.shape)
    rows = max(1, _TABLE // y.shape[1])
    for group in range(pull.groups):
        for start in range(0, x.shape[1], rows):
            part = slice(start, start + rows)
            weights = _weights(pull, x[None, group, part], y[None, group], m[None, group])
            ends[group, part] = _towards(weights, v[None, group, part], w[None, group])[0]
    return out


def _weights(pull: Pull, x: Array, y: Array, masses: Array) -> Array:
    """m_j psi(|x_i - y_j|), a table of all pairs for every group."""
    gaps = x[:, :, None] - y[:, None]
    if pull.period is not None:
        flat = gaps.reshape(*gaps.shape[:3], -1)
        gaps = np.stack(shortest(tuple(np.moveaxis(flat, -1, 0)), pull.period), axis=-1).reshape(gaps.shape)
    distances = np.abs(gaps) if gaps.ndim == 3 else np.sqrt((gaps**2).sum(axis=3))
    return values_of("psi", pull.psi, [distances]) * masses[:, None]


def _towards(weights: Array, v: Array, w: Array) -> Array:
    """sum_j weights_ij (w_j - v_i), for every group."""
    flat_v, flat_w = v.reshape(*v.shape[:2], -1), w.reshape(*w.shape[:2], -1)
    return np.asarray(weights @ flat_w - weights.sum(axis=2)[..., None] * flat_v).reshape(v.shape)
