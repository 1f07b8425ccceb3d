r"""
A crowd that avoids its own jam
===============================

Two doors lead out of a room, a near one and a far one. In a crowd people are slow: their speed is f = 1 / (1 + 3 rho^2).
Everybody who goes the shortest way ends up in the jam at the near door. People who see the jam go the way that is fastest at
the speeds that the crowd leaves them, and some of them walk to the far door. This is the model of Hughes (2002):

.. math::

    \partial_t\rho = \nabla\cdot(\rho f^2 \nabla T), \qquad f\, |\nabla T| = 1, \qquad T = 0 \text{ at the doors.}

T is ``walking_distance`` with the speed f, found anew every quarter of a unit of time, and f^2 is a ``Mobility``. With the
shortest way, T is the distance and the mobility is f. RESULT is the share of time that rerouting saves.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

grid = jf.Grid.box((0, 3), (0, 2), cells=(48, 32))


def doors(x, y):
    return (x > 2.9) & ((abs(y - 0.4) < 0.13) | (abs(y - 1.75) < 0.13))


def walls(x, y):
    return (x > 2.9) & ~doors(x, y)


crowd = grid.density(lambda x, y: 0.8 * (x < 1.6) * (y < 0.9), mass=None)


def leave(rerouting):
    """The states every quarter of a unit of time, until 98 of 100 are out."""
    states, times = [crowd], [0.0]
    while states[-1].mass > 0.02 * crowd.mass:
        f = 1 / (1 + 3 * states[-1].values ** 2)
        way = jf.walking_distance(grid, to=doors, obstacles=walls, speed=f if rerouting else None)
        law = (
            jf.Congestion(1.0) + jf.Potential(way) + jf.Obstacle(walls) + jf.Exit(doors) + jf.Mobility(f**2 if rerouting else f)
        )
        flow = jf.evolve(law, states[-1], dt=0.05, t_end=0.25)
        states.append(flow.final)
        times.append(times[-1] + 0.25)
    return np.array(times), states


runs = {"the shortest way": leave(False), "round the jam": leave(True)}
for name, (times, _) in runs.items():
    print(f"{name}: {times[-1]:.2f} until 98 of 100 are out")
RESULT = 1 - runs["round the jam"][0][-1] / runs["the shortest way"][0][-1]

fig, axes = plt.subplots(2, 3, figsize=(10, 5), layout="constrained", sharex=True, sharey=True)
closed = grid.sample(walls) > 0
for row, (name, (times, states)) in zip(axes, runs.items(), strict=True):
    for ax, t in zip(row, (1.5, 4.0, 6.5), strict=True):
        k = min(int(np.argmin(np.abs(times - t))), len(states) - 1)
        shown = np.ma.MaskedArray(states[k].values, closed)
        colours = plt.get_cmap("YlOrRd").with_extremes(bad="#4a4a4a")
        picture = ax.imshow(shown.T, colours, origin="lower", extent=(0, 3, 0, 2), vmin=0, vmax=1)
        ax.set_title(f"{name}, t = {times[k]:g}")
fig.colorbar(picture, ax=axes, label="density")
