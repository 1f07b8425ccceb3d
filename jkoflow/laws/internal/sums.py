"""Sums of densities of several species on the line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..._typing import Array
from ...measures import Quantiles


class SumOnLine:
    """The density s = sum_i w_i rho_i of several Quantiles, constant between all their nodes; atoms are kept apart.

    Attributes
    ----------
    nodes : array (K,)
        All nodes, increasing.
    values : array (K - 1,)
        s between them.
    """

    def __init__(self, parts: Sequence[tuple[float, Quantiles]]) -> None:
        self.nodes = np.unique(np.concatenate([measure.nodes for _, measure in parts]))
        self.values = np.zeros(len(self.nodes) - 1)
        self._atoms: list[Quantiles] = []
        middles = (self.nodes[1:] + self.nodes[:-1]) / 2
        for weight, measure in parts:
            cell = np.searchsorted(measure.nodes, middles, side="right") - 1
            inside = (cell >= 0) & (cell < len(measure.masses))
            self.values[inside] += weight * measure.masses[cell[inside]] / measure.widths[cell[inside]]
            heavy = (measure.widths == 0) & (measure.masses > 0)
            if heavy.any():
                self._atoms.append(Quantiles.atoms(measure.nodes[:-1][heavy], weight * measure.masses[heavy]))

    def integrate_internal(self, U: Callable[[Array], Array]) -> float:
        """Return int U(s) dx where s > 0, with what U makes of atoms (see ``Quantiles.integrate_internal``)."""
        filled = self.values > 0
        of_widths = float(np.diff(self.nodes)[filled] @ U(self.values[filled]))
        return of_widths + sum(atoms.integrate_internal(U) for atoms in self._atoms)

    def means_over(self, measure: Quantiles, f: Callable[[Array], Array]) -> Array:
        """Return the averages of f(s) over the cells of one of the Quantiles; inf for atoms."""
        widths, values = np.diff(self.nodes), f(self.values)
        ends = np.searchsorted(self.nodes, measure.nodes)
        with np.errstate(invalid="ignore"):
            along = np.concatenate([[0.0], np.cumsum(np.where(self.values > 0, widths * values, 0.0))])
            means = np.diff(along[ends]) / measure.widths
        return np.where(measure.widths > 0, means, np.inf)
