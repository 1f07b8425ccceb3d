"""Permittivity that varies, electrodes, and driven steady states: closed forms, an oracle, orders, refusals."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import jkoflow as jf

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
    coupling = jf.DirichletCoupling(
        p=1, m=-1, permittivity=0.05 + 0.1 * x, electrodes=[jf.Electrode(lambda x: x < 0.1, 0.5)]
    )
    law = jf.Entropy("p") + jf.Entropy("m") + coupling
    gaps = []
    for tau in (2e-3, 1e-3):
        step = jf.ProximalStep(law, state, tau)
        ours, cone = jf.FiniteVolume().solve(step).state, jf.ConvexDynamic().solve(step).state
        moved = sum(np.abs(cone[s].values - state[s].values).sum() for s in state)
        gaps.append(sum(np.abs(ours[s].values - cone[s].values).sum() for s in state) / moved)
    assert gaps[1] < 0.6 * gaps[0]
    assert gaps[1] < 0.02


def test_refusals_in_words():
    state = _salt(GAP)
    plate = jf.Electrode(LEFT, 1.0)
    cases = [
        (lambda: jf.DirichletCoupling(p=1, m=-1, permittivity=lambda x: x)(state), "permittivity must be positive everywhere"),
        (lambda: jf.DirichletCoupling(p=1, m=-1, electrodes=[plate, plate])(state), "electrodes must not share cells"),
        (lambda: jf.DirichletCoupling(p=1, m=-1, electrodes=[1.0]), "electrodes"),
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
