"""The logger of the library, under the name "jkoflow": steps at INFO, iterations of the solvers at DEBUG."""

from __future__ import annotations

import logging

log = logging.getLogger("jkoflow")
log.addHandler(logging.NullHandler())


def log_iteration(solver: str, iteration: int, residual: float) -> None:
    """Tell of one iteration of a solver."""
    if log.isEnabledFor(logging.DEBUG):
        log.debug("%s: iteration %d, residual %.3g", solver, iteration, residual)
