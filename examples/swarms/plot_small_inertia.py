"""
Three levels of one law, and their limits
=========================================

One law, a double well with attraction, at three levels:

* particles with inertia, of number N;
* the density f(x, v) on phase space, on cells of width dx;
* the flow of first order, to which both tend as epsilon tends to 0.

The law of the limit is W1(rho_epsilon, rho) = O(epsilon), for any velocities at the start
(docs/theory/small-inertia.md, section 3.2). The velocities have a layer: their distance to those of first order falls like
exp(-t / epsilon), to a height of order epsilon. In N the error is of order 1 from the middles of quantiles. The grid tends to
order 2 in dx where f is wider than a cell.

RESULT is the observed rate in epsilon, which is proved to be at least 1, and is 1 in every closed form.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import norm

import jkoflow as jf

T = 0.8
law = jf.Potential(lambda x: x**4 / 4 - x**2 / 2, gradient=lambda x: x**3 - x) + jf.Interaction(0.5 * jf.Quadratic())


def swarm(n):
    """n particles at the middles of quantiles of a Gaussian, with velocities that are not those of the law."""
    x = norm.ppf((np.arange(n) + 0.5) / n)
    return jf.MovingParticles(0.3 + 0.5 * x, 1.0 + np.cos(3 * x))


def w1(a, b):
    return float(jf.wasserstein(a, b, p=1))


epsilons = 0.1 * 0.5 ** np.arange(6)
first = jf.evolve(law, swarm(3200).places, scheme=jf.Overdamped(), dt=T, t_end=T)
in_epsilon = []
for epsilon in epsilons:
    final = jf.evolve(law, swarm(3200), scheme=jf.InertialReference(epsilon, tolerance=1e-8), t_end=T).final
    in_epsilon.append(w1(final.places, first.final))
by_epsilon = jf.study.rate(epsilons, in_epsilon, name="epsilon")

numbers, epsilon = [100, 200, 400, 800, 1600, 6400], 0.1
runs = [jf.evolve(law, swarm(n), scheme=jf.Inertial(epsilon), dt=0.02, t_end=T).final.places for n in (*numbers, 51200)]
in_number = [w1(run, runs[-1]) for run in runs[:-1]]
by_number = jf.study.rate(1 / np.array(numbers), in_number, name="1 / N")

cells, epsilon = [40, 80, 160], 0.5
x, v = (norm.ppf((np.arange(k) + 0.5) / k) for k in (600, 100))
nodes = np.meshgrid(0.3 + 0.5 * x / x.std(), 1.0 + 0.5 * v / v.std(), indexing="ij")
cloud = jf.MovingParticles(nodes[0].ravel(), nodes[1].ravel())
exact = jf.evolve(law, cloud, scheme=jf.Inertial(epsilon), dt=0.01, t_end=T).final.places
in_width = []
for count in cells:
    space, velocity = jf.Grid.box((-3, 3), cells=count), jf.Grid.box((-4, 4), cells=count)
    f = jf.PhaseDensity.of(space, velocity, lambda x, v: np.exp(-2 * (x - 0.3) ** 2 - 2 * (v - 1) ** 2))
    final = jf.evolve(law, f, scheme=jf.Kinetic(epsilon), dt=0.01, t_end=T).final
    in_width.append(w1(final.places, exact))
by_width = jf.study.rate(6 / np.array(cells), in_width, name="dx")

print(f"{'particles N':>14}  {'W1':>9}   {'phase cells':>12}  {'W1':>9}   {'epsilon':>9}  {'W1 to first order':>18}")
for k in range(6):
    width = f"{cells[k]:>10}^2  {in_width[k]:9.2e}" if k < 3 else " " * 23
    print(f"{numbers[k]:14}  {in_number[k]:9.2e}   {width}   {epsilons[k]:9.5f}  {in_epsilon[k]:18.2e}")
for found in (by_number, by_width, by_epsilon):
    print(found)

figure, axes = plt.subplots(1, 4, figsize=(15, 3.6), layout="constrained")
for epsilon in (0.1, 0.03, 0.01):
    layer = jf.evolve(law, swarm(400), scheme=jf.Inertial(epsilon), dt=epsilon / 8, t_end=8 * epsilon)
    defect = jf.diagnostics.velocity_defect(layer, law).curves[""]
    axes[0].semilogy(layer.times / epsilon, defect, label=rf"$\varepsilon$ = {epsilon:g}")
axes[0].set(xlabel=r"t / $\varepsilon$", ylabel=r"mean $|v - u(x)|$", title="the layer of the velocities")
axes[0].legend(frameon=False)
axes[0].spines[["top", "right"]].set_visible(False)
for axis, found, expected in ((axes[1], by_epsilon, 1.0), (axes[2], by_number, 1.0), (axes[3], by_width, 2.0)):
    jf.plot.rate(found, expected=expected, ax=axis)
    axis.set_title(f"W1 against {found.name}")
RESULT = by_epsilon.exponent
plt.show()
