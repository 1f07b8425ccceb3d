"""The terms of an energy on quantiles: laws of the cells, potentials, interactions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ...kernels import PowerLaw
from ...kernels.sums import LineKernel, WithoutWedges, on_the_line
from ...laws import Entry, FieldsAfter, LawForms
from ...laws.electrostatics import as_interactions
from ...laws.forms import Bound, Eliminated, External, FieldCoupling, Internal, Pair, Shared
from ...measures import CloudPotential, LinePotential, Particles, Quantiles, Species
from .cells import CellLaw, cell_laws
from .derivatives import PointLaw
from .waves import FieldOnLine


@dataclass
class LineTerms:
    """The terms of a law on the line, sorted by kind and species.

    Attributes
    ----------
    anchor : Species
        The state that the step starts from.
    cells : dict of lists
        Internal energies, as functions of the width of a cell.
    floors : dict of float
        The least width of a cell per unit mass, from bounds on the density.
    points : dict of lists
        Potentials that are functions of space.
    fields : dict of lists
        Potentials of frozen quantiles.
    selves : dict of lists
        Kernels by which a species interacts with itself.
    crosses : list of (a, b, kernel)
        Kernels by which two species interact.
    signals : list of FieldOnLine
        Fields that are solved for together with the masses.
    of_one : list of entries
        The internal energies and bounds of one species.
    sums : list of entries
        The terms of sums of species.
    """

    anchor: Species
    cells: dict[str, list[CellLaw]] = field(default_factory=dict)
    floors: dict[str, float] = field(default_factory=dict)
    points: dict[str, list[PointLaw]] = field(default_factory=dict)
    fields: dict[str, list[LinePotential]] = field(default_factory=dict)
    selves: dict[str, list[LineKernel]] = field(default_factory=dict)
    crosses: list[tuple[str, str, LineKernel]] = field(default_factory=list)
    signals: list[FieldOnLine] = field(default_factory=list)
    of_one: list[Entry[Internal] | Entry[Bound]] = field(default_factory=list)
    sums: list[Entry[Shared]] = field(default_factory=list)

    @classmethod
    def of(cls, forms: LawForms, anchor: Species) -> LineTerms:
        """The terms of a law for steps from the state ``anchor``.

        Raises ValueError for

        * a negative coefficient with which the step is unbounded below;
        * an internal energy, or a singular kernel of a species with itself, if the species has atoms;
        * a singular kernel between two species;
        * a potential that is an array.
        """
        terms = cls(anchor)
        terms._add(forms)
        for name in terms.points:
            if name not in terms.cells:
                terms._split_wedges(name)
        return terms

    def _split_wedges(self, name: str) -> None:
        """Make the kinks that hold mass together, where nothing spreads it, the fields of atoms: atoms may end there."""
        nodes, laws = self.anchor[name].nodes, self.points[name]
        for k, law in enumerate(laws):
            pieces = law.pieces(nodes, self.anchor.domain)
            places, halves = (np.zeros(0), np.zeros(0)) if pieces is None else pieces.kinks
            holding = law.factor * halves > 0
            if pieces is not None and holding.any():
                laws[k] = PointLaw(WithoutWedges.of(law.V, pieces, holding), law.factor)
                atoms = Quantiles.atoms(places[holding], law.factor * halves[holding])
                kernel = on_the_line(PowerLaw(1))
                self.fields.setdefault(name, []).append(LinePotential(kernel, atoms.nodes, atoms.masses))

    def _add(self, forms: LawForms, factor: float = 1.0) -> None:
        for entry in forms.entries:
            scaled = entry._replace(factor=factor * entry.factor)
            match entry.form:
                case Internal() | Bound():
                    self._add_own(scaled)
                case Shared() as shared:
                    self._add_shared(shared, scaled)
                case External() as external:
                    self._add_potential(external, scaled.factor)
                case Pair() as pair:
                    self._add_pair(pair, scaled)
                case FieldCoupling() as coupling:
                    self._add(as_interactions(coupling, self.anchor).forms, scaled.factor)
                case Eliminated(energy=FieldsAfter() as after):
                    self.signals.extend(FieldOnLine.all_of(after))

    def _add_own(self, entry: Entry[Internal] | Entry[Bound]) -> None:
        """Add an internal energy or a bound of one species."""
        self.of_one.append(entry)
        if isinstance(entry.form, Bound):
            entry.non_negative()
            self.floors[entry.form.species] = max(self.floors.get(entry.form.species, 0.0), 1 / entry.form.density)
        else:
            self._add_cells(Entry(entry.factor, entry.form, entry.term))

    def _add_cells(self, entry: Entry[Internal]) -> None:
        """Add an internal energy. Raises ValueError if a cell of the anchor that holds mass has no width."""
        species, laws = entry.form.species, cell_laws(entry)
        atoms = np.flatnonzero(self.anchor[species].atomic)
        if len(atoms):
            raise ValueError(
                f"{entry.term!r} needs cells of positive width, and cell {int(atoms[0])} of species {species!r} is an atom "
                f"({len(atoms)} in all): spread it over an interval first, or evolve without the internal energy"
            )
        self.cells.setdefault(species, []).extend(laws)

    def _add_shared(self, shared: Shared, entry: Entry[Shared]) -> None:
        """Add a term of a sum of species. Side by side, each species has the energy, or the bound, of its own part."""
        self.sums.append(entry)
        for name, weight in shared.weights.items():
            of_sum = replace(shared.of_sum, species=name)
            if isinstance(of_sum, Bound):
                entry.non_negative()
                self.floors[name] = max(self.floors.get(name, 0.0), weight / of_sum.density)
                continue
            before = len(self.cells.get(name, []))
            self._add_cells(Entry(entry.factor, of_sum, entry.term))
            self.cells[name][before:] = [_of_weighted(weight, law) for law in self.cells[name][before:]]

    def _add_potential(self, form: External, c: float) -> None:
        if isinstance(form.V, CloudPotential):
            form = replace(form, V=Particles(form.V.points, form.V.masses).quantiles().potential(form.V.kernel))
        if isinstance(form.V, LinePotential):
            scaled = LinePotential(form.V.kernel.scaled(c), form.V.nodes, form.V.masses)
            self.fields.setdefault(form.species, []).append(scaled)
        elif callable(form.V):
            self.points.setdefault(form.species, []).append(PointLaw(form.V, c, form.gradient))
        else:
            raise ValueError(
                f"V must be a function of space on quantiles, whose points move, got an array of shape {form.V.shape}"
            )

    def _add_pair(self, pair: Pair, entry: Entry[Pair]) -> None:
        kernel = on_the_line(pair.kernel).scaled(entry.factor)
        if pair.is_self:
            if kernel.singular and np.any(self.anchor[pair.a].atomic):
                raise ValueError(
                    f"{entry.term!r} is infinite in the atoms of species {pair.a!r}: spread them over intervals first"
                )
            self.selves.setdefault(pair.a, []).append(kernel)
            return
        if kernel.singular:
            raise ValueError(f"{entry.term!r} must be finite at the origin on quantiles, whose points may meet")
        self.crosses.append((pair.a, pair.b, kernel))


def _of_weighted(weight: float, law: CellLaw) -> CellLaw:
    """The law of a cell in which the density counts ``weight`` times."""
    return law if weight == 1 else lambda w, h: law(weight * w, h)
