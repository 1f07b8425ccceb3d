"""Steps on the line: random problems for QuantileNewton, and an oracle for nodes in extended precision.

The oracle works in natural units. Its objective is the documented one: exact internal energies, |x| by distribution functions,
potentials and smooth kernels at three Gauss points a cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from common import EPS, LONG, Case, Units, random_units
from scipy import linalg

import jkoflow as jf

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(3)
_X = np.sqrt(LONG(3) / 5)
T3 = np.array([(1 - _X) / 2, LONG(1) / 2, (1 + _X) / 2])
W3 = np.array([LONG(5), LONG(8), LONG(5)]) / 18
_Y = 1 / np.sqrt(LONG(3))
T2 = np.array([(1 - _Y) / 2, (1 + _Y) / 2])
TOLERANCE = 1e-6
LOWER = 1e-8


@dataclass(frozen=True)
class KernelPart:
    """c (tip |x| + S(|x|)), with the powers of |x| in S that are not smooth at the origin."""

    name: str
    c: float
    tip: float = 0.0
    s: Callable | None = None
    slope: Callable | None = None
    curvature: Callable | None = None
    power: float | None = None
    convex: bool = False
    make: Callable[[Units], Any] = None  # type: ignore[assignment]


def _pair_unit(units: Units) -> float:
    return units.energy / units.mass**2


def power_part(c: float, p: float) -> KernelPart:
    """c |x|^p / p."""

    def make(units: Units) -> Any:
        return (c * _pair_unit(units) / units.length**p) * jf.PowerLaw(p)

    name = f"{c:.3g}|x|^{p:g}/{p:g}"
    if p == 1:
        return KernelPart(name, c, 1.0, convex=c > 0, make=make)
    if p == 0:
        s, slope, curvature = np.log, lambda r: 1 / r, lambda r: -1 / r**2
    else:
        s, slope, curvature = lambda r: r**p / p, lambda r: r ** (p - 1), lambda r: (p - 1) * r ** (p - 2)
    smooth = p % 2 == 0 and p >= 2
    return KernelPart(name, c, 0.0, s, slope, curvature, None if smooth else p, c > 0 and p >= 1, make)


def morse_part(c: float, length: float) -> KernelPart:
    """c (1 - exp(-|x| / l))."""
    return KernelPart(
        f"{c:.3g}Morse({length:.2g})",
        c,
        1 / length,
        lambda r: -np.expm1(-r / length) - r / length,
        lambda r: np.expm1(-r / length) / length,
        lambda r: -np.exp(-r / length) / length**2,
        make=lambda units: (c * _pair_unit(units)) * jf.Morse(1.0, length * units.length),
    )


def gaussian_part(c: float, length: float) -> KernelPart:
    """c (1 - exp(-x^2 / l^2))."""
    return KernelPart(
        f"{c:.3g}Gaussian({length:.2g})",
        c,
        0.0,
        lambda r: -np.expm1(-((r / length) ** 2)),
        lambda r: 2 * r / length**2 * np.exp(-((r / length) ** 2)),
        lambda r: 2 / length**2 * (1 - 2 * (r / length) ** 2) * np.exp(-((r / length) ** 2)),
        make=lambda units: (c * _pair_unit(units)) * jf.Gaussian(1.0, length * units.length),
    )


@dataclass(frozen=True)
class Field:
    """c V(x): a potential with its derivatives."""

    name: str
    c: float
    value: Callable
    slope: Callable
    curvature: Callable
    convex: bool
    with_gradient: bool

    def make(self, units: Units, species: str) -> Any:
        scale, length, origin = self.c * units.potential, units.length, units.origin

        def V(x: Any) -> Any:
            return scale * self.value(np.asarray(x) / length - origin)

        def gradient(x: Any) -> Any:
            return scale / length * self.slope(np.asarray(x) / length - origin)

        return jf.Potential(V, species, gradient if self.with_gradient else None)


def random_field(rng: np.random.Generator, c: float, with_gradient: bool) -> Field:
    """A smooth, steep or rounded kinked potential, convex or not."""
    a, kind = rng.uniform(-1, 1), rng.integers(7)
    if kind == 0:
        functions = ("square", lambda x: (x - a) ** 2 / 2, lambda x: x - a, lambda x: np.ones_like(x), True)
    elif kind == 1:
        functions = ("linear", lambda x: x, lambda x: np.ones_like(x), lambda x: np.zeros_like(x), True)
    elif kind == 2:
        functions = ("quartic", lambda x: (x - a) ** 4, lambda x: 4 * (x - a) ** 3, lambda x: 12 * (x - a) ** 2, True)
    elif kind == 3:
        functions = (
            "two wells",
            lambda x: (x**2 - 1) ** 2 / 4,
            lambda x: x * (x**2 - 1),
            lambda x: 3 * x**2 - 1,
            False,
        )
    elif kind == 4:
        k = rng.uniform(1, 6)
        functions = (
            f"cos {k:.2g}",
            lambda x: np.cos(k * x),
            lambda x: -k * np.sin(k * x),
            lambda x: -(k**2) * np.cos(k * x),
            False,
        )
    else:
        d = 10.0 ** rng.uniform(-4, -1)
        functions = (
            f"kink {d:.1g}",
            lambda x: np.sqrt((x - a) ** 2 + d**2),
            lambda x: (x - a) / np.hypot(x - a, d),
            lambda x: d**2 / np.hypot(x - a, d) ** 3,
            True,
        )
    name, value, slope, curvature, convex = functions
    return Field(name, c, value, slope, curvature, convex, with_gradient)


@dataclass
class Chain:
    """One species in natural units."""

    name: str
    y: np.ndarray
    """The nodes of the anchor."""
    m: np.ndarray
    mobility: float
    powers: list = field(default_factory=list)
    """Pairs (c, exponent) of internal energies. The exponent 1 stands for the entropy."""
    fields: list = field(default_factory=list)
    selves: list = field(default_factory=list)
    bound: float = np.inf
    charge: float = 0.0

    @property
    def barrier(self) -> np.ndarray:
        singular = any(part.power is not None and part.power <= 0 for part in self.selves)
        return (self.m > 0) & (bool(self.powers) or singular) & (self.bound == np.inf)


@dataclass
class Problem:
    """A step in natural units."""

    chains: list
    tau: float
    walls: tuple | None = None
    crosses: list = field(default_factory=list)
    """Triples (index, index, part)."""
    coupling: dict | None = None
    units: Units = field(default_factory=Units)

    def slices(self) -> list:
        ends = np.cumsum([0] + [len(chain.y) for chain in self.chains])
        return [slice(a, b) for a, b in pairwise(ends)]

    @property
    def convex(self) -> bool:
        """True if every term is known to be convex in the nodes."""
        fields = all(f.convex for chain in self.chains for f in chain.fields)
        selves = all(part.convex or (part.name == "tip") for chain in self.chains for part in chain.selves)
        crosses = all(part.convex for *_, part in self.crosses)
        return fields and selves and crosses and self.coupling is None


def own_cells(chain: Chain, x: np.ndarray) -> tuple:
    """Value, slope and curvature of the functions of the width of each cell."""
    h, m = np.diff(x), chain.m.astype(LONG)
    with_mass = chain.m > 0
    w, q = np.where(with_mass, h, LONG(1)), np.where(with_mass, m, LONG(1))
    total = np.zeros((3, len(h)), dtype=LONG)
    for c, p in chain.powers:
        if p == 1:
            total += c * np.array([q * np.log(q / w), -q / w, q / w**2])
        else:
            k = LONG(p)
            value = q**k * w ** (1 - k) / (k - 1)
            total += c * np.array([value, value * (1 - k) / w, value * (1 - k) * (-k) / w**2])
    for part in chain.selves:
        p = part.power
        if p is None:
            continue
        pair = part.c * q**2 / 2
        if p == 0:
            total += np.array([pair * (np.log(w) - LONG(3) / 2), pair / w, -pair / w**2])
        else:
            factor = pair * 2 / (LONG(p) * (p + 1) * (p + 2))
            open_w = np.where(w > 0, w, LONG(1))
            total += np.array(
                [
                    factor * w**p,
                    np.where(w > 0, factor * p * open_w ** (p - 1), 0),
                    np.where(w > 0, factor * p * (p - 1) * open_w ** (p - 2), 0),
                ]
            )
    return tuple(np.where(with_mass, row, 0) for row in total)


def spread_matrix(n: int) -> np.ndarray:
    """The Gauss points of n cells from n + 1 nodes."""
    B = np.zeros((3 * n, n + 1), dtype=LONG)
    for g in range(3):
        B[g::3][np.arange(n), np.arange(n)] = 1 - T3[g]
        B[g::3][np.arange(n), np.arange(n) + 1] = T3[g]
    return B


def rank_force(m: np.ndarray) -> np.ndarray:
    """The derivative of 1/2 int int |x - y| by the width of each cell: the mean of F (M - F)."""
    levels = np.concatenate([[LONG(0)], np.cumsum(m.astype(LONG))])
    a, b, mass = levels[:-1], levels[1:], levels[-1]
    return mass * (a + b) / 2 - (a * a + a * b + b * b) / 3


def one_sided_levels(x: np.ndarray, m: np.ndarray, at: np.ndarray, side: str) -> np.ndarray:
    """The distribution function at increasing places: with atoms there if ``side`` is right, else without."""
    levels = np.concatenate([[LONG(0)], np.cumsum(m.astype(LONG))])
    k = np.clip(np.searchsorted(x, at, side=side), 1, len(x) - 1)
    inside = (at > x[0]) & (at < x[-1])
    h = x[k] - x[k - 1]
    share = np.where(h > 0, (at - x[k - 1]) / np.where(h > 0, h, 1), 1)
    value = levels[k - 1] + (levels[k] - levels[k - 1]) * np.clip(share, 0, 1)
    if side == "right":
        return np.where(inside, value, np.where(at >= x[-1], levels[-1], np.where(at < x[0], 0, value)))
    return np.where(inside, value, np.where(at <= x[0], 0, np.where(at > x[-1], levels[-1], value)))


def cross_abs(xa: np.ndarray, ma: np.ndarray, xb: np.ndarray, mb: np.ndarray, second: bool) -> tuple:
    """int int |x - y|: value, gradients in both sets of nodes, and the blocks aa, ab, bb of the second derivatives.

    Between neighbours of the merged nodes everything is a polynomial of degree 2, so two Gauss points are exact.
    Cells without width add to the gradient by the mean of the two one-sided slopes.
    """
    p = np.unique(np.concatenate([xa, xb]))
    lo, hi = p[:-1], p[1:]
    fa0, fa1 = one_sided_levels(xa, ma, lo, "right"), one_sided_levels(xa, ma, hi, "left")
    fb0, fb1 = one_sided_levels(xb, mb, lo, "right"), one_sided_levels(xb, mb, hi, "left")
    A, B = ma.astype(LONG).sum(), mb.astype(LONG).sum()
    value, gradients = LONG(0), [np.zeros(len(xa), dtype=LONG), np.zeros(len(xb), dtype=LONG)]
    blocks = [np.zeros((len(xa), len(xa))), np.zeros((len(xa), len(xb))), np.zeros((len(xb), len(xb)))]
    middle = (lo + hi) / 2
    ka, kb = np.searchsorted(xa, middle) - 1, np.searchsorted(xb, middle) - 1
    in_a, in_b = (ka >= 0) & (ka < len(ma)), (kb >= 0) & (kb < len(mb))
    ka, kb = np.clip(ka, 0, len(ma) - 1), np.clip(kb, 0, len(mb) - 1)
    ha, hb = xa[ka + 1] - xa[ka], xb[kb + 1] - xb[kb]
    ra = np.where(in_a & (ha > 0), ma[ka] / np.where(ha > 0, ha, 1), 0)
    rb = np.where(in_b & (hb > 0), mb[kb] / np.where(hb > 0, hb, 1), 0)
    for t in T2:
        z, w = lo + t * (hi - lo), (hi - lo) / 2
        fa, fb = fa0 + t * (fa1 - fa0), fb0 + t * (fb1 - fb0)
        value += np.sum(w * (fa * (B - fb) + fb * (A - fa)))
        ta, tb = (z - xa[ka]) / np.where(ha > 0, ha, 1), (z - xb[kb]) / np.where(hb > 0, hb, 1)
        for gradient, k, share, density, slope in (
            (gradients[0], ka, ta, ra, 2 * fb - B),
            (gradients[1], kb, tb, rb, 2 * fa - A),
        ):
            np.add.at(gradient, k, w * density * (1 - share) * slope)
            np.add.at(gradient, k + 1, w * density * share * slope)
        if second:
            both = (2 * w * ra * rb).astype(float)
            pa, pb = ((1 - ta).astype(float), ta.astype(float)), ((1 - tb).astype(float), tb.astype(float))
            for i in range(2):
                for j in range(2):
                    np.add.at(blocks[0], (ka + i, ka + j), both * pa[i] * pa[j])
                    np.add.at(blocks[1], (ka + i, kb + j), -both * pa[i] * pb[j])
                    np.add.at(blocks[2], (kb + i, kb + j), both * pb[i] * pb[j])
    for gradient, x, m, other, om, mass in ((gradients[0], xa, ma, xb, mb, B), (gradients[1], xb, mb, xa, ma, A)):
        atoms = np.flatnonzero((np.diff(x) == 0) & (m > 0))
        if len(atoms):
            slope = one_sided_levels(other, om, x[atoms], "left") + one_sided_levels(other, om, x[atoms], "right") - mass
            np.add.at(gradient, atoms, m[atoms] * slope / 2)
            np.add.at(gradient, atoms + 1, m[atoms] * slope / 2)
    return value, gradients, blocks


def smooth_pair(part: KernelPart, za: np.ndarray, ma: np.ndarray, zb: np.ndarray, mb: np.ndarray, own: bool) -> tuple:
    """The table of S over pairs of Gauss points: value, slopes at a and at b, and the table of second derivatives."""
    d = za[:, None] - zb
    r = np.abs(d)
    use = np.ones(r.shape, dtype=bool)
    if own and part.power is not None:
        cell = np.arange(len(za)) // 3
        use = cell[:, None] != cell
    if part.power is not None:
        use &= r > 0
    r = np.where(use, r, LONG(1))
    weight = np.where(use, ma[:, None] * mb, 0)
    value = np.sum(weight * part.s(r))
    slope = weight * part.slope(r) * np.sign(d)
    table = (weight * part.curvature(r)).astype(float)
    return value, slope.sum(1), -slope.sum(0), table


def objective(problem: Problem, x: np.ndarray, second: bool = True) -> tuple:
    """J, its gradient and its second derivatives in the nodes of all species. J is inf if a barrier cell has no width."""
    n, parts = len(x), problem.slices()
    value, g = LONG(0), np.zeros(n, dtype=LONG)
    H = np.zeros((n, n))
    pieces = []
    for chain, of in zip(problem.chains, parts, strict=True):
        z, m = x[of], chain.m.astype(LONG)
        if np.any(np.diff(z)[chain.barrier] <= 0):
            return LONG(np.inf), g, H, pieces
        N = len(m)
        d, w = z - chain.y, m / (LONG(problem.tau) * LONG(chain.mobility))
        inertia = np.sum(w * (d[:-1] ** 2 + d[:-1] * d[1:] + d[1:] ** 2)) / 6
        g[of][:-1] += w * (2 * d[:-1] + d[1:]) / 6
        g[of][1:] += w * (d[:-1] + 2 * d[1:]) / 6
        v, slope, curvature = own_cells(chain, z)
        for part in chain.selves:
            if part.tip:
                force = part.c * LONG(part.tip) * rank_force(chain.m)
                v, slope = v + force * np.diff(z), slope + force
        internal = v.sum()
        g[of][:-1] -= slope
        g[of][1:] += slope
        i = np.arange(N) + of.start
        c64, w64 = curvature.astype(float), w.astype(float)
        H[i, i] += w64 / 3 + c64
        H[i + 1, i + 1] += w64 / 3 + c64
        H[i, i + 1] += w64 / 6 - c64
        H[i + 1, i] += w64 / 6 - c64
        rest = LONG(0)
        smooth = [part for part in chain.selves if part.s is not None]
        if chain.fields or smooth:
            B = spread_matrix(N)
            zg, mg = B @ z, (m[:, None] * W3).ravel()
            B64 = B.astype(float)
            for f in chain.fields:
                rest += f.c * np.sum(mg * f.value(zg))
                g[of] += B.T @ (f.c * mg * f.slope(zg))
                if second:
                    H[of, of] += B64.T @ ((f.c * mg * f.curvature(zg)).astype(float)[:, None] * B64)
            for part in smooth:
                v, sa, sb, table = smooth_pair(part, zg, mg, zg, mg, True)
                rest += part.c * v / 2
                g[of] += part.c * (B.T @ (sa + sb)) / 2
                if second:
                    H[of, of] += part.c * (B64.T @ (np.diag(table.sum(1)) - table) @ B64)
        value += inertia + internal + rest
        pieces += [inertia, internal, rest]
    for a, b, part in problem.crosses:
        value += _add_cross(problem, x, a, b, part, g, H, second, pieces)
    if problem.coupling is not None:
        value += _add_coupling(problem, x, g, H, second, pieces)
    return value, g, H, pieces


def _add_cross(problem, x, a, b, part, g, H, second, pieces) -> Any:
    """Add the interaction of two species."""
    parts, value = problem.slices(), LONG(0)
    A, B, sa, sb = problem.chains[a], problem.chains[b], parts[a], parts[b]
    if part.tip:
        c = part.c * LONG(part.tip)
        v, (ga, gb), (aa, ab, bb) = cross_abs(x[sa], A.m, x[sb], B.m, second)
        value += c * v
        g[sa] += c * ga
        g[sb] += c * gb
        H[sa, sa] += float(c) * aa
        H[sb, sb] += float(c) * bb
        H[sa, sb] += float(c) * ab
        H[sb, sa] += float(c) * ab.T
    if part.s is not None:
        Ba, Bb = spread_matrix(len(A.m)), spread_matrix(len(B.m))
        ma, mb = (A.m.astype(LONG)[:, None] * W3).ravel(), (B.m.astype(LONG)[:, None] * W3).ravel()
        v, la, lb, table = smooth_pair(part, Ba @ x[sa], ma, Bb @ x[sb], mb, False)
        value += part.c * v
        g[sa] += part.c * (Ba.T @ la)
        g[sb] += part.c * (Bb.T @ lb)
        if second:
            Ba, Bb = Ba.astype(float), Bb.astype(float)
            H[sa, sa] += part.c * (Ba.T @ (table.sum(1)[:, None] * Ba))
            H[sb, sb] += part.c * (Bb.T @ (table.sum(0)[:, None] * Bb))
            block = -part.c * (Ba.T @ table @ Bb)
            H[sa, sb] += block
            H[sb, sa] += block.T
    pieces.append(value)
    return value


def _add_coupling(problem, x, g, H, second, pieces) -> Any:
    """Add int psi'^2 / 2 of the charges: from the int of F (M - F) of all pairs, and the walls."""
    parts, coupling = problem.slices(), problem.coupling
    k = 1 / LONG(coupling["permittivity"])
    value, total, dipole = LONG(0), LONG(0), LONG(0)
    clouds = [(chain.charge, x[of], chain.m, of) for chain, of in zip(problem.chains, parts, strict=True)]
    if coupling["doping"]:
        walls = np.array(problem.walls, dtype=LONG)
        clouds.append((1.0, walls, np.array([coupling["doping"] * (walls[1] - walls[0])]), None))
    moment = np.zeros(len(x), dtype=LONG)
    for i, (z, xa, ma, of) in enumerate(clouds):
        total += z * ma.astype(LONG).sum()
        dipole += z * np.sum(ma.astype(LONG) * (xa[1:] + xa[:-1]) / 2)
        force = rank_force(ma)
        if z < 0 or of is not None:
            pass
        value -= k * z * z * np.sum(force * np.diff(xa)) / 2
        if of is not None:
            g[of][:-1] += k * LONG(z) ** 2 * force / 2
            g[of][1:] -= k * LONG(z) ** 2 * force / 2
            moment[of][:-1] += z * ma.astype(LONG) / 2
            moment[of][1:] += z * ma.astype(LONG) / 2
        for other, xb, mb, ob in clouds[:i]:
            c = -k * LONG(z) * LONG(other) / 2
            v, (ga, gb), (aa, ab, bb) = cross_abs(xa, ma, xb, mb, second)
            value += c * v
            if of is not None:
                g[of] += c * ga
                H[of, of] += float(c) * aa
            if ob is not None:
                g[ob] += c * gb
                H[ob, ob] += float(c) * bb
            if of is not None and ob is not None:
                H[of, ob] += float(c) * ab
                H[ob, of] += float(c) * ab.T
    if coupling["boundary"] == "dirichlet":
        low, high = (LONG(w) for w in problem.walls)
        far = total * high - dipole
        value += k / 2 * (total * far - far**2 / (high - low))
        g += k / 2 * (-total + 2 * far / (high - low)) * moment
        H -= float(k / (high - low)) * np.outer(moment.astype(float), moment.astype(float))
    pieces.append(value)
    return value


def gaps_of(problem: Problem, x: np.ndarray) -> tuple:
    """All gaps as (left, right) indices, -1 for the low and -2 for the high wall, with floors and barriers."""
    left, right, floors, barrier = [], [], [], []
    for chain, of in zip(problem.chains, problem.slices(), strict=True):
        i = np.arange(of.start, of.stop - 1)
        least = np.where(chain.m > 0, chain.m / chain.bound, 0.0)
        least = np.where(least > 0, np.maximum(least, 1e-9 * float(np.ptp(chain.y))), 0.0)
        ends = problem.walls is not None
        left += [-1] * ends + list(i) + [of.stop - 1] * ends
        right += [of.start] * ends + list(i + 1) + [-2] * ends
        floors += [0.0] * ends + list(least) + [0.0] * ends
        barrier += [False] * ends + list(chain.barrier) + [False] * ends
    return np.array(left), np.array(right), np.array(floors), np.array(barrier)


def ends_of(problem: Problem, x: np.ndarray) -> np.ndarray:
    """The nodes, with the high and the low wall behind them: so that index -1 is the low and -2 the high wall."""
    walls = problem.walls or (0.0, 0.0)
    return np.concatenate([x, [LONG(walls[1]), LONG(walls[0])]])


class Corrected:
    """Newton's correction of the nodes under the bounds on the gaps, by an active set of its own."""

    def __init__(self, problem: Problem, x: np.ndarray, blurred: float) -> None:
        self.value, self.g, self.H, self.pieces = objective(problem, x)
        left, right, floors, barrier = gaps_of(problem, x)
        full = ends_of(problem, x)
        widths = full[right] - full[left]
        merged = barrier & (widths <= blurred)
        closed = (~barrier & (widths <= floors * (1 + 1e-13) + blurred)) | merged
        self.definite, self.p = True, np.zeros(len(x))
        for _ in range(60):
            p = self._solve(x, left, right, closed, full, np.where(merged, widths.astype(float), floors))
            if p is None:
                self.definite = False
                return
            self.p = p
            force = self.g + (self.H @ p).astype(LONG)
            multipliers = self._multipliers(force, left, right, closed)
            moved = np.concatenate([p, [0.0, 0.0]])
            after = widths + moved[right] - moved[left]
            slack = float(np.abs(self.g).max()) * 1e-12
            release = closed & ~merged & (multipliers < -slack)
            shut = ~closed & ~barrier & (after < floors - blurred)
            if not release.any() and not shut.any():
                return
            closed = (closed & ~release) | shut

    def _solve(self, x, left, right, closed, full, floors):
        n = len(x)
        group, offset = np.full(n, -1), np.zeros(n)
        order, count = np.argsort(right, kind="stable"), 0
        by_right = {int(right[k]): int(k) for k in order if right[k] >= 0}
        fixed = np.zeros(n, dtype=bool)
        for i in range(n):
            k = by_right.get(i)
            if k is None or not closed[k]:
                group[i] = count
                count += 1
            elif left[k] == -1:
                group[i], fixed[i] = count, True
                offset[i] = float(full[-1] + floors[k] - full[i])
                count += 1
            else:
                j = left[k]
                group[i] = group[j]
                offset[i] = float(offset[j] + full[j] + floors[k] - full[i])
        still = set(group[fixed].tolist())
        for k in np.flatnonzero(closed & (right == -2)):
            if group[left[k]] not in still:
                still.add(int(group[left[k]]))
                offset[group == group[left[k]]] += float(full[-2] - floors[k] - full[left[k]] - offset[left[k]])
        T = np.zeros((n, count))
        T[np.arange(n), group] = 1
        T = T[:, [c for c in range(count) if c not in still]]
        if T.shape[1] == 0:
            return offset
        M, rhs = T.T @ self.H @ T, -(T.T @ (self.g + self.H @ offset)).astype(float)
        diagonal = np.diag(M)
        if not np.isfinite(M).all() or np.any(diagonal <= 0):
            return None
        s = 1 / np.sqrt(diagonal)
        try:
            factor = linalg.cho_factor(s[:, None] * M * s)
        except linalg.LinAlgError:
            return None
        self.factor, self.T, self.s = factor, T, s
        return T @ (s * linalg.cho_solve(factor, s * rhs)) + offset

    def response(self, force: np.ndarray) -> np.ndarray:
        """How far a force moves the nodes."""
        if not hasattr(self, "T"):
            return np.zeros(len(self.p))
        return self.T @ (self.s * linalg.cho_solve(self.factor, self.s * (self.T.T @ force)))

    def _multipliers(self, force, left, right, closed):
        n, out = len(force), np.zeros(len(left))
        from_left = {int(left[k]): int(k) for k in range(len(left)) if left[k] >= 0}
        from_right = {int(right[k]): int(k) for k in range(len(right)) if right[k] >= 0}
        seen = np.zeros(n, dtype=bool)
        for i in range(n):
            if seen[i]:
                continue
            run = [i]
            while True:
                k = from_left.get(run[-1])
                if k is None or not closed[k] or right[k] < 0:
                    break
                run.append(int(right[k]))
            seen[run] = True
            start, end = from_right.get(run[0]), from_left.get(run[-1])
            low = start is not None and closed[start]
            high = end is not None and closed[end]
            if low and high:
                continue  # a stretch from wall to wall: its pressure is not determined
            if low:
                carried = LONG(0)
                for j in reversed(run):
                    carried += force[j]
                    out[from_right[j]] = carried
                continue
            carried = LONG(0)
            for j in run[: len(run) if high else -1]:
                carried -= force[j]
                out[from_left[j]] = carried
        return out


def rms(problem: Problem, p: np.ndarray) -> float:
    """The largest root mean square of a displacement over the species."""
    sizes = []
    for chain, of in zip(problem.chains, problem.slices(), strict=True):
        d = p[of]
        squares = chain.m @ (d[:-1] ** 2 + d[:-1] * d[1:] + d[1:] ** 2).astype(float) / 3
        sizes.append(np.sqrt(max(float(squares), 0.0) / chain.m.sum()))
    return max(sizes)


def extent_of(problem: Problem, x: np.ndarray) -> float:
    """The root mean square distance of the mass from its centre."""
    m = np.concatenate([chain.m for chain in problem.chains])
    z = np.concatenate([((x[of][1:] + x[of][:-1]) / 2).astype(float) for of in problem.slices()])
    centre = m @ z / m.sum()
    return rms(problem, (x - centre).astype(float))


def admissible(problem: Problem, x: np.ndarray, slack: float) -> bool:
    """True if nodes are in order, within the walls, and cells not thinner than a bound allows."""
    left, right, floors, barrier = gaps_of(problem, x)
    full = ends_of(problem, x)
    widths = full[right] - full[left]
    return bool(np.all(widths >= floors * (1 - 1e-9) - slack) and np.all(widths[barrier] > 0))


def projected(problem: Problem, x: np.ndarray) -> np.ndarray:
    """The nodes, put in order and within walls and floors, by the largest of the nodes and floors before."""
    x = x.copy()
    for chain, of in zip(problem.chains, problem.slices(), strict=True):
        z = x[of]
        least = np.where(chain.m > 0, chain.m / chain.bound, 0.0)
        least = np.where(least > 0, np.maximum(least, 1e-9 * float(np.ptp(chain.y))), 0.0)
        shift = np.concatenate([[0.0], np.cumsum(least)])
        z = np.maximum.accumulate(z - shift) + shift
        if problem.walls is not None:
            low, high = problem.walls
            z = np.maximum(z, low + shift)
            z = np.minimum(z, high - (shift[-1] - shift))
        x[of] = z
    return x


def lowest_nearby(problem: Problem, x: np.ndarray, rng: np.random.Generator, extent: float) -> LONG:
    """The lowest J among random admissible moves of a part of the nodes, and their sizes from 1e-8 to .1 of the extent."""
    best = LONG(np.inf)
    for _ in range(40):
        size = extent * 10.0 ** rng.uniform(-8, -1) * rng.choice([-1, 1])
        p = np.zeros(len(x))
        for of in problem.slices():
            n = of.stop - of.start
            kind = rng.integers(4)
            i, j = np.sort(rng.integers(0, n + 1, 2))
            if kind == 0:
                p[of] = size * rng.choice([0, 1, -1])
            elif kind == 1:
                p[of][i:j] = size
            elif kind == 2:
                p[of] = size * np.sin(rng.uniform(0, 9) * np.arange(n) / n + rng.uniform(0, 6))
            else:
                p[of] = size * np.linspace(-1, 1, n)
        moved = projected(problem, x + p)
        if admissible(problem, moved, 0.0):
            best = min(best, objective(problem, moved, False)[0])
    return best


def judge_nodes(problem: Problem, x: np.ndarray, x_anchor: np.ndarray, rng: np.random.Generator) -> list[str]:
    """What is wrong with the nodes that a solver calls converged."""
    complaints = []
    spacing = EPS * float(np.abs(x + problem.units.origin).max())
    if not np.isfinite(x.astype(float)).all():
        return ["nodes are not finite"]
    if not admissible(problem, x, 4 * spacing):
        return ["order, walls, bounds or widths are broken"]
    here = Corrected(problem, x, 64 * spacing)
    J, anchor = here.value, objective(problem, x_anchor, False)
    far = max(extent_of(problem, x), extent_of(problem, x_anchor), rms(problem, (x - x_anchor).astype(float)))
    scale = abs(here.pieces[0])
    if np.isfinite(anchor[0]):
        scale += sum(abs(a - b) for a, b in zip(here.pieces, anchor[3], strict=True))
    else:
        scale += sum(abs(a) for a in here.pieces)
    noise = float(np.abs(here.g).sum()) * spacing + float(sum(abs(piece) for piece in here.pieces)) * 1e-17
    if anchor[0] + LOWER * scale + 4 * noise < J and admissible(problem, x_anchor, 4 * spacing):
        complaints.append(f"J rises by {float(J - anchor[0]):.3g} of {float(scale):.3g}")
    blurred = 0.0
    for chain, of in zip(problem.chains, problem.slices(), strict=True):
        thin = chain.barrier & (np.diff(x[of]) <= 64 * spacing)
        blurred = max(blurred, float(chain.m[thin].sum() / chain.m.sum()))
    if blurred > 1e-6:
        complaints.append(f"? {blurred:.2g} of the mass lies in cells that rounding does not resolve")
    tips = problem.coupling is not None or any(part.tip for *_, part in problem.crosses)
    atoms = any(
        np.any((np.diff(x[of]) == 0) & (chain.m > 0)) for chain, of in zip(problem.chains, problem.slices(), strict=True)
    )
    if not (tips and atoms):
        allowed = TOLERANCE * far + 200 * spacing + difference_noise(problem, here, far)
        if any("kink" in f.name and not f.with_gradient for chain in problem.chains for f in chain.fields):
            allowed = max(allowed, 1e-2 * far)  # documented: the kink is rounded off over the width of the differences
        if here.definite:
            size = rms(problem, here.p)
            if size > allowed:
                lower = min(
                    (objective(problem, projected(problem, x + t * here.p), False)[0], t)
                    for t in (1, 0.5, 0.1, 1e-2, 1e-3, 1e-4)
                )
                confirmed = lower[0] < J - 1e-18 * sum(abs(piece) for piece in here.pieces)
                text = f"correction {size / far:.3g} of the extent, J falls by {float((J - lower[0]) / scale):.3g}"
                complaints.append(text if confirmed else "? " + text)
        elif problem.convex:
            complaints.append("? second derivatives are not definite")
        else:
            complaints += _escape(problem, x, here, far, scale)
    low = lowest_nearby(problem, x, rng, far * (1.0 if problem.convex else 1e-3))  # other critical points may lie far lower
    if low < J - LOWER * scale - 4 * noise:
        complaints.append(f"a random move lowers J by {float((J - low) / scale):.3g} of its scale")
    return complaints


def _escape(problem: Problem, x: np.ndarray, here: Corrected, far: float, scale: Any) -> list[str]:
    """A way down by first order from a point whose second derivatives are not definite, if it lowers J."""
    d = np.sqrt(np.abs(np.diag(here.H))) + 1e-300
    values, vectors = np.linalg.eigh(here.H / d[:, None] / d)
    step = -(vectors @ ((vectors.T @ (here.g.astype(float) / d)) / np.maximum(np.abs(values), 1e-10))) / d
    best = LONG(np.inf)
    for t in 10.0 ** -np.arange(0.0, 6.0):
        moved = projected(problem, x + t * step)
        best = min(best, objective(problem, moved, False)[0]) if admissible(problem, moved, 0.0) else best
    fall = float((here.value - best) / scale)
    return [f"a descent lowers J by {fall:.3g} of its scale (not convex)"] if fall > LOWER else []


def difference_noise(problem: Problem, here: Corrected, far: float) -> float:
    """How far the nodes move by the rounding of potentials whose gradients are differences."""
    force = np.zeros(len(here.g))
    for chain, of in zip(problem.chains, problem.slices(), strict=True):
        for f in chain.fields:
            if not f.with_gradient:
                largest = float(np.abs(f.c * f.value(chain.y.astype(float))).max())
                slopes = 1e-10 * float(np.abs(f.c * f.slope(chain.y.astype(float))).max())
                force[of][:-1] += chain.m / 2 * (EPS * largest / (5e-4 * far) + slopes)
                force[of][1:] += chain.m / 2 * (EPS * largest / (5e-4 * far) + slopes)
    return rms(problem, here.response(force)) if force.any() and here.definite else 0.0


def random_masses(rng: np.random.Generator, n: int) -> np.ndarray:
    """Masses of cells that add up to about 1: equal, uneven, or over many decades."""
    kind = rng.integers(4)
    if kind <= 1:
        return np.full(n, 1 / n)
    if kind == 2:
        m = rng.exponential(size=n) + 1e-3
    else:
        m = 10.0 ** (rng.uniform(-8, 0) * np.abs(np.linspace(-1, 1, n)) ** rng.uniform(0.5, 3))
    return m / m.sum()


def random_nodes(rng: np.random.Generator, n: int, atoms: bool) -> tuple:
    """Nodes about 0 of extent about 1, and masses: smooth, a disc, two drops, or atoms where allowed."""
    m = random_masses(rng, n)
    kind = rng.integers(5 if atoms else 4)
    if kind == 0:
        widths = m.copy()
    elif kind == 1:
        widths = np.exp(rng.uniform(0, 3) * np.sin(np.linspace(0, rng.uniform(1, 7), n)))
    elif kind == 2:
        widths = 10.0 ** rng.uniform(-4 * rng.random(), 0, n)
    elif kind == 3:
        widths = np.ones(n)
        if n >= 5:
            k = int(rng.integers(2, n - 2))
            m[k], widths[k] = 0.0, n * rng.uniform(0.1, 3)
    else:
        points = np.sort(rng.uniform(-1, 1, (n + 1) // 2))
        points += np.arange(len(points)) * 1e-6
        m = np.zeros(2 * len(points) - 1)
        m[::2] = random_masses(rng, len(points))
        return np.repeat(points, 2), m
    nodes = np.concatenate([[0.0], np.cumsum(widths / widths.sum())]) * 2 - 1
    return nodes * 10.0 ** rng.uniform(-0.5, 0.5) + rng.uniform(-1, 1), m


def random_parts(rng: np.random.Generator, strength: float) -> KernelPart:
    """A random kernel."""
    kind, length = rng.integers(9), float(10.0 ** rng.uniform(-1, 0.7))
    if kind <= 5:
        p = [2, 1, 4, 3, 1.5, 0][kind]
        sign = -1 if p == 0 else rng.choice([1, -1]) if p == 1 else 1
        return power_part(sign * strength, p)
    if kind == 6:
        return morse_part(strength * rng.choice([1, -1]), length)
    return gaussian_part(strength * rng.choice([1, -1]), length)


def random_problem(rng: np.random.Generator) -> Problem:
    """A random step in natural units."""
    count = 2 if rng.random() < 0.25 else 1
    chains, has_internal = [], rng.random() < 0.75
    n = int(np.exp(rng.uniform(np.log(5), np.log(200 if count == 1 else 80))))
    for name in ("u", "v")[:count] if count == 2 else ("",):
        y, m = random_nodes(rng, n, not has_internal)
        chain = Chain(name, y, m, float(10.0 ** rng.uniform(-1, 1)) if count == 2 else 1.0)
        if has_internal:
            for _ in range(1 + (rng.random() < 0.15)):
                exponent = 1.0 if rng.random() < 0.45 else float(rng.choice([0.4, 0.6, 0.9, 1.5, 2, 3, 5, 10]))
                chain.powers.append((float(10.0 ** rng.uniform(-4, 2)), exponent))
        if rng.random() < 0.6:
            chain.fields.append(random_field(rng, float(10.0 ** rng.uniform(-2, 4)), bool(rng.random() < 0.6)))
        if rng.random() < 0.3:
            chain.selves.append(random_parts(rng, float(10.0 ** rng.uniform(-2, 2))))
        if rng.random() < 0.12:
            chain.bound = float(10.0 ** rng.uniform(-1, 1)) / 2
        chains.append(chain)
    problem = Problem(chains, float(10.0 ** rng.uniform(-6, 4)))
    if rng.random() < 0.4:
        low, high = min(c.y[0] for c in chains), max(c.y[-1] for c in chains)
        room = float(rng.choice([0.0, 0.01, 1.0]))
        problem.walls = (low - room, high + room * rng.uniform(0, 2))
    if count == 2:
        add_pairs(rng, problem)
    return problem


def add_pairs(rng: np.random.Generator, problem: Problem) -> None:
    """Add an interaction of two species, or charges."""
    u, v = problem.chains
    strength = float(10.0 ** rng.uniform(-2, 3))
    if rng.random() < 0.5:
        part = random_parts(rng, strength)
        if part.power is None or part.power > 0:
            problem.crosses.append((0, 1, part))
        return
    u.charge, v.charge = (1.0, -1.0) if rng.random() < 0.6 else (2.0, -1.0)
    boundary = str(rng.choice(["neumann", "dirichlet", "free-space"])) if problem.walls else "free-space"
    doping = 0.0
    left = u.charge * u.m.sum() + v.charge * v.m.sum()
    if problem.walls and boundary == "neumann":
        doping = -float(left) / (problem.walls[1] - problem.walls[0])
    elif boundary == "free-space":
        v.m = v.m * float(u.charge * u.m.sum() / v.m.sum())
    if abs(doping) < 1e-12:
        doping = 0.0
    problem.coupling = {"permittivity": 1 / strength, "doping": doping, "boundary": boundary}


def in_units(problem: Problem, units: Units) -> Any:
    """The step as a user writes it, and the anchor in natural units as rounding has left it."""
    energy, measures, mobilities = [], {}, {}
    walls = None if problem.walls is None else tuple(float(units.place(w)) for w in problem.walls)
    for chain in problem.chains:
        nodes = np.maximum.accumulate(units.place(chain.y))
        if walls is not None:
            nodes = np.clip(nodes, *walls)
        measures[chain.name] = jf.Quantiles(nodes, chain.m * units.mass, walls)
        mobilities[chain.name] = chain.mobility * units.mobility
        for c, p in chain.powers:
            if p == 1:
                energy.append(c * units.potential * jf.Entropy(chain.name))
            else:
                factor = c * units.energy * float(units.mass ** (-p)) * float(units.length ** (p - 1))
                energy.append(factor * jf.RenyiEntropy(p, chain.name))
        energy += [f.make(units, chain.name) for f in chain.fields]
        energy += [jf.Interaction(part.make(units), chain.name) for part in chain.selves]
        if chain.bound < np.inf:
            energy.append(jf.Congestion(chain.bound * units.mass / units.length, chain.name))
    for a, b, part in problem.crosses:
        energy.append(jf.CrossInteraction(part.make(units), between=(problem.chains[a].name, problem.chains[b].name)))
    if problem.coupling is not None:
        c = problem.coupling
        energy.append(
            jf.DirichletCoupling(
                {chain.name: chain.charge for chain in problem.chains},
                permittivity=c["permittivity"] * units.mass**2 * units.length / units.energy,
                doping=c["doping"] * units.mass / units.length if c["doping"] else None,
                boundary=c["boundary"],
            )
        )
    if not energy:
        energy.append(jf.Potential(lambda x: 0.0 * np.asarray(x), problem.chains[0].name))
    law = sum(energy[1:], energy[0])
    return jf.ProximalStep(law, jf.Species(measures), problem.tau * units.time, mobilities)


def words_of(problem: Problem) -> str:
    """A few words on a problem."""
    words = [f"tau {problem.tau:.2g}", "walls" if problem.walls else "free", "convex" if problem.convex else "not convex"]
    for chain in problem.chains:
        h = np.diff(chain.y)
        atoms = "atoms" if np.any((h == 0) & (chain.m > 0)) else "drops" if np.any(chain.m == 0) else ""
        terms = [f"{c:.2g}*S_{p:g}" for c, p in chain.powers]
        terms += [f"{f.c:.2g}*{f.name}{'' if f.with_gradient else ' (no gradient)'}" for f in chain.fields]
        terms += [part.name for part in chain.selves] + ([f"bound {chain.bound:.2g}"] if chain.bound < np.inf else [])
        words.append(f"[{len(chain.m)} cells {atoms} {' + '.join(terms)}]")
    words += [f"cross {part.name}" for *_, part in problem.crosses]
    if problem.coupling:
        words.append(f"charges {[c.charge for c in problem.chains]} {problem.coupling}")
    u = problem.units
    words.append(f"units M {u.mass:.1g} L {u.length:.1g} T {u.time:.1g} a {u.mobility:.1g} origin {u.origin:.1g}")
    return " ".join(words)


def limited_units(rng: np.random.Generator, problem: Problem) -> Units:
    """Random units in which neither the origin rounds off the cells, nor a power of a density overflows."""
    thinnest = min(float(np.diff(c.y)[np.diff(c.y) > 0].min()) for c in problem.chains)
    differences = any(not f.with_gradient for c in problem.chains for f in c.fields)
    farthest = min(1e8, 1e-6 * thinnest / EPS, 10.0 if differences else np.inf)
    powers = [p for c in problem.chains for _, p in c.powers] + [1.0]
    while True:
        units = random_units(rng, max(farthest, 1.0))
        logs = [np.log10(units.energy) - p * np.log10(units.mass) + (p - 1) * np.log10(units.length) for p in powers]
        densities = [abs(p * (np.log10(units.mass) - np.log10(units.length))) for p in powers]
        if max(map(abs, logs)) < 200 and max(densities) < 200:
            return units


def make_case(rng: np.random.Generator) -> Case:
    """A random problem for QuantileNewton."""
    problem = random_problem(rng)
    problem.units = units = limited_units(rng, problem)
    seed = int(rng.integers(2**31))
    names = [chain.name for chain in problem.chains]

    def step() -> Any:
        made = in_units(problem, units)
        for chain in problem.chains:
            chain.y = units.natural(made.anchor[chain.name].nodes)
            chain.m = np.asarray(made.anchor[chain.name].masses / units.mass)
        if problem.walls is not None:
            problem.walls = tuple(units.natural(w) for w in made.anchor.domain)
        return made

    def judge(result: Any) -> list[str]:
        x = np.concatenate([units.natural(result.state[name].nodes) for name in names])
        anchor = np.concatenate([chain.y for chain in problem.chains])
        same = all(np.array_equal(result.state[c.name].masses / units.mass, c.m) for c in problem.chains)
        return ([] if same else ["masses have changed"]) + judge_nodes(problem, x, anchor, np.random.default_rng(seed))

    return Case(step, jf.QuantileNewton(), judge, words_of(problem))
