r"""
Two groups of cells wind up in phase space
==========================================

Many cells with inertia on the line make a signal and follow it. Their density f(x, v) on phase space obeys

.. math::

    \partial_t f + v\, \partial_x f + \eta\, \partial_x c\, \partial_v f = 0, \qquad
    \partial_t c = D c_{xx} - \kappa c + \chi * \rho, \qquad \rho = \int f\, dv.

Two groups run towards one another. Each is drawn into the signal of the other, they turn about one another and wind up: at
one place there are cells of many velocities, and no velocity field u(x) could describe them.

Above: f on the cells of a grid of phase space (``Kinetic``). Below: characteristics, that is particles of which each carries
the mass of a piece of phase space (``Inertial``); the size of a dot is its mass. Right: the mass to the left of x, by both.

There is no friction. So the energy falls by what the signal dissipates alone (docs/theory/chemotaxis.md, section 1.6):

.. math::

    E = \int \tfrac12 |v|^2\, df - \eta \int c\, d\rho + (\text{energy of the signal}), \qquad
    -\frac{dE}{dt} = \eta \int |\partial_t c|^2 \quad (\text{in the norm of } \chi).

RESULT is the fall of the energy on the grid over the time integral of the dissipation, so it must be 1.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

T, DT = 4.5, 0.02
law = jf.FieldEnergy("c", diffusion=0.2, decay=1.0) + jf.Secretion(jf.GaussianProfile(0.3)) + jf.Chemotaxis(4.0)


def group(x, v):
    """A Gaussian group about the origin, of deviations 0.3 and 0.1."""
    return np.exp(-(x**2) / 0.18 - v**2 / 0.02)


space, velocity = jf.Grid.box((-3, 3), cells=180), jf.Grid.box((-2.4, 2.4), cells=180)
f = jf.PhaseDensity.of(space, velocity, lambda x, v: group(x + 1.2, v - 0.4) + group(x - 1.2, v + 0.4))
flow = jf.evolve(law, jf.State(f, {"c": jf.Field(space)}), scheme=jf.Kinetic(), dt=DT, t_end=T)
print(flow)

points, weights = np.polynomial.legendre.leggauss(26)
x, v = (a.ravel() for a in np.meshgrid(0.9 * points, 0.3 * points, indexing="ij"))
masses = np.outer(weights, weights).ravel() * group(x, v)
cells = jf.MovingParticles(
    np.concatenate([x - 1.2, x + 1.2]), np.concatenate([v + 0.4, v - 0.4]), np.tile(masses / masses.sum() / 2, 2)
)
c = jf.Field(jf.Grid.box((-3, 3), cells=90))
traced = jf.evolve(law, jf.State(cells, {"c": c}), scheme=jf.Inertial(), dt=DT, t_end=T)
print(traced)

fall = flow.energies[0] - flow.energies[-1]
rates = np.concatenate([[2 * flow.dissipation[0] - flow.dissipation[1]], flow.dissipation])
RESULT = float(fall / np.sum((rates[1:] + rates[:-1]) / 2 * DT))
ends = [run.final.masses[""].places for run in (flow, traced)]
print(f"energy: {RESULT:.4f} of its fall; W1 of the places: {float(jf.wasserstein(*ends, p=1)) / space.spacing[0]:.2f} cells")

figure = plt.figure(figsize=(14.0, 4.8), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(3.4, 1))
panels = left.subplots(2, 4, sharex=True, sharey=True)
for column, time in zip(panels.T, (0.0, 1.5, 3.0, 4.5), strict=True):
    k = int(np.argmin(np.abs(flow.times - time)))
    values = flow.state(k).masses[""].values
    column[0].imshow(values.T, origin="lower", extent=(-3, 3, -2.4, 2.4), aspect="auto", cmap="Blues", vmax=0.5 * values.max())
    cloud = traced.state(k).masses[""]
    column[1].scatter(*cloud.phase, s=14 * (cloud.masses / cloud.masses.max()) ** 0.5, color="#c1440e", edgecolors="none")
    column[0].set(title=f"t = {time:g}", xlim=(-2.6, 2.6), ylim=(-2.2, 2.2))
    column[1].set_xlabel("x")
panels[0, 0].set_ylabel("v (grid)")
panels[1, 0].set_ylabel("v (characteristics)")
axis = right.subplots()
for k, label in ((0, "t = 0"), (len(flow) - 1, f"t = {T:g}")):
    places, cloud = flow.state(k).masses[""].places, traced.state(k).masses[""]
    shade = 1.0 if k else 0.45
    axis.plot(space.axes[0], np.cumsum(places.values) * space.cell_volume, color="#1f5fa8", alpha=shade, label=f"grid, {label}")
    order = np.argsort(cloud.points)
    total = np.cumsum(cloud.masses[order]) - cloud.masses[order] / 2
    axis.plot(cloud.points[order], total, ":", linewidth=2.4, color="#c1440e", alpha=shade, label=f"characteristics, {label}")
axis.set(title="mass to the left of x", xlabel="x", xlim=(-2.6, 2.6), ylim=(0, 1.4), yticks=(0, 0.5, 1))
axis.legend(frameon=False, fontsize="small", loc="upper left")
axis.spines[["top", "right"]].set_visible(False)
plt.show()
