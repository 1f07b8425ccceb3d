"""The explorer: draw a density, choose a landscape and an energy, watch the flow. ``jkoflow explore`` opens it."""

from .setting import ENERGIES, LANDSCAPES, Setting
from .uploads import LARGEST_UPLOAD, array_of

__all__ = ["ENERGIES", "LANDSCAPES", "LARGEST_UPLOAD", "Setting", "array_of"]
