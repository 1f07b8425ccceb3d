"""The same law in another form: as an energy with mobilities, with unit masses."""

from .gradient_forms import gradient_form
from .scaled_masses import UnitMasses, unit_masses

__all__ = ["UnitMasses", "gradient_form", "unit_masses"]
