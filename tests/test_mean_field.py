"""Particles against their limits: models in closed form, rates in N, bounds that hold, and printed bounds that do not.

Cases T9 to T19 are those of docs/theory/chemotaxis.md.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

import jkoflow as jf
from jkoflow.closed_forms import (
    AlignedGaussians,
    MeanFieldBounds,
    ThreeLevels,
    cucker_smale_lipschitz,
    wasserstein_normals,
)
from jkoflow.diagnostics import coupling_error, field_gradient_distance

SIGMA = np.array([[0.5, 0.1], [0.1, 0.8]])
B, DECAY, ETA, RATE, TIME = 1.1, 0.9, 0.6, 0.5, 1.7
MODEL = ThreeLevels(B, DECAY, ETA, RATE, SIGMA)


def test_t9_the_distance_of_one_of_n_particles_from_its_limit():
    model = AlignedGaussians(0.8, np.diag([0.49, 1.44]))
    found = [model.distance(1.3, n) for n in (4, 16, 64, 128)]
    assert np.allclose(found, [0.3158248, 0.0930585, 0.0248375, 0.0125801], atol=5e-8)
    assert 1e6 * model.distance(1.3, 10**6) == pytest.approx(1.6324293, rel=1e-5)


def test_t10_distances_between_the_three_levels():
    p, lv, v = MODEL.particles(TIME, 16), MODEL.common_field(TIME, 16), MODEL.vlasov(TIME)
    found = [wasserstein_normals(p, lv), wasserstein_normals(lv, v), wasserstein_normals(p, v)]
    assert np.allclose(found, [0.0344382, 0.0356923, 0.0656407], atol=5e-8)
    assert np.allclose(MODEL.common_field(TIME, 16, replicas=1), p)


def test_t19_dobrushin_in_closed_form():
    """Known linear field: two Gaussians move by matrix exponentials, and stay below the bound."""
    first, second, shift = SIGMA, np.array([[0.6, -0.1], [-0.1, 0.5]]), np.array([0.2, -0.3])
    square = 1.2
    bounds = MeanFieldBounds(0.0, 1.0, 0.0, 0.0, alignment=0.5, start_lipschitz=square)
    exact = {0.0: 0.45162755, 0.5: 0.4365772, 1.0: 0.4185080, 2.0: 0.3867096}
    from scipy.linalg import expm

    for t, value in exact.items():
        of_mean = expm(t * np.array([[0.0, 1.0], [-square, 0.0]]))
        flow = expm(t * np.array([[0.0, 1.0], [-square, -0.5]]))
        found = wasserstein_normals(flow @ first @ flow.T, flow @ second @ flow.T, of_mean @ shift)
        assert found == pytest.approx(value, abs=5e-8)
        assert found <= bounds.stability(t, exact[0.0])


def _law(eta: float = ETA, groups: int = 1) -> jf.Law:
    chi = jf.QuadraticProfile(B)
    field = jf.FieldEnergy("c", diffusion=0.3, decay=DECAY) + jf.Secretion(chi) + jf.Chemotaxis(eta)
    return field + jf.Alignment(lambda r: RATE + 0 * r, groups=groups)


def _run(points, velocities, groups: int = 1, dt: float = 0.085) -> jf.MovingParticles:
    field = jf.QuadraticField(np.array([0.0, 0.0, B / DECAY]))
    start = jf.State(jf.MovingParticles(points, velocities), {"c": field})
    return jf.evolve(_law(groups=groups), start, scheme=jf.Inertial(), dt=dt, t_end=TIME).final.masses[""]


@pytest.mark.slow
@pytest.mark.parametrize("n", [4, 16])
def test_t10_monte_carlo_agrees_with_all_levels(n):
    """Covariances over replicas, within four standard errors: particles with fields of their own, and with a common field."""
    rng, replicas = np.random.default_rng(n), 80
    z = rng.multivariate_normal([0, 0], SIGMA, size=(replicas, n))
    alone = [_run(*sample.T).phase for sample in z[:, :, :]]
    together = _run(*z.reshape(-1, 2).T, groups=replicas).phase.reshape(2, replicas, n)
    for phase, exact in (
        (np.array(alone).transpose(1, 0, 2), MODEL.particles(TIME, n)),
        (together, MODEL.common_field(TIME, n, replicas)),
    ):
        products = np.einsum("amn,bmn->abm", phase, phase) / n
        error = products.std(axis=2) / np.sqrt(replicas)
        assert (np.abs(products.mean(axis=2) - exact) < 4 * error + 1e-4).all()
    vlasov = MODEL.vlasov(TIME)
    assert np.abs(MODEL.particles(TIME, n) - vlasov).max() > 0.01


def test_replicas_of_one_group_are_particles_with_their_own_field():
    z = np.random.default_rng(3).multivariate_normal([0, 0], SIGMA, size=12)
    assert np.array_equal(_run(*z.T, groups=1).phase, _run(*z.T).phase)
    both = _run(*np.concatenate([z, z]).T, groups=2).phase  # two equal replicas make the field of one
    assert np.allclose(both[:, :12], _run(*z.T).phase, atol=1e-13)
    assert np.allclose(both[:, 12:], both[:, :12], atol=1e-13)


# T16: a torus of length 2 pi with a nonlinear field and an alignment that depends on the distance.
TORUS = jf.Grid.torus((-np.pi, np.pi), cells=25)
CHI = jf.GaussianProfile(1.0)
MILD_FIELD = jf.FieldEnergy("c", diffusion=0.5, decay=0.5)


def psi(r):
    return 0.2 + 0.1 * np.cos(r)


MILD = MILD_FIELD + jf.Secretion(CHI) + jf.Chemotaxis(0.2) + jf.Alignment(psi)
END = 1.0


def _drawn(rng, n):
    """x with the density (1 + cos(x) / 2) / (2 pi), v = uniform on [-1, 1] + .3 sin x."""
    x = np.zeros(0)
    while len(x) < n:
        tried = rng.uniform(-np.pi, np.pi, 4 * n)
        x = np.concatenate([x, tried[rng.uniform(0, 1.5, 4 * n) < 1 + np.cos(tried) / 2]])
    return x[:n], rng.uniform(-1, 1, n) + 0.3 * np.sin(x[:n])


def _vlasov_with_tags(x, v):
    """The Vlasov flow by weighted characteristics, and further particles that it carries along."""
    points, weights = np.polynomial.legendre.leggauss(12)
    grid = np.linspace(-np.pi, np.pi, 48, endpoint=False)
    px, pv = (a.ravel() for a in np.meshgrid(grid, points, indexing="ij"))
    masses = np.outer((1 + np.cos(grid) / 2) / 48, weights / 2).ravel()
    state = jf.Species(cells=jf.MovingParticles(px, pv + 0.3 * np.sin(px), masses), tags=jf.MovingParticles(x, v))
    law = MILD_FIELD + jf.Secretion(CHI, by="cells")
    for name in ("cells", "tags"):
        law = law + jf.Chemotaxis(0.2, moves=name) + jf.Alignment(psi, moves=name, by="cells")
    end = jf.evolve(law, jf.State(state, {"c": jf.Field(TORUS)}), scheme=jf.Inertial(), dt=0.05, t_end=END).final
    return end.masses["tags"], end.fields["c"]


@pytest.mark.slow
def test_t16_the_nonlinear_rate_is_one_over_n_and_below_the_bound():
    """N E|z - z'|^2 and N E sup|grad c - grad c'|^2 are the same for all N, within four standard errors."""
    rng, scaled, bounds = np.random.default_rng(0), [], _mild_bounds()
    for n, repeats in ((8, 40), (64, 16)):
        samples = [_drawn(rng, n) for _ in range(repeats)]
        carried, vlasov_field = _vlasov_with_tags(*(np.concatenate([sample[k] for sample in samples]) for k in (0, 1)))
        found = []
        for k, (x, v) in enumerate(samples):
            state = jf.State(jf.MovingParticles(x, v), {"c": jf.Field(TORUS)})
            end = jf.evolve(MILD, state, scheme=jf.Inertial(), dt=0.05, t_end=END).final
            phase = carried.phase[:, k * n : (k + 1) * n]
            error = coupling_error(end.masses[""], jf.MovingParticles(*phase))
            found.append([n * error, n * field_gradient_distance(end.fields["c"], vlasov_field) ** 2])
        means, errors = np.mean(found, axis=0), np.std(found, axis=0) / np.sqrt(repeats)
        assert (errors < means / 2).all()
        scaled.append((means, errors))
        assert means[0] / n <= bounds.mean_field(END, n, pair_force=0.3 * np.sqrt(2 * (1 / 3 + 0.3**2)))
    (first, of_first), (last, of_last) = scaled
    assert (np.abs(first - last) < 4 * np.hypot(of_first, of_last)).all()
    assert first[0] == pytest.approx(0.0178, abs=4 * of_first[0])  # T16: .0175 to .0181 over N


def _mild_bounds() -> MeanFieldBounds:
    speed = 1.3 + 0.2 * CHI.sup_gradient(1) * END
    return MeanFieldBounds.of(CHI, dim=1, decay=0.5, eta=0.2, alignment=float(np.hypot(0.3, 2 * speed * 0.1)))


def test_bounds_hold_on_the_torus():
    """Speed, way, support and Jacobian of particles of T16 started at random; the field gradient too."""
    bounds, rng = _mild_bounds(), np.random.default_rng(5)
    x, v = _drawn(rng, 20)

    def run(x, v):
        state = jf.State(jf.MovingParticles(x, v), {"c": jf.Field(TORUS)})
        return jf.evolve(MILD, state, scheme=jf.InertialReference(), t_end=END, dt=END).final

    end = run(x, v)
    cloud, fastest = end.masses[""], float(np.abs(v).max())
    assert np.abs(cloud.velocities).max() <= bounds.speed(END, fastest)
    assert np.abs(cloud.points - x).max() <= bounds.distance(END, fastest)
    assert bounds.distance(END, fastest) <= 1.5 * np.abs(cloud.points - x).max()
    radius = float(np.hypot(x, v).max())
    assert np.hypot(cloud.points, cloud.velocities).max() <= np.exp(bounds.log_support(END, radius))
    assert field_gradient_distance(end.fields["c"], jf.Field(TORUS)) <= bounds.field_gradient(END)
    step, columns = 1e-6, []
    for shift in ((step, 0), (0, step)):
        moved = run(x + shift[0] * (np.arange(20) == 3), v + shift[1] * (np.arange(20) == 3)).masses[""]
        columns.append((moved.phase - cloud.phase) / step)
    jacobian = np.array(columns)  # (of, to, particle)
    sizes = np.linalg.norm(jacobian, ord=2, axis=(0, 1))
    assert sizes.max() <= np.exp(bounds.log_jacobian(END))
    assert np.delete(sizes, 3).max() < 2 / 20  # the influence of one on another is of order 1 / N


def test_the_speed_bound_is_sharp_for_a_cell_on_a_slope():
    """A field that is a plane at the start and decays: all particles gain what the bound says."""
    field = jf.QuadraticField(np.array([0.0, 2.0, 0.0]))
    law = jf.FieldEnergy("c", diffusion=0.0, decay=0.7) + jf.Chemotaxis(1.5)
    state = jf.State(jf.MovingParticles([0.3], [0.4]), {"c": field})
    end = jf.evolve(law, state, scheme=jf.InertialReference(), dt=2.0, t_end=2.0).final.masses[""]
    bounds = MeanFieldBounds(0.7, 1.5, 0.0, 0.0, start=2.0)
    assert end.velocities[0] == pytest.approx(bounds.speed(2.0, 0.4), rel=1e-9)
    assert end.points[0] - 0.3 == pytest.approx(bounds.distance(2.0, 0.4), rel=1e-9)


def test_the_field_bound_is_sharp_for_two_points():
    """A static point source that is shifted a little moves the gradient by the constant, to first order."""
    grid, shift, t = jf.Grid.torus((-10, 10), cells=301), 1e-4, 1.3
    law, chi = jf.FieldEnergy("c", diffusion=0.0, decay=0.6), jf.GaussianProfile(0.5)
    resting = lambda x: jf.State(jf.Particles([x]), {"c": jf.Field(grid)})  # noqa: E731
    ends = [
        jf.evolve(law + jf.Secretion(chi), resting(x), scheme=jf.Overdamped(), dt=t, t_end=t).final.fields["c"]
        for x in (0.0, shift)
    ]
    bounds = MeanFieldBounds.of(chi, dim=1, decay=0.6, eta=1.0)
    found, bound = field_gradient_distance(*ends), bounds.field_distance(t, shift)
    assert 0.99 * bound < found <= bound * (1 + 1e-6)


def test_integrals_in_the_bounds_against_quadrature():
    bounds = MeanFieldBounds(0.8, 0.7, 1.3, 2.1, alignment=0.4, start=0.9, start_lipschitz=0.2, force=0.3, force_lipschitz=0.1)
    k = lambda s: (1 - np.exp(-0.8 * s)) / 0.8  # noqa: E731
    push = lambda s: 0.7 * (np.exp(-0.8 * s) * 0.9 + 1.3 * k(s)) + 0.3  # noqa: E731
    t = 1.9
    assert bounds.speed(t, 0.5) == pytest.approx(0.5 + quad(push, 0, t)[0], rel=1e-10)
    way = quad(lambda s: 0.5 + quad(push, 0, s)[0], 0, t)[0]
    assert bounds.distance(t, 0.5) == pytest.approx(way, rel=1e-10)
    growth = lambda s: 0.7 * (np.exp(-0.8 * s) * 0.2 + 2 * 2.1 * k(s))  # noqa: E731
    assert bounds.log_jacobian(t) == pytest.approx(quad(lambda s: 0.5 + 0.8 + 0.1 + growth(s), 0, t)[0], rel=1e-10)
    assert bounds.log_stability(t) == pytest.approx(quad(lambda s: 0.5 + 2**0.5 * 0.4 + 0.1 + growth(s), 0, t)[0], rel=1e-10)
    a = 0.5 + 0.8
    support = np.exp(a * t) * 2 + quad(lambda s: np.exp(a * (t - s)) * push(s), 0, t)[0]
    assert bounds.log_support(t, 2.0) == pytest.approx(np.log(support), rel=1e-10)
    assert bounds.log_support(1e4, 2.0) > 1e4  # beyond floating point without the logarithm
    assert bounds.mean_field(t, 3, 0.2) == pytest.approx(_squared(bounds, t, k) / 3, rel=1e-8)
    assert cucker_smale_lipschitz(1.1, 0.6, 1.0, 0.7) == pytest.approx(_steepest(1.1, 0.6, 1.0, 0.7), rel=1e-6)
    with pytest.raises(ValueError, match="decay must be >= 0"):
        MeanFieldBounds(-1.0, 1.0, 1.0, 1.0)


def _squared(bounds, t, k):
    grown = lambda s: (0.2 + 0.7 * 1.3 * k(s) * 2**0.5) * np.exp(bounds.log_stability(t) - bounds.log_stability(s))  # noqa: E731
    return quad(grown, 0, t)[0] ** 2


def _steepest(beta, radius, sigma, speed):
    r = np.linspace(0, 5 * radius, 400001)
    slope = np.abs(np.gradient(beta * (1 + r**2 / radius**2) ** -sigma, r)).max()
    return np.hypot(beta, 2 * speed * slope)


def test_printed_bounds_fail_where_the_notes_say_so():
    """Proposition 7.2, Theorem 7.3 and Theorem 8.1 as printed, against runs."""
    free = jf.evolve(
        0 * jf.Potential(lambda x: x), jf.MovingParticles([0.0, 1.0], [1.0, 1.0]), scheme=jf.Inertial(), dt=0.1, t_end=1.0
    )
    start, end = free[0], free.final
    flow = np.array([[1.0, 1.0], [0.0, 1.0]])
    assert np.allclose(flow @ start.phase, end.phase)
    assert np.linalg.norm(flow, 2) == pytest.approx(1.618, abs=1e-3)
    assert np.linalg.norm(flow, 2) > np.exp(0.0)  # Theorem 7.3 with gamma = eta = 0
    assert np.hypot(*end.phase).max() > np.hypot(*start.phase).max()  # Theorem 8.1: R would not grow
    assert np.linalg.norm(flow, 2) <= np.exp(MeanFieldBounds(1.0, 0.0, 0.0, 0.0).log_jacobian(1.0))
    resting = jf.State(jf.MovingParticles([-0.5, 0.5], [0.0, 0.0]), {"c": jf.FreeField(1)})
    law = jf.FieldEnergy("c", diffusion=0.1) + jf.Secretion(jf.GaussianProfile(0.5)) + jf.Chemotaxis(1.0)
    moved = jf.evolve(law, resting, scheme=jf.Inertial(), dt=0.02, t_end=0.2).final.masses[""]
    assert np.abs(moved.velocities).max() > 1e-3  # Proposition 7.2 says 0


def test_t18_distances_of_samples():
    """E W2^2 = 1 / (6 N) between the uniform law and a sample, within four standard errors."""
    rng, fine = np.random.default_rng(8), jf.Quantiles([0.0, 1.0])
    for n in (2, 20):
        squares = [jf.wasserstein2(jf.Particles(rng.uniform(size=n)).quantiles(), fine) ** 2 for _ in range(400)]
        assert np.mean(squares) == pytest.approx(1 / (6 * n), abs=4 * np.std(squares) / 20)


def test_t12_the_run_stops_before_the_shock_of_constant_alignment():
    """u' = -1.5 at its steepest and alignment .8: the shock is at t* = .952675."""
    x = np.linspace(-1, 1, 401)
    law = jf.Alignment(lambda r: 0.8 + 0 * r)
    waves = jf.MovingParticles(x, -1.5 * np.sin(np.pi * x) / np.pi)
    flow = jf.evolve(law, waves, scheme=jf.Inertial(), dt=0.005, t_end=2.0, stop=jf.BeforeCrossing())
    assert "cross" in flow.outcome
    assert 0.952675 - 0.03 < flow.times[-1] < 0.952675
    assert np.diff(flow.final.points).min() > 0
    middle = np.abs(x) < 0.6
    u = np.interp(flow.final.points[middle], flow.final.points, flow.final.velocities)
    e = (1 - np.exp(-0.8 * flow.times[-1])) / 0.8
    assert np.allclose(flow.final.points[middle], (x + e * waves.velocities)[middle], atol=1e-4)
    assert np.allclose(u, (np.exp(-0.8 * flow.times[-1]) * waves.velocities)[middle], atol=1e-4)
    with pytest.raises(jf.FlowError, match="on the line"):
        jf.evolve(law, jf.MovingParticles(np.zeros((2, 2)), np.ones((2, 2))), scheme=jf.Inertial(), dt=0.1, t_end=1.0,
                  stop=jf.BeforeCrossing())  # fmt: skip


def test_t17_slices_of_frozen_forces_are_of_order_one():
    x, v = _drawn(np.random.default_rng(2), 24)
    state = jf.State(jf.MovingParticles(x, v), {"c": jf.Field(TORUS)})
    exact = jf.evolve(MILD, state, scheme=jf.InertialReference(), dt=END, t_end=END).final.masses[""]
    errors = [
        coupling_error(jf.evolve(MILD, state, scheme=jf.TimeSliced(), dt=dt, t_end=END).final.masses[""], exact) ** 0.5
        for dt in (1 / 8, 1 / 16, 1 / 32)
    ]
    assert np.allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 1, atol=0.1)
    assert errors[-1] < 5e-3


@pytest.mark.parametrize("mean", [0.02, 0.05, 0.1])
@pytest.mark.parametrize("temperature", [0.1, 0.2, 0.3, 0.4, 0.5])
def test_a_steady_state_is_stable(temperature, mean):
    """Double well and attraction: below the critical temperature, .457, the symmetric state is a saddle.

    The oracle is the self-consistency of the mean m = int x exp(-(V + x^2 / 2 - m x) / D) / Z, on the side of the start.
    """
    grid = jf.Grid.box((-4, 4), cells=200)
    start = grid.density(lambda x: np.exp(-((x - mean) ** 2) / 0.2))
    law = temperature * jf.Entropy() + jf.Potential(lambda x: x**4 / 4 - x**2 / 2) + jf.Interaction(jf.Quadratic())
    end = jf.steady(law, start)
    x = np.linspace(-4, 4, 4001)
    m = 1.0
    for _ in range(2000):
        weights = np.exp(-(x**4 / 4 - m * x) / temperature)
        m = float(x @ weights / weights.sum())
    assert end.status is jf.Status.CONVERGED
    assert float(end.state.mean) == pytest.approx(m, abs=2e-3)


def test_a_heap_that_may_rest_anywhere_is_not_called_unstable():
    """Attraction and porous diffusion alone: between two cells a heap would roll to the next one, which is the cells' doing."""
    grid = jf.Grid.box((-2, 2), (-2, 2), cells=32)
    start = grid.density(lambda x, y: np.exp(-4 * ((x - 0.5) ** 2 + y**2)))
    end = jf.steady(0.2 * jf.RenyiEntropy(2) + jf.Interaction(jf.Gaussian(1.0, 0.8)), start)
    assert end.status is jf.Status.CONVERGED
    assert np.abs(end.state.mean - start.mean).max() < 1e-3  # a cell is .125
