"""The parts of energies on quantiles with exact integrals: some potentials, |x - y|, and powers within a cell."""

from __future__ import annotations

import numpy as np

from ..._arrays import read_only
from ..._typing import Array
from ...kernels.sums import Pieces, at_gauss_points
from ...laws.taylor import Jet
from .model import Chain, Model, square


def add_quadratic(
    model: Model, chain: Chain, nodes: Array, at: float, jet: tuple[float, float, float], convexified: bool
) -> None:
    """Add a potential that is quadratic: its value and slope at a place, and its second derivative, are ``jet``."""
    value, slope, curvature = jet
    w, d = chain.masses, nodes - at
    middles = (d[1:] + d[:-1]) / 2
    model.add_value(np.array([value * float(w.sum()), curvature / 2 * square(w, d)]))
    model.add_value(slope * w * middles)
    pull, sixth = slope + curvature * d, w / 6
    left, right = sixth * pull[:-1], sixth * pull[1:]
    both, held = left + right, (max(curvature, 0.0) if convexified else curvature) * sixth
    model.add_cells(chain, (left + both, both + right), (2 * held, held, 2 * held))
    if curvature < 0:  # what the rounding of places does to the force; a well holds them by as much
        rounded = -curvature / 2 * w * np.abs(middles + at)
        model.sizes[chain.nodes][:-1] += rounded
        model.sizes[chain.nodes][1:] += rounded


def add_pieces(model: Model, chain: Chain, nodes: Array, pieces: Pieces, c: float, convexified: bool) -> None:
    """Add c times a potential in polynomial pieces: its means M over cells, which follow kinks, jumps and steep places.

    In a cell (a, b) of width w that reaches over an edge,  dM/da = (M - V(a)) / w  and  dM/db = (V(b) - M) / w.
    """
    across = pieces.across(nodes)
    value, slope, curvature = (c * part for part in pieces.jet(at_gauss_points(nodes)))
    curvature = np.maximum(curvature, 0.0) if convexified else curvature
    k = np.flatnonzero(across)
    model.add_points(
        chain,
        np.where(np.repeat(across, 3), 0.0, chain.gauss_masses) if len(k) else chain.gauss_masses,
        value,
        slope,
        curvature,
    )
    if len(k) == 0:
        return
    a, b, m = nodes[k], nodes[k + 1], chain.masses[k]
    (V_a, slope_a, _), (V_b, slope_b, _) = ([c * part for part in pieces.jet(x)] for x in (a, b))
    w, mean = b - a, c * pieces.integrals(a, b) / (b - a)
    left, right = (mean - V_a) / w, (V_b - mean) / w
    both = [(2 * left - slope_a) / w, (right - left) / w, (slope_b - 2 * right) / w]
    if convexified:
        both[0], both[2] = np.maximum(both[0], 0.0), np.maximum(both[2], 0.0)
        most = np.sqrt(both[0] * both[2])
        both[1] = np.clip(both[1], -most, most)
    model.add_value(m * mean)
    ends, second = np.zeros((2, len(across))), np.zeros((3, len(across)))
    ends[:, k], second[:, k] = (m * left, m * right), [m * part for part in both]
    model.add_cells(chain, (ends[0], ends[1]), (second[0], second[1], second[2]))


def add_ranks(model: Model, chain: Chain, nodes: Array, c: float) -> None:
    """Add c/2 int int |x - y| of a species with itself. It is linear in the nodes as long as they are in order."""
    w = chain.masses
    level = 2 * (np.cumsum(w) - w) + w - w.sum()
    left, right = c * w * (level / 2 - w / 6), c * w * (level / 2 + w / 6)
    model.add_value(np.concatenate([left * nodes[:-1], right * nodes[1:]]))
    zero = np.zeros_like(w)
    model.add_cells(chain, (left, right), (zero, zero, zero))


def add_tip(
    model: Model, chain: Chain, nodes: Array, y: Array, v: Array, c: float, convexified: bool, *, with_value: bool = True
) -> None:
    """Add c int int |x - y| against quantiles with nodes y and masses v, as a function of the nodes of ``chain``.

    The value is added only if ``with_value`` is true: of two moving species it counts once. The masses v may be negative, as
    those of doping are. ``convexified`` leaves out the second derivatives of the part that is concave.
    """
    if c == 0:
        return
    from ...kernels.sums.tips import abs_over_cells

    mean, left, right, ll, lr, rr = abs_over_cells(*read_only(nodes, y, v))
    w = c * chain.masses
    if with_value:
        model.add_value(w * mean)
    if convexified and np.any(c * v < 0):
        *_, ll, lr, rr = abs_over_cells(*read_only(nodes, y, np.where(c * v > 0, v, 0.0)))
    model.add_cells(chain, (w * left, w * right), (w * ll, w * lr, w * rr))


def own_cells(c: float, p: float, w: Array, h: Array) -> Jet:
    """Return c w^2/2 (a h^p / p), for p = 0 c w^2/2 (a log h + b), and the first two derivatives in h.

    This is the energy of c |x|^p / p within cells of masses w and widths h that Gauss points do not see
    (``own_cell_law``).
    """
    from ...kernels.sums import own_cell_law

    a, b = own_cell_law(p)
    strength = c * a * w**2 / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        value = strength * np.log(h) + c * b * w**2 / 2 if p == 0 else strength * h**p / p
        slope = np.where(h > 0, strength * np.where(h > 0, h, 1.0) ** (p - 1), 0.0)
        curvature = np.where(h > 0, (p - 1) * strength * np.where(h > 0, h, 1.0) ** (p - 2), 0.0)
    return Jet(value, slope, curvature)
