"""The pages of docs/theory: every citation of a page, test or paper, and every link, leads to something that exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from jkoflow.trajectory.citations import _SCHEMES, _SOLVERS, _TERMS

ROOT = Path(__file__).parents[1]
THEORY = ROOT / "docs" / "theory"
PAGES = sorted(THEORY.glob("*.md"))
TEXT = {".py", ".md", ".txt", ".toml", ".cff", ".bib", ".yml", ".yaml", ".sh", ""}
GENERATED = {"out", "build", "dist", "gallery", "_build", "__pycache__"}

# A citation is a path of a page and, behind a comma, the places on the page: sections or labels of cases.
NUMBER, LABEL = r"\d+(?:\.\d+)*", r"T\d+[a-z]?\b"
BETWEEN = r"(?:,\s+and\s+|,\s+|\s+and\s+|\s+or\s+|\s+to\s+)"
GROUP = rf"(?:section\s+{NUMBER}|sections\s+{NUMBER}(?:{BETWEEN}{NUMBER})*|(?:cases?\s+)?{LABEL}(?:{BETWEEN}{LABEL})*)"
CITATION = re.compile(rf"(?:docs/)?theory/(?P<page>[\w-]+)\.md[`)]*(?:,\s+(?P<places>{GROUP}(?:{BETWEEN}{GROUP})*))?")
NEIGHBOUR = re.compile(CITATION.pattern.replace(r"(?:docs/)?theory/", r"\]\("))  # a link of one page to another
UNREAD = re.compile(r"[\s,;:(]*(?:sections?\b|cases?\s+T\d|T\d|§)")  # what a citation may not be followed by
RANGE = re.compile(rf"({NUMBER}|{LABEL})\s+to\s+({NUMBER}|{LABEL})")
KEY = r"[A-Z][A-Za-z]+\d{4}[a-z]?"
KEYS = re.compile(rf"\[({KEY}(?:[,;][^\]]*)?)\]")
ENTRY = re.compile(r"^@\w+\{([^,\s]+),(.*?)^\}", re.MULTILINE | re.DOTALL)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _text_files(*tops: Path) -> Iterator[Path]:
    """The text files at and below some paths, except hidden ones and those that are made by running something."""
    for top in tops:
        if top.is_file():
            yield from [top] if top.suffix in TEXT else []
        else:
            yield from _text_files(*sorted(path for path in top.iterdir() if not _is_passed_over(path)))


def _is_passed_over(path: Path) -> bool:
    """True for environments such as .venv, for caches, for what git keeps, and for what is made."""
    return path.is_symlink() or path.name in GENERATED or path.name.startswith(".") or path.name.endswith(".egg-info")


def _one_line(text: str) -> str:
    """The text with its lines joined: the indentation and the comment sign of a continued line go."""
    return re.sub(r"[ \t]*\n[ \t]*(?:#(?!#)[ \t]?)?", " ", text)


def _places(page: Path) -> set[str]:
    """The section numbers and case labels with which the headings of a page start."""
    return set(re.findall(rf"^#+[ \t]+({NUMBER}|{LABEL})", _read(page), flags=re.MULTILINE))


def _expand(places: str) -> list[str]:
    """The places named in the tail of a citation; a range stands for all places in it: "T1 to T3" for T1, T2 and T3."""
    names = re.findall(rf"(?<![\w.])({NUMBER}|{LABEL})", places)
    for first, last in RANGE.findall(places):
        stem, low = re.fullmatch(r"(.*?)(\d+)[a-z]?", first).groups()
        high = re.fullmatch(rf"{re.escape(stem)}(\d+)[a-z]?", last)
        names += [f"{stem}{k}" for k in range(int(low) + 1, int(high[1]))] if high else []
    return names


def _broken_citations(text: str, pages: dict[str, set[str]], pattern: re.Pattern[str] = CITATION) -> list[str]:
    """One line for every citation in the text of a page or a place that is not in ``pages``, or that cannot be read."""
    broken = []
    text = _one_line(text)
    for citation in pattern.finditer(text):
        page, places = citation["page"], citation["places"]
        if page not in pages:
            broken.append(f"no page {page}.md")
            continue
        broken += [f"no {place} in {page}.md" for place in _expand(places or "") if place not in pages[page]]
        if not places and UNREAD.match(text, citation.end()):
            broken.append(f"cannot read '{text[citation.start() : citation.end() + 20]}'")
    return broken


def _broken_test_names(text: str, root: Path) -> list[str]:
    """One line for every ``tests/file.py::test_name`` in the text that is not a function of that file."""
    broken = []
    for file, name in re.findall(r"(tests/[\w/]+\.py)::(\w+)", text):
        path = root / file
        if not path.is_file() or not re.search(rf"^[ ]*def {name}\(", _read(path), flags=re.MULTILINE):
            broken.append(f"no {file}::{name}")
    return broken


def _keys(text: str) -> set[str]:
    """The keys of the papers cited in a page: [Key2013], [Key2013, Theorem 2], [Key2013; Other2014]."""
    return {key for inside in KEYS.findall(text) for key in re.findall(rf"\b{KEY}\b", inside)}


def _broken_links(page: Path) -> list[str]:
    """One line for every relative link of a Markdown page to a file that does not exist; code and formulas hold no links."""
    text = re.sub(r"```.*?```|`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]*\$", "", _read(page), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", text)
    made = ("gallery/", "reference/")  # by make docs, which follows them
    kept = [target for target in targets if ":" not in target and not target.startswith(made)]
    return [f"{target} in {page.name}" for target in kept if not (page.parent / target).exists()]


CITING = [ROOT / name for name in ("jkoflow", "tests", "benchmarks", "examples", "docs", "README.md", "CONTRIBUTING.md")]


def test_every_citation_of_a_page_resolves():
    pages = {page.stem: _places(page) for page in PAGES}
    broken = {_shown(path): _broken_citations(_read(path), pages) for path in _text_files(*CITING)}
    for page in PAGES:
        broken[_shown(page)] += _broken_citations(_read(page), pages, NEIGHBOUR)
    assert {path: lines for path, lines in broken.items() if lines} == {}


def _broken_paths(text: str, root: Path) -> list[str]:
    """The files and folders of the package that are named in backquotes and do not exist."""
    return [name for name in re.findall(r"`(jkoflow/[\w/.]*)`", text) if not (root / name).exists()]


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "docs").glob("*.md"))], ids=lambda page: page.stem)
def test_every_file_of_the_package_named_in_a_page_exists(page):
    assert _broken_paths(_read(page), ROOT) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_test_named_in_a_page_exists(page):
    assert _broken_test_names(_read(page), ROOT) == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "README"], ids=lambda page: page.stem)
def test_every_heading_of_a_page_can_be_cited(page):
    headings = re.findall(r"^##+[ \t]+(.*)", re.sub(r"```.*?```", "", _read(page), flags=re.DOTALL), flags=re.MULTILINE)
    assert [heading for heading in headings if not re.match(rf"{NUMBER}\b|{LABEL}", heading)] == []
    places = [re.match(rf"{NUMBER}|{LABEL}", heading)[0] for heading in headings]
    assert len(places) == len(set(places))


def test_the_bibliography_holds_what_is_cited_and_no_more():
    entries = ENTRY.findall(_read(ROOT / "jkoflow" / "references.bib"))
    keys = [key for key, _ in entries]
    assert len(keys) == len(set(keys))
    needed = ("author", "title", "year")
    assert {key for key, fields in entries if not all(re.search(rf"\b{name}\s*=", fields) for name in needed)} == set()
    of_runs = {key for papers in (_SCHEMES, _SOLVERS, _TERMS) for keys_of_part in papers.values() for key in keys_of_part}
    assert set(keys) == of_runs.union(*(_keys(_read(page)) for page in PAGES))


def test_the_index_names_every_page():
    index = _read(THEORY / "README.md")
    assert [page.name for page in PAGES if page.stem != "README" and f"({page.name})" not in index] == []


def test_nothing_cites_what_a_reader_cannot_look_up():
    needle = re.compile("paper" + r"[ ]+" + "note", flags=re.IGNORECASE)
    assert [_shown(path) for path in _text_files(ROOT) if needle.search(_one_line(_read(path)))] == []


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs").glob("*.md")) + PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}"
)
def test_links_between_pages_resolve(page):
    assert _broken_links(page) == []


# --- The parsers themselves: what is wrong is reported, what is right is not

HERE = "docs/" + "theory/"  # in two parts, so that the citations made up below are not followed as citations of this file
MADE_UP = {"page": {"1", "2", "2.1", "2.3", "T1", "T2", "T3", "T7", "T8"}}


@pytest.mark.parametrize(
    "text",
    [
        f"See {HERE}page.md.",
        f"({HERE}page.md, section 2.1).",
        f"({HERE}page.md, sections 2.1 and 2.3).",
        f"({HERE}page.md, T7), and so on",
        f"({HERE}page.md, T7 and T8)",
        f"({HERE}page.md, T1 to T3)",
        f"{HERE}page.md, section 2.3, T1 and T7; T9 of another source",
        f"    Source: {HERE}page.md,\n        section 2.1.",
        f"# Source: {HERE}page.md, section\n# 2.1.",
        f"`{HERE}page.md`, T8",
        f"The proof is in [the page]({HERE.removeprefix('docs/')}page.md), section 2.",
        f"{HERE}page.md, to the third digit, for 14 cells",
    ],
)
def test_a_right_citation_passes(text):
    assert _broken_citations(text, MADE_UP) == []


@pytest.mark.parametrize(
    ("text", "report"),
    [
        (f"See {HERE}other.md.", "no page other.md"),
        (f"See {HERE}other.md, section 2.1.", "no page other.md"),
        (f"({HERE}page.md, section 2.2).", "no 2.2 in page.md"),
        (f"({HERE}page.md, section 3).", "no 3 in page.md"),
        (f"({HERE}page.md, sections 2.1 and 2.4).", "no 2.4 in page.md"),
        (f"({HERE}page.md, T4)", "no T4 in page.md"),
        (f"({HERE}page.md, T7 and T9)", "no T9 in page.md"),
        (f"({HERE}page.md, T1 to T3, T6)", "no T6 in page.md"),
        (f"    Source: {HERE}page.md,\n        section 2.5.", "no 2.5 in page.md"),
        (f"    # Source: {HERE}page.md, T7 and\n    # T70", "no T70 in page.md"),
        (f"The proof is in [the page]({HERE.removeprefix('docs/')}page.md), section 2.9.", "no 2.9 in page.md"),
    ],
)
def test_a_made_up_citation_is_reported(text, report):
    assert _broken_citations(text, MADE_UP) == [report]


def test_a_range_stands_for_all_that_is_in_it():
    assert _broken_citations(f"{HERE}page.md, T1 to T8", MADE_UP) == [f"no T{k} in page.md" for k in (4, 5, 6)]
    assert _broken_citations(f"{HERE}page.md, sections 2.1 to 2.3", MADE_UP) == ["no 2.2 in page.md"]


@pytest.mark.parametrize("tail", [" section 2.1", " (T7)", "; T7", ", § 2.1"])
def test_a_citation_in_another_form_is_reported(tail):
    assert len(_broken_citations(f"{HERE}page.md{tail}", MADE_UP)) == 1


def test_a_link_of_one_page_to_another_is_followed_to_its_section():
    assert _broken_citations("[there](page.md), section 2.1", MADE_UP, NEIGHBOUR) == []
    assert _broken_citations("[there](page.md), section 2.2", MADE_UP, NEIGHBOUR) == ["no 2.2 in page.md"]


def test_headings_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Title\n\n## 2. Schemes\n\n### 2.3 One\n\n#### T7. Two particles\n\nT8. No heading\n")
    assert _places(page) == {"2", "2.3", "T7"}


def test_a_made_up_test_is_reported(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text("def test_one(x):\n    pass\n")
    named = "Tests: `tests/test_a.py::test_one`, `tests/test_a.py::test_on`, `tests/test_b.py::test_one`."
    assert _broken_test_names(named, tmp_path) == ["no tests/test_a.py::test_on", "no tests/test_b.py::test_one"]


def test_a_missing_file_of_the_package_is_reported(tmp_path):
    (tmp_path / "jkoflow").mkdir()
    (tmp_path / "jkoflow" / "here.py").write_text("")
    assert _broken_paths("`jkoflow/here.py`, `jkoflow/`, `jkoflow/gone.py`, jkoflow/in/prose.py", tmp_path) == [
        "jkoflow/gone.py"
    ]


def test_environments_and_what_is_made_are_passed_over(tmp_path):
    for name in ("a.py", ".matrix/3.11/lib/b.py", "out/c.md", "docs/d.md", "docs/picture.png", "x.egg-info/e.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    assert [path.name for path in _text_files(tmp_path)] == ["a.py", "d.md"]


def test_keys_of_papers_are_found():
    text = "By [OneTwo2013], [Three2014a, Theorem 2] and [Four2015; Five2016]; not [a link](x.md), x[2013] or [Six]."
    assert _keys(text) == {"OneTwo2013", "Three2014a", "Four2015", "Five2016"}


def test_a_dead_link_is_reported(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("[here](page.md#there) [web](https://example.org) [dead](nowhere.md) $f[a](b.md)$ `[x](y.md)`\n")
    assert _broken_links(page) == ["nowhere.md in page.md"]
