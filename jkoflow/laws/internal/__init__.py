"""Internal energies of one species, int U(rho) dx, one file each, and the congestion bound rho <= bar."""

from .base import CustomInternalEnergy, InternalEnergy
from .congestion import Congestion
from .entropy import Entropy
from .renyi import RenyiEntropy

__all__ = ["Congestion", "CustomInternalEnergy", "Entropy", "InternalEnergy", "RenyiEntropy"]
