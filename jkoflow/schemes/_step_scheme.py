"""The base class of schemes whose steps are solved by a step solver."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from ..laws import Law
from ..measures import Species
from ..proximal import StepSolver
from ._recommended import recommended_solver
from .base import Scheme


@dataclass(frozen=True)
class StepScheme(Scheme):
    """A scheme whose steps are solved by a step solver. If none is given, it is the one recommended for the measure."""

    solver: StepSolver | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.solver, StepSolver | None):
            raise ValueError(
                f"solver must be a step solver such as Entropic(), or None for the recommended one, got {self.solver!r}"
            )

    def filled_in(self, law: Law, state: Species) -> Self:
        solver = recommended_solver(next(iter(state.values())), law, state) if self.solver is None else self.solver
        return replace(self, solver=solver.filled_in(state))

    @property
    def step_solver(self) -> StepSolver:
        """The solver of a scheme whose defaults are filled in (``filled_in``). Raises ValueError if there is none yet."""
        if self.solver is None:
            raise ValueError(
                f"the defaults of a scheme must be filled in for a state before it steps (filled_in), got {self!r}"
            )
        return self.solver
