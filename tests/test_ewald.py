"""Sums of kernels by Ewald's splitting, against all pairs."""

from __future__ import annotations

import numpy as np
import pytest

import jkoflow as jf
from jkoflow._blocks import Blocks
from jkoflow.kernels import sums
from jkoflow.kernels.sums.fourier import ewald, split

pytest.importorskip("finufft")

KERNELS = {
    "log": jf.PowerLaw(0),
    "1/r": jf.PowerLaw(-1),
    "|x|": jf.PowerLaw(1),
    "|x|^1.5": jf.PowerLaw(1.5),
    "|x|^-.5": jf.PowerLaw(-0.5),
    "narrow Morse": jf.Morse(2.0, 0.3),
    "wide Morse": jf.Morse(1.0, 50.0),
}


def _by_numpy(kernel, at, sources, masses):
    """Over all pairs, with nothing for pairs that coincide if the kernel is infinite there."""
    gaps = np.moveaxis(at[:, None] - sources, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where((gaps**2).sum(axis=0) > 0, kernel(*gaps), 0.0 if kernel.singular else kernel(0.0))
        gradients = kernel.gradient(*gaps)
    gradients = gradients[None] if len(gaps) == 1 else gradients
    return values @ masses, (gradients @ masses).T


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e8])
@pytest.mark.parametrize("d", [1, 2, 3])
@pytest.mark.parametrize("name", KERNELS)
def test_the_splitting_is_the_sum_over_pairs(name, d, unit):
    """In other units, far from the origin, for targets among the sources and others, on flat boxes too."""
    rng = np.random.default_rng(d)
    sources = rng.normal(5, 1, size=(900, d)) * np.array([1.0, 0.2, 3.0])[:d]
    at = np.concatenate([sources[:300], rng.normal(5, 2, size=(300, d))])
    masses, kernel = rng.random(900), KERNELS[name]
    expected = _by_numpy(kernel, at, sources, masses)
    pair = sums.compiled_pair(kernel)
    parameter = pair.parameter * unit if isinstance(kernel, jf.Morse) else pair.parameter
    h = unit * float(np.ptp(np.concatenate([at, sources]), axis=0).max()) / 24
    split = ewald.EwaldSums(Blocks(unit * at), Blocks(unit * sources), masses, pair.kind, parameter, h)
    found = pair.factor * split.gradients().T * (unit if isinstance(kernel, jf.Morse) else unit ** (1 - kernel.p))
    error = 2e-9 if d == 3 else 1e-9
    np.testing.assert_allclose(found, expected[1], rtol=0, atol=error * np.abs(expected[1]).max())
    if unit == 1.0:
        np.testing.assert_allclose(pair.factor * split.values(), expected[0], rtol=0, atol=error * np.abs(expected[0]).max())


def test_many_particles_take_the_splitting_and_the_result_is_the_same(monkeypatch):
    rng = np.random.default_rng(3)
    cloud = jf.Particles(rng.random((12_000, 2)), rng.random(12_000))
    asked = []

    def noted(*arguments):
        asked.append(split_sums(*arguments))
        return asked[-1]

    split_sums = split.split_sums
    monkeypatch.setattr(split, "_LONG", 0.05)
    monkeypatch.setattr("jkoflow.kernels.sums.pairs.split_sums", noted)
    kernel = jf.Newtonian(2)
    fast = sums.pair_gradients(kernel, cloud.points, cloud.points, cloud.masses)
    values = sums.pair_values(kernel, cloud.points, cloud.points, cloud.masses)
    assert all(isinstance(found, split.SplitSums) for found in asked)
    some = sums.pair_gradients(kernel, cloud.points[:99], cloud.points, cloud.masses)
    np.testing.assert_allclose(fast[:99], some, rtol=0, atol=1e-9 * np.abs(some).max())
    some_values = sums.pair_values(kernel, cloud.points[:99], cloud.points, cloud.masses)
    np.testing.assert_allclose(values[:99], some_values, rtol=0, atol=1e-9 * np.abs(some_values).max())


@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_few_points_far_away_stand_outside_of_the_box(d, monkeypatch):
    """Sums over a cloud with heavy tails, for other targets than sources; and over a crowd with one point far away."""
    monkeypatch.setattr(split, "_LONG", 0.0)
    monkeypatch.setattr(split, "_GAIN", 0.0 if d == 3 else 1.5)  # in space more points would be needed until it is faster
    monkeypatch.setattr(split, "_OUTSIDE", (0.01,))
    rng = np.random.default_rng(d)
    sources, at = (rng.standard_t(3, size=(d, n)) for n in (30_000, 20_000))
    masses = rng.random(30_000)
    pair = sums.compiled_pair(jf.Morse(1.0, 2.0))
    found = split.split_sums(at, sources, masses, pair.kind, pair.parameter)
    assert found is not None
    assert 0.7 < found.targets_in.mean() < 1
    assert 0.7 < found.sources_in.mean() < 1
    far = np.abs(at).max(axis=0) > 12
    some = np.flatnonzero(far)[:50].tolist() + np.flatnonzero(~far)[:50].tolist()
    values, gradients = _by_numpy(jf.Morse(1.0, 2.0), at.T[some], sources.T, masses)
    np.testing.assert_allclose(pair.factor * found.values()[some], values, rtol=0, atol=1e-9 * masses.sum())
    np.testing.assert_allclose(pair.factor * found.gradients().T[some], gradients, rtol=0, atol=1e-9 * masses.sum())
    crowd = np.concatenate([1e-4 * rng.random((d, 30_000)), np.ones((d, 1))], axis=1)
    assert split.split_sums(crowd, crowd, np.ones(30_001), pair.kind, pair.parameter) is not None


def test_what_is_not_split_goes_over_pairs(monkeypatch):
    """Few points, a crowd among as many others, smooth kernels, NaN, four dimensions; and without finufft."""
    monkeypatch.setattr(split, "_LONG", 0.0)
    points = np.random.default_rng(4).random((2, 12_000))
    masses = np.ones(12_000)
    assert split.split_sums(points, points, masses, 0, 0.0) is not None
    crowded = np.concatenate([1e-4 * points[:, :6000], points[:, 6000:]], axis=1)
    for at, kind, a in (
        (points[:, :200], 0, 0.0),
        (crowded, 0, 0.0),
        (points, 0, 1.9),
        (points, 0, 3.0),
        (points, 2, 1.0),
        (np.full((2, 12_000), np.nan), 0, 0.0),
        (np.tile(points, (2, 1)), 0, 0.0),
        (np.zeros((2, 12_000)), 0, 0.0),
    ):
        assert split.split_sums(at, at, np.ones(at.shape[1]), kind, a) is None
    monkeypatch.setattr(split, "finufft", lambda: None)
    assert split.split_sums(points, points, masses, 0, 0.0) is None
