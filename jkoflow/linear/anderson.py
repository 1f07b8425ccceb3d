"""Anderson acceleration of a fixed-point iteration x = G(x)."""

from __future__ import annotations

import numpy as np

from .._typing import Array


class Anderson:
    """Mixes the last few iterates so that their combined residual G(x) - x is least (Anderson 1965; Walker and Ni 2011).

    ``memory`` is the number of differences kept, 0 for the plain iteration. When the residual that the caller watches
    grows past twice its lowest value, the history is dropped and the iteration resumes with a plain step from the best
    iterate. One step passes three times over 2 memory arrays of the size of x.
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self._forget()

    def _forget(self) -> None:
        self._count = 0  # differences seen since the history was dropped
        self._last: tuple[Array, Array] | None = None  # the last image and residual
        self._lowest = np.inf
        self._best_image: Array | None = None

    def next(self, x: Array, image: Array, weights: Array, residual: float) -> Array:
        """The next iterate after x, whose image is G(x); the least squares are weighted by ``weights``."""
        if self.memory == 0:
            return image
        if residual > 2 * self._lowest and self._best_image is not None:
            resumed = self._best_image
            self._forget()
            return resumed
        if residual < self._lowest:
            self._lowest, self._best_image = residual, image
        self._remember(image.ravel(), (image - x).ravel())
        if self._count == 0:
            return image
        return image - self._correction(weights.ravel()).reshape(image.shape)

    def _remember(self, image: Array, residual: Array) -> None:
        """Keep the change of image and of residual since the last iterate, in the place of the oldest kept."""
        if self._last is not None:
            if self._count == 0:
                self._images = np.empty((self.memory, image.size))
                self._residuals = np.empty((self.memory, image.size))
            place = self._count % self.memory
            np.subtract(image, self._last[0], out=self._images[place])
            np.subtract(residual, self._last[1], out=self._residuals[place])
            self._count += 1
        self._last = image, residual

    def _correction(self, weights: Array) -> Array:
        """The combination of changes of the image whose changes of the residual come closest to the last residual."""
        assert self._last is not None
        kept = min(self._count, self.memory)
        changes = self._residuals[:kept]
        weighted = changes * (weights / weights.sum())
        share, *_ = np.linalg.lstsq(weighted @ changes.T, weighted @ self._last[1], rcond=1e-14)
        return share @ self._images[:kept]
