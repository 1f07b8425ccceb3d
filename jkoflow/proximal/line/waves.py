"""The fields of a step on quantiles, eliminated: their part of the objective to second order in the nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import factorial

import numpy as np

from ..._typing import Array
from ...fields import Field, Medium
from ...laws import FieldsAfter
from ...laws.signalling import Signal
from .model import Chain, Model

_SERIES = [(-1.0) ** j / factorial(2 * j + 1) for j in range(8)]  # of sin(u) / u in u^2
_SMALL = 0.5  # |u|: below it the series is exact to rounding, above it the closed form


@dataclass(frozen=True)
class WavePart:
    """The mixed second derivatives -sum_k weights_k (ds_k of a) (ds_k of b), between two species or of one with itself.

    s_k is the integral of the k-th wave of a field against the mass of a species.

    Attributes
    ----------
    a, b : slice
        The nodes of the two species in the vector of all nodes; equal for one.
    slopes_a, slopes_b : arrays (nodes, waves)
        The derivatives of s_k in their nodes.
    weights : array (waves,)
    """

    a: slice
    b: slice
    slopes_a: Array
    slopes_b: Array
    weights: Array
    fast = True

    def add_product(self, v: Array, out: Array) -> None:
        """Add the second derivative times v to ``out``."""
        out[self.a] -= self.slopes_a @ (self.weights * (v[self.b] @ self.slopes_b))
        if self.a != self.b:
            out[self.b] -= self.slopes_b @ (self.weights * (v[self.a] @ self.slopes_a))

    def add_matrix(self, out: Array) -> None:
        """Add the second derivative to the matrix ``out``."""
        block = (self.slopes_a * self.weights) @ self.slopes_b.T
        out[self.a, self.b] -= block
        if self.a != self.b:
            out[self.b, self.a] -= block.T


@dataclass
class FieldOnLine:
    """One field of a step in W2 x L2, at its best, as a function of the nodes of all species.

        E(x) = min_c  |c - c_0|^2 / (2 tau beta) + w/2 int (D |c'|^2 + kappa c^2) - sum_i eta_i int c d rho_i

    The field is a sum of waves. Every species has the integrals s_k of the waves against its mass, which is spread evenly over
    each cell, so they are exact. c is linear in them, and E quadratic.

    Cost of E, as of a product with its second derivative: O(cells of the species times cells of the field).
    """

    signal: Signal
    start: Field
    tau: float

    @classmethod
    def all_of(cls, fields: FieldsAfter) -> list[FieldOnLine]:
        """Every field of a step."""
        return [cls(signal, fields.fields[signal.name], fields.tau) for signal in fields.signals.signals]

    @cached_property
    def _decay(self) -> Array:
        return self.start.decay_rates(Medium(self.signal.diffusion, self.signal.decay, by_cells=False))

    @cached_property
    def _made(self) -> dict[str, Array]:
        """For every species the rates at which one unit of s_k makes the waves."""
        made = dict.fromkeys(self.signal.steering, np.zeros(self.start.modes.shape))
        for c, by, profile in self.signal.sources:
            made[by] = made[by] + c * self.start.transform(profile) / self.start.basis.norms
        return made

    def add_to(self, model: Model, chains: Sequence[Chain], x: Array, *, convexified: bool) -> None:
        """Add E, up to a constant. It is concave in the s_k: ``convexified`` leaves these second derivatives out."""
        steered = [(chain, self.signal.steering[chain.name]) for chain in chains if chain.name in self.signal.steering]
        spread = [_Means(self.start, chain, x[chain.nodes], convexified) for chain, _ in steered]
        stiffness = 1 / self.tau + self._decay
        change = -self._decay * self.start.modes
        for means, (chain, _) in zip(spread, steered, strict=True):
            change = change + self._made[chain.name] * (chain.masses @ means.values)
        change /= stiffness
        model.add_value(-self.signal.square(self.start, np.sqrt(stiffness / 2) * change))
        for means, (_, eta) in zip(spread, steered, strict=True):
            means.add_to(model, -eta * self.start.modes, -eta * change)
        if convexified:
            return
        for i, (means, (a, eta)) in enumerate(zip(spread, steered, strict=True)):
            for other, (b, _) in zip(spread[: i + 1], steered, strict=False):
                weights = eta * self._made[b.name] / stiffness
                model.far.append(WavePart(a.nodes, b.nodes, means.slopes, other.slopes, weights))


class _Means:
    """The means of all waves over the cells of a species, with their derivatives in the middle m and the width h of a cell.

    The mean of exp(i k x) over a cell is exp(i k m) sin(u) / u with u = k h / 2.
    """

    def __init__(self, field: Field, chain: Chain, nodes: Array, convexified: bool) -> None:
        axis, self.chain, self.convexified = field.basis.axes[0], chain, convexified
        self.middle = (nodes[1:] + nodes[:-1]) / 2
        self.waves = axis.wave_numbers
        turns = axis.turns(self.middle)
        self.at_middle, self.turned = axis.real(turns), axis.real(1j * turns) * self.waves
        self.shape = _shape(np.outer(np.diff(nodes), self.waves / 2))
        self.values = self.at_middle * self.shape[0]

    @cached_property
    def _in_middle(self) -> Array:
        return self.turned * self.shape[0]

    @cached_property
    def _in_width(self) -> Array:
        return self.at_middle * self.shape[1] * (self.waves / 2)

    @cached_property
    def slopes(self) -> Array:
        """The derivatives of the integrals against the mass in the nodes, shape (nodes, waves)."""
        masses = self.chain.masses[:, None]
        out = np.zeros((len(self.chain.masses) + 1, len(self.waves)))
        out[:-1] += masses * (self._in_middle / 2 - self._in_width)
        out[1:] += masses * (self._in_middle / 2 + self._in_width)
        return out

    def add_to(self, model: Model, modes: Array, change: Array) -> None:
        """Add the integral of a field against the mass. Its value counts for ``modes`` alone, its derivatives for the sum."""
        m, total = self.chain.masses, modes + change
        model.add_value(m * (self.values @ modes))
        in_middle, in_width = m * (self._in_middle @ total), m * (self._in_width @ total)
        twice = -m * (self.values @ (self.waves**2 * total))
        mixed = m * ((self.turned * self.shape[1]) @ (self.waves / 2 * total))
        widths = m * ((self.at_middle * self.shape[2]) @ (self.waves**2 / 4 * total))
        model.sizes[self.chain.nodes] += np.convolve(np.abs(twice * self.middle), [0.5, 0.5])
        if self.convexified:
            twice, mixed, widths = np.maximum(twice, 0.0), 0 * mixed, np.maximum(widths, 0.0)
        model.add_cells(
            self.chain,
            (in_middle / 2 - in_width, in_middle / 2 + in_width),
            (twice / 4 - mixed + widths, twice / 4 - widths, twice / 4 + mixed + widths),
        )


def _shape(u: Array) -> tuple[Array, Array, Array]:
    """sin(u) / u and its first and second derivative."""
    square, far = u**2, np.where(np.abs(u) < _SMALL, 1.0, u)
    value = np.sin(far) / far
    slope = (np.cos(far) - value) / far
    near = np.abs(u) < _SMALL
    series = [np.polynomial.polynomial.polyval(square, _derived(order)) for order in range(3)]
    return (
        np.where(near, series[0], value),
        np.where(near, u * series[1], slope),
        np.where(near, series[2], -value - 2 * slope / far),
    )


def _derived(order: int) -> list[float]:
    """The coefficients in u^2 of a derivative of sin(u) / u; of the first one without its factor u."""
    match order:
        case 0:
            return _SERIES
        case 1:
            return [2 * j * c for j, c in enumerate(_SERIES)][1:]
        case _:
            return [2 * j * (2 * j - 1) * c for j, c in enumerate(_SERIES)][1:]
