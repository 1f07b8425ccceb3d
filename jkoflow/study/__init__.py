"""Many runs: sweeps over parameters on any executor, observed orders and rates."""

from .rates import Rate, observed_order, rate
from .sweeps import Sweep, sweep

__all__ = ["Rate", "Sweep", "observed_order", "rate", "sweep"]


def __dir__() -> list[str]:
    return __all__
