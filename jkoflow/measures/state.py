"""What a run carries from step to step: masses, fields and the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._frozen import FrozenMapping, ReadOnly
from .._typing import Array
from .._validate import finite, finite_array
from ..fields import AnyField
from .base import Measure
from .species import Species


@dataclass(frozen=True, eq=False)
class State(ReadOnly):
    """The state of a run at one time.

    ``evolve`` takes a bare Measure or Species too: then there are no fields, and the time is 0.

    Attributes
    ----------
    masses : Species
        The measures. A bare measure is accepted, and becomes the one unnamed species.
    fields : mapping of Field, FreeField or arrays
        What else evolves, by name: functions of space which hold no mass. Arrays are for schemes of one's own; they are kept
        read-only.
    time : float

    Raises ValueError for masses that are no measures, fields that are neither fields nor arrays of finite real numbers, or a
    time that is not finite.

    >>> from jkoflow import Quantiles
    >>> State(Quantiles([0.0, 1.0]), {"signal": [0.0, 1.0]}, time=2.0).fields["signal"]
    array([0., 1.])
    """

    masses: Species
    fields: Mapping[str, Any] = field(default_factory=dict)
    time: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "masses", Species.of(self.masses))
        object.__setattr__(self, "time", finite("time", self.time))
        if not isinstance(self.fields, Mapping):
            raise ValueError(f"fields must be a mapping from names to arrays, got {type(self.fields).__name__}")
        arrays: dict[str, AnyField | Array] = {}
        for name, values in self.fields.items():
            if not isinstance(name, str):
                raise ValueError(f"names of fields must be strings, got {name!r}")
            if isinstance(values, AnyField):
                arrays[name] = values
                continue
            array = finite_array(f"field {name!r}", values, np.shape(values)).copy()
            array.setflags(write=False)
            arrays[name] = array
        object.__setattr__(self, "fields", FrozenMapping(arrays))

    @classmethod
    def of(cls, state: Measure | Species | State) -> State:
        """Return the state as a State. Measures alone are at time 0, without fields."""
        return state if isinstance(state, State) else cls(Species.of(state))

    def after(self, dt: float, masses: Species, fields: Mapping[str, Any] | None = None) -> State:
        """Return the state after a step of ``dt``. Fields that are not given are those of this state."""
        return State(masses, self.fields if fields is None else fields, self.time + dt)

    @property
    def unwrapped(self) -> Measure | Species | State:
        """What users hold: the measures alone (``Species.unwrapped``) if there are no fields, else the State itself."""
        return self if self.fields else self.masses.unwrapped
