"""Lessons of the course become pages of the site, with the scripts that they need beside them."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import marimo

import jkoflow.course
from jkoflow.course import LESSONS

SCRIPTS = re.compile(r"https://cdn\.jsdelivr\.net/npm/@marimo-team/frontend@[^/\"']+/dist/")
# marimo's app covers the whole window: the note lies on it, at the bottom, and the app ends with room for the note
STYLE = (
    '[data-testid="watermark"]{display:none}'
    "body>p{position:fixed;bottom:0;left:0;right:0;z-index:1000;font-family:sans-serif;padding:.6em 1.2em;margin:0;"
    "background:#fff3cd;color:#332701}"
    "body>p a{text-decoration:underline}"
    "#App{padding-bottom:5em}"
)
NOTE = (
    "<p>"
    "A picture of the lesson. Its sliders move in the app: <code>jkoflow course {number}</code>. "
    '<a href="../course.html">Course</a></p>'
)


def list_lessons(app: Any, config: Any) -> None:
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    lines = ["| lesson | exercises |", "|---|---|"]
    for lesson in LESSONS:
        titles = ", ".join(exercise.title for exercise in lesson.exercises)
        link = f'<a href="lessons/{lesson.path.stem}.html">{lesson.number}. {lesson.title}</a>'
        lines.append(f"| {link} | {titles} |")
    (folder / "lessons.md").write_text("\n".join(lines) + "\n")


def export_lessons(app: Any, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "lessons"
    shutil.copytree(
        Path(marimo.__file__).parent / "_static",
        folder / "_marimo",
        dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("index.html", "*.md"),
    )
    for lesson in LESSONS:
        page, mark = folder / f"{lesson.path.stem}.html", folder / f"{lesson.path.stem}.md5"
        content = _content(lesson)
        if page.exists() and mark.exists() and mark.read_text() == content:
            continue
        command = [sys.executable, "-m", "marimo", "export", "html", str(lesson.path), "-o", str(page)]
        command += ["--no-include-code", "-f"]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(f"lesson {lesson.number} was not exported: {done.stderr}")
        page.write_text(_local(page.read_text(encoding="utf-8"), lesson), encoding="utf-8")
        mark.write_text(content)


def _content(lesson: Any) -> str:
    """A hash of all that a page is made from: the lesson, what all lessons import, and this file."""
    course = Path(jkoflow.course.__file__).parent
    number = f"lesson_{lesson.number:02}"
    files = [Path(__file__), lesson.path, lesson.path.parent / "lesson.css", *sorted(course.glob("*.py"))]
    files += [course / "exercises" / f"{number}.py", course / "solutions" / f"{number}.py"]
    return hashlib.md5(b"".join(file.read_bytes() for file in files)).hexdigest()


def _local(text: str, lesson: Any) -> str:
    """The page with addresses of scripts on this site, and a note on what it is."""
    text, count = SCRIPTS.subn("./_marimo/", text)
    if count == 0 or "cdn.jsdelivr.net" in text:
        raise RuntimeError("the addresses of marimo's scripts have changed")
    text = re.sub(r'<link rel="preload"[^>]*as="image"\s*/?>\s*', "", text)
    text = text.replace('content="a marimo app"', f'content="Lesson {lesson.number} of the course of jkoflow: {lesson.title}"')
    text = text.replace("</head>", f"<style>{STYLE}</style></head>", 1)
    return re.sub(r"(<body[^>]*>)", lambda body: body[0] + NOTE.format(number=lesson.number), text, count=1)


def setup(app: Any) -> dict[str, bool]:
    app.connect("config-inited", list_lessons)
    app.connect("build-finished", export_lessons)
    return {"parallel_read_safe": True}
