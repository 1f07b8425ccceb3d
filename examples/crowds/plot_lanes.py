r"""
Lanes of pedestrians in a corridor
==================================

Two crowds walk towards one another. Each is driven by a potential of its own and kept off the walls. People avoid everybody,
and they avoid those who come towards them from farther away. So it is easiest to follow somebody of the same crowd: lanes
form.

.. math::

    x_i' = -\nabla V_{s(i)}(x_i) - \sum_j m_j \nabla K_{s(i) s(j)}(x_i - x_j), \qquad K_{ab} = K_{ba}.

Every person is a particle. The law is an energy, and ``Overdamped`` follows its flow.
"""

import numpy as np

import jkoflow as jf

rng = np.random.default_rng(4)
people = 45


def crowd(left, right):
    return jf.Particles(np.column_stack([rng.uniform(left, right, people), rng.uniform(-1.4, 1.4, people)]))


def walls(x, y):
    return 0.3 * (y / 1.5) ** 8


def push(x, y):
    return np.stack([0.0 * x, 0.3 * 8 / 1.5 * (y / 1.5) ** 7])


state = jf.Species(east=crowd(-6.0, -0.5), west=crowd(0.5, 6.0))
law = (
    jf.Potential(lambda x, y: -x + walls(x, y), "east", gradient=lambda x, y: push(x, y) - np.array([[1.0], [0.0]]))
    + jf.Potential(lambda x, y: x + walls(x, y), "west", gradient=lambda x, y: push(x, y) + np.array([[1.0], [0.0]]))
    + jf.Interaction(-jf.Gaussian(3.0, 0.35), "east")
    + jf.Interaction(-jf.Gaussian(3.0, 0.35), "west")
    + jf.CrossInteraction(-jf.Gaussian(6.0, 0.6), between=("east", "west"))
)
flow = jf.evolve(law, state, scheme=jf.Overdamped(1e-6), dt=0.2, t_end=6.0)


def lanes(state):
    """How well the two crowds are separated: 0 if all stripes are mixed, 1 if every stripe has one direction."""
    middle = {name: cloud.points[np.abs(cloud.points[:, 0]) < 3.0, 1] for name, cloud in state.items()}
    counts = [np.histogram(y, bins=8, range=(-1.6, 1.6))[0] for y in middle.values()]
    return float(np.abs(counts[0] - counts[1]).sum() / (counts[0] + counts[1]).sum())


jf.plot.clouds(flow, times=[0.0, 2.0, 4.0, 6.0], trail=5)

print(flow)
RESULT = lanes(flow.final)
film = jf.plot.movie(flow)
