"""Grids: quadrature, Poisson, convolution."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gamma, zeta

import jkoflow as jf
from jkoflow.grids import resampled
from jkoflow.grids.convolution import cell_average_at_origin, lattice_value_at_origin

from .tables import LINE, PLANE, SPACE


@pytest.mark.parametrize("grid", [LINE, PLANE, SPACE], ids=["1-D", "2-D", "3-D"])
def test_points_and_quadrature(grid):
    assert grid.points.shape == ((grid.size,) if grid.dim == 1 else (grid.size, grid.dim))
    assert np.isclose(grid.integrate(np.ones(grid.shape)), grid.volume)
    exact = np.prod([(high**4 - low**4) / 4 for low, high in grid.bounds])
    assert np.isclose(grid.integrate(grid.sample(lambda *x: np.prod(np.broadcast_arrays(*x), axis=0) ** 3, order=2)), exact)


def test_poisson_matches_the_notes():
    """docs/theory/poisson-nernst-planck.md, T2: the eigenvalue of the discrete cosine mode, and second order."""
    errors = []
    for n in (64, 128):
        grid = jf.Grid.box((0, 1), cells=n)
        charge = grid.sample(lambda x: np.cos(np.pi * x))
        energy = grid.integrate(charge * grid.solve_poisson(charge)) / 2
        errors.append(energy - 1 / (4 * np.pi**2))
        if n == 64:
            assert abs(energy - 0.025335382786450) < 1e-14
    assert abs(np.log2(errors[0] / errors[1]) - 2) < 0.01


@pytest.mark.parametrize("grid", [LINE, PLANE, SPACE], ids=["1-D", "2-D", "3-D"])
def test_poisson_solves_the_finite_volume_equation(grid):
    rng = np.random.default_rng(1)
    charge = rng.normal(size=grid.shape)
    charge -= charge.mean()
    psi = grid.solve_poisson(charge)
    assert abs(psi.mean()) < 1e-12
    flux_out = np.zeros(grid.shape)
    for axis, h in enumerate(grid.spacing):
        inner = np.diff(psi, axis=axis) / h
        walls = [(1, 1) if k == axis else (0, 0) for k in range(grid.dim)]
        flux_out += np.diff(np.pad(inner, walls), axis=axis) / h
    assert np.allclose(-flux_out, charge, atol=1e-10)
    assert np.isclose(grid.dirichlet(psi, np.ones(grid.shape)), grid.integrate(charge * psi))


def test_poisson_refuses_a_net_charge():
    with pytest.raises(ValueError, match="charge must have zero total"):
        LINE.solve_poisson(np.ones(LINE.shape))


def _gaussian_field_error(kernel, exact, dim, n):
    """Mean-square error of kernel * gaussian against the gaussian."""
    grid = jf.Grid.box(*[(-6, 6)] * dim, cells=n)
    rho = grid.sample(lambda *x: np.exp(-sum(xi**2 for xi in x) / 2) / (2 * np.pi) ** (dim / 2))
    field = grid.convolve(kernel, rho)
    r = np.sqrt(sum(x**2 for x in grid.mesh))
    return np.sqrt(grid.integrate(rho * (field - exact(r)) ** 2))


def test_orders_of_the_convolution_with_newtonian_and_pointy_kernels():
    """Closed forms for a Gaussian: erf(r / sqrt 2) / (4 pi r) in 3-D (docs/theory/poisson-nernst-planck.md, T1),
    E|x - Z| in 1-D, and the exponential integral in 2-D."""
    from scipy.special import erf, exp1

    def newtonian_2(r):
        return -(np.log(r) + exp1(r**2 / 2) / 2) / (2 * np.pi)

    def mean_distance(r):
        return r * erf(r / np.sqrt(2)) + np.sqrt(2 / np.pi) * np.exp(-(r**2) / 2)

    cases = [
        (jf.Newtonian(3), lambda r: erf(r / np.sqrt(2)) / (4 * np.pi * r), 3, (24, 48), 4, 1e-6),
        (jf.Newtonian(2), newtonian_2, 2, (60, 120), 4, 1e-6),
        (jf.PowerLaw(1), mean_distance, 1, (120, 240), 2, 6e-3),
    ]
    for kernel, exact, dim, sizes, order, bound in cases:  # for an even number of cells no centre is at r = 0
        coarse, fine = (_gaussian_field_error(kernel, exact, dim, n) for n in sizes)
        assert fine < bound
        assert abs(np.log2(coarse / fine) - order) < 0.15, f"{kernel!r}: {coarse} -> {fine}"


def test_kernel_matrix_is_the_convolution():
    values = np.random.default_rng(2).uniform(size=PLANE.shape)
    matrix = PLANE.kernel_matrix(jf.Morse())
    direct = (matrix @ values.ravel()).reshape(PLANE.shape) * PLANE.cell_volume
    assert np.allclose(direct, PLANE.convolve(jf.Morse(), values))
    assert np.allclose(matrix, matrix.T)


def test_cell_average_at_the_origin():
    """Exact: of -log r / (2 pi) on a unit square, and of 1 / (4 pi r) on a unit cube (known constants)."""
    square = cell_average_at_origin(jf.PowerLaw(0), (1.0, 1.0))
    assert abs(square - (-1.5 + np.log(2) / 2 + np.pi / 4 - np.log(2))) < 1e-10
    cube = cell_average_at_origin(jf.PowerLaw(-1), (1.0, 1.0, 1.0))
    assert abs(-cube - (3 * np.log((np.sqrt(3) + 1) / (np.sqrt(3) - 1)) - np.pi / 2)) < 1e-9


@pytest.mark.parametrize("alpha", [0.2, 0.5, 0.8])
def test_the_value_of_a_singular_kernel_at_the_origin(alpha):
    """-2 zeta(alpha) on the line; in the plane and in space Riesz kernels against Gaussians, of second order at least."""
    assert lattice_value_at_origin(jf.PowerLaw(-alpha), (1.0,)) == pytest.approx(2 * zeta(alpha) / alpha, rel=1e-7)
    for d, cells in ((1, 100), (2, 60), (3, 32)):
        power = alpha * d
        exact = 2**-power * gamma((d - power) / 2) / gamma(d / 2)  # E |x - y|^-power for two standard Gaussians
        errors = []
        for n in (cells // 2, cells):
            rho = jf.Grid.box(*[(-6, 6)] * d, cells=n).density(lambda *x: np.exp(-sum(c**2 for c in x) / 2))
            errors.append(abs(rho.pair_expectation(power * jf.Riesz(power)) / exact - 1))
        assert errors[1] < 2e-3
        assert np.log2(errors[0] / errors[1]) > 1.8


@pytest.mark.parametrize("aspect", [5, 20])
def test_singular_kernels_on_long_cells(aspect):
    """Of second order at least whatever the shape of the cells."""
    exact, errors = np.sqrt(np.pi) / 2, []  # E 1 / |x - y| for two standard Gaussians in the plane
    for n in (16, 32):
        rho = jf.Grid.box((-6, 6), (-6, 6), cells=(n, n * aspect)).density(lambda x, y: np.exp(-(x**2 + y**2) / 2))
        errors.append(abs(rho.pair_expectation(jf.Riesz(1.0)) / exact - 1))
    assert errors[1] < 2e-4
    assert np.log2(errors[0] / errors[1]) > 1.8


def test_resampling_keeps_the_integral():
    values = np.random.default_rng(3).uniform(size=(7, 5))
    assert np.isclose(resampled(values, (3, 8)).mean(), values.mean())
    assert np.allclose(resampled(values, (7, 5)), values)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jf.Grid.box((1, 0), cells=4), "low < high"),
        (lambda: jf.Grid.box((0, np.nan), cells=4), "high end must be a finite number"),
        (lambda: jf.Grid.box((0, 1), cells=0), "cells must be a whole number >= 1, got 0"),
        (lambda: jf.Grid.box((0, 1), cells=2.5), "cells must be a whole number"),
        (lambda: jf.Grid.box((0, 1), (0, 1), cells=(3,)), "one number per axis"),
        (lambda: jf.Grid.box(cells=3), "1, 2 or 3 pairs"),
        (lambda: jf.Grid.box((0, 1, 2), cells=3), "pairs"),
        (lambda: LINE.density(lambda x: x), "non-negative"),
        (lambda: LINE.density(np.ones(3)), "shape"),
        (lambda: LINE.density(np.full(48, np.nan)), "NaN"),
        (lambda: LINE.density(np.zeros(48)), "positive total"),
        (lambda: LINE.density(np.ones(48), mass=-1), "mass must be a positive"),
        (lambda: LINE.sample(np.sin, order=0), "order must be"),
        (lambda: LINE.convolve(jf.PowerLaw(-2), np.ones(48)), "integrable"),
        (lambda: LINE.convolve(jf.Morse(), np.ones(5)), "values must have shape"),
        (lambda: LINE.density(1j * np.ones(48)), "real numbers"),
        (lambda: LINE.density([[1.0], [1.0, 2.0]]), "real numbers"),
        (lambda: LINE.density(["a"] * 48), "real numbers"),
        (lambda: jf.Grid([(0, 1)], [4]), "Grid.box"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_function_of_your_own_is_evaluated_afresh():
    length = {"scale": 1.0}
    values = np.ones(LINE.shape)

    def kernel(x):
        return np.exp(-np.abs(x) / length["scale"])

    before = LINE.convolve(kernel, values)
    length["scale"] = 0.1
    assert LINE.convolve(kernel, values).max() < 0.5 * before.max()
    assert np.allclose(LINE.convolve(jf.CustomKernel(kernel), values), LINE.convolve(jf.CustomKernel(kernel), values))


def test_a_constant_kernel_gives_the_mass():
    assert np.allclose(LINE.convolve(lambda x: 1.0, np.full(LINE.shape, 2.0)), 2.0 * LINE.volume)


# ---- singular kernels on long cells


@pytest.mark.parametrize("aspect", [1.0, 5.0, 20.0, 1000.0])
def test_averages_over_long_cells(aspect):
    a, b = 1.0, 1.0 / aspect
    over_rectangle = 2 * (a * np.arcsinh(b / a) + b * np.arcsinh(a / b))  # of 1 / r
    riesz = cell_average_at_origin(lambda x, y: 1 / np.hypot(x, y), (a, b))
    assert riesz == pytest.approx(over_rectangle / (a * b), rel=1e-8)
    pointed = cell_average_at_origin(lambda x, y: np.exp(-1000 * np.hypot(x, y)), (a, b))
    turned = cell_average_at_origin(lambda x, y: np.exp(-1000 * np.hypot(x, y)), (b, a))
    assert pointed == pytest.approx(turned, rel=1e-12)


def _inverse_distance(*variances):
    """E 1/|Z| of a Gaussian Z with these variances."""
    found = quad(lambda u: np.prod([(1 + 2 * v * u * u) ** -0.5 for v in variances]), 0, np.inf, epsrel=1e-10, limit=500)
    return 2 / np.sqrt(np.pi) * found[0]


@pytest.mark.parametrize("flat", [0.3, 0.1, 0.02])
def test_singular_kernels_of_flat_densities(flat):
    """The differences of two places have twice the variances of a Gaussian density."""
    plane = jf.Grid.box((-6, 6), (-6 * flat, 6 * flat), cells=64)
    rho = plane.density(lambda x, y: np.exp(-(x**2) / 2 - (y / flat) ** 2 / 2), mass=1.0)
    assert jf.Interaction(jf.Riesz(1.0))(rho) == pytest.approx(_inverse_distance(2, 2 * flat**2) / 2, rel=1e-4)
    log = np.log((1 + flat) / np.sqrt(2)) + (np.log(2) - np.euler_gamma) / 2
    assert 2 * jf.Interaction(jf.PowerLaw(0))(rho) == pytest.approx(log, abs=1e-4)
    # in space, cells that are long along two axes
    space = jf.Grid.box((-6, 6), (-6, 6), (-6 * flat, 6 * flat), cells=24)
    rho = space.density(lambda x, y, z: np.exp(-(x**2 + y**2) / 2 - (z / flat) ** 2 / 2), mass=1.0)
    field = jf.DirichletCoupling({"": 1}, boundary="free-space")(rho)
    assert field == pytest.approx(_inverse_distance(2, 2, 2 * flat**2) / (8 * np.pi), rel=2e-3)


@pytest.mark.parametrize("kernel", [jf.PowerLaw(0.25), jf.PowerLaw(0.5), jf.Morse()])
def test_pointed_kernels_of_flat_densities(kernel):
    """As the density gets flat, its energy becomes that of the density on the line."""
    line, plane = jf.Grid.box((-6, 6), cells=400), jf.Grid.box((-6, 6), (-0.006, 0.006), cells=(200, 12))
    thin = jf.Interaction(kernel)(line.density(lambda x: np.exp(-(x**2) / 2), mass=1.0))
    flat = jf.Interaction(kernel)(plane.density(lambda x, y: np.exp(-(x**2) / 2), mass=1.0))
    assert flat == pytest.approx(thin, rel=2e-3)


def test_singular_kernels_are_refused_on_very_long_cells():
    plane = jf.Grid.box((0, 1000), (0, 1), cells=8)
    with pytest.raises(ValueError, match="128 times as long as wide"):
        jf.Interaction(jf.Riesz(1.0))(plane.density(lambda x, y: 1 + 0 * x))
    assert jf.Interaction(jf.Gaussian(1.0))(plane.density(lambda x, y: 1 + 0 * x)) > 0
