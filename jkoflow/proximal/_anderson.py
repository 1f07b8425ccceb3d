"""Anderson acceleration of a fixed-point iteration x = G(x)."""

from __future__ import annotations

import numpy as np

from .._typing import Array


class Anderson:
    """Mixes the last few iterates so that their combined residual G(x) - x is least (Anderson 1965; Walker and Ni 2011).

    ``memory`` is the number of differences kept, 0 for the plain iteration. When the residual that the caller watches
    grows past twice its lowest value, the history is dropped and the iteration resumes with a plain step from the best
    iterate.
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self._points: list[Array] = []
        self._residuals: list[Array] = []  # G(x) - x at the points
        self._lowest = np.inf
        self._best_image: Array | None = None

    def next(self, x: Array, image: Array, weights: Array, residual: float) -> Array:
        """The next iterate after x, whose image is G(x); the least squares are weighted by ``weights``."""
        if self.memory == 0:
            return image
        if residual > 2 * self._lowest and self._best_image is not None:
            resumed, self._best_image = self._best_image, None
            self._points.clear()
            self._residuals.clear()
            self._lowest = np.inf
            return resumed
        if residual < self._lowest:
            self._lowest, self._best_image = residual, image
        self._points.append(x)
        self._residuals.append(image - x)
        if len(self._points) > self.memory + 1:
            del self._points[0], self._residuals[0]
        if len(self._points) == 1:
            return image
        return self._mix(image, weights)

    def _mix(self, image: Array, weights: Array) -> Array:
        scale = np.sqrt(weights / weights.sum()).ravel()
        columns = np.stack([scale * r.ravel() for r in self._residuals], axis=1)
        differences = np.diff(columns, axis=1)
        share, *_ = np.linalg.lstsq(differences.T @ differences, differences.T @ columns[:, -1], rcond=1e-14)
        mixed = image.copy()
        for k, weight in enumerate(share):
            mixed -= weight * (self._points[k + 1] + self._residuals[k + 1] - self._points[k] - self._residuals[k])
        return mixed
