"""A law is read once, by one rule: the forms of terms, and what they make of one's own energies."""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import jkoflow as jf
from jkoflow.laws import LawForms, Term, forms

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Own(jf.InternalEnergy):
    """rho^2 + 2 rho^3, from its integrand and derivative."""

    species: str = ""

    def integrand(self, s):
        return s**2 + 2 * s**3

    def derivative(self, s):
        return 2 * s + 6 * s**2


@dataclass(frozen=True)
class Bell(jf.RadialKernel):
    """1 - 1 / (1 + r^2), a kernel that the library does not have."""

    convexity = -0.5
    singular = False

    def profile(self, r):
        return 1 - 1 / (1 + np.square(r))

    def slope(self, r):
        return 2 * np.asarray(r) / (1 + np.square(r)) ** 2

    def curvature(self, r):
        return (2 - 6 * np.square(r)) / (1 + np.square(r)) ** 3


@dataclass(frozen=True)
class Swarm(jf.PairEnergy):
    """The pair energy of one's own kernel."""

    species: str = ""

    @property
    def form(self):
        return forms.Pair(Bell(), self.species, self.species)


@dataclass(frozen=True)
class Room(jf.Congestion):
    """A bound of one's own: so many people on so large a floor."""

    bound: float = 0.0
    people: float = 3.0
    floor: float = 4.0
    species: str = ""

    def __post_init__(self):
        object.__setattr__(self, "bound", self.people / self.floor)


@dataclass(frozen=True)
class Pillar(jf.Obstacle):
    """An obstacle of one's own, by its place and width."""

    where: object = None
    at: float = 0.0
    width: float = 0.25
    species: str = ""

    def mask(self, grid):
        return np.abs(grid.mesh[0] - self.at) < self.width / 2


WELL = jf.Potential(lambda *x: sum(c**2 for c in x) / 2)
LINE = jf.Grid.box((-2.0, 2.0), cells=32)
PLANE = jf.Grid.box((-2.0, 2.0), (-1.0, 1.0), cells=(16, 8))


def _density(grid):
    away = np.abs(grid.mesh[0]) > 0.2
    return grid.density(away * (0.6 + 0.3 * np.cos(grid.mesh[0])))


RHO, FLAT = _density(LINE), _density(PLANE)
ORDERED = jf.OrderedParticles.midpoints(8, x=RHO)
CLOUD = jf.Particles(np.random.default_rng(0).normal(size=(6, 2)))
BALL = jf.RadialQuantiles(np.linspace(0.0, 1.0, 13))

# own term, its built-in twin, what else the step needs
INTERNAL = (Own(), jf.CustomInternalEnergy(Own().integrand, Own().derivative), WELL)
PAIR = (Swarm(), jf.Interaction(Bell()), jf.RenyiEntropy(2) + WELL)
POINTS = (Swarm(), jf.Interaction(Bell()), WELL)
BOUND = (Room(), jf.Congestion(0.75), WELL)
OBSTACLE = (Pillar(), jf.Obstacle(lambda *x: np.abs(x[0]) < 0.125), jf.RenyiEntropy(2) + WELL)
FAMILIES = {
    "internal": (INTERNAL, "BackAndForth Entropic QuantileNewton RadialNewton"),
    "pair": (PAIR, "BackAndForth Entropic QuantileNewton"),
    "pair of points": (POINTS, "OrderedResolvent CuttingPlanes ParticleProximal"),
    "bound": (BOUND, "BackAndForth Entropic Convex ConvexDynamic QuantileNewton"),
    "obstacle": (OBSTACLE, "BackAndForth"),
}
STARTS = {
    "BackAndForth": (RHO, FLAT),
    "Entropic": (RHO, FLAT),
    "Convex": (RHO,),
    "ConvexDynamic": (RHO,),
    "QuantileNewton": (RHO.quantiles(24), RHO.quantiles(24, walls=False)),
    "RadialNewton": (BALL,),
    "OrderedResolvent": (ORDERED["x"],),
    "CuttingPlanes": (ORDERED["x"],),
    "ParticleProximal": (CLOUD, jf.Particles([0.0, 1.0, 1.5])),
}
CASES = [
    pytest.param(family, name, k, id=f"{family}-{name}-{k}")
    for family, (_, names) in FAMILIES.items()
    for name in names.split()
    for k in range(len(STARTS[name]))
]


@pytest.mark.parametrize(("family", "name", "k"), CASES)
def test_own_terms_do_what_their_built_in_twins_do_to_the_last_bit(family, name, k):
    (own, twin, rest), _ = FAMILIES[family]
    solver, start = getattr(jf, name)(), jf.Species.of(STARTS[name][k])
    answers = [solver.solve(jf.ProximalStep(law + rest, start, 0.1)) for law in (own, twin)]
    first, second = (answer.state[""] for answer in answers)
    assert answers[0].status is answers[1].status
    assert np.array_equal(getattr(first, first.moving), getattr(second, second.moving))
    assert not np.array_equal(getattr(first, first.moving), getattr(start[""], first.moving))


@pytest.mark.parametrize("scheme", [jf.JKO(), jf.SemiImplicitJKO(freeze_self=True), jf.Overdamped()])
def test_own_pair_energies_in_schemes(scheme):
    start = CLOUD if isinstance(scheme, jf.Overdamped) else RHO
    rest = WELL if start is CLOUD else jf.Entropy() + WELL
    ends = [jf.evolve(law + rest, start, scheme=scheme, dt=0.02, t_end=0.06).final for law in (Swarm(), jf.Interaction(Bell()))]
    assert np.array_equal(*(getattr(end, end.moving) for end in ends))


def test_own_pair_energies_are_found_to_be_symmetric():
    there, back = jf.Drift(Bell(), moves="a", by="b"), jf.Drift(2 * Bell(), moves="b", by="a")
    assert (there + back + Swarm("a")).symmetrizable() == {"a": 1.0, "b": 2.0}


class Tilt(jf.Energy):
    """Known by its value and first variation alone, as CONTRIBUTING begins."""

    involves = ("",)

    def value(self, state):
        return state[""].expectation(state.grid.mesh[0])

    def variation(self, state, species):
        return state.grid.mesh[0]

    def __repr__(self):
        return "Tilt()"


@pytest.mark.parametrize("solver", [jf.BackAndForth(tolerance=1e-10), jf.Entropic()])
def test_an_energy_of_value_and_first_variation_needs_nothing_else(solver):
    rest, start = jf.RenyiEntropy(2) + WELL, jf.Species.of(RHO)
    own = solver.solve(jf.ProximalStep(rest + Tilt(), start, 0.05)).state[""].values
    same = solver.solve(jf.ProximalStep(rest + jf.Potential(lambda x: x), start, 0.05)).state[""].values
    assert np.abs(own - same).max() < 1e-7


class Cubic(jf.InternalEnergy):
    """No more than what CONTRIBUTING asks for: not a dataclass, with no name of a species."""

    def integrand(self, s):
        return s**3 / 2

    def derivative(self, s):
        return 3 * s**2 / 2


class Remembering(jf.Kernel):
    """A kernel that cannot be a key of a cache, as a list makes it."""

    __hash__ = None
    convexity, pointy, singular = None, False, False

    def __call__(self, *x):
        return Bell()(*x)

    def gradient(self, *x):
        return Bell().gradient(*x)


@pytest.mark.slow
def test_the_least_one_may_write_is_enough():
    """Own classes need neither be dataclasses nor hashable."""
    start = jf.Species.of(RHO)
    for own, twin in [(Cubic(), jf.RenyiEntropy(3)), (jf.Interaction(Remembering()), jf.Interaction(Bell()))]:
        rest = WELL if isinstance(own, Cubic) else jf.RenyiEntropy(2)
        ends = [jf.BackAndForth().solve(jf.ProximalStep(law + rest, start, 0.05)).state[""].values for law in (own, twin)]
        assert np.abs(ends[0] - ends[1]).max() < 1e-6 * ends[1].max()


@pytest.mark.parametrize("scheme", [jf.JKO, jf.ImplicitMidpoint])
def test_the_problem_that_check_builds_is_solved_and_not_built_again(scheme):
    built = []

    class Counting(jf.QuantileNewton):
        def prepare(self, step):
            built.append(step)
            return super().prepare(step)

    flow = jf.evolve(WELL, RHO.quantiles(12), scheme=scheme(Counting()), dt=0.1, t_end=0.3)
    assert len(built) == 3
    same = jf.evolve(WELL, RHO.quantiles(12), scheme=scheme(jf.QuantileNewton()), dt=0.1, t_end=0.3)
    assert np.array_equal(flow.final.nodes, same.final.nodes)


def test_a_problem_is_kept_for_its_own_step_alone():
    solver, law = jf.QuantileNewton(), WELL + jf.Entropy()
    steps = [jf.ProximalStep(law, jf.Species.of(RHO.quantiles(12)), tau) for tau in (0.1, 0.2)]
    expected = [solver.solve(step).state[""].nodes for step in steps]
    solver.check(steps[0])
    assert np.array_equal(solver.solve(steps[1]).state[""].nodes, expected[1])
    solver.check(steps[0])
    assert np.array_equal(solver.solve(steps[0]).state[""].nodes, expected[0])


SOLVERS = [jf.BackAndForth, jf.Entropic, jf.Convex, jf.ConvexDynamic, jf.QuantileNewton, jf.RadialNewton, jf.OrderedResolvent]
SOLVERS += [jf.CuttingPlanes, jf.ParticleProximal, jf.NewtonianStep]
SAMPLES = {
    forms.Internal: jf.Entropy(),
    forms.External: WELL,
    forms.Bound: jf.Congestion(5.0),
    forms.Shared: jf.RenyiEntropy(2, ("u", "v")),
    forms.Conducting: jf.Mobility(lambda *x: 1 + x[0] ** 2),
    forms.Forbidden: jf.Obstacle(lambda *x: x[0] > 9.0),
    forms.Pair: jf.Interaction(jf.Quadratic()),
    forms.UniformCoupling: jf.DirichletCoupling({"": 1.0}, boundary="dirichlet"),
    forms.FieldCoupling: jf.DirichletCoupling({"": 1.0}, permittivity=lambda *x: 1 + x[0] ** 2, boundary="dirichlet"),
    forms.Positions: jf.ConvexFunction(lambda s: 0.0, lambda s: {"": 0 * s[""].points}),
    forms.General: Tilt(),
}


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda s: s.__name__)
@pytest.mark.parametrize("form", SAMPLES, ids=lambda f: f.__name__)
def test_refusals_come_from_what_a_solver_says_it_takes(solver, form):
    starts = STARTS.get(solver.__name__, (RHO.quantiles(8),))
    if not issubclass(form, solver.takes):
        law = SAMPLES[form]
        law_forms = LawForms.of(law.terms)
        with pytest.raises(ValueError, match=f"{solver.__name__} does not take .* among the {form.label}"):
            law_forms.require(solver.takes, solver.__name__)
        if issubclass(form, forms.FieldCoupling) and not issubclass(starts[0].__class__, jf.Density):
            return  # refused by the measure before
        with pytest.raises(ValueError, match=f"{solver.__name__} does not take"):
            solver().check(jf.ProximalStep(law, jf.Species(dict.fromkeys(law.involves, starts[0])), 0.1))


def test_the_table_in_the_docs_says_what_the_solvers_say():
    rows = {}
    for line in (ROOT / "docs" / "solvers.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("| \n").split("|")]
        if len(cells) == 3 and cells[0].strip("`") in {s.__name__ for s in SOLVERS}:
            rows[cells[0].strip("`")] = cells[1:]
    for solver in SOLVERS:
        kinds = ", ".join(f"`{kind.__name__}`" for kind in solver.measures)
        assert rows[solver.__name__] == [kinds, ", ".join(form.label for form in solver.takes)], solver


def test_a_law_is_read_once_in_a_run(monkeypatch):
    read = []
    plain = LawForms.of.__func__
    monkeypatch.setattr(LawForms, "of", classmethod(lambda cls, terms: read.append(terms) or plain(cls, terms)))
    law = jf.RenyiEntropy(2) + WELL + jf.Interaction(jf.Quadratic())
    jf.evolve(law, RHO, dt=0.01, t_end=0.05)
    assert read.count(law.terms) == 1
    sampled = []
    law = jf.RenyiEntropy(2) + jf.Potential(lambda x: sampled.append(1) or x**2)
    jf.evolve(law, RHO, dt=0.01, t_end=0.01)
    once = len(sampled)
    law = jf.RenyiEntropy(2) + jf.Potential(lambda x: sampled.append(1) or x**2)
    jf.evolve(law, RHO, dt=0.01, t_end=0.05)
    assert len(sampled) - once == once + 2 * 4  # two energies for every further state, and the grid's potential not once more


def test_joint_terms_are_held_once():
    from jkoflow.proximal.grids.local_energy import GridEnergy

    state = jf.Species(u=RHO, v=RHO)
    law = jf.Entropy("u") + jf.Entropy("v") + jf.DirichletCoupling(u=1, v=-1) + jf.CrossInteraction(Bell(), between=("u", "v"))
    energy = GridEnergy.of(law.forms, state)
    assert len(energy.joint.terms) == 2
    assert GridEnergy.of(law.forms, state) is energy


def test_a_law_travels_without_its_reading():
    import copy
    import pickle

    law = jf.Entropy() + 2 * jf.Interaction(jf.Quadratic())
    reading = law.forms
    for again in (pickle.loads(pickle.dumps(law)), copy.deepcopy(law)):
        assert "forms" not in vars(again)
        assert again == law
        assert [entry.factor for entry in again.forms.entries] == [entry.factor for entry in reading.entries]


def _terms() -> set[str]:
    """The names of all classes of terms."""

    def below(cls):
        return {cls} | {sub for child in cls.__subclasses__() for sub in below(child)}

    return {cls.__name__ for cls in below(Term) if cls.__module__.startswith("jkoflow.")} | {"Combination", "Law"}


def test_nothing_asks_for_the_class_of_a_term():
    """No isinstance over terms, no registry by their classes, outside the check of an argument against Law itself."""
    names = _terms()
    assert {"Entropy", "DirichletCoupling", "Drift", "InternalEnergy"} <= names
    for path in (ROOT / "jkoflow").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("isinstance", "issubclass"):
                asked = {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)} & names
                assert asked <= {"Law"}, f"{path.name}:{node.lineno} asks for {asked}"
            if isinstance(node, ast.FunctionDef) and any("register" in ast.unparse(d) for d in node.decorator_list):
                first = ast.unparse(node.args.args[0].annotation) if node.args.args[0].annotation else ""
                marks = {name for d in node.decorator_list for n in ast.walk(d) if isinstance(n, ast.Name) for name in [n.id]}
                assert not ({first} | marks) & names, f"{path.name}:{node.lineno} registers by {first}"


@pytest.mark.parametrize(
    "form", [kind for _, kind in inspect.getmembers(forms, inspect.isclass) if issubclass(kind, forms.Form)]
)
def test_every_form_says_its_name_in_words(form):
    assert isinstance(form.label, str)
    assert form is forms.Form or form.label != forms.Form.label


def test_an_energy_that_is_undefined_beyond_close_packing_is_forbidden_there():
    """Van der Waals: log(1 - s) is no number from s = 1 on. Solvers that search beyond agree, and do not take for ever."""
    packing = jf.CustomInternalEnergy(lambda s: -s * np.log(1 - s), lambda s: s / (1 - s) - np.log(1 - s))
    gas = jf.Entropy() + packing
    rho = jf.Grid.box((0, 1), cells=32).density(lambda x: 0.5 + 0.3 * np.cos(np.pi * x), mass=0.5)
    ends = [
        jf.evolve(gas, rho, scheme=jf.JKO(solver), dt=0.001, t_end=0.01).final.values
        for solver in (jf.BackAndForth(), jf.FiniteVolume())
    ]
    assert np.abs(ends[0] - ends[1]).max() < 5e-3
    with np.errstate(invalid="ignore"):
        assert packing.integrand(np.array([1.5])) == np.inf


@pytest.mark.parametrize("solver", [jf.BackAndForth(), jf.FiniteVolume(), jf.Entropic()])
def test_an_internal_energy_that_separates_phases_is_refused(solver):
    """Van der Waals is convex up to a = 27/8."""

    def gas(a):
        return jf.Entropy() + jf.CustomInternalEnergy(
            lambda s: -s * np.log(1 - s) - a * s**2, lambda s: s / (1 - s) - np.log(1 - s) - 2 * a * s
        )

    rho = jf.Grid.box((0, 1), cells=32).density(lambda x: 0.5 + 0.3 * np.cos(np.pi * x), mass=0.5)
    assert jf.evolve(gas(3.3), rho, scheme=jf.JKO(solver), dt=0.01, t_end=0.01).ok
    with pytest.raises(ValueError, match=r"must be convex, and U' falls between the densities 0\.\d+ and 0\.\d+"):
        jf.evolve(gas(3.6), rho, scheme=jf.JKO(solver), dt=0.01, t_end=0.01)


KERNELS = [jf.Gaussian(2.0, 0.5), -jf.Morse(), jf.PowerLaw(1.5), jf.Newtonian(3), jf.Riesz(1.0), jf.Gaussian() - jf.Morse()]


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
@pytest.mark.parametrize("length", [1e-6, 1.0, 1e8])
def test_the_parts_of_kernels_belong_together(kernel, length):
    jf.checks.check_kernel(kernel, dim=3, length=length)


def test_a_kernel_whose_parts_do_not_belong_together_is_found():
    square, double = (lambda x: x**2 / 2), (lambda x: 2 * x)
    for kernel, message in (
        (jf.CustomKernel(square, double), "gradient is not the derivative"),
        (jf.CustomKernel(square, lambda x: x, convexity=1.5), "tells a convexity of 1.5"),
        (jf.CustomKernel(lambda x: x + x**2, lambda x: 1 + 2 * x), r"W\(-x\) must be W\(x\)"),
        (jf.CustomKernel(lambda x: 1e-12 * x, lambda x: 1e-12 + 0 * x), r"W\(-x\) must be W\(x\)"),
        (type("Bent", (Bell,), {"curvature": lambda self, r: 0 * r})(), "curvature is not the derivative"),
    ):
        with pytest.raises(AssertionError, match=message):
            jf.checks.check_kernel(kernel)
    saddle = jf.CustomKernel(lambda x, y: x**2 / 2 - 50 * y**2, lambda x, y: np.stack([x, -100 * y]), convexity=1.0)
    with pytest.raises(AssertionError, match="tells a convexity of 1"):
        jf.checks.check_kernel(saddle, dim=2)
    with pytest.raises(ValueError, match="length must be a positive"):
        jf.checks.check_kernel(jf.Gaussian(), length=-1.0)
