"""The schemes for particles with inertia at every epsilon, under friction and alignment of any strength."""

from __future__ import annotations

from decimal import Decimal, localcontext
from math import factorial

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import jkoflow as jf
from jkoflow.linear import krylov_phi, phi

SPRING = jf.CustomKernel(
    lambda x, y: np.sqrt(1 + x**2 + y**2), lambda x, y: np.stack(np.broadcast_arrays(x, y)) / np.sqrt(1 + x**2 + y**2)
)
RNG = np.random.default_rng(0)
N = 8
START = jf.MovingParticles(RNG.normal(size=(N, 2)), 3 * RNG.normal(size=(N, 2)), RNG.uniform(0.5, 1.5, N) / N)


def _law(pull, friction):
    law = jf.Interaction(SPRING)
    if pull:
        law = law + jf.Alignment(lambda r: pull / (1 + r**2))
    return law + jf.Friction(friction) if friction else law


def _by_radau(pull, friction, epsilon, drag=1.0, t=1.0):
    """Positions and velocities of START after a time t, by scipy and numpy alone."""
    m = START.masses

    def moved(_, y):
        x, v = y.reshape(2, N, 2)
        gaps = x[:, None] - x
        squares = (gaps**2).sum(axis=-1)
        force = -np.einsum("j,ijc->ic", m, gaps / np.sqrt(1 + squares)[..., None])
        weights = m * pull / (1 + squares)
        force += weights @ v - weights.sum(axis=1)[:, None] * v
        return np.concatenate([v.ravel(), ((force - (drag + friction) * v) / epsilon).ravel()])

    return solve_ivp(moved, (0, t), START.phase.ravel(), method="Radau", rtol=1e-10, atol=1e-12).y[:, -1].reshape(2, N, 2)


@pytest.mark.parametrize("k", range(8))
def test_phi_functions_to_the_last_digits(k):
    """Against their recursion with 90 digits."""
    z = np.concatenate([[0.0], np.logspace(-10, 9, 39), -np.logspace(-6, 1.5, 12)])
    exact = []
    with localcontext() as context:
        context.prec = 90
        for number in z.tolist():
            value = (-Decimal(number)).exp()
            for j in range(k):
                value = (Decimal(1) / factorial(j) - value) / Decimal(number) if number else Decimal(1) / factorial(j + 1)
            exact.append(float(value))
    assert np.allclose(phi(k + 1, z)[k], exact, rtol=3e-13, atol=0)


@pytest.mark.parametrize("h", [1e-6, 0.1, 3.0, 1e5])
def test_phi_functions_of_matrices(h):
    rng = np.random.default_rng(1)
    A, v = np.diag(rng.uniform(1, 6, 30)) + 0.1 * rng.normal(size=(30, 30)), rng.normal(size=30)
    found = krylov_phi(lambda w: A @ w, v, h, 4, 1e-13, 100)
    assert found is not None
    expected = [expm(-h * A) @ v]
    if h >= 0.1:
        for k in range(3):
            expected.append(np.linalg.solve(h * A, v / factorial(k) - expected[-1]))
    else:
        expected += [sum(np.linalg.matrix_power(-h * A, j) @ v / factorial(j + k) for j in range(6)) for k in (1, 2, 3)]
    scale = np.linalg.norm(expected, axis=1)[:, None]
    assert (np.abs(found - expected) <= 1e-10 * scale + 1e-300).all()
    assert krylov_phi(lambda w: A @ w, v, h, 4, 1e-13, 2) is None
    assert np.array_equal(krylov_phi(lambda w: A @ w, 0 * v, h, 3, 1e-13, 9), np.zeros((3, 30)))


STIFF = [(0.0, 0.0, 1.0), (0.0, 0.0, 1e-8), (0.0, 5.0, 1e-4), (3.0, 0.0, 1e-4), (30.0, 2.0, 1e-7), (3.0, 0.5, 10.0)]


@pytest.mark.slow
@pytest.mark.parametrize(("pull", "friction", "epsilon"), STIFF)
def test_orders_under_friction_and_alignment_of_any_strength(pull, friction, epsilon):
    exact = _by_radau(pull, friction, epsilon)
    for scheme, bound in ((jf.ExponentialEuler(epsilon), 0.03), (jf.Inertial(epsilon), 2e-3)):
        errors = []
        for dt in (0.1, 0.05, 0.025):
            final = jf.evolve(_law(pull, friction), START, scheme=scheme, dt=dt, t_end=1.0).final
            errors.append(np.abs(final.phase - exact).max())
        assert errors[0] < bound
        layer = 0.025 * epsilon if epsilon < 1e-3 else 0.0  # what it adds falls faster than dt^2 only where dt < epsilon
        assert errors[2] < max(errors[0] / 2 ** (2 * scheme.order - 0.3), layer)


@pytest.mark.parametrize(("pull", "friction", "epsilon"), STIFF)
def test_the_reference_meets_its_tolerance(pull, friction, epsilon):
    exact = _by_radau(pull, friction, epsilon)
    for tolerance in (1e-6, 1e-10):
        flow = jf.evolve(
            _law(pull, friction), START, scheme=jf.InertialReference(epsilon, tolerance=tolerance), dt=0.5, t_end=1.0
        )
        assert np.abs(flow.final.phase - exact).max() < max(10 * tolerance, 1e-9)
        assert flow.infos[-1].error <= tolerance * 20


def test_the_reference_without_damping():
    exact = _by_radau(0.0, 0.0, 1.0, drag=0.0)
    flow = jf.evolve(_law(0.0, 0.0), START, scheme=jf.InertialReference(), t_end=1.0)
    assert np.abs(flow.final.phase - exact).max() < 1e-9
    assert flow.energies[-1] == pytest.approx(flow.energies[0], rel=1e-10)
    assert np.allclose(flow.final.momentum, START.momentum, atol=1e-11)


def test_the_reference_with_a_law_and_a_mobility_that_depend_on_time():
    law = jf.Potential(lambda x, t: (1 + np.sin(3 * t)) * x**2 / 2, gradient=lambda x, t: (1 + np.sin(3 * t)) * x)
    start = jf.MovingParticles([1.0], [0.5])
    flow = jf.evolve(law, start, scheme=jf.InertialReference(0.01), dt=0.5, t_end=1.0, mobility={"": lambda t: 1 + t**2})

    def moved(t, y):
        return [y[1], (-y[1] - (1 + t**2) * (1 + np.sin(3 * t)) * y[0]) / 0.01]

    exact = solve_ivp(moved, (0, 1), [1.0, 0.5], method="Radau", rtol=1e-11, atol=1e-13).y[:, -1]
    assert np.allclose(flow.final.phase.ravel(), exact, atol=1e-9)


def test_the_reference_is_continued_to_the_last_bit(tmp_path):
    law, scheme = _law(2.0, 1.0), jf.InertialReference(1e-3)
    whole = jf.evolve(law, START, scheme=scheme, dt=0.1, t_end=0.4)
    jf.evolve(law, START, scheme=scheme, dt=0.1, t_end=0.2, store=tmp_path / "run.jko")
    again = jf.evolve(law, jf.open(tmp_path / "run.jko"), scheme=scheme, t_end=0.4)
    assert np.array_equal(again.final.phase, whole.final.phase)
    with pytest.raises(ValueError, match="tolerance must be at most"):
        jf.InertialReference(0.1, tolerance=0.1)


def test_species_of_very_different_inertia_align():
    """epsilon 1e-6 beside 1: the light species is where its forces balance, by a linear system."""
    a, b = jf.MovingParticles([0.0, 1.0], [5.0, -5.0]), jf.MovingParticles([0.5], [2.0])
    law = jf.Alignment(lambda r: 1 + 0 * r, "a", "b") + jf.Alignment(lambda r: 3 + 0 * r, "b", "a") + jf.Friction(0.5, "a")
    final = jf.evolve(law, jf.Species(a=a, b=b), scheme=jf.Inertial({"a": 1e-6, "b": 1.0}), dt=0.01, t_end=0.5).final
    # u_a = u_b / (1 + 1 + 0.5), and u_b' = -u_b + 3 (u_a - u_b)
    assert np.allclose(final["b"].velocities, 2 * np.exp(-0.5 * (4 - 3 / 2.5)), rtol=1e-4)
    assert np.allclose(final["a"].velocities, final["b"].velocities[0] / 2.5, rtol=1e-4)


def test_newtons_equations_with_friction_and_alignment_are_of_order_two():
    """Against the exponential of the matrix of velocities; places are those of free motion."""
    state = jf.Species(a=jf.MovingParticles([0.0], [1.0]), b=jf.MovingParticles([0.0], [-1.0]))
    psi = lambda r: 1 / (1 + r)  # noqa: E731
    law = jf.Alignment(psi, "a", "b") + jf.Alignment(psi, "b", "a") + jf.Friction(2.0, "a")

    def moved(_, y):
        pull = (y[3] - y[2]) / (1 + abs(y[0] - y[1]))
        return [y[2], y[3], pull - 2 * y[2], -pull]

    exact = solve_ivp(moved, (0, 1), [0.0, 0.0, 1.0, -1.0], method="Radau", rtol=1e-11, atol=1e-13).y[:, -1]
    errors = []
    for dt in (0.1, 0.05, 0.025):
        final = jf.evolve(law, state, scheme=jf.Inertial(), dt=dt, t_end=1.0).final
        found = [final["a"].points[0], final["b"].points[0], final["a"].velocities[0], final["b"].velocities[0]]
        errors.append(np.abs(np.array(found) - exact).max())
    assert errors[2] < 3e-4
    assert np.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.15)


@pytest.mark.parametrize("scheme", [jf.Inertial(), jf.Inertial(1.0), jf.ExponentialEuler(1.0)], ids=repr)
def test_alignment_that_is_far_stronger_than_a_step(scheme):
    """Velocities meet at once: bounded by those at the start, at their mean, whatever dt."""
    start = jf.MovingParticles([0.0, 1.0], [1.0, -0.5])
    final = jf.evolve(jf.Alignment(lambda r: 1e4 + 0 * r), start, scheme=scheme, dt=0.1, t_end=1.0).final
    decay = 1.0 if scheme.epsilon is None else np.exp(-1.0)
    assert np.allclose(final.velocities, 0.25 * decay, atol=1e-9)


def test_alignment_in_one_direction_of_any_strength():
    """Species b feels nothing, and keeps its velocities; a follows it. The matrix is not symmetric, and singular."""
    xa, va, xb, vb = np.random.default_rng(5).normal(size=(4, 6))
    state = jf.Species(a=jf.MovingParticles(xa, va), b=jf.MovingParticles(xb, vb))
    for strength in (1.0, 1e3, 1e5):
        law = jf.Alignment(lambda r, k=strength: k * np.exp(-r), "a", "b")
        for scheme in (jf.ExponentialEuler(), jf.Inertial(), jf.Inertial({"a": 1.0, "b": 1e6})):
            final = jf.evolve(law, state, scheme=scheme, dt=0.1, t_end=0.1).final
            free = vb if scheme.epsilon is None else vb * np.exp(-1e-7)
            assert np.allclose(final["b"].velocities, free, rtol=1e-9, atol=1e-9)
            assert np.abs(final["a"].velocities).max() <= max(np.abs(va).max(), np.abs(vb).max()) * (1 + 1e-9)


def test_uneven_alignment_of_many():
    """Rates from 1e-3 to 1e4 in one swarm, and inertia times far apart: by eigenvalues where the Krylov space is large."""
    rng = np.random.default_rng(0)
    start = jf.MovingParticles(rng.normal(size=(200, 2)), rng.normal(size=(200, 2)))
    law = jf.Alignment(lambda r: 1e4 * np.exp(-10 * r**2))
    final = jf.evolve(law, start, scheme=jf.Inertial(1e-3), dt=0.01, t_end=0.02).final
    assert np.allclose(final.momentum, start.momentum * np.exp(-20), atol=1e-12)
    both = jf.Species(a=start, b=jf.MovingParticles(start.points + 0.1, -start.velocities))
    law = jf.Combination(tuple((1.0, jf.Alignment(_hundred, *pair)) for pair in ("ab", "ba")))
    final = jf.evolve(law, both, scheme=jf.Inertial({"a": 1.0, "b": 1e-6}), dt=0.01, t_end=0.02).final
    assert np.abs(final["b"].velocities).max() <= np.abs(start.velocities).max()


def _hundred(r):
    return 100 / (1 + r**2)


def test_the_reference_in_any_units_and_anywhere():
    """Velocities that decay to nothing, one particle at rest, lengths of 1e-12, 1e6 lengths from the origin."""
    free = jf.Potential(lambda x: 0 * x, gradient=lambda x: 0 * x)
    flow = jf.evolve(free, jf.MovingParticles([0.0], [1.0]), scheme=jf.InertialReference(1 / 735), dt=1.0, t_end=3.0)
    assert flow.final.points[0] == pytest.approx(1 / 735, rel=1e-9)
    meeting = jf.MovingParticles([0.0, 1.0], [1.0, -1.0])
    law = jf.Alignment(lambda q: 1 / (1 + q * q))
    final = jf.evolve(law, meeting, scheme=jf.InertialReference(1e-3), dt=0.5, t_end=0.5).final
    assert np.abs(final.velocities).max() < 1e-9
    places = []
    for unit in (1.0, 1e-9, 1e-12, 1e9):
        well = jf.Potential(lambda x, u=unit: x**4 / 4 / u**2, gradient=lambda x, u=unit: x**3 / u**2)
        start = jf.MovingParticles([unit], [0.0])
        places.append(jf.evolve(well, start, scheme=jf.InertialReference(), dt=2.0, t_end=2.0).final.points[0] / unit)
    assert np.allclose(places, places[0], atol=1e-9)
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(2, 20, 2))
    finals = []
    for shift in (0.0, 1e6):
        start = jf.MovingParticles(x + shift, v)
        flow = jf.evolve(jf.Interaction(jf.Gaussian()), start, scheme=jf.InertialReference(1e-6), dt=0.1, t_end=0.2)
        finals.append(flow.final.points - shift)
        assert flow.infos[-1].evaluations < 2000
    assert np.allclose(*finals, atol=1e-8)
    fast = jf.evolve(
        jf.Potential(lambda x: -np.cos(x), gradient=np.sin),
        jf.MovingParticles([1.0], [1e9]),
        scheme=jf.InertialReference(1e-9),
        dt=1.0,
        t_end=1.0,
    ).final
    exact = solve_ivp(lambda t, y: [y[1], (-y[1] - np.sin(y[0])) / 1e-9], (0, 1), [1.0, 1e9], "Radau", rtol=1e-11, atol=1e-12)
    assert fast.points[0] == pytest.approx(exact.y[0, -1], abs=1e-8)
