"""A field in the whole space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._typing import Array
from .._validate import finite, of_kind, plain_numbers, positive
from ..grids import Grid
from .base import AnyField, Emission, Medium
from .field import Field
from .profiles import GaussianProfile

_ROOM = 0.1  # share of its length that a window gets beyond what is needed, so that it need not grow in every step

_SAME = 1e-9  # relative: spacings that differ by less are one
_MOST = 2**27  # waves of a window


@dataclass(frozen=True, eq=False)
class FreeField(AnyField):
    """A field in the whole space, of dimension 1, 2 or 3, which starts at 0 and is made by Gaussian profiles.

    The field is held on a window, as a sum of waves. The window contains all places where there were sources, with a margin
    that grows with diffusion. So what lies beyond it, and what its repetitions add, is below ``tolerance``. Its waves are so
    short that what is missing is below it too, relative to the sources. No history is kept: where particles stay in a region,
    a step costs the same however long the run. Behind particles that travel, the window gets as long as their way.

    Parameters
    ----------
    dimension : int
    tolerance : float
        The relative error of the field in space.
    window, age, trail
        A field on a torus, the time since it was 0, and the ends of the box in which there were sources, shape (2, d): made by
        the steps of a run.

    Raises ValueError for a dimension other than 1, 2 and 3, and a tolerance above 1e-2; in a run if the window would need more
    than 2^27 waves.

    Cost of a step: particles times waves. With L the extent of the window and s the deviation of the narrowest profile there
    are about (2.4 L / s)^d waves, for the default tolerance.

    ``gaussian_history`` computes the same field from the places at all times, for comparison.

    Source: Greengard and Lin, Spectral approximation of the free-space heat kernel (2000), for the idea;
    docs/theory/chemotaxis.md, section 2.2.

    >>> field = FreeField(2)
    >>> field.at([[0.0, 1.0]])
    array([0.])
    """

    dimension: int
    tolerance: float = 1e-12
    window: Field | None = None
    age: float = 0.0
    trail: Array | None = None

    def __post_init__(self) -> None:
        plain_numbers(self)
        if isinstance(self.dimension, bool) or not isinstance(self.dimension, int) or not 1 <= self.dimension <= 3:
            raise ValueError(f"dimension must be 1, 2 or 3, got {self.dimension!r}")
        if not positive("tolerance", self.tolerance) <= 1e-2:
            raise ValueError(f"tolerance must be at most 1e-2, got {self.tolerance!r}")
        if self.window is not None:
            of_kind("window", self.window, Field, "a Field on a torus, or None")
            if not self.window.grid.periodic or self.window.dim != self.dimension:
                raise ValueError(f"window must be a Field on a torus of dimension {self.dimension}, got {self.window!r}")
        if finite("age", self.age) < 0:
            raise ValueError(f"age must be >= 0, got {self.age!r}")

    @property
    def dim(self) -> int:
        return self.dimension

    @property
    def modes(self) -> Array:  # type: ignore[override]
        """The coefficients of the waves on the window; an empty array before there is any source."""
        return np.zeros((0,) * self.dim) if self.window is None else self.window.modes

    def like(self, modes: Array) -> FreeField:
        window = None if self.window is None else self.window.like(modes)
        return replace(self, window=window)

    def at(self, points: Any) -> Array:
        places = self._as_points(points)
        out = np.zeros(len(places))
        inside = self._inside(places)
        if self.window is not None:
            out[inside] = self.window.at(places[inside])
        return out

    def gradient_at(self, points: Any) -> Array:
        places = self._as_points(points)
        out = np.zeros_like(places)
        inside = self._inside(places)
        if self.window is not None:
            out[inside] = self.window.gradient_at(places[inside])
        return out.reshape(np.shape(points))

    @property
    def integral(self) -> float:
        """The integral of the field."""
        return 0.0 if self.window is None else self.window.integral

    @property
    def waves(self) -> Field | None:
        return self.window

    def decay_rates(self, medium: Medium) -> Array:
        return self.modes if self.window is None else self.window.decay_rates(medium)

    def source(self, emissions: Sequence[Emission], medium: Medium) -> Array:
        return self.modes if self.window is None else self.window.source(emissions, medium)

    def aged(self, h: float) -> FreeField:
        return replace(self, age=self.age + h)

    def ready(self, emissions: Sequence[Emission], h: float, medium: Medium) -> FreeField:
        if not emissions:
            return self
        widths = []
        for _, profile, _ in emissions:
            if not isinstance(profile, GaussianProfile):
                raise ValueError(
                    f"a FreeField takes Gaussian profiles, whose waves end, got {profile!r}: take GaussianProfile, or a Field "
                    "on a box or a torus that is large enough"
                )
            widths.append(profile.s)
        bounds = [emission.emitter.bounds for emission in emissions] + ([] if self.trail is None else [self.trail])
        trail = np.stack([np.min([ends[0] for ends in bounds], axis=0), np.max([ends[1] for ends in bounds], axis=0)])
        reach = self._reach(max(widths), self.age + h, medium)
        low, high = trail[0] - reach, trail[1] + reach
        spacing = np.pi * min(widths) / np.sqrt(2 * np.log(1 / self.tolerance))
        if self.window is not None and self._covers(low, high) and not self._is_coarser(spacing):
            return replace(self, trail=trail)
        if (waves := float(np.prod((high - low) / spacing))) > _MOST:
            extent = " x ".join(f"{length:.3g}" for length in trail[1] - trail[0])
            raise ValueError(
                f"the sources of a FreeField must lie near one another, in units of the width of their profile: those in "
                f"{extent} with the width {min(widths):g} need {waves:.2g} waves. Take a wider profile or a larger tolerance"
            )
        return replace(self, window=self._enlarged(low, high, spacing), trail=trail)

    def _reach(self, s: float, age: float, medium: Medium) -> float:
        """The distance beyond which what was emitted up to ``age`` ago is below the tolerance.

        What was emitted a time u ago has the variance S = s^2 + 2 D u. It is below the tolerance at
        r^2 = 2 S (log(1 / tolerance) - kappa u).
        The largest r^2 is at an inner u, or at u = age.
        """
        digits, (diffusion, decay, _) = np.log(1 / self.tolerance), medium
        slope, turn = 4 * diffusion * digits - 2 * decay * s**2, 4 * diffusion * decay
        latest = age if turn == 0 else min(age, max(slope / (2 * turn), 0.0))
        return float(np.sqrt(2 * (s**2 + 2 * diffusion * latest) * max(digits - decay * latest, 0.0)))

    def _covers(self, low: Array, high: Array) -> bool:
        assert self.window is not None
        ends = np.array(self.window.grid.bounds)
        return bool((ends[:, 0] <= low).all() and (ends[:, 1] >= high).all())

    def _is_coarser(self, spacing: float) -> bool:
        """Return True if the waves of the window are too long for a profile."""
        assert self.window is not None
        return max(self.window.grid.spacing) > spacing * (1 + _SAME)

    def _enlarged(self, low: Array, high: Array, spacing: float) -> Field:
        """A window that covers more, with the same values where there was one, and 0 elsewhere."""
        room = _ROOM * (high - low)
        if self.window is None or self._is_coarser(spacing):
            low, high = low - room, high + room
            if self.window is not None:
                ends = np.array(self.window.grid.bounds)
                low, high = np.minimum(low, ends[:, 0]), np.maximum(high, ends[:, 1])
            counts = np.ceil((high - low) / spacing).astype(int)
            grid = _torus((low + high) / 2 - counts * spacing / 2, counts, spacing)
            return Field(grid, self.at(grid.points).reshape(grid.shape))
        old, h = self.window, np.array(self.window.grid.spacing)
        ends = np.array(old.grid.bounds)
        before = np.where(ends[:, 0] > low, np.ceil((ends[:, 0] - low + room) / h), 0).astype(int)
        behind = np.where(ends[:, 1] < high, np.ceil((high + room - ends[:, 1]) / h), 0).astype(int)
        values = np.pad(old.values, list(zip(before, behind, strict=True)))
        return Field(_torus(ends[:, 0] - before * h, np.array(values.shape), h), values)

    def _inside(self, places: Array) -> Array:
        if self.window is None:
            return np.zeros(len(places), dtype=bool)
        ends = np.array(self.window.grid.bounds)
        return np.asarray(((places >= ends[:, 0]) & (places <= ends[:, 1])).all(axis=1))

    @property
    def stored(self) -> Mapping[str, Array]:
        window = np.zeros((0, 2)) if self.window is None else np.array(self.window.grid.bounds)
        trail = np.zeros((0, self.dim)) if self.trail is None else self.trail
        return {"modes": self.modes, "window": window, "age": np.array([self.age]), "trail": trail}

    def restored(self, arrays: Mapping[str, Array]) -> FreeField:
        window, modes, age, trail = arrays["window"], arrays["modes"], float(arrays["age"][0]), arrays["trail"]
        if len(window) == 0:
            return replace(self, window=None, age=age, trail=None)
        grid = Grid.torus(*map(tuple, window.tolist()), cells=modes.shape)
        return replace(self, window=Field(grid).like(modes), age=age, trail=trail if len(trail) else None)

    def __repr__(self) -> str:
        held = "0" if self.window is None else f"integral={self.integral:.6g}"
        return f"FreeField(dim={self.dim}, {held})"


def _torus(start: Array, counts: Array, spacing: float | Array) -> Grid:
    ends = zip(start.tolist(), (start + counts * spacing).tolist(), strict=True)
    return Grid.torus(*ends, cells=tuple(int(n) for n in counts))
