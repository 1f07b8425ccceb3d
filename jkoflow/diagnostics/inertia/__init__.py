"""What is asked of runs with inertia: how near they are to the flow of first order, on places and on phase space."""

from .defects import modulated_energy, monokinetic_bound, velocity_defect
from .differences import energy_distance
from .phase_space import phase_norms, phase_wasserstein

__all__ = [
    "energy_distance",
    "modulated_energy",
    "monokinetic_bound",
    "phase_norms",
    "phase_wasserstein",
    "velocity_defect",
]
