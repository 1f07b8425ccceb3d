"""The public checks accept what is right and name what is wrong (the energies' are in test_energies)."""

import dataclasses
from typing import ClassVar

import numpy as np
import pytest

import jkoflow as jf
from jkoflow.checks import check_scheme, check_solver

from .tables import SOLVERS, STEPS


@dataclasses.dataclass(frozen=True)
class _Tampered(jf.Entropic):
    """Entropic with its answer changed."""

    change: object = None

    def solve(self, step):
        answer = super().solve(step)
        rho = answer.state[""]
        return dataclasses.replace(answer, state=jf.Species.of(rho.like(self.change(rho))))


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_passes(name):
    step = STEPS["fokker-planck"]
    room = 0.05 if name == "convex" else 3e-3  # plans between cell centres misplace mass by a fraction of a cell
    report = check_solver(SOLVERS[name], step, tolerance=room)
    assert report.descent > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rho: 1.001 * rho.values, "changed the mass"),
        (lambda rho: np.roll(rho.values, 8), "raised the objective|smooth transport"),
        (lambda rho: np.roll(rho.values, 1), "smooth transport lowers the objective"),
        (lambda rho: rho.values * 0 + 1 / rho.grid.volume, "raised the objective|smooth transport"),
    ],
)
def test_a_wrong_answer_is_caught(change, message):
    with pytest.raises(AssertionError, match=message):
        check_solver(_Tampered(change=change), STEPS["fokker-planck"], tolerance=3e-3)


def test_an_unsolved_step_is_caught():
    with pytest.raises(AssertionError, match="did not solve the step"):
        check_solver(jf.Entropic(max_iterations=2), STEPS["fokker-planck"])


def test_a_plane_is_checked_without_perturbations():
    grid = jf.Grid.box((-1.0, 1.0), (-1.0, 1.0), cells=10)
    rho = jf.Species.of(grid.density(lambda x, y: np.exp(-2 * ((x - 0.3) ** 2 + y**2))))
    report = check_solver(jf.ConvexDynamic(), jf.ProximalStep(jf.RenyiEntropy(2), rho, 0.3))
    assert np.isnan(report.worst_perturbation)


def test_a_false_order_is_caught():
    class Boaster(jf.JKO):
        order: ClassVar[int] = 2

    rho = jf.Grid.box((-4.0, 4.0), cells=64).density(lambda x: np.exp(-(x**2)))
    exact = jf.closed_forms.OrnsteinUhlenbeck(0.0, float(rho.covariance)).flow(0.4)[1]
    with pytest.raises(AssertionError, match="declares order 2, observed"):
        check_scheme(
            Boaster(),
            jf.Entropy() + jf.Potential(lambda x: x**2 / 2),
            rho,
            error=lambda r: abs(float(r.covariance) - exact),
            t_end=0.4,
            dts=[0.2, 0.1],
        )
