"""DirichletCoupling: values, potentials and refusals on every measure, against closed forms; equilibria.

The cases T1 to T27 are those of docs/theory/poisson-nernst-planck.md, section 5.
"""

from math import erf

import numpy as np
import pytest

import jkoflow as jf
from jkoflow.checks import check_energy
from jkoflow.laws.electrostatics import sampled_on
from jkoflow.linear import gmres

from .tables import LINE, PLANE, SPACE, smooth

BOUNDARIES = ("neumann", "dirichlet", "free-space")
PAIR = {"u": 1.0, "v": -1.0}


def normal(grid, s, *centre):
    centre = centre or (0.0,) * grid.dim
    return grid.density(lambda *x: np.exp(-sum((xi - c) ** 2 for xi, c in zip(x, centre, strict=True)) / (2 * s**2)), order=3)


def radial_normal(s, shells, dim=3):
    return jf.RadialQuantiles.from_density(lambda r: np.exp(-(r**2) / (2 * s**2)), radius=9 * s, shells=shells, dim=dim)


def ions(grid, a=0.5):
    return jf.Species(
        u=grid.density(lambda x, *_: 1 + a * np.cos(np.pi * x), order=3),
        v=grid.density(lambda x, *_: 1 - a * np.cos(np.pi * x), order=3),
    )


# ---- values and potentials


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("grid", [LINE, PLANE, SPACE], ids=["line", "plane", "space"])
def test_first_variation_passes_the_taylor_test(boundary, grid):
    state = jf.Species(a=smooth(grid, 1), b=smooth(grid, 2))
    doping = smooth(grid, 3).values * (-1.0)  # two units of charge against b and this
    coupling = jf.DirichletCoupling(a=2.0, b=-1.0, permittivity=0.3, doping=doping, boundary=boundary)
    check_energy(coupling, state, species="a", seed=2)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_first_variation_on_quantiles(boundary):
    """Against differences of the value along transports of the mass, species by species."""
    state = jf.Species(a=smooth(LINE, 1).quantiles(30), b=smooth(LINE, 2).quantiles(20))
    coupling = jf.DirichletCoupling(a=1.5, b=-1.5, permittivity=0.3, boundary=boundary)
    x, edge = state["a"].nodes, np.linspace(0, np.pi, 31)
    bump = np.sin(edge) ** 2
    up, down = (jf.Species(a=state["a"].like(x + t * bump), b=state["b"]) for t in (1e-4, -1e-4))
    slope = (coupling(up) - coupling(down)) / 2e-4
    check_energy(coupling, state, species="a", seed=3)
    psi = coupling.first_variation(state, "a")
    force = np.gradient(psi, state["a"].points) * state["a"].masses
    assert np.isclose(slope, force @ (bump[1:] + bump[:-1]) / 2, rtol=0.02)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_grids_agree_with_quantiles_to_second_order(boundary):
    """The finite volumes of the transforms against exact sums over distribution functions, doping and gauge included."""

    def gaps(n):
        grid = jf.Grid.box((-1.0, 1.5), cells=n)
        state = jf.Species(a=grid.density(lambda x: 1 + x**2), b=grid.density(lambda x: 2 + np.sin(3 * x), mass=0.7))
        fixed = 0.8 if boundary == "dirichlet" else -1.3  # grounded walls leave the total free
        coupling = jf.DirichletCoupling(
            a=2, b=-1, permittivity=0.2, doping=lambda x: fixed * (x + 1.0) * 2 / 2.5**2, boundary=boundary
        )
        lines = jf.Species({name: one.quantiles() for name, one in state.items()})
        psi = np.abs(coupling.first_variation(state, "b") - coupling.first_variation(lines, "b")).max()
        return np.array([abs(coupling(state) - coupling(lines)), psi])

    coarse, fine = gaps(50), gaps(200)
    assert np.all(fine < 0.09 * coarse)
    assert np.all(fine < 1e-3)


def test_t1_gaussians():
    """Closed forms of pairs of Gaussians of opposite charge, in 1 to 4 dimensions."""
    free = jf.DirichletCoupling(u=1, v=-1, boundary="free-space")
    wide = jf.Grid.box((-12, 12), cells=800)
    apart = jf.Species(u=normal(wide, 1.0), v=normal(wide, 1.5, 0.7))
    assert np.isclose(jf.closed_forms.gaussian_coupling(1, 1.5, 1, 0.7), 0.067512265221, atol=1e-12)
    assert np.isclose(free(apart), 0.067512265221, atol=2e-5)
    lines = jf.Species({name: one.quantiles() for name, one in apart.items()})
    assert np.isclose(free(lines), 0.067512265221, atol=2e-5)
    for dim, value in ((2, 0.006369596292), (3, 0.002194051464), (4, 0.000676557049)):
        assert np.isclose(jf.closed_forms.gaussian_coupling(1, 1.5, dim), value, atol=1e-12)
        errors = [free(jf.Species(u=radial_normal(1, n, dim), v=radial_normal(1.5, n, dim))) - value for n in (100, 200)]
        assert abs(errors[1]) < 1e-3 * value
        assert 3.5 < errors[0] / errors[1] < 4.5
    for dim, cells in ((2, 48), (3, 20)):
        errors = []
        for n in (cells, 2 * cells):
            grid = jf.Grid.box(*((-8, 8),) * dim, cells=n)
            errors.append(
                free(jf.Species(u=normal(grid, 1.0), v=normal(grid, 1.5))) / jf.closed_forms.gaussian_coupling(1, 1.5, dim) - 1
            )
        assert abs(errors[1]) < 0.035
        assert 3.5 < errors[0] / errors[1] < 5.5


def test_t1_potential_in_space():
    """psi = [erf(r / sqrt2 s1) - erf(r / sqrt2 s2)] / (4 pi r), on shells and on a grid, vanishing at infinity."""
    free = jf.DirichletCoupling(u=1, v=-1, boundary="free-space")

    def exact(r):
        return (np.vectorize(erf)(r / np.sqrt(2)) - np.vectorize(erf)(r / np.sqrt(2) / 1.5)) / (4 * np.pi * r)

    state = jf.Species(u=radial_normal(1, 300), v=radial_normal(1.5, 300))
    assert np.abs(free.first_variation(state, "u") - exact(state["u"].points)).max() < 2e-5
    assert np.array_equal(free.first_variation(state, "u") < 0, exact(state["u"].points) < 0)
    grid = jf.Grid.box(*((-7.5, 7.5),) * 3, cells=40)
    on_grid = jf.Species(u=normal(grid, 1.0), v=normal(grid, 1.5))
    r = np.sqrt(sum(x**2 for x in grid.mesh))
    assert np.abs(free.potential(on_grid) - exact(r)).max() < 6e-4


def test_t1_ball_and_modes():
    ball = jf.RadialQuantiles(np.linspace(0, 1, 101) ** (1 / 3))
    alone = jf.DirichletCoupling({"": 1}, boundary="free-space")
    assert np.isclose(alone(ball), 3 / (20 * np.pi), rtol=1e-10)
    psi = alone.first_variation(ball)
    assert np.isclose(psi[0], 3 / (8 * np.pi), rtol=2e-2)
    grid = jf.Grid.box((0, 1), (0, 1), cells=64)
    wave = np.cos(np.pi * grid.mesh[0]) * np.cos(2 * np.pi * grid.mesh[1])
    state = jf.Species(u=grid.density(1 + 0.4 * wave), v=grid.density(1 - 0.4 * wave))
    assert np.isclose(jf.DirichletCoupling(u=1, v=-1)(state), 0.8**2 / (8 * np.pi**2 * 5), rtol=2e-3)


def test_t2_the_energy_is_that_of_the_field_exactly():
    grid = jf.Grid.box((0, 1), cells=64)
    n = np.cos(np.pi * grid.axes[0])
    state = jf.Species(u=grid.density(1 + 0.5 * n, mass=None), v=grid.density(1 - 0.5 * n, mass=None))
    coupling = jf.DirichletCoupling(u=1, v=-1)
    field = -np.cumsum(n)[:-1] / 64
    assert np.isclose(coupling(state), 0.5 * np.sum(field**2) / 64, rtol=1e-12)
    assert np.isclose(coupling(state), 0.025335382786450, atol=1e-14)
    assert abs(coupling(state) - 0.025330295910584) < 6e-6


@pytest.mark.parametrize("dim", [2, 3])
def test_grounded_walls(dim):
    """-lap psi = sin sin (sin), with psi = 0 on the walls, to second order."""

    def error(n):
        grid = jf.Grid.box(*((0, 1),) * dim, cells=n)
        wave = np.prod([np.sin(np.pi * x) for x in grid.mesh], axis=0)
        psi = grid.solve_poisson(wave, "dirichlet")
        return np.abs(psi - wave / (dim * np.pi**2)).max()

    assert 3.7 < error(12) / error(24) < 4.3


def test_the_charge_of_a_species_may_be_any_and_masses_need_not_be_one():
    grid = jf.Grid.box((0, 1), cells=32)
    state = jf.Species({"Ca2+": grid.density(lambda x: 1 + x, mass=0.3), "Cl-": grid.density(lambda x: 2 - x, mass=0.6)})
    twice = jf.DirichletCoupling({"Ca2+": 2, "Cl-": -1})
    halves = jf.DirichletCoupling({"Ca2+": 1, "Cl-": -0.5}, permittivity=0.25)
    assert np.isclose(twice(state), halves(state), rtol=1e-12)
    assert np.allclose(twice.first_variation(state, "Ca2+"), -2 * twice.first_variation(state, "Cl-"))
    assert np.isclose((3 * twice)(state), 3 * twice(state))
    assert "Ca2+" in repr(twice)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_as_interactions(boundary):
    """The same forces and, without doping, the same value."""
    grid = jf.Grid.box((-1.0, 1.5), cells=60)
    lines = jf.Species(a=smooth(grid, 1).quantiles(), b=smooth(grid, 2).quantiles())
    coupling = jf.DirichletCoupling(a=1, b=-1, permittivity=0.1, boundary=boundary)
    law = coupling.as_interactions(lines)
    assert np.isclose(law(lines), coupling(lines), rtol=1e-10)
    difference = law.first_variation(lines, "a") - coupling.first_variation(lines, "a")
    assert np.ptp(difference) < 1e-10


# ---- refusals


def test_bad_arguments():
    for words, make in (
        ("permittivity must be a positive", lambda: jf.DirichletCoupling(u=1, v=-1, permittivity=0.0)),
        ("permittivity must be a positive", lambda: jf.DirichletCoupling(u=1, v=-1, permittivity=-2)),
        ("charge of 'u' must be a finite number", lambda: jf.DirichletCoupling(u=np.nan, v=-1)),
        ("charges must name at least one", lambda: jf.DirichletCoupling()),
        ("boundary must be one of", lambda: jf.DirichletCoupling(u=1, boundary="periodic")),
        ("charges must be a mapping", lambda: jf.DirichletCoupling(3)),
    ):
        with pytest.raises(ValueError, match=words):
            make()


def test_bad_states():
    grid = jf.Grid.box((0, 1), cells=16)
    state = ions(grid)
    law = jf.Entropy("u") + jf.Entropy("v")

    def run(coupling, start=state):
        jf.evolve(law + coupling, start, dt=0.1, t_end=0.1)

    heavy = jf.Species(u=grid.density(abs, mass=2.0), v=state["v"])
    with pytest.raises(ValueError, match=r"charge of the state must add up to 0 .* got 1"):
        run(jf.DirichletCoupling(u=1, v=-1), heavy)
    run(jf.DirichletCoupling(u=1, v=-1, doping=-1.0), heavy)
    with pytest.raises(ValueError, match="charges must be given for every species"):
        run(jf.DirichletCoupling(u=1, boundary="dirichlet"))
    with pytest.raises(ValueError, match="speaks of species 'w'"):
        run(jf.DirichletCoupling(u=1, v=-1, w=2))
    with pytest.raises(ValueError, match="doping must have shape"):
        run(jf.DirichletCoupling(u=1, v=-1, doping=np.zeros(7)))
    with pytest.raises(ValueError, match=r"doping must be finite, got 16 NaN"):
        run(jf.DirichletCoupling(u=1, v=-1, doping=lambda x: x * np.nan))
    with pytest.raises(ValueError, match=r"V must be finite, got 16 NaN"):
        run(jf.DirichletCoupling(u=1, v=-1) + jf.Potential(lambda x: x * np.nan, "u"))
    with pytest.raises(ValueError, match="species must share one domain"):
        jf.Species(u=state["u"], v=jf.Grid.box((0, 2), cells=16).density(abs))
    with pytest.raises(ValueError, match="infinite energy in d <= 2"):
        run(jf.DirichletCoupling(u=1, v=-1, boundary="free-space"), heavy)
    free = jf.Species({name: one.quantiles(walls=False) for name, one in state.items()})
    with pytest.raises(ValueError, match="needs walls"):
        run(jf.DirichletCoupling(u=1, v=-1), free)
    cloud = jf.Species(u=jf.Particles([[0.0, 1.0]]), v=jf.Particles([[1.0, 1.0]]))
    with pytest.raises(ValueError, match=r"as interactions, with .as_interactions"):
        jf.DirichletCoupling(u=1, v=-1, boundary="free-space")(cloud)
    shells = jf.Species(u=radial_normal(1, 20), v=radial_normal(1, 20))
    with pytest.raises(ValueError, match="must have boundary='free-space'"):
        jf.DirichletCoupling(u=1, v=-1)(shells)


def test_radial_refusals():
    for words, make in (
        ("nodes must increase", lambda: jf.RadialQuantiles([0.0, 1.0, 1.0])),
        ("nodes must be non-negative", lambda: jf.RadialQuantiles([-1.0, 1.0])),
        ("masses must be positive", lambda: jf.RadialQuantiles([0.0, 1.0], [0.0])),
        ("dim must be at least 2", lambda: jf.RadialQuantiles([0.0, 1.0], dim=1)),
        ("density must hold mass", lambda: jf.RadialQuantiles.from_density(lambda r: 0 * r, radius=1.0, shells=4)),
        ("take sums of power laws as kernels", lambda: jf.Interaction(jf.Morse())(jf.RadialQuantiles([0.0, 1.0]))),
        ("RadialNewton does not take Congestion", lambda: _step(jf.Congestion(1.0))),
        ("takes RadialQuantiles, got Density", lambda: jf.RadialNewton().check(_grid_step())),
        ("takes one anchor", lambda: jf.evolve(jf.Entropy(), radial_normal(1, 9), scheme=jf.BDF2(), dt=0.1, t_end=0.2)),
        ("coefficient", lambda: _step(-1.0 * jf.DirichletCoupling({"": 1}, boundary="free-space"))),
    ):
        with pytest.raises(ValueError, match=words):
            make()


def _step(law):
    return jf.RadialNewton().check(jf.ProximalStep(law, jf.Species.of(radial_normal(1, 9)), 0.1))


def _grid_step():
    return jf.ProximalStep(jf.Entropy(), jf.Species.of(jf.Grid.box((0, 1), cells=8).density(abs)), 0.1)


# ---- states of rest


def test_t12_the_manufactured_equilibrium():
    """u = 1 + cos(pi x) / 2 and v = 1 - cos(pi x) / 2 to second order, with E = -a^2 / pi^2."""
    known = jf.closed_forms.CosineIons(0.5)

    def errors(n):
        grid = jf.Grid.box((0, 1), cells=n)
        one = grid.density(lambda x: np.ones_like(x))
        law = jf.Entropy("u") + jf.Entropy("v") + jf.Potential(known.U, "u") + jf.Potential(known.V, "v")
        law = law + jf.DirichletCoupling(u=1, v=-1)
        start = jf.Species(u=one, v=one)
        assert np.isclose(law(start), known.energy_of_uniform, atol=1e-3)
        rest = jf.equilibrium(law, start)
        assert rest.status.ok
        off = np.abs(rest.state["u"].values - known.u(grid.axes[0])).max()
        return np.array([off, np.abs(rest.potential - known.psi(grid.axes[0])).max(), abs(law(rest.state) - known.energy)])

    coarse, fine = errors(32), errors(64)
    assert np.all(fine < 3e-5)
    assert np.all(np.abs(coarse / fine - 4) < 0.3)


def test_relative_entropy_identity():
    """E(z) - E(rest) = sum KL + 1/2 int |grad(psi - psi_rest)|^2, exactly on the grid too
    (docs/theory/poisson-nernst-planck.md, section 3.10)."""
    grid = jf.Grid.box((0, 1), (0, 1), cells=24)
    state = jf.Species(u=smooth(grid, 1), v=smooth(grid, 2))
    coupling = jf.DirichletCoupling(u=1, v=-1, permittivity=0.02)
    law = jf.Entropy("u") + jf.Entropy("v") + jf.Potential(lambda x, y: 2 * x * y, "u") + coupling
    rest = jf.equilibrium(law, state).state
    apart = sum(grid.integrate(state[s].values * np.log(state[s].values / rest[s].values)) for s in "uv")
    n = sum(z * (state[s].values - rest[s].values) for s, z in PAIR.items())
    field = grid.integrate(n * grid.solve_poisson(n)) / (2 * 0.02)
    assert np.isclose(law(state) - law(rest), apart + field, rtol=1e-10)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("m", [1, 2, 3])
@pytest.mark.parametrize("c", [1, 1000])
def test_equilibria_are_fixed_points_of_jko(boundary, m, c):
    """The constancy of dE/drho where there is mass, and a JKO step that stays, at any strength."""
    grid = jf.Grid.box((0, 1), (0, 1), cells=16)
    state = jf.Species(u=smooth(grid, 1), v=smooth(grid, 2))
    internal = [jf.Entropy(s) if m == 1 else jf.RenyiEntropy(m, s) for s in "uv"]
    wave = 2 * np.cos(np.pi * grid.mesh[0]) * np.cos(np.pi * grid.mesh[1])
    law = sum(internal) + jf.Potential(lambda x, y: x, "u")
    law = law + jf.DirichletCoupling(u=1, v=-1, permittivity=1 / c, boundary=boundary, doping=wave)
    rest = jf.equilibrium(law, state)
    assert rest.status.ok
    assert rest.residual < 1e-10
    for name, level in rest.chemical_potentials.items():
        first, rho = law.first_variation(rest.state, name), rest.state[name].values
        assert np.isclose(rest.state[name].mass, 1, rtol=1e-12)
        assert np.abs(first - level)[rho > 1e-9].max() < 1e-6
        assert first.min() > level - 1e-6
    stay = jf.BackAndForth(tolerance=1e-9).solve(jf.ProximalStep(law, rest.state, 0.1))
    assert stay.status.ok
    full = all(one.values.min() > 0 for one in rest.state.values())
    moved = max(np.abs(stay.state[s].values - rest.state[s].values).max() for s in "uv")
    assert moved < (1e-6 if full else grid.spacing[0] ** 2 / 4)  # the map of a step knows the edge of the mass to second order


def finite_differences(grid):
    """- lap with five points and no flux through the walls, as a matrix."""
    n, h = grid.shape[0], grid.spacing[0]
    one = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    one[0, 0] = one[-1, -1] = 1
    return (np.kron(one, np.eye(n)) + np.kron(np.eye(n), one)) / h**2


def assert_least_energy(rest, grid, m, c, outer, bound=np.inf, allowed=True):
    """U' + V + z psi is constant where there is mass, not lower in vacuum, not higher at the bound; psi is computed apart.

    Densities that are right to the tolerance know psi to the potential of so much charge.
    """
    assert rest.status is jf.Status.CONVERGED
    assert rest.residual <= 1e-11
    charge = rest.state["u"].values - rest.state["v"].values
    psi = np.linalg.lstsq(finite_differences(grid), c * charge.ravel(), rcond=1e-12)[0].reshape(grid.shape)
    within = 1e-8 * np.ptp(outer) + 1e-11 * c * 4 / 36 * (6 / np.pi) ** 2
    for name, potential in (("u", outer + psi), ("v", -psi)):
        rho = rest.state[name].values
        assert rho.min() >= 0
        assert rho.max() <= bound * (1 + 1e-12)
        assert rho.sum() * grid.cell_volume == pytest.approx(4, rel=1e-12)
        first, full = m / (m - 1) * rho ** (m - 1) + potential, rho > bound * (1 - 1e-9)
        free = (rho > 0) & ~full
        mu = np.sum((rho * first)[free]) / rho[free].sum()
        assert np.abs(first - mu)[free].max() < within, name
        assert np.all((first > mu - within) | full | ~np.broadcast_to(allowed, grid.shape)), name
        assert np.all((first < mu + within)[full]), name


@pytest.mark.parametrize("m", [2.5, 3, 4, 6, 10])
@pytest.mark.parametrize("c", [1e-2, 1, 1e2, 1e4, 1e6])
def test_equilibria_whose_densities_have_sharp_edges(m, c):
    """(U*)' has an infinite slope at the edge of the mass. v gathers at the walls around a core without charge."""
    grid = jf.Grid.box((-3, 3), (-3, 3), cells=16)
    x, y = grid.mesh
    flat = grid.density(np.ones(grid.shape), mass=4.0)
    law = jf.RenyiEntropy(m, "u") + jf.RenyiEntropy(m, "v") + jf.DirichletCoupling(u=1, v=-1, permittivity=1 / c)
    rest = jf.equilibrium(law + jf.Potential(lambda x, y: x + y**2, "u"), jf.Species(u=flat, v=flat))
    assert_least_energy(rest, grid, m, c, x + y**2)


@pytest.mark.parametrize("m", [2, 4])
@pytest.mark.parametrize("c", [1, 1e4])
def test_equilibria_with_sharp_edges_under_bounds_beside_an_obstacle(m, c):
    grid = jf.Grid.box((-3, 3), (-3, 3), cells=16)
    x, y = grid.mesh
    flat = grid.density((x < 1) | (y > 0), mass=4.0)
    law = jf.DirichletCoupling(u=1, v=-1, permittivity=1 / c) + jf.Potential(lambda x, y: x + y**2, "u")
    for name in "uv":
        law = law + jf.RenyiEntropy(m, name) + jf.Congestion(0.3, name) + jf.Obstacle((x >= 1) & (y <= 0), name)
    rest = jf.equilibrium(law, jf.Species(u=flat, v=flat))
    assert rest.state["u"].values.max() > 0.3 * (1 - 1e-9)
    assert_least_energy(rest, grid, m, c, x + y**2, bound=0.3, allowed=(x < 1) | (y > 0))


def test_t14_the_grounded_slab():
    """The sec^2 profile: closed numbers, the equilibrium to second order, its energy, and the flow that ends there."""
    slab = jf.closed_forms.GroundedSlab(1.0)
    assert np.isclose(slab.a, 0.692708253407, atol=1e-12)
    assert np.isclose(slab.density(0.5), 0.959689448678, atol=1e-11)
    assert np.isclose(slab.density(0.0) - slab.density(0.5), 1 / 8, atol=1e-12)
    assert np.isclose(jf.closed_forms.GroundedSlab(10.0).density(0.0), 19.430464642, atol=1e-8)
    coupling = jf.DirichletCoupling({"": 1}, boundary="dirichlet")
    errors = []
    for n in (32, 64):
        grid = jf.Grid.box((0, 1), cells=n)
        start = grid.density(lambda x: np.ones_like(x))
        rest = jf.equilibrium(jf.Entropy() + coupling, start)
        errors.append(np.abs(rest.state.values - slab.density(grid.axes[0])).max())
        assert np.isclose(coupling(rest.state), 0.040310551322, atol=3e-3 * (32 / n) ** 2)
        assert np.abs(rest.potential - slab.potential(grid.axes[0])).max() < 2e-3 * (32 / n) ** 2
    assert errors[1] < 3e-5
    assert 3.6 < errors[0] / errors[1] < 4.4
    for state in (start, start.quantiles()):
        flow = jf.evolve(jf.Entropy() + coupling, state, dt=0.2, t_end=2.0)
        assert np.abs(flow.final.values - slab.density(flow.final.points)).max() < 2e-4
        assert np.isclose(coupling(flow.final), 0.040310551322, atol=3e-5)
        assert np.isclose(jf.Entropy()(flow.final), 0.000672620962, atol=2e-6)


def test_equal_potentials_rest_without_charge():
    grid = jf.Grid.box((-2, 2), cells=64)
    state = jf.Species(u=smooth(grid, 1), v=smooth(grid, 2))
    law = sum(jf.RenyiEntropy(2, s) + jf.Potential(lambda x: x**2, s) for s in "uv")
    rest = jf.equilibrium(law + jf.DirichletCoupling(u=1, v=-1, permittivity=0.01), state)
    assert np.abs(rest.state["u"].values - rest.state["v"].values).max() < 1e-8
    assert np.allclose(rest.state["u"].values, jf.closed_forms.gibbs_state(grid, lambda x: x**2, m=2).values, atol=1e-8)


def test_equilibrium_refuses_what_it_does_not_solve():
    grid = jf.Grid.box((0, 1), cells=16)
    with pytest.raises(ValueError, match=r"equilibrium does not take Interaction.*stop=Steady\(\)"):
        jf.equilibrium(jf.Entropy() + jf.Interaction(jf.Quadratic()), grid.density(abs))
    two = jf.DirichletCoupling({"": 1}, boundary="dirichlet") + jf.DirichletCoupling({"": 2}, boundary="dirichlet")
    with pytest.raises(ValueError, match="at most one DirichletCoupling"):
        jf.equilibrium(jf.Entropy() + two, grid.density(abs))
    with pytest.raises(ValueError, match="tolerance must be a positive"):
        jf.equilibrium(jf.Entropy(), grid.density(abs), tolerance=0)


@pytest.mark.parametrize("dim", [2, 3])
def test_the_field_between_shells_that_are_far_apart(dim):
    # a ball of charge 1 and radius a, a thin shell of charge -1 at 100 a: the field between them is that of a point
    a, apart, thin = 0.1, 100.0, 1e-6
    ball = jf.RadialQuantiles(a * np.linspace(0, 1, 9) ** (1 / dim), np.full(8, 1 / 8), dim)
    shell = jf.RadialQuantiles(a * apart * np.linspace(1, 1 + thin, 3), np.full(2, 1 / 2), dim)
    energy = jf.DirichletCoupling(u=1, v=-1, boundary="free-space")(jf.Species(u=ball, v=shell))
    sphere = 2 * np.pi * (1 if dim == 2 else 2)
    due = {2: 1 / 4 + np.log(apart), 3: (1 / 5 + 1 - 1 / apart) / a}[dim] / (2 * sphere)
    assert energy == pytest.approx(due, rel=1e-6)


def test_distances_of_radial_measures():
    """The map r -> 2 r, for equal and for different shells; triangle-free closed form 3/5 of the ball's radius squared."""
    ball, wide = jf.RadialQuantiles(np.linspace(0, 1, 33)), jf.RadialQuantiles(2 * np.linspace(0, 1, 33))
    ball = jf.RadialQuantiles(ball.nodes, ball.volumes / ball.volumes.sum())
    wide = jf.RadialQuantiles(wide.nodes, wide.volumes / wide.volumes.sum())
    other = jf.RadialQuantiles(2 * np.linspace(0, 1, 50) ** 0.5, np.diff(np.linspace(0, 1, 50) ** 1.5))
    assert np.isclose(ball.wasserstein(wide), 0.6**0.5, rtol=1e-4)
    assert np.isclose(jf.wasserstein2(ball, other), 0.6**0.5, rtol=1e-3)
    assert np.isclose(jf.diagnostics.product_distance(ball, wide), 0.6**0.5, rtol=1e-4)
    for words, far in (
        ("same mass", jf.RadialQuantiles([0.0, 1.0], [2.0])),
        (r"in R\^3", jf.RadialQuantiles([0.0, 1.0], dim=2)),
        ("both measures must be RadialQuantiles", jf.Quantiles([0.0, 1.0])),
    ):
        with pytest.raises(ValueError, match=words):
            jf.wasserstein2(ball, far)
    free = jf.DirichletCoupling({"": 1}, boundary="free-space")
    with pytest.raises(ValueError, match="cannot be frozen"):
        jf.evolve(free, ball, scheme=jf.SemiImplicitJKO(), dt=0.1, t_end=0.1)


def test_doping_that_is_a_function_keeps_its_total():
    """A function whose integral vanishes is neutral on every grid, though its values at the centres are not."""
    for n in (16, 64):
        grid = jf.Grid.box((0, 1), cells=n)
        one = grid.density(np.ones(n))
        coupling = jf.DirichletCoupling(u=1, v=-1, doping=lambda x: x**2 - 1 / 3)
        assert coupling(jf.Species(u=one, v=one)) > 0
        averages = sampled_on(coupling.form, grid).doping
        same = jf.DirichletCoupling(u=1, v=-1, doping=averages)
        assert np.isclose(same(jf.Species(u=one, v=one)), coupling(jf.Species(u=one, v=one)), rtol=1e-12)
        assert abs(averages.sum()) < 1e-12


def test_particles_as_interactions():
    state = jf.Species(u=jf.Particles([0.0, 1.0]), v=jf.Particles([2.0, 3.0]))
    free = jf.DirichletCoupling(u=1, v=-1, boundary="free-space")
    assert np.isclose(free.as_interactions(state)(state), 0.75)  # int (F_u - F_v)^2 / 2
    with pytest.raises(ValueError, match="infinite energy in d <= 2"):
        jf.DirichletCoupling(u=2, v=-1, boundary="free-space").as_interactions(state)
    with pytest.raises(ValueError, match="needs a grid, or Quantiles with walls"):
        jf.DirichletCoupling(u=1, v=-1, doping=0.1, boundary="free-space").as_interactions(state)
    with pytest.raises(ValueError, match="must hold a charged species"):
        jf.DirichletCoupling(u=0, v=0).debye_length(ions(jf.Grid.box((0, 1), cells=8)))


@pytest.mark.parametrize(("concentration", "length"), [(1e-12, 1.0), (1e18, 1.0), (1e22, 1e-6)])
def test_the_equilibrium_of_ions_in_any_units(concentration, length):
    """The same potential in units of the thermal voltage, whatever the unit of concentration and length."""

    def potential(c, width):
        grid = jf.Grid.box((0, width), cells=60)
        state = jf.Species(
            a=grid.density(lambda x: 1 + 0.5 * np.cos(np.pi * x / width), mass=c * width),
            b=grid.density(lambda x: 1 - 0.5 * np.cos(np.pi * x / width), mass=c * width),
        )
        law = jf.Entropy("a") + jf.Entropy("b") + jf.DirichletCoupling(a=1, b=-1, permittivity=0.1 * c * width**2)
        law = law + jf.Potential(lambda x: -2 * x / width, "a") + jf.Potential(lambda x: 2 * x / width, "b")
        found = jf.equilibrium(law, state)
        assert found.status is jf.Status.CONVERGED
        return found.potential

    assert np.allclose(potential(concentration, length), potential(1.0, 1.0), atol=1e-8)


def test_gmres_does_not_depend_on_units():
    rng = np.random.default_rng(0)
    A, b = np.eye(30) + 0.1 * rng.normal(size=(30, 30)), rng.normal(size=30)
    for scale in (1e-30, 1.0, 1e30):
        x = gmres(lambda v: A @ v, scale * b, lambda v: v, 1e-12, 30)
        assert np.allclose(A @ x, scale * b, rtol=1e-9, atol=1e-9 * scale)


@pytest.mark.parametrize("temperature", [1e-3, 3e-4, 1e-4, 1e-6])
def test_an_equilibrium_under_a_bound_has_the_mass_at_any_temperature(temperature):
    grid = jf.Grid.box((-3, 3), (-3, 3), cells=32)
    flat = grid.density(lambda x, y: np.ones_like(x), mass=4.0)
    law = temperature * jf.Entropy() + jf.Potential(lambda x, y: (x**2 - 1) ** 2 + y**2) + jf.Congestion(1.0)
    rest = jf.equilibrium(law, flat)
    assert rest.status is jf.Status.CONVERGED
    assert abs(rest.state.mass - 4) < 1e-9
    assert rest.chemical_potentials[""] == pytest.approx(1.0395, abs=1e-3)


def test_an_equilibrium_of_ions_under_bounds():
    grid = jf.Grid.box((-3, 3), (-3, 3), cells=24)
    flat = grid.density(lambda x, y: np.ones_like(x), mass=4.0)
    law = (
        jf.Congestion(0.2, "u")
        + jf.Congestion(0.2, "v")
        + jf.DirichletCoupling(u=1, v=-1)
        + jf.Potential(lambda x, y: x + y**2, "u")
    )
    rest = jf.equilibrium(law, jf.Species(u=flat, v=flat))
    assert rest.status is jf.Status.CONVERGED
    for name, measure in rest.state.items():
        assert abs(measure.mass - 4) < 1e-9
        assert measure.values.max() < 0.2 * (1 + 1e-6), name
    assert law(rest.state) < law(jf.Species(u=flat, v=flat))


@pytest.mark.parametrize("nodes", [[0, 1e-4, 1.0], [0, 1e-4, 1.0, 1e4], [0.5, 1.0, 1.2, 50.0], [0.0, 1.0, 2.0, 4.0]])
def test_the_first_variation_of_wide_shells_is_the_derivative_of_the_energy(nodes):
    law, n = jf.DirichletCoupling({"": 1}, boundary="free-space"), len(nodes) - 1
    masses = np.random.default_rng(n).uniform(0.2, 1, n)

    def energy(m):
        return law(jf.RadialQuantiles(nodes, m))

    due = [(energy(masses + 1e-3 * e) - energy(masses - 1e-3 * e)) / 2e-3 for e in np.eye(n)]  # it is quadratic in the masses
    assert law.first_variation(jf.RadialQuantiles(nodes, masses), "") == pytest.approx(due, rel=1e-7)


def test_equilibria_of_large_potentials_keep_their_mass():
    grid = jf.Grid.box((-1e8, 1e8), cells=200)
    for law in (
        jf.RenyiEntropy(4.0) + jf.Potential(lambda x: 50 * (x / 1e8) ** 2),
        jf.Entropy() + jf.Potential(lambda x: 1e13 + x / 1e7),
    ):
        assert jf.equilibrium(law, grid.density(lambda x: 1 + 0 * x)).state.mass == pytest.approx(1.0, rel=1e-9)
