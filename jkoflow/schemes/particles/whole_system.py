"""Particles and fields as one system of ordinary differential equations, integrated to a tolerance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..._status import Status
from ..._typing import Array
from ...clouds import Forces
from ...fields import Medium
from ...laws import Signal
from ...measures import Particles, Species
from .inertia import Parts

_MOST_EVALUATIONS = 200_000
_ROUNDING = 1e-13  # relative error of an unknown that is always allowed
_MOST_WINDOWS = 30  # enlargements of the window of a FreeField in one step


class Integrated(NamedTuple):
    """Particles and fields after a time."""

    x: Parts
    v: Parts
    fields: Mapping[str, Any]
    status: Status
    evaluations: int


class _TooManyEvaluations(Exception):  # noqa: N818 - it ends in a status
    """The system does not get on."""


def integrated(
    forces: Forces,
    masses: list[Array],
    x: Parts,
    v: Parts | None,
    fields: Mapping[str, Any],
    time: float,
    h: float,
    tolerance: float,
    inertia: tuple[float, list[float]] = (0.0, []),
) -> Integrated:
    """Return particles and fields after a time h: x' = F, or x' = v, v' = (F - drag v) / epsilon, and the modes of the fields.

    ``inertia`` is (drag, epsilon by species). The method is an explicit Runge-Kutta method of order 8 with error control, for
    places, velocities and modes together: no splitting, for references. Its steps are at most about 6 / (kappa + D k^2) for
    the fastest mode.
    """
    held, evaluations = dict(fields), 0
    for _ in range(_MOST_WINDOWS):
        held = _ready(forces, held, masses, [x], h)
        system = _System(forces, masses, x, v, held, time, inertia)
        answer = system.run(h, tolerance)
        evaluations += system.evaluations
        if answer is None:
            return Integrated(x, v or [], fields, Status.ITERATION_LIMIT, evaluations)
        ends_x, ends_v, ends = answer
        if not all(np.isfinite(part).all() for part in ends_x):
            return Integrated(x, v or [], fields, Status.NOT_FINITE, evaluations)
        wider = _ready(forces, held, masses, [x, ends_x], h)
        if all(wider[name] is held[name] or wider[name].modes is held[name].modes for name in held):  # the same windows
            aged = {name: field.aged(h) if name in forces.signals.names else field for name, field in ends.items()}
            return Integrated(ends_x, ends_v, aged, Status.CONVERGED, evaluations)
        held = wider
    return Integrated(x, v or [], fields, Status.ITERATION_LIMIT, evaluations)


def _ready(forces: Forces, fields: dict[str, Any], masses: list[Array], ways: list[Parts], h: float) -> dict[str, Any]:
    """The fields, able to take sources at all these places for a time h."""
    ready = dict(fields)
    for signal in forces.signals.signals:
        emissions = []
        for x in ways:
            parts = zip(forces.places.names, x, masses, strict=True)
            emissions += signal.emissions(Species({name: Particles(part, m) for name, part, m in parts}))
        ready[signal.name] = ready[signal.name].ready(emissions, h, Medium(signal.diffusion, signal.decay))
    return ready


class _System:
    """The equations, with all unknowns in one row: places, velocities, modes of fields."""

    def __init__(
        self,
        forces: Forces,
        masses: list[Array],
        x: Parts,
        v: Parts | None,
        fields: dict[str, Any],
        time: float,
        inertia: tuple[float, list[float]],
    ) -> None:
        self.forces, self.masses, self.fields, self.time = forces, masses, fields, time
        self.drag, self.epsilons = inertia
        self.moves = v is not None
        self.signals = forces.signals.signals
        self.rates = {s.name: fields[s.name].decay_rates(Medium(s.diffusion, s.decay)) for s in self.signals}
        self.scales = {s.name: _scale(s, fields[s.name]) for s in self.signals}
        self.parts: list[Array] = [*x, *(v or []), *(fields[s.name].modes / self.scales[s.name] for s in self.signals)]
        self.ends = np.cumsum([part.size for part in self.parts])[:-1]
        self.evaluations = 0

    def run(self, h: float, tolerance: float) -> tuple[Parts, Parts, dict[str, Any]] | None:
        from scipy.integrate import solve_ivp

        start = np.concatenate([part.ravel() for part in self.parts])
        first = np.split(self._rate(0.0, start), self.ends)
        sizes = [
            max(float(np.abs(part).max(initial=0.0)), h * float(np.abs(rate).max(initial=0.0)))
            for part, rate in zip(self.parts, first, strict=True)
        ]
        extent = max(float(np.ptp(x.reshape(len(x), -1), axis=0).max()) for x in self.parts[: len(self.masses)])
        for k in range(len(self.masses)):
            sizes[k] = max(extent, h * float(np.abs(first[k]).max())) or 1.0
        # the error norm is a mean over all unknowns: every part gets its share, so that few places count as much as many modes
        allowed = np.concatenate(
            [
                np.full(part.size, tolerance * (size or 1.0) * np.sqrt(part.size / len(start)))
                for part, size in zip(self.parts, sizes, strict=True)
            ]
        )
        try:
            solution = solve_ivp(self._rate, (0.0, h), start, method="DOP853", rtol=_ROUNDING, atol=allowed)
        except _TooManyEvaluations:
            return None
        x, v, fields = self._parted(solution.y[:, -1])
        return x, v, fields

    def _parted(self, y: Array) -> tuple[Parts, Parts, dict[str, Any]]:
        pieces = [piece.reshape(part.shape) for piece, part in zip(np.split(y, self.ends), self.parts, strict=True)]
        count = len(self.masses)
        x, v = pieces[:count], pieces[count : 2 * count] if self.moves else []
        modes = pieces[count * (2 if self.moves else 1) :]
        fields = {s.name: self.fields[s.name].like(self.scales[s.name] * y) for s, y in zip(self.signals, modes, strict=True)}
        return x, v, {**self.fields, **fields}

    def _rate(self, t: float, y: Array) -> Array:
        self.evaluations += 1
        if self.evaluations > _MOST_EVALUATIONS:
            raise _TooManyEvaluations
        x, v, fields = self._parted(y)
        parts = zip(self.forces.places.names, x, self.masses, strict=True)
        masses = Species({name: Particles(part, m) for name, part, m in parts})
        if self.moves:
            pushed = self.forces(x, v, self.masses, self.time + t, fields)
            forces = zip(pushed, v, self.epsilons, strict=True)
            rates = [*v, *((f - self.drag * u) / epsilon for f, u, epsilon in forces)]
        else:
            rates = self.forces.of_places(x, self.masses, self.time + t, fields)
        for signal in self.signals:
            field = fields[signal.name]
            made = field.source(signal.emissions(masses), signal.medium(masses))
            rates.append((made - self.rates[signal.name] * field.modes) / self.scales[signal.name])
        return np.concatenate([rate.ravel() for rate in rates])


def _scale(signal: Signal, field: Any) -> Array:
    """The natural size of every mode, in which the modes are integrated: that of its sources, and that at the start.

    The modes of a smooth profile fall beyond any tolerance. In this unit all of them are known to as many digits.
    """
    held = field.waves
    if held is None or signal.profile is None:
        return np.ones_like(field.modes)
    made = sum(held.transform(profile) ** 2 for _, _, profile in signal.sources) ** 0.5
    start = np.abs(held.modes)
    size = made / made.max() + start / (start.max() or 1.0)
    return np.asarray(np.maximum(size, np.finfo(float).tiny ** 0.5))
