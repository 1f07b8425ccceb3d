"""Convolution of a kernel with cell averages, by the Fourier transform on a lattice that is padded where there are walls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from .._typing import Array

_ACROSS = 24  # Gauss-Legendre points along each direction of a face
_REACH, _WINDOW = 16, 10  # of the widest cell: the reach of the sum about the origin, the length on which its window falls
_LONG = 2.0  # of the shortest side: the most of a side of a cell that pyramids are taken for
_NEAR, _MOST_PARTS = 8, 64  # cells along one long axis to which means are taken; the most parts of a long cell
_MOST_CELLS = 320  # the reach in cells of an axis: for cells longer than 20 : 1 the window gets narrower along the short side


def cell_average_at_origin(kernel: Callable[..., Any], spacing: tuple[float, ...]) -> float:
    """Return the mean of the kernel over the cell centred at the origin.

    The cell is cut into pyramids with their apex at the origin. Along the rays of a pyramid double-exponential quadrature is
    used, which is accurate for an integrable singularity: |x|^p (p > -d) and log|x| come out as accurately as smooth kernels.
    Of a long cell this is done for the middle. The rest is cut into boxes that double in length outwards.

    Raises ValueError if the kernel is not integrable at the origin.

    >>> round(cell_average_at_origin(abs, (1.0,)), 12)
    0.25
    """
    middle = tuple(min(h, _LONG * min(spacing)) for h in spacing)
    total = _over_pyramids(kernel, middle)
    if middle != tuple(spacing):
        total += _around(kernel, middle, spacing)
    return float(total / np.prod(spacing))


def _over_pyramids(kernel: Callable[..., Any], spacing: tuple[float, ...]) -> float:
    """The integral of the kernel over the cell centred at the origin. Raises ValueError if it is infinite."""
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
    return total


def _around(kernel: Callable[..., Any], middle: tuple[float, ...], spacing: tuple[float, ...]) -> float:
    """The integral of the kernel over a cell centred at the origin without its middle, by boxes that double outwards."""
    nodes, weights = np.polynomial.legendre.leggauss(_ACROSS)
    points, rules, inner = [], [], []
    for inside, h in zip(middle, spacing, strict=True):
        ends = np.append(inside / 2 * 2.0 ** np.arange(np.ceil(np.log2(h / inside))), h / 2) if h > inside else [h / 2]
        edges = np.concatenate([-np.flip(ends), ends])
        half = np.diff(edges) / 2
        points.append((((edges[1:] + edges[:-1]) / 2)[:, None] + half[:, None] * nodes).ravel())
        rules.append((half[:, None] * weights).ravel())
        inner.append(np.abs(points[-1]) < inside / 2)
    outside = np.logical_not(_outer(np.logical_and, inner))
    values = np.asarray(kernel(*np.meshgrid(*points, indexing="ij")), dtype=np.float64)
    return float(np.where(outside, values, 0.0).ravel() @ _outer(np.multiply, rules).ravel())


def _outer(combine: Any, parts: Sequence[Array]) -> Array:
    """The outer product of arrays under a ufunc."""
    whole = parts[0]
    for part in parts[1:]:
        whole = combine.outer(whole, part)
    return np.asarray(whole)


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
    * the average over the cell if the kernel is pointed. Next to it, along axes whose cells are longer than twice the shortest
      side, are means too (``_with_long_cells``);
    * the value of ``lattice_value_at_origin`` if it is singular, with the same means next to it.

    So the convolution is of second order for all of them.
    """
    offsets = [h * np.roll(np.arange(-count, count), count) for h, count in zip(spacing, shape, strict=True)]
    grids = np.meshgrid(*offsets, indexing="ij")
    origin = (0,) * len(shape)
    with np.errstate(divide="ignore", invalid="ignore"):  # the origin of a singular kernel is replaced just below
        lattice = np.array(np.broadcast_to(kernel(*grids), grids[0].shape), dtype=np.float64)
    if not np.isfinite(lattice[origin]):
        lattice[origin] = lattice_value_at_origin(kernel, spacing)
        lattice = _with_long_cells(kernel, lattice, spacing)
    elif getattr(kernel, "pointy", True) or getattr(kernel, "singular", True):
        lattice[origin] = cell_average_at_origin(kernel, spacing)
        lattice = _with_long_cells(kernel, lattice, spacing)
    if not np.all(np.isfinite(lattice)):
        raise ValueError(f"kernel must be finite away from the origin and integrable there, got {kernel!r}")
    return lattice


def _with_long_cells(kernel: Callable[..., Any], lattice: Array, spacing: tuple[float, ...]) -> Array:
    """The lattice of a singular or pointed kernel with means, in place of values, for cells that are longer than wide and near.

    A value stands for a long cell only where the kernel changes little over it. Along long axes the density is interpolated by
    cubics. So a value becomes a weighted mean of the kernel about the cell, a sum over a lattice that is so fine along these
    axes that its cells are about as long as wide.
    """
    narrow = min(spacing)
    parts = [int(np.ceil(h / (2 * narrow))) for h in spacing]
    along = [axis for axis, part in enumerate(parts) if part > 1]
    if not along:
        return lattice
    with np.errstate(divide="ignore", invalid="ignore"):
        singular = not np.isfinite(kernel(*[np.zeros(1)] * len(spacing))).all()
    if max(parts) > _MOST_PARTS and not singular:
        return lattice
    if max(parts) > _MOST_PARTS:
        raise ValueError(
            f"cells must be at most {2 * _MOST_PARTS} times as long as wide for a singular kernel, got cells of "
            f"{tuple(float(h) for h in spacing)} for {kernel!r}: take more cells along the long axes"
        )
    fine = tuple(h / part for h, part in zip(spacing, parts, strict=True))
    at_origin = (lattice_value_at_origin if singular else cell_average_at_origin)(kernel, fine)
    counts = [count // 2 for count in lattice.shape]
    reach = _NEAR // len(along)
    near = [min(reach, count - 1) if part > 1 else count for part, count in zip(parts, counts, strict=True)]
    ranges = [
        np.arange(-(k + 2) * part + 1, (k + 2) * part) if part > 1 else np.roll(np.arange(-k, k), k)
        for part, k in zip(parts, near, strict=True)
    ]
    offsets = np.meshgrid(*(h * m for h, m in zip(fine, ranges, strict=True)), indexing="ij", sparse=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.array(np.broadcast_to(kernel(*offsets), tuple(map(len, ranges))), dtype=np.float64)
    values[tuple(int(np.flatnonzero(m == 0)[0]) for m in ranges)] = at_origin
    for axis in along:
        values = _means_of_cells(values, axis, parts[axis], near[axis])
    out = lattice.copy()
    out[np.ix_(*(np.arange(-k, k + 1) if part > 1 else np.arange(2 * k) for part, k in zip(parts, near, strict=True)))] = values
    return out


def _means_of_cells(values: Array, axis: int, parts: int, near: int) -> Array:
    """Sums along an axis against the cubic that interpolates between cells, about the centres of cells -near to near.

    ``values`` begin two cells, less one part, before the first of these centres.
    """
    u = np.abs(np.arange(1 - 2 * parts, 2 * parts) / parts)
    cubic = np.where(u <= 1, (1 - u**2) * (2 - u) / 2, (1 - u) * (2 - u) * (3 - u) / 6) / parts
    lines = np.moveaxis(values, axis, -1)
    centres = parts * np.arange(2 * near + 1)
    means = np.stack([lines[..., first : first + len(cubic)] @ cubic for first in centres])
    return np.moveaxis(means, 0, axis)


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
