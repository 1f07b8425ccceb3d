"""Anderson acceleration of a fixed-point iteration x = G(x)."""

from __future__ import annotations

import numpy as np

from .._typing import Array


class Anderson:
    """Anderson acceleration: mixes the last few iterates so that their combined residual G(x) - x is smallest.

    ``memory`` is the number of differences of iterates that are kept. ``memory=0`` is the plain iteration.

    If the residual that the caller passes in grows above twice its lowest value, the history is dropped. The iteration then
    goes on with a plain step from the best iterate.

    One step passes three times over 2 * memory arrays of the size of x.

    Source: Anderson (1965); Walker and Ni (2011).
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self._forget()

    def _forget(self) -> None:
        self._count = 0  # number of differences since the history was dropped
        self._last: tuple[Array, Array] | None = None  # the last image G(x) and residual G(x) - x
        self._lowest = np.inf
        self._best_image: Array | None = None

    def next(self, x: Array, image: Array, weights: Array, residual: float) -> Array:
        """Return the iterate that follows x. ``image`` is G(x).

        ``weights`` are the weights of the squares in the least-squares problem. ``residual`` is the number that the caller
        watches.
        """
        if self.memory == 0:
            return image
        if residual > 2 * self._lowest and self._best_image is not None:
            best = self._best_image
            self._forget()
            return best
        if residual < self._lowest:
            self._lowest, self._best_image = residual, image
        self._remember(image.ravel(), (image - x).ravel())
        if self._count == 0:
            return image
        return image - self._correction(weights.ravel()).reshape(image.shape)

    def _remember(self, image: Array, residual: Array) -> None:
        """Keep the changes of the image and of the residual since the last iterate. They overwrite the oldest changes."""
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
        """Return the combination of changes of the image for which the changes of the residual fit the last residual best."""
        assert self._last is not None
        kept = min(self._count, self.memory)
        changes = self._residuals[:kept]
        weighted = changes * (weights / weights.sum())
        coefficients, *_ = np.linalg.lstsq(weighted @ changes.T, weighted @ self._last[1], rcond=1e-14)
        return coefficients @ self._images[:kept]
