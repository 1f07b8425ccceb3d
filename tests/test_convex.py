"""The conic reference solvers: closed forms, agreement, freezing, refusals."""

import warnings

import numpy as np
import pytest

import jkoflow as jf
from jkoflow.checks import check_solver

from .tables import STEPS

WELL = jf.Potential(lambda x: x**2 / 2)
REFERENCES = {"convex": jf.Convex(), "dynamic": jf.ConvexDynamic(layers=6)}


def _gaussian_step(tau, cells=64, energy=None):
    grid = jf.Grid.box((-4.0, 4.0), cells=cells)
    rho = grid.density(lambda x: np.exp(-2 * (x - 1) ** 2))
    return jf.ProximalStep(jf.Entropy() + WELL if energy is None else energy, jf.Species.of(rho), tau)


@pytest.mark.parametrize("solver", REFERENCES.values(), ids=REFERENCES.keys())
def test_ornstein_uhlenbeck_step(solver):
    step = _gaussian_step(0.5)
    start = step.anchor[""]
    mean, variance = jf.closed_forms.OrnsteinUhlenbeck(float(start.mean), float(start.covariance)).jko(0.5)
    answer = solver.solve(step)
    assert answer.status is jf.Status.CONVERGED
    assert abs(answer.state[""].mean - mean) < 2e-3
    assert abs(answer.state[""].covariance - variance) < 6e-3
    moved = np.hypot(start.mean - mean, start.covariance**0.5 - variance**0.5)
    assert abs(answer.distances[""] - moved) < 5e-3


def test_the_dynamic_program_converges_at_second_order():
    """In cells and layers together, to the exact JKO step of the Gaussian."""
    errors = []
    for cells, layers in ((32, 2), (64, 4), (128, 8)):
        step = _gaussian_step(0.2, cells)
        start = step.anchor[""]
        exact = jf.closed_forms.OrnsteinUhlenbeck(float(start.mean), float(start.covariance)).jko(0.2)[1]
        errors.append(abs(jf.ConvexDynamic(layers=layers).solve(step).state[""].covariance - exact))
    assert np.log2(errors[0] / errors[1]) > 1.7
    assert np.log2(errors[1] / errors[2]) > 1.7
    assert errors[2] < 2e-3


@pytest.mark.parametrize("name", STEPS)
def test_the_dynamic_answer_cannot_be_improved(name):
    check_solver(jf.ConvexDynamic(layers=6), STEPS[name], tolerance=6e-3)


@pytest.mark.parametrize("name", STEPS)
def test_three_solvers_agree(name):
    """Plans between cells, fluxes on faces and scaling share no code for the transport."""
    step = STEPS[name]
    plan, dynamic, entropic = (s.solve(step) for s in (jf.Convex(), jf.ConvexDynamic(layers=6), jf.Entropic()))
    assert plan.status.ok
    assert dynamic.status.ok
    width = step.anchor.grid.spacing[0]

    def apart(a, b):
        return np.abs(a.state[""].values - b.state[""].values).sum() * width

    assert apart(dynamic, entropic) < 0.02
    assert apart(plan, entropic) < 0.06  # a plan between cells misplaces mass by a fraction of a cell
    assert abs(plan.distances[""] - entropic.distances[""]) < width / 2
    assert abs(dynamic.distances[""] - entropic.distances[""]) < 0.01


@pytest.mark.parametrize("solver", REFERENCES.values(), ids=REFERENCES.keys())
def test_potentials_solve_the_euler_lagrange_equation(solver):
    for energy in (jf.Entropy() + WELL, jf.RenyiEntropy(2) + 0.2 * jf.Entropy()):
        step = _gaussian_step(0.5, energy=energy)
        answer = solver.solve(step)
        level = answer.potentials[""] / step.tau + energy.first_variation(answer.state)
        assert np.ptp(level[answer.state[""].values > 1e-2]) < 2e-3


@pytest.mark.slow
def test_the_entropic_answer_tends_to_the_plan_as_epsilon_falls():
    step = _gaussian_step(0.5, cells=48)
    plan = jf.Convex().solve(step).state[""].values
    h2 = step.anchor.grid.spacing[0] ** 2
    apart = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jf.FreezingWarning)
        for share in (1.0, 0.25, 0.0625, 0.015625):
            answer = jf.Entropic(epsilon=share * h2, debias=False, max_iterations=20_000).solve(step)
            assert answer.status.ok
            apart.append(np.abs(answer.state[""].values - plan).sum() * np.sqrt(h2))
    assert apart[0] > apart[1] > apart[2] > apart[3]
    assert apart[3] < 5e-3


def test_freezing_threshold():
    """At .98 of the threshold the plan stays put, at 1.3 it moves; the dynamic program moves at the right rate below."""
    grid = jf.Grid.box((0.0, 1.0), cells=20)
    rho = jf.Species.of(grid.density(lambda x: 1 + 0.5 * np.cos(np.pi * x)))
    threshold = jf.freezing_threshold(jf.ProximalStep(jf.Entropy(), rho, 1.0))
    below = jf.ProximalStep(jf.Entropy(), rho, 0.98 * threshold)
    with pytest.warns(jf.FreezingWarning, match="below the freezing threshold"):
        frozen = jf.Convex(tolerance=1e-9).solve(below)
    assert frozen.status is jf.Status.FROZEN
    assert frozen.status.ok
    assert np.abs(frozen.state[""].values - rho[""].values).max() < 1e-4
    above = jf.ProximalStep(jf.Entropy(), rho, 1.3 * threshold)
    moved = jf.Convex().solve(above).state[""].values
    assert np.abs(moved - rho[""].values).max() > 5e-3
    tau = 0.05 * threshold
    mode = np.cos(np.pi * grid.axes[0])

    def amplitude(state):
        return 2 * grid.integrate(mode * state[""].values)

    for solver in (jf.ConvexDynamic(tolerance=1e-10), jf.Entropic(epsilon=grid.spacing[0] ** 2, tolerance=1e-12)):
        answer = solver.solve(jf.ProximalStep(jf.Entropy(), rho, tau))
        rate = (amplitude(rho) / amplitude(answer.state) - 1) / tau
        assert abs(rate / np.pi**2 - 1) < 0.01, repr(solver)


def test_freezing_threshold_of_constants_and_vacuum():
    grid = jf.Grid.box((0.0, 1.0), cells=4)
    flat = jf.Species.of(grid.density(np.ones(4)))
    assert jf.freezing_threshold(jf.ProximalStep(jf.Entropy(), flat, 1.0)) == np.inf
    assert jf.Convex().solve(jf.ProximalStep(jf.Entropy(), flat, 1.0)).status is jf.Status.CONVERGED
    holed = jf.Species.of(grid.density(np.array([1.0, 0.0, 0.0, 1.0])))
    assert jf.freezing_threshold(jf.ProximalStep(jf.Entropy(), holed, 1.0)) == 0


def test_several_species_with_a_positive_definite_coupling():
    """A joint step with mobilities, against the entropic solver that treats it by fixed point."""
    grid = jf.Grid.box((-2.0, 2.0), cells=40)
    state = jf.Species(
        u=grid.density(lambda x: np.exp(-4 * (x - 0.5) ** 2)), v=grid.density(lambda x: np.exp(-4 * (x + 0.3) ** 2), mass=0.7)
    )
    kernel = jf.Newtonian(1)
    energy = (
        0.3 * jf.Entropy("u")
        + 0.2 * jf.RenyiEntropy(2, "v")
        + 2 * jf.Interaction(kernel, "u")
        + 2 * jf.Interaction(kernel, "v")
        - 2 * jf.CrossInteraction(kernel, between=("u", "v"))
    )
    step = jf.ProximalStep(energy, state, 0.15, {"v": 2.0})
    plan, dynamic, entropic = (s.solve(step) for s in (jf.Convex(), jf.ConvexDynamic(), jf.Entropic()))
    for name in ("u", "v"):
        assert dynamic.status.ok
        assert np.abs(dynamic.state[name].values - entropic.state[name].values).sum() * grid.spacing[0] < 0.02
        assert np.abs(plan.state[name].values - entropic.state[name].values).sum() * grid.spacing[0] < 0.06
        assert abs(plan.state[name].mass - state[name].mass) < 1e-12


def test_a_small_plane():
    grid = jf.Grid.box((-2.0, 2.0), (-2.0, 2.0), cells=10)
    rho = jf.Species.of(grid.density(lambda x, y: np.exp(-2 * ((x - 0.5) ** 2 + y**2))))
    step = jf.ProximalStep(jf.RenyiEntropy(2) + jf.Potential(lambda x, y: (x**2 + y**2) / 2), rho, 0.3)
    fine = jf.Entropic(epsilon=grid.spacing[0] ** 2)  # the default blurs over a sixth of this small box
    plan, dynamic, entropic = (s.solve(step) for s in (jf.Convex(), jf.ConvexDynamic(layers=6), fine))
    exact = rho[""].mean / 1.3
    assert np.allclose(dynamic.state[""].mean, exact, atol=0.004)
    assert np.allclose(plan.state[""].mean, exact, atol=grid.spacing[0] / 4)  # half a cell is what it cannot see
    assert np.abs(dynamic.state[""].values - entropic.state[""].values).sum() * grid.cell_volume < 0.04


@pytest.mark.parametrize("solver", [jf.Convex, jf.ConvexDynamic])
def test_status_is_honest(solver):
    assert solver(max_iterations=1).solve(STEPS["porous medium"]).status is jf.Status.ITERATION_LIMIT
    grid = jf.Grid.box((0.0, 1.0), cells=8)
    step = jf.ProximalStep(jf.Congestion(0.5), jf.Species.of(grid.density(np.ones(8))), 0.1)
    assert solver().solve(step).status is jf.Status.INFEASIBLE


@pytest.mark.parametrize("solver", REFERENCES.values(), ids=REFERENCES.keys())
@pytest.mark.parametrize(
    ("energy", "message"),
    [
        (jf.Interaction(jf.Quadratic()), "must be positive semidefinite.*freeze_self=True"),
        (-jf.Entropy(), "coefficient of Entropy"),
        (-jf.RenyiEntropy(3), "coefficient of RenyiEntropy"),
        (jf.Functional(lambda r: 0.0, lambda r: 0 * r.values), "does not take Functional.*known by value and first variation"),
        (jf.CustomInternalEnergy(np.exp, np.exp), "do not accept CustomInternalEnergy.*BackAndForth"),
    ],
)
def test_what_is_not_accepted_is_refused_before_work(solver, energy, message):
    with pytest.raises(ValueError, match=message):
        solver.check(_gaussian_step(0.1, energy=energy))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: jf.Convex(tolerance=0), "tolerance"),
        (lambda: jf.Convex(max_iterations=0), "max_iterations"),
        (lambda: jf.ConvexDynamic(layers=0), "layers"),
        (lambda: _gaussian_step(0.0), "tau must be a positive"),
        (lambda: _gaussian_step(np.nan), "tau must be a positive"),
        (lambda: jf.ProximalStep(jf.Entropy(), STEPS["mobility"].anchor, 1.0, {"u": 1.0}), "mobility must name"),
        (lambda: jf.ProximalStep(jf.Entropy(), STEPS["mobility"].anchor, 1.0, {"": 0.0}), "mobility of ''"),
    ],
)
def test_bad_options_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_far_below_the_threshold_it_still_says_frozen():
    grid = jf.Grid.box((0.0, 1.0), cells=32)
    rho = jf.Species.of(grid.density(lambda x: 1 + 0.1 * x))
    with pytest.warns(jf.FreezingWarning):
        assert jf.Convex().solve(jf.ProximalStep(jf.Entropy(), rho, 1e-7)).status is jf.Status.FROZEN


def test_a_high_wall_in_the_vacuum_does_not_hide_freezing():
    grid = jf.Grid.box((0.0, 1.0), cells=64)
    rho = jf.Species.of(grid.density(lambda x: ((x > 0.1) & (x < 0.5)) * 1.0))
    wall = jf.Potential(lambda x: 0.1 * x + 1e4 * np.maximum(x - 0.8, 0))
    assert abs(jf.freezing_threshold(jf.ProximalStep(wall, rho, 1.0)) - (1 / 64) ** 2 / (2 * 0.1 / 64)) < 1e-9


def test_smooth_positive_definite_kernels_are_accepted():
    grid = jf.Grid.box((-2.0, 2.0), cells=60)
    rho = jf.Species.of(grid.density(lambda x: np.exp(-(x**2))))
    step = jf.ProximalStep(jf.Entropy() + jf.Interaction(-jf.Gaussian()), rho, 0.2)
    plan, entropic = jf.Convex().solve(step), jf.Entropic().solve(step)
    assert np.abs(plan.state[""].values - entropic.state[""].values).sum() * grid.spacing[0] < 0.05


def test_coefficients_that_cancel_do_not_matter():
    step = _gaussian_step(0.2, cells=24, energy=2 * jf.Entropy() - jf.Entropy() + WELL)
    same = _gaussian_step(0.2, cells=24, energy=jf.Entropy() + WELL)
    for solver in (jf.ConvexDynamic(), jf.Entropic()):
        assert np.allclose(solver.solve(step).state[""].values, solver.solve(same).state[""].values)


@pytest.mark.parametrize("solver", [jf.Convex(), jf.ConvexDynamic()], ids=repr)
@pytest.mark.parametrize(("length", "mass"), [(1.0, 1e-9), (1e-3, 1.0), (1e6, 1e6)])
def test_the_same_step_in_any_units(solver, length, mass):
    """The tolerances of Clarabel are absolute, so the program is posed in units of its own."""

    def shape(length, mass):
        grid = jf.Grid.box((0, length), cells=40)
        rho = grid.density(lambda x: 1 + 0.9 * np.cos(3 * np.pi * x / length), mass=mass)
        law = jf.Entropy() + jf.Potential(lambda x: 4 * (x / length - 0.3) ** 2) + (length / mass) * jf.RenyiEntropy(2)
        answer = solver.solve(jf.ProximalStep(law, jf.Species.of(rho), 0.05 * length**2))
        assert answer.status is jf.Status.CONVERGED
        return answer.state[""].values * length / mass

    assert np.abs(shape(length, mass) - shape(1.0, 1.0)).mean() < 1e-3


@pytest.mark.parametrize("mass", [1e-18, 1e23])
def test_interactions_in_any_unit_of_mass(mass):
    def shape(mass):
        grid = jf.Grid.box((0, 1), cells=20)
        rho = grid.density(lambda x: 1 + 0.5 * np.cos(np.pi * x), mass=mass)
        law = jf.Entropy() + (1 / mass) * jf.Interaction(-jf.PowerLaw(1))
        answer = jf.Convex().solve(jf.ProximalStep(law, jf.Species.of(rho), 0.02))
        assert answer.status is jf.Status.CONVERGED
        return answer.state[""].values / mass

    assert np.abs(shape(mass) - shape(1.0)).max() < 1e-3


@pytest.mark.parametrize("solver", [jf.Convex(), jf.ConvexDynamic()], ids=repr)
def test_a_huge_step_ends_at_the_equilibrium(solver):
    grid = jf.Grid.box((-2, 2), cells=20)
    rho = grid.density(lambda x: np.exp(-2 * (x - 0.5) ** 2) + 0.02)
    law = jf.Entropy() + jf.Potential(lambda x: x**2 / 2)
    answer = solver.solve(jf.ProximalStep(law, jf.Species.of(rho), 1e9))
    exact = np.exp(-(grid.axes[0] ** 2) / 2)
    assert answer.status is jf.Status.CONVERGED
    assert np.allclose(answer.state[""].values, exact / (exact.sum() * grid.spacing[0]), atol=1e-4)


def test_the_gap_bounds_the_error_of_the_objective():
    """The objective of a loose answer is above that of a sharp one by at most its gap."""
    grid = jf.Grid.box((0, 1), cells=20)
    rho = jf.Species.of(grid.density(lambda x: 1 + 0.5 * np.cos(np.pi * x)))
    step = jf.ProximalStep(jf.Entropy() + jf.Interaction(-jf.PowerLaw(1)), rho, 0.02)

    def objective(answer):
        return step.energy(answer.state) + answer.distances[""] ** 2 / (2 * step.tau)

    sharp = jf.Convex(tolerance=1e-10).solve(step)
    for tolerance in (1e-4, 1e-6, 1e-8):
        loose = jf.Convex(tolerance=tolerance).solve(step)
        assert objective(loose) - objective(sharp) + sharp.gap >= -1e-12
        assert objective(loose) - objective(sharp) <= loose.gap
    assert np.isnan(jf.Convex().solve(jf.ProximalStep(jf.Congestion(2.0) + jf.Potential(lambda x: x), rho, 0.05)).gap)
