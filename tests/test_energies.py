"""Energies: Taylor slopes, the algebra, mesh independence, closed forms, freezing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jkoflow as jf
from jkoflow.checks import check_energy
from jkoflow.laws import restricted_to

from .tables import ENERGIES, MEASURES, bowl, smooth

ENERGY = pytest.mark.parametrize("energy", [e for e, _ in ENERGIES.values()], ids=ENERGIES.keys())


@ENERGY
@pytest.mark.parametrize("rho", MEASURES.values(), ids=MEASURES.keys())
def test_first_variation_passes_the_taylor_test(energy, rho):
    check_energy(energy, rho, seed=4)


@pytest.mark.parametrize(("energy", "linear"), ENERGIES.values(), ids=ENERGIES.keys())
def test_the_taylor_test_sees_a_wrong_first_variation(energy, linear):
    rho = MEASURES["line"]
    wrong = jf.Functional(energy, lambda rho: 1.01 * energy.first_variation(rho) + 0.01 * rho.grid.axes[0])
    with pytest.raises(AssertionError, match="misses its Taylor expansion"):
        check_energy(wrong, rho)
    assert np.isinf(check_energy(energy, rho).slope) == linear


@ENERGY
def test_first_variation_does_not_depend_on_the_mesh(energy):
    """Per unit mass: it converges at second order as the cells are halved, and so does the value."""

    def at(n):
        grid = jf.Grid.box((-1.0, 1.5), cells=n)
        rho = grid.density(lambda x: 0.3 + np.exp(-2 * (x - 0.2) ** 2), order=4)
        variation = energy.first_variation(rho)
        return energy(rho), variation.reshape(24, -1).mean(axis=1)

    (e1, v1), (e2, v2), (e3, v3) = (at(n) for n in (48, 96, 192))
    assert abs(e2 - e3) <= 0.3 * abs(e1 - e2) + 1e-12
    assert np.abs(v2 - v3).max() <= 0.3 * np.abs(v1 - v2).max() + 1e-12


@given(a=st.floats(-4, 4), b=st.floats(-4, 4))
def test_algebra(a, b):
    rho = MEASURES["line"]
    E, F = jf.Entropy(), jf.Potential(bowl)
    G = jf.Interaction(jf.Morse())
    for left, right in [
        (a * (E + b * F), a * E + (a * b) * F),
        (E + F, F + E),
        ((E + F) + G, E + (F + G)),
        (E - a * F, E + (-a) * F),
        (-(E + G), (-1) * E - G),
        (sum([E, F, G]), E + F + G),
        (E * a, a * E),
    ]:
        assert np.isclose(left(rho), right(rho), atol=1e-12)
        assert np.allclose(left.first_variation(rho), right.first_variation(rho), atol=1e-12)


def test_values_of_gaussians():
    """Closed forms: int rho log rho = -log(2 pi e s^2) / 2; int rho^2 = 1 / (2 s sqrt pi); variances."""
    s = 0.5
    rho = jf.Grid.box((-4, 4), cells=800).density(lambda x: np.exp(-((x / s) ** 2) / 2))
    assert np.isclose(jf.Entropy()(rho), -np.log(2 * np.pi * np.e * s**2) / 2, atol=1e-5)
    assert np.isclose(jf.RenyiEntropy(2)(rho), 1 / (2 * s * np.sqrt(np.pi)), atol=1e-5)
    assert np.isclose(jf.Potential(lambda x: x**2)(rho), s**2, atol=1e-4)
    assert np.isclose(jf.Interaction(jf.Quadratic())(rho), s**2 / 2, atol=1e-4)
    assert np.isclose(jf.Interaction(jf.PowerLaw(1))(rho), s / np.sqrt(np.pi), atol=1e-4)
    two = jf.Species(a=rho, b=rho.grid.density(lambda x: np.exp(-((x - 1) ** 2) / 2 / s**2)))
    assert np.isclose(jf.CrossInteraction(jf.Quadratic(), between=("a", "b"))(two), (2 * s**2 + 1) / 2, atol=1e-3)


def test_vacuum_is_honest():
    rho = jf.Grid.box((0, 1), cells=4).density(np.array([1.0, 1.0, 0.0, 0.0]))
    assert np.isclose(jf.Entropy()(rho), np.log(2))
    assert np.isneginf(jf.Entropy().first_variation(rho)[2:]).all()
    assert np.isneginf(jf.RenyiEntropy(0.5).first_variation(rho)[2:]).all()
    assert np.all(jf.RenyiEntropy(2).first_variation(rho)[2:] == 0)
    assert jf.Congestion(1.0)(rho) == np.inf
    assert jf.Congestion(2.0)(rho) == 0


def _two():
    grid = MEASURES["plane"].grid
    return jf.Species(a=smooth(grid, 1), b=smooth(grid, 2))


def test_cross_terms_and_drifts_freeze_to_potentials():
    state = _two()
    law = (
        2 * jf.CrossInteraction(jf.Gaussian(), between=("a", "b"))
        + jf.Drift(jf.Quadratic(), moves="a", by="b")
        + jf.Interaction(jf.Morse(), "a")
        + jf.Entropy("b")
    )
    frozen = law.frozen_at(state)
    assert frozen.has_energy
    assert not law.has_energy
    expected = 2 * state["b"].convolve(jf.Gaussian()) + state["b"].convolve(jf.Quadratic())
    at_a = restricted_to(frozen, "a")
    assert np.allclose(at_a.first_variation(state, "a"), expected + state["a"].convolve(jf.Morse()))
    other = jf.Species(a=_two()["b"], b=_two()["a"])  # the frozen field stays, the self-interaction moves along
    assert np.allclose(at_a.first_variation(other, "a"), expected + other["a"].convolve(jf.Morse()))
    all_frozen = restricted_to(law.frozen_at(state, self_terms=True), "a")
    assert np.allclose(all_frozen.first_variation(other, "a"), expected + state["a"].convolve(jf.Morse()))


def test_cross_interaction_passes_the_taylor_test_in_both_species():
    energy = jf.CrossInteraction(jf.Gaussian(), between=("a", "b")) + jf.Entropy("a")
    for name in ("a", "b"):
        check_energy(energy, _two(), species=name)
    assert np.all(jf.Entropy("a").first_variation(_two(), "b") == 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jf.RenyiEntropy(1), "the limit of the flows is that of Entropy"),
        (lambda: jf.RenyiEntropy(-2), "m must be a positive"),
        (lambda: jf.Congestion(0), "bound must be a positive"),
        (lambda: jf.Potential(np.array([0.0, np.nan])), "V must be finite, got 1 NaN"),
        (lambda: jf.Potential(np.zeros(3))(MEASURES["line"]), "V must have shape"),
        (lambda: jf.Potential(lambda x: 1 / (0 * x + np.inf) + np.nan)(MEASURES["line"]), "V must be finite"),
        (lambda: jf.Functional(lambda r: 0.0, lambda r: np.zeros(2)).first_variation(MEASURES["line"]), "must have shape"),
        (lambda: jf.CrossInteraction(jf.Morse(), between=("a", "a")), "two different species"),
        (lambda: jf.Entropy()(_two()), "names no species.*give every term a species"),
        (lambda: jf.Entropy("c")(_two()), "speaks of species 'c'"),
        (lambda: jf.Entropy("c")(MEASURES["line"]), "one unnamed species"),
        (lambda: jf.Drift(jf.Morse(), moves="a", by="b")(_two()), "no energy"),
        (lambda: (jf.Entropy("a") + jf.Drift(jf.Morse(), moves="a", by="b"))(_two()), "SemiImplicitJKO"),
        (lambda: jf.Drift(jf.Morse(), moves="a", by="b").first_variation(_two(), "a"), "no first variation"),
        (lambda: restricted_to(jf.CrossInteraction(jf.Morse(), between=("a", "b")), "a"), "freeze it first"),
        (lambda: np.nan * jf.Entropy(), "factor of a law must be a finite number"),
        (lambda: jf.Entropy().first_variation(MEASURES["line"], "u"), "species must be one of"),
        (lambda: (jf.Entropy() + jf.Entropy()).first_variation(MEASURES["line"], "u"), "species must be one of"),
        (lambda: jf.CrossInteraction(jf.Morse(), between="ab"), "between must name"),
        (lambda: jf.Functional(1, 2), "must be functions"),
        (lambda: jf.CustomInternalEnergy(1, 2), "must be functions"),
        (lambda: jf.Potential("hill"), "V must be an array of real numbers"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_laws_do_not_add_to_other_things():
    for call in (lambda: jf.Entropy() + 1, lambda: 1 + jf.Entropy(), lambda: jf.Entropy() - "x"):
        with pytest.raises(TypeError):
            call()


def test_equal_terms_are_gathered_and_cancelled_ones_do_not_count():
    E, W = jf.Entropy("a"), jf.Drift(jf.Morse(), moves="a", by="b")
    assert (2 * E + W - E).terms == ((1.0, E), (1.0, W))
    assert (E + 0 * W).has_energy
    assert (E + W - W)(_two()) == E(_two())


def test_a_functional_freezes_with_the_self_terms():
    rho = MEASURES["line"]
    energy = jf.Functional(lambda r: r.expectation(r.values), lambda r: 2 * r.values)
    assert energy.frozen_at(rho) is energy
    assert np.array_equal(energy.frozen_at(rho, self_terms=True).first_variation(rho), 2 * rho.values)


def test_little_mass_far_away_does_not_spoil_even_powers():
    near, far = np.linspace(0, 1e-3, 10), 1e6
    places, masses = np.append(near, far), np.append(np.full(10, 0.1), 1e-30)
    for p in (2, 4):
        apart = np.abs(near[:, None] - near) ** p / p
        due = 0.5 * 0.01 * apart.sum() + 1e-30 * far**p / p
        assert jf.Interaction(jf.PowerLaw(p))(jf.Particles(places, masses)) == pytest.approx(due, rel=1e-9)
    assert jf.Interaction(jf.PowerLaw(4))(jf.Quantiles([0, 1e-4, 1e4, 1e4], [1.0, 0, 1e-15])) == pytest.approx(2.5, rel=1e-6)


def test_internal_energies_of_an_atom():
    atom = jf.Quantiles.atoms([0.0])
    for m in (0.5, 0.85, 0.9, 0.99):
        assert abs(jf.RenyiEntropy(m)(atom)) < 1e-12  # slower than linearly
    for energy in (jf.Entropy(), jf.RenyiEntropy(1.01), jf.RenyiEntropy(2)):
        assert energy(atom) == np.inf


def test_cell_averages_of_quantiles_keep_both_tails():
    grid = jf.Grid.box((-12, 12), cells=48)
    back = jf.Density.from_quantiles(grid.density(lambda x: np.exp(-(x**2) / 2)).quantiles(), grid)
    assert back.values == pytest.approx(back.values[::-1], rel=1e-9)
    assert back.values.min() > 0
    atoms = jf.Density.from_quantiles(jf.Quantiles.atoms([0.0, 0.5, 1.0], [0.2, 0.5, 0.3]), jf.Grid.box((0, 1), cells=4))
    assert atoms.masses == pytest.approx([0.2, 0.5, 0.0, 0.3])


@pytest.mark.parametrize("kernel", [jf.PowerLaw(1), jf.PowerLaw(2), jf.Morse(1, 1e-6), jf.Morse(1, 1e6)])
def test_sums_on_the_line_far_from_the_origin_and_under_long_kernels(kernel):
    """Against all pairs, of places less the first one."""
    points = 1e6 + 1e-6 * np.random.default_rng(0).random(200)
    apart = (points - points[0])[:, None] - (points - points[0])
    r = np.abs(apart)
    values = -kernel.strength * np.expm1(-r / kernel.length) if isinstance(kernel, jf.Morse) else r**kernel.p / kernel.p
    cloud = jf.Particles(points)
    assert jf.Interaction(kernel)(cloud) == pytest.approx(values.mean() / 2, rel=1e-12)
    assert jf.Interaction(kernel).first_variation(cloud) == pytest.approx(values.mean(axis=1), rel=1e-12)


@pytest.mark.parametrize("dim", [1, 2])
def test_a_kernel_that_is_not_even_is_no_energy(dim):
    """It would move the centre of mass; a Drift may have it."""
    grid = jf.Grid.box(*[(-3, 3)] * dim, cells=24)
    a, b = (grid.density(lambda *x, c=c: np.exp(-4 * sum((z - c) ** 2 for z in x))) for c in (-0.5, 0.5))
    uneven = lambda *d: np.exp(-((d[0] - 0.3) ** 2))  # noqa: E731
    for law, state in (
        (jf.Entropy() + jf.Interaction(uneven), a),
        (jf.Entropy() + jf.Interaction(jf.CustomKernel(uneven) + jf.Gaussian()), a),
        (jf.Entropy("a") + jf.Entropy("b") + jf.CrossInteraction(uneven, between=("a", "b")), jf.Species(a=a, b=b)),
    ):
        with pytest.raises(ValueError, match="must be even"):
            jf.evolve(law, state, dt=0.01, t_end=0.02)
    even = jf.Entropy() + jf.Interaction(lambda *d: np.exp(-sum(z**2 for z in d)))
    assert jf.evolve(even, a, dt=0.01, t_end=0.01).statuses[0].ok
    drift = jf.Entropy("a") + jf.Entropy("b") + jf.Drift(uneven, moves="a", by="b")
    assert jf.evolve(drift, jf.Species(a=a, b=b), scheme=jf.SemiImplicitJKO(), dt=0.01, t_end=0.01).statuses[0].ok


def test_a_drift_of_points_needs_the_slope_of_its_kernel():
    for measure in (jf.Quantiles(np.linspace(-1, 1, 5)), jf.Particles(np.eye(3))):
        with pytest.raises(ValueError, match="slope must be given"):
            jf.Drift(lambda *d: sum(d), moves="a", by="b").check(jf.Species(a=measure, b=measure))


def test_derivatives_that_belong_to_another_function_are_refused():
    """A sign or a factor lost, forces that turn; right ones pass, with kinks and singular ones too."""
    rho = jf.Grid.box((-4, 4), cells=60).density(lambda x: np.exp(-((x - 1) ** 2)))
    with pytest.raises(ValueError, match="dU of"):
        jf.evolve(jf.CustomInternalEnergy(lambda s: s**3, lambda s: s**2), rho, dt=0.1, t_end=0.1)
    wrong = jf.CustomKernel(np.cosh, lambda x: -np.sinh(x))
    turning = jf.CustomKernel(lambda x, y: 0 * x, lambda x, y: (-y * np.exp(-x * x - y * y), x * np.exp(-x * x - y * y)))
    cloud = jf.Particles(np.random.default_rng(0).normal(size=(20, 2)))
    for kernel, state in ((wrong, rho), (turning, cloud)):
        with pytest.raises(ValueError, match="gradient of its values"):
            jf.Interaction(kernel).check(jf.Species.of(state))
    line = jf.Quantiles(np.linspace(-1, 1, 9))
    for value, slope in (
        (np.abs, np.sign),
        (lambda x: np.log(np.abs(x)), lambda x: 1 / x),
        (lambda x: -np.exp(-np.abs(x) * 50), lambda x: 50 * np.sign(x) * np.exp(-np.abs(x) * 50)),
        (lambda x: np.where(np.abs(x) < 0.5, x**2 / 2, 0.125), lambda x: np.where(np.abs(x) < 0.5, x, 0.0)),
        (lambda x: 1e12 + x**2, lambda x: 2 * x),
    ):
        jf.Interaction(jf.CustomKernel(value, slope)).check(jf.Species.of(line))
    for U, dU in ((lambda s: s * np.log(s) + s**3, lambda s: np.log(s) + 1 + 3 * s**2), (lambda s: 0 * s, lambda s: 0 * s)):
        jf.CustomInternalEnergy(U, dU).check(jf.Species.of(rho))


def test_one_species_may_drift_by_itself():
    cloud = jf.Species.of(jf.Particles(np.random.default_rng(0).normal(size=(20, 2))))
    assert jf.Drift(jf.Gaussian()).check(cloud).bare
