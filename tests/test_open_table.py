"""The table of runs in the docs is what the runs say: each is solved, or refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from .open_table import COLUMNS, ROWS, entry

DOCS = Path(__file__).parents[1] / "docs" / "solvers.md"


@pytest.mark.parametrize("row", ROWS)
def test_every_run_is_solved_or_refused_as_the_docs_say(row):
    head = "| | " + " | ".join(COLUMNS) + " |"
    text = DOCS.read_text()
    assert head in text
    line = next(line for line in text[text.index(head) :].splitlines() if line.startswith(f"| {row} |"))
    assert line == f"| {row} | " + " | ".join(entry(row, column) for column in COLUMNS) + " |"
