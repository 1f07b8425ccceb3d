"""The one reading of a law: its terms, sorted by their forms."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from ..kernels import Kernel
from .forms import Bound, External, FieldCoupling, Forbidden, Form, General, Internal, OneWay, Pair, Positions

F = TypeVar("F", bound=Form)
T = TypeVar("T")


class Entry(NamedTuple, Generic[F]):
    """A term of a law with its coefficient: ``factor`` times what ``form`` says; ``term`` is for the words of a refusal."""

    factor: float
    form: F
    term: Any

    def non_negative(self) -> float:
        """The factor; ValueError where it is below 0, which would make the step unbounded below, or not convex."""
        if self.factor < 0:
            raise ValueError(
                f"the coefficient of {self.term!r} must be >= 0, got {self.factor:g}: the step would have no minimiser, or many"
            )
        return self.factor


class Motion(NamedTuple):
    """Species ``moves`` moves with -factor grad K * rho_by."""

    moves: str
    by: str
    factor: float
    kernel: Kernel


@dataclass(frozen=True, eq=False)
class LawForms:
    """The terms of a law whose coefficient is not 0, in their order, and sorted by form.

    It is read once from a law, which keeps it as ``law.forms``. What it holds is code and numbers of the law alone, nothing of
    a state.
    """

    entries: tuple[Entry[Any], ...]
    _made: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, terms: Iterable[tuple[float, Any]]) -> LawForms:
        """The reading of pairs (coefficient, term); every term tells its ``form``."""
        return cls(tuple(Entry(c, term.form, term) for c, term in terms if c != 0))

    def each(self, kind: type[F]) -> tuple[Entry[F], ...]:
        """The entries of one form."""
        return tuple(entry for entry in self.entries if isinstance(entry.form, kind))

    @cached_property
    def internal(self) -> tuple[Entry[Internal], ...]:
        """Integrals of a function of the density."""
        return self.each(Internal)

    @cached_property
    def external(self) -> tuple[Entry[External], ...]:
        """Potentials."""
        return self.each(External)

    @cached_property
    def bounds(self) -> tuple[Entry[Bound], ...]:
        """Bounds on densities."""
        return self.each(Bound)

    @cached_property
    def forbidden(self) -> tuple[Entry[Forbidden], ...]:
        """Obstacles."""
        return self.each(Forbidden)

    @cached_property
    def pairs(self) -> tuple[Entry[Pair], ...]:
        """Pair interactions with an energy."""
        return self.each(Pair)

    @cached_property
    def one_way(self) -> tuple[Entry[OneWay], ...]:
        """Drifts."""
        return self.each(OneWay)

    @cached_property
    def couplings(self) -> tuple[Entry[FieldCoupling], ...]:
        """Couplings by Poisson's equation."""
        return self.each(FieldCoupling)

    @cached_property
    def positions(self) -> tuple[Entry[Positions], ...]:
        """Convex functions of ordered positions."""
        return self.each(Positions)

    @cached_property
    def general(self) -> tuple[Entry[General], ...]:
        """Energies known by value and first variation alone."""
        return self.each(General)

    @cached_property
    def motions(self) -> tuple[Motion, ...]:
        """How species move one another, and themselves, through kernels."""
        return tuple(Motion(a, b, factor, kernel) for factor, form, _ in self.entries for a, b, kernel in form.motions)

    @cached_property
    def tied(self) -> tuple[tuple[str, ...], ...]:
        """The species of every joint term that is no kernel: the law has an energy only if they have equal mobilities."""
        joint = (entry for entry in self.entries if not entry.form.motions)
        return tuple(entry.term.involves for entry in joint if len(entry.term.involves) > 1)

    @property
    def has_energy(self) -> bool:
        """Whether every term is one of an energy."""
        return all(entry.form.has_energy for entry in self.entries)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` returns, called at the first time for this key: what a solver makes of the law alone is kept with it.

        The key must hold everything besides the law that the answer depends on.
        """
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def require(self, taken: Iterable[type[Form]], taker: str, way_out: str = "") -> None:
        """ValueError, with what is taken and the way out, for the first term whose form is not among those taken."""
        kinds = tuple(taken)
        for entry in self.entries:
            if not isinstance(entry.form, kinds):
                known = ", ".join(kind.said for kind in kinds)
                raise ValueError(
                    f"{taker} does not take {entry.term!r}, which is among the {entry.form.said}: it takes {known}"
                    + (f"; {way_out}" if way_out else "")
                )
