"""The house: floors, import time, documented names, snippets that run."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import re
import subprocess
import sys
import types
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import jkoflow as jf

ROOT = Path(__file__).parents[1]
NOTEBOOKS = {*(ROOT / "jkoflow" / "course" / "lessons").glob("lesson_*.py"), ROOT / "jkoflow" / "explore" / "app.py"}
SOURCES = sorted({*(ROOT / "jkoflow").rglob("*.py")} - NOTEBOOKS)
# From the ground up: a floor may import what lies below it. A folder counts with all that is in it, but for those of its
# modules and rooms that are named here too.
FLOORS = [
    {"_status", "_typing", "_frozen", "_version", "_threads", "_log"},
    {"_compiled", "_validate", "_arrays", "_blocks", "_functions"},
    {"linear", "pull_back", "kernels", "grids.convolution", "grids.poisson", "grids.resampling"},
    {"grids", "kernels.sums"},
    {"fields"},
    {"measures"},
    {"laws", "transport"},
    {"ordered", "clouds"},
    {"proximal.base", "closed_forms"},
    {"proximal.verification", "proximal.continuation"},
    {"proximal.grids", "proximal.line", "proximal.clouds"},
    {"proximal.grids.charges", "proximal.grids.conic"},
    {"proximal.grids.exact", "proximal.grids.entropic", "proximal.radial", "proximal.ordered"},
    {"proximal"},
    {"schemes", "steady_states"},
    {"trajectory"},
    {"stopping", "storage"},
    {"flow"},
    {"diagnostics", "study"},
    {"plot", "checks", "course", "explore"},
    {"command"},
    {"__main__", "__init__"},
]
UNITS = set().union(*FLOORS)
PACKAGES = sorted({".".join(path.relative_to(ROOT / "jkoflow").parts[:-1]) for path in SOURCES} - {""})
# Grid.density makes the measure that lives one floor up, because there is where people look for it.
EXCEPTIONS = {("grids", "measures")}


def _module(path: Path) -> str:
    """The dotted name of a file, without that of the package; of an __init__ that of its folder."""
    return ".".join(path.relative_to(ROOT / "jkoflow").with_suffix("").parts).removesuffix(".__init__")


def _unit(module: str) -> str:
    """The named module or folder that a module belongs to."""
    parts = module.split(".")
    return next(name for k in range(len(parts), 0, -1) if (name := ".".join(parts[:k])) in UNITS)


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
    tops = {unit.split(".")[0] for unit in UNITS}
    return {target for target in found if target.split(".")[0] in tops}  # the rest are names that users import too


def _floor(unit: str) -> int:
    return next(level for level, units in enumerate(FLOORS) if unit in units)


def _outward(path: Path) -> set[tuple[str, str]]:
    """The imports of a file that leave its unit, as pairs of units. The __init__ of a folder shows what its rooms hold."""
    module = _module(path)
    within = module + "." if path.name == "__init__.py" else "\0"
    return {(_unit(module), _unit(t)) for t in _imports(path) if not t.startswith(within) and _unit(t) != _unit(module)}


def test_every_unit_has_a_floor():
    assert {_unit(_module(path)) for path in SOURCES} == UNITS


def test_imports_point_down():
    upward = {pair for path in SOURCES for pair in _outward(path) if _floor(pair[1]) >= _floor(pair[0])}
    assert upward == EXCEPTIONS


def test_linear_methods_know_nothing_but_arrays():
    imported = {target for path in (ROOT / "jkoflow" / "linear").glob("*.py") for target in _imports(path)}
    assert {t for t in imported if not t.startswith("linear")} <= {"_typing", "_compiled"}


def test_private_modules_and_names_stay_in_their_package():
    """A leading underscore keeps a module, or a name, to the package it is in; those at the top are for all."""
    for path in SOURCES:
        for target in _imports(path):
            *package, name = target.split(".")
            if name.startswith("_") and package:
                assert _module(path).split(".")[: len(package)] == package, f"{path.name} imports {target}"
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level > 1:
                private = [alias.name for alias in node.names if alias.name.startswith("_") and node.module]
                assert not private, f"{path} imports {private} from another package"


def test_solvers_and_schemes_do_not_import_each_other():
    """What is public lives in files of its own: none of them imports another, apart from what they are made of."""
    for package in ("proximal", "schemes"):
        modules = {_module(path): path for path in (ROOT / "jkoflow" / package).rglob("*.py") if path.name != "__init__.py"}
        public = {type_.__module__.removeprefix("jkoflow.") for type_ in _public(package)}
        for name in public & set(modules):
            imported = _imports(modules[name]) & public - {name, f"{package}.base", "schemes.problem"}
            assert not imported, f"{name} imports its sibling {imported}"


def _public(package: str) -> list[type]:
    module = importlib.import_module(f"jkoflow.{package}")
    return [getattr(module, name) for name in module.__all__ if inspect.isclass(getattr(module, name))]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_imports_in_a_circle(package):
    """Neither its modules among one another nor its rooms, whatever they import from one another."""
    depth = len(package.split("."))
    graph: dict[str, set[str]] = {}
    for path in {*(ROOT / "jkoflow" / package.replace(".", "/")).rglob("*.py")} - NOTEBOOKS:
        if (member := _member(_module(path), depth)) is None:
            continue
        needs = {_member(t, depth) for t in _imports(path) if t.startswith(package + ".")}
        graph.setdefault(member, set()).update(need for need in needs if need not in (None, member))
    done: set[str] = set()
    while len(done) < len(graph):
        free = {name for name, needs in graph.items() if name not in done and needs <= done}
        assert free, f"a circle in {package}: { {name: graph[name] - done for name in set(graph) - done} }"
        done |= free


def _member(module: str, depth: int) -> str | None:
    """The module or room of a package, so many names deep, that a module is or lies in."""
    parts = module.split(".")
    return parts[depth] if len(parts) > depth else None


def test_no_folder_is_crowded():
    """About a dozen files are a room; more make several."""
    for package in ["", *PACKAGES]:
        files = [p for p in (ROOT / "jkoflow" / package.replace(".", "/")).glob("*.py") if p.name != "__init__.py"]
        assert len(files) <= 14, f"{package} holds {len(files)} files"


def test_files_are_small():
    lengths = sorted(len(path.read_text().splitlines()) for path in SOURCES)
    assert lengths[-1] <= 400
    assert lengths[len(lengths) // 2] <= 120


def test_import_leaves_the_heavy_libraries_alone():
    code = "import sys, jkoflow; print([m for m in ('cvxpy', 'matplotlib', 'ot', 'torch', 'numba', 'PIL') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


SUBMODULES = ("checks", "closed_forms", "diagnostics", "ordered", "plot")


def test_what_is_public_is_shown():
    """In dir(), which tab completion reads: of the package and of its submodules."""
    assert {*jf.__all__, "__version__"} <= set(dir(jf))
    assert set(SUBMODULES) <= set(dir(jf))
    for name in SUBMODULES:
        assert dir(getattr(jf, name)) == sorted(getattr(jf, name).__all__)


@pytest.mark.parametrize("module", [jf, *(getattr(jf, name) for name in SUBMODULES)], ids=lambda m: m.__name__)
def test_public_names_are_not_told_apart_by_capitals(module):
    names = [name.lower() for name in dir(module) if name != "steady"]  # beside the stopping rule Steady: both are known names
    assert len(names) == len(set(names))


def test_names_of_known_answers_are_found_at_the_top_too():
    assert jf.Barenblatt is jf.closed_forms.Barenblatt
    assert jf.WorldLines is jf.ordered.WorldLines


def test_no_function_carries_the_name_of_its_module():
    """So that the module and the function of a package can both be reached."""
    bodies = {path: ast.parse(path.read_text()).body for path in SOURCES}
    functions = {
        (path.stem.strip("_"), node.name) for path in SOURCES for node in bodies[path] if isinstance(node, ast.FunctionDef)
    }
    assert {module for module, name in functions if module == name} == set()


def test_nothing_is_asserted_on_seconds():
    """No test reads a clock."""
    for path in (ROOT / "tests").glob("*.py"):
        assert "time" not in {
            a.name for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Import) for a in n.names
        }


@pytest.mark.parametrize("name", jf.__all__)
def test_public_names_are_documented(name):
    thing = getattr(jf, name)
    assert inspect.getdoc(thing), name
    if inspect.isclass(thing):
        for attribute, member in vars(thing).items():
            if not attribute.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                assert inspect.getdoc(getattr(thing, attribute)), f"{name}.{attribute}"


PAGES = [
    "README.md",
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs").rglob("*.md") if "```python" in page.read_text()),
]
PAGES = [page for page in PAGES if not page.startswith(("docs/_build", "docs/gallery", "docs/reference", "docs/theory"))]


@pytest.mark.parametrize("page", PAGES)
def test_snippets_run(page, tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), flags=re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {"__name__": "snippets"}
    monkeypatch.setitem(sys.modules, "snippets", types.ModuleType("snippets"))
    for block in blocks:
        exec(compile(block, page, "exec"), space)
    plt.close("all")


def test_laws_of_the_table_of_equations_are_laws():
    text = (ROOT / "docs" / "equations.md").read_text()
    space: dict[str, object] = {}
    exec(re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)[0], space)
    rows = re.findall(r"^\| .*? \| `([^`]+)` \|[^|]*\| \[\]\(([\w./-]+)\) \|$", text, flags=re.MULTILINE)
    assert len(rows) >= 25
    for law, link in rows:
        assert isinstance(eval(law, space), jf.Law), law
        if link.startswith("gallery/"):
            assert (ROOT / "examples" / link.removeprefix("gallery/")).with_suffix(".py").exists(), link


def test_readme_opens_with_the_two_commands():
    head = (ROOT / "README.md").read_text()[:900]
    assert "make run" in head
    assert "make test" in head


WITH_NAMES = (jf.checks, jf.closed_forms, jf.diagnostics, jf.ordered, jf.plot, jf.study)
PUBLIC = [(jf, name) for name in jf.__all__ if callable(getattr(jf, name))]
PUBLIC += [(module, name) for module in WITH_NAMES for name in module.__all__]


def test_every_public_name_has_an_example():
    """On the site it is a page of its own; the doctests run the examples."""
    assert [name for module, name in PUBLIC if ">>>" not in (inspect.getdoc(getattr(module, name)) or "")] == []


def test_every_public_name_has_a_page_in_the_reference():
    path = ROOT / "docs" / "extensions" / "api_pages.py"
    spec = importlib.util.spec_from_file_location("api_pages", path)
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    listed = {name.removeprefix("jkoflow.") for names in pages.public_names().values() for name in names}
    assert set(jf.__all__) - set(pages.MODULES) <= listed
