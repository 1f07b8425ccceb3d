"""Exercises of the lesson on chemotaxis."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import jkoflow as jf

from ..exercise import Exercise, defined

_RHO, _WAVES = 1.0, (1, 2, 3)


def _check_rate(names: dict[str, Any]) -> None:
    rate = defined(names, "rate")
    for k, rho, eta, D, d, kappa in (
        (2.0, 1.0, 0.5, 0.2, 0.1, 0.5),
        (1.0, 3.0, 0.2, 1.0, 0.5, 0.0),
        (4.0, 1.0, 0.3, 0.2, 0.1, 0.5),
        (1.5, 2.0, -1.0, 0.3, 0.1, 0.2),
    ):
        with np.errstate(all="ignore"):
            found = rate(k, rho, eta, D, d, kappa)
        what = f"for k = {k:g}, rho = {rho:g}, eta = {eta:g}, D = {D:g}, d = {d:g}, kappa = {kappa:g}"
        assert found is not None, "rate returns nothing yet"
        assert np.ndim(found) == 0, "rate must return one number"
        real = np.isrealobj(found) and np.isfinite(found)
        assert real, f"{what} rate must return a real number, got {found}: take the real part of the roots"
        expected = np.linalg.eigvals([[-D * k**2, eta * rho * k**2], [1.0, -kappa - d * k**2]]).real.max()
        assert np.isclose(found, expected, rtol=1e-6), f"{what} the rate is {expected:.4f}, not {float(found):.4f}"


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
        "the rate of a wave",
        r"Write `rate(k, rho, eta, D, d, kappa)`, the rate at which a wave of wave number $k$ on the uniform density "
        r"`rho` grows in the long "
        r"run: the largest real part of the roots $r$ of $(r + D k^2)(r + \kappa + d k^2) = \eta \rho k^2$. A negative "
        r"`eta` repels; then the "
        "roots may be complex.",
        "def rate(k, rho, eta, D, d, kappa):\n    return None\n",
        _check_rate,
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
