"""The functions phi_k of exponential integrators, of numbers and of linear maps."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

import numpy as np

from .._typing import Array

_LARGE = 30.0  # of the norm: above, phi_k of a matrix comes from its recursion; below, from one exponential
_SERIES, _TERMS = 1.0, 18  # numbers below which phi_k is a series of so many terms: the next one is 1 / 19! of the first
_SLOW = 1e-2  # of the eigenvalues: below, the recursion, which divides by them k times, would lose digits
_SYMMETRIC = 1e-12  # of the largest entry: the asymmetry below which a matrix counts as symmetric
_CHECKED = 4  # vectors between two looks at whether more are needed


def phi(count: int, z: float | Array) -> Array:
    """Return phi_0(-z), ..., phi_(count - 1)(-z) along a first axis.

        phi_0(z) = exp(z),    phi_k(z) = int_0^1 exp((1 - s) z) s^(k - 1) / (k - 1)! ds,    phi_k(0) = 1 / k!

    The relative error is a few roundings, however small or large z is.

    Source: Hochbruck and Ostermann, Exponential integrators (2010), (2.11).

    >>> [float(v) for v in phi(3, 0.0)]
    [1.0, 1.0, 0.5]
    """
    from scipy.special import hyp1f1

    given = np.asarray(z, dtype=np.float64)
    z = given.ravel()
    out = np.empty((count, len(z)))
    out[0] = np.exp(-z)
    small, large = np.abs(z) < _SERIES, z > count
    if count > 1 and small.any():  # phi_k(-z) = 1 / k! - z phi_(k+1)(-z), from the series of the last one
        near = z[small]
        value = np.zeros_like(near)
        for j in range(_TERMS, -1, -1):
            value = 1 / factorial(j + count - 1) - near * value
        out[count - 1][small] = value
        for k in range(count - 2, 0, -1):
            out[k][small] = 1 / factorial(k) - near * out[k + 1][small]
    if large.any():  # the same the other way round, where it loses no digits
        far = z[large]
        for k in range(1, count):
            out[k][large] = -np.expm1(-far) / far if k == 1 else (1 / factorial(k - 1) - out[k - 1][large]) / far
    between = ~(small | large)
    for k in range(1, count if between.any() else 1):
        out[k][between] = hyp1f1(1.0, k + 1.0, -z[between]) / factorial(k)
    return out.reshape(count, *given.shape)


def krylov_phi(apply: Callable[[Array], Array], v: Array, h: float, count: int, tolerance: float, most: int) -> Array | None:
    """Return phi_0(-h A) v, ..., phi_(count - 1)(-h A) v along a first axis, for the linear map A = ``apply``.

    ``v`` is an array (n,). The result is taken from the Krylov space of A and v. The space grows until the result changes by
    less than ``tolerance`` relative to its norm. None if ``most`` vectors do not suffice, or a product is not finite.

    Cost: m products with A and O(m^2 n), where m is the dimension of the space.

    Source: Hochbruck and Ostermann, Exponential integrators (2010), section 4.2.

    >>> three = krylov_phi(lambda v: np.array([1.0, 2.0]) * v, np.ones(2), 0.5, 3, 1e-13, 10)
    >>> bool(np.allclose(three, phi(3, np.array([0.5, 1.0]))))
    True
    """
    length = float(np.sqrt(v @ v))
    if length == 0:
        return np.zeros((count, len(v)))
    most = min(most, len(v))
    basis, H = np.empty((min(_CHECKED, most), len(v))), np.zeros((most + 1, most))
    basis[0] = v / length
    before = np.zeros((count, 0))
    for k in range(most):
        product = apply(basis[k])
        size = float(np.sqrt(product @ product))
        for _ in range(2):  # twice is enough against rounding
            shares = basis[: k + 1] @ product
            H[: k + 1, k] += shares
            product = product - shares @ basis[: k + 1]
        H[k + 1, k] = np.sqrt(product @ product)
        if not np.isfinite(H[: k + 2, k]).all():
            return None
        whole = H[k + 1, k] <= 1e-15 * size or k + 1 == len(v)
        if whole or (k + 1) % _CHECKED == 0 or k + 1 == most:
            now = _first_columns(h * H[: k + 1, : k + 1], count)
            change = now.copy()
            change[:, : before.shape[1]] -= before
            if whole or (np.linalg.norm(change, axis=1) <= tolerance * np.linalg.norm(now, axis=1)).all():
                return np.asarray(length * now @ basis[: k + 1])
            before = now
        if k + 1 == len(basis):
            basis = np.concatenate([basis, np.empty_like(basis)])
        basis[k + 1] = product / H[k + 1, k]
    return None


def _first_columns(Z: Array, count: int) -> Array:
    """The first columns of phi_0(-Z), ..., phi_(count - 1)(-Z), an array (count, m)."""
    m = len(Z)
    if np.abs(Z - Z.T).max() <= _SYMMETRIC * np.abs(Z).max():
        eigenvalues, vectors = np.linalg.eigh((Z + Z.T) / 2)
        return np.asarray((phi(count, eigenvalues) * vectors[0]) @ vectors.T)
    from scipy.linalg import expm

    slowest = float(np.abs(np.linalg.eigvals(Z)).min())
    if slowest < _SLOW or np.linalg.norm(Z, 1) < _LARGE:  # that of -Z bordered by a chain has them as its further columns
        bordered = np.eye(m + count - 1, k=1)
        bordered[:m] = 0.0
        bordered[:m, :m] = -Z
        if count > 1:
            bordered[0, m] = 1.0
        whole = expm(bordered)
        return np.concatenate([whole[None, :m, 0], whole[:m, m : m + count - 1].T])
    first = np.eye(m, 1)[:, 0]
    columns = [expm(-Z)[:, 0]]
    for k in range(count - 1):
        columns.append(np.linalg.solve(Z, first / factorial(k) - columns[-1]))
    return np.stack(columns)
