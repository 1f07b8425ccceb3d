"""Terms of fields: their own energy, secretion by species, steering of species."""

from .chemotaxis import Chemotaxis
from .eliminated import FieldsAfter
from .field_energy import FieldEnergy
from .secretion import Secretion

__all__ = ["Chemotaxis", "FieldEnergy", "FieldsAfter", "Secretion"]
