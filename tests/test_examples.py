"""Every example runs, and ends in the number it is pinned to."""

import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from .tables import EXAMPLES, SLOW_EXAMPLES, cases

FOLDER = Path(__file__).parents[1] / "examples"


def test_every_example_is_in_the_table():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(EXAMPLES)


@pytest.mark.parametrize("name", cases(EXAMPLES, SLOW_EXAMPLES))
def test_example(name, capsys):
    space = runpy.run_path(str(FOLDER / f"{name}.py"))
    expected, room = EXAMPLES[name]
    assert abs(space["RESULT"] - expected) < room
    assert plt.get_fignums()
    plt.close("all")
