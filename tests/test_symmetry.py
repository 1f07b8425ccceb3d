"""Laws of drifts: which are gradient flows, with what energy and mobilities, and with masses that are not 1."""

import numpy as np
import pytest

import jkoflow as jf

X1, MORSE = jf.PowerLaw(1), jf.Morse(1.0, 0.7)


def _drifts(there, back, a="x", b="y"):
    return jf.Drift(there, moves=a, by=b) + jf.Drift(back, moves=b, by=a)


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        (_drifts(X1, 2.5 * X1), {"x": 1.0, "y": 2.5}),
        (_drifts(MORSE, jf.Morse(3.0, 0.7)), {"x": 1.0, "y": 3.0}),
        (_drifts(jf.Newtonian(2), -jf.PowerLaw(0)), {"x": 1.0, "y": 2 * np.pi}),  # one kernel under two names
        (_drifts(MORSE - 0.3 * X1, 2 * MORSE - 0.6 * X1), {"x": 1.0, "y": 2.0}),
        (_drifts(MORSE - 0.3 * X1, 2 * MORSE - 0.5 * X1), None),
        (_drifts(MORSE, jf.Morse(1.0, 0.8)), None),
        (_drifts(X1, -X1), None),  # predator and prey
        (jf.Drift(X1, moves="x", by="y"), None),
        (_drifts(X1, 0 * X1), None),
        (_drifts(X1, X1) + jf.CrossInteraction(X1, between=("x", "y")), {"x": 1.0, "y": 1.0}),
        (_drifts(X1, 2 * X1) - jf.CrossInteraction(X1, between=("x", "y")), None),  # what is left acts on y alone
        (_drifts(X1, 2 * X1) + _drifts(X1, 3 * X1, "y", "z") + _drifts(X1, 6 * X1, "x", "z"), {"x": 1.0, "y": 2.0, "z": 6.0}),
        (_drifts(X1, 2 * X1) + _drifts(X1, 3 * X1, "y", "z") + _drifts(X1, 5 * X1, "x", "z"), None),
        (jf.Entropy("x") + jf.Interaction(X1, "y"), {"x": 1.0, "y": 1.0}),
    ],
)
def test_the_law_tells_whether_it_is_a_gradient_flow(law, expected):
    found = law.symmetrizable()
    assert (found is None) == (expected is None)
    assert found is None or found == pytest.approx(expected)
    assert (jf.gradient_form(law) is None) == (expected is None)


def test_own_kernels_are_known_by_identity():
    W = jf.CustomKernel(np.cosh, np.sinh)
    assert _drifts(W, 2 * W).symmetrizable() == {"x": 1.0, "y": 2.0}
    assert _drifts(W, jf.CustomKernel(np.sinh, np.cosh)).symmetrizable() is None


def test_jko_takes_a_symmetrizable_law_of_drifts_as_its_energy(tmp_path):
    """docs/theory/two-species.md, T2, from drifts: 2.5 K in one direction and K in the other."""
    state = jf.Species(x=jf.Quantiles(np.linspace(0, 2, 8)), y=jf.Quantiles(np.linspace(-2.5, -1.5, 12)))
    K = jf.Quadratic()
    selves = jf.Interaction(K, "x") + jf.Interaction(K, "y")
    law = selves + _drifts(0.25 * K, 0.5 * K)
    energy = jf.Interaction(K, "x") + 0.5 * jf.Interaction(K, "y") + 0.25 * jf.CrossInteraction(K, between=("x", "y"))
    there = jf.evolve(law, state, dt=0.1, t_end=1.0)
    direct = jf.evolve(energy, state, dt=0.1, t_end=1.0, mobility={"y": 2.0})
    assert np.allclose(there.final["x"].nodes, direct.final["x"].nodes, rtol=0, atol=1e-13)
    assert there.mobilities == direct.mobilities
    assert np.allclose(there.energies, direct.energies)
    assert np.allclose(there.distances, direct.distances)
    half = jf.evolve(law, state, dt=0.1, t_end=0.5)
    jf.save(half, tmp_path / "half.npz")
    again = jf.evolve(law, jf.load(tmp_path / "half.npz"), dt=0.1, t_end=1.0)
    assert np.array_equal(again.final["y"].nodes, there.final["y"].nodes)
    assert again.mobilities == there.mobilities
    frozen = jf.evolve(law, state, scheme=jf.SemiImplicitJKO(), dt=0.1, t_end=0.5)
    assert frozen.mobilities == {"x": 1.0, "y": 1.0}
    assert np.isnan(frozen.energies).all()
    with pytest.raises(ValueError, match=r"scheme must be that of the run that is continued.*flow\.final"):
        jf.evolve(law, frozen, dt=0.1, t_end=1.0)


def test_a_law_that_is_not_symmetrizable_is_refused_with_the_way_out():
    state = jf.Species(x=jf.Quantiles.atoms([0.0]), y=jf.Quantiles.atoms([1.0]))
    with pytest.raises(ValueError, match=r"no mobilities make the law symmetric.*SemiImplicitJKO"):
        jf.evolve(_drifts(X1, -X1), state, dt=0.1, t_end=1.0)


def test_unit_masses_and_their_clock():
    """Remark 3.1 of Di Francesco and Fagioli (2013): with unit masses the flow is the same in the time M_2 tau."""
    beta, m1, m2 = 1.7, 3.0, 0.6
    G11, G22, G12 = jf.Gaussian(1.0, 2.0), 0.4 * jf.Quadratic(), jf.Morse(0.9, 1.5)
    state = jf.Species(
        x=jf.Quantiles(np.linspace(0, 1, 9), np.full(8, m1 / 8)), y=jf.Quantiles([2.0, 2.5, 3.5], [m2 / 2, m2 / 2])
    )
    law = jf.Interaction(G11, "x") + jf.Interaction(G22, "y") + _drifts(G12, beta * G12)
    unit = jf.unit_masses(law, state)
    assert unit.rate == pytest.approx(m2)
    assert unit.law.symmetrizable() == pytest.approx({"x": 1.0, "y": beta * m1 / m2})
    assert [measure.mass for measure in unit.state.values()] == pytest.approx([1.0, 1.0])
    # K11 = M1/M2 G11 and, in the energy, K22 = M2/(beta M1) G22
    energy, _ = jf.gradient_form(unit.law)
    factors = {term.species: c for c, term in energy.terms if isinstance(term, jf.Interaction)}
    assert factors == pytest.approx({"x": m1 / m2, "y": m2 / (beta * m1) * 1.0})
    there = jf.evolve(law, state, dt=0.02, t_end=0.2)
    here = jf.evolve(unit.law, unit.state, dt=0.02 * m2, t_end=0.2 * m2)
    for name in state:
        assert np.allclose(there.final[name].nodes, here.final[name].nodes, rtol=0, atol=1e-9)


def test_unit_masses_of_densities_with_diffusion():
    grid = jf.Grid.box((-2, 2), cells=60)
    state = jf.Species(u=grid.density(lambda x: np.exp(-4 * x**2), mass=2.0), v=grid.density(lambda x: 1 + 0 * x, mass=0.5))
    law = 0.1 * jf.Entropy("u") + 0.2 * jf.RenyiEntropy(2, "v") + jf.CrossInteraction(jf.Gaussian(), between=("u", "v"))
    unit = jf.unit_masses(law, state)
    there = jf.evolve(law, state, dt=0.1, t_end=0.3)
    here = jf.evolve(unit.law, unit.state, dt=0.1 * unit.rate, t_end=0.3 * unit.rate)
    for name, mass in (("u", 2.0), ("v", 0.5)):
        assert np.allclose(there.final[name].values / mass, here.final[name].values, rtol=0, atol=1e-7)


def test_unit_masses_refuses():
    rho = jf.Quantiles([0.0, 1.0])
    with pytest.raises(ValueError, match=r"unit_masses does not take Congestion\(2.0\), which is among the bounds"):
        jf.unit_masses(jf.Congestion(2.0), rho)
    with pytest.raises(ValueError, match="must hold mass"):
        jf.unit_masses(jf.Entropy(), jf.Density(jf.Grid.box((0, 1), cells=4), np.zeros(4)))
