"""Steps of many atoms by sums over pairs: against tables of pairs, differences and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

import jkoflow as jf
from jkoflow.clouds import gradient_of
from jkoflow.kernels.sums import pair_curvatures
from jkoflow.proximal.clouds import particle_proximal
from jkoflow.proximal.clouds.problem import hessian_of

KERNELS = {
    "Gaussian": jf.Gaussian(2.0, 0.7),
    "Morse": jf.Morse(1.0, 0.5),
    "|x|": jf.PowerLaw(1),
    "|x|^2": jf.PowerLaw(2),
    "|x|^3": jf.PowerLaw(3),
    "|x|^1.5": jf.PowerLaw(1.5),
    "Newtonian": jf.Newtonian(2),
    "sum": jf.PowerLaw(4) - 3 * jf.Gaussian(),
    "custom": jf.CustomKernel(lambda x, y: np.cosh(x) + y**4, lambda x, y: np.stack([np.sinh(x), 4 * y**3])),
}
WELL = jf.Potential(lambda x, y: x**2 / 2 + y**4 / 4)


def _cloud(seed, n, centre=(0.0, 0.0)):
    rng = np.random.default_rng(seed)
    return jf.Particles(rng.normal(centre, size=(n, 2)), rng.random(n) + 0.1)


@pytest.mark.parametrize("name", KERNELS)
def test_sums_of_second_derivatives_are_differences_of_gradients(name):
    kernel, at, sources = KERNELS[name], _cloud(0, 30).points, _cloud(1, 40)
    vectors = np.random.default_rng(2).normal(size=(40, 2))
    found = pair_curvatures(kernel, at, sources.points, sources.masses)(vectors)
    expected, h = np.zeros_like(at), 1e-5
    for y, m, v in zip(sources.points, sources.masses, vectors, strict=True):
        ahead, behind = (kernel.gradient(*(at - y + side * h * v).T).T for side in (1, -1))
        expected += m * (ahead - behind) / (2 * h)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_second_derivatives_of_gaussians_by_waves():
    pytest.importorskip("finufft")
    cloud = _cloud(3, 4000)
    vectors = np.random.default_rng(4).normal(size=(4000, 2))
    fast = pair_curvatures(jf.Gaussian(), cloud.points, cloud.points, cloud.masses)(vectors)
    some = pair_curvatures(jf.Gaussian(), cloud.points[:9], cloud.points, cloud.masses)(vectors)  # over pairs
    np.testing.assert_allclose(fast[:9], some, rtol=0, atol=1e-12 * cloud.mass)


def _laws():
    frozen = _cloud(5, 20, (1.0, 0.0))
    for name, kernel in KERNELS.items():
        yield pytest.param(jf.Interaction(kernel) + WELL, jf.Species.of(_cloud(6, 70)), id=name)
    yield pytest.param(WELL, jf.Species.of(_cloud(6, 70)), id="potential")
    field = jf.Potential(frozen.potential(jf.Morse()))
    yield pytest.param(field + jf.Interaction(jf.Gaussian()), jf.Species.of(_cloud(6, 70)), id="frozen field")
    species = jf.Species(a=_cloud(6, 60), b=_cloud(7, 50, (1.0, 1.0)))
    both = (
        jf.Interaction(jf.PowerLaw(3), "a") + jf.CrossInteraction(jf.Gaussian(), ("a", "b")) + jf.Interaction(jf.Morse(), "b")
    )
    yield pytest.param(both, species, id="species")


@pytest.mark.parametrize(("law", "state"), list(_laws()))
def test_steps_by_sums_are_those_with_tables_of_pairs(monkeypatch, law, state):
    step = jf.ProximalStep(law, state, 0.01)
    by_sums = jf.ParticleProximal().solve(step)
    monkeypatch.setattr(particle_proximal, "_MANY", 10**9)
    by_tables = jf.ParticleProximal().solve(step)
    assert by_sums.status.ok
    assert by_tables.status.ok
    for name in state:
        np.testing.assert_allclose(by_sums.state[name].points, by_tables.state[name].points, rtol=0, atol=1e-7)


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_many_atoms_that_attract_by_squares_contract_in_closed_form(unit):
    """Towards the centre of mass by 1 / (1 + tau M), in one step, in any unit of length."""
    cloud = _cloud(8, 3000)
    start = jf.Particles(unit * cloud.points, cloud.masses)
    end = jf.evolve(jf.Interaction(jf.Quadratic()), start, scheme=jf.JKO(), dt=0.5, t_end=0.5, progress=False).final
    centre = start.masses @ start.points / start.mass
    np.testing.assert_allclose(end.points, centre + (start.points - centre) / (1 + 0.5 * start.mass), rtol=0, atol=1e-8 * unit)


def test_many_atoms_that_meet_are_put_at_one_place():
    """Sixty pairs, far from one another, whose tips bring the atoms together within the step."""
    middles = 100 * np.stack(np.meshgrid(np.arange(10), np.arange(6)), axis=-1).reshape(-1, 2)
    apart = np.array([0.01, 0.0])
    pairs = jf.Particles(np.concatenate([middles + apart, middles - apart]))
    end = jf.evolve(jf.Interaction(jf.Morse(1.0, 1.0)), pairs, scheme=jf.JKO(), dt=10.0, t_end=10.0, progress=False)
    assert end.statuses[-1].ok
    np.testing.assert_allclose(end.final.points[:60], end.final.points[60:], rtol=0, atol=1e-9)
    np.testing.assert_allclose(end.final.points[:60], middles, rtol=0, atol=1e-6)


def test_a_step_without_a_minimum_is_told():
    """Repelled by a potential without bound, in a step longer than its convexity allows."""
    step = jf.ProximalStep(jf.Potential(lambda x, y: -(x**2) - y**2), jf.Species.of(_cloud(9, 80)), 1.0)
    assert not jf.ParticleProximal(max_iterations=30).solve(step).status.ok


@pytest.mark.parametrize("seed", [1, 2])
def test_where_sums_do_not_arrive_tables_do(seed):
    """Atoms on the line that repel at short distances and attract at longer ones, in a step far beyond convexity."""
    law = jf.Interaction(jf.Morse(1.0, 0.1) - 2 * jf.Gaussian(1.0, 0.03))
    cloud = jf.Particles(np.random.default_rng(seed).normal(size=120))
    assert jf.ParticleProximal().solve(jf.ProximalStep(law, jf.Species.of(cloud), 5.0)).status.ok


POTENTIALS = {
    "smooth": lambda x, y, z: x**2 * y + np.exp(-x * z) + np.sin(y) * z**3 + 2.0,
    "of one coordinate": lambda x, y, z: np.cos(3 * y),
    "constant": lambda x, y, z: 1.0,
    "with a kink": lambda x, y, z: np.abs(x - 20) * y + z**2,
}


@pytest.mark.parametrize("name", POTENTIALS)
def test_gradients_and_hessians_of_potentials(name):
    """Against differences of high order, for a potential with a kink far away too, which has no exact derivatives."""
    V, places, h = POTENTIALS[name], np.random.default_rng(10).normal(size=(40, 3)), 1e-3
    term = jf.Potential(V).forms.entries[0].form
    weights = {-2: 1 / 12, -1: -2 / 3, 1: 2 / 3, 2: -1 / 12}

    def along(f, axis):
        step = h * np.eye(3)[axis]
        return sum(w * np.broadcast_to(f(places + k * step), 40) for k, w in weights.items()) / h

    def slope(axis):
        step = h * np.eye(3)[axis]
        return lambda x: sum(w * np.broadcast_to(V(*(x + k * step).T), 40) for k, w in weights.items()) / h

    gradient = np.stack([slope(i)(places) for i in range(3)], axis=1)
    hessian = np.stack([np.stack([along(slope(i), j) for j in range(3)], axis=-1) for i in range(3)], axis=1)
    np.testing.assert_allclose(gradient_of(term, places), gradient, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(hessian_of(term, places), hessian, rtol=1e-5, atol=1e-5)
