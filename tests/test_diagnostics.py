"""Diagnostics, and the theorems that they check, on quantiles, particles and grids.

Theorems, propositions and lemmas are those of Di Francesco and Fagioli (2013), as corrected in
docs/theory/two-species.md, section 3.
"""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import jkoflow as jf
from jkoflow import diagnostics

X1, X2 = jf.PowerLaw(1), jf.Quadratic()


def _cross(kernel):
    return jf.CrossInteraction(kernel, between=("x", "y"))


def _pair(K11, K22, K12):
    return jf.Interaction(K11, "x") + jf.Interaction(K22, "y") + _cross(K12)


def _clouds(seed, d=2, n=(7, 5), apart=0.0):
    rng = np.random.default_rng(seed)
    shift = apart * np.eye(d)[0]
    x, y = rng.normal(size=(n[0], d)), rng.normal(size=(n[1], d)) + shift
    shape = (-1,) if d == 1 else (-1, d)
    return jf.Species(
        x=jf.Particles(x.reshape(shape), rng.dirichlet(np.ones(n[0]))),
        y=jf.Particles(y.reshape(shape), rng.dirichlet(np.ones(n[1]))),
    )


def _moved(state, *shifts):
    return jf.Species({k: jf.Particles(c.points + z, c.masses) for (k, c), z in zip(state.items(), shifts, strict=True)})


SCHEMES = {"overdamped": jf.Overdamped(), "jko": jf.JKO()}
LAWS = {  # with the mobility of y
    "quadratic": (_pair(X2, 0.5 * X2, 0.25 * X2), 2.0),
    "repulsive": (_pair(0 * X2, 0 * X2, -X2), 1.0),
    "morse and gauss": (_pair(jf.Morse(1.0, 1.5), jf.Gaussian(0.5, 1.0), jf.Gaussian(1.0, 2.0)), 0.6),
    "powers": (_pair(X1, jf.PowerLaw(1.5), X1), 1.7),
}


# --- the convexity


def test_the_sharp_convexity_of_two_unit_masses():
    """min(l11 + l12, alpha (l22 + l12), (1 + alpha) l12, 0), for any signs."""
    rng = np.random.default_rng(0)
    state = jf.Species(x=jf.Particles([0.0]), y=jf.Particles([1.0]))
    for _ in range(20):
        l11, l22, l12 = rng.normal(size=3)
        alpha = rng.uniform(0.2, 3)
        parts = [l11 + l12, alpha * (l22 + l12), (1 + alpha) * l12]
        law = _pair(l11 * X2, l22 * X2, l12 * X2)
        assert diagnostics.geodesic_convexity(law, state, {"y": alpha}) == pytest.approx(min(*parts, 0.0), abs=1e-12)
        assert diagnostics.geodesic_convexity(law, state, {"y": alpha}, common_centre=True) == pytest.approx(min(parts))


def test_the_convexity_of_three_species_is_that_of_the_hessian():
    """Quadratic kernels: the least eigenvalue of the Hessian of the energy of atoms in the metric m / alpha."""
    rng = np.random.default_rng(1)
    names, masses = "abc", rng.uniform(0.5, 2, 3)
    alpha = dict(zip(names, rng.uniform(0.3, 3, 3), strict=True))
    strengths = rng.normal(size=(3, 3))
    law = sum(strengths[i, i] * jf.Interaction(X2, a) for i, a in enumerate(names))
    for i, a in enumerate(names):
        for j in range(i):
            law = law + strengths[i, j] * jf.CrossInteraction(X2, between=(a, names[j]))
    state = jf.Species({a: jf.Particles([0.0, 1.0], [m / 3, 2 * m / 3]) for a, m in zip(names, masses, strict=True)})
    each = np.concatenate([state[a].masses for a in names])
    kinds = np.repeat(np.arange(3), 2)
    full = np.tril(strengths) + np.tril(strengths, -1).T
    pulls = full[np.ix_(kinds, kinds)] * np.outer(each, each)
    hessian = np.diag(pulls.sum(axis=1)) - pulls
    scale = np.sqrt(np.array([alpha[names[k]] for k in kinds]) / each)
    least = np.linalg.eigvalsh(scale[:, None] * hessian * scale).min()
    assert diagnostics.geodesic_convexity(law, state, alpha) == pytest.approx(least, abs=1e-12)


def test_no_convexity_and_other_terms():
    state = jf.Species.of(jf.Particles([0.0, 1.0]))
    assert diagnostics.geodesic_convexity(-1 * jf.Interaction(X1), state) == -np.inf
    with pytest.raises(ValueError, match=r"does not take Potential.*give the lambda of the whole yourself"):
        diagnostics.geodesic_convexity(jf.Potential(np.square), state)
    with pytest.raises(ValueError, match="not a pair interaction, and no entropy"):
        diagnostics.geodesic_convexity(-1 * jf.Entropy(), state)


# --- Theorem 3.1


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
@pytest.mark.parametrize("name", LAWS)
def test_theorem_3_1_evi_and_contraction(name, scheme):
    law, alpha = LAWS[name]
    one, other = _clouds(0), _clouds(1)
    mobility = {"y": alpha}
    lam = diagnostics.geodesic_convexity(law, one, mobility)
    dt = 0.01
    runs = [jf.evolve(law, start, scheme=scheme, dt=dt, t_end=0.3, mobility=mobility) for start in (one, other)]
    report = diagnostics.evi_residual(runs[0], law, {"other": other, "self": one, "end": runs[0].final}, lam)
    assert report.worst <= 1e-9
    contracted = diagnostics.contraction(*runs, lam)
    assert contracted.curves["distance"][0] > 0.5
    assert contracted.worst <= 1e-9


def test_the_residual_of_the_evi_sees_a_wrong_lambda():
    law, alpha = LAWS["morse and gauss"]
    start, reference = _clouds(0), _clouds(3)
    lam = diagnostics.geodesic_convexity(law, start, {"y": alpha})
    worst = []
    for dt in (0.02, 0.01, 0.005):
        flow = jf.evolve(law, start, scheme=jf.Overdamped(), dt=dt, t_end=0.1, mobility={"y": alpha})
        near = _moved(flow.final, 0.01, 0.01)
        worst.append(diagnostics.evi_residual(flow, law, {"near": near, "far": reference}, lam).worst)
    assert max(worst) <= 0
    assert worst == sorted(worst)  # it tends to that of the flow, from below
    repulsive, _ = LAWS["repulsive"]
    flow = jf.evolve(repulsive, start, scheme=jf.Overdamped(), dt=0.001, t_end=0.1)
    shifted = _moved(start, 1.0, -1.0)
    assert diagnostics.evi_residual(flow, repulsive, {"apart": shifted}, -2.0).worst < 0.05
    assert diagnostics.evi_residual(flow, repulsive, {"apart": shifted}, -1.0).worst > 0.5


def test_t14_repulsive_crosses_drive_runs_apart_at_the_sharp_rate():
    """Data that differ by opposite translations (1, -alpha): the squared distance grows by exp(2 (1 + alpha) |l12| t); the
    printed exponent, half of that, is passed."""
    for alpha in (1.0, 0.4):
        law = _cross(-X2)
        one = jf.Species(x=jf.Particles([[0.0, 0.0]]), y=jf.Particles([[0.5, 0.0]]))
        other = jf.Species(x=jf.Particles([[1.0, 0.0]]), y=jf.Particles([[0.5 - alpha, 0.0]]))
        runs = [jf.evolve(law, s, scheme=jf.Overdamped(), dt=0.1, t_end=0.5, mobility={"y": alpha}) for s in (one, other)]
        report = diagnostics.contraction(*runs, -(1 + alpha))
        assert np.allclose(report.curves["distance"], report.bounds["exp(-lambda t)"], rtol=1e-7)
        assert (report.curves["distance"][-1] / report.curves["distance"][0]) ** 2 == pytest.approx(np.exp(1 + alpha), rel=1e-6)


def test_theorem_4_2_stability_of_laws_with_no_energy():
    """Smooth kernels: W <= exp(C t) W_0 with C the largest eigenvalue of ((h1 + k1, (k1 + k2)/2), (.., h2 + k2)), the suprema
    of the
    second derivatives; sharp for repulsive quadratic crosses."""
    h1, h2, k1, k2 = 1.0, 0.5, 2.0, 3.0
    bell = jf.Gaussian(0.5)  # sup |D^2| = 1
    law = h1 * jf.Interaction(bell, "x") - h2 * jf.Interaction(bell, "y")
    law = law + jf.Drift(k1 * bell, moves="x", by="y") - jf.Drift(k2 * bell, moves="y", by="x")
    rate = np.linalg.eigvalsh([[h1 + k1, (k1 + k2) / 2], [(k1 + k2) / 2, h2 + k2]]).max()
    for seed in range(4):
        start = _clouds(seed)
        rng = np.random.default_rng(seed)
        near = _moved(start, *(0.1 * rng.normal(size=cloud.points.shape) for cloud in start.values()))
        runs = [jf.evolve(law, s, scheme=jf.Overdamped(), dt=0.1, t_end=0.5) for s in (start, near)]
        assert diagnostics.contraction(*runs, -rate).worst <= 1e-9
    cross = jf.Drift(-X2, moves="x", by="y") + jf.Drift(-X2, moves="y", by="x")
    states = [jf.Species(x=jf.Particles([a]), y=jf.Particles([-a])) for a in (1.0, 1.5)]
    runs = [jf.evolve(cross, s, scheme=jf.Overdamped(), dt=0.1, t_end=0.5) for s in states]
    assert np.allclose(diagnostics.contraction(*runs, -2.0).worst, 0, atol=1e-6)


# --- the quadratic cases on a grid, with diffusion


@pytest.mark.parametrize("dim", [1, 2])
def test_t1_to_t3_on_a_grid_with_diffusion(dim):
    """Entropies spread the fluctuations and leave the means alone: per step those of T2 and T3, and the variances of
    Ornstein-Uhlenbeck with the stiffness of the fluctuations."""
    grid = jf.Grid.box(*[(-4.0, 4.0)] * dim, cells=160 if dim == 1 else 48)

    def bell(centre):
        return grid.density(lambda *x: np.exp(-((x[0] - centre) ** 2 + sum(z**2 for z in x[1:])) / 0.4))

    state, D, dt, steps = jf.Species(x=bell(0.5), y=bell(-1.0)), 0.2, 0.1, 5
    law, alpha = LAWS["quadratic"]
    noisy = law + D * (jf.Entropy("x") + jf.Entropy("y"))
    flow = jf.evolve(noisy, state, dt=dt, t_end=steps * dt, mobility={"y": alpha})
    pair = jf.closed_forms.QuadraticPair(a11=1.0, a22=0.5, a12=0.25, alpha=alpha)
    gap = np.ravel(flow.final["x"].mean - flow.final["y"].mean)[0]
    assert gap == pytest.approx(1.5 * pair.jko(dt)[2] ** steps, rel=1e-5 if dim == 1 else 1e-4)  # of order dx^2
    assert diagnostics.centres(flow).worst < 1e-4
    for name, stiffness, diffusion in (("x", pair.rates[0], D), ("y", pair.rates[1], alpha * D)):
        first = np.atleast_2d(state[name].covariance)[0, 0]
        exact = jf.closed_forms.OrnsteinUhlenbeck(0.0, float(first), stiffness=stiffness, diffusion=diffusion).jko(dt, steps)[1]
        assert np.atleast_2d(flow.final[name].covariance)[0, 0] == pytest.approx(exact, rel=2e-3 if dim == 1 else 1e-2)
    frozen = jf.evolve(noisy, state, scheme=jf.SemiImplicitJKO(), dt=dt, t_end=dt, mobility={"y": alpha})
    gap = np.ravel(frozen.final["x"].mean - frozen.final["y"].mean)[0]
    assert gap == pytest.approx(1.5 * 0.927990708478, rel=1e-5 if dim == 1 else 1e-4)
    drift = np.ravel(diagnostics.joint_centre(frozen.final, {"y": alpha}) - diagnostics.joint_centre(state, {"y": alpha}))[0]
    assert drift == pytest.approx(-0.003484320557 / 6, abs=5e-6)  # docs/theory/two-species.md, T3: of 2 X + Y, for twice D


# --- Theorem 3.2


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_theorem_3_2_total_collapse_within_the_bound(scheme, d):
    """T* <= 1/(1 + alpha) int_0^(2 R0) dr / min(k11'/alpha, k12', alpha k22'), at the joint centre:
    docs/theory/two-species.md, section 3.7."""
    alpha = 1.4
    kernels = (jf.Morse(2.0, 1.5), jf.Morse(1.5, 1.0), jf.Morse(1.0, 2.0))
    start = _clouds(5, d)
    centre = diagnostics.joint_centre(start, {"y": alpha})
    start = jf.Species({k: jf.Particles(0.3 * (c.points - centre), c.masses) for k, c in start.items()})
    radius = max(float(np.abs(c.points).max() if d == 1 else np.linalg.norm(c.points, axis=1).max()) for c in start.values())
    r = np.linspace(0, 2 * radius, 20001)
    slopes = [k.slope(r) for k in kernels]
    bound = np.trapezoid(1 / np.minimum.reduce([slopes[0] / alpha, slopes[2], alpha * slopes[1]]), r) / (1 + alpha)
    flow = jf.evolve(_pair(*kernels), start, scheme=scheme, dt=bound / 40, t_end=bound * 1.1, mobility={"y": alpha})
    found = diagnostics.collapse(flow)
    assert found.total is not None
    time, place = found.total
    assert time <= bound * (1 + 1 / 40)
    assert np.allclose(place, 0, atol=1e-7)
    gap = float(np.linalg.norm(start["x"].mean - start["y"].mean))
    assert time >= gap / ((1 + alpha) * 0.5) - bound / 40  # Lip K12 = 1/2
    assert all(when <= time for when, _ in found.partial.values())


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 2])
def test_t5_the_bound_is_attained_by_two_deltas(d):
    for p, time in ((1, 0.8), (1.3, 0.992558), (1.6, 1.508544)):
        K = jf.PowerLaw(p)
        e = np.eye(d)[0] * 0.8
        start = jf.Species(x=jf.Particles(e[None] if d > 1 else [0.8]), y=jf.Particles(-e[None] if d > 1 else [-0.8]))
        flow = jf.evolve(_pair(K, K, K), start, scheme=jf.Overdamped(), dt=time / 100, t_end=1.1 * time)
        found, _ = diagnostics.collapse(flow, within=1e-5).total
        assert abs(found - time) <= time / 50


def _trunc(kappa, L):
    """k(r) = kappa (r - r^2 / (2 L)) up to L, constant beyond."""

    class Truncated(jf.RadialKernel):
        convexity = -kappa / L
        singular = False

        def profile(self, r):
            s = np.minimum(np.asarray(r, dtype=float), L)
            return kappa * (s - s**2 / (2 * L))

        def slope(self, r):
            return kappa * np.maximum(1 - np.asarray(r, dtype=float) / L, 0.0)

        def curvature(self, r):
            return np.where(np.asarray(r) < L, -kappa / L, 0.0)

    return Truncated()


T8 = {"tX": 0.530430033923, "tY": 0.367580815358, "T": 1.812149491660, "place": 0.823529411765}


def _t8_law():
    return _pair(1.0 * X1, 1.2 * X1, _trunc(0.9, 4.0)), {"y": 0.7}


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 2])
def test_t8_partial_collapses_before_the_total_one(d):
    """Theorem 3.2 (2): each species becomes an atom in its time, the two atoms move together, and meet. Blocks of mass are many
    atoms: their radii follow docs/theory/two-species.md, T8, for blocks as for atoms at the cell means scaled to the same
    ends."""
    n = 40
    block = (2 * np.arange(n) + 1) / n - 1
    x, y = 2 + 0.5 * block, 0.3 * block
    lift = (lambda z: z) if d == 1 else (lambda z: np.outer(z, [0.6, 0.8]))
    start = jf.Species(x=jf.Particles(lift(x)), y=jf.Particles(lift(y)))
    law, mobility = _t8_law()
    flow = jf.evolve(law, start, scheme=jf.Overdamped(), dt=0.01, t_end=2.0, mobility=mobility)
    found = diagnostics.collapse(flow)
    assert abs(found.partial["x"][0] - T8["tX"]) < 0.011
    assert abs(found.partial["y"][0] - T8["tY"]) < 0.011
    assert abs(found.total[0] - T8["T"]) < 0.011
    assert np.allclose(found.total[1], T8["place"] * (1.0 if d == 1 else np.array([0.6, 0.8])), atol=1e-6)
    between = flow.snapshots[int(np.searchsorted(flow.times, 1.0))]
    assert np.ptp(between["x"].points, axis=0).max() < 1e-6 < np.linalg.norm(between["x"].mean - between["y"].mean)


@pytest.mark.slow
def test_t8_on_quantiles_converges_at_order_one():
    law, mobility = _t8_law()
    start = jf.Species(x=jf.Quantiles(np.linspace(1.5, 2.5, 21)), y=jf.Quantiles(np.linspace(-0.3, 0.3, 21)))
    errors = []
    for dt in (0.04, 0.02, 0.01):
        flow = jf.evolve(law, start, dt=dt, t_end=0.2, mobility=mobility)
        exact = 1 * 4 / 0.9 - (4 / 0.9 - 0.5) * np.exp(0.9 * 0.2 / 4)
        errors.append(abs(np.ptp(flow.final["x"].nodes) / 2 - exact))
    assert errors[-1] < 1.1 * 0.01 / 2 * 0.2 * (0.9 / 4) * (1 - 0.5 * 0.9 / 4)  # dt t |R''| / 2, of implicit Euler
    assert 0.85 < np.log2(errors[0] / errors[1]) < 1.15
    assert 0.85 < np.log2(errors[1] / errors[2]) < 1.15
    flow = jf.evolve(law, start, dt=0.01, t_end=2.0, mobility=mobility)
    found = diagnostics.collapse(flow)
    assert abs(found.partial["x"][0] - T8["tX"]) < 0.03
    assert abs(found.partial["y"][0] - T8["tY"]) < 0.03
    assert abs(found.total[0] - T8["T"]) < 0.05
    assert abs(float(found.total[1]) - T8["place"]) < 1e-9


def test_the_radius_of_one_species_can_grow_while_the_sum_falls():
    """Condition (28) of Proposition 3.3 bounds the sum alone (docs/theory/two-species.md, section 3.8): c1 below
    kappa R / L lets x expand."""
    law = _pair(0.05 * X1, 10 * X1, _trunc(0.9, 8.0))
    block = (2 * np.arange(20) + 1) / 20 - 1
    start = jf.Species(x=jf.Particles(4 + 0.5 * block), y=jf.Particles(0.3 * block))
    radii = diagnostics.collapse(jf.evolve(law, start, scheme=jf.Overdamped(), dt=0.1, t_end=0.5)).curves
    assert radii["x"][-1] > radii["x"][0]
    assert radii["y"][-1] < 1e-7


# --- Theorem 4.1, corollary 4.1, and the speed of steps


def test_theorem_4_1_the_semi_implicit_scheme_is_of_order_one():
    law = jf.Interaction(jf.Morse(0.5, 2.0), "x") + jf.Drift(jf.Gaussian(), moves="x", by="y")
    law = law - jf.Drift(jf.Gaussian(1.0, 1.5), moves="y", by="x")
    start = _clouds(2)
    exact = jf.evolve(law, start, scheme=jf.Overdamped(1e-11), dt=0.8, t_end=0.8).final
    errors = []
    for dt in (0.1, 0.05, 0.025):
        flow = jf.evolve(law, start, scheme=jf.SemiImplicitJKO(), dt=dt, t_end=0.8)
        errors.append(diagnostics.product_distance(flow.final, exact))
        lipschitz = {"x": 0.25 + np.sqrt(2) * np.exp(-0.5), "y": np.sqrt(2) / 1.5 * np.exp(-0.5)}
        for name, speed in lipschitz.items():  # W2 of a step <= dt (Lip H + Lip K): docs/theory/two-species.md, section 3.9
            assert flow[name].distances.max() <= dt * speed + 1e-9
    assert errors[-1] < 0.03
    assert np.allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 1.0, atol=0.15)


@pytest.mark.parametrize(
    "scheme", [jf.JKO(), jf.SemiImplicitJKO(), jf.Overdamped()], ids=["jko", "semi-implicit", "overdamped"]
)
@pytest.mark.parametrize("d", [1, 2, 3])
def test_corollary_4_1_the_convex_hull_does_not_grow(scheme, d):
    law = _pair(jf.Gaussian(), jf.Gaussian(0.5, 2.0), jf.Gaussian(1.0, 1.5))
    for dt in (0.1, 2.0):
        report = diagnostics.confinement(jf.evolve(law, _clouds(4, d), scheme=scheme, dt=dt, t_end=3 * dt))
        assert report.worst <= 1e-9
        assert report.hull_growth <= 1e-9


def test_repulsion_is_not_confined():
    flow = jf.evolve(_cross(-jf.Gaussian(5.0, 3.0)), _clouds(4), scheme=jf.Overdamped(), dt=1.0, t_end=5.0)
    assert diagnostics.confinement(flow, about=[0.0, 0.0]).worst > 0.05


# --- energies and centres


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)
def test_energy_and_dissipation_balance(scheme):
    law, alpha = LAWS["morse and gauss"]
    gaps = []
    for dt in (0.02, 0.01):
        flow = jf.evolve(law, _clouds(0), scheme=scheme, dt=dt, t_end=0.4, mobility={"y": alpha})
        report = diagnostics.energy_dissipation(flow)
        assert report.worst <= 1e-9
        gaps.append(abs(report.curves["energy lost"][-1] - report.bounds["sum of W2^2 / dt"][-1]))
    assert gaps[1] < 0.6 * gaps[0]
    assert gaps[1] < 0.02 * report.curves["energy lost"][-1]


@pytest.mark.slow
def test_centres_of_three_species_and_what_moves_them():
    law = jf.CrossInteraction(X1, between=("x", "y")) + jf.CrossInteraction(jf.Gaussian(), between=("y", "z"))
    rng = np.random.default_rng(0)
    state = jf.Species({k: jf.Particles(rng.normal(size=(4, 2)), rng.uniform(0.5, 1, 4)) for k in "xyz"})
    flow = jf.evolve(law, state, scheme=jf.Overdamped(), dt=0.1, t_end=0.5, mobility={"y": 2.0, "z": 0.3})
    report = diagnostics.centres(flow)
    assert report.worst < 1e-7
    assert list(report.curves)[:2] == ["x 1", "x 2"]
    assert np.ptp(report.curves["y 1"]) > 1e-2
    pushed = jf.evolve(law + jf.Potential(lambda x, y: x, "x"), state, scheme=jf.Overdamped(), dt=0.1, t_end=0.5)
    assert diagnostics.centres(pushed).worst > 0.05


def test_diagnostics_of_densities():
    grid = jf.Grid.box((-2, 2), (-2, 2), cells=24)
    state = jf.Species(
        x=grid.density(lambda x, y: np.exp(-8 * ((x - 0.8) ** 2 + y**2))),
        y=grid.density(lambda x, y: np.exp(-8 * (x**2 + y**2))),
    )
    law = 0.05 * (jf.Entropy("x") + jf.Entropy("y")) + _cross(jf.Gaussian(1.0, 2.0))
    flow = jf.evolve(law, state, dt=0.05, t_end=0.2)
    assert diagnostics.energy_dissipation(flow).worst < 1e-4
    assert diagnostics.centres(flow).worst < 1e-3
    assert diagnostics.confinement(flow).curves["radius"][0] > 1.0
    assert diagnostics.collapse(flow).total is None


# --- reports


@pytest.mark.slow
def test_reports_are_drawn():
    start = _clouds(0)
    law = _pair(X1, X1, X1)
    flow = jf.evolve(law, start, scheme=jf.Overdamped(), dt=0.1, t_end=6.0)
    reports = [
        diagnostics.collapse(flow),
        diagnostics.centres(flow),
        diagnostics.confinement(flow),
        diagnostics.energy_dissipation(flow),
        diagnostics.contraction(flow, flow, 0.0),
        diagnostics.evi_residual(flow, law, {"start": start}, 0.0),
    ]
    for one in reports:
        axis = jf.plot.report(one).axes[0]
        assert len(axis.lines) >= len(one.curves)
        assert one.title in repr(one)
        plt.close("all")
    jf.plot.report(reports[0], logarithmic=True)
    jf.plot.clouds(flow, panels=3)
    jf.plot.clouds(flow.final, trail=0)
    plt.close("all")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda flow: diagnostics.energy_dissipation(jf.evolve(jf.Drift(X2, moves="x", by="y"), flow[0],
        scheme=jf.Overdamped(), t_end=1.0)), "with an energy"), (lambda flow: diagnostics.evi_residual(flow, jf.Drift(X2,
        moves="x", by="y"), {"a": flow[0]}, 0.0), "must have an energy"), (lambda flow: diagnostics.evi_residual(flow,
        _cross(X2), {}, 0.0), "at least one state"), (lambda flow: diagnostics.contraction(flow, jf.evolve(_cross(X2), flow[0],
        dt=0.1, t_end=0.2), 0.0), "the same times"), (lambda flow: diagnostics.contraction(flow, jf.evolve(_cross(X2), flow[0],
        dt=0.1, t_end=0.1, mobility={"y": 2.0}), 0.0), "the same mobilities"), (lambda flow:
        diagnostics.product_distance(flow[0], flow[0]["x"]), "the same species"), (lambda flow: diagnostics.collapse(flow,
        within=-1.0), "within must be"), (lambda flow: diagnostics.confinement(flow, about=[0.0]), "about must have shape"),
        (lambda flow: jf.plot.report(flow), "must be a Report"), (lambda flow: jf.plot.clouds(jf.Particles([0.0, 1.0])),
        "in the plane, got"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call, message):
    flow = jf.evolve(_cross(X2), _clouds(0), dt=0.1, t_end=0.1)
    with pytest.raises(ValueError, match=message):
        call(flow)


def test_moment_identities_in_other_units_and_far_from_the_origin():
    for unit, offset in ((1.0, 0.0), (1e-9, 0.0), (1e6, 0.0), (1.0, 1e4)):
        cloud = jf.Particles(offset + unit * np.array([-1.0, 0.2, 1.5]))
        law = jf.Potential(lambda x, u=unit, o=offset: u**2 * np.cos((x - o) / u))
        flow = jf.evolve(law, cloud, scheme=jf.JKO(), dt=0.1, t_end=0.3, progress=False)
        for identity in (diagnostics.centre_identity, diagnostics.second_moment_identity):
            assert identity(flow, law).worst < 1e-6, (unit, offset, identity)
    law = jf.Interaction(jf.Gaussian())
    flow = jf.evolve(law, jf.Particles([0.0, 0.4, 1.5, -1.0]), scheme=jf.JKO(), dt=0.1, t_end=0.3, progress=False)
    assert diagnostics.centre_identity(flow, law).worst < 1e-9


def test_the_distance_of_energies_is_not_below_zero():
    cloud = jf.Particles(1e6 + np.random.default_rng(0).random(50))
    for away in (1e-3, 1e-7, 1e-9):
        other = jf.Particles(cloud.points + away)
        assert diagnostics.energy_distance(cloud, other, -1.0 * jf.PowerLaw(1)) >= 0
        assert diagnostics.energy_distance(cloud.quantiles(), other.quantiles(), -1.0 * jf.PowerLaw(1)) >= 0
