"""The command line: sediment on real terrain, or a flow of your own data."""

from __future__ import annotations

import argparse
import csv
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._typing import Array, Mask
from .._validate import non_negative_array, positive, positive_integer
from ..flow import FlowError, evolve, steps
from ..grids import Grid, resampled
from ..laws import Congestion, Entropy, Law, Obstacle, Potential, RenyiEntropy
from ..measures import Density, Particles
from ..proximal import BackAndForth, Convex, ConvexDynamic, Entropic, FiniteVolume, StepSolver
from ..schemes import JKO
from ..trajectory import Trajectory
from .apps import APPS, run_app

SOLVERS: dict[str, type[StepSolver]] = {
    "entropic": Entropic,
    "exact": BackAndForth,
    "finite-volume": FiniteVolume,
    "convex": Convex,
    "dynamic": ConvexDynamic,
}
_FLOAT32 = np.finfo(np.float32)
_NO_DATA = (-9999.0, -99999.0, -32768.0, -32767.0, 32767.0, 65535.0, 1e20, float(_FLOAT32.min), float(_FLOAT32.max))
_HOW_LONG = "50 steps on 181 x 192 cells, then an animation: half a minute on two quiet cores, more the first time."
RIDGES = 0.85  # sediment starts on the ridges: this share of the cells lies below them


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 for success, 1 if a step was not solved, 2 for bad input.

    ``course`` and ``explore`` as the first argument open an app.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in APPS:
        try:
            return run_app(given)
        except ValueError as reason:
            print(f"jkoflow: {reason}", file=sys.stderr)
            return 2
    options = _parser().parse_args(given)
    with _terminated_like_interrupted():
        try:
            _run(options)
        except (ValueError, OSError) as reason:
            print(f"jkoflow: {reason}", file=sys.stderr)
            return 2
        except FlowError as reason:
            print(f"jkoflow: {reason}", file=sys.stderr)
            return 1
    return 0


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does: what there is is written."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="jkoflow",
        description="Let a density slide down a landscape under a Wasserstein gradient flow. With no arguments: sediment on "
        "the ridges of the Jacksboro fault, whose elevation map ships with matplotlib.",
        epilog="Apps: `jkoflow explore` draws a density and lets it flow, `jkoflow course` lists the lessons of the course. "
        "`jkoflow docs` prints where the documentation lies.",
    )
    add = parser.add_argument
    add(
        "--density",
        metavar="FILE",
        help="where to start: a picture (dark is mass), a .npy array with x first, or a .csv table of points",
    )
    add(
        "--nodata",
        metavar="VALUE",
        help="entries of the landscape with this value, or nan, are places where no mass may be, such as the sea",
    )
    add("--potential", metavar="FILE", help="the landscape: a .npy array, first axis x, in 1-D, 2-D or 3-D")
    add(
        "--energy",
        default="0.02*renyi:2",
        help="e.g. 0.02*renyi:2, entropy, 0.1*entropy+congestion:3 (default: %(default)s)",
    )
    add("--solver", choices=sorted(SOLVERS), help="the solver of the step (default: the one recommended for the data)")
    add("--cells", type=int, default=192, help="cells along the longest side (default: %(default)s)")
    add("--dt", type=float, default=0.002, help="time step (default: %(default)s)")
    add("--t-end", type=float, default=0.1, help="final time (default: %(default)s)")
    add("--out", default="out", metavar="FOLDER", help="where pictures and the table go (default: %(default)s)")
    return parser


def _run(options: argparse.Namespace) -> None:
    for name in ("dt", "t_end"):
        positive(f"--{name.replace('_', '-')}", getattr(options, name))
    positive_integer("--cells", options.cells)
    landscape, missing, lengths = _landscape(options)
    grid = _grid(lengths, options.cells)
    potential, closed = resampled(landscape, grid.shape), resampled(missing.astype(np.float64), grid.shape) > 0.5
    start = _start(options, grid, potential, closed)
    law = parse_energy(options.energy) + Potential(potential)
    if closed.any():
        law = law + Obstacle(closed.astype(np.float64))
    scheme = JKO(SOLVERS[options.solver]() if options.solver else None)
    steps(law, start, scheme=scheme, dt=options.dt, t_end=options.t_end)  # refuses what cannot be before anything is written
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"--out must be a folder that can be written, got {options.out!r}")
    if options == _parser().parse_args(["--out", options.out]):
        print(_HOW_LONG, flush=True)
    flow = evolve(law, start, scheme=scheme, dt=options.dt, t_end=options.t_end, on_failure="return", progress=True)
    written = _write(flow, potential, folder)
    print(_in_words(flow, law, potential))
    print("Wrote " + ", ".join(str(path) for path in written) + ".")
    if not flow.ok:
        raise FlowError(flow.outcome, flow)


class Landscape(NamedTuple):
    """Heights from 0 to 1 on a box whose last side has the length 1."""

    heights: Array
    missing: Mask
    """Where the file tells no height. The height there is 1."""
    lengths: tuple[float, ...]


def _landscape(options: argparse.Namespace) -> Landscape:
    """The landscape of the file, or the elevation map if there is no file."""
    if options.potential is None:
        from matplotlib.cbook import get_sample_data

        data: Any = get_sample_data("jacksboro_fault_dem.npz")
        elevation = np.asarray(data["elevation"], dtype=np.float64).T[:, ::-1]  # rows run from north to south
        south, north = sorted((float(data["ymin"]), float(data["ymax"])))
        width = (float(data["xmax"]) - float(data["xmin"])) * np.cos(np.radians((south + north) / 2))
        lengths: tuple[float, ...] = (width / (north - south), 1.0)
    else:
        elevation = _array("--potential", options.potential, finite=options.nodata is None)
        lengths = tuple(count / elevation.shape[-1] for count in elevation.shape)
    missing = _missing(elevation, options.nodata)
    known = elevation[~missing]
    low, height = float(known.min()), float(np.ptp(known)) or 1.0
    return Landscape(np.where(missing, 1.0, (elevation - low) / height), missing, lengths)


def _missing(elevation: Array, nodata: str | None) -> Mask:
    """The entries that stand for no data. Raises ValueError for data that look as if some do, if ``nodata`` does not say so."""
    if nodata is None:
        for value in (elevation.min(), elevation.max()):
            share = float((elevation == value).mean())
            rest = elevation[elevation != value]
            if share > 0 and value in _NO_DATA and rest.size and abs(value - np.median(rest)) > 10 * np.ptp(rest):
                raise ValueError(
                    f"--potential has {share:.1%} entries {value:g}, far from the others, as if there were no data: "
                    f"--nodata {value:g} keeps mass out of them, --nodata none takes them as heights"
                )
        return np.zeros(elevation.shape, dtype=bool)
    if nodata == "none":
        missing = np.zeros(elevation.shape, dtype=bool)
    else:
        try:
            no_data = float(nodata)
        except ValueError:
            raise ValueError(f"--nodata must be a number, nan or none, got {nodata!r}") from None
        missing = np.isnan(elevation) if np.isnan(no_data) else elevation == no_data
        if not missing.any():
            raise ValueError(f"--nodata {nodata} does not occur in the landscape")
    bad = int(np.count_nonzero(~np.isfinite(elevation[~missing])))
    if bad or missing.all():
        raise ValueError(f"--potential must hold finite heights besides --nodata {nodata}, got {bad} NaN or infinite others")
    return np.asarray(missing)


def _grid(lengths: tuple[float, ...], cells: int) -> Grid:
    """The grid of the box, with ``cells`` cells along its longest side and cells that are nearly square."""
    longest = max(lengths)
    counts = tuple(max(1, round(cells * length / longest)) for length in lengths)
    return Grid.box(*((0.0, length) for length in lengths), cells=counts)


def _start(options: argparse.Namespace, grid: Grid, potential: Array, closed: Mask) -> Density:
    """The density at the start: that of the file, or mass on the ridges of the landscape if no file is given."""
    if options.density is None:
        if np.ptp(potential) == 0:
            raise ValueError("--density must be given where the landscape is flat: it has no ridges to start from")
        return grid.density((potential > np.quantile(potential[~closed], RIDGES)) * ~closed)
    if options.density.endswith(".csv"):
        return _open_to(Particles.from_table(options.density, points=("x", "y", "z")[: grid.dim]).density(grid), closed)
    if not options.density.endswith(".npy"):
        return _open_to(Density.from_image(options.density, grid=grid, invert=True), closed)
    values = _array("--density", options.density)
    if values.ndim != grid.dim:
        raise ValueError(f"--density must have the dimension of the landscape ({grid.dim}), got shape {values.shape}")
    return _open_to(grid.density(resampled(non_negative_array("--density", values, values.shape), grid.shape)), closed)


def _open_to(start: Density, closed: Mask) -> Density:
    """The density at the start. Raises ValueError if it has mass where none may be."""
    lost = float(start.values[closed].sum()) * start.grid.cell_volume / start.mass
    if lost > 0:
        raise ValueError(f"--density must have no mass where the landscape has no data, got {lost:.2%} of it there")
    return start


def _array(name: str, path: str, finite: bool = True) -> Array:
    """Read an array from a .npy file: of dimension 1, 2 or 3, with at least two entries along every axis.

    Entries must be finite, unless ``finite`` is false.
    """
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as reason:
        raise ValueError(f"{name} must be a .npy array, and {path!r} cannot be read: {reason}") from None
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiub":
        raise ValueError(f"{name} must be a .npy array of real numbers, got {path!r}")
    if values.dtype == np.uint8 and values.ndim == 3 and values.shape[-1] in (3, 4):
        raise ValueError(
            f"{name} must be numbers on a grid, and {path!r} is a picture with channels: save it as a picture file"
        )
    if not 1 <= values.ndim <= 3 or min(values.shape) < 2:
        raise ValueError(f"{name} must have 1, 2 or 3 axes of at least 2 entries, got shape {values.shape} in {path!r}")
    bad = int(np.count_nonzero(~np.isfinite(values)))
    if bad and finite:
        way_out = ": --nodata nan keeps mass out of them" if name == "--potential" and np.isnan(values).any() else ""
        raise ValueError(f"{name} must be finite, got {bad} NaN or infinite of {values.size} entries in {path!r}{way_out}")
    return np.asarray(values, dtype=np.float64)


def parse_energy(text: str) -> Law:
    """Return the energy that a text names: terms joined by ``+``.

    A term is ``entropy`` or ``renyi:m``, also with a factor as in ``0.5*entropy``, or ``congestion:bound``. Raises ValueError
    for any other text.

    >>> parse_energy("0.5*renyi:3 + entropy")
    0.5 * RenyiEntropy(3.0) + Entropy()
    """
    total: Any = 0
    for term in re.split(r"(?<![0-9][eE])\+", text.replace(" ", "")):
        parts = re.fullmatch(r"(?:([^*]+)\*)?(entropy|renyi|congestion)(?::(.+))?", term)
        if parts is None or (parts[2] == "entropy") != (parts[3] is None):
            raise ValueError(f"--energy must join entropy, renyi:M and congestion:BOUND by +, got {text!r}")
        factor = _number("the factor in --energy", parts[1] or "1")
        if parts[2] == "entropy":
            energy: Law = Entropy()
        elif parts[2] == "renyi":
            energy = RenyiEntropy(_number("M in --energy", parts[3]))
        else:
            energy = Congestion(_number("BOUND in --energy", parts[3]))
        total = total + (energy if factor == 1 else factor * energy)
    return total


def _number(name: str, text: str) -> float:
    """Read a positive finite number."""
    try:
        return positive(name, float(text))
    except ValueError:
        raise ValueError(f"{name} must be a positive finite number, got {text!r}") from None


def _write(flow: Trajectory, potential: Array, folder: Path) -> list[Path]:
    """Write the pictures, the table and the animation, and return their paths."""
    import matplotlib

    matplotlib.use("agg")
    from .. import plot

    over = potential if potential.ndim == 2 else None
    paths = [folder / name for name in ("density.png", "energy.png", "steps.csv", "flow.gif")]
    plot.density(flow, over=over, times=[share * flow.times[-1] for share in (0.0, 0.05, 0.25, 1.0)]).savefig(paths[0], dpi=130)
    plot.energy(flow).savefig(paths[1], dpi=130)
    rows = flow.rows()
    with paths[2].open("w", newline="") as file:
        table = csv.DictWriter(file, fieldnames=list(rows[-1]), restval="")
        table.writeheader()
        table.writerows(rows)
    plot.animate(flow, paths[3], over=over, dpi=70)
    if shutil.which("ffmpeg"):
        paths.append(plot.animate(flow, folder / "flow.mp4", over=over))
    return paths


def _in_words(flow: Trajectory, law: Law, potential: Array) -> str:
    """What happened in a run, in a few sentences."""
    first, last = flow[0], flow.final
    heights = [rho.expectation(potential) / rho.mass for rho in (first, last)]
    lowest_quarter = potential < np.quantile(potential, 0.25)
    shares = [rho.expectation(lowest_quarter * 1.0) / rho.mass for rho in (first, last)]
    cells = " x ".join(map(str, first.grid.shape))
    solved = "every one solved" if flow.ok else "NOT every one solved"
    return (
        f"A density of mass {first.mass:.6g} on {cells} cells followed the gradient flow of {law!r}\n"
        f"for {len(flow) - 1} steps of {flow.scheme}, {solved}: {flow.outcome}.\n"
        f"Its energy went from {flow.energies[0]:.6g} to {flow.energies[-1]:.6g}; it moved {flow.distances.sum():.4g} in W2, "
        f"and its mean height went from {heights[0]:.3f} to {heights[1]:.3f} (0 is the lowest point, 1 the highest).\n"
        f"The lowest quarter of the ground held {shares[0]:.1%} of the mass and now holds {shares[1]:.1%}. "
        f"Mass changed by {abs(last.mass / first.mass - 1):.1e} of itself."
    )
