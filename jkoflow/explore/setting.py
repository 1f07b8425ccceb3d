"""What is chosen in the explorer: a run, and the script that makes the same run."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from ..trajectory import Trajectory

# In words, the code of a law. {a} is the strength.
ENERGIES = {
    "heat: entropy": "{a} * jf.Entropy()",
    "porous medium: Renyi's entropy, m = 2": "{a} * jf.RenyiEntropy(2)",
    "fast diffusion: Renyi's entropy, m = 1/2": "{a} * jf.RenyiEntropy(0.5)",
    "crowd: a bound of 3 on the density": "jf.Congestion(3.0)",
    "attraction against diffusion": "{a} * jf.Entropy() + jf.Interaction(jf.Gaussian(12.0 * {a}, 0.3))",
}
LANDSCAPES = {
    "flat": "0 * x",
    "a bowl": "2 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)",
    "a slope": "x",
    "two wells": "40 * ((x - 0.5) ** 2 - 0.06) ** 2 + (y - 0.5) ** 2",
    "hills": "0.3 * np.cos(12 * x) * np.cos(12 * y)",
}
_SCRIPT = '''"""A flow from the explorer of jkoflow. It needs: pip install jkoflow"""

import base64
import zlib

import numpy as np

import jkoflow as jf


def unpacked(text):
    """The array that a text holds."""
    return np.frombuffer(zlib.decompress(base64.b85decode(text)), dtype="<f8").reshape({shape})


grid = jf.Grid.box((0, 1), (0, 1), cells={shape})
start = grid.density(unpacked("{values}"))
landscape = {landscape}
law = {law} + jf.Potential(landscape)
flow = jf.evolve(law, start, dt={dt!r}, t_end={t_end!r}, on_failure="return")

if __name__ == "__main__":
    print(flow)
    jf.plot.density(flow).savefig("flow.png")
    jf.plot.animate(flow, "flow.gif")
'''


@dataclass(frozen=True, eq=False)
class Setting:
    """A density in the unit square, a landscape, an energy, and the times.

    Attributes
    ----------
    values : array (n, n)
        The density up to a factor: it is scaled to mass 1. The first axis is x.
    landscape : str or array (n, n)
        A key of ``LANDSCAPES``, or heights over the cells.
    energy : str
        A key of ``ENERGIES``.
    strength : float
        The factor of the energy.
    dt, t_end : float

    Raises ValueError for values that are negative, not finite or all 0.

    >>> import numpy as np
    >>> flow = Setting(np.ones((8, 8)), "a slope", "heat: entropy", 0.1, 0.05, 0.1).flow()
    >>> flow.ok, len(flow)
    (True, 3)
    """

    values: Array
    landscape: str | Array
    energy: str
    strength: float
    dt: float
    t_end: float

    def flow(self) -> Trajectory:
        """Return the run of the script."""
        names: dict[str, Any] = {"__name__": "explored"}
        exec(compile(self.script(), "script", "exec"), names)
        found = names["flow"]
        assert isinstance(found, Trajectory)
        return found

    def script(self) -> str:
        """Return a script that makes this run, to the last bit, with the density and the landscape in it."""
        values = np.asarray(self.values, dtype=float)
        if isinstance(self.landscape, str):
            landscape = f"grid.sample(lambda x, y: {LANDSCAPES[self.landscape]})"
        else:
            landscape = f'unpacked("{_packed(self.landscape)}")'
        return _SCRIPT.format(
            shape=values.shape,
            values=_packed(values),
            landscape=landscape,
            law=ENERGIES[self.energy].format(a=repr(float(self.strength))),
            dt=float(self.dt),
            t_end=float(self.t_end),
        )


def _packed(array: Array) -> str:
    """An array as a text without quotes."""
    return base64.b85encode(zlib.compress(np.ascontiguousarray(array, dtype="<f8").tobytes(), 9)).decode()
