"""The built site, in a browser without a network."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from .conftest import SITE

PAGES = sorted(
    str(path.relative_to(SITE)) for path in SITE.rglob("*.html") if "_marimo" not in path.parts and "_static" not in path.parts
)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_loads_without_complaint_and_without_the_network(watched, site, page):
    watched.go(f"{site}/{page}")
    watched.page.wait_for_timeout(2500 if "lessons/" in page else 50 if "names/" in page else 200)
    assert watched.outside == []
    assert watched.complaints == []
    assert watched.page.title()


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.names, self.bare = [], set(), []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.names |= {values[key] for key in ("id", "name") if values.get(key)}
        for key in ("href", "src"):
            if values.get(key) and tag != "link":
                self.links.append(values[key])
        if tag == "img" and not values.get("alt"):
            self.bare.append(values.get("src"))


def _read(page):
    parser = Links()
    parser.feed((SITE / page).read_text(encoding="utf-8"))
    return parser


def test_links_lead_somewhere_and_pictures_have_a_text():
    read = {page: _read(page) for page in PAGES if not page.startswith("lessons/")}
    broken, bare = [], []
    for page, parsed in read.items():
        bare += [f"{source} in {page}" for source in parsed.bare]
        for link in parsed.links:
            if re.match(r"[a-z]+:", link) or link.startswith("//"):
                continue
            path, _, anchor = unquote(re.sub(r"\?[^#]*", "", link)).partition("#")
            target = ((SITE / page).parent / path).resolve() if path else SITE / page
            if not target.exists():
                broken.append(f"{link} in {page}")
            name = str(target.relative_to(SITE)) if target.is_relative_to(SITE) else ""
            if anchor and name in read and anchor not in read[name].names:
                broken.append(f"{link} in {page}")
    assert broken == []
    assert bare == []


def test_there_are_forty_entries_with_script_and_notebook():
    entries = list((SITE / "gallery").glob("*/plot_*.html"))
    assert len(entries) >= 40
    for entry in entries:
        assert {".py", ".ipynb"} <= {
            link[link.rfind(".") :] for link in _read(entry.relative_to(SITE)).links if "_downloads" in link
        }


def test_formulas_are_rendered(watched, site):
    page = watched.go(f"{site}/equations.html")
    page.wait_for_selector("mjx-container")
    assert page.locator("mjx-container").count() > 30
    assert "\\partial" not in page.inner_text("main")


def test_search_finds(watched, site):
    page = watched.go(f"{site}/search.html?q=porous")
    page.wait_for_selector("#search-results li a")
    assert any("porous" in text.lower() for text in page.locator("#search-results li").all_inner_texts())


def test_videos_play(watched, site):
    pages = [page for page in PAGES if page.startswith("gallery/") and "<video" in (SITE / page).read_text(encoding="utf-8")]
    assert pages
    for name in pages:
        page = watched.go(f"{site}/{name}")
        video = page.locator("video").first
        video.evaluate("v => { v.muted = true; return v.play() }")
        page.wait_for_function("() => document.querySelector('video').currentTime > 0.2")


@pytest.mark.parametrize(
    "name", ["index", "equations", "gallery/index", "gallery/crowds/plot_crowd", "reference/names/jkoflow.JKO", "course"]
)
def test_a_narrow_screen_is_enough(browser, site, name):
    page = browser.new_page(viewport={"width": 380, "height": 800})
    page.goto(f"{site}/{name}.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_lesson_says_that_it_is_a_picture(browser, site, width):
    """The note on a lesson is seen: nothing lies over it."""
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(f"{site}/lessons/lesson_03_entropy.html")
    page.wait_for_selector("img")
    note = page.get_by_text("A picture of the lesson.")
    box = note.bounding_box()
    assert 0 <= box["y"] <= 800 - box["height"]
    for share in (0.05, 0.5, 0.95):
        point = [box["x"] + share * box["width"], box["y"] + box["height"] / 2]
        assert note.evaluate("(p, [x, y]) => p.contains(document.elementFromPoint(x, y))", point)
    page.close()


def test_a_picture_beside_a_film_is_as_wide_as_the_page(watched, site):
    page = watched.go(f"{site}/gallery/open_worlds/plot_stirred_dye.html")
    text = page.locator("section p").first.bounding_box()["width"]
    assert page.locator("img.sphx-glr-multi-img").first.bounding_box()["width"] > 0.9 * text
    assert page.locator("video").first.bounding_box()["width"] > 0.9 * text


CUT = """() => [...document.querySelectorAll('main td')].filter(cell => cell.offsetParent).filter(
  cell => cell.getBoundingClientRect().right > innerWidth || cell.scrollWidth > cell.clientWidth + 1
).map(cell => cell.innerText)"""


@pytest.mark.parametrize("width", [1280, 768, 390])
@pytest.mark.parametrize("name", ["equations", "reference/laws"])
def test_no_cell_of_a_table_is_cut(browser, site, name, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(f"{site}/{name}.html")
    page.wait_for_timeout(1500)  # formulas
    assert page.locator("main td:visible").count() > 20
    assert page.evaluate(CUT) == []
    page.close()


CONTRAST = """() => {
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
  const light = ([r, g, b]) => { const f = v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
    return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
  const ground = e => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c[3] > .9) return c;
    }
    return [255, 255, 255, 1];
  };
  const bad = [];
  for (const e of document.querySelectorAll('main *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || !e.offsetParent) continue;
    if (e.closest('mjx-container')) continue;
    const a = light(parse(getComputedStyle(e).color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push([e.textContent.trim().slice(0, 30), ratio.toFixed(2)]);
  }
  return bad;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["index", "start", "equations", "gallery/index", "reference/names/jkoflow.JKO", "others"])
def test_text_is_readable(browser, site, name, scheme):
    """The contrast of every text of the page is at least 4.5, as WCAG 2 asks."""
    page = browser.new_page(color_scheme=scheme)
    page.goto(f"{site}/{name}.html")
    page.wait_for_timeout(300)
    assert page.evaluate(CONTRAST) == []
    page.close()


def test_the_keyboard_is_enough(watched, site):
    """Tab reaches the menu, and Enter follows it; the search opens by its key."""
    page = watched.go(f"{site}/index.html")
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText || ''").strip() == "Gallery":
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/gallery/index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("entropy")
    page.keyboard.press("Enter")
    page.wait_for_selector("#search-results li a")
