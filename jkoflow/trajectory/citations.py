"""What to cite for a run: the papers of the methods that it used."""

from __future__ import annotations

import re
from importlib import resources

from .._validate import of_kind
from .._version import VERSION
from .trajectory import Trajectory

# What stands in the words of a run, and the papers of it. docs/theory and the docstrings say what is taken from them.
_SCHEMES = {
    "JKO": ["JordanKinderlehrerOtto1998"],
    "SemiImplicitJKO": ["DiFrancescoFagioli2013"],
    "BDF2": ["MatthesPlazotta2019"],
    "VariationalExtrapolation": ["ZaitzeffEsedogluGarikipati2020"],
    "ImplicitMidpoint": ["LegendreTurinici2017"],
    "Splitting": ["Strang1968", "GallouetMonsaingeon2017"],
    "Overdamped": ["DiFrancescoFagioli2013"],
    "Inertial": ["HochbruckOstermann2010"],
    "ExponentialEuler": ["HochbruckOstermann2010"],
    "TimeSliced": ["PiccoliRossiTrelat2015"],
    "Langevin": ["LeimkuhlerMatthews2013"],
    "Kinetic": ["ChengKnorr1976"],
    "Brezis": ["Brezis1973", "DiFrancesco2021"],
}
_SOLVERS = {
    "BackAndForth": ["JacobsLeger2020", "JacobsLeeLeger2021"],
    "FiniteVolume": ["ScharfetterGummel1969", "CancesGallouetTodeschi2020"],
    "Entropic": ["Peyre2015", "ChizatPeyreSchmitzerVialard2018", "Anderson1965"],
    "Convex": ["DiamondBoyd2016"],
    "ConvexDynamic": ["BenamouBrenier2000", "DiamondBoyd2016"],
    "CuttingPlanes": ["DiamondBoyd2016"],
}
_TERMS = {
    "Entropy": ["JordanKinderlehrerOtto1998"],
    "RenyiEntropy": ["Otto2001"],
    "Congestion": ["MauryRoudneffSantambrogio2010"],
    "Interaction": ["McCann1997"],
    "CrossInteraction": ["DiFrancescoFagioli2013"],
    "Drift": ["DiFrancescoFagioli2013"],
    "DirichletCoupling": ["KinderlehrerMonsaingeonXu2017"],
    "Alignment": ["CuckerSmale2007"],
    "Chemotaxis": ["KellerSegel1970", "NataliniPaul2023"],
    "Growth": ["GallouetMonsaingeon2017"],
    "Exit": ["FigalliGigli2010"],
}


def citation(flow: Trajectory | None = None) -> str:
    """Return the BibTeX of what a run used: jkoflow, its scheme, the solvers that solved its steps, and its terms.

    A comment before every entry says what it is cited for. Solvers that a scheme held in reserve, and that solved no step, are
    not cited. Parts of your own are not known. Without a run the answer is the entry of jkoflow.

    Raises ValueError for what is no Trajectory.

    >>> import jkoflow as jf
    >>> rho = jf.Grid.box((0, 1), cells=16).density(lambda x: 1 + x)
    >>> flow = jf.evolve(jf.Entropy(), rho, scheme=jf.JKO(jf.FiniteVolume()), dt=0.1, t_end=0.2)
    >>> [line for line in jf.citation(flow).splitlines() if line.startswith("@")][:2]
    ['@software{jkoflow,', '@article{JordanKinderlehrerOtto1998,']
    """
    own = "% the library\n@software{jkoflow,\n  title   = {jkoflow: gradient flows in {W}asserstein space},\n"
    own += f"  author  = {{{{The jkoflow developers}}}},\n  version = {{{VERSION}}},\n}}"
    if flow is None:
        return own + "\n"
    of_kind("flow", flow, Trajectory, "a Trajectory, as evolve returns it")
    used = _papers(flow)
    entries = _entries()
    return "\n\n".join([own, *(f"% {', '.join(parts)}\n{entries[key]}" for key, parts in used.items())]) + "\n"


def _papers(flow: Trajectory) -> dict[str, list[str]]:
    """By key of a paper, the parts of the run that it is cited for."""
    solvers = set(flow.solvers)
    parts = [(name, _SCHEMES[name]) for name in _names(flow.scheme) if name in _SCHEMES]
    parts += [(name, _SOLVERS[name]) for name in sorted(solvers) if name in _SOLVERS]
    parts += [(name, _TERMS[name]) for name in _names(flow.law) if name in _TERMS]
    used: dict[str, list[str]] = {}
    for name, keys in parts:
        for key in keys:
            if name not in used.setdefault(key, []):
                used[key].append(name)
    return used


def _names(text: str) -> list[str]:
    """The names of classes in the words of a run, each once, in their order."""
    return list(dict.fromkeys(re.findall(r"\b([A-Z]\w*)\(", text)))


def _entries() -> dict[str, str]:
    """By key, the entries of the bibliography."""
    text = resources.files("jkoflow").joinpath("references.bib").read_text(encoding="utf-8")
    return {entry[1]: entry[0] for entry in re.finditer(r"@\w+\{([^,\s]+),.*?^\}", text, re.MULTILINE | re.DOTALL)}
