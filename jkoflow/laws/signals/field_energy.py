"""The energy of a field."""

from __future__ import annotations

from dataclasses import dataclass

from ..._validate import field_name, finite, plain_numbers
from ..base import Law, State, Term
from ..forms import Form, Relaxing


@dataclass(frozen=True)
class FieldEnergy(Term):
    """1/2 int (decay c^2 + diffusion |grad c|^2) dx of a field c: it decays and diffuses.

        dc/dt = diffusion lap c - decay c + (Secretion)

    It is the gradient flow of this energy in L2. ``field`` is the name of the field in ``State.fields``. The diffusion has
    the unit length^2 / time, the decay 1 / time. Both may be 0.

    Raises ValueError for a diffusion or a decay that is negative or not finite.

    >>> FieldEnergy("c", diffusion=0.5, decay=0.1)
    FieldEnergy('c', diffusion=0.5, decay=0.1)
    """

    field: str
    diffusion: float
    decay: float = 0.0

    def __post_init__(self) -> None:
        plain_numbers(self)
        field_name("field", self.field)
        for name in ("diffusion", "decay"):
            if finite(name, getattr(self, name)) < 0:
                raise ValueError(f"{name} must be >= 0, or the field grows without bound, got {getattr(self, name)!r}")

    @property
    def involves(self) -> tuple[str, ...]:
        return ()

    @property
    def form(self) -> Form:
        return Relaxing(self.field, self.diffusion, self.decay)

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        return self

    def __repr__(self) -> str:
        return f"FieldEnergy({self.field!r}, diffusion={self.diffusion:g}, decay={self.decay:g})"
