"""What moves the point masses of several species."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .._functions import called, values_of
from .._typing import Array
from ..kernels import Kernel, RadialKernel
from ..kernels.sums import pair_gradients
from ..laws import Law
from ..laws.forms import External, OneWay, Pair, Positions
from ..laws.reading import Entry, Motion
from ..laws.taylor import exact_jet
from ..measures import Particles, Species

TAKES = (External, Pair, OneWay, Positions)
_STEP = 1e-3  # share of the extent: the step of differences of a potential whose gradient is not given


@dataclass
class CloudLaw:
    """A law on point masses: dx/dt = -alpha_a (sum_b grad K_ab * rho_b + grad V_a)(x) for x of species a.

    Attributes
    ----------
    names : tuple of names
        The species. They are numbered in this order.
    mobilities : array (S,)
        alpha.
    balance : array (S,)
        1 / alpha_a, divided by the mobility that makes the law symmetric, where there is one. A motion of a symmetrizable law
        without potentials keeps the joint centre with the weights balance_a m_a.
    kernels : dict
        ``kernels[a, b]`` is K_ab: it pulls species a towards b.
    fields : list of lists
        ``fields[a]`` are the pairs (c, potential) of species a; V_a is their sum.
    positions : tuple of entries
        The functions of positions on the line, with their subgradients.
    """

    names: tuple[str, ...]
    mobilities: Array
    balance: Array
    kernels: dict[tuple[int, int], Kernel] = field(default_factory=dict)
    fields: list[list[tuple[float, External]]] = field(default_factory=list)
    positions: tuple[Entry[Positions], ...] = ()

    @classmethod
    def of(cls, law: Law, state: Species, mobilities: Mapping[str, float]) -> CloudLaw:
        """The law for the species of a state of Particles.

        Raises ValueError for

        * a state of another kind;
        * a term that point masses do not feel;
        * a potential that is an array;
        * a kernel that is pointed or singular, of which only values are known;
        * a function of positions without its subgradient, or off the line.
        """
        if not issubclass(state.kind, Particles):
            raise ValueError(f"state must be of Particles, got {state.kind.__name__}: convert with Particles.from_quantiles")
        names = tuple(state)
        alpha = np.array([mobilities[name] for name in names])
        symmetric = law.symmetrizable() or {}
        symmetrizing = np.array([symmetric.get(name, 1.0) for name in names])
        law.forms.require(TAKES, "a law of Particles", "hold the measure as a Density or as Quantiles for the others")
        cloud_law = cls(names, alpha, 1 / (symmetrizing * alpha), fields=[[] for _ in names])
        for motion in law.forms.motions:
            cloud_law._add(motion)
        for factor, form, _ in law.forms.external:
            if not callable(form.V):
                raise ValueError(
                    f"V must be a function of space on Particles, whose points move, got an array of shape {form.V.shape}"
                )
            cloud_law.fields[names.index(form.species)].append((factor, form))
        for kernel in cloud_law.kernels.values():
            if (kernel.pointy or kernel.singular) and not isinstance(kernel, RadialKernel):
                raise ValueError(
                    f"{kernel!r} is pointed or singular at the origin, and only its values are known: "
                    "subclass RadialKernel, which tells k'(0+)"
                )
        cloud_law.positions = law.forms.positions
        for entry in cloud_law.positions:
            if entry.form.subgradient is None:
                raise ValueError(f"{entry.term!r} must have a subgradient on Particles, got a resolvent alone")
            cloud_law.slopes(state)
        return cloud_law

    def slopes(self, state: Species) -> dict[str, Array]:
        """The subgradients of the functions of positions, by species, in the metric of the masses: shape (n,)."""
        out: dict[str, Array] = {}
        for entry in self.positions:
            assert entry.form.subgradient is not None
            given = entry.form.subgradient(state)
            for name in entry.form.species:
                slope = entry.factor * state[name].field(f"subgradient of {name!r}", given[name])
                out[name] = out[name] + slope if name in out else slope
        return out

    def _add(self, motion: Motion) -> None:
        pair, kernel = (self.names.index(motion.moves), self.names.index(motion.by)), motion.factor * motion.kernel
        self.kernels[pair] = self.kernels[pair] + kernel if pair in self.kernels else kernel

    def velocities(self, places: Array, masses: Array, time: float = 0.0) -> Array:
        """Return the velocity (S, n, d) of every species at every place, 0 at places without mass of it.

        ``time`` is that at which potentials are taken.

        ``places`` is (n, d), ``masses`` (n, S) the mass of every species there. Pulls between species at one place are not
        counted: the gradient of a kernel is 0 at the origin. Cost: one sum over pairs for every two species that interact.
        """
        flat = places[:, 0] if places.shape[1] == 1 else places
        out = np.zeros((len(self.names), *places.shape))
        here = [masses[:, a] > 0 for a in range(len(self.names))]
        for (a, b), kernel in self.kernels.items():
            pulls = pair_gradients(kernel, flat[here[a]], flat[here[b]], masses[here[b], b])
            out[a, here[a]] -= pulls.reshape(-1, places.shape[1])
        for a, fields in enumerate(self.fields):
            for c, term in fields:
                out[a, here[a]] -= c * gradient_of(term.at(time), places[here[a]])
        if self.positions:
            clouds = {name: Particles(flat[here[a]], masses[here[a], a]) for a, name in enumerate(self.names)}
            for name, slope in self.slopes(Species(clouds)).items():
                a = self.names.index(name)
                out[a, here[a], 0] -= slope
        return out * self.mobilities[:, None, None]

    def grips(self, distance: float) -> Array:
        """Return alpha_a k_ab'(distance) (S, S): the speed at which a unit mass of species b pulls species a at that distance.

        It is 0 for kernels that do not hold atoms together in finite time (see ``is_steep``).
        """
        out = np.zeros((len(self.names), len(self.names)))
        for (a, b), kernel in self.kernels.items():
            if is_steep(kernel) and isinstance(kernel, RadialKernel):
                out[a, b] = self.mobilities[a] * float(kernel.slope(distance))
        return out


def is_steep(kernel: Kernel) -> bool:
    """Return True if the slope of the kernel over r grows without bound towards the origin: atoms may meet in finite time."""
    if not isinstance(kernel, RadialKernel):
        return False
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return kernel.singular or kernel.pointy or not np.isfinite(float(kernel.curvature(0.0)))


def gradient_of(term: External, places: Array) -> Array:
    """grad V (n, d) at places (n, d).

    It is as given, otherwise exact where V is made of smooth numpy functions, otherwise by central differences of fourth order.
    """
    coordinates = tuple(places.T)
    gradient = term.gradient if term.gradient is not None else getattr(term.V, "gradient", None)
    if gradient is not None:
        values = called("gradient", gradient, coordinates)
        constant = values.shape == (places.shape[1],) and places.shape[1] > 1
        return np.broadcast_to(values[:, None] if constant else np.atleast_2d(values), places.T.shape).T
    jets = [exact_jet(term.V, coordinates, list(axis)) for axis in np.eye(len(coordinates))] if callable(term.V) else [None]
    if all(jet is not None for jet in jets):
        return np.stack([jet.slope for jet in jets if jet is not None], axis=1)
    h = difference_step(places, _STEP, 1e-6)
    columns = []
    for axis in range(places.shape[1]):
        near, far = (_difference(term, places, axis, k * h) for k in (1, 2))
        columns.append((8 * near - far) / (12 * h))
    return np.stack(columns, axis=1)


def difference_step(places: Array, of_extent: float, of_distance: float) -> float:
    """Return a step for differences: ``of_extent`` times the extent of the places.

    It is at least ``of_distance`` times their distance from the origin; ``of_extent`` if both are 0.
    """
    return max(of_extent * float(np.ptp(places, axis=0).max()), of_distance * float(np.abs(places).max())) or of_extent


def _difference(term: External, places: Array, axis: int, h: float) -> Array:
    """V at h ahead of the places along an axis less V at h behind."""
    step = np.zeros(places.shape[1])
    step[axis] = h
    ahead, behind = (values_of("V", term.V, tuple((places + sign * step).T)) for sign in (1, -1))
    return ahead - behind
