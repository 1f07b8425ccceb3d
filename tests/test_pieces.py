"""Potentials of quantiles with kinks, jumps and steep places: means over cells, steps, and what is not resolved."""

from __future__ import annotations

import warnings
from itertools import pairwise, product

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize

import jkoflow as jf
from jkoflow.kernels.sums import pieces_of

FUNCTIONS = {
    "kink": (lambda x: 3 * np.abs(x - 0.33), [0.33]),
    "jump": (lambda x: 1.0 * (x > 0.1), [0.1]),
    "steep": (lambda x: np.tanh((x - 0.2) / 0.002), [0.19, 0.2, 0.21]),
    "of arrays": (lambda x: np.interp(x, [-1, -0.2, 0.3, 1], [0, 2, -1, 1]), [-0.2, 0.3]),
    "cusp": (lambda x: np.sqrt(np.abs(x + 0.4)), [-0.4]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1e-6, 1e-4), (1e8, -3e9)])
def test_means_over_cells_are_exact(name, scale, shift):
    """Against adaptive quadrature that is told the places; a jump is a ramp of a millionth of the box."""
    f, places = FUNCTIONS[name]
    nodes = np.linspace(-1, 1, 12)
    pieces = pieces_of(lambda x: f((x - shift) / scale), shift + scale * nodes)
    assert pieces is not None
    exact = [
        quad(f, a, b, points=[p for p in places if a < p < b] or None, epsabs=1e-13, limit=200)[0] / (b - a)
        for a, b in pairwise(nodes)
    ]
    np.testing.assert_allclose(
        pieces.means(shift + scale * nodes), exact, rtol=0, atol=2e-5 if name in ("jump", "cusp") else 1e-8
    )


def test_smooth_functions_are_left_to_gauss_points():
    nodes = np.linspace(-1, 1, 12)
    for f in (np.cos, lambda x: x**6, lambda x: np.exp(-10 * x**2), lambda x: 0 * x, lambda x: 1e8 + x):
        assert pieces_of(f, nodes) is None
    assert pieces_of(lambda x: np.sqrt(x - 0.99), nodes) is None  # not a number in the box
    assert pieces_of(np.abs, np.zeros(4)) is None


def test_the_pieces_are_kept_and_their_number_is_limited():
    calls = []

    def wedge(x):
        calls.append(len(x))
        return np.abs(x - 0.3)

    def noise(x):
        calls.append(len(x))
        return np.random.default_rng(len(x)).random(len(x))

    nodes = np.linspace(-1, 1, 12)
    first = pieces_of(noise, nodes)
    assert first is not None
    assert len(first.coefficients) <= 1 << 15
    calls.clear()
    kept = pieces_of(wedge, nodes)
    assert pieces_of(wedge, nodes) is kept
    assert len(calls) < 50


def _objective(f, anchor, masses, tau, nodes):
    """The step with an entropy, by quadrature over points that know nothing of pieces: Gauss points of parts of cells."""
    widths = np.diff(nodes)
    if widths.min() <= 0:
        return np.inf
    moved = nodes - anchor
    inertia = masses @ (moved[:-1] ** 2 + moved[:-1] * moved[1:] + moved[1:] ** 2) / (6 * tau)
    s = (np.arange(400) + 0.5) / 400
    return inertia + masses @ np.log(masses / widths) + masses @ f(nodes[:-1, None] + widths[:, None] * s).mean(axis=1)


@pytest.mark.parametrize(
    ("name", "tau"), [*product(["kink", "cusp", "steep"], [0.01, 0.1, 10.0]), ("of arrays", 0.01), ("of arrays", 0.1)]
)  # in long steps there are several minima between the kinks of the arrays
def test_steps_against_a_descent_of_another_objective(name, tau):
    f, _ = FUNCTIONS[name]
    nodes = np.linspace(-1.5, 1.0, 15)
    masses = np.full(14, 1 / 14)
    step = jf.ProximalStep(jf.Entropy() + jf.Potential(f), jf.Species.of(jf.Quantiles(nodes, masses)), tau)
    answer = jf.QuantileNewton().solve(step)
    assert answer.status.ok
    found = _objective(f, nodes, masses, tau, answer.state[""].nodes)

    def of_logarithms(u):
        return _objective(f, nodes, masses, tau, u[0] + np.concatenate([[0.0], np.cumsum(np.exp(u[1:]))]))

    for start in (nodes, answer.state[""].nodes):
        lower = minimize(of_logarithms, np.append(start[0], np.log(np.diff(start))), method="BFGS", options={"gtol": 1e-9}).fun
        assert found < lower + 3e-5


@pytest.mark.parametrize("gradient", [None, lambda x: 3 * np.sign(x - 0.33)])
@pytest.mark.parametrize("n", [50, 200])
def test_an_entropy_in_a_wedge_rests_at_its_gibbs_state(n, gradient):
    start = jf.Quantiles(np.linspace(-2, 2, n + 1), walls=(-2, 2))
    law = jf.Entropy() + jf.Potential(lambda x: 3 * np.abs(x - 0.33), gradient=gradient)
    flow = jf.evolve(law, start, dt=0.1, t_end=6.0)
    assert set(flow.statuses) == {jf.Status.CONVERGED}
    left = (1 - np.exp(-3 * 2.33)) / (2 - np.exp(-3 * 2.33) - np.exp(-3 * 1.67))
    assert abs(float(flow.final.cdf(0.33)) - left) < 0.03 / n * 50
    assert np.all(np.diff(flow.energies) <= 1e-12)


def test_a_step_of_the_potential_within_a_cell_is_told_and_a_ramp_of_some_cells_is_resolved():
    start = jf.Quantiles(np.linspace(-2, 2, 201), walls=(-2, 2))
    law = jf.Entropy() + jf.Potential(lambda x: 1.0 * (x > 0))
    with pytest.warns(jf.UnresolvedWarning, match="steps within a cell"):
        flow = jf.evolve(law, start, dt=0.1, t_end=0.5)
    assert set(flow.statuses) == {jf.Status.UNRESOLVED}
    assert flow.energies[-1] < flow.energies[0] - 0.05
    ramp = jf.Entropy() + jf.Potential(lambda x: np.clip(x / 0.4 + 0.5, 0, 1))
    resolved = jf.evolve(ramp, start, dt=0.5, t_end=20.0)
    assert set(resolved.statuses) == {jf.Status.CONVERGED}
    left, right = 1.8 + 0.4 * (1 - np.exp(-0.5)), 1.8 * np.exp(-1) + 0.4 * (np.exp(-0.5) - np.exp(-1))
    assert abs(float(resolved.final.cdf(0.0)) - left / (left + right)) < 1e-4
    low = jf.evolve(jf.Entropy() + jf.Potential(lambda x: 0.1 * (x > 0)), start, dt=0.5, t_end=20.0)
    assert set(low.statuses) == {jf.Status.CONVERGED}
    assert abs(float(low.final.cdf(0.0)) - 1 / (1 + np.exp(-0.1))) < 0.003


@pytest.mark.parametrize("n", [20, 100])
@pytest.mark.parametrize("c", [0.33, 0.0, -0.7])
def test_mass_that_nothing_spreads_gathers_at_a_kink(n, c):
    """A drift at the speed 3 to the place c: max(|x - c| - 3 t, 0). A cell that reaches over c has the mean of its forces."""
    start = jf.Quantiles(np.linspace(-2, 2, n + 1))
    flow = jf.evolve(jf.Potential(lambda x: 3 * np.abs(x - c)), start, dt=0.1, t_end=0.3)
    gaps = start.nodes - c
    moved = c + np.sign(gaps) * np.maximum(np.abs(gaps) - 0.9, 0)
    assert set(flow.statuses) == {jf.Status.CONVERGED}
    assert np.abs(flow.final.nodes - moved).max() < 2 / n
    gathered = jf.evolve(jf.Potential(lambda x: 3 * np.abs(x - c)), start, dt=0.1, t_end=1.5)
    assert set(gathered.statuses) == {jf.Status.CONVERGED}
    assert np.abs(gathered.final.nodes - c).max() < 1e-8


def test_a_function_whose_parameters_change_is_looked_at_again():
    place = [0.3]
    V = lambda x: 3 * np.abs(x - place[0])  # noqa: E731
    start = jf.Quantiles(np.linspace(-1, 1, 51))
    means = []
    for place[0] in (0.3, -0.4):
        means.append(float(jf.evolve(jf.Entropy() + jf.Potential(V), start, dt=0.1, t_end=3.0).final.mean))
        fresh = jf.Entropy() + jf.Potential(lambda x, c=place[0]: 3 * np.abs(x - c))
        assert means[-1] == float(jf.evolve(fresh, start, dt=0.1, t_end=3.0).final.mean)
    assert means == pytest.approx([0.3, -0.4], abs=1e-3)


def test_functions_are_asked_within_walls_only_and_may_fail_elsewhere():
    walled = jf.Quantiles(np.linspace(0.6, 1.9, 41), walls=(0.6, 1.9))

    def wedge(x):
        if np.min(x) < 0.5 or np.max(x) > 2:
            raise RuntimeError
        return np.where((x < 0.6) | (x > 1.9), np.inf, 3 * np.abs(x - 1.2))

    for V in (wedge, lambda x: np.where(np.minimum(x - 0.5, 2 - x) < 0, np.nan, np.sin(3 * x))):
        flow = jf.evolve(jf.Entropy() + jf.Potential(V), walled, dt=0.1, t_end=1.0)
        assert set(flow.statuses) == {jf.Status.CONVERGED}


@pytest.mark.parametrize(("height", "cells"), [(2, 0.75), (2, 1), (2, 2), (4, 2), (1, 0.5), (1, 4), (2, 8), (0.2, 1)])
def test_what_a_ramp_is_resolved_by_is_told(height, cells):
    """The mass beyond a ramp against its Gibbs state: within 4 %, or UNRESOLVED in every step."""
    width = cells * 0.02
    start = jf.Quantiles(np.linspace(-1, 1, 101), walls=(-1, 1))
    V = lambda x: height * np.clip((x - 0.1) / width + 0.5, 0, 1)  # noqa: E731
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jf.UnresolvedWarning)
        flow = jf.evolve(jf.Entropy() + jf.Potential(V), start, dt=0.25, t_end=6.0)
    x = np.linspace(-1, 1, 200_001)
    exact = np.exp(-V(x))[x > 0.1].sum() / np.exp(-V(x)).sum()
    error = abs((1 - float(flow.final.cdf(0.1))) / exact - 1)
    told = set(flow.statuses)
    assert told == {jf.Status.UNRESOLVED} or (told == {jf.Status.CONVERGED} and error < 0.04)
    assert (told == {jf.Status.CONVERGED}) == (error < 0.04)


def test_kinks_are_found_where_they_are():
    nodes = np.linspace(-2, 2, 9)
    for c in (0.0, 0.33, -1.25):
        places, halves = pieces_of(lambda x, c=c: np.maximum(x - c, -2 * (x - c)) + np.cos(x), nodes).kinks
        np.testing.assert_allclose(places, [c], atol=1e-10)
        np.testing.assert_allclose(halves, [1.5], rtol=1e-8)
    for cusp_or_jump in (lambda x: np.sqrt(np.abs(x - 0.1)), lambda x: 1.0 * (x > 0.1)):
        assert len(pieces_of(cusp_or_jump, nodes).kinks[0]) == 0
