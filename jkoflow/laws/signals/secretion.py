"""Secretion of a field by a species."""

from __future__ import annotations

from dataclasses import dataclass

from ..._status import RoughProfileWarning, warn
from ..._validate import field_name, of_kind, species_name
from ...fields import PointProfile, Profile
from ...measures import UNNAMED
from ..base import Law, State, Term
from ..forms import Emitting, Form


@dataclass(frozen=True)
class Secretion(Term):
    """A species secretes a field: dc/dt = chi * rho, where chi is the profile of a unit mass.

    Parameters
    ----------
    chi : Profile, or None
        For instance ``GaussianProfile(s)`` or ``BumpProfile(radius)``. None: every place secretes for itself, dc/dt = rho.
    by : str
        The species.
    into : str
        The name of the field.

    Multiply the term by a number for the rate; a negative one is consumption.

    Warns with a RoughProfileWarning if the gradient of chi is not Lipschitz: mean-field limits of particles (Natalini and
    Paul, Theorem 2.1) do not cover it. On a Density, None gives the Keller-Segel equations, and there is no warning.

    Raises ValueError if chi is no profile, or a name is no text.

    >>> from jkoflow import GaussianProfile
    >>> 2.0 * Secretion(GaussianProfile(0.1), by="cells", into="c")
    2 * Secretion(GaussianProfile(s=0.1, mass=1.0), by='cells', into='c')
    """

    chi: Profile | None = None
    by: str = UNNAMED
    into: str = "c"

    def __post_init__(self) -> None:
        if self.chi is not None:
            of_kind("chi", self.chi, Profile, "a profile such as GaussianProfile(s), or None")
            if not self.chi.is_lipschitz:
                warn(
                    f"the gradient of {self.chi!r} is not Lipschitz, and Theorem 2.1 of Natalini and Paul asks that: particles "
                    "may have no mean-field limit at its rate. BumpProfile and GaussianProfile are smooth",
                    RoughProfileWarning,
                )
        species_name("by", self.by)
        field_name("into", self.into)

    @property
    def involves(self) -> tuple[str, ...]:
        return (self.by,)

    @property
    def form(self) -> Form:
        return Emitting(PointProfile() if self.chi is None else self.chi, self.by, self.into)

    def frozen_at(self, state: State, *, self_terms: bool = False) -> Law:
        return self

    def __repr__(self) -> str:
        return f"Secretion({self.chi!r}, by={self.by!r}, into={self.into!r})"
