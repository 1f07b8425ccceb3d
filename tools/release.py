"""Build wheel and sdist, check them, install them in fresh environments of every Python found, and run the README there.

Run by `make release-check`. What is built lies in dist/, the environments in .release/.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from matrix import interpreter, supported

ROOT = Path(__file__).parents[1]
FOLDER, DIST = ROOT / ".release", ROOT / "dist"
TOOLS = ["build", "twine"]


def run(*command: object, **more: object) -> str:
    """Run a command, and return what it printed. Its failure ends the check."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, **more)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def environment(name: str, python: str, *requirements: object) -> Path:
    """The folder of the programs of a new environment with some requirements."""
    place = FOLDER / name
    run(python, "-m", "venv", "--clear", place)
    pip = [place / "bin" / "python", "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt"]
    run(*pip, *requirements)
    return place / "bin"


def one_version() -> str:
    """The version, which must be the same wherever it stands."""
    version = re.search(r'VERSION = "(.+)"', (ROOT / "jkoflow" / "_version.py").read_text())[1]
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1]
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    if not version == cited == newest:
        raise SystemExit(f"versions differ: {version} in _version.py, {cited} in CITATION.cff, {newest} in CHANGELOG.md")
    return version


def main() -> int:
    version = one_version()
    shutil.rmtree(DIST, ignore_errors=True)
    tools = environment("tools", sys.executable, *TOOLS)
    run(tools / "python", "-m", "build", "--outdir", DIST, ROOT)
    wheel, sdist = next(DIST.glob("*.whl")), next(DIST.glob("*.tar.gz"))
    print(run(tools / "python", "-m", "twine", "check", "--strict", wheel, sdist).strip())
    print("\n".join(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB" for path in (wheel, sdist)))
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    code = "import matplotlib\nmatplotlib.use('agg')\n" + "\n".join(blocks)
    for name in supported():
        python = interpreter(name)
        if python is None:
            print(f"Python {name}: not found")
            continue
        for kind, package in (("wheel", wheel), ("sdist", sdist))[: 2 if name == supported()[0] else 1]:
            programs = environment(f"{kind}-{name}", python, package)
            empty = FOLDER / f"run-{kind}-{name}"
            shutil.rmtree(empty, ignore_errors=True)
            empty.mkdir()
            said = run(programs / "python", "-c", code, cwd=empty, env=os.environ | {"PYTHONPATH": ""})
            docs = Path(run(programs / "jkoflow", "docs", cwd=empty).strip())
            assert (docs / "theory" / "two-species.md").exists(), docs
            assert f"{version}" in run(programs / "python", "-c", "import jkoflow; print(jkoflow.__version__)", cwd=empty)
            print(f"Python {name}, {kind}: the README runs, {len(blocks)} snippets; it said {said.splitlines()[0]!r}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
