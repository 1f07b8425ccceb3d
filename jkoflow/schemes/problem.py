"""The problem that a run solves: a law and the mobilities of the species."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from .._frozen import FrozenMapping
from .._validate import positive
from ..laws import Law, LawForms, gradient_form
from ..measures import Species

Mobility: TypeAlias = "float | Callable[[float], float]"
"""The mobility of a species: a number, or a function of the time."""


@dataclass(frozen=True, eq=False)
class Problem:
    """The flow of a law: d rho_i / dt = alpha_i div(rho_i grad dE / d rho_i).

    Attributes
    ----------
    law : Law
        An energy, a drift or a sum. It may depend on time.
    mobility : mapping
        alpha_i by species, for every species: a number, or a function of the time.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> problem = Problem(jf.Entropy(), {"": 2.0})
    >>> problem.mobilities[""]
    2.0
    """

    law: Law
    mobility: Mapping[str, Mobility]

    @classmethod
    def of(cls, law: Law, state: Species, mobility: Mapping[str, Mobility] | None) -> Problem:
        """Return the problem for the species of a state. The mobility of a species that is not named is 1.

        Raises ValueError for a name that is no species of the state, or a number <= 0.
        """
        if not isinstance(mobility, Mapping | None):
            raise ValueError(f"mobility must be a mapping from species to numbers, got {mobility!r}")
        given = dict(mobility or {})
        for name, alpha in given.items():
            if name not in state:
                raise ValueError(f"mobility must name species of the state ({', '.join(map(repr, state))}), got {name!r}")
            if not callable(alpha):
                given[name] = positive(f"mobility of {name!r}", alpha)
        return cls(law, FrozenMapping({name: given.get(name, 1.0) for name in state}))

    @cached_property
    def constant(self) -> bool:
        """True if neither the law nor a mobility depends on time."""
        return not self.law.depends_on_time and not any(map(callable, self.mobility.values()))

    def at(self, time: float) -> Problem:
        """Return the problem of one instant: itself if it does not depend on time."""
        return self if self.constant else Problem(self.law.at(time), self.mobilities_at(time))

    def mobilities_at(self, time: float) -> Mapping[str, float]:
        """The mobilities as numbers. Raises ValueError if a function of the time returns no positive number."""
        return FrozenMapping(
            {
                name: positive(f"mobility of {name!r} at t = {time:g}", _at(name, alpha, time)) if callable(alpha) else alpha
                for name, alpha in self.mobility.items()
            }
        )

    @property
    def mobilities(self) -> Mapping[str, float]:
        """The mobilities of a problem that does not depend on time, or of one instant. Raises ValueError otherwise."""
        for name, alpha in self.mobility.items():
            if callable(alpha):
                raise ValueError(f"the mobility of {name!r} depends on the time: take problem.at(time)")
        return self.mobility  # type: ignore[return-value]

    @property
    def without_fields(self) -> Problem:
        """The problem of the masses alone: itself if the law has no fields."""
        return Problem(self.law.without_fields, self.mobility) if self.law.field_names else self

    @property
    def forms(self) -> LawForms:
        """The terms of the law by their forms."""
        return self.law.forms

    def in_gradient_form(self) -> Problem:
        """Return the same flow as that of an energy, if the law has none but is the gradient flow of one (``gradient_form``).

        The mobilities are multiplied by those of the form. A problem whose law has an energy, or has no such form, is returned
        as it is.
        """
        form = None if self.law.has_energy else gradient_form(self.law)
        if form is None:
            return self
        energy, factors = form
        mobility = {name: _times(factors.get(name, 1.0), alpha) for name, alpha in self.mobility.items()}
        return Problem(energy, FrozenMapping(mobility))


def _at(name: str, alpha: Callable[[float], float], time: float) -> float:
    """A mobility at one time. Raises ValueError if the function does not take the time alone."""
    try:
        return alpha(time)
    except TypeError as reason:
        raise ValueError(f"mobility of {name!r} must be a function of the time alone, and it raised {reason}") from reason


def _times(factor: float, alpha: Mobility) -> Mobility:
    return (lambda time: factor * alpha(time)) if callable(alpha) else factor * alpha
