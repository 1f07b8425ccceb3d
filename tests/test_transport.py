"""Gibbs kernel, distances, the dense path."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

import jkoflow as jf
from jkoflow.measures import line_distance
from jkoflow.transport import gibbs, sinkhorn
from jkoflow.transport.absorbed import absorbed_log_sum, narrow

from .tables import PLANE, SPACE, smooth


def _brute_force(grid, epsilon, values):
    """All images within three box lengths, by one large log-sum-exp."""
    points = grid.points.reshape(grid.size, -1)
    log_kernel = 0.0
    for axis, ((low, _), length) in enumerate(zip(grid.bounds, grid.lengths, strict=True)):
        x, y = points[:, None, axis] - low, points[None, :, axis] - low
        images = [sign * y + 2 * k * length for k in range(-3, 4) for sign in (1, -1)]
        log_kernel = log_kernel + logsumexp([-((x - image) ** 2) / epsilon for image in images], axis=0)
    return logsumexp(values.ravel()[None, :] + log_kernel, axis=1).reshape(grid.shape)


@settings(max_examples=30, deadline=None)
@given(
    size=st.integers(1, 40),
    log_epsilon=st.floats(-14, 0),
    spread=st.sampled_from([0.0, 1.0, 1e3, 1e5]),
    holes=st.booleans(),
    seed=st.integers(0, 9),
)
def test_gibbs_kernel_is_exact_at_any_epsilon_and_range(size, log_epsilon, spread, holes, seed):
    rng = np.random.default_rng(seed)
    grid = jf.Grid.box((0, 1), cells=size)
    values = spread * rng.normal(size=size)
    if holes and size > 1:
        values[rng.integers(0, size, size // 2)] = -np.inf
    epsilon = float(np.exp(log_epsilon))
    expected = _brute_force(grid, epsilon, values) if np.isfinite(values).any() else np.full(size, -np.inf)
    assert np.allclose(jf.GibbsKernel(grid, epsilon).log_apply(values), expected, rtol=1e-13, atol=1e-11)


@pytest.mark.parametrize("grid", [PLANE, SPACE], ids=["2-D", "3-D"])
@pytest.mark.parametrize("epsilon", [1e-5, 1e-2, 1.0])
def test_gibbs_kernel_separates(grid, epsilon):
    values = 50 * np.random.default_rng(0).normal(size=grid.shape)
    assert np.allclose(jf.GibbsKernel(grid, epsilon).log_apply(values), _brute_force(grid, epsilon, values), atol=1e-10)


def _sources(name, shape, stiffness):
    x, y = np.meshgrid(*((np.arange(n) + 0.5) / n for n in shape), indexing="ij")
    i, j = np.meshgrid(*map(np.arange, shape), indexing="ij")
    s, n = max(stiffness), max(shape)
    noise = np.random.default_rng(1).normal(size=(2, *shape))
    islands = ((abs(x - 0.2) < 0.1) & (abs(y - 0.3) < 0.1)) | ((abs(x - 0.7) < 0.1) & (abs(y - 0.6) < 0.2))
    return {
        "smooth": 0.006 * s * n**2 * np.sin(4 * np.pi * x) * np.sin(4 * np.pi * y),
        "steep": -2 * s * n**2 * ((x - 0.3) ** 2 - 0.3 * y),
        "islands": np.where(islands, 300 * x, -np.inf),
        "one cell": np.where((i == 3) & (j == 40), 0.0, -np.inf),
        "two cells": np.where(((i == 3) & (j == 40)) | ((i == 90) & (j == 60)), -5.0, -np.inf),
        "noise": 30 * noise[0],
        "holes": np.where(noise[1] > 2, 30 * noise[0], -np.inf),
        "caustic": 1.5 * s * n**2 * ((x - 0.4) ** 2 + (y - 0.5) ** 2),
        "edge": np.where(x < 0.5, 2000 * np.sin(6 * y), -np.inf),
        "no mass": np.full(shape, -np.inf),
    }[name]


def _by_axis(values, stiffness):
    """The log-sums along one axis after the other by scipy, with the first images in the walls."""
    with np.errstate(divide="ignore", invalid="ignore"):
        for s in stiffness[::-1]:
            i = np.arange(values.shape[1])
            kernel = logsumexp([-s * (i[:, None] - image) ** 2 for image in (i, -1 - i, 2 * i.size - 1 - i)], axis=0)
            values = logsumexp(values[:, None, :] + kernel, axis=2).T
    return values


@pytest.mark.slow
@pytest.mark.parametrize("stiffness", [(0.667, 0.667), (1.0, 0.7), (4.0, 2.0), (4.9, 3.0)])
@pytest.mark.parametrize(
    "name", ["smooth", "steep", "islands", "one cell", "two cells", "noise", "holes", "caustic", "edge", "no mass"]
)
def test_absorbed_sums_are_exact_at_any_range(name, stiffness):
    shape = (96, 107)
    values = _sources(name, shape, stiffness)
    largest = np.abs(values[np.isfinite(values)]).max(initial=0.0)
    walls = ("mirrored", "mirrored")
    assert narrow(shape, stiffness, walls)
    assert np.allclose(
        absorbed_log_sum(values, stiffness, walls), _by_axis(values, stiffness), rtol=1e-15, atol=1e-12 + 1e-15 * largest
    )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "absorbed"), [("edge", 1), ("smooth", 0), ("noise", 0)])
def test_gibbs_kernel_absorbs_what_the_products_cannot_sum(name, absorbed, monkeypatch):
    """By banded products (the axes are longer than a band) where the range allows, in tiles where it does not."""
    calls = []
    monkeypatch.setattr(gibbs, "absorbed_log_sum", lambda *args: calls.append(1) or absorbed_log_sum(*args))
    grid = jf.Grid.box((0, 1), (0, 1), cells=(144, 160))
    epsilon = 1.5 / 150**2
    stiffness = tuple(h**2 / epsilon for h in grid.spacing)
    values = _sources(name, grid.shape, stiffness)
    out = jf.GibbsKernel(grid, epsilon).log_apply(values)
    assert np.allclose(out, _by_axis(values, stiffness), rtol=1e-13, atol=1e-11)
    assert len(calls) == absorbed


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e308])
def test_what_is_not_finite_is_handed_on(bad):
    values = np.where(np.arange(96 * 96).reshape(96, 96) % 7 == 0, 0.0, -np.inf)
    values[:, ::2] = -1e308
    values[40, 50] = bad
    with np.errstate(over="ignore", invalid="ignore"):
        out = jf.GibbsKernel(jf.Grid.box((0, 1), (0, 1), cells=(96, 96)), 1.5 / 96**2).log_apply(values)
    assert np.isnan(out).all() if not np.isfinite(bad) else out[40, 50] == bad or np.isnan(out[40, 50])


def test_distance_on_the_line_of_uniforms():
    """W2 between uniforms: the maps are affine, so W2^2 = (difference of means)^2 + (difference of half-widths)^2 / 3."""
    grid = jf.Grid.box((0, 8), cells=64)
    a = grid.density(lambda x: (x < 2) * 1.0)
    b = grid.density(lambda x: ((x > 3) & (x < 7)) * 1.0)
    assert np.isclose(jf.wasserstein2(a, b), np.sqrt(16 + 1 / 3), rtol=1e-12)
    assert np.isclose(jf.wasserstein2(b, a), jf.wasserstein2(a, b), rtol=1e-12)
    assert jf.wasserstein2(a, a) == 0
    heavy = [grid.density(m.values, mass=4.0) for m in (a, b)]
    assert np.isclose(jf.wasserstein2(*heavy), 2 * np.sqrt(16 + 1 / 3), rtol=1e-12)


def test_distance_jumps_over_gaps():
    grid = jf.Grid.box((0, 4), cells=4)
    split = grid.density(np.array([1.0, 0.0, 0.0, 1.0]))
    whole = grid.density(np.array([0.0, 1.0, 1.0, 0.0]))
    assert np.isclose(jf.wasserstein2(split, whole), 1.0, rtol=1e-12)


def test_distance_in_the_plane_of_translates():
    grid = jf.Grid.box((0, 2), (0, 1), cells=(16, 8))
    square = grid.density(lambda x, y: ((x < 0.5) & (y < 0.5)) * 1.0)
    moved = grid.density(lambda x, y: ((x > 1) & (x < 1.5) & (y > 0.5)) * 1.0)
    assert np.isclose(jf.wasserstein2(square, moved), np.sqrt(1 + 0.25), rtol=1e-9)


def test_distance_refuses():
    line, plane = smooth(jf.Grid.box((0, 1), cells=8)), smooth(PLANE)
    with pytest.raises(ValueError, match="one dimension"):
        jf.wasserstein2(line, plane)
    with pytest.raises(ValueError, match="a must be a Density"):
        jf.wasserstein2(None, line)
    with pytest.raises(ValueError, match="epsilon must be a positive"):
        jf.GibbsKernel(PLANE, -1.0)
    empty = line.like(np.zeros(8))
    assert jf.wasserstein2(empty, empty) == 0
    with pytest.raises(ValueError, match="same mass"):
        jf.wasserstein2(line, line.like(2 * line.values))


def test_the_dense_step_takes_any_points_and_any_cost():
    """With cost 0 all rows are alike: the new masses are proportional to reference^(D / (D + theta)), theta = eps / (2 tau)."""
    masses, reference = np.array([0.2, 0.3]), np.array([1.0, 2.0, 5.0])
    new, plan, _, error = jf.semi_relaxed_step(masses, np.zeros((2, 3)), reference, tau=1.0, epsilon=0.1, tolerance=1e-13)
    profile = reference ** (1 / 1.05)
    assert np.allclose(new, 0.5 * profile / profile.sum(), rtol=1e-7)
    assert error < 1e-8
    assert np.allclose(plan.sum(axis=0), new)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tau": 0.0}, "tau must be a positive"),
        ({"epsilon": -1.0}, "epsilon must be a positive"),
        ({"diffusion": np.nan}, "diffusion must be a positive"),
        ({"cost": np.zeros(3)}, "cost must be a matrix"),
        ({"cost": np.full((2, 2), np.nan)}, "cost must be finite"),
        ({"masses": np.array([-1.0, 2.0])}, "masses must be non-negative"),
        ({"reference": np.ones(3)}, "reference must have shape"),
        ({"max_iterations": 0}, "max_iterations must be"),
    ],
)
def test_the_dense_step_refuses(change, message):
    good = {"masses": np.ones(2), "cost": np.zeros((2, 2)), "reference": np.ones(2), "tau": 1.0, "epsilon": 1.0}
    with pytest.raises(ValueError, match=message):
        jf.semi_relaxed_step(**(good | change))


def _clouds(n, d=2, seed=0):
    rng = np.random.default_rng(seed)
    return jf.Particles(rng.normal(size=(n, d))), jf.Particles(
        0.5 * rng.normal(size=(n + 3, d)) + 1.0, rng.dirichlet(np.ones(n + 3))
    )


def test_wasserstein_on_the_line_is_that_of_quantiles():
    a, b = jf.Particles([2.0, 0.0]), jf.Quantiles([1.0, 3.0])
    for p in (1, 2, 3.5):
        found = jf.wasserstein(a, b, p)
        assert (found.method, found.exact) == ("pseudo-inverses", True)
        assert float(found) == pytest.approx(a.quantiles().wasserstein(b, p), rel=1e-13)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_wasserstein_of_clouds_is_that_of_the_best_assignment(p):
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    a, b = (jf.Particles(cloud.points[:40], np.full(40, 0.05)) for cloud in _clouds(50, 3))
    cost = cdist(a.points, b.points) ** p
    best = 0.05 * cost[linear_sum_assignment(cost)].sum()
    found = jf.wasserstein(a, b, p)
    assert (found.method, found.exact) == ("network simplex", True)
    assert found.value == pytest.approx(best ** (1 / p), rel=1e-12)
    assert found.value * (1 - 1e-6) <= found.lower <= found.value


@pytest.mark.parametrize("levels", ["grid", "cloud"])
def test_coarse_levels_do_not_change_the_divergence(monkeypatch, levels):
    """Two to one, with vacuum, on cells whose numbers are odd; two clouds of 800 points."""
    if levels == "grid":
        grid = jf.Grid.box((0, 1), (0, 2), cells=(131, 200))
        a = grid.density(lambda x, y: ((x - 0.2) ** 2 + (y - 0.3) ** 2 < 0.01) * 1.0 + ((x - 0.8) ** 2 + (y - 1.7) ** 2 < 0.01))
        b = grid.density(lambda x, y: ((x - 0.7) ** 2 + (y - 1.0) ** 2 < 0.03) * 1.0)
        b = jf.Density(grid, b.values * a.mass / b.mass)
    else:
        a, b = (jf.Particles(cloud.points) for cloud in _clouds(800))
    found = jf.wasserstein(a, b, method="sinkhorn", blur=0.2)
    monkeypatch.setattr(sinkhorn, "_FEWEST", 10**6)
    monkeypatch.setattr(sinkhorn, "_MANY", 10**6)
    directly = jf.wasserstein(a, b, method="sinkhorn", blur=0.2)
    assert found.settled
    assert directly.settled
    assert found.value == pytest.approx(directly.value, rel=1e-5)


def test_no_distance_is_below_its_lower_bound():
    """By the network simplex, on grids with noise and vacuum and between clouds; the divergence is never below the bound."""
    rng, grid = np.random.default_rng(4), jf.Grid.box((0, 1), (0, 1), cells=(24, 24))
    values = rng.random((24, 24)) ** 6 * (rng.random((24, 24)) < 0.5), rng.random((24, 24)) ** 3
    densities = [jf.Density(grid, v / v.sum()) for v in values]
    clouds = [jf.Particles(scale * rng.normal(size=(n, 3)) + scale) for n, scale in ((300, 1.0), (200, 1.5))]
    for a, b in (densities, [jf.Particles(c.points, c.masses / c.mass) for c in clouds]):
        exact = jf.wasserstein(a, b, method="exact").value
        for blur in (0.01, 0.05, 0.3):
            found = jf.wasserstein(a, b, method="sinkhorn", blur=blur)
            assert 0 < found.lower <= exact * (1 + 1e-9)
            assert found.lower <= found.value


@pytest.mark.slow
def test_the_sinkhorn_divergence_tends_to_the_distance():
    a, b = _clouds(300)
    exact = jf.wasserstein(a, b).value
    errors = []
    for blur in (0.8, 0.4, 0.2):
        found = jf.wasserstein(a, b, method="sinkhorn", blur=blur)
        assert found.settled
        assert not found.exact
        assert f"blur {blur}" in found.method
        errors.append(abs(found.value - exact))
    assert errors[-1] < 3e-3 * exact
    assert errors[0] > 4 * errors[-1]
    same = jf.wasserstein(a, a, method="sinkhorn", blur=0.4)
    assert same.value < 1e-3
    masses = [jf.Particles(c.points, 3 * c.masses) for c in (a, b)]
    assert jf.wasserstein(*masses, method="sinkhorn", blur=0.4).value == pytest.approx(
        3**0.5 * jf.wasserstein(a, b, method="sinkhorn", blur=0.4).value, rel=1e-9
    )


@pytest.mark.slow
def test_the_sinkhorn_divergence_on_a_grid_is_that_of_its_cells():
    """Translates of Gaussians, and the same sums over points; vacuum included."""
    grid = jf.Grid.box((-3, 4), (-3, 3), cells=(28, 24))
    u = grid.density(lambda x, y: np.exp(-2 * (x**2 + y**2)) * (x < 2))
    v = grid.density(lambda x, y: np.exp(-2 * ((x - 1) ** 2 + y**2)))
    on_grid = jf.wasserstein(u, v, method="sinkhorn", blur=0.3)
    clouds = [jf.Particles(m.points[m.masses > 0], m.masses[m.masses > 0]) for m in (u, v)]
    assert on_grid.value == pytest.approx(jf.wasserstein(*clouds, method="sinkhorn", blur=0.3).value, rel=1e-6)
    assert on_grid.value == pytest.approx(1.0, abs=5e-3)
    assert jf.wasserstein(u, v).method == "network simplex"
    fine = jf.Grid.box((-3, 4), (-3, 3), cells=(70, 60))
    assert "Sinkhorn" in jf.wasserstein(fine.density(lambda x, y: 1 + 0 * x), fine.density(lambda x, y: 4 + x)).method


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p": 0.5}, "p must be >= 1"),
        ({"p": np.inf}, "p must be"),
        ({"method": "fast"}, "method must be"),
        ({"method": "sinkhorn", "p": 1}, "p must be 2 with method"),
        ({"blur": 0.0}, "blur must be"),
        ({"b": jf.Particles([0.0])}, "must have one dimension"),
        ({"b": jf.Particles([[0.0, 0.0]], [2.0])}, "must have the same mass"),
        ({"a": 3.0}, "a must be a Density"),
    ],
)
def test_wasserstein_refuses(change, message):
    arguments = {"a": jf.Particles([[0.0, 0.0]]), "b": jf.Particles([[1.0, 0.0]])} | change
    with pytest.raises(ValueError, match=message):
        jf.wasserstein(**arguments)


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_exact_distances_in_any_units_and_anywhere(p, seed):
    """Against the assignment problem of scipy: other units of length and mass, far from the origin, few points far away."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, 2)), rng.normal(size=(40, 2))
    if seed % 2:  # an outlier on both sides, which costs nothing by itself
        far = 10.0 ** rng.uniform(3, 9)
        x[0], y[0] = far, far
    cost = cdist(x, y) ** p
    exact = cost[linear_sum_assignment(cost)].mean() ** (1 / p)
    for length, mass, shift in ((1.0, 1.0, 0.0), (1e-9, 1e-18, 0.0), (1e9, 1e23, 0.0), (1e-3, 1.0, 1e5)):
        moved = [jf.Particles((z + shift) * length, np.full(40, mass / 40)) for z in (x, y)]
        allowed = 1e-8 + 4e-16 * (np.abs(x).max() + shift) / exact  # what rounding of the input does
        found = float(jf.wasserstein(*moved, p=p)) / (length * mass ** (1 / p))
        assert found == pytest.approx(exact, rel=allowed)


@pytest.mark.parametrize("shift", [1e-6, 1e-3, 0.05])
def test_the_linearised_distance_follows_motion_below_a_cell(shift):
    from jkoflow.transport import nearby_distance

    grid = jf.Grid.box((-4, 4), (-4, 4), cells=40)
    bell = lambda x0: grid.density(lambda x, y: np.exp(-((x - x0) ** 2) - 2 * y**2), mass=3.0)  # noqa: E731
    assert nearby_distance(bell(0.3), bell(0.3 + shift)) == pytest.approx(3**0.5 * shift, rel=1e-2)
    assert nearby_distance(bell(0.3), bell(0.3)) == 0


def test_the_linearised_distance_is_large_across_a_vacuum():
    from jkoflow.transport import nearby_distance

    grid = jf.Grid.box((-4, 4), (-4, 4), cells=40)
    discs = [grid.density(lambda x, y, c=c: ((x - c) ** 2 + y**2 < 0.6) * 1.0) for c in (-2, 2)]
    assert nearby_distance(*discs) > 4
    two = [grid.density(lambda x, y, s=s: ((x + 2) ** 2 + y**2 < 0.6) * s + ((x - 2) ** 2 + y**2 < 0.6)) for s in (1.0, 1.2)]
    assert nearby_distance(*two) > float(jf.wasserstein(*two))


def test_a_distance_is_a_number_that_knows_its_method():
    distance = jf.wasserstein(jf.Particles([0.0]), jf.Particles([0.25]))
    assert f"{distance:.3f}" == "0.250"
    assert 2 * distance == distance / 0.5 == 0.5
    again = pickle.loads(pickle.dumps(distance))
    assert (again, again.method, again.lower) == (distance, distance.method, distance.lower)


@given(st.integers(0, 10**6), st.sampled_from([1, 1.5, 2, 3, np.inf]))
@settings(max_examples=60, deadline=None)
def test_the_compiled_pass_over_levels_gives_the_same_distance(seed, p):
    """Atoms, gaps and cells of mass 1e-9, far from the origin: large measures take the compiled pass, small ones do not."""
    rng = np.random.default_rng(seed)
    n, m = rng.integers(1, 40, 2)
    w, v = (rng.random(k) * (rng.random(k) > 0.3) + 1e-9 * (rng.random(k) > 0.5) for k in (n, m))
    w[0], v[-1] = w[0] + 0.1, v[-1] + 0.1
    v *= w.sum() / v.sum()
    x, y = (np.cumsum(rng.exponential(size=k + 1) * (rng.random(k + 1) > 0.4)) for k in (n, m))
    x += 10 ** rng.uniform(-3, 6)
    small = line_distance.quantile_distance(x, w, y, v, p)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_distance, "_LARGE", 0)
        assert line_distance.quantile_distance(x, w, y, v, p) == pytest.approx(small, rel=1e-11)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 7.0])
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_points_of_equal_masses_on_the_line_are_matched_in_their_order(p, scale):
    """In any order, with points at one place, and beside the way through pseudo-inverses."""
    rng = np.random.default_rng(0)
    x, y = scale * rng.normal(size=50), scale * np.round(3 + 2 * rng.normal(size=50), 1)
    a, b = jf.Particles(x, np.full(50, 0.1)), jf.Particles(y[:, None], np.full(50, 0.1))
    expected = (0.1 * (np.abs(np.sort(x) - np.sort(y)) ** p).sum()) ** (1 / p)
    assert float(jf.wasserstein(a, b, p)) == pytest.approx(float(expected), rel=1e-12)
    assert float(jf.wasserstein(a, b, p)) == pytest.approx(float(a.quantiles().wasserstein(b.quantiles(), p)), rel=1e-12)
    assert float(jf.wasserstein(a, a, p)) == 0
