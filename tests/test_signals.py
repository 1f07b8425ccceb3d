"""Masses and fields in one gradient flow: Keller-Segel on grids and quantiles, symmetry, what is refused, stored runs."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import jkoflow as jf
from jkoflow.study import observed_order

D0, ETA, DIFFUSION, DECAY, LEVEL = 0.1, 1.5, 0.8, 0.5, 2.0
WAVE = np.pi
KELLER_SEGEL = D0 * jf.Entropy() + jf.FieldEnergy("c", diffusion=DIFFUSION, decay=DECAY) + jf.Secretion() + jf.Chemotaxis(ETA)


def _growth() -> tuple[float, float]:
    """The rate at which a cosine on the uniform state grows, and the cosine of the field over that of the density."""
    matrix = np.array([[-D0 * WAVE**2, ETA * LEVEL * WAVE**2], [1.0, -(DECAY + DIFFUSION * WAVE**2)]])
    rates, vectors = np.linalg.eig(matrix)  # both real, in a complex type in newer numpy
    k = int(np.argmax(rates.real))
    return float(rates[k].real), float((vectors[1, k] / vectors[0, k]).real)


def _measured_rate(kind: type, scheme: jf.Scheme, dt: float, cells: int) -> float:
    """The rate of growth of a small cosine, from the field of a run."""
    size, (_, ratio) = 1e-3, _growth()
    grid = jf.Grid.box((0, 1), cells=cells)
    rho = grid.density(lambda x: LEVEL * (1 + size * np.cos(WAVE * x)), mass=None)
    if kind is jf.Quantiles:
        x = np.linspace(0, 1, cells + 1)
        for _ in range(50):  # the mass to the left of a node is LEVEL (x + size sin(pi x) / pi)
            x -= x + size * np.sin(WAVE * x) / WAVE - np.linspace(0, 1, cells + 1)
        rho = jf.Quantiles(x, np.full(cells, LEVEL / cells), (0.0, 1.0))
    c = jf.Field(grid, lambda x: LEVEL / DECAY + size * LEVEL * ratio * np.cos(WAVE * x))
    flow = jf.evolve(KELLER_SEGEL, jf.State(rho, {"c": c}), scheme=scheme, dt=dt, t_end=0.2)
    assert np.diff(flow.energies).max() < 0
    return float(np.log(flow.final.fields["c"].modes[1] / c.modes[1]) / 0.2)


SCHEMES = {
    "exact": (jf.Density, lambda: jf.JKO(jf.BackAndForth(tolerance=1e-11)), 1),
    "finite volumes": (jf.Density, lambda: jf.JKO(jf.FiniteVolume()), 1),
    "quantiles": (jf.Quantiles, jf.JKO, 1),
    "midpoint": (jf.Density, lambda: jf.ImplicitMidpoint(jf.BackAndForth(tolerance=1e-12)), 2),
    "midpoint, quantiles": (jf.Quantiles, jf.ImplicitMidpoint, 2),
    "in turn": (jf.Density, lambda: jf.Alternating(jf.BackAndForth(tolerance=1e-11)), 1),
    "in turn, quantiles": (jf.Quantiles, jf.Alternating, 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMES)
def test_the_uniform_state_is_left_at_its_rate(name):
    """Linear growth in closed form, on the declared order. The error of the cells is taken out by extrapolation."""
    kind, scheme, order = SCHEMES[name]
    exact, _ = _growth()
    dts = [0.04, 0.02, 0.01]
    rates = [_measured_rate(kind, scheme(), dt, 64) for dt in dts]
    finer = _measured_rate(kind, scheme(), 0.005, 64)
    limit = finer + (finer - rates[-1]) / (2**order - 1)
    assert limit == pytest.approx(exact, rel=3e-3)
    assert observed_order(dts, np.abs(np.array(rates) - limit))[-1] == pytest.approx(order, abs=0.15)
    assert rates[-1] == pytest.approx(exact, rel=0.03)


def test_the_cells_give_order_two():
    exact, _ = _growth()
    rates = [_measured_rate(jf.Density, jf.ImplicitMidpoint(jf.BackAndForth(tolerance=1e-12)), 0.0025, n) for n in (16, 32)]
    assert observed_order([2, 1], np.abs(np.array(rates) - exact))[0] == pytest.approx(2, abs=0.15)


def test_a_joint_step_minimises_over_masses_and_fields():
    """No small change of masses (along smooth maps) or of the field lowers the objective, written out here."""
    grid, tau = jf.Grid.box((0, 1), cells=64), 0.05
    law = D0 * jf.Entropy() + jf.FieldEnergy("c", diffusion=DIFFUSION, decay=DECAY) + 0.7 * jf.Secretion() + jf.Chemotaxis(ETA)
    x0 = np.sort(np.random.default_rng(1).uniform(0.2, 0.8, 41))
    start = jf.State(jf.Quantiles(x0, np.full(40, 1 / 40), (0.0, 1.0)), {"c": jf.Field(grid, lambda x: 1 + x**2 / 3)})
    flow = jf.evolve(law, start, dt=tau, t_end=tau)
    end = flow.final
    k = WAVE * np.arange(64)
    norms, w = np.where(k == 0, 1.0, 0.5), ETA / 0.7

    def objective(nodes, modes):
        gaps, moved = np.diff(nodes), nodes - x0
        w2 = np.sum((moved[:-1] ** 2 + moved[:-1] * moved[1:] + moved[1:] ** 2) / 3) / 40
        entropy = -np.sum(np.log(gaps * 40)) / 40
        means = np.cos(np.outer((nodes[1:] + nodes[:-1]) / 2, k)) * np.sinc(np.outer(gaps, k) / (2 * np.pi))
        field = w / 2 * np.sum(norms * (DECAY + DIFFUSION * k**2) * modes**2) - ETA * np.sum(means @ modes) / 40
        change = w / (2 * tau) * np.sum(norms * (modes - start.fields["c"].modes) ** 2)
        return w2 / (2 * tau) + D0 * entropy + field + change

    nodes, modes = end.masses[""].nodes, end.fields["c"].modes
    least = objective(nodes, modes)
    assert least < objective(x0, start.fields["c"].modes)
    assert least == pytest.approx(flow.energies[-1] + _squares(flow, start, w, norms) / (2 * tau), rel=1e-9)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        way = sum(rng.normal() * np.sin(np.pi * j * nodes) for j in range(1, 5))
        bump = rng.normal(size=64) / (1 + np.arange(64)) ** 2
        for step in (1e-4, -1e-4):
            assert objective(nodes + step * way, modes + step * bump) > least


def _squares(flow, start, w, norms):
    """The squared distance of a step in W2 x L2, in the weights of the energy."""
    change = flow.final.fields["c"].modes - start.fields["c"].modes
    return flow.distances[0] ** 2 + w * np.sum(norms * change**2)


@pytest.mark.parametrize("solver", [None, jf.FiniteVolume()])
def test_the_energy_never_rises_however_long_the_steps(solver):
    grid = jf.Grid.box((-3, 3), (-3, 3), cells=32)
    law = jf.Entropy() + jf.FieldEnergy("c", diffusion=1.0, decay=1.0) + jf.Secretion() + jf.Chemotaxis(1.0)
    rho = grid.density(lambda x, y: np.exp(-2 * (x**2 + y**2)), mass=4 * np.pi)
    for dt in (0.01, 0.3, 10.0):
        flow = jf.evolve(law, jf.State(rho, {"c": jf.Field(grid)}), scheme=jf.JKO(solver), dt=dt, t_end=3 * dt)
        assert np.diff(flow.energies).max() < 0
        assert flow.final.masses[""].mass == pytest.approx(4 * np.pi, rel=1e-12)


@pytest.mark.slow
def test_a_fast_field_is_the_elliptic_one():
    """1 / a of c' : the flow tends, at order 1 in 1 / a, to that with -lap psi = rho, whose charges attract."""
    grid = jf.Grid.box((0, 1), cells=64)
    rho = grid.density(lambda x: 1 + 0.5 * np.cos(np.pi * x))
    background = jf.DirichletCoupling({"": 1.0}, doping=-1.0)
    elliptic = jf.evolve(0.5 * jf.Entropy() - 1.0 * background, rho, dt=0.01, t_end=0.1, scheme=jf.JKO(jf.FiniteVolume()))
    gaps = []
    for speed in (50.0, 100.0, 200.0):
        law = 0.5 * jf.Entropy() + speed * jf.FieldEnergy("c", diffusion=1.0) + speed * jf.Secretion() + jf.Chemotaxis(1.0)
        c = jf.Field(grid, grid.solve_poisson(rho.values - 1))
        flow = jf.evolve(law, jf.State(rho, {"c": c}), dt=0.01, t_end=0.1, scheme=jf.JKO(jf.FiniteVolume()))
        gaps.append(np.abs(flow.final.masses[""].values - elliptic.final.values).max())
    assert np.allclose(observed_order([4, 2, 1], gaps), 1, atol=0.15)
    assert gaps[-1] < 5e-3


@pytest.mark.slow
def test_above_the_critical_mass_cells_concentrate_and_a_word_says_so():
    grid = jf.Grid.box((-2, 2), (-2, 2), cells=32)
    law = jf.Entropy() + jf.FieldEnergy("c", diffusion=1.0) + jf.Secretion() + jf.Chemotaxis(1.0)
    bump = lambda mass: jf.State(  # noqa: E731
        grid.density(lambda x, y: np.exp(-8 * (x**2 + y**2)), mass=mass), {"c": jf.Field(grid)}
    )
    with pytest.warns(jf.ConcentrationWarning, match="holds"):
        jf.evolve(law, bump(24 * np.pi), dt=0.02, t_end=0.3)
    below = jf.evolve(law, bump(4 * np.pi), dt=0.02, t_end=0.3)
    assert below.final.masses[""].values.max() < bump(4 * np.pi).masses[""].values.max()


def test_volume_filling_and_several_species_and_fields():
    grid = jf.Grid.box((0, 1), cells=48)
    law = (
        jf.Congestion(3.0, "a")
        + 0.05 * jf.Entropy("a")
        + 0.1 * jf.RenyiEntropy(2, "b")
        + jf.FieldEnergy("c", diffusion=0.1, decay=1.0)
        + jf.FieldEnergy("d", diffusion=0.2)
        + jf.Secretion(jf.GaussianProfile(0.05), by="a", into="c")
        + 2.0 * jf.Secretion(jf.GaussianProfile(0.05), by="b", into="c")
        + jf.Secretion(None, by="b", into="d")
        + jf.Chemotaxis(2.0, moves="a", along="c")
        + jf.Chemotaxis(4.0, moves="b", along="c")
        + jf.Chemotaxis(0.5, moves="b", along="d")
    )
    assert law.symmetrizable() == {"a": 1.0, "b": 1.0, "c": 0.5, "d": 2.0}
    start = jf.State(
        jf.Species(a=grid.density(lambda x: 1 + x), b=grid.density(lambda x: 2 - x)), {"c": jf.Field(grid), "d": jf.Field(grid)}
    )
    flow = jf.evolve(law, start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.05, t_end=1.0)
    assert np.diff(flow.energies).max() < 0
    assert flow.final.masses["a"].values.max() <= 3 * (1 + 1e-9)
    assert flow.final.fields["d"].integral == pytest.approx(1.0, rel=1e-9)


def test_the_first_variation_of_masses_and_fields_is_the_derivative_of_the_energy():
    grid, rng = jf.Grid.box((0, 1), cells=24), np.random.default_rng(4)
    rho, change = grid.density(lambda x: 1 + x), 1e-6 * rng.normal(size=24)
    c = jf.Field(grid, lambda x: np.cos(np.pi * x) + x)
    energy = [KELLER_SEGEL(jf.State(rho.like(rho.values + s * change), {"c": c})) for s in (1, -1)]
    variation = KELLER_SEGEL.first_variation(jf.State(rho, {"c": c}))
    assert (energy[0] - energy[1]) / 2 == pytest.approx(grid.integrate(variation * change), rel=1e-6)
    with pytest.raises(ValueError, match="must have the field 'c'"):
        KELLER_SEGEL(rho)


def test_symmetry_is_found_and_gives_the_same_flow():
    """A species with a mobility: the law in gradient form moves as the law says."""
    field = jf.FieldEnergy("c", diffusion=1.0, decay=1.0)
    law = (
        field
        + 2.0 * jf.Secretion(by="a")
        + jf.Chemotaxis(6.0, moves="a")
        + jf.Secretion(by="b")
        + jf.Chemotaxis(1.0, moves="b")
    )
    assert law.symmetrizable() == {"a": 1.0, "b": pytest.approx(1 / 3), "c": pytest.approx(1 / 3)}
    assert (law - 2.0 * jf.Secretion(by="b")).symmetrizable() is None
    assert (law + jf.Secretion(jf.GaussianProfile(0.1), by="a")).symmetrizable() is None
    assert (field + jf.Secretion(by="a")).symmetrizable() is None
    grid = jf.Grid.box((0, 1), cells=32)
    masses = jf.Species(a=grid.density(lambda x: 1 + x), b=grid.density(lambda x: 2 - x))
    start, spread = jf.State(masses, {"c": jf.Field(grid)}), 0.3 * jf.Entropy("a") + 0.3 * jf.Entropy("b")
    fine = jf.evolve(spread + law, start, scheme=jf.Alternating(jf.FiniteVolume()), dt=0.001, t_end=0.05).final
    joint = jf.evolve(spread + law, start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.001, t_end=0.05).final
    for name in "ab":
        assert np.allclose(joint.masses[name].values, fine.masses[name].values, atol=2e-3)
        assert np.abs(joint.masses[name].values - masses[name].values).max() > 0.05
    assert np.allclose(joint.fields["c"].values, fine.fields["c"].values, atol=2e-3)


@pytest.mark.parametrize("name", ["grid", "quantiles", "particles", "moving", "free"])
def test_a_run_with_fields_is_stored_and_continued_to_the_last_bit(name, tmp_path):
    grid = jf.Grid.box((-3, 3), cells=32)
    x, v = np.linspace(-1, 1, 9), np.linspace(1, -1, 9) / 3
    field = jf.Field(grid, lambda x: np.cos(np.pi * x / 3))
    masses, field, scheme = {
        "grid": (grid.density(lambda x: np.exp(-(x**2))), field, jf.JKO(jf.FiniteVolume())),
        "quantiles": (jf.Quantiles(x, walls=(-3.0, 3.0)), field, jf.JKO()),
        "particles": (jf.Particles(x), jf.Field(jf.Grid.torus((-4, 4), cells=33)), jf.Overdamped()),
        "moving": (jf.MovingParticles(x, v), field, jf.Inertial(0.1)),
        "free": (jf.MovingParticles(x, v), jf.FreeField(1), jf.Inertial()),
    }[name]
    chi = jf.GaussianProfile(0.3)
    law = jf.FieldEnergy("c", diffusion=0.5, decay=0.2) + jf.Secretion(chi) + jf.Chemotaxis(0.7)
    law = law if name != "grid" else law + 0.1 * jf.Entropy()
    run = lambda start, t, **more: jf.evolve(law, start, scheme=scheme, dt=0.05, t_end=t, **more)  # noqa: E731
    start = jf.State(masses, {"c": field})
    whole, half = run(start, 0.5), run(start, 0.25)
    run(start, 0.25, store=tmp_path / "run.jko")
    continued = run(jf.open(tmp_path / "run.jko"), 0.5)
    jf.save(whole, tmp_path / "saved.jko")
    for flow in (continued, jf.load(tmp_path / "saved.jko"), run(half, 0.5)):
        kind = type(whole.final.masses[""]).moving
        assert np.array_equal(getattr(flow.final.masses[""], kind), getattr(whole.final.masses[""], kind))
        assert np.array_equal(flow.final.fields["c"].modes, whole.final.fields["c"].modes)
    for copied in (pickle.loads(pickle.dumps(whole.final)), copy.deepcopy(whole.final)):
        assert np.array_equal(copied.fields["c"].at([[0.1]]), whole.final.fields["c"].at([[0.1]]))
    with pytest.raises(ValueError, match="must have the field 'c'"):
        run(whole.final.masses[""], 0.5)


@pytest.mark.parametrize("decay", [0.0, 2.0])
def test_a_free_field_is_right_everywhere(decay):
    """Near its source, at the edge of its window and beyond, after the window has grown: against quadrature in time."""
    D, s, field = 0.8, 0.3, jf.FreeField(1)
    law = jf.FieldEnergy("c", diffusion=D, decay=decay) + jf.Secretion(jf.GaussianProfile(s))
    start = jf.State(jf.Particles([0.2, 0.2]), {"c": field})
    flow = jf.evolve(law, start, scheme=jf.Overdamped(), dt=0.25, t_end=2.0)
    field = flow.final.fields["c"]
    assert field.window.grid.volume > flow[1].fields["c"].window.grid.volume or decay > 0
    x, (nodes, weights) = np.linspace(-30, 30, 1201), np.polynomial.legendre.leggauss(200)
    age = 2 * ((nodes + 1) / 2) ** 2  # more points for what is young
    weights = weights * 2 * ((nodes + 1) / 2)
    S = s**2 + 2 * D * age
    bells = np.exp(-decay * age - (x[:, None] - 0.2) ** 2 / (2 * S)) / np.sqrt(2 * np.pi * S)
    exact, slope = bells @ weights, (-(x[:, None] - 0.2) / S * bells) @ weights
    assert np.abs(field.at(x) - exact).max() < 3e-11 * exact.max()
    assert np.abs(field.gradient_at(x) - slope).max() < 3e-10 * slope.max()


def test_the_energy_in_the_whole_space_falls_by_what_is_dissipated():
    """By central differences, while the window grows; and the energy is that on a large torus."""
    x = np.random.default_rng(6).uniform(-0.5, 0.5, (4, 2))
    law = jf.FieldEnergy("c", diffusion=0.5, decay=0.3) + jf.Secretion(jf.GaussianProfile(0.3)) + jf.Chemotaxis(1.0)
    run = lambda field: jf.evolve(  # noqa: E731
        law, jf.State(jf.Particles(x), {"c": field}), scheme=jf.Overdamped(), dt=0.02, t_end=0.6
    )
    flow, torus = run(jf.FreeField(2)), run(jf.Field(jf.Grid.torus((-6, 6), (-6, 6), cells=120)))
    assert flow[-1].fields["c"].window.grid.volume > flow[1].fields["c"].window.grid.volume
    assert np.allclose(flow.energies, torus.energies, rtol=1e-8, atol=1e-10)
    fall = -(flow.energies[12:] - flow.energies[8:-4] - 8 * (flow.energies[11:-1] - flow.energies[9:-3])) / (12 * 0.02)
    assert np.allclose(fall, -flow.dissipation[9:-2], rtol=1e-4)


def test_a_free_field_takes_a_narrower_profile_later():
    """Its waves get shorter then: the same as with short waves from the start."""
    wide, narrow = (
        jf.FieldEnergy("c", diffusion=0.1) + jf.Secretion(jf.GaussianProfile(s)) + jf.Chemotaxis(0.0) for s in (0.5, 0.1)
    )
    both = wide + 1e-30 * jf.Secretion(jf.GaussianProfile(0.1))
    ends = []
    for law in (wide, both):
        half = jf.evolve(
            law, jf.State(jf.Particles([0.1, 0.4]), {"c": jf.FreeField(1)}), scheme=jf.Overdamped(), dt=0.5, t_end=0.5
        )
        start = jf.State(jf.Particles([0.3]), half.final.fields, 0.5)
        ends.append(jf.evolve(narrow, start, scheme=jf.Overdamped(), dt=0.5, t_end=1.0).final.fields["c"])
    places = np.linspace(-4, 5, 301)
    assert np.abs(ends[0].at(places) - ends[1].at(places)).max() < 1e-10 * ends[1].at(places).max()


def test_places_that_change_in_the_callers_array_are_seen():
    field, places = jf.Field(jf.Grid.torus((0, 1), cells=16), lambda x: np.sin(2 * np.pi * x)), np.array([[0.1]])
    first = field.at(places)[0]
    places[0, 0] = 0.2
    assert field.at(places)[0] == pytest.approx(np.sin(0.4 * np.pi)) != first


UNITS = [(1e-9, 1e-6, 1e-18, 1e20, 0.0), (1e9, 1e12, 1e23, 1e-12, 0.0), (1e-3, 1e3, 1e6, 1e-6, 1e3)]
"""Length, time, mass, concentration, and the origin in lengths."""


def _in_units(kind, length, time, mass, level, origin):
    """A run in other units, in its own units again."""
    x0, chi = origin * length, jf.GaussianProfile(0.3 * length)
    dim, inertia = (1, 1.0) if kind in ("grid", "finite volumes", "in turn", "quantiles") else (2, time)
    law = level * length**dim / (mass * time) * jf.Secretion(chi if dim == 2 else None)
    law = law + jf.FieldEnergy("c", diffusion=0.5 * length**2 / time, decay=0.4 / time)
    law = law + jf.Chemotaxis(1.5 * length**2 / (time * level) / (inertia if kind == "inertia" else 1.0))
    spread = 0.1 * length**2 / time * jf.Entropy()
    if dim == 1:
        grid = jf.Grid.box((x0, x0 + length), cells=32)
        scheme = {"grid": jf.JKO(), "finite volumes": jf.JKO(jf.FiniteVolume()), "in turn": jf.Alternating()}
        masses = grid.density(lambda x: np.exp(-10 * ((x - x0) / length - 0.4) ** 2), mass=mass)
        if kind == "quantiles":
            masses = jf.Quantiles(x0 + length * np.linspace(0.2, 0.7, 21), np.full(20, mass / 20), grid.bounds[0])
        start = jf.State(masses, {"c": jf.Field(grid)})
        final = jf.evolve(spread + law, start, scheme=scheme.get(kind), dt=0.05 * time, t_end=0.3 * time).final
        end = final.masses[""]
        of_masses = (end.nodes - x0) / length if kind == "quantiles" else end.values * length / mass
        return of_masses, final.fields["c"].values / level
    rng = np.random.default_rng(0)
    points, velocities = x0 + length * rng.uniform(-1, 1, (6, 2)), length / time * rng.uniform(-1, 1, (6, 2))
    box = (x0 - 3 * length, x0 + 3 * length)
    field = jf.FreeField(2) if kind == "free" else jf.Field(jf.Grid.torus(box, box, cells=32))
    if kind == "inertia":
        moving, scheme = jf.MovingParticles(points, velocities, np.full(6, mass / 6)), jf.Inertial()
        law = law + jf.Alignment(lambda r: 0.3 / (time * mass) / (1 + (r / length) ** 2))
    else:
        moving, scheme = jf.Particles(points, np.full(6, mass / 6)), jf.Overdamped()
    final = jf.evolve(law, jf.State(moving, {"c": field}), scheme=scheme, dt=0.1 * time, t_end=0.5 * time).final
    return ((final.masses[""].points - x0) / length,)


@pytest.mark.parametrize("kind", ["grid", "finite volumes", "in turn", "quantiles", "torus", "free", "inertia"])
def test_the_same_flow_in_any_units(kind):
    """To 1e-11; with the origin 1e3 lengths away to the rounding of the places there, 1e-10."""
    reference = _in_units(kind, 1.0, 1.0, 1.0, 1.0, 0.0)
    for units in UNITS:
        for found, expected in zip(_in_units(kind, *units), reference, strict=True):
            assert np.abs(found - expected).max() < (1e-10 if units[-1] else 1e-11) * np.abs(expected).max()


def test_a_long_step_of_strong_attraction_on_quantiles_is_solved():
    """Solved one after the other, masses and fields jump between several minima here."""
    nodes, grid = np.sort(np.random.default_rng(11).uniform(0, 1, 11)), jf.Grid.box((0, 1), cells=16)
    law = 0.05 * jf.RenyiEntropy(3) + jf.FieldEnergy("c", diffusion=0.0078) + 5.3 * jf.Secretion() + jf.Chemotaxis(1.0)
    start = jf.State(
        jf.Quantiles(nodes, np.full(10, 1 / 10), (0.0, 1.0)), {"c": jf.Field(grid, lambda x: 1 + np.cos(np.pi * x))}
    )
    flow = jf.evolve(law, start, dt=0.7, t_end=0.7)
    assert flow.ok
    assert np.diff(flow.energies).max() < 0


@pytest.mark.parametrize("seed", range(6))
def test_the_joint_step_on_quantiles_is_a_minimum_in_masses_and_fields(seed):
    """The objective written out, with nodes and modes that are moved at random, each alone and both together."""
    rng = np.random.default_rng(seed)
    grid, tau, start = jf.Grid.box((0, 1), cells=24), 10 ** rng.uniform(-2, 1), np.sort(rng.uniform(0.05, 0.95, 13))
    masses, eta, secretion = rng.uniform(0.5, 1.5, 12), 10 ** rng.uniform(-1, 0.5), 10 ** rng.uniform(-1, 0.5)
    profile = jf.GaussianProfile(0.1) if seed % 2 else None
    law = 0.3 * jf.Entropy() + jf.FieldEnergy("c", diffusion=0.2, decay=1.0)
    law = law + secretion * jf.Secretion(profile) + jf.Chemotaxis(eta)
    field = jf.Field(grid, lambda x: 1 + np.cos(np.pi * x) / 2)
    before = jf.State(jf.Quantiles(start, masses, (0.0, 1.0)), {"c": field})
    end = jf.evolve(law, before, dt=tau, t_end=tau).final
    weight = eta / secretion * field.basis.norms / (1.0 if profile is None else field.transform(profile))

    waves = np.pi * np.arange(24)

    def objective(nodes, modes):
        d, widths = nodes - start, np.diff(nodes)
        moved = masses @ (d[:-1] ** 2 + d[:-1] * d[1:] + d[1:] ** 2) / 3 + weight @ (modes - field.modes) ** 2
        own = 0.3 * masses @ np.log(masses / widths) + weight @ ((0.2 * waves**2 + 1) * modes**2) / 2
        means = np.diff(np.sin(np.outer(waves[1:], nodes)), axis=1) / np.outer(waves[1:], widths)
        return own - eta * modes @ np.append(masses.sum(), means @ masses) + moved / (2 * tau)

    x, c = end.masses[""].nodes, end.fields["c"].modes
    least = objective(x, c)
    for _ in range(100):
        size, which = 10 ** rng.uniform(-5, -2), rng.integers(3)
        way = size * np.diff(x).min() * rng.uniform(-1, 1, 13) * (which < 2)
        change = size * c[0] * rng.uniform(-1, 1, 24) * np.exp(-np.arange(24) / 3) * (which > 0)
        assert objective(np.clip(x + way, 0, 1), c + change) >= least - 1e-12 * abs(least)


@pytest.mark.parametrize("torus", [False, True])
def test_the_second_derivative_of_fields_in_the_nodes_is_that_of_their_slopes(torus):
    from jkoflow.laws import FieldsAfter
    from jkoflow.proximal import ProximalStep
    from jkoflow.proximal.line.problem import LineProblem

    rng = np.random.default_rng(5)
    grid = (jf.Grid.torus if torus else jf.Grid.box)((0, 2), cells=15)
    law = jf.FieldEnergy("c", diffusion=0.3) + jf.Secretion(jf.GaussianProfile(0.1), by="a") + jf.Chemotaxis(1.0, moves="a")
    law = law + 2 * jf.Secretion(jf.GaussianProfile(0.1), by="b") + jf.Chemotaxis(2.0, moves="b")
    nodes = {"a": np.sort(rng.uniform(0.1, 1.9, 6)), "b": np.array([0.3, 0.3, 0.3 + 1e-9, 1.2])}  # an atom and a thin cell
    state = jf.Species({name: jf.Quantiles(x, rng.uniform(0.5, 1, len(x) - 1)) for name, x in nodes.items()})
    after = FieldsAfter(law.forms.signals, {"c": jf.Field(grid, lambda x: np.sin(np.pi * x))}, 0.7)
    problem = LineProblem(ProximalStep(after, state, 1e30))
    x, way, step = np.concatenate(list(nodes.values())), rng.uniform(-1, 1, 10), 1e-5
    low, high, here = (problem.evaluate(x + s * step * way) for s in (-1, 1, 0))
    assert (high.value - low.value) / (2 * step) == pytest.approx(here.gradient @ way, rel=1e-8)
    moved = x + 1e-3 * np.sort(way)
    assert after(problem.state(moved)) - after(state) == pytest.approx(problem.evaluate(moved).value - here.value, rel=1e-9)
    slopes = (high.gradient - low.gradient) / (2 * step)
    assert np.allclose(here.apply(way), slopes, rtol=1e-7, atol=1e-8 * np.abs(slopes).max())
    matrix = np.diag(here.diagonal) + np.diag(here.off_diagonal, 1) + np.diag(here.off_diagonal, -1)
    for part in here.far:
        part.add_matrix(matrix)
    assert np.allclose(matrix @ way, here.apply(way), rtol=1e-12, atol=1e-12 * np.abs(slopes).max())


def test_waves_that_a_profile_does_not_make_hold_nothing():
    """The transform of the profile underflows at the shortest waves: energy and dissipation are those of fewer waves."""
    x = np.random.default_rng(2).uniform(-1, 1, (5, 2))
    law = jf.FieldEnergy("c", diffusion=1.0) + jf.Secretion(jf.GaussianProfile(0.3)) + jf.Chemotaxis(1.0)
    found = []
    for cells in (48, 160):
        field = jf.Field(jf.Grid.torus((-2, 2), (-2, 2), cells=cells))
        flow = jf.evolve(law, jf.State(jf.MovingParticles(x, 0 * x), {"c": field}), scheme=jf.Inertial(), dt=0.05, t_end=0.2)
        found.append([flow.energies[-1], flow.dissipation[-1]])
    assert np.allclose(*found, rtol=1e-6)
    assert (law - jf.Secretion(jf.GaussianProfile(0.3)) + jf.Secretion(jf.BumpProfile(0.3))).symmetrizable() is None


def test_a_free_field_keeps_the_trail_of_a_particle_that_travels():
    """It spreads where the particle has left it, and nothing comes back ahead of the particle: quadrature of the history."""
    from scipy.integrate import quad

    diffusion, s, speed, t = 0.05, 0.25, 1.0, 16.0
    law = jf.FieldEnergy("c", diffusion) + jf.Secretion(jf.GaussianProfile(s))
    start = jf.State(jf.MovingParticles([0.0], [speed]), {"c": jf.FreeField(1)})
    c = jf.evolve(law, start, scheme=jf.Inertial(), dt=0.05, t_end=t).final.fields["c"]

    def exact(x):
        def emitted(u):
            v = s**2 + 2 * diffusion * u
            return np.exp(-((x - speed * (t - u)) ** 2) / (2 * v)) / np.sqrt(2 * np.pi * v)

        return quad(emitted, 0, t, limit=400, points=[t - x] if 0 < t - x < t else None)[0]

    ends = c.window.grid.bounds[0]
    for x in (ends[0] + 0.1, -2.5, -1.0, 3.0, 12.0, 16.0, 17.5, ends[1] - 0.1):
        assert c.at([x])[0] == pytest.approx(exact(x), abs=3e-4 if -1 < x < 17 else 1e-12 + 0.1 * exact(x))


@pytest.mark.parametrize("scheme", [jf.JKO(), jf.ImplicitMidpoint(), jf.Alternating()], ids=["jko", "midpoint", "in turn"])
@pytest.mark.parametrize("kind", [jf.Density, jf.Quantiles])
def test_the_dissipation_counts_the_fields(scheme, kind):
    """-dE/dt of a small step, whatever the scheme."""
    grid = jf.Grid.box((0, 1), cells=32)
    rho = grid.density(lambda x: 1 + 0.3 * np.cos(np.pi * x))
    start = jf.State(rho if kind is jf.Density else rho.quantiles(40), {"c": jf.Field(grid, lambda x: 1 + np.cos(np.pi * x))})
    flow = jf.evolve(KELLER_SEGEL, start, scheme=scheme, dt=1e-3, t_end=4e-3)
    rate = -np.diff(flow.energies) / 1e-3
    told = flow.dissipation if isinstance(scheme, jf.ImplicitMidpoint) else (flow.dissipation[1:] + flow.dissipation[:-1]) / 2
    assert told[-1] == pytest.approx(rate[-1], rel=1e-2)


def test_no_scheme_ends_outside_the_box_of_a_field():
    grid = jf.Grid.box((0, 3), cells=30)
    law = jf.FieldEnergy("c", 0.1) + jf.Secretion(jf.GaussianProfile(0.2)) + jf.Chemotaxis(1.0)
    law = law + jf.Potential(lambda x: 40 * x)
    start = jf.State(jf.Quantiles([0.5, 1.0]), {"c": jf.Field(grid, lambda x: 1 + 0 * x)})
    for scheme in (jf.JKO(), jf.ImplicitMidpoint(), jf.Alternating()):
        flow = jf.evolve(law, start, scheme=scheme, dt=0.018, t_end=0.018, on_failure="return")
        assert flow.statuses[-1] is jf.Status.LEFT_DOMAIN


GRID = jf.Grid.box((0, 1), cells=8)
RHO = GRID.density(lambda x: 1 + x)
CLOUD = jf.MovingParticles([0.2, 0.4], [0.0, 0.0])
LAW = jf.FieldEnergy("c", diffusion=1.0) + jf.Secretion(jf.GaussianProfile(0.1)) + jf.Chemotaxis(1.0)
PHASE = jf.PhaseDensity.of(
    jf.Grid.box((0, 3), cells=24), jf.Grid.box((-1, 1), cells=8), lambda x, v: np.exp(-((x - 1) ** 2) - v**2)
)
ELSEWHERE = jf.Field(jf.Grid.box((-3, 9), cells=24))
BAD = {
    "Field on the grid of the densities": lambda: jf.evolve(
        LAW, jf.State(PHASE, {"c": ELSEWHERE}), scheme=jf.Kinetic(), dt=0.1, t_end=0.1
    ),
    "on the grid of the densities Grid": lambda: LAW(jf.State(RHO, {"c": ELSEWHERE})),
    "window must be a Field on a torus": lambda: jf.FreeField(1, window=jf.Field(GRID)),
    "dimension must be 1, 2 or 3": lambda: jf.FreeField(2.0),
    "must lie near one another": lambda: jf.evolve(
        LAW,
        jf.State(jf.MovingParticles([[0.0] * 3, [1e6] * 3], np.zeros((2, 3))), {"c": jf.FreeField(3)}),
        scheme=jf.Inertial(),
        dt=0.1,
        t_end=0.1,
    ),
    "QuadraticProfile, got GaussianProfile": lambda: jf.evolve(
        LAW, jf.State(CLOUD, {"c": jf.QuadraticField(np.zeros(3))}), scheme=jf.Inertial(), dt=0.1, t_end=0.1
    ),
    "name of a field": lambda: jf.FieldEnergy(3, 1.0),
    "got an empty text": lambda: jf.Chemotaxis(1.0, along=""),
    "laws of masses alone": lambda: jf.diagnostics.slope_identity(
        jf.evolve(jf.Entropy() + LAW, jf.State(RHO, {"c": jf.Field(GRID)}), dt=0.1, t_end=0.1), jf.Entropy() + LAW
    ),
    "diffusion must be >= 0": lambda: jf.FieldEnergy("c", diffusion=-1.0),
    "decay must be >= 0": lambda: jf.FieldEnergy("c", diffusion=1.0, decay=-0.1),
    "eta must be": lambda: jf.Chemotaxis(np.nan),
    "chi must be a profile": lambda: jf.Secretion(jf.Gaussian()),
    "s must be a positive": lambda: jf.GaussianProfile(0.0),
    "values of a field must": lambda: jf.Field(GRID, np.ones(3)),
    "starts at 0, so it stays 0": lambda: jf.evolve(
        LAW - jf.Secretion(jf.GaussianProfile(0.1)), jf.State(RHO, {"c": jf.Field(GRID)}), dt=0.1, t_end=1.0
    ),
    "must have the field 'c'": lambda: jf.evolve(LAW, RHO, dt=0.1, t_end=1.0),
    "on the grid of the densities": lambda: jf.evolve(
        LAW, jf.State(RHO, {"c": jf.Field(jf.Grid.box((0, 2), cells=8))}), dt=0.1, t_end=1.0
    ),
    "in the dimension of the masses": lambda: jf.evolve(
        LAW, jf.State(CLOUD, {"c": jf.FreeField(2)}), scheme=jf.Inertial(), dt=0.1, t_end=1.0
    ),
    "must lie in the box": lambda: jf.evolve(
        LAW, jf.State(CLOUD, {"c": jf.Field(jf.Grid.box((0, 0.3), cells=8))}), scheme=jf.Inertial(), dt=0.1, t_end=1.0
    ),
    "takes Gaussian profiles": lambda: jf.evolve(
        jf.FieldEnergy("c", diffusion=1.0) + jf.Secretion(jf.BumpProfile(0.1)) + jf.Chemotaxis(1.0),
        jf.State(CLOUD, {"c": jf.FreeField(1)}),
        scheme=jf.Inertial(),
        dt=0.1,
        t_end=1.0,
    ),
    "how field 'c' relaxes": lambda: jf.evolve(
        jf.Entropy() + jf.Chemotaxis(1.0), jf.State(RHO, {"c": jf.Field(GRID, 1.0)}), dt=0.1, t_end=1.0
    ),
    "Alternating takes the law": lambda: jf.evolve(
        LAW - 2 * jf.Secretion(jf.GaussianProfile(0.1)), jf.State(RHO, {"c": jf.Field(GRID, 1.0)}), dt=0.1, t_end=1.0
    ),
    "does not move fields": lambda: jf.evolve(
        LAW, jf.State(RHO, {"c": jf.Field(GRID)}), scheme=jf.SemiImplicitJKO(), dt=0.1, t_end=1.0
    ),
    "must not have the name of a species": lambda: jf.evolve(
        jf.FieldEnergy("a", diffusion=1.0) + jf.Secretion(by="a", into="a") + jf.Chemotaxis(1.0, moves="a", along="a"),
        jf.State(jf.Species(a=RHO), {"a": jf.Field(GRID)}),
        dt=0.1,
        t_end=1.0,
    ),
    "fields must share one domain": lambda: jf.evolve(
        LAW + jf.FieldEnergy("d", diffusion=1.0) + jf.Secretion(jf.GaussianProfile(0.1), into="d"),
        jf.State(CLOUD, {"c": jf.Field(jf.Grid.torus((0, 1), cells=8)), "d": jf.FreeField(1)}),
        scheme=jf.Inertial(),
        dt=0.1,
        t_end=1.0,
    ),
    "must solve the exact step": lambda: jf.evolve(
        0.1 * jf.Entropy() + LAW,
        jf.State(RHO, {"c": jf.Field(GRID)}),
        scheme=jf.ImplicitMidpoint(jf.FiniteVolume()),
        dt=0.1,
        t_end=1.0,
    ),
    "kernels must be smooth": lambda: jf.evolve(
        LAW + jf.Interaction(jf.PowerLaw(1)), jf.State(CLOUD.places, {"c": jf.FreeField(1)}), scheme=jf.Overdamped(), t_end=1.0
    ),
    "groups must divide": lambda: jf.evolve(
        jf.Alignment(lambda r: 1.0 + 0 * r, groups=3), CLOUD, scheme=jf.Inertial(), dt=0.1, t_end=1.0
    ),
}


@pytest.mark.parametrize("words", BAD)
def test_what_does_not_fit_is_refused_in_words(words):
    with pytest.raises(ValueError, match=words):
        BAD[words]()


class Smoke(jf.Density):
    """A user's own density."""


class Laplace(jf.Profile):
    """A user's own profile, without a hash: exp(-|y| / l) / (2 l), with the transform 1 / (1 + l^2 k^2)."""

    is_positive = True
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, length):
        self.length = length

    def __call__(self, r, dim):
        return np.exp(-r / self.length) / (2 * self.length)

    def transform(self, k, dim):
        return 1 / (1 + (self.length * k) ** 2)


@pytest.mark.parametrize("scheme", [jf.JKO(), jf.ImplicitMidpoint(), jf.Alternating()])
def test_own_densities_and_profiles_do_what_built_in_ones_do(scheme):
    grid, chi = jf.Grid.box((-3, 3), cells=48), Laplace(0.3)
    law = 0.1 * jf.Entropy() + jf.FieldEnergy("c", diffusion=0.5, decay=0.1) + jf.Secretion(chi) + jf.Chemotaxis(1.0)
    values, ends = np.exp(-(grid.axes[0] ** 2)), []
    for kind in (jf.Density, Smoke):
        flow = jf.evolve(law, jf.State(kind(grid, values), {"c": jf.Field(grid)}), scheme=scheme, dt=0.05, t_end=0.2)
        assert type(flow.final.masses[""]) is kind
        ends.append(flow.final.masses[""].values)
    assert np.array_equal(*ends)


def test_quantiles_that_leave_the_box_of_a_field_end_the_run():
    law = (
        jf.FieldEnergy("c", diffusion=1.0) + jf.Chemotaxis(1.0) + jf.Potential(lambda x: -3 * x, gradient=lambda x: -3 + 0 * x)
    )
    for scheme in (jf.JKO(), jf.Alternating()):
        state = jf.State(jf.Quantiles([0.5, 0.8]), {"c": jf.Field(GRID, 1.0)})
        law_of_scheme = law if isinstance(scheme, jf.Alternating) else law + jf.Secretion()
        flow = jf.evolve(law_of_scheme, state, scheme=scheme, dt=0.05, t_end=1.0, on_failure="return")
        assert flow.statuses[-1] is jf.Status.LEFT_DOMAIN
        assert 2 <= len(flow) <= 4


def test_a_rough_profile_is_named_and_particles_that_leave_a_box_end_the_run():
    with pytest.warns(jf.RoughProfileWarning, match="Theorem 2.1"):
        jf.Secretion(jf.BallProfile(0.1))
    fast = jf.State(jf.MovingParticles([0.9], [1.0]), {"c": jf.Field(GRID, 1.0)})
    law = jf.FieldEnergy("c", diffusion=1.0) + jf.Chemotaxis(1.0)
    flow = jf.evolve(law, fast, scheme=jf.Inertial(), dt=0.05, t_end=1.0, on_failure="return")
    assert flow.statuses[-1] is jf.Status.LEFT_DOMAIN
    assert len(flow) == 4
