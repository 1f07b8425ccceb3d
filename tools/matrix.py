"""Lint and `make quick` in fresh environments: on every supported Python found, and on the lowest versions that are allowed.

Run by `make matrix`; with ``--newest``, on the newest Python alone. The environments lie in .matrix/, each with what it said.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".matrix"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# What a dependency bounds by itself, from above too, so that the tested version need not go with the lowest of that dependency.
FOLLOWING = {"dask", "llvmlite", "sparsediffpy"}


def supported() -> list[str]:
    """The minor versions that the classifiers name, oldest first."""
    found = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", text) for text in PROJECT["classifiers"])
    return sorted((match[1] for match in found if match), key=lambda version: int(version[2:]))


def interpreter(version: str) -> str | None:
    """A Python of this version that runs and can make environments: this one, one on the PATH, or one of pyenv's."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    places = [Path(folder) for folder in os.get_exec_path()] + sorted(pyenv.glob(f"{version}.*/bin"))
    for path in [sys.executable, *(str(place / name) for place in places)]:
        asked = [path, "-c", "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"]
        try:
            said = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False)
        except OSError:
            continue
        if said.returncode == 0 and said.stdout.strip() == version:
            return path
    return None


def lowest() -> Path:
    """Constraints that hold every dependency of pyproject.toml to its lowest version, and the others to the tested ones."""
    extras = PROJECT["optional-dependencies"]
    declared = PROJECT["dependencies"] + extras["storage"] + extras["cluster"] + extras["walking"]
    floors = dict(requirement.split(">=") for requirement in declared)
    ours = {name.lower() for name in floors} | FOLLOWING
    tested = (ROOT / "constraints.txt").read_text().splitlines()
    others = [line for line in tested if line.partition("==")[0].lower() not in ours]
    path = FOLDER / "lowest.txt"
    path.write_text("\n".join([*(f"{name}=={version}" for name, version in floors.items()), *others]) + "\n")
    return path


def judged(name: str, python: str, **more: str) -> tuple[str, str, str, str, str]:
    """The row of one environment, which is made anew."""
    place = FOLDER / name
    shutil.rmtree(place, ignore_errors=True)
    variables = {"PYTHON": python, "VENV": str(place.relative_to(ROOT))} | more
    kept = {"NUMBA_CACHE_DIR": str(place / "numba"), "MYPY_CACHE_DIR": str(place / "mypy")}  # nothing compiled by another
    with (FOLDER / f"{name}.log").open("w+") as log:

        def make(target: str) -> tuple[bool, float]:
            print(f"{name}: make {target}", flush=True)
            began = time.monotonic()
            line = ["make", "--no-print-directory", target, *(f"{key}={value}" for key, value in variables.items())]
            start = log.tell()
            done = subprocess.run(
                line, cwd=ROOT, env=os.environ | kept, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
            )
            if done.returncode:
                log.seek(start)
                print("\n".join(log.read().splitlines()[-60:]), flush=True)
            log.seek(0, os.SEEK_END)
            return done.returncode == 0, time.monotonic() - began

        lint, _ = make("lint")
        quick, seconds = make("quick")
        log.seek(0)
        said = log.read()
    counts = re.findall(
        r"\d+ (?:passed|failed|errors?|skipped)", next(reversed(re.findall(r"^.* in [\d.]+s.*$", said, re.M)), "")
    )
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=False).stdout.removeprefix("Python ").strip()
    tests = ", ".join(counts) or "none ran"
    return name, version, "passed" if lint else "FAILED", tests if quick else f"FAILED: {tests}", f"{seconds:.0f}"


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    pythons = {version: interpreter(version) for version in supported()}
    for version, path in pythons.items():
        if path is None:
            print(f"Python {version} is skipped: there is none here that runs and can make environments.")
    found = {version: path for version, path in pythons.items() if path is not None}
    if not found:
        print(f"There is none of the supported Pythons here: {', '.join(pythons)}.")
        return 1
    if "--newest" in sys.argv[1:]:
        version, path = list(found.items())[-1]
        rows = [judged(version, path)]
    else:
        rows = [judged(version, path) for version, path in found.items()]
        version, path = next(iter(found.items()))
        # mypy reads the tested stubs here too: those of old releases of numpy have errors of their own
        rows.append(judged("lowest", path, CONSTRAINTS=str(lowest()), STUBS=f".matrix/{version}/bin/python"))
    rows.insert(0, ("environment", "Python", "lint", "quick", "seconds"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print()
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    return int(any("FAILED" in " ".join(row) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
