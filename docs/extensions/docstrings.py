"""Docstrings are written for people who read them in a terminal. Here they become reStructuredText."""

from __future__ import annotations

import ast
import builtins
import doctest
import importlib
import inspect
import re
import types
from pathlib import Path
from typing import Any

import jkoflow

LITERAL = re.compile(r"(``.+?``|:\w+:`[^`]+`|`[^`]+`_?)")
PARTS = ("checks", "closed_forms", "diagnostics", "ordered", "plot", "study")  # public submodules
PAGE = re.compile(r"\bdocs/((?:theory/)?[\w-]+)\.md\b")


def escaped(line: str) -> str:
    """A line of text in which no sign has a meaning, except literals and the mark of a list."""
    mark = re.match(r"\s*(\*|-|\d+\.) ", line)
    start, rest = (line[: mark.end()], line[mark.end() :]) if mark else ("", line)
    parts = LITERAL.split(rest)
    for k in range(0, len(parts), 2):
        parts[k] = re.sub(r"([*|\\])", r"\\\1", parts[k])
        parts[k] = re.sub(r"(\w)_(?=[^\w]|$)", r"\1\\_", parts[k])
    return PAGE.sub(r":doc:`\1 </\1>`", start + "".join(parts))


def as_restructured_text(lines: list[str]) -> list[str]:
    """The lines of a docstring, with formulas that stand alone as literal blocks and signs without meaning in the text."""
    out: list[str] = []
    indent, after_blank, formula, example = 0, True, -1, False
    for line in lines:
        width = len(line) - len(line.lstrip())
        if not line.strip():
            after_blank, example = True, False
            out.append(line)
            continue
        if formula >= 0 and width < formula:
            formula = -1
        example = example or line.lstrip().startswith(">>>")
        if formula < 0 and not example and after_blank and width >= indent + 4 and out:
            out += [" " * indent + ".. code-block:: text", ""]
            formula = width
        out.append(line if formula >= 0 or example else escaped(line))
        if formula < 0:
            indent = width
        after_blank = False
    return out


def process(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = with_ends_of_sections(as_restructured_text(with_imports(lines, module_of(name))))


def names_needed(code: str) -> list[str]:
    """The names that a piece of code takes from its module, in their order."""
    tree = ast.parse(code)
    given = set(dir(builtins)) | {"_"}
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Store()):
                given.add(node.id)
            case ast.FunctionDef() | ast.ClassDef():
                given.add(node.name)
            case ast.arg():
                given.add(node.arg)
            case ast.alias():
                given.add(node.asname or node.name.split(".")[0])
            case ast.ExceptHandler(name=str()):
                given.add(node.name)
    loaded = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    return [
        name
        for name in dict.fromkeys(loaded)
        if name not in given or (name == "open" and "open(" in code and "jf.open" not in code)
    ]


def import_of(name: str, module: types.ModuleType) -> str:
    """The line that imports a name of a module as a user would."""
    if name in ("np", "plt"):
        return {"np": "import numpy as np", "plt": "import matplotlib.pyplot as plt"}[name]
    value = getattr(module, name)
    if isinstance(value, types.ModuleType):
        return f"import {value.__name__}" if value.__name__ == name else f"import {value.__name__} as {name}"
    for place in ("jkoflow", *(f"jkoflow.{part}" for part in PARTS)):
        if getattr(importlib.import_module(place), name, None) is value and name in importlib.import_module(place).__all__:
            return f"from {place} import {name}"
    constants = (place for place in ("math", "numpy") if hasattr(importlib.import_module(place), name))
    home = getattr(value, "__module__", None) or next(constants)
    return f"from {home} import {name}"


def with_imports(lines: list[str], module: types.ModuleType) -> list[str]:
    """The lines, with what the examples need imported before the first of them, so that they run where they are pasted."""
    first = next((k for k, line in enumerate(lines) if line.lstrip().startswith(">>> ")), None)
    if first is None:
        return lines
    examples = doctest.DocTestParser().get_examples("\n".join(lines))
    needed = names_needed("".join(example.source for example in examples))
    indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
    imports = dict.fromkeys(import_of(name, module) for name in needed)
    return [*lines[:first], *(f"{indent}>>> {line}" for line in imports), *lines[first:]]


def module_of(name: str) -> types.ModuleType:
    """The module in which the thing of a documented name is defined."""
    thing: Any = jkoflow
    for part in name.split(".")[1:]:
        member = inspect.getattr_static(thing, part, None)
        if isinstance(member, property | types.FunctionType | classmethod | staticmethod) and inspect.isclass(thing):
            owner = next(base for base in thing.__mro__ if part in vars(base))
            return importlib.import_module(owner.__module__)
        if member is None and not hasattr(thing, part):
            break
        thing = getattr(thing, part)
    return inspect.getmodule(thing) or jkoflow


def with_ends_of_sections(lines: list[str]) -> list[str]:
    """The lines, with two blank ones before the text behind a section of parameters: for napoleon that ends the section."""
    out: list[str] = []
    inside = False
    for k, line in enumerate(lines):
        following = lines[k + 1] if k + 1 < len(lines) else ""
        if line and set(line) == {"-"}:
            inside = True
        elif inside and line and not line.startswith(" ") and not following.startswith((" ", "---")) and not out[-1]:
            inside = False
            out.append("")
        out.append(line)
    return out


def link_pages(app: Any, docname: str, source: list[str]) -> None:
    """In entries of the gallery, the path of a page becomes a link."""
    if docname.startswith("gallery/"):
        source[0] = PAGE.sub(r":doc:`\1 </\1>`", source[0])


ALIAS = re.compile(
    r'<span class="pre">TypeAliasForwardRef</span><span class="p"><span class="pre">\(</span></span>'
    r'<span class="s"><span class="pre">\'(\w+)\'</span></span><span class="p"><span class="pre">\)</span></span>'
)


def name_aliases(app: Any, error: Exception | None) -> None:
    """Show an alias of types by its name, which types.md spells out."""
    if error is None and app.builder.format == "html":
        for page in (Path(app.outdir) / "reference" / "names").glob("*.html"):
            text = page.read_text(encoding="utf-8")
            if "TypeAliasForwardRef" in text:
                named = ALIAS.sub(r'<span class="pre">\1</span>', text)
                page.write_text(re.sub(r"TypeAliasForwardRef\('(\w+)'\)", r"\1", named), encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", process, priority=400)  # before napoleon
    app.connect("source-read", link_pages)
    app.connect("build-finished", name_aliases)
    return {"parallel_read_safe": True}
