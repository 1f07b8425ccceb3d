"""The pull-back of densities, c-transforms, and the multigrid cycle: against closed forms and brute force."""

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.linalg import spsolve

import jkoflow as jf
from jkoflow.linear import CoupledMultigrid, Multigrid, diagonal_of, elliptic, gmres
from jkoflow.pull_back import PullBack

from .tables import slow

SHAPES = [(17,), (12, 9), (1, 8), slow((7, 6, 8))]


def _centres(shape):
    return np.meshgrid(*[(np.arange(n) + 0.5) / n for n in shape], indexing="ij")


def _random(shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random(shape) * (rng.random(shape) > 0.3), rng


@pytest.mark.parametrize("shape", SHAPES)
def test_mass_is_kept_and_constants_give_the_density_back(shape):
    values, rng = _random(shape)
    source = PullBack(values, tuple(1 / n for n in shape), tau=0.01)
    assert np.abs(source.pull(np.full(shape, 3.0)).values - values).max() < 1e-14
    for size in (0.1, 10.0, 1e4):
        pulled = source.pull(size * rng.normal(size=shape)).values
        assert abs(pulled.sum() / values.sum() - 1) < 1e-12


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [0.5, 4.0])
def test_the_derivative_is_that_of_the_sums(shape, size):
    """Also where moved corners are held at the walls, which the larger potential does."""
    values, rng = _random(shape)
    x = _centres(shape)
    phi = size * (sum(np.sin(3 * a + 1) for a in x) + x[0] * x[-1])
    source = PullBack(values, tuple(1 / n for n in shape), tau=0.02)
    direction, step = rng.normal(size=shape), 1e-6
    central = (source.pull(phi + step * direction).values - source.pull(phi - step * direction).values) / (2 * step)
    exact = source.pull(phi).derivative(direction)
    assert np.abs(central - exact).max() < 1e-6 * np.abs(exact).max()
    assert abs(exact.sum()) < 1e-10 * np.abs(exact).max()


@pytest.mark.parametrize(("dim", "cells"), [(1, (64, 128, 256)), (2, (32, 64, 128)), slow(3, (8, 16, 32))])
def test_second_order_against_the_change_of_variables(dim, cells):
    tau = 0.01

    def density(*x):
        return np.exp(-10 * sum((a - 0.4 - 0.1 * k) ** 2 for k, a in enumerate(x)))

    errors = []
    for n in cells:
        grid = jf.Grid.box(*[(0.0, 1.0)] * dim, cells=n)
        x = grid.mesh
        phi = sum(np.cos(np.pi * a) for a in x)
        moved = [a - tau * np.pi * np.sin(np.pi * a) for a in x]
        exact = density(*moved) * np.prod([1 - tau * np.pi**2 * np.cos(np.pi * a) for a in x], axis=0)
        pulled = PullBack(density(*x), grid.spacing, tau).pull(phi).values
        errors.append(np.abs(pulled - exact).sum() / exact.sum())
    assert np.all(np.log2(np.array(errors[:-1]) / errors[1:]) > 1.7)
    assert errors[-1] < 4 / cells[-1] ** 2


@pytest.mark.parametrize("shape", [(24,), (16, 12), slow((8, 6, 10))])
def test_monotone_maps_keep_densities_non_negative(shape):
    values, _ = _random(shape, seed=3)
    phi = sum(np.cos(2 * np.pi * a + k) for k, a in enumerate(_centres(shape)))  # |tau D^2 phi| <= 0.6
    pulled = PullBack(values, tuple(1 / n for n in shape), tau=0.015).pull(phi).values
    assert pulled.min() > -1e-13


def test_small_displacements_move_mass_in_proportion():
    """A hundred thousandth of a cell, at the rate of the continuity equation: nothing freezes."""
    grid = jf.Grid.box((0.0, 1.0), cells=200)
    x = grid.axes[0]
    mu, phi, tau = 2 + np.cos(np.pi * x), np.cos(np.pi * x), 1e-9
    pulled = PullBack(mu, grid.spacing, tau).pull(phi).values
    rate = -np.pi * np.gradient(mu * np.sin(np.pi * x), x)  # (mu phi')'
    assert np.abs((pulled - mu) / tau - rate)[2:-2].max() < 2e-3 * np.abs(rate).max()


def test_a_continued_line_owes_what_its_faces_have_left():
    """Within the support nothing changes; beyond its ends the mass goes on with the slope it has there."""
    x = (np.arange(30) + 0.5) / 30
    mu = np.where((x > 0.3) & (x < 0.7), 1 + x, 0.0)
    plain, continued = PullBack(mu, (1 / 30,), 0.1), PullBack(mu, (1 / 30,), 0.1, continued=True)
    squeezed = -2.3 * (x - 0.5) ** 2  # S(x) - 1/2 = 0.54 (x - 1/2): some faces stay outside
    drawn_in = -4.9 * (x - 0.5) ** 2  # and here no face does
    assert np.array_equal(continued.pull(drawn_in).values, plain.pull(drawn_in).values)
    pulled = continued.pull(squeezed)
    faces = 0.5 + 0.54 * (np.arange(1, 30) / 30 - 0.5)
    beyond = np.where(faces < 0.3, mu[9] * (faces - 0.3), np.where(faces > 0.7, mu[20] * (faces - 0.7), 0.0))
    debts = np.diff(np.concatenate([[0], beyond, [0]])) * 30
    assert np.allclose(pulled.values - plain.pull(squeezed).values, debts, atol=1e-12)
    assert np.count_nonzero(debts) > 4
    change = np.sin(7 * x)
    step = 1e-6
    slope = (continued.pull(squeezed + step * change).values - continued.pull(squeezed - step * change).values) / (2 * step)
    assert np.allclose(pulled.derivative(change), slope, atol=1e-6)
    assert (pulled.conductances[0][1:-1] > 0).all()


def test_faces_carry_what_lies_along_them():
    source = PullBack(np.full((4, 3), 2.0), (0.25, 0.5), tau=0.1)
    across0, across1 = source.pull(np.zeros((4, 3))).conductances
    assert np.allclose(across0[1:-1], 2.0 * 0.1 / 0.25**2)
    assert np.allclose(across1[:, 1:-1], 2.0 * 0.1 / 0.5**2)
    assert np.all(across0[[0, -1]] == 0)
    assert np.all(across1[:, [0, -1]] == 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PullBack(np.ones((2, 2)), (0.1,), 0.1), "one spacing each"),
        (lambda: PullBack(-np.ones(3), (0.1,), 0.1), "values"),
        (lambda: PullBack(np.ones(3), (0.1,), 0.0), "tau"),
        (lambda: PullBack(np.ones(3), (-0.1,), 0.1), "spacing"),
        (lambda: PullBack(np.ones((2, 2)), (0.1, 0.1), 0.1, continued=True), "continued is for the line"),
        (lambda: PullBack(np.ones(3), (0.1,), 0.1).pull(np.ones(4)), "potential"),
        (lambda: PullBack(np.ones(3), (0.1,), 0.1).pull(np.array([0.0, np.nan, 0.0])), "potential must be finite"),
        (lambda: jf.c_transform(jf.Grid.box((0, 1), cells=3), np.ones(4)), "shape of the grid"),
        (lambda: jf.c_transform(jf.Grid.box((0, 1), cells=3), np.array([0, np.nan, 1])), "finite"),
        (lambda: jf.c_transform(jf.Grid.box((0, 1), cells=3), np.full(3, np.inf)), "everywhere"),
        (lambda: jf.c_transform(jf.Grid.box((0, 1), cells=3), np.ones(3), tau=0.0), "tau"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("shape", [(30,), (9, 7), (5, 4, 6)])
@pytest.mark.parametrize("blocked", [False, True])
def test_the_c_transform_against_all_pairs(shape, blocked):
    """Never above the minimum over the centres, and below it by no more than half a cell can bring."""
    rng = np.random.default_rng(1)
    grid = jf.Grid.box(*[(0.0, 1.0 + k) for k in range(len(shape))], cells=shape)
    phi, tau = rng.normal(size=shape), 0.05
    if blocked:
        phi[rng.random(shape) < 0.4] = np.inf
    points = grid.points.reshape(grid.size, -1)
    cost = np.square(points[:, None] - points[None]).sum(axis=-1) / (2 * tau)
    nodes = (phi.ravel()[None, :] + cost).min(axis=1).reshape(shape)
    found = jf.c_transform(grid, phi, tau)
    assert np.all(found <= nodes + 1e-12)
    spread = np.ptp(phi[np.isfinite(phi)])
    assert np.all(found >= nodes - len(shape) * (spread + max(grid.spacing) ** 2 / tau))


def test_the_c_transform_is_exact_on_parabolas_and_of_order_three():
    errors = []
    for n in (50, 100):
        grid = jf.Grid.box((-1.0, 1.0), (-1.0, 1.0), cells=n)
        x, y = grid.mesh
        phi, tau = x**2 / 2 + y**2, 0.5
        exact = x**2 / (2 * (1 + tau)) + y**2 / (1 + 2 * tau)
        assert np.abs(jf.c_transform(grid, phi, tau) - exact).max() < 1e-12
        wave = jf.c_transform(grid, 0.3 * np.cos(np.pi * x), 0.1)
        fine = jf.Grid.box((-1.0, 1.0), cells=40 * n)  # as accurate as asked, by brute force in one dimension
        at = fine.axes[0]
        brute = (0.3 * np.cos(np.pi * at)[None] + (grid.axes[0][:, None] - at[None]) ** 2 / 0.2).min(axis=1)
        errors.append(np.abs(wave[2:-2, 0] - brute[2:-2]).max())

    assert errors[1] < 2e-5
    assert errors[1] < errors[0] / 6


@pytest.mark.parametrize("shape", [(33,), (16, 9), (6, 5, 8)])
def test_multigrid_and_gmres_against_a_direct_solver(shape):
    rng = np.random.default_rng(2)
    faces = []
    for axis in range(len(shape)):
        k = 10.0 ** rng.uniform(-4, 1, tuple(n + (c == axis) for c, n in enumerate(shape)))
        np.moveaxis(k, axis, 0)[[0, -1]] = 0
        faces.append(k)
    reaction = 10.0 ** rng.uniform(-3, 0, shape)
    operator, cycle = elliptic(reaction, tuple(faces)), Multigrid(reaction, tuple(faces))
    columns = np.stack([operator(e.reshape(shape)).ravel() for e in np.eye(reaction.size)], axis=1)
    assert np.allclose(columns, columns.T)
    assert np.allclose(np.diag(columns).reshape(shape), diagonal_of(reaction, tuple(faces)))
    b = rng.normal(size=shape)
    x = gmres(operator, b, cycle, 1e-12, 60)
    assert np.abs(x - spsolve(coo_array(columns).tocsc(), b.ravel()).reshape(shape)).max() < 1e-8 * np.abs(x).max()
    u, v = rng.normal(size=shape), rng.normal(size=shape)
    assert abs(np.sum(u * cycle(v)) - np.sum(v * cycle(u))) < 1e-10 * np.abs(cycle(v)).sum()


@pytest.mark.parametrize("shape", [(33,), (16, 9), (6, 5, 8)])
@pytest.mark.parametrize("strength", [1.0, 1e4])
def test_the_coupled_cycle_against_a_direct_solver(shape, strength):
    """Three species and the potential that couples them, weakly and strongly: few products, the direct answer, symmetric."""
    rng = np.random.default_rng(3)
    z = np.array([1.0, -1.0, 2.0])
    faces = []
    for axis in range(len(shape)):
        k = rng.uniform(0.1, 1, (4, *(n + (c == axis) for c, n in enumerate(shape))))
        k[3] = 1 / strength
        np.moveaxis(k, axis + 1, 0)[[0, -1]] = 0
        faces.append(k)
    reactions, outer = rng.uniform(0.1, 1, (3, *shape)), np.zeros(shape)
    outer.flat[0] = 1.0
    cycle = CoupledMultigrid(reactions, z, tuple(faces), outer)
    parts = [elliptic(np.zeros(shape), tuple(k[f] for k in faces)) for f in range(4)]
    lifted = z.reshape(-1, *(1,) * len(shape))

    def apply(x):
        rho = reactions * (x[:3] - lifted * x[3])
        rows = [rho[f] + parts[f](x[f]) for f in range(3)]
        return np.stack([*rows, parts[3](x[3]) + outer * x[3] - (lifted * rho).sum(axis=0)])

    size = 4 * outer.size
    matrix = np.stack([apply(e.reshape(4, *shape)).ravel() for e in np.eye(size)], axis=1)
    b, count = rng.normal(size=(4, *shape)), 0

    def counted(right):
        nonlocal count
        count += 1
        return cycle(right)

    x = gmres(apply, b, counted, 1e-10, 80)
    assert np.abs(x.ravel() - np.linalg.solve(matrix, b.ravel())).max() < 1e-6 * np.abs(x).max()
    assert count < 40
    u, v = rng.normal(size=b.shape), rng.normal(size=b.shape)
    assert abs(np.sum(u * cycle(v)) - np.sum(v * cycle(u))) < 1e-10 * np.abs(cycle(v)).sum()


def test_the_cycle_converges_at_a_rate_free_of_the_size():
    used = []
    for n in (64, 256):
        x, y = jf.Grid.box((0, 1), (0, 1), cells=n).mesh
        m = np.exp(-50 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))
        k0, k1 = np.zeros((n + 1, n)), np.zeros((n, n + 1))
        k0[1:-1], k1[:, 1:-1] = 0.005 * n**2 * (m[1:] + m[:-1]) / 2, 0.005 * n**2 * (m[:, 1:] + m[:, :-1]) / 2
        count = 0

        def cycle(b, inner=Multigrid(m, (k0, k1))):  # noqa: B008
            nonlocal count
            count += 1
            return inner(b)

        gmres(elliptic(m, (k0, k1)), np.cos(5 * x) * np.cos(3 * y) * m, cycle, 1e-8, 60)
        used.append(count)
    assert used[1] <= used[0] + 3 <= 20
