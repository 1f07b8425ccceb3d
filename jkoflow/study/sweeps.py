"""One function for many parameters, on any executor, resumable."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload
from uuid import uuid4

import numpy as np

if TYPE_CHECKING:
    import pandas
    import xarray

from .._validate import function
from ..storage.fingerprints import fingerprint


@dataclass(frozen=True, eq=False)
class Sweep(Sequence[dict[str, Any]]):
    """The results of a sweep: a sequence of rows, one per member, in the order of the parameters.

    A row holds the parameters of the member, what its run returned, and ``error``: None, or why the member failed.

    Attributes
    ----------
    over : mapping
        The parameters and their values.
    rows : tuple of dict

    >>> import jkoflow as jf
    >>> table = jf.study.sweep(lambda a: a**2, over={"a": [1.0, 3.0]})
    >>> isinstance(table, Sweep), len(table)
    (True, 2)
    """

    over: Mapping[str, Sequence[Any]]
    rows: tuple[dict[str, Any], ...]

    @property
    def failed(self) -> tuple[dict[str, Any], ...]:
        """The rows of the members that failed."""
        return tuple(row for row in self.rows if row["error"] is not None)

    def column(self, name: str) -> np.ndarray[Any, Any]:
        """The values of one name in all rows. None where a member failed. Raises KeyError for an unknown name."""
        if not any(name in row for row in self.rows):
            known = sorted({key for row in self.rows for key in row})
            raise KeyError(f"no column {name!r}; there are {', '.join(known)}")
        return np.array([row.get(name) for row in self.rows])

    def to_pandas(self) -> pandas.DataFrame:
        """Return the rows as a data frame. Needs pandas: ``pip install 'jkoflow[storage]'``."""
        import pandas

        return pandas.DataFrame(list(self.rows))

    def to_xarray(self) -> xarray.Dataset:
        """Return the numbers as a Dataset with one axis per parameter; NaN where a member failed. Needs xarray."""
        import xarray

        names = {key for row in self.rows for key, value in row.items() if isinstance(value, int | float)} - set(self.over)
        shape = tuple(len(values) for values in self.over.values())
        columns = {n: np.array([row.get(n, np.nan) for row in self.rows], dtype=float).reshape(shape) for n in sorted(names)}
        plain = (int, float, str, np.number)
        coordinates = {n: [v if isinstance(v, plain) else repr(v) for v in values] for n, values in self.over.items()}
        return xarray.Dataset({n: (tuple(self.over), values) for n, values in columns.items()}, coords=coordinates)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[dict[str, Any], ...]: ...
    def __getitem__(self, key: int | slice) -> Any:
        return self.rows[key]

    def __repr__(self) -> str:
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"Sweep of {len(self.rows)} runs over {', '.join(self.over)}{failed}"


def sweep(
    run: Callable[..., Mapping[str, Any] | float],
    *,
    over: Mapping[str, Iterable[Any]],
    executor: Executor | None = None,
    folder: str | os.PathLike[str] | None = None,
    progress: bool = False,
) -> Sweep:
    """Call ``run(**parameters)`` for every combination of the values in ``over``, and return the results as a table.

    Parameters
    ----------
    run : function
        It takes the names in ``over`` as keywords, and returns a number or a mapping from names to numbers, texts and lists.
        For processes and clusters it is a function of a module, so that it can be pickled.
    over : mapping
        The values of every parameter.
    executor : Executor, optional
        Any executor of ``concurrent.futures``: threads, processes, ``mpi4py.futures.MPIPoolExecutor``,
        ``dask.distributed.Client.get_executor()``. Default: one member after the other, in this process.
    folder : path, optional
        Keeps every result as soon as it is there. A sweep that was interrupted, called again with the same folder, runs only
        the members that have no result yet. Members that failed are run again. A member is known by the content of its
        parameters, as ``pickle`` writes it: numbers, texts and arrays are best. An object that was used in between may count
        as new, and its member runs again. The folder belongs to one ``run``: another function, or one whose code has changed,
        needs another folder.
    progress : bool
        Whether to show a progress bar.

    A member that raises an exception is a row with its reason under ``error``, and does not end the sweep.

    Raises ValueError if ``run`` is no function, if the folder keeps the results of another function or of other code, or if
    ``over`` is empty or holds no values.

    >>> import jkoflow as jf
    >>> def spread(diffusion):
    ...     law = diffusion * jf.Entropy() + jf.Potential(lambda x: x**2 / 2)
    ...     return {"variance": float(jf.evolve(law, jf.Quantiles([-1.0, 0.0, 1.0]), dt=0.1, t_end=1.0).final.covariance)}
    >>> table = sweep(spread, over={"diffusion": [0.5, 1.0, -1.0]})
    >>> len(table), len(table.failed)
    (3, 1)
    """
    function("run", run, "a function of the parameters")
    if not isinstance(over, Mapping) or not over:
        raise ValueError(f"over must be a mapping from parameters to their values, got {over!r}")
    values = {name: list(several) for name, several in over.items()}
    for name, several in values.items():
        if not several:
            raise ValueError(f"over must hold at least one value for {name!r}, got none")
    members = [dict(zip(values, combination, strict=True)) for combination in product(*values.values())]
    kept = None if folder is None else Path(folder)
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        _must_be_of(kept, run)
    results: dict[int, dict[str, Any]] = {}
    for k, parameters in enumerate(members):
        found = None if kept is None else _read(kept / _name_of(parameters))
        if found is not None:
            results[k] = found
    waiting = [k for k in range(len(members)) if k not in results]
    for k, result in _done(run, [(k, members[k]) for k in waiting], executor, progress):
        results[k] = result
        if kept is not None and result["error"] is None:
            _write(kept / _name_of(members[k]), result)
    return Sweep(values, tuple(members[k] | results[k] for k in range(len(members))))


def member(run: Callable[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The result of one member, or its error."""
    try:
        returned = run(**parameters)
        result = dict(returned) if isinstance(returned, Mapping) else {"result": returned}
        taken = {*parameters, "error"} & set(result)
        if taken:
            raise ValueError(f"run must not return the names of parameters, nor 'error', got {sorted(taken)}")
        return json.loads(json.dumps(result, default=_plain)) | {"error": None}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def _done(
    run: Callable[..., Any], members: list[tuple[int, dict[str, Any]]], executor: Executor | None, progress: bool
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the results as they come, with the numbers of their members."""
    from tqdm.auto import tqdm

    with tqdm(total=len(members), disable=not progress, unit="run") as bar:
        if executor is None:
            for k, parameters in members:
                yield k, member(run, parameters)
                bar.update()
            return
        futures: dict[Future[dict[str, Any]], int] = {executor.submit(member, run, p): k for k, p in members}
        for future in as_completed(futures):
            error = future.exception()  # of the executor itself: a worker that died, or what cannot be pickled
            result = {"error": f"{type(error).__name__}: {error}"} if error is not None else future.result()
            yield futures[future], result
            bar.update()


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy as those of Python."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"a run must return numbers, texts and lists, got {type(value).__name__}")


def _must_be_of(folder: Path, run: Callable[..., Any]) -> None:
    """Write down whose results a folder keeps. Raises ValueError if they are those of another function, or of other code."""
    inner: Any = run
    while isinstance(inner, partial):
        inner = inner.func
    name = f"{getattr(inner, '__module__', '')}.{getattr(inner, '__qualname__', type(inner).__qualname__)}"
    here, path = {"run": name, "content": fingerprint(run)}, folder / "function.note"
    if not path.exists():
        _write(path, here)
        return
    try:
        there = json.loads(path.read_text())
        other = there["run"]
    except (OSError, ValueError, KeyError, TypeError):
        raise ValueError(f"folder must be one of a sweep, and {str(path)!r} cannot be read: take another") from None
    if there != here:
        what = other if other != name else f"{name} as it was before its code, or a value that it holds, changed"
        raise ValueError(f"folder must keep the results of one function, and {str(folder)!r} has those of {what}: take another")


def _name_of(parameters: Mapping[str, Any]) -> str:
    """The name of the file of a member: it tells the content of its parameters.

    Raises ValueError for a parameter whose content cannot be told, such as a lambda.
    """
    digest = sha256()
    for name, value in sorted(parameters.items()):
        digest.update(repr(name).encode())
        try:
            digest.update(pickle.dumps(value, protocol=4))
        except Exception as reason:
            raise ValueError(
                f"over must hold values that can be pickled if results are kept in a folder, got {value!r} for {name!r} "
                f"({reason}): take a number or a name, and make the object in run"
            ) from reason
    return digest.hexdigest()[:24] + ".json"


def _read(path: Path) -> dict[str, Any] | None:
    """The result in a file; None if there is none, or it is damaged."""
    try:
        stored = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return stored if isinstance(stored, dict) and stored.get("error", "") is None else None


def _write(path: Path, result: dict[str, Any]) -> None:
    """Write a result at once or not at all."""
    unfinished = path.with_suffix(f".{uuid4().hex}")
    unfinished.write_text(json.dumps(result))
    unfinished.replace(path)
