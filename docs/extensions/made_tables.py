"""Tables that are made from the code: what every solver takes, and what every status says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jkoflow as jf


def _subclasses(kind: type) -> list[type]:
    return [found for sub in kind.__subclasses__() for found in (sub, *_subclasses(sub))]


def solver_table() -> str:
    solvers = [solver for solver in _subclasses(jf.StepSolver) if solver.__name__ in jf.__all__]
    lines = ["| solver | solves | measures | forms |", "|---|---|---|---|"]
    for solver in sorted(solvers, key=lambda solver: solver.__name__):
        name = f"[`{solver.__name__}`](/reference/names/jkoflow.{solver.__name__}.rst)"
        measures = ", ".join(f"`{kind.__name__}`" for kind in solver.measures)
        solves = solver.solves.replace("|", "\\|")
        lines.append(f"| {name} | {solves} | {measures} | {', '.join(form.label for form in solver.takes)} |")
    return "\n".join(lines) + "\n"


def status_table() -> str:
    lines = ["| status | ok | what it says |", "|---|---|---|"]
    lines += [f"| `{status.name}` | {'yes' if status.ok else 'no'} | {status} |" for status in jf.Status]
    return "\n".join(lines) + "\n"


def make_tables(app: Any, config: Any) -> None:
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    for name, text in (("solver_table", solver_table()), ("status_table", status_table())):
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text() != text:
            path.write_text(text)


def setup(app: Any) -> dict[str, bool]:
    app.connect("config-inited", make_tables)
    return {"parallel_read_safe": True}
