"""The apps of the command line: ``jkoflow course`` and ``jkoflow explore``, served to this machine alone; ``jkoflow docs``."""

from __future__ import annotations

import argparse
import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ..course import LESSONS

APPS = ("course", "explore", "docs")


def run_app(arguments: Sequence[str]) -> int:
    """Serve the app that the arguments name until it is interrupted, and return the exit code of its server.

    ``docs`` is no app: it prints where the documentation lies.

    Raises ValueError for a lesson that does not exist, and if marimo is not installed.
    """
    options = _parser().parse_args(arguments)
    if options.app == "docs":
        print(_docs())
        return 0
    if options.app == "course" and options.lesson is None:
        print("\n".join(f"{lesson.number:3}  {lesson.title}" for lesson in LESSONS))
        print("jkoflow course 3 opens the third one.")
        return 0
    path = _path(options)
    if importlib.util.find_spec("marimo") is None or importlib.util.find_spec("anywidget") is None:
        raise ValueError("the apps need marimo and anywidget: pip install 'jkoflow[course]'")
    command = [sys.executable, "-m", "marimo", "--yes", "--quiet", "run", str(path), "--host", "127.0.0.1", "--no-token"]
    port = options.port or _free_port()
    command += ["--port", str(port)]
    command += ["--headless"] if options.no_browser else []
    server = subprocess.Popen(command, env={**os.environ, "MARIMO_SKIP_UPDATE_CHECK": "1"}, stdin=subprocess.DEVNULL)
    print(f"http://127.0.0.1:{port}    Ctrl-C ends the app.", flush=True)
    try:
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        server.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jkoflow")
    apps = parser.add_subparsers(dest="app", required=True)
    course = apps.add_parser("course", help="a lesson of the course")
    course.add_argument("lesson", nargs="?", help="its number; without it the lessons are listed")
    apps.add_parser("docs", help="print the folder of the documentation")
    for app in (course, apps.add_parser("explore", help="draw a density and watch it flow")):
        app.add_argument("--port", type=_port, help="default: a free one")
        app.add_argument("--no-browser", action="store_true", help="do not open a browser; the address is printed")
    return parser


def _port(text: str) -> int:
    """A port that one may ask for. Raises ArgumentTypeError for others."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 65535, got {text!r}")
    return int(text)


def _free_port() -> int:
    """A port that no program listens to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _docs() -> Path:
    """The folder of the documentation: in the package where it was installed, else in the repository."""
    package = Path(__file__).parents[1]
    return package / "docs" if (package / "docs").exists() else package.parent / "docs"


def _path(options: argparse.Namespace) -> Path:
    """The notebook. Raises ValueError for a lesson that does not exist."""
    if options.app == "explore":
        return Path(__file__).parents[1] / "explore" / "app.py"
    by_number = {str(lesson.number): lesson for lesson in LESSONS}
    if options.lesson not in by_number:
        raise ValueError(f"lesson must be a number from 1 to {len(LESSONS)}, got {options.lesson!r}")
    return by_number[options.lesson].path
