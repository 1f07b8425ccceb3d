"""Exercises of the lesson on particles."""

from __future__ import annotations

from typing import Any

import numpy as np

import jkoflow as jf

from ..exercise import Exercise, defined


def _check_atoms(names: dict[str, Any]) -> None:
    atoms = defined(names, "atoms")
    rng = np.random.default_rng(10)
    for n in (*rng.integers(2, 40, 4).tolist(), 1):
        found = atoms(n)
        assert found is not None, "atoms returns nothing yet"
        assert np.shape(found) == (n,), f"atoms({n}) must be an array of {n} places"
        places = np.unique(np.asarray(found, dtype=float))
        assert len(places) == n, "two atoms are at the same place"
        # the mean of (s^(1/2) - a)^2 over the levels s of a piece is that of s, less 2 a times that of s^(1/2), plus a^2
        means = np.diff(n * (np.arange(n + 1) / n) ** 1.5 * 2 / 3)
        distance, least = (np.sqrt(0.5 + np.mean(at**2 - 2 * at * means)) for at in (places, means))
        assert distance < least * (1 + 1e-9), (
            f"for n = {n} the distance is {distance:.6f}, and {least:.6f} can be reached: where is the mean of "
            "(x - a)^2 over one nth of the mass least?"
        )


def _check_slowest(names: dict[str, Any]) -> None:
    slowest = defined(names, "slowest")
    for epsilon, k in ((0.1, 1.0), (0.01, 3.0), (1.0, 1.0), (0.5, 4.0), (0.25, 1.0)):
        found = slowest(epsilon, k)
        assert found is not None, "slowest returns nothing yet"
        assert np.ndim(found) == 0, "slowest must return one number"
        real = np.isrealobj(found) and np.isfinite(found)
        assert real, f"slowest must return a real number, got {found}: take the real part of the roots"
        roots = np.linalg.eigvals([[0.0, 1.0], [-k / epsilon, -1 / epsilon]])
        expected = -roots.real.max()
        which = "they oscillate" if 4 * epsilon * k > 1 else "there are two rates, and the slower one is left at last"
        assert np.isclose(found, expected, rtol=1e-6), f"for epsilon = {epsilon:g} and k = {k:g} it is not {found:.4g}: {which}"


def _check_law(names: dict[str, Any]) -> None:
    law = names.get("law")
    assert law is not None, "there is no law yet"
    assert isinstance(law, jf.Law), "law must be a sum of terms of jkoflow"
    rng = np.random.default_rng(9)
    for wind in ([1.0, 0.0], [-0.5, 2.0]):
        start = jf.MovingParticles(rng.normal(size=(12, 2)), rng.normal(wind, 1.0, size=(12, 2)))
        flow = jf.evolve(law, start, scheme=jf.Inertial(), dt=0.01, t_end=1.0)
        moved = float(np.abs(flow.final.mean_velocity - start.mean_velocity).max())
        assert moved < 1e-6, f"the mean velocity must not change, it moves by {moved:.2g}"
        for k in (50, 100):
            rate = -np.log(flow[k].velocity_spread / start.velocity_spread) / flow.times[k]
            assert abs(rate - 2) < 0.01, f"up to t = {flow.times[k]:g} the spread falls with the rate {rate:.3f}, not 2"


EXERCISES = (
    Exercise(
        "the best atoms",
        "Write `atoms(n)`: the `n` places at which atoms of mass $1/n$ are nearest, in $W_2$, to the law with the density "
        "$2 x$ on $(0, 1)$.",
        "def atoms(n):\n    return (np.arange(n) + 0.5) / n\n",
        _check_atoms,
    ),
    Exercise(
        "how fast does it come to rest?",
        r"A particle solves $\varepsilon x'' + x' + k x = 0$ with $\varepsilon, k > 0$. In the long run $|x|$ falls "
        r"like $e^{-r t}$, "
        "apart from oscillations and powers of $t$. Write `slowest(epsilon, k)`, which returns $r$.",
        "def slowest(epsilon, k):\n    return None\n",
        _check_slowest,
    ),
    Exercise(
        "a flock by design",
        "Find a `law` of jkoflow for `MovingParticles` of mass 1 in the plane, under Newton's equations, "
        "`jf.Inertial()`. The spread of the velocities shall fall like $e^{-2 t}$ from every start, and the mean "
        "velocity shall not change.",
        "law = jf.Friction(2.0)\n",
        _check_law,
    ),
)
