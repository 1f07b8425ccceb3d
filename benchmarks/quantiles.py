"""JKO steps on quantiles: seconds against N and against peers, observed orders in dt, the front of Barenblatt in N.

Peers, each in this run: scipy.optimize.minimize (L-BFGS-B on the logarithms of the widths, with our exact gradients); Convex;
and py-pde (``pip install py-pde``; left out where it is missing) on a grid whose error at the end is the same or larger.
"""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
from scipy.optimize import minimize
from timing import timed

import jkoflow as jf
from jkoflow.proximal.line.problem import LineProblem

WELL = jf.Potential(lambda x: x**2 / 2)
LAWS = {
    "Fokker-Planck": jf.Entropy() + WELL,
    "porous medium": jf.RenyiEntropy(2) + WELL,
    "Morse + porous": jf.RenyiEntropy(2) + jf.Interaction(jf.Morse()),
    "Morse alone": jf.Interaction(jf.Morse()),
}
GRID = jf.Grid.box((-4.0, 4.0), cells=4000)
RHO = GRID.density(lambda x: np.exp(-2 * (x - 1) ** 2))
TAU = 0.05


def second_step(law: jf.Energy, n: int) -> jf.ProximalStep:
    """A step after one that has smoothed the start."""
    start = jf.Species.of(RHO.quantiles(n, walls=False))
    first = jf.QuantileNewton().solve(jf.ProximalStep(law, start, TAU))
    return jf.ProximalStep(law, first.state, TAU)


def growth() -> None:
    sizes = (1_000, 10_000, 30_000, 100_000, 300_000)
    print("One JKO step, milliseconds (iterations); exponent of time in N fitted from 10 000 on")
    print(f"{'':16s}" + "".join(f"{n:>16d}" for n in sizes) + "   exponent")
    for name, law in LAWS.items():
        seconds, cells = [], ""
        for n in sizes:
            step = second_step(law, n)
            took, answer = timed(lambda step=step: jf.QuantileNewton().solve(step), 3)
            assert answer.status.ok
            seconds.append(took)
            cells += f"{1e3 * took:11.1f} ({answer.iterations:2d})"
        slope = np.polyfit(np.log(sizes[1:]), np.log(seconds[1:]), 1)[0]
        print(f"{name:16s}{cells}   {slope:8.2f}")


def against_minimize() -> None:
    print("\nscipy.optimize.minimize on the same step, until it takes over 30 s or stays above 1e-6 of the step's descent")
    for name in ("Fokker-Planck", "porous medium", "Morse + porous"):
        for n in (50, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600):
            step = second_step(LAWS[name], n)
            ours, answer = timed(lambda step=step: jf.QuantileNewton().solve(step), 3)
            problem = LineProblem(step)

            def objective(y: np.ndarray, problem: LineProblem = problem) -> tuple[float, np.ndarray]:
                widths = np.exp(np.clip(y[1:], -80, 20))
                model = problem.evaluate(np.concatenate([y[:1], y[0] + np.cumsum(widths)]))
                right = np.cumsum(model.gradient[::-1])[::-1]
                return model.value, np.concatenate([right[:1], right[1:] * widths])

            start = np.concatenate([problem.start[:1], np.log(np.diff(problem.start))])
            options = {"maxiter": 100_000, "maxfun": 200_000, "ftol": 1e-15, "gtol": 1e-12, "maxcor": 30}
            theirs, found = timed(
                lambda f=objective, s=start, o=options: minimize(f, s, jac=True, method="L-BFGS-B", options=o), 1
            )
            best = problem.evaluate(np.asarray(answer.state[""].nodes)).value
            above = (found.fun - best) / (problem.evaluate(problem.start).value - best)
            ratio = f"ours {1e3 * ours:7.2f} ms: ratio {theirs / ours:8.0f}"
            print(f"{name:16s} N = {n:5d}: {theirs:8.2f} s, {above:8.1e} above; {ratio}")
            if theirs > 30 or above > 1e-6:
                break


def against_convex() -> None:
    print("\nConvex on a grid, one step of 0.5 of Fokker-Planck from a Gaussian: seconds, error of mean and of variance")
    exact = jf.closed_forms.OrnsteinUhlenbeck(1.5, 0.25).jko(0.5)
    law = LAWS["Fokker-Planck"]
    for n in (64, 128, 256):
        rho = jf.Grid.box((-5.0, 5.0), cells=n).density(lambda x: np.exp(-2 * (x - 1.5) ** 2))
        for name, measure, solver in (
            ("Convex", rho, jf.Convex()),
            ("ours", rho.quantiles(n, walls=False), jf.QuantileNewton()),
        ):
            step = jf.ProximalStep(law, jf.Species.of(measure), 0.5)
            took, answer = timed(lambda solver=solver, step=step: solver.solve(step), 1 if name == "Convex" else 5)
            state = answer.state[""]
            off = abs(float(state.mean) - exact[0]), abs(float(state.covariance) - exact[1])
            print(f"{name:8s} n = {n:4d}: {took:9.4f} s   {off[0]:8.1e} {off[1]:8.1e}   {answer.status.name}")


def against_py_pde() -> None:
    try:
        import pde
    except ImportError:
        print("\npy-pde is not installed: no comparison with it")
        return
    print("\npy-pde against quantiles with BDF2, the whole flow: L2 error at the end, seconds")
    print(
        "(py-pde: a call of solve, which compiles; in brackets its compiled stepper alone, which cannot be kept between laws)"
    )
    from scipy.stats import norm

    exact = jf.closed_forms.OrnsteinUhlenbeck(1.0, 0.25).flow(0.5)
    B = jf.closed_forms.Barenblatt(m=2, d=1)
    cases = {
        "Fokker-Planck": (
            "laplace(u) + d_dx(x * u)",
            (-6.0, 6.0),
            norm(1.0, 0.5).pdf,
            norm(exact[0], exact[1] ** 0.5).pdf,
        ),
        "porous medium": ("laplace(u**2)", (-3.0, 3.0), B.density(0.5), B.density(1.0)),
    }
    for name, (rhs, bounds, start, end) in cases.items():
        fine = jf.Grid.box(bounds, cells=6000)
        reference = fine.sample(end, order=4)
        for n in (64, 128, 256, 512):
            grid = pde.CartesianGrid([bounds], n)
            x = grid.axes_coords[0]
            state = pde.ScalarField(grid, start(x))
            equation = pde.PDE({"u": rhs}, bc={"derivative": 0})
            h = (bounds[1] - bounds[0]) / n
            dt = 0.2 * h**2 / (1 if name == "Fokker-Planck" else 2 * float(np.max(start(x))))

            whole, _ = timed(lambda e=equation, u=state, dt=dt: e.solve(u, t_range=0.5, dt=dt, solver="euler", tracker=None), 1)
            stepper = pde.EulerSolver(equation).make_stepper(state, dt=dt)
            stepper(state.copy(), 0.0, 2 * dt)
            result = state.copy()
            took, _ = timed(lambda step=stepper, u=result: step(u, 0.0, 0.5), 1)
            theirs = np.sqrt(np.mean((result.data - end(x)) ** 2) * (bounds[1] - bounds[0]))
            law = jf.Entropy() + WELL if name == "Fokker-Planck" else jf.RenyiEntropy(2)
            for cells, steps in itertools.product((25, 50, 100, 200, 400, 800), (5, 10, 20, 40, 80)):
                if name == "Fokker-Planck":
                    z = np.linspace(-6, 6, cells + 1)
                    rho = jf.Quantiles(1.0 + 0.5 * z, np.diff(norm.cdf(z)) + 1e-300)
                else:
                    rho = B.quantiles(0.5, cells)

                def ours(law: Any = law, rho: Any = rho, steps: int = steps) -> Any:
                    return jf.evolve(law, rho, scheme=jf.BDF2(), dt=0.5 / steps, t_end=0.5)

                seconds, flow = timed(ours, 3)
                values = smooth_density(flow.final, fine.axes[0])
                error = np.sqrt(fine.integrate((values - reference) ** 2))
                if error <= theirs:
                    break
            print(f"{name:14s} py-pde n = {n:4d}: {theirs:8.1e} {whole:7.2f} s ({took:8.4f} s)   ", end="")
            print(f"ours {cells:4d} cells, {steps:3d} steps: {error:8.1e} {seconds:8.4f} s   ", end="")
            print(f"ratio {whole / seconds:6.1f} ({took / seconds:6.2f})")


def smooth_density(measure: jf.Quantiles, at: np.ndarray) -> np.ndarray:
    """The densities of the cells, linear between their midpoints, 0 at the two ends."""
    places = np.concatenate([measure.nodes[:1], measure.points, measure.nodes[-1:]])
    return np.interp(at, places, np.concatenate([[0.0], measure.values, [0.0]]), left=0.0, right=0.0)


def orders() -> None:
    schemes = (jf.JKO(), jf.BDF2(), jf.VariationalExtrapolation())
    law = jf.Entropy() + jf.Potential(lambda x: x**4 / 4 - x**2 / 2)
    rho = jf.Grid.box((-3, 3), cells=3000).density(lambda x: np.exp(-3 * (x - 0.5) ** 2)).quantiles(400, walls=False)
    rho = jf.evolve(law, rho, scheme=jf.VariationalExtrapolation(), dt=0.01, t_end=0.1).final
    B = jf.closed_forms.Barenblatt(m=2, d=1)
    fine = jf.evolve(law, rho, scheme=jf.VariationalExtrapolation(), dt=0.5 / 1280, t_end=0.5).final
    cases = {
        "Fokker-Planck in a double well, N = 400": (law, rho, fine),
        "Barenblatt m = 2, N = 3000": (jf.RenyiEntropy(2), B.quantiles(0.5, 3000), B.quantiles(1.0, 3000)),
    }
    for name, (energy, start, end) in cases.items():
        print(f"\n{name}: W2 error at t = 0.5 for dt = 0.05, 0.025, ...; observed orders")
        for scheme in schemes:
            errors = []
            for dt in (0.05, 0.025, 0.0125, 0.00625):
                flow = jf.evolve(energy, start, scheme=scheme, dt=dt, t_end=0.5)
                errors.append(flow.final.wasserstein(end))
            seen = [np.log2(a / b) for a, b in itertools.pairwise(errors)]
            print(f"{type(scheme).__name__:26s}{figures(errors, '10.2e')}   {figures(seen, '6.2f')}")


def fronts() -> None:
    print("\nBarenblatt m = 2, t = 0.5 to 1, by VariationalExtrapolation, dt = 0.005: errors of the front and of W2, orders")
    B = jf.closed_forms.Barenblatt(m=2, d=1)
    radius = B.radius(0.5)

    def even(n: int) -> jf.Quantiles:
        x = np.linspace(-radius, radius, n + 1)
        level = B.A * x - B.b * x**3 / 3 / B.scale(0.5) ** 2
        return jf.Quantiles(x, np.diff(level) / (level[-1] - level[0]))

    def equal(n: int) -> jf.Quantiles:
        return even(40 * n).resampled(n, spread=0.0)

    kinds = {"thinning out to the front": lambda n: B.quantiles(0.5, n), "equal lengths": even, "equal masses": equal}
    for name, make in kinds.items():
        errors, apart = [], []
        for n in (100, 1000, 10_000):
            flow = jf.evolve(jf.RenyiEntropy(2), make(n), scheme=jf.VariationalExtrapolation(), dt=0.005, t_end=0.5)
            errors.append(abs(float(flow.final.nodes[-1]) - B.radius(1.0)))
            apart.append(flow.final.wasserstein(B.quantiles(1.0, 4000)))
        seen = [np.log10(a / b) for a, b in itertools.pairwise(errors)]
        print(f"{name:26s}{figures(errors, '10.2e')}   W2{figures(apart, '10.2e')}   {figures(seen, '6.2f')}")


def figures(values: list[float], form: str) -> str:
    return "".join(f"{value:{form}}" for value in values)


def main() -> None:
    warnings.simplefilter("ignore", jf.FreezingWarning)
    growth()
    against_minimize()
    against_convex()
    against_py_pde()
    orders()
    fronts()


if __name__ == "__main__":
    main()
