"""Values that cannot be changed: what is copied or unpickled of them cannot be changed either."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

V = TypeVar("V")


class ReadOnly:
    """The base of values that hold arrays. The arrays of what is copied or unpickled are read-only again."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        for value in state.values():
            for array in value.values() if isinstance(value, dict) else (value,):
                if isinstance(array, np.ndarray):
                    array.setflags(write=False)
        self.__dict__.update(state)


class FrozenMapping(ReadOnly, Mapping[str, V]):
    """A mapping from names that cannot be changed.

    >>> FrozenMapping({"u": 1.0})
    {'u': 1.0}
    """

    def __init__(self, items: Mapping[str, V] | None = None) -> None:
        self._items = dict(items or {})

    def __getitem__(self, name: str) -> V:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)
