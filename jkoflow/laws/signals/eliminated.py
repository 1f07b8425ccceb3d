"""The fields of a JKO step, eliminated: what they cost as a function of the masses alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..._typing import Array
from ...fields import Cells, Field, Medium
from ...measures import Density, Species
from ..base import Energy, Law, State
from ..forms import Eliminated
from ..signalling import Signal, Signals, field_seen_by


class FieldsAfter(Energy):
    """The part of the fields in the objective of a step in W2 x L2, at their best, as a function of the masses.

        min_c  |c - c_0|^2 / (2 tau beta) + w/2 int (D |grad c|^2 + kappa c^2) - sum_i eta_i int c d rho_i,    w = 1 / beta

    The minimiser solves (1 / tau + kappa - D lap) c = c_0 / tau + (secretion of the masses). So the field is one more unknown
    of the step, which is solved for exactly: as psi of a DirichletCoupling, which is the case without memory.

    >>> import jkoflow as jf
    >>> grid = jf.Grid.box((0, 1), cells=8)
    >>> law = jf.FieldEnergy("c", diffusion=1.0) + jf.Secretion() + jf.Chemotaxis(1.0)
    >>> uniform = grid.density(lambda x: 1 + 0 * x)
    >>> FieldsAfter(law.forms.signals, {"c": jf.Field(grid, 2.0)}, 0.5)(uniform)              # - int c d rho - tau mass^2 / 2
    -2.25
    """

    def __init__(self, signals: Signals, fields: Mapping[str, Any], tau: float) -> None:
        self.signals, self.fields, self.tau = signals, fields, tau

    @property
    def form(self) -> Eliminated:
        return Eliminated(self)

    @property
    def involves(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for signal in self.signals.signals for name in signal.steering))

    def after(self, masses: Species) -> dict[str, Any]:
        """The fields at the end of the step, by name."""
        made = {signal.name: self._field(signal, masses) for signal in self.signals.signals}
        return {**self.fields, **made}

    def value(self, state: Species) -> float:
        return self.value_with(self.after(state), state)

    def value_with(self, fields: Mapping[str, Any], state: Species) -> float:
        """Return the same part of the objective for any fields, instead of the best ones."""
        total = 0.0
        for signal in self.signals.signals:
            start, end = self.fields[signal.name], fields[signal.name]
            total += signal.energy(end, state) + signal.square(end, end.modes - start.modes) / (2 * self.tau)
        return total

    def metric(self, signal: Signal) -> Array:
        """The second derivative of the objective in the modes of a field, which is diagonal."""
        field = self.fields[signal.name]
        assert signal.weight is not None
        return np.asarray(signal.weight * self._stiffness(signal, field, by_cells=False) * signal.metric(field))

    def variation(self, state: Species, species: str) -> Array:
        total = state[species].zero_field
        for signal in self.signals.signals:
            eta = signal.steering.get(species, 0.0)
            if eta != 0:
                total = total - eta * field_seen_by(state[species], self._field(signal, state))
        return total

    def response(self, state: Species, species: str, changes: Mapping[str, Array]) -> Array:
        """The derivative of the variation in the direction of changes of densities on a grid."""
        total = np.zeros(state.grid.shape)
        for signal in self.signals.signals:
            eta, field = signal.steering.get(species, 0.0), self.fields[signal.name]
            if eta == 0:
                continue
            rate = np.zeros(field.grid.shape)
            for c, by, profile in signal.sources:
                emitted = Cells(field.grid, changes[by])
                rate += c * field.transform(profile) * emitted.moments(field.basis) / field.basis.norms
            total -= eta * field.basis.at_centres(rate / self._stiffness(signal, field, by_cells=True))
        return total

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        return self

    def _field(self, signal: Signal, masses: Species) -> Field:
        start: Field = self.fields[signal.name]
        made = start.source(signal.emissions(masses), signal.medium(masses))
        return start.like((start.modes / self.tau + made) / self._stiffness(signal, start, issubclass(masses.kind, Density)))

    def _stiffness(self, signal: Signal, field: Field, by_cells: bool) -> Array:
        return 1 / self.tau + field.decay_rates(Medium(signal.diffusion, signal.decay, by_cells))

    def __repr__(self) -> str:
        return f"FieldsAfter({', '.join(map(repr, self.signals.names))}, tau={self.tau:g})"
