"""Pages of the reference: one for each subject, which lists every public name. They are made before Sphinx reads."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import jkoflow

# A name belongs to the subject of the package that defines it.
SUBJECTS = {
    "runs": (
        "Runs",
        "Start a flow, follow it, stop it, keep it.",
        ["flow", "trajectory", "stopping", "storage", "_status", "clouds"],
    ),
    "measures": ("Measures and states", "How mass is held.", ["measures", "grids"]),
    "laws": ("Energies and laws", "What drives a flow.", ["laws"]),
    "kernels": ("Kernels", "Functions of a displacement, for interactions.", ["kernels"]),
    "fields": ("Fields", "Functions of space without mass, and the profiles of what secretes them.", ["fields"]),
    "schemes": ("Time schemes", "How time is cut.", ["schemes"]),
    "solvers": ("Solvers of a step", "How one step is solved.", ["proximal"]),
    "steady": ("Steady states", "Where driven flows end.", ["steady_states"]),
    "transport": ("Distances and transport", "Wasserstein distances, maps and plans.", ["transport", "pull_back"]),
}
MODULES = {
    "closed_forms": ("Closed forms", "Known flows, distances and steady states."),
    "diagnostics": ("Diagnostics", "What a run is asked: quantities, identities and inequalities."),
    "plot": ("Pictures", "Each returns a matplotlib figure."),
    "ordered": ("Ordered particles", "Exact flows of ordered particles on the line."),
    "study": ("Many runs", "Sweeps, orders and rates."),
    "checks": ("Checks", "The laws that your own parts must obey."),
}


def public_names() -> dict[str, list[str]]:
    """By subject, the full names of all that is public."""
    names: dict[str, list[str]] = {subject: [] for subject in SUBJECTS}
    for name in jkoflow.__all__:
        if name not in MODULES:
            names[_subject(getattr(jkoflow, name))].append(f"jkoflow.{name}")
    for module in MODULES:
        names[module] = [f"jkoflow.{module}.{name}" for name in importlib.import_module(f"jkoflow.{module}").__all__]
    return names


def _subject(thing: Any) -> str:
    package = inspect.getmodule(thing).__name__.split(".")[1]
    return next(subject for subject, (_, _, packages) in SUBJECTS.items() if package in packages)


def _write(path: Path, text: str) -> None:
    """Write a page only if it changed, so that Sphinx does not read it again."""
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def make_pages(app: Any, config: Any) -> None:
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    titles = {subject: entry[:2] for subject, entry in SUBJECTS.items()} | MODULES
    for subject, names in public_names().items():
        title, sentence = titles[subject]
        module = f"jkoflow.{subject}" if subject in MODULES else "jkoflow"
        short = [name.removeprefix(f"{module}.") for name in names]
        lines = [title, "=" * len(title), "", sentence, "", f".. currentmodule:: {module}", ""]
        lines += [".. autosummary::", "   :toctree: names", "   :nosignatures:", "", *(f"   {name}" for name in short), ""]
        _write(folder / f"{subject}.rst", "\n".join(lines))
    _write(
        folder / "index.md",
        "# API\n\nEvery public name, by subject. `import jkoflow as jf` brings most of them; the last six subjects are "
        "submodules, such as `jf.plot`. Arrays are numpy arrays of float64. [Types](../types.md) spells out the names in "
        "signatures.\n\n```{toctree}\n:maxdepth: 1\n\n" + "\n".join(titles) + "\n../types\n```\n",
    )


def setup(app: Any) -> dict[str, bool]:
    app.connect("config-inited", make_pages)  # before autosummary looks for pages
    return {"parallel_read_safe": True}
