"""The terms of a law, sorted by their forms."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

from ..grids import Grid, Medium
from ..kernels import Kernel
from .forms import (
    Bound,
    Conducting,
    External,
    FieldCoupling,
    Forbidden,
    Form,
    General,
    Internal,
    OneWay,
    Opening,
    Pair,
    Positions,
    Shared,
)
from .signalling import Signals

F = TypeVar("F", bound=Form)
T = TypeVar("T")


class Entry(NamedTuple, Generic[F]):
    """A term of a law with its coefficient: ``factor`` times ``form``. ``term`` is named in error messages."""

    factor: float
    form: F
    term: Any

    def non_negative(self) -> float:
        """Return the factor. Raises ValueError for a negative one: the step would be unbounded below, or not convex."""
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
    """The terms of a law whose coefficient is not 0: in the order of the law, and sorted by form.

    A law makes it once and keeps it as ``law.forms``. It depends on the law alone, not on a state.
    """

    entries: tuple[Entry[Any], ...]
    _cache: dict[Hashable, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, terms: Iterable[tuple[float, Any]]) -> LawForms:
        """Return the sorted terms of a law, given as pairs (coefficient, term)."""
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
    def shared(self) -> tuple[Entry[Shared], ...]:
        """Internal energies and bounds of sums of species."""
        return self.each(Shared)

    @cached_property
    def media(self) -> tuple[Entry[Conducting], ...]:
        """Mobilities that vary in space."""
        return self.each(Conducting)

    def medium_of(self, species: str, grid: Grid) -> Medium | None:
        """The mobility of a species on a grid, None if it does not vary in space.

        Raises ValueError for two such terms of one species, and for a coefficient that is not positive.
        """
        entries = [entry for entry in self.media if entry.form.species == species]
        if len(entries) > 1 or any(entry.factor <= 0 for entry in entries):
            shown = " + ".join(f"{entry.factor:g} {entry.term!r}" for entry in entries)
            raise ValueError(f"a species has one Mobility with a positive coefficient, got {shown}")
        return entries[0].form.medium(grid).times(entries[0].factor) if entries else None

    @cached_property
    def obstacles(self) -> tuple[Entry[Forbidden], ...]:
        """Obstacles."""
        return self.each(Forbidden)

    @cached_property
    def openings(self) -> tuple[Entry[Opening], ...]:
        """Doors and reservoirs."""
        return self.each(Opening)

    @cached_property
    def pairs(self) -> tuple[Entry[Pair], ...]:
        """Pair interactions with an energy."""
        return self.each(Pair)

    @cached_property
    def drifts(self) -> tuple[Entry[OneWay], ...]:
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
    def signals(self) -> Signals:
        """The fields of the law."""
        return Signals.of(self.entries)

    @cached_property
    def motions(self) -> tuple[Motion, ...]:
        """The motions of all terms through kernels."""
        return tuple(Motion(a, b, factor, kernel) for factor, form, _ in self.entries for a, b, kernel in form.motions)

    @cached_property
    def coupled_without_kernel(self) -> tuple[tuple[str, ...], ...]:
        """The species of every term that couples several species, but not through a kernel.

        The law has an energy only if the species of such a term have equal mobilities.
        """
        without_kernel = (entry for entry in self.entries if not entry.form.motions)
        return tuple(entry.term.involves for entry in without_kernel if len(entry.term.involves) > 1)

    @property
    def has_energy(self) -> bool:
        """True if every term is an energy, and the fields, if there are any, are part of one."""
        return all(entry.form.has_energy for entry in self.entries) and self.signals.have_energy

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return ``make()``, and call it only at the first time for a key. A solver keeps here what it computes from the law.

        The key must contain everything besides the law on which the result depends.
        """
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]

    def keep(self, key: Hashable, value: Any) -> None:
        """Keep a value under a key, in the place of the last one, until :meth:`taken` takes it away."""
        self._cache[key] = value

    def taken(self, key: Hashable) -> Any:
        """Take away what :meth:`keep` has kept under a key, and return it; None if there is nothing."""
        return self._cache.pop(key, None)

    def require(self, taken: Iterable[type[Form]], taker: str, way_out: str = "") -> None:
        """Raise ValueError for the first term whose form is not among ``taken``.

        The message names the ``taker``, the forms that it takes, and the ``way_out``.
        """
        kinds = tuple(taken)
        for entry in self.entries:
            if not isinstance(entry.form, kinds):
                known = ", ".join(kind.label for kind in kinds)
                raise ValueError(
                    f"{taker} does not take {entry.term!r}, which is among the {entry.form.label}: it takes {known}"
                    + (f"; {way_out}" if way_out else "")
                )
