"""Pictures: the right panels and files."""

import shutil

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

import jkoflow as jf

from .tables import slow


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def _flow(dim, species=False):
    grid = jf.Grid.box(*[(-1.0, 1.0)] * dim, cells=10)
    u = grid.density(lambda *x: np.exp(-3 * sum((xi - 0.3) ** 2 for xi in x)))
    if not species:
        return jf.evolve(jf.Entropy(), u, dt=0.02, t_end=0.06)
    law = jf.Entropy("u") + jf.Entropy("v")
    return jf.evolve(law, jf.Species(u=u, v=u), dt=0.02, t_end=0.06)


@pytest.mark.parametrize("dim", [1, 2, slow(3)])
@pytest.mark.parametrize("species", [False, True])
def test_density(dim, species):
    flow = _flow(dim, species)
    rows = 2 if species else 1
    figure = jf.plot.density(flow, panels=3)
    images = [a for a in figure.axes if a.get_images() or a.lines]
    assert len(images) == (rows if dim == 1 else 3 * rows)
    if dim == 1:
        assert len(images[0].lines) == 3
        assert np.array_equal(images[0].lines[-1].get_ydata(), flow.final["u"].values if species else flow.final.values)


def test_density_at_given_times_and_of_a_state():
    flow = _flow(2)
    figure = jf.plot.density(flow, times=[0.0, 0.041], over=flow.final.values)
    assert [a.get_title() for a in figure.axes[:2]] == ["t = 0", "t = 0.04"]
    jf.plot.density(flow.final)
    with pytest.raises(ValueError, match="over must have shape"):
        jf.plot.density(flow, over=np.ones(3))
    with pytest.raises(ValueError, match="panels must be"):
        jf.plot.density(flow, panels=0)


def test_energy_shows_energy_and_dissipation():
    flow = _flow(1)
    figure = jf.plot.energy(flow)
    assert np.array_equal(figure.axes[0].lines[0].get_ydata(), flow.energies)
    assert np.array_equal(figure.axes[1].lines[0].get_ydata(), flow.dissipation)
    _, own = plt.subplots()
    assert jf.plot.energy(flow, ax=own) is own.figure


@pytest.mark.parametrize("dim", [1, slow(2), slow(3)])
def test_animation_has_a_frame_per_state(tmp_path, dim):
    flow = _flow(dim, species=dim < 3)
    path = jf.plot.animate(flow, tmp_path / "flow.gif", dpi=40)
    with Image.open(path) as picture:
        assert picture.n_frames == len(flow)


def test_animation_refuses(tmp_path, monkeypatch):
    flow = _flow(1)
    with pytest.raises(ValueError, match=r"must end in \.gif or \.mp4"):
        jf.plot.animate(flow, tmp_path / "flow.avi")
    with pytest.raises(ValueError, match="seconds must be"):
        jf.plot.animate(flow, tmp_path / "flow.gif", seconds=0)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match="ffmpeg is not installed"):
        jf.plot.animate(flow, tmp_path / "flow.mp4")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_mp4(tmp_path):
    assert jf.plot.animate(_flow(1), tmp_path / "flow.mp4", dpi=40).stat().st_size > 1000


def test_plot_and_checks_are_found_and_nothing_else():
    assert jf.checks.check_energy is not None
    with pytest.raises(AttributeError, match="has no attribute 'plots'"):
        _ = jf.plots


@pytest.mark.slow
def test_pictures_of_ordered_particles(tmp_path):
    start = jf.OrderedParticles(x=[-1.0, -1.0, -1.0], y=[1.0, 1.0, 1.0])
    flow = jf.evolve(jf.newtonian_law(), start, scheme=jf.Brezis(), t_end=2.0)
    axis = jf.plot.world_lines(flow).axes[0]
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["x", "y", "passing", "sticking"]
    assert [len(line.get_xdata()) for line in axis.lines[-2:]] == [3, 3]  # the meetings
    corners = axis.lines[0]
    # at rest: docs/theory/newtonian-particles.md, T4
    assert np.allclose(np.interp(1.6, corners.get_ydata(), corners.get_xdata()), -7 / 15)
    assert len(jf.plot.world_lines(flow["x"], most=2).axes[0].lines) == 4
    assert len(jf.plot.cdfs(flow, times=[0.0, 1.0]).axes) == 2
    assert jf.plot.animate(flow, tmp_path / "cdfs.gif").stat().st_size > 1000
    one = jf.evolve(jf.Interaction(jf.PowerLaw(1)), jf.OrderedPoints([0.0, 1.0, 3.0]), scheme=jf.Brezis(), t_end=3.0)
    assert len(jf.plot.world_lines(one).axes[0].lines) == 4
    by_steps = jf.evolve(jf.newtonian_law(), start, dt=0.1, t_end=0.5)
    assert len(jf.plot.world_lines(by_steps).axes[0].lines) == 6
    for call in (lambda: jf.plot.density(flow), lambda: jf.plot.cdfs(jf.Quantiles([0.0, 1.0]))):
        with pytest.raises(ValueError, match="ordered particles"):
            call()


@pytest.mark.slow
def test_pictures_on_the_line(tmp_path):
    flow = jf.evolve(
        jf.Interaction(jf.PowerLaw(1), "a") + jf.Entropy("b"),
        jf.Species(a=jf.Quantiles([-1.0, 0.0, 2.0]), b=jf.Quantiles(np.linspace(0, 1, 9))),
        dt=0.25,
        t_end=2.0,
    )
    assert len(jf.plot.density(flow, times=[0.0, 1.0, 2.0]).axes) == 2
    assert len(jf.plot.quantiles(flow).axes) == 2
    assert len(jf.plot.paths(flow, most=3).axes[0].lines) == 6
    assert jf.plot.animate(flow, tmp_path / "line.gif").stat().st_size > 1000
    on_grid = jf.evolve(jf.Entropy(), jf.Grid.box((0, 1), cells=8).density(lambda x: 1 + x), dt=0.1, t_end=0.2)
    for call, message in [
        (lambda: jf.plot.paths(on_grid), "flow must be of Quantiles, got Density"),
        (lambda: jf.plot.quantiles(on_grid), "flow must be of Quantiles"),
        (lambda: jf.plot.paths(flow.final), "flow must be a Trajectory"),
        (lambda: jf.plot.energy(3), "flow must be a Trajectory"),
        (lambda: jf.plot.density(jf.Particles([0.0, 1.0])), "Density or Quantiles to be plotted"),
        (lambda: jf.plot.density(flow, times=[np.nan]), "times must be finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


def test_density_on_axes_of_ones_own_with_obstacles_and_own_scales():
    flow = _flow(2)
    figure, axes = plt.subplots(1, 2)
    assert jf.plot.density(flow.final, ax=axes[0]) is figure
    assert (axes[0].get_xlabel(), axes[0].get_ylabel()) == ("x", "y")
    with pytest.raises(ValueError, match="there are 3 panels"):
        jf.plot.density(flow, panels=3, ax=axes[1])
    law = jf.Obstacle(lambda x, y: x > 0.5)
    drawn = jf.plot.density(flow.final, obstacles=law)
    assert len(drawn.axes[0].collections) == 1  # the hatched cells
    line = jf.plot.density(_flow(1).final, obstacles=jf.Obstacle(lambda x: x > 0.5))
    assert len(line.axes[0].patches) == 2  # of ten cells on (-1, 1)
    own = jf.plot.density(flow, panels=2, own_scale=True)
    tops = [axis.get_images()[0].get_clim()[1] for axis in own.axes if axis.get_images()]
    assert tops == [flow[0].values.max(), flow.final.values.max()]


STATES = {
    "plane": lambda: (jf.Entropy(), jf.Grid.box((0, 1), (0, 1), cells=6).density(lambda x, y: 1 + x), jf.JKO(), 0.01),
    "quantiles": lambda: (jf.Entropy(), jf.Quantiles(np.linspace(0, 1, 9)), jf.JKO(), 0.01),
    "cloud": lambda: (jf.Interaction(jf.Quadratic()), jf.Particles([[0.0, 0.0], [1.0, 0.0]]), jf.Overdamped(), 0.1),
    "points": lambda: (jf.Interaction(jf.Quadratic()), jf.Particles([0.0, 1.0]), jf.Overdamped(), 0.1),
    "ordered": lambda: (jf.newtonian_law(), jf.OrderedParticles(x=[0.0], y=[1.0]), jf.Brezis(), 0.1),
    "shells": lambda: (jf.Entropy(), jf.RadialQuantiles(np.linspace(0, 1, 6), dim=2), jf.JKO(), 0.01),
}


@pytest.mark.parametrize("name", STATES)
def test_a_live_picture_follows_every_measure(name):
    law, start, scheme, dt = STATES[name]()
    live = jf.plot.Live(every=2)
    flow = jf.evolve(law, start, scheme=scheme, dt=dt, t_end=5 * dt, observe=live)
    places, energies = live.figure.axes
    assert places.get_title() == f"t = {flow.times[5]:.4g}"
    assert np.array_equal(energies.lines[0].get_ydata(), flow.energies)
    assert plt.get_fignums() == [live.figure.number]
    with pytest.raises(ValueError, match="every must be"):
        jf.plot.Live(every=0)


@pytest.mark.parametrize("dim", [1, 2])
def test_live_shows_the_places_of_a_density_on_phase_space(dim):
    box = jf.Grid.box(*[(-2, 2)] * dim, cells=8)
    start = jf.PhaseDensity.of(box, box, lambda *z: np.exp(-sum(c**2 for c in z)))
    live = jf.plot.Live()
    law = jf.Potential(lambda *x: sum(c**2 for c in x))
    jf.evolve(law, start, scheme=jf.Kinetic(0.5), dt=0.1, t_end=0.2, observe=live)
    places = live.figure.axes[0]
    assert (len(places.images), len(places.lines)) == ((1, 0) if dim == 2 else (0, 1))


def test_a_notebook_shows_a_figure_once(monkeypatch):
    """The inline backend shows what is open at the end of a cell, and the value of the cell."""
    flow = _flow(1)
    monkeypatch.setattr("matplotlib.get_backend", lambda: "module://matplotlib_inline.backend_inline")
    assert jf.plot.density(flow).axes
    assert jf.plot.energy(flow).axes
    assert plt.get_fignums() == []
    figure, axes = plt.subplots()
    jf.plot.energy(flow, ax=axes)
    assert plt.get_fignums() == [figure.number]


def test_phase_space_and_arrows():
    law = jf.Potential(lambda x: x**2 / 2)
    grid = jf.Grid.box((-2, 2), cells=20)
    f = jf.PhaseDensity.of(grid, grid, lambda x, v: np.exp(-(x**2) - v**2))
    flow = jf.evolve(law, f, scheme=jf.Kinetic(0.5), dt=0.1, t_end=0.3)
    figure = jf.plot.phase_space(flow, law=law, panels=2)
    assert [axis.get_title() for axis in figure.axes] == ["t = 0", "t = 0.3"]
    assert np.allclose(figure.axes[0].lines[0].get_ydata(), -grid.axes[0], atol=1e-2)
    assert np.array_equal(figure.axes[1].get_images()[0].get_array(), flow.final.values.T)
    line = jf.MovingParticles([0.0, 1.0], [1.0, 0.0])
    figure = jf.plot.phase_space(jf.Species(a=line, b=line))
    assert len(figure.axes) == 2
    assert not figure.axes[0].lines
    plane = jf.MovingParticles([[0.0, 0.0], [1.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]])
    arrows = jf.plot.clouds(plane).axes[0].collections[-1]
    assert np.array_equal(np.stack([arrows.U, arrows.V], axis=1), plane.velocities)
    with pytest.raises(ValueError, match="on the line"):
        jf.plot.phase_space(plane)
    with pytest.raises(ValueError, match="in the plane"):
        jf.plot.clouds(line)
    with pytest.raises(ValueError, match="law must be"):
        jf.plot.phase_space(line, law=3)


def test_movies_of_particles(tmp_path):
    """A dot for every particle of the plane, a colour for every species; others are refused in words."""
    rng = np.random.default_rng(0)
    start = jf.Species(a=jf.Particles(rng.normal(size=(5, 2))), b=jf.Particles(rng.normal(size=(3, 2))))
    law = jf.Interaction(jf.Quadratic(), "a") + jf.Interaction(jf.Quadratic(), "b")
    flow = jf.evolve(law, start, scheme=jf.Overdamped(), t_end=0.3, dt=0.1)
    assert jf.plot.animate(flow, tmp_path / "flow.gif").read_bytes()[:3] == b"GIF"
    film = jf.plot.movie(flow)
    film._func(len(flow) - 1)
    dots = plt.gcf().axes[0].collections
    assert [len(dot.get_offsets()) for dot in dots] == [5, 3]
    np.testing.assert_allclose(dots[0].get_offsets(), flow["a"].final.points)
    film._draw_was_started = True  # nothing is rendered here
    line = jf.evolve(jf.Interaction(jf.Quadratic()), jf.Particles([0.0, 1.0]), scheme=jf.Overdamped(), t_end=0.1, dt=0.1)
    with pytest.raises(ValueError, match="particles in the plane"):
        jf.plot.movie(line)
