"""Species that share the room on the line: side by side, as long as they do not push into each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from ..._typing import Array
from ...measures import Species
from .model import Chain, Model
from .terms import LineTerms

_TOUCHING = 1e-12  # share of the extent by which species side by side may overlap, or be apart, by rounding
_ROUNDING = 1e-9  # of the forces: the least difference that counts


def rows_of(anchor: Species, terms: LineTerms) -> list[tuple[str, ...]]:
    """The species in rows: those that share the room in their order on the line, every other one alone.

    Side by side, a species sees its own density alone in the sum. This is so if all their sums have the same species with the
    same weights, and if they have no internal energy and no bound of their own, by which one would spread into the other.

    Raises ValueError for others, and for species in a row that overlap.
    """
    row = _weights(terms)
    ordered = sorted(row, key=lambda name: (anchor[name].nodes[0], anchor[name].nodes[-1]))
    for left, right in pairwise(ordered):
        end, begin = anchor[left].nodes[-1], anchor[right].nodes[0]
        if end > begin + _TOUCHING * (anchor[right].nodes[-1] - anchor[left].nodes[0]):
            raise ValueError(
                f"species {left!r} and {right!r} share the room and must lie side by side on Quantiles, got {left!r} up to "
                f"{end:g} and {right!r} from {begin:g}: take densities on a grid, by FiniteVolume()"
            )
    return [*([tuple(ordered)] if ordered else []), *((name,) for name in anchor if name not in row)]


def _weights(terms: LineTerms) -> Mapping[str, float]:
    """The weights of the species that share the room. Raises ValueError as ``rows_of`` does."""
    if not terms.sums:
        return {}
    first = terms.sums[0]
    for other in terms.sums:
        if dict(other.form.weights) != dict(first.form.weights):
            raise ValueError(
                f"sums of species on Quantiles must have the same species and weights, got {first.term!r} and {other.term!r}: "
                "take densities on a grid, by FiniteVolume()"
            )
    alone = [entry for entry in terms.of_one if entry.form.species in first.form.weights]
    if alone:
        raise ValueError(
            f"species that share the room on Quantiles must have no internal energy or bound of their own, got "
            f"{alone[0].term!r} beside {first.term!r}, by which they mix: take densities on a grid, by FiniteVolume()"
        )
    return first.form.weights


def would_mix(terms: LineTerms, chains: Sequence[Chain], energy: Model, x: Array) -> bool:
    """Return True if species that touch at the nodes x push into each other; ``energy`` is that about x.

    Let f = - d/dx (what acts on a species but for the sum, and its inertia), per mass. The pressure p of the sum holds both:
    p' = f / w with the weights w. Where p' falls from the left species to the right one, mass of either gains by going into the
    other, so that the minimiser of the step is mixed there. Nodes in their order cannot show it.

    The forces at the contact are extrapolated from the nodes. Differences as small as the extrapolation do not count.
    """
    weights, extent = _weights(terms), float(np.ptp(x))
    for left, right in pairwise(chain for chain in chains if chain.name in weights):
        if x[right.nodes][0] - x[left.nodes][-1] > _TOUCHING * extent:
            continue
        (pushing, error), (pushed, other_error) = (_force(energy, x, chain, side) for chain, side in ((left, -1), (right, 0)))
        a, b = weights[left.name], weights[right.name]
        noise = error / a + other_error / b + _ROUNDING * (abs(pushing) / a + abs(pushed) / b)
        if pushing / a > pushed / b + noise:
            return True
    return False


def _force(energy: Model, x: Array, chain: Chain, side: int) -> tuple[float, float]:
    """The force per mass at the first (0) or last (-1) node of a species, and how far that of the energy was extrapolated.

    The derivative in a node, over the mass that a node holds, is the mean of the force about a place near the node.
    """
    nodes, w = x[chain.nodes], chain.masses
    ends = (2 * nodes[:-1] + nodes[1:]) / 3, (nodes[:-1] + 2 * nodes[1:]) / 3
    held = np.convolve(w, [0.5, 0.5])
    places = np.append(w * ends[0], 0.0) + np.append(0.0, w * ends[1])
    order = np.arange(len(w) + 1)[:: -1 if side == -1 else 1][:3]
    inertia = -chain.inertia * float(nodes[side] - chain.target[side])
    with np.errstate(divide="ignore", invalid="ignore"):
        places, forces = places / (2 * held), -energy.nodal_gradient[chain.nodes] / held
        slopes = np.diff(forces[order]) / np.diff(places[order])
    if not np.isfinite(slopes).all():  # atoms: all of the force is at one place
        return float(forces[side]) + inertia, 0.0
    way, bend = float(nodes[side] - places[side]), float(np.ptp(slopes) * np.ptp(places[order]))
    step = way * float(slopes[0])
    return float(forces[side]) + step + inertia, abs(step) + bend
