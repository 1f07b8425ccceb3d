"""Make sure that there is a Chromium: `python tools/chromium.py` prints its path, and installs it by apt-get where it may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")


def found() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def main() -> int:
    if found() is None and shutil.which("apt-get") and os.geteuid() == 0:
        for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"]):
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    path = found()
    print(
        path or "no Chromium: install it (Debian: apt-get install chromium), then again",
        file=sys.stdout if path else sys.stderr,
    )
    return 0 if path else 1


if __name__ == "__main__":
    sys.exit(main())
