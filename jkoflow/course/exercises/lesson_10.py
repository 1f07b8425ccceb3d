"""Exercises of the lesson on chemotaxis."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import jkoflow as jf

from ..exercise import Exercise, defined, number

_RHO, _WAVES = 1.0, (1, 2, 3)


def _check_length(names: dict[str, Any]) -> None:
    critical_length = defined(names, "critical_length")
    rng = np.random.default_rng(12)
    for kind in ("strong", "strong", "weak", "lasting", "repelling", "strong"):
        rho, D, d = rng.uniform(0.3, 3.0, 3)
        kappa = 0.0 if kind == "lasting" else rng.uniform(0.2, 2.0)
        share = {"weak": 0.8, "lasting": 0.7, "repelling": -1.5}.get(kind, rng.uniform(1.2, 4.0))
        eta = share * D * (kappa or 1.0) / rho
        with np.errstate(all="ignore"):
            found = number(critical_length(rho, eta, D, d, kappa), "critical_length")
        what = f"for rho = {rho:.3g}, eta = {eta:.3g}, D = {D:.3g}, d = {d:.3g}, kappa = {kappa:.3g}"

        def grows(length: float, numbers: tuple[float, ...] = (rho, eta, D, d, kappa)) -> bool:
            rho, eta, D, d, kappa = numbers
            squares = [(2 * np.pi * n / length) ** 2 for n in range(1, 6)]
            matrices = [[[-D * q, eta * rho * q], [1.0, -kappa - d * q]] for q in squares]
            return bool(np.linalg.eigvals(matrices).real.max() > 0)

        if not grows(1e4):
            assert found == np.inf, f"{what} no wave grows, whatever the length: the answer is np.inf, not {found:.4g}"
            continue
        assert np.isfinite(found), f"{what} a wave grows on a long circle: the answer is a length, not {found}"
        assert found > 0, f"{what} a length is positive, not {found:.4g}"
        assert not grows(found * (1 - 1e-6)), f"{what} a wave grows on a circle that is shorter than {found:.4g}"
        assert grows(found * (1 + 1e-6)), (
            f"{what} no wave grows on a circle a little longer than {found:.4g}: the longest wave has one period on it"
        )


def _check_lifetime(names: dict[str, Any]) -> None:
    lifetime = defined(names, "lifetime")
    for units, q, expected in ((2, 1.0, 0.25), (1.5, 2.0, 1.0), (3, 4.0, 0.5), (0.5, 1.0, np.inf), (1, 3.0, np.inf)):
        with np.errstate(all="ignore"):
            found = lifetime(8 * np.pi * units, q)
        assert found is not None, "lifetime returns nothing yet"
        what = f"for the mass {units:g} times 8 pi and q = {q:g}"
        if np.isinf(expected):
            assert found == np.inf, f"{what} the virial sets no end: the answer is np.inf, not {found}"
        assert np.isclose(found, expected), f"{what} the latest time is {expected:g}, not {float(found):.4g}"


def _check_pattern(names: dict[str, Any]) -> None:
    law = names.get("law")
    assert law is not None, "there is no law yet"
    assert isinstance(law, jf.Law), "law must be a sum of terms of jkoflow"
    assert law.field_names == ("c",), 'the law needs the field "c" and no other'
    circle = jf.Grid.torus((0, 2 * np.pi), cells=48)
    scheme = jf.JKO() if law.symmetrizable() is not None else jf.Alternating()
    for k in _WAVES:
        wave = np.cos(k * circle.axes[0])
        rho = circle.density(lambda x, k=k: 1 + 1e-4 * np.cos(k * x), mass=2 * np.pi * _RHO)
        start = jf.State(jf.Species.of(rho), {"c": jf.Field(circle, 1.0 + 1e-4 * wave)})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", jf.ConcentrationWarning)
            flow = jf.evolve(law, start, scheme=scheme, dt=0.5, t_end=8.0)
        sizes = [abs(float(state.masses[""].values @ wave)) for state in flow[8:]]
        if k == 1:
            assert np.all(np.diff(sizes) > 0), "the wave of k = 1 dies: more attraction is needed"
        else:
            assert sizes[-1] < sizes[0], f"the wave of k = {k} grows too: that is too much attraction"


EXERCISES = (
    Exercise(
        "the critical length of a circle",
        r"Cells and signal live on a circle of the length $L$, so the wave numbers are $2 \pi n / L$ with $n = 1, 2, \dots$ "
        "Write `critical_length(rho, eta, D, d, kappa)`, the length beyond which the uniform state of the density `rho` is "
        "unstable. If it is stable for every length, return `np.inf`. A negative `eta` repels.",
        "def critical_length(rho, eta, D, d, kappa):\n    return None\n",
        _check_length,
    ),
    Exercise(
        "the end of a solution",
        r"In the plane, with $D = \eta = 1$ and a fast signal, $q' = 4 (1 - M / 8 \pi)$ for the mean $q$ of $|x|^2$. Write "
        "`lifetime(mass, q)`, the time that no smooth solution reaches by this law, from the value `q` at time 0; "
        "`np.inf` if there is no such time.",
        "def lifetime(mass, q):\n    return None\n",
        _check_lifetime,
    ),
    Exercise(
        "one heap on a circle",
        r"On the circle of length $2 \pi$ with the density 1, find a `law` under which the wave of $k = 1$ grows, and "
        r"those of $k = 2$ and "
        r"$k = 3$ die. Start from the law below: it has $D = 0.2$, $d = 0.1$ and $\kappa = 0.5$, and too much attraction.",
        'law = 0.2 * jf.Entropy() + jf.FieldEnergy("c", diffusion=0.1, decay=0.5) + jf.Secretion() + jf.Chemotaxis(1.0)\n',
        _check_pattern,
    ),
)
