r"""
A gas let loose, with inertia
=============================

Particles in the plane repel one another through the kernel :math:`1 / |x|`, which is ``alpha * Riesz(alpha)`` with alpha = 1.
They start as a ball, and have the inertia time epsilon. F is the force:

.. math::

    x' = u, \qquad \varepsilon u' = -u + F.

One profile keeps its shape, ``U(y) = c (1 - |y|^2)^(1/2)`` on the unit ball: its force is linear in y. So the gas stays a ball
of this profile, and only its radius changes:

.. math::

    \varepsilon R'' + R' = \kappa R^{-\alpha - 1}, \qquad \kappa = \tfrac{3\pi}{4}.

Without inertia R^(alpha + 2) = 1 + kappa (alpha + 2) t. With inertia the gas spreads faster, for it starts with the speed that
belongs to the force and keeps it for a while.

The source is T12 in docs/theory/small-inertia.md. The second moment of U is 2/5, so the radius is measured as
``(5/2 mean |x|^2)^(1/2)``. With N particles it is too small by about a multiple of N^(-1/2), because a particle does not repel
itself. Two runs, one with four times the particles, remove this error: the dots are twice the finer radius minus the coarser.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import solve_ivp
from scipy.stats import beta

import jkoflow as jf

alpha, kappa, t_end = 1.0, 3 * np.pi / 4, 0.5
law = jf.Interaction(alpha * jf.Riesz(alpha))


def ball(count):
    """The profile U: the squares of the radii have the law Beta(1, 3/2), the directions turn by the golden angle."""
    radii = np.sqrt(beta(1, 1.5).ppf((np.arange(count) + 0.5) / count))
    angles = np.pi * (3 - np.sqrt(5)) * np.arange(count)
    points = radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return jf.MovingParticles(points, kappa * points)


def radius(state):
    return float(np.sqrt(2.5 * state.masses @ (state.points**2).sum(axis=1)))


def exact_radius(epsilon, times):
    def motion(t, y):
        return [y[1], (kappa * y[0] ** (-alpha - 1) - y[1]) / epsilon]

    return solve_ivp(motion, (0, t_end), [1.0, kappa], "Radau", times, rtol=1e-8, atol=1e-10).y[0]


figure, axes = plt.subplots(1, 4, figsize=(13, 3.6), layout="constrained")
times, turn = np.linspace(0, t_end, 101), np.linspace(0, 2 * np.pi, 200)
axes[3].plot(times, (1 + kappa * (alpha + 2) * times) ** (1 / (alpha + 2)), color="0.3", linestyle="--", label="no inertia")
for epsilon, colour in ((0.5, "#1f5fa8"), (0.02, "#2e7d32"), (0.1, "#c1440e")):
    flows = [jf.evolve(law, ball(count), scheme=jf.Inertial(epsilon), dt=0.02, t_end=t_end) for count in (150, 600)]
    coarse, fine = (np.array([radius(state) for state in flow]) for flow in flows)
    extrapolated = 2 * fine - coarse
    axes[3].plot(times, exact_radius(epsilon, times), color=colour, label=rf"$\varepsilon$ = {epsilon:g}")
    axes[3].plot(flows[1].times[::5], extrapolated[::5], "o", color=colour, markersize=4.5)
for axis, k in zip(axes, (0, 5, 25), strict=False):  # epsilon = 0.1
    edge = exact_radius(epsilon, times)[4 * k]
    axis.scatter(*flows[1][k].points.T, s=5, color=colour, linewidths=0)
    axis.plot(edge * np.cos(turn), edge * np.sin(turn), color="0.3", linewidth=1.2)
    axis.set(title=rf"$\varepsilon$ = 0.1, t = {times[4 * k]:g}", xlabel="x", aspect="equal", xlim=(-2, 2), ylim=(-2, 2))
axes[0].set_ylabel("y")
axes[3].set(title="radius (lines: exact)", xlabel="time")
axes[3].legend(frameon=False)
for axis in axes:
    axis.spines[["top", "right"]].set_visible(False)

print(flows[1])
RESULT = float(extrapolated[-1])
