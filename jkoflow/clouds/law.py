"""What moves the point masses of several species."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .._typing import Array
from ..kernels import Kernel, RadialKernel
from ..kernels.sums import pair_gradients
from ..laws import Law
from ..laws.forms import External, OneWay, Pair
from ..laws.reading import Motion
from ..measures import Particles, Species

TAKES = (External, Pair, OneWay)
_STEP = 1e-3  # of the extent: differences of a potential whose gradient is not given


@dataclass
class CloudLaw:
    """A law on point masses: dx/dt = -alpha_a (sum_b grad K_ab * rho_b + grad V_a)(x) for x of species a.

    Species are numbered in the order of ``names``; ``kernels[a, b]`` pulls a towards b, ``fields[a]`` are (c, potential).
    """

    names: tuple[str, ...]
    mobilities: Array
    balance: Array  # 1 / alpha with the mobilities that make the law symmetric: the joint centre with these weights may be kept
    kernels: dict[tuple[int, int], Kernel] = field(default_factory=dict)
    fields: list[list[tuple[float, External]]] = field(default_factory=list)

    @classmethod
    def of(cls, law: Law, state: Species, mobilities: Mapping[str, float]) -> CloudLaw:
        """The law, read term by term; ValueError for a state of another kind or a term that point masses do not feel."""
        if not issubclass(state.kind, Particles):
            raise ValueError(f"state must be of Particles, got {state.kind.__name__}: convert with Particles.from_quantiles")
        names = tuple(state)
        alpha = np.array([mobilities[name] for name in names])
        symmetric = law.symmetrizable() or {}
        own = np.array([symmetric.get(name, 1.0) for name in names])
        law.forms.require(TAKES, "a law of Particles", "hold the measure as a Density or as Quantiles for the others")
        found = cls(names, alpha, 1 / (own * alpha), fields=[[] for _ in names])
        for motion in law.forms.motions:
            found._add(motion)
        for factor, form, _ in law.forms.external:
            if not callable(form.V):
                raise ValueError(
                    f"V must be a function of space on Particles, whose points move, got an array of shape {form.V.shape}"
                )
            found.fields[names.index(form.species)].append((factor, form))
        for kernel in found.kernels.values():
            if (kernel.pointy or kernel.singular) and not isinstance(kernel, RadialKernel):
                raise ValueError(
                    f"{kernel!r} is pointed or singular at the origin, and only its values are known: "
                    "subclass RadialKernel, which tells k'(0+)"
                )
        return found

    def _add(self, motion: Motion) -> None:
        pair, kernel = (self.names.index(motion.moves), self.names.index(motion.by)), motion.factor * motion.kernel
        self.kernels[pair] = self.kernels[pair] + kernel if pair in self.kernels else kernel

    def velocities(self, places: Array, held: Array) -> Array:
        """The velocity (S, n, d) that every species has, or would have, at places (n, d) that hold masses (n, S); 0 at places
        without mass of it.

        One sum over pairs for every two species that interact.
        """
        flat = places[:, 0] if places.shape[1] == 1 else places
        out = np.zeros((len(self.names), *places.shape))
        here = [held[:, a] > 0 for a in range(len(self.names))]
        for (a, b), kernel in self.kernels.items():
            pulls = pair_gradients(kernel, flat[here[a]], flat[here[b]], held[here[b], b])
            out[a, here[a]] -= pulls.reshape(-1, places.shape[1])
        for a, fields in enumerate(self.fields):
            for c, term in fields:
                out[a, here[a]] -= c * gradient_of(term, places[here[a]])
        return out * self.mobilities[:, None, None]

    def grips(self, distance: float) -> Array:
        """alpha_a k_ab'(distance) (S, S), where attraction holds atoms together in finite time, else 0: the kernels whose slope
        over r grows without bound towards the origin.
        """
        out = np.zeros((len(self.names), len(self.names)))
        for (a, b), kernel in self.kernels.items():
            if is_steep(kernel) and isinstance(kernel, RadialKernel):
                out[a, b] = self.mobilities[a] * float(kernel.slope(distance))
        return out


def is_steep(kernel: Kernel) -> bool:
    """Whether the slope over r grows without bound towards the origin, so that atoms may meet in finite time."""
    if not isinstance(kernel, RadialKernel):
        return False
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return kernel.singular or kernel.pointy or not np.isfinite(float(kernel.curvature(0.0)))


def gradient_of(term: External, places: Array) -> Array:
    """grad V at places (n, d): as given, or by central differences of fourth order."""
    coordinates = tuple(places.T)
    gradient = term.gradient if term.gradient is not None else getattr(term.V, "gradient", None)
    if gradient is not None:
        values = np.asarray(gradient(*coordinates), dtype=np.float64)
        constant = values.shape == (places.shape[1],) and places.shape[1] > 1
        return np.broadcast_to(values[:, None] if constant else np.atleast_2d(values), places.T.shape).T
    h = difference_step(places, _STEP, 1e-6)
    columns = []
    for axis in range(places.shape[1]):
        near, far = (_difference(term, places, axis, k * h) for k in (1, 2))
        columns.append((8 * near - far) / (12 * h))
    return np.stack(columns, axis=1)


def difference_step(places: Array, of_extent: float, of_distance: float) -> float:
    """A length for differences: a share of the extent of the places, no less than one of their distance from the origin."""
    return max(of_extent * float(np.ptp(places, axis=0).max()), of_distance * float(np.abs(places).max())) or of_extent


def _difference(term: External, places: Array, axis: int, h: float) -> Array:
    step = np.zeros(places.shape[1])
    step[axis] = h
    ahead, behind = (term.V(*(places + sign * step).T) for sign in (1, -1))
    return np.broadcast_to(np.asarray(ahead, dtype=np.float64) - behind, places.shape[:1])
