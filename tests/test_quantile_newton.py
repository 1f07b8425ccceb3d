"""The step on quantiles: against the variational inequality, independent minimisers, refusals, honest statuses."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize

import jkoflow as jf
from jkoflow.checks import check_solver
from jkoflow.kernels.sums.fourier import nufft
from jkoflow.kernels.sums.line import GaussianSum, RadialSum
from jkoflow.laws.taylor import exact_jet
from jkoflow.proximal.line import derivatives
from jkoflow.proximal.line.problem import LineProblem

from .tables import LINE_STEPS, bowl

NEWTON = jf.QuantileNewton()


@pytest.mark.parametrize("name", LINE_STEPS)
def test_no_smooth_transport_improves_the_answer(name):
    report = check_solver(NEWTON, LINE_STEPS[name], tolerance=1e-7)
    assert report.mass_error == 0


@pytest.mark.parametrize("name", LINE_STEPS)
def test_the_model_has_the_derivatives_of_the_objective(name):
    """Value against wasserstein2 and the energy, gradient and second derivative against differences."""
    step = LINE_STEPS[name]
    problem = LineProblem(step)
    rng = np.random.default_rng(1)
    x = problem.start.copy()
    inner = ~problem.fixed
    x[inner] *= 0.99  # off the walls
    v = np.where(inner, np.cos(3 * x) + 0.3 * rng.normal(), 0.0)
    h = 0.005 * np.diff(x[inner]).clip(1e-6).min()
    model = problem.evaluate(x)
    state = problem.state(x)
    moved = sum(jf.wasserstein2(state[n], step.anchor[n]) ** 2 / (2 * step.weight(n)) for n in state)
    if np.isfinite(step.energy(state)):
        assert np.isclose(model.value, moved + step.energy(state), rtol=1e-11, atol=1e-11)
    up, down = problem.evaluate(x + h * v), problem.evaluate(x - h * v)
    assert np.isclose((up.value - down.value) / (2 * h), model.gradient @ v, rtol=1e-4, atol=1e-6 * model.size / h * 1e-8)
    change = (up.gradient - down.gradient)[inner] / (2 * h)
    assert np.allclose(change, model.apply(v)[inner], rtol=1e-3, atol=1e-4 * np.abs(change).max())


CONE = {
    "|x|": (jf.Interaction(jf.PowerLaw(1)), 0.4),
    "|x| and a slope": (2 * jf.Interaction(jf.PowerLaw(1)) + jf.Potential(lambda x: np.exp(x)), 0.3),
    "morse": (jf.Interaction(jf.Morse(1.0, 3.0)), 0.8),
    "potential": (jf.Potential(lambda x: x**4), 2.0),
}


@pytest.mark.parametrize("name", CONE)
@pytest.mark.parametrize("seed", [0, 1])
def test_the_cone_against_a_general_minimiser(name, seed):
    """Steps whose answers collapse in part, against SLSQP on widths with bounds, which shares no code."""
    energy, tau = CONE[name]
    rng = np.random.default_rng(seed)
    widths = rng.uniform(0, 0.4, 9) * (rng.random(9) < 0.8)
    anchor = jf.Quantiles(np.concatenate([[-1.0], -1 + np.cumsum(widths)]), rng.uniform(0.05, 0.2, 9))
    step = jf.ProximalStep(energy, jf.Species.of(anchor), tau)
    answer = NEWTON.solve(step)
    assert answer.status is jf.Status.CONVERGED

    def nodes(y):
        return np.concatenate([[y[0]], y[0] + np.cumsum(np.maximum(y[1:], 0))])

    def objective(y):
        state = anchor.like(nodes(y))
        return jf.wasserstein2(state, anchor) ** 2 / (2 * tau) + energy(state)

    start = np.concatenate([anchor.nodes[:1], anchor.widths])
    other = minimize(
        objective, start, bounds=[(None, None)] + [(0, None)] * 9, method="SLSQP", options={"ftol": 1e-14, "maxiter": 1000}
    )
    ours = objective(np.concatenate([answer.state[""].nodes[:1], answer.state[""].widths]))
    assert ours <= other.fun + 1e-9
    assert np.abs(answer.state[""].nodes - nodes(other.x)).max() < 2e-3


@pytest.mark.slow
def test_joint_steps_of_two_species_of_atoms_against_their_dual():
    """|x| kernels between atoms: the box-constrained dual least squares of docs/theory/coincidences.md, section 7.2."""
    from scipy.optimize import lsq_linear

    rng = np.random.default_rng(5)
    for tau in (0.05, 0.2, 0.6):
        x, y = np.sort(rng.normal(size=3)), np.sort(rng.normal(size=2))
        mx, my = rng.uniform(0.2, 0.6, 3), rng.uniform(0.2, 0.6, 2)
        alpha, (a, b, k) = 1.7, (0.4, 0.3, 1.0)
        state = jf.Species(x=jf.Quantiles.atoms(x, mx), y=jf.Quantiles.atoms(y, my))
        energy = a * jf.Interaction(jf.PowerLaw(1), "x") + b * jf.Interaction(jf.PowerLaw(1), "y")
        energy = energy + k * jf.CrossInteraction(jf.PowerLaw(1), between=("x", "y"))
        answer = NEWTON.solve(jf.ProximalStep(energy, state, tau, {"y": alpha}))
        assert answer.status.ok
        z0, m = np.concatenate([x, y]), np.concatenate([mx, my])
        weights = np.concatenate([mx, my / alpha])
        rows, caps = [], []
        for i in range(5):
            for j in range(i + 1, 5):
                strength = a if j < 3 else (b if i >= 3 else k)
                row = np.zeros(5)
                row[[i, j]] = 1, -1
                rows.append(row)
                caps.append(strength * m[i] * m[j])
        A, S = np.array(rows), np.sqrt(tau / weights)
        dual = lsq_linear(S[:, None] * A.T, z0 / S, bounds=(-np.array(caps), np.array(caps)), tol=1e-14, max_iter=1000)
        z = z0 - tau / weights * (A.T @ dual.x)
        ours = np.concatenate([answer.state["x"].nodes[::2], answer.state["y"].nodes[::2]])
        assert np.allclose(ours, z, atol=1e-6)


def test_it_converges_from_far_at_any_step_size():
    """Convex problems: a sharp spike, thin tails, dt from 1e-8 to 1e8, walls or none."""
    spike = jf.Quantiles(np.concatenate([np.linspace(0, 1e-9, 21), np.linspace(0.5, 30, 20)]))
    for walls in (None, (-1.0, 31.0)):
        for energy in (jf.Entropy(), jf.RenyiEntropy(2), jf.RenyiEntropy(0.5), jf.RenyiEntropy(5), jf.Congestion(0.5)):
            law = energy + jf.Potential(bowl)
            for tau in (1e-8, 1e-3, 1.0, 1e8):
                step = jf.ProximalStep(law, jf.Species.of(jf.Quantiles(spike.nodes, spike.masses, walls)), tau)
                answer = NEWTON.solve(step)
                assert answer.status is jf.Status.CONVERGED, (energy, tau, answer.status, answer.residual)
    # as tau grows the step tends to the minimiser of the energy: here the Gibbs state with unit variance
    far = NEWTON.solve(jf.ProximalStep(jf.Entropy() + jf.Potential(bowl), jf.Species.of(spike.resampled(400)), 1e8)).state[""]
    assert abs(far.mean) < 1e-6
    assert abs(far.covariance - 1) < 2e-2


def test_walls_hold_the_mass_and_the_uniform_state_is_the_limit():
    rho = jf.Quantiles(np.linspace(-0.5, 0.2, 40), walls=(-1.0, 2.0))
    end = jf.evolve(jf.Entropy(), rho, dt=0.5, t_end=20.0).final
    assert end.nodes[0] == -1.0
    assert end.nodes[-1] == 2.0
    assert np.allclose(end.values, 1 / 3, rtol=1e-6)
    pressed = jf.evolve(jf.Potential(lambda x: -x), rho, dt=1.0, t_end=4.0).final
    assert np.array_equal(pressed.nodes, np.full(40, 2.0))
    crowd = jf.evolve(jf.Congestion(1.0) + jf.Potential(lambda x: -x), rho, dt=1.0, t_end=6.0).final
    assert np.allclose(crowd.nodes, np.linspace(1.0, 2.0, 40), atol=1e-9)


def test_gaps_close_and_open():
    """Two blocks of crowd pulled together meet and stop; two uniform blocks under diffusion melt into one."""
    blocks = jf.Quantiles([-2.0, -1.5, 1.5, 2.0], [0.5, 0.0, 0.5])
    crowd = jf.evolve(jf.Congestion(1.0) + jf.Potential(bowl), blocks, dt=0.2, t_end=8.0).final
    assert np.allclose(crowd.nodes, [-0.5, 0, 0, 0.5], atol=1e-9)
    assert crowd.nodes[1] == crowd.nodes[2]
    apart = jf.evolve(-1 * jf.Interaction(jf.PowerLaw(1)), crowd, dt=0.1, t_end=0.2).final
    assert np.allclose(apart.nodes, [-0.7, 0, 0, 0.7])  # mass spreads, and no gap opens within it
    sink = jf.evolve(jf.RenyiEntropy(2) + jf.Potential(bowl), blocks.resampled(60), dt=0.1, t_end=6.0).final
    assert np.min(sink.values[sink.masses > 0][5:-5]) > 0.1


def test_kernels_in_blocks_and_compiled_agree():
    """Fast, compiled and blocked sums of one kernel give one answer; the dense and the iterative solves as well."""
    rng = np.random.default_rng(0)
    at, sources, m = np.sort(rng.normal(size=50)), np.sort(rng.normal(size=70)), rng.uniform(0, 1, 70)
    weights = rng.normal(size=70)
    for kernel in (jf.Morse(1.3, 0.6), jf.Gaussian(1.0, 0.8), jf.PowerLaw(4), jf.Quadratic(), jf.PowerLaw(2.5)):
        reference = RadialSum(kernel)
        for c, part in jf.kernels.sums.on_the_line(kernel).parts:
            for ours, theirs in zip(part.values(at, sources, m), reference.values(at, sources, m), strict=True):
                assert np.allclose(c * ours, theirs, rtol=1e-11, atol=1e-11)
            product = part.curvature_product(at, sources, weights)
            assert np.allclose(c * product, reference.curvature_product(at, sources, weights), rtol=1e-10, atol=1e-10)
    step = LINE_STEPS["gaussian"]
    wide = jf.ProximalStep(step.energy, jf.Species.of(step.anchor[""].resampled(300)), step.tau)
    from jkoflow.proximal.line import model as _line_model

    dense = NEWTON.solve(wide).state[""]
    original, _line_model._DENSE = _line_model._DENSE, 10
    try:
        iterative = NEWTON.solve(wide)
    finally:
        _line_model._DENSE = original
    assert iterative.status.ok
    assert dense.wasserstein(iterative.state[""]) < 1e-10


def test_the_potential_of_the_step_is_that_of_kantorovich():
    """phi / (tau alpha) + dE/d rho is constant where there is mass, up to the cells' size."""
    for name in ("fokker-planck", "porous medium", "gaussian"):
        step = LINE_STEPS[name]
        fine = jf.ProximalStep(step.energy, jf.Species.of(step.anchor[""].resampled(800)), step.tau)
        answer = NEWTON.solve(fine)
        state = answer.state[""]
        whole = answer.potentials[""] / step.tau + step.energy.first_variation(answer.state)
        inner = (state.quantile(0.02) < state.points) & (state.points < state.quantile(0.98))
        assert np.ptp(whole[inner]) < 2e-2
        assert np.isclose(answer.distances[""], state.wasserstein(fine.anchor[""]), rtol=1e-12)


def test_statuses_are_honest():
    step = LINE_STEPS["porous medium"]
    enough = NEWTON.solve(step).iterations
    for limit in range(1, enough):
        answer = jf.QuantileNewton(max_iterations=limit).solve(step)
        assert answer.status is jf.Status.ITERATION_LIMIT
        assert answer.iterations == limit
    assert jf.QuantileNewton(max_iterations=enough).solve(step).status is jf.Status.CONVERGED
    undefined = jf.Potential(lambda x: np.sqrt(x - 0.5) - 0.0 * x)
    with np.errstate(invalid="ignore"):
        answer = NEWTON.solve(dataclasses.replace(step, energy=jf.RenyiEntropy(2) + undefined))
    assert answer.status is jf.Status.NOT_FINITE


def test_a_gradient_that_is_given_is_used():
    nodes = np.linspace(-1.0, 2.0, 30)
    law = jf.Potential(lambda x: np.abs(x) ** 1.5, gradient=lambda x: 1.5 * np.sign(x) * np.abs(x) ** 0.5)
    rho = jf.Species.of(jf.Quantiles(nodes + 3.0))
    given = NEWTON.solve(jf.ProximalStep(law, rho, 0.5)).state[""]
    found = NEWTON.solve(jf.ProximalStep(jf.Potential(law.V), rho, 0.5)).state[""]
    assert given.wasserstein(found) < 1e-10


@pytest.mark.parametrize(
    ("energy", "state", "message"),
    [
        (jf.Entropy(), jf.Quantiles([0.0, 1.0, 1.0]), "needs cells of positive width, and cell 1 of species '' is an atom"),
        (jf.RenyiEntropy(2), jf.Quantiles.atoms([0.0]), "needs cells of positive width"),
        (-jf.Entropy(), jf.Quantiles([0.0, 1.0]), "must be >= 0, got -1"),
        (-jf.Congestion(1.0), jf.Quantiles([0.0, 1.0]), "coefficient of Congestion"),
        (jf.Interaction(-jf.PowerLaw(0)), jf.Quantiles.atoms([0.0, 1.0]), "infinite in the atoms"),
        (jf.Potential(np.zeros(1)), jf.Quantiles([0.0, 1.0]), "must be a function of space on quantiles"),
        (
            jf.Functional(lambda r: 0.0, lambda r: r.points),
            jf.Quantiles([0.0, 1.0]),
            "does not take Functional.*known by value",
        ),
        (jf.Congestion(0.5), jf.Quantiles([0.0, 1.0], walls=(0, 1)), "bound must leave room for the mass between the walls"),
        (jf.Potential(bowl), jf.Particles([0.0, 1.0]), "QuantileNewton takes Quantiles"),
    ],
)
def test_refusals_come_before_any_work(energy, state, message):
    with pytest.raises(ValueError, match=message):
        jf.evolve(energy, state, scheme=jf.JKO(jf.QuantileNewton()), dt=0.1, t_end=0.2)


def test_cross_kernels_that_are_singular_are_refused():
    state = jf.Species(a=jf.Quantiles([0.0, 1.0]), b=jf.Quantiles([0.0, 2.0]))
    with pytest.raises(ValueError, match="must be finite at the origin on quantiles"):
        jf.evolve(jf.CrossInteraction(jf.PowerLaw(0), between=("a", "b")), state, dt=0.1, t_end=0.2)


@pytest.mark.parametrize("solver", [jf.Entropic(), jf.Convex(), jf.ConvexDynamic()])
def test_the_solvers_on_grids_send_quantiles_on(solver):
    with pytest.raises(ValueError, match=r"takes Density, got Quantiles: JKO\(\) takes the solver for that"):
        jf.evolve(jf.Entropy(), jf.Quantiles([0.0, 1.0]), scheme=jf.JKO(solver), dt=0.1, t_end=0.2)
    rho = jf.Grid.box((0, 1), cells=8).density(lambda x: 1 + x)
    with pytest.raises(ValueError, match="takes one anchor, and BDF2"):
        jf.evolve(jf.Entropy(), rho, scheme=jf.BDF2(solver), dt=0.1, t_end=0.2)


@pytest.mark.parametrize("options", [{"tolerance": 0}, {"tolerance": np.nan}, {"max_iterations": 0}])
def test_bad_options_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        jf.QuantileNewton(**options)


def _random_measure(rng, kind):
    n = int(rng.integers(2, 25))
    if kind == "atoms":
        return jf.Quantiles.atoms(np.cumsum(rng.uniform(0.01, 1, n)) - n / 4, rng.uniform(0.1, 1, n))
    widths = rng.uniform(0, 1, n) * (rng.random(n) < (0.6 if kind == "mixed" else 2.0))
    return jf.Quantiles(np.concatenate([[0.0], np.cumsum(widths)]) - n / 4, rng.uniform(0.01, 1, n))


@pytest.mark.parametrize("seed", range(40))
def test_random_convex_steps_of_two_species_are_solved(seed):
    """Atoms, gaps and densities of two species under convex kernels, of any dt: CONVERGED, and no competitor is lower."""
    rng = np.random.default_rng(seed)
    convex = [jf.PowerLaw(1), jf.Quadratic(), jf.PowerLaw(4), jf.PowerLaw(1.5), jf.PowerLaw(3)]
    kinds = rng.choice(["atoms", "density", "mixed"], 2)
    state = jf.Species(a=_random_measure(rng, kinds[0]), b=_random_measure(rng, kinds[1]))
    law = rng.uniform(0.1, 2) * jf.CrossInteraction(convex[rng.integers(5)], between=("a", "b"))
    for name, measure in state.items():
        if not measure.atomic.any():
            law = (
                law
                + rng.uniform(0.1, 1) * [jf.Entropy(name), jf.RenyiEntropy(2, name), jf.Congestion(2.0, name)][rng.integers(3)]
            )
        law = law + rng.uniform(0.1, 2) * jf.Interaction(convex[rng.integers(5)], name) + jf.Potential(np.cosh, name, np.sinh)
    tau = 10 ** rng.uniform(-3, 0.5)
    step = jf.ProximalStep(law, state, tau)
    answer = NEWTON.solve(step)
    assert answer.status is jf.Status.CONVERGED

    bound = {term.species: term.bound * (1 + 1e-9) for _, term in law.terms if isinstance(term, jf.Congestion)}

    def objective(candidate):
        if any(candidate[n].values.max() > bound.get(n, np.inf) for n in state):  # the energy itself allows for 1e-6 more
            return np.inf
        moved = sum(candidate[n].wasserstein(state[n]) ** 2 for n in state)
        return moved / (2 * tau) + law(candidate)

    reached = objective(answer.state)
    assert np.isfinite(reached)
    for _ in range(40):
        size = 10 ** rng.uniform(-6, 0)
        trial = jf.Species(
            {n: m.like(np.sort(m.nodes + size * np.cumsum(rng.normal(size=len(m.nodes))))) for n, m in answer.state.items()}
        )
        assert reached <= objective(trial) + 1e-9 * (1 + abs(reached))
        toward = jf.Species({n: m.like(m.nodes + size * (state[n].nodes - m.nodes)) for n, m in answer.state.items()})
        assert reached <= objective(toward) + 1e-9 * (1 + abs(reached))


def test_atoms_of_two_species_leave_their_walls():
    cross = jf.CrossInteraction(jf.PowerLaw(1), between=("a", "b"))
    for walls in (None, (0.0, 1.0), (0.0, 2.0), (-1.0, 1.0)):
        ends = jf.Quantiles.atoms([0.0, 1.0], walls=walls)
        flow = jf.evolve(cross, jf.Species(a=ends, b=ends), dt=0.1, t_end=1.5)
        assert np.allclose(flow.final["a"].nodes, 0.5, atol=1e-12)
        assert np.allclose(flow.final["b"].nodes, 0.5, atol=1e-12)
    pressed = cross + jf.Potential(lambda x: -5 * x, "a") + jf.Potential(lambda x: -5 * x, "b")
    end = jf.evolve(pressed, jf.Species(a=ends, b=ends), dt=0.1, t_end=1.5).final
    assert np.array_equal(end["a"].nodes, np.ones(4))


@pytest.mark.slow
def test_three_species_meet_at_their_common_centre():
    names = ("a", "b", "c")
    state = jf.Species({name: jf.Quantiles.atoms([place]) for name, place in zip(names, (0.0, 1.0, 3.0), strict=True)})
    law = sum(jf.CrossInteraction(jf.PowerLaw(1), between=pair) for pair in (("a", "b"), ("b", "c"), ("a", "c")))
    flow = jf.evolve(law, state, dt=0.05, t_end=2.0)
    assert all(np.allclose(measure.nodes, 4 / 3, atol=1e-12) for measure in flow.final.values())
    assert abs(flow.energies[-1]) < 1e-12


@pytest.mark.parametrize("mass", [1.0, 1e-9, 1e-12])
def test_a_light_species_beside_a_heavy_one_is_solved_as_well(mass):
    heavy = jf.Quantiles(np.linspace(5, 6, 11))
    law = 10 * jf.Interaction(jf.PowerLaw(1), "a") + jf.Potential(lambda x: x**4, "a") + jf.Potential(lambda x: x**4, "b")
    light = jf.Quantiles(heavy.nodes, mass * heavy.masses)
    answer = NEWTON.solve(jf.ProximalStep(law, jf.Species(a=heavy, b=light), 1.0))
    alone = NEWTON.solve(jf.ProximalStep(jf.Potential(lambda x: x**4), jf.Species.of(heavy), 1.0)).state[""]
    assert abs(float(answer.state["a"].mean) - 1.0371703793) < 1e-9
    assert np.abs(answer.state["b"].nodes - alone.nodes).max() < 1e-9


@pytest.mark.parametrize(("scale", "mass", "shift"), [(1e8, 1, 0), (1e-8, 1, 0), (1, 1e6, 0), (1, 1e-20, 0), (1, 1, 1e6)])
def test_units_do_not_matter(scale, mass, shift):
    """Length, mass and origin in other units give the same flow."""
    x = np.linspace(-1, 1, 31)
    for law, other, time in [
        (jf.Entropy(), jf.Entropy(), scale**2),
        (jf.RenyiEntropy(2), jf.RenyiEntropy(2), scale**3 / mass),
        (jf.Interaction(jf.PowerLaw(1)), jf.Interaction(jf.PowerLaw(1)), scale / mass),
        (jf.Interaction(jf.Morse(1.0, 1.0)), jf.Interaction(jf.Morse(1.0, scale)), scale**2 / mass),
        (jf.Interaction(jf.Gaussian(1.0, 1.0)), jf.Interaction(jf.Gaussian(1.0, scale)), scale**2 / mass),
    ]:
        one = jf.evolve(law, jf.Quantiles(x), dt=0.1, t_end=0.3).final
        start = jf.Quantiles(scale * x + shift, np.full(30, mass / 30))
        two = jf.evolve(other, start, dt=0.1 * time, t_end=0.3 * time).final
        assert np.abs((two.nodes - shift) / scale - one.nodes).max() < 1e-12 + 1e-14 * shift


@pytest.mark.parametrize(
    ("law", "start", "dt", "t_end"),
    [
        (jf.Interaction(jf.Gaussian(1.0, 0.5)), np.linspace(-1, 1, 41), 0.1, 10.0),
        (jf.Potential(lambda x: (x - 5.3) ** 2), np.linspace(5, 6, 41), 0.5, 50.0),
        (jf.Interaction(jf.Quadratic()), np.linspace(0.1, 0.9, 41) ** 2, 0.1, 60.0),
        (jf.Potential(lambda x: x**2 / 2 - x), np.linspace(1, 2, 41), 0.5, 20.0),
        (jf.Interaction(jf.PowerLaw(1.5)), np.linspace(999, 1001, 31), 0.1, 1.0),
        (jf.Potential(jf.Quantiles.atoms([0.0]).potential(jf.PowerLaw(1))), np.linspace(-1, 1, 41), 0.1, 1.5),
    ],
)
def test_flows_that_contract_to_a_point_end_at_rest(law, start, dt, t_end):
    flow = jf.evolve(law, jf.Quantiles(start), dt=dt, t_end=t_end)
    assert flow.ok
    assert np.all(np.diff(flow.energies) <= 1e-12)


def test_there_is_no_step_past_the_blow_up():
    """Attraction stronger than diffusion (lifetime 1/3), and alone: no minimiser, and the status says so."""
    law = jf.Entropy() + 3 * jf.Interaction(jf.PowerLaw(0))
    flow = jf.evolve(law, jf.Quantiles(np.linspace(-1, 1, 41)), dt=0.01, t_end=1.0, on_failure="return")
    assert not flow.ok
    assert flow.times[-1] < 1 / 3 + 0.02
    alone = jf.evolve(jf.Interaction(jf.PowerLaw(0)), jf.Quantiles([0.0, 1.0, 2.0]), dt=0.1, t_end=1.0, on_failure="return")
    assert not alone.ok


@pytest.mark.parametrize("seed", range(10))
def test_moving_all_of_both_species_meets_no_resistance_but_inertia(seed):
    """The second derivatives of |x - y| see translations of everything as none, also where atoms touch the ends of cells."""
    rng = np.random.default_rng(seed)
    places = np.sort(rng.choice(np.arange(8.0), 6))
    a, b = (jf.Quantiles(np.sort(rng.choice(places, 7)), rng.uniform(0.1, 1, 6)) for _ in range(2))
    law = jf.CrossInteraction(jf.PowerLaw(1), between=("a", "b"))
    problem = LineProblem(jf.ProximalStep(law, jf.Species(a=a, b=b), 0.5))
    model = problem.evaluate(problem.start)
    assert len(model.triplets[0][0]) > 0
    still = problem.inert(model.gradient)
    ones = np.ones(len(problem.start))
    assert np.allclose(model.apply(ones), still.apply(ones), atol=1e-12)


def _uniform(left, right, cells):
    return jf.Quantiles(np.linspace(left, right, cells + 1))


def _bell(cells, width, middle):
    from scipy.stats import norm

    return jf.Quantiles(middle + width * norm.ppf(np.linspace(1e-3, 1 - 1e-3, cells + 1)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kernel", "a", "b", "t_end"),
    [
        (jf.PowerLaw(1), _uniform(-1, 1, 100), _uniform(-0.8, 1.2, 100), 1.3),
        (jf.PowerLaw(1), _bell(120, 1.0, 0.0), _bell(90, 0.7, 0.3), 2.0),
        (jf.Morse(1, 1), _uniform(-1, 1, 30), _uniform(0, 3, 17), 5.0),
    ],
    ids=["uniform", "bells", "Morse"],
)
def test_densities_of_two_species_collapse_onto_each_other(kernel, a, b, t_end):
    """Cells of both become thin, pass one another and end in common atoms; the last force is one that inertia can bear."""
    flow = jf.evolve(jf.CrossInteraction(kernel, between=("a", "b")), jf.Species(a=a, b=b), dt=0.1, t_end=t_end)
    assert np.all(np.diff(flow.energies) <= 0)
    assert flow.final["a"].atomic.any()
    centres = [state["a"].mean + state["b"].mean for state in flow]
    assert np.allclose(centres, a.mean + b.mean, atol=1e-10)
    coarse = jf.evolve(jf.CrossInteraction(kernel, between=("a", "b")), jf.Species(a=a, b=b), dt=0.2, t_end=t_end + 1e-9)
    assert abs(flow.energies[-1] - coarse.energies[-1]) < 0.1 * flow.energies[0]
    if kernel == jf.PowerLaw(1) and len(a.masses) == len(b.masses):  # each is the mirror image of the other
        assert np.allclose(flow.final["a"].nodes, 0.2 - flow.final["b"].nodes[::-1], atol=1e-10)


@pytest.mark.parametrize(
    ("law", "scheme"),
    [(jf.Interaction(jf.PowerLaw(1.5)), jf.JKO()), (jf.Interaction(jf.PowerLaw(1)), jf.SemiImplicitJKO(freeze_self=True))],
    ids=["|x|^1.5", "frozen |x|"],
)
def test_clouds_of_sub_rounding_size_are_solved_as_well(law, scheme):
    flow = jf.evolve(law, _uniform(-1, 1, 40), scheme=scheme, dt=0.1, t_end=5.0)
    assert np.ptp(flow.final.nodes) < 1e-15


@pytest.mark.parametrize(("length", "tau"), [(1.0, 1e2), (1e-2, 1e3), (1e-4, 1e-6)])
@pytest.mark.parametrize("gap", [0.0, 0.1])
def test_stiff_drops_fill_their_box_evenly(length, tau, gap):
    """Pressures 1e8 to 1e24 times the inertia: the least energy is that of cells of equal widths."""
    nodes = np.concatenate([np.linspace(gap, 0.3, 21), np.linspace(0.8, 1 - gap, 21)]) * length
    drops = jf.Quantiles(nodes, np.concatenate([np.ones(20), [0.0], np.ones(20)]) / 40, (0.0, length))
    answer = NEWTON.solve(jf.ProximalStep(jf.RenyiEntropy(4), jf.Species.of(drops), tau))
    assert answer.status is jf.Status.CONVERGED
    widths = np.diff(answer.state[""].nodes)[drops.masses > 0] * 40 / length
    assert np.ptp(widths) < 0.1 * length**5 / tau + 1e-9


def test_a_potential_with_and_without_its_gradient():
    """A rounded kink a hundred times narrower than the start."""
    V = lambda x: 1000 * np.sqrt(1 + (30 * (x - 0.3)) ** 2) / 30  # noqa: E731
    slope = lambda x: 30000 * (x - 0.3) / np.sqrt(1 + (30 * (x - 0.3)) ** 2)  # noqa: E731
    ends = []
    for potential in (jf.Potential(V), jf.Potential(V, gradient=slope)):
        step = jf.ProximalStep(0.01 * jf.Entropy() + potential, jf.Species.of(jf.Quantiles(np.linspace(0, 1, 31))), 1e3)
        answer = NEWTON.solve(step)
        assert answer.status is jf.Status.CONVERGED
        ends.append(answer.state[""].nodes)
    assert np.abs(ends[0] - ends[1]).max() < 1e-6 * np.ptp(ends[1])


@pytest.mark.parametrize("cells", [80, 121, 300])
@pytest.mark.parametrize("tau", [0.5, 3.0, 100.0])
def test_mass_that_is_driven_into_a_wall(cells, tau):
    """Beside the one cell that the wall cuts, X' = max(X - tau, wall)."""
    nodes = np.linspace(-1, 1, cells + 1)
    step = jf.ProximalStep(
        jf.Potential(lambda x: x, gradient=lambda x: np.ones_like(x)),
        jf.Species.of(jf.Quantiles(nodes, walls=(-1.0, 1.0))),
        tau,
    )
    answer = NEWTON.solve(step)
    assert answer.status is jf.Status.CONVERGED
    assert np.abs(answer.state[""].nodes - np.maximum(nodes - tau, -1)).max() < 1.01 / cells


@pytest.mark.parametrize("origin", [0.0, 1e5, -1e7])
def test_steep_wells_far_from_the_origin(origin):
    start = np.linspace(-1, 1, 31)

    def solved(origin):
        law = 0.03 * jf.Entropy() + jf.Potential(
            lambda x: 2000 * np.sqrt((x - origin) ** 2 + 0.06**2),
            gradient=lambda x: 2000 * (x - origin) / np.sqrt((x - origin) ** 2 + 0.06**2),
        )
        answer = NEWTON.solve(jf.ProximalStep(law, jf.Species.of(jf.Quantiles(start + origin)), 1e-3))
        assert answer.status is jf.Status.CONVERGED
        return answer.state[""].nodes - origin

    assert np.abs(solved(origin) - solved(0.0)).max() < 1e-9 + 1e-15 * abs(origin) * 100


def test_doping_between_insulating_walls_at_any_step():
    uniform = jf.Quantiles(np.linspace(0, 1, 41), np.full(40, 1 / 40), (0.0, 1.0))
    for permittivity in (0.02, 0.002):
        coupling = jf.DirichletCoupling(u=1, v=-1, permittivity=permittivity, doping=lambda x: np.cos(np.pi * x))
        law = jf.Entropy("u") + jf.Entropy("v") + coupling
        for tau in (0.1, 100.0):
            step = jf.ProximalStep(law, jf.Species(u=uniform, v=uniform), tau)
            answer = NEWTON.solve(step)
            assert answer.status is jf.Status.CONVERGED
            mirrored = 1 - answer.state["v"].nodes[::-1]  # exchanging the ions mirrors the problem
            assert np.abs(answer.state["u"].nodes - mirrored).max() < 1e-8


def test_atoms_given_as_particles_are_exact_kinks():
    sources = np.array([-0.5, 0.1, 0.7])
    start = jf.Species.of(jf.Quantiles(np.linspace(-1, 1, 65)))
    ends = []
    for measure in (jf.Particles(sources), jf.Quantiles.atoms(sources)):
        law = jf.Entropy() + 100 * jf.Potential(measure.potential(jf.PowerLaw(1)))
        answer = NEWTON.solve(jf.ProximalStep(law, start, 0.1))
        assert answer.status is jf.Status.CONVERGED
        ends.append(answer.state[""].nodes)
    assert np.array_equal(*ends)


def test_springs_of_any_stiffness():
    """Against numpy's dense solve in numbers that hold both stiffnesses, and rods against rigid bodies."""
    from jkoflow.linear import chain_solver, spring_solver

    rng = np.random.default_rng(0)
    n = 12
    diagonal, beside = 2 + rng.random(n), -rng.random(n - 1)
    force, stress = rng.standard_normal(n), rng.standard_normal(n - 1)
    D = np.diff(np.eye(n), axis=0)
    N = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    stiffness = 10.0 ** rng.uniform(-3, 3, n - 1)
    exact = np.linalg.solve(N + D.T @ np.diag(stiffness) @ D, force - D.T @ stress)
    free = np.ones(n, dtype=bool)
    assert np.allclose(chain_solver(diagonal, beside, stiffness, free)(force, stress), exact, atol=1e-12)
    from scipy.sparse import csc_array, csr_array

    assert np.allclose(spring_solver(csc_array(N), csr_array(D), stiffness, free)(force, stress), exact, atol=1e-12)
    rod = chain_solver(diagonal, beside, np.full(n - 1, 1e30), free)(force, stress)
    assert np.allclose(rod, force.sum() / N.sum(), atol=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_shells_on_a_ridge_do_not_end_at_a_saddle(seed):
    """No random move of the nodes lowers the objective, as the law and the distance tell it."""
    rng = np.random.default_rng(seed)
    shells = jf.RadialQuantiles.from_density(lambda r: np.exp(-(r**2)), radius=2.0, shells=8, dim=3)
    strength, waves, tau = 10 ** rng.uniform(0, 1.5), rng.uniform(3, 6), 10 ** rng.uniform(-1, 1)
    law = 0.01 * jf.Entropy() + strength * jf.Potential(lambda r: np.cos(waves * r))
    step = jf.ProximalStep(law, jf.Species.of(shells), tau)
    answer = jf.RadialNewton().solve(step)
    assert answer.status is jf.Status.CONVERGED

    def objective(measure):
        return law(measure) + measure.wasserstein(shells) ** 2 / (2 * tau)

    end = answer.state[""]
    least, volumes = objective(end), np.diff(end.nodes**3)
    for size in (1e-3, 1e-2, 1e-1):
        for _ in range(60):
            change = np.convolve(rng.standard_normal(len(volumes) + 2), np.ones(3) / 3, mode="valid")
            moved = np.concatenate([[0.0], np.cumsum(volumes * np.exp(size * change))]) ** (1 / 3)
            assert objective(end.like(moved)) > least - 1e-3 * size**2 * strength


def test_a_gaussian_by_waves_is_the_same_kernel(monkeypatch):
    """Values, slopes, curvatures, products and a whole step, with finufft and over all pairs."""
    pytest.importorskip("finufft")
    rng = np.random.default_rng(2)
    x, y = (np.sort(rng.normal(size=900)) for _ in range(2))
    masses, weights, kernel = rng.random(900), rng.normal(size=900), GaussianSum(0.4)
    law = jf.Entropy() + jf.Interaction(jf.Gaussian(2.0, 0.4)) + jf.Potential(lambda x: x**2)
    start = jf.Quantiles(np.linspace(-1, 1, 301) ** 3)

    def everything():
        step = jf.evolve(law, start, dt=0.1, t_end=0.2)
        return [*kernel.values(x, y, masses), kernel.curvature_products(x, y, masses)(weights), step.final.nodes, step.energies]

    assert kernel.is_fast(x, y, masses)
    fast = everything()
    monkeypatch.setattr(nufft, "finufft", lambda: None)
    assert not kernel.is_fast(x, y, masses)
    for found, expected in zip(fast, everything(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


@pytest.mark.parametrize(("factor", "length"), [(1e8, 0.4), (1e3, 0.4), (1.0, 1e6), (1.0, 3.0)])
def test_waves_move_no_node(monkeypatch, factor, length):
    """A steep kernel and a wide one ask more of the slopes than waves can give: they are summed over pairs."""
    pytest.importorskip("finufft")
    law = jf.Interaction(jf.Gaussian(factor, length)) + jf.Potential(lambda x: x**2)
    start = jf.Quantiles(np.linspace(-1, 1, 601) ** 3)

    def end():
        return jf.evolve(law, start, dt=0.1, t_end=0.1, progress=False).final.nodes

    fast = end()
    monkeypatch.setattr(nufft, "finufft", lambda: None)
    np.testing.assert_allclose(fast, end(), rtol=0, atol=1e-11)


SMOOTH = {
    "square": lambda x: x**2 / 2,
    "wells": lambda x: (x**2 - 1) ** 2 / 4 - 0.1 * x,
    "waves": lambda x: 1 - np.cos(3 * x) + np.sin(x) / 2,
    "heap": lambda x: -np.exp(-(x**2) / 0.3),
    "fractions": lambda x: np.log(1 + x**2) + 1 / x - np.reciprocal(x**3) + np.arctan(x) * np.tanh(x) / x,
    "powers": lambda x: x**2.5 + 2.0**x + x**x + np.sqrt(x**2 + 0.1) + np.square(x),
    "hyperbolas": lambda x: np.sinh(x) - np.cosh(x) + np.log1p(x) + np.expm1(-x) - (-x) + (+x) * 3 - 2,
    "a loop": lambda x: sum(x**k for k in range(5)),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_exact_jets_are_differences_of_high_order(name):
    f, z, h = SMOOTH[name], np.linspace(0.5, 2.0, 9), 2.0**-8
    jet = exact_jet(f, [z], [1.0])
    steps = np.arange(-4, 5)
    table = np.array([f(z + k * h) for k in steps])
    weights = np.linalg.solve(np.vander(steps, increasing=True).T.astype(float), np.eye(9)[:, 1:3] * [1.0, 2.0])
    np.testing.assert_allclose(jet.value, f(z), rtol=1e-14)
    np.testing.assert_allclose(jet.slope, weights[:, 0] @ table / h, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(jet.curvature, weights[:, 1] @ table / h**2, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("length", [1e-9, 1.0, 3e7])
def test_jets_far_from_the_origin_have_the_values_of_the_function(length):
    """Places at 1e8 lengths: x / length is divided as numpy does, not multiplied by 1 / length."""
    z = length * (1e8 + np.linspace(-2, 2, 40))
    jet = exact_jet(lambda x: (x / length - 1e8) ** 2 + 1 / (2.5 + (x / length - 1e8)), [z], [1.0])
    y = z / length - 1e8
    np.testing.assert_array_equal(jet.value, y**2 + 1 / (2.5 + y))
    np.testing.assert_allclose(length * jet.slope, 2 * y - 1 / (2.5 + y) ** 2, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(length**2 * jet.curvature, 2 + 2 / (2.5 + y) ** 3, rtol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        np.abs,
        lambda x: np.where(x > 1, x, 0.0),
        lambda x: np.maximum(x, 1.0),
        lambda x: x.clip(0, 1),
        lambda x: (x - 1.0) ** 1.5 if np.ndim(x) else 0.0,
        lambda x: np.sqrt(x - 0.5),  # of infinite slope at the first point
        lambda x: np.sin(x - 0.500001) / (x - 0.500001),
        lambda x: (x - 0.500001) / np.expm1(x - 0.500001),
        lambda x: (x - 0.500001) ** -1,
        lambda x: np.sqrt((x - 0.5) ** 2),
        lambda x: np.squeeze(np.array([[2.0]]) * x**2),
        lambda x: x**2 if isinstance(x, np.ndarray) else x**3,
    ],
)
def test_functions_with_kinks_have_no_exact_jet(f):
    assert exact_jet(f, [np.linspace(0.5, 2.0, 9)], [1.0]) is None


@pytest.mark.parametrize("name", SMOOTH)
def test_a_step_does_not_depend_on_how_derivatives_are_had(monkeypatch, name):
    f = SMOOTH[name]
    law = jf.Entropy() + jf.Potential(lambda x: f(1 + x**2))
    start = jf.Quantiles(np.linspace(0.1, 1.0, 60))

    def end():
        return jf.evolve(law, start, dt=0.02, t_end=0.02, progress=False).final.nodes

    exact = end()
    monkeypatch.setattr(derivatives, "exact_jet", lambda f, z, along: None)
    np.testing.assert_allclose(exact, end(), rtol=0, atol=1e-9)
