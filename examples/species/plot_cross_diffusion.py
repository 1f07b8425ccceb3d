r"""
Cross-diffusion keeps species apart
===================================

Two species flee from crowds, and do not tell one another apart:

.. math::

    \partial_t a = 2 \nabla\cdot\bigl(a \nabla (a + b)\bigr), \qquad \partial_t b = 2 \nabla\cdot\bigl(b \nabla (a + b)\bigr),
    \qquad E(a, b) = \int (a + b)^2.

Both have the velocity :math:`-2 \nabla (a + b)`. So species that are apart at the start stay apart (Bertsch, Gurtin, Hilhorst
and Peletier 1985): there is no diffusion of one into the other. The sum of both equations is the porous medium equation for
a + b. Here a + b starts as a Barenblatt profile. So it goes on as the Barenblatt solution, whose velocity at x is proportional
to x: every pattern of the two species is enlarged, and its shape is kept.

Upper row: the colours are the species, and the strength of the colour is a + b. Lines are the exact edge and interface. Upwind
fluxes blur the interface over a few cells. Lower row: the same on the line, one species on top of the other. Left is the start,
right the end, with the Barenblatt solution in black. Dotted lines are the exact interfaces.

RESULT is the scale of a + b on the line at the end, from its second moment, over that of the Barenblatt solution.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

law = jf.RenyiEntropy(2, ("a", "b"))
hues = {"a": np.array([0.76, 0.25, 0.05]), "b": np.array([0.12, 0.37, 0.66])}


def parted(grid, profile, of_a):
    """The profile as two species. ``of_a`` says which cells are those of a."""
    rho = grid.density(profile, order=4)
    return jf.Species(a=jf.Density(grid, rho.values * of_a), b=jf.Density(grid, rho.values * ~of_a))


def yin(x, y, radius):
    """The yin of a disc: one half, with a small half disc more, and one less."""
    more, less = (x**2 + (y - side * radius / 2) ** 2 < radius**2 / 4 for side in (1, -1))
    return ((x < 0) & ~less) | more


# In the plane
begin, dt, t_end = 0.05, 0.02, 0.5
barenblatt = jf.closed_forms.Barenblatt(m=2, d=2)
plane = jf.Grid.box((-1.7, 1.7), (-1.7, 1.7), cells=72)
x, y = np.meshgrid(*plane.axes, indexing="ij")
start = parted(plane, barenblatt.density(begin), yin(x, y, barenblatt.radius(begin)))
flow = jf.evolve(law, start, dt=dt, t_end=t_end)
print(flow)

figure = plt.figure(figsize=(10.0, 6.4), layout="constrained")
figure.suptitle("Cross-diffusion keeps species apart", fontsize="x-large")
upper, lower = figure.subfigures(2, 1, height_ratios=(1.5, 1))
fine = np.linspace(-1.7, 1.7, 500)
for axis, t in zip(upper.subplots(1, 3), (0.0, 0.1, 0.5), strict=True):
    state, radius = flow[round(t / dt)], barenblatt.radius(begin + t)
    total = sum(measure.values for measure in state.values())
    colour = sum(state[name].values[..., None] * hue for name, hue in hues.items()) / np.maximum(total, 1e-12)[..., None]
    strength = np.sqrt(np.minimum(total / total.max(), 1))[..., None]
    picture = 1 - strength * (1 - colour)
    axis.imshow(picture.transpose(1, 0, 2), origin="lower", extent=(-1.7, 1.7, -1.7, 1.7), interpolation="bilinear")
    disc = fine[:, None] ** 2 + fine**2 < radius**2
    axis.contour(fine, fine, disc.astype(float), levels=[0.5], colors="k", linewidths=0.8)
    axis.contour(fine, fine, np.where(disc, yin(fine, fine[:, None], radius), np.nan), levels=[0.5], colors="k", linewidths=0.8)
    axis.set(title=f"t = {t:g}", xticks=[], yticks=[])

# On the line
barenblatt, begin, dt, t_end = jf.closed_forms.Barenblatt(m=2, d=1), 0.1, 0.01, 0.9
line = jf.Grid.box((-2.5, 2.5), cells=400)
places = line.axes[0]
start = parted(line, barenblatt.density(begin), abs(places - 0.2) > 0.4)
flow = jf.evolve(law, start, dt=dt, t_end=t_end)
for axis, k in zip(lower.subplots(1, 2, sharey=True), (0, -1), strict=True):
    t, state = begin + flow.times[k], flow[k]
    axis.stackplot(places, [state[name].values for name in hues], colors=list(hues.values()), alpha=0.75, labels=list(hues))
    axis.plot(places, barenblatt.density(t)(places), color="k", linewidth=1.2, label="Barenblatt")
    for edge in (-0.2, 0.6):
        axis.axvline(edge * barenblatt.scale(t) / barenblatt.scale(begin), color="k", linestyle=":", linewidth=1.0)
    axis.set(title=f"on the line, t = {flow.times[k]:g}", xlabel="x")
    axis.spines[["top", "right"]].set_visible(False)
axis.legend(frameon=False)
total = line.density(state["a"].values + state["b"].values)
second_moment = float(total.covariance + total.mean**2)
RESULT = (second_moment / barenblatt.second_moment) ** 0.5 / barenblatt.scale(begin + t_end)
print(f"scale of a + b, over that of the Barenblatt solution: {RESULT:.4f}")
plt.show()
