"""The forms of terms.

Every term of a law has a form, defined in the file of the term (``term.form``). Solvers, schemes and diagnostics use the form
of a term, never its class. So a new energy of a known form works wherever the form works.
"""

from .base import Form
from .charges import FieldCoupling, Held, UniformCoupling, Wall
from .motions import Carrying, Damping, OneWay, Pair, Reacting, VelocityPull
from .places import (
    Bound,
    Conducting,
    DensityFunction,
    Eliminated,
    External,
    Forbidden,
    General,
    Internal,
    KnownByVariation,
    Opening,
    Positions,
    Shared,
)
from .signals import Emitting, Relaxing, Steering

__all__ = [
    "Bound",
    "Carrying",
    "Conducting",
    "Damping",
    "DensityFunction",
    "Eliminated",
    "Emitting",
    "External",
    "FieldCoupling",
    "Forbidden",
    "Form",
    "General",
    "Held",
    "Internal",
    "KnownByVariation",
    "OneWay",
    "Opening",
    "Pair",
    "Positions",
    "Reacting",
    "Relaxing",
    "Shared",
    "Steering",
    "UniformCoupling",
    "VelocityPull",
    "Wall",
]
