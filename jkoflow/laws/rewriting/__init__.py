"""A law written in another way: as an energy with mobilities, or for unit masses."""

from .gradient_forms import gradient_form
from .scaled_masses import UnitMasses, unit_masses

__all__ = ["UnitMasses", "gradient_form", "unit_masses"]
