"""Exit on particles: times of exit in closed form, who stays is not disturbed, and every particle is accounted for."""

import itertools

import numpy as np
import pytest

import jkoflow as jf

DOOR = jf.Exit(lambda *x: x[0] > 1, name="door")
OUTWARDS = jf.Potential(lambda *x: -(x[0] ** 2) / 2)


def _cloud(n=40, dim=2, seed=0):
    return jf.Particles(np.random.default_rng(seed).uniform(-0.5, 0.9, (n, dim)))


def _run(law, state, scheme, dt=0.1, t_end=2.0, **more):
    return jf.evolve(law, state, scheme=jf.Splitting(scheme), dt=dt, t_end=t_end, **more)


@pytest.mark.parametrize("scheme", [jf.Overdamped(), jf.JKO(), jf.SemiImplicitJKO()])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_walk_at_a_given_speed_ends_at_its_time_and_place(scheme, dim):
    cloud = _cloud(dim=dim)
    flow = _run(jf.Potential(lambda *x: -2 * x[0]) + DOOR, cloud, scheme, dt=0.13, t_end=1.0)
    gone = flow.departures
    assert len(gone) == 40
    assert np.all(np.diff(gone.times) >= 0)
    assert np.allclose(gone.times, (1 - cloud.points[gone.numbers, 0]) / 2, atol=1e-7)
    assert np.allclose(gone.places[:, 0], 1, atol=1e-7)
    assert np.allclose(gone.places[:, 1:], cloud.points[gone.numbers, 1:], atol=1e-7)
    assert set(gone.doors) == {"door"}


def test_times_of_exit_are_of_second_order_on_curved_ways():
    """x' = x leaves at log(1 / x0), y' = -y; the way of a step is taken as straight."""
    cloud = jf.Particles(np.random.default_rng(1).uniform(0.2, 0.9, (500, 2)))
    law = OUTWARDS + jf.Potential(lambda x, y: y**2 / 2) + jf.Exit(lambda x, y: x + y / 2 > 1.5)
    errors = []
    for dt in (0.2, 0.1, 0.05):
        gone = _run(law, cloud, jf.Overdamped(), dt=dt, t_end=3.0).departures
        x, y = cloud.points[gone.numbers].T
        errors.append(np.abs(x * np.exp(gone.times) + y * np.exp(-gone.times) / 2 - 1.5).mean())
    orders = -np.diff(np.log2(errors))
    assert np.all(np.abs(orders - 2) < 0.25)
    assert errors[-1] < 1e-3


@pytest.mark.parametrize(
    ("law", "state", "scheme"),
    [
        (OUTWARDS, _cloud(), jf.Overdamped()),
        (OUTWARDS, _cloud(), jf.JKO()),
        (OUTWARDS + 0.3 * jf.Entropy(), _cloud(), jf.Langevin(seed=3)),
        (OUTWARDS + jf.Friction(0.5), jf.MovingParticles(_cloud().points, np.ones((40, 2)) / 4), jf.Inertial()),
        (OUTWARDS, jf.MovingParticles(_cloud().points, np.zeros((40, 2))), jf.InertialReference()),
        (OUTWARDS + jf.Friction(0.5) + jf.Entropy(), jf.MovingParticles(_cloud().points, np.zeros((40, 2))), jf.Langevin(5)),
    ],
)
def test_who_stays_moves_as_if_nobody_left(law, state, scheme):
    """Without interactions: also the random numbers are those of before."""
    free, open_ = _run(law, state, scheme), _run(law + DOOR, state, scheme)
    paths, expected = open_.paths(), free.paths()
    stays = ~np.isnan(paths)
    assert 0 < stays[-1, :, 0].sum() < 40
    assert np.allclose(paths[stays], expected[stays], rtol=1e-6, atol=1e-7)
    inside = np.maximum.accumulate(expected[:, :, 0], axis=0) <= 1  # never seen outside
    assert np.all(inside[stays[:, :, 0]])
    assert np.all(stays[:, :, 0][inside])


def test_the_mean_time_of_exit_of_a_diffusion():
    """From x in (-1, 1) with noise D: (1 - x^2) / (2 D). What is unseen between steps is an error of order 1/2 in dt."""
    walls = jf.Exit(lambda x: np.abs(x) > 1)
    law, cloud = 0.5 * jf.Entropy() + walls, jf.Particles(np.linspace(-0.9, 0.9, 4001))
    expected = float((1 - cloud.points**2).mean())
    errors = []
    for dt in (0.04, 0.01):
        gone = _run(law, cloud, jf.Langevin(seed=7), dt=dt, t_end=8.0).departures
        assert len(gone) > 3990
        errors.append(gone.times.mean() - expected)
    noise = 4 * 0.8 / 4001**0.5  # four standard deviations of a mean, whose terms have one below .8
    assert errors[0] == pytest.approx(0.37, abs=noise)  # as a simulation of the same steps in plain numpy
    assert abs(errors[1] - errors[0] / 2) < 1.5 * noise


def test_every_particle_is_accounted_for():
    """Random laws and doors: masses to rounding, numbers once each, energies with what they took along."""
    rng = np.random.default_rng(4)
    for _ in range(12):
        n, dim = int(rng.integers(3, 30)), int(rng.integers(1, 4))
        cloud = jf.Particles(rng.normal(0, 0.3, (n, dim)), 10.0 ** rng.uniform(-3, 3, n))
        normal = rng.normal(size=dim)
        first = jf.Exit(lambda *x, v=normal: sum(a * b for a, b in zip(v, x, strict=True)) > 1.5, name="first")
        second = jf.Exit(lambda *x: x[0] ** 2 > 1.2, name="second")
        law = jf.Potential(lambda *x: -sum(a**2 for a in x)) + rng.uniform(-1, 1) / cloud.mass * jf.Interaction(jf.Gaussian())
        outside = (cloud.points @ normal > 1.5) | (cloud.points[:, 0] ** 2 > 1.2)
        cloud = cloud.chosen(np.flatnonzero(~outside))
        flow = _run(law + first + second, cloud, jf.Overdamped(), dt=0.07, t_end=1.4)
        gone = sum(flow.outflow.values(), np.zeros(20))
        assert np.allclose(flow.masses[1:] + np.cumsum(gone), cloud.mass, rtol=1e-13)
        numbers = flow.departures.numbers
        assert len(set(numbers.tolist())) == len(numbers)
        assert np.array_equal(flow.departures.masses, cloud.masses[numbers])
        assert len(numbers) + len(flow.final.masses) == len(cloud.masses)
        lost = np.array([info.energy_out for info in flow.infos])
        assert np.all(np.diff(flow.energies) + lost < 1e-6 * cloud.mass)  # the motion itself lowers the energy


def test_a_region_that_is_crossed_within_a_step_is_seen():
    thin = jf.Exit(lambda x: np.abs(x - 1.5) < 0.15, name="thin") + jf.Exit(lambda x: x > 1.9, name="behind")
    flow = _run(jf.Potential(lambda x: -2 * x) + thin, jf.Particles([0.5, 0.2]), jf.Overdamped(), dt=1.0, t_end=1.0)
    assert set(flow.departures.doors) == {"thin"}
    assert np.allclose(flow.departures.times, [0.425, 0.575])


def test_a_species_of_which_nothing_is_left():
    """The other goes on as if alone; the end of an evacuation is a state too."""
    a, b = _cloud(8, seed=1), _cloud(9, seed=2)
    law = jf.Potential(lambda x, y: -x, "a") + jf.Exit(lambda x, y: x > 1, "a")
    law += jf.CrossInteraction(jf.Gaussian(), between=("a", "b")) + jf.Interaction(jf.PowerLaw(2), "b")
    flow = _run(law, jf.Species(a=a, b=b), jf.Overdamped(), t_end=4.0)
    assert flow.final["a"].points.shape == (0, 2)
    last = int(np.flatnonzero(flow["a"].masses)[-1]) + 1
    alone = jf.evolve(
        jf.Interaction(jf.PowerLaw(2)), flow[last]["b"], scheme=jf.Overdamped(), dt=0.1, t_end=4.0 - flow.times[last]
    )
    assert np.allclose(alone.final.points, flow.final["b"].points, atol=1e-7)
    assert np.isnan(flow.paths("a")[-1]).all()
    assert not np.isnan(flow.paths("b")).any()
    assert flow["b"].outflow == {}

    empty = _run(jf.Potential(lambda x, y: -x) + DOOR, a, jf.Overdamped(), t_end=4.0)
    assert empty.final.mass == 0
    assert np.isnan(empty.final.mean).all()
    assert np.isnan(empty.final.covariance).all()
    assert empty.energies[-1] == 0
    again = jf.evolve(jf.Potential(lambda x, y: -x) + DOOR, empty, scheme=jf.Splitting(jf.Overdamped()), dt=0.1, t_end=4.5)
    assert again.final.mass == 0
    with pytest.raises(ValueError, match="state must hold particles, and species '' has none"):
        jf.evolve(OUTWARDS, empty.final, scheme=jf.Overdamped(), dt=0.1, t_end=1.0)


def test_corners_of_runs_in_which_all_leave():
    """No law within, mixed shapes, energies that the whole law does not have, states that were dropped, empty states."""
    right = jf.Exit(lambda x: x > 1)
    flow = _run(jf.Advection(lambda x: 1 + 0 * x) + right, jf.Particles([0.0, 0.5]), jf.Langevin(seed=1))
    assert np.allclose(flow.departures.times, [0.5, 1.0])

    pair = jf.Species(a=jf.Particles([0.0, 0.5]), b=jf.Particles([[0.1], [0.6]]))
    law = jf.Exit(lambda x: x > 1, "a") + jf.Exit(lambda x: x > 1, "b")
    law += jf.Potential(lambda x: -x, "a") + jf.Potential(lambda x: -x, "b")
    flow = _run(law, pair, jf.Overdamped(), dt=0.5)
    assert np.allclose(flow.departures.times, [0.4, 0.5, 0.9, 1.0])

    law = jf.Drift(jf.Gaussian(), moves="b", by="a") + jf.Potential(lambda x, y: -3 * x, "a") + jf.Exit(lambda x, y: x > 1, "a")
    flow = _run(law, jf.Species(a=_cloud(5), b=_cloud(5)), jf.Overdamped())
    assert not len(flow.final["a"].masses)
    assert np.isnan(flow.energies).all()

    whole, cut = (_run(OUTWARDS + DOOR, _cloud(), jf.Overdamped(), t_end=1.2, keep=keep) for keep in (None, 5))
    still = ~np.isnan(whole.paths()[7, :, 0])
    assert 0 < len(cut.departures) < len(whole.departures)
    assert np.array_equal(cut.paths(), whole.paths()[7:][:, still], equal_nan=True)
    jf.plot.clouds(cut, trail=3)
    all_gone = _run(jf.Potential(lambda x, y: -x) + DOOR, _cloud(), jf.Overdamped(), t_end=1.7, keep=12)
    assert 0 < all_gone.paths().shape[1] == len(all_gone.departures)

    empty = _run(jf.Potential(lambda x, y: -x) + DOOR, _cloud(), jf.Overdamped()).final
    assert empty.density(jf.Grid.box((0, 1), (0, 1), cells=4)).mass == 0
    again = _run(OUTWARDS + DOOR, empty, jf.Overdamped(), t_end=0.2)
    assert np.isnan(again.rows()[-1]["mass error"])
    with pytest.raises(ValueError, match="there must be particles to become quantiles"):
        jf.Particles(np.zeros(0), np.zeros(0)).quantiles()
    with pytest.raises(ValueError, match="state must hold particles"):
        _run(jf.Advection(lambda x, y: (x, y)), empty, jf.Overdamped())


@pytest.mark.parametrize("scheme", [jf.Overdamped(), jf.Langevin(seed=2), jf.JKO()])
def test_a_run_is_saved_and_continued_to_the_last_bit(scheme, tmp_path):
    law = OUTWARDS + DOOR + (jf.Entropy() if isinstance(scheme, jf.Langevin) else jf.Interaction(jf.PowerLaw(1)))
    whole = _run(law, _cloud(), scheme, store=tmp_path / "whole.jko")
    half = _run(law, _cloud(), scheme, t_end=1.0, store=tmp_path / "half.jko")
    assert 0 < len(half.departures) < len(whole.departures)
    read = jf.open(tmp_path / "half.jko")
    assert all(np.array_equal(one.masses, other.masses) for one, other in itertools.zip_longest(half, read))
    on = jf.evolve(law, read, scheme=jf.Splitting(scheme), dt=0.1, t_end=2.0)
    for flow in (on, jf.open(tmp_path / "whole.jko"), jf.open(tmp_path / "half.jko")):
        assert np.array_equal(flow.final.points, whole.final.points)
        assert np.array_equal(flow.departures.times, whole.departures.times)
        assert np.array_equal(flow.departures.numbers, whole.departures.numbers)
        assert flow.departures.doors == whole.departures.doors
        assert np.array_equal(flow.paths(), whole.paths(), equal_nan=True)
    assert np.array_equal(jf.to_xarray(whole)["points"], whole.paths(), equal_nan=True)


def test_particles_that_secrete_leave_their_field_behind():
    """When nobody is left, the field goes on to decay."""
    law = jf.Potential(lambda x, y: -x) + DOOR + jf.FieldEnergy("c", diffusion=0.1, decay=1.0)
    law += jf.Secretion(jf.GaussianProfile(0.3)) + jf.Chemotaxis(0.1)
    state = jf.State(_cloud(6), {"c": jf.FreeField(2)})
    flow = _run(law, state, jf.Overdamped(), dt=0.1, t_end=3.0)
    empty = int(np.flatnonzero(flow.masses == 0)[0])
    assert flow[empty].masses[""].mass == 0
    x = np.stack([a.ravel() for a in np.meshgrid(*[np.linspace(-4, 6, 200)] * 2)], axis=1)
    amounts = [float(flow[k].fields["c"].at(x).sum()) for k in (empty, len(flow) - 1)]
    assert amounts[1] / amounts[0] == pytest.approx(np.exp(-(flow.times[-1] - flow.times[empty])), rel=1e-3)


def test_pictures_of_those_who_stay():
    flow = _run(OUTWARDS + DOOR, _cloud(), jf.Overdamped())
    jf.plot.clouds(flow, trail=5)
    jf.plot.clouds(flow.final.chosen(np.zeros(0, dtype=int)))
    jf.plot.movie(flow, seconds=0.3).to_jshtml()


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"Overdamped does not take Exit.*take Splitting"):
        jf.evolve(OUTWARDS + DOOR, _cloud(), scheme=jf.Overdamped(), dt=0.1, t_end=1.0)
    with pytest.raises(ValueError, match="must hold no particle at the start, and 40 are in its region"):
        _run(OUTWARDS + jf.Exit(lambda x, y: x > -1), _cloud(), jf.Overdamped())
    with pytest.raises(ValueError, match="must be a function of space for particles, got an array"):
        _run(OUTWARDS + jf.Exit(np.ones((4, 4))), _cloud(), jf.Overdamped())
    with pytest.raises(ValueError, match="must be true or false everywhere, got NaN"):
        _run(OUTWARDS + jf.Exit(lambda x, y: x + np.nan), _cloud(), jf.Overdamped())
    with pytest.raises(ValueError, match="does not take Reservoir"):
        _run(OUTWARDS + jf.Reservoir(lambda x, y: x > 1, 1.0), _cloud(), jf.Overdamped())
    with pytest.raises(ValueError, match="does not take Reservoir"):
        _run(OUTWARDS + DOOR + jf.Reservoir(lambda x, y: x > 1, 1.0), _cloud(), jf.Overdamped())
    with pytest.raises(ValueError, match="does not take Exit"):
        _run(jf.Entropy() + DOOR, jf.Quantiles([0.0, 0.5]), jf.JKO())
    with pytest.raises(ValueError, match=r"Exit.* is not made of \|x\| alone"):
        _run(jf.Interaction(jf.PowerLaw(1)) + DOOR, jf.OrderedPoints([0.0, 0.5]), jf.Brezis())
    swarm = jf.MovingParticles(_cloud().points, np.zeros((40, 2)))
    with pytest.raises(ValueError, match=r"groups of Alignment.* must be 1 where particles leave, got 2"):
        _run(jf.Alignment(lambda r: 1 / (1 + r), groups=2) + DOOR, swarm, jf.Inertial())
    flow = _run(OUTWARDS + DOOR, _cloud(), jf.Overdamped())
    with pytest.raises(ValueError, match="species must be one of"):
        flow.paths("u")
