"""Functions of space that carry no mass: concentrations and signals, with the L2 metric."""

from .base import AnyField, Emission, Medium
from .emitters import Cells, Emitter, Intervals, Points
from .field import Field
from .free import FreeField
from .history import gaussian_history
from .profiles import BallProfile, BumpProfile, GaussianProfile, PointProfile, Profile, QuadraticProfile
from .quadratic import QuadraticField

__all__ = [
    "AnyField",
    "BallProfile",
    "BumpProfile",
    "Cells",
    "Emission",
    "Emitter",
    "Field",
    "FreeField",
    "GaussianProfile",
    "Intervals",
    "Medium",
    "PointProfile",
    "Points",
    "Profile",
    "QuadraticField",
    "QuadraticProfile",
    "gaussian_history",
]
