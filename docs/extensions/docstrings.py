"""Docstrings are written for people who read them in a terminal. Here they become reStructuredText."""

from __future__ import annotations

import re
from typing import Any

LITERAL = re.compile(r"(``.+?``|:\w+:`[^`]+`|`[^`]+`_?)")
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
    lines[:] = with_ends_of_sections(as_restructured_text(lines))


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


def setup(app: Any) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", process, priority=400)  # before napoleon
    app.connect("source-read", link_pages)
    return {"parallel_read_safe": True}
