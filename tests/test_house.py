"""The house: floors, import time, documented names, snippets that run."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import jkoflow as jf

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "jkoflow").rglob("*.py"))
FLOORS = [
    {"_status", "_typing"},
    {"_validate"},
    {"_convolution"},
    {"grids", "kernels"},
    {"measures"},
    {"energies", "transport", "pull_back"},
    {"ordered", "clouds"},
    {"proximal", "closed_forms"},
    {"schemes"},
    {"trajectory"},
    {"stopping", "storage", "_clock"},
    {"flow"},
    {"diagnostics"},
    {"plot", "checks"},
    {"command"},
    {"__main__", "__init__"},
]
# Grid.density makes the measure that lives one floor up, because there is where people look for it.
EXCEPTIONS = {("grids", "measures")}


def _unit(path: Path) -> str:
    """The module or package of jkoflow that a file belongs to."""
    return path.relative_to(ROOT / "jkoflow").with_suffix("").parts[0]


def _imports(path: Path) -> set[str]:
    """Every module of jkoflow that a file imports, as dotted names without the package, at any depth of the code."""
    here = list(path.relative_to(ROOT / "jkoflow").with_suffix("").parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level > 0:
            base = here[: len(here) - node.level]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {".".join([*base, name]) for name in names if name}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "jkoflow":
            found |= {f"{node.module}.{alias.name}".removeprefix("jkoflow.") for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("jkoflow.") for a in node.names if a.name.startswith("jkoflow.")}
    return found


def _floor(unit: str) -> int:
    return next(level for level, units in enumerate(FLOORS) if unit in units)


def test_every_unit_has_a_floor():
    assert {_unit(path) for path in SOURCES} == set().union(*FLOORS)


def test_imports_point_down():
    upward = {
        (_unit(path), target.split(".")[0])
        for path in SOURCES
        for target in _imports(path)
        if target.split(".")[0] != _unit(path) and _floor(target.split(".")[0]) >= _floor(_unit(path))
    }
    assert upward == EXCEPTIONS


def test_solvers_and_schemes_do_not_import_each_other():
    for package in ("proximal", "schemes"):
        public = {p.stem for p in (ROOT / "jkoflow" / package).glob("*.py") if not p.stem.startswith("_")} - {"base"}
        for name in public:
            imported = {
                t.split(".")[1] for t in _imports(ROOT / "jkoflow" / package / f"{name}.py") if t.startswith(package + ".")
            }
            assert not imported & public, f"{package}/{name}.py imports its sibling {imported & public}"


def test_no_package_imports_in_a_circle():
    for package in ("kernels", "measures", "energies", "transport", "pull_back", "proximal", "schemes"):
        graph = {
            p.stem: {t.split(".")[1] for t in _imports(p) if t.startswith(package + ".")}
            for p in (ROOT / "jkoflow" / package).glob("*.py")
        }
        done: set[str] = set()
        while len(done) < len(graph):
            free = {name for name, needs in graph.items() if name not in done and needs <= done}
            assert free, f"a circle in {package}: {set(graph) - done}"
            done |= free


def test_files_are_small():
    lengths = sorted(len(path.read_text().splitlines()) for path in SOURCES)
    assert lengths[-1] <= 400
    assert lengths[len(lengths) // 2] <= 120


def test_import_leaves_the_heavy_libraries_alone():
    code = "import sys, jkoflow; print([m for m in ('cvxpy', 'matplotlib', 'ot', 'torch', 'numba', 'PIL') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


@pytest.mark.parametrize("name", jf.__all__)
def test_public_names_are_documented(name):
    thing = getattr(jf, name)
    assert inspect.getdoc(thing), name
    if inspect.isclass(thing):
        for attribute, member in vars(thing).items():
            if not attribute.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                assert inspect.getdoc(getattr(thing, attribute)), f"{name}.{attribute}"


def test_readme_snippets_run():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    assert blocks
    space: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), space)


def test_readme_opens_with_the_two_commands():
    head = (ROOT / "README.md").read_text()[:900]
    assert "make run" in head
    assert "make test" in head
