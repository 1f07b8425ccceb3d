r"""
One step by five solvers
========================

One JKO step of diffusion in a quadratic well, from a Gaussian:

.. math::

    \min_\rho\ \frac{W_2(\rho, \mu)^2}{2\tau} + \int \rho \log\rho + \tfrac12 x^2 \rho\; dx, \qquad \tau = 0.5.

The minimiser is a Gaussian, known in closed form. ``BackAndForth``, ``Entropic``, ``QuantileNewton`` and ``Convex`` compute it.
``FiniteVolume`` takes a step of implicit Euler, which differs from the minimiser by a term of the order of the square of
:math:`\tau`. Its answer is known too: the flow at a random time, which has the exponential law of mean :math:`\tau`,

.. math::

    \rho = \int_0^\infty e^{-s}\, \rho(\tau s)\, ds, \qquad \rho(t) \text{ the flow from } \mu.

Left: the start, and the answers on 32 cells against both closed forms. Middle: the densities on 64 cells, less the closed form.
Right: W1 between the answer and its closed form. Every solver is of second order in the cell width. ``Convex`` has a variable
for every pair of cells, so it stays on small grids.

RESULT is the least order that the solvers show between 256 and 512 cells, ``Convex`` left out. The declared order is 2.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import ndtr

import jkoflow as jf

tau, law = 0.5, jf.Entropy() + jf.Potential(lambda x: x**2 / 2)
known = jf.closed_forms.OrnsteinUhlenbeck(mean=1.2, variance=0.3)
ends = (-6.0, 6.0)


def gaussian(grid, mean, variance):
    """The exact averages of a Gaussian over the cells."""
    below = ndtr((np.linspace(*ends, grid.shape[0] + 1) - mean) / variance**0.5)
    return np.diff(below) / grid.spacing[0]


def minimiser(grid):
    return grid.density(gaussian(grid, *known.jko(tau)))


def implicit_euler(grid):
    times, weights = np.polynomial.laguerre.laggauss(60)
    return grid.density(sum(w * gaussian(grid, *known.flow(tau * s)) for s, w in zip(times, weights, strict=True)))


def solve(solver, cells):
    """The answer of a solver, and its closed form."""
    grid = jf.Grid.box(ends, cells=cells)
    start = grid.density(gaussian(grid, known.mean, known.variance))
    state = start.quantiles(cells) if isinstance(solver, jf.QuantileNewton) else start
    answer = solver.solve(jf.ProximalStep(law, jf.Species.of(state), tau=tau))
    return answer.state[""], implicit_euler(grid) if isinstance(solver, jf.FiniteVolume) else minimiser(grid)


solvers = (jf.BackAndForth(), jf.FiniteVolume(), jf.Entropic(), jf.QuantileNewton(), jf.Convex())
hues, markers = ("#c1440e", "#1f5fa8", "#2e7d32", "#7b3fa0", "#8a6d00"), "os^vD"
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13.5, 4.2), layout="constrained")
figure.suptitle("One JKO step by five solvers", fontsize="x-large")
fine = jf.Grid.box(ends, cells=2000)
left.fill_between(fine.axes[0], gaussian(fine, known.mean, known.variance), color="0.88", label="start")
left.plot(fine.axes[0], minimiser(fine).values, color="0.3", linewidth=1.2, label="JKO step")
left.plot(fine.axes[0], implicit_euler(fine).values, "--", color="#1f5fa8", linewidth=1.2, label="implicit Euler")
orders = []
for solver, hue, marker in zip(solvers, hues, markers, strict=True):
    convex, name = isinstance(solver, jf.Convex), type(solver).__name__
    numbers = np.array([16, 32, 64] if convex else [32, 64, 128, 256, 512])
    pairs = [solve(solver, cells) for cells in numbers]
    errors = [jf.wasserstein(answer, exact, p=1).value for answer, exact in pairs]
    right.loglog(numbers, errors, marker + "-", color=hue, label=name, markersize=6)
    answer, _ = pairs[1] if convex else pairs[0]
    left.plot(answer.points, answer.values, marker, color=hue, markersize=5, alpha=0.8)
    if not convex:
        orders.append(np.log2(errors[-2] / errors[-1]))
        print(f"{name}: order {orders[-1]:.3f}")
    if not (convex or isinstance(solver, jf.QuantileNewton)):
        answer, exact = pairs[1]
        middle.plot(exact.grid.axes[0], 1e3 * (answer.values - exact.values), color=hue, linewidth=1.6)
RESULT = float(min(orders))
right.loglog([64, 512], [8e-3, 8e-3 / 64], "--", color="0.5", linewidth=1.0, label="order 2")
left.set(title="start and answers, 32 cells", xlabel="x", xlim=(-2.5, 4))
middle.set(title="1000 times the error of the density, 64 cells", xlabel="x", xlim=(-2.5, 4))
right.set(title="W1 to the closed form", xlabel="cells")
right.set_xticks([16, 32, 64, 128, 256, 512], [16, 32, 64, 128, 256, 512])
right.set_xticks([], minor=True)
for axis in (left, middle, right):
    axis.spines[["top", "right"]].set_visible(False)
left.legend(frameon=False, fontsize="small")
right.legend(frameon=False, fontsize="small")
plt.show()
