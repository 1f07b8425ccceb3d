"""Exercises of the lesson on ions."""

from __future__ import annotations

from typing import Any

import numpy as np

import jkoflow as jf

from ..exercise import Exercise, defined, number


def _check_debye(names: dict[str, Any]) -> None:
    debye = defined(names, "debye")
    grid = jf.Grid.box((0, 1), cells=4)
    for permittivity, ions in (
        (0.02, {"Na": (1, 1.0), "Cl": (-1, 1.0)}),
        (0.5, {"Na": (1, 3.0), "Cl": (-1, 3.0)}),
        (0.1, {"Ca": (2, 1.0), "Cl": (-1, 2.0)}),
        (0.1, {"Mg": (2, 0.5), "Na": (1, 1.0), "Cl": (-1, 2.0), "urea": (0, 4.0)}),
    ):
        valences = np.array([z for z, _ in ions.values()])
        concentrations = np.array([c for _, c in ions.values()])
        found = debye(permittivity, concentrations, valences)
        assert found is not None, "debye returns nothing yet"
        assert np.ndim(found) == 0, "debye must return one number"
        state = jf.Species({name: grid.density(lambda x: 1 + 0 * x, mass=c) for name, (_, c) in ions.items()})
        expected = jf.DirichletCoupling({name: z for name, (z, _) in ions.items()}, permittivity=permittivity).debye_length(
            state
        )
        salt = ", ".join(f"{c:g} of {name}" for name, (_, c) in ions.items())
        assert np.isclose(found, expected), f"for {salt} and permittivity {permittivity:g} it is not {float(found):.4g}"


def _steady_middle(z: float, voltage: float, left: float, right: float) -> float:
    grid = jf.Grid.box((-0.04, 1.04), cells=27)  # the middle of a cell is at 1/2
    law = jf.Entropy() + jf.Potential(lambda x: z * voltage * (1 - x))
    law = law + jf.Reservoir(lambda x: x < 0, left, name="left") + jf.Reservoir(lambda x: x > 1, right, name="right")
    state: Any = jf.steady(law, grid.density(lambda x: 1.0 * (x > 0) * (x < 1))).state
    return float(np.interp(0.5, grid.axes[0], state.values))


def _check_middle(names: dict[str, Any]) -> None:
    middle = defined(names, "middle")
    rng = np.random.default_rng(11)
    for z, voltage in ((1, 1.5), (-1, rng.uniform(1, 3)), (2, rng.uniform(-2, -1)), (-2, rng.uniform(-2, 0)), (1, 0.0)):
        left, right = rng.uniform(0.2, 1.0), rng.uniform(1.5, 3.0)
        with np.errstate(all="ignore"):
            found = number(middle(z, voltage, left, right), "middle")
        what = f"for z = {z}, V = {voltage:.3g}, from {left:.3g} to {right:.3g}"
        assert np.isfinite(found), f"{what} the concentration is not a number: what is left of it without a voltage?"
        expected = _steady_middle(z, voltage, left, right)
        turned = left + right - expected
        assert not np.isclose(found, turned) or np.isclose(expected, turned), (
            f"{what} the concentration belongs to the opposite voltage: the potential is V on the left"
        )
        assert np.isclose(found, expected, rtol=1e-6), (
            f"{what} the concentration is {expected:.4f}, not {found:.4f}: the flux is the same at every x"
        )


def _membrane(left: float, right: float, permittivity: float) -> Any:
    below, beyond = (lambda x: x < 0), (lambda x: x > 1)

    def law(voltage: float) -> Any:
        plates = jf.Electrode(below, voltage), jf.Electrode(beyond, 0.0)
        total: Any = jf.DirichletCoupling(plus=1, minus=-1, permittivity=permittivity, electrodes=plates)
        for ion in ("plus", "minus"):
            total = total + jf.Entropy(ion) + jf.Reservoir(below, left, ion, "left") + jf.Reservoir(beyond, right, ion, "right")
        return total

    return law


def _check_reversal(names: dict[str, Any]) -> None:
    reversal = defined(names, "reversal")
    grid = jf.Grid.box((-0.05, 1.05), cells=44)
    salt = jf.Species({ion: grid.density(lambda x: 0.5 * (x > 0) * (x < 1), mass=None) for ion in ("plus", "minus")})
    for left, right, a, b, permittivity in (
        (1.0, 0.2, 1.0, 0.2, 100.0),
        (1.0, 3.0, 1.0, 0.5, 0.05),
        (2.0, 0.5, 0.3, 1.0, 0.003),
    ):
        mobility = {"plus": a, "minus": b}
        law = _membrane(left, right, permittivity)
        found = reversal(law, salt, mobility)
        assert found is not None, "reversal returns nothing yet"
        assert np.ndim(found) == 0, "reversal must return one voltage"
        what = f"with baths of {left:g} and {right:g}, mobilities {a:g} and {b:g} and permittivity {permittivity:g}"
        thick, thin = np.log((a * right + b * left) / (a * left + b * right)), (a - b) / (a + b) * np.log(right / left)
        low, high = sorted((thick, thin))
        assert low - 0.02 < found < high + 0.02, (
            f"{what} the voltage lies between {low:.3f} and {high:.3f}, not at {float(found):.3f}"
        )
        current = jf.steady(law(float(found)), salt, mobility=mobility).currents["right"]
        assert abs(current) < 0.01 * (a + b) * min(left, right), (
            f"{what} the current at {float(found):.4f} is still {current:.4f}"
        )


EXERCISES = (
    Exercise(
        "the Debye length",
        r"For small $\psi$ an ion of valence $z_i$ has $n_i \approx c_i (1 - z_i \psi)$, and $\sum_i z_i c_i = 0$. "
        r"So $\psi'' = \psi / \lambda^2$. "
        "Write `debye(permittivity, concentrations, valences)`, which returns $\\lambda$. The last two arguments are arrays.",
        "def debye(permittivity, concentrations, valences):\n    return None\n",
        _check_debye,
    ),
    Exercise(
        "the middle of a membrane",
        r"An ion of valence $z$ moves in the potential $\psi = V (1 - x)$ on $(0, 1)$. The baths at the ends have the "
        "concentrations `left` and `right`. Write `middle(z, voltage, left, right)`, the concentration of the steady state at "
        "$x = 1/2$, for every voltage, 0 among them.",
        "def middle(z, voltage, left, right):\n    return (left + right) / 2\n",
        _check_middle,
    ),
    Exercise(
        "the voltage without a current",
        "`law` is a function: `law(voltage)` is the law of the membrane of this lesson, for the species `plus` and "
        "`minus`. `salt` is a "
        "state from which the search may start. Write `reversal(law, salt, mobility)`, the voltage at which no current "
        "flows, to three "
        'digits. `jf.current_voltage(law, salt, voltages, mobility=mobility).currents["right"]` is an array. The baths '
        "differ by "
        "a factor of 5 at most.",
        "def reversal(law, salt, mobility):\n    return 0.0\n",
        _check_reversal,
    ),
)
