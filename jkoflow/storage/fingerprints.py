"""What functions and laws are, as texts that change with their code and with the values that they hold."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import partial
from hashlib import sha256
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

_PLAIN = (int, float, complex, str, bytes, type(None), type(Ellipsis))
_WRAPPED = ("__wrapped__", "py_func", "pyfunc")  # of functools, numba, numpy.vectorize


def fingerprint(function: Callable[..., Any]) -> str:
    """Return a text that tells the code of a function, its defaults, what it closes over, and the global values that it reads.

    * Functions of the same top package that it holds or reads count with their own code, and so do the methods of an object
      that it belongs to. Functions of other packages, modules and classes count by their names.
    * Arrays and other objects count by their content. Lists, dicts and sets that it holds or reads itself, and generators of
      random numbers, change as it runs: they count by their kind alone, and so do values that cannot be taken apart.
    * The text is the same in every process of one version of Python.

    >>> half, third = (lambda a: a / 2), (lambda a: a / 3)
    >>> fingerprint(half) == fingerprint(half), fingerprint(half) == fingerprint(third)
    (True, False)
    """
    return sha256(_content(function, frozenset())).hexdigest()


def code_of(law: Any) -> str:
    """Return a text that changes with the functions and the arrays of a law. It begins with the version of Python.

    >>> from jkoflow import Potential
    >>> code_of(Potential(lambda x: 5 * x)) == code_of(Potential(lambda x: -x))
    False
    """
    leaves: list[bytes] = []

    def walk(thing: Any) -> None:
        if isinstance(thing, np.ndarray):
            leaves.append(_content(thing, frozenset()))
        elif is_dataclass(thing) and not isinstance(thing, type):
            walk([getattr(thing, field.name) for field in fields(thing)])
        elif isinstance(thing, list | tuple | Mapping):
            for part in thing.values() if isinstance(thing, Mapping) else thing:
                walk(part)
        elif callable(thing):
            leaves.append(fingerprint(thing).encode())

    walk(law)
    return f"{sys.version_info.major}.{sys.version_info.minor} {sha256(b'|'.join(leaves)).hexdigest()}"


def _content(value: Any, seen: frozenset[int], home: str = "", within: bool = False) -> bytes:
    """The content of a value. ``home`` is the top package of the function, ``within`` is True inside of another object."""
    if id(value) in seen:  # functions that call one another
        return b"again"

    def of(part: Any, inside: bool = within) -> bytes:
        return _content(part, seen | {id(value)}, home, inside)

    def joined(parts: Any, inside: bool = within) -> bytes:
        return b"(" + b"|".join(of(part, inside) for part in parts) + b")"

    match value:
        case bool() | np.generic():
            return repr(value).encode()
        case _ if isinstance(value, _PLAIN):
            return repr(value).encode()
        case partial():
            return b"partial" + joined([value.func, *value.args, *sorted(value.keywords.items())], True)
        case MethodType():
            return of(value.__func__) + of(value.__self__, True)
        case FunctionType():
            module = _package(value)
            if home and module != home:
                return f"{value.__module__}.{value.__qualname__}".encode()
            home = module
            used = [value.__globals__[name] for name in _names(value.__code__) if name in value.__globals__]
            held = [cell.cell_contents for cell in value.__closure__ or () if _is_full(cell)]
            given = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).items()]
            return _code(value.__code__) + joined([*given, *held, *used], False)
        case ModuleType() | type() | BuiltinFunctionType():
            return f"{value.__module__ if isinstance(value, type) else ''}.{value.__name__}".encode()
        case tuple():
            return joined(value)
        case list() | dict() | set() | frozenset() if not within:
            return type(value).__name__.encode()
        case list():
            return joined(value)
        case dict():
            return b"".join(sorted(of(pair) for pair in value.items()))
        case set() | frozenset():
            return b"".join(sorted(of(part) for part in value))
        case np.random.Generator() | np.random.RandomState():
            return type(value).__name__.encode()
        case np.ndarray() if value.dtype.kind != "O":
            return repr((value.dtype.str, value.shape)).encode() + value.tobytes()
    wrapped = next((getattr(value, name) for name in _WRAPPED if callable(getattr(value, name, None))), None)
    if wrapped is not None:
        return type(value).__qualname__.encode() + of(wrapped)
    return _methods(type(value), seen | {id(value)}, home) + _state(value, of)


def _state(value: Any, of: Callable[[Any, bool], bytes]) -> bytes:
    """What an object is made of again by ``pickle``; its kind alone if that cannot be told."""
    kind = type(value).__qualname__.encode()
    try:
        parts = value.__reduce_ex__(4)
    except Exception:
        return kind
    if isinstance(parts, str):
        return kind + parts.encode()
    return kind + b"".join(of(list(part) if k > 2 and part is not None else part, True) for k, part in enumerate(parts[1:], 1))


def _methods(kind: type, seen: frozenset[int], home: str) -> bytes:
    """The code of the methods of a class, as far as it is of the package of the function."""
    home = home or _package(kind)
    own = [one for one in kind.__mro__ if _package(one) == home]
    methods = [method for one in own for method in vars(one).values() if isinstance(method, FunctionType)]
    return b"".join(_content(method, seen, home) for method in methods)


def _package(thing: Any) -> str:
    """The top package in which a function or a class was written."""
    return str(thing.__module__).partition(".")[0]


def _code(code: CodeType) -> bytes:
    """The instructions and constants of a function, and of the functions in it."""
    return code.co_code + repr(code.co_names).encode() + b"|".join(map(_constant, code.co_consts))


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
