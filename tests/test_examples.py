"""Every example runs within its time, and ends in the number it is pinned to."""

import runpy
import time
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from .tables import EXAMPLES

FOLDER = Path(__file__).parents[1] / "examples"
BUDGET = 60.0  # seconds; each takes a few on two cores


def test_every_example_is_in_the_table():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name, capsys):
    began = time.perf_counter()
    space = runpy.run_path(str(FOLDER / f"{name}.py"))
    assert time.perf_counter() - began < BUDGET
    expected, room = EXAMPLES[name]
    assert abs(space["RESULT"] - expected) < room
    assert plt.get_fignums()
    plt.close("all")
