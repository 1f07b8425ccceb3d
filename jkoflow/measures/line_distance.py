"""Exact Wasserstein distances on the line, from piecewise linear pseudo-inverses."""

from __future__ import annotations

import numpy as np

from .._arrays import cumulated
from .._typing import Array
from .._validate import same_total

_LARGE = 50_000  # cells of both, from which on a compiled pass is worth its compilation


def quantile_distance(x: Array, w: Array, y: Array, v: Array, p: float) -> float:
    """Return W_p = (int |X - Y|^p ds)^(1/p) of two pseudo-inverses X and Y on the line. For p = inf it is max |X - Y|.

    X has the nodes x and cells of masses w. Y has the nodes y and cells of masses v.

    Raises ValueError for p < 1, or if the total masses differ by more than 1e-6 of the larger one. Less is the
    rounding of single precision: y is brought to the mass of x.
    """
    if isinstance(p, bool | str | bytes) or np.ndim(p) != 0 or not p >= 1:
        raise ValueError(f"p must be a number >= 1, or inf, got {p!r}")
    total_w, total_v = float(w.sum()), float(v.sum())
    if not same_total(total_w, total_v):
        raise ValueError(f"masses must add up to the same, got {total_w:.12g} and {total_v:.12g}")
    if len(w) == len(v) and np.array_equal(w, v):
        shares, left, right = w, x[:-1] - y[:-1], x[1:] - y[1:]
    elif len(w) + len(v) > _LARGE:
        from .merged_levels import merged

        lengths, left, right = merged(_levels(w), x, _levels(v), y)
        shares = lengths * total_w
    else:
        levels_x, levels_y = _levels(w), _levels(v)
        levels = np.union1d(levels_x, levels_y)
        left = one_sided(levels_x, x, levels[:-1], "right") - one_sided(levels_y, y, levels[:-1], "right")
        right = one_sided(levels_x, x, levels[1:], "left") - one_sided(levels_y, y, levels[1:], "left")
        shares = np.diff(levels) * total_w
    scale = float(max(np.abs(left[shares > 0]).max(initial=0.0), np.abs(right[shares > 0]).max(initial=0.0)))
    if np.isinf(p) or scale == 0:
        return scale
    return float(scale * (shares @ _mean_power(left / scale, right / scale, p)) ** (1 / p))


def sorted_distance(x: Array, y: Array, mass: float, p: float) -> float:
    """Return W_p of as many points x and y on the line, each of the same mass: they are matched in their order."""
    first, second = (z if (z[1:] >= z[:-1]).all() else np.sort(z) for z in (x, y))
    gaps = np.abs(first - second)
    scale = float(gaps.max())
    if scale == 0:
        return 0.0
    gaps /= scale
    return float(scale * (mass * (gaps @ gaps if p == 2 else (gaps**p).sum())) ** (1 / p))


def _levels(w: Array) -> Array:
    levels = cumulated(w)
    return np.asarray(levels / levels[-1])


def _mean_power(a: Array, b: Array, p: float) -> Array:
    """Return the mean of |l|^p over a cell on which l is linear, from a to b."""
    if p == 2:
        return np.asarray((a * a + a * b + b * b) / 3)
    gap = b - a
    close = np.abs(gap) <= 1e-4 * np.maximum(np.abs(a), np.abs(b))
    safe = np.where(close, 1.0, gap)
    far = (np.abs(b) ** p * b - np.abs(a) ** p * a) / ((p + 1) * safe)
    middle = np.abs((a + b) / 2)
    near = middle**p + p * (p - 1) / 24 * np.where(middle > 0, middle, 1.0) ** (p - 2) * gap**2
    return np.asarray(np.where(close, near, far))


def one_sided(levels: Array, nodes: Array, at: Array, side: str) -> Array:
    """Return the limits from one side, at the masses ``at``, of the pseudo-inverse with these nodes at these levels.

    ``side`` is "left" or "right". The sides differ where two levels are equal: there the pseudo-inverse jumps.
    """
    last = len(levels) - 1
    if side == "right":
        cell = np.clip(np.searchsorted(levels, at, side="right") - 1, 0, last - 1)
    else:
        cell = np.clip(np.searchsorted(levels, at, side="left") - 1, 0, last - 1)
    width = levels[cell + 1] - levels[cell]
    share = np.where(width > 0, (at - levels[cell]) / np.where(width > 0, width, 1.0), 0.0)
    return np.asarray(nodes[cell] + np.clip(share, 0.0, 1.0) * (nodes[cell + 1] - nodes[cell]))
