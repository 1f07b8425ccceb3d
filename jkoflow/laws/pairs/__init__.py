"""Terms of pairs of particles, one file each: interactions within a species, between two, and drifts from one to another."""

from .cross_interaction import CrossInteraction
from .drift import Drift
from .interaction import Interaction, PairEnergy
from .newtonian import newtonian_law
from .self_energy import RieszSelfEnergy

__all__ = ["CrossInteraction", "Drift", "Interaction", "PairEnergy", "RieszSelfEnergy", "newtonian_law"]
