"""Quantiles and particles: what they hold, their integrals and distances, conversions, refusals."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

import jkoflow as jf

from .tables import LINE, smooth

MIXED = jf.Quantiles([-1.0, -0.4, -0.4, 0.5, 1.1, 1.1], [0.2, 0.3, 0.1, 0.0, 0.4])  # an atom, a gap, an atom at the end


def _random(rng, atoms=True):
    n = int(rng.integers(1, 9))
    widths = rng.uniform(0.1, 1.0, n) * ((rng.random(n) < 0.7) if atoms else 1)
    return jf.Quantiles(
        np.concatenate([[0.0], np.cumsum(widths)]) + rng.normal(), (lambda w: w / w.sum())(rng.uniform(0.1, 1, n))
    )


def test_what_quantiles_hold():
    assert np.array_equal(MIXED.atomic, [False, True, False, False, True])
    assert np.array_equal(MIXED.values, [0.2 / 0.6, np.inf, 0.1 / 0.9, 0.0, np.inf])
    assert np.isclose(MIXED.mass, 1.0)
    assert "2 of them atoms" in repr(MIXED)
    assert "walls at -2 and 2" in repr(jf.Quantiles([-1.0, 1.0], walls=(-2, 2)))
    with pytest.raises(ValueError, match="read-only"):
        MIXED.nodes[0] = 0.0


def test_distribution_function_and_quantiles_are_inverse():
    assert np.allclose(MIXED.cdf([-2.0, -1.0, -0.7, -0.4, 0.05, 0.5, 0.8, 1.1, 3.0]), [0, 0, 0.1, 0.5, 0.55, 0.6, 0.6, 1, 1])
    assert np.allclose(MIXED.quantile([0.0, 0.1, 0.3, 0.5, 0.55, 0.6, 0.8, 1.0]), [-1, -0.7, -0.4, -0.4, 0.05, 0.5, 1.1, 1.1])
    with pytest.raises(ValueError, match="s must lie between 0 and the mass"):
        MIXED.quantile(1.5)


def test_moments_are_those_of_the_pieces():
    for k in (1, 2, 3, 5):
        exact = sum(
            w * (quad(lambda x, k=k: x**k, a, b)[0] / (b - a) if b > a else a**k)
            for w, a, b in zip(MIXED.masses, MIXED.nodes, MIXED.nodes[1:], strict=False)
        )
        assert np.isclose(MIXED.moment(k), exact, rtol=1e-12)
    assert np.isclose(MIXED.covariance, MIXED.moment(2) - MIXED.moment(1) ** 2)
    assert np.isclose(MIXED.mean, MIXED.moment(1))
    assert np.isclose(MIXED.expectation(MIXED.field("f", lambda x: x**5)), MIXED.moment(5), rtol=1e-13)


def test_conversions_keep_the_measure():
    rho = smooth(LINE)
    exact = rho.quantiles()
    assert exact.walls == LINE.bounds[0]
    assert np.allclose(jf.Density.from_quantiles(exact, LINE).values, rho.values, rtol=1e-12)
    for spread in (0.0, 0.5, 1.0):
        q = rho.quantiles(400, spread=spread, walls=False)
        assert len(q.masses) == 400
        assert q.walls is None
        assert q.wasserstein(exact) < 2e-3
        assert np.isclose(q.mass, 1.0, rtol=1e-14)
    assert np.allclose(rho.quantiles(100, spread=0.0).masses, 0.01)
    assert rho.quantiles(50, spread=0.5).masses.max() <= 2 / 50 + 1e-12
    assert rho.quantiles(50, spread=0.5).widths.max() <= 2 * 2.5 / 50 + 1e-12


def test_atoms_and_gaps_are_kept_by_conversions():
    again = MIXED.resampled(40)
    assert again.wasserstein(MIXED) < 1e-7  # the square root of rounding in the levels
    assert np.isclose(again.masses[again.atomic].sum(), 0.7)
    grid = jf.Grid.box((0, 6), cells=6)
    rho = grid.density(np.array([0.0, 1.0, 0.0, 0.0, 2.0, 0.0]))
    assert np.array_equal(rho.quantiles().nodes, [1, 2, 4, 5])
    assert np.allclose(rho.quantiles().masses, [1 / 3, 0, 2 / 3])
    assert np.allclose(jf.Density.from_quantiles(rho.quantiles(10), grid).values, rho.values)
    at_wall = jf.Density.from_quantiles(jf.Quantiles.atoms([0.0, 6.0]), grid)
    assert np.allclose(at_wall.masses, [0.5, 0, 0, 0, 0, 0.5])


def test_particles_and_quantiles():
    cloud = jf.Particles([1.0, 0.0, 1.0, -2.0], [0.1, 0.2, 0.3, 0.4])
    q = cloud.quantiles()
    assert np.array_equal(q.nodes, [-2, -2, 0, 0, 1, 1])
    assert np.allclose(q.masses, [0.4, 0, 0.2, 0, 0.4])
    assert np.isclose(q.covariance, cloud.covariance)
    back = jf.Particles.from_quantiles(q)
    assert np.array_equal(back.points, [-2, 0, 1])
    for kernel in (jf.PowerLaw(1), jf.Morse(), jf.Gaussian(), jf.PowerLaw(4), jf.PowerLaw(1.5)):
        assert np.isclose(jf.Interaction(kernel)(back), jf.Interaction(kernel)(q), rtol=1e-13)
        assert np.isclose(jf.Interaction(kernel)(cloud), jf.Interaction(kernel)(back), rtol=1e-13)


def test_particles_in_the_plane():
    rng = np.random.default_rng(3)
    a, b = jf.Particles(rng.normal(size=(5, 2))), jf.Particles(rng.normal(size=(4, 2)), np.full(4, 0.5))
    assert a.covariance.shape == (2, 2)
    pairs = jf.Morse()(*(a.points[:, None] - b.points).transpose(2, 0, 1))
    assert np.isclose(a.pair_expectation(jf.Morse(), b), a.masses @ pairs @ b.masses)
    state = jf.Species(a=a, b=b)
    energy = jf.CrossInteraction(jf.Morse(), between=("a", "b")) + jf.Potential(lambda x, y: x * y, "a")
    assert np.isclose(energy(state), a.masses @ pairs @ b.masses + a.masses @ np.prod(a.points, axis=1))
    frozen = energy.frozen_at(state)
    assert np.allclose(frozen.first_variation(state, "a"), energy.first_variation(state, "a"))
    with pytest.raises(ValueError, match="point masses have no density"):
        jf.Entropy("a")(state)
    assert "ParticleProximal" in jf.evolve(energy, state, dt=0.1, t_end=0.2).scheme
    with pytest.raises(ValueError, match="points must be on the line"):
        a.quantiles()


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, 7.5])
def test_wasserstein_distances_of_uniforms_are_exact(p):
    for first, second in [((0, 1), (2, 5)), ((0, 4), (1, 2)), ((-1, 1), (0, 2)), ((0, 1), (1e-7, 1 + 3e-7))]:
        a, b = jf.Quantiles(np.linspace(*first, 6)), jf.Quantiles(np.linspace(*second, 4))
        assert np.isclose(a.wasserstein(b, p), jf.closed_forms.wasserstein_uniforms(first, second, p), rtol=1e-9)
    assert jf.Quantiles([0.0, 1.0]).wasserstein(jf.Quantiles([2.0, 5.0]), np.inf) == 4.0


@given(seed=st.integers(0, 10_000), p=st.sampled_from([1, 1.3, 2, 4]))
def test_wasserstein_distances_agree_with_quadrature(seed, p):
    rng = np.random.default_rng(seed)
    a, b = _random(rng), _random(rng)
    s = (np.arange(20_000) + 0.5) / 20_000
    rough = np.mean(np.abs(a.quantile(s) - b.quantile(s)) ** p) ** (1 / p)
    assert np.isclose(a.wasserstein(b, p), rough, rtol=2e-3, atol=1e-3)
    assert np.isclose(a.wasserstein(b, p), b.wasserstein(a, p), rtol=1e-12)
    assert a.wasserstein(a, p) == 0


def test_wasserstein_distances_of_gaussians():
    """Cut off at eight deviations, on many cells."""
    from scipy.stats import norm

    z = np.linspace(-8, 8, 2001)
    for p in (1, 2, 3.3):
        a, b = (jf.Quantiles(z * s + m, np.diff(norm.cdf(z)) + 1e-300) for m, s in ((0.3, 1.0), (-0.5, 1.7)))
        assert np.isclose(a.wasserstein(b, p), jf.closed_forms.wasserstein_gaussians(0.3, 1.0, -0.5, 1.7, p), rtol=1e-4)
    assert np.isclose(
        jf.closed_forms.wasserstein_gaussians(1.0, 1.0, 0.0, 2.0, 1), quad(lambda z: abs(1 - z) * norm.pdf(z), -10, 10)[0]
    )


def test_the_distances_of_densities_and_quantiles_are_the_same():
    a, b = smooth(LINE, 1), smooth(LINE, 2)
    assert np.isclose(jf.wasserstein2(a, b), a.quantiles().wasserstein(b.quantiles()))
    assert jf.wasserstein2(a, a.quantiles()) < 1e-14


KERNELS = {
    "|x|": jf.PowerLaw(1),
    "x^2": jf.Quadratic(),
    "x^4": jf.PowerLaw(4),
    "x^6": jf.PowerLaw(6),
    "|x|^1.5": jf.PowerLaw(1.5),
    "|x|^0.5": jf.PowerLaw(0.5),
    "log": jf.PowerLaw(0),
    "riesz": jf.Riesz(0.4),
    "newtonian 1": jf.Newtonian(1),
    "newtonian 2": jf.Newtonian(2),
    "morse": jf.Morse(2.0, 0.6),
    "gaussian": jf.Gaussian(1.0, 0.7),
    "sum": 2 * jf.Morse() - 0.6 * jf.Morse(1.0, 0.5) + jf.Quadratic(),
    "custom": jf.CustomKernel(np.cosh, np.sinh),
}


@pytest.mark.parametrize("name", KERNELS)
def test_interactions_agree_with_quadrature(name):
    """Double integrals by fine midpoint sums of the quantiles, Richardson-extrapolated; the cells' own rule converges fast."""
    kernel = KERNELS[name]
    coarse = jf.Quantiles([-1.0, -0.2, 0.3, 1.2], [0.3, 0.5, 0.2])

    def rough(n):
        s = (np.arange(n) + 0.5) / n
        x = coarse.quantile(s)
        with np.errstate(divide="ignore", invalid="ignore"):
            table = np.asarray(kernel(x[:, None] - x))
        np.fill_diagonal(table, 0.0)
        if np.isfinite(float(np.asarray(kernel(np.array(0.0))))):
            np.fill_diagonal(table, float(np.asarray(kernel(np.array(0.0)))))
        return table.mean() / 2

    exact = coarse.resampled(600, spread=1.0)
    tolerance = 3e-2 if kernel.singular else 2e-3
    assert np.isclose(jf.Interaction(kernel)(exact), rough(2000), rtol=tolerance)
    few, more = coarse.resampled(12, spread=1.0), coarse.resampled(24, spread=1.0)
    error = abs(jf.Interaction(kernel)(few) - jf.Interaction(kernel)(exact))
    error_more = abs(jf.Interaction(kernel)(more) - jf.Interaction(kernel)(exact))
    assert error_more <= 0.6 * error + 1e-12
    assert error <= 2e-2 * abs(jf.Interaction(kernel)(exact))


@given(seed=st.integers(0, 10_000))
def test_the_tip_is_integrated_exactly(seed):
    """int int |x - y| = int (F (n - G) + G (m - F)) dx for distribution functions F, G of masses m, n, between all nodes."""
    rng = np.random.default_rng(seed)
    a, b = _random(rng), _random(rng)
    edges = np.union1d(a.nodes, b.nodes)
    total = 0.0
    for low, high in itertools.pairwise(edges):
        for t, weight in ((0.5 - np.sqrt(0.15), 5 / 18), (0.5, 8 / 18), (0.5 + np.sqrt(0.15), 5 / 18)):
            F, G = a.cdf(low + t * (high - low)), b.cdf(low + t * (high - low))
            total += weight * (high - low) * (F * (1 - G) + G * (1 - F))
    assert np.isclose(a.pair_expectation(jf.PowerLaw(1), b), total, rtol=1e-12, atol=1e-14)
    assert np.isclose(b.pair_expectation(jf.PowerLaw(1), a), total, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["|x|", "x^4", "|x|^1.5", "morse", "gaussian", "sum", "custom"])
def test_the_potential_of_a_measure_is_a_function_with_its_derivatives(name):
    field = MIXED.resampled(60, spread=1.0).potential(KERNELS[name])
    x = np.array([[0.3, -2.0], [0.2, 1.7]])
    brute = jf.Particles.from_quantiles(MIXED.resampled(4000, spread=1.0)).potential(KERNELS[name])
    assert np.allclose(field(x), brute(x), rtol=1e-5 if name == "|x|^1.5" else 1e-6)
    h = 1e-5
    assert np.allclose(field.gradient(x), (field(x + h) - field(x - h)) / (2 * h), atol=1e-6)
    assert np.allclose(field.curvature(x), (field.gradient(x + h) - field.gradient(x - h)) / (2 * h), atol=1e-5)


def test_energies_of_atoms_are_honest():
    atoms = jf.Quantiles.atoms([0.0, 1.0])
    assert jf.Entropy()(atoms) == np.inf
    assert jf.RenyiEntropy(2)(atoms) == np.inf
    assert jf.RenyiEntropy(0.5)(atoms) == pytest.approx(0.0, abs=1e-20)
    assert jf.Congestion(1.0)(atoms) == np.inf
    assert jf.Interaction(-jf.PowerLaw(0))(atoms) == np.inf
    assert jf.Interaction(jf.PowerLaw(1))(atoms) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jf.Quantiles([0.0, 1.0, 0.5]), "nodes must not decrease, got .*1.0.* before .*0.5.* at place 1"),
        (lambda: jf.Quantiles([0.0, np.nan]), "nodes must be finite, got 1 NaN"),
        (lambda: jf.Quantiles([0.0]), "nodes must be at least 2"),
        (lambda: jf.Quantiles([0.0, 1.0], [0.5, 0.5]), "masses must have shape"),
        (lambda: jf.Quantiles([0.0, 1.0], [-1.0]), "masses must be non-negative"),
        (lambda: jf.Quantiles([0.0, 1.0], [0.0]), "masses must be positive at both ends"),
        (lambda: jf.Quantiles([0.0, 1, 2, 3, 4], [1.0, 0, 0, 1]), "masses of neighbours must not both be zero"),
        (lambda: jf.Quantiles([0.0, 1.0], walls=(0.5, 2.0)), "nodes must lie between the walls"),
        (lambda: jf.Quantiles([0.0, 1.0], walls=(2.0, 0.0)), "low < high"),
        (lambda: jf.Quantiles([0.0, 1.0], walls=3), "walls must be a pair"),
        (lambda: jf.Quantiles.atoms([1.0, 0.0]), "points must increase strictly"),
        (lambda: jf.Quantiles.atoms([0.0, 1.0], [0.5, 0.0]), "masses of atoms must be positive"),
        (lambda: jf.Quantiles.from_function(lambda s: 1 / (s - 1 + 1e-300) * np.inf, 4), "nodes must be finite"),
        (lambda: jf.Quantiles.from_function(lambda s: s, 0), "cells must be a whole number"),
        (lambda: MIXED.resampled(0), "cells must be a whole number"),
        (lambda: MIXED.resampled(5, spread=2.0), "spread must lie between 0 and 1"),
        (lambda: MIXED.wasserstein(MIXED, 0.5), "p must be a number >= 1"),
        (lambda: MIXED.wasserstein(jf.Quantiles([0.0, 1.0], [2.0])), "masses must add up to the same, got 1 and 2"),
        (lambda: MIXED.moment(0), "k must be a whole number"),
        (lambda: jf.Density.from_quantiles(MIXED, jf.Grid.box((0, 1), cells=4)), "grid must hold all the mass"),
        (lambda: jf.Density.from_quantiles(MIXED, jf.Grid.box((0, 1), (0, 1), cells=4)), "grid must be 1-D"),
        (lambda: smooth(jf.Grid.box((0, 1), (0, 1), cells=4)).quantiles(), "density on the line"),
        (lambda: LINE.density(np.zeros(48), mass=None).quantiles(), "density with mass"),
        (lambda: jf.Particles(np.zeros((2, 2, 2))), "points must have shape"),
        (lambda: jf.Particles([0.0, np.inf]), "points must be finite"),
        (lambda: jf.Particles([0.0], [0.0]), "masses must be positive"),
        (lambda: jf.Species(a=MIXED, b=smooth(LINE)), "must be of one kind, and 'b' is a Density where 'a' is a Quantiles"),
        (lambda: jf.Species(a=MIXED, b=jf.Quantiles([0.0, 1.0], walls=(0, 1))), "must share one domain"),
        (lambda: MIXED.potential(jf.PowerLaw(0)), "must be finite at the origin to be frozen"),
        (lambda: jf.Interaction(jf.PowerLaw(-1))(MIXED), "not integrable on the line"),
        (lambda: jf.Interaction(jf.Newtonian(3))(MIXED), "not integrable on the line"),
        (lambda: jf.Interaction(jf.CustomKernel(np.abs, pointy=True))(MIXED), "subclass RadialKernel"),
        (lambda: jf.closed_forms.wasserstein_uniforms((0, 0), (1, 2)), "must be a pair with low < high"),
        (lambda: jf.closed_forms.wasserstein_uniforms((0, 1), (1, 2), p="two"), "p must be a number >= 1"),
        (lambda: jf.closed_forms.collapse_time(jf.PowerLaw(1), 1.0, alpha="one"), "alpha must be a finite number"),
        (lambda: MIXED.wasserstein(smooth(LINE)), "other must be Quantiles, got Density"),
        (lambda: MIXED.cdf(np.nan), "x must be finite"),
        (lambda: MIXED.moment(2.0), "k must be a whole number"),
        (lambda: jf.Particles.from_quantiles(3), "measure must be Quantiles"),
        (lambda: jf.Quantiles.from_function(3, 4), "X must be a function"),
        (lambda: jf.closed_forms.wasserstein_gaussians(0, 1, 0, 0), "other_deviation must be a positive"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
