"""Ordered particles: the data, velocities, the exact flow, its theorems, and the routes that must agree.

Source: docs/theory/newtonian-particles.md.
"""

import itertools
from fractions import Fraction
from math import comb

import cvxpy as cp
import numpy as np
import pytest
from scipy.optimize import isotonic_regression

import jkoflow as jf
from jkoflow.checks import check_solver
from jkoflow.ordered import TipLaw

F = Fraction
TIP = jf.PowerLaw(1)
NEWTONIAN = jf.newtonian_law()


def _energy(state):
    """The energy pair by pair, with no use of the order."""
    x, y = state["x"], state["y"]

    def pairs(a, b):
        return float(a.masses @ np.abs(a.points[:, None] - b.points) @ b.masses)

    return pairs(x, y) - pairs(x, x) / 2 - pairs(y, y) / 2


def _dirac(n):
    return {"x": [-1] * n, "y": [1] * n}


def _floats(species):
    return jf.OrderedParticles(
        {
            name: ([float(F(z)) for z in given[0]], [float(m) for m in given[1]])
            if isinstance(given, tuple)
            else [float(F(z)) for z in given]
            for name, given in species.items()
        }
    )


def _random(rng, *, equal=True, n=None, ties=False):
    """Species as RationalFlow takes them: integers, with many at one place where ties are wanted."""
    nx = int(rng.integers(1, 8)) if n is None else n
    ny = nx if equal else int(rng.integers(1, 8))
    spread = 6 if ties else 10_000
    x, y = (sorted(rng.integers(-spread, spread, k).tolist()) for k in (nx, ny))
    if equal:
        return {"x": x, "y": y}
    m, n = rng.integers(1, 7, nx).tolist(), rng.integers(1, 7, ny).tolist()
    return {"x": (x, [F(k, sum(m)) for k in m]), "y": (y, [F(k, sum(n)) for k in n])}


# ---------------------------------------------------------------- docs/theory/newtonian-particles.md, section 5, in fractions


def test_t1_one_of_each():
    flow = jf.ordered.RationalFlow({"x": [-1], "y": [1]})
    assert flow.velocity(0) == {"x": [1], "y": [-1]}
    assert [(e.time, e.place, e.after) for e in flow.events] == [(1, 0, 1)]
    for t in (F(0), F(1, 3), F(1), F(5)):
        assert flow.energy(t) == max(2 * (1 - t), 0)
        assert flow.at(t)["x"] == [min(t, F(1)) - 1]
    for tau in (0.3, 1.0, 7.0):
        assert jf.ordered.resolvent(jf.OrderedParticles(x=[-1.0], y=[1.0]), tau)["x"].points[0] == -1 + min(tau, 1.0)


def test_t2_interlaced():
    rng = np.random.default_rng(0)
    merged = sorted(rng.choice(1000, 12, replace=False).tolist())
    x, y = merged[::2], merged[1::2]
    flow = jf.ordered.RationalFlow({"x": x, "y": y})
    n = len(x)
    assert flow.velocity(0) == {"x": [F(1, n)] * n, "y": [F(-1, n)] * n}
    assert sorted((e.time, e.place) for e in flow.events) == sorted(
        (F(n, 2) * (b - a), F(a + b, 2)) for a, b in zip(x, y, strict=True)
    )
    assert flow.energy(0) == F(sum(b - a for a, b in zip(x, y, strict=True)), n**2)
    start = _floats({"x": x, "y": y})
    assert jf.ordered.first_crossing(start) == np.inf
    for t in (1.0, 50.0, 400.0, 5000.0):
        exact = [float(z) for z in flow.at(F(t))["x"]]
        assert np.allclose(jf.ordered.resolvent(start, t)["x"].points, exact, atol=1e-10)
        assert np.allclose(jf.ordered.isotonic_flow(start, t)["x"].points, exact, atol=1e-10)


@pytest.mark.parametrize("data", [(-1, -1, 1, 1), (-7, -2, 3, 5), (-5, -4, 1, 11)])
def test_t3_two_separated(data):
    x1, x2, y1, y2 = map(F, data)
    flow = jf.ordered.RationalFlow({"x": [x1, x2], "y": [y1, y2]})
    assert flow.velocity(0) == {"x": [F(1, 2), F(3, 2)], "y": [F(-3, 2), F(-1, 2)]}
    first = flow.events[0]
    assert (first.time, first.place, first.who["x"], first.who["y"]) == ((y1 - x2) / 3, (x2 + y1) / 2, range(1, 2), range(1))
    sticking = {e.who["x"][0]: e.time for e in flow.events if e.after == 1}
    assert sticking == {0: (2 * y1 + x2) / 3 - x1, 1: y2 - (2 * x2 + y1) / 3}
    rest = flow.at(10**6)
    assert rest["x"] == rest["y"] == [x1 / 2 + x2 / 6 + y1 / 3, y2 / 2 + y1 / 6 + x2 / 3]
    start, until = _floats({"x": [x1, x2], "y": [y1, y2]}), float(first.time)
    assert jf.ordered.first_crossing(start) == pytest.approx(until, rel=1e-14)
    for share, same in ((0.5, True), (1.0, True), (1.2, False)):
        exact = [float(z) for z in flow.at(F(share * until))["x"]]
        for formula in (jf.ordered.resolvent, jf.ordered.isotonic_flow):
            assert np.allclose(formula(start, share * until)["x"].points, exact, atol=1e-12) == same


def test_t4_clusters_at_two_places():
    rest = {
        3: [F(-7, 15), 0, F(7, 15)],
        4: [F(-19, 35), F(-17, 105), F(17, 105), F(19, 35)],
        5: [F(-187, 315), F(-83, 315), 0, F(83, 315), F(187, 315)],
        6: [F(-437, 693), F(-129, 385), F(-53, 495), F(53, 495), F(129, 385), F(437, 693)],
    }
    integrals = {1: F(1), 2: F(8, 9), 3: F(577, 675), 4: F(9256, 11025)}
    for n in range(1, 9):
        flow = jf.ordered.RationalFlow(_dirac(n))
        assert flow.velocity(0)["x"] == [F(2 * i - 1, n) for i in range(1, n + 1)]
        assert flow.events[0].time == F(n, 2 * n - 1)
        assert flow.energy(flow.events[0].time / 2) == 2 - F(1, 3) * (4 - F(1, n**2)) * flow.events[0].time
        assert len(flow.events) == n * (n + 1) // 2
        end = flow.events[-1].time
        assert end == F(4**n, 2 * comb(2 * n, n))
        assert jf.closed_forms.dirac_rest_time(n) == pytest.approx(float(end), rel=1e-15)
        assert {e.who["x"][0] for e in flow.events if e.time == end} == {0, n - 1}
        assert flow.at(end)["x"] == flow.at(end)["y"] == rest.get(n, flow.at(end)["x"])
        assert flow.at(end)["x"][0] == -1 + end / n
        for i in range(1, n + 1):  # the meeting of x_i with y_1
            product = F(n, 2 * n - 1)
            for k in range(i, n):
                product *= F(2 * k, 2 * k - 1)
            found = [e.time for e in flow.events if e.who["x"][0] == i - 1 and e.who["y"][0] == 0]
            assert found == [product]
        times = sorted({e.time for e in flow.events} | {F(0)})
        area = sum((b - a) * (flow.energy(a) + flow.energy(b)) / 2 for a, b in itertools.pairwise(times))
        assert area == integrals.get(n, area)
        assert area == sum((1 - z**2) / F(n) for z in rest.get(n, flow.at(end)["x"]))


def test_the_rest_time_for_many():
    for n in (499, 500, 1000):
        assert jf.closed_forms.dirac_rest_time(n) == pytest.approx(float(F(4**n, 2 * comb(2 * n, n))), rel=1e-14)
    assert jf.ordered.WorldLines(_floats(_dirac(300))).at_rest_from == pytest.approx(
        jf.closed_forms.dirac_rest_time(300), rel=1e-12
    )


def test_t5_dirac_pair():
    pair = jf.closed_forms.DiracPair()
    assert pair.excess(0.5878814923, 1.0) == pytest.approx(0.1757629845, abs=1e-9)
    at_one = {0.125: -0.75, 0.25: -0.5, 0.5: -0.1116528555, 0.75: 0.1964109690, 0.875: 0.3464968088, 0.5878814923: 0.0}
    for s, place in at_one.items():
        assert pair.quantile(s, 1.0) == pytest.approx(place, abs=2e-10)
    for (s, t), place in {
        (0.7006680985, 0.75): 0.0,
        (0.5, 0.75): -0.2532597029,
        (0.75, 0.75): 0.0570892238,
        (0.25, 2.0): -0.3430620397,
        (0.75, 2.0): 0.3239321992,
    }.items():
        assert pair.quantile(s, t) == pytest.approx(place, abs=2e-10)
    assert pair.energy(0.3) == pytest.approx(2 - 0.8, abs=1e-15)
    assert pair.energy(1.0) == pytest.approx(0.06145006, abs=1e-8)
    assert pair.energy(0.75) == pytest.approx(0.20313504, abs=1e-8)
    assert float(pair.limit(0.5)) == pytest.approx(0.0, abs=1e-15)
    shifted = jf.closed_forms.DiracPair(2.0, 6.0)
    assert shifted.quantile(0.75, 1.5) == pytest.approx(4 + 2 * 0.0570892238, abs=1e-9)
    atoms = jf.Quantiles.atoms([0.0]), jf.Quantiles.atoms([1.0])
    assert np.allclose(
        jf.closed_forms.newtonian_limit(*atoms, [0.2, 0.9]), 2 / np.pi * np.arcsin(np.sqrt([0.2, 0.9])), atol=1e-12
    )


def test_t6_adjacent_uniforms():
    x, y = jf.Quantiles([-1.0, 0.0]), jf.Quantiles([0.0, 1.0])
    for n in (10, 50):
        for start in (jf.OrderedParticles.midpoints(n, x=x, y=y), jf.OrderedParticles.from_density(n, x=x, y=y)):
            assert jf.ordered.WorldLines(start).at_rest_from == pytest.approx(
                jf.closed_forms.dirac_rest_time(n) - 0.5, abs=1e-12
            )
        late = jf.ordered.WorldLines(_floats(_dirac(n))).final["x"].points
        assert np.allclose(
            jf.ordered.CrossingGrid(jf.OrderedParticles.midpoints(n, x=x, y=y)).final["x"].points, late, atol=1e-12
        )
        shifted = jf.ordered.CrossingGrid(jf.OrderedParticles.from_density(n, x=x, y=y)).final["x"].points
        assert np.allclose(shifted, late + 1 / (2 * n), atol=1e-12)
    assert NEWTONIAN(jf.Species(x=x, y=y)) == pytest.approx(2 / 3, abs=1e-14)
    s = np.linspace(0.1, 0.9, 9)
    assert np.allclose(jf.closed_forms.newtonian_limit(x, y, s), jf.closed_forms.DiracPair().limit(s), atol=1e-6)


def test_t7_overlapping_uniforms():
    x, y = jf.Quantiles([0.0, 1.0]), jf.Quantiles([0.5, 1.5])
    for (f, g), (t, place) in {
        (0.6, 0.3): (0.1277064059, 0.7),
        (0.9, 0.6): (0.1314155030, 1.0024551107),
        (0.3, 0.1): (0.2504596940, 0.4390630611),
        (0.7, 0.65): (0.5954241837, 0.9285233800),
    }.items():
        assert jf.closed_forms.newtonian_meeting(f, g, x, y) == pytest.approx((t, place), abs=1e-8)
    assert 0.25 * np.log(0.5 / 0.3) == pytest.approx(0.1277064059, abs=1e-10)
    assert np.allclose(
        jf.closed_forms.newtonian_limit(x, y, [0.25, 0.5], points=200_001), [0.25 + 3 / (4 * np.pi), 0.75], atol=1e-7
    )


def test_t10_a_cluster_with_a_core_that_stays():
    flow = jf.ordered.RationalFlow({"x": [-3, 0, 0, 0, 0, 5], "y": [-4, "-5/2", 0, 0, 0, 4]})
    assert flow.velocity(0) == {"x": [F(k, 6) for k in (-1, -1, 0, 0, 0, -1)], "y": [F(k, 6) for k in (1, 1, 0, 0, 0, 1)]}
    for t in (0, F(1, 7), 3, 10**5):
        assert flow.at(t)["x"][2:5] == flow.at(t)["y"][2:5] == [0, 0, 0]
    start = _floats({"x": [-3, 0, 0, 0, 0, 5], "y": [-4, "-5/2", 0, 0, 0, 4]})
    assert np.allclose(6 * jf.ordered.velocity(start)["x"], [-1, -1, 0, 0, 0, -1], atol=1e-15)
    total = jf.OrderedParticles(x=np.zeros(5), y=np.zeros(5))
    assert np.all(jf.ordered.velocity(total)["x"] == 0)
    assert len(jf.ordered.WorldLines(total).events) == 0
    h, b = 4, 2  # four x at one place, two y to their left
    pure = jf.ordered.velocity(jf.OrderedParticles(x=[-9.0, *[0.0] * h, 9.0], y=[-2.0] * b + [5.0] * 4))["x"][1 : 1 + h]
    assert np.allclose(6 * pure, [2 * (i - b) - 1 for i in range(2, 2 + h)])


def test_t11_a_heavy_centre():
    half = [F(1, 2), F(1, 2)]
    flow = jf.ordered.RationalFlow({"x": ([-1, 1], half), "y": [0]})
    assert [(e.time, e.place, e.before, e.after) for e in flow.events] == [(2, 0, 3, 1)]
    flow = jf.ordered.RationalFlow({"x": ([-1, 2], half), "y": [0]})
    assert [(e.time, e.place, e.after) for e in flow.events] == [(2, 0, 1), (F(7, 2), F(1, 4), 1)]
    assert flow.velocity(2)["y"] == [F(1, 6)]


def test_t12_sticky_pairs_that_move():
    flow = jf.ordered.RationalFlow({"x": ([0, 10], [F(3, 5), F(2, 5)]), "y": ([1, 11], [F(2, 5), F(3, 5)])})
    assert [(e.time, e.place) for e in flow.events] == [(F(5, 7), F(3, 7)), (F(5, 7), F(74, 7)), (F(255, 2), F(11, 2))]
    assert flow.velocity(1)["x"] == [F(1, 25), F(-1, 25)]


def test_t13_a_large_step_from_two_atoms():
    for tau in (0.3, 0.5, 0.8):
        start = jf.Species(x=jf.Quantiles([-1.0] * 101), y=jf.Quantiles([1.0] * 101))
        answer = jf.NewtonianStep().solve(jf.ProximalStep(NEWTONIAN, start, tau)).state
        s = np.linspace(0, 1, 101)
        assert np.allclose(answer["x"].nodes, np.minimum(-1 + 2 * tau * s, 0), atol=1e-14)
        assert np.allclose(answer["y"].nodes, -answer["x"].nodes[::-1], atol=1e-14)
    particles = jf.ordered.resolvent(jf.OrderedParticles(x=-np.ones(1000), y=np.ones(1000)), 0.8)
    assert np.sum(np.abs(particles["x"].points) < 1e-12) / 1000 == pytest.approx(0.375, abs=1e-3)
    one = jf.ordered.resolvent(jf.OrderedParticles(x=-np.ones(1000), y=np.ones(1000)), 0.3)["x"].points
    assert np.allclose(one, -1 + 0.3 * (2 * np.arange(1, 1001) - 1) / 1000, atol=1e-14)


# ---------------------------------------------------------------- T14: resolvents against a quadratic program, and the flow


def _program(state, tau, s1, c, s2):
    """The step as a quadratic program, over the dual of |x - y|: no hull, no order statistics."""
    x0, y0 = state["x"], state["y"]
    x, y = cp.Variable(len(x0.points)), cp.Variable(len(y0.points))

    def ranks(cloud):
        return 2 * np.cumsum(cloud.masses) - cloud.masses - cloud.mass

    columns, rows = cp.reshape(x, (x.size, 1), "C"), cp.reshape(y, (1, y.size), "C")
    gaps = columns @ np.ones((1, y.size)) - np.ones((x.size, 1)) @ rows
    pairs = cp.multiply(np.outer(x0.masses, y0.masses), cp.abs(gaps))
    own = s1 * (x0.masses * ranks(x0)) @ x + s2 * (y0.masses * ranks(y0)) @ y
    near = x0.masses @ cp.square(x - x0.points) + y0.masses @ cp.square(y - y0.points)
    order = [z[1:] >= z[:-1] for z in (x, y) if z.size > 1]
    cp.Problem(cp.Minimize(near / (2 * tau) + c * cp.sum(pairs) + own), order).solve(
        solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
    )
    return x.value, y.value


@pytest.mark.parametrize("seed", range(12))
def test_t14_resolvents_against_a_quadratic_program(seed):
    rng = np.random.default_rng(seed)
    state = _floats(_random(rng, equal=seed % 3 == 0, ties=seed % 2 == 0))
    scale = max(np.ptp(np.concatenate([m.points for m in state.values()])), 1.0)
    s1, c, s2 = (-1.0, 1.0, -1.0) if seed < 6 else (rng.uniform(-1, 1), rng.uniform(0, 1), rng.uniform(-1, 1))
    law = s1 * jf.Interaction(TIP, "x") + s2 * jf.Interaction(TIP, "y") + c * jf.CrossInteraction(TIP, between=("x", "y"))
    for tau in (0.1 * scale, scale):
        answer = jf.ordered.resolvent(state, tau, law)
        x, y = _program(state, tau, s1, c, s2)
        assert np.allclose(answer["x"].points, x, atol=1e-6 * scale)
        assert np.allclose(answer["y"].points, y, atol=1e-6 * scale)


def test_the_sweep_and_the_thresholds_agree():
    from jkoflow.ordered._sweeps import by_thresholds

    rng = np.random.default_rng(3)
    for n in (1, 2, 7, 200):
        state = jf.OrderedParticles(x=np.sort(rng.normal(size=n)), y=np.sort(rng.normal(size=n)))
        for tau in (0.01, 0.3, 5.0):
            swept = jf.ordered.resolvent(state, tau)
            X, Y = by_thresholds(*TipLaw.of(NEWTONIAN, state).arrays(state), tau)
            assert np.allclose(swept["x"].points, X, atol=1e-13)
            assert np.allclose(swept["y"].points, Y, atol=1e-13)


@pytest.mark.parametrize("seed", range(40))
def test_all_routes_to_the_flow_agree(seed):
    """Events in floats, in fractions, the crossing grid, resolvents composed over the event times."""
    rng = np.random.default_rng(seed)
    species = _random(rng, equal=seed % 2 == 0, ties=seed % 4 < 2)
    exact, start = jf.ordered.RationalFlow(species), _floats(species)
    end = float(exact.events[-1].time) if exact.events else 1.0
    scale = max(abs(z) for cloud in start.values() for z in cloud.points) or 1.0
    times = np.sort(rng.uniform(0, 1.1 * end, 6))
    lines = jf.ordered.WorldLines(start)
    for t, state in zip(times, lines.at(times), strict=True):
        truth = exact.at(F(float(t)))
        for name in "xy":
            assert np.allclose(state[name].points, [float(z) for z in truth[name]], atol=1e-12 * scale)
        assert NEWTONIAN(state) == pytest.approx(float(exact.energy(F(float(t)))), abs=1e-13 * scale)
    if seed % 2 == 0:
        grid = jf.ordered.CrossingGrid(start)
        for state, other in zip(grid.at(times), lines.at(times), strict=True):
            assert np.allclose(state["x"].points, other["x"].points, atol=1e-12 * scale)
            assert np.allclose(state["y"].points, other["y"].points, atol=1e-12 * scale)
        assert grid.at_rest_from == pytest.approx(lines.at_rest_from, abs=1e-12 * scale)
        met = np.isfinite(grid.table()[0])
        x, y = start["x"].points, start["y"].points
        i, j = np.indices(met.shape)
        different = ((i > j) & (x[i] < y[j])) | ((i < j) & (y[j] < x[i])) | ((i == j) & (x[i] != y[j]))
        assert np.array_equal(met, different)  # the number of meetings, docs/theory/newtonian-particles.md, section 3.8
    state, before = start, F(0)
    for time in sorted({event.time for event in exact.events}):
        state, before = jf.ordered.resolvent(state, float(time - before)), time
        truth = exact.at(time)
        assert np.allclose(state["x"].points, [float(z) for z in truth["x"]], atol=1e-12 * scale)


def test_implicit_euler_is_of_first_order():
    start = _floats(_dirac(16))
    exact = jf.ordered.WorldLines(start).at([1.0])[0]
    errors = []
    taus = 0.5 ** np.arange(2, 11)
    for dt in taus:
        flow = jf.evolve(NEWTONIAN, start, scheme=jf.JKO(), dt=dt, t_end=1.0)
        errors.append(np.sqrt(sum(np.mean((flow.final[n].points - exact[n].points) ** 2) for n in "xy")))
    order = np.polyfit(np.log(taus), np.log(errors), 1)[0]  # single halvings jump: the error depends on where the events fall
    assert abs(order - 1) < 0.15
    assert np.all(np.array(errors) < 0.4 * taus)


# ---------------------------------------------------------------- T15: one species


def test_t15_attraction_of_one_species_by_isotonic_regression():
    x = (np.arange(10) + 0.5) / 10
    start, law = jf.OrderedParticles(x=x), jf.Interaction(TIP, "x")
    late = jf.ordered.isotonic_flow(start, 0.49, law)["x"].points
    assert np.allclose(late, 0.491 + 0.002 * np.arange(10), atol=1e-14)
    assert np.allclose(jf.ordered.isotonic_flow(start, 0.5, law)["x"].points, 0.5, atol=1e-14)
    rng = np.random.default_rng(1)
    start = jf.OrderedParticles(x=(np.sort(rng.normal(size=30)), rng.dirichlet(np.ones(30))))
    for t, s in ((0.1, 0.2), (0.5, 0.3)):
        one, two = (
            jf.ordered.isotonic_flow(start, t + s, law),
            jf.ordered.isotonic_flow(jf.ordered.isotonic_flow(start, t, law), s, law),
        )
        assert np.allclose(one["x"].points, two["x"].points, atol=1e-14)
        assert np.allclose(one["x"].points, jf.ordered.WorldLines(start, law=law).at([t + s])[0]["x"].points, atol=1e-13)
        assert np.allclose(one["x"].points, jf.ordered.resolvent(start, t + s, law)["x"].points, atol=1e-13)
    repelled = jf.ordered.WorldLines(start, t_end=2.0, law=-1.0 * law)
    m = start["x"].masses
    moved = start["x"].points + 2.0 * (2 * np.cumsum(m) - m - 1)
    assert len(repelled.events) == 0
    assert np.allclose(repelled.final["x"].points, moved, atol=1e-14)


def test_an_atom_that_repels_itself_spreads_over_an_interval():
    flow = jf.evolve(-1.0 * jf.Interaction(TIP), jf.OrderedPoints(np.zeros(50)), scheme=jf.Brezis(), t_end=1.0)
    assert np.allclose(flow.final.points, (2 * np.arange(1, 51) - 1) / 50 - 1, atol=1e-14)


# ---------------------------------------------------------------- T16: the theorems, on random data


@pytest.mark.parametrize("seed", range(10))
def test_t16_ranks_energy_and_subgradients(seed):
    rng = np.random.default_rng(seed)
    state = _floats(_random(rng, equal=False, ties=seed % 2 == 0))
    x, y = state["x"], state["y"]
    assert NEWTONIAN(state) == pytest.approx(_energy(state), rel=1e-12, abs=1e-12)
    z = np.unique(np.concatenate([x.points, y.points]))
    gap = np.array([x.masses[x.points <= p].sum() - y.masses[y.points <= p].sum() for p in z[:-1]])
    assert NEWTONIAN(state) == pytest.approx(float(gap**2 @ np.diff(z)), rel=1e-12, abs=1e-12)
    v = jf.ordered.velocity(state)
    if len(z) == len(x.points) + len(y.points):  # no ties: the literal sums

        def literal(a, b):
            return np.sign(a.points[:, None] - a.points) @ a.masses - np.sign(a.points[:, None] - b.points) @ b.masses

        assert np.allclose(v["x"], literal(x, y), atol=1e-14)
        assert np.allclose(v["y"], literal(y, x), atol=1e-14)
    for _ in range(50):  # -v is a subgradient
        other = jf.OrderedParticles(
            x=(np.sort(x.points + rng.normal(size=len(x.points)) * 3), x.masses),
            y=(np.sort(y.points + rng.normal(size=len(y.points)) * 3), y.masses),
        )
        rise = -sum(state[n].masses @ (v[n] * (other[n].points - state[n].points)) for n in "xy")
        assert NEWTONIAN(other) >= NEWTONIAN(state) + rise - 1e-12 * (1 + abs(NEWTONIAN(state)))


def test_sgn_of_zero_is_not_zero_at_ties():
    """The literal rule leaves two particles of a species that repels itself together; the flow parts them."""
    state = jf.OrderedParticles(x=[0.0, 0.0], y=[5.0, 6.0])
    x, y = state["x"], state["y"]
    literal = np.sign(x.points[:, None] - x.points) @ x.masses - np.sign(x.points[:, None] - y.points) @ y.masses
    assert literal.tolist() == [1.0, 1.0]
    assert jf.ordered.velocity(state)["x"].tolist() == [0.5, 1.5]
    mixed = jf.OrderedParticles(x=([-1.0, 0.0, 4.0], [0.5, 0.25, 0.25]), y=([0.0, 2.0], [0.6, 0.4]))
    A = (0.5 + 0.75) - (0 + 0.6)
    a, b = 0.25, 0.6
    expected = A * (a - b) / (a + b) if abs(A) <= (a + b) / 2 else A - b
    assert jf.ordered.velocity(mixed)["x"][1] == pytest.approx(expected) != pytest.approx(A)


@pytest.mark.parametrize("seed", range(30))
def test_binary_collisions_of_any_masses(seed):
    """Who passes, who sticks, and how fast the pair goes on: docs/theory/newtonian-particles.md, section 3.2."""
    rng = np.random.default_rng(seed)
    m, n = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(3))
    i, j = int(rng.integers(4)), int(rng.integers(3))
    x = np.arange(4.0) - i
    y = np.arange(3.0) - j + 0.5
    x[i] = y[j] = 0.25
    v = jf.ordered.velocity(jf.OrderedParticles(x=(x, m), y=(y, n)))
    below, left = np.concatenate([[0], np.cumsum(m)]), np.concatenate([[0], np.cumsum(n)])
    A, a, b = below[i] + below[i + 1] - left[j] - left[j + 1], m[i], n[j]
    if abs(A) <= (a + b) / 2:
        assert v["x"][i] == v["y"][j] == pytest.approx(A * (a - b) / (a + b), abs=1e-14)
    else:
        side = np.sign(A)
        assert (v["x"][i], v["y"][j]) == pytest.approx((A - side * b, -A + side * a), abs=1e-14)


@pytest.mark.parametrize("seed", range(12))
def test_theorems_along_the_flow(seed):
    rng = np.random.default_rng(seed)
    equal = seed % 3 != 0
    species = _random(rng, equal=equal, n=6 if equal else None)
    flow = jf.ordered.RationalFlow(species)
    masses = [F(1, 6)] * 6 if equal else None
    m = dict.fromkeys("xy", masses) if equal else {name: given[1] for name, given in species.items()}
    times = sorted({F(0)} | {event.time for event in flow.events})
    centre, energies, norms, halves, ends = [], [], [], [], []
    for t in times:
        at, v = flow.at(t), flow.velocity(t)
        centre.append(sum(w * z for n in "xy" for w, z in zip(m[n], at[n], strict=True)))
        energies.append(flow.energy(t))
        norms.append(sum(w * s**2 for n in "xy" for w, s in zip(m[n], v[n], strict=True)))
        halves.append(sum(w * z**2 for n in "xy" for w, z in zip(m[n], at[n], strict=True)) / 2)
        ends.append((min(at["x"][0], at["y"][0]), max(at["x"][-1], at["y"][-1])))
    assert len(set(centre)) == 1  # the centre of mass stays
    assert all(a >= b for a, b in itertools.pairwise(norms))  # the speed never rises
    assert all(a[0] <= b[0] and a[1] >= b[1] for a, b in itertools.pairwise(ends))  # nor does the support grow
    for (s, t), (e, f), (h, k), v in zip(*(itertools.pairwise(a) for a in (times, energies, halves)), norms, strict=False):
        assert (f - e) / (t - s) == -v  # dE/dt = -|dZ/dt|^2, constant between events
        assert k - h == -(t - s) * (e + f) / 2  # d/dt |Z|^2/2 = -E
    slopes = [-v for v in norms]
    assert all(a <= b for a, b in itertools.pairwise(slopes))
    assert norms[-1] >= 0
    if equal:
        x, y = species["x"], species["y"]
        bound = 3 * max(abs(a - b) for a, b in zip(x, y, strict=True))
        assert times[-1] <= bound
        assert flow.at(times[-1])["x"] == flow.at(times[-1])["y"]
        for event in flow.events:  # binary, of different species; stick iff i = j
            assert len(event.who["x"]) == len(event.who["y"]) == 1
            assert (event.after == 1) == (event.who["x"][0] == event.who["y"][0])
        inner = [F(k, 3) * times[-1] for k in range(4)]
        for name in "xy":
            for t in inner:  # no two of one species meet
                places = flow.at(t)[name]
                assert len(set(places)) == len(places) or len(set(species[name])) < len(species[name])


@pytest.mark.parametrize("seed", range(10))
def test_the_flow_and_its_steps_are_contractions(seed):
    rng = np.random.default_rng(seed)
    m, n = rng.dirichlet(np.ones(9)), rng.dirichlet(np.ones(7))
    pair = [
        jf.OrderedParticles(x=(np.sort(rng.normal(size=9).round(1)), m), y=(np.sort(rng.normal(size=7).round(1)), n))
        for _ in range(2)
    ]

    def apart(a, b):
        return np.sqrt(sum(a[k].masses @ (a[k].points - b[k].points) ** 2 for k in "xy"))

    times = np.linspace(0, 4, 30)
    gaps = [apart(a, b) for a, b in zip(*(jf.ordered.WorldLines(one).at(times) for one in pair), strict=True)]
    assert np.all(np.diff(gaps) <= 1e-14)
    for tau in (0.1, 1.0, 10.0):
        assert apart(*(jf.ordered.resolvent(one, tau) for one in pair)) <= gaps[0] + 1e-14


@pytest.mark.parametrize("seed", range(6))
def test_powers_of_the_reconstructed_densities_never_rise(seed):
    """The sum over both species of the L^m powers, over interior cells, and with the ghosts.

    Source: docs/theory/newtonian-particles.md, sections 2.2 and 3.6.
    """
    rng = np.random.default_rng(seed)
    start = jf.OrderedParticles(x=np.sort(rng.uniform(-1, 1, 12)), y=np.sort(rng.uniform(-1, 1, 12)))
    ghosts = {name: start[name].points[0] - rng.uniform(0.01, 0.3) for name in "xy"}
    lines = jf.ordered.WorldLines(start)
    times = np.concatenate([[0.0], np.sort(rng.uniform(0, lines.at_rest_from, 60))])
    for m in (1.5, 2.0, 5.0):
        interior, whole = [], []
        for t, state in zip(times, lines.at(times), strict=True):
            for kept, cells in (
                (interior, [state[name].reconstruction() for name in "xy"]),
                (
                    whole,
                    [
                        state[a].reconstruction(jf.ordered.ghost_place(ghosts[a], start[b], float(t)))
                        for a, b in (("x", "y"), ("y", "x"))
                    ],
                ),
            ):
                kept.append(sum(float((c.masses**m) @ c.widths ** (1 - m)) for c in cells))
        for sums in (np.array(interior), np.array(whole)):
            assert np.all(np.diff(sums) <= 1e-9 * sums[:-1])
    measure = start["x"].reconstruction(ghosts["x"])
    atoms = jf.Particles(start["x"].points, start["x"].masses).quantiles()
    width = start["x"].points[-1] - ghosts["x"]
    # docs/theory/newtonian-particles.md, section 3.7
    assert measure.wasserstein(atoms, 1) == pytest.approx(width / (2 * 12), abs=1e-14)


def test_the_discrete_limit_of_any_start():
    """The final places from those of clusters of d at 0 and d at 1, gap by gap.

    Source: docs/theory/newtonian-particles.md, section 3.8.
    """
    rng = np.random.default_rng(5)
    theta = {
        d: jf.ordered.CrossingGrid(jf.OrderedParticles(x=np.zeros(d), y=np.ones(d))).final["x"].points for d in range(1, 8)
    }
    for _ in range(20):
        n = 7
        x, y = np.sort(rng.normal(size=n)), np.sort(rng.normal(size=n))
        z = np.sort(np.concatenate([x, y]))
        expected = np.full(n, z[0])
        for left, right in itertools.pairwise(z):
            p, q = np.sum(x <= left), np.sum(y <= left)
            lo, d = min(p, q), abs(p - q)
            for i in range(1, n + 1):
                r = i - lo
                expected[i - 1] += (0.0 if r <= 0 else 1.0 if r > d else theta[d][r - 1]) * (right - left)
        final = jf.ordered.CrossingGrid(jf.OrderedParticles(x=x, y=y)).final
        assert np.allclose(final["x"].points, expected, atol=1e-12)
        assert np.allclose(final["y"].points, expected, atol=1e-12)


# ---------------------------------------------------------------- T17 and the continuum


def test_t17_the_many_particle_limit():
    pair = jf.closed_forms.DiracPair()
    errors, energies, resting = [], [], []
    for n in (40, 160, 640):
        s = (np.arange(1, n + 1) - 0.5) / n
        grid = jf.ordered.CrossingGrid(jf.OrderedParticles(x=-np.ones(n), y=np.ones(n)))
        state = grid.at([1.0])[0]
        errors.append(np.abs(state["x"].points - [pair.quantile(float(level), 1.0) for level in s]).max())
        energies.append(abs(NEWTONIAN(state) - 0.06145006))
        resting.append(np.abs(grid.final["x"].points - pair.limit(s)).mean())
    assert np.allclose(errors, [1.9e-4, 1.1e-5, 7.0e-7], rtol=0.1)
    assert np.allclose(energies, [2.1e-4, 1.4e-5, 9e-7], rtol=0.1)
    assert np.abs(np.log(np.array(errors[:-1]) / errors[1:]) / np.log(4) - 2).max() < 0.15
    assert np.allclose(resting, [3.2e-4, 5.4e-5, 7.9e-6], rtol=0.1)


def test_the_continuum_through_its_jko_steps():
    """NewtonianStep on quantiles: first order in dt, against the closed form, and the step of QuantileNewton."""
    start = jf.Species(x=jf.Quantiles([-1.0] * 2001), y=jf.Quantiles([1.0] * 2001))
    s = np.linspace(0, 1, 2001)[50:-50:50]
    exact = np.array([jf.closed_forms.DiracPair().quantile(float(level), 1.0) for level in s])
    errors = []
    for dt in (0.1, 0.05, 0.025, 0.0125):
        flow = jf.evolve(NEWTONIAN, start, scheme=jf.JKO(jf.NewtonianStep()), dt=dt, t_end=1.0)
        assert np.all(np.diff(flow.energies) <= 1e-15)
        errors.append(np.abs(flow.final["x"].nodes[50:-50:50] - exact).mean())
        assert flow.energies[-1] == pytest.approx(0.06145006 + 0.1317 * dt, rel=0.25)
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.abs(orders[1:] - 1).max() < 0.15
    assert errors[-1] < 2e-3
    x, y = jf.Quantiles(np.linspace(0, 1, 201)), jf.Quantiles(np.linspace(0.5, 1.5, 201))
    step = jf.ProximalStep(NEWTONIAN, jf.Species(x=x, y=y), 0.1)
    newton, closed = jf.QuantileNewton().solve(step), jf.NewtonianStep().solve(step)
    assert newton.status.ok
    assert np.abs(newton.state["x"].nodes - closed.state["x"].nodes).max() < 1e-4
    assert newton.distances["x"] == pytest.approx(closed.distances["x"], rel=1e-4)
    assert np.allclose(newton.potentials["x"], closed.potentials["x"], atol=1e-4)
    flow = jf.evolve(2.0 * NEWTONIAN, jf.Species(x=x, y=y), scheme=jf.JKO(jf.NewtonianStep()), dt=0.5, t_end=20.0)
    assert np.abs(flow.final["x"].nodes[1:-1] - jf.closed_forms.newtonian_limit(x, y, np.linspace(0, 1, 201)[1:-1])).max() < 0.1
    particles = jf.OrderedParticles.midpoints(2000, x=x, y=y)
    small = jf.ordered.resolvent(particles, 0.1)["x"].points
    levels = (np.arange(2000) + 0.5) / 2000
    assert np.abs(small - closed.state["x"].quantile(levels)).max() < 1e-3


def test_the_exact_step_has_the_variational_property():
    """w = F_0(c - 2 tau w) - G_0(c + 2 tau w) at every place, atoms, gaps and all."""
    rng = np.random.default_rng(7)
    tau = 0.15
    for _ in range(10):
        x = jf.Quantiles(np.sort(rng.normal(size=9).round(1)), rng.dirichlet(np.ones(8)))
        y = jf.Quantiles(np.sort(rng.normal(size=6).round(1)), rng.dirichlet(np.ones(5)))
        state = jf.NewtonianStep().solve(jf.ProximalStep(NEWTONIAN, jf.Species(x=x, y=y), tau)).state
        for name, other, own in (("x", y, x), ("y", x, y)):
            s = np.concatenate([[0.0], np.cumsum(own.masses)])
            w = (state[name].nodes - own.nodes) / (2 * tau)
            at = own.nodes + 4 * tau * w
            near = 1e-12  # an atom fills in what lies between the two sides
            assert np.all(s - w <= other.cdf(at + near) + 1e-10)
            assert np.all(s - w >= other.cdf(at - near) - 1e-10)


# ---------------------------------------------------------------- the general setting


@pytest.mark.slow
def test_smooth_convex_laws_against_the_general_solver():
    rng = np.random.default_rng(2)
    state = jf.OrderedParticles(
        x=(np.sort(rng.normal(size=8)), rng.dirichlet(np.ones(8))), y=(np.sort(rng.normal(size=6)), rng.dirichlet(np.ones(6)))
    )
    laws = {
        "quartic": jf.Interaction(jf.PowerLaw(4), "x") + jf.CrossInteraction(jf.Quadratic(), between=("x", "y")),
        "confined": NEWTONIAN + jf.Potential(lambda z: z**2 / 2, "x", lambda z: z) + jf.Potential(np.cosh, "y"),
        "sticky": jf.Interaction(TIP, "x") + jf.Interaction(jf.PowerLaw(1.5), "y") + jf.Potential(lambda z: z**4 / 4, "x"),
    }
    for name, law in laws.items():
        step = jf.ProximalStep(law, state, 0.4, {"y": 0.5})
        fast, slow = jf.OrderedResolvent().solve(step), jf.CuttingPlanes().solve(step)
        assert fast.status.ok, name
        assert slow.status.ok, name
        assert fast.residual < 1e-10
        for species in "xy":
            assert np.allclose(fast.state[species].points, slow.state[species].points, atol=2e-4), name
            assert fast.distances[species] == pytest.approx(slow.distances[species], abs=2e-4)


def test_convex_pairs_against_quantiles_of_atoms():
    """Particles that attract by |x|^p are atoms, and QuantileNewton knows atoms."""
    rng = np.random.default_rng(4)
    points, masses = np.sort(rng.normal(size=12)), rng.dirichlet(np.ones(12))
    for kernel in (jf.PowerLaw(1), jf.PowerLaw(1.5), jf.Quadratic(), jf.PowerLaw(4), TIP + jf.Quadratic()):
        law = jf.Interaction(kernel)
        one = jf.evolve(law, jf.OrderedPoints(points, masses), scheme=jf.JKO(), dt=0.1, t_end=0.5)
        two = jf.evolve(law, jf.Quantiles.atoms(points, masses), scheme=jf.JKO(), dt=0.1, t_end=0.5)
        atoms = two.final.nodes[:-1][two.final.masses > 0]
        assert np.allclose(one.final.points, atoms, atol=1e-8)
        assert np.allclose(one.energies, two.energies, atol=1e-9)


def test_a_function_that_is_not_smooth_by_its_subgradient():
    """The largest gap of a chain: the exponential formula, against the same function by its resolvent."""
    masses = np.array([0.5, 1.0, 0.5])

    def spread(state):
        return float(np.ptp(state["x"].points))

    def resolvent(state, tau):
        z = state["x"].points
        pull = min(2 * tau, (z[2] - z[0]) / 2, z[1] - z[0], z[2] - z[1])
        return {"x": z + pull * np.array([1.0, 0.0, -1.0])}

    ends = np.array([-1.0, 0.0, 1.0]) / masses
    by_planes = jf.ConvexFunction(spread, lambda state: {"x": ends}, species=("x",))
    by_resolvent = jf.ConvexFunction(spread, resolvent=resolvent, species=("x",))
    start = jf.OrderedParticles(x=([0.0, 1.0, 2.0], masses))
    one = jf.evolve(by_planes, start, scheme=jf.JKO(jf.CuttingPlanes()), dt=0.1, t_end=0.4)
    two = jf.evolve(by_resolvent, start, scheme=jf.JKO(), dt=0.1, t_end=0.4)
    assert np.allclose(one.final["x"].points, [0.8, 1.0, 1.2], atol=1e-6)
    assert np.allclose(two.final["x"].points, [0.8, 1.0, 1.2], atol=1e-14)
    assert np.allclose(one.energies, two.energies, atol=1e-6)
    with pytest.raises(ValueError, match="resolvent alone"):
        jf.OrderedResolvent().solve(jf.ProximalStep(by_resolvent + NEWTONIAN, jf.OrderedParticles(x=[0.0], y=[1.0]), 0.1))


@pytest.mark.slow
def test_the_exponential_formula_converges_for_a_smooth_law():
    """One species in a quartic well: implicit Euler against solve_ivp, first order."""
    from scipy.integrate import solve_ivp

    z = np.linspace(-1.5, 2.0, 7)
    law = jf.Potential(lambda x: x**4 / 4, gradient=lambda x: x**3) + jf.Interaction(jf.Quadratic())
    exact = solve_ivp(lambda t, x: -(x**3) - (x - x.mean()), (0, 1), z, rtol=1e-12, atol=1e-12).y[:, -1]
    errors = [
        np.abs(jf.evolve(law, jf.OrderedPoints(z), scheme=jf.JKO(), dt=dt, t_end=1.0).final.points - exact).max()
        for dt in (0.1, 0.05, 0.025, 0.0125)
    ]
    assert np.abs(np.log2(np.array(errors[:-1]) / errors[1:]) - 1).max() < 0.15
    assert errors[-1] < 1e-2


def test_the_iteration_says_when_it_does_not_arrive():
    law = jf.Potential(np.cosh) + jf.Interaction(jf.PowerLaw(4))
    step = jf.ProximalStep(law, jf.Species.of(jf.OrderedPoints([-1.0, 0.0, 2.0])), 1.0)
    assert jf.OrderedResolvent(max_iterations=2).solve(step).status is jf.Status.ITERATION_LIMIT
    assert jf.CuttingPlanes(max_iterations=2).solve(step).status is jf.Status.ITERATION_LIMIT
    nowhere = jf.Potential(lambda x: np.where(x < 5, 0.0, np.nan * x))
    with pytest.raises(ValueError, match="finite"):
        jf.evolve(nowhere, jf.OrderedPoints([6.0, 7.0]), dt=0.1, t_end=0.1)


# ---------------------------------------------------------------- in evolve


def test_brezis_in_evolve():
    start = jf.OrderedParticles(x=[-1.0, -1.0, -0.5], y=[0.2, 1.0, 1.0])
    flow = jf.evolve(NEWTONIAN, start, scheme=jf.Brezis(), t_end=3.0)
    assert len(flow) == 101
    assert flow.ok
    lines = jf.ordered.WorldLines(start, t_end=3.0)
    assert len(flow.events) == len(lines.events) == sum(len(info.events) for info in flow.infos)
    assert np.allclose(flow.events.times, lines.events.times, atol=1e-13)
    assert np.array_equal(flow.events.members, lines.events.members)
    assert [event.what for event in flow.events].count("stick") == 3
    for state, other in zip(flow, lines.at(flow.times), strict=True):
        assert np.allclose(state["x"].points, other["x"].points, atol=1e-13)
    other = jf.evolve(NEWTONIAN, start, scheme=jf.Brezis(), dt=0.7, t_end=3.0)  # cut elsewhere, the same flow
    assert np.allclose(other.final["x"].points, flow.final["x"].points, atol=1e-13)
    assert len(other.events) == len(flow.events)
    half = jf.evolve(NEWTONIAN, start, scheme=jf.Brezis(), dt=0.03, t_end=1.5)
    whole = jf.evolve(NEWTONIAN, half, scheme=jf.Brezis(), dt=0.03, t_end=3.0)
    unbroken = jf.evolve(NEWTONIAN, start, scheme=jf.Brezis(), dt=0.03, t_end=3.0)
    assert np.array_equal(whole.final["x"].points, unbroken.final["x"].points)
    times, places = lines.path("x", 2)
    assert np.allclose(np.interp(flow.times, times, places), [state["x"].points[2] for state in flow], atol=1e-13)


def test_flows_of_ordered_particles_are_saved_with_their_events(tmp_path):
    flow = jf.evolve(NEWTONIAN, _floats(_dirac(4)), scheme=jf.Brezis(), t_end=2.0)
    jf.save(flow, tmp_path / "flow.npz")
    again = jf.load(tmp_path / "flow.npz")
    assert isinstance(again.final, jf.OrderedParticles)
    assert np.array_equal(again.final["x"].points, flow.final["x"].points)
    assert np.array_equal(again.events.times, flow.events.times)
    assert again.events[0] == flow.events[0]
    data = pytest.importorskip("xarray") and jf.to_xarray(flow)
    assert data["points_x"].shape == (101, 4)


def test_mobilities_speed_up_a_species():
    start = jf.OrderedParticles(x=[-1.0], y=[1.0])
    lines = jf.ordered.WorldLines(start, mobility={"y": 3.0})
    assert lines.at_rest_from == pytest.approx(0.5)
    assert lines.final["x"].points[0] == pytest.approx(-0.5)
    flow = jf.evolve(NEWTONIAN, start, scheme=jf.Brezis(), t_end=1.0, mobility={"y": 3.0})
    assert flow.final["x"].points[0] == pytest.approx(-0.5)
    step = jf.ProximalStep(NEWTONIAN, start, 0.1, {"y": 3.0})
    assert jf.OrderedResolvent().solve(step).state["y"].points[0] == pytest.approx(0.7)


# ---------------------------------------------------------------- data


def test_atomisation_and_midpoints():
    rho = jf.Grid.box((0, 2), cells=4).density(lambda x: 1.0 * (x > 1))
    state = jf.OrderedParticles.from_density(4, x=rho)
    assert np.allclose(state["x"].points, [1.25, 1.5, 1.75, 2.0])
    gap = jf.Quantiles([0.0, 1.0, 3.0, 4.0], [0.5, 0.0, 0.5])
    assert jf.OrderedParticles.from_density(2, x=gap)["x"].points.tolist() == [1.0, 4.0]  # the left end of the gap
    assert jf.OrderedParticles.midpoints(2, x=gap)["x"].points.tolist() == [0.5, 3.5]
    assert jf.OrderedParticles.midpoints(3, x=gap)["x"].masses.sum() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: jf.OrderedParticles(x=[1.0, 0.0]), "species 'x': points must be non-decreasing.*sorted"),
        (lambda: jf.OrderedPoints([[0.0], [1.0]]), "on the line"),
        (lambda: jf.OrderedParticles(x=([0.0, 1.0], [0.5, -0.5])), "masses must be positive"),
        (lambda: jf.OrderedParticles(x=([0.0, 1.0], [0.5])), "masses must have shape"),
        (lambda: jf.OrderedParticles(x=[0.0, np.nan]), "points must be finite"),
        (lambda: jf.OrderedParticles(), "at least one measure"),
        (lambda: jf.OrderedParticles([0.0, 1.0]), "mapping or keywords"),
        (lambda: jf.OrderedParticles.from_density(0, x=jf.Quantiles([0.0, 1.0])), "n must be a whole number"),
        (lambda: jf.OrderedParticles.midpoints(3, x=[0.0, 1.0]), "'x' must be Quantiles or a Density"),
        (lambda: jf.OrderedPoints([0.0]).reconstruction(), "ghost must be given"),
        (lambda: jf.OrderedPoints([0.0]).reconstruction(1.0), "ghost must not lie right"),
        (lambda: jf.ordered.ghost_place(0.0, jf.OrderedPoints([0.0, 1.0], [0.4, 0.6]), 1.0), "equal masses"),
        (lambda: jf.ordered.RationalFlow({"x": [1, 0], "y": [1]}), "non-decreasing"),
        (lambda: jf.ordered.RationalFlow({"x": [F(1), F(1) - F(1, 10**30)], "y": [1]}), "non-decreasing"),
        (lambda: jf.ordered.RationalFlow({"x": [], "y": [1]}), "at least one particle"),
        (lambda: jf.ordered.CrossingGrid(jf.OrderedParticles(x=[0.0], y=[1.0, 2.0])), "as many particles"),
        (
            lambda: jf.ordered.CrossingGrid(jf.OrderedParticles(x=[0.0], y=[1.0]), 2 * NEWTONIAN + jf.Interaction(TIP, "x")),
            "multiple of newtonian",
        ),
        (lambda: jf.ordered.WorldLines(jf.OrderedParticles(x=[0.0], y=[1.0]), t_end=-1.0), "t_end must be"),
        (lambda: jf.ordered.WorldLines(jf.OrderedParticles(x=[0.0], y=[1.0]), t_end=1.0).at([2.0]), "times must increase"),
        (
            lambda: jf.ordered.velocity(jf.Species(x=jf.Quantiles([0.0, 1.0]), y=jf.Quantiles([0.0, 1.0]))),
            "ordered particles, got Quantiles",
        ),
        (lambda: jf.ordered.velocity(jf.OrderedParticles(x=[0.0])), "speaks of species 'y'"),
        (lambda: jf.ordered.resolvent(jf.OrderedParticles(x=[0.0], y=[1.0]), 0.0), "tau must be"),
        (
            lambda: jf.ordered.velocity(
                jf.OrderedParticles(x=[0.0], y=[1.0]), -1.0 * jf.CrossInteraction(TIP, between=("x", "y"))
            ),
            "must attract",
        ),
        (
            lambda: jf.ordered.velocity(jf.OrderedParticles(x=[0.0]), jf.Interaction(jf.Quadratic(), "x")),
            "not made of .x. alone",
        ),
        (lambda: jf.ordered.velocity(jf.OrderedParticles(x=[0.0], y=[1.0], z=[2.0])), "one species or two"),
        (
            lambda: jf.NewtonianStep().solve(
                jf.ProximalStep(NEWTONIAN, jf.Species(x=jf.Quantiles([0.0, 1.0]), y=jf.Quantiles([0.0, 1.0], [2.0])), 0.1)
            ),
            "one total mass",
        ),
        (
            lambda: jf.NewtonianStep().solve(jf.ProximalStep(jf.Entropy(), jf.Species.of(jf.Quantiles([0.0, 1.0])), 0.1)),
            "NewtonianStep does not take Entropy",
        ),
        (lambda: jf.evolve(NEWTONIAN, jf.OrderedParticles(x=[0.0], y=[1.0]), t_end=1.0), "dt must be given for JKO"),
        (lambda: jf.evolve(NEWTONIAN, jf.OrderedParticles(x=[0.0], y=[1.0]), scheme=jf.Brezis(), t_end=-1.0), "t_end must lie"),
        (
            lambda: jf.evolve(jf.Entropy("x"), jf.OrderedParticles(x=[0.0]), scheme=jf.Brezis(), t_end=1.0),
            "not made of .x. alone",
        ),
        (
            lambda: jf.evolve(jf.Entropy("x"), jf.OrderedParticles(x=[0.0]), dt=0.1, t_end=1.0),
            "does not take Entropy|no density",
        ),
        (
            lambda: jf.evolve(jf.Interaction(jf.PowerLaw(0)), jf.OrderedPoints([0.0, 1.0]), dt=0.1, t_end=1.0),
            "infinite where particles meet",
        ),
        (lambda: jf.ConvexFunction(lambda state: 0.0), "got neither"),
        (lambda: jf.closed_forms.DiracPair(1.0, -1.0), "left must be less"),
        (
            lambda: jf.closed_forms.newtonian_meeting(0.2, 0.5, jf.Quantiles([0.0, 1.0]), jf.Quantiles([0.5, 1.5])),
            "levels must be",
        ),
        (
            lambda: jf.closed_forms.newtonian_limit(jf.Quantiles([0.0, 1.0], [2.0]), jf.Quantiles([0.0, 1.0]), [0.5]),
            "x must be Quantiles of mass 1",
        ),
        (
            lambda: jf.ordered.WorldLines(jf.OrderedParticles(x=[-1.0], y=[1.0]), mobility={"x": -1.0}),
            "mobility of 'x' must be",
        ),
        (
            lambda: jf.ordered.velocity(jf.OrderedParticles(x=[-1.0], y=[1.0]), mobility={"z": 2.0}),
            "mobility must name species",
        ),
        (lambda: jf.ordered.velocity(jf.OrderedParticles(x=[-1.0], y=[1.0]), mobility=2.0), "mobility must be a mapping"),
        (
            lambda: jf.ordered.velocity(jf.OrderedParticles(x=([0.0, 0.5], [1.0, 1e-17]), y=[1.0])),
            "masses of species 'x' must be at least",
        ),
        (lambda: jf.ordered.velocity(jf.OrderedParticles(x=[-1.0], y=[1.0]), "newtonian"), "law must be an energy"),
        (
            lambda: jf.closed_forms.newtonian_meeting(0.95, 0.01, jf.Quantiles([0.0, 1.0]), jf.Quantiles([0.5, 1.5])),
            "x must lead all the way",
        ),
        (lambda: jf.closed_forms.DiracPair().limit(1.1), "s must lie between"),
        (lambda: jf.closed_forms.DiracPair().meeting_time(0.2, 0.5), "levels must be"),
        (lambda: jf.ordered.WorldLines(jf.OrderedParticles(x=[0.0], y=[1.0])).path("x", -1), "must name a particle"),
        (lambda: jf.ordered.WorldLines(jf.OrderedParticles(x=[0.0], y=[1.0])).at(0.5), "times must be a sequence"),
        (lambda: jf.ordered.WorldLines(jf.OrderedParticles(x=[0.0], y=[1.0])).events.of("z", 0), "species must be one of"),
        (lambda: jf.ordered.RationalFlow([1, 2]), "species must be a mapping"),
        (lambda: jf.ordered.RationalFlow({"x": ["1/0"], "y": [1]}), "rational numbers"),
        (lambda: jf.ordered.ghost_place(0.0, jf.OrderedPoints([0.0, 1.0]), np.nan), "time must be"),
        (lambda: jf.ConvexFunction(lambda state: 0.0, 3), "subgradient must be a function"),
        (lambda: jf.OrderedResolvent(tolerance=0.0), "tolerance must be"),
        (lambda: jf.CuttingPlanes(max_iterations=0), "max_iterations must be"),
    ],
)
def test_bad_input_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_isotonic_regression_is_scipys():
    """What the formula rests on: the projection onto the cone, by its variational inequality."""
    rng = np.random.default_rng(0)
    z, w = rng.normal(size=20), rng.uniform(0.1, 1, 20)
    p = isotonic_regression(z, weights=w).x
    for _ in range(50):
        assert (w * (z - p)) @ (np.sort(rng.normal(size=20)) - p) <= 1e-12


def test_the_solvers_pass_the_public_check():
    rng = np.random.default_rng(0)
    state = jf.OrderedParticles(
        x=(np.sort(rng.normal(size=9)), rng.dirichlet(np.ones(9))), y=(np.sort(rng.normal(size=7)), rng.dirichlet(np.ones(7)))
    )
    confined = NEWTONIAN + jf.Potential(np.cosh, "x") + jf.Potential(np.cosh, "y")
    for solver, law in ((jf.OrderedResolvent(), NEWTONIAN), (jf.OrderedResolvent(), confined), (jf.CuttingPlanes(), confined)):
        report = check_solver(solver, jf.ProximalStep(law, state, 0.3))
        assert report.descent > 0
        assert report.worst_perturbation > -1e-7
    both = jf.Species(x=jf.Quantiles(np.linspace(0, 1, 101)), y=jf.Quantiles(np.linspace(0.5, 1.5, 101)))
    assert check_solver(jf.NewtonianStep(), jf.ProximalStep(NEWTONIAN, both, 0.3)).descent > 0


def test_adaptive_steps_of_particles():
    start = jf.OrderedPoints(np.linspace(-1, 2, 9))
    flow = jf.evolve(jf.Potential(lambda x: x**4 / 4), start, scheme=jf.Adaptive(jf.JKO(), 1e-3), dt=0.01, t_end=1.0)
    assert flow.ok
    assert np.ptp(flow.dts[:-1]) > 0


@pytest.mark.parametrize("seed", range(20))
def test_any_strengths_and_total_masses_against_fractions(seed):
    """Attraction and repulsion of any strength within the species, cross-attraction, totals that differ, ties."""
    rng = np.random.default_rng(100 + seed)
    spread = int(rng.choice([2, 6, 1000]))
    species = {
        name: (sorted(rng.integers(-spread, spread, k).tolist()), [F(int(w), 8) for w in rng.integers(1, 9, k)])
        for name, k in (("x", rng.integers(1, 9)), ("y", rng.integers(1, 9)))
    }
    s1, c, s2 = (int(k) / 4 for k in (rng.integers(-8, 9), rng.integers(0, 9), rng.integers(-8, 9)))
    law = s1 * jf.Interaction(TIP, "x") + s2 * jf.Interaction(TIP, "y") + c * jf.CrossInteraction(TIP, between=("x", "y"))
    exact, start = jf.ordered.RationalFlow(species, law), _floats(species)
    end = float(exact.events[-1].time) if exact.events else 1.0
    lines, scale = jf.ordered.WorldLines(start, law=law), spread + 5 * end
    times = np.sort(rng.uniform(0, 1.1 * end, 5))
    for t, state in zip(times, lines.at(times), strict=True):
        truth = exact.at(F(float(t)))
        assert all(np.allclose(state[n].points, [float(z) for z in truth[n]], atol=1e-13 * scale) for n in "xy")
        assert law(state) == pytest.approx(float(exact.energy(F(float(t)))), abs=1e-12 * scale)
    state, before = start, F(0)
    for time in sorted({event.time for event in exact.events}):
        state, before = jf.ordered.resolvent(state, float(time - before), law), time
        truth = exact.at(time)
        assert all(np.allclose(state[n].points, [float(z) for z in truth[n]], atol=1e-12 * scale) for n in "xy")


def test_far_from_the_origin_nothing_is_lost_but_digits():
    rng = np.random.default_rng(0)
    m, n = rng.dirichlet(np.ones(60)), rng.dirichlet(np.ones(40))
    x, y = np.sort(rng.normal(size=60)).round(6), np.sort(rng.normal(size=40)).round(6)
    near = jf.OrderedParticles(x=(x, m), y=(y, n))
    far = jf.OrderedParticles(x=(x + 1e8, m), y=(y + 1e8, n))
    for tau in (1e-6, 0.1, 10.0, 1e6):
        one, two = jf.ordered.resolvent(near, tau), jf.ordered.resolvent(far, tau)
        assert all(np.abs(two[k].points - 1e8 - one[k].points).max() < 5e-8 for k in "xy")
    for one, two in zip(jf.ordered.WorldLines(near).at([0.3, 3.0]), jf.ordered.WorldLines(far).at([0.3, 3.0]), strict=True):
        assert all(np.abs(two[k].points - 1e8 - one[k].points).max() < 2e-7 for k in "xy")


def test_masses_of_very_different_size():
    rng = np.random.default_rng(1)
    for _ in range(5):
        m, n = 10.0 ** rng.uniform(-12, 0, 6), 10.0 ** rng.uniform(-12, 0, 5)
        m, n = m / m.sum(), n / n.sum()
        species = {
            "x": (np.sort(rng.normal(size=6)).tolist(), m.tolist()),
            "y": (np.sort(rng.normal(size=5)).tolist(), n.tolist()),
        }
        exact, lines = jf.ordered.RationalFlow(species), jf.ordered.WorldLines(_floats(species))
        end = float(exact.events[-1].time)
        for share in (0.1, 0.5, 0.9, 1.01):
            state, truth = lines.at([share * end])[0], exact.at(F(share * end))
            assert all(np.allclose(state[k].points, [float(z) for z in truth[k]], atol=1e-14 * (1 + end)) for k in "xy")


def test_meetings_at_the_end_of_a_step_are_not_lost():
    start = jf.OrderedParticles(x=[0.0, 0.1], y=[0.7, 0.8])
    assert len(jf.evolve(NEWTONIAN, start, scheme=jf.Brezis(), t_end=5.0).events) == 3
    pair = jf.OrderedParticles(x=[-5 / 3], y=[-5.0])
    assert len(jf.evolve(NEWTONIAN, pair, scheme=jf.Brezis(), dt=1 / 3, t_end=2.0).events) == 1
    rng = np.random.default_rng(0)
    for _ in range(60):
        start = jf.OrderedParticles(x=np.sort(rng.integers(0, 30, 4)) / 10, y=np.sort(rng.integers(0, 30, 4)) / 7)
        lines = jf.ordered.WorldLines(start)
        if not len(lines.events):
            continue
        dt = float(rng.choice(lines.events.times)) / int(rng.integers(1, 5)) or 1.0
        flow = jf.evolve(NEWTONIAN, start, scheme=jf.Brezis(), dt=dt, t_end=lines.at_rest_from + dt)
        assert len(flow.events) == len(lines.events)
        assert np.allclose(np.sort(flow.events.times), lines.events.times, atol=1e-12)


def test_clusters_that_part_at_once():
    lines = jf.ordered.WorldLines(jf.OrderedParticles(x=[0.0, 0.0, 1.0], y=[0.0, 2.0, 2.0]))
    assert [str(event) for event in lines.splits] == ["t = 0, x = 0: x0..x1 and y0 split", "t = 0, x = 2: y1..y2 split"]
    exact = jf.ordered.RationalFlow({"x": [0, 0, 1], "y": [0, 2, 2]}).velocity(0)
    assert len({*exact["x"][:2], exact["y"][0]}) == lines.splits[0].after


def test_resolvents_of_your_own_feel_mobility_and_are_checked():
    def half_square(state):
        return float(state["x"].masses @ state["x"].points ** 2) / 2

    own = jf.ConvexFunction(
        half_square, lambda s: {"x": s["x"].points}, lambda s, tau: {"x": s["x"].points / (1 + tau)}, species=("x",)
    )
    start = jf.OrderedParticles(x=[1.0, 2.0])
    for solver in (jf.OrderedResolvent(), jf.CuttingPlanes()):
        flow = jf.evolve(own, start, scheme=jf.JKO(solver), dt=0.1, t_end=0.1, mobility={"x": 10.0})
        assert np.allclose(flow.final["x"].points, [0.5, 1.0], atol=1e-6)
    bad = jf.ConvexFunction(half_square, resolvent=lambda s, tau: {"x": s["x"].points[::-1]}, species=("x",))
    none = jf.ConvexFunction(half_square, resolvent=lambda s, tau: {}, species=("x",))
    for law, message in ((-1.0 * own, "coefficient >= 0"), (bad, "must give non-decreasing"), (none, "must give positions")):
        with pytest.raises((ValueError, jf.FlowError), match=message):
            jf.evolve(law, start, dt=0.1, t_end=0.1)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_cutting_planes_do_not_mind_units(scale):
    state = jf.OrderedParticles(x=np.array([-1.0, 0.3, 2.0]) * scale, y=np.array([0.0, 0.5]) * scale)
    found = jf.CuttingPlanes().solve(jf.ProximalStep(NEWTONIAN, state, 0.5 * scale))
    assert found.status.ok
    assert np.allclose(found.state["x"].points, jf.ordered.resolvent(state, 0.5 * scale)["x"].points, atol=1e-6 * scale)
    light = jf.OrderedParticles(x=([-1.0, 0.3, 2.0], [1e-3 / 3] * 3), y=([0.0, 0.5], [5e-4] * 2))
    answer = jf.CuttingPlanes().solve(jf.ProximalStep(NEWTONIAN, light, 500.0))
    assert np.allclose(answer.state["x"].points, [-5 / 6, 0.3, 11 / 6], atol=1e-6)


@pytest.mark.parametrize(
    ("law", "places"),
    [
        (jf.Interaction(jf.Morse(), "x"), [0.0, 1.0, 2.0]),
        (-1.0 * jf.Interaction(jf.Quadratic(), "x"), [0.0, 1.0]),
        (jf.Potential(lambda x: (x**2 - 1) ** 2, "x"), [0.1]),
    ],
)
def test_cutting_planes_say_where_a_law_is_seen_not_to_be_convex(law, places):
    assert not jf.CuttingPlanes().solve(jf.ProximalStep(law, jf.OrderedParticles(x=places), 1.0)).status.ok


@pytest.mark.slow
def test_soft_beside_stiff_and_potentials_by_differences():
    vx, vy = (jf.Potential(lambda x: x**2 / 2, name) for name in "xy")
    flow = jf.evolve(NEWTONIAN + vx + 10 * vy, jf.OrderedParticles(x=[0.0], y=[2.0]), dt=0.3, t_end=0.9)
    assert flow.ok
    law = NEWTONIAN + 10 * jf.Potential(lambda x: x**2 / 2, "y", lambda x: x)
    start = jf.OrderedParticles(x=[-0.4, 0.8, 1.0], y=[-1.5, -0.1, 1.4])
    answer = jf.OrderedResolvent().solve(jf.ProximalStep(law, start, 1.0))
    planes = jf.CuttingPlanes().solve(jf.ProximalStep(law, start, 1.0))
    assert answer.status.ok
    assert np.allclose(answer.state["y"].points, planes.state["y"].points, atol=1e-4)


def test_quantiles_at_gaps_and_masses_equal_to_rounding():
    comb_like = jf.Grid.box((0.0, 10.0), cells=20).density(lambda x: (x % 2 < 1) * 1.0)
    assert np.allclose(jf.OrderedParticles.from_density(5, x=comb_like)["x"].points, [1, 3, 5, 7, 9])
    x = jf.Grid.box((0.0, 10.0), cells=33).density(lambda x: 1 + x)
    y = jf.Grid.box((0.0, 9.0), cells=37).density(lambda x: np.exp(-x))
    start = jf.OrderedParticles.midpoints(40, x=x, y=y)
    assert np.allclose(
        jf.ordered.CrossingGrid(start).final["x"].points, jf.ordered.WorldLines(start).final["x"].points, atol=1e-10
    )


def test_the_dirac_pair_late():
    pair = jf.closed_forms.DiracPair()
    assert pair.quantile(0.5, 12.0) == pytest.approx(0.0, abs=1e-12)
    assert pair.quantile(0.7, 50.0) == pytest.approx(float(pair.limit(0.7)), abs=1e-12)
    assert pair.energy(3.0) > pair.energy(12.0) > pair.energy(100.0) > 0


def test_the_energy_by_distribution_functions():
    rng = np.random.default_rng(0)
    for seed in range(10):
        state = _floats(_random(rng, equal=False, ties=seed % 2 == 0))
        assert jf.ordered.tip_energy(state) == pytest.approx(_energy(state), rel=1e-12, abs=1e-12)
        law = 0.3 * jf.Interaction(TIP, "x") - jf.Interaction(TIP, "y") + 2 * jf.CrossInteraction(TIP, between=("x", "y"))
        assert jf.ordered.tip_energy(state, law) == pytest.approx(law(state), rel=1e-12, abs=1e-11)
    assert jf.ordered.tip_energy(jf.ordered.WorldLines(_floats(_dirac(9))).final) == 0.0
    alone = jf.OrderedPoints([0.0, 1.0, 3.0])
    assert jf.ordered.tip_energy(alone, jf.Interaction(TIP)) == pytest.approx(jf.Interaction(TIP)(alone), rel=1e-14)
