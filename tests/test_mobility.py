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
            lambda: jf.evolve(jf.Entropy() + jf.Mobility(lambda x, y: ((1.0, 0.1), (0.1,))), rho, dt=0.1, t_end=0.1),
            "a must",
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


# ---- tensors with entries off the diagonal


def _fibres(strength, angle):
    n = np.array([np.cos(angle), np.sin(angle)])
    return np.eye(2) + (strength - 1) * np.outer(n, n)


def _constant(tensor):
    return lambda *x: tuple(tuple(entry + 0 * x[0] for entry in row) for row in tensor)


@pytest.mark.parametrize(("strength", "angle"), [(10.0, 0.3), (100.0, 1.0), (1000.0, -0.7)])
def test_a_gaussian_under_a_tensor_is_a_gaussian(strength, angle):
    """d rho / dt = div(A grad rho) adds 2 t A to the covariance."""
    tensor, errors = _fibres(strength, angle) / strength, []
    for cells in (32, 64):
        plane = jf.Grid.box((-6, 6), (-5, 5), cells=cells)
        start = plane.density(lambda x, y: np.exp(-2 * (x**2 + y**2)))
        law = jf.Entropy() + jf.Mobility(_constant(tensor))
        final = jf.evolve(law, start, scheme=jf.BDF2(), dt=0.025, t_end=1.0, progress=False).final
        places = np.stack([c.ravel() for c in plane.mesh])
        spread = np.linalg.inv(0.25 * np.eye(2) + 2 * tensor)
        exact = np.exp(-0.5 * np.einsum("in,ij,jn->n", places, spread, places))
        errors.append(np.abs(final.masses / final.mass - exact / exact.sum()).sum())
        assert final.mass == pytest.approx(start.mass, rel=1e-12)
        assert final.values.min() >= 0
    assert errors[1] < 0.008
    assert errors[0] > 3.3 * errors[1]


@pytest.mark.parametrize("energy", [jf.Entropy(), jf.RenyiEntropy(2)], ids=["entropy", "m = 2"])
def test_fibres_along_circles_do_not_see_a_radial_density(energy):
    def along_circles(x, y):
        r2 = x**2 + y**2
        return ((1 + 2 * y * y / r2, -2 * x * y / r2), (-2 * x * y / r2, 1 + 2 * x * x / r2))

    errors = []
    for cells in (32, 64):
        plane = jf.Grid.box((-4, 4), (-4, 4), cells=cells)
        start = plane.density(lambda x, y: np.exp(-(x**2) - y**2))
        plain, turned = (
            jf.evolve(law, start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.1, t_end=0.4, progress=False).final.values
            for law in (energy, energy + jf.Mobility(along_circles))
        )
        errors.append(np.abs(turned - plain).sum() / plain.sum())
    assert errors[1] < 0.005
    assert errors[0] > 3.3 * errors[1]


def test_a_wave_on_a_torus_decays_at_the_rate_of_its_direction():
    torus = jf.Grid.torus((0, 1), (0, 1), cells=(32, 48))
    start = torus.density(lambda x, y: 1 + 0.5 * np.cos(2 * np.pi * (x + y)), order=3)
    law = jf.Entropy() + jf.Mobility(_constant([[1.0, -0.8], [-0.8, 1.0]]))
    final = jf.evolve(law, start, scheme=jf.BDF2(), dt=0.002, t_end=0.1, progress=False).final
    wave = np.cos(2 * np.pi * sum(torus.mesh))
    assert (final.values * wave).sum() / (start.values * wave).sum() == pytest.approx(np.exp(-1.6 * np.pi**2 * 0.1), rel=5e-3)


def test_a_tensor_in_space_and_its_currents():
    n = np.array([1.0, 2.0, 2.0]) / 3
    tensor = 0.1 * (np.eye(3) + 9 * np.outer(n, n))
    space = jf.Grid.box((-4, 4), (-4, 4), (-4, 4), cells=16)
    start = space.density(lambda x, y, z: np.exp(-(x**2 + y**2 + z**2)))
    law = jf.Entropy() + jf.Mobility(np.broadcast_to(tensor[:, :, None, None, None], (3, 3, 16, 16, 16)))
    final = jf.evolve(law, start, scheme=jf.BDF2(), dt=0.1, t_end=0.3, progress=False).final
    places = np.stack([c.ravel() for c in space.mesh])
    grown = (places * final.masses / final.mass) @ places.T - (places * start.masses / start.mass) @ places.T
    assert np.allclose(grown, 0.6 * tensor, atol=2e-3)
    # in the inside, by numpy: the means over both faces of rho grad log rho, times the tensor
    products = []
    for axis, h in enumerate(space.spacing):
        rho = np.moveaxis(start.values, axis, 0)
        faces = (rho[1:] + rho[:-1]) / 2 * np.diff(np.log(rho), axis=0) / h
        products.append(np.moveaxis(np.pad((faces[1:] + faces[:-1]) / 2, [(1, 1), (0, 0), (0, 0)]), 0, axis))
    inside = (slice(None), *[slice(1, -1)] * 3)
    due = -np.tensordot(tensor, np.stack(products), axes=1)
    assert np.allclose(jf.diagnostics.current_density(law, start)[inside], due[inside], rtol=1e-9, atol=1e-14)


def test_currents_along_walls_are_those_of_the_tensor():
    """exp(.3 (x - .8 y)) has no flux through the walls in y: its gradient is that of A grad rho = (a, 0)."""
    plane = jf.Grid.box((0, 1), (0, 1), cells=40)
    law = jf.Entropy() + jf.Mobility(_constant([[2.0, 0.8], [0.8, 1.0]]))
    rho = plane.density(lambda x, y: np.exp(0.3 * (x - 0.8 * y)))
    along, through = jf.diagnostics.current_density(law, rho)
    due = -(2 * 0.3 + 0.8 * -0.24) * rho.values
    assert np.allclose(along[1:-1], due[1:-1], rtol=3e-3)
    assert np.abs(through).max() < 3e-3 * np.abs(along).max()


def test_currents_through_layers():
    line = jf.Grid.box((0, 1), cells=40)
    law = jf.Entropy() + jf.Mobility(lambda x: np.where(x < 0.5, 1.0, 3.0))
    slopes = line.density(lambda x: 1 + np.where(x < 0.5, 3 * x, 1 + x), mass=None)
    current = jf.diagnostics.current_density(law, slopes)[0]
    assert np.allclose(current[1:-1], -3.0, rtol=2e-3)


def test_no_mass_goes_through_an_oblique_wall():
    plane = jf.Grid.box((-1, 1), (-1, 1), cells=40)
    start = plane.density(lambda x, y: 1.0 * (x > y + 0.2))
    law = jf.Entropy() + jf.Obstacle(lambda x, y: np.abs(x - y) < 0.03) + jf.Mobility(_constant(_fibres(200.0, -0.6)))
    final = jf.evolve(law, start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.5, t_end=2.0, progress=False).final
    x, y = plane.mesh
    assert final.values[y > x].max() == 0


def test_tensors_that_do_not_fit_are_refused_in_words():
    plane = jf.Grid.box((-1, 1), (-1, 1), cells=10)
    start = plane.density(lambda x, y: 1 + 0 * x)
    for tensor, more, words in (
        ([[1.0, 2.0], [2.0, 1.0]], None, "positive definite"),
        ([[1.0, 0.5], [0.0, 1.0]], None, "symmetric"),
        ([[1.0, np.nan], [np.nan, 1.0]], None, "symmetric and finite"),
        (_fibres(1e6, 0.3), None, "eigenvalues"),
        ([[1.0, 0.5], [0.5, 1.0]], jf.Exit(lambda x, y: x > 0.8), "diagonal in the axes beside doors"),
    ):
        law = jf.Entropy() + jf.Mobility(_constant(tensor))
        with pytest.raises(ValueError, match=words):
            jf.evolve(law if more is None else law + more, start, dt=0.1, t_end=0.2)
    varying = jf.Entropy() + jf.Mobility(lambda x, y: 2 + x)
    flow = jf.evolve(varying, start, dt=0.1, t_end=0.2, progress=False)
    with pytest.raises(ValueError, match="no Mobility"):
        jf.diagnostics.slope_identity(flow, varying)


@pytest.mark.parametrize("strength", [1.5, 10.0, 100.0])
@pytest.mark.parametrize("thick", [1, 2])
def test_nothing_passes_over_a_thin_layer(strength, thick):
    plane = jf.Grid.box((0, 1), (0, 1), cells=40)
    fibres, start = _fibres(strength, 0.4765), plane.density(lambda x, y: 1.0 * (x < 0.5))

    def layer(x, y):
        through = np.where((x > 0.5) & (x < 0.5 + thick / 40), 1e-12, 1.0)
        return tuple(tuple(through * entry for entry in row) for row in fibres)

    final = jf.evolve(jf.Entropy() + jf.Mobility(layer), start, scheme=jf.BDF2(), dt=0.01, t_end=0.05, progress=False).final
    assert final.values[plane.mesh[0] > 0.5 + thick / 40].sum() * plane.cell_volume < 1e-9


def test_long_cells_and_times_are_refused_in_words():
    plane = jf.Grid.box((-6, 6), (-240, 240), cells=60)
    rho = plane.density(lambda x, y: np.exp(-(x**2) / 2 - (y / 40) ** 2 / 2))
    with pytest.raises(ValueError, match="more than an eighth of an axis"):
        jf.evolve(jf.Entropy() + jf.Mobility(_constant([[2.0, 0.9], [0.9, 1.0]])), rho, dt=0.1, t_end=0.1)
    with pytest.raises(ValueError, match="coordinates alone"):
        jf.Mobility(lambda x, y, t: 1 + t)
