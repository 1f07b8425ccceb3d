"""Mobilities that vary in space: changes of variables, layers, directions, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import jkoflow as jf


def _l1(found, expected):
    return float(np.abs(found.values - expected).sum()) * found.grid.cell_volume


@pytest.mark.parametrize("as_array", [False, True])
def test_heat_in_a_medium_is_heat_in_another_variable(as_array):
    """With y = int dx / sqrt(a) the flow of Entropy and log(a) / 2 is heat in y: here modes cos(pi y) on y in (0, 1).

    a = (1 + x)^2 (log 2)^2 on (0, 1) gives y = log(1 + x) / log 2, and rho = (1 + c cos(pi y) exp(-pi^2 t)) dy / dx.
    """
    errors = []
    for cells in (50, 100, 200):
        grid = jf.Grid.box((0, 1), cells=cells)

        def exact(t, grid=grid):
            def density(x):
                return (1 + 0.5 * np.cos(np.pi * np.log2(1 + x)) * np.exp(-(np.pi**2) * t)) / ((1 + x) * np.log(2))

            return grid.sample(density, order=3)

        a = lambda x: ((1 + x) * np.log(2)) ** 2  # noqa: E731
        law = (
            jf.Entropy() + jf.Potential(lambda x: np.log((1 + x) * np.log(2))) + jf.Mobility(a(grid.axes[0]) if as_array else a)
        )
        dt = 0.1 / cells
        flow = jf.evolve(law, grid.density(exact(0.0), mass=None), dt=dt, t_end=0.05)
        assert flow.final.mass == pytest.approx(1.0, rel=1e-5)
        assert (np.diff(flow.energies) <= 1e-12).all()
        errors.append(_l1(flow.final, exact(0.05)))
    assert 0.85 < np.log2(errors[1] / errors[2]) < 1.15  # dt is proportional to the cells
    assert errors[2] < 2e-3


@pytest.mark.parametrize("m", [1, 2])
def test_directions_are_a_stretched_plane(m):
    """a = (4, 1): in x / 2 the plane is isotropic, for heat and for the porous medium, whatever the cells."""
    internal = jf.Entropy() if m == 1 else jf.RenyiEntropy(m)
    wide, round_ = jf.Grid.box((-2, 2), (-1, 1), cells=32), jf.Grid.box((-1, 1), (-1, 1), cells=32)
    start = wide.density(lambda x, y: np.maximum(0.3 - x**2 / 4 - (y - 0.2) ** 2, 0))
    same = round_.density(2 * start.values, mass=None)
    scaled = internal if m == 1 else 2.0 ** (1 - m) * internal  # U'(rho) of half the density
    stretched = jf.evolve(internal + jf.Mobility(lambda x, y: (4.0, 1.0)), start, dt=0.01, t_end=0.05)
    plain = jf.evolve(scaled, same, scheme=jf.JKO(jf.FiniteVolume()), dt=0.01, t_end=0.05)
    assert np.abs(2 * stretched.final.values - plain.final.values).max() < 1e-8 * plain.final.values.max()
    # the distances moved are those in the metric of the medium
    assert stretched.distances.sum() == pytest.approx(plain.distances.sum(), rel=1e-8)


@pytest.mark.slow
def test_barenblatt_in_a_stretched_plane():
    """With a = (4, 1) the solution is Barenblatt's in (x / 2, y): of order 1 as dt and the cells fall together."""
    known, errors = jf.Barenblatt(m=2, d=2), []
    for cells in (32, 64, 128):
        grid = jf.Grid.box((-2, 2), (-1, 1), cells=(cells, cells))

        def exact(t, grid=grid):
            return grid.sample(lambda x, y: known.density(t)(x / 2, y), order=3)

        law = jf.RenyiEntropy(2) + jf.Mobility(lambda x, y: (4.0, 1.0))
        start, end = 2e-3, 6e-3
        flow = jf.evolve(law, grid.density(exact(start), mass=None), dt=0.064 / cells * 1e-1, t_end=end - start)
        errors.append(_l1(flow.final, exact(start + flow.times[-1])))
    assert np.log2(errors[1] / errors[2]) > 0.85
    assert errors[2] < 0.02 * 2.0  # of the mass 2


def test_layers_in_series_and_in_parallel():
    grid = jf.Grid.box((-0.1, 1.1), (0, 1), cells=(24, 10))
    left, right = (lambda x, y: x < 0), (lambda x, y: x > 1)
    ends = jf.Reservoir(left, 3.0, name="left") + jf.Reservoir(right, 1.0, name="right")
    start = grid.density(lambda x, y: 1.0 * (x > 0) * (x < 1))
    series = jf.steady(jf.Entropy() + ends + jf.Mobility(lambda x, y: np.where(x < 0.5, 1.0, 1e-4)), start)
    assert series.outflow[""]["right"] == pytest.approx(2 / (0.5 + 0.5e4), rel=1e-9)
    parallel = jf.steady(jf.Entropy() + ends + jf.Mobility(lambda x, y: np.where(y < 0.5, 1.0, 1e-4)), start)
    assert parallel.outflow[""]["right"] == pytest.approx(2 * (0.5 + 0.5e-4), rel=1e-9)
    twice = jf.steady(jf.Entropy() + ends + 2 * jf.Mobility(lambda x, y: 1 + 0 * x), start, mobility={"": 3.0})
    assert twice.outflow[""]["right"] == pytest.approx(12.0, rel=1e-9)


def test_what_does_not_fit_is_refused_in_words():
    grid = jf.Grid.box((0, 1), (0, 1), cells=6)
    rho = grid.density(lambda x, y: 1 + x)
    medium = jf.Mobility(lambda x, y: 1 + x)
    cases = [
        (lambda: jf.Mobility("a"), "a must"),
        (lambda: jf.evolve(jf.Entropy() + jf.Mobility(lambda x, y: x - 0.5), rho, dt=0.1, t_end=0.1), "must be positive"),
        (lambda: jf.evolve(jf.Entropy() + jf.Mobility(np.ones(6)), rho, dt=0.1, t_end=0.1), "got shape"),
        (
            lambda: jf.evolve(jf.Entropy() + jf.Mobility(lambda x, y: ((1.0, 0.1), (0.1, 1.0))), rho, dt=0.1, t_end=0.1),
            "a",
        ),
        (lambda: jf.evolve(jf.Entropy() + medium + jf.Mobility(lambda x, y: 2 + x), rho, dt=0.1, t_end=0.1), "one Mobility"),
        (lambda: jf.evolve(jf.Entropy() - medium, rho, dt=0.1, t_end=0.1), "positive coefficient"),
        (
            lambda: jf.evolve(jf.Entropy() + medium, rho, scheme=jf.JKO(jf.BackAndForth()), dt=0.1, t_end=0.1),
            "BackAndForth does not take",
        ),
        (lambda: jf.evolve(jf.Entropy() + jf.Mobility(lambda x: 1 + x), jf.Quantiles([0.0, 1.0]), dt=0.1, t_end=0.1), "take"),
    ]
    for make, match in cases:
        with pytest.raises(ValueError, match=match):
            make()
