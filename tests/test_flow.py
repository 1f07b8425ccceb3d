"""evolve, steps, schemes, trajectories, stopping, storage."""

import dataclasses
import itertools
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import xarray

import jkoflow as jf
from jkoflow.checks import check_scheme

from .tables import SCHEMES

WELL = jf.Potential(lambda x: x**2 / 2)
GRID = jf.Grid.box((-4.0, 4.0), cells=80)
RHO = GRID.density(lambda x: np.exp(-2 * (x - 1) ** 2))
FOKKER_PLANCK = jf.Entropy() + WELL


def _flow(**changes):
    options = {"law": FOKKER_PLANCK, "state": RHO, "dt": 0.1, "t_end": 0.5} | changes
    return jf.evolve(options.pop("law"), options.pop("state"), **options)


def test_the_first_snippet_of_the_design():
    grid = jf.Grid.box((-4, 4), cells=200)
    rho0 = grid.density(lambda x: np.exp(-((x - 1.5) ** 2) / 0.1))
    energy = jf.Entropy() + jf.Potential(lambda x: x**2 / 2)
    flow = jf.evolve(energy, rho0, scheme=jf.JKO(), dt=0.05, t_end=3.0)
    print(flow)
    jf.plot.density(flow)
    jf.plot.energy(flow)
    mean, variance = jf.closed_forms.OrnsteinUhlenbeck(1.5, float(rho0.covariance)).jko(0.05, 60)
    assert abs(flow.final.mean - mean) < 2e-3
    assert abs(flow.final.covariance - variance) < 2e-3
    assert len(repr(flow).splitlines()) == 1


def test_the_predator_and_prey_snippet_of_the_design():
    grid = jf.Grid.box((-3, 3), (-3, 3), cells=24)
    state = jf.Species(
        x=grid.density(lambda x, y: np.exp(-4 * ((x + 1) ** 2 + y**2))),
        y=grid.density(lambda x, y: np.exp(-4 * ((x - 1) ** 2 + y**2))),
    )
    H1 = H2 = 0.5 * jf.Gaussian()
    K1, K2 = jf.Gaussian(length=2.0), -jf.Gaussian(length=1.5)
    law = (
        jf.Interaction(H1, "x")
        + jf.Interaction(H2, "y")  # predator and prey: no energy
        + jf.Drift(K1, moves="x", by="y")
        + jf.Drift(K2, moves="y", by="x")
    )
    flow = jf.evolve(law, state, scheme=jf.SemiImplicitJKO(), dt=0.01, t_end=0.1)
    assert flow.ok
    assert np.isnan(flow.energies).all()
    assert flow["x"].final.mean[0] > state["x"].mean[0] + 0.005
    assert flow["y"].final.mean[0] > state["y"].mean[0] + 0.001
    with pytest.raises(ValueError, match="no JKO step: use SemiImplicitJKO"):
        jf.evolve(law, state, scheme=jf.JKO(), dt=0.01, t_end=0.1)
    with pytest.raises(ValueError, match="must have an energy to be plotted"):
        jf.plot.energy(flow)


def test_two_species_snippet_with_arrays_in_and_out():
    """The Poisson-Nernst-Planck snippet of the design."""
    u0, v0 = (GRID.density(lambda x, c=c: np.exp(-2 * (x - c) ** 2)) for c in (0.5, -0.5))
    state = jf.Species(u=u0, v=v0)
    energy = jf.Entropy("u") + jf.Entropy("v") + jf.Potential(lambda x: x**2, "u") + jf.Potential(lambda x: x**2, "v")
    energy = energy + jf.DirichletCoupling(u=+1, v=-1)
    flow = jf.evolve(energy, state, scheme=jf.JKO(), dt=0.05, t_end=0.3)
    assert flow["u"].final.values.shape == (80,)
    assert np.all(np.diff(flow.energies) < 0)
    assert np.allclose(flow.distances**2, flow["u"].distances ** 2 + flow["v"].distances ** 2)
    centres = [s["u"].mean + s["v"].mean for s in flow]
    assert np.allclose(centres, 0, atol=1e-6)  # the tolerance of the steps
    kernel = jf.Newtonian(1)  # of which the coupling is made on the line
    pairs = jf.Interaction(kernel, "u") + jf.Interaction(kernel, "v") - jf.CrossInteraction(kernel, between=("u", "v"))
    assert np.isclose(pairs(state), jf.DirichletCoupling(u=+1, v=-1)(state), rtol=3e-3)  # 80 cells


@pytest.mark.slow
@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES.keys())
def test_declared_order(scheme):
    """On Fokker-Planck, where the mean and the variance of a Gaussian are known; walls and blur kept out of sight."""
    rho = jf.Grid.box((-6.0, 6.0), cells=160).density(lambda x: np.exp(-2 * (x - 1) ** 2))
    scheme = dataclasses.replace(scheme, solver=jf.Entropic(epsilon=0.01))
    exact = jf.closed_forms.OrnsteinUhlenbeck(float(rho.mean), float(rho.covariance)).flow(0.8)

    def error(rho):
        return abs(float(rho.covariance) - exact[1]) + abs(float(rho.mean) - exact[0])

    report = check_scheme(scheme, FOKKER_PLANCK, rho, error=error, t_end=0.8, dts=[0.1, 0.05, 0.025])
    assert report.errors[-1] < 0.02


@pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES.keys())
def test_declared_order_with_interactions(scheme):
    """Two species under quadratic drifts of different strengths: the mean distance decays at the rate k1 + k2
    (docs/theory/two-species.md, T1); JKO takes the drifts in their gradient form."""
    k1, k2 = 0.5, 1.0
    state = jf.Species(x=RHO, y=GRID.density(lambda x: np.exp(-2 * (x + 1) ** 2)))
    law = jf.Drift(k1 * jf.Quadratic(), moves="x", by="y") + jf.Drift(k2 * jf.Quadratic(), moves="y", by="x")
    law = law + jf.Interaction(0.3 * jf.Quadratic(), "x")
    gap = float(RHO.mean - state["y"].mean)

    def error(final):
        return abs(float(final["x"].mean - final["y"].mean) - gap * np.exp(-(k1 + k2) * 0.8))

    report = check_scheme(scheme, law, state, error=error, t_end=0.8, dts=[0.1, 0.05, 0.025])
    assert report.errors[-1] < 1.02 * abs(gap) * ((1 + (k1 + k2) * 0.025) ** -32 - np.exp(-(k1 + k2) * 0.8))  # that of JKO


def test_the_semi_implicit_factor_is_that_of_jacobi():
    """docs/theory/two-species.md, T3: D' = D (1 - tau^2 k1 k2) / ((1 + tau k1) (1 + tau k2)).

    Gauss-Seidel would lack the tau^2 k1 k2.
    """
    k1, k2, tau = 0.25, 0.5, 0.4
    state = jf.Species(x=RHO, y=GRID.density(lambda x: np.exp(-2 * (x + 1) ** 2)))
    law = jf.Drift(k1 * jf.Quadratic(), moves="x", by="y") + jf.Drift(k2 * jf.Quadratic(), moves="y", by="x")
    final = jf.evolve(law, state, scheme=jf.SemiImplicitJKO(jf.Entropic(tolerance=1e-10)), dt=tau, t_end=tau).final
    factor = (final["x"].mean - final["y"].mean) / (state["x"].mean - state["y"].mean)
    assert abs(factor - (1 - tau**2 * k1 * k2) / ((1 + tau * k1) * (1 + tau * k2))) < 1e-4


def test_mobility_is_a_speed():
    slow = _flow(law=WELL, dt=0.1, t_end=0.1)
    fast = _flow(law=WELL, dt=0.05, t_end=0.05, mobility={"": 2.0})
    assert np.allclose(slow.final.values, fast.final.values, atol=1e-6)
    assert np.isclose(fast.dissipation[0], 2 * slow.dissipation[0], rtol=1e-4)


def test_energy_falls_by_at_least_what_the_distance_asks_for():
    """E(rho') + W2^2 / (2 dt) <= E(rho), and the dissipation is the slope at the new state:
    docs/theory/poisson-nernst-planck.md, section 3.1 and section 2.5 (a)."""
    flow = _flow(t_end=1.0)
    assert np.all(np.diff(flow.energies) <= -(flow.distances**2) / (2 * 0.1) + 1e-4)
    slopes = [GRID.dirichlet(FOKKER_PLANCK.first_variation(rho), rho.values) for rho in flow.states[1:]]
    assert np.allclose(flow.dissipation, slopes, rtol=0.02)


def test_trajectory_is_a_sequence():
    flow = _flow()
    assert len(flow) == 6
    assert flow[0].values is RHO.values
    assert flow[-1] is flow.final
    assert len(flow[1:3]) == 2
    assert [rho.mass for rho in flow] == pytest.approx([1.0] * 6, abs=1e-12)
    assert np.allclose(flow.times, 0.1 * np.arange(6))
    assert len(flow.distances) == len(flow.statuses) == len(flow.dissipation) == len(flow.dts) == 5
    assert flow.ok
    assert "BackAndForth(tolerance=1e-06" in flow.scheme
    assert "<table>" in flow._repr_html_()
    with pytest.raises(KeyError, match="no species 'u'"):
        flow["u"]
    rows = flow.rows()
    assert rows[0]["step"] == 0
    assert rows[-1]["status"] == "CONVERGED"
    assert abs(rows[-1]["mass error"]) < 1e-12


def test_the_last_step_is_shorter_where_dt_does_not_fit():
    flow = _flow(dt=0.2, t_end=0.5)
    assert np.allclose(flow.times, [0, 0.2, 0.4, 0.5])
    assert np.allclose(flow.dts, [0.2, 0.2, 0.1])
    assert _flow(dt=0.1, t_end=0.1 * 3).times[-1] == pytest.approx(0.3)
    assert len(_flow(dt=0.1, t_end=0.1 * 3)) == 4
    assert len(_flow(dt=5.0, t_end=0.5)) == 2


def test_a_continued_run_equals_the_unbroken_one_to_the_last_bit(tmp_path):
    whole = _flow(t_end=0.6)
    half = _flow(t_end=0.3)
    jf.save(half, tmp_path / "half.npz")
    for start in (half, jf.load(tmp_path / "half.npz")):
        again = jf.evolve(FOKKER_PLANCK, start, dt=0.1, t_end=0.6)
        assert np.array_equal(again.times, whole.times)
        assert np.array_equal(again.energies, whole.energies)
        assert np.array_equal(again.distances, whole.distances)
        assert np.array_equal(again.dts, whole.dts)
        assert all(np.array_equal(a.values, b.values) for a, b in zip(again, whole, strict=True))
    other = jf.evolve(FOKKER_PLANCK, half, dt=0.05, t_end=0.4)
    assert np.allclose(other.times[-3:], [0.3, 0.35, 0.4])


def test_storage_round_trip_of_species(tmp_path):
    state = jf.Species(u=RHO, v=GRID.density(lambda x: np.exp(-(x**2)), mass=2.0))
    law = jf.Entropy("u") + jf.Entropy("v")
    flow = jf.evolve(law, state, dt=0.1, t_end=0.2, mobility={"v": 3.0})
    jf.save(flow, tmp_path / "flow.npz")
    again = jf.load(tmp_path / "flow.npz")
    assert again.mobilities == flow.mobilities
    assert again.statuses == flow.statuses
    assert again.infos == flow.infos
    assert again.scheme == flow.scheme
    assert repr(again) == repr(flow)
    assert again["v"].final.values.tolist() == flow["v"].final.values.tolist()


def test_export_to_xarray():
    flow = jf.evolve(jf.Entropy("u"), jf.Species(u=RHO, v=RHO), dt=0.1, t_end=0.2)
    data = jf.to_xarray(flow)
    assert np.array_equal(data.density.sel(species="u").isel(time=-1), flow["u"].final.values)
    assert np.array_equal(data.distance.sel(species="u"), flow["u"].distances)
    assert list(data.status.values) == ["CONVERGED"] * 2
    assert "v" not in jf.to_xarray(flow["u"]).species


@pytest.mark.parametrize("start", [RHO, RHO.quantiles(8), jf.Particles([0.0, 1.0])], ids=["density", "quantiles", "particles"])
def test_the_storage_extra_writes_netcdf(start, tmp_path):
    data = jf.to_xarray(_flow(state=start, law=WELL if isinstance(start, jf.Particles) else FOKKER_PLANCK))
    data.to_netcdf(tmp_path / "flow.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "flow.nc", engine="h5netcdf") as again:
        assert again.identical(data)


def test_steps_is_the_generator_that_evolve_is_made_of():
    taken = list(jf.steps(FOKKER_PLANCK, RHO, dt=0.1, t_end=0.5))
    flow = _flow()
    assert [s.time for s in taken] == list(flow.times[1:])
    assert [s.energy for s in taken] == list(flow.energies[1:])
    assert [s.index for s in taken] == [1, 2, 3, 4, 5]
    endless = jf.steps(FOKKER_PLANCK, RHO, dt=0.1, t_end=1e9)
    assert len(list(itertools.islice(endless, 2))) == 2


def test_stopping_rules():
    assert _flow(t_end=50.0, stop=jf.Steady(0.05)).outcome == "stopped: the speed fell below 0.05"
    assert _flow(stop=[jf.EnergyBelow(100.0)]).outcome == "stopped: the energy fell to 100"
    assert len(_flow(stop=[jf.EnergyBelow(-100.0), lambda step: "enough" if step.index == 2 else None])) == 3
    assert len(_flow(stop=jf.WallClock(1e-9))) == 2
    for call in (lambda: jf.Steady(0), lambda: jf.EnergyBelow(np.nan), lambda: jf.WallClock(-1)):
        with pytest.raises(ValueError, match="must be a"):
            call()


def test_ctrl_c_keeps_what_there_is(capsys):
    def interrupt(step):
        if step.index == 2:
            raise KeyboardInterrupt

    flow = _flow(stop=interrupt)
    assert flow.outcome == "interrupted from the keyboard"
    assert len(flow) == 3
    assert not flow.ok
    assert "interrupted in a stopping rule" in capsys.readouterr().err


def test_a_failed_step_raises_with_the_trajectory_or_returns_it():
    failing = jf.JKO(jf.Entropic(max_iterations=2))
    with pytest.raises(jf.FlowError, match=r"step 1 to t = 0.1 was not solved: the iteration limit.*\.trajectory") as caught:
        _flow(scheme=failing)
    flow = _flow(scheme=failing, on_failure="return")
    for kept in (caught.value.trajectory, flow):
        assert len(kept) == 2
        assert kept.statuses == (jf.Status.ITERATION_LIMIT,)
        assert not kept.ok
        assert "NOT every step was solved" in repr(kept)
    assert "step 1: the iteration limit" in flow._repr_html_()


def test_progress_bar(capsys):
    _flow(progress=True)
    assert "5/5" in capsys.readouterr().err
    _flow()
    assert capsys.readouterr().err == ""
    assert not sys.stderr.isatty()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dt": 0.0}, "dt must be a positive finite number, got 0"),
        ({"dt": "fast"}, "dt must be a positive finite number, got 'fast'"),
        ({"dt": np.nan}, "dt must be"),
        ({"t_end": -1.0}, "t_end must lie after the start"),
        ({"t_end": np.inf}, "t_end must be a finite"),
        ({"law": "heat"}, "law must be an energy"),
        ({"state": 3}, "state must be a measure"),
        ({"scheme": jf.Entropic()}, "scheme must be a Scheme"),
        ({"on_failure": "ignore"}, "on_failure must be"),
        ({"mobility": {"u": 1.0}}, "mobility must name species of the state"),
        ({"mobility": {"": -1.0}}, "mobility of '' must be a positive"),
        ({"law": jf.Entropy("u")}, "speaks of species 'u'"),
        ({"law": -jf.Entropy()}, "coefficient >= 0"),
        ({"dt": 1e-300}, "dt must cut the time to t_end into at most"),
        ({"mobility": 3}, "mobility must be a mapping"),
        ({"stop": 3}, "stop must be a rule"),
        ({"stop": [jf.Steady(), 3]}, "stop must be a rule"),
        ({"scheme": 0}, "scheme must be a Scheme"),
    ],
)
def test_bad_input_is_named_before_any_work(changes, message):
    with pytest.raises(ValueError, match=message):
        _flow(**changes)


def test_a_time_far_below_dt_is_one_short_step():
    flow = _flow(dt=1.0, t_end=1e-12)
    assert list(flow.times) == [0.0, 1e-12]


def test_schemes_and_files_of_the_wrong_kind_are_named(tmp_path):
    for call in (lambda: jf.JKO("entropic"), lambda: jf.JKO(jf.Entropic), lambda: jf.SemiImplicitJKO(3)):
        with pytest.raises(ValueError, match="solver must be a step solver"):
            call()
    with pytest.raises(ValueError, match="energy must be an energy"):
        jf.ProximalStep(None, jf.Species.of(RHO), 0.1)
    flow = jf.evolve(jf.Entropy("u"), jf.Species(u=RHO), dt=0.1, t_end=0.1)
    jf.save(flow, tmp_path / "no ending")
    assert jf.load(tmp_path / "no ending").times.tolist() == flow.times.tolist()
    with pytest.raises(ValueError, match="whole trajectory"):
        jf.save(flow["u"], tmp_path / "part")
    np.savez(tmp_path / "other.npz", a=1)
    (tmp_path / "text").write_text("hello")
    for name in ("missing", "text", "other.npz"):
        with pytest.raises(ValueError, match="must name a saved trajectory"):
            jf.load(tmp_path / name)


def test_a_trajectory_of_one_species_is_not_continued():
    state = jf.Species(u=RHO)
    flow = jf.evolve(jf.Entropy("u"), state, dt=0.1, t_end=0.1)
    with pytest.raises(ValueError, match="whole trajectory"):
        jf.evolve(jf.Entropy("u"), flow["u"], dt=0.1, t_end=0.2)


RUNS = {
    "jko": (jf.JKO(), jf.Quantiles([0.0, 1.0, 3.0])),
    "semi-implicit": (jf.SemiImplicitJKO(), jf.Quantiles([0.0, 1.0, 3.0])),
    "extrapolation": (jf.VariationalExtrapolation(), jf.Quantiles([0.0, 1.0, 3.0])),
    "midpoint": (jf.ImplicitMidpoint(), jf.Quantiles([0.0, 1.0, 3.0])),
    "adaptive": (jf.Adaptive(jf.JKO(), tolerance=1e-2), jf.Quantiles([0.0, 1.0, 3.0])),
    "overdamped": (jf.Overdamped(), jf.Particles([0.0, 1.0, 3.0])),
    "brezis": (jf.Brezis(), jf.OrderedPoints([0.0, 1.0, 3.0])),
}


@pytest.mark.parametrize("name", RUNS)
def test_what_a_step_tells_means_the_same_whatever_the_scheme(name, tmp_path):
    scheme, start = RUNS[name]
    flow = jf.evolve(jf.Interaction(jf.PowerLaw(1)), start, scheme=scheme, dt=0.1, t_end=0.3)
    by_solver = name not in ("overdamped", "brezis")
    for before, after, info in zip(flow.states, flow.states[1:], flow.infos, strict=False):
        assert info.distances[""] >= jf.wasserstein2(before, after) - 1e-12
        assert (info.iterations > 0) == by_solver
        assert by_solver or info.residual == 0
        assert (info.evaluations > 0) == (name == "overdamped")
        assert (info.error is not None) == (name in ("adaptive", "overdamped", "brezis"))
    jf.save(flow, tmp_path / "flow.npz")
    assert [(i.evaluations, i.error) for i in jf.load(tmp_path / "flow.npz").infos] == [
        (i.evaluations, i.error) for i in flow.infos
    ]


def test_files_of_version_0_1_are_read(tmp_path):
    """Archives of numpy, with and without the columns that came later; damaged ones are refused."""
    law, start = jf.Potential(lambda x: x**2), jf.Quantiles([0.0, 1.0])
    flow = jf.evolve(law, start, scheme=jf.BDF2(), dt=0.1, t_end=0.2)
    old = {
        "kind": "Quantiles",
        "names": [""],
        "mobilities": [1.0],
        "times": flow.times,
        "energies": flow.energies,
        "dts": flow.dts,
        "distances": flow.distances[:, None],
        "statuses": [status.name for status in flow.statuses],
        "iterations": [info.iterations for info in flow.infos],
        "residuals": [info.residual for info in flow.infos],
        "chosen": np.full((2, 2), np.nan),
        "scheme": flow.scheme,
        "outcome": flow.outcome,
        "masses 0": start.masses,
        "state 0": np.stack([state.nodes for state in flow]),
    }
    np.savez(tmp_path / "old.npz", **old)
    again = jf.load(tmp_path / "old.npz")
    assert again.infos == tuple(replace(info, solver="") for info in flow.infos)  # which they do not tell
    assert np.array_equal(again.final.nodes, flow.final.nodes)
    assert np.array_equal(again.dissipation, flow.dissipation)
    whole = (tmp_path / "old.npz").read_bytes()
    for length in range(2, len(whole), 97):
        (tmp_path / "cut.npz").write_bytes(whole[:length])
        with pytest.raises(ValueError, match="must name a saved trajectory"):
            jf.load(tmp_path / "cut.npz")
    np.savez_compressed(tmp_path / "bomb.npz", **old | {"state 0": np.zeros((3, 20_000_000))})
    with pytest.raises(ValueError, match="unpacks to"):
        jf.load(tmp_path / "bomb.npz")


@pytest.mark.parametrize("length", [1.0, 1e-6, 1e6])
@pytest.mark.parametrize("time", [1.0, 1e9])
def test_steady_stops_at_rest_in_any_unit(length, time):
    grid = jf.Grid.box((0, length), cells=40)
    rho = grid.density(lambda x: 1 + 0.9 * np.cos(np.pi * x / length))
    law = (length**2 / time) * jf.Entropy()
    flow = jf.evolve(law, rho, dt=0.1 * time, t_end=20 * time, stop=jf.Steady())
    assert flow.outcome == "stopped: the speed fell below 1e-06 of its largest value"
    assert 10 < len(flow) < 25
    assert np.abs(flow.final.values * length - 1).max() < 1e-4


def _answer(step, state, status=jf.Status.CONVERGED, distance=0.1):
    from jkoflow.proximal import ProxResult

    return ProxResult(jf.Species.of(state), {"": distance}, {"": np.zeros(state.values.shape)}, status, 1, 0.0)


def test_answers_are_checked_apart_from_the_iteration():
    from jkoflow.proximal.verification import checked

    grid = jf.Grid.box((-2, 2), cells=40)
    rho = grid.density(lambda x: np.exp(-2 * (x - 0.5) ** 2))
    lower, higher = (grid.density(lambda x, c=c: np.exp(-2 * (x - c) ** 2)) for c in (0.4, 0.7))
    step = jf.ProximalStep(jf.RenyiEntropy(2) + jf.Potential(lambda x: x**2 / 2), jf.Species.of(rho), 0.5)
    assert checked(step, _answer(step, lower)).status is jf.Status.CONVERGED
    refuted = checked(step, _answer(step, higher))
    assert refuted.status is jf.Status.REFUTED
    assert not refuted.status.ok
    assert refuted.state is step.anchor
    assert refuted.distances[""] == 0
    assert checked(step, _answer(step, lower, distance=2.0)).status is jf.Status.REFUTED  # too far for what the energy fell
    assert checked(step, _answer(step, lower.like(lower.values * 1.001))).status is jf.Status.REFUTED  # mass
    failed = checked(step, _answer(step, higher, jf.Status.STALLED))
    assert failed.status is jf.Status.STALLED
    assert failed.state is step.anchor
    assert checked(step, _answer(step, lower, jf.Status.STALLED)).state[""] is lower
    crowd = jf.ProximalStep(jf.Congestion(1.0) + jf.Potential(lambda x: x**2), jf.Species.of(rho), 0.5)
    assert checked(crowd, _answer(crowd, grid.density(lambda x: np.exp(-8 * x**2)))).status is jf.Status.REFUTED
    post = jf.RenyiEntropy(2) + jf.Obstacle(lambda x: np.abs(x + 1) < 0.2)
    behind = jf.ProximalStep(post, jf.Species.of(grid.density(lambda x: (x > 0) * 1.0)), 0.5)
    assert checked(behind, _answer(behind, grid.density(lambda x: (x > -1.5) * 1.0))).status is jf.Status.REFUTED


@pytest.mark.parametrize("share", [0.5, 4])
def test_a_word_when_a_cell_holds_a_fifth_of_the_mass(share):
    """Keller and Segel above the critical mass, which is 4 for this law, and below, where the mass spreads."""
    grid = jf.Grid.box((-1, 1), (-1, 1), cells=16)
    start = grid.density(lambda x, y: np.exp(-2 * (x**2 + y**2)), mass=4 * share)
    law = jf.Entropy() + jf.Interaction(jf.PowerLaw(0))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        flow = jf.evolve(law, start, dt=0.05, t_end=0.3)
    held = [float(state.values.max()) * grid.cell_volume / start.mass for state in flow.states]
    assert (max(held) > 0.2) == (share > 1)
    assert [one.category for one in told] == [jf.ConcentrationWarning] * (share > 1)
    assert all("of the mass" in str(one.message) for one in told)
