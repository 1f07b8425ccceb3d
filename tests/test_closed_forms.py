"""Closed forms against the values of docs/theory/, the equations they solve, and each other."""

import numpy as np
import pytest
from scipy.integrate import quad

import jkoflow as jf

# docs/theory/poisson-nernst-planck.md, T7: d, m, A, R, M2, int B^m
BARENBLATT = [
    (1, 2, 0.3605623926, 2.0800838231, 0.8653497422, 0.2884499141),
    (1, 3, 0.1837762985, 1.4850304986, 0.5513288954, 0.1378322239),
    (2, 2, 0.1994711402, 1.7864876835, 1.0638460811, 0.1329807601),
    (2, 3, 0.0889431666, 1.2652971980, 0.6403907997, 0.0533659000),
    (3, 2, 0.1348101408, 1.6420118198, 1.1555154927, 0.0770343662),
    (3, 1.5, 0.2746196271, 2.4014604243, 1.9223373899, 0.1830797514),
]


@pytest.mark.parametrize(("d", "m", "A", "R", "M2", "power"), BARENBLATT)
def test_barenblatt_constants(d, m, A, R, M2, power):
    B = jf.closed_forms.Barenblatt(m=m, d=d)
    assert np.allclose([B.A, B.radius(1.0), B.second_moment], [A, R, M2], rtol=1e-9)
    sphere = {1: 2.0, 2: 2 * np.pi, 3: 4 * np.pi}[d]
    profile = B.at_scale(1.0)
    integral = quad(lambda r: sphere * r ** (d - 1) * float(profile(r)) ** m, 0, R)[0]
    assert np.isclose(integral, power, rtol=1e-7)
    assert np.isclose(integral * d, B.alpha * B.second_moment, rtol=1e-7)


@pytest.mark.parametrize(("m", "d"), [(2, 1), (3, 1), (2, 2), (1.5, 3), (0.5, 1), (0.6, 2), (0.7, 1)])
@pytest.mark.parametrize("mass", [1.0, 2.5])
def test_barenblatt_solves_its_equation_and_holds_its_mass(m, d, mass):
    """In the radial coordinate: d rho/dt = r^(1-d) (r^(d-1) (rho^m)')'."""
    B = jf.closed_forms.Barenblatt(m=m, d=d, mass=mass)
    t, r = 0.7, 0.35
    h = 1e-4

    def rho(t, r):
        return float(B.density(t)(r))

    rate = (rho(t + h, r) - rho(t - h, r)) / (2 * h)
    faces = [(r + s) ** (d - 1) * (rho(t, r + s + h) ** m - rho(t, r + s - h) ** m) / (2 * h) for s in (h, -h)]
    assert np.isclose(rate, (faces[0] - faces[1]) / (2 * h) / r ** (d - 1), rtol=1e-3)
    sphere = {1: 2.0, 2: 2 * np.pi, 3: 4 * np.pi}[d]
    total = quad(lambda r: sphere * r ** (d - 1) * rho(t, r), 0, min(B.radius(t), np.inf))[0]
    assert np.isclose(total, mass, rtol=1e-6)


def test_barenblatt_jko_iterates():
    """docs/theory/poisson-nernst-planck.md, T7, m = 2, d = 1, from 0.5^(1/3) to t = 1."""
    B = jf.closed_forms.Barenblatt(m=2, d=1)
    for dt, expected in ((0.1, 0.992767578), (0.05, 0.996270913), (0.025, 0.998105610), (0.0125, 0.999045126)):
        assert abs(B.jko(B.scale(0.5), dt, steps=round(0.5 / dt)) - expected) < 1e-9
    stationary = B.jko(0.9, dt=0.5, steps=200, stiffness=1.5)
    assert np.isclose(stationary, (B.alpha / 1.5) ** B.alpha)


@pytest.mark.parametrize("m", [2.0, 3.0, 0.6])
def test_the_barenblatt_step_minimises(m):
    """Over the scale: W2^2 / (2 tau) = mass M2 (l' - l)^2 / (2 tau), E = int rho^m / (m - 1) by quadrature."""
    B = jf.closed_forms.Barenblatt(m=m, d=1, mass=1.7)
    tau, old = 0.1, 0.8

    def objective(scale):
        rho = B.at_scale(scale)
        edge = scale * B.radius(1.0) / B.scale(1.0) if m > 1 else np.inf
        energy = 2 * quad(lambda x: float(rho(x)) ** m, 0, edge)[0] / (m - 1)
        return B.mass * B.second_moment * (scale - old) ** 2 / (2 * tau) + energy

    best = B.jko(old, tau)
    assert objective(best) < min(objective(best - 1e-3), objective(best + 1e-3))


def test_heat_and_ornstein_uhlenbeck_iterates():
    """docs/theory/poisson-nernst-planck.md, T3 and T4."""
    for dt, heat, ou in (
        (0.1, 2.947516154697, 1.464164590049),
        (0.05, 2.973162872210, 1.435532050273),
        (0.025, 2.986426533944, 1.420883480697),
        (0.0125, 2.993173743141, 1.413473658936),
    ):
        steps = round(1 / dt)
        assert abs(jf.closed_forms.OrnsteinUhlenbeck(0.0, 1.0, stiffness=0.0).jko(dt, steps)[1] - heat) < 1e-11
        assert abs(jf.closed_forms.OrnsteinUhlenbeck(0.0, 4.0).jko(dt, steps)[1] - ou) < 1e-11
    assert jf.closed_forms.OrnsteinUhlenbeck(0.0, 4.0).flow(1.0)[1] == pytest.approx(1.406005849710, abs=1e-11)
    shifted = jf.closed_forms.OrnsteinUhlenbeck(3.0, 1.0, centre=1.0)
    assert shifted.jko(0.25)[0] == pytest.approx(1 + 2 / 1.25)
    assert shifted.flow(2.0)[0] == pytest.approx(1 + 2 * np.exp(-2))
    assert jf.closed_forms.OrnsteinUhlenbeck(0.0, 1.0, diffusion=0.0).jko(0.5)[1] == pytest.approx(1 / 1.5**2)


@pytest.mark.parametrize("m", [1.0, 2.0, 3.0, 0.7])
def test_gibbs_states_are_stationary(m):
    grid = jf.Grid.box((-2.0, 2.0), cells=80)
    V = jf.Potential(lambda x: x**4 - x**2)
    rho = jf.closed_forms.gibbs_state(grid, V.V, diffusion=0.5, m=m, mass=1.3)
    assert np.isclose(rho.mass, 1.3)
    energy = 0.5 * (jf.Entropy() if m == 1 else jf.RenyiEntropy(m)) + V
    level = energy.first_variation(rho)[rho.values > 0]
    assert np.ptp(level) < 1e-8
    if m > 1:
        assert np.all(V.first_variation(rho)[rho.values == 0] >= level.mean() - 1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jf.closed_forms.Barenblatt(m=1, d=1), "not 1"),
        (lambda: jf.closed_forms.Barenblatt(m=0.3, d=3), r"m must be > \(d - 2\) / d"),
        (lambda: jf.closed_forms.Barenblatt(m=2, d=0), "d must be"),
        (lambda: jf.closed_forms.Barenblatt(m=2, d=1).scale(0), "t must be"),
        (lambda: jf.closed_forms.Barenblatt(m=2, d=1).jko(1.0, dt=-1), "dt must be"),
        (lambda: jf.closed_forms.OrnsteinUhlenbeck(0.0, -1.0), "variance must be"),
        (lambda: jf.closed_forms.OrnsteinUhlenbeck(0.0, 1.0, diffusion=-1.0), "diffusion must be"),
        (lambda: jf.closed_forms.OrnsteinUhlenbeck(0.0, 1.0, stiffness=-20.0).jko(0.1), "1 \\+ stiffness dt"),
        (lambda: jf.closed_forms.gibbs_state(jf.Grid.box((0, 1), cells=3), lambda x: x, diffusion=0), "diffusion must be"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# ---- other units, and what cancels


def test_closed_forms_in_small_units_and_next_to_their_limits():
    for unit in (1.0, 1e-9, 1e9):
        ball = jf.closed_forms.ChargedBall(unit).after_step(unit**3) / unit
        assert ball == pytest.approx(jf.closed_forms.ChargedBall(1.0).after_step(1.0), rel=1e-12)
        step = jf.closed_forms.Barenblatt(2, 1).jko(unit, unit**3) / unit
        assert step == pytest.approx(jf.closed_forms.Barenblatt(2, 1).jko(1.0, 1.0), rel=1e-12)
    assert pytest.approx(1, abs=1e-3) == jf.closed_forms.Barenblatt(1.003, 2).A * jf.closed_forms.Barenblatt(0.997, 2).A
    for e in (2.0**-10, 2.0**-30, 2.0**-46):
        assert jf.closed_forms.wasserstein_uniforms((0, 1), (5, 6 + e), p=1) == pytest.approx(5 + e / 2, rel=1e-14)
    for dim in (1, 2, 3, 5):
        far, near = (jf.closed_forms.gaussian_coupling(1, 1 + e, dim) / e**2 for e in (2.0**-10, 2.0**-28))
        assert far == pytest.approx(near, rel=5e-3)


def test_collapse_times_of_mixed_kernels():
    """ln(1 + 1 / e) / 2 for slopes e + r, and infinite without e."""
    for e in (1.0, 1e-9, 1e-12):
        mixed = jf.PowerLaw(2) + e * jf.PowerLaw(1)
        assert jf.closed_forms.collapse_time(mixed, 1.0) == pytest.approx(np.log1p(1 / e) / 2, rel=1e-8)
    assert jf.closed_forms.collapse_time(jf.PowerLaw(2) + jf.PowerLaw(4), 1.0) == np.inf
