"""Measures and species."""

import numpy as np
import pytest
from PIL import Image

import jkoflow as jf

from .tables import MEASURES, PLANE


@pytest.mark.parametrize("rho", MEASURES.values(), ids=MEASURES.keys())
def test_names_one_can_rely_on(rho):
    dim = 1 if rho.points.ndim == 1 else rho.points.shape[1]
    assert rho.points.shape[0] == rho.masses.shape[0] == rho.values.size
    assert np.isclose(rho.masses.sum(), rho.mass)
    assert np.isclose(rho.mass, 1.0)
    assert np.allclose(rho.mean, rho.masses @ rho.points)
    assert rho.covariance.shape == (() if dim == 1 else (dim, dim))
    assert rho.zero_field.shape == rho.values.shape


def test_values_are_a_copy_and_read_only():
    values = np.ones(PLANE.shape)
    rho = PLANE.density(values, mass=None)
    values[0, 0] = 7.0
    assert rho.values[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        rho.values[0, 0] = 2.0


def test_mass_is_scaled_only_where_asked():
    assert np.isclose(PLANE.density(np.full(PLANE.shape, 3.0)).mass, 1.0)
    assert np.isclose(PLANE.density(np.full(PLANE.shape, 3.0), mass=2.5).mass, 2.5)
    assert np.isclose(PLANE.density(np.full(PLANE.shape, 3.0), mass=None).mass, 3.0 * PLANE.volume)


def test_a_picture_is_a_density(tmp_path):
    ink = np.full((4, 8), 255, dtype=np.uint8)
    ink[3, 0] = 0  # one black pixel at the bottom left
    Image.fromarray(ink).save(tmp_path / "dot.png")
    rho = jf.Density.from_image(tmp_path / "dot.png", cells=8, invert=True)
    assert rho.grid == jf.Grid.box((0, 2), (0, 1), cells=(8, 4))
    assert np.argmax(rho.values) == 0
    assert np.isclose(rho.mass, 1.0)
    assert np.count_nonzero(rho.values) == 1
    light = jf.Density.from_image(tmp_path / "dot.png", grid=jf.Grid.box((0, 2), (0, 1), cells=(2, 2)), mass=3.0)
    assert np.isclose(light.values[0, 0] / light.values[1, 0], 7 / 8)
    assert np.isclose(light.mass, 3.0)


def test_transparent_parts_hold_no_mass(tmp_path):
    pixels = np.full((2, 2, 4), 255, dtype=np.uint8)
    pixels[0, :, 3] = 0
    Image.fromarray(pixels).save(tmp_path / "half.png")
    rho = jf.Density.from_image(tmp_path / "half.png", cells=2)
    assert np.all(rho.values[:, 1] == 0)
    assert np.all(rho.values[:, 0] > 0)


def test_bad_pictures_are_refused(tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    Image.new("L", (3, 3), 255).save(tmp_path / "white.png")
    for path, extra, message in [
        (tmp_path / "none.png", {}, "there is none"),
        (tmp_path / "text.png", {}, "cannot be read"),
        (tmp_path / "white.png", {"invert": True}, "positive total"),
        (tmp_path / "white.png", {"cells": 0}, "cells must be"),
        (tmp_path / "white.png", {"grid": jf.Grid.box((0, 1), cells=3)}, "2-D"),
    ]:
        with pytest.raises(ValueError, match=message):
            jf.Density.from_image(path, **extra)


def test_expectation_ignores_infinite_values_where_there_is_no_mass():
    rho = jf.Grid.box((0, 1), cells=2).density(np.array([2.0, 0.0]))
    assert rho.expectation(np.array([3.0, -np.inf])) == 3.0


def test_species_are_an_immutable_mapping_on_one_grid():
    u, v = MEASURES["plane"], PLANE.density(np.ones(PLANE.shape))
    state = jf.Species(u=u, v=v)
    assert list(state) == ["u", "v"]
    assert dict(state) == {"u": u, "v": v}
    assert state.unwrapped is state
    assert jf.Species.of(u).unwrapped is u
    with pytest.raises(TypeError):
        state["u"] = v
    with pytest.raises(KeyError, match="no species 'w'"):
        state["w"]
    with pytest.raises(ValueError, match="share one domain"):
        jf.Species(u=u, v=MEASURES["line"])
    with pytest.raises(ValueError, match="at least one"):
        jf.Species()
    with pytest.raises(ValueError, match="must be a measure"):
        jf.Species(u=3)
    with pytest.raises(ValueError, match="names of species"):
        jf.Species({1: u})
    with pytest.raises(ValueError, match="state must be"):
        jf.Species.of([u])


def test_pictures_of_16_bits_keep_their_depth(tmp_path):
    ramp = np.tile(np.arange(6, dtype=np.uint16) * 2000, (2, 1))
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    rho = jf.Density.from_image(tmp_path / "deep.png", cells=6)
    assert np.allclose(rho.values[:, 0] / rho.values[-1, 0], np.arange(6) / 5)
    Image.fromarray(np.ones((2, 2), dtype=np.float32)).save(tmp_path / "floats.tiff")
    with pytest.raises(ValueError, match="8 or 16 bits"):
        jf.Density.from_image(tmp_path / "floats.tiff")


def test_pair_expectation():
    a = MEASURES["line"]
    b = a.grid.density(lambda x: 2 + x)
    matrix = a.grid.kernel_matrix(jf.Morse())
    assert np.isclose(a.pair_expectation(jf.Morse(), b), a.masses @ matrix @ b.masses)
    assert np.isclose(a.pair_expectation(jf.Morse()), a.masses @ matrix @ a.masses)


def test_only_one_species_may_lack_a_name():
    u = MEASURES["line"]
    with pytest.raises(ValueError, match="must have a name"):
        jf.Species({"": u, "u": u})
    with pytest.raises(ValueError, match="mapping or keywords"):
        jf.Species([u])


MOVED = {
    "density": (MEASURES["plane"], "values"),
    "quantiles": (jf.Quantiles([0.0, 1.0, 3.0], [0.25, 0.75], (-1.0, 8.0)), "nodes"),
    "radial": (jf.RadialQuantiles([0.0, 1.0, 2.0], [0.3, 0.7], 2), "nodes"),
    "particles": (jf.Particles([[0.0, 1.0], [2.0, 0.0]], [0.25, 0.75]), "points"),
    "ordered": (jf.OrderedPoints([0.0, 1.0], [0.25, 0.75]), "points"),
}


@pytest.mark.parametrize("kind", MOVED)
def test_a_measure_after_a_flow_has_changed_what_it_changes(kind):
    measure, moving = MOVED[kind]
    assert measure.moving == moving
    assert measure.places is measure
    again = measure.like(2 * getattr(measure, moving))
    assert type(again) is type(measure)
    assert again.domain == measure.domain
    assert np.array_equal(getattr(again, moving), 2 * getattr(measure, moving))
    assert np.allclose(np.diff(measure.levels), measure.masses, rtol=1e-12)
    assert measure.levels[0] == 0
    state = jf.Species({"a": measure}).like({"a": 2 * getattr(measure, moving)})
    assert np.array_equal(getattr(state["a"], moving), getattr(again, moving))


def test_how_far_parts_of_mass_have_come():
    line = jf.Quantiles([0.0, 1.0, 3.0], [0.25, 0.75])
    moved = line.like([1.0, 1.5, 2.0])
    assert np.isclose(moved.moved_from(line), jf.wasserstein2(moved, line), rtol=1e-14)
    cloud, swapped = jf.Particles([[0.0, 0.0], [3.0, 4.0]]), jf.Particles([[3.0, 4.0], [0.0, 0.0]])
    assert swapped.moved_from(cloud) == 5.0  # although W2 is 0
    with pytest.raises(ValueError, match="parts of mass are not followed in Density: take wasserstein2"):
        MEASURES["line"].moved_from(MEASURES["line"])
