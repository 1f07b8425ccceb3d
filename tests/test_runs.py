"""The contract of a run: states, carries, time, and what is kept of it."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

import jkoflow as jf
from jkoflow.schemes import Carry

from .tables import slow

ROOT = Path(__file__).parents[1]
GRID = jf.Grid.box((-3, 3), cells=60)
RHO = GRID.density(lambda x: np.exp(-2 * (x - 1) ** 2))
QUANTILES = jf.Quantiles(np.linspace(-1.0, 2.0, 31))
WIDE = jf.Grid.box((-6, 7), cells=160).density(lambda x: np.exp(-2 * (x - 1) ** 2))
WELL = jf.Entropy() + jf.Potential(lambda x: x**2 / 2)
STILL = jf.Potential(lambda x: x**2 / 2)
MOVING_WELL = jf.Potential(lambda x, t: (x - np.sin(t)) ** 2 / 2, gradient=lambda x, t: x - np.sin(t))


@dataclass(frozen=True)
class WithMemory(jf.Scheme):
    """A scheme of one's own: a field that relaxes to the density, random kicks, and a well that follows with a delay."""

    order: ClassVar[float] = 1

    def begin(self, problem: jf.Problem, state: jf.State, dt: float, carry: Carry) -> Carry:
        if carry:
            return carry
        return {"seed": np.array([7, 0]), "means": np.full(3, float(state.masses[""].mean))}

    def step(self, problem: jf.Problem, state: jf.State, dt: float, carry: Carry) -> jf.Taken:
        seed, counter = carry["seed"]
        kick = np.random.default_rng([seed, counter]).normal()
        centre = float(carry["means"][0])
        old = state.masses[""]
        nodes = old.nodes - dt * (old.nodes - centre) + np.sqrt(dt) * 0.1 * kick
        signal_ = state.fields["signal"] + dt * (nodes[:5] - state.fields["signal"])
        new = old.like(nodes)
        info = jf.StepInfo({"": new.moved_from(old)}, jf.Status.CONVERGED)
        means = np.append(carry["means"][1:], float(new.mean))
        after = state.after(dt, jf.Species.of(new), {"signal": signal_})
        return jf.Taken(after, {"seed": np.array([seed, counter + 1]), "means": means}, info)


def _same(flow, other):
    """Two runs are equal to the last bit: times, energies, every state, every info, the carry."""
    assert np.array_equal(flow.times, other.times)
    assert np.array_equal(flow.energies, other.energies, equal_nan=True)
    assert np.array_equal(flow.dissipation, other.dissipation, equal_nan=True)
    for k in range(len(flow)):
        one, two = flow.state(k), other.state(k)
        for name, measure in one.masses.items():
            assert np.array_equal(getattr(measure, measure.moving), getattr(two.masses[name], measure.moving))
        values, others = ({n: getattr(v, "modes", v).tolist() for n, v in s.fields.items()} for s in (one, two))
        assert values == others
    assert [(i.distances, i.status, i.iterations) for i in flow.infos] == [
        (i.distances, i.status, i.iterations) for i in other.infos
    ]
    assert {n: v.tolist() for n, v in flow.carry.items()} == {n: v.tolist() for n, v in other.carry.items()}


CLOUD = jf.Particles(np.random.default_rng(1).normal(size=(12, 2)))
SWARM = jf.MovingParticles(*np.random.default_rng(2).normal(size=(2, 12)))
PHASE = jf.PhaseDensity.of(
    jf.Grid.box((-4, 4), cells=24), jf.Grid.box((-4, 4), cells=24), lambda x, v: np.exp(-2 * (x - 1) ** 2 - 2 * v**2)
)
ORDERED = jf.OrderedParticles(x=[-1.0, -0.5, 0.1], y=[0.2, 0.7, 1.0])
FOLLOWED = (
    WELL
    + jf.Friction(1.0)
    + jf.FieldEnergy("c", diffusion=0.1, decay=1.0)
    + jf.Secretion(jf.GaussianProfile(0.2))
    + jf.Chemotaxis(1.0)
)
SPLIT = jf.Splitting(jf.JKO(jf.FiniteVolume()))
IN_A_FIELD = jf.State(SWARM, {"c": jf.Field(jf.Grid.torus((-9, 9), cells=60))})
RUNS = {
    "jko grid": (WELL, RHO, jf.JKO(), 0.1),
    "jko entropic": (WELL, RHO, jf.JKO(jf.Entropic()), 0.1),
    "jko quantiles": (WELL, QUANTILES, jf.JKO(), 0.1),
    "jko shells": (jf.Entropy(), jf.RadialQuantiles(np.linspace(0.0, 1.0, 21), dim=2), jf.JKO(), 0.05),
    "jko cloud": (jf.Interaction(jf.Quadratic()), CLOUD, jf.JKO(), 0.1),
    "jko ordered": (jf.newtonian_law(), ORDERED, jf.JKO(), 0.05),
    "bdf2": (WELL, QUANTILES, jf.BDF2(), 0.1),
    "extrapolation": (WELL, QUANTILES, jf.VariationalExtrapolation(), 0.1),
    "midpoint grid": (WELL, RHO, jf.ImplicitMidpoint(), 0.02),
    "midpoint quantiles": (WELL, QUANTILES, jf.ImplicitMidpoint(), 0.02),
    "semi-implicit": (jf.Interaction(jf.Quadratic()) + jf.Entropy(), QUANTILES, jf.SemiImplicitJKO(), 0.1),
    "adaptive": (WELL, QUANTILES, jf.Adaptive(jf.JKO(), tolerance=1e-2), 0.1),
    "adaptive grid": (WELL, RHO, jf.Adaptive(jf.JKO(), tolerance=5e-2), 0.1),
    "overdamped": (jf.Interaction(jf.PowerLaw(1)), CLOUD, jf.Overdamped(), 0.3),
    "brezis": (jf.newtonian_law(), ORDERED, jf.Brezis(), 0.1),
    "of one's own": (MOVING_WELL, jf.State(QUANTILES, {"signal": np.zeros(5)}, time=2.0), WithMemory(), 0.1),
    "moving well": (MOVING_WELL + jf.Entropy(), QUANTILES, jf.BDF2(), 0.1),
    "inertial": (MOVING_WELL + jf.Alignment(lambda r: 1 / (1 + r)), SWARM, jf.Inertial(0.2), 0.1),
    "verlet": (STILL + jf.Friction(0.5) + jf.Alignment(lambda r: 1 / (1 + r)), SWARM, jf.Inertial(), 0.1),
    "langevin": (WELL + jf.Friction(1.0), SWARM, jf.Langevin(seed=3), 0.1),
    "langevin with a field": (FOLLOWED, IN_A_FIELD, jf.Langevin(seed=3), 0.1),
    "splitting": (
        WELL + jf.Growth(lambda rho, t: np.cos(t) - rho) + jf.Advection(lambda x: np.sin(np.pi * x)),
        RHO,
        SPLIT,
        0.1,
    ),
    "kinetic": (STILL, PHASE, jf.Kinetic(0.2), 0.1),
    "kinetic alignment": (STILL + jf.Friction(1.0) + jf.Alignment(lambda r: 1 / (1 + r)), PHASE, jf.Kinetic(0.2), 0.1),
    "exponential euler": (MOVING_WELL + jf.Alignment(lambda r: 1 / (1 + r)), SWARM, jf.ExponentialEuler(0.2), 0.1),
    "inertial reference": (MOVING_WELL + jf.Alignment(lambda r: 1 / (1 + r)), SWARM, jf.InertialReference(0.2), 0.1),
    "riesz shells": (jf.Interaction(jf.Riesz(1.0)), jf.RadialQuantiles(np.linspace(0.0, 1.0, 11), dim=2), jf.JKO(), 0.05),
}


@pytest.mark.parametrize("name", RUNS)
def test_every_run_is_continued_to_the_last_bit(name, tmp_path):
    law, start, scheme, dt = RUNS[name]
    if scheme.chooses_dt:
        whole = jf.evolve(law, start, scheme=scheme, dt=dt, t_end=1.0)
        # a run that is cut short by a rule ends with a step that the scheme chose
        half = jf.evolve(law, start, scheme=scheme, dt=dt, t_end=1.0, store=tmp_path / "r", stop=lambda step: "now")
        _same(whole, jf.evolve(law, jf.load(tmp_path / "r"), scheme=scheme, t_end=1.0))
        assert len(half) == 2
        _same(whole, jf.evolve(law, jf.open(tmp_path / "r"), scheme=scheme, t_end=1.0))
        return
    start = start if isinstance(start, jf.State) else jf.State(start)
    dt_end = start.time + 8 * dt
    whole = jf.evolve(law, start, scheme=scheme, dt=dt, t_end=dt_end)
    half = jf.evolve(law, start, scheme=scheme, dt=dt, t_end=start.time + 4 * dt, store=tmp_path / "run.jko")
    jf.save(half, tmp_path / "half.jko")
    for again in (jf.load(tmp_path / "half.jko"), jf.open(tmp_path / "run.jko")):
        _same(whole, jf.evolve(law, again, scheme=scheme, t_end=dt_end))
    _same(whole, jf.open(tmp_path / "run.jko"))


@pytest.mark.slow
def test_a_run_is_continued_in_another_process(tmp_path):
    whole = jf.evolve(WELL, QUANTILES, scheme=jf.BDF2(), dt=0.1, t_end=0.8)
    jf.evolve(WELL, QUANTILES, scheme=jf.BDF2(), dt=0.1, t_end=0.4, store=tmp_path / "run.jko")
    code = (
        "import jkoflow as jf\n"
        "law = jf.Entropy() + jf.Potential(lambda x: x**2 / 2)\n"
        f"jf.evolve(law, jf.open({str(tmp_path / 'run.jko')!r}), scheme=jf.BDF2(), t_end=0.8)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    _same(whole, jf.open(tmp_path / "run.jko"))


def test_what_does_not_go_on_is_refused():
    flow = jf.evolve(WELL, RHO, dt=0.1, t_end=0.2)
    with pytest.raises(ValueError, match=r"law must be that of the run that is continued.*start a new one from flow\.final"):
        jf.evolve(jf.Entropy(), flow, t_end=0.3)
    with pytest.raises(ValueError, match="scheme must be that"):
        jf.evolve(WELL, flow, scheme=jf.ImplicitMidpoint(), t_end=0.3)
    with pytest.raises(ValueError, match="mobility must be that"):
        jf.evolve(WELL, flow, mobility={"": 2.0}, t_end=0.3)
    both = jf.evolve(jf.Entropy("u"), jf.Species(u=RHO), dt=0.1, t_end=0.1)
    with pytest.raises(ValueError, match="whole trajectory"):
        jf.evolve(jf.Entropy("u"), both["u"], t_end=0.2)
    assert jf.evolve(WELL, jf.State(flow.final, time=0.2), dt=0.1, t_end=0.3).times[0] == 0.2


def test_steps_make_a_trajectory():
    taken = list(jf.steps(WELL, RHO, dt=0.1, t_end=0.5))
    flow = jf.evolve(WELL, RHO, dt=0.1, t_end=0.5)
    _same(jf.Trajectory.of(taken), flow)
    part = jf.Trajectory.of(taken[2:])
    assert part.times.tolist() == flow.times[2:].tolist()
    assert np.array_equal(jf.evolve(WELL, part, t_end=0.7).final.values, jf.evolve(WELL, flow, t_end=0.7).final.values)
    with pytest.raises(ValueError, match="of one run, each after the other"):
        jf.Trajectory.of([taken[0], taken[2]])
    with pytest.raises(ValueError, match="at least one step"):
        jf.Trajectory.of([])
    with pytest.raises(ValueError, match="steps must be of steps"):
        jf.Trajectory.of([1])


def test_only_the_last_steps_are_kept_in_memory():
    law = jf.Potential(lambda x: x**2 / 2)
    whole = jf.evolve(law, QUANTILES, dt=0.01, t_end=1.0)
    tail = jf.evolve(law, QUANTILES, dt=0.01, t_end=1.0, keep=10)
    assert len(tail) == 11
    assert tail.times.tolist() == whole.times[-11:].tolist()
    assert tail.energies.tolist() == whole.energies[-11:].tolist()
    assert [row["step"] for row in tail.rows()] == list(range(90, 101))
    again = jf.evolve(law, tail, t_end=1.2)
    assert np.array_equal(again.final.nodes, jf.evolve(law, whole, t_end=1.2).final.nodes)
    with pytest.raises(ValueError, match="keep must be"):
        jf.evolve(law, QUANTILES, dt=0.01, t_end=1.0, keep=0)


# ---- time ------------------------------------------------------------------------------------------------------------


def _mean(t, start):
    """The mean in the well (x - sin t)^2 / 2: m' = sin t - m."""
    return (start + 0.5) * np.exp(-t) + (np.sin(t) - np.cos(t)) / 2


@pytest.mark.parametrize(
    ("scheme", "state", "order", "bound"),
    [
        (jf.JKO(), QUANTILES, 1, 0.06),
        (jf.JKO(), WIDE, 1, 0.06),
        (jf.SemiImplicitJKO(), QUANTILES, 1, 0.06),
        (jf.BDF2(), QUANTILES, 2, 1e-2),
        (jf.ImplicitMidpoint(), QUANTILES, 2, 3e-3),
        (jf.ImplicitMidpoint(), WIDE, 2, 3e-3),
        (jf.VariationalExtrapolation(), QUANTILES, 2, 3e-3),
    ],
)
def test_declared_orders_in_a_moving_well(scheme, state, order, bound):
    law = jf.Entropy() + MOVING_WELL
    exact = _mean(1.0, float(state.mean))
    dts = (0.2, 0.1) if state is WIDE else (0.1, 0.05)  # above the error of the cells
    errors = [abs(float(jf.evolve(law, state, scheme=scheme, dt=dt, t_end=1.0).final.mean) - exact) for dt in dts]
    assert errors[1] < bound
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)
    assert scheme.order == order


def test_particles_and_adaptive_steps_follow_a_moving_well():
    cloud = jf.Particles(QUANTILES.points, QUANTILES.masses)
    exact = _mean(1.0, float(cloud.mean[0] if np.ndim(cloud.mean) else cloud.mean))
    flow = jf.evolve(MOVING_WELL, cloud, scheme=jf.Overdamped(), t_end=1.0)
    assert float(np.ravel(flow.final.mean)[0]) == pytest.approx(exact, abs=1e-7)
    scheme = jf.Adaptive(jf.VariationalExtrapolation(), 1e-5)
    flow = jf.evolve(MOVING_WELL, QUANTILES, scheme=scheme, dt=0.1, t_end=1.0)
    assert float(flow.final.mean) == pytest.approx(_mean(1.0, float(QUANTILES.mean)), abs=1e-3)


def test_mobilities_may_depend_on_time():
    """m' = -alpha(t) m with alpha = 1 + t: the mean is exp(-t - t^2/2) times that at the start."""
    law = jf.Potential(lambda x: x**2 / 2)
    exact = float(QUANTILES.mean) * np.exp(-1.5)
    errors = []
    for dt in (0.1, 0.05):
        flow = jf.evolve(law, QUANTILES, scheme=jf.ImplicitMidpoint(), dt=dt, t_end=1.0, mobility={"": lambda t: 1 + t})
        errors.append(abs(float(flow.final.mean) - exact))
    assert errors[1] < 1e-3
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.15)
    with pytest.raises(ValueError, match="give it again"):
        jf.evolve(law, flow, scheme=jf.ImplicitMidpoint(), t_end=1.1)
    with pytest.raises(ValueError, match="must be a number for Overdamped"):
        jf.evolve(law, CLOUD, scheme=jf.Overdamped(), t_end=1.0, mobility={"": lambda t: 1 + t})
    with pytest.raises(jf.FlowError, match=r"mobility of '' at t = 0\.\d+ must be a positive"):
        jf.evolve(law, QUANTILES, dt=0.1, t_end=1.0, mobility={"": lambda t: 0.35 - t})


def test_the_energy_balance_counts_the_work_of_a_moving_potential():
    """E(t + dt) - E(t) = work - what the step dissipates; for JKO E_1(rho_1) + W2^2 / (2 dt) <= E_1(rho_0)."""
    flow = jf.evolve(jf.Entropy() + MOVING_WELL, WIDE.quantiles(60), dt=0.01, t_end=1.0)
    fallen = flow.energies[:-1] + flow.work - flow.energies[1:]
    assert (fallen >= flow.distances**2 / 0.02 - 1e-9).all()
    assert fallen.sum() == pytest.approx((flow.dissipation * flow.dts).sum(), rel=0.03)
    assert abs(flow.work).max() > 1e-3
    assert (jf.evolve(WELL, RHO, dt=0.1, t_end=0.2).work == 0).all()


@pytest.mark.parametrize(("scheme", "order"), [(jf.JKO(), 1), (jf.ImplicitMidpoint(), 2)])
def test_the_work_of_a_dragged_trap_at_the_order_of_the_scheme(scheme, order):
    """m' = -k (m - v t) from m = 0: the work is v^2 (T - (1 - exp(-k T)) / k)."""
    k, v, end = 2.0, 1.5, 2.0
    exact = v**2 * (end - (1 - np.exp(-k * end)) / k)
    law = jf.Potential(lambda x, t: k * (x - v * t) ** 2 / 2)
    errors = [
        abs(jf.evolve(law, jf.Quantiles.atoms([0.0]), scheme=scheme, dt=dt, t_end=end).work.sum() - exact) for dt in (0.1, 0.05)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


def test_a_file_of_another_kind_is_refused_with_the_way_out(tmp_path):
    flow = jf.evolve(WELL, RHO, dt=0.1, t_end=0.1)
    for ending, way_out in ((".nc", "to_netcdf"), (".csv", "to_csv"), (".npy", "numpy.save"), (".zarr", "to_zarr")):
        with pytest.raises(ValueError, match=way_out):
            jf.save(flow, tmp_path / f"flow{ending}")


def test_a_moving_potential_has_a_value_at_an_instant_only():
    with pytest.raises(ValueError, match=r"depends on the time: take law\.at\(time\)"):
        MOVING_WELL(QUANTILES)
    assert MOVING_WELL.at(0.0)(QUANTILES) == pytest.approx(jf.Potential(lambda x: x**2 / 2)(QUANTILES))
    assert "at t=0.5" in repr((2 * MOVING_WELL + jf.Entropy()).at(0.5))
    assert WELL.at(3.0) is WELL
    with pytest.raises(ValueError, match="do not depend on time"):
        jf.evolve(jf.newtonian_law() + jf.Potential(lambda x, t: x * t, "x"), ORDERED, scheme=jf.Brezis(), t_end=1.0)
    with pytest.raises(ValueError, match="depends on the time"):
        jf.ProximalStep(MOVING_WELL, QUANTILES, 0.1)


def test_the_dissipation_is_the_rate_at_the_new_state():
    """Two atoms of mass 1/2 in x^2 / 2 at distance 1 from it: the rate is x^2, whatever the time between two looks."""
    for dt in (0.01, 1.0):
        cloud = jf.Particles(np.array([[-1.0], [1.0]]))
        flow = jf.evolve(jf.Potential(lambda x: x**2 / 2), cloud, scheme=jf.Overdamped(), dt=dt, t_end=2.0)
        assert np.allclose(flow.dissipation, np.exp(-2 * flow.times[1:]), rtol=1e-6)
    flow = jf.evolve(jf.newtonian_law(), ORDERED, scheme=jf.Brezis(), dt=0.01, t_end=0.3)
    rate = -np.diff(flow.energies) / flow.dts
    assert np.isclose(flow.dissipation[:-1], rate[1:]).mean() > 0.8  # constant between meetings


# ---- kept as it grows ------------------------------------------------------------------------------------------------


def test_a_store_reads_while_it_grows_and_refuses_a_second_writer(tmp_path):
    path, seen = tmp_path / "run.jko", []

    def look(step):
        seen.append((len(jf.open(path)), float(jf.open(path).final.mean) == float(step.state.mean)))
        with pytest.raises(ValueError, match="is being written by another run"):
            jf.evolve(WELL, jf.open(path), t_end=9.0)

    flow = jf.evolve(WELL, RHO, dt=0.1, t_end=0.5, store=path, observe=look)
    assert seen == [(k, True) for k in range(2, 7)]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run.jko"]
    with pytest.raises(ValueError, match=r"exists: continue its run with evolve\(law, jkoflow\.open"):
        jf.evolve(WELL, RHO, dt=0.1, t_end=0.5, store=path)
    jf.evolve(WELL, jf.open(path), t_end=0.7)
    with pytest.raises(ValueError, match="has 7 steps by now, and 5 were read: open it again"):
        jf.evolve(WELL, flow, t_end=0.9)
    assert len(flow) == 6
    again = pickle.loads(pickle.dumps(flow))
    assert np.array_equal(again.final.values, flow.final.values)


class Own(jf.Quantiles):
    """A kind of measure of one's own."""


def test_stores_that_cannot_be_written_are_refused_before_the_run(tmp_path):
    with pytest.raises(ValueError, match="folder that exists"):
        jf.evolve(WELL, RHO, dt=0.1, t_end=0.2, store=tmp_path / "nowhere" / "run.jko")
    with pytest.raises(ValueError, match="to be stored, got Own"):
        jf.evolve(jf.Potential(lambda x: x), Own([0.0, 1.0]), dt=0.1, t_end=0.2, store=tmp_path / "own.jko")
    assert list(tmp_path.iterdir()) == []
    if os.geteuid() != 0:  # root may write everywhere
        tmp_path.chmod(0o500)
        with pytest.raises(ValueError, match="cannot be written"):
            jf.evolve(WELL, RHO, dt=0.1, t_end=0.2, store=tmp_path / "run.jko")


def test_files_of_another_kind_are_named(tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_text("hello " * 1000)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE a (b)").connection.close()
    for name in ("missing", "empty", "text", "other.db"):
        for read in (jf.open, jf.load):
            with pytest.raises(ValueError, match="must name a saved trajectory"):
                read(tmp_path / name)
    jf.evolve(WELL, RHO, dt=0.1, t_end=0.2, store=tmp_path / "run.jko")
    with closing(sqlite3.connect(tmp_path / "run.jko", isolation_level=None)) as database:
        database.execute("PRAGMA user_version = 9")
    (tmp_path / "view.jko").write_bytes((tmp_path / "run.jko").read_bytes())
    with closing(sqlite3.connect(tmp_path / "view.jko", isolation_level=None)) as database:
        database.executescript(
            "PRAGMA user_version = 1; ALTER TABLE steps RENAME TO old; CREATE VIEW steps AS SELECT * FROM old"
        )
    with pytest.raises(ValueError, match="holds other tables"):
        jf.open(tmp_path / "view.jko")
    with pytest.raises(ValueError, match="has format 9, and this version of jkoflow reads format 1"):
        jf.open(tmp_path / "run.jko")


def _stored(tmp_path):
    path = tmp_path / "small.jko"
    flow = jf.evolve(WELL, jf.Quantiles(np.linspace(0, 1, 9)), scheme=jf.BDF2(), dt=0.1, t_end=0.6, store=path)
    return path, jf.load(path), flow


def _reads_right(path, flow):
    """The steps of a damaged file are the first of the run, or it is refused in words."""
    try:
        read = jf.load(path)
    except ValueError as reason:
        return "must name a saved trajectory" in str(reason) or "damaged" in str(reason) or "has format" in str(reason)
    count = len(read)
    same = all(np.array_equal(read[k].nodes, flow[k].nodes) for k in range(count))
    return same and np.array_equal(read.times, flow.times[:count]) and np.array_equal(read.energies, flow.energies[:count])


@pytest.mark.parametrize("stride", [293, slow(1)])
def test_every_truncation_gives_the_first_steps_or_words(stride, tmp_path):
    path, flow, _ = _stored(tmp_path)
    whole, cut = path.read_bytes(), tmp_path / "cut.jko"
    for length in range(0, len(whole), stride):
        cut.write_bytes(whole[:length])
        assert _reads_right(cut, flow), length


@pytest.mark.parametrize("count", [60, slow(1000)])
def test_flipped_bits_give_the_first_steps_or_words(count, tmp_path):
    path, flow, _ = _stored(tmp_path)
    whole, flipped = path.read_bytes(), tmp_path / "flipped.jko"
    rng = np.random.default_rng(5)
    for _ in range(count):
        place, bit = int(rng.integers(len(whole))), int(rng.integers(8))
        flipped.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        assert _reads_right(flipped, flow), (place, bit)


def test_a_full_disk_loses_no_step(tmp_path, monkeypatch):
    """The file takes no more at step 4: the error carries 4 steps, the file 3, and the run goes on from them."""
    from jkoflow.storage import StoreWriter

    add = StoreWriter.add

    def full(self, step):
        if step.index == 4:
            pages = self._database.execute("PRAGMA page_count").fetchone()[0]
            self._database.execute(f"PRAGMA max_page_count = {pages}")
        add(self, step)

    monkeypatch.setattr(StoreWriter, "add", full)
    plane = jf.Grid.box((-3, 3), (-3, 3), cells=32).density(lambda x, y: np.exp(-(x**2) - y**2))
    with pytest.raises(jf.FlowError, match="writing step 4 raised OperationalError: database or disk is full") as caught:
        jf.evolve(jf.Entropy(), plane, dt=0.01, t_end=0.1, store=tmp_path / "run.jko")
    assert len(caught.value.trajectory) == 5
    assert isinstance(caught.value.__cause__, sqlite3.Error)
    assert len(jf.open(tmp_path / "run.jko")) == 4
    monkeypatch.setattr(StoreWriter, "add", add)
    again = jf.evolve(jf.Entropy(), jf.open(tmp_path / "run.jko"), t_end=0.06)
    assert np.array_equal(again[4].values, caught.value.trajectory.final.values)


@pytest.mark.slow
def test_a_killed_run_keeps_its_steps(tmp_path):
    code = (
        "import numpy as np, jkoflow as jf\n"
        "jf.evolve(jf.Potential(lambda x: x**2 / 2), jf.Quantiles(np.linspace(0, 1, 50)), dt=1e-4, t_end=100.0,\n"
        f"          store={str(tmp_path / 'run.jko')!r}, observe=lambda step: print(step.index, flush=True))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if int(line) >= 200:
                break
        process.kill()
    flow = jf.load(tmp_path / "run.jko")
    assert len(flow) > 200
    assert not flow.ok
    assert flow.outcome == "was not ended"
    assert np.allclose(flow.final.nodes[-1], (1 + 1e-4) ** (1.0 - len(flow)), rtol=1e-9)
    jf.evolve(jf.Potential(lambda x: x**2 / 2), jf.open(tmp_path / "run.jko"), t_end=flow.times[-1] + 3e-4)


# ---- nothing drops a run ---------------------------------------------------------------------------------------------


def _broken(where):
    def fail(*given):
        raise ZeroDivisionError(where)

    return fail


def test_any_exception_carries_the_trajectory():
    calls = []

    def steep(x):
        calls.append(1)
        if len(calls) > 40:
            raise ZeroDivisionError("V")
        return x**2 / 2

    runs = {
        "a stopping rule after step 1": {"stop": _broken("rule")},
        "an observer of step 1": {"observe": [_broken("observer")]},
    }
    for where, options in runs.items():
        with pytest.raises(jf.FlowError, match=f"{where} raised ZeroDivisionError") as caught:
            jf.evolve(WELL, RHO, dt=0.1, t_end=0.5, **options)
        assert len(caught.value.trajectory) == 2
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(jf.FlowError, match=r"step \d+ raised ZeroDivisionError: V") as caught:
        jf.evolve(jf.Potential(steep), QUANTILES, dt=0.1, t_end=50.0)
    flow = caught.value.trajectory
    assert len(flow) > 1
    assert not flow.ok
    twin = pickle.loads(pickle.dumps(caught.value.__class__(str(caught.value), jf.evolve(WELL, RHO, dt=0.1, t_end=0.1))))
    assert str(twin) == str(caught.value)
    assert len(twin.trajectory) == 2


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGINT") or sys.platform == "win32", reason="signals of Unix")
def test_ctrl_c_anywhere_keeps_the_run(tmp_path):
    code = (
        "import numpy as np, jkoflow as jf\n"
        "grid = jf.Grid.box((-1, 1), (-1, 1), cells=48)\n"
        "rho = grid.density(lambda x, y: 0.1 + np.exp(-8 * (x**2 + y**2)))\n"
        "law = jf.RenyiEntropy(2)\n"
        "jf.evolve(law, rho, dt=1e-4, t_end=2e-4)\n"
        "print('ready', flush=True)\n"
        "flow = jf.evolve(law, rho, dt=1e-4, t_end=100.0)\n"
        "print(flow.outcome, flow.ok, len(flow) > 1, flush=True)\n"
    )
    for wait in (0.3, 0.97):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        threading.Event().wait(wait)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
        assert out == "interrupted from the keyboard False True\n", error
        assert error.count("\n") == 1
        assert error.startswith("jkoflow: interrupted in ")


def test_runs_survive_pickles_and_copies():
    flow = jf.evolve(
        jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=1, v=-1), jf.Species(u=RHO, v=RHO), dt=0.1, t_end=0.2
    )
    for twin in (pickle.loads(pickle.dumps(flow)), copy.deepcopy(flow)):
        _same(flow, twin)
        assert not twin.final["u"].values.flags.writeable
        assert dict(twin.mobilities) == {"u": 1.0, "v": 1.0}


def test_diagnostics_count_the_work_of_a_moving_potential():
    flow = jf.evolve(jf.Entropy() + MOVING_WELL, WIDE.quantiles(60), dt=0.05, t_end=2.0)
    assert jf.diagnostics.step_dissipation(flow).worst < 1e-10
    assert jf.diagnostics.energy_dissipation(flow).worst < 1e-10
    assert (np.diff(flow.energies) > 0).any()  # the well lifts the mass at times


def test_the_log_tells_steps_and_iterations(caplog):
    with caplog.at_level("DEBUG", logger="jkoflow"):
        jf.evolve(WELL, QUANTILES, dt=0.1, t_end=0.2)
    said = [(record.levelname, record.getMessage()) for record in caplog.records if "compiling" not in record.getMessage()]
    assert next(text for level, text in said if level == "INFO").startswith("step 1 to t = 0.1: energy ")
    assert any(level == "DEBUG" and text.startswith("QuantileNewton: iteration 1, residual ") for level, text in said)


def test_the_bar_is_shown_where_the_terminal_tells_no_width(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "0")
    jf.evolve(WELL, QUANTILES, dt=0.1, t_end=0.2, progress=True)
    assert "2/2" in capsys.readouterr().err


def test_runs_are_exported_with_what_made_them(tmp_path):
    xarray = pytest.importorskip("xarray")
    start = jf.State(QUANTILES, {"signal": np.zeros(5)}, time=2.0)
    flow = jf.evolve(MOVING_WELL, start, scheme=WithMemory(), dt=0.1, t_end=2.4)
    data = jf.to_xarray(flow)
    assert data.attrs["law"] == flow.law == "Potential(<lambda>)"
    assert data.attrs["jkoflow"] == jf.__version__
    assert np.array_equal(data["work"], flow.work)
    assert data["field_signal"].dims == ("time", "signal_0")
    assert np.array_equal(data["field_signal"][-1], flow.final.fields["signal"])
    data.to_netcdf(tmp_path / "flow.nc")
    pytest.importorskip("zarr")
    data.to_zarr(tmp_path / "flow.zarr", zarr_format=2, consolidated=False)
    for again in (xarray.open_dataset(tmp_path / "flow.nc"), xarray.open_zarr(tmp_path / "flow.zarr", consolidated=False)):
        assert again.load().equals(data)
        again.close()
    table = flow.to_pandas()
    assert table["time"].tolist() == flow.times.tolist()
    assert table["status"].tolist()[1:] == ["CONVERGED"] * 4


@pytest.mark.slow
def test_every_run_goes_on_in_another_process(tmp_path):
    """Half of every run in this process, the other half from its store in another one: the same to the last bit."""
    names = [name for name in RUNS if not RUNS[name][2].chooses_dt]
    ends = {}
    for k, name in enumerate(names):
        law, start, scheme, dt = RUNS[name]
        start = start if isinstance(start, jf.State) else jf.State(start)
        ends[name] = start.time + 8 * dt
        jf.evolve(law, start, scheme=scheme, dt=dt, t_end=start.time + 4 * dt, store=tmp_path / f"{k}.jko")
    code = (
        "import jkoflow as jf\n"
        "from tests.test_runs import RUNS\n"
        f"names, ends, folder = {names!r}, {ends!r}, {str(tmp_path)!r}\n"
        "for k, name in enumerate(names):\n"
        "    law, _, scheme, _ = RUNS[name]\n"
        "    jf.evolve(law, jf.open(f'{folder}/{k}.jko'), scheme=scheme, t_end=ends[name])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for k, name in enumerate(names):
        law, start, scheme, dt = RUNS[name]
        _same(jf.evolve(law, start, scheme=scheme, dt=dt, t_end=ends[name]), jf.open(tmp_path / f"{k}.jko"))


# ---- what a reviewer found --------------------------------------------------------------------------------------------


def _kill_at(step, path, code=""):
    """Run STILL with a store in another process and kill it at a step."""
    run = (
        "import os, numpy as np, jkoflow as jf\n"
        f"law, start = jf.Potential(lambda x: x**2 / 2), jf.Quantiles(np.linspace(-1.0, 2.0, 31))\n{code}\n"
        f"deadly = lambda s: s.index == {step} and os.kill(os.getpid(), 9)\n"
        f"jf.evolve(law, start, dt=0.1, t_end=100.0, store={str(path)!r}, observe=deadly)\n"
    )
    subprocess.run([sys.executable, "-c", run], check=False)


@pytest.mark.slow
def test_a_file_that_a_killed_run_left_is_replaced_as_a_whole(tmp_path):
    _kill_at(7, tmp_path / "k.jko")
    new = jf.evolve(STILL, jf.load(tmp_path / "k.jko"), t_end=1.5)
    jf.save(new, tmp_path / "k.jko")
    assert len(jf.load(tmp_path / "k.jko")) == 16
    assert sorted(p.name for p in tmp_path.iterdir()) == ["k.jko"]


def test_save_refuses_a_file_that_is_being_written(tmp_path):
    other = jf.evolve(STILL, QUANTILES, dt=0.1, t_end=0.2)
    path = tmp_path / "w.jko"
    with pytest.raises(jf.FlowError, match="is being written"):
        jf.evolve(STILL, QUANTILES, dt=0.1, t_end=1.0, store=path, observe=lambda s: jf.save(other, path))
    assert len(jf.open(tmp_path / "w.jko")) == 2


def test_a_carry_that_is_lost_stays_lost(tmp_path):
    law = jf.Entropy() + STILL
    source = jf.evolve(law, QUANTILES, scheme=jf.BDF2(), dt=0.1, t_end=0.6, store=tmp_path / "run.jko").final.nodes
    with closing(sqlite3.connect(tmp_path / "run.jko", isolation_level=None)) as database:
        database.execute("UPDATE steps SET state = zeroblob(40) WHERE number = 4")
    part = jf.load(tmp_path / "run.jko")
    assert len(part) == 4
    jf.save(part, tmp_path / "part.jko")
    for lost in (part, jf.load(tmp_path / "part.jko"), jf.open(tmp_path / "part.jko")):
        with pytest.raises(ValueError, match=r"carry of the last step is lost: start a run from flow\.final"):
            jf.evolve(law, lost, scheme=jf.BDF2(), t_end=1.0)
    whole = jf.evolve(law, QUANTILES, scheme=jf.BDF2(), dt=0.1, t_end=0.3)
    copied = jf.evolve(law, whole, scheme=jf.BDF2(), t_end=0.6, store=tmp_path / "copy.jko")
    assert np.array_equal(copied.final.nodes, source)


def test_a_file_that_holds_another_run_by_now_is_seen(tmp_path):
    path = tmp_path / "r.jko"
    jf.evolve(STILL, QUANTILES, dt=0.1, t_end=0.3, store=path)
    first = jf.open(path)
    twin = pickle.loads(pickle.dumps(first))
    path.unlink()
    with pytest.raises(ValueError, match="is gone: keep the run in another file"):
        jf.evolve(STILL, first, t_end=0.6)
    jf.evolve(STILL, jf.Quantiles(QUANTILES.nodes + 100), dt=0.1, t_end=0.3, store=path)
    with pytest.raises(ValueError, match="holds another run by now"):
        jf.evolve(STILL, first, t_end=0.6)
    with pytest.raises(ValueError, match="holds another run by now"):
        twin[1]


def test_a_store_survives_another_folder_and_odd_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    flow = jf.evolve(STILL, QUANTILES, dt=0.1, t_end=0.3, store="rel.jko", observe=lambda s: os.chdir(tmp_path / "elsewhere"))
    assert len(flow) == 4
    os.chdir(tmp_path)
    for name in (":memory:", "file:abc.jko"):
        assert len(jf.evolve(STILL, QUANTILES, dt=0.1, t_end=0.3, store=name)) == 4
        assert (tmp_path / name).exists()
    for bad in (5, b"x", "", "x" * 300, "."):
        with pytest.raises(ValueError, match=r"store must be|exists: continue"):
            jf.evolve(STILL, QUANTILES, dt=0.1, t_end=0.3, store=bad)
    for bad in (5, "y" * 300, ".", "nodir/x"):
        with pytest.raises(ValueError, match="path must be"):
            jf.save(flow, bad)


def test_a_store_that_is_taken_away_leaves_an_error_with_the_last_state(tmp_path):
    path = tmp_path / "g.jko"
    with pytest.raises(jf.FlowError, match="cannot be read any more") as caught:
        jf.evolve(STILL, QUANTILES, dt=0.1, t_end=0.3, store=path, observe=lambda s: s.index == 2 and path.unlink())
    assert caught.value.trajectory.times[-1] == pytest.approx(0.3)


def test_a_copy_that_is_refused_leaves_nothing(tmp_path):
    tail = jf.evolve(STILL, QUANTILES, dt=0.1, t_end=3.0, keep=5)
    for _ in range(2):
        with pytest.raises(ValueError, match="its first 25 steps were dropped"):
            jf.evolve(STILL, tail, t_end=4.0, store=tmp_path / "tail.jko")
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_that_fails_is_no_lost_step(tmp_path, monkeypatch):
    from jkoflow.storage import store

    monkeypatch.setattr(store, "SYNC_SECONDS", 0.0)

    class Failing(sqlite3.Connection):
        def execute(self, query, *given):
            if "PASSIVE" in query:
                raise sqlite3.OperationalError("disk full")
            return super().execute(query, *given)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **options: connect(path, **options | {"factory": Failing}))
    flow = jf.evolve(STILL, QUANTILES, dt=0.1, t_end=0.5, store=tmp_path / "full.jko")
    assert np.allclose(flow.times, [0.0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_particles_at_rest_at_the_origin_follow_a_well_that_starts_to_move():
    for start in ([[0.0]], [[0.0], [0.0]]):
        flow = jf.evolve(MOVING_WELL, jf.Particles(start), scheme=jf.Overdamped(), t_end=1.0)
        assert np.allclose(flow.final.points, _mean(1.0, 0.0), atol=1e-6)


def test_the_default_solver_of_a_run_is_kept_when_it_goes_on():
    rho = GRID.density(lambda x: 1.0 * (abs(x) < 1))
    half = jf.evolve(WELL, rho, dt=0.1, t_end=0.3)
    assert "FiniteVolume" in half.scheme
    assert len(jf.evolve(WELL, half, t_end=0.6)) == 7


def test_times_go_on_as_multiples_of_dt():
    whole = jf.evolve(STILL, QUANTILES, dt=0.29, t_end=29.0)
    with pytest.raises(ValueError, match="t_end must lie after"):
        jf.evolve(STILL, whole, t_end=29.0)
    cut = jf.evolve(STILL, QUANTILES, dt=0.1, t_end=0.25)
    for middle in (0.35, 0.55, 0.95, 1.05):
        twice = jf.evolve(STILL, jf.evolve(STILL, cut, t_end=middle), t_end=1.25)
        assert np.array_equal(twice.times, jf.evolve(STILL, cut, t_end=1.25).times)


def test_a_cut_step_does_not_shorten_the_steps_after_it():
    scheme = jf.Adaptive(jf.JKO(), 1e-2)
    natural = jf.evolve(STILL, QUANTILES, scheme=scheme, dt=0.01, t_end=3.0)
    cut = jf.evolve(STILL, QUANTILES, scheme=scheme, dt=0.01, t_end=float(natural.times[4]) + 1e-9)
    assert jf.evolve(STILL, cut, scheme=scheme, t_end=3.0).dts[5] > 0.5 * natural.dts[4]


def test_the_first_look_and_answers_of_another_kind():
    for law, mobility in ((jf.Potential(lambda x: 1 / 0), None), (STILL, {"": lambda t: {}[t]})):
        with pytest.raises(jf.FlowError, match="first look at the problem raised") as caught:
            jf.evolve(law, QUANTILES, dt=0.1, t_end=0.2, mobility=mobility)
        assert len(caught.value.trajectory) == 1
    with pytest.raises(ValueError, match="must be a function of the time alone"):
        jf.evolve(STILL, QUANTILES, dt=0.1, t_end=0.2, mobility={"": lambda: 1.0})
    with pytest.raises(ValueError, match="gradient depends on the time t, so V must take t too"):
        jf.Potential(lambda x: x**2, gradient=lambda x, t: 2 * x)
    with pytest.raises(ValueError, match="V must return numbers for all points, got a masked array"):
        jf.evolve(jf.Potential(lambda x: np.ma.masked_less(x, 0)), QUANTILES, dt=0.1, t_end=0.2)

    class Odd(WithMemory):
        answers: ClassVar[dict] = {}

        def begin(self, problem, state, dt, carry):
            return Odd.answers.get("begin", {"n": np.zeros(1)})

        def step(self, problem, state, dt, carry):
            with pytest.raises(ValueError, match="read-only"):
                carry["n"][0] = 1.0
            return Odd.answers["step"](state)

    start = jf.State(QUANTILES)
    info = jf.StepInfo({"": 0.0}, jf.Status.CONVERGED)
    for answer in (lambda s: s, lambda s: jf.Taken(s.masses[""], {}, info), lambda s: jf.Taken(s, {}, jf.StepInfo(0.1, "ok"))):
        Odd.answers = {"step": answer}
        with pytest.raises(jf.FlowError, match=r"step must return Taken\(State, carry, StepInfo\)"):
            jf.evolve(STILL, start, scheme=Odd(), dt=0.1, t_end=0.2)
    Odd.answers = {"step": lambda s: jf.Taken(s, {"rng": np.random.default_rng(0)}, info)}
    with pytest.raises(jf.FlowError, match="carry 'rng' must be an array of numbers"):
        jf.evolve(STILL, start, scheme=Odd(), dt=0.1, t_end=0.2)
    Odd.answers = {"begin": None}
    with pytest.raises(ValueError, match="begin must return the carry as a mapping"):
        jf.evolve(STILL, start, scheme=Odd(), dt=0.1, t_end=0.2)


def test_a_run_that_failed_is_not_continued_from_its_failed_state():
    failing = jf.JKO(jf.Entropic(max_iterations=2))
    flow = jf.evolve(WELL, RHO, scheme=failing, dt=0.1, t_end=0.5, on_failure="return")
    with pytest.raises(ValueError, match="whose last step was solved"):
        jf.evolve(WELL, flow, scheme=failing, t_end=1.0)


def test_with_an_obstacle_the_reason_of_its_solver_is_told():
    law = jf.Entropy() + STILL + jf.Obstacle(lambda x: x > 2)
    with pytest.raises(ValueError, match="must hold no mass in the obstacle at the start"):
        jf.evolve(law, RHO, dt=0.1, t_end=0.2)


@pytest.mark.parametrize("scheme", [jf.JKO(), jf.SemiImplicitJKO()])
def test_a_run_whose_solver_changes_is_continued_from_what_was_kept(scheme):
    """The first step of heat from a jump is for another solver than the later ones."""
    rho = jf.Grid.box((-3, 3), cells=48).density(lambda x: (abs(x) < 1) * 1.0)
    whole = jf.evolve(jf.Entropy(), rho, scheme=scheme, dt=0.02, t_end=0.4)
    half = jf.evolve(jf.Entropy(), rho, scheme=scheme, dt=0.02, t_end=0.2, keep=1)
    assert len(set(whole.solvers)) == 2
    assert np.array_equal(jf.evolve(jf.Entropy(), half, scheme=scheme, t_end=0.4).final.values, whole.final.values)


def test_every_solver_of_a_scheme_is_checked_before_any_work():
    grid = jf.Grid.box((-3, 3), cells=48)
    rho = grid.density(lambda x: (abs(x) < 1) * 1.0)
    law = jf.RenyiEntropy(2) + jf.Obstacle(lambda x: x > 2)
    with pytest.raises(ValueError, match="Entropic does not take"):
        jf.evolve(law, rho, scheme=jf.JKO(jf.BackAndForth(), fallback=jf.Entropic()), dt=0.1, t_end=0.1)
    with pytest.raises(ValueError, match="QuantileNewton takes Quantiles"):
        jf.evolve(jf.RenyiEntropy(2), rho, scheme=jf.JKO(jf.BackAndForth(), fallback=jf.QuantileNewton()), dt=0.1, t_end=0.1)
    with pytest.raises(ValueError, match="each_step must be True or False"):
        jf.JKO(each_step="yes")


def test_steady_remembers_the_steps_that_were_dropped():
    rho = jf.Grid.box((-4, 4), cells=48).density(lambda x: np.exp(-4 * (x - 1) ** 2))
    law = jf.Entropy() + WELL
    whole = jf.evolve(law, rho, dt=0.5, t_end=60.0, stop=jf.Steady())
    half = jf.evolve(law, rho, dt=0.5, t_end=5.0, keep=1)
    assert jf.evolve(law, half, t_end=60.0, stop=jf.Steady()).times[-1] == whole.times[-1] < 60


def test_a_law_with_other_functions_of_the_same_name_is_told(tmp_path):
    """A lambda, a closure and an array that are others than at the start; nothing is said of the same ones, made anew."""
    grid = jf.Grid.box((0, 1), cells=16)
    start = grid.density(lambda x: 1 + x)

    def made(factor):
        return jf.Potential(lambda x: factor * x)

    laws = {
        "closure": (made(5.0), made(5.0), made(-1.0)),
        "array": tuple(jf.Potential(c * grid.axes[0]) for c in (1.0, 1.0, 2.0)),
    }
    for name, (first, again, other) in laws.items():
        first, again, other = (jf.Entropy() + law for law in (first, again, other))
        path = tmp_path / f"{name}.flow"
        jf.evolve(first, start, dt=0.01, t_end=0.02, store=path, progress=False)
        half = jf.load(path)
        jf.evolve(again, half, dt=0.01, t_end=0.03, progress=False)
        with pytest.warns(UserWarning, match="not those with which the run began"):
            jf.evolve(other, half, dt=0.01, t_end=0.03, progress=False)


def test_a_run_of_another_scheme_is_not_continued_by_the_default_one():
    """The message names the scheme of the run; a scheme of one's own may show itself as it likes."""

    class Named(jf.JKO):
        def __repr__(self) -> str:
            return "a scheme of mine"

    flow = jf.evolve(WELL, RHO, scheme=jf.BDF2(), dt=0.1, t_end=0.2)
    with pytest.raises(ValueError, match=r"scheme must be that of the run that is continued, BDF2\(.*pass scheme="):
        jf.evolve(WELL, flow, t_end=0.3)
    own = jf.evolve(WELL, QUANTILES, scheme=Named(), dt=0.1, t_end=0.2)
    assert jf.evolve(WELL, own, scheme=Named(), t_end=0.3).times[-1] == pytest.approx(0.3)
