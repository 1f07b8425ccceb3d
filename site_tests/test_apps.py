"""The apps of the command line, in a browser without a network."""

from __future__ import annotations

import re
import time

import pytest

from jkoflow.course import LESSONS


def _settled(page):
    page.wait_for_selector("img", timeout=30_000)
    page.wait_for_timeout(1000)


def test_a_slider_changes_the_picture_and_a_check_judges(watched, serve):
    page = watched.go(serve("course", "1"))
    _settled(page)
    assert page.title().startswith("Lesson 1")
    before = page.locator("img").first.get_attribute("alt")
    slider = page.get_by_role("slider").first
    slider.focus()
    start = time.perf_counter()
    slider.press("ArrowRight")
    page.wait_for_function("old => document.querySelector('img').alt !== old", arg=before, timeout=10_000)
    print(f"a slider changed the picture after {time.perf_counter() - start:.2f} s")
    page.get_by_role("button", name="Check").first.click()
    page.get_by_text("returns nothing yet").wait_for(timeout=10_000)
    editor = page.locator(".cm-content").first
    editor.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(LESSONS[0].solutions[0])
    page.get_by_role("button", name="Check").first.click()
    page.get_by_text(f"Solved: {LESSONS[0].exercises[0].title}.").wait_for(timeout=10_000)
    assert page.locator(".katex").count() > 3
    assert watched.outside == []
    assert watched.complaints == []


@pytest.mark.parametrize("lesson", range(2, 11))
def test_every_lesson_opens(watched, serve, lesson):
    page = watched.go(serve("course", str(lesson)))
    _settled(page)
    assert all(page.locator("img").nth(k).get_attribute("alt") for k in range(page.locator("img").count()))
    for fault in ("Traceback", "$$"):  # an error of a cell, a formula that is not rendered
        assert page.get_by_text(fault).count() == 0
    assert watched.outside == []
    assert watched.complaints == []


def test_a_narrow_screen_is_enough(browser, serve):
    """Pads are large enough for a finger, a wide picture keeps its letters, and the page is not wider than the screen."""
    page = browser.new_page(viewport={"width": 390, "height": 800})
    for arguments in (["explore"], ["course", "3"]):
        page.goto(serve(*arguments))
        _settled(page)
        assert all(
            page.get_by_role("application").nth(k).bounding_box()["width"] >= 280 for k in range(2 * ("explore" in arguments))
        )
        assert page.locator("img").first.bounding_box()["width"] > 590
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


@pytest.mark.parametrize("arguments", [["explore"], ["course", "3"]])
def test_the_apps_are_dark_where_the_system_is(browser, serve, arguments):
    page = browser.new_page(color_scheme="dark")
    page.goto(serve(*arguments))
    _settled(page)
    assert page.locator(".dark").count() > 0
    assert page.get_by_role("heading", level=1).evaluate("e => Math.min(...getComputedStyle(e).color.match(/[0-9]+/g))") > 180
    page.close()


def test_a_drawn_density_flows_and_is_downloaded(watched, serve, tmp_path):
    page = watched.go(serve("explore"))
    _settled(page)
    page.get_by_text("No density is drawn.").wait_for(timeout=10_000)
    canvas = page.get_by_role("application", name=re.compile("density"))
    before = page.locator("img").first.get_attribute("src")
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 90, steps=8)
    page.mouse.up()
    page.wait_for_function("old => document.querySelector('img').src !== old", arg=before, timeout=20_000)
    drawn = page.locator("img").first.get_attribute("src")
    assert page.get_by_text("No density is drawn.").count() == 0
    canvas.focus()
    for key in ("ArrowRight", "ArrowUp", "Space"):
        page.keyboard.press(key)
    page.wait_for_function("old => document.querySelector('img').src !== old", arg=drawn, timeout=20_000)
    more = page.locator("img").first.get_attribute("src")
    page.get_by_role("application", name=re.compile("landscape")).focus()
    page.keyboard.press("Space")
    page.wait_for_function("old => document.querySelector('img').src !== old", arg=more, timeout=20_000)
    with page.expect_download() as waiting:
        page.get_by_text("Download the script").click()
    script = tmp_path / "flow.py"
    waiting.value.save_as(script)
    space = {"__name__": "script"}
    exec(script.read_text(), space)
    assert space["flow"].ok
    with page.expect_download(timeout=60_000) as waiting:
        page.get_by_text("Download the GIF").click()
    waiting.value.save_as(tmp_path / "flow.gif")
    assert (tmp_path / "flow.gif").read_bytes()[:3] == b"GIF"
    assert watched.outside == []
    assert watched.complaints == []
