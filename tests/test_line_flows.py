"""Flows on quantiles against closed forms, fronts, orders, collapse.

The cases T1 to T5, T10, T11, T13, T15, T17 and T20 are those of docs/theory/two-species.md, section 6.
"""

import functools
import itertools

import numpy as np
import pytest

import jkoflow as jf

from .tables import LINE_SCHEMES, bowl, cases, slow

X1 = jf.PowerLaw(1)


def _deltas(x, y):
    return jf.Species(x=jf.Quantiles.atoms([x]), y=jf.Quantiles.atoms([y]))


def _cross(kernel):
    return jf.CrossInteraction(kernel, between=("x", "y"))


PAIR = jf.closed_forms.QuadraticPair(a11=1.0, a22=0.5, a12=0.25, alpha=2.0)
PAIR_LAW = jf.Interaction(jf.Quadratic(), "x") + 0.5 * jf.Interaction(jf.Quadratic(), "y") + 0.25 * _cross(jf.Quadratic())
PAIR_STATE = jf.Species(x=jf.Quantiles(np.linspace(0, 2, 8)), y=jf.Quantiles(np.linspace(-2.5, -1.5, 12)))


def test_mean_and_variance_laws_of_jko_to_rounding():
    """The exact discrete laws of linear drift and diffusion, not those of the flow: mean / (1 + dt k) and the affine maps."""
    for dt in (0.03, 0.5, 7.0):
        rho = jf.Quantiles(np.linspace(0.5, 2.0, 31))
        flow = jf.evolve(jf.Potential(lambda x: x**2 / 2), rho, dt=dt, t_end=5 * dt)
        mean, variance = jf.closed_forms.OrnsteinUhlenbeck(float(rho.mean), float(rho.covariance), diffusion=0.0).jko(dt, 5)
        assert abs(flow.final.mean - mean) < 1e-12
        assert abs(flow.final.covariance - variance) < 1e-12
        noisy = jf.evolve(jf.Entropy() + jf.Potential(bowl), rho, dt=dt, t_end=5 * dt)  # the mean does not see the diffusion
        assert abs(noisy.final.mean - mean) < 1e-12


def test_gaussians_under_diffusion_converge_to_the_exact_iterate():
    """The variance follows the recursion of OrnsteinUhlenbeck, at order four in the cells until rounding."""
    from scipy.stats import norm

    errors = []
    for n in (100, 200, 400, 1600):
        z = np.linspace(-6.5, 6.5, n)
        rho = jf.Quantiles(1.5 + 0.4 * z, np.diff(norm.cdf(z)))
        _, variance = jf.closed_forms.OrnsteinUhlenbeck(1.5, float(rho.covariance)).jko(0.1, 5)
        flow = jf.evolve(jf.Entropy() + jf.Potential(bowl), rho, dt=0.1, t_end=0.5)
        errors.append(abs(float(flow.final.covariance) - variance))
    assert errors[-1] < 1e-12
    assert 3.8 < np.log2(errors[0] / errors[1]) < 4.2
    assert 3.8 < np.log2(errors[1] / errors[2]) < 4.2


@pytest.mark.slow
def test_t1_and_t2_quadratic_kernels():
    flow = jf.evolve(PAIR_LAW, PAIR_STATE, dt=0.1, t_end=1.0, mobility={"y": 2.0})
    x_factor, y_factor, d_factor = PAIR.jko(0.1)
    for before, after in itertools.pairwise(flow.states):
        for name, factor in (("x", x_factor), ("y", y_factor)):
            spread = after[name].nodes - after[name].mean
            assert np.allclose(spread, factor * (before[name].nodes - before[name].mean), rtol=0, atol=1e-12)
        gap = before["x"].mean - before["y"].mean
        assert abs((after["x"].mean - after["y"].mean) / gap - d_factor) < 1e-10
        assert abs(2 * after["x"].mean + after["y"].mean) < 1e-12  # the joint centre: 0 for these data
    final = flow.final
    assert abs(final["x"].mean - final["y"].mean - 1.455581784904) < 1e-11
    assert abs(flow.energies[0] - 1.364583333333) < 1e-11
    state = (float(final["x"].covariance), float(final["y"].covariance), float(final["x"].mean - final["y"].mean))
    assert abs(flow.energies[-1] - PAIR.energy(*state)) < 1e-12
    fine = jf.evolve(PAIR_LAW, PAIR_STATE, scheme=jf.VariationalExtrapolation(), dt=0.01, t_end=1.0, mobility={"y": 2.0})
    assert abs(fine.final["x"].mean - 0.472366552741) < 1e-5
    assert abs(fine.energies[-1] - 0.269678317433) < 1e-5


def test_t3_the_semi_implicit_factors():
    law = jf.Interaction(jf.Quadratic(), "x") + jf.Interaction(jf.Quadratic(), "y")
    law = law + jf.Drift(0.25 * jf.Quadratic(), moves="x", by="y") + jf.Drift(0.5 * jf.Quadratic(), moves="y", by="x")
    flow = jf.evolve(law, PAIR_STATE, scheme=jf.SemiImplicitJKO(), dt=0.1, t_end=1.0)
    gaps = np.array([float(s["x"].mean - s["y"].mean) for s in flow])
    assert np.allclose(gaps[1:] / gaps[:-1], PAIR.semi_implicit(0.1)[2], rtol=1e-10)
    assert abs(gaps[-1] - 1.420880432056) < 1e-10
    centres = np.array([float(2 * s["x"].mean + s["y"].mean) for s in flow])
    assert abs(centres[1] - centres[0] - -0.003484320557) < 1e-11
    ratio = np.ptp(flow.final["x"].nodes) / np.ptp(flow[0]["x"].nodes)
    assert abs(ratio - (1 / (1 + 0.1 * 1.25)) ** 10) < 1e-10
    same = jf.evolve(  # a symmetric coupling freezes to the same steps, with the mobility in place of the factor
        jf.Interaction(jf.Quadratic(), "x") + 0.5 * jf.Interaction(jf.Quadratic(), "y") + 0.25 * _cross(jf.Quadratic()),
        PAIR_STATE,
        scheme=jf.SemiImplicitJKO(),
        dt=0.1,
        t_end=1.0,
        mobility={"y": 2.0},
    )
    assert np.allclose(same.final["x"].nodes, flow.final["x"].nodes, atol=1e-11)


MEETING_TIMES = {1: 0.625, 1.25: 0.780428131837, 1.5: 1.096322524134, 1.75: 2.053442254562}


@pytest.mark.parametrize("p", cases(MEETING_TIMES, {1, 1.75}))
def test_t4_and_t5_two_deltas_meet_in_time(p):
    exact = jf.closed_forms.collapse_time(0.8 * jf.PowerLaw(p), 1.3, alpha=1.6)
    assert abs(exact - MEETING_TIMES[p]) < 1e-11

    def met(dt):
        flow = jf.evolve(0.8 * _cross(jf.PowerLaw(p)), _deltas(1.3, 0.0), dt=dt, t_end=1.6 * exact, mobility={"y": 1.6})
        gaps = np.array([float(s["x"].mean - s["y"].mean) for s in flow])
        assert np.isfinite(gaps).all()
        assert np.all(np.diff(gaps) <= 1e-12)
        assert np.allclose([float(1.6 * s["x"].mean + s["y"].mean) / 2.6 for s in flow], 0.8, atol=1e-12)
        return flow.times[np.argmax(gaps < 1e-4)], gaps

    coarse, gaps = met(0.05)
    fine, _ = met(0.0125)
    assert abs(fine - exact) < 0.1 * exact
    assert abs(coarse - exact) < 0.2 * exact
    if p == 1:  # soft thresholding, exact for any dt, and then at rest
        assert np.allclose(gaps, np.maximum(1.3 - 2.6 * 0.8 * 0.05 * np.arange(len(gaps)), 0), atol=1e-12)


@pytest.mark.slow
def test_t4_morse_and_t5_in_closed_form():
    assert abs(jf.closed_forms.collapse_time(jf.Morse(0.8, 0.7), 1.3, alpha=1.6) - 1.273389722003) < 1e-11
    kernel = 0.8 * (jf.PowerLaw(1) - 0.25 * jf.Quadratic())  # k' = kappa (1 - r / L) with L = 4, by quadrature

    assert abs(jf.closed_forms.collapse_time(kernel, 1.3, alpha=1.6) - 4 / (2.6 * 0.8) * np.log(4 / 2.7)) < 1e-9
    assert abs(jf.closed_forms.collapse_time(jf.PowerLaw(1.3), 1.6) - 0.992558) < 1e-6  # T5, R0 = .8
    assert abs(jf.closed_forms.collapse_time(jf.PowerLaw(1.6), 1.6) - 1.508544) < 1e-6
    assert jf.closed_forms.collapse_time(jf.Quadratic(), 1.0) == np.inf
    assert jf.closed_forms.collapse_time(jf.Gaussian(), 1.0) == np.inf
    dt = 0.002
    flow = jf.evolve(_cross(jf.Morse(0.8, 0.7)), _deltas(1.3, 0.0), dt=dt, t_end=1.5, mobility={"y": 1.6})
    gaps = np.array([float(s["x"].mean - s["y"].mean) for s in flow])
    before = flow.times < 1.2
    exact = 0.7 * np.log(np.exp(1.3 / 0.7) - 2.6 * 0.8 * flow.times[before] / 0.49)
    assert np.abs(gaps[before] - exact).max() < 10 * dt
    assert abs(flow.times[np.argmax(gaps == 0)] - 1.273389722003) < 5 * dt
    assert np.all(gaps[flow.times > 1.29] == 0)


@pytest.mark.parametrize("dt", [slow(0.01), slow(0.07), 0.11, 0.3, slow(1.0)])
def test_t10_overlapping_uniform_laws(dt):
    pair = jf.closed_forms.UniformPair(a=3.0, b=1.0, kappa=1.0)
    uniform = jf.Quantiles(np.linspace(-1.2, 1.2, 7))
    law = 3 * jf.Interaction(X1, "x") + jf.Interaction(X1, "y") + _cross(X1)
    flow = jf.evolve(law, jf.Species(x=uniform, y=uniform), dt=dt, t_end=max(0.45, 2 * dt), mobility={"y": pair.alpha})
    for t, state, energy in zip(flow.times, flow, flow.energies, strict=True):
        width = pair.half_width(1.2, t)
        for measure in state.values():
            assert np.allclose(measure.nodes, width * np.linspace(-1, 1, 7), atol=1e-11)
        assert abs(energy - pair.energy(width)) < 1e-11
    assert flow.final["x"].atomic.all()


def test_t11_sticky_atoms_for_any_step():
    rng = np.random.default_rng(2)
    start = jf.Quantiles.atoms(np.sort(rng.normal(size=30)), rng.dirichlet(np.ones(30)))
    time = jf.closed_forms.sticky_collapse_time(start)
    for dt in (time / 7, time / 2, time):
        flow = jf.evolve(jf.Interaction(X1), start, dt=dt, t_end=1.01 * time)
        for t, state in zip(flow.times, flow, strict=True):
            assert np.allclose(state.nodes, jf.closed_forms.sticky_collapse(start, t).nodes, atol=1e-12)
        assert np.ptp(flow.final.nodes) == 0
    assert np.ptp(jf.evolve(jf.Interaction(X1), start, dt=0.98 * time, t_end=0.98 * time).final.nodes) > 1e-3
    for dt in (0.1, 0.9):  # Uniform[-R, R]: T = R
        flow = jf.evolve(jf.Interaction(X1), jf.Quantiles(np.linspace(-0.9, 0.9, 12)), dt=dt, t_end=0.9 + dt)
        widths = np.array([np.ptp(state.nodes) for state in flow])
        assert np.allclose(widths, 2 * np.maximum(0.9 - flow.times, 0), atol=1e-13)
        assert widths[-1] == 0


@pytest.mark.parametrize("law", [jf.Interaction(jf.Morse(1.0, 0.8)), jf.Interaction(X1)], ids=["morse", "|x|"])
def test_total_collapse_and_rest_afterwards(law):
    """Two equal atoms under one kernel meet as the closed form says; a density collapses too; then nothing moves any more."""
    kernel = law.W
    exact = jf.closed_forms.collapse_time(kernel, 1.5, alpha=0.0)
    dt = exact / 400
    pair = jf.evolve(law, jf.Quantiles.atoms([0.0, 1.5]), dt=dt, t_end=1.2 * exact)
    gaps = np.array([float(np.ptp(s.nodes)) for s in pair])
    assert abs(pair.times[np.argmax(gaps == 0)] - exact) < 4 * dt
    assert np.all(gaps[np.argmax(gaps == 0) :] == 0)
    assert np.isfinite(pair.energies).all()
    density = jf.evolve(law, jf.Quantiles(np.linspace(-0.5, 0.7, 60)), dt=0.05, t_end=4.0)
    assert density.final.atomic.all()
    assert np.ptp(density.final.nodes) == 0
    assert abs(density.final.mean - 0.1) < 1e-12
    assert density[-1].wasserstein(density[-3]) < 1e-15
    assert np.all(np.diff(density.energies) <= 1e-15)


def test_t13_chase_and_capture():
    """Predator and prey, alpha = -1: the distance stays, both run at 2/e; alpha = -.4 with |x|: D falls at 1 + alpha."""
    K = jf.Gaussian()
    law = jf.Drift(K, moves="x", by="y") - jf.Drift(K, moves="y", by="x")
    dt = 0.005
    flow = jf.evolve(law, _deltas(0.0, 1.0), scheme=jf.SemiImplicitJKO(), dt=dt, t_end=1.0)
    gap = np.array([float(s["y"].mean - s["x"].mean) for s in flow])
    assert np.abs(gap - 1).max() < 5 * dt
    assert abs(float(flow.final["x"].mean) - 2 / np.e) < 5 * dt
    chase = jf.Drift(X1, moves="x", by="y") - 0.4 * jf.Drift(X1, moves="y", by="x")
    assert abs(jf.closed_forms.collapse_time(X1, 1.0, alpha=-0.4) - 1.666667) < 1e-6
    assert abs(jf.closed_forms.collapse_time(jf.PowerLaw(1.4), 1.0, alpha=-0.4) - 2.777778) < 1e-6
    flow = jf.evolve(chase, _deltas(0.0, 1.0), scheme=jf.SemiImplicitJKO(), dt=0.1, t_end=1.6)
    gap = np.array([float(s["y"].mean - s["x"].mean) for s in flow])
    assert np.allclose(gap, 1 - 0.6 * flow.times, atol=1e-12)


@pytest.mark.parametrize("p", [1, 1.5, 2, 3, 4])
def test_t15_the_virial_of_homogeneous_kernels(p):
    """Stationarity of a step under dilations: sum_i <X', X' - X> / alpha_i = -dt p E(X'), exactly, for every step."""
    x, y = jf.Quantiles(np.linspace(-0.3, 1.0, 14)), jf.Quantiles(np.linspace(-1.0, 0.2, 9))
    law = 0.7 * jf.Interaction(jf.PowerLaw(p), "x") + 0.4 * jf.Interaction(jf.PowerLaw(p), "y") + 0.5 * _cross(jf.PowerLaw(p))
    flow = jf.evolve(law, jf.Species(x=x, y=y), dt=0.05, t_end=0.2, mobility={"y": 1.7})
    for k, (before, after) in enumerate(itertools.pairwise(flow.states)):
        total = 0.0
        for name, alpha in (("x", 1.0), ("y", 1.7)):
            a, b = after[name], before[name]
            moved = (a.wasserstein(b) ** 2 + a.moment(2) - b.moment(2)) / 2  # <X', X' - X>
            total += moved / alpha
        assert abs(total + 0.05 * p * flow.energies[k + 1]) < 1e-11


def test_t17_repulsion_spreads_an_atom_at_once():
    for dt in (0.01, 0.5, 3.0):
        flow = jf.evolve(jf.Interaction(-X1), jf.Quantiles(np.zeros(9)), dt=dt, t_end=2 * dt)
        for t, state, energy in zip(flow.times, flow, flow.energies, strict=True):
            assert np.allclose(state.nodes, t * np.linspace(-1, 1, 9), atol=1e-12)
            assert abs(energy + t / 3) < 1e-12
    exact = jf.closed_forms.RepulsiveLine(a=1.0, b=0.5, k=0.7)
    law = jf.Interaction(jf.Quadratic() - 0.5 * X1) + jf.Potential(lambda x: 0.7 * x**2 / 2)
    flow = jf.evolve(law, jf.Quantiles(0.8 * np.linspace(-1, 1, 9)), dt=0.2, t_end=2.0)
    assert np.allclose(flow.final.nodes, exact.jko(0.8, 0.2, 10) * np.linspace(-1, 1, 9), atol=1e-11)
    assert abs(exact.half_width(0.8, 50.0) - 0.5 / 1.7) < 1e-12


def test_t20_de_giorgi_s_identity():
    """E(X) - E(X') = W^2/(2 dt) + 1/2 int_0^dt W(s)^2 / s^2 ds, W(s) the length of the step of size s: on a quadratic mode in
    closed form, and for a nonlinear energy by Gauss-Legendre quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    for law, rho in [
        (jf.Interaction(1.3 * jf.Quadratic()), jf.Quantiles([-1.0, 2.0])),
        (jf.Potential(lambda x: x**4) + jf.Interaction(jf.Morse(1.0, 2.0)), jf.Quantiles(np.linspace(-1, 1.5, 20))),
    ]:
        tau = 0.3

        def step(s, law=law, rho=rho):
            return jf.QuantileNewton(tolerance=1e-14).solve(jf.ProximalStep(law, jf.Species.of(rho), s))

        sizes = tau * (nodes + 1) / 2
        integral = tau / 2 * sum(w * (step(s).distances[""] / s) ** 2 for s, w in zip(sizes, weights, strict=True))
        last = step(tau)
        lost = law(rho) - law(last.state)
        assert abs(lost - last.distances[""] ** 2 / (2 * tau) - integral / 2) < 1e-10
    lam, x0 = 1.3, 1.5 / np.sqrt(3)  # the fluctuation of Uniform[-1, 2] is one mode of that size
    closed = lam / 2 * x0**2 * (2 * lam * tau + (lam * tau) ** 2) / (1 + lam * tau) ** 2
    rho = jf.Quantiles([-1.0, 2.0])
    law = jf.Interaction(lam * jf.Quadratic())
    assert abs(law(rho) - law(jf.QuantileNewton().solve(jf.ProximalStep(law, jf.Species.of(rho), tau)).state) - closed) < 1e-13


def test_the_semicircle_spreads_as_a_semicircle():
    gas = jf.closed_forms.LogarithmicLine(diffusion=0.0, strength=-1.0)
    errors = []
    for n in (100, 200):
        flow = jf.evolve(jf.Interaction(-jf.PowerLaw(0)), gas.semicircle(1.0, n), dt=0.1, t_end=0.3)
        errors.append(abs(float(flow.final.covariance) - gas.jko_radius(1.0, 0.1, 3) ** 2 / 4))
    assert errors[1] < 1.5e-5
    assert 1.9 < np.log2(errors[0] / errors[1]) < 2.1
    assert abs(gas.radius(1.0, 0.5) - np.sqrt(3)) < 1e-12


@pytest.mark.parametrize("strength", [0.5, 1.5, 3.0])
def test_keller_segel_s_variance(strength):
    """<X', X' - X> = dt (D - strength / 2) in every step, whatever the shape: the variance law of the discrete flow."""
    rho = jf.Quantiles(np.linspace(-1.0, 2.0, 30))
    flow = jf.evolve(jf.Entropy() + strength * jf.Interaction(jf.PowerLaw(0)), rho, dt=0.02, t_end=0.1)
    for before, after in itertools.pairwise(flow.states):
        moved = (after.wasserstein(before) ** 2 + after.moment(2) - before.moment(2)) / 2
        assert abs(moved - 0.02 * (1 - strength / 2)) < 1e-14
    law = jf.closed_forms.LogarithmicLine(1.0, strength)
    assert law.lifetime(0.75) == (np.inf if strength < 2 else 0.75 / (strength - 2))


def _well(n=200):
    grid = jf.Grid.box((-3, 3), cells=3000)
    rho = grid.density(lambda x: np.exp(-3 * (x - 0.5) ** 2)).quantiles(n, walls=False)
    law = jf.Entropy() + jf.Potential(lambda x: x**4 / 4 - x**2 / 2)
    return law, jf.evolve(law, rho, scheme=jf.VariationalExtrapolation(), dt=0.01, t_end=0.1).final


@functools.cache
def _well_at_half():
    law, rho = _well()
    return jf.evolve(law, rho, scheme=jf.VariationalExtrapolation(), dt=0.5 / 320, t_end=0.5).final


BOUNDS = {"jko": 4e-3, "semi-implicit": 4e-3, "bdf2": 2e-4, "variational extrapolation": 2e-5, "implicit midpoint": 2e-4}


@pytest.mark.slow
@pytest.mark.parametrize("name", LINE_SCHEMES)
def test_declared_orders_on_fokker_planck_in_a_double_well(name):
    from jkoflow.checks import check_scheme

    law, rho = _well()
    report = check_scheme(
        LINE_SCHEMES[name], law, rho, error=_well_at_half().wasserstein, t_end=0.5, dts=[0.025, 0.0125, 0.00625], within=0.15
    )
    assert report.errors[-1] < BOUNDS[name]


@pytest.mark.parametrize("name", LINE_SCHEMES)
def test_declared_orders_on_barenblatt(name):
    from jkoflow.checks import check_scheme

    B = jf.closed_forms.Barenblatt(m=2, d=1)
    exact = B.quantiles(1.0, 1500)
    report = check_scheme(
        LINE_SCHEMES[name],
        jf.RenyiEntropy(2),
        B.quantiles(0.5, 1500),
        error=exact.wasserstein,
        t_end=0.5,
        dts=[0.1, 0.05, 0.025],
        within=0.15,
    )
    assert (
        report.errors[-1]
        < {"jko": 2e-3, "semi-implicit": 2e-3, "bdf2": 2e-4, "variational extrapolation": 2e-5, "implicit midpoint": 2e-4}[name]
    )


def test_the_jko_iterates_of_barenblatt():
    B = jf.closed_forms.Barenblatt(m=2, d=1)
    flow = jf.evolve(jf.RenyiEntropy(2), B.quantiles(0.5, 1000), dt=0.05, t_end=0.5)
    scale = B.jko(B.scale(0.5), dt=0.05, steps=10)
    assert abs(scale - 0.996270913) < 1e-9
    assert abs(float(flow.final.covariance) - B.second_moment * scale**2) < 1e-5
    assert abs(flow.final.nodes[-1] - B.radius(1.0) * scale / B.scale(1.0)) < 2e-4


def test_fronts_converge_with_the_cells():
    B = jf.closed_forms.Barenblatt(m=2, d=1)
    errors = []
    for n in (50, 100, 200):
        flow = jf.evolve(jf.RenyiEntropy(2), B.quantiles(0.5, n), scheme=jf.VariationalExtrapolation(), dt=0.02, t_end=0.5)
        errors.append(abs(flow.final.nodes[-1] - B.radius(1.0)))
    assert errors[-1] < 1.5e-3
    assert np.all(np.log2(np.array(errors[:-1]) / errors[1:]) > 1.2)


def test_energies_of_the_schemes_are_as_their_docs_say():
    """Big steps in a double well: JKO and VariationalExtrapolation never rise; BDF2 keeps its two inequalities."""
    law, rho = _well(60)
    for dt in (0.02, 0.5, 5.0):
        for scheme in (jf.JKO(), jf.VariationalExtrapolation()):
            flow = jf.evolve(law, rho, scheme=scheme, dt=dt, t_end=8 * dt)
            assert np.all(np.diff(flow.energies) <= 1e-12)
        flow = jf.evolve(law, rho, scheme=jf.BDF2(), dt=dt, t_end=8 * dt)
        before, after = flow.distances[:-1] ** 2, flow.distances[1:] ** 2
        assert np.all(flow.energies[2:] + after / (2 * dt) <= flow.energies[1:-1] + before / (4 * dt) + 1e-12)
    convex = jf.RenyiEntropy(2) + jf.Potential(bowl)
    flow = jf.evolve(convex, jf.Quantiles(np.linspace(2, 3, 40)), scheme=jf.BDF2(), dt=0.8, t_end=8.0)
    modified = flow.energies[1:] + flow.distances**2 / (4 * 0.8)
    assert np.all(np.diff(modified) <= 1e-12)
    assert np.any(np.diff(flow.energies) > 1e-6)  # the energy itself does rise: it overshoots


@pytest.mark.slow
def test_bdf2_is_continued_to_the_last_bit_and_takes_unequal_steps(tmp_path):
    law, rho = _well(40)
    whole = jf.evolve(law, rho, scheme=jf.BDF2(), dt=0.05, t_end=0.5)
    half = jf.evolve(law, rho, scheme=jf.BDF2(), dt=0.05, t_end=0.25)
    jf.save(half, tmp_path / "half.npz")
    for start in (half, jf.load(tmp_path / "half.npz")):
        again = jf.evolve(law, start, scheme=jf.BDF2(), dt=0.05, t_end=0.5)
        assert all(np.array_equal(a.nodes, b.nodes) for a, b in zip(again, whole, strict=True))
        assert np.array_equal(again.energies, whole.energies)
    exact = jf.evolve(law, rho, scheme=jf.VariationalExtrapolation(), dt=0.5 / 256, t_end=0.5).final
    errors = []
    for dt in (0.02, 0.01):  # first with dt, then with two thirds of it
        first = jf.evolve(law, rho, scheme=jf.BDF2(), dt=dt, t_end=0.2)
        errors.append(jf.evolve(law, first, scheme=jf.BDF2(), dt=dt * 2 / 3, t_end=0.5).final.wasserstein(exact))
    assert 1.7 < np.log2(errors[0] / errors[1]) < 2.3


@pytest.mark.slow
def test_adaptive_steps_meet_the_tolerance_and_grow():
    law, rho = _well(40)
    exact = jf.evolve(law, rho, scheme=jf.VariationalExtrapolation(), dt=0.02, t_end=4.0)
    for inner in (jf.JKO(), jf.VariationalExtrapolation()):
        counts = []
        for tolerance in (1e-3, 1e-4):
            flow = jf.evolve(law, rho, scheme=jf.Adaptive(inner, tolerance), dt=1e-4, t_end=4.0)
            assert flow.times[-1] == 4.0
            assert np.allclose(np.cumsum(flow.dts), flow.times[1:])
            assert flow.final.wasserstein(exact.final) < 20 * tolerance
            assert flow.dts.max() > 100 * flow.dts[0]
            counts.append(len(flow))
        assert counts[1] > 1.2 * counts[0]


def test_adaptive_runs_are_continued_to_the_last_bit(tmp_path):
    law, rho = _well(40)
    scheme = jf.Adaptive(jf.JKO(), 1e-3)
    whole = jf.evolve(law, rho, scheme=scheme, dt=1e-3, t_end=2.0)
    half = jf.evolve(law, rho, scheme=scheme, dt=1e-3, t_end=2.0, stop=lambda step: "half" if step.index == 6 else None)
    jf.save(half, tmp_path / "half.npz")
    again = jf.evolve(law, jf.load(tmp_path / "half.npz"), scheme=scheme, dt=1e-3, t_end=2.0)
    assert np.array_equal(again.times, whole.times)
    assert np.array_equal(again.final.nodes, whole.final.nodes)


def test_adaptive_steps_tell_the_largest_residual_of_their_solves():
    law, rho = _well(20)
    residuals = []

    class Listening(jf.QuantileNewton):
        def solve(self, step):
            answer = super().solve(step)
            residuals.append(answer.residual)
            return answer

    flow = jf.evolve(law, rho, scheme=jf.Adaptive(jf.JKO(Listening()), 1e-3), dt=0.05, t_end=0.05)
    assert max(info.residual for info in flow.infos) == max(residuals)
    assert residuals[-1] < max(residuals)


def test_adaptive_steps_end_honestly():
    law, rho = _well(20)
    flow = jf.evolve(law, rho, scheme=jf.Adaptive(jf.JKO(), 1e-9, least_dt=1e-3), dt=0.1, t_end=1.0, on_failure="return")
    assert flow.statuses[-1] is jf.Status.DT_TOO_SMALL
    failing = jf.Adaptive(jf.JKO(jf.QuantileNewton(max_iterations=1)), 1e-3, least_dt=1e-2)
    flow = jf.evolve(law, rho, scheme=failing, dt=0.1, t_end=1.0, on_failure="return")
    assert flow.statuses[-1] is jf.Status.ITERATION_LIMIT
    for scheme, message in [
        (lambda: jf.Adaptive(jf.Adaptive(jf.JKO(), 1e-3), 1e-3), "steps of a given size"),
        (lambda: jf.Adaptive(jf.JKO(), 0.0), "tolerance must be a positive"),
        (lambda: jf.Adaptive(3, 1e-3), "scheme must be one"),
    ]:
        with pytest.raises(ValueError, match=message):
            scheme()
    with pytest.raises(ValueError, match="look at the last state only"):
        jf.Adaptive(jf.BDF2(), 1e-3)
    with pytest.raises(ValueError, match="t_end must lie after"):
        jf.evolve(law, rho, scheme=jf.Adaptive(jf.JKO(), 1e-3), dt=0.1, t_end=-1.0)


def test_adaptive_steps_on_a_density():
    rho = jf.Grid.box((-4.0, 4.0), cells=64).density(lambda x: np.exp(-2 * (x - 1) ** 2))
    flow = jf.evolve(jf.Entropy() + jf.Potential(bowl), rho, scheme=jf.Adaptive(jf.JKO(), 2e-2), dt=0.02, t_end=1.0)
    assert flow.ok
    assert flow.dts[:-1].max() > 2 * flow.dts[0]


def test_the_quantile_snippet_of_the_design():
    grid = jf.Grid.box((-4, 4), cells=200)
    rho0 = grid.density(lambda x: np.exp(-((x - 1.5) ** 2) / 0.1))
    energy = jf.Entropy() + jf.Potential(lambda x: x**2 / 2)
    flow = jf.evolve(energy, rho0.quantiles(400), scheme=jf.BDF2(), dt=0.05, t_end=3.0)
    mean, variance = jf.closed_forms.OrnsteinUhlenbeck(1.5, float(rho0.covariance)).flow(3.0)
    assert abs(flow.final.mean - mean) < 2e-3
    assert abs(flow.final.covariance - variance) < 5e-3
    assert "QuantileNewton" in flow.scheme
    jf.plot.density(flow)


def test_only_the_measure_differs():
    """The same law and the same evolve on a density and on its quantiles."""
    rho = jf.Grid.box((-3.0, 3.0), cells=200).density(lambda x: np.exp(-2 * (x - 0.5) ** 2))
    law = 0.5 * jf.Entropy() + jf.Interaction(jf.Morse(1.0, 1.5)) + jf.Potential(lambda x: np.cos(2 * x))
    on_grid = jf.evolve(law, rho, dt=0.05, t_end=0.5)
    on_line = jf.evolve(law, rho.quantiles(400), dt=0.05, t_end=0.5)
    assert jf.wasserstein2(on_grid.final, on_line.final) < 2e-3
    assert np.allclose(on_grid.energies, on_line.energies, atol=2e-3)


def test_storage_and_export_of_quantiles(tmp_path):
    state = jf.Species(x=jf.Quantiles([0.0, 1.0, 2.0], walls=(-1, 3)), y=jf.Quantiles([0.0, 0.5], [2.0], walls=(-1, 3)))
    flow = jf.evolve(jf.Entropy("x") + jf.Entropy("y"), state, dt=0.1, t_end=0.3)
    jf.save(flow, tmp_path / "flow.npz")
    again = jf.load(tmp_path / "flow.npz")
    assert again.final["y"].walls == (-1.0, 3.0)
    assert all(np.array_equal(a[n].nodes, b[n].nodes) for a, b in zip(again, flow, strict=True) for n in ("x", "y"))
    assert np.array_equal(again.final["y"].masses, [2.0])
    data = jf.to_xarray(flow)
    assert data["nodes_x"].shape == (4, 3)
    assert np.array_equal(data["masses_y"], [2.0])


def test_a_step_does_not_depend_on_what_its_law_has_seen():
    """The energy about the end of a step is kept for the next one: to the last bit as with a law that no step has seen."""

    def made():
        return (
            0.3 * jf.Entropy() + jf.RenyiEntropy(2) + jf.Potential(np.cosh, gradient=np.sinh) + jf.Interaction(jf.PowerLaw(2))
        )

    law, solver = made(), jf.QuantileNewton()
    state = jf.Species.of(jf.Quantiles(np.linspace(-1, 2, 41), np.full(40, 1 / 40)))
    other = jf.Species.of(jf.Quantiles(np.linspace(-1, 2, 41), np.linspace(1, 2, 40) / 60))
    for tau in (0.1, 0.02, 0.1):
        for start in (state, other, state):
            seen, fresh = (solver.solve(jf.ProximalStep(one, start, tau)) for one in (law, made()))
            assert np.array_equal(seen.state[""].nodes, fresh.state[""].nodes)
        state = solver.solve(jf.ProximalStep(law, state, tau)).state
