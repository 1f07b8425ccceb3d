"""Arrays and numbers as bytes with a checksum: what is damaged is told, never read as something else."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

_LENGTH, _SUM = struct.Struct("<I"), struct.Struct("<I")


class DamagedError(ValueError):
    """Bytes that are not what was written."""


class Packed(NamedTuple):
    """What :func:`unpack` returns."""

    numbers: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def pack(numbers: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> bytes:
    """Return numbers, texts and lists as JSON, and arrays as they lie in memory, followed by a checksum (CRC-32).

    Floats come back to the last bit. Raises ValueError for arrays of objects.

    >>> unpack(pack({"time": 0.1}, {"nodes": np.array([1.0, 2.0])}))
    Packed(numbers={'time': 0.1}, arrays={'nodes': array([1., 2.])})
    """
    entries, parts = [], []
    for name, array in (arrays or {}).items():
        contiguous = np.asarray(array, order="C")
        if contiguous.dtype.kind not in "fiubc":
            raise ValueError(f"array {name!r} must be of numbers to be stored, got {contiguous.dtype}")
        entries.append([name, contiguous.dtype.newbyteorder("<").str, contiguous.shape])
        parts.append(contiguous.astype(contiguous.dtype.newbyteorder("<"), copy=False).tobytes())
    header = json.dumps([dict(numbers), entries]).encode()
    packed = b"".join([_LENGTH.pack(len(header)), header, *parts])
    return packed + _SUM.pack(crc32(packed))


def unpack(packed: bytes) -> Packed:
    """Return what :func:`pack` was given. Raises DamagedError, a ValueError, for bytes that are not its answer."""
    if not isinstance(packed, bytes) or len(packed) < _LENGTH.size + _SUM.size:
        raise DamagedError("it is cut")
    body, (checksum,) = packed[: -_SUM.size], _SUM.unpack(packed[-_SUM.size :])
    if crc32(body) != checksum:
        raise DamagedError("its checksum does not fit")
    try:
        (length,) = _LENGTH.unpack_from(body)
        numbers, entries = json.loads(body[_LENGTH.size : _LENGTH.size + length])
        arrays, start = {}, _LENGTH.size + length
        for name, kind, shape in entries:
            dtype = np.dtype(kind)
            count = prod(shape)
            if dtype.kind not in "fiubc" or start + count * dtype.itemsize > len(body):
                raise DamagedError(f"array {name!r} does not fit")
            arrays[name] = np.frombuffer(body, dtype, count, start).reshape(shape).astype(dtype.newbyteorder("="))
            start += count * dtype.itemsize
    except (ValueError, TypeError, struct.error, RecursionError) as reason:
        raise DamagedError(f"it holds something else: {reason}") from reason
    return Packed(numbers, arrays)
