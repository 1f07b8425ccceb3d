"""Permittivity that varies, electrodes, and driven steady states: closed forms, an oracle, orders, refusals."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import jkoflow as jf

from .cone import gaps_to_the_cone_program

GAP = jf.Grid.box((-0.1, 1.1), cells=48)  # (0, 1) between two plates
LEFT, RIGHT = (lambda x: x < 0), (lambda x: x > 1)


def _salt(grid, left=1.0, right=1.0):
    """Two ions in the gap, with a linear profile."""
    x = grid.axes[0]
    inside = ((x > 0) & (x < 1)) * (left + (right - left) * x)
    return jf.Species(p=grid.density(inside, mass=None), m=grid.density(inside, mass=None))


# Poisson's equation


def test_a_layered_capacitor():
    """psi is linear in every layer with e psi' constant: exact on any grid whose faces are those of the layers."""
    plates = jf.Electrode(LEFT, -1.0), jf.Electrode(RIGHT, 2.0)
    e = np.where(GAP.axes[0] < 0.25, 1e-3, np.where(GAP.axes[0] < 0.5, 5.0, 1.0))
    coupling = jf.DirichletCoupling(p=1, permittivity=e, electrodes=plates)
    psi = coupling.potential(jf.Species(p=GAP.density(np.zeros(GAP.shape), mass=None)))
    steps = np.array([0.25 / 1e-3, 0.25 / 5.0, 0.5])  # thickness over permittivity
    edges, values = np.array([0, 0.25, 0.5, 1.0]), -1 + 3 * np.append(0, np.cumsum(steps)) / steps.sum()
    assert np.abs(psi - np.interp(GAP.axes[0], edges, values)).max() < 1e-10


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_smooth_medium_at_order_two(dim):
    """psi = product of cosines in a medium 1 + x/2: its charge by hand; mean zero."""
    errors = []
    for cells in (32, 64) if dim < 3 else (12, 24):
        grid = jf.Grid.box(*[(0, 1)] * dim, cells=cells)
        waves = [np.cos(np.pi * x) for x in grid.mesh]
        exact = np.prod(waves, axis=0)
        slope = -np.pi * np.sin(np.pi * grid.mesh[0]) * np.prod(waves[1:], axis=0)
        charge = (1 + grid.mesh[0] / 2) * dim * np.pi**2 * exact - slope / 2
        coupling = jf.DirichletCoupling(p=1, permittivity=lambda x, *rest: 1 + x / 2, doping=charge - charge.mean())
        psi = coupling.potential(jf.Species(p=grid.density(np.zeros(grid.shape), mass=None)))
        errors.append(np.abs(psi - exact).max())
    assert 1.85 < np.log2(errors[0] / errors[1]) < 2.2
    assert errors[1] < (1e-3 if dim < 3 else 8e-3)


def test_large_grids_in_space_agree_with_factors():
    """Multigrid and the sparse factors solve one equation."""
    rng = np.random.default_rng(3)
    grid = jf.Grid.box((0, 1), (0, 2), (0, 1), cells=(20, 18, 16))
    e, charge = np.exp(rng.normal(size=grid.shape)), rng.normal(size=grid.shape)
    box = jf.Electrode(lambda x, y, z: (x < 0.3) & (y < 0.5), 1.5)
    coupling = jf.DirichletCoupling(p=1, permittivity=e, electrodes=[box], doping=charge)
    operator = coupling.form.operator(grid)
    psi = operator.solve(charge)
    left = operator.matrix @ psi.ravel()
    assert np.abs(left - operator.free_charge(charge) - operator.source).max() < 1e-9 * np.abs(left).max()
    assert np.abs(psi[box.mask(grid)] - 1.5).max() < 1e-9


@pytest.mark.parametrize("boundary", ["neumann", "dirichlet"])
def test_the_first_variation_is_the_slope_of_the_energy(boundary):
    rng = np.random.default_rng(0)
    grid = jf.Grid.box((0, 1), (0, 2), cells=(9, 8))
    state = jf.Species(p=grid.density(rng.random(grid.shape)), m=grid.density(rng.random(grid.shape)))
    x, y = grid.mesh
    plates = jf.Electrode(x < 0.2, 1.0), jf.Electrode((x > 0.7) & (y < 1), -3.0)
    law = jf.DirichletCoupling(
        p=2,
        m=-1,
        permittivity=np.exp(rng.normal(size=grid.shape)),
        doping=rng.normal(size=grid.shape),
        electrodes=plates,
        boundary=boundary,
    )
    change = rng.normal(size=grid.shape) * state["p"].values
    h = 1e-4
    up, down = (jf.Species(p=state["p"].like(state["p"].values + s * change), m=state["m"]) for s in (h, -h))
    slope = (law(up) - law(down)) / (2 * h)
    assert slope == pytest.approx(grid.integrate(law.first_variation(state, "p") * change), rel=1e-7)
    for same in (copy.deepcopy(law), pickle.loads(pickle.dumps(law))):
        assert same(state) == law(state)


def test_a_step_is_that_of_the_cone_program_as_tau_falls():
    """The linear part of J at the answers of FiniteVolume and of Convex: both minimise to O(tau^2)."""
    grid = jf.Grid.box((0, 1), cells=24)
    x = grid.axes[0]
    state = jf.Species(p=grid.density(1 + 0.5 * np.cos(np.pi * x)), m=grid.density(1 - 0.3 * np.cos(np.pi * x)))
    coupling = jf.DirichletCoupling(p=1, m=-1, permittivity=0.05 + 0.1 * x, electrodes=[jf.Electrode(lambda x: x < 0.1, 0.5)])
    law = jf.Entropy("p") + jf.Entropy("m") + coupling
    gaps = gaps_to_the_cone_program(law, state, (2e-3, 1e-3))
    assert gaps[1] < 0.6 * gaps[0]
    assert gaps[1] < 0.02


def test_refusals_in_words():
    state = _salt(GAP)
    plate = jf.Electrode(LEFT, 1.0)
    cases = [
        (lambda: jf.DirichletCoupling(p=1, m=-1, permittivity=lambda x: x)(state), "permittivity must be positive everywhere"),
        (lambda: jf.DirichletCoupling(p=1, m=-1, electrodes=[plate, plate])(state), "electrodes must not share cells"),
        (lambda: jf.DirichletCoupling(p=1, m=-1, permittivity=lambda x: 1e-300 + 0 * x)(state), "permittivity must be pos"),
        (lambda: jf.DirichletCoupling(p=1, m=-1, electrodes=[1.0]), "electrodes"),
        (lambda: jf.DirichletCoupling(p=1, m=-1, electrodes=plate), "electrodes must be a list"),
        (
            lambda: jf.DirichletCoupling(p=1, m=-1, electrodes=[plate, jf.Electrode(lambda x: x > 0, 0.0)])(state),
            "electrodes must leave some cells free",
        ),
        (lambda: jf.DirichletCoupling(p=1, m=-1, electrodes=[plate], boundary="free-space"), "boundary must be"),
        (lambda: jf.DirichletCoupling(p=1, m=-1, electrodes=[jf.Electrode(lambda x: x > 9, 1.0)])(state), "region"),
        (lambda: jf.Electrode(LEFT, np.inf), "voltage"),
        (
            lambda: jf.DirichletCoupling(p=1, m=-1, permittivity=lambda x: 2 + x).debye_length(state),
            "permittivity must be a num",
        ),
    ]
    for make, match in cases:
        with pytest.raises(ValueError, match=match):
            make()
    line = jf.Species(p=GAP.density(lambda x: 1 + 0 * x).quantiles(8), m=GAP.density(lambda x: 1 + 0 * x).quantiles(8))
    law = jf.Entropy("p") + jf.Entropy("m") + jf.DirichletCoupling(p=1, m=-1, electrodes=[plate])
    with pytest.raises(ValueError, match="takes densities on a grid"):
        jf.evolve(law, line, dt=0.1, t_end=0.1)
    with pytest.raises(ValueError, match=r"BackAndForth does not take .* among the charges"):
        jf.evolve(law, _salt(GAP), scheme=jf.JKO(jf.BackAndForth()), dt=0.1, t_end=0.1)


# Steady states


def _driven(voltage, left=1.0, right=1.0, permittivity=1.0, low=0.0, diffusion=(1.0, 1.0)):
    """Two ions between reservoirs, with electrodes behind them; ``low`` is the voltage on the right."""
    coupling = jf.DirichletCoupling(
        p=1, m=-1, permittivity=permittivity, electrodes=[jf.Electrode(LEFT, voltage), jf.Electrode(RIGHT, low)]
    )
    law = coupling
    for ion, d in zip("pm", diffusion, strict=True):
        law = law + d * jf.Entropy(ion)
        law = law + jf.Reservoir(LEFT, left, ion, "left") + jf.Reservoir(RIGHT, right, ion, "right")
    return law


@pytest.mark.parametrize("voltage", [-30.0, -2.0, 0.5, 8.0])
def test_currents_in_a_constant_field_are_those_of_goldman_hodgkin_and_katz(voltage):
    """A permittivity so large that ions do not bend the field: J = -v (c_right - c_left e^v) / (1 - e^v) for z = +1."""
    mobility = {"p": 2.0, "m": 0.5}
    end = jf.steady(_driven(voltage, 3.0, 1.0, 1e9), _salt(GAP), mobility=mobility)
    assert end.status.ok

    def flux(v):  # down a potential v on the left, 0 on the right
        return v * (3.0 - 1.0 * np.exp(-v)) / (1 - np.exp(-v))

    assert end.outflow["p"]["right"] == pytest.approx(2.0 * flux(voltage), rel=1e-6)
    assert end.outflow["m"]["right"] == pytest.approx(0.5 * flux(-voltage), rel=1e-6)
    assert end.currents["right"] == pytest.approx(end.outflow["p"]["right"] - end.outflow["m"]["right"], rel=1e-12)
    assert end.currents["left"] + end.currents["right"] == pytest.approx(0.0, abs=1e-7)


def test_no_current_flows_at_the_potential_of_nernst():
    """One ion that passes: its current is 0 at log(c_right / c_left), whatever the permittivity; the curve is increasing."""
    nernst = np.log(0.2 / 3.0)
    for permittivity in (1e6, 0.05):

        def law(voltage, e=permittivity):
            ends = jf.Reservoir(LEFT, 3.0, name="left") + jf.Reservoir(RIGHT, 0.2, name="right")
            plates = jf.Electrode(LEFT, voltage), jf.Electrode(RIGHT, 0.0)
            return jf.Entropy() + ends + jf.DirichletCoupling({"": 1}, permittivity=e, electrodes=plates)

        start = GAP.density(lambda x: 1.0 * (x > 0) * (x < 1))
        curve = jf.current_voltage(law, start, [nernst + 1, nernst, nernst - 1])
        assert curve.status.ok
        up, zero, down = curve.currents["right"]
        assert up > 0 > down
        assert abs(zero) < 1e-9


def test_the_limiting_current_of_a_salt_that_one_ion_carries():
    """An ideally selective right end, salt from the left, nearly neutral: J = 2 D c (1 - exp(-v)) / L for the cation.

    The anion has no flux (Boltzmann), so that n' = -J / 2; with n = exp(-v) at the right end there is no layer of charge.
    """
    grid = jf.Grid.box((-0.05, 1.05), cells=220)
    left, right = (lambda x: x < 0), (lambda x: x > 1)
    for voltage in (1.0, 3.0):
        n = np.exp(-voltage)
        coupling = jf.DirichletCoupling(
            p=1, m=-1, permittivity=1e-7, electrodes=[jf.Electrode(left, voltage), jf.Electrode(right, 0.0)]
        )
        law = jf.Entropy("p") + jf.Entropy("m") + coupling + jf.Obstacle(right, "m")
        law = (
            law
            + jf.Reservoir(left, 1.0, "p", "left")
            + jf.Reservoir(left, 1.0, "m", "left")
            + jf.Reservoir(right, n, "p", "right")
        )
        start = jf.Species({ion: grid.density(lambda x, n=n: (x > 0) * (x < 1) * (1 + (n - 1) * x), mass=None) for ion in "pm"})
        end = jf.steady(law, start)
        assert end.status.ok
        assert end.currents["right"] == pytest.approx(2 * (1 - n), rel=1e-3)


def test_flows_through_a_pore_are_the_same_through_every_section():
    grid = jf.Grid.box((-1.1, 1.1), (0, 1), cells=(22, 10))
    x, y = grid.mesh
    left, right, wall = x < -1, x > 1, (np.abs(x) < 0.5) & (y > 0.4)
    charged = np.where((np.abs(x) < 0.5) & (np.abs(y - 0.45) < 0.05), -5.0, 0.0)
    e = np.where(wall, 1e-3, 0.1)
    coupling = jf.DirichletCoupling(
        p=1, m=-1, permittivity=e, doping=charged, electrodes=[jf.Electrode(left, 4.0), jf.Electrode(right, 0.0)]
    )
    law, inside = coupling, ~(left | right | wall)
    for ion in "pm":
        law = law + jf.Entropy(ion) + jf.Obstacle(wall, ion)
        law = law + jf.Reservoir(left, 1.0, ion, "left") + jf.Reservoir(right, 0.3, ion, "right")
    end = jf.steady(law, jf.Species({ion: grid.density(1.0 * inside, mass=None) for ion in "pm"}), mobility={"p": 3.0})
    assert end.status.ok
    assert end.residual < 1e-9
    for ion in "pm":
        across = end.fluxes[ion][0].sum(axis=1) * grid.spacing[1]
        assert np.abs(across[1:-1] - end.outflow[ion]["right"]).max() < 1e-8 * np.abs(across).max()
        assert end.outflow[ion]["left"] == pytest.approx(-end.outflow[ion]["right"], rel=1e-8)
        assert end.state[ion].values[wall].max() == 0
    assert np.abs(end.potential[left] - 4).max() < 1e-12
    assert abs(end.currents["right"]) > 0.1


def test_steady_states_are_those_of_the_flow():
    """Random driven laws: the end of a long run of JKO(FiniteVolume()) is the same state."""
    rng = np.random.default_rng(11)
    for trial in range(6):
        internal = jf.Entropy() if trial % 2 else jf.RenyiEntropy(2) + 0.1 * jf.Entropy()
        bumps = rng.normal(size=3)
        V = lambda x, b=bumps: b[0] * np.cos(5 * x) + b[1] * x + b[2] * x**2  # noqa: E731
        ends = jf.Reservoir(LEFT, float(rng.random() * 2), name="left") + jf.Exit(RIGHT, name="right")
        law = internal + jf.Potential(V) + ends
        if trial > 3:
            law = law + jf.Interaction(jf.Gaussian(0.5, 0.2))
        start = GAP.density(lambda x: 1.0 * (x > 0) * (x < 1))
        end = jf.steady(law, start)
        assert end.status.ok
        flow = jf.evolve(law, start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.5, t_end=30.0)
        assert np.abs(flow.final.values - end.state.values).max() < 1e-7 * (1 + end.state.values.max())
        assert flow.outflow["right"][-1] / 0.5 == pytest.approx(end.outflow[""]["right"], rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("barrier", [16, 24, 28])
def test_a_closed_steady_state_is_the_equilibrium_over_high_barriers(barrier):
    """Mass that starts in one of two wells is shared as Gibbs says: the flow itself would take e^barrier times."""
    grid = jf.Grid.box((-1.5, 1.5), cells=120)
    law = jf.Entropy() + jf.Potential(lambda x: barrier * (x**2 - 1) ** 2 + 0.5 * x)
    start = grid.density(lambda x: np.exp(-50 * (x - 1) ** 2))
    end, rest = jf.steady(law, start), jf.equilibrium(law, start)
    assert end.status.ok
    assert end.state.mass == pytest.approx(1.0, rel=1e-12)
    assert np.abs(end.state.values - rest.state.values).max() < 1e-8 * rest.state.values.max()
    assert max(np.abs(flux).max() for flux in end.fluxes[""]) <= max(end.rounding[""], 1e-12)


@pytest.mark.parametrize("barrier", [38, 60, 200, 400])
def test_what_rounding_hides_is_not_called_steady(barrier):
    grid = jf.Grid.box((-1.5, 1.5), cells=120)
    law = jf.Entropy() + jf.Potential(lambda x: barrier * (x**2 - 1) ** 2 + 0.5 * x)
    assert not jf.steady(law, grid.density(lambda x: np.exp(-50 * (x - 1) ** 2))).status.ok
    plane = jf.Grid.box((-1.5, 1.5), (0, 1), cells=(40, 8))
    law = jf.Entropy() + jf.Potential(lambda x, y: 1.2 * barrier * (x**2 - 1) ** 2 + 0.5 * x + y)
    assert not jf.steady(law, plane.density(lambda x, y: np.exp(-50 * (x - 1) ** 2))).status.ok


def test_a_pocket_behind_barriers_is_right_or_refused():
    """Between reservoirs 1 and 0, behind two equal hills, the density is 1/2 by symmetry; rounding hides very high ones."""
    grid = jf.Grid.box((-0.1, 1.1), cells=48)
    start = grid.density(lambda x: 1.0 * (x > 0) * (x < 1))
    ends = jf.Reservoir(LEFT, 1.0, name="left") + jf.Reservoir(RIGHT, 0.0, name="right")
    for height, known in ((5, True), (20, True), (50, False), (100, False), (400, False)):
        end = jf.steady(jf.Entropy() + ends + jf.Potential(lambda x, h=height: h * np.sin(2 * np.pi * x) ** 2), start)
        assert end.status.ok == known
        if known:
            assert end.state.values[23:25].mean() == pytest.approx(0.5, rel=1e-6)


def _flux_by_shooting():
    """The flux J of the law below: rho' = -(J + rho V') / (D + 2 rho) leads from 1 to 0.2, by scipy."""
    from scipy.integrate import solve_ivp
    from scipy.optimize import brentq

    def slope(x, rho, flux):
        return -(flux - 21 * np.sin(7 * x) * rho) / (0.01 + 2 * rho)

    def empty(x, rho, flux):
        return rho[0] - 0.02

    empty.terminal = True

    def miss(flux):
        return solve_ivp(slope, (0, 1), [1.0], args=(flux,), rtol=1e-9, atol=1e-12, events=empty).y[0, -1] - 0.2

    return brentq(miss, 1.8, 2.4, xtol=1e-10)


def test_the_mass_of_the_start_does_not_count_where_doors_decide():
    law = 0.01 * jf.Entropy() + jf.RenyiEntropy(2) + jf.Potential(lambda x: 3 * np.cos(7 * x))
    law = law + jf.Reservoir(LEFT, 1.0, name="left") + jf.Reservoir(RIGHT, 0.2, name="right")
    flux, errors = _flux_by_shooting(), []
    for cells in (48, 96, 192):
        grid, found = jf.Grid.box((-0.1, 1.1), cells=cells), []
        for mass in (1.0, 1e6, 1e9) if cells == 48 else (1.0,):
            end = jf.steady(law, grid.density(lambda x: (x > 0) * (x < 1) * (1 + x), mass=mass))
            assert end.status.ok
            assert sum(end.outflow[""].values()) == pytest.approx(0.0, abs=1e-9)
            found.append(end.outflow[""]["right"])
        assert np.allclose(found, found[0], rtol=1e-8)
        errors.append(abs(found[0] - flux) / flux)
    assert errors[1] < 0.55 * errors[0]
    assert errors[2] < 0.45 * errors[1]
    assert errors[2] < 5e-3


@pytest.mark.parametrize("units", [(1.0, 1.0), (1e-6, 4e-21), (1.0, 4e-21), (1e6, 1.0)])
def test_steady_states_in_other_units(units):
    """A barrier of 24 temperatures in micrometres and joules."""
    length, energy = units
    grid = jf.Grid.box((-1.5 * length, 1.5 * length), (0, length), cells=(40, 20))
    law = energy * (jf.Entropy() + jf.Potential(lambda x, y: 24 * ((x / length) ** 2 - 1) ** 2))
    end = jf.steady(law, grid.density(lambda x, y: np.exp(-50 * (x / length - 1) ** 2)))
    assert end.status.ok
    assert end.state.values[:20].sum() * grid.cell_volume == pytest.approx(0.5, rel=1e-9)


def test_of_several_steady_states_it_is_that_of_the_flow():
    """A porous medium in two wells keeps in each of them what the flow leaves there."""
    grid = jf.Grid.box((-2, 2), cells=80)
    law = jf.RenyiEntropy(1.5) + jf.Potential(lambda x: 5 * ((x**2 - 1) ** 2 + 0.1 * x))
    for start in (lambda x: 1.0 * (abs(x + 1) < 0.2), lambda x: 1.0 * (abs(x + 1) < 0.2) + (abs(x - 1) < 0.6)):
        rho = grid.density(start)
        end = jf.steady(law, rho)
        flow = jf.evolve(law, rho, scheme=jf.JKO(jf.FiniteVolume()), dt=2.0, t_end=200.0)
        assert end.status.ok
        assert np.abs(end.state.values - flow.final.values).sum() * grid.cell_volume < 2e-3


def test_charges_in_other_units_are_the_same_problem():
    """In coulombs, and in units of 1e-12 elementary charges: currents per charge, and the masses of a flow."""
    grid = jf.Grid.box((-0.1, 1.1), (0, 0.5), cells=(24, 12))
    left, right = grid.mesh[0] < 0, grid.mesh[0] > 1
    found = []
    for charge in (1.0, 1e-19, 1e12):
        plates = jf.Electrode(left, 1 / charge), jf.Electrode(right, 0.0)
        law = jf.DirichletCoupling(p=charge, m=-charge, permittivity=0.05 * charge**2, electrodes=plates)
        for ion in "pm":
            law = law + jf.Entropy(ion) + jf.Reservoir(left, 1.0, ion, "left") + jf.Reservoir(right, 0.3, ion, "right")
        start = jf.Species({ion: grid.density(np.where(left | right, 0.0, 1.0), mass=None) for ion in "pm"})
        end, flow = jf.steady(law, start), jf.evolve(law, start, dt=0.01, t_end=0.02)
        assert end.status.ok
        found.append((end.currents["right"] / charge, flow["p"].final.mass))
    assert found[0][0] > 0.1
    assert np.allclose(found[1:], found[0], rtol=1e-9)


def test_fast_and_slow_ions_on_many_cells():
    """Ohm's law at a ratio of mobilities of 1000, and on 4800 cells."""
    for cells, mobility, current in ((240, {"m": 1000.0}, 10010.0), (4800, {}, 20.0)):
        grid = jf.Grid.box((-0.1, 1.1), cells=cells)
        x = grid.axes[0]
        start = jf.Species({ion: grid.density(1.0 * (x > 0) * (x < 1), mass=None) for ion in "pm"})
        end = jf.steady(_driven(10.0, permittivity=1e-2), start, mobility=mobility)
        assert end.status.ok
        assert end.currents["right"] == pytest.approx(current, rel=1e-9)


@pytest.mark.parametrize("strength", [1.0, 10.0, 100.0])
def test_interactions_at_rest(strength):
    """A repulsion in a landscape: the level of the chemical potential is constant."""
    grid = jf.Grid.box((0, 1), cells=48)
    law = jf.Entropy() - strength * jf.Interaction(jf.Gaussian(1.0, 0.2)) + jf.Potential(lambda x: np.cos(6 * x))
    end = jf.steady(law, grid.density(lambda x: 1 + 0 * x))
    assert end.status.ok
    assert np.ptp(law.first_variation(end.state)) < 1e-9 * strength


def test_pockets_without_a_door_keep_their_mass():
    grid = jf.Grid.box((-0.1, 1.1), cells=120)
    x = grid.axes[0]
    law = jf.Entropy() + jf.Reservoir(LEFT, 1.0, name="left") + jf.Obstacle(lambda x: abs(x - 0.5) < 0.02)
    start = grid.density(np.where((x > 0) & (abs(x - 0.5) > 0.02), 1 + np.sin(20 * x), 0.0), mass=None)
    end = jf.steady(law, start)
    assert end.status.ok
    pocket = x > 0.52
    assert end.state.values[pocket].sum() == pytest.approx(start.values[pocket].sum(), rel=1e-12)
    assert np.ptp(end.state.values[pocket]) < 1e-9
    assert np.allclose(end.state.values[(x > 0) & (x < 0.48)], 1.0, rtol=1e-9)
    empty = jf.steady(jf.Entropy() + jf.Exit(LEFT), start)
    assert empty.status.ok
    assert empty.state.mass < 1e-12


@pytest.mark.parametrize("m", [0.7, 1.5, 3.0])
def test_an_empty_gap_fills_by_nonlinear_diffusion(m):
    """rho^m is linear between the reservoirs."""
    law = jf.RenyiEntropy(m) + jf.Reservoir(LEFT, 1.0, name="left") + jf.Reservoir(RIGHT, 0.2, name="right")
    empty = GAP.density(np.zeros(GAP.shape), mass=None)
    end = jf.steady(law, empty)
    assert end.status.ok
    assert end.outflow[""]["right"] == pytest.approx(1 - 0.2**m, rel=1e-2)
    assert jf.evolve(law, empty, dt=0.01, t_end=0.03).statuses[-1].ok


def test_an_empty_gap_fills_from_its_reservoirs():
    law = jf.Entropy() + jf.Reservoir(LEFT, 2.0, name="left") + jf.Reservoir(RIGHT, 1.0, name="right")
    empty = GAP.density(np.zeros(GAP.shape), mass=None)
    assert jf.steady(law, empty).state.mass == pytest.approx(1.5, rel=1e-9)
    flow = jf.evolve(law, empty, dt=0.01, t_end=0.05)
    assert flow.final.mass == pytest.approx(-sum(flow.outflow[door].sum() for door in ("left", "right")), rel=1e-12)


def test_what_has_no_steady_state_says_so():
    """A crowd that an attraction draws together for ever is not refused, and never called steady while it moves."""
    with pytest.raises(ValueError, match="steady takes densities"):
        jf.steady(jf.Entropy(), GAP.density(lambda x: 1 + 0 * x).quantiles(5))
    with pytest.raises(ValueError, match="law must be a function of the voltage"):
        jf.current_voltage(jf.Entropy(), _salt(GAP), [0.0])
    with pytest.raises(ValueError, match="voltages"):
        jf.current_voltage(lambda v: _driven(v), _salt(GAP), [0.0, np.nan])
    with pytest.raises(ValueError, match="tolerance"):
        jf.steady(jf.Entropy(), GAP.density(lambda x: 1 + 0 * x), tolerance=0)
    with pytest.raises(ValueError, match="voltages must be a sequence"):
        jf.current_voltage(lambda v: _driven(v), _salt(GAP), [])
    with pytest.raises(ValueError, match="at most one DirichletCoupling"):
        jf.steady(_driven(1.0) + jf.DirichletCoupling(p=1, m=-1, boundary="dirichlet"), _salt(GAP))
    curve = jf.current_voltage(lambda v: _driven(v, permittivity=1e-3), _salt(GAP), [5.0], max_iterations=1)
    assert np.isnan(curve.currents["right"]).all()
    short = jf.steady(_driven(5.0, permittivity=1e-3), _salt(GAP), max_iterations=1)
    assert not short.status.ok
