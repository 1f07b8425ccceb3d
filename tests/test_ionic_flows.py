"""Poisson-Nernst-Planck flows on grids, quantiles and shells; strong coupling; the diagnostics.

The cases T1 to T27 are those of docs/theory/poisson-nernst-planck.md, section 5.
"""

import warnings

import numpy as np
import pytest
from scipy.optimize import brentq

import jkoflow as jf
from jkoflow import diagnostics

from .test_electrostatics import ions, radial_normal

COUPLING = jf.DirichletCoupling(u=1, v=-1)


def internal(m):
    return [jf.Entropy(s) if m == 1 else jf.RenyiEntropy(m, s) for s in "uv"]


def law_of(m, c=1.0, boundary="neumann"):
    return sum(internal(m)) + jf.DirichletCoupling(u=1, v=-1, permittivity=1 / c, boundary=boundary)


def on_quantiles(state):
    return jf.Species({name: one.quantiles() for name, one in state.items()})


def wave(measure, k=1):
    """2 int rho cos(k pi x)."""
    return 2 * measure.expectation(measure.field("cos", lambda x: np.cos(k * np.pi * x)))


def line(cells, kind="grid", a=0.5):
    state = ions(jf.Grid.box((0, 1), cells=cells), a)
    return state if kind == "grid" else on_quantiles(state)


KINDS = pytest.mark.parametrize("kind", ["grid", "quantiles"])
SOLVERS = {"grid": jf.BackAndForth(tolerance=1e-9), "quantiles": jf.QuantileNewton()}


# ---- one step and many, against reference values

ONE_STEP = {  # (m, dt): a1, E, W2(u, u*)^2, coupling; T11
    (1, 0.02): (0.40369050, 0.10019651, 0.000485396, 0.016511929),
    (1, 0.1): (0.22677887, 0.03146761, 0.003838497, 0.005210920),
    (2, 0.02): (0.34958342, 2.13550774, 0.001151262, 0.012382587),
    (2, 0.1): (0.15654593, 2.02736331, 0.006017271, 0.002483223),
}


@KINDS
@pytest.mark.parametrize(("m", "dt"), ONE_STEP)
def test_t11_one_exact_step(kind, m, dt):
    """To second order in the cells, with an absolute bound: five to seven digits on 256 cells."""

    def errors(n):
        law = law_of(m)
        answer = SOLVERS[kind].solve(jf.ProximalStep(law, line(n, kind), dt))
        assert answer.status.ok
        u = answer.state["u"]
        found = wave(u), law(answer.state), answer.distances["u"] ** 2, COUPLING(answer.state)
        return np.abs(np.array(found) - ONE_STEP[m, dt])

    coarse, fine = errors(64), errors(256)
    assert np.all(fine < [2e-5, 5e-6, 5e-7, 2e-6])
    assert np.all(fine < coarse / 11)  # 16 at order 2


JKO_AT = {  # (m, dt): a1, E at t = .1; T10
    (1, 0.02): (0.17175673, 0.01785688),
    (1, 0.01): (0.16252461, 0.01596408),
    (1, 0.005): (0.15762224, 0.01500437),
    (2, 0.02): (0.08273074, 2.00756913),
    (2, 0.01): (0.07060911, 2.00550427),
    (2, 0.005): (0.06424668, 2.00455362),
}
EXACT_AT = {1: (0.1525089644498, 0.0140367711231), 2: (0.0576814431013, 2.0036682395248)}


@KINDS
@pytest.mark.parametrize("m", [1, 2])
def test_t10_jko_at_three_steps(kind, m):
    """The JKO values to the grid's error, and the exact solution at order one in dt."""
    off = []
    for dt in (0.02, 0.01, 0.005):
        flow = jf.evolve(law_of(m), line(128, kind), scheme=jf.JKO(SOLVERS[kind]), dt=dt, t_end=0.1)
        found = np.array([wave(flow["u"].final), flow.energies[-1]])
        assert np.all(np.abs(found - JKO_AT[m, dt]) < [5e-5, 2e-5])
        off.append(np.abs(found - EXACT_AT[m]))
    orders = np.log2(np.array(off[:-1]) / off[1:])
    assert np.all(np.abs(orders[-1] - 1) < 0.15)
    assert off[-1][0] < 0.007


@pytest.mark.parametrize("m", [1, 2])
def test_t10_the_midpoint_rule_reaches_the_exact_flow(m):
    flow = jf.evolve(law_of(m), line(256), scheme=jf.ImplicitMidpoint(SOLVERS["grid"]), dt=0.005, t_end=0.1)
    assert abs(wave(flow["u"].final) - EXACT_AT[m][0]) < 2e-4
    assert abs(flow.energies[-1] - EXACT_AT[m][1]) < 2e-5
    assert abs(flow.energies[10] - {1: 0.0463434558210, 2: 2.0322592812961}[m]) < 8e-5


@KINDS
@pytest.mark.parametrize("m", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 2])
def test_t9_linear_rates(kind, m, k):
    """1 / (1 + dt omega) per step to four digits on 256 cells, for the neutral and the charge mode."""
    grid, a, dt = jf.Grid.box((0, 1), cells=256), 1e-4, 0.02
    shape = np.cos(k * np.pi * grid.axes[0])
    rates = jf.closed_forms.debye_rates(k * np.pi, m=m)
    for sign, rate in zip((1, -1), rates, strict=True):
        state = jf.Species(u=grid.density(1 + a * shape), v=grid.density(1 + sign * a * shape))
        state = state if kind == "grid" else on_quantiles(state)
        solver = jf.BackAndForth(tolerance=1e-11) if kind == "grid" else jf.QuantileNewton()
        after = solver.solve(jf.ProximalStep(law_of(m), state, dt)).state["u"]
        before = wave(state["u"], k)
        assert abs(wave(after, k) / before - 1 / (1 + dt * rate)) < 5e-5
    if m < 3 and k == 1:
        assert np.isclose(1 / (1 + dt * rates[1]), {1: 0.808151280, 2: 0.696968936}[m], atol=1e-9)


@KINDS
def test_t12_relaxation_to_the_manufactured_equilibrium(kind):
    known = jf.closed_forms.CosineIons(0.5)
    grid = jf.Grid.box((0, 1), cells=128)
    one = grid.density(lambda x: np.ones_like(x))
    state = jf.Species(u=one, v=one)
    law = law_of(1) + jf.Potential(known.U, "u") + jf.Potential(known.V, "v")
    start = state if kind == "grid" else on_quantiles(state)
    flow = jf.evolve(law, start, scheme=jf.ImplicitMidpoint(SOLVERS[kind]), dt=0.01, t_end=0.2)
    at = {0.02: (0.098221858230, 0.112340795869), 0.1: (0.012494316720, 0.362955979833), 0.2: (0.000931722133, 0.462835596516)}
    for t, (energy, amplitude) in at.items():
        k = round(t / 0.01)
        assert abs(flow.energies[k] - known.energy - energy) < 2.5e-4
        assert abs(wave(flow["u"][k]) - amplitude) < 1e-3
    assert max(float(np.max(state["u"].values)) for state in flow.snapshots[:11]) <= np.exp(0.1 * 4.289868)


def test_t8_neutral_ions_are_two_copies_and_charges_swap():
    grid = jf.Grid.box((0, 1), cells=64)
    u, v = line(64).values()
    well = [jf.Potential(lambda x: (x - 0.3) ** 2, s) for s in "uv"]
    both = jf.evolve(law_of(1, 50) + sum(well), jf.Species(u=u, v=u), dt=0.05, t_end=0.2)
    alone = jf.evolve(jf.Entropy() + jf.Potential(lambda x: (x - 0.3) ** 2), u, dt=0.05, t_end=0.2)
    assert np.abs(both["u"].final.values - alone.final.values).max() < 1e-5
    assert np.abs(both["u"].final.values - both["v"].final.values).max() < 1e-10
    one = jf.evolve(law_of(2, 5) + jf.Potential(lambda x: x, "u"), jf.Species(u=u, v=v), dt=0.05, t_end=0.2)
    other = jf.evolve(law_of(2, 5) + jf.Potential(lambda x: x, "v"), jf.Species(u=v, v=u), dt=0.05, t_end=0.2)
    assert np.abs(one["u"].final.values - other["v"].final.values).max() < 1e-9
    assert grid == one["u"].final.grid


def test_bdf2_on_quantiles_reaches_the_exact_flow():
    off = []
    for dt in (0.01, 0.005):
        flow = jf.evolve(law_of(1), line(300, "quantiles"), scheme=jf.BDF2(), dt=dt, t_end=0.1)
        off.append(abs(wave(flow["u"].final) - EXACT_AT[1][0]))
    assert off[1] < 3e-4
    assert off[0] / off[1] > 3.6


# ---- the whole space


def bowl(r):
    return r**2 / 2


def whole_space(c):
    coupling = jf.DirichletCoupling(u=1, v=-1, permittivity=1 / c, boundary="free-space")
    return sum(internal(1)) + jf.Potential(bowl, "u") + jf.Potential(bowl, "v") + coupling, coupling


def test_t16_one_step_in_space():
    for c, expected in ((1, (3.00174, 6.11028, 0.00173605)), (50, (3.07793, 6.04188, 0.0717439))):
        law, coupling = whole_space(c)
        errors = []
        for n in (200, 400):
            state = jf.Species(u=radial_normal(1, n), v=radial_normal(1.5, n))
            after = jf.RadialNewton().solve(jf.ProximalStep(law, state, 0.1)).state
            found = after["u"].second_moment, after["v"].second_moment, coupling(after)
            errors.append(np.abs(np.array(found) - expected))
        assert np.all(errors[1] < [2e-4, 4e-4, 2e-6])
        assert np.all(errors[1][:2] < errors[0][:2] / 3)


@pytest.mark.slow
def test_t16_the_run_in_space():
    """The JKO values at t = .5 for three dt, and the flow's at order one; c = 50."""
    law, coupling = whole_space(50)
    start = jf.Species(u=radial_normal(1, 500), v=radial_normal(1.5, 500))
    jko = {
        0.1: (3.177035, 4.317784, 0.01267127),
        0.05: (3.184639, 4.264672, 0.01122416),
        0.025: (3.188733, 4.236875, 0.01049790),
    }
    exact, off = np.array([3.1930157356, 4.2081504593, 0.0097717913]), []
    assert np.isclose(law(start), -4.7453239504, atol=3e-4)
    for dt, expected in jko.items():
        flow = jf.evolve(law, start, dt=dt, t_end=0.5)
        end = flow.snapshots[-1]
        found = np.array([end["u"].second_moment, end["v"].second_moment, coupling(end)])
        assert np.all(np.abs(found - expected) < [1e-4, 2e-4, 1e-6])
        assert diagnostics.step_dissipation(flow).worst < 0
        off.append(np.abs(found - exact))
    assert np.all(np.abs(np.log2(off[1] / off[2]) - 1) < 0.15)
    assert diagnostics.second_moment_identity(flow, law).worst < 1e-6  # T18


def test_t18_moments():
    """Coupling adds (d - 2) of its energy to the virial; the common centre relaxes at 1 / (1 + k dt) whatever the coupling."""
    law, coupling = whole_space(50)
    flow = jf.evolve(law, jf.Species(u=radial_normal(1, 400), v=radial_normal(1.5, 400)), dt=0.05, t_end=0.05)
    before, after = flow.snapshots
    left = sum((after[s].second_moment - before[s].second_moment + flow.infos[0].distances[s] ** 2) / 0.1 for s in "uv")
    right = 6 - sum(after[s].second_moment for s in "uv") + coupling(after)
    assert np.isclose(left, right, rtol=1e-4)
    assert np.isclose(left, -3.32412, atol=2e-3)
    assert np.isclose(coupling(after), 0.087448, atol=2e-6)

    grid = jf.Grid.box((-5, 5), cells=100)
    state = jf.Species(
        u=grid.density(lambda x: np.exp(-((x - 1) ** 2) / 2)).quantiles(walls=False),
        v=grid.density(lambda x: np.exp(-((x + 0.5) ** 2))).quantiles(walls=False),
    )
    free = jf.DirichletCoupling(u=1, v=-1, permittivity=0.2, boundary="free-space")
    law = sum(internal(1)) + sum(jf.Potential(lambda x: x**2 / 2, s, gradient=lambda x: x) for s in "uv") + free
    flow = jf.evolve(law, state, dt=0.1, t_end=0.5)
    assert diagnostics.second_moment_identity(flow, law).worst < 1e-7
    assert diagnostics.centre_identity(flow, law).worst < 1e-7
    centre = [sum(float(one.mean) for one in state.values()) for state in flow.snapshots]
    assert np.allclose(np.diff(np.log(centre)), -np.log(1.1), atol=1e-8)
    walled = jf.evolve(law_of(1), line(32, "quantiles"), dt=0.1, t_end=0.1)
    with pytest.raises(ValueError, match="in the whole space"):
        diagnostics.second_moment_identity(walled, law_of(1))


def test_t24_no_diffusion():
    """A ball spread by its own charge; two sheets of opposite charge that draw near: closed JKO iterates."""
    ball = jf.closed_forms.ChargedBall(0.5)
    start = jf.RadialQuantiles(0.5 * np.linspace(0, 1, 201) ** (1 / 3))
    alone = jf.DirichletCoupling({"": 1}, boundary="free-space")
    flow = jf.evolve(alone, start, dt=0.1, t_end=0.1)
    assert abs(flow.final.nodes[-1] - ball.after_step(0.1)) < 1e-9
    assert np.allclose(flow.final.nodes / flow.final.nodes[-1], start.nodes / 0.5, atol=2e-5)
    free = jf.DirichletCoupling(u=1, v=-1, boundary="free-space")
    s = np.linspace(0, 1, 21)
    state = jf.Species(u=jf.Quantiles(4 + s), v=jf.Quantiles(0.5 * s))
    flow = jf.evolve(free, state, dt=0.25, t_end=1.5)
    assert np.allclose(flow["u"].final.nodes, 4 + s + (s - 1) * 1.5, atol=1e-13)
    assert np.allclose(flow["v"].final.nodes, 0.5 * s + s * 1.5, atol=1e-13)


# ---- the joint step at any strength, and the lagged one


@pytest.mark.parametrize("c", [1, 50, 1000])
@pytest.mark.parametrize("dt", [1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("m", [1, 2])
def test_strong_coupling_keeps_sign_mass_and_falls(c, dt, m):
    """Positive densities, masses to 1e-12, an energy that never rises, from data far from balance in the plane."""
    grid = jf.Grid.box((0, 1), (0, 1), cells=32)

    def hill(a, b):
        return grid.density(lambda x, y: 0.2 + np.exp(-20 * ((x - a) ** 2 + (y - b) ** 2)))

    state = jf.Species(u=hill(0.3, 0.4), v=hill(0.7, 0.6))
    flow = jf.evolve(law_of(m, c), state, dt=dt, t_end=4 * dt)
    assert "BackAndForth" in flow.scheme
    for end in flow.snapshots[1:]:
        for one in end.values():
            assert one.values.min() >= 0
            assert m > 1 or one.values.min() > 0
            assert abs(one.mass - 1) < 1e-12
    rounding = 1e-12 * (1 + abs(flow.energies[0]))
    assert np.all(np.diff(flow.energies) <= rounding)
    assert diagnostics.step_dissipation(flow).worst <= rounding


@pytest.mark.parametrize("boundary", ["neumann", "dirichlet", "free-space"])
def test_the_joint_step_against_the_conic_reference(boundary):
    """Three species, two valences, doping, strong coupling: BackAndForth, QuantileNewton and ConvexDynamic agree."""
    grid = jf.Grid.box((0, 1), cells=40)
    state = jf.Species(
        a=grid.density(lambda x: 1 + x), b=grid.density(lambda x: 2 - x, mass=0.5), w=grid.density(lambda x: 1 + x**2, mass=2.0)
    )
    coupling = jf.DirichletCoupling(a=2, b=-1, w=0, permittivity=0.02, doping=lambda x: -3 * x, boundary=boundary)
    law = jf.Entropy("a") + jf.Entropy("b") + jf.RenyiEntropy(2, "w") + coupling
    lines = on_quantiles(state)
    exact = jf.BackAndForth().solve(jf.ProximalStep(law, state, 0.05, {"a": 2.0}))
    conic = jf.ConvexDynamic().solve(jf.ProximalStep(law, state, 0.05, {"a": 2.0}))
    on_line = jf.QuantileNewton().solve(jf.ProximalStep(law, lines, 0.05, {"a": 2.0}))
    assert all(answer.status.ok for answer in (exact, conic, on_line))
    assert on_line.iterations < 20
    for name in state:
        top = exact.state[name].values.max()
        assert np.abs(conic.state[name].values - exact.state[name].values).max() < 2e-3 * top
        seen = jf.Density.from_quantiles(on_line.state[name], grid).values
        assert grid.integrate(np.abs(seen - exact.state[name].values)) < 5e-3


def test_entropic_steps_with_charges():
    """Entropic reaches the same joint step, where its blur is small against the step."""
    state = line(64)
    step = jf.ProximalStep(law_of(1, 50), state, 0.02)
    exact, blurred = jf.BackAndForth().solve(step), jf.Entropic().solve(step)
    assert blurred.status.ok
    assert np.abs(exact.state["u"].values - blurred.state["u"].values).max() < 5e-3


def test_t27_the_lagged_coupling_is_unstable():
    """(1 - 2 c dt) / (1 + dt k^2) for the charge mode: -2.678 at c = 50, dt = .05, where the joint step is stable."""
    grid, a, dt, c = jf.Grid.box((0, 1), cells=256), 1e-5, 0.05, 50
    shape = np.cos(np.pi * grid.axes[0])
    state = jf.Species(u=grid.density(1 + a * shape), v=grid.density(1 - a * shape))
    for kind in (state, on_quantiles(state)):
        one = jf.evolve(law_of(1, c), kind, scheme=jf.SemiImplicitJKO(), dt=dt, t_end=dt)
        factor = wave(one["u"].final) / wave(one["u"][0])
        assert abs(factor - (1 - 2 * c * dt) / (1 + dt * np.pi**2)) < 2e-3
        assert abs(factor + 2.678) < 2e-3
        joint = jf.evolve(law_of(1, c), kind, dt=dt, t_end=dt)
        assert abs(wave(joint["u"].final) / wave(joint["u"][0]) - 1 / (1 + dt * (np.pi**2 + 2 * c))) < 1e-3
    late = jf.evolve(law_of(1, c), state, scheme=jf.SemiImplicitJKO(), dt=dt, t_end=6 * dt)
    assert late.energies[-1] > late.energies[0]


# ---- freezing


def test_t22_plans_between_cells_freeze_and_the_default_does_not():
    """Below dx^2 / (2 max |phi_i - phi_i+1|) Convex stays where it is and says so; the default relaxes at the right rate."""
    for n, about in ((20, 0.0119), (40, 0.00597)):
        state = line(n)
        threshold = jf.freezing_threshold(jf.ProximalStep(law_of(1), state, 1.0))
        assert abs(threshold - about) < 1.5e-4
    state = line(20)
    threshold = jf.freezing_threshold(jf.ProximalStep(law_of(1), state, 1.0))
    with pytest.warns(jf.FreezingWarning, match="below the freezing threshold"):
        stuck = jf.Convex().solve(jf.ProximalStep(law_of(1), state, 0.98 * threshold))
    assert stuck.status is jf.Status.FROZEN
    assert np.abs(stuck.state["u"].values - state["u"].values).max() < 1e-5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        moved = jf.Convex().solve(jf.ProximalStep(law_of(1), state, 1.1 * threshold))
    assert np.abs(moved.state["u"].values - state["u"].values).max() > 3e-3
    dt = threshold / 10
    for kind in (state, on_quantiles(state)):
        flow = jf.evolve(law_of(1), kind, dt=dt, t_end=10 * dt)
        rate = -np.log(wave(flow["u"].final) / wave(flow["u"][0])) / (10 * dt)
        fine = jf.evolve(law_of(1), line(320), dt=dt, t_end=10 * dt)
        expected = -np.log(wave(fine["u"].final) / wave(fine["u"][0])) / (10 * dt)
        assert abs(rate / expected - 1) < 0.01


# ---- the inequalities


@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize("c", [1, 50])
def test_t19_diagnostics_of_a_run(m, c):
    """Dissipation, total square distance, slope, flow interchange and growth, in a box with no flux."""
    law = law_of(m, c)
    grid = jf.Grid.box((0, 1), (0, 1), cells=32)

    def waves(a, b):
        return grid.density(lambda x, y: 1 + 0.5 * np.cos(np.pi * x) * a + 0.3 * np.cos(2 * np.pi * y) * b)

    state = jf.Species(u=waves(1, -1), v=waves(-1, 0.5))
    flow = jf.evolve(law, state, scheme=jf.JKO(jf.BackAndForth(tolerance=1e-8)), dt=0.01, t_end=0.1)
    assert diagnostics.step_dissipation(flow).worst < 0
    assert diagnostics.square_distances(flow, law(jf.equilibrium(law, state).state)).worst < 0
    assert diagnostics.energy_dissipation(flow).worst <= 0
    assert diagnostics.slope_identity(flow, law).worst < 1e-2
    for p in (1, 2, 3.5):
        report = diagnostics.flow_interchange(flow, law, p)
        assert report.worst < 1e-6
        if p > 1:
            assert diagnostics.norm_growth(flow, law, p).worst < 1e-8
    assert diagnostics.norm_growth(flow, law).worst < 1e-8


def test_t19_sample_numbers_in_space():
    """Fisher information, with the coupling's share, against the fall of the entropies: 4.370531, 4.662345 <= 4.695703."""
    law, _ = whole_space(50)
    from jkoflow.diagnostics._gradients import gradient_product

    flow = jf.evolve(law, jf.Species(u=radial_normal(1, 600), v=radial_normal(1.5, 600)), dt=0.05, t_end=0.05)
    after = flow.snapshots[1]
    fisher = sum(gradient_product(one, one.values, np.log(one.values)) for one in after.values())
    assert np.isclose(fisher, 4.370531, rtol=1e-3)
    r = np.linspace(1e-3, 8, 4000)
    density = {s: np.interp(r, after[s].points, after[s].values) for s in "uv"}
    square = 50 * np.trapezoid(4 * np.pi * r**2 * (density["u"] - density["v"]) ** 2, r)
    assert np.isclose(fisher + square, 4.662345, rtol=1e-3)
    entropies = [sum(jf.Entropy(s)(state) for s in "uv") for state in flow.snapshots]
    assert np.isclose(6 + (entropies[0] - entropies[1]) / 0.05, 4.695703, rtol=1e-3)
    assert diagnostics.flow_interchange(flow, law).worst < 0
    squares = [sum(float(s.masses @ s.values) for s in state.values()) for state in flow.snapshots]
    assert np.allclose([squares[1], squares[0]], [0.0289565, 0.0290997], rtol=1e-3)
    assert diagnostics.flow_interchange(flow, law, 2).worst < 0


@KINDS
def test_de_giorgi(kind):
    """T6 and T26: both sides of the identity agree, for one species in closed form and for ions."""
    grid = jf.Grid.box((-14, 14), cells=400)
    start = grid.density(lambda x: np.exp(-(x**2) / 8), order=3)
    start = start if kind == "grid" else start.quantiles(walls=False)
    report = diagnostics.de_giorgi(jf.Entropy() + jf.Potential(lambda x: x**2 / 2), start, 0.1, solver=SOLVERS[kind])
    for side in report.curves.values():
        assert np.isclose(side[0], 0.099896268529, rtol=3e-3)
    assert report.worst < 2e-3
    ionic = diagnostics.de_giorgi(law_of(1, 5), line(256, kind), 0.05, solver=SOLVERS[kind])
    assert ionic.worst < 1e-3


@pytest.mark.slow
def test_t20_convexity_on_the_line():
    """Contraction by 1 / (1 + kappa dt), the energy falling at that rate, its excess dissipation, the scheme's error."""
    dt, kappa = 0.05, 1.0
    law = law_of(1, 5) + sum(jf.Potential(lambda x: x**2 / 2, s) for s in "uv")
    grid = jf.Grid.box((0, 1), cells=60)
    other = jf.Species(u=grid.density(lambda x: 1 + x**2), v=grid.density(lambda x: 2 - x))
    runs = [jf.evolve(law, start, dt=dt, t_end=0.5) for start in (line(60, "quantiles"), on_quantiles(other))]
    apart = [diagnostics.product_distance(a, b) for a, b in zip(*(run.snapshots for run in runs), strict=True)]
    assert np.all(np.array(apart[1:]) <= np.array(apart[:-1]) / (1 + kappa * dt) + 1e-12)
    run = runs[0]
    assert np.all(-np.diff(run.energies) >= run.dissipation * dt * (1 + kappa * dt / 2) - 1e-10)
    rest = jf.evolve(law, run, dt=0.5, t_end=20.5).energies[-1]
    above = run.energies - rest
    assert np.all(above[1:] <= above[:-1] / (1 + kappa * dt) ** 2 + 1e-10)
    fine = jf.evolve(law, line(60, "quantiles"), dt=dt / 32, t_end=0.5)
    slope = diagnostics.slope_identity(jf.evolve(law, line(240), dt=1e-4, t_end=1e-4), law).curves["int |grad dE|^2"][0]
    for k in range(1, 11):
        assert diagnostics.product_distance(run.snapshots[k], fine.snapshots[32 * k]) <= dt / np.sqrt(2) * np.sqrt(slope)


def test_t23_what_must_not_be_imposed():
    """Bounds that fail at walls where potentials fall, or psi is grounded: refused in words, and seen to fail."""
    grid = jf.Grid.box((0, 1), cells=64)
    one = grid.density(lambda x: np.ones_like(x))
    tilted = jf.Entropy() + jf.Potential(lambda x: -3 * x)
    flow = jf.evolve(tilted, one, dt=0.1, t_end=2.0)
    assert flow.final.values.max() > 3.0
    assert abs(jf.equilibrium(tilted, one).state.values.max() - 3 / (1 - np.exp(-3.0))) < 0.1
    with pytest.raises(ValueError, match="must not fall towards a wall"):
        diagnostics.norm_growth(flow, tilted)
    assert diagnostics.flow_interchange(flow, tilted).worst < 1e-6  # this one holds all the same
    state = jf.Species(u=one, v=grid.density(lambda x: 1 + 0.9 * np.cos(np.pi * x)))
    grounded = law_of(1, 50, "dirichlet")
    flow = jf.evolve(grounded, state, scheme=jf.ImplicitMidpoint(), dt=2.5e-4, t_end=0.005)
    at_the_wall = [float(1.5 * v.values[0] - 0.5 * v.values[1]) for v in flow["v"]]
    assert abs(at_the_wall[0] - 1.9) < 1e-3
    assert abs(at_the_wall[8] - 2.567) < 0.03
    assert abs(at_the_wall[-1] - 2.69) < 0.03
    with pytest.raises(ValueError, match="let no flux through the walls"):
        diagnostics.norm_growth(flow, grounded)
    calm = jf.evolve(law_of(1, 50), state, dt=0.001, t_end=0.005)
    assert diagnostics.norm_growth(calm, law_of(1, 50)).worst < 1e-8
    three = jf.DirichletCoupling(u=1, v=-1.0, w=1, doping=-1.0)
    still = jf.evolve(three, jf.Species(u=one, v=one, w=one), scheme=jf.JKO(jf.Entropic()), dt=0.1, t_end=0.1)
    with pytest.raises(ValueError, match="two species of opposite charge"):
        diagnostics.norm_growth(still, three)


@pytest.mark.slow
def test_the_centred_well_in_a_box_keeps_the_bounds():
    grid = jf.Grid.box((-1, 1), (-1, 1), cells=32)
    law = law_of(1, 5) + sum(jf.Potential(lambda x, y: x**2 + y**2, s) for s in "uv")
    state = jf.Species(u=grid.density(lambda x, y: 2 + x), v=grid.density(lambda x, y: 2 - y))
    for mobility in ({}, {"v": 3.0}):
        flow = jf.evolve(law, state, dt=0.05 / mobility.get("v", 1.0), t_end=0.3, mobility=mobility)
        for p in (2, 4, np.inf):
            assert diagnostics.norm_growth(flow, law, p).worst < 0
            assert diagnostics.flow_interchange(flow, law, 1.0 if p > 4 else p).worst < 0
    flow = jf.evolve(law, state, dt=0.05, t_end=0.3)
    with pytest.raises(ValueError, match="dt must stay below"):
        diagnostics.norm_growth(flow, law, 9)


# ---- runs are kept and continued


def test_radial_runs_are_saved_and_continued(tmp_path):
    law, _ = whole_space(1)
    start = jf.Species(u=radial_normal(1, 40), v=radial_normal(1.5, 40))
    whole = jf.evolve(law, start, dt=0.1, t_end=0.4)
    jf.save(jf.evolve(law, start, dt=0.1, t_end=0.2), tmp_path / "flow.npz")
    again = jf.evolve(law, jf.load(tmp_path / "flow.npz"), dt=0.1, t_end=0.4)
    assert np.array_equal(again["u"].final.nodes, whole["u"].final.nodes)
    assert again["u"].final.dim == 3


# ---- what a reader of the code found


@pytest.mark.slow
def test_holes_close_and_stay_closed():
    """Hollow shells end where a full ball does, at once or slowly, through the singular first model of dt k = 1."""
    well = jf.Potential(bowl)
    for law, dt in ((jf.Entropy() + well, 1.0), (jf.Entropy() + well, 0.2), (jf.RenyiEntropy(2) + well, 0.5)):
        ends = []
        for start in (jf.RadialQuantiles(np.linspace(1, 2, 81)), jf.RadialQuantiles(np.linspace(0, 2, 81))):
            flow = jf.evolve(law, start, dt=dt, t_end=20.0)
            assert flow.ok
            ends.append(flow.final)
        assert ends[0].nodes[0] == 0
        assert np.isclose(ends[0].second_moment, ends[1].second_moment, rtol=2e-3)
    thin = jf.evolve(jf.Entropy(), jf.RadialQuantiles(np.append(1e-8, np.linspace(0.1, 1, 20))), dt=0.1, t_end=0.2)
    assert thin.final.nodes[0] == 0
    outward = jf.Potential(lambda r: -2 * r**2)  # a force that keeps the hole open
    assert jf.evolve(outward, jf.RadialQuantiles([1.0, 1.5, 2.0]), dt=0.1, t_end=0.2).final.nodes[0] > 1.5


def test_net_doping_counts_in_the_growth():
    grid = jf.Grid.box((0, 1), cells=128)
    state = jf.Species(u=grid.density(np.ones(128), mass=2.0), v=grid.density(lambda x: 1 + 0.9 * np.cos(np.pi * x)))
    coupling = jf.DirichletCoupling(u=1, v=-1, doping=-1.0, permittivity=0.02)
    law = 0.01 * jf.Entropy("u") + 0.01 * jf.Entropy("v") + coupling
    flow = jf.evolve(law, state, dt=0.005, t_end=0.05)
    assert max(float(u.values.max()) for u in flow["u"]) > 2.1  # it grows indeed
    for p in (2.0, 4.0, np.inf):
        assert diagnostics.norm_growth(flow, law, p).worst < 0
    with pytest.raises(ValueError, match="at most one DirichletCoupling"):
        diagnostics.norm_growth(flow, law + jf.DirichletCoupling(u=1, v=-1, doping=-1.0))


def test_third_law_where_nothing_else_moves_the_centre():
    state = jf.Species(u=jf.Quantiles(np.linspace(-1, 1, 41)), v=jf.Quantiles(np.linspace(0, 3, 41)))
    law = law_of(1, boundary="free-space")
    assert diagnostics.centre_identity(jf.evolve(law, state, dt=0.05, t_end=0.2), law).worst < 1e-9


def test_obstacles_in_the_diagnostics():
    """Distances next to an obstacle are those of the dual, empty cells leave no NaN, and convexity is asked for."""
    grid = jf.Grid.box((0, 1), cells=64)
    post = np.abs(grid.axes[0] - 0.5) < 0.1
    state = jf.Species(
        u=grid.density(np.where(post, 0, 1 + 0.9 * np.cos(np.pi * grid.axes[0]))), v=grid.density(np.where(post, 0, 1.0))
    )
    law = law_of(1, 100) + jf.Obstacle(post, "u") + jf.Obstacle(post, "v")
    flow = jf.evolve(law, state, scheme=jf.JKO(jf.BackAndForth()), dt=0.02, t_end=0.1)
    for k, info in enumerate(flow.infos):
        for s in "uv":
            exact = jf.wasserstein2(flow.snapshots[k][s], flow.snapshots[k + 1][s])
            assert np.isclose(info.distances[s], exact, rtol=0.05, atol=1e-4)
    assert diagnostics.step_dissipation(flow).worst < 0
    assert np.isfinite(diagnostics.slope_identity(flow, law).worst)
    assert np.isfinite(diagnostics.electric_current(law, flow.snapshots[-1])).all()
    with pytest.raises(ValueError, match="law must hold no Obstacle"):
        diagnostics.flow_interchange(flow, law)
    with pytest.raises(ValueError, match="species must be one of 'u', 'v'"):
        diagnostics.current_density(law, state)


@pytest.mark.slow
@pytest.mark.parametrize("dt", [1e-3, 1e-2])
def test_entropic_steps_under_a_strong_charge(dt):
    """c = 1000 from vacuum: the lagged field does not settle, the screened sweeps do; the energy falls."""
    grid = jf.Grid.box((0, 1), (0, 1), cells=24)

    def disc(a):
        return grid.density(lambda x, y: 1.0 * ((x - a) ** 2 + (y - 0.5) ** 2 < 0.03), order=3)

    scheme = jf.JKO(jf.Entropic())
    flow = jf.evolve(law_of(1, 1000), jf.Species(u=disc(0.3), v=disc(0.7)), scheme=scheme, dt=dt, t_end=2 * dt)
    assert np.all(np.diff(flow.energies) < 0)
    first = flow.snapshots[1]
    assert abs(first["u"].mass - 1) < 1e-10
    step = jf.ProximalStep(law_of(1, 1000), jf.Species(u=disc(0.3), v=disc(0.7)), dt)
    strongly = law_of(1, 1000)(first) + sum(flow.infos[0].distances[s] ** 2 for s in "uv") / (2 * dt)
    assert strongly < step.energy(step.anchor)


def test_t3_t4_t7_one_species_by_shells():
    """Closed JKO iterates of isotropic Gaussians and of Barenblatt's density in R^3, at second order in the shells."""
    errors = []
    for shells in (100, 200):
        heat = jf.evolve(jf.Entropy(), radial_normal(1, shells), dt=0.1, t_end=1.0).final
        well = jf.evolve(jf.Entropy() + jf.Potential(bowl), radial_normal(2, shells), dt=0.1, t_end=1.0).final
        errors.append([heat.second_moment / 3 - 2.947516154697, well.second_moment / 3 - 1.464164590049])
    assert np.all(np.abs(errors[1]) < 6e-4)
    assert np.all(np.abs(np.array(errors[0]) / errors[1] - 4) < 0.5)
    a, b, alpha = 0.1348101408, 0.05, 0.2  # T7 for d = 3, m = 2: (a - b r^2)_+, of radius 1.642
    start = jf.RadialQuantiles.from_density(lambda r: np.maximum(a - b * r**2, 0), radius=(a / b) ** 0.5, shells=400)
    flow = jf.evolve(jf.RenyiEntropy(2), start, dt=0.1, t_end=0.3)
    scale = 1.0
    for end in flow[1:]:
        scale = brentq(lambda x, last=scale: x - last - 0.1 * alpha * x ** (1 - 1 / alpha), scale, 2 * scale)
        assert np.isclose(end.second_moment, scale**2 * 1.1555154927, rtol=1e-3)


def test_a_step_of_strong_charges_keeps_its_mirror_image():
    # the discrete equations have a second answer, with bumps of some cells: the map folds there
    plane = jf.Grid.box((-3.0, 3.0), (-3.0, 3.0), cells=32)
    state = jf.Species(
        u=plane.density(lambda x, y: np.exp(-((x - 1) ** 2 + y**2) / 0.2), mass=1.0),
        v=plane.density(lambda x, y: np.exp(-((x + 1) ** 2 + y**2) / 0.2), mass=30.0),
    )
    law = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=30, v=-1)
    answer = jf.BackAndForth().solve(jf.ProximalStep(law, state, 0.1))
    assert answer.status is jf.Status.CONVERGED
    for name, density in answer.state.items():
        assert np.abs(density.values - density.values[:, ::-1]).sum() <= 1e-5 * density.values.sum(), name
        phi = -answer.potentials[name] / 0.1
        second = np.diff(phi, 2, axis=0)[:, 1:-1], np.diff(phi, 2, axis=1)[1:-1]
        inside = density.values[1:-1, 1:-1] > 1e-3 * density.values.max()
        for along in second:
            assert (1 + 0.1 * along / plane.spacing[0] ** 2)[inside].min() > 0, name
