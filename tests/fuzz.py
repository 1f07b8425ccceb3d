"""Random calls of what is public, with good and with odd arguments: what comes out must be an answer or words.

    python tests/fuzz.py [CASES] [SEED]        counts what comes out, also with another version of jkoflow on the path

A call is right if it returns, or raises ValueError (a FlowError in ``evolve``; KeyError for a name). Wrong are

* raw tracebacks: any other exception;
* silent NaN: a run that says ok, a distance, or an energy that is NaN.

Calls that last more than ``SECONDS`` are hangs.
"""

from __future__ import annotations

import inspect
import signal
import sys
import warnings
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import numpy as np

import jkoflow as jf

SECONDS = 60
LINE = jf.Grid.box((-1, 1), cells=12)
PLANE = jf.Grid.box((-1, 1), (0, 1), cells=(5, 4))
RHO = LINE.density(lambda x: 1 + 0.5 * x)
SHEET = PLANE.density(lambda x, y: 1 + x * y)
QUANTILES = jf.Quantiles(np.linspace(-1.0, 1.0, 9))
CLOUD = jf.Particles([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
POINTS = jf.Particles([0.0, 0.5, 1.0])
ORDERED = jf.OrderedParticles(x=[-1.0, 0.0], y=[0.5, 1.0])
SHELLS = jf.RadialQuantiles(np.linspace(0.0, 1.0, 6))
STATES = [RHO, SHEET, QUANTILES, CLOUD, POINTS, ORDERED, SHELLS, jf.Species(u=RHO, v=RHO), jf.Species(x=QUANTILES, y=QUANTILES)]
KERNELS = [jf.Quadratic(), jf.PowerLaw(1), jf.PowerLaw(3), jf.Gaussian(), jf.Morse(), jf.Newtonian(1), jf.Riesz(0.5)]
KERNELS.append(jf.CustomKernel(lambda *x: sum(c**2 for c in x), lambda *x: np.stack([2 * c for c in x])))
FUNCTIONS = [lambda *x: x[0] ** 2, lambda *x: 0.0 * x[0], lambda x: np.abs(x), lambda x, y: x + y]
LAWS = [
    jf.Entropy(),
    jf.RenyiEntropy(2),
    jf.Entropy() + jf.Potential(FUNCTIONS[0]),
    jf.Interaction(jf.Quadratic()),
    jf.Congestion(3.0),
    jf.Entropy("u") + jf.Entropy("v"),
    jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=1, v=-1),
    jf.newtonian_law(),
    jf.Potential(FUNCTIONS[0]),
    jf.Drift(jf.Quadratic(), moves="x", by="y"),
    jf.CrossInteraction(jf.Quadratic(), between=("x", "y")),
]
SCHEMES = [
    None,
    jf.JKO(),
    jf.BDF2(),
    jf.ImplicitMidpoint(),
    jf.SemiImplicitJKO(),
    jf.VariationalExtrapolation(),
    jf.Overdamped(),
    jf.Brezis(),
    jf.Adaptive(jf.JKO(), 0.1),
    jf.JKO(jf.Entropic()),
    jf.JKO(jf.QuantileNewton()),
]
NUMBERS = [0.5, 1, 2, 3, 1e-3, 0.1, np.float32(0.5), np.int64(2)]


def _raising(*x):
    raise TypeError("of the user")


ODD = [
    None,
    True,
    np.bool_(True),
    "a",
    "",
    b"x",
    float("nan"),
    float("inf"),
    -1,
    0,
    -0.5,
    1e308,
    1e-320,
    1j,
    np.complex64(1),
    np.uint8(200),
    Fraction(1, 2),
    Decimal("0.5"),
    object(),
    [],
    [1],
    {},
    (),
    np.array(1.0),
    np.zeros(3),
    np.zeros((3, 3)),
    np.array([np.nan, 1.0]),
    np.array(["a", "b"]),
    np.ma.masked_array([1.0, 2.0], [True, False]),
    np.datetime64("2020-01-01"),
    np.array([1, 2], dtype=object),
    np.array([], dtype=float),
    np.array([1 + 1j]),
    lambda *x: np.nan * x[0],
    lambda *x: "text",
    lambda *x: x,
    lambda: 1.0,
    _raising,
    lambda x: 1.0 if x < 0 else 2.0,
    lambda *x: x[0] * 1j,
    lambda *x: np.zeros(7),
    jf.Entropy(),
    RHO,
    CLOUD,
    jf.Quadratic(),
    LINE,
    range(3),
    "2020",
    {"u": 1.0},
    {"": -1.0},
    {"nobody": 1.0},
    10**400,
    [[0.0, 1.0], [1.0]],
    int,
    jf.Entropy,
    ...,
]
GOOD = {
    "grid": [LINE, PLANE],
    "values": [np.ones(12), np.ones((5, 4))],
    "solver": [None, jf.Entropic(), jf.BackAndForth(), jf.QuantileNewton()],
    "scheme": SCHEMES,
    "K": KERNELS,
    "W": KERNELS,
    "kernel": KERNELS,
    "between": [("x", "y"), ("u", "v")],
    "moves": ["x"],
    "by": ["y"],
    "species": ["", "x", "u"],
    "V": FUNCTIONS,
    "U": FUNCTIONS,
    "dU": FUNCTIONS,
    "value": FUNCTIONS,
    "slope": FUNCTIONS,
    "where": FUNCTIONS,
    "gradient": [None, *FUNCTIONS],
    "energy": LAWS,
    "law": LAWS,
    "state": STATES,
    "anchor": STATES,
    "a": STATES,
    "b": STATES,
    "points": [np.arange(3.0), np.ones((3, 2))],
    "nodes": [np.arange(4.0), np.linspace(0, 1, 6)],
    "masses": [None, np.ones(3)],
    "dim": [2, 3],
    "d": [1, 2, 3],
    "max_iterations": [50, 100],
    "memory": [5, 10],
    "layers": [2, 4],
    "debias": [True, False],
    "freeze_self": [True, False],
    "convexity": [1.0, -np.inf],
    "pointy": [False],
    "singular": [False],
    "mobility": [None, {}, {"u": 2.0}],
    "bounds": [((0, 1),), ((0, 1), (0, 2))],
    "shape": [(4,), (3, 4)],
    "walls": [None, (-5.0, 5.0)],
    "fields": [{}, {"s": [1.0]}],
    "time": [0.0, 1.0],
    "on_failure": ["raise", "return"],
    "stop": [()],
    "observe": [()],
    "progress": [False],
    "store": [None],
    "keep": [None, 2],
    "method": [None, "exact", "sinkhorn"],
    "blur": [None, 0.1],
    "order": [1, 2],
    "n": [2, 5],
    "mass": [1.0, 2.0],
    "parts": [((1.0, jf.Entropy()),)],
    "mobilities": [{}],
    "further": [()],
    "function": FUNCTIONS,
    "width": [None, 0.2],
    "charges": [{"u": 1, "v": -1}],
    "doping": [None, 0.0],
    "boundary": ["neumann", "dirichlet", "free-space"],
    "permittivity": [1.0],
    "measures": [{"u": RHO}],
    "start": [ORDERED, QUANTILES],
    "rates": [{}],
    "tolerance": [1e-6, 1e-3],
    "least_dt": [1e-9],
    "epsilon": [None, 0.05],
    "spacing": [(0.1,), (0.1, 0.1)],
    "cost": [np.ones((3, 3))],
    "reference": [np.ones(3) / 3],
    "levels": [[0.2, 0.5]],
    "x": [QUANTILES],
    "y": [QUANTILES],
    "continued": [False],
    "first": [(0.0, 1.0)],
    "second": [(0.0, 2.0)],
    "variation_of": FUNCTIONS,
    "subgradient": [None],
    "resolvent": [None],
    "cells": [6, (3, 4)],
}
SKIPPED = {
    "CycleWarning",
    "FreezingWarning",
    "Distance",
    "Energy",
    "EquilibriumState",
    "FlowError",
    "InternalEnergy",
    "Kernel",
    "Law",
    "Measure",
    "NewtonianStep",
    "PairEnergy",
    "Profile",
    "Problem",
    "ProxResult",
    "RadialKernel",
    "Scheme",
    "Status",
    "Step",
    "StepInfo",
    "StepSolver",
    "Taken",
    "Trajectory",
    "UnitMasses",
    "steps",
    "checks",
    "plot",
    "save",
    "to_xarray",
    "load",
    "open",
    "evolve",
    "newtonian_meeting",
    "newtonian_limit",
    "Combination",
}


def targets():
    """What is called, by name: constructors, functions and methods that make something."""
    found = {name: getattr(jf, name) for name in jf.__all__ if name not in SKIPPED}
    found |= {f"closed_forms.{name}": getattr(jf.closed_forms, name) for name in jf.closed_forms.__all__ if name not in SKIPPED}
    found = {name: thing for name, thing in found.items() if callable(thing) and not inspect.ismodule(thing)}
    found |= {"Grid.density": LINE.density, "Grid.sample": PLANE.sample, "Grid.solve_poisson": LINE.solve_poisson}
    if hasattr(jf.Particles, "density"):
        found["Particles.density"] = CLOUD.density
    return found


def _argument(rng, name, odd):
    if rng.random() < odd:
        return ODD[rng.integers(len(ODD))]
    choices = GOOD.get(name, NUMBERS)
    return choices[rng.integers(len(choices))]


def _call(rng, thing, odd):
    positional, named = [], {}
    for name, parameter in inspect.signature(thing).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        if parameter.default is not parameter.empty and rng.random() < 0.5:
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(_argument(rng, name, odd))
        else:
            named[name] = _argument(rng, name, odd)
    return thing(*positional, **named)


def _use(thing, rng):
    """Do with an answer what a user does next. Returns what is wrong with it, or None."""
    repr(thing)
    if isinstance(thing, jf.Kernel):
        thing(0.5)
    if isinstance(thing, jf.Law):
        hash(thing), thing == thing, thing + thing
        state = STATES[rng.integers(len(STATES))]
        if thing.has_energy and np.isnan(thing(state)):
            return "silent NaN"
    if isinstance(thing, jf.Distance) and np.isnan(float(thing)):
        return "silent NaN"
    if isinstance(thing, jf.Measure) and not np.isfinite(thing.mass):
        return "silent NaN"
    return None


def _run(rng):
    """A run of one or two steps."""
    options = {"law": None, "state": None, "scheme": None, "mobility": None, "dt": None, "t_end": None}
    if rng.random() < 0.3:
        options["on_failure"] = options["keep"] = options["stop"] = options["observe"] = None
    odd = rng.choice(list(options))
    given = {name: _argument(rng, name, 0.0) for name in options}
    given |= {"dt": 0.1, "t_end": [0.1, 0.2][rng.integers(2)], "on_failure": "return"}
    if rng.random() < 0.8:
        given[odd] = _argument(rng, odd, 1.0)
    if rng.random() < 0.3:
        given["law"] = jf.Entropy() + jf.Potential(ODD[rng.integers(len(ODD))])
    if "keep" in given and "keep" not in inspect.signature(jf.evolve).parameters:
        del given["keep"]
    if "observe" in given and "observe" not in inspect.signature(jf.evolve).parameters:
        del given["observe"]
    flow = jf.evolve(progress=False, **given)
    final = jf.Species.of(getattr(flow.final, "masses", flow.final) if type(flow.final).__name__ == "State" else flow.final)
    arrays = [getattr(measure, measure.moving) for measure in final.values()]
    return "silent NaN" if flow.ok and not all(np.isfinite(array).all() for array in arrays) else None


class Hang(BaseException):
    """A call that lasted too long."""


def _too_long(number, frame):
    raise Hang


def count(cases, seed):
    """How many calls came to what, and the first examples of what is wrong."""
    everything, results, wrong = targets(), Counter(), []
    names = list(everything)
    old = signal.signal(signal.SIGALRM, _too_long)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            for case in range(cases):
                rng = np.random.default_rng([seed, case])
                name = "evolve" if case % 4 == 0 else names[rng.integers(len(names))]
                signal.alarm(SECONDS)
                try:
                    result = _run(rng) if name == "evolve" else _use(_call(rng, everything[name], 0.35), rng)
                    result = result or "answer"
                except (ValueError, jf.FlowError) as reason:
                    result = "words" if str(reason) else "empty message"
                except Hang:
                    result = "hang"
                    wrong.append((case, name, f"no answer within {SECONDS} s"))
                except Exception as reason:
                    result = "raw traceback"
                    wrong.append((case, name, f"{type(reason).__name__}: {str(reason)[:150]}"))
                else:
                    if result != "answer":
                        wrong.append((case, name, result))
                finally:
                    signal.alarm(0)
                results[result] += 1
    finally:
        signal.signal(signal.SIGALRM, old)
    return results, wrong


if __name__ == "__main__":
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    results, wrong = count(cases, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    print(dict(results))
    for (name, text), number in Counter((name, text) for _, name, text in wrong).most_common(40):
        print(number, name, text)
