"""Motion and growth that come from no energy: closed forms, orders, what is refused."""

from __future__ import annotations

import logging
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import jkoflow as jf
from jkoflow.pull_back import CellMap


def _turning(x, y, *rest):
    """A rotation within radius 2 that fades towards the walls of the box (-3, 3)^2; free of divergence everywhere."""
    fading = np.exp(-4 * np.maximum(x**2 + y**2 - 4, 0) ** 2)
    return (-y * fading, x * fading, *(0 * z for z in rest))


def _bump(t, spread, *rest):
    """A Gaussian of variance ``spread`` at the angle t on the unit circle."""
    return lambda x, y, *z: np.exp(-((x - np.cos(t)) ** 2 + (y - np.sin(t)) ** 2 + sum(c**2 for c in z)) / (2 * spread))


def _l1(found, expected):
    return float(np.abs(found.values - expected.values).sum()) * found.grid.cell_volume


@pytest.mark.slow
@pytest.mark.parametrize("dim", [2, 3])
def test_a_rotation_carries_a_bump_at_order_two_in_the_cells(dim):
    """Half a radian and more in steps of a fifth. Mass to rounding; the entropy, which the flow keeps, to the order too."""
    errors, losses = [], []
    for cells in (48, 96) if dim == 2 else ((24, 24, 8), (48, 48, 16)):
        grid = jf.Grid.box((-3, 3), (-3, 3), *[(-1, 1)] * (dim - 2), cells=cells)
        rho = grid.density(_bump(0.0, 0.08), order=3)
        flow = jf.evolve(jf.Advection(_turning), rho, scheme=jf.Splitting(jf.JKO()), dt=0.2, t_end=0.6)
        assert abs(flow.final.mass - 1) < 1e-12
        assert flow.final.values.min() >= 0
        errors.append(_l1(flow.final, grid.density(_bump(0.6, 0.08), order=3)))
        losses.append(abs(jf.Entropy()(flow.final) - jf.Entropy()(rho)))
    assert np.log2(errors[0] / errors[1]) > 1.7
    assert np.log2(losses[0] / losses[1]) > 1.7
    assert errors[1] < (0.02 if dim == 2 else 0.06)


@pytest.mark.slow
def test_a_rotation_with_diffusion():
    """A Gaussian turns about the origin and spreads: its variance grows by 2 D t in every direction."""
    errors = []
    for cells, dt in ((48, 0.1), (96, 0.05)):
        grid = jf.Grid.box((-3, 3), (-3, 3), cells=cells)
        law = 0.02 * jf.Entropy() + jf.Advection(_turning)
        flow = jf.evolve(law, grid.density(_bump(0.0, 0.06), order=3), scheme=jf.Splitting(jf.JKO()), dt=dt, t_end=0.8)
        errors.append(_l1(flow.final, grid.density(_bump(0.8, 0.06 + 2 * 0.02 * 0.8), order=3)))
    assert errors[1] < 0.55 * errors[0]
    assert errors[1] < 0.01


def test_a_stream_between_walls_on_grids_quantiles_and_particles():
    """v = sin(pi x) on (0, 1): tan(pi X / 2) = exp(pi t) tan(pi x / 2). A uniform density gathers at the right wall."""
    law, t = jf.Advection(lambda x: np.sin(np.pi * x)), 0.3

    def path(x):
        return 2 / np.pi * np.arctan(np.exp(np.pi * t) * np.tan(np.pi * x / 2))

    points = np.linspace(0.05, 0.95, 7)
    cloud = jf.evolve(law, jf.Particles(points), scheme=jf.Splitting(jf.Overdamped()), dt=0.1, t_end=t)
    assert np.abs(cloud.final.points - path(points)).max() < 1e-9
    line = jf.Quantiles(np.linspace(0, 1, 21), walls=(0.0, 1.0))
    flow = jf.evolve(law, line, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=t)
    assert np.abs(flow.final.nodes - path(np.linspace(0, 1, 21))).max() < 1e-9
    assert flow.distances.sum() >= flow.final.wasserstein(line) > 0.1
    errors = []
    for cells in (50, 100, 200):
        grid = jf.Grid.box((0, 1), cells=cells)
        edges = np.linspace(0, 1, cells + 1)
        back = 2 / np.pi * np.arctan(np.exp(-np.pi * t) * np.tan(np.pi * edges / 2))
        final = jf.evolve(law, grid.density(lambda x: 1 + 0 * x), scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=t).final
        assert abs(final.mass - 1) < 1e-13
        errors.append(float(np.abs(final.values * grid.cell_volume - np.diff(back)).sum()))
    assert np.log2(errors[1] / errors[2]) > 1.85
    assert errors[2] < 3e-4


def test_a_wind_that_depends_on_time_beside_diffusion():
    """v = cos t shifts a Gaussian by sin t, on quantiles, which need no walls; it spreads as without a wind."""
    law = 0.1 * jf.Entropy() + jf.Advection(lambda x, t: np.cos(t) + 0 * x)
    start = jf.Quantiles(np.linspace(-1, 1, 101))
    still = jf.evolve(0.1 * jf.Entropy(), start, dt=0.1, t_end=1.0).final
    blown = jf.evolve(law, start, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=1.0).final
    assert np.abs(blown.nodes - still.nodes - np.sin(1.0)).max() < 1e-9


def test_a_steady_field_is_computed_once_and_gives_the_same():
    grid = jf.Grid.box((-3, 3), (-3, 3), cells=24)
    rho, calls = grid.density(_bump(0.0, 0.3)), []

    def counted(x, y):
        calls.append(len(np.atleast_1d(x)))
        return _turning(x, y)

    flow = jf.evolve(jf.Advection(counted), rho, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.2)
    seen = len(calls)
    longer = jf.evolve(jf.Advection(lambda x, y, t: _turning(x, y)), rho, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.2)
    assert np.abs(longer.final.values - flow.final.values).max() < 1e-9 * rho.values.max()
    jf.evolve(jf.Advection(counted), rho, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.8)
    assert len(calls) - seen < 2 * seen  # the long run computes its cells once too


def test_a_map_that_would_fold_cells_is_taken_in_parts():
    """One step of a full turn: whole cells would be inverted."""
    grid = jf.Grid.box((-3, 3), (-3, 3), cells=48)
    rho = grid.density(_bump(0.0, 0.1), order=3)
    final = jf.evolve(jf.Advection(_turning), rho, scheme=jf.Splitting(jf.JKO()), dt=2 * np.pi, t_end=2 * np.pi).final
    assert final.values.min() >= 0
    assert abs(final.mass - 1) < 1e-12
    assert _l1(final, rho) < 0.35


def test_cell_maps_keep_mass_and_the_uniform_density():
    """A random smooth map of the box onto itself: its pull-back of 1 is the volume of the moved cells."""
    for shape in ((40,), (20, 30), (12, 10, 14)):
        sizes = np.array(shape)

        def images(points, sizes=sizes):
            bend = 0.3 * np.prod(np.sin(np.pi * points / sizes), axis=1, keepdims=True)
            return points + bend * np.sin(np.arange(len(sizes)) + 1.0) * 2

        moved = CellMap.of(shape, images)
        assert moved.deformation < 1
        one = moved.pull(np.ones(shape))
        assert one.sum() == pytest.approx(one.size, rel=1e-13)
        rho = np.random.default_rng(0).uniform(size=shape)
        assert moved.pull(rho).sum() == pytest.approx(rho.sum(), rel=1e-13)
        corners = moved.moves[0][0] + np.arange(shape[0] + 1.0).reshape(-1, *[1] * (len(shape) - 1))
        if len(shape) == 1:
            assert np.allclose(one, np.diff(corners), atol=1e-13)


# Growth


def test_growth_cell_by_cell_is_exact():
    grid = jf.Grid.box((0, 1), cells=16)
    rho = grid.density(lambda x: x**2 * (x > 0.3), mass=2.0)
    final = jf.evolve(jf.Growth(-0.7), rho, scheme=jf.Splitting(jf.JKO()), dt=0.5, t_end=1.0).final
    assert np.allclose(final.values, rho.values * np.exp(-0.7), rtol=1e-14)
    logistic = jf.evolve(3 * jf.Growth(lambda rho: 1 - rho / 2), rho, scheme=jf.Splitting(jf.JKO()), dt=0.5, t_end=1.0).final
    full = 2 * rho.values / (rho.values + (2 - rho.values) * np.exp(-3.0))
    assert np.allclose(logistic.values, full, rtol=1e-8)
    assert (logistic.values[rho.values == 0] == 0).all()
    moving = jf.Growth(lambda x, t: x * np.cos(t))
    final = jf.evolve(moving, rho, scheme=jf.Splitting(jf.JKO()), dt=0.25, t_end=1.0).final
    assert np.allclose(final.values, rho.values * np.exp(grid.axes[0] * np.sin(1.0)), rtol=1e-8)


def test_a_rate_with_defaults_and_one_that_is_no_number():
    grid = jf.Grid.box((0, 1), cells=8)
    rho = grid.density(lambda x: 0.5 + 0 * x, mass=None)
    scheme = jf.Splitting(jf.JKO())
    plain = jf.evolve(jf.Growth(lambda rho: 2 - rho), rho, scheme=scheme, dt=0.1, t_end=0.2).final
    default = jf.evolve(jf.Growth(lambda k=2.0, *, rho: k - rho), rho, scheme=scheme, dt=0.1, t_end=0.2).final
    assert np.array_equal(plain.values, default.values)
    broken = jf.Growth(lambda rho, t: np.where(t > 0.1, np.nan, 1.0) + 0 * rho)
    flow = jf.evolve(broken, rho, scheme=scheme, dt=0.1, t_end=0.5, on_failure="return")
    assert flow.statuses[-1] is jf.Status.NOT_FINITE
    full = grid.density(lambda x: 1.0 * (x < 0.5), mass=None)
    grows = jf.evolve(jf.Congestion(1.0) + jf.Growth(8.0), full, scheme=scheme, dt=0.05, t_end=0.5, on_failure="return")
    assert grows.statuses[-1] is jf.Status.INFEASIBLE
    assert grows.final.values.max() <= 1 + 1e-9


def test_species_that_feed_on_each_other():
    """Lotka and Volterra's equations in every cell, beside no motion: the solution of scipy; names of species are densities."""
    grid = jf.Grid.box((0, 1), cells=4)
    start = jf.Species(prey=grid.density(lambda x: 1 + x, mass=None), hunters=grid.density(lambda x: 2 - x, mass=None))
    law = jf.Growth(lambda hunters: 1.1 - 0.4 * hunters, "prey") + jf.Growth(lambda rho, prey: 0.1 * prey - 0.4, "hunters")
    final = jf.evolve(law, start, scheme=jf.Splitting(jf.JKO()), dt=0.5, t_end=3.0).final

    def rates(_, y):
        a, b = y[:4], y[4:]
        return np.r_[a * (1.1 - 0.4 * b), b * (0.1 * a - 0.4)]

    y0 = np.r_[start["prey"].values, start["hunters"].values]
    exact = solve_ivp(rates, (0, 3), y0, rtol=1e-12, atol=1e-12).y[:, -1]
    assert np.allclose(np.r_[final["prey"].values, final["hunters"].values], exact, rtol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "order"),
    [(jf.JKO(jf.FiniteVolume()), 1), (jf.JKO(jf.BackAndForth(tolerance=1e-10)), 1), (jf.ImplicitMidpoint(), 2)],
    ids=["volumes", "exact", "midpoint"],
)
def test_fishers_wave(scheme, order):
    """u = (1 + exp((x - 5 t / 6^.5) / 6^.5))^-2 solves u_t = u_xx + u (1 - u) (Ablowitz and Zeppetella 1979)."""
    grid, t = jf.Grid.box((0, 40), cells=320), 1.6
    law = jf.Entropy() + jf.Growth(lambda rho: 1 - rho)

    def wave(time):
        return grid.density(lambda x: (1 + np.exp((x - 15 - 5 * time / 6**0.5) / 6**0.5)) ** -2.0, mass=None, order=2)

    dts = (0.4, 0.2, 0.1)
    ends = [jf.evolve(law, wave(0.0), scheme=jf.Splitting(scheme), dt=dt, t_end=t).final for dt in dts]
    gaps = [_l1(a, b) for a, b in pairwise(ends)]
    assert np.log2(gaps[0] / gaps[1]) == pytest.approx(order, abs=0.15)
    assert _l1(ends[-1], wave(t)) < (0.06 if order == 1 else 0.004)
    assert jf.Splitting(scheme).order == order


def test_growth_that_blows_up_is_told_with_its_time(caplog):
    """d rho / dt = rho^2 from 2 is infinite at 1/2."""
    rho = jf.Grid.box((0, 1), cells=4).density(lambda x: 2 + 0 * x, mass=None)
    with caplog.at_level(logging.INFO, "jkoflow"):
        flow = jf.evolve(jf.Growth(lambda rho: rho), rho, scheme=jf.Splitting(jf.JKO()), dt=0.2, t_end=1.0, on_failure="return")
    assert flow.statuses[-1] is jf.Status.BLEW_UP
    assert flow.times[-2] == pytest.approx(0.4)
    assert np.allclose(flow[-2].values, 2 / (1 - 2 * 0.4), rtol=1e-8)
    told = next(record.args[0] for record in caplog.records if "infinite" in record.msg)
    assert told == pytest.approx(0.5, abs=1e-6)
    at_once = jf.evolve(jf.Growth(1e4), rho, scheme=jf.Splitting(jf.JKO()), dt=0.2, t_end=0.2, on_failure="return")
    assert at_once.statuses[-1] is jf.Status.BLEW_UP


@pytest.mark.parametrize("k", [1e4, 1e6, 1e9])
def test_stiff_growth_takes_few_evaluations(k):
    """A fast and a slow reaction: the fast species follows u = 1 - v / 2, and v' = 100 v (1 - v - u / 2)."""
    grid = jf.Grid.box((0, 1), cells=16)
    state = jf.Species(u=grid.density(lambda x: 1 + x, mass=1), v=grid.density(lambda x: 2 - x, mass=1))
    calls = []

    def fast(u, v):
        calls.append(0)
        return k * (1 - u - v / 2)

    law = jf.Growth(fast, "u") + jf.Growth(lambda u, v: 100 * (1 - v - u / 2), "v")
    flow = jf.evolve(law, state, scheme=jf.Splitting(jf.JKO()), dt=0.5, t_end=0.5)
    assert np.allclose(flow.final["u"].values, 2 / 3, rtol=1e-8)
    assert np.allclose(flow.final["v"].values, 2 / 3, rtol=1e-8)
    assert len(calls) < 10_000


def test_growth_that_cannot_go_on_says_why():
    """Harvest at a constant rate ends at t = 1/2; a threshold that holds the density jumps to and fro from log(5/3) on."""
    rho = jf.Grid.box((0, 1), cells=4).density(lambda x: 0.5 + 0 * x, mass=None)
    scheme = jf.Splitting(jf.JKO())
    harvest = jf.evolve(jf.Growth(lambda rho: -1 / rho), rho, scheme=scheme, dt=0.2, t_end=1.0, on_failure="return")
    assert harvest.statuses[-1] is jf.Status.NOT_FINITE
    assert np.allclose(harvest[2].values, 0.1, rtol=1e-8)
    threshold = jf.Growth(lambda rho: np.where(rho > 0.3, -1.0, 1.0))
    held = jf.evolve(threshold, rho, scheme=scheme, dt=0.2, t_end=1.0, on_failure="return")
    assert held.statuses[-1] is jf.Status.DT_TOO_SMALL
    assert np.allclose(held[2].values, 0.5 * np.exp(-0.4), rtol=1e-8)
    steep = jf.Growth(lambda rho: np.clip(1e5 * (0.3 - rho), -1, 1))
    assert np.allclose(jf.evolve(steep, rho, scheme=scheme, dt=0.2, t_end=1.0).final.values, 0.3, rtol=1e-8)


@pytest.mark.parametrize("scale", [(1e-9, 1e6, 1e-15), (1e7, 1e-5, 1e12)])
def test_other_units_give_the_same(scale):
    """Lengths, times and masses in other units, beside diffusion."""
    L, T, M = scale

    def run(L, T, M):
        grid = jf.Grid.box((0, 4 * L), cells=32)
        rho = grid.density(lambda x: np.exp(-((x / L - 1) ** 2)), mass=M)
        top = float(rho.values.max())
        law = 0.2 * L**2 / T * jf.Entropy() + jf.Growth(lambda rho: (1 - rho / top) / T)
        law = law + jf.Advection(lambda x: L / T * np.sin(np.pi * x / (4 * L)))
        flow = jf.evolve(law, rho, scheme=jf.Splitting(jf.JKO()), dt=0.1 * T, t_end=0.5 * T)
        return flow.final.values / top

    assert np.abs(run(L, T, M) - run(1.0, 1.0, 1.0)).max() < 1e-8


def test_walking_distances():
    """To a disc, at order 1; by a gap in a wall, where it is the way to the edge of the gap and on; with a speed."""
    errors = []
    for cells in (40, 80):
        grid = jf.Grid.box((-1, 1), (-1, 1), cells=cells)
        x, y = grid.mesh
        found = jf.walking_distance(grid, to=lambda x, y: np.hypot(x, y) < 0.3)
        errors.append(np.abs(found - np.maximum(np.hypot(x, y) - 0.3, 0))[np.hypot(x, y) > 0.4].max())
    assert errors[1] < 0.02
    grid = jf.Grid.box((-1, 1), (-1, 1), cells=100)
    x, y = grid.mesh

    def wall(x, y):
        return (abs(x) < 0.021) & (y < 0.5)

    found = jf.walking_distance(grid, to=lambda x, y: x > 0.9, obstacles=wall, speed=2.0)
    hidden = (x < -0.1) & (y < 0.2)
    way = np.hypot(x + 0.02, 0.5 - y) + 0.04 + 0.88
    assert np.abs(2 * found - way)[hidden].max() < 0.04
    assert found[50, 10] == found[~(np.abs(x) < 0.021) | (y > 0.5)].max()
    bad = [
        ({"to": lambda x, y: x > 2}, "to must hold cells"),
        ({"to": lambda x, y: x > 0.9, "obstacles": lambda x, y: x > 0.8}, "to must hold cells"),
        ({"to": lambda x, y: x > 0.9, "obstacles": lambda x, y: abs(x) < 0.1}, "cells cannot"),
        ({"to": lambda x, y: x > 0.9, "speed": 0.0}, "speed must be positive"),
    ]
    for arguments, words in bad:
        with pytest.raises(ValueError, match=words):
            jf.walking_distance(grid, **arguments)


# Doors and reservoirs


def _between_doors(cells, law, start, dt, steps, density=None):
    """A run on (0, 1) with cells beyond both ends that are outside: exits, or reservoirs of the two densities."""
    h = 1 / cells
    grid = jf.Grid.box((-h, 1 + h), cells=cells + 2)
    if density is None:
        doors = jf.Exit(lambda x: x < 0, name="low") + jf.Exit(lambda x: x > 1, name="high")
    else:
        doors = jf.Reservoir(lambda x: x < 0, density[0], name="low") + jf.Reservoir(lambda x: x > 1, density[1], name="high")
    rho = grid.density(lambda x: start(x) * (x > 0) * (x < 1), mass=None)
    return jf.evolve(law + doors, rho, dt=dt, t_end=steps * dt)


def _accounted(flow):
    """What is missing from the mass of every state, over all that was there or came in."""
    gone = np.cumsum(sum(flow.outflow.values()))
    came = sum(np.abs(part).sum() for part in flow.outflow.values())
    return np.abs(flow.masses[1:] + gone - flow.masses[0]).max() / (flow.masses[0] + came)


def test_heat_leaves_through_absorbing_ends_by_sine_modes():
    """sin(k pi x) falls by 1 + dt (k pi)^2 a step; of order 2 in the cells."""
    dt, errors = 0.01, []
    for cells in (20, 40, 80):
        flow = _between_doors(cells, jf.Entropy(), lambda x: np.sin(np.pi * x) + 0.3 * np.sin(3 * np.pi * x), dt, 10)
        x = flow.final.grid.axes[0][1:-1]
        modes = [2 * flow.final.values[1:-1] @ np.sin(k * np.pi * x) / cells for k in (1, 3)]
        exact = [c * (1 + dt * (k * np.pi) ** 2) ** -10 for k, c in ((1, 1.0), (3, 0.3))]
        errors.append(np.abs(np.subtract(modes, exact)).max())
        assert _accounted(flow) < 1e-13
        assert set(flow.solvers) == {"FiniteVolume"}
        assert flow.final.values.min() >= 0
        assert np.allclose(flow.outflow["low"], flow.outflow["high"], rtol=1e-9)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.15)
    assert errors[2] < 2e-4


def test_the_mean_time_to_an_exit():
    """The sum of dt times the mass left is the mean time x (1 - x) / 2 from a place x, whatever dt; beside a drift too."""
    errors = []
    for cells in (20, 40):
        flow = _between_doors(cells, jf.Entropy(), lambda x: 1 + x, 0.5, 60)
        times = float(flow.masses[1:].sum()) * 0.5 / flow.masses[0]
        errors.append(abs(times - (1 / 12 + 1 / 24) / 1.5))  # the mean of x (1 - x) / 2 under (1 + x) / 1.5 ... 0.083333
    assert errors[1] < 2e-3
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.3)


@pytest.mark.parametrize("v", [-3.0, -0.2, 1e-4, 2.0, 30.0])
def test_goldman_hodgkin_katz(v):
    """The flux between reservoirs in a constant field is v (c0 - c1 e^-v) / (1 - e^-v), on any cells, and 0 at Nernst's v."""
    law = jf.Entropy() + jf.Potential(lambda x: -v * x)
    flow = _between_doors(12, law, lambda x: 1 + 0 * x, 50.0, 3, density=(2.0, 0.5))
    exact = v * (2.0 - 0.5 * np.exp(-v)) / -np.expm1(-v)
    assert flow.outflow["high"][-1] / 50.0 == pytest.approx(exact, rel=1e-8)
    assert flow.outflow["low"][-1] / 50.0 == pytest.approx(-exact, rel=1e-8)
    assert _accounted(flow) < 1e-12
    nernst = np.log(0.5 / 2.0)
    still = _between_doors(12, jf.Entropy() + jf.Potential(lambda x: -nernst * x), lambda x: 1 + 0 * x, 50.0, 3, (2.0, 0.5))
    assert abs(still.outflow["high"][-1]) / 50.0 < 1e-9


def test_gas_seeps_between_reservoirs():
    """m = 2: at rest rho^2 is linear, and the flux is c0^2 - c1^2, on any cells: fluxes are differences of pressures."""
    flow = _between_doors(16, jf.RenyiEntropy(2), lambda x: 1 + 0 * x, 2.0, 8, density=(2.0, 1.0))
    x = flow.final.grid.axes[0][1:-1]
    assert flow.outflow["high"][-1] / 2.0 == pytest.approx(3.0, rel=1e-8)
    assert np.abs(flow.final.values[1:-1] - np.sqrt(4 - 3 * x)).max() < 1e-8


def test_a_full_column_leaves_at_its_speed():
    """Under a bound, a column at the bound falls towards the exit with speed 1: its mass falls by 1 per time, to the end."""
    errors = []
    for cells in (40, 80):
        h = 1 / cells
        grid = jf.Grid.box((0, 1 + h), cells=cells + 1)
        law = jf.Congestion(1.0) + jf.Potential(lambda x: -x) + jf.Exit(lambda x: x > 1)
        flow = jf.evolve(law, grid.density(lambda x: 1.0 * (x < 1), mass=None), dt=0.02, t_end=0.8)
        assert flow.ok
        assert _accounted(flow) < 1e-12
        errors.append(np.abs(flow.masses - (1 - flow.times)).max())
    assert errors[1] < 0.03
    assert errors[1] < errors[0]


@pytest.mark.parametrize("dim", [2, 3])
def test_mass_is_accounted_for_by_door_and_species(dim):
    """Ions with charge, a kernel, an exit and a reservoir of their own, doors inside the box; 3-D by multigrid."""
    grid = jf.Grid.box(*[(0, 1)] * dim, cells=24 if dim == 2 else 18)
    inside = grid.density(lambda x, *_: np.where(x > 0.85, 0.0, 1.0) * np.where(x < 0.1, 0.0, 1.0) + 0)
    law = jf.Entropy("a") + 0.5 * jf.Entropy("b") + jf.Potential(lambda x, y, *_: y, "a")
    law = law + jf.Exit(lambda x, *_: x > 0.9, "a", "right") + jf.Exit(lambda x, *_: x > 0.9, "b", "right")
    law = law + jf.Reservoir(lambda x, y, *_: (x < 0.1) & (y > 0.5), 3.0, "a", "inlet")
    law = law + jf.Interaction(jf.Gaussian(), "b")
    if dim == 2:
        law = law + jf.DirichletCoupling({"a": 1.0, "b": -1.0}, boundary="dirichlet")
    flow = jf.evolve(law, jf.Species(a=inside, b=inside), dt=0.05, t_end=0.2)
    assert flow.ok
    assert set(flow.outflow) == {"right", "inlet"}
    assert set(flow["b"].outflow) == {"right"}
    for name in "ab":
        assert _accounted(flow[name]) < 1e-12
        assert (flow[name].outflow["right"] > 0).all()
        assert min(state.values.min() for state in flow[name]) >= 0
    assert (flow["a"].outflow["inlet"] < 0).all()
    assert max(info.iterations for info in flow.infos) < 12  # Newton's method knows the doors


@pytest.mark.parametrize("kind", ["door", "wall"])
def test_strong_charges_stay_out_of_closed_cells(kind):
    """Valences above 1 made rounding the pivot of closed cells: they hold exactly nothing."""
    grid = jf.Grid.box((0, 1), (0, 1), cells=12)
    closed = jf.Exit if kind == "door" else jf.Obstacle
    law = jf.Entropy("a") + jf.Entropy("b") + jf.DirichletCoupling({"a": 3.0, "b": -2.0}, boundary="dirichlet")
    law = law + closed(lambda x, y: x > 0.8, "a") + closed(lambda x, y: x > 0.8, "b")
    start = jf.Species({name: grid.density(lambda x, y, k=k: (x < 0.8) * (1 + k * y)) for k, name in enumerate("ab")})
    flow = jf.evolve(law, start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.01, t_end=0.05)
    assert flow.ok
    assert all((measure.values[grid.mesh[0] > 0.8] == 0).all() for measure in flow.final.values())


def test_a_wind_may_not_turn_through_a_wall():
    rho = GRID.density(lambda x: 1 + x)
    law = jf.Advection(lambda x, t: np.sin(np.pi * x) + np.maximum(t - 0.2, 0))
    with pytest.raises(jf.FlowError, match="goes through one"):
        jf.evolve(law, rho, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.5)
    line = jf.Quantiles([0.0, 0.5, 1.0], walls=(0.0, 1.0))
    with pytest.raises(jf.FlowError, match="goes through one"):
        jf.evolve(law, line, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.5)
    lost = jf.evolve(
        jf.Advection(lambda x: x**2),
        jf.Particles([1.0]),
        scheme=jf.Splitting(jf.Overdamped()),
        dt=0.4,
        t_end=2.0,
        on_failure="return",
    )
    assert lost.statuses[-1] is jf.Status.NOT_FINITE
    growing = jf.evolve(
        jf.Entropy() + jf.Growth(lambda rho: 1 - rho), rho, scheme=jf.Splitting(jf.JKO()), dt=0.5, t_end=2.0, stop=jf.Steady()
    )
    assert growing.times[-1] == 2.0


def test_all_may_leave():
    """Fast diffusion in a long step: what is left is far below the rounding of what was there."""
    flow = _between_doors(20, jf.RenyiEntropy(0.5), lambda x: 1 + 0 * x, 40.0, 3)
    assert flow.ok
    assert _accounted(flow) < 1e-12
    assert 0 <= flow.final.mass < 1e-3


def test_a_run_with_doors_is_kept(tmp_path):
    flow = _between_doors(10, jf.Entropy(), lambda x: 1 + 0 * x, 0.1, 4)
    jf.save(flow, tmp_path / "doors.jko")
    assert np.array_equal(jf.load(tmp_path / "doors.jko").outflow["low"], flow.outflow["low"])
    assert np.array_equal(jf.to_xarray(flow).outflow.sel(door="high"), flow.outflow["high"])


# Circles and tori


def test_heat_on_a_circle_by_its_modes():
    """Waves fall by the rates of the differences, exactly; these are of order 2."""
    for cells in (2, 3, 20, 41):
        grid, dt = jf.Grid.torus((0, 1), cells=cells), 0.005
        x, rate = grid.axes[0], (2 - 2 * np.cos(2 * np.pi / cells)) * cells**2
        rho = grid.density(1 + 0.5 * np.cos(2 * np.pi * (x - 0.1)), mass=None)
        flow = jf.evolve(jf.Entropy(), rho, dt=dt, t_end=10 * dt)
        exact = 1 + 0.5 * np.cos(2 * np.pi * (x - 0.1)) * (1 + dt * rate) ** -10
        assert np.abs(flow.final.values - exact).max() < 1e-10
        assert set(flow.solvers) == {"FiniteVolume"}


TORUS_LAWS = {
    "attraction": 0.1 * jf.Entropy() + 0.1 * jf.RenyiEntropy(2) - jf.Interaction(jf.Gaussian()),
    "powers": jf.RenyiEntropy(3) + jf.Potential(lambda x, y: 0 * x),
    "bound": jf.Congestion(0.6) + 0.5 * jf.Interaction(jf.Morse()),
}


@pytest.mark.parametrize("name", TORUS_LAWS)
def test_a_torus_has_no_place_of_its_own(name):
    """A flow from a moved start is the moved flow, round the ends too; energies fall, mass stays."""
    grid = jf.Grid.torus((0, 1), (0, 2), cells=(12, 20))
    rho = grid.density(lambda x, y: np.exp(np.cos(2 * np.pi * (x - 0.05)) + np.cos(np.pi * y)))
    moved = jf.Density(grid, np.roll(rho.values, (5, 11), (0, 1)))
    flow, other = (jf.evolve(TORUS_LAWS[name], start, dt=0.05, t_end=0.2) for start in (rho, moved))
    assert np.abs(np.roll(flow.final.values, (5, 11), (0, 1)) - other.final.values).max() < 1e-9
    assert np.diff(flow.energies).max() < 1e-12
    assert np.abs(flow.masses - 1).max() < 1e-13
    assert np.abs(flow.final.values - rho.values).max() > 1e-3


@pytest.mark.parametrize("p", [1, 2, 3.5])
def test_distances_on_a_circle(p):
    """A block moves the shorter way round, to the other side by halves; a random pair against the network simplex."""
    import ot

    grid = jf.Grid.torus((0, 2), cells=40)
    block = grid.density(np.arange(40) < 5, mass=3.0)
    for steps, cells in ((3, 3), (20, 17.5), (33, 7)):
        moved = jf.Density(grid, np.roll(block.values, steps))
        assert float(jf.wasserstein(block, moved, p)) == pytest.approx(3 ** (1 / p) * 0.05 * cells, rel=1e-9)
    rng, parts = np.random.default_rng(3), 12
    a, b = (grid.density(rng.random(40) ** 3 * (rng.random(40) < 0.6)) for _ in range(2))
    x = (np.arange(40 * parts) + 0.5) * 2 / (40 * parts)
    gaps = np.abs(x[:, None] - x)
    weights = [np.repeat(m.masses / parts, parts) for m in (a, b)]
    exact = ot.emd2(*[w / w.sum() for w in weights], np.minimum(gaps, 2 - gaps) ** p, numItermax=10**6) ** (1 / p)
    assert float(jf.wasserstein(a, b, p)) == pytest.approx(exact, rel=1e-3)
    with pytest.raises(ValueError, match="on one circle"):
        jf.wasserstein2(a, jf.Grid.box((0, 2), cells=40).density(lambda x: 1 + 0 * x))


def test_charges_on_a_torus_are_neutral():
    """Two ions that differ by a wave: the difference relaxes at Debye's rate k^2 + 2 n; a net charge is refused."""
    grid, size, dt = jf.Grid.torus((0, 1), cells=48), 1e-4, 0.002
    wave = np.cos(2 * np.pi * grid.axes[0])
    ions = jf.Species(u=grid.density(1 + size * wave, mass=None), v=grid.density(1 - size * wave, mass=None))
    law = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=1, v=-1)
    final = jf.evolve(law, ions, dt=dt, t_end=10 * dt).final
    rate = (2 - 2 * np.cos(2 * np.pi / 48)) * 48**2 + 2
    left = float((final["u"].values - final["v"].values) @ wave) / 48 / size
    assert left == pytest.approx((1 + dt * rate) ** -10, rel=1e-5)
    psi = grid.solve_poisson(wave)
    assert np.abs(psi - wave / (rate - 2)).max() < 1e-13
    with pytest.raises(ValueError, match="zero total"):
        grid.solve_poisson(1 + wave)


def test_kernels_act_along_the_shortest_way_round():
    rng = np.random.default_rng(1)
    for shape in ((7,), (8,), (5, 6), (4, 3, 5)):
        grid = jf.Grid.torus(*[(0, 1.5)] * len(shape), cells=shape)
        values, points = rng.uniform(size=shape), grid.points.reshape(-1, len(shape))
        apart = points[:, None] - points
        apart -= 1.5 * np.round(apart / 1.5)
        table = jf.Gaussian()(*np.moveaxis(apart, 2, 0))
        found = grid.convolve(jf.Gaussian(), values).ravel()
        assert np.allclose(found, table @ values.ravel() * grid.cell_volume, rtol=1e-12)


def test_fields_and_doors_on_a_torus(tmp_path):
    """Keller and Segel's linear growth by JKO, and an exit; the run is kept with its torus."""
    grid, size, dt = jf.Grid.torus((0, 1), cells=40), 1e-4, 0.01
    wave = np.cos(2 * np.pi * grid.axes[0])
    law = 0.1 * jf.Entropy() + jf.FieldEnergy("c", 0.2, 1.0) + jf.Secretion() + jf.Chemotaxis(6.0)
    start = jf.State(grid.density(1 + size * wave, mass=None), {"c": jf.Field(grid, lambda x: 1 + 0 * x)})
    flow = jf.evolve(law, start, dt=dt, t_end=10 * dt)
    k = (2 - 2 * np.cos(2 * np.pi / 40)) * 40**2
    step = np.linalg.inv(np.eye(2) - dt * np.array([[-0.1 * k, 6.0 * k], [1.0, -(1 + 0.2 * k)]]))
    exact = (np.linalg.matrix_power(step, 10) @ [1.0, 0.0])[0]
    assert float((flow.final.masses[""].values - 1) @ wave) / 20 / size == pytest.approx(exact, rel=2e-3)
    door = jf.Exit(lambda x: abs(x - 0.5) < 0.1)
    leaving = jf.evolve(jf.Entropy() + door, grid.density(lambda x: 1.0 * (abs(x - 0.5) > 0.1)), dt=0.01, t_end=0.1)
    assert _accounted(leaving) < 1e-13
    assert np.allclose(leaving.final.values, leaving.final.values[::-1], atol=1e-12)
    jf.save(leaving, tmp_path / "torus.jko")
    assert jf.load(tmp_path / "torus.jko").final.grid == grid


ROUND = jf.Grid.torus((0, 1), cells=8).density(lambda x: 1 + 0 * x)
TORUS = jf.Grid.torus((0, 1), (0, 1), cells=4).density(lambda x, y: 1 + 0 * x)
NEEDS_WALLS = {
    "Convex": lambda: jf.evolve(jf.Entropy(), ROUND, scheme=jf.JKO(jf.Convex()), dt=0.1, t_end=0.1),
    "quantiles": lambda: ROUND.quantiles(4),
    "equilibrium": lambda: jf.equilibrium(jf.Entropy(), ROUND),
    "mean": lambda: ROUND.mean,
    "covariance": lambda: TORUS.covariance,
    "geodesic_convexity": lambda: jf.diagnostics.geodesic_convexity(jf.Interaction(jf.Quadratic()), ROUND),
    "PhaseDensity": lambda: jf.PhaseDensity.of(ROUND.grid, GRID, lambda x, v: 1 + 0 * x),
}


@pytest.mark.parametrize("name", NEEDS_WALLS)
def test_what_needs_walls_refuses_a_torus(name):
    with pytest.raises(ValueError, match=f"{name} works in boxes with walls, got a torus"):
        NEEDS_WALLS[name]()


GRID = jf.Grid.box((0, 1), cells=8)
RHO = GRID.density(lambda x: 1 + 0 * x)
IONS = jf.DirichletCoupling({"a": 2.0, "b": -2.0})
SALT = jf.Species(a=GRID.density(lambda x: x < 0.5), b=GRID.density(lambda x: x < 0.5))
BAD = {
    "velocity must be finite": lambda: jf.evolve(
        jf.Advection(lambda x: np.where(x > 0.5, np.nan, 0.0)), RHO, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.1
    ),
    "rate of Growth.* must be finite": lambda: jf.evolve(
        jf.Growth(lambda x: x + np.nan), RHO, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.1
    ),
    "doors change it": lambda: jf.evolve(
        jf.Entropy() + jf.Exit(lambda x: x > 0.5), SALT["a"], scheme=jf.Adaptive(jf.JKO(), 1e-3), dt=0.1, t_end=0.1
    ),
    "a scheme with a fixed dt": lambda: jf.evolve(jf.Growth(1.0), RHO, scheme=jf.Adaptive(jf.JKO(), 1e-3), dt=0.1, t_end=0.1),
    "charge leaves through doors": lambda: jf.evolve(
        jf.Entropy("a") + jf.Entropy("b") + IONS + jf.Exit(lambda x: x > 0.5, "a"), SALT, dt=0.1, t_end=0.1
    ),
    "Growth changes it": lambda: jf.evolve(
        jf.Entropy("a") + jf.Entropy("b") + IONS + jf.Growth(1.0, "a"), SALT, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.1
    ),
    "on a torus, which has no walls": lambda: jf.evolve(
        jf.Entropy() + jf.DirichletCoupling({"": 1.0}, boundary="dirichlet"), ROUND, dt=0.1, t_end=0.1
    ),
    "coefficient of Exit": lambda: jf.evolve(jf.Entropy() - jf.Exit(lambda x: x > 0.5), SALT["a"], dt=0.1, t_end=0.1),
    "keep their mass": lambda: jf.diagnostics.energy_dissipation(
        jf.evolve(jf.Growth(1.0) + jf.Entropy(), RHO, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.1)
    ),
    "has fields, doors": lambda: jf.diagnostics.slope_identity(
        jf.evolve(jf.Entropy() + jf.Exit(lambda x: x > 0.5), SALT["a"], dt=0.1, t_end=0.1),
        jf.Entropy() + jf.Exit(lambda x: x > 0.5),
    ),
    "density must be >= 0": lambda: jf.Reservoir(lambda x: x > 0.5, -1.0),
    "must hold some of the cells": lambda: jf.evolve(jf.Entropy() + jf.Exit(lambda x: x > 2), RHO, dt=0.1, t_end=0.1),
    "must hold no mass in obstacles, doors": lambda: jf.evolve(
        jf.Entropy() + jf.Exit(lambda x: x > 0.9), RHO, dt=0.1, t_end=0.1
    ),
    "must not overlap": lambda: jf.evolve(
        jf.Entropy() + jf.Exit(lambda x: x > 0.5) + jf.Reservoir(lambda x: x > 0.8, 1.0),
        GRID.density(lambda x: x < 0.5),
        dt=0.1,
        t_end=0.1,
    ),
    "nor meet an Obstacle": lambda: jf.evolve(
        jf.Entropy() + jf.Exit(lambda x: x > 0.5) + jf.Obstacle(lambda x: x > 0.8),
        GRID.density(lambda x: x < 0.5),
        dt=0.1,
        t_end=0.1,
    ),
    "at most the bound": lambda: jf.evolve(
        jf.Congestion(4.0) + jf.Reservoir(lambda x: x > 0.5, 5.0), GRID.density(lambda x: x < 0.5), dt=0.1, t_end=0.1
    ),
    "doors and reservoirs": lambda: jf.evolve(
        jf.Entropy() + jf.Exit(lambda x: x > 0.5), jf.Quantiles([0.0, 0.2]), dt=0.1, t_end=0.1
    ),
    "does not take Exit": lambda: jf.evolve(
        jf.Entropy() + jf.Exit(lambda x: x > 0.5), RHO, scheme=jf.JKO(jf.Entropic()), dt=0.1, t_end=0.1
    ),
    "velocity must be a function": lambda: jf.Advection(1.0),
    "rate must be": lambda: jf.Growth(np.nan),
    "arguments have names": lambda: jf.Growth(max),
    "take Splitting\\(JKO": lambda: jf.evolve(jf.Entropy() + jf.Growth(1.0), RHO, dt=0.1, t_end=0.1),
    "take Splitting\\(Overdamped": lambda: jf.evolve(
        jf.Advection(np.cos), jf.Particles([0.0]), scheme=jf.Overdamped(), dt=0.1, t_end=0.1
    ),
    "along the walls": lambda: jf.evolve(
        jf.Advection(lambda x: 1 + 0 * x), RHO, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.1
    ),
    "goes through one": lambda: jf.evolve(
        jf.Advection(lambda x: x), jf.Quantiles([0.0, 0.5], walls=(0.0, 1.0)), scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.1
    ),
    "2 components": lambda: jf.evolve(
        jf.Advection(lambda x, y: x),
        jf.Grid.box((0, 1), (0, 1), cells=4).density(lambda x, y: 1 + 0 * x),
        scheme=jf.Splitting(jf.JKO()),
        dt=0.1,
        t_end=0.1,
    ),
    "arguments among rho, x, t, pressure, got 'y'": lambda: jf.evolve(
        jf.Growth(lambda y: y), RHO, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.1
    ),
    "on Density, got Quantiles": lambda: jf.evolve(
        jf.Growth(1.0), jf.Quantiles([0.0, 1.0]), scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.1
    ),
    "got MovingParticles": lambda: jf.evolve(
        jf.Advection(np.cos), jf.MovingParticles([0.0], [0.0]), scheme=jf.Splitting(jf.Inertial()), dt=0.1, t_end=0.1
    ),
    "carries mass into Exit": lambda: jf.evolve(
        jf.Advection(lambda x: 0 * x) + jf.Exit(lambda x: x > 0.9), RHO, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.1
    ),
    "carries mass into Obstacle": lambda: jf.evolve(
        jf.Advection(lambda x: 0 * x) + jf.Obstacle(lambda x: x > 2), RHO, scheme=jf.Splitting(jf.JKO()), dt=0.1, t_end=0.1
    ),
    "steps of a given size": lambda: jf.Splitting(jf.Adaptive(jf.JKO(), 1e-3)),
    "last state only": lambda: jf.Splitting(jf.BDF2()),
}


@pytest.mark.parametrize("words", BAD)
def test_bad_input_is_named(words):
    with pytest.raises(ValueError, match=words):
        BAD[words]()


# The balance of energy, with what goes through doors


@pytest.mark.parametrize("internal", [jf.Entropy(), jf.RenyiEntropy(2), jf.Congestion(2.5) + 0.3 * jf.Entropy()], ids=repr)
def test_energy_is_lost_by_dissipation_and_through_doors(internal):
    """Convex energies lose at least the dissipation and what leaves, and more by O(dt) alone; two reservoirs and a drift."""
    grid = jf.Grid.box((-0.1, 1.1), cells=48)
    ends = jf.Reservoir(lambda x: x < 0, 2.0, name="left") + jf.Reservoir(lambda x: x > 1, 0.5, name="right")
    law = internal + jf.Potential(lambda x: -np.cos(3 * x)) + ends
    empty = grid.density(np.zeros(grid.shape), mass=None)
    start = jf.steady(internal + jf.Potential(lambda x: np.sin(6 * x)) + ends, empty).state  # fits its reservoirs
    gaps = []
    for dt in (4e-3, 2e-3):
        flow = jf.evolve(law, start, scheme=jf.JKO(jf.FiniteVolume()), dt=dt, t_end=0.04)
        report = jf.diagnostics.energy_dissipation(flow)
        gap = report.curves["energy lost"] - report.bounds["sum of W2^2 / dt"]
        assert gap.min() > -2e-3 * report.curves["energy lost"][-1]  # the cells: means at faces
        gaps.append(abs(gap[-1]))
    assert gaps[1] < 0.7 * gaps[0]
    end = jf.steady(law, start)  # at rest the dissipation is what comes in
    last = jf.evolve(law, end.state, scheme=jf.JKO(jf.FiniteVolume()), dt=0.1, t_end=0.1)
    assert last.dissipation[0] == pytest.approx(-last.infos[0].energy_out / 0.1, rel=2e-3)


def test_an_infinite_energy_that_leaves_is_said():
    grid = jf.Grid.box((0, 1.1), cells=22)
    rho = grid.density(lambda x: 1.0 * (x < 1))
    flow = jf.evolve(jf.Entropy() + jf.Exit(lambda x: x > 1), rho, dt=0.01, t_end=0.02)
    with pytest.raises(ValueError, match="takes an infinite energy with it"):
        jf.diagnostics.energy_dissipation(flow)
    crowd = jf.evolve(jf.Congestion(1.2) + jf.Potential(lambda x: -x) + jf.Exit(lambda x: x > 1), rho, dt=0.01, t_end=0.1)
    assert jf.diagnostics.energy_dissipation(crowd).worst < 1e-9


# Growth that feels the pressure


@pytest.mark.parametrize("dim", [1, 2])
def test_a_tumour_that_grows_by_pressure(dim):
    """Hele and Shaw: p'' = -G (1 - p / P) in a full ball of radius R that touches the walls of symmetry, and R' = -p'(R).

    On the line p = P (1 - cosh(k x) / cosh(k R)) with k^2 = G / P, so R' = P k tanh(k R); in the plane tanh is I1 / I0.
    """
    from scipy.special import i0, i1

    P, G, k = 0.2, 2.0, np.sqrt(10.0)
    ratio = np.tanh if dim == 1 else lambda s: i1(s) / i0(s)
    errors = []
    for cells in (40, 160) if dim == 1 else (40, 80):
        grid = jf.Grid.box(*[(0, 1.5)] * dim, cells=cells)
        radius = np.sqrt(sum(x**2 for x in grid.mesh))
        start = grid.density(np.clip((0.5 - radius) / grid.spacing[0] + 0.5, 0, 1), mass=None)
        law = jf.Congestion(1.0) + jf.Growth(lambda pressure: G * (1 - pressure / P))
        flow = jf.evolve(law, start, scheme=jf.Splitting(jf.JKO()), dt=0.5 / cells, t_end=0.3)
        assert max(rho.values.max() for rho in flow.states) <= 1 + 1e-6
        volume = 1.0 if dim == 1 else np.pi / 4
        first = (start.mass / volume) ** (1 / dim)
        reached = solve_ivp(lambda t, R: P * k * ratio(k * R), (0, 0.3), [first], rtol=1e-10).y[0, -1]
        errors.append(abs((flow.final.mass / volume) ** (1 / dim) - reached))
    assert errors[1] < 0.65 * errors[0]
    assert errors[1] < 5e-3


def test_pressure_is_refused_where_nobody_tells_it(tmp_path):
    grid = jf.Grid.box((0, 1), cells=16)
    start, rate = grid.density(lambda x: 1.0 * (x < 0.5), mass=0.4), jf.Growth(lambda pressure: 1 - pressure)
    for law, scheme in (
        (jf.Entropy() + rate, jf.JKO()),
        (jf.Congestion(1.0) + jf.Entropy() + rate, jf.JKO(jf.BackAndForth())),
        (jf.Congestion(1.0) + jf.Entropy() + rate, jf.ImplicitMidpoint()),
        (jf.Congestion(1.0) + jf.Entropy() + rate, jf.JKO(jf.FiniteVolume(), fallback=jf.Entropic())),
    ):
        with pytest.raises(ValueError, match="needs the pressure of a bound"):
            jf.evolve(law, start, scheme=jf.Splitting(scheme), dt=0.1, t_end=0.1)
    law = jf.Congestion(1.0) + 0.1 * jf.Entropy() + rate  # a run that is continued goes on as it was, pressures included
    whole = jf.evolve(law, start, scheme=jf.Splitting(jf.JKO()), dt=0.05, t_end=0.4)
    half = jf.evolve(law, start, scheme=jf.Splitting(jf.JKO()), dt=0.05, t_end=0.2)
    jf.save(half, tmp_path / "half.npz")
    again = jf.evolve(law, jf.load(tmp_path / "half.npz"), scheme=jf.Splitting(jf.JKO()), dt=0.05, t_end=0.4)
    assert np.array_equal(again.final.values, whole.final.values)


# Channels: some axes periodic, some between walls


@pytest.mark.parametrize("periodic", [(True, False), (False, True)])
@pytest.mark.parametrize("boundary", ["neumann", "dirichlet"])
def test_poisson_in_a_channel(periodic, boundary):
    """A product of a wave round the channel and one between its walls; both ways of solving agree."""
    grid = jf.Grid.box((0, 1), (0, 2), cells=(24, 20), periodic=periodic)
    waves = []
    for x, length, closed in zip(grid.mesh, grid.lengths, periodic, strict=True):
        waves.append(
            np.sin(2 * np.pi * x / length + 1) if closed else (np.cos if boundary == "neumann" else np.sin)(np.pi * x / length)
        )
    turns = [(2 if closed else 1) * np.pi / n for n, closed in zip(grid.shape, periodic, strict=True)]
    value = sum((2 - 2 * np.cos(turn)) / h**2 for turn, h in zip(turns, grid.spacing, strict=True))
    charge = waves[0] * waves[1]
    psi = grid.solve_poisson(charge, boundary)
    assert np.abs(psi - charge / value).max() < 1e-13
    rough = 0.1 * (1 + 1e-9 * grid.mesh[0])  # not uniform: by sparse factors
    other = jf.DirichletCoupling(p=1, permittivity=rough, doping=charge, boundary=boundary)
    found = other.potential(jf.Species(p=grid.density(np.zeros(grid.shape), mass=None)))
    assert np.abs(found - 10 * psi).max() < 1e-7 * np.abs(10 * psi).max()


def test_heat_in_a_channel_and_what_turns_in_it():
    """Modes in both directions; a blob that crosses the seam is that of the shifted channel; walls stay walls."""
    grid = jf.Grid.box((0, 1), (0, 1), cells=(32, 32), periodic=(True, False))
    rho = grid.density(lambda x, y: 1 + 0.5 * np.sin(2 * np.pi * x) * np.cos(np.pi * y))
    flow = jf.evolve(jf.Entropy(), rho, dt=1e-3, t_end=0.02)
    rate = np.log(np.ptp(rho.values) / np.ptp(flow.final.values)) / 0.02
    assert rate == pytest.approx(5 * np.pi**2, rel=0.03)
    blob = grid.density(lambda x, y: np.exp(-50 * ((x - 0.5) ** 2 + (y - 0.2) ** 2)))
    shifted = blob.like(np.roll(blob.values, 16, axis=0))
    law = jf.RenyiEntropy(2) + jf.Interaction(jf.Gaussian(0.5, 0.2)) + jf.Potential(lambda x, y: y)
    ends = [jf.evolve(law, start, dt=5e-3, t_end=0.02).final for start in (blob, shifted)]
    assert np.abs(np.roll(ends[0].values, 16, axis=0) - ends[1].values).max() < 1e-8
    turned = np.roll(blob.values, 10, axis=1)
    assert (
        np.abs(np.roll(jf.evolve(law, blob.like(turned), dt=5e-3, t_end=0.02).final.values, -10, axis=1) - ends[0].values).max()
        > 1e-2
    )


def test_a_channel_is_stored_and_walked(tmp_path):
    grid = jf.Grid.box((0, 4), (0, 1), cells=(16, 4), periodic=(True, False))
    rho = grid.density(lambda x, y: 1 + 0 * x)
    flow = jf.evolve(jf.Entropy(), rho, dt=0.1, t_end=0.2)
    jf.save(flow, tmp_path / "channel.npz")
    assert jf.load(tmp_path / "channel.npz").final.grid == grid
    way = jf.walking_distance(grid, to=lambda x, y: x < 0.25)
    assert way.max() < 2.5  # round the channel, not along the whole of it
    field = jf.Field(grid, lambda x, y: np.cos(np.pi * x / 2) * np.cos(np.pi * y))
    assert field.values.shape == grid.shape
    assert jf.Grid.box((0, 1), (0, 1), cells=2, periodic=(True, True)) == jf.Grid.torus((0, 1), (0, 1), cells=2)
    for bad in ((True,), 1, "x", (True, 0)):
        with pytest.raises(ValueError, match="periodic must be True or False"):
            jf.Grid.box((0, 1), (0, 1), cells=2, periodic=bad)
    with pytest.raises(ValueError, match="works in boxes with walls"):
        jf.evolve(jf.Entropy(), rho, scheme=jf.JKO(jf.Convex()), dt=0.1, t_end=0.1)
    with pytest.raises(ValueError, match="boundary must be"):
        jf.evolve(
            jf.Entropy("p") + jf.Entropy("m") + jf.DirichletCoupling(p=1, m=-1, boundary="free-space"),
            jf.Species(p=rho, m=rho), dt=0.1, t_end=0.1,
        )  # fmt: skip


def _with_inflow(cells, flux=2.0, mass=1.0, length=1.0, time=1.0):
    """Heat on (0, 1) in units of one's own; mass enters at 0, and the other end is closed."""
    grid = jf.Grid.box((-0.25 * length, length), cells=5 * cells // 4)
    rho = grid.density(lambda x: mass / length * (x > 0), mass=None)
    law = length**2 / time * jf.Entropy() + jf.Inflow(lambda x: x < 0, flux * mass / time)
    return jf.evolve(law, rho, dt=0.02 * time, t_end=2.0 * time)


def test_a_given_flux_fills_a_box_by_its_closed_form():
    """Late, rho = 1 + q t + q ((1 - x)^2 / 2 - 1/6): of order 2 in the cells. What came in is accounted for in every step."""
    errors = []
    for cells in (20, 40):
        flow = _with_inflow(cells)
        x = flow.final.grid.axes[0]
        exact = 1 + 2 * 2.0 + 2.0 * ((1 - x) ** 2 / 2 - 1 / 6)
        errors.append(np.abs(flow.final.values - exact)[x > 0].max())
        np.testing.assert_allclose(flow.outflow["inflow"], -2.0 * flow.dts, rtol=1e-9)
        np.testing.assert_allclose(np.diff(flow.masses) + flow.outflow["inflow"], 0, atol=1e-12 * flow.masses[-1])
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize(("mass", "length", "time"), [(1e-12, 1e6, 1e-9), (1e9, 1e-6, 1e6)])
def test_a_given_flux_in_other_units(mass, length, time):
    there, here = _with_inflow(20, 2.0, mass, length, time).final.values * length / mass, _with_inflow(20).final.values
    np.testing.assert_allclose(there, here, rtol=1e-8)


@pytest.mark.parametrize(
    "energy", [jf.RenyiEntropy(2), jf.RenyiEntropy(0.5), jf.Potential(lambda x, y: -x), jf.Congestion(9.0)]
)
def test_a_given_flux_under_every_kind_of_energy(energy):
    """A flux that varies along the wall, with a coefficient: the mass that comes in is its integral."""
    grid = jf.Grid.box((-0.1, 1.1), (0, 1), cells=(24, 10))
    law = energy + 0.5 * jf.Inflow(lambda x, y: x < 0, lambda x, y: 4 * y, name="wall")
    flow = jf.evolve(law, grid.density(lambda x, y: 1.0 * (x > 0)), dt=0.05, t_end=0.5)
    assert flow.outflow["wall"].sum() == pytest.approx(-0.5, rel=1e-9)
    assert flow.final.mass == pytest.approx(1.5, rel=1e-9)
    assert min(state.values.min() for state in flow) >= 0


def test_a_given_flux_into_a_room_without_a_way_out():
    """A bound is outgrown with a status; there is no steady state, and none is told."""
    grid = jf.Grid.box((-0.1, 1.0), cells=44)
    rho, entrance = grid.density(lambda x: 1.0 * (x > 0)), jf.Inflow(lambda x: x < 0, 2.0)
    flow = jf.evolve(jf.Congestion(2.0) + entrance, rho, dt=0.05, t_end=2.0, on_failure="return")
    assert flow.statuses[-1] is jf.Status.INFEASIBLE
    assert flow.final.mass == pytest.approx(2.0)
    both = jf.Species(a=rho, b=grid.density(lambda x: 0.5 * (x > 0), mass=None))
    shared = jf.Congestion(2.0, ("a", "b")) + jf.Inflow(lambda x: x < 0, 2.0, "a") + jf.Obstacle(lambda x: x < 0, "b")
    flow = jf.evolve(shared, both, dt=0.05, t_end=2.0, on_failure="return")
    assert flow.statuses[-1] is jf.Status.INFEASIBLE
    assert flow.final["a"].mass == pytest.approx(1.5)
    assert not jf.steady(jf.Entropy() + entrance, rho).status.ok
    with pytest.raises(ValueError, match="flux must be >= 0"):
        jf.Inflow(lambda x: x < 0, -1.0)
    with pytest.raises(ValueError, match=r"flux of .* must be >= 0 in its region"):
        jf.evolve(jf.Entropy() + jf.Inflow(lambda x: x < 0, lambda x: x), rho, dt=0.1, t_end=0.1)


@pytest.mark.parametrize("flux", [1e-3, 1e-7, 1e-11])
@pytest.mark.parametrize("energy", [jf.Entropy(), jf.RenyiEntropy(2)])
def test_a_small_flux_enters_too(flux, energy):
    """A state at rest is not the answer if something enters. The flux is told exactly, whatever its share of the mass."""
    grid = jf.Grid.box((-0.1, 1.0), cells=22)
    law = energy + jf.Inflow(lambda x: x < 0, flux)
    flow = jf.evolve(law, grid.density(lambda x: 1.0 * (x > 0)), dt=1e-3, t_end=0.02)
    np.testing.assert_allclose(flow.outflow["inflow"], -flux * flow.dts, rtol=1e-12)
    assert flow.final.mass - 1 == pytest.approx(flux * 0.02, rel=1e-4, abs=1e-14)


@pytest.mark.parametrize("m", [0.5, 1.2, 1.9, 3])
def test_a_given_flux_fills_an_empty_room(m):
    grid = jf.Grid.box((-0.05, 1.05), cells=22)
    law = jf.RenyiEntropy(m) + jf.Inflow(lambda x: x < 0, 1.0)
    flow = jf.evolve(law, grid.density(np.zeros(22), mass=None), dt=0.1, t_end=0.3)
    assert flow.final.mass == pytest.approx(0.3, rel=1e-12)
