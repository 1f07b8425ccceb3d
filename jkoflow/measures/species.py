"""Several measures under names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

from .._frozen import FrozenMapping, ReadOnly
from .._validate import positive
from ..grids import Grid
from .base import Measure

UNNAMED = ""


class Species(ReadOnly, Mapping[str, Any]):
    """An immutable mapping from names to measures. All measures are of the same kind and have the same domain.

    The domain is the grid of densities, the walls of quantiles, or the dimension of particles.

    A bare measure is a state with one unnamed species; :meth:`Species.of` wraps it into Species.

    Raises ValueError for measures of different kinds or domains, for names that are not strings, or if there is no measure.

    >>> from jkoflow import Grid
    >>> grid = Grid.box((0, 1), cells=4)
    >>> state = Species(u=grid.density(lambda x: 1 + x), v=grid.density(lambda x: 1 - x))
    >>> list(state), state.bare
    (['u', 'v'], False)
    """

    def __init__(self, measures: Mapping[str, Measure] | None = None, /, **named: Measure) -> None:
        if not isinstance(measures, Mapping | None):
            raise ValueError(f"Species must be given a mapping or keywords, got {type(measures).__name__}")
        all_measures = {**(measures or {}), **named}
        if not all_measures:
            raise ValueError("Species must hold at least one measure, got none")
        for name, measure in all_measures.items():
            if not isinstance(name, str):
                raise ValueError(f"names of species must be strings, got {name!r}")
            if not isinstance(measure, Measure):
                raise ValueError(f"species {name!r} must be a measure, got {type(measure).__name__}")
        if UNNAMED in all_measures and len(all_measures) > 1:
            raise ValueError(f"every one of several species must have a name, got {list(all_measures)}")
        first_name, first = next(iter(all_measures.items()))
        for name, measure in all_measures.items():
            if type(measure) is not type(first):
                raise ValueError(
                    f"species must be of one kind, and {name!r} is a {type(measure).__name__} "
                    f"where {first_name!r} is a {type(first).__name__}"
                )
            if measure.domain != first.domain:
                raise ValueError(
                    f"species must share one domain, and {name!r} has {measure.domain} where {first_name!r} has {first.domain}"
                )
        self._measures = all_measures

    @classmethod
    def of(cls, state: Measure | Species) -> Species:
        """Return the state as Species. A bare measure becomes the one unnamed species."""
        if isinstance(state, Species):
            return state
        if isinstance(state, Measure):
            return cls({UNNAMED: state})
        raise ValueError(f"state must be a measure or Species, got {type(state).__name__}")

    @property
    def bare(self) -> bool:
        """True if this is the one unnamed species of a bare measure."""
        return list(self) == [UNNAMED]

    @property
    def unwrapped(self) -> Measure | Species:
        """The measure alone if this is a bare measure, else the Species itself."""
        return self[UNNAMED] if self.bare else self

    @property
    def kind(self) -> type[Measure]:
        """The class of the measures, the same for all species."""
        return type(next(iter(self.values())))

    @property
    def domain(self) -> Any:
        """The domain of all species: a grid, the walls of quantiles, or the dimension of particles."""
        return next(iter(self.values())).domain

    @property
    def grid(self) -> Grid:
        """The grid of all species. Raises ValueError if the species are not densities."""
        if not isinstance(self.domain, Grid):
            raise ValueError(f"state must be of densities on a grid, got {self.kind.__name__}")
        return self.domain

    def like(self, moved: Mapping[str, Any]) -> Self:
        """Return the state after a flow has changed every species, from the changed attributes (see ``Measure.like``)."""
        return type(self)({name: measure.like(moved[name]) for name, measure in self.items()})

    def __getitem__(self, name: str) -> Any:
        if name not in self._measures:
            known = ", ".join(map(repr, self._measures))
            raise KeyError(f"no species {name!r}; there are {known}")
        return self._measures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._measures)

    def __len__(self) -> int:
        return len(self._measures)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={measure!r}' for name, measure in self.items())})"


def complete_mobilities(given: Mapping[str, float] | None, state: Species) -> Mapping[str, float]:
    """Return the mobility of every species of the state: the given one, or 1 where none is given.

    Raises ValueError for a name that is no species of the state, or for a value <= 0.
    """
    if not isinstance(given, Mapping | None):
        raise ValueError(f"mobility must be a mapping from species to numbers, got {given!r}")
    given = dict(given or {})
    for name, value in given.items():
        if name not in state:
            raise ValueError(f"mobility must name species of the state ({', '.join(map(repr, state))}), got {name!r}")
        positive(f"mobility of {name!r}", value)
    return FrozenMapping({name: float(given.get(name, 1.0)) for name in state})
