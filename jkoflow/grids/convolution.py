"""Convolution of a kernel with cell averages, by the Fourier transform on a lattice that is padded where there are walls."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from .._typing import Array

_ACROSS = 24  # Gauss-Legendre points along each direction of a face
_REACH, _WINDOW = 16, 10  # of the widest cell: the reach of the sum about the origin, the length on which its window falls
_MOST_CELLS = 320  # the reach in cells of an axis: for cells longer than 20 : 1 the window gets narrower along the short side


def cell_average_at_origin(kernel: Callable[..., Any], spacing: tuple[float, ...]) -> float:
    """Return the mean of the kernel over the cell centred at the origin.

    The cell is cut into pyramids with their apex at the origin. Along the rays of a pyramid double-exponential quadrature is
    used, which is accurate for an integrable singularity: |x|^p (p > -d) and log|x| come out as accurately as smooth kernels.

    Raises ValueError if the kernel is not integrable at the origin.

    >>> round(cell_average_at_origin(abs, (1.0,)), 12)
    0.25
    """
    dim = len(spacing)
    half = np.asarray(spacing) / 2
    s, ws = _double_exponential_rule()
    nodes, weights = np.polynomial.legendre.leggauss(_ACROSS)
    u, wu = (nodes + 1) / 2, weights / 2
    total, size, innermost = 0.0, 0.0, 0.0
    for axis, side in product(range(dim), (-1.0, 1.0)):
        others = [i for i in range(dim) if i != axis]
        face = [np.full((1,) * (dim - 1), side * half[axis])] * dim
        weight = np.ones((1,) * (dim - 1))
        for place, i in enumerate(others):
            reshape = tuple(-1 if j == place else 1 for j in range(dim - 1))
            face[i] = ((2 * u - 1) * half[i]).reshape(reshape)
            weight = weight * (wu * spacing[i]).reshape(reshape)
        rays = [np.multiply.outer(s, np.broadcast_to(x, weight.shape)) for x in face]
        values = np.broadcast_to(np.asarray(kernel(*rays), dtype=np.float64), rays[0].shape)
        integrand = np.moveaxis(values, 0, -1) * (ws * s ** (dim - 1))
        total += float(np.sum(weight * integrand.sum(axis=-1))) * half[axis]
        size += float(np.sum(weight * np.abs(integrand).sum(axis=-1))) * half[axis]
        innermost += float(np.sum(weight * np.abs(integrand[..., 0]))) * half[axis]
    if not innermost <= 1e-4 * size:
        raise ValueError(f"kernel must be integrable at the origin in dimension {dim}, got {kernel!r}")
    return float(total / np.prod(spacing))


def lattice_value_at_origin(kernel: Callable[..., Any], spacing: tuple[float, ...]) -> float:
    """Return the value at the origin with which sums of a singular kernel over a lattice are its integrals.

        value = int K w dx / (volume of a cell) - sum of K w over the lattice without the origin

    w is a smooth window about the origin, which is 1 there up to sixth order. The sum without the origin errs by a multiple of
    the density at the place itself, and this value takes the error out: for |x|^(-alpha) on the line it is
    -2 zeta(alpha) h^(-alpha). With the cell average at the origin, sums would be of order 1 - alpha only.

    Raises ValueError if the kernel is not integrable at the origin.

    Source: Navot (1961), An extension of the Euler-Maclaurin summation formula to functions with a branch singularity.

    >>> from scipy.special import zeta
    >>> bool(abs(lattice_value_at_origin(lambda x: abs(x) ** -0.5, (1.0,)) + 2 * zeta(0.5)) < 1e-7)
    True
    """
    widest = max(spacing)
    reaches = [min(int(np.ceil(_REACH * widest / h)), _MOST_CELLS) for h in spacing]
    lengths = [reach * h * _WINDOW / _REACH for reach, h in zip(reaches, spacing, strict=True)]

    def windowed(*x: Any) -> Any:
        return kernel(*x) * np.exp(-(sum((np.asarray(c) / L) ** 2 for c, L in zip(x, lengths, strict=True)) ** 3))

    box = tuple(2 * reach * h for reach, h in zip(reaches, spacing, strict=True))
    try:
        whole = cell_average_at_origin(windowed, box) * float(np.prod(2.0 * np.array(reaches)))
    except ValueError:
        raise ValueError(
            f"kernel must be integrable at the origin in dimension {len(spacing)}, and not next to the limit, got {kernel!r}"
        ) from None
    offsets = (h * np.arange(-reach, reach + 1) for reach, h in zip(reaches, spacing, strict=True))
    lattice = np.meshgrid(*offsets, indexing="ij", sparse=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # the origin is left out
        values = np.array(windowed(*lattice), dtype=np.float64)
    values[tuple(reaches)] = 0.0
    return float(whole - values.sum())


def _double_exponential_rule() -> tuple[Array, Array]:
    """Return the nodes, increasing, and the weights of double-exponential quadrature on (0, 1)."""
    t = np.arange(-4.95, 3.0, 0.05)  # from s = 1e-97 on: |x|^-3 is still a number there
    s = 1 / (1 + np.exp(-np.pi * np.sinh(t)))
    return s, 0.05 * np.pi * np.cosh(t) * s / (1 + np.exp(np.pi * np.sinh(t)))


def kernel_lattice(kernel: Callable[..., Any], shape: tuple[int, ...], spacing: tuple[float, ...]) -> Array:
    """Return the kernel at all differences of cell centres, wrapped around on a lattice of twice the shape.

    At the origin the lattice has

    * the value of the kernel if the kernel says that it is smooth there. A smooth positive definite kernel would lose its
      definiteness by another value;
    * the average over the cell if the kernel is pointed;
    * the value of ``lattice_value_at_origin`` if it is singular.

    So the convolution is of second order for all of them.
    """
    offsets = [h * np.roll(np.arange(-count, count), count) for h, count in zip(spacing, shape, strict=True)]
    grids = np.meshgrid(*offsets, indexing="ij")
    origin = (0,) * len(shape)
    with np.errstate(divide="ignore", invalid="ignore"):  # the origin of a singular kernel is replaced just below
        lattice = np.array(np.broadcast_to(kernel(*grids), grids[0].shape), dtype=np.float64)
    if not np.isfinite(lattice[origin]):
        lattice[origin] = lattice_value_at_origin(kernel, spacing)
    elif getattr(kernel, "pointy", True) or getattr(kernel, "singular", True):
        lattice[origin] = cell_average_at_origin(kernel, spacing)
    if not np.all(np.isfinite(lattice)):
        raise ValueError(f"kernel must be finite away from the origin and integrable there, got {kernel!r}")
    return lattice


def convolved(kernel: Callable[..., Any], values: Array, spacing: tuple[float, ...], periodic: tuple[bool, ...]) -> Array:
    """Return the integral of kernel(x - y) values(y) dy at the cell centres, by two FFTs.

    Along a periodic axis x - y is the smallest image, and the FFT has n cells. Along another one there are no images, and it
    has 2 n.
    """
    from scipy.fft import irfftn, rfftn

    known = getattr(kernel, "by_value", False) and _hashable(kernel)
    transform = (_cached_transform if known else _transform)(kernel, values.shape, spacing, periodic)
    padded = tuple(count if closed else 2 * count for count, closed in zip(values.shape, periodic, strict=True))
    full = irfftn(transform * rfftn(values, s=padded), s=padded)
    return np.asarray(full[tuple(slice(count) for count in values.shape)]) * float(np.prod(spacing))


def _transform(
    kernel: Callable[..., Any], shape: tuple[int, ...], spacing: tuple[float, ...], periodic: tuple[bool, ...]
) -> Array:
    """The real FFT of the kernel on its lattice, folded onto the smallest images along periodic axes.

    At half a length it is the mean of both images.
    """
    from scipy.fft import rfftn

    lattice = kernel_lattice(kernel, shape, spacing)
    for axis, count in enumerate(shape):
        if not periodic[axis]:
            continue
        whole = np.moveaxis(lattice, axis, 0)
        half = count // 2
        folded = np.concatenate([whole[: count - half], whole[2 * count - half :]])
        if count % 2 == 0:
            folded[half] = (whole[half] + whole[2 * count - half]) / 2
        lattice = np.moveaxis(folded, 0, axis)
    return np.asarray(rfftn(lattice))


def _hashable(thing: object) -> bool:
    try:
        hash(thing)
    except TypeError:
        return False
    return True


_cached_transform = lru_cache(maxsize=8)(_transform)
