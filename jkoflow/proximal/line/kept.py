"""The energy about the end of a step on quantiles, which is the start of the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..._typing import Array
from .model import Chain, Model


class KeptEnergy(NamedTuple):
    """The energy about some nodes to second order, with what it depends on besides the law."""

    walls: tuple[float, float] | None
    nodes: Array
    masses: list[tuple[str, Array]]
    model: Model

    def is_about(self, walls: tuple[float, float] | None, x: Array, chains: Sequence[Chain]) -> bool:
        """Return True if this is the energy of these species about the nodes x."""
        same = len(chains) == len(self.masses) and all(
            chain.name == name and np.array_equal(chain.masses, w) for chain, (name, w) in zip(chains, self.masses, strict=True)
        )
        return same and walls == self.walls and np.array_equal(self.nodes, x)
