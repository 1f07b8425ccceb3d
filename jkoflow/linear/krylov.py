"""GMRES without restarts, with a preconditioner on the right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._typing import Array

Map = Callable[[Array], Array]


def gmres(apply: Map, b: Array, precondition: Map, tolerance: float, most: int) -> Array:
    """Return x with |b - A x| <= tolerance |b|, or with |b - A x| as small as ``most`` products with A can make it.

    ``apply`` is A, ``precondition`` an approximate inverse of A. Vectors may have any shape. If a product is not finite, every
    entry of the result is NaN.

    scipy's GMRES is not used because its BLAS calls start threads that fight with the threads of the compiled sweeps (measured:
    15 times slower at 128 x 128).

    Source: Saad and Schultz (1986).
    """
    length = _norm(b)
    if not 0 < length < np.inf:
        return np.zeros_like(b)
    basis: list[Array] = [b / length]
    directions: list[Array] = []
    hessenberg = np.zeros((most + 1, most))
    target = np.zeros(most + 1)
    target[0] = length
    coefficients = np.zeros(0)
    for k in range(most):
        directions.append(precondition(basis[k]))
        product = apply(directions[k])
        for i, vector in enumerate(basis):
            hessenberg[i, k] = _dot(vector, product)
            product = product - hessenberg[i, k] * vector
        hessenberg[k + 1, k] = _norm(product)
        if not np.isfinite(hessenberg[: k + 2, k]).all():
            return np.full_like(b, np.nan)
        small = hessenberg[: k + 2, : k + 1]
        coefficients = np.asarray(np.linalg.lstsq(small, target[: k + 2], rcond=None)[0], dtype=np.float64)
        residual = float(np.linalg.norm(small @ coefficients - target[: k + 2]))
        if residual <= tolerance * length or hessenberg[k + 1, k] <= 1e-14 * np.abs(hessenberg[: k + 1, k]).max():
            break
        basis.append(product / hessenberg[k + 1, k])
    x = np.zeros_like(b)
    for coefficient, direction in zip(coefficients, directions, strict=True):
        x += coefficient * direction
    return x


def _dot(a: Array, b: Array) -> float:
    return float(np.einsum("i,i->", a.ravel(), b.ravel()))


def _norm(a: Array) -> float:
    return _dot(a, a) ** 0.5
