"""Every example runs, and ends in the number it is pinned to."""

import re
import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.animation import Animation

import jkoflow as jf

from .tables import EXAMPLES, SLOW_EXAMPLES, cases

FOLDER = Path(__file__).parents[1] / "examples"


def test_every_example_is_in_the_table():
    assert {path.stem for path in FOLDER.rglob("plot_*.py")} == set(EXAMPLES)


@pytest.mark.parametrize("name", cases(EXAMPLES, SLOW_EXAMPLES))
def test_example(name, capsys):
    space = runpy.run_path(str(next(FOLDER.rglob(f"{name}.py"))))
    expected, room = EXAMPLES[name]
    assert abs(space["RESULT"] - expected) < room
    assert plt.get_fignums()
    plt.close("all")
    for value in space.values():
        if isinstance(value, jf.Trajectory):
            _accounts_hold(value)
        if isinstance(value, Animation):
            value._draw_was_started = True  # the site renders it


def _accounts_hold(flow):
    """In every step of every species that does not grow: no density is negative, and what is gone went through a door."""
    for name in flow.species:
        own = flow[name] if len(flow.species) > 1 else flow
        if isinstance(own[0], jf.Density):
            assert min(state.values.min() for state in own) >= 0
        if not re.search(rf"Growth\([^)]*'{name}'\)" if name else "Growth", flow.law):
            gone = sum(own.outflow.values(), np.zeros(len(own) - 1))
            most = max(own.masses.max(), np.abs(gone).sum())
            np.testing.assert_allclose(np.diff(own.masses) + gone, 0, atol=1e-12 * most)
