r"""
Two species that chase each other
=================================

Particles of two species on the line repel their own kind and attract the other kind. The forces do not depend on the distance.

.. math::

    x_i' = \sum_j m_j\, \bigl(\mathrm{sign}(x_i - x_j)\bigr) - \sum_k n_k\, \mathrm{sign}(x_i - y_k), \qquad
    \text{and the same for } y.

The flow is exact: world-lines are straight and bend only at meetings. Particles with different numbers pass through one
another. Particles with the same number stay together for ever.

The energy is the squared L2 distance of the two distribution functions. Along the flow it is convex in time.
"""

import numpy as np

import jkoflow as jf

N = 12
start = jf.OrderedParticles(x=-np.ones(N), y=np.ones(N))
flow = jf.evolve(jf.newtonian_law(), start, scheme=jf.Brezis(), t_end=3.5)

jf.plot.world_lines(flow)
jf.plot.cdfs(flow, times=[0.3, 0.8, 1.5, 3.5])
jf.plot.energy(flow)

assert len(flow.events) == N * (N + 1) // 2
RESULT = float(flow.events.times[-1])
rest = jf.closed_forms.dirac_rest_time(N)
print(f"{flow}\n{flow.events}; all at rest from t = {RESULT:.6f} on, 4^N / (2 binom(2N, N)) = {rest:.6f}")
