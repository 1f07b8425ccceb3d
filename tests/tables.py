"""The tables the tests run over: a new energy, solver, scheme or example is a row here."""

from __future__ import annotations

import numpy as np
import pytest

import jkoflow as jf


def slow(*values):
    """A case that takes long: `make quick` leaves it out."""
    return pytest.param(*values, marks=pytest.mark.slow)


def cases(names, slow_ones):
    """The names as cases, some of them slow."""
    return [slow(name) if name in slow_ones else name for name in names]


LINE = jf.Grid.box((-1.0, 1.5), cells=48)
PLANE = jf.Grid.box((-1.0, 1.0), (0.0, 1.5), cells=(20, 16))
SPACE = jf.Grid.box((-1.0, 1.0), (0.0, 1.5), (0.0, 1.0), cells=(10, 8, 6))


def smooth(grid: jf.Grid, seed: int = 0) -> jf.Density:
    """A positive density without symmetry."""
    rng = np.random.default_rng(seed)
    shifts = rng.uniform(-0.5, 0.5, grid.dim)
    return grid.density(lambda *x: 0.3 + np.exp(-2 * sum((xi - s) ** 2 for xi, s in zip(x, shifts, strict=True))))


MEASURES = {"line": smooth(LINE), "plane": smooth(PLANE), "space": smooth(SPACE), "quantiles": smooth(LINE).quantiles(40)}


def bowl(*x):
    return sum((1 + k) * xi**2 / 2 for k, xi in enumerate(x))


# name: (energy of one unnamed species, its Taylor remainder vanishes)
ENERGIES = {
    "entropy": (jf.Entropy(), False),
    "renyi 2": (jf.RenyiEntropy(2), False),
    "renyi 3.5": (jf.RenyiEntropy(3.5), False),
    "renyi 0.5": (jf.RenyiEntropy(0.5), False),
    "custom internal": (jf.CustomInternalEnergy(np.cosh, np.sinh), False),
    "potential": (jf.Potential(bowl), True),
    "interaction quadratic": (jf.Interaction(jf.Quadratic()), False),
    "interaction |x|": (jf.Interaction(jf.PowerLaw(1)), False),
    "interaction morse": (jf.Interaction(jf.Morse(2.0, 0.5)), False),
    "functional": (
        jf.Functional(lambda rho: rho.expectation(rho.values**2), lambda rho: 3 * rho.values**2),
        False,
    ),
    "sum": (0.5 * jf.Entropy() + 2 * jf.Potential(bowl) - 0.25 * jf.Interaction(jf.Gaussian()), False),
}

KERNELS = {
    "power 4": jf.PowerLaw(4),
    "power 2": jf.Quadratic(),
    "power 1.5": jf.PowerLaw(1.5),
    "power 1": jf.PowerLaw(1),
    "log": jf.PowerLaw(0),
    "morse": jf.Morse(2.0, 0.7),
    "gaussian": jf.Gaussian(1.5, 0.8),
    "newtonian 1": jf.Newtonian(1),
    "newtonian 2": jf.Newtonian(2),
    "newtonian 3": jf.Newtonian(3),
    "riesz": jf.Riesz(0.5),
    "combination": 2 * jf.Morse() - 0.6 * jf.Morse(1.0, 0.5),
}

# The steps that every solver of exact or debiased steps is put to, in 1-D, where W2 is known exactly.
_START = jf.Species.of(jf.Grid.box((-3.0, 3.0), cells=96).density(lambda x: np.exp(-2 * (x - 0.8) ** 2)))
_WELL = jf.Potential(lambda x: x**2 / 2)
STEPS = {
    "fokker-planck": jf.ProximalStep(jf.Entropy() + _WELL, _START, tau=0.2),
    "porous medium": jf.ProximalStep(jf.RenyiEntropy(2) + _WELL, _START, tau=0.2),
    "renyi 3 alone": jf.ProximalStep(jf.RenyiEntropy(3), _START, tau=0.1),
    "fast diffusion": jf.ProximalStep(jf.RenyiEntropy(0.6) + _WELL, _START, tau=0.2),
    "congestion": jf.ProximalStep(jf.Congestion(0.6) + _WELL, _START, tau=0.2),
    "congestion + renyi": jf.ProximalStep(jf.Congestion(0.45) + 0.5 * jf.RenyiEntropy(2) + _WELL, _START, tau=0.2),
    "congestion + entropy": jf.ProximalStep(jf.Congestion(0.45) + 0.2 * jf.Entropy() + _WELL, _START, tau=0.2),
    "entropy + renyi": jf.ProximalStep(0.3 * jf.Entropy() + 0.5 * jf.RenyiEntropy(2) + _WELL, _START, tau=0.2),
    "mobility": jf.ProximalStep(jf.Entropy() + _WELL, _START, tau=0.05, mobilities={"": 4.0}),
    "repulsion": jf.ProximalStep(jf.Entropy() + 2 * jf.Interaction(-jf.PowerLaw(1)), _START, tau=0.1),
}

_FREE = jf.Species.of(_START[""].quantiles(80, walls=False))
_WALLED = jf.Species.of(jf.Quantiles(_FREE[""].nodes, _FREE[""].masses, (-3.0, 3.0)))
_TWO = jf.Species(a=_FREE[""], b=jf.Quantiles(np.linspace(-2.0, 1.0, 31)))
# The steps that QuantileNewton is put to.
LINE_STEPS = {name: jf.ProximalStep(step.energy, _FREE, step.tau, step.mobilities) for name, step in STEPS.items()}
LINE_STEPS |= {
    f"{name}, walls": jf.ProximalStep(step.energy, _WALLED, step.tau, step.mobilities) for name, step in STEPS.items()
}
LINE_STEPS |= {
    "custom internal": jf.ProximalStep(jf.CustomInternalEnergy(np.cosh, np.sinh) + _WELL, _FREE, tau=0.2),
    "double well": jf.ProximalStep(jf.Entropy() + jf.Potential(lambda x: x**4 / 4 - x**2 / 2), _FREE, tau=0.2),
    "|x|": jf.ProximalStep(jf.Interaction(jf.PowerLaw(1)), _FREE, tau=0.5),
    "x^4": jf.ProximalStep(jf.Interaction(jf.PowerLaw(4)), _FREE, tau=0.5),
    "|x|^1.5": jf.ProximalStep(jf.Interaction(jf.PowerLaw(1.5)), _FREE, tau=0.5),
    "-|x|": jf.ProximalStep(jf.Interaction(-jf.PowerLaw(1)), _FREE, tau=0.5),
    "morse": jf.ProximalStep(jf.Interaction(jf.Morse(1.0, 2.0)), _FREE, tau=0.5),
    "morse, attractive and repulsive": jf.ProximalStep(jf.Interaction(2 * jf.Morse() - jf.Morse(0.6, 0.5)), _FREE, tau=0.5),
    "gaussian": jf.ProximalStep(jf.Interaction(jf.Gaussian()), _FREE, tau=0.3),
    "cosh": jf.ProximalStep(jf.Interaction(jf.CustomKernel(np.cosh, np.sinh)), _FREE, tau=0.3),
    "log gas": jf.ProximalStep(jf.Interaction(-jf.PowerLaw(0)), _FREE, tau=0.3),
    "riesz": jf.ProximalStep(jf.Interaction(jf.Riesz(0.5)), _FREE, tau=0.3),
    "keller-segel": jf.ProximalStep(jf.Entropy() + jf.Interaction(jf.PowerLaw(0)), _FREE, tau=0.3),
    "two, |x|": jf.ProximalStep(
        jf.Entropy("a") + jf.CrossInteraction(jf.PowerLaw(1), between=("a", "b")), _TWO, 0.3, {"b": 0.5}
    ),
    "two, morse": jf.ProximalStep(
        jf.RenyiEntropy(2, "a") + jf.RenyiEntropy(3, "b") + jf.CrossInteraction(jf.Morse(1.0, 2.0), between=("a", "b")),
        _TWO,
        0.3,
    ),
    "two, gaussian": jf.ProximalStep(
        jf.Entropy("a") + jf.Interaction(jf.Quadratic(), "b") + jf.CrossInteraction(jf.Gaussian(), between=("a", "b")),
        _TWO,
        0.3,
    ),
    "frozen field": jf.ProximalStep(
        jf.Entropy() + jf.Potential(_TWO["b"].potential(jf.Morse() + jf.PowerLaw(4))), _FREE, tau=0.3
    ),
}

SOLVERS = {
    "entropic": jf.Entropic(),
    "entropic fine": jf.Entropic(epsilon=(6 / 96) ** 2),
    "convex": jf.Convex(),
    "dynamic": jf.ConvexDynamic(layers=6),
    "back and forth": jf.BackAndForth(),
}

LINE_SCHEMES = {
    "jko": jf.JKO(),
    "semi-implicit": jf.SemiImplicitJKO(),
    "bdf2": jf.BDF2(),
    "variational extrapolation": jf.VariationalExtrapolation(),
    "implicit midpoint": jf.ImplicitMidpoint(),
}

SCHEMES = {
    "jko": jf.JKO(),
    "semi-implicit": jf.SemiImplicitJKO(),
    "semi-implicit, self frozen": jf.SemiImplicitJKO(freeze_self=True),
}

# file in examples/: the number it pins, and how far it may be off
EXAMPLES = {
    "plot_heat": (1.0, 1e-4),  # the variance grows by 2 t
    "plot_displacement_interpolation": (0.5, 1e-9),  # a geodesic has constant speed; the simplex solves the inner pair anew
    "plot_distances_between_clouds": (1.0, 0.01),  # the closed form; what duality leaves over falls almost like 1 / N
    "plot_fast_diffusion": (1.0, 0.02),  # the Barenblatt tail: rho^(-1/2) has the slope 1 / (3 t) in x^2
    "plot_granular_media": (1.0, 2e-4),  # the root of the self-consistency equation
    "plot_solvers_compared": (2.0, 0.08),  # the declared order
    "plot_adaptive_steps": (5 / 6, 3e-3),  # dt^2 X'' is constant for X = t^(1/3) Y
    "plot_energy_identities": (1.0, 5e-6),  # De Giorgi's identity, summed over a run
    "plot_cross_diffusion": (1.0, 0.01),  # the sum is the Barenblatt solution of the porous medium equation
    "plot_ornstein_uhlenbeck": (1.5 / 1.05**20, 5e-4),  # the exact mean after 20 JKO steps
    "plot_porous_medium": (1.09944, 2e-3),  # the exact JKO scale, docs/theory/poisson-nernst-planck.md, T7
    "plot_crowd": (1 / np.pi, 3e-3),  # a disc of area 2 and density 1, of unit-mass covariance R^2 / 2
    "plot_round_a_post": (0.2, 1e-3),  # a full strip along the wall
    "plot_aggregation": (1.0390, 2e-3),  # with half the cell and half the step
    "plot_second_order": (2.0, 0.1),  # the declared order
    "plot_collapse": (5.66, 0.05),  # with a quarter of the step, and twice the cells
    "plot_newtonian_particles": (jf.closed_forms.dirac_rest_time(12), 1e-12),  # 4^N / (2 binom(2N, N))
    "plot_lanes": (0.85, 0.1),  # the same at a hundredth of the tolerance
    "plot_opinions": (2.5, 0.11),  # 2.48 at ten times as many frames
    "plot_cell_sorting": (0.5826, 0.01),  # with half the cell and half the step
    "plot_debye_screening": (1.0, 1e-3),  # Debye's length
    "plot_salt_reservoirs": (1.0, 3e-3),  # the potential of Planck and Henderson
    "plot_torus_aggregation": (1.0, 0.02),  # the rate of linear theory
    "plot_rerouting": (0.347, 0.04),  # with half the cell
    "plot_tumour": (0.491, 0.03),  # with a quarter of the step
    "plot_conical_pore": (4.493, 0.1),  # with half the cell
    "plot_ion_channel": (2.713, 0.03),  # with half the cell and half the step
    "plot_ions_in_space": (1.0, 2e-3),  # the same by the enclosed charge
    "plot_predator_prey": (0.776, 0.02),  # with half the cell and half the step
    "plot_chase": (1 - 1.5 * (1 - np.exp(-6)), 1e-12),  # the gap in closed form, docs/theory/small-inertia.md, T5
    "plot_cyclic_chase": ((np.sqrt(1 - 16 * (1.5 - 0.5j * 3**0.5)).real - 1) / 8, 5e-5),  # the root of 4 r^2 + r + lambda
    "plot_flocking": (1.0, 1e-3),  # the rate at which velocities align where psi = 1
    "plot_riesz_gas": (1.755440832757, 2e-3),  # docs/theory/small-inertia.md, T12
    "plot_phase_space": (1.0, 2e-3),  # the exact growth of the norm
    "plot_small_inertia": (1.0, 0.06),  # the rate in every closed form, docs/theory/small-inertia.md
    "plot_segregation": (1.0, 1e-11),  # action equals reaction: the mean of x + epsilon u stays
    "plot_chemotactic_rings": (np.roots([1, 0.82, -8 * np.exp(-0.1152)]).max(), 1e-5),  # the root of r^2 + .82 r = 8 e^-.1152
    "plot_self_drag": (0.81 * 0.8 / 1.1, 5e-4),  # where a cell rests on its trail, docs/theory/chemotaxis.md, T11
    "plot_zebrafish_row": (0.4, 0.01),  # the speed of the leader, F / gamma
    "plot_critical_mass": (1.0, 0.02),  # 8 pi, by the virial of the limit of a fast signal
    "plot_two_species_one_signal": (1.0, 0.01),  # the imaginary part of an eigenvalue of the linear equations
    "plot_evacuation": (1.0, 1e-12),  # who has gone and who is left are who was there
    "plot_fibres": (1.0, 2e-3),  # the variance along the fibres grows by 2 k t
    "plot_one_by_one": (1.0, 1e-7),  # without repulsion everybody walks at speed 1
    "plot_fishers_wave": (1.0, 0.01),  # the speed 5 / 6^(1/2) of the known front
    "plot_stirred_dye": (1.0, 0.05),  # without divergence, the entropy falls by what diffusion dissipates
    "plot_travelling_band": (1.0, 0.02),  # the force of a trail that moves with the band; the error is of order dt
    "plot_mean_field_rate": (1.1293384, 3e-4),  # the limit of N W2, docs/theory/chemotaxis.md, T10
    "plot_vlasov_chemotaxis": (1.0, 3e-3),  # the energy falls by what the signal dissipates, docs/theory/chemotaxis.md, 1.6
    "plot_flock_and_signal": (-1.092093, 5e-4),  # Bessel functions, docs/theory/chemotaxis.md, T5
}
SLOW_EXAMPLES = {
    "plot_granular_media",
    "plot_solvers_compared",
    "plot_adaptive_steps",
    "plot_cross_diffusion",
    "plot_distances_between_clouds",
    "plot_conical_pore",
    "plot_tumour",
    "plot_torus_aggregation",
    "plot_rerouting",
    "plot_critical_mass",
    "plot_two_species_one_signal",
    "plot_travelling_band",
    "plot_evacuation",
    "plot_fishers_wave",
    "plot_stirred_dye",
    "plot_small_inertia",
    "plot_segregation",
    "plot_riesz_gas",
    "plot_crowd",
    "plot_round_a_post",
    "plot_second_order",
    "plot_aggregation",
    "plot_newtonian_particles",
    "plot_opinions",
    "plot_cell_sorting",
    "plot_ion_channel",
    "plot_ions_in_space",
    "plot_predator_prey",
}
