"""The fields of a law: how they relax, what makes them, whom they steer, and whether all is one gradient flow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, singledispatch
from typing import Any

import numpy as np

from .._typing import Array
from ..fields import AnyField, Cells, Emission, Emitter, Field, FreeField, Intervals, Medium, Points, Profile
from ..measures import Density, Measure, MovingParticles, Particles, PhaseDensity, Quantiles, Species
from .forms import Emitting, Relaxing, Steering

_LEAST = 1e-250  # share of the largest transform of a profile: that of a shorter wave underflows, and the wave holds nothing
_SAME = 1e-12  # relative: ratios that differ by less differ by rounding only


@singledispatch
def emitter_of(measure: Measure) -> Emitter:
    """Return the mass of a measure as a field sees it. Raises ValueError for measures that make no fields."""
    raise ValueError(
        f"fields are made by Density, Quantiles, Particles, MovingParticles and PhaseDensity, got {type(measure).__name__}"
    )


@emitter_of.register
def _(measure: Density) -> Emitter:
    return Cells(measure.grid, measure.values)


@emitter_of.register
def _(measure: Quantiles) -> Emitter:
    return Intervals(measure.nodes, measure.masses)


@emitter_of.register
def _(measure: Particles) -> Emitter:
    return Points(measure.points.reshape(len(measure.masses), measure.dim), measure.masses)


@emitter_of.register
def _(measure: MovingParticles) -> Emitter:
    return Points(measure.points.reshape(len(measure.masses), measure.dim), measure.masses)


@emitter_of.register
def _(measure: PhaseDensity) -> Emitter:
    return emitter_of(measure.places)


def field_seen_by(measure: Measure, field: AnyField) -> Array:
    """Return the values of a field at the points of a measure: on quantiles its means over the cells."""
    if isinstance(measure, Density) and isinstance(field, Field):
        return field.values
    emitter = emitter_of(measure)
    if isinstance(emitter, Intervals) and isinstance(field, Field):
        return np.asarray(field.basis.axes[0].means(emitter.nodes) @ field.modes)
    return field.at(measure.points)


@dataclass(frozen=True, eq=False)
class Signal:
    """One field of a law.

    Attributes
    ----------
    name : str
    diffusion, decay : float
        D and kappa, at least 0.
    sources : tuple of (strength, species, profile)
    steering : mapping
        eta by species.
    """

    name: str
    diffusion: float
    decay: float
    sources: tuple[tuple[float, str, Profile], ...]
    steering: Mapping[str, float]

    def medium(self, masses: Species) -> Medium:
        """What the field goes through beside these masses: on densities the Laplacian is that of their cells."""
        return Medium(self.diffusion, self.decay, by_cells=issubclass(masses.kind, Density))

    def emissions(self, masses: Species) -> list[Emission]:
        """The sources of the field at a state."""
        return [Emission(c, profile, emitter_of(masses[by])) for c, by, profile in self.sources]

    @cached_property
    def ratios(self) -> dict[tuple[str, str], float] | None:
        """For every species that the field steers: alpha of the species over beta of the field, in a gradient flow.

        None if there is none: if a species is steered and does not secrete, or the other way round, if secretion and steering
        are of opposite signs, if the profiles of species differ, or if the transform of the profile changes sign.
        """
        made: dict[str, float] = {}
        for c, by, _ in self.sources:
            made[by] = made.get(by, 0.0) + c
        made = {name: c for name, c in made.items() if c != 0}
        if made.keys() != self.steering.keys():
            return None
        if any(profile != self.profile or not profile.is_positive for _, _, profile in self.sources):
            return None
        ratios = {(self.name, name): self.steering[name] / made[name] for name in made}
        return ratios if all(ratio > 0 for ratio in ratios.values()) else None

    @property
    def weight(self) -> float | None:
        """1 / beta, the weight of the field in the energy, if all mobilities of species are 1; None if there is no energy."""
        if self.ratios is None:
            return None
        weights = list(self.ratios.values()) or [1.0]
        return weights[0] if all(abs(w / weights[0] - 1) <= 100 * _SAME for w in weights) else None

    @property
    def profile(self) -> Profile | None:
        """The profile of the sources; None if there is none."""
        return self.sources[0][2] if self.sources else None

    def metric(self, field: Field) -> Array:
        """The weight of the square of every mode in the metric of the field: norm / transform of the profile.

        With chi = zeta * zeta, the field is zeta * c, and the metric is L2 of c (docs/theory/chemotaxis.md, section 1.6).
        """
        if self.profile is None:
            return field.basis.norms
        transform = field.transform(self.profile)
        return np.asarray(field.basis.norms / np.maximum(transform, _LEAST * transform.max()))

    def energy(self, field: Field, masses: Species) -> float:
        """weight / 2 int (D |grad c|^2 + kappa c^2) - sum_i eta_i int phi d rho_i. NaN without an energy."""
        if self.weight is None:
            return float("nan")
        squares = field.modes**2
        held = squares > 0
        stiff = (field.decay_rates(self.medium(masses)) * squares)[held] * self.metric(field)[held]
        total = self.weight / 2 * float(stiff.sum())
        for name, eta in self.steering.items():
            total -= eta * float(np.sum(field.modes * emitter_of(masses[name]).moments(field.basis)))
        return total

    def square(self, field: Field, change: Array) -> float:
        """The squared length of a change of the modes of a field, in its metric: weight int |change|^2."""
        assert self.weight is not None
        squares = change**2
        held = squares > 0
        return self.weight * float(np.sum(squares[held] * self.metric(field)[held]))

    def dissipation(self, field: Field, masses: Species) -> float:
        """weight int |dc/dt|^2 at a state."""
        medium = self.medium(masses)
        rate = field.source(self.emissions(masses), medium) - field.decay_rates(medium) * field.modes
        return self.square(field, rate)


@dataclass(frozen=True, eq=False)
class Signals:
    """All fields of a law. It is false if there are none."""

    signals: tuple[Signal, ...] = ()

    @classmethod
    def of(cls, entries: Iterable[Any]) -> Signals:
        """The fields in the entries of a law. Coefficients multiply diffusion, decay, secretion and steering."""
        relaxing: dict[str, list[float]] = {}
        sources: dict[str, list[tuple[float, str, Profile]]] = {}
        steering: dict[str, dict[str, float]] = {}
        for factor, form, _ in entries:
            match form:
                case Relaxing():
                    total = relaxing.setdefault(form.field, [0.0, 0.0])
                    total[0] += factor * form.diffusion
                    total[1] += factor * form.decay
                case Emitting():
                    sources.setdefault(form.into, []).append((factor, form.by, form.profile))
                case Steering():
                    of_field = steering.setdefault(form.along, {})
                    of_field[form.moves] = of_field.get(form.moves, 0.0) + factor * form.eta
        signals = []
        for name in dict.fromkeys([*relaxing, *sources, *steering]):
            if name not in relaxing:
                raise ValueError(
                    f"the law must say how field {name!r} relaxes: add FieldEnergy({name!r}, diffusion=..., decay=...)"
                )
            diffusion, decay = relaxing[name]
            if diffusion < 0 or decay < 0:
                raise ValueError(f"the coefficient of FieldEnergy({name!r}) must be >= 0: the field would grow without bound")
            steered = {species: eta for species, eta in steering.get(name, {}).items() if eta != 0}
            signals.append(Signal(name, diffusion, decay, tuple(sources.get(name, ())), steered))
        return cls(tuple(signals))

    def __bool__(self) -> bool:
        return bool(self.signals)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(signal.name for signal in self.signals)

    @cached_property
    def ratios(self) -> dict[tuple[str, str], float] | None:
        """Of all fields together: alpha of a species over beta of a field, in a gradient flow; None if there is none."""
        total: dict[tuple[str, str], float] = {}
        for signal in self.signals:
            if signal.ratios is None:
                return None
            total |= signal.ratios
        return total

    @cached_property
    def have_energy(self) -> bool:
        """True if masses and fields are one gradient flow with mobilities 1 of the species."""
        return all(signal.weight is not None for signal in self.signals)

    def energy(self, fields: Mapping[str, Any], masses: Species) -> float:
        """The energy of the fields at a state; NaN if there is none, or if a field is no sum of waves."""
        return self._sum(fields, lambda signal, waves: signal.energy(waves, masses))

    def variation(self, fields: Mapping[str, Any], masses: Species, species: str) -> Array:
        """The first variation of the energy of the fields in a species: - sum eta c."""
        total = masses[species].zero_field
        for signal in self.signals:
            if species in signal.steering:
                total = total - signal.steering[species] * field_seen_by(masses[species], fields[signal.name])
        return total

    def dissipation(self, fields: Mapping[str, Any], masses: Species) -> float:
        """sum |dc/dt|^2 / beta at a state, an energy per time: 0 without fields, NaN where there is no energy."""
        return self._sum(fields, lambda signal, waves: signal.dissipation(waves, masses))

    def _sum(self, fields: Mapping[str, Any], part: Callable[[Signal, Field], float]) -> float:
        """The sum of a part of every field. A free field that has not begun is 0. NaN without an energy, or without waves."""
        known = [isinstance(fields[name], Field | FreeField) for name in self.names]
        if not (self.have_energy and all(known)):
            return float("nan")
        waves = [(signal, fields[signal.name].waves) for signal in self.signals]
        return float(sum(part(signal, field) for signal, field in waves if field is not None))

    def after(self, fields: Mapping[str, Any], h: float, before: Species, after: Species) -> dict[str, Any]:
        """The fields after a time h in which the masses go from one state to another."""
        moved = {}
        for signal in self.signals:
            first, last = signal.emissions(before), signal.emissions(after)
            moved[signal.name] = fields[signal.name].after(h, signal.medium(before), first, last)
        return {**fields, **moved}

    def hold(self, fields: Mapping[str, Any], masses: Species) -> bool:
        """Return True if the masses lie in the domains of all fields."""
        bounds = [emitter_of(measure).bounds for measure in masses.values()]
        known = [field for name in self.names if isinstance(field := fields[name], Field)]
        return all(field.holds(part) for field in known for part in bounds)

    def must_be_in(self, fields: Mapping[str, Any]) -> None:
        """Raise ValueError for a state that lacks a field."""
        for name in self.names:
            if not isinstance(fields.get(name), AnyField):
                raise ValueError(
                    f"state must have the field {name!r}: pass State(masses, fields={{{name!r}: Field(grid, 0.0)}}), "
                    f"got fields {', '.join(map(repr, fields)) or 'none'}"
                )

    def check(self, fields: Mapping[str, Any], masses: Species) -> None:
        """Raise ValueError for a state that lacks a field, or whose field does not suit its masses."""
        self.must_be_in(fields)
        for signal in self.signals:
            field = fields[signal.name]
            if signal.name in masses:
                raise ValueError(f"field {signal.name!r} must not have the name of a species")
            if not signal.sources and not np.any(field.modes):
                raise ValueError(
                    f"field {signal.name!r} has no Secretion and starts at 0, so it stays 0: give it a start or a source"
                )
            self._must_fit(signal, field, masses)
            field.ready(signal.emissions(masses), 0.0, signal.medium(masses))
        worlds = {signal.name: _world(fields[signal.name]) for signal in self.signals}
        if len(set(worlds.values())) > 1:
            raise ValueError(f"fields must share one domain, got {', '.join(f'{n!r} on {w}' for n, w in worlds.items())}")

    def must_fit(self, fields: Mapping[str, Any], masses: Species) -> None:
        """Raise ValueError for a state that lacks a field, or with a field of another space than its masses."""
        self.must_be_in(fields)
        for signal in self.signals:
            self._must_fit(signal, fields[signal.name], masses)

    def _must_fit(self, signal: Signal, field: AnyField, masses: Species) -> None:
        kind = masses.kind
        if issubclass(kind, Density | PhaseDensity):
            grid = masses.grid if issubclass(kind, Density) else masses.domain[0]
            if not isinstance(field, Field) or field.grid != grid:
                raise ValueError(f"field {signal.name!r} must be a Field on the grid of the densities {grid}, got {field!r}")
        dims = {emitter_of(measure).bounds.shape[1] for measure in masses.values()}
        if dims != {field.dim}:
            raise ValueError(f"field {signal.name!r} must be in the dimension of the masses ({max(dims)}), got {field!r}")
        for name, measure in masses.items():
            if isinstance(field, Field) and not field.holds(emitter_of(measure).bounds):
                raise ValueError(f"species {name!r} must lie in the box of field {signal.name!r}, {field.grid.bounds}")


def _world(field: AnyField) -> str:
    """The domain of a field in words."""
    if not isinstance(field, Field):
        return "the whole space"
    ends = " x ".join(f"({low:g}, {high:g})" for low, high in field.grid.bounds)
    return f"the {'torus' if field.grid.periodic else 'box'} {ends}"
