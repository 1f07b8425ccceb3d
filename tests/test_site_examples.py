"""Examples of the reference run where they are pasted: the site puts the imports before them that they need."""

from __future__ import annotations

import doctest
import importlib
import inspect
import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import jkoflow as jf

sys.path.insert(0, str(Path(__file__).parents[1] / "docs" / "extensions"))
docstrings = importlib.import_module("docstrings")

NAMES = [f"jkoflow.{name}" for name in jf.__all__ if callable(getattr(jf, name))]
NAMES += [f"jkoflow.{part}.{name}" for part in docstrings.PARTS for name in importlib.import_module(f"jkoflow.{part}").__all__]


def _things(name):
    """What a page of the reference documents: the thing, and its own methods if it is a class."""
    module, _, last = name.rpartition(".")
    thing = getattr(importlib.import_module(module), last)
    yield name, thing
    if inspect.isclass(thing):
        for member in vars(thing):
            if not member.startswith("_") and (inspect.getdoc(getattr(thing, member)) or ""):
                yield f"{name}.{member}", getattr(thing, member)


@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs_in_an_empty_namespace(name):
    for full, thing in _things(name):
        text = inspect.getdoc(thing) or ""
        if ">>>" not in text:
            continue
        text = "\n".join(docstrings.with_imports(text.splitlines(), docstrings.module_of(full)))
        test = doctest.DocTestParser().get_doctest(text, {"__name__": "pasted"}, full, None, 0)
        runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE)
        with warnings.catch_warnings():
            assert runner.run(test).failed == 0, full
        plt.close("all")
