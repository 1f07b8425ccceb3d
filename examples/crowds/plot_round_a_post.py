r"""
Round a post to the exit
========================

A crowd under a hard bound walks to the left wall, round two posts where nobody may stand:

.. math::

    \partial_t\rho = \nabla\cdot(\rho\, \nabla(d + p)), \qquad 0 \le \rho \le 1,\quad p\, (1 - \rho) = 0, \qquad
    \text{no flux through the posts.}

Everybody takes the shortest way: d is ``walking_distance`` round the posts. The pressure p pushes people aside where it is
full. Behind the posts there is nobody. In the end the crowd fills a strip along the wall.

RESULT is the mean distance from the wall at the end. A full strip of mass 0.4, height 1 and density 1 has 0.2.
"""

import jkoflow as jf

grid = jf.Grid.box((0.0, 2.0), (0.0, 1.0), cells=(64, 32))


def posts(x, y):
    return ((x - 0.75) ** 2 + (y - 0.35) ** 2 < 0.012) | ((x - 0.8) ** 2 + (y - 0.75) ** 2 < 0.008)


crowd = grid.density(lambda x, y: 1.0 * ((x - 1.4) ** 2 + (y - 0.5) ** 2 < 0.14), mass=0.4)
way = jf.walking_distance(grid, to=lambda x, y: x < 0.03, obstacles=posts)
law = jf.Congestion(1.0) + jf.Potential(way) + jf.Obstacle(posts)
flow = jf.evolve(law, crowd, dt=0.05, t_end=2.5)

jf.plot.density(flow, times=[0, 0.5, 1, 2.5], obstacles=law)

print(flow)
print(f"mean distance from the exit {flow.final.mean[0]:.4f}; of a full strip, {0.4 / 2:.4f}")
RESULT = float(flow.final.mean[0])
film = jf.plot.movie(flow, obstacles=law)  # jf.plot.animate(flow, "crowd.gif", obstacles=law) writes a file
