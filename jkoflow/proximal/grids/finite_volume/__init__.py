"""Steps and steady states by finite volumes."""

from .solver import FiniteVolume
from .steady_states import CurrentVoltage, SteadyState, current_voltage, steady

__all__ = ["CurrentVoltage", "FiniteVolume", "SteadyState", "current_voltage", "steady"]
