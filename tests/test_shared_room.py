"""Internal energies and bounds of sums of species: the sum against one species, exact flows, an oracle, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

import jkoflow as jf

from .cone import gaps_to_the_cone_program

BOTH = ("a", "b")


def _pair(grid):
    """Two columns side by side."""
    return jf.Species(
        a=grid.density(lambda x: 1.0 * ((x > 0.1) & (x < 0.4)), mass=0.3),
        b=grid.density(lambda x: 1.0 * ((x > 0.4) & (x < 0.9)), mass=0.5),
    )


def _whole(pair):
    first = pair["a"]
    return first.like(first.values + pair["b"].values)


def _l1(f, g, grid):
    return float(np.abs(f - g).sum()) * grid.cell_volume


def test_values_and_variations_are_those_of_the_sum():
    grid = jf.Grid.box((0, 1), (0, 1), cells=6)
    rng = np.random.default_rng(0)
    state = jf.Species(a=grid.density(rng.random(grid.shape)), b=grid.density(rng.random(grid.shape)))
    weighted = state["a"].like(state["a"].values + 2 * state["b"].values)
    for energy, of_sum in [
        (jf.RenyiEntropy(3, {"a": 1, "b": 2}), jf.RenyiEntropy(3)),
        (jf.Entropy({"a": 1, "b": 2}), jf.Entropy()),
        (jf.CustomInternalEnergy(lambda s: s**4, lambda s: 4 * s**3, {"a": 1, "b": 2}), 3 * jf.RenyiEntropy(4)),
    ]:
        assert energy(state) == pytest.approx(of_sum(weighted), rel=1e-13)
        assert energy.involves == BOTH
        slope = of_sum.first_variation(weighted)
        assert np.allclose(energy.first_variation(state, "a"), slope, rtol=1e-13)
        assert np.allclose(energy.first_variation(state, "b"), 2 * slope, rtol=1e-13)
    full = float(_whole(state).values.max())
    assert jf.Congestion(full, BOTH)(state) == 0
    assert jf.Congestion(0.99 * full, BOTH)(state) == np.inf


@pytest.mark.parametrize("steep", [0.0, 3.0])
def test_two_species_under_a_common_bound_move_as_one(steep):
    """The sum is the flow of one species to rounding, and each of them follows the exact quantile flow of the sum.

    Within a species mass keeps its order, so that in the exact flow a is the first 0.3 of the mass. Numerical diffusion of the
    interface is (v h + v^2 dt) / 2: its error falls with the cells and dt together.
    """
    errors = []
    for cells in (100, 400):
        grid = jf.Grid.box((0, 1), cells=cells)
        pair, dt = _pair(grid), 0.8 / cells
        field = jf.Potential(lambda x: 3 * x + steep * (x - 0.5) ** 2)
        law = jf.Congestion(2.0, BOTH) + jf.Potential(field.V, "a") + jf.Potential(field.V, "b")
        flow = jf.evolve(law, pair, dt=dt, t_end=0.08)
        one = jf.evolve(jf.Congestion(2.0) + field, _whole(pair), scheme=jf.JKO(jf.FiniteVolume()), dt=dt, t_end=0.08)
        a, b = flow["a"].final, flow["b"].final
        assert _l1(a.values + b.values, one.final.values, grid) < 1e-9
        assert (a.values + b.values).max() <= 2 * (1 + 1e-9)
        assert a.mass == pytest.approx(0.3, rel=1e-12)
        start = np.concatenate([np.linspace(0.1, 0.4, 301), np.linspace(0.4, 0.9, 501)[1:]])
        line = jf.Quantiles(start, masses=np.full(800, 1e-3), walls=(0.0, 1.0))
        exact = jf.evolve(jf.Congestion(2.0) + field, line, dt=dt, t_end=0.08).final.nodes[:301]
        share = np.diff(np.interp(np.linspace(0, 1, cells + 1), exact, np.linspace(0, 0.3, 301))) * cells
        errors.append(_l1(a.values, share, grid))
    assert errors[1] < 0.65 * errors[0]  # as the square root of the cells
    assert errors[1] < 0.045


def test_cross_diffusion_of_a_sum_against_one_species():
    """RenyiEntropy(2) of the sum: the sum is the porous medium of one species, at the first order of the carried density."""
    errors = []
    for cells in (50, 100, 200):
        grid = jf.Grid.box((0, 1), cells=cells)
        pair = _pair(grid)
        both = jf.evolve(jf.RenyiEntropy(2, BOTH), pair, dt=0.002, t_end=0.02)
        one = jf.evolve(jf.RenyiEntropy(2), _whole(pair), scheme=jf.JKO(jf.FiniteVolume()), dt=0.002, t_end=0.02)
        errors.append(_l1(both["a"].final.values + both["b"].final.values, one.final.values, grid))
        assert both.energies[-1] < both.energies[0]
        mixed = np.minimum(both["a"].final.values, both["b"].final.values)
        assert mixed[: cells // 4].max() < 1e-3  # far from the interface nothing mixes
    assert 0.8 < np.log2(errors[1] / errors[2]) < 1.2
    assert errors[2] < 1e-3


def test_a_weighted_sum_is_one_species_in_other_units():
    """b counted twice is 2 b counted once: the flow of (a, 2 b) under the plain sum with half the mobility of b's force."""
    grid = jf.Grid.box((0, 1), cells=60)
    pair = jf.Species(a=grid.density(lambda x: 1 + np.cos(3 * x) ** 2), b=grid.density(lambda x: 1 + x, mass=0.5))
    plain = jf.Species(a=pair["a"], b=pair["b"].like(2 * pair["b"].values))
    weighted = jf.evolve(jf.RenyiEntropy(2, {"a": 1, "b": 2}), pair, dt=0.01, t_end=0.05)
    other = jf.evolve(jf.RenyiEntropy(2, BOTH), plain, dt=0.01, t_end=0.05, mobility={"b": 2.0})
    assert np.allclose(weighted["a"].final.values, other["a"].final.values, rtol=1e-8)
    assert np.allclose(2 * weighted["b"].final.values, other["b"].final.values, rtol=1e-8)


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1e3, 1e6])
def test_a_species_in_other_units_is_the_same_problem(unit):
    """b / unit with the weight ``unit``, its energies per mass and its mobility to match."""
    grid = jf.Grid.box((0, 1), cells=40)
    pair = _pair(grid)
    V = lambda x: 3 * x  # noqa: E731
    plain = jf.Congestion(2.0, BOTH) + jf.Potential(V, "a") - jf.Potential(V, "b") + 0.1 * jf.RenyiEntropy(2, "a")
    scaled = jf.Congestion(2.0, {"a": 1, "b": unit}) + jf.Potential(V, "a") + 0.1 * jf.RenyiEntropy(2, "a")
    scaled = scaled - unit * jf.Potential(V, "b")
    small = jf.Species(a=pair["a"], b=pair["b"].like(pair["b"].values / unit))
    for dt in (1e-3, 0.1, 1.0):
        one = jf.evolve(plain, pair, dt=dt, t_end=3 * dt)
        other = jf.evolve(scaled, small, dt=dt, t_end=3 * dt, mobility={"b": 1 / unit})
        assert np.abs(unit * other["b"].final.values - one["b"].final.values).max() < 1e-6


@pytest.mark.parametrize("mass", [1e-18, 1e14, 1e23])
def test_masses_in_other_units_are_the_same_problem(mass):
    grid = jf.Grid.box((-0.1, 1.1), (0, 1), cells=(12, 6))
    x, y = grid.mesh
    ends, found = (jf.Reservoir(x < 0, 0.4, "a"), jf.Exit(x > 1, "a")), []
    for M in (1.0, mass):
        law = jf.Congestion(1.2 * M, BOTH) + jf.Entropy("a") + 0.3 * jf.Entropy("b") + jf.Potential(-3 * x + y, "b")
        law = law + jf.Reservoir(ends[0].region, 0.4 * M, "a", "in") + jf.Exit(ends[1].region, "a", "out")
        start = jf.Species({n: grid.density(M * 0.5 * (x > 0) * (x < 1), mass=None) for n in BOTH})
        flow = jf.evolve(law, start, dt=1.0, t_end=3.0)
        found.append(np.stack([flow[n].final.values / M for n in BOTH]))
    assert np.abs(found[1] - found[0]).max() < 1e-8


def test_species_share_room_beside_their_own_terms_in_the_plane():
    """Own entropies and potentials that push against each other, round a post and to a door: bound, masses, energy."""
    grid = jf.Grid.box((0, 1), (0, 1), cells=16)
    x = grid.mesh[0]
    state = jf.Species(a=grid.density(1.0 * (x < 0.4), mass=0.35), b=grid.density(1.0 * ((x > 0.5) & (x < 0.9)), mass=0.3))
    law = (
        jf.Congestion(1.0, BOTH) + 0.02 * jf.Entropy("a") + 0.5 * jf.RenyiEntropy(2, "b")
        - jf.Potential(lambda x, y: 2 * x, "a") + jf.Potential(lambda x, y: x, "b")
        + jf.Obstacle(lambda x, y: (x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.01, "a")
        + jf.Exit(lambda x, y: (x > 15 / 16) & (y < 0.3), "a")
    )  # fmt: skip
    flow = jf.evolve(law, state, dt=0.02, t_end=0.3)
    for k in range(len(flow)):
        now = flow.state(k).masses
        assert (now["a"].values + now["b"].values).max() <= 1 + 1e-6
        assert now["b"].mass == pytest.approx(0.3, rel=1e-12)
    gone = flow.outflow["exit"].sum() if "exit" in flow.outflow else flow["a"].outflow["exit"].sum()
    assert flow["a"].final.mass + gone == pytest.approx(0.35, rel=1e-12)
    assert gone > 0.01


@pytest.mark.slow
def test_a_step_is_that_of_the_cone_program_as_tau_falls():
    grid = jf.Grid.box((0, 1), cells=20)
    state = jf.Species(
        a=grid.density(lambda x: 1 + 0.5 * np.cos(5 * x), mass=0.5), b=grid.density(lambda x: 1 + 0.5 * np.sin(4 * x), mass=0.4)
    )
    law = jf.Congestion(1.5, BOTH) + 0.1 * jf.Entropy("a") + 0.1 * jf.Entropy("b") + jf.Potential(lambda x: 5 * x, "a")
    gaps = gaps_to_the_cone_program(law, state, (2e-3, 1e-3))
    assert gaps[1] < 0.65 * gaps[0]
    assert gaps[1] < 0.06


def test_what_does_not_fit_is_refused_in_words():
    grid = jf.Grid.box((0, 1), cells=20)
    pair = _pair(grid)
    line = jf.Species(a=jf.Quantiles([0.0, 0.5]), b=jf.Quantiles([0.4, 1.0]))
    shells = jf.Species(a=jf.RadialQuantiles([0.0, 1.0]), b=jf.RadialQuantiles([0.0, 1.0]))
    cases = [
        (lambda: jf.Congestion(1.0, ("a",)), "species must be one name"),
        (lambda: jf.Congestion(1.0, ("a", "a")), "species must be one name"),
        (lambda: jf.RenyiEntropy(2, {"a": 1, "b": 0}), "weight of 'b'"),
        (lambda: jf.RenyiEntropy(2, 3), "species"),
        (lambda: jf.RenyiEntropy(2, BOTH)(shells), "takes Density or Quantiles"),
        (lambda: jf.evolve(jf.RenyiEntropy(2, BOTH), line, dt=0.1, t_end=0.1), "side by side on Quantiles"),
        (
            lambda: jf.evolve(
                jf.Congestion(1.7, BOTH)
                + jf.Reservoir(lambda x: x < 0.06, 0.9, "a")
                + jf.Reservoir(lambda x: x < 0.06, 0.9, "b"),
                pair,
                dt=0.1,
                t_end=0.1,
            ),
            "must add up to at most the bound",
        ),
        (lambda: jf.evolve(jf.Entropy(BOTH), pair, dt=0.1, t_end=0.1), "finite slope at density 0"),
        (lambda: jf.evolve(jf.Congestion(0.7, BOTH), pair, dt=0.1, t_end=0.1), "bound must leave room for the mass 0.8"),
        (
            lambda: jf.evolve(jf.RenyiEntropy(2, BOTH), pair, scheme=jf.JKO(jf.BackAndForth()), dt=0.1, t_end=0.1),
            "BackAndForth does not take",
        ),
        (
            lambda: jf.evolve(jf.RenyiEntropy(2, BOTH), pair, scheme=jf.SemiImplicitJKO(), dt=0.1, t_end=0.1),
            "cannot be frozen",
        ),
    ]
    for make, match in cases:
        with pytest.raises(ValueError, match=match):
            make()


# ---- side by side on quantiles


def _columns(walls=None):
    a = jf.Quantiles(np.linspace(0.1, 0.4, 31), np.full(30, 0.3 / 30), walls)
    b = jf.Quantiles(np.linspace(0.4, 0.9, 51), np.full(50, 0.5 / 50), walls)
    whole = jf.Quantiles(np.concatenate([a.nodes, b.nodes[1:]]), np.concatenate([a.masses, b.masses]), walls)
    return a, b, whole


@pytest.mark.parametrize("walls", [None, (0.0, 2.0)], ids=["free", "walls"])
@pytest.mark.parametrize("energy", [lambda s: jf.Congestion(1.0, s), lambda s: jf.RenyiEntropy(2, s), jf.Entropy])
def test_species_side_by_side_move_as_one(energy, walls):
    """Each of them has its part of the exact flow of the sum, whatever their order in the state."""
    a, b, whole = _columns(walls)

    def well(x):
        return (x - 1.2) ** 2

    one = jf.evolve(energy("") + jf.Potential(well), whole, dt=0.05, t_end=0.5, progress=False)
    law = energy(BOTH) + jf.Potential(well, "a") + jf.Potential(well, "b")
    for state in (jf.Species(a=a, b=b), jf.Species(b=b, a=a)):
        flow = jf.evolve(law, state, dt=0.05, t_end=0.5, progress=False)
        assert np.allclose(flow.final["a"].nodes, one.final.nodes[:31], atol=1e-12)
        assert np.allclose(flow.final["b"].nodes, one.final.nodes[30:], atol=1e-12)
        assert np.allclose(flow.energies, one.energies, atol=1e-12)
        slopes = np.concatenate([energy(BOTH).first_variation(flow.final, name) for name in BOTH])
        assert np.allclose(slopes, energy("").first_variation(one.final), rtol=1e-9)


def test_columns_gather_in_a_well_through_contact():
    """They begin apart. In a common well they come together, and go on as one species with a gap would."""
    a, b = jf.Quantiles(np.linspace(0, 0.3, 7), np.full(6, 0.05)), jf.Quantiles(np.linspace(1, 1.5, 11), np.full(10, 0.05))
    whole = jf.Quantiles(np.concatenate([a.nodes, b.nodes]), np.concatenate([a.masses, [0.0], b.masses]))

    def well(x):
        return (x - 0.8) ** 2

    law = jf.Congestion(1.0, BOTH) + jf.Potential(well, "a") + jf.Potential(well, "b")
    flow = jf.evolve(law, jf.Species(a=a, b=b), dt=0.1, t_end=2.0, progress=False)
    one = jf.evolve(jf.Congestion(1.0) + jf.Potential(well), whole, dt=0.1, t_end=2.0, progress=False)
    assert flow.final["b"].nodes[0] - flow.final["a"].nodes[-1] == pytest.approx(0.0, abs=1e-12)
    assert np.allclose(np.concatenate([flow.final[name].nodes for name in BOTH]), one.final.nodes, atol=1e-11)


def _cheapest(columns, centres, tau):
    """A step under the bound 1 by a linear program for both plans on 48 cells: the means, and how far the two overlap."""
    n = 48
    x = (np.arange(n) + 0.5) / n
    start = [((x > low) & (x < high)) / n for low, high in columns]
    costs = [((x[:, None] - x) ** 2 / (2 * tau) + (x - c) ** 2 / 2).ravel() for c in centres]
    leaving, arriving = np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))
    nothing = np.zeros_like(leaving)
    equal = np.block([[leaving, nothing], [nothing, leaving]])
    bound = np.hstack([arriving, arriving])
    found = linprog(np.concatenate(costs), bound, np.full(n, 1 / n), equal, np.concatenate(start))
    ends = [arriving @ plan for plan in np.split(found.x, 2)]
    return [end @ x / end.sum() for end in ends], x[ends[0] > 1e-9].max() - x[ends[1] > 1e-9].min()


@pytest.mark.parametrize("seed", range(12))
def test_a_step_side_by_side_is_the_cheapest_or_says_that_species_mix(seed):
    """Against a linear program for the plans, which knows no order."""
    rng = np.random.default_rng(seed)
    widths, gap = rng.integers(6, 12, 2) / 48, rng.integers(0, 2) * rng.integers(1, 8) / 48
    first = 6 / 48
    columns = [(first, first + widths[0]), (first + widths[0] + gap, first + widths[0] + gap + widths[1])]
    centres, tau = rng.uniform(0.2, 0.8, 2), 10.0 ** rng.uniform(-1, 1)
    state = {
        name: jf.Quantiles(np.linspace(*ends, 25), np.full(24, (ends[1] - ends[0]) / 24), (0.0, 1.0))
        for name, ends in zip(BOTH, columns, strict=True)
    }
    law = jf.Congestion(1.0, BOTH)
    for name, c in zip(BOTH, centres, strict=True):
        law = law + jf.Potential(lambda x, c=c: (x - c) ** 2 / 2, name)
    answer = jf.QuantileNewton().solve(jf.ProximalStep(law, jf.Species(state), tau))
    means, overlap = _cheapest(columns, centres, tau)
    if answer.status is jf.Status.MIXING:
        depth = (centres[0] - centres[1]) * tau - gap  # how far they would go into each other, were they free
        assert depth > 0
        assert depth < 3 / 48 or overlap > 1 / 48  # plans between cells do not see less
    else:
        assert answer.status is jf.Status.CONVERGED
        assert overlap <= 1 / 48
        assert [float(answer.state[name].mean) for name in BOTH] == pytest.approx(means, abs=1 / 48)


def test_columns_that_push_into_each_other_would_mix():
    """FiniteVolume mixes them. Side by side the run ends at the contact, however short the steps, with what it has."""
    a, b = jf.Quantiles(np.linspace(0, 0.3, 7), np.full(6, 0.05)), jf.Quantiles(np.linspace(1, 1.5, 11), np.full(10, 0.05))
    law = jf.Congestion(1.0, BOTH) + jf.Potential(lambda x: -x, "a") + jf.Potential(lambda x: x, "b")
    for dt in (0.1, 0.001):
        flow = jf.evolve(law, jf.Species(a=a, b=b), dt=dt, t_end=0.5, progress=False, on_failure="return")
        assert flow.infos[-1].status is jf.Status.MIXING
        assert flow.times[-2] == pytest.approx(0.35, abs=1.01 * dt)
    grid = jf.Grid.box((-0.5, 1.5), cells=100)
    mixed = jf.evolve(law, _pair(grid), scheme=jf.JKO(jf.FiniteVolume()), dt=0.05, t_end=0.3, progress=False).final
    assert np.minimum(mixed["a"].values, mixed["b"].values).sum() * grid.cell_volume > 0.1


def test_what_would_spread_into_the_other_is_refused():
    a, b, _ = _columns()
    state, third = jf.Species(a=a, b=b), jf.Quantiles([1.0, 2.0])
    for law, words in (
        (jf.Congestion(1.0, BOTH) + jf.Entropy("a"), "of their own"),
        (jf.Congestion(1.0, BOTH) + jf.Congestion(2.0, "b"), "of their own"),
        (jf.Congestion(1.0, BOTH) + jf.RenyiEntropy(2, {"a": 1, "b": 2}), "the same species and weights"),
    ):
        with pytest.raises(ValueError, match=words):
            jf.evolve(law, state, dt=0.1, t_end=0.1)
    groups = jf.Congestion(1.0, BOTH) + jf.Congestion(2.0, ("b", "c"))
    with pytest.raises(ValueError, match="the same species and weights"):
        jf.evolve(groups, jf.Species(a=a, b=b, c=third), dt=0.1, t_end=0.1)


def test_columns_are_pulled_apart():
    a, b, _ = _columns()
    law = jf.Congestion(1.0, BOTH) + jf.Potential(lambda x: x, "a") + jf.Potential(lambda x: -x, "b")
    end = jf.evolve(law, jf.Species(a=a, b=b), dt=0.1, t_end=0.5, progress=False).final
    assert end["b"].nodes[0] - end["a"].nodes[-1] == pytest.approx(1.0, abs=1e-11)


def test_the_energy_of_a_sum_on_quantiles_that_overlap():
    a, b = jf.Quantiles([0.0, 0.5], [0.6]), jf.Quantiles([0.3, 0.3, 1.3], [0.2, 0.5])
    weighted = {"a": 1.0, "b": 3.0}
    smooth = jf.Species(a=a, b=jf.Quantiles([0.3, 1.3], [0.5]))
    due = 0.3 * 1.2**2 + 0.2 * 2.7**2 + 0.8 * 1.5**2
    assert jf.RenyiEntropy(2, weighted)(smooth) == pytest.approx(due, rel=1e-14)
    assert jf.RenyiEntropy(2, weighted).first_variation(smooth, "b")[0] == pytest.approx(3 * 2 * (0.2 * 2.7 + 0.8 * 1.5))
    assert jf.RenyiEntropy(2, weighted)(jf.Species(a=a, b=b)) == np.inf


class _SquareOfSum(jf.InternalEnergy):
    species = ("a", "b")

    def integrand(self, s):
        return s**2

    def derivative(self, s):
        return 2 * s


def test_a_plain_class_of_a_sum():
    a, b, _ = _columns()
    state = jf.Species(a=a, b=b)
    assert _SquareOfSum()(state) == pytest.approx(jf.RenyiEntropy(2, BOTH)(state), rel=1e-13)
    flow, known = (
        jf.evolve(law, state, dt=0.1, t_end=0.2, progress=False) for law in (_SquareOfSum(), jf.RenyiEntropy(2, BOTH))
    )
    assert np.allclose(flow.final["a"].nodes, known.final["a"].nodes, atol=1e-9)


def test_a_room_that_is_exactly_full():
    for cells in (10, 20, 33):
        parts = (np.linspace(0, 0.4, cells + 1), np.linspace(0.4, 1, cells + 1))
        a, b = (jf.Quantiles(nodes, np.full(cells, np.ptp(nodes) / cells), (0.0, 1.0)) for nodes in parts)
        law = jf.Congestion(1.0, BOTH) + jf.Potential(lambda x: x**2, "a") + jf.Potential(lambda x: x**2, "b")
        end = jf.evolve(law, jf.Species(a=a, b=b), dt=0.1, t_end=0.2, progress=False).final
        assert np.allclose(end["a"].nodes, a.nodes, atol=1e-10)


def test_a_midpoint_step_that_breaks_a_bound_says_so():
    law = jf.Congestion(1.0) + jf.Potential(lambda x: 5 * x**2 / 2)
    start = jf.Quantiles(np.linspace(0.2, 1, 9), np.full(8, 0.025))
    flow = jf.evolve(law, start, scheme=jf.ImplicitMidpoint(), dt=0.1, t_end=1.0, progress=False, on_failure="return")
    assert flow.infos[-1].status is jf.Status.INFEASIBLE
    assert np.isfinite(flow.energies).all()
