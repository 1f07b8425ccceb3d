r"""
Mass falls onto the graph of the velocity
=========================================

A density f(x, v) on phase space, with inertia and damping, in a double well:

.. math::

    \partial_t f + v\, \partial_x f = \frac1\varepsilon\, \partial_v\bigl((v - u(x))\, f\bigr), \qquad u(x) = x - x^3.

Within a few epsilon all velocities are those of the flow of first order, v = u(x). Then the mass slides along the graph
into the two wells. The damping shrinks phase space, so f grows: its norm in L^2 by exp(t / (2 epsilon)), exactly, whatever
the forces are (Lemma 4.1 of Choi, Fagioli, Iorio). RESULT compares the growth up to t = epsilon / 2 with that.

Below: the same law by particles, of which each carries the mass of a cell of phase space.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

EPSILON = 0.2

law = jf.Potential(lambda x: x**4 / 4 - x**2 / 2, gradient=lambda x: x**3 - x)
space, velocity = jf.Grid.box((-2, 2), cells=240), jf.Grid.box((-2.5, 2.5), cells=300)
f = jf.PhaseDensity.of(space, velocity, lambda x, v: np.exp(-8 * (x - 0.15) ** 2 - 2 * (v - 0.4) ** 2))
flow = jf.evolve(law, f, scheme=jf.Kinetic(EPSILON), dt=0.02, t_end=2.0)
print(flow)
jf.plot.phase_space(flow, law=law, times=[0.0, 0.1, 0.4, 2.0])

rng = np.random.default_rng(0)
swarm = jf.MovingParticles(0.15 + 0.25 * rng.normal(size=1500), 0.4 + 0.5 * rng.normal(size=1500))
by_particles = jf.evolve(law, swarm, scheme=jf.Inertial(EPSILON), dt=0.02, t_end=2.0)
jf.plot.phase_space(by_particles, law=law, times=[0.0, 0.1, 0.4, 2.0])

early = [k for k, t in enumerate(flow.times) if t <= EPSILON / 2 + 1e-9]
growth = flow[early[-1]].norm(2) / flow[0].norm(2)
RESULT = growth / np.exp(flow.times[early[-1]] / (2 * EPSILON))
print(f"the norm in L^2 has grown by {growth:.4f}, {RESULT:.4f} of what is exact")
plt.show()
