"""Particles on a torus: kernels and alignment along the shortest way round, and clouds brought onto periodic grids."""

import numpy as np
import pytest
from scipy.optimize import linprog

import jkoflow as jf

PERIOD = (1.0, 2.0)
WAVE = jf.CustomKernel(lambda x: -np.cos(x), np.sin)


def _cloud(n=30, seed=0):
    return jf.Particles(np.random.default_rng(seed).uniform((0, 0), PERIOD, (n, 2)))


def test_the_kernel_is_that_of_a_density_on_a_torus():
    """The same sum: over cells by transforms, over particles at the centres of the cells by pairs."""
    torus = jf.Grid.torus((0, 1), (0, 2), cells=(12, 20))
    rho = torus.density(lambda x, y: 1 + np.sin(2 * np.pi * x) * np.cos(np.pi * y))
    for kernel in (jf.Gaussian(1.0, 0.2), jf.PowerLaw(2), jf.Gaussian(2.0, 0.1) - 0.5 * jf.Gaussian(1.0, 0.3)):
        points = jf.Particles(np.stack([x.ravel() for x in torus.mesh], axis=1), rho.masses)
        around = points.convolve(jf.Periodic(kernel, PERIOD))
        assert np.allclose(around, torus.convolve(kernel, rho.values).ravel(), atol=1e-12)


@pytest.mark.parametrize("scheme", [jf.Overdamped(), jf.JKO(), jf.Langevin(seed=1)])
def test_turns_change_nothing(scheme):
    """Every particle starts some periods off; what moves is the same."""
    cloud, turns = _cloud(), np.random.default_rng(1).integers(-3, 4, (30, 2)) * np.array(PERIOD)
    law = jf.Interaction(jf.Periodic(jf.Gaussian(1.0, 0.12), PERIOD))
    law = law + 0.01 * jf.Entropy() if isinstance(scheme, jf.Langevin) else law
    near = jf.evolve(law, cloud, scheme=scheme, dt=0.05, t_end=0.5)
    far = jf.evolve(law, jf.Particles(cloud.points + turns), scheme=scheme, dt=0.05, t_end=0.5)
    assert np.allclose(far.final.points - turns, near.final.points, atol=1e-6)
    assert np.allclose(far.energies, near.energies, equal_nan=True, atol=1e-9)
    assert np.allclose(far.final.wrapped((0, 1), (0, 2)).points, near.final.wrapped((0, 1), (0, 2)).points, atol=1e-6)
    if not isinstance(scheme, jf.Langevin):
        assert np.all(np.diff(near.energies) <= 1e-12)
        assert np.allclose(near.final.mean, cloud.mean, atol=1e-8)  # action equals reaction, across the ends too


def test_a_channel_closes_along_one_axis():
    kernel = jf.Periodic(jf.PowerLaw(2), (1.0, None))
    assert float(kernel(0.9, 3.0)) == pytest.approx((0.1**2 + 9) / 2)
    assert np.allclose(kernel.gradient(0.9, 3.0), [-0.1, 3.0])


def test_waves_of_the_period_are_left_as_they_are():
    """Kuramoto's oscillators: -cos has the period already."""
    start = jf.Particles(np.random.default_rng(2).uniform(0, 2 * np.pi, 20))
    flows = [
        jf.evolve(jf.Interaction(kernel), start, scheme=jf.Overdamped(), dt=0.1, t_end=3.0)
        for kernel in (WAVE, jf.Periodic(WAVE, 2 * np.pi))
    ]
    assert np.allclose(flows[0].final.points, flows[1].final.points, atol=1e-7)


def test_alignment_across_the_ends():
    """Two particles .04 apart across the end, slow against psi: the difference of velocities decays with psi(.04)."""
    pair = jf.MovingParticles([0.02, 0.98], [1e-6, -1e-6])
    psi = lambda r: np.exp(-((r / 0.1) ** 2))  # noqa: E731
    flow = jf.evolve(jf.Alignment(psi, period=1.0), pair, scheme=jf.Inertial(), dt=0.01, t_end=1.0)
    assert float(flow.final.velocities[0]) == pytest.approx(1e-6 * np.exp(-psi(0.04)), rel=1e-4)
    plane = jf.MovingParticles([[0.5, 0.01], [0.5, 1.99]], [[1e-6, 0.0], [0.0, 0.0]])
    flow = jf.evolve(jf.Alignment(psi, period=(None, 2.0)), plane, scheme=jf.Inertial(), dt=0.01, t_end=1.0)
    apart = flow.final.velocities[0] - flow.final.velocities[1]
    assert float(apart[0]) == pytest.approx(1e-6 * np.exp(-psi(0.02)), rel=1e-4)


def test_a_swarm_with_inertia_keeps_its_energy():
    swarm = jf.MovingParticles(_cloud().points, 0.3 * np.random.default_rng(3).normal(size=(30, 2)))
    law = jf.Interaction(jf.Periodic(-1.0 * jf.Gaussian(1.0, 0.2), PERIOD))
    flow = jf.evolve(law, swarm, scheme=jf.Inertial(), dt=0.005, t_end=2.0)
    assert np.ptp(flow.energies) < 2e-3 * abs(flow.energies[0])
    assert np.abs(flow.final.points - swarm.points).max() > 0.5  # they have gone round


@pytest.mark.parametrize("width", [None, 0.3])
def test_clouds_go_round_a_periodic_grid(width):
    torus, cloud = jf.Grid.torus((0, 1), (0, 2), cells=(10, 16)), _cloud()
    density = cloud.density(torus, width=width)
    assert density.mass == pytest.approx(1.0, rel=1e-13)
    turned = jf.Particles(cloud.points + np.array([3.0, -4.0])).density(torus, width=width)
    assert np.allclose(turned.values, density.values, atol=1e-11)
    rolled = jf.Particles(cloud.points + np.array([0.1, 0.0])).density(torus, width=width)
    assert np.allclose(rolled.values, np.roll(density.values, 1, axis=0), atol=1e-11)
    channel = jf.Grid.box((0, 1), (0, 2), cells=(10, 16), periodic=(True, False))
    assert cloud.density(channel, width=width).mass == pytest.approx(1.0, rel=1e-13)
    with pytest.raises(ValueError, match="points must lie in the box"):
        jf.Particles([[0.5, 2.5]]).density(channel, width=width)


def test_a_wide_cloud_on_a_circle_is_a_wrapped_gaussian():
    circle, s = jf.Grid.torus((0, 1), cells=64), 0.15
    density = jf.Particles([0.9]).density(circle, width=s)
    x = circle.axes[0]
    heights = [2 * np.exp(-2 * (np.pi * k * s) ** 2) * np.sinc(k / 64) for k in range(1, 9)]  # averages over cells
    waves = sum(height * np.cos(2 * np.pi * k * (x - 0.9)) for k, height in enumerate(heights, start=1))
    assert np.allclose(density.values, 1 + waves, atol=1e-8)


def test_what_is_refused():
    with pytest.raises(ValueError, match="kernel must be a Kernel"):
        jf.Periodic(np.cos, 1.0)
    with pytest.raises(ValueError, match="period must be a positive finite number"):
        jf.Periodic(jf.Gaussian(), -1.0)
    with pytest.raises(ValueError, match="period must close an axis at least"):
        jf.Periodic(jf.Gaussian(), (None, None))
    with pytest.raises(ValueError, match="period must have 1 lengths, one per axis"):
        jf.Periodic(jf.Gaussian(), (1.0, 1.0))(0.5)
    with pytest.raises(ValueError, match="bounds must be 2 pairs of ends or None"):
        _cloud().wrapped((0, 1))
    with pytest.raises(ValueError, match="pointed or singular at the origin"):
        jf.evolve(jf.Interaction(jf.Periodic(jf.Morse(), 1.0)), _cloud(), scheme=jf.Overdamped(), dt=0.1, t_end=1.0)
    space, velocity = jf.Grid.box((0, 1), cells=8), jf.Grid.box((-1, 1), cells=8)
    phase = jf.PhaseDensity.of(space, velocity, lambda x, v: np.exp(-9 * v**2))
    with pytest.raises(ValueError, match=r"period of Alignment.* is for particles"):
        jf.evolve(jf.Alignment(np.exp, period=1.0), phase, scheme=jf.Kinetic(), dt=0.1, t_end=1.0)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_distances_on_a_torus_are_those_of_a_linear_program(dim):
    rng = np.random.default_rng(dim)
    period = (2.0, None, 0.7)[:dim] if dim > 1 else (2.0,)
    for p in (1, 1.5, 2):
        a, b = rng.normal(0, 5, (7, dim)), rng.normal(0, 5, (5, dim))
        w, v = rng.uniform(0.1, 1, 7), rng.uniform(0.1, 1, 5)
        v *= w.sum() / v.sum()
        apart = np.abs(a[:, None] - b)
        for axis, length in enumerate(period):
            if length is not None:
                turned = np.mod(apart[..., axis], length)
                apart[..., axis] = np.minimum(turned, length - turned)
        cost = (apart**2).sum(axis=2) ** (p / 2)
        rows, columns = np.kron(np.eye(7), np.ones(5)), np.kron(np.ones(7), np.eye(5))
        least = linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([w, v])).fun
        clouds = (jf.Particles(x if dim > 1 else x.ravel(), m) for x, m in ((a, w), (b, v)))
        found = jf.wasserstein(*clouds, p, period=period)
        assert found == pytest.approx(least ** (1 / p), rel=1e-9)
        assert found.exact


def test_refusals_of_distances_with_a_period():
    cloud, line = jf.Particles([[0.0, 1.0]]), jf.Quantiles([0.0, 1.0])
    for call, words in (
        (lambda: jf.wasserstein(cloud, cloud, period=1.0, method="sinkhorn"), "with a period"),
        (lambda: jf.wasserstein(cloud, cloud, period=(1.0, 1.0, 1.0)), "2 lengths"),
        (lambda: jf.wasserstein(cloud, cloud, period=-1.0), "period"),
        (lambda: jf.wasserstein(line, line, period=1.0), "two Particles"),
    ):
        with pytest.raises(ValueError, match=words):
            call()
