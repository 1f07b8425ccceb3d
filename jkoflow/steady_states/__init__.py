"""Steady states of laws with doors, reservoirs and electrodes, and how they follow a voltage."""

from .curve import CurrentVoltage, current_voltage
from .search import SteadyState, steady

__all__ = ["CurrentVoltage", "SteadyState", "current_voltage", "steady"]
