"""The potentials by which given fields steer the species."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...fields import Field
from ...laws import Combination, Law, Potential
from ..problem import Problem


def steering_potentials(problem: Problem, fields: Mapping[str, Any]) -> Law:
    """The potentials -eta c by which given fields steer the species, as functions of space."""
    total: Law = Combination(())
    for signal in problem.forms.signals.signals:
        field = fields[signal.name]
        for species, eta in signal.steering.items():
            total = total + Potential(_Potential(field, -eta), species, gradient=_Gradient(field, -eta))
    return total


def steering_arrays(problem: Problem, fields: Mapping[str, Any]) -> list[Law]:
    """The same potentials as arrays over the grid of the fields."""
    return [
        Potential(-eta * fields[signal.name].values, species)
        for signal in problem.forms.signals.signals
        for species, eta in signal.steering.items()
    ]


class _Potential:
    """A multiple of a field as a function of coordinates."""

    def __init__(self, field: Field, factor: float) -> None:
        self.field, self.factor = field, factor

    def __call__(self, *coordinates: Any) -> Any:
        shape = np.shape(coordinates[0])
        points = np.stack([np.ravel(x) for x in coordinates], axis=1)
        return self.factor * self.field.at(points).reshape(shape)


class _Gradient(_Potential):
    """Its gradient, one array per coordinate."""

    def __call__(self, *coordinates: Any) -> Any:
        shape = np.shape(coordinates[0])
        points = np.stack([np.ravel(x) for x in coordinates], axis=1)
        gradient = self.factor * self.field.gradient_at(points)
        if len(coordinates) == 1:
            return gradient.reshape(shape)
        return np.moveaxis(gradient.reshape(*shape, -1), -1, 0)
