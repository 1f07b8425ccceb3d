"""Laws of |x| alone on the line, by their strengths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._arrays import read_only
from .._typing import Array
from ..kernels.sums import on_the_line
from ..laws import Law, newtonian_law
from ..laws.forms import Pair
from ..measures import Measure, OrderedPoints, Species, complete_mobilities

_LIGHTEST = 1e-15  # share of the mass of a species: the least mass of a particle


class TipArrays(NamedTuple):
    """Ordered particles and their law as arrays, for compiled code. The second species is empty if there is one alone.

    Attributes
    ----------
    x, m : arrays
        The positions and masses of the first species.
    y, n : arrays
        The positions and masses of the second species.
    law : array (5,)
        (s_1, c, s_2, 1 / alpha_1, 1 / alpha_2).
    """

    x: Array
    m: Array
    y: Array
    n: Array
    law: Array


@dataclass(frozen=True)
class TipLaw:
    """A law of |x| alone for one or two species of ordered particles.

        E = sum_a s_a/2 int int |x - x'| drho_a drho_a + c int int |x - y| drho_1 drho_2,    c >= 0

    On the cone of ordered positions E is convex and piecewise linear. It is the integral over space of

        h(p, q) = s_1 M_p (M - M_p) + s_2 N_q (N - N_q) + c (M_p (N - N_q) + N_q (M - M_p))

    Here p and q are the numbers of particles to the left, M_p and N_q the masses of the first p and q particles, M and N the
    total masses. For ``newtonian_law()`` and total masses of 1, h = (M_p - N_q)^2. Every answer of this package comes from
    this one function (docs/theory/clusters.md, section 2).

    Attributes
    ----------
    species : tuple of one or two names
    strengths : (s_1, c, s_2)
        A species with s < 0 repels itself.
    mobilities : (alpha_1, alpha_2)

    >>> import jkoflow as jf
    >>> tips, state = TipLaw.on(jf.newtonian_law(), jf.OrderedParticles(x=[-1.0], y=[1.0]))
    >>> tips.is_newtonian
    True
    """

    species: tuple[str, ...]
    strengths: tuple[float, float, float]
    mobilities: tuple[float, float]

    @classmethod
    def on(
        cls, law: Law | None, state: Measure | Species, mobilities: Mapping[str, float] | None = None
    ) -> tuple[TipLaw, Species]:
        """Return the strengths of a law, and the state after the law has checked it. Default law: ``newtonian_law()``.

        Raises ValueError if the law is not of |x| alone or does not fit the state.
        """
        law = newtonian_law() if law is None else law
        if not isinstance(law, Law):
            raise ValueError(f"law must be an energy or a sum of them, got {law!r}")
        checked_state = law.check(state)
        return cls.of(law, checked_state, mobilities), checked_state

    @classmethod
    def of(cls, law: Law, state: Species, mobilities: Mapping[str, float] | None = None) -> TipLaw:
        """Return the strengths of a law for a checked state.

        Raises ValueError if the law has a term that is not of |x| alone, and for what ``part_of`` refuses.
        """
        for entry in law.forms.entries:
            if not isinstance(entry.form, Pair) or not on_the_line(entry.form.kernel).only_tip:
                raise ValueError(
                    f"{entry.term!r} is not made of |x| alone, for which the flow of ordered particles is exact: "
                    "take JKO(), which on ordered particles takes any convex law"
                )
        return cls.part_of(law, state, mobilities)

    @classmethod
    def part_of(cls, law: Law, state: Species, mobilities: Mapping[str, float] | None = None) -> TipLaw:
        """Return the strengths of the terms |x| in a law that may have other terms and kernels.

        Raises ValueError for

        * more than two species;
        * a state that is not of ordered particles;
        * a particle lighter than 1e-15 of its species;
        * a cross-interaction that repels.
        """
        names = tuple(state)
        if len(names) > 2:
            raise ValueError(f"state must have one species or two of ordered particles, got {len(names)}")
        if state.kind is not OrderedPoints:
            raise ValueError(
                f"state must be of ordered particles, got {state.kind.__name__}: make OrderedParticles of it, "
                "for instance by OrderedParticles.midpoints"
            )
        for name, cloud in state.items():
            if cloud.masses.min() < _LIGHTEST * cloud.mass:
                raise ValueError(
                    f"masses of species {name!r} must be at least {_LIGHTEST:g} of its total, got {cloud.masses.min():g} of "
                    f"{cloud.mass:g}: lighter ones are lost in rounding"
                )
        s = dict.fromkeys(names, 0.0)
        cross = 0.0
        for factor, pair, _ in law.forms.pairs:
            if pair.is_self:
                s[pair.a] += factor * on_the_line(pair.kernel).tip
            else:
                cross += factor * on_the_line(pair.kernel).tip
        if cross < 0:
            raise ValueError(
                f"the cross-interaction must attract, got {cross:g} |x - y|: repulsion of two species is not convex on the cone"
            )
        alpha = complete_mobilities(mobilities, state)
        first, second = names[0], names[-1]
        return cls(names, (s[first], cross, s[second] if len(names) == 2 else 0.0), (float(alpha[first]), float(alpha[second])))

    @property
    def is_newtonian(self) -> bool:
        """True for a positive multiple of ``newtonian_law()`` with mobilities of 1."""
        s1, c, s2 = self.strengths
        return len(self.species) == 2 and c > 0 and s1 == s2 == -c and self.mobilities == (1.0, 1.0)

    def clouds(self, state: Species) -> tuple[OrderedPoints, OrderedPoints | None]:
        """The two species of a state; None for the second if there is one alone."""
        return state[self.species[0]], state[self.species[1]] if len(self.species) == 2 else None

    def dissipation(self, state: Species) -> float:
        """The rate at which the flow lowers the energy at a state, sum_i (1 / alpha_i) sum_k m_k v_k^2."""
        from ._sweeps import velocities

        arrays = self.arrays(state)
        vx, vy = velocities(*arrays)
        return float(arrays.m @ vx**2 / self.mobilities[0] + arrays.n @ vy**2 / self.mobilities[1])

    def arrays(self, state: Species) -> TipArrays:
        """Return the positions and masses of both species and the law as read-only arrays."""
        x, y = self.clouds(state)
        nothing = np.zeros(0)
        law = np.array([*self.strengths, 1 / self.mobilities[0], 1 / self.mobilities[1]])
        places, masses = (nothing, nothing) if y is None else (y.points, y.masses)
        return TipArrays(*read_only(x.points, x.masses, places, masses, law))
