"""Time schemes, one file each."""

from .base import Scheme, StepInfo
from .jko import JKO
from .semi_implicit import SemiImplicitJKO

__all__ = ["JKO", "Scheme", "SemiImplicitJKO", "StepInfo"]
