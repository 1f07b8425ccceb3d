"""Densities that grow, cell by cell."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..._functions import values_of
from ..._log import log
from ..._typing import Array
from ...laws import Entry
from ...laws.forms import Reacting
from ...measures import Density, Species

_EXACT = 1e-10  # relative error of the densities
_EXPLICIT, _MOST = 3000, 30_000  # evaluations of the rates in a step: above, they are stiff; above, they jump
_FAST = 1e3  # of u in a step: what ends there is no jump of a rate
_INFINITE = 300.0  # of the logarithm of the growth in a step: a density has blown up

Rate = Callable[[Mapping[str, Array], float], Array | float]
"""The rate of growth from the densities of all species and the time."""


class BlowUp(Exception):  # noqa: N818 - it ends in a status
    """A density became infinite."""


class NoRate(Exception):  # noqa: N818 - it ends in a status
    """A rate is not a number, or -inf, at densities that are."""


class NoSteps(Exception):  # noqa: N818 - it ends in a status
    """A rate jumps to and fro, and no steps in time follow it."""


class _TooMany(Exception):  # noqa: N818 - it is caught here
    """The rates were evaluated too often."""


def must_grow(entries: Sequence[Entry[Reacting]], masses: Species, time: float) -> None:
    """Raise ValueError for a state that does not grow, or a rate that cannot be computed."""
    if not entries:
        return
    if not issubclass(masses.kind, Density):
        raise ValueError(
            f"Growth changes the mass of cells, on Density, got {masses.kind.__name__}: the masses there are fixed"
        )
    values = {name: density.values for name, density in masses.items()}
    for entry in entries:
        if not np.isfinite(rate_of(entry, masses)(values, time)).all():
            raise ValueError(f"rate of {entry.term!r} must be finite at the start, and it is not in some cells")


def feels_pressure(entry: Entry[Reacting], masses: Species) -> bool:
    """True if a rate has the argument ``pressure``, and no species has this name."""
    rate = entry.form.rate
    return callable(rate) and "pressure" not in masses and "pressure" in inspect.signature(rate).parameters


def grown(
    entries: Sequence[Entry[Reacting]], masses: Species, start: float, end: float, pressures: Mapping[str, Array]
) -> Species:
    """The densities after a time of growth, at given pressures. Raises BlowUp if one becomes infinite, NoRate, or NoSteps.

    u = log(rho / rho at the start) solves du/dt = rate, so rho stays positive, and 0 where it is 0. Rates that are numbers are
    exact; others are integrated by the method DOP853 of scipy, or by BDF where they are stiff.
    """
    names = list(dict.fromkeys(entry.form.species for entry in entries))
    before = {name: density.values for name, density in masses.items()}
    if all(not callable(entry.form.rate) for entry in entries):
        rates = dict.fromkeys(masses, 0.0)
        for c, form, _ in entries:
            rates[form.species] += c * float(form.rate)  # type: ignore[arg-type]
        with np.errstate(over="ignore", invalid="ignore"):
            return _finite(masses, {name: v * np.exp(rates[name] * (end - start)) for name, v in before.items()})
    functions = [(names.index(entry.form.species), rate_of(entry, masses, pressures)) for entry in entries]
    shape = (len(names), *next(iter(before.values())).shape)

    def densities(u: Array) -> dict[str, Array]:
        return before | {name: before[name] * np.exp(u[k]) for k, name in enumerate(names)}

    def slope(time: float, u: Array) -> Array:
        now, out = densities(u.reshape(shape)), np.zeros(shape)
        for k, rate in functions:
            out[k] += rate(now, time)
        if np.isnan(out).any() and all(np.isfinite(part).all() for part in now.values()):
            raise NoRate
        return out.ravel()

    return _finite(masses, densities(_integrated(slope, shape, start, end)))


def _finite(masses: Species, values: Mapping[str, Array]) -> Species:
    """The densities with these values. Raises BlowUp if they are not finite."""
    if not all(np.isfinite(part).all() for part in values.values()):
        raise BlowUp
    return masses.like(values)


def _integrated(slope: Callable[[float, Array], Array], shape: tuple[int, ...], start: float, end: float) -> Array:
    """u after the time, by DOP853; by BDF, where every cell is a block of the Jacobian, where that is stiff."""
    from scipy.integrate import solve_ivp

    def infinite(_: float, u: Array) -> float:
        return _INFINITE - float(u.max())

    infinite.terminal = True  # type: ignore[attr-defined]
    for method, most in (("DOP853", _EXPLICIT), ("BDF", _MOST)):
        counted = _counted(slope, most)
        options = {"jac": _jacobian(counted, shape)} if method == "BDF" else {}
        try:
            with np.errstate(all="ignore"):
                solved = solve_ivp(
                    counted, (start, end), np.zeros(shape).ravel(), method=method, rtol=_EXACT, atol=_EXACT,
                    events=infinite, **options,
                )  # fmt: skip
        except _TooMany:
            continue
        if solved.status == 0:
            return np.asarray(solved.y[:, -1].reshape(shape))
        with np.errstate(all="ignore"):
            last = slope(solved.t[-1], solved.y[:, -1])
        fastest = float(last[np.argmax(np.abs(last))]) * (end - start)
        if solved.status == 1 or not fastest <= _FAST:
            log.info("growth made a density infinite at t = %g", solved.t[-1])
            raise BlowUp
        if fastest < -_FAST:
            log.info("a rate of growth became -inf at t = %g", solved.t[-1])
            raise NoRate
    raise NoSteps


def _counted(slope: Callable[[float, Array], Array], most: int) -> Callable[[float, Array], Array]:
    """The slope, which raises _TooMany after ``most`` evaluations."""
    left = iter(range(most))

    def counted(time: float, u: Array) -> Array:
        if next(left, None) is None:
            raise _TooMany
        return slope(time, u)

    return counted


def _jacobian(slope: Callable[[float, Array], Array], shape: tuple[int, ...]) -> Callable[[float, Array], Any]:
    """The derivative of the slopes, which depend on u in the same cell, by central differences over a millionth."""
    from scipy.sparse import bmat, diags_array

    def jacobian(time: float, u: Array) -> Any:
        columns = []
        for k in range(shape[0]):
            h = np.zeros(shape)
            h[k] = 1e-6
            change = slope(time, u + h.ravel()) - slope(time, u - h.ravel())
            columns.append([diags_array(part.ravel() / 2e-6) for part in change.reshape(shape)])
        return bmat([list(row) for row in zip(*columns, strict=True)], format="csc")

    return jacobian


def rate_of(entry: Entry[Reacting], masses: Species, pressures: Mapping[str, Array] | None = None) -> Rate:
    """The rate of an entry as a function of the densities and the time. Raises ValueError for an unknown argument."""
    rate = entry.form.rate
    if not callable(rate):
        return lambda densities, time: entry.factor * float(rate)
    grid = masses.grid
    places = dict(zip("xyz", grid.mesh, strict=False))
    own, pressure = entry.form.species, (pressures or {}).get(entry.form.species, np.zeros(grid.shape))
    species = [name for name in masses if name]
    known = ["rho", *species, *places, "t", "pressure"]
    names = []
    for name, parameter in inspect.signature(rate).parameters.items():
        if name in known:
            names.append(name)
        elif parameter.default is inspect.Parameter.empty:
            raise ValueError(f"rate of {entry.term!r} must have arguments among {', '.join(known)}, got {name!r}")

    def by_name(*given: Array) -> Any:
        return rate(**dict(zip(names, given, strict=True)))

    def value(densities: Mapping[str, Array], time: float) -> Array:
        arrays = {"pressure": pressure, "t": np.full(grid.shape, time), **places, "rho": densities[own]}
        arrays |= {name: densities[name] for name in species}  # the name of a species is its density, whatever else it means
        given = [arrays[name] for name in names]
        computed = values_of("rate", by_name, given) if given else np.full(grid.shape, float(rate()))
        return np.asarray(entry.factor * computed)

    return value
