"""A lock that one writer of a file holds. The system frees it when the process dies."""

from __future__ import annotations

import os
from pathlib import Path


class WriterLock:
    """The right to write a file, held until :meth:`free`. It is the lock of a small file beside it.

    Raises ValueError if somebody else holds it, and OSError if the file beside it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        while True:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT)
            if not _locked(self._file):
                os.close(self._file)
                raise ValueError(f"store {str(path)!r} is being written by another run: wait for it, or take another path")
            try:
                still_there = os.path.samestat(os.fstat(self._file), os.stat(self._path))
            except FileNotFoundError:
                still_there = False
            if still_there:
                return
            os.close(self._file)  # the holder before has just removed it

    def free(self) -> None:
        """Give the right back."""
        self._path.unlink(missing_ok=True)
        os.close(self._file)


def _locked(file: int) -> bool:
    """Lock a file that is open. Return False if another has locked it."""
    try:
        import fcntl
    except ImportError:  # on Windows
        import msvcrt

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined, unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
