"""Tori and channels: pull-backs, transforms, kernels, steps and winds that go round the ends."""

import itertools

import numpy as np
import pytest
from scipy.special import logsumexp

import jkoflow as jf
from jkoflow.grids import on_faces
from jkoflow.linear import elliptic, factorised_elliptic
from jkoflow.pull_back import PullBack
from jkoflow.transport.absorbed import absorbed_log_sum, narrow

TURN = 2 * np.pi
SHAPES = [(40,), (24, 30), (10, 12, 9)]


def _unit_torus(shape):
    return jf.Grid.torus(*[(0.0, 1.0)] * len(shape), cells=shape)


def _heap(*x):
    return np.exp(sum(np.cos(TURN * (z - 0.05)) for z in x))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("tau", [1e-3, 0.1, 0.4])
def test_a_pull_back_goes_round(shape, tau):
    """Mass is kept, moved data give moved answers, and the derivative is that of differences."""
    grid, rng = _unit_torus(shape), np.random.default_rng(1)
    phi = 0.02 * sum(np.sin(TURN * z + k) for k, z in enumerate(grid.mesh))
    mu, turns = _heap(*grid.mesh), tuple(range(3, 3 + len(shape)))
    axes = tuple(range(len(shape)))
    source = PullBack(mu, grid.spacing, tau, periodic=grid.periodic_axes)
    pulled = source.pull(phi)
    assert abs(pulled.values.sum() / mu.sum() - 1) < 1e-13
    moved = PullBack(np.roll(mu, turns, axes), grid.spacing, tau, periodic=grid.periodic_axes).pull(np.roll(phi, turns, axes))
    assert np.allclose(np.roll(pulled.values, turns, axes), moved.values, rtol=0, atol=1e-12)
    change, step = np.cos(TURN * (grid.mesh[-1] + 0.1)) + 0.1 * rng.normal(size=shape), 1e-7
    differences = (source.pull(phi + step * change).values - source.pull(phi - step * change).values) / (2 * step)
    assert np.abs(pulled.derivative(change) - differences).sum() < 2e-3 * np.abs(differences).sum()  # kinks of limited slopes
    for axis, faces in enumerate(pulled.conductances):
        along = np.moveaxis(faces, axis, 0)
        assert along.shape[0] == shape[axis] + 1
        assert np.allclose(along[0], along[-1], rtol=1e-8)
        assert along[0].max() > 0


def test_a_pull_back_in_a_channel_stays_between_its_walls():
    grid = jf.Grid.box((0, 1), (0, 1), cells=(16, 20), periodic=(False, True))
    mu, (x, y) = _heap(*grid.mesh), grid.mesh
    pulled = PullBack(mu, grid.spacing, 0.5, periodic=(False, True)).pull(0.05 * np.cos(TURN * (y + 0.013)) + 0.1 * x**2)
    assert abs(pulled.values.sum() / mu.sum() - 1) < 1e-13
    walls, ends = pulled.conductances
    assert not walls[[0, -1]].any()
    assert np.allclose(ends[:, 0], ends[:, -1], rtol=1e-10)


@pytest.mark.parametrize("shape", [(25,), (9, 12)])
def test_c_transforms_go_the_shortest_way_round(shape):
    """Against the minimum over all cells and their repetitions; between the centres parabolas may be lower by h^2 / tau."""
    grid, tau = _unit_torus(shape), 0.3
    phi = sum(0.3 * np.sin(TURN * z + 1) for z in grid.mesh)
    found = jf.c_transform(grid, phi, tau)
    points = grid.points.reshape(grid.size, -1)
    apart = points[:, None] - points
    costs = ((apart - np.round(apart)) ** 2).sum(axis=-1) / (2 * tau)
    centres = (phi.ravel()[:, None] + costs).min(axis=0).reshape(shape)
    assert (found <= centres + 1e-12).all()
    assert np.abs(found - centres).max() < sum(h**2 for h in grid.spacing) / tau
    turns, axes = tuple(range(4, 4 + len(shape))), tuple(range(len(shape)))
    assert np.allclose(jf.c_transform(grid, np.roll(phi, turns, axes), tau), np.roll(found, turns, axes), atol=1e-12)


def _by_repetitions(values, stiffness):
    for s in stiffness[::-1]:
        i = np.arange(values.shape[1])
        kernel = logsumexp([-s * (i[:, None] - i + k * i.size) ** 2 for k in range(-3, 4)], axis=0)
        values = logsumexp(values[:, None, :] + kernel, axis=2).T
    return values


@pytest.mark.parametrize("scale", [1.0, 3e2, 1e4])
def test_gibbs_kernels_repeat(scale):
    """By products, where the range allows, and in tiles, where it does not; a wide kernel too."""
    grid = jf.Grid.torus((0, 1), (0, 1), cells=(112, 130))
    x, y = grid.mesh
    values = scale * (np.cos(TURN * x) + np.sin(2 * TURN * y)) + np.random.default_rng(0).normal(size=grid.shape)
    for epsilon in (2e-4, 0.3):
        stiffness = tuple(h**2 / epsilon for h in grid.spacing)
        exact = _by_repetitions(values, stiffness)
        assert np.allclose(jf.GibbsKernel(grid, epsilon).log_apply(values), exact, rtol=1e-14, atol=1e-11)
        if epsilon < 1e-3:
            rounds = ("repetitions", "repetitions")
            assert narrow(grid.shape, stiffness, rounds)
            assert np.allclose(absorbed_log_sum(values, stiffness, rounds), exact, rtol=1e-14, atol=1e-11)


def test_operators_are_inverted_round_the_ends():
    grid, rng = jf.Grid.box((0, 1), (0, 1), cells=(7, 9), periodic=(True, False)), np.random.default_rng(2)
    mobility = rng.uniform(0.1, 3, grid.shape)
    faces = tuple(on_faces(grid, mobility, axis, np.minimum) for axis in range(2))
    reaction, x = rng.uniform(0, 1, grid.shape), rng.normal(size=grid.shape)
    assert np.allclose(factorised_elliptic(reaction, faces)(elliptic(reaction, faces)(x)), x, atol=1e-9)
    assert abs(elliptic(np.zeros(grid.shape), faces)(x).sum()) < 1e-12


LAWS = {
    "heat": (jf.Entropy(), 0.01),
    "Fokker-Planck": (0.05 * jf.Entropy() + 0.1 * jf.Potential(lambda *x: np.cos(TURN * (x[0] - 0.3))), 0.1),
    "powers and a kernel": (0.02 * jf.RenyiEntropy(2) + 0.1 * jf.Interaction(jf.Gaussian(1.0, 0.2)), 0.05),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("dim", "cells"), [(1, 32), (2, 24)])
def test_exact_and_entropic_steps_agree_on_tori(dim, cells, law):
    """They share no transport. Both are of order 2 in the cells."""
    apart = []
    for count in (cells, 2 * cells):
        grid = _unit_torus((count,) * dim)
        rho = grid.density(_heap, order=3)
        step = jf.ProximalStep(LAWS[law][0], jf.Species.of(rho), LAWS[law][1])
        exact, entropic = jf.BackAndForth().solve(step), jf.Entropic().solve(step)
        assert exact.status.ok
        assert entropic.status.ok
        apart.append(np.abs(exact.state[""].values - entropic.state[""].values).mean())
    assert np.abs(exact.state[""].values - rho.values).mean() > 100 * apart[1]
    assert np.log2(apart[0] / apart[1]) > 1.85


def test_an_exact_step_in_space_on_a_torus():
    grid = _unit_torus((12, 12, 12))
    step = jf.ProximalStep(LAWS["heat"][0], jf.Species.of(grid.density(_heap, order=3)), 0.01)
    answer = jf.BackAndForth().solve(step)
    assert answer.status is jf.Status.CONVERGED
    wave = answer.state[""].values.mean(axis=(1, 2))
    line = jf.BackAndForth().solve(
        jf.ProximalStep(jf.Entropy(), jf.Species.of(_unit_torus((12,)).density(_heap, order=3)), 0.01)
    )
    assert np.abs(wave - line.state[""].values).max() < 0.02 * wave.max()  # the heap is a product, and so is its flow


def _two_heaps(grid):
    return (grid.density(lambda *x, c=c: np.exp(2 * sum(np.cos(TURN * (z - c)) for z in x))) for c in (0.95, 0.2))


@pytest.mark.parametrize("shape", [(12, 13), (5, 6, 7)])
@pytest.mark.parametrize("p", [1, 2, 3.5])
def test_distances_on_tori_go_the_shortest_way_round(shape, p):
    """By the network simplex of POT with costs that are made here."""
    import ot

    grid = jf.Grid.torus(*[(0.0, 1.0 + k) for k in range(len(shape))], cells=shape)
    a, b = _two_heaps(grid)
    apart = grid.points[:, None] - grid.points
    lengths = np.array(grid.lengths)
    costs = np.linalg.norm(apart - lengths * np.round(apart / lengths), axis=-1) ** p
    masses = [density.masses.ravel() / density.masses.sum() for density in (a, b)]
    exact = ot.emd2(masses[0], masses[1] * (masses[0].sum() / masses[1].sum()), costs, numItermax=10**6) ** (1 / p)
    found = jf.wasserstein(a, b, p)
    assert abs(found / exact - 1) < 1e-9
    assert abs(found.lower / exact - 1) < 1e-6
    if p == 2:
        assert abs(jf.wasserstein2(a, b) / exact - 1) < 1e-9


def test_sinkhorn_goes_round_a_torus_a_channel_and_a_circle():
    for ends, cells in (((0, 1), (0, 1)), (40, 36)), (((0, 1),), (90,)):
        for periodic in itertools.product([True, False], repeat=len(cells)):
            grid = jf.Grid.box(*ends, cells=cells, periodic=periodic)
            a, b = _two_heaps(grid)
            exact, found = jf.wasserstein(a, b, method="exact"), jf.wasserstein(a, b, method="sinkhorn")
            assert found.settled
            assert abs(found / exact - 1) < 3e-3
            assert found.lower <= exact * (1 + 1e-3)
            assert found.lower > 0.98 * exact
    grid, other = (jf.Grid.torus((0, 1), (0, 1), cells=n) for n in (50, 60))
    with pytest.raises(ValueError, match="densities on one grid of a torus"):
        jf.wasserstein(next(_two_heaps(grid)), next(_two_heaps(other)))
    with pytest.raises(ValueError, match="densities on one circle or torus"):
        jf.wasserstein(next(_two_heaps(grid)), next(_two_heaps(jf.Grid.box((0, 1), (0, 1), cells=50))))


def test_nearby_distances_and_steps_of_adapted_size_go_round():
    """A heap r that moves by d, less what streams back through its floor, d^2 (1 - 1 / int 1 / r); then a run with Adaptive."""
    from scipy.special import i0

    from jkoflow.transport import nearby_distance

    grid = jf.Grid.torus((0, 1), (0, 2), cells=(32, 40))
    a, b = (grid.density(lambda x, y, c=c: np.exp(np.cos(TURN * (x - c)) + np.cos(np.pi * y)), order=3) for c in (0, 6e-4))
    assert abs(nearby_distance(a, b) / (6e-4 * np.sqrt(1 - i0(1) ** -2)) - 1) < 5e-3
    flow = jf.evolve(0.05 * jf.Entropy(), a, scheme=jf.Adaptive(jf.JKO(), 1e-3), dt=0.01, t_end=0.2)
    fine = jf.evolve(0.05 * jf.Entropy(), a, dt=0.002, t_end=0.2)
    assert flow.ok
    assert len(flow) < len(fine)
    assert jf.wasserstein2(flow.final, fine.final) < 2e-3 * len(flow)  # 1e-3 a step, and the estimate is one


def test_currents_go_through_the_ends():
    for cells in (1, 2, 3, 100):
        grid = _unit_torus((cells,))
        rho = grid.density(lambda x: 1 + 0.5 * np.cos(TURN * x))
        m = rho.values
        here = (m + np.roll(m, -1)) / 2 * (np.log(m) - np.log(np.roll(m, -1))) * cells  # through the face after a cell
        current = jf.diagnostics.current_density(jf.Entropy(), rho)
        assert np.allclose(current[0], (here + np.roll(here, 1)) / 2, atol=1e-12)


@pytest.mark.parametrize("solver", [jf.BackAndForth(tolerance=1e-9), jf.Entropic(tolerance=1e-10)])
def test_steps_have_no_place_of_their_own(solver):
    grid = jf.Grid.torus((0, 1), (0, 2), cells=(16, 24))
    rho = grid.density(lambda x, y: np.exp(2 * np.cos(TURN * x) + np.cos(np.pi * y)))
    law = jf.RenyiEntropy(2) + 0.3 * jf.Interaction(jf.Morse())
    flow, other = (
        jf.evolve(law, jf.Density(grid, np.roll(rho.values, turns, (0, 1))), scheme=jf.JKO(solver), dt=0.02, t_end=0.06)
        for turns in ((0, 0), (5, 11))
    )
    assert np.abs(np.roll(flow.final.values, (5, 11), (0, 1)) - other.final.values).max() < 1e-6
    assert np.diff(flow.energies).max() < 0


@pytest.mark.parametrize("turn", [0, 17, 45])
@pytest.mark.parametrize("tau", [10.0, 1e3])
@pytest.mark.parametrize("kernel", [jf.PowerLaw(1.5), jf.Morse(), jf.Gaussian(1.0, 0.8)])
def test_heaps_that_join_in_a_long_step_keep_their_mean_on_a_torus(kernel, tau, turn):
    """Nothing lies in half of the period, so the mean is that of the line. It was lost by up to 15 cells."""
    grid = jf.Grid.torus((-3, 3), cells=100)
    x, rho = grid.axes[0], grid.density(lambda x: np.exp(-20 * (x + 0.4) ** 2) + 0.5 * np.exp(-20 * (x - 0.3) ** 2))
    law = 0.1 * jf.RenyiEntropy(2) + jf.Interaction(kernel)
    start = jf.Species.of(jf.Density(grid, np.roll(rho.values, turn)))
    answer = jf.BackAndForth().solve(jf.ProximalStep(law, start, tau))
    assert answer.status is jf.Status.CONVERGED
    lost = ((np.roll(answer.state[""].values, -turn) - rho.values) * x).sum() / rho.values.sum()
    assert abs(lost) < 0.55 * grid.spacing[0]
    assert abs(answer.distances[""] / jf.wasserstein2(answer.state[""], start[""]) - 1) < 0.03


@pytest.mark.parametrize(("cells", "dim", "tau"), [(40, 1, 0.1), (40, 1, 1e3), (101, 1, 0.1), (101, 1, 1e3), (33, 2, 1e3)])
@pytest.mark.parametrize("law", [jf.Entropy(), 0.3 * jf.RenyiEntropy(2)])
def test_indicators_on_tori_spread_in_steps_of_any_length(cells, dim, law, tau):
    """Also across the ends, and where no coarser cells help."""
    grid = _unit_torus((cells,) * dim)
    block = grid.density(sum(np.cos(TURN * x) for x in grid.mesh) > 0.6 * (dim - 1))
    turned = jf.Density(grid, np.roll(block.values, 13, 0))
    one, other = (jf.BackAndForth().solve(jf.ProximalStep(law, jf.Species.of(rho), tau)) for rho in (block, turned))
    assert one.status is jf.Status.CONVERGED
    assert other.status is jf.Status.CONVERGED
    assert np.abs(np.roll(one.state[""].values, 13, 0) - other.state[""].values).mean() < 1e-3 * block.mass


def test_distances_of_exact_steps_are_those_on_the_circle():
    grid = _unit_torus((200,))
    rho = grid.density(lambda x: np.exp(3 * np.cos(TURN * x)))
    answer = jf.BackAndForth().solve(jf.ProximalStep(0.3 * jf.Entropy(), jf.Species.of(rho), 0.05))
    assert abs(answer.distances[""] / jf.wasserstein2(answer.state[""], rho) - 1) < 1e-3
    assert abs(answer.gap) < 1e-2 * answer.distances[""] ** 2 / 0.1


def test_small_waves_of_exact_steps_fall_as_the_scheme_says():
    """By 1 / (1 + dt k^2) a step, to order 2 in the cells."""
    errors = []
    for cells in (20, 40):
        grid, dt = _unit_torus((cells,)), 0.005
        rho = grid.density(lambda x: 1 + 1e-3 * np.cos(TURN * (x - 0.1)), order=3)
        flow = jf.evolve(jf.Entropy(), rho, scheme=jf.JKO(jf.BackAndForth(tolerance=1e-10)), dt=dt, t_end=4 * dt)
        wave = 2 * np.mean((flow.final.values - 1) * np.cos(TURN * (grid.axes[0] - 0.1)))
        first = 2 * np.mean((rho.values - 1) * np.cos(TURN * (grid.axes[0] - 0.1)))
        errors.append(abs(wave / first - (1 + dt * TURN**2) ** -4))
    assert errors[1] < 2e-3
    assert np.log2(errors[0] / errors[1]) > 1.8


def test_the_midpoint_rule_goes_round_with_order_2():
    """Its geodesics go on round the ends: waves fall by exp(-k^2 t), from a start whose mass lies at the ends."""
    errors = []
    grid = _unit_torus((128,))
    wave = np.cos(TURN * grid.axes[0])
    rate = TURN**2 * (np.sin(np.pi / 128) / (np.pi / 128)) ** 2
    for steps in (4, 8):
        rho = grid.density(lambda x: 1 + 1e-3 * np.cos(TURN * x), order=3)
        scheme = jf.ImplicitMidpoint(jf.BackAndForth(tolerance=1e-10))
        flow = jf.evolve(jf.Entropy(), rho, scheme=scheme, dt=0.04 / steps, t_end=0.04)
        errors.append(abs(np.mean((flow.final.values - 1) * wave) / np.mean((rho.values - 1) * wave) - np.exp(-rate * 0.04)))
    assert errors[1] < 2e-3
    assert np.log2(errors[0] / errors[1]) > 1.7


def test_charges_on_a_torus_are_for_other_solvers():
    rho = _unit_torus((16,)).density(lambda x: 1 + 0 * x)
    law = jf.Entropy("a") + jf.Entropy("b") + jf.DirichletCoupling(a=1, b=-1)
    with pytest.raises(ValueError, match="BackAndForth takes couplings by charge in boxes"):
        jf.evolve(law, jf.Species(a=rho, b=rho), scheme=jf.JKO(jf.BackAndForth()), dt=0.1, t_end=0.1)


@pytest.mark.parametrize(("dim", "counts", "most"), [(1, (64, 128), 3e-5), (2, (32, 64), 3e-4), (3, (16, 32), 4e-3)])
def test_a_steady_wind_round_a_torus(dim, counts, most):
    errors = []
    for cells in counts:
        grid = _unit_torus((cells,) * dim)
        speeds, rho = [1.3 + 0.4 * k for k in range(dim)], grid.density(_heap, order=3)
        law = jf.Advection(lambda *x, speeds=speeds: tuple(v + 0 * x[0] for v in speeds))
        flow = jf.evolve(law, rho, scheme=jf.Splitting(jf.JKO()), dt=0.31, t_end=0.62)
        there = grid.density(lambda *x, speeds=speeds: _heap(*[z - 0.62 * v for z, v in zip(x, speeds, strict=True)]), order=3)
        errors.append(np.abs(flow.final.values - there.values).mean())
        assert abs(flow.final.mass - 1) < 1e-13
    assert errors[1] < most
    assert np.log2(errors[0] / errors[1]) > 1.9


def test_a_shear_that_diffuses_in_a_channel_and_on_a_torus():
    """rho(x - t u(y)) without diffusion; with it the mean along the stream is that of heat alone."""
    for periodic, speed in itertools.product([(True, True), (True, False)], [0.0, 1.0]):
        grid = jf.Grid.box((0, 1), (0, 1), cells=64, periodic=periodic)
        rho = grid.density(lambda x, y: 1 + 0.5 * np.cos(TURN * x), order=3)
        law = jf.Advection(lambda x, y, v=speed: (v * np.sin(TURN * y), 0 * x))
        final = jf.evolve(law, rho, scheme=jf.Splitting(jf.JKO()), dt=0.5, t_end=1.0).final
        there = grid.density(lambda x, y, v=speed: 1 + 0.5 * np.cos(TURN * (x - v * np.sin(TURN * y))), order=3)
        assert np.abs(final.values - there.values).mean() < 1e-3
        tilted = grid.density(lambda x, y: 1 + 0.5 * np.cos(np.pi * y) ** 2 + 0.3 * np.cos(TURN * x))
        stirred, still = (
            jf.evolve(0.05 * jf.Entropy() + more, tilted, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.3).final
            for more in (law, 0 * jf.Entropy())
        )
        assert np.abs(stirred.values.mean(axis=0) - still.values.mean(axis=0)).max() < 2e-3


def test_a_wind_must_be_periodic_on_a_torus():
    rho = _unit_torus((8, 8)).density(lambda x, y: 1 + 0 * x)
    for wind in (lambda x, y: (x, 0 * x), lambda x, y: (0 * x, x**2)):
        with pytest.raises(ValueError, match=r"velocity must be the same at both ends of the periodic axis 0.* jumps there"):
            jf.evolve(jf.Advection(wind), rho, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.1)
