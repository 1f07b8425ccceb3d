"""What a function is, as a text that changes with its code and with the values that it holds."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any


def fingerprint(function: Callable[..., Any]) -> str:
    """Return a text that tells the code of a function, its defaults, what it closes over, and the global values that it reads.

    Other functions of the same top package that it holds or reads count with their own code; those of other packages, modules
    and classes by their names. Lists, dicts and sets, which a function may fill as it runs, and values that cannot be pickled
    count by their kind alone. The code is that of this version of Python.

    >>> half, third = (lambda a: a / 2), (lambda a: a / 3)
    >>> fingerprint(half) == fingerprint(half), fingerprint(half) == fingerprint(third)
    (True, False)
    """
    return sha256(_content(function, set())).hexdigest()


def _content(value: Any, seen: set[int], home: str = "") -> bytes:
    if id(value) in seen:  # functions that call one another
        return b"again"
    match value:
        case partial():
            pairs = sorted(value.keywords.items())
            return b"partial" + b"|".join(_content(part, seen, home) for part in (value.func, *value.args, *pairs))
        case MethodType():
            return _content(value.__func__, seen, home) + _content(value.__self__, seen, home)
        case FunctionType() if home and value.__module__.partition(".")[0] != home:
            return f"{value.__module__}.{value.__qualname__}".encode()
        case FunctionType():
            seen, home = seen | {id(value)}, home or value.__module__.partition(".")[0]
            used = [value.__globals__[name] for name in _names(value.__code__) if name in value.__globals__]
            held = [cell.cell_contents for cell in value.__closure__ or () if _is_full(cell)]
            parts = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).items(), *held, *used]
            return value.__qualname__.encode() + _code(value.__code__) + b"|".join(_content(part, seen, home) for part in parts)
        case ModuleType() | type() | BuiltinFunctionType():
            return getattr(value, "__qualname__", getattr(value, "__name__", "")).encode()
        case list() | dict() | set():
            return type(value).__name__.encode()
        case tuple():
            return b"(" + b"|".join(_content(part, seen, home) for part in value) + b")"
    call = next((vars(kind)["__call__"] for kind in type(value).__mro__ if "__call__" in vars(kind)), None)
    code = _content(call, seen | {id(value)}, home) if isinstance(call, FunctionType) else b""
    try:
        return code + pickle.dumps(value, protocol=4)
    except Exception:
        return code + type(value).__qualname__.encode()


def _code(code: CodeType) -> bytes:
    """The instructions and constants of a function, and of the functions in it."""
    constants = b"|".join(_constant(c) for c in code.co_consts)
    return code.co_code + repr(code.co_names).encode() + constants


def _constant(value: Any) -> bytes:
    if isinstance(value, CodeType):
        return _code(value)
    return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value).encode()


def _names(code: CodeType) -> list[str]:
    """The global names that a function, and the functions in it, may read."""
    inner = [name for constant in code.co_consts if isinstance(constant, CodeType) for name in _names(constant)]
    return [*code.co_names, *inner]


def _is_full(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - empty before the name is bound
    except ValueError:
        return False
    return True
