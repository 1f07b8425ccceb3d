"""Particles in R^d: sums over pairs, meetings, Overdamped and the exact step, against closed forms.

The cases T1 to T20 are those of docs/theory/two-species.md, section 6.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jkoflow as jf
from jkoflow.clouds import CloudLaw, together
from jkoflow.kernels.sums import pair_gradients, pair_values
from jkoflow.kernels.sums.fourier import nufft

from .tables import KERNELS, bowl, cases, slow

X1, X2 = jf.PowerLaw(1), jf.Quadratic()
COSH = jf.CustomKernel(lambda *x: sum(np.cosh(a) - 1 for a in x), lambda *x: np.sinh(x[0]) if len(x) == 1 else np.sinh(x))
PAIRS = KERNELS | {"repulsive near, attractive far": X1 - 0.5 * jf.Morse() + jf.PowerLaw(4), "cosh": COSH}


def _cloud(places, d, masses=None):
    """Particles on the first axis of R^d, or on a line that is none of the axes."""
    places = np.asarray(places, dtype=float)
    return jf.Particles(places if d == 1 else np.outer(places, [0.6, 0.8, 0.0][:d]), masses)


def _along(cloud):
    """The places of such particles on their line."""
    return cloud.points if cloud.points.ndim == 1 else cloud.points[:, :2] @ [0.6, 0.8]


def _cross(kernel):
    return jf.CrossInteraction(kernel, between=("x", "y"))


# --- sums over pairs


@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("name", PAIRS)
def test_pair_sums_against_tables_of_pairs(name, d):
    kernel = PAIRS[name]
    rng = np.random.default_rng(3)
    at, sources = rng.normal(size=(300, d)), rng.normal(size=(570, d))
    sources[7] = at[5]  # a pair that coincides
    masses = rng.uniform(size=570)
    gaps = [at[:, k, None] - sources[:, k] for k in range(d)]
    values, pulls = kernel(*gaps), kernel.gradient(*gaps)
    if kernel.singular:
        values[5, 7] = 0
    at, sources = (at[:, 0], sources[:, 0]) if d == 1 else (at, sources)
    expected = pulls @ masses if d == 1 else (pulls @ masses).T
    assert np.allclose(pair_gradients(kernel, at, sources, masses), expected, rtol=0, atol=1e-13 * np.abs(expected).max())
    assert np.allclose(pair_values(kernel, at, sources, masses), values @ masses, rtol=1e-12)


def test_far_pairs_keep_their_relative_accuracy():
    for kernel, length in ((jf.Gaussian(), 20.0), (jf.Morse(), 500.0)):
        at = np.array([[length, 0.0]])
        pull = pair_gradients(kernel, at, np.zeros((1, 2)), np.ones(1))
        assert pull[0, 0] == pytest.approx(float(kernel.slope(length)), rel=1e-12)


def test_energies_of_particles_keep_the_pairs_of_a_particle_with_itself():
    """K(0) counts, so a kernel that is not 0 at the origin raises the energy by K(0) / 2 times the squared masses."""
    cloud = jf.Particles([[0.0, 0.0], [3.0, 4.0]], [0.25, 0.75])
    lifted = jf.CustomKernel(lambda *x: 2.0 + sum(a**2 for a in x) / 2)
    assert jf.Interaction(lifted)(cloud) == pytest.approx(0.5 * 2.0 + 0.25 * 0.75 * 12.5)
    assert jf.Interaction(jf.Riesz(1.0))(cloud) == pytest.approx(0.25 * 0.75 / 5)  # but not one that is infinite there
    assert jf.Interaction(jf.Riesz(1.0))(jf.Particles([[1.0, 0.0], [1.0, 0.0]])) == np.inf
    assert jf.Interaction(jf.PowerLaw(0))(jf.Particles([1.0, 1.0])) == -np.inf
    one, other = jf.Particles([0.0]), jf.Particles([0.0, 1.0])
    assert _cross(jf.Riesz(1.0))(jf.Species(x=one, y=other)) == np.inf


# --- the rule where particles meet


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(1, 3))
def test_the_rule_is_the_element_of_least_norm(seed, size, d):
    """Against a general minimiser of sum m |v|^2 / alpha over the pulls that the tips can give."""
    from scipy.optimize import minimize

    rng = np.random.default_rng(seed)
    forces, masses, alpha = rng.normal(size=(size, d)), rng.uniform(0.2, 1, size), rng.uniform(0.3, 3, size)
    tips = np.triu(rng.uniform(0.0, 2.0, (size, size)), 1)
    tips += tips.T
    found = together(forces, masses, alpha[:, None] * tips)
    pairs = list(itertools.combinations(range(size), 2))

    def velocities(pulls):
        v = forces.copy()
        for (a, b), xi in zip(pairs, pulls.reshape(-1, d), strict=True):
            v[a] -= alpha[a] * masses[b] * xi
            v[b] += alpha[b] * masses[a] * xi
        return v

    def norm(v):
        return float((masses / alpha) @ (v**2).sum(axis=1))

    bounds = [
        {"type": "ineq", "fun": lambda z, k=k, s=tips[a, b]: s**2 - (z.reshape(-1, d)[k] ** 2).sum()}
        for k, (a, b) in enumerate(pairs)
    ]
    best = minimize(lambda z: norm(velocities(z)), np.zeros(len(pairs) * d), constraints=bounds, options={"ftol": 1e-14})
    assert norm(found) <= best.fun + 1e-6
    assert norm(velocities(best.x) - found) < 1e-2 * (1 + best.fun)
    joint = (masses / alpha) @ forces
    assert np.allclose((masses / alpha) @ found, joint)


@pytest.mark.parametrize("d", [1, 2, 3])
def test_t7_stick_or_pass_through(d):
    def run(a, t):
        state = jf.Species(x=_cloud([-1.0, 1.0], d), y=_cloud([0.5], d))
        flow = jf.evolve(a * jf.Interaction(X1, "x") + _cross(X1), state, scheme=jf.Overdamped(), dt=t, t_end=t)
        assert flow.ok
        return np.concatenate([_along(flow.final["x"]), _along(flow.final["y"])])

    assert np.allclose(run(2.0, 7 / 16), [-1 / 8, 3 / 8, 3 / 8], atol=1e-8)
    assert np.allclose(run(2.0, 0.7), 0.25, atol=1e-8)
    assert np.allclose(run(6.0, 7 / 24), [1 / 6, 1 / 6, 1 / 3], atol=1e-6)
    assert np.allclose(run(6.0, 0.4), 0.25, atol=1e-6)


@pytest.mark.parametrize("d", [1, slow(2)])
def test_a_tip_holds_until_it_cannot(d):
    push = jf.Potential(
        lambda *z: -sum(a**2 for a in z), "x", gradient=lambda *z: -2 * np.stack(z) if len(z) > 1 else -2 * z[0]
    )
    e = np.array([0.6, 0.8])
    push = jf.Potential(
        lambda *z: -sum(a**2 for a in z), "x", gradient=lambda *z: -2 * np.stack(z) if len(z) > 1 else -2 * z[0]
    )
    flow = jf.evolve(_cross(X1) + push, jf.Species(x=_cloud([0.3], d), y=_cloud([0.3], d)), scheme=jf.Overdamped(), t_end=2.0)
    leaves = np.log(1 / 0.3)
    for time, state in zip(flow.times, flow, strict=True):
        late = max(time - leaves, 0.0)
        x, y = (0.3 * np.exp(time),) * 2 if time <= leaves else (0.5 + 0.5 * np.exp(2 * late), 1 + late)
        assert np.allclose(state["x"].points, x * (e if d == 2 else 1.0), atol=2e-5)
        assert np.allclose(state["y"].points, y * (e if d == 2 else 1.0), atol=2e-5)


def test_unequal_drifts_slide_together():
    """Tips of strength 1 on x and 3 on y, x pushed by 1: they stick, and slide at the velocity at which both pulls balance."""
    law = jf.Drift(X1, moves="x", by="y") + jf.Drift(3 * X1, moves="y", by="x") + jf.Potential(lambda x: -x, "x")
    flow = jf.evolve(law, jf.Species(x=jf.Particles([0.0]), y=jf.Particles([0.0])), scheme=jf.Overdamped(), dt=1.0, t_end=1.0)
    assert np.allclose([flow.final["x"].points[0], flow.final["y"].points[0]], 0.75, atol=1e-7)


# --- Overdamped against closed forms

PAIR = jf.closed_forms.QuadraticPair(a11=1.0, a22=0.5, a12=0.25, alpha=2.0)
PAIR_LAW = jf.Interaction(X2, "x") + 0.5 * jf.Interaction(X2, "y") + 0.25 * _cross(X2)


def _pair_state(d):
    """Point masses with the means and variances of T1: Unif[0, 2] and Unif[-2.5, -1.5]."""
    r = np.sqrt(1 / 3)
    return jf.Species(x=_cloud([1 - r, 1 + r], d), y=_cloud([-2 - r / 2, -2 + r / 2], d))


@pytest.mark.parametrize("d", [1, 2, 3])
def test_t1_quadratic_kernels(d):
    flow = jf.evolve(PAIR_LAW, _pair_state(d), scheme=jf.Overdamped(), t_end=1.0, mobility={"y": 2.0})
    x, y = _along(flow.final["x"]), _along(flow.final["y"])
    assert abs(flow.energies[0] - 1.364583333333) < 1e-11
    assert abs(flow.energies[-1] - 0.269678317433) < 1e-8
    assert np.allclose([x.mean(), y.mean()], [0.472366552741, -0.944733105482], atol=1e-8)
    assert np.allclose([x.var(), y.var()], [np.exp(-2.5) / 3, np.exp(-3) / 12], atol=1e-8)


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize(
    ("kernel", "time"),
    [
        (0.8 * jf.PowerLaw(1), 0.625),
        (0.8 * jf.PowerLaw(1.25), 0.780428131837),
        (0.8 * jf.PowerLaw(1.5), 1.096322524134),
        (0.8 * jf.PowerLaw(1.75), 2.053442254562),
        (jf.Morse(0.8, 0.7), 1.273389722003),
    ],
    ids=repr,
)
def test_t4_two_deltas_meet_in_time(kernel, time, d):
    def gap(t):
        state = jf.Species(x=_cloud([1.3], d), y=_cloud([0.0], d))
        final = jf.evolve(_cross(kernel), state, scheme=jf.Overdamped(), dt=t, t_end=t, mobility={"y": 1.6}).final
        assert abs((1.6 * _along(final["x"])[0] + _along(final["y"])[0]) / 2.6 - 0.8) < 1e-8  # the joint centre rests
        return _along(final["x"])[0] - _along(final["y"])[0]

    assert abs(gap(time * (1 + 1e-3))) < 2e-6
    for share in (0.5, 0.9):
        assert abs(jf.closed_forms.collapse_time(kernel, gap(share * time), alpha=1.6) - (1 - share) * time) < 1e-6 * time


@pytest.mark.parametrize("d", [1, 2])
def test_t11_sticky_atoms(d):
    """On a line in R^d the flow under |x| is that of sticky particles: isotonic projection."""
    rng = np.random.default_rng(5)
    places, masses = np.sort(rng.normal(size=12)), rng.dirichlet(np.ones(12))
    start = jf.Quantiles.atoms(places, masses)
    for t in (0.3, 0.9):
        flow = jf.evolve(jf.Interaction(X1), _cloud(places, d, masses), scheme=jf.Overdamped(), dt=t, t_end=t)
        exact = jf.closed_forms.sticky_collapse(start, t)
        assert np.allclose(_along(flow.final), exact.points[exact.masses > 0], atol=1e-7)


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("scheme", [jf.Overdamped(), jf.JKO()], ids=["overdamped", "jko"])
def test_t10_overlapping_uniform_laws_as_atoms(scheme, d):
    """Atoms at the means of equal cells follow the cells of the uniform law under |x|: A falls at the speed a + kappa to 0 at
    .3, the atoms of the two species that coincide being held together."""
    pair = jf.closed_forms.UniformPair(a=3.0, b=1.0, kappa=1.0)
    shape = (2 * np.arange(8) + 1) / 8 - 1
    law = 3.0 * jf.Interaction(X1, "x") + jf.Interaction(X1, "y") + _cross(X1)
    state = jf.Species(x=_cloud(1.2 * shape, d), y=_cloud(1.2 * shape, d))
    for t in (0.1, 0.25, 0.4):
        flow = jf.evolve(law, state, scheme=scheme, dt=t, t_end=t, mobility={"y": pair.alpha})
        assert flow.ok
        for cloud in flow.final.values():
            assert np.allclose(_along(cloud), pair.half_width(1.2, t) * shape, atol=1e-6)


def test_t17_a_repulsive_tip_leaves_atoms_of_one_place_together():
    """The minimal selection: a stationary weak solution. Quantiles spread instead."""
    law = jf.Interaction(-X1)
    together_at_0 = jf.Particles([0.0, 0.0, 0.0])
    for scheme in (jf.Overdamped(), jf.JKO()):
        assert np.array_equal(jf.evolve(law, together_at_0, scheme=scheme, dt=0.5, t_end=1.0).final.points, np.zeros(3))
    spread = jf.evolve(law, jf.Quantiles.atoms([0.0]), dt=0.5, t_end=1.0).final
    assert np.ptp(spread.nodes) == pytest.approx(2.0)
    apart = jf.evolve(law, jf.Particles([-0.1, 0.1]), scheme=jf.Overdamped(), dt=1.0, t_end=1.0).final
    assert np.allclose(apart.points, [-0.6, 0.6], atol=1e-8)


@pytest.mark.parametrize(("alpha", "p", "time"), [(0.4, 1, 1.666667), (0.4, 1.4, 2.777778)])
def test_t13_capture(alpha, p, time):
    """y flees from x at alpha of the speed at which it is chased, and is caught at (x - alpha y) / (1 - alpha)."""
    kernel = jf.PowerLaw(p)
    law = jf.Drift(kernel, moves="x", by="y") - alpha * jf.Drift(kernel, moves="y", by="x")

    def final(t):
        state = jf.Species(x=_cloud([0.0], 2), y=_cloud([1.0], 2))
        return jf.evolve(law, state, scheme=jf.Overdamped(), dt=t, t_end=t).final

    assert _along(final(0.995 * time)["y"])[0] - _along(final(0.995 * time)["x"])[0] > 1e-5
    caught = final(1.005 * time)
    place = 1 / (1 - alpha)
    assert np.allclose([_along(caught["x"])[0], _along(caught["y"])[0]], place, atol=1e-5)


def test_t13_chase():
    K = jf.Gaussian()
    law = jf.Drift(K, moves="x", by="y") - jf.Drift(K, moves="y", by="x")
    state = jf.Species(x=_cloud([0.0], 2), y=_cloud([1.0], 2))
    final = jf.evolve(law, state, scheme=jf.Overdamped(), t_end=3.0).final
    assert np.allclose([_along(final["x"])[0], _along(final["y"])[0]], 3 * 0.735758882 + np.array([0.0, 1.0]), atol=1e-7)


def test_t15_the_virial_in_the_plane():
    """d/dt of half the second moment is -p E for p-homogeneous kernels."""
    rng = np.random.default_rng(2)
    for p in (1, 1.5, 3):
        cloud = jf.Particles(rng.normal(size=(40, 2)))
        energy = jf.Interaction(jf.PowerLaw(p))
        h = 1e-4
        later = jf.evolve(energy, cloud, scheme=jf.Overdamped(1e-12), dt=2 * h, t_end=2 * h)
        middle = jf.evolve(energy, cloud, scheme=jf.Overdamped(1e-12), dt=h, t_end=h)
        slope = (np.trace(later.final.covariance) - np.trace(cloud.covariance)) / 2 / (2 * h)
        assert slope == pytest.approx(-p * energy(middle.final), rel=1e-6)


@pytest.mark.parametrize("d", [1, 2])
def test_overdamped_agrees_with_scipy_on_smooth_kernels(d):
    from scipy.integrate import solve_ivp

    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(15, d)), rng.normal(size=(9, d)) + 1
    K11, K12, K21 = jf.Gaussian(), jf.Gaussian(2.0, 2.0), -jf.Gaussian(1.0, 1.5)
    law = jf.Interaction(K11, "x") + jf.Drift(K12, moves="x", by="y") + jf.Drift(K21, moves="y", by="x")
    law = law + jf.Potential(bowl, "y")  # without its gradient

    def literal(t, z):
        u, v = z[: x.size].reshape(x.shape), z[x.size :].reshape(y.shape)

        def pull(kernel, at, by):
            g = kernel.gradient(*np.moveaxis(at[:, None] - by, -1, 0))
            return (g[..., None] if d == 1 else np.moveaxis(g, 0, -1)).mean(axis=1)

        return np.concatenate(
            [(-pull(K11, u, u) - pull(K12, u, v)).ravel(), (-pull(K21, v, u) - v * np.arange(1, d + 1)).ravel()]
        )

    exact = solve_ivp(literal, (0, 2), np.concatenate([x.ravel(), y.ravel()]), rtol=1e-12, atol=1e-12).y[:, -1]
    state = jf.Species(x=jf.Particles(x if d > 1 else x[:, 0]), y=jf.Particles(y if d > 1 else y[:, 0]))
    flow = jf.evolve(law, state, scheme=jf.Overdamped(), t_end=2.0)
    found = np.concatenate([flow.final["x"].points.ravel(), flow.final["y"].points.ravel()])
    assert np.allclose(found, exact, atol=1e-6)


def test_overdamped_is_continued_to_the_last_bit(tmp_path):
    cloud = jf.Particles(np.random.default_rng(0).normal(size=(10, 2)))
    law = jf.Interaction(jf.Morse())
    whole = jf.evolve(law, cloud, scheme=jf.Overdamped(), dt=0.25, t_end=1.0)
    jf.save(jf.evolve(law, cloud, scheme=jf.Overdamped(), dt=0.25, t_end=0.5), tmp_path / "half.npz")
    again = jf.evolve(law, jf.load(tmp_path / "half.npz"), scheme=jf.Overdamped(), dt=0.25, t_end=1.0)
    assert np.array_equal(again.final.points, whole.final.points)


def test_overdamped_at_rest_and_off_scale():
    lone = jf.Particles([[1.0, 2.0]])
    assert np.array_equal(jf.evolve(jf.Interaction(X1), lone, scheme=jf.Overdamped(), t_end=1.0).final.points, lone.points)
    wild = jf.Potential(lambda x: 1e300 * x**3, gradient=lambda x: 1e308 * x**2 * 1e5)
    flow = jf.evolve(wild, jf.Particles([1.0, 2.0]), scheme=jf.Overdamped(), dt=1.0, t_end=1.0, on_failure="return")
    assert flow.statuses[-1] is jf.Status.NOT_FINITE
    far = jf.evolve(jf.Interaction(X1), jf.Particles([1e6, 1e6 + 1.0]), scheme=jf.Overdamped(), dt=2.0, t_end=2.0)
    assert np.allclose(far.final.points, 1e6 + 0.5, atol=1e-8)


# --- the exact step


STEPS = {
    "|x|": (jf.Interaction(X1), {}),
    "|x|^1.5": (jf.Interaction(jf.PowerLaw(1.5)), {}),
    "morse": (jf.Interaction(jf.Morse(1.0, 2.0)), {}),
    "x^4": (jf.Interaction(jf.PowerLaw(4)), {}),
    "bowl and gaussian": (jf.Potential(bowl) - 0.1 * jf.Interaction(jf.Gaussian()), {}),
    "cosh": (jf.Interaction(COSH), {}),
    "two": (jf.Interaction(X1, "x") + 0.5 * jf.Interaction(X1, "y") + _cross(X1), {"y": 0.7}),
    "two, cross alone": (_cross(jf.Morse(1.0, 1.5)) + jf.Potential(bowl, "x"), {"y": 3.0}),
}


def _line_start(law):
    rng = np.random.default_rng(0)
    if "x" in law.involves:
        return jf.Species(x=jf.Particles(rng.normal(size=9)), y=jf.Particles(rng.normal(size=7) + 1, rng.dirichlet(np.ones(7))))
    return jf.Species.of(jf.Particles(rng.normal(size=12), rng.dirichlet(np.ones(12))))


@pytest.mark.parametrize("tau", [0.05, 0.5, 5.0])
@pytest.mark.parametrize("name", cases(STEPS, {"two, cross alone", "two"}))
def test_the_step_on_the_line_is_that_of_quantiles(name, tau):
    law, mobility = STEPS[name]
    start = _line_start(law)
    found = jf.ParticleProximal().solve(jf.ProximalStep(law, start, tau, mobility))
    assert found.status is jf.Status.CONVERGED
    atoms = {}
    for key, cloud in start.items():
        order = np.argsort(cloud.points)
        atoms[key] = jf.Quantiles.atoms(cloud.points[order], cloud.masses[order])
    exact = jf.QuantileNewton().solve(jf.ProximalStep(law, jf.Species(atoms), tau, mobility))
    assert exact.status is jf.Status.CONVERGED
    for key, measure in exact.state.items():
        assert np.allclose(np.sort(found.state[key].points), measure.points[measure.masses > 0], atol=1e-7)
        assert abs(found.distances[key] - exact.distances[key]) < 1e-7


@pytest.mark.parametrize("tau", [0.1, 2.0])
@pytest.mark.parametrize("name", STEPS)
def test_no_motion_of_particles_in_the_plane_improves_the_step(name, tau):
    """The objective, computed here, does not fall along random motions, nor where groups are split."""
    law, mobility = STEPS[name]
    rng = np.random.default_rng(1)
    start = jf.Species(
        {key: jf.Particles(rng.normal(size=(len(c.masses), 2)), c.masses) for key, c in _line_start(law).items()}
    )
    step = jf.ProximalStep(law, start, tau, mobility)
    found = jf.ParticleProximal().solve(step)
    assert found.status is jf.Status.CONVERGED

    def objective(state):
        moved = (c.masses @ ((state[k].points - c.points) ** 2).sum(axis=1) / (2 * step.weight(k)) for k, c in start.items())
        return sum(moved) + law(state)

    best = objective(found.state)
    assert best <= objective(start)
    for size in (1e-1, 1e-3, 1e-5):
        for _ in range(10):
            moved = {
                k: jf.Particles(c.points + size * rng.normal(size=c.points.shape), c.masses) for k, c in found.state.items()
            }
            assert objective(jf.Species(moved)) > best - 1e-13


@pytest.mark.parametrize("d", [1, 2])
def test_t2_and_t18_the_joint_step_in_any_dimension(d):
    flow = jf.evolve(PAIR_LAW, _pair_state(d), dt=0.1, t_end=1.0, mobility={"y": 2.0})
    assert "ParticleProximal" in flow.scheme
    assert _along(flow.final["x"]).mean() - _along(flow.final["y"]).mean() == pytest.approx(1.455581784904, abs=1e-10)
    factors = PAIR.jko(0.1)
    assert np.ptp(_along(flow[1]["x"])) / np.ptp(_along(flow[0]["x"])) == pytest.approx(factors[0], abs=1e-11)
    assert np.ptp(_along(flow[1]["y"])) / np.ptp(_along(flow[0]["y"])) == pytest.approx(factors[1], abs=1e-11)
    assert np.allclose([2 * _along(s["x"]).mean() + _along(s["y"]).mean() for s in flow], 0, atol=1e-11)
    state = jf.Species(x=_cloud([0.51], d), y=_cloud([0.0], d))
    exact = jf.evolve(_cross(X1), state, dt=0.05, t_end=0.5, mobility={"y": 0.6})
    gaps = [_along(s["x"])[0] - _along(s["y"])[0] for s in exact]
    assert np.allclose(gaps, np.maximum(0.51 - 0.08 * np.arange(11), 0), atol=1e-10)
    assert _along(exact.final["x"])[0] == pytest.approx(0.19125, abs=1e-10)


@pytest.mark.parametrize(
    "make",
    [
        lambda z: jf.Particles([z]),
        lambda z: jf.Particles([[z, 0.0]]),
        slow(lambda z: jf.Quantiles.atoms([z])),
    ],
    ids=["line", "plane", "quantiles"],
)
def test_t18_the_cycle_of_the_semi_implicit_scheme_is_seen(make):
    state = jf.Species(x=make(0.51), y=make(0.0))
    with pytest.warns(jf.CycleWarning, match="swap places"):
        flow = jf.evolve(_cross(X1), state, scheme=jf.SemiImplicitJKO(), dt=0.05, t_end=1.0, mobility={"y": 0.6})
    gaps = np.array([np.ravel(s["x"].mean - s["y"].mean)[0] for s in flow])
    assert np.allclose(np.abs(gaps[-6:]), 0.03, atol=1e-10)
    assert np.all(np.diff(np.sign(gaps[-6:])) != 0)
    first = flow.statuses.index(jf.Status.CYCLE)
    assert set(flow.statuses[first:]) == {jf.Status.CYCLE}
    assert first == 7  # the gap is .03 after 6 steps, -.03 after 7, and the eighth undoes that
    calm = jf.evolve(0.1 * _cross(X2), state, scheme=jf.SemiImplicitJKO(), dt=0.5, t_end=5.0)
    assert set(calm.statuses) == {jf.Status.CONVERGED}


def test_t3_the_semi_implicit_factors_on_particles():
    law = jf.Interaction(X2, "x") + jf.Interaction(X2, "y")
    law = law + jf.Drift(0.25 * X2, moves="x", by="y") + jf.Drift(0.5 * X2, moves="y", by="x")
    flow = jf.evolve(law, _pair_state(2), scheme=jf.SemiImplicitJKO(), dt=0.1, t_end=1.0)
    gaps = np.array([_along(s["x"]).mean() - _along(s["y"]).mean() for s in flow])
    assert np.allclose(gaps[1:] / gaps[:-1], 0.927990708478, rtol=1e-10)
    centres = np.array([2 * _along(s["x"]).mean() + _along(s["y"]).mean() for s in flow])
    assert centres[1] - centres[0] == pytest.approx(-0.003484320557, abs=1e-11)


def test_t20_de_giorgis_identity_on_particles():
    """E_0 - E_1 = W^2 / (2 tau) + 1/2 int_0^tau W(s)^2 / s^2 ds."""
    cloud = jf.Particles(np.random.default_rng(0).normal(size=(6, 2)))
    energy = jf.Interaction(jf.Morse(1.0, 3.0)) + jf.Potential(bowl)

    def step(tau):
        return jf.ParticleProximal().solve(jf.ProximalStep(energy, jf.Species.of(cloud), tau))

    tau = 0.4
    points, weights = np.polynomial.legendre.leggauss(12)
    at = tau * (1 + points) / 2
    integral = tau / 2 * float(weights @ [step(s).distances[""] ** 2 / s**2 for s in at])
    answer = step(tau)
    spent = energy(cloud) - energy(answer.state)
    assert spent == pytest.approx(answer.distances[""] ** 2 / (2 * tau) + integral / 2, rel=1e-8)


def test_the_step_ends_honestly():
    cloud = jf.Species.of(jf.Particles(np.random.default_rng(0).normal(size=(12, 2))))
    short = jf.ParticleProximal(max_iterations=2).solve(jf.ProximalStep(jf.Interaction(X1), cloud, 1.0))
    assert short.status is jf.Status.ITERATION_LIMIT
    wild = jf.ProximalStep(jf.Potential(lambda x, y: 1e308 * x**2 * 1e10), cloud, 1.0)
    assert not jf.ParticleProximal().solve(wild).status.ok
    lone = jf.Species.of(jf.Particles([[1.0, 2.0]]))
    still = jf.ParticleProximal().solve(jf.ProximalStep(jf.Interaction(X1), lone, 1.0))
    assert still.status is jf.Status.CONVERGED
    assert still.distances[""] == 0


def test_a_nonconvex_energy_is_stepped_to_a_critical_point_below_the_start():
    rng = np.random.default_rng(6)
    cloud = jf.Species.of(jf.Particles(rng.normal(size=(15, 2))))
    law = 2 * jf.Interaction(jf.Morse(1.0, 0.6)) - jf.Interaction(jf.Morse(1.5, 0.4)) + jf.Interaction(jf.Gaussian())
    for tau in (0.05, 0.5, 5.0):
        found = jf.ParticleProximal().solve(jf.ProximalStep(law, cloud, tau))
        assert found.status is jf.Status.CONVERGED
        assert law(found.state) + found.distances[""] ** 2 / (2 * tau) <= law(cloud)


# --- what is refused


@pytest.mark.parametrize(
    ("law", "state", "message"),
    [
        (jf.Entropy(), jf.Particles([0.0, 1.0]), r"does not take Entropy\(\), which is among the internal energies"),
        (jf.Potential(np.zeros(2)), jf.Particles([0.0, 1.0]), "must be a function of space on Particles"),
        (jf.Interaction(X1), jf.Quantiles([0.0, 1.0]), "(state must be of|takes) Particles, got Quantiles"),
        (jf.Interaction(jf.CustomKernel(np.abs, np.sign, pointy=True)), jf.Particles([0.0, 1.0]), "subclass RadialKernel"),
    ],
)
def test_what_particles_do_not_feel_is_refused_before_work(law, state, message):
    with pytest.raises(ValueError, match=message):
        jf.evolve(law, state, scheme=jf.Overdamped(), t_end=1.0)
    with pytest.raises(ValueError, match=message):
        jf.evolve(law, state, scheme=jf.JKO(jf.ParticleProximal()), dt=0.1, t_end=1.0)


def test_bad_options_are_named():
    for bad in (0.0, 0.1, np.nan):
        with pytest.raises(ValueError, match="tolerance"):
            jf.Overdamped(tolerance=bad)
    with pytest.raises(ValueError, match="max_iterations"):
        jf.ParticleProximal(max_iterations=0)
    with pytest.raises(ValueError, match="takes one anchor"):
        jf.evolve(jf.Interaction(X1), jf.Particles([0.0, 1.0]), scheme=jf.BDF2(jf.ParticleProximal()), dt=0.1, t_end=1.0)


def test_the_law_is_read_with_its_coefficients():
    state = jf.Species(x=jf.Particles([0.0]), y=jf.Particles([3.0]))
    law = CloudLaw.of(2 * (jf.Interaction(X2, "x") + 3 * _cross(X2)), state, {"x": 1.0, "y": 5.0})
    velocity = law.velocities(np.array([[0.0], [3.0]]), np.eye(2))
    assert np.allclose(velocity[[0, 1], [0, 1], 0], [18.0, -90.0])


# --- what a reader of the code found


def test_particles_at_one_place_far_from_the_origin_feel_a_potential_without_gradient():
    for apart in (1e-13, 1e-9):
        start = jf.Particles([1.0, 1.0 + apart])
        final = jf.evolve(jf.Potential(lambda x: x**2 / 2), start, scheme=jf.Overdamped(), dt=1.0, t_end=1.0).final
        assert np.allclose(final.points, np.exp(-1), atol=1e-7)
    flow = jf.evolve(
        jf.Interaction(jf.Gaussian()) + jf.Potential(lambda x, y: (x - 3) ** 2 / 2 + y**2 / 2),
        jf.Particles([[1.0, 0.0], [2.0, 0.0], [1.3, 1.0]]),
        dt=1.0,
        t_end=20.0,
    )
    assert np.allclose(flow.final.points, [3.0, 0.0], atol=1e-5)


@pytest.mark.slow
def test_steps_go_on_when_a_cloud_has_contracted_to_rounding():
    start = jf.Particles([[1.0, 0.0], [2.0, 0.0], [1.3, 1.0]])
    flow = jf.evolve(jf.Interaction(X2), start, dt=1.0, t_end=60.0)
    assert np.allclose(flow.final.points, start.points.mean(axis=0), atol=1e-14)


def test_a_drift_of_a_species_by_itself_is_an_interaction():
    law, state = jf.Drift(X2, moves="x", by="x"), jf.Species(x=jf.Particles([0.0, 1.0]))
    energy, _ = jf.gradient_form(law)
    assert repr(energy) == repr(jf.Interaction(X2, "x"))
    there = jf.evolve(law, state, scheme=jf.Overdamped(), dt=0.5, t_end=0.5).final["x"].points
    assert np.allclose(there, 0.5 + np.array([-0.5, 0.5]) * np.exp(-0.5), atol=1e-8)


def test_three_species_part_at_their_own_speeds():
    state = jf.Species(x=jf.Particles([[0.0, 0.0], [1.0, 1.0]]), y=jf.Particles([[0.0, 0.0]]), z=jf.Particles([[0.0, 0.0]]))
    law = sum(1e-7 * jf.CrossInteraction(X1, between=pair) for pair in (("x", "y"), ("y", "z"), ("x", "z")))
    for name, speed in (("y", 3e-6), ("z", 1.0)):
        law = law + jf.Potential(lambda x, y, c=speed: -c * x, name, gradient=(lambda x, y, c=speed: (-c, 0.0)))
    final = jf.evolve(law, state, scheme=jf.Overdamped(), dt=1e-3, t_end=1e-3).final
    assert np.allclose([final["x"].points[0, 0], final["y"].points[0, 0], final["z"].points[0, 0]], [0, 3e-9, 1e-3], atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_singular_attraction_is_followed_to_the_end(seed):
    cloud = jf.Particles(np.random.default_rng(seed).normal(size=(8, 2)))
    flow = jf.evolve(-1.0 * jf.Interaction(jf.Newtonian(2)), cloud, scheme=jf.Overdamped(), dt=5.0, t_end=40.0)
    assert flow.ok
    assert np.allclose(flow.final.points, cloud.mean, atol=1e-5)


def test_a_close_pair_does_not_merge_others():
    state = jf.Species(x=jf.Particles([[0.0, 0.0], [1e-6, 0.0]]), y=jf.Particles([[0.0, 0.0], [0.03, 0.0]]))
    law = jf.Interaction(jf.PowerLaw(0), "x") + 1e-6 * jf.Interaction(jf.PowerLaw(0), "y")
    final = jf.evolve(law, state, scheme=jf.Overdamped(), dt=1.0, t_end=1.0).final
    assert np.ptp(final["y"].points[:, 0]) == pytest.approx(0.03, rel=2e-3)


def test_a_constant_gradient_is_that_of_every_particle():
    gravity = jf.Potential(lambda x, y: 9.8 * y, gradient=lambda x, y: (0.0, 9.8))
    for n in (1, 2, 3):
        cloud = jf.Particles(np.arange(2.0 * n).reshape(n, 2))
        final = jf.evolve(gravity, cloud, scheme=jf.Overdamped(), dt=0.1, t_end=0.1).final
        assert np.allclose(final.points - cloud.points, [0.0, -0.98], atol=1e-9)


def test_kernels_that_cannot_be_hashed_and_points_of_one_column():
    from dataclasses import dataclass

    @dataclass
    class Own(jf.RadialKernel):
        convexity = 1.0
        singular = False

        def profile(self, r):
            return np.square(r) / 2

        def slope(self, r):
            return np.asarray(r, dtype=float)

        def curvature(self, r):
            return np.ones_like(np.asarray(r, dtype=float))

    state = jf.Species(x=jf.Particles([[0.0], [1.0]]), y=jf.Particles([[2.0]]))
    one = jf.evolve(_cross(Own()), state, dt=0.1, t_end=0.2).final
    other = jf.evolve(_cross(X2), state, dt=0.1, t_end=0.2).final
    assert np.allclose(one["x"].points, other["x"].points, atol=1e-9)
    assert jf.wasserstein(one["x"], state["x"]).exact
    far = jf.wasserstein(jf.Particles([[0.0, 0.0]]), jf.Particles([[10.0, 0.0]]), 400)
    assert far.value == pytest.approx(10.0)


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 16])
def test_a_ring_that_collapses_ends_in_one_place_or_in_words(n):
    angle = 2 * np.pi * np.arange(n) / n
    ring = jf.Particles(np.column_stack([np.cos(angle), np.sin(angle)]))
    law = jf.Interaction(jf.PowerLaw(1))
    flow = jf.evolve(law, ring, scheme=jf.Overdamped(), t_end=6.0, dt=6.0, on_failure="return")
    assert (not flow.ok and "iteration limit" in flow.outcome) or np.abs(flow.final.points).max() < 1e-6


@pytest.mark.parametrize("kernel", [jf.PowerLaw(1), jf.Morse(), jf.Gaussian(), -jf.PowerLaw(1.5)], ids=repr)
def test_a_line_whose_points_are_rows_is_a_line(kernel):
    """Points of shape (n, 1) and (n,) have the same sums; both take the fast ones on the line."""
    rng = np.random.default_rng(3)
    x, m = rng.normal(size=300), rng.random(300)
    flat, rows = jf.Particles(x, m), jf.Particles(x[:, None], m)
    np.testing.assert_array_equal(rows.convolve(kernel), flat.convolve(kernel))
    assert jf.Interaction(kernel)(rows) == jf.Interaction(kernel)(flat)
    end = [jf.evolve(jf.Interaction(jf.Gaussian()), start, scheme=jf.Overdamped(), t_end=0.5).final for start in (flat, rows)]
    np.testing.assert_allclose(end[1].points[:, 0], end[0].points, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-7, 1.0, 1e6])
@pytest.mark.parametrize(("dim", "length"), [(1, 0.3), (2, 0.5), (2, 5.0), (3, 2.0)])
def test_sums_of_gaussians_by_waves_are_those_over_pairs(dim, length, scale):
    """Against all pairs, in other units, far from the origin, with targets that are not sources."""
    pytest.importorskip("finufft")
    rng = np.random.default_rng(dim)
    sources, at = scale * rng.normal(100, 1, size=(dim, 400)), scale * rng.normal(101, 2, size=(dim, 300))
    masses, width = rng.random(400), length * scale
    gaps = at[:, :, None] - sources[:, None]
    waves = np.exp(-(gaps**2).sum(axis=0) / width**2) * masses
    fast, nothing = nufft.GaussianWaves(at, sources, width), (0,) * dim
    (found,) = fast.sums(masses, nothing)
    np.testing.assert_allclose(found, waves.sum(axis=1), atol=1e-12 * masses.sum(), rtol=0)
    slopes = np.stack(fast.sums(masses, *(tuple(row) for row in np.eye(dim, dtype=int))))
    np.testing.assert_allclose(slopes, (-2 * gaps / width**2 * waves).sum(axis=2), atol=2e-12 * masses.sum() / width, rtol=0)


def test_many_particles_take_waves_and_fall_back(monkeypatch):
    """A step of 4000 particles is the same with and without finufft. Narrow kernels, NaN and four dimensions do not ask it."""
    pytest.importorskip("finufft")
    cloud = jf.MovingParticles(np.random.default_rng(1).normal(size=(4000, 2)), np.zeros((4000, 2)))
    points = np.ascontiguousarray(cloud.points.T)
    assert nufft.worth_it(points, points, np.ones(4000), 1.0)
    assert not nufft.worth_it(points, points, np.ones(4000), 1e-4)
    assert not nufft.worth_it(np.full_like(points, np.nan), points, np.ones(4000), 1.0)
    assert not nufft.worth_it(np.vstack([points, points]), np.vstack([points, points]), np.ones(4000), 1.0)

    # a kernel wider than the masses are spread, one point far away, and a mass that is nearly all of it at one place
    assert not nufft.worth_it(points, points, np.ones(4000), 10.0)
    assert not nufft.worth_it(np.append(points, [[1e9], [0.0]], axis=1), points, np.ones(4000), 1.0)
    assert not nufft.worth_it(points, points, np.append(np.full(3999, 1e-9), 1.0), 1.0)

    def end():
        return jf.evolve(jf.Interaction(jf.Gaussian()), cloud, scheme=jf.Inertial(), dt=0.1, t_end=0.2).final.points

    fast = end()
    monkeypatch.setattr(nufft, "finufft", lambda: None)
    np.testing.assert_allclose(fast, end(), atol=1e-12)
