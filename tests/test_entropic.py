"""The entropic step: oracles, blur, status, refusals."""

import contextlib

import numpy as np
import pytest
from scipy.optimize import brentq

import jkoflow as jf
from jkoflow.checks import check_solver

from .tables import STEPS

WIDE = jf.Grid.box((-8.0, 8.0), cells=160)


def _gaussian(variance, mean=0.0, grid=WIDE):
    return jf.Species.of(grid.density(lambda x: np.exp(-((x - mean) ** 2) / (2 * variance))))


def _entropic_variance(A, h, k, D, epsilon, share):
    """The variance after one entropic JKO step of a Gaussian (docs/theory/debiasing.md, section 4.1): ``share`` of the entropy
    eps H in the regularisation, 1 for the Lebesgue reference, 0 for the product, 1/2 when debiased."""
    s2 = epsilon / 2

    def slope(B):
        return 1 - 2 * A / (s2 + np.sqrt(4 * A * B + s2**2)) + h * k - h * D / B - share * s2 / B

    return brentq(slope, 1e-3, 50.0, xtol=1e-14)


@pytest.mark.parametrize(("debias", "share"), [(False, 1.0), (True, 0.5)])
def test_gaussian_step_is_the_entropic_closed_form(debias, share):
    A, h, k, D, epsilon = 1.0, 0.1, 0.5, 1.0, 0.1
    expected = _entropic_variance(A, h, k, D, epsilon, share)
    if not debias:
        assert abs(expected - 1.133117629359) < 1e-11  # docs/theory/poisson-nernst-planck.md, T21
    energy = D * jf.Entropy() + jf.Potential(lambda x: k * x**2 / 2)
    answer = jf.Entropic(epsilon=epsilon, debias=debias, tolerance=1e-11).solve(jf.ProximalStep(energy, _gaussian(A), h))
    assert answer.status is jf.Status.CONVERGED
    assert abs(answer.state[""].covariance - expected) < 1e-7


def test_without_energy_the_plain_step_blurs_by_half_epsilon_and_the_debiased_one_by_its_square():
    """docs/theory/debiasing.md, section 4.2: no energy."""
    nothing = jf.Potential(lambda x: 0 * x)
    for epsilon in (0.1, 0.2):
        plain, debiased = (
            float(
                jf.Entropic(epsilon=epsilon, debias=debias, tolerance=1e-11)
                .solve_quietly(jf.ProximalStep(nothing, _gaussian(1.0), 0.1))  # all that it does is blur
                .state[""]
                .covariance
            )
            for debias in (False, True)
        )
        assert abs(plain - 1 - epsilon / 2) < 1e-9
        assert abs(debiased - _entropic_variance(1.0, 0.1, 0.0, 0.0, epsilon, 0.5)) < 1e-9
        assert abs(debiased - 1) < epsilon**2 / 16


@pytest.mark.parametrize(("debias", "order"), [(False, 1.0), (True, 2.0)])
def test_order_of_the_blur(debias, order):
    """The bias of one Fokker-Planck step against the exact JKO step."""
    exact = jf.closed_forms.OrnsteinUhlenbeck(mean=0.0, variance=1.0).jko(0.2)[1]
    energy = jf.Entropy() + jf.Potential(lambda x: x**2 / 2)
    bias = [
        abs(
            jf.Entropic(epsilon=e, debias=debias).solve(jf.ProximalStep(energy, _gaussian(1.0), 0.2)).state[""].covariance
            - exact
        )
        for e in (0.2, 0.1)
    ]
    assert abs(np.log2(bias[0] / bias[1]) - order) < 0.15
    assert bias[1] < (0.04 if order == 1 else 5e-4)


@pytest.mark.parametrize("shape", [(40,), (10, 8)], ids=["1-D", "2-D"])
def test_fokker_planck_step_against_pot(shape):
    """For entropy and potential the plain step is a semi-relaxed problem that POT solves itself, on the dense cost: that of
    the kernel, -eps log K, with its images in the walls."""
    grid = jf.Grid.box(*[(-2.0, 2.0)] * len(shape), cells=shape)
    rho = grid.density(lambda *x: np.exp(-sum((xi - 0.4) ** 2 for xi in x)))
    V = grid.sample(lambda *x: sum(np.cos(2 * xi) for xi in x))
    tau, epsilon, diffusion = 0.3, 0.4, 0.7
    cost = 0.0
    for axis in range(grid.dim):
        x = grid.points.reshape(grid.size, -1)[:, axis] + 2.0  # from the lower wall; the box has length 4
        images = [s * x + 8.0 * k for k in (-1, 0, 1) for s in (1, -1)]
        cost = cost - epsilon * np.log(sum(np.exp(-(np.subtract.outer(x, y) ** 2) / epsilon) for y in images))
    reference = grid.cell_volume * np.exp(-V.ravel() / diffusion)
    pot, _, _, error = jf.semi_relaxed_step(
        rho.masses, cost, reference, tau=tau, epsilon=epsilon, diffusion=diffusion, tolerance=1e-14
    )
    assert error < 1e-9
    step = jf.ProximalStep(diffusion * jf.Entropy() + jf.Potential(V), jf.Species.of(rho), tau)
    ours = jf.Entropic(epsilon=epsilon, debias=False, tolerance=1e-12).solve(step)
    assert ours.status.ok
    assert np.allclose(ours.state[""].masses, pot, atol=1e-10)


@pytest.mark.parametrize("name", STEPS)
def test_the_answer_cannot_be_improved(name):
    """Mass, sign, descent, and the variational inequality with the exact W2."""
    check_solver(jf.Entropic(), STEPS[name], tolerance=3e-3)


@pytest.mark.parametrize("name", [n for n in STEPS if "congestion" not in n])
def test_euler_lagrange_and_distance(name):
    """phi / (tau alpha) + dE/d rho is constant where there is mass, and the slope of phi is the W2 moved."""
    step = STEPS[name]
    answer = jf.Entropic().solve(step)
    rho = answer.state[""]
    held = rho.values > 1e-3
    level = (answer.potentials[""] / step.weight("") + step.energy.first_variation(answer.state))[held]
    assert np.ptp(level) < 1e-4
    exact = jf.wasserstein2(rho, step.anchor[""])
    assert abs(answer.distances[""] - exact) < 2e-3 * exact


def test_the_congestion_pressure_is_complementary():
    step = STEPS["congestion"]
    answer = jf.Entropic().solve(step)
    rho = answer.state[""].values
    pressure = -(answer.potentials[""] / step.tau + step.anchor.grid.axes[0] ** 2 / 2)
    free = (rho > 1e-2) & (rho < 0.6 * (1 - 1e-6))
    full = rho >= 0.6 * (1 - 1e-9)
    assert rho.max() <= 0.6 * (1 + 1e-7)
    assert full.sum() > 10
    assert np.ptp(pressure[free]) < 0.05 * np.ptp(pressure[full])
    assert pressure[full].max() > pressure[free].max()


def test_several_species_are_solved_jointly():
    """docs/theory/two-species.md, T2, in the mean: two species, quadratic cross-attraction, mobility alpha, all implicit."""
    grid = jf.Grid.box((-4.0, 4.0), cells=128)
    x = grid.density(lambda s: np.exp(-4 * (s - 1) ** 2))
    y = grid.density(lambda s: np.exp(-4 * (s + 1) ** 2))
    a12, alpha, tau = 0.25, 2.0, 0.1
    energy = jf.CrossInteraction(a12 * jf.Quadratic(), between=("x", "y")) + 0.5 * jf.Interaction(jf.Quadratic(), "y")
    step = jf.ProximalStep(energy, jf.Species(x=x, y=y), tau, {"y": alpha})
    answer = jf.Entropic(tolerance=1e-10).solve(step)
    gap = answer.state["x"].mean - answer.state["y"].mean
    assert abs(gap - (x.mean - y.mean) / (1 + (1 + alpha) * tau * a12)) < 1e-4
    joint = alpha * answer.state["x"].mean + answer.state["y"].mean
    assert abs(joint - (alpha * x.mean + y.mean)) < 1e-4
    factor = 1 / (1 + alpha * tau * (0.5 + a12))
    assert abs(np.sqrt(answer.state["y"].covariance / y.covariance) - factor) < 3e-3


def test_accelerated_and_plain_iterations_agree():
    for name in ("fokker-planck", "porous medium", "repulsion"):
        fast, plain = (jf.Entropic(memory=m, max_iterations=20_000).solve(STEPS[name]) for m in (10, 0))
        assert fast.status.ok
        assert plain.status.ok
        assert fast.iterations < plain.iterations
        assert np.abs(fast.state[""].values - plain.state[""].values).max() < 1e-6


def test_separable_problems_factorise_in_the_plane():
    """Fokker-Planck of a product in a product potential is the product of the 1-D steps."""
    line = jf.Grid.box((-3.0, 3.0), cells=48)
    plane = jf.Grid.box((-3.0, 3.0), (-3.0, 3.0), cells=48)
    one, other = line.density(lambda x: np.exp(-2 * (x - 1) ** 2)), line.density(lambda x: np.exp(-(x**2)))
    both = plane.density(np.multiply.outer(one.values, other.values))
    solver = jf.Entropic(epsilon=0.05, tolerance=1e-11)

    def solve(rho, V):
        return solver.solve(jf.ProximalStep(jf.Entropy() + jf.Potential(V), jf.Species.of(rho), 0.1)).state[""].values

    product = np.multiply.outer(solve(one, lambda x: x**2), solve(other, lambda y: y**4 / 4))
    assert np.abs(solve(both, lambda x, y: x**2 + y**4 / 4) - product).max() < 1e-8


@pytest.mark.parametrize("cells", [1.0, 0.8])
def test_epsilon_of_one_cell_squared_holds_with_vacuum_and_tails(cells):
    grid = jf.Grid.box((-4.0, 4.0), cells=256)
    block = jf.Species.of(grid.density(lambda x: (abs(x + 2) < 0.5) * 1.0))
    solver = jf.Entropic(epsilon=cells * grid.spacing[0] ** 2)
    for energy in (jf.Entropy(), jf.RenyiEntropy(2), jf.Potential(lambda x: 0.2 * x)):
        answer = solver.solve(jf.ProximalStep(energy + jf.Potential(lambda x: -x), block, 0.05))
        assert answer.status.ok
        assert np.all(np.isfinite(answer.potentials[""]))
        assert abs(answer.state[""].mass - 1) < 1e-12


@pytest.mark.parametrize("m", [0.3, 0.6, 1.0, 2.0, 8.0])
@pytest.mark.parametrize("tau", [1e-6, 1e-3, 1.0, 1e3])
def test_any_step_size_converges(m, tau):
    energy = jf.Entropy() if m == 1 else jf.RenyiEntropy(m)
    step = jf.ProximalStep(energy, STEPS["fokker-planck"].anchor, tau)
    hidden = tau * m * float(step.anchor[""].values.max()) ** (m - 1) < 1.5 * step.grid.spacing[0] ** 2 / 4
    with pytest.warns(jf.UnresolvedWarning) if hidden else contextlib.nullcontext():
        answer = jf.Entropic().solve(step)
    assert answer.status is (jf.Status.UNRESOLVED if hidden else jf.Status.CONVERGED)
    assert answer.iterations < 1000


def test_a_state_that_stays_has_moved_by_nothing():
    grid = jf.Grid.box((-3.0, 3.0), cells=64)
    energy = jf.Entropy() + jf.Potential(lambda x: x**2)
    flow = jf.evolve(energy, jf.closed_forms.gibbs_state(grid, lambda x: x**2), dt=0.05, t_end=5.0)
    assert flow.distances[-1] < 1e-5  # centred by an entropy alone it would read 1.4e-4


def test_status_is_honest():
    step = STEPS["porous medium"]
    short = jf.Entropic(max_iterations=1).solve(step)
    assert short.status is jf.Status.ITERATION_LIMIT
    assert short.residual > 1e-8
    assert short.iterations == 1
    stuck = jf.Entropic(tolerance=1e-17, max_iterations=5000).solve(step)
    assert stuck.status is jf.Status.STALLED
    wild = jf.ProximalStep(jf.Potential(lambda x: 1e300 * x), step.anchor, 1.0)
    broken = jf.Entropic(max_iterations=50).solve(wild)
    assert not broken.status.ok


@pytest.mark.slow
def test_a_limit_met_while_epsilon_is_still_scaled_down_is_no_success():
    far = jf.ProximalStep(jf.RenyiEntropy(2) + jf.Potential(lambda x: x**2 / 2), STEPS["porous medium"].anchor, 2.0)
    solved = jf.Entropic().solve(far)
    for limit in range(1, solved.iterations):
        answer = jf.Entropic(max_iterations=limit).solve(far)
        assert answer.status is jf.Status.ITERATION_LIMIT
        assert answer.iterations == limit
    assert jf.Entropic(max_iterations=solved.iterations).solve(far).status.ok


def test_a_plan_between_cells_is_warned_of():
    with pytest.warns(jf.FreezingWarning, match="epsilon >= the square of a cell"):
        jf.Entropic(epsilon=1e-4).check(STEPS["fokker-planck"])


@pytest.mark.parametrize(
    ("energy", "message"),
    [
        (-jf.Entropy(), "must add up to a coefficient >= 0"),
        (-jf.RenyiEntropy(2), "coefficient of RenyiEntropy"),
        (-1 * jf.Congestion(1.0), "coefficient of Congestion"),
        (jf.Congestion(0.1), "must leave room for the mass"),
        (jf.Entropy() + jf.Obstacle(lambda x: x > 0.5), r"Entropic does not take Obstacle.*which is among the obstacles"),
    ],
)
def test_what_is_not_accepted_is_refused_before_work(energy, message):
    step = jf.ProximalStep(energy, STEPS["fokker-planck"].anchor, 0.1)
    with pytest.raises(ValueError, match=message):
        jf.Entropic().check(step)
    with pytest.raises(ValueError, match=message):
        jf.Entropic().solve(step)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epsilon": 0}, "epsilon must be a positive"),
        ({"tolerance": np.nan}, "tolerance must be a positive"),
        ({"max_iterations": 0}, "max_iterations must be"),
        ({"memory": -1}, "memory must be"),
        ({"debias": "no"}, "debias must be True or False"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        jf.Entropic(**options)


@pytest.mark.parametrize("cells", [60, 120])
def test_the_distance_is_right_at_the_edges_of_a_crowd(cells):
    rho = jf.Grid.box((-3.0, 3.0), cells=cells).density(lambda x: np.exp(-((x - 0.5) ** 2)), mass=2.0)
    step = jf.ProximalStep(jf.Congestion(1.2) + 3 * jf.Potential(lambda x: x**2), jf.Species.of(rho), 0.3)
    answer = jf.Entropic().solve(step)
    exact = jf.wasserstein2(answer.state[""], rho)
    assert abs(answer.distances[""] - exact) < 3e-3 * exact


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_heap_spreads_under_a_bound(dim):
    """All the mass in one cell has to fill two thirds of the box."""
    grid = jf.Grid.box(*[(0.0, 1.0)] * dim, cells=(30, 12, 6)[dim - 1])
    values = np.zeros(grid.shape)
    values.flat[0] = 1.0
    step = jf.ProximalStep(jf.Congestion(1.5), jf.Species.of(grid.density(values)), 1.0)
    answer = jf.Entropic().solve(step)
    assert answer.status.ok
    assert abs(answer.state[""].mass - 1) < 1e-8
    assert answer.state[""].values.max() < 1.5 * (1 + 1e-6)


def test_a_species_without_mass_is_refused():
    empty = jf.Species(u=WIDE.density(np.zeros(160), mass=None), v=WIDE.density(np.ones(160)))
    with pytest.raises(ValueError, match="species 'u' must hold mass"):
        jf.ProximalStep(jf.Entropy("u"), empty, 0.1)


def test_a_blurred_step_says_so():
    """Heat from a disc in steps below the blur, and long enough."""
    grid = jf.Grid.box((-3.0, 3.0), (-3.0, 3.0), cells=24)
    disc = grid.density(lambda x, y: (x**2 + y**2 < 1) * 1.0)
    with pytest.warns(jf.UnresolvedWarning, match="does not resolve this step"):
        flow = jf.evolve(jf.Entropy(), disc, scheme=jf.JKO(jf.Entropic()), dt=1e-4, t_end=1e-4)
    assert flow.statuses[-1] is jf.Status.UNRESOLVED
    assert flow.ok
    assert jf.evolve(jf.Entropy(), disc, scheme=jf.JKO(jf.Entropic()), dt=0.1, t_end=0.1).statuses[-1] is jf.Status.CONVERGED


@pytest.mark.parametrize("law", [jf.Congestion(2.4) + jf.Potential(lambda x: np.cos(6 * x)), jf.Interaction(jf.Morse())])
@pytest.mark.parametrize("periodic", [True, False])
def test_a_blur_of_what_nothing_spreads_says_so(law, periodic):
    """A block in steps whose motion falls below the blur: what is told as resolved changes by about what the motion makes."""
    grid = jf.Grid.box((0, 1), cells=40, periodic=periodic)
    block = grid.density(lambda x: np.abs(x - 0.4) < 0.25)
    statuses = []
    for tau in (1e-7, 1e-5, 1e-1):
        step = jf.ProximalStep(law, jf.Species.of(block), tau)
        answer = jf.Entropic().solve_quietly(step)
        statuses.append(answer.status)
        if answer.status is jf.Status.CONVERGED:
            true = jf.FiniteVolume().solve(step).state[""].values
            assert np.abs(answer.state[""].values - block.values).sum() < 10 * np.abs(true - block.values).sum()
    assert statuses[0] is jf.Status.UNRESOLVED
    assert statuses[2] is jf.Status.CONVERGED


def test_jko_hands_a_step_that_entropic_does_not_resolve_over():
    """Without a word, since the answer is another solver's; the only solver warns."""
    grid = jf.Grid.box((-1, 1), cells=40)
    rho = grid.density(lambda x: np.exp(-20 * x**2))
    law, state = 0.01 * jf.Entropy("a") + jf.Potential(lambda x: x, "b"), jf.Species(a=rho, b=rho)
    flow = jf.evolve(law, state, dt=1e-3, t_end=2e-3)
    assert flow.solvers == ("FiniteVolume", "FiniteVolume")
    assert set(flow.statuses) == {jf.Status.CONVERGED}
    with pytest.warns(jf.UnresolvedWarning, match="does not resolve this step"):
        alone = jf.evolve(law, state, dt=1e-3, t_end=1e-3, scheme=jf.JKO(jf.Entropic()))
    assert alone.statuses == (jf.Status.UNRESOLVED,)


@pytest.mark.parametrize("cells", [50, 200])
@pytest.mark.parametrize("kernel", [jf.PowerLaw(1), jf.PowerLaw(2)])
@pytest.mark.parametrize("tau", [10.0, 1000.0])
def test_heaps_that_join_in_a_long_step_keep_their_mean(cells, kernel, tau):
    """Pairs move no mean, W2 says where the sum lies. In one cell any place has no residual: it was lost by 22 cells of 200."""
    grid = jf.Grid.box((-4, 4), cells=cells)
    heaps = grid.density(lambda x: np.exp(-10 * (x + 1.2) ** 2) + np.exp(-5 * (x - 1.3) ** 2) / 2)
    answer = jf.Entropic().solve(jf.ProximalStep(jf.Interaction(kernel), jf.Species.of(heaps), tau))
    assert answer.status is jf.Status.CONVERGED
    assert abs(answer.state[""].mean - heaps.mean) <= 0.51 * grid.spacing[0]


def test_two_species_that_join_in_a_long_step_in_the_plane_keep_the_mean_of_both():
    grid = jf.Grid.box((-1, 1), (-1, 1), cells=(24, 30))
    heaps = jf.Species(
        a=grid.density(lambda x, y: np.exp(-30 * ((x + 0.4) ** 2 + (y - 0.2) ** 2))),
        b=grid.density(lambda x, y: np.exp(-20 * ((x - 0.3) ** 2 + (y + 0.5) ** 2)), mass=2.0),
    )
    law = jf.CrossInteraction(jf.PowerLaw(2), between=("a", "b")) + jf.Interaction(jf.PowerLaw(1), "a")
    answer = jf.Entropic().solve(jf.ProximalStep(law + jf.Interaction(jf.PowerLaw(1), "b"), heaps, 100.0))
    assert answer.status is jf.Status.CONVERGED
    before, after = (state["a"].mean + 2 * state["b"].mean for state in (heaps, answer.state))
    assert np.all(np.abs(after - before) <= 3 * 0.51 * np.array(grid.spacing))
