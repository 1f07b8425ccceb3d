"""The outcome of a step, as a sentence; warnings."""

from __future__ import annotations

import sys
import warnings
from enum import Enum

_PACKAGE = __name__.partition(".")[0]


class Status(Enum):
    """The outcome of one step. Its value is a sentence. ``status.ok`` is True if the step can be trusted.

    >>> print(Status.CONVERGED)
    the residual fell below the tolerance
    >>> Status.ITERATION_LIMIT.ok
    False
    """

    CONVERGED = "the residual fell below the tolerance"
    FROZEN = (
        "solved, but the plan between cell centres could move no mass: "
        "dt is below the freezing threshold dx^2 / (2 max difference of the first variation between neighbours)"
    )
    CYCLE = (
        "solved, but the state is that of two steps ago: species swap places for ever under a pointed cross-kernel; "
        "take a smaller dt, or JKO where the law is symmetrizable"
    )
    UNRESOLVED = (
        "solved, but what moves the mass is finer than what the solver sees: the entropic blur hides the motion (take a larger "
        "dt, more cells, a smaller epsilon or an exact solver), or a potential steps within a cell of quantiles (take a ramp)"
    )
    REFUTED = (
        "the iteration converged, but a check apart from it refutes the answer: its objective is above that of the anchor, "
        "or it breaks a bound, an obstacle or the mass"
    )
    MIXING = (
        "species that share the room push into each other and would mix, which Quantiles side by side cannot: "
        "take densities on a grid, by FiniteVolume()"
    )
    ITERATION_LIMIT = "the iteration limit was reached with the residual still above the tolerance"
    STALLED = "the residual stopped falling while still above the tolerance"
    NOT_FINITE = "a number became infinite or NaN"
    INFEASIBLE = "no state satisfies the constraints of the step"
    BLEW_UP = "a density became infinite by growth within the step"
    LEFT_DOMAIN = "mass left the box of a field: take a larger box or a torus; for particles also a FreeField"
    DT_TOO_SMALL = "the step size fell below its least before the error of the step met the tolerance"
    SOLVER_FAILED = "the external solver gave no solution"

    @property
    def ok(self) -> bool:
        """True if the problem of the step was solved to its tolerance."""
        return self in (Status.CONVERGED, Status.FROZEN, Status.CYCLE, Status.UNRESOLVED)

    def __str__(self) -> str:
        return str(self.value)


class FreezingWarning(UserWarning):
    """Warning that a plan between cell centres does not see motion below a fraction of a cell, and underestimates it.

    >>> import warnings, jkoflow as jf
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", jf.FreezingWarning)                                    # let it end a run
    """


class UnresolvedWarning(UserWarning):
    """Warning that a step is finer than what its solver sees.

    The blur of entropic transport hides it, or a potential steps within a cell of quantiles.


    >>> import warnings, jkoflow as jf
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", jf.UnresolvedWarning)                                    # let it end a run
    """


class ConcentrationWarning(UserWarning):
    """Warning that attraction gathers a fifth of the mass in one cell, against diffusion: what follows depends on the cells.

    >>> import warnings, jkoflow as jf
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", jf.ConcentrationWarning)                                    # let it end a run
    """


class OrderWarning(UserWarning):
    """Warning that a step of order 1 takes the place of one of order 2 that has no positive answer.

    >>> import warnings, jkoflow as jf
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", jf.OrderWarning)                                    # let it end a run
    """


class RoughProfileWarning(UserWarning):
    """Warning that a profile of secretion is not Lipschitz, so that theorems on mean-field limits do not cover it.

    >>> import warnings, jkoflow as jf
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", jf.RoughProfileWarning)                                    # let it end a run
    """


class CycleWarning(UserWarning):
    """Warning that a scheme which freezes the other species goes back and forth between two states.

    >>> import warnings, jkoflow as jf
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", jf.CycleWarning)                                    # let it end a run
    """


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of something, at the innermost line that is not of this library."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
