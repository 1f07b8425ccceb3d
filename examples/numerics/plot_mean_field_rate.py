r"""
From particles to the kinetic equation, at the rate 1/N
=======================================================

Cells on the line align their velocities, and follow the slope of a field that they make:

.. math::

    x_i' = v_i, \qquad v_i' = \lambda (\bar v - v_i) + \eta\, c_x(x_i), \qquad
    \partial_t c = -\kappa c + \frac1N \sum_j \chi(x - x_j), \qquad \chi = -\tfrac{b}{2} y^2.

There are three levels, and one cell of N has a Gaussian law at each:

* P: N cells with a field of their own;
* LV: N cells in the field that all replicas make together (Liouville-Vlasov), with ``Alignment(groups=...)``;
* V: the Vlasov equation, the limit of many cells.

In W2 of places and velocities all three distances fall like 1/N. For smooth chi of compact support, Theorem 2.1 of Natalini and
Paul grants N^(-1/4) between P and V, and a coupling as Sznitman's grants N^(-1/2).

Lines are the closed form (docs/theory/chemotaxis.md, T10). Dots are runs of 6 replicas. Two things take out their chance. The
means of the replicas are shifted and stretched to have exactly the mean 0 and the covariance Sigma / N. And characteristics
of V start from the same places, so that what chance does at all levels alike cancels.

RESULT is the limit of N W2 between P and V, extrapolated from the dots at N = 128 and 256. In the closed form it is 1.1293384.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf
from jkoflow.closed_forms import ThreeLevels, wasserstein_normals

B, KAPPA, ETA, LAMBDA, T, DT, REPLICAS = 1.1, 0.9, 0.6, 0.5, 1.7, 0.05, 6
SIGMA = np.array([[0.5, 0.1], [0.1, 0.8]])
model = ThreeLevels(B, KAPPA, ETA, LAMBDA, SIGMA)
rng = np.random.default_rng(0)


def law(groups):
    field = jf.FieldEnergy("c", diffusion=0.0, decay=KAPPA) + jf.Secretion(jf.QuadraticProfile(B)) + jf.Chemotaxis(ETA)
    return field + jf.Alignment(lambda r: LAMBDA + 0 * r, groups=groups)


def run(z, groups=1):
    """Places and velocities at T, from those at the start, both of shape (2, cells)."""
    start = jf.State(jf.MovingParticles(*z), {"c": jf.QuadraticField([0.0, 0.0, B / KAPPA])})
    return jf.evolve(law(groups), start, scheme=jf.Inertial(), dt=DT, t_end=T).final.masses[""].phase


def sample(n):
    """REPLICAS of n cells, shape (2, REPLICAS, n). Their means have the mean 0 and the covariance SIGMA / n."""
    z = rng.multivariate_normal([0, 0], SIGMA, size=(REPLICAS, n)).transpose(2, 0, 1)
    means = z.mean(axis=2)
    centred = means - means.mean(axis=1, keepdims=True)
    stretch = np.linalg.cholesky(SIGMA / n) @ np.linalg.inv(np.linalg.cholesky(centred @ centred.T / REPLICAS))
    return z + (stretch @ centred - means)[:, :, None]


def distances(p, lv, v):
    """W2 between the levels, from the covariances of one cell."""
    return [wasserstein_normals(p, lv), wasserstein_normals(lv, v), wasserstein_normals(p, v)]


# Two cells that mirror one another have no mean, so they move as characteristics of V do.
flow_of_v = np.stack([run(np.outer(unit, [1, -1]))[:, 0] for unit in np.eye(2)], axis=1)
numbers, dots = [8, 16, 32, 64, 128, 256], []
for n in numbers:
    z = sample(n)
    alone = np.stack([run(z[:, k]) for k in range(REPLICAS)], axis=1)
    together = run(z.reshape(2, -1), REPLICAS).reshape(z.shape)
    carried = np.tensordot(flow_of_v, z, 1)
    p, lv, v = (np.einsum("arn,brn->ab", phase, phase) / (REPLICAS * n) for phase in (alone, together, carried))
    exact = model.vlasov(T)
    dots.append(distances(exact + p - v, exact + lv - v, exact))
lines = [distances(model.particles(T, n), model.common_field(T, n), model.vlasov(T)) for n in numbers]
print(f"largest relative distance of dots and lines: {np.abs(np.array(dots) / lines - 1).max():.1e}")
rate = jf.study.rate(1 / np.array(numbers), [row[2] for row in dots], name="1 / N")
print(rate)
RESULT = float(2 * numbers[-1] * dots[-1][2] - numbers[-2] * dots[-2][2])
print(f"limit of N W2: {RESULT:.4f}")

figure, axes = plt.subplots(1, 3, figsize=(13.0, 3.9), layout="constrained")
z = sample(6)
end = [run(z[:, 0]), run(z.reshape(2, -1), REPLICAS).reshape(z.shape)[:, 0], flow_of_v @ z[:, 0]]
hues = {"P": "#c1440e", "LV": "#2e7d32", "V": "#1f5fa8"}
axes[0].plot(*z[:, 0], "o", color="0.75", markersize=6, label="start")
for (name, hue), marker, phase in zip(hues.items(), "osx", end, strict=True):
    axes[0].plot(*phase, marker, color=hue, markersize=8 if name == "P" else 5, label=f"{name}, t = {T:g}")
axes[0].set(title="six cells, alike at the start", xlabel="x", ylabel="v")
turn = np.linspace(0, 2 * np.pi, 200)
laws = model.particles(T, 6), model.common_field(T, 6), model.vlasov(T)
for (name, hue), covariance in zip(hues.items(), laws, strict=True):
    axes[1].plot(*(np.linalg.cholesky(covariance) @ [np.cos(turn), np.sin(turn)]), color=hue, linewidth=1.8, label=name)
axes[1].set(title="the law of one of six cells", xlabel="x", ylabel="v")
for k, (label, hue) in enumerate({"P to V": "#7b3fa0", "LV to V": "#1f5fa8", "P to LV": "#c1440e"}.items()):
    style = "--" if k == 2 else "-"
    axes[2].loglog(numbers, [row[2 - k] for row in lines], style, color=hue, linewidth=1.4, label=label)
    axes[2].loglog(numbers, [row[2 - k] for row in dots], "o", color=hue, markersize=5.5)
axes[2].loglog(numbers, 0.35 / np.sqrt(numbers), color="0.7", linestyle="--", linewidth=1.0, label=r"$N^{-1/2}$")
axes[2].set(title="W2 between the levels", xlabel="N")
for axis in axes:
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, fontsize="small")
axes[0].legend(frameon=False, fontsize="small", loc="lower right")
plt.show()
