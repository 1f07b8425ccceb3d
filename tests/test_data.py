"""Data as it comes: odd arguments, functions of users, tables, points on grids."""

from __future__ import annotations

import numpy as np
import pytest

import jkoflow as jf

from .fuzz import count
from .tables import slow

LINE = jf.Grid.box((-1, 1), cells=50)
PLANE = jf.Grid.box((-1, 1), (0, 2), cells=(12, 9))
RHO = LINE.density(np.ones(50))


@pytest.mark.parametrize(("cases", "seed"), [(600, 11), slow(20_000, 0)])
def test_random_calls_end_with_an_answer_or_with_words(cases, seed):
    results, wrong = count(cases, seed)
    assert not wrong, wrong[:10]
    assert set(results) == {"answer", "words"}
    assert results["answer"] > cases / 8  # enough of the calls are good


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: __import__("math").sin(x), r"computes with whole arrays \(np\.sin and np\.where, not math\.sin or if\)"),
        (lambda x: 0.0 if x < 0 else 1.0, "takes one array of coordinates"),
        (lambda x, y: x + y, "raised TypeError"),
        (lambda x: np.stack([x, x, x]), "one number for every point"),
        (lambda x: np.sqrt(x.astype(complex)), "must return real numbers, got complex128"),
        (lambda x: "high", "must return real numbers"),
    ],
)
def test_functions_that_cannot_be_used_are_named(function, message):
    for state in (RHO, RHO.quantiles(), jf.Particles(RHO.points, RHO.masses)):
        with pytest.raises(ValueError, match=message) as caught:
            jf.evolve(jf.Potential(function), state, dt=0.1, t_end=0.1)
        assert str(caught.value).startswith("V ")


@pytest.mark.parametrize(
    "values",
    [
        np.ones(50, dtype=complex),
        np.ma.masked_array(np.ones(50), [True] + 49 * [False]),
        np.full(50, "1"),
        np.full(50, np.datetime64("2020-01-01")),
        [10**400] * 50,
    ],
)
def test_arrays_of_another_kind_are_refused(values):
    with pytest.raises(ValueError, match=r"values.* must (be an array of real numbers|not be masked)"):
        LINE.density(values)


def test_numbers_are_stored_as_they_were_checked():
    small = jf.Gaussian(np.uint8(2))
    assert float(small(0.5)) == float(jf.Gaussian(2.0)(0.5))
    assert type(small.strength) is int
    assert type(jf.Overdamped(np.float64(1e-6)).tolerance) is float
    assert jf.PowerLaw(np.array(2.0)) == jf.PowerLaw(2.0)
    assert hash(jf.PowerLaw(np.int16(3))) == hash(jf.PowerLaw(3))


def test_weights_of_single_precision_are_equal_enough():
    rng = np.random.default_rng(0)
    grid = jf.Grid.box((0, 64), cells=64)
    u, v = (weights / weights.sum() for weights in rng.random((2, 64)).astype(np.float32))
    a, b = jf.Density(grid, u), jf.Density(grid, v)
    assert a.mass != b.mass
    exact = [jf.Density(grid, w.astype(float) / w.astype(float).sum()) for w in (u, v)]
    assert float(jf.wasserstein(a, b)) == pytest.approx(float(jf.wasserstein(*exact)), rel=1e-6)
    law = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=1, v=-1)
    assert jf.evolve(law, jf.Species(u=a, v=b), dt=0.1, t_end=0.1).ok
    with pytest.raises(ValueError, match="must have the same mass"):
        jf.wasserstein(a, jf.Density(grid, v * 1.0001))


def test_points_become_a_density_and_keep_their_mass():
    rng = np.random.default_rng(3)
    points = np.stack([rng.uniform(-1, 1, 300), rng.uniform(0, 2, 300)], axis=1)
    points[:3] = [[-1.0, 0.0], [1.0, 2.0], [-1.0, 2.0]]
    cloud = jf.Particles(points, rng.uniform(0.1, 1.0, 300))
    for density in (cloud.density(PLANE), cloud.density(PLANE, width=0.2), cloud.density(PLANE, width=5.0)):
        assert density.mass == pytest.approx(cloud.mass, rel=1e-14)
        assert density.values.min() >= 0
    inside = jf.Particles([[0.3, 1.1], [-0.2, 0.7]])
    assert np.allclose(inside.density(PLANE).mean, inside.mean, atol=1e-14)  # linear shares keep the mean
    widths = (0.3, 0.1)
    apart = jf.Grid.box((-4, 4), cells=800)
    for width in widths:
        spread = jf.Particles([0.5]).density(apart, width=width)
        assert np.allclose(
            spread.values, np.exp(-(((apart.axes[0] - 0.5) / width) ** 2) / 2) / (width * np.sqrt(2 * np.pi)), atol=2e-3
        )
    flat = jf.Particles([0.9]).density(jf.Grid.box((-1, 1), cells=40), width=30.0)  # reflected so often that it is uniform
    assert np.allclose(flat.values, 0.5, atol=1e-3)
    space = jf.Grid.box((0, 1), (0, 1), (0, 1), cells=4)
    assert jf.Particles([[0.2, 0.3, 0.9]]).density(space).mass == pytest.approx(1.0)
    assert jf.Particles([[0.2, 0.3, 0.9]]).density(space, width=0.3).mass == pytest.approx(1.0)
    with pytest.raises(ValueError, match="1 of 2 lie outside"):
        jf.Particles([0.0, 3.0]).density(LINE)
    with pytest.raises(ValueError, match="grid must be a Grid of dimension 1"):
        jf.Particles([0.0]).density(PLANE)
    with pytest.raises(ValueError, match="width must be"):
        jf.Particles([0.0]).density(LINE, width=0.0)


def test_tables_become_points(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("x,y,weight\n0.0,1.0,2\n0.5,0.25,1\n")
    cloud = jf.Particles.from_table(path, points=("x", "y"), mass="weight")
    assert cloud.points.tolist() == [[0.0, 1.0], [0.5, 0.25]]
    assert cloud.masses.tolist() == [2.0, 1.0]
    assert jf.Particles.from_table(str(path), points="x").masses.tolist() == [0.5, 0.5]
    pandas = pytest.importorskip("pandas")
    assert np.array_equal(jf.Particles.from_table(pandas.read_csv(path), ("x", "y"), "weight").points, cloud.points)
    path.write_text("x,y\n0.0,1.0\nnorth,2\n")
    for names, message in (("z", "column 'z', and .* has 'x', 'y'"), ("x", "got 'north' in line 3")):
        with pytest.raises(ValueError, match=message):
            jf.Particles.from_table(path, points=names)
    with pytest.raises(ValueError, match="cannot be read"):
        jf.Particles.from_table(tmp_path / "missing.csv", points="x")
    with pytest.raises(ValueError, match="column 'y', and it has 'x'"):
        jf.Particles.from_table({"x": [1.0]}, points="y")


def test_laws_of_arrays_are_compared_by_identity():
    first, second = jf.Obstacle(np.zeros((4, 4), bool), "a"), jf.Obstacle(np.ones((4, 4), bool), "b")
    assert (first + second) == (first + second)
    assert first != second
    assert len({hash(first), hash(second), hash(jf.Potential(np.zeros(4)))}) == 3
