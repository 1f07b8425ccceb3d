"""The step by finite volumes: oracles of numpy alone, closed forms, natural problems that other solvers do not solve."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import fsolve

import jkoflow as jf
from jkoflow.proximal.grids.finite_volume.fluxes import nonlinear_diffusion
from jkoflow.proximal.grids.local_energy import LocalEnergy

from .tables import STEPS


def _well(x):
    return x**2 / 2


def test_a_linear_step_is_that_of_scharfetter_and_gummel():
    """Against a dense matrix of the equation, written out by hand."""
    grid, D, tau, n = jf.Grid.box((-3, 3), cells=40), 0.3, 0.2, 40
    h, V = grid.spacing[0], 2 * grid.axes[0] ** 2
    bernoulli = lambda w: w / np.expm1(w)  # noqa: E731
    A = np.eye(n)
    for i in range(n - 1):
        w = (V[i + 1] - V[i]) / D
        out, back = D / h * bernoulli(w), D / h * bernoulli(-w)
        A[i, i] += tau / h * out
        A[i, i + 1] -= tau / h * back
        A[i + 1, i] -= tau / h * out
        A[i + 1, i + 1] += tau / h * back
    rho = grid.density(lambda x: np.exp(-2 * (x - 0.7) ** 2))
    step = jf.ProximalStep(D * jf.Entropy() + jf.Potential(V), jf.Species.of(rho), tau)
    answer = jf.FiniteVolume().solve(step)
    assert answer.status is jf.Status.CONVERGED
    assert answer.iterations == 1
    assert np.allclose(answer.state[""].values, np.linalg.solve(A, rho.values), rtol=1e-9)


@pytest.mark.parametrize("tau", [1e-8, 1.0, 1e6])
def test_steps_of_any_length_are_solved_to_rounding(tau):
    """At a huge step the answer is the equilibrium exp(-V / D), by the formula."""
    grid, D = jf.Grid.box((-3, 3), cells=40), 5.0
    V = np.random.default_rng(0).normal(size=40)
    rho = grid.density(lambda x: np.exp(-2 * (x - 0.7) ** 2))
    answer = jf.FiniteVolume().solve(jf.ProximalStep(D * jf.Entropy() + jf.Potential(V), jf.Species.of(rho), tau))
    assert answer.status is jf.Status.CONVERGED
    if tau > 1e3:
        exact = np.exp(-V / D)
        assert np.allclose(answer.state[""].values, exact / (exact.sum() * grid.spacing[0]), rtol=1e-5)


@pytest.mark.slow
def test_orders_in_the_cells_and_in_time():
    """The Ornstein-Uhlenbeck flow, of order 2 in the cells; one step differs from the exact JKO step by O(dt^2)."""
    law, errors = jf.Entropy() + jf.Potential(_well), []
    for n in (50, 100):
        grid = jf.Grid.box((-6, 6), cells=n)
        rho = grid.density(lambda x: np.exp(-((x - 1) ** 2)), order=3)
        steps = jf.evolve(law, rho, scheme=jf.JKO(jf.FiniteVolume()), dt=0.05, t_end=0.5)
        mean, second = 1.0, 1.5
        for _ in range(10):  # implicit Euler for the moments of the linear equation
            mean, second = mean / 1.05, (second + 0.1) / 1.1
        found = float(steps.final.mean), float(steps.final.covariance + steps.final.mean**2)
        errors.append(max(abs(found[0] - mean), abs(found[1] - second)))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.15)
    assert errors[1] < 2e-3
    grid, gaps = jf.Grid.box((-4, 4), cells=400), []
    rho = jf.Species.of(grid.density(lambda x: np.exp(-((x - 1) ** 2)), order=3))
    for tau in (0.02, 0.01):
        answers = [solver.solve(jf.ProximalStep(law, rho, tau)) for solver in (jf.FiniteVolume(), jf.BackAndForth())]
        gaps.append(np.abs(answers[0].state[""].values - answers[1].state[""].values).sum() * grid.cell_volume)
        assert answers[0].distances[""] == pytest.approx(answers[1].distances[""], rel=2 * tau)
    assert np.log2(gaps[0] / gaps[1]) == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("m", [2, 6])
def test_barenblatt_against_its_exact_jko_scales(m):
    B = jf.closed_forms.Barenblatt(m=m, d=1)
    start, grown = B.scale(1.0), []
    for n in (50, 100, 200):
        rho = jf.Grid.box((-4, 4), cells=n).density(B.at_scale(start), order=4)
        flow = jf.evolve(jf.RenyiEntropy(m), rho, scheme=jf.JKO(jf.FiniteVolume()), dt=0.01, t_end=0.2)
        grown.append(np.sqrt(float(flow.final.covariance) / float(rho.covariance)))
        assert (np.diff(flow.energies) <= 1e-12).all()
    end = B.jko(start, dt=0.01, steps=20)
    assert grown[-1] == pytest.approx(end / start, abs=1e-3)  # what is left is that of dt
    assert abs(grown[2] - grown[1]) < 5e-4


@pytest.mark.parametrize("m", [1.5, 2, 3])
@pytest.mark.parametrize("strength", [0, 5])
def test_powers_are_of_order_two_in_the_cells(m, strength):
    """With fronts, in a landscape that collects the mass in its wells, where it is at rest in the end."""
    law, profiles = jf.RenyiEntropy(m) + strength * jf.Potential(lambda x: np.cos(2 * x)), []
    for n in (60, 120, 240, 480):
        rho = jf.Grid.box((-4, 4), cells=n).density(lambda x: np.maximum(1 - (x - 0.5) ** 2, 0), order=4)
        flow = jf.evolve(law, rho, scheme=jf.JKO(jf.FiniteVolume()), dt=0.01, t_end=0.1)
        assert (np.diff(flow.energies) <= 1e-12).all()
        profiles.append(flow.final.values)
    errors = [np.abs(a - b.reshape(-1, 2).mean(axis=1)).mean() for a, b in pairwise(profiles)]
    assert np.log2(errors[0] / errors[2]) / 2 > 1.75


def test_the_flux_of_a_power_lowers_the_energy_and_has_its_derivatives():
    """At random densities over decades and drifts of every size: against central differences."""
    rng, h = np.random.default_rng(0), np.ones(5000)
    left, right = 10.0 ** rng.uniform(-2, 0, (2, 5000))
    drift = rng.normal(size=5000) * 10.0 ** rng.uniform(-2, 2, 5000)
    for powers in (((0.7, 1.5),), ((0.7, 2.0),), ((1.0, 3.0), (0.2, 1.3))):
        local = LocalEnergy(np.zeros(1), np.zeros(1, dtype=bool), powers=powers)

        def flux(a, b, F, local=local):
            return nonlinear_diffusion(local, a, b, F + local.derivative(b) - local.derivative(a), h)

        found = flux(left, right, drift)
        assert (found.value * (drift + local.derivative(right) - local.derivative(left)) <= 0).all()
        of_left = found.of_left + (found.of_left_slope - found.of_rise) * local.curvature(left)
        of_right = found.of_right + (found.of_right_slope + found.of_rise) * local.curvature(right)
        e = 1e-6
        exact_left = (flux(left * (1 + e), right, drift).value - flux(left * (1 - e), right, drift).value) / (2 * e * left)
        exact_right = (flux(left, right * (1 + e), drift).value - flux(left, right * (1 - e), drift).value) / (2 * e * right)
        size = np.abs(exact_left) + np.abs(exact_right)
        assert (np.abs(of_left - exact_left) < 1e-6 * size).all()
        assert (np.abs(of_right - exact_right) < 1e-6 * size).all()
    empty = nonlinear_diffusion(local, np.zeros(2), np.array([0.0, 1.0]), np.array([-3.0, -3.0]), np.ones(2))
    assert (empty.value == 0).all()  # nothing leaves an empty cell


@pytest.mark.parametrize("name", STEPS)
def test_every_step_is_positive_keeps_the_mass_and_lowers_the_energy(name):
    step = STEPS[name]
    answer = jf.FiniteVolume().solve(step)
    assert answer.status is jf.Status.CONVERGED
    rho = answer.state[""]
    assert rho.values.min() >= 0
    assert rho.mass == pytest.approx(step.anchor[""].mass, rel=1e-13)
    assert step.energy(answer.state) <= step.energy(step.anchor) + 1e-12
    for tau, bound in ((step.tau, 0.08), (step.tau / 4, 0.02)):  # of order dt^2 from the exact step, apart from the cells
        short = replace(step, tau=tau)
        exact = (jf.BackAndForth() if jf.BackAndForth().suits(step.energy, step.anchor) else jf.Entropic()).solve(short)
        apart = jf.FiniteVolume().solve(short).state[""].values - exact.state[""].values
        assert np.abs(apart).sum() * step.grid.cell_volume < bound


@pytest.mark.parametrize("dt", [1e-5, 1e-3, 1e-1])
def test_heat_from_a_disc_spreads_at_its_rate(dt):
    """The variance grows by 4 t, and the maximum does not rise, at any dt. JKO() takes it as long as the edge is sharp."""
    grid = jf.Grid.box((-6, 6), (-6, 6), cells=48)
    disc = grid.density(lambda x, y: (x**2 + y**2 < 1) * 1.0)
    for scheme, margin in ((jf.JKO(jf.FiniteVolume()), 0.02), (jf.JKO(), 0.02 + dt)):  # an exact step spreads less, by O(dt)
        flow = jf.evolve(jf.Entropy(), disc, scheme=scheme, dt=dt, t_end=5 * dt)
        grown = float(np.trace(flow.final.covariance) - np.trace(disc.covariance))
        assert grown == pytest.approx(4 * 5 * dt, rel=margin)
        assert flow.final.values.max() <= disc.values.max()
        assert flow.solvers[0] == "FiniteVolume"


@pytest.mark.parametrize("floor", [1e-8, 1e-4, 1e-2])
@pytest.mark.parametrize("dt", [1e-5, 1e-3])
def test_an_edge_that_is_sharp_and_positive_spreads_at_its_rate(floor, dt):
    """The default on a disc over a floor, in a box so large that its walls do not matter."""
    grid = jf.Grid.box((-6, 6), (-6, 6), cells=48)
    disc = grid.density(lambda x, y: (x**2 + y**2 < 1) + floor * (x**2 + y**2 < 16))
    flow = jf.evolve(jf.Entropy(), disc, dt=dt, t_end=5 * dt)
    grown = float(np.trace(flow.final.covariance) - np.trace(disc.covariance))
    assert grown == pytest.approx(4 * 5 * dt, rel=0.02)


def test_nothing_goes_through_a_wall_and_a_full_crowd_rests():
    grid = jf.Grid.box((-1, 1), (-0.25, 0.25), cells=(64, 16))
    left = grid.density(lambda x, y: (x < -0.3) * 1.0)
    wall = jf.Obstacle(lambda x, y: abs(x) < 0.05)
    for local in (0.1 * jf.RenyiEntropy(2), jf.Entropy(), jf.Congestion(4.0)):
        law = local + jf.Potential(lambda x, y: -2 * x) + wall
        for dt in (0.1, 0.005):
            final = jf.evolve(law, left, scheme=jf.JKO(jf.FiniteVolume()), dt=dt, t_end=2 * dt).final
            assert final.values[grid.mesh[0] > -0.05].max() == 0
    with pytest.raises(ValueError, match="must hold no mass in obstacles"):
        jf.FiniteVolume().check(jf.ProximalStep(jf.Entropy() + jf.Obstacle(lambda x, y: x < 0), jf.Species.of(left), 0.1))
    full = grid.density(lambda x, y: (abs(x) < 0.3) * 1.0, mass=0.3)
    rest = jf.evolve(jf.Congestion(float(full.values.max())), full, scheme=jf.JKO(jf.FiniteVolume()), dt=0.1, t_end=0.3)
    assert np.array_equal(rest.final.values, full.values)


def test_ions_agree_with_the_joint_step():
    """psi is one more unknown: against BackAndForth, on smooth densities; to the order of both."""
    grid = jf.Grid.box((0, 1), cells=64)
    state = jf.Species(
        u=grid.density(lambda x: 1 + 0.5 * np.cos(np.pi * x)), v=grid.density(lambda x: 1 - 0.5 * np.cos(np.pi * x))
    )
    law = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=1, v=-1, permittivity=0.05)
    flows = [jf.evolve(law, state, scheme=jf.JKO(s), dt=0.0005, t_end=0.005) for s in (jf.FiniteVolume(), jf.BackAndForth())]
    for name in "uv":
        assert np.allclose(flows[0].final[name].values, flows[1].final[name].values, atol=2e-3)
    grounded = jf.DirichletCoupling(u=1, v=-1, permittivity=0.05, boundary="dirichlet")
    flows = [
        jf.evolve(jf.Entropy("u") + jf.Entropy("v") + grounded, state, scheme=jf.JKO(s), dt=0.0005, t_end=0.005)
        for s in (jf.FiniteVolume(), jf.BackAndForth())
    ]
    assert np.allclose(flows[0].final["u"].values, flows[1].final["u"].values, atol=2e-3)


def test_the_same_flow_in_any_units():
    """Length, mass, energy and time, and an origin far away: the same densities, to 1e-8."""
    reference = None
    for length, mass, energy in ((1.0, 1.0, 1.0), (1e-9, 1e-18, 1e-21), (1e9, 1e23, 1e6), (1e-3, 1e6, 1e12)):
        grid = jf.Grid.box((-4 * length, 4 * length), cells=64)
        rho = grid.density(lambda x, s=length: np.exp(-((x / s - 1) ** 2)), mass=mass)
        scale = energy / (mass / length)
        law = energy * jf.Entropy() + scale * jf.RenyiEntropy(2) + jf.Potential(lambda x, s=length, e=energy: e * (x / s) ** 2)
        dt = 0.05 * length**2 / energy
        final = jf.evolve(law, rho, scheme=jf.JKO(jf.FiniteVolume()), dt=dt, t_end=3 * dt).final.values * length / mass
        reference = final if reference is None else reference
        assert np.allclose(final, reference, rtol=1e-8, atol=1e-8 * reference.max())


NATURAL = {
    "porous medium": (lambda k: jf.RenyiEntropy(k), (3, 6, 10), "disc"),
    "steep wells": (lambda k: 0.1 * jf.Entropy() + jf.Potential(lambda x, y: k * (x**2 + 10 * y**2) / 2), (1, 10, 100), "bump"),
    "cold wells": (lambda k: 10.0**-k * jf.Entropy() + jf.Potential(lambda x, y: (x**2 - 1) ** 2 + y**2), (1, 2, 3), "bump"),
    "fast diffusion": (lambda k: jf.RenyiEntropy(k), (0.4, 0.7, 0.9), "disc"),
    "crowds": (lambda k: jf.Congestion(1.0) + jf.Potential(lambda x, y: k * np.hypot(x, y)), (0.1, 1, 10), "disc"),
}


@pytest.mark.slow
@pytest.mark.parametrize("family", NATURAL)
def test_natural_problems_are_solved_by_the_default(family):
    """Two steps each over decades of strength and dt; the energy never rises, and the run says which solver took which step."""
    make, strengths, kind = NATURAL[family]
    grid = jf.Grid.box((-3, 3), (-3, 3), cells=32)
    start = {
        "disc": grid.density(lambda x, y: (x**2 + y**2 < 1) * 1.0),
        "bump": grid.density(lambda x, y: np.exp(-((x - 1.5) ** 2 + (y - 1) ** 2) / 0.18)),
    }[kind]
    for strength in strengths:
        for dt in (1e-3, 1e-1, 10.0):
            flow = jf.evolve(make(strength), start, dt=dt, t_end=2 * dt)
            assert flow.ok
            assert np.diff(flow.energies).max() <= 1e-9 * np.abs(flow.energies).max()
            assert set(flow.solvers) <= {"BackAndForth", "FiniteVolume"}


LINE = jf.Grid.box((-2, 2), cells=60)
BOX = LINE.density(lambda x: (abs(x) < 0.5) * 1.0)
CUBE = jf.CustomInternalEnergy(lambda s: s**3, lambda s: 3 * s**2)


def test_no_term_is_dropped():
    """Sums of internal energies against dense implicit Euler of scipy, with the same fluxes written by hand."""
    h, tau, V = LINE.spacing[0], 0.02, LINE.axes[0] ** 2
    mu = LINE.density(lambda x: np.exp(-4 * x * x) + 0.01)
    for law, slope, pressure in (
        (jf.RenyiEntropy(2) + CUBE + jf.Potential(V), lambda s: 2 * s + 3 * s**2, lambda s: s**2 + 2 * s**3),
        (
            2 * jf.RenyiEntropy(3) + 0.5 * jf.RenyiEntropy(2) + jf.Potential(V),
            lambda s: 3 * s**2 + s,
            lambda s: 2 * s**3 + 0.5 * s**2,
        ),
    ):

        def through(left, right, drift, slope=slope, pressure=pressure):
            """The flux through one face; the drift is that to the right."""
            if left < right:
                return -through(right, left, -drift, slope, pressure)
            P, E = pressure(left) - pressure(right), slope(left) - slope(right)
            if drift >= 0:
                return P + (left - right * (left - right) / (left + right)) * drift
            if E + drift < 0:
                return 2 * left * right / (left + right) * (E + drift)
            return (P / E if E > 0 else left) * (E + drift)

        def excess(rho, through=through):
            flux = np.array([through(*face) for face in zip(rho[:-1], rho[1:], -np.diff(V), strict=True)]) / h
            return rho - mu.values + tau / h * np.diff(flux, prepend=0.0, append=0.0)

        exact = fsolve(excess, mu.values, xtol=1e-12)
        answer = jf.FiniteVolume().solve(jf.ProximalStep(law, jf.Species.of(mu), tau))
        assert np.allclose(answer.state[""].values, exact, atol=1e-8)
    for law, words in (
        (0.2 * jf.Entropy() + jf.RenyiEntropy(0.5), "m < 1 without other internal energies"),
        (CUBE + jf.RenyiEntropy(0.5), "m < 1 without other internal energies"),
        (jf.Congestion(2.0) + jf.RenyiEntropy(0.5), "m < 1 without other internal energies"),
        (jf.CustomInternalEnergy(lambda s: -2 * s**0.5, lambda s: -(s**-0.5)), "finite slope at density 0"),
    ):
        with pytest.raises(ValueError, match=words):
            jf.FiniteVolume().check(jf.ProximalStep(law, jf.Species.of(mu), tau))
        assert jf.evolve(law, mu, dt=tau, t_end=2 * tau).ok  # the default takes another solver


@pytest.mark.filterwarnings("ignore::jkoflow.ConcentrationWarning")
def test_what_finite_volumes_do_not_solve_goes_to_another_solver():
    """Steep attraction, a step of the potential beside a bound, an own energy whose slope is infinite in vacuum."""
    for law, dt in (
        (jf.Interaction(jf.Gaussian(20.0, 0.2)) + 0.1 * jf.Entropy(), 0.02),
        (jf.Potential(lambda x: 20 * (x > 0) * 1.0) + jf.Congestion(1.2) + 0.05 * jf.Entropy(), 0.1),
        (jf.CustomInternalEnergy(lambda s: -2 * s**0.5, lambda s: -(s**-0.5)), 0.05),
    ):
        assert jf.evolve(law, BOX, dt=dt, t_end=3 * dt).ok
    hasty = jf.JKO(jf.FiniteVolume(max_iterations=1), fallback=(jf.BackAndForth(max_iterations=1), jf.Entropic()))
    flow = jf.evolve(jf.RenyiEntropy(2), BOX, scheme=hasty, dt=0.1, t_end=0.2)
    assert set(flow.solvers) == {"Entropic"}
    with pytest.raises(ValueError, match="fallback must be a step solver"):
        jf.JKO(jf.FiniteVolume(), fallback="Entropic")


def test_a_full_part_behind_a_wall_rests():
    grid = jf.Grid.box((-2, 2), cells=40)
    full = grid.density(lambda x: (x <= 0) * 1.0)
    law = jf.Potential(lambda x: x) + jf.Congestion(0.5) + jf.Obstacle(lambda x: (x > 0) & (x < 0.3))
    flow = jf.evolve(law, full, dt=0.1, t_end=0.3)
    assert flow.ok
    assert np.allclose(flow.final.values, full.values, atol=1e-9)


def test_the_pressure_of_a_bound_has_the_unit_of_the_energy():
    shapes = []
    for mass in (1.0, 1e23, 1e-18):
        rho = LINE.density(lambda x: np.exp(-8 * (x - 0.3) ** 2) * (abs(x - 0.3) < 0.5), mass=mass)
        law = (-1 / mass**2) * jf.Interaction(jf.Gaussian(0.5)) + jf.Congestion(1.6 * mass)
        flow = jf.evolve(law, rho, scheme=jf.JKO(jf.FiniteVolume()), dt=0.05 * mass, t_end=0.1 * mass)
        shapes.append(flow.final.values / mass)
    assert np.allclose(shapes[1], shapes[0], atol=1e-8)
    assert np.allclose(shapes[2], shapes[0], atol=1e-8)


def _in_space(cells):
    grid = jf.Grid.box((-2, 2), (-2, 2), (-2, 2), cells=cells)
    return grid.density(lambda x, y, z: np.exp(-2 * ((x - 0.4) ** 2 + y**2 + z**2)) + (x < -1) * (y > 0))


@pytest.mark.parametrize(
    "law",
    [
        0.2 * jf.Entropy() + jf.Potential(lambda x, y, z: 3 * (x**2 + y**2 + z**2)),
        jf.RenyiEntropy(3) + jf.Potential(lambda x, y, z: x),
        jf.RenyiEntropy(1.5) + jf.Interaction(jf.Gaussian(1.0)),
    ],
)
def test_multigrid_solves_what_factorisations_solve(law, monkeypatch):
    from jkoflow.proximal.grids.finite_volume import newton

    step = jf.ProximalStep(law, jf.Species.of(_in_space(10)), 0.05)
    whole = jf.FiniteVolume().solve(step)
    monkeypatch.setattr(newton, "_FACTORISED", {1: np.inf, 2: 0, 3: 0})
    by_multigrid = jf.FiniteVolume().solve(step)
    assert whole.status is by_multigrid.status is jf.Status.CONVERGED
    assert np.abs(whole.state[""].values - by_multigrid.state[""].values).max() < 1e-8 * whole.state[""].values.max()


@pytest.mark.parametrize("m", [1.2, 1.5, 1.9])
@pytest.mark.parametrize("tau", [1e-2, 1.0, 1e3])
def test_powers_below_two_spread_over_vacuum_at_any_step(m, tau):
    """Two drops with vacuum between; the answer of the longest step is flat."""
    grid = jf.Grid.box((-1, 1), cells=50)
    drops = grid.density(lambda x: (np.abs(x + 0.6) < 0.2) + (np.abs(x - 0.5) < 0.1) * 1.0)
    answer = jf.FiniteVolume().solve(jf.ProximalStep(jf.RenyiEntropy(m), jf.Species.of(drops), tau))
    assert answer.status is jf.Status.CONVERGED
    assert abs(answer.state[""].mass - 1) < 1e-12
    if tau == 1e3:
        assert np.abs(answer.state[""].values - 0.5).max() < 5e-3


def test_distances_are_at_most_the_diagonal_of_the_box():
    grid = jf.Grid.box((-3, 3), (-3, 3), cells=20)
    bump = grid.density(lambda x, y: np.exp(-((x - 1.5) ** 2 + (y - 1) ** 2) / 0.18))
    law = jf.Entropy() + jf.Potential(lambda x, y: 50 * (x**2 + 10 * y**2))
    answer = jf.FiniteVolume().solve(jf.ProximalStep(law, jf.Species.of(bump), 1.0))
    assert answer.distances[""] <= 6 * 2**0.5


def test_linear_steps_share_their_factors_only_where_they_may():
    """A last step that is shorter, another grid, another law: each as with a law that no step has seen."""
    pull = jf.Potential(lambda x: x**2 / 2)
    law, solver = jf.Entropy() + pull, jf.FiniteVolume()
    for cells, tau in ((60, 0.1), (60, 0.1), (60, 0.04), (30, 0.04), (60, 0.1)):
        rho = jf.Species.of(jf.Grid.box((-3, 3), cells=cells).density(lambda x: np.exp(-((x - 1) ** 2))))
        seen, fresh = (solver.solve(jf.ProximalStep(one, rho, tau)) for one in (law, jf.Entropy() + pull))
        assert seen.status is fresh.status is jf.Status.CONVERGED
        assert np.array_equal(seen.state[""].values, fresh.state[""].values)


@pytest.mark.parametrize("bound", [3.0, 8.0])
@pytest.mark.parametrize("tau", [10.0, 1e6])
def test_a_crowd_gathers_over_long_ways(bound, tau):
    """Under a bound alone a long step is solved; in the longest the lowest cells are full and the highest empty."""
    grid = jf.Grid.box((0, 1), (0, 1), cells=24)
    V = grid.sample(lambda x, y: (x - 0.51) ** 2 + 5 * (y - 0.45) ** 2)
    half = grid.density(lambda x, y: (x < 0.42) * 1.0)
    answer = jf.FiniteVolume().solve(jf.ProximalStep(jf.Congestion(bound) + jf.Potential(V), jf.Species.of(half), tau))
    assert answer.status is jf.Status.CONVERGED
    if tau > 100:
        order = np.argsort(V, axis=None)
        filled = np.clip(24**2 - bound * np.arange(24**2), 0.0, bound)
        assert np.allclose(answer.state[""].values.ravel()[order], filled, atol=1e-3 * bound)


# ---- several anchors: schemes of order 2

_BOX = jf.Grid.box((-4, 4), (-4, 4), cells=40)
_HEAP = _BOX.density(lambda x, y: np.exp(-((x - 0.5) ** 2) - (y - 0.5) ** 2))
_PAIR = jf.Species(u=_HEAP, v=_BOX.density(lambda x, y: np.exp(-((x + 0.5) ** 2) - y**2), mass=0.7))
OF_ORDER_2 = {
    "Fokker-Planck": (jf.Entropy() + jf.Potential(lambda x, y: (x**2 + y**2) / 2), _HEAP),
    "a moving well": (jf.Entropy() + jf.Potential(lambda x, y, t: ((x - t) ** 2 + y**2) / 2), _HEAP),
    "porous medium": (jf.RenyiEntropy(2), _BOX.density(lambda x, y: np.maximum(1 - x**2 - y**2, 0))),
    "fast diffusion": (jf.RenyiEntropy(0.7), _HEAP),
    "attraction": (jf.Entropy() + jf.Interaction(jf.Quadratic()), _HEAP),
    "a pointed kernel": (jf.Entropy() + jf.Interaction(jf.Morse()), _HEAP),
    "two species": (
        jf.Entropy("u") + jf.Entropy("v") + jf.CrossInteraction(jf.Gaussian(1.0, 0.7), between=("u", "v")),
        _PAIR,
    ),
    "ions": (jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=0.7, v=-1, permittivity=0.3), _PAIR),
}


@pytest.mark.parametrize("scheme", [jf.BDF2(), jf.VariationalExtrapolation()], ids=["bdf2", "extrapolation"])
@pytest.mark.parametrize("name", OF_ORDER_2)
def test_schemes_with_several_anchors_are_of_order_2(name, scheme):
    law, start = OF_ORDER_2[name]
    finals = []
    for steps in (8, 16, 32):
        flow = jf.evolve(law, start, scheme=scheme, dt=0.4 / steps, t_end=0.4, progress=False)
        assert set(flow.solvers) == {"FiniteVolume"}
        finals.append(flow.state(-1).masses)
    for species, last in finals[-1].items():
        assert last.mass == pytest.approx(start[species].mass if species else start.mass, rel=1e-12)
        assert last.values.min() >= 0
        coarse, fine = (np.abs(a[species].values - b[species].values).sum() for a, b in pairwise(finals))
        assert coarse > 3.4 * fine
    # what the step goes, from the fluxes, tends to that of JKO
    euler = jf.evolve(law, start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.4 / 32, t_end=0.4, progress=False)
    for species, way in euler.infos[-1].distances.items():
        assert flow.infos[-1].distances[species] == pytest.approx(way, rel=0.05)


def test_bdf2_on_a_linear_equation_against_plain_matrices():
    grid = jf.Grid.box((0, 1), cells=20)
    start, dt, n = grid.density(lambda x: 1 + 0.5 * np.cos(np.pi * x)), 0.01, 20
    flow = jf.evolve(jf.Entropy(), start, scheme=jf.BDF2(), dt=dt, t_end=5 * dt, progress=False)
    laplacian = (np.eye(n, k=1) + np.eye(n, k=-1) - np.diag([1.0, *[2.0] * (n - 2), 1.0])) * n**2
    before, now = start.values, np.linalg.solve(np.eye(n) - dt * laplacian, start.values)
    for _ in range(4):
        before, now = now, np.linalg.solve(1.5 * np.eye(n) - dt * laplacian, 2 * now - before / 2)
    assert np.allclose(flow.final.values, now, rtol=1e-11)


def test_a_front_that_draws_back_takes_steps_of_jko_and_doors_are_refused():
    law = jf.RenyiEntropy(2) + jf.Potential(lambda x, y: (x**2 + y**2) / 2)
    for scheme in (jf.BDF2(), jf.VariationalExtrapolation()):
        with pytest.warns(jf.OrderWarning, match="draws back"):
            flow = jf.evolve(law, _HEAP, scheme=scheme, dt=0.1, t_end=0.4, progress=False)
        assert flow.ok
        assert flow.final.mass == pytest.approx(_HEAP.mass, rel=1e-12)
        with pytest.raises(ValueError, match="steps with one anchor"):
            jf.evolve(jf.Entropy() + jf.Exit(lambda x, y: x > 3), _HEAP, scheme=scheme, dt=0.1, t_end=0.2)
