"""What all forms share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...kernels import Kernel
from ...measures import Measure


@dataclass(frozen=True, eq=False)
class Form:
    """The base of all forms. ``label`` is the name of the form in error messages and in the tables of the docs."""

    label: ClassVar[str] = "any term"
    has_energy: ClassVar[bool] = True
    is_signal: ClassVar[bool] = False
    """True for terms of fields, which ``laws.signalling`` reads."""
    is_outer: ClassVar[bool] = False
    """True for terms that step solvers do not see: ``Splitting`` takes them before and after a step."""

    def is_outer_on(self, kind: type[Measure]) -> bool:
        """Return ``is_outer``, which may depend on the kind of the measure."""
        return self.is_outer

    @property
    def motions(self) -> tuple[tuple[str, str, Kernel], ...]:
        """The motions through kernels: (a, b, K) says that species a moves with -grad K * rho_b. a and b may be equal."""
        return ()
