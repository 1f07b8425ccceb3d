"""Forms of terms of fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...fields import Profile
from .base import Form


@dataclass(frozen=True, eq=False)
class Relaxing(Form):
    """A field c decays and diffuses: dc/dt = diffusion lap c - decay c, the L2 gradient flow of the field's own energy."""

    label: ClassVar[str] = "energies of fields"
    is_signal: ClassVar[bool] = True
    field: str
    diffusion: float
    decay: float


@dataclass(frozen=True, eq=False)
class Emitting(Form):
    """Species ``by`` makes the field ``into``: dc/dt = profile * rho."""

    label: ClassVar[str] = "secretions"
    is_signal: ClassVar[bool] = True
    profile: Profile
    by: str
    into: str


@dataclass(frozen=True, eq=False)
class Steering(Form):
    """Species ``moves`` is drawn with eta grad c along the field ``along``."""

    label: ClassVar[str] = "chemotaxis"
    is_signal: ClassVar[bool] = True
    eta: float
    moves: str
    along: str
