r"""
Opinions of three groups
========================

Two camps and a group of undecided people have opinions in a plane of two issues.

.. math::

    x_i' = -\sum_j m_j \nabla K_{s(i) s(j)}(x_i - x_j), \qquad K_{ab} \ne K_{ba}.

* Within a group opinions attract.
* The undecided are drawn to the camp that is near.
* The camps repel one another, and they ignore the undecided. So the law has no energy.

The tips of the Morse kernels make groups agree in finite time. ``Overdamped`` follows the groups through these collisions.
"""

import numpy as np

import jkoflow as jf

rng = np.random.default_rng(1)


def group(x, y, spread, count):
    return jf.Particles(rng.normal((x, y), spread, size=(count, 2)))


state = jf.Species(
    reform=group(-1.2, 0.3, 0.35, 30),
    tradition=group(1.2, -0.3, 0.35, 30),
    undecided=group(0.0, 0.2, 0.8, 50),
)
law = (
    jf.Interaction(jf.Morse(0.8, 0.8), "reform")
    + jf.Interaction(jf.Morse(0.8, 0.8), "tradition")
    + jf.Interaction(jf.Gaussian(0.2, 0.6), "undecided")
    + jf.Drift(-jf.Gaussian(0.6, 1.5), moves="reform", by="tradition")
    + jf.Drift(-jf.Gaussian(0.6, 1.5), moves="tradition", by="reform")
    + jf.Drift(jf.Gaussian(0.5, 1.0), moves="undecided", by="reform")
    + jf.Drift(jf.Gaussian(0.5, 1.0), moves="undecided", by="tradition")
)
flow = jf.evolve(law, state, scheme=jf.Overdamped(1e-7), dt=0.1, t_end=6.0)

jf.plot.clouds(flow, times=[0.0, 0.5, 1.5, 6.0], trail=15)
agreed = jf.diagnostics.collapse(flow, within=1e-3)
jf.plot.report(agreed)

print(flow)
print({name: f"agrees at t = {time:.2g}" for name, (time, _) in agreed.partial.items()})
RESULT = agreed.partial["reform"][0]
