r"""
A chase, and an overshoot by inertia
====================================

The pursuers are drawn to the evaders, and the evaders flee from the pursuers just as strongly. The particles move on the line
with the inertia time epsilon, and F is the force:

.. math::

    x' = u, \qquad \varepsilon u' = -u + F.

The kernels are quadratic. So both groups feel the same force: the gap between their centres. It drops out of the equation of
the gap, epsilon gap'' + gap' = 0, and

.. math::

    \mathrm{gap}(t) = \mathrm{gap}(0) + \varepsilon\, (1 - e^{-t / \varepsilon})\, \mathrm{gap}'(0).

* Prepared: both groups start with the speed that belongs to the force. The chase is rigid.
* From rest: the chase begins late, by the time epsilon in the end. The gap stays as it is.
* Sprint: the pursuers start at three times that speed, and run past the evaders. The force changes its sign: the chase turns.

The closed form is T5 in docs/theory/small-inertia.md. Forces within a group do not act on its centre. Here they are chosen such
that the groups keep their shapes.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

epsilon, t_end = 0.5, 3.0
law = (
    jf.Drift(jf.Quadratic(), moves="pursuers", by="evaders")
    - jf.Drift(jf.Quadratic(), moves="evaders", by="pursuers")
    - jf.Interaction(jf.Quadratic(), "pursuers")
    + jf.Interaction(jf.Quadratic(), "evaders")
)
shape = np.linspace(-0.15, 0.15, 9)
colours = {"pursuers": "#c1440e", "evaders": "#1f5fa8"}
starts = {  # the speeds of pursuers and evaders, and the colour of the gap
    "prepared: rigid": (1.0, 1.0, "#a5c9a7"),
    "from rest: late": (0.0, 0.0, "#2e7d32"),
    "sprint: the chase turns": (3.0, 0.0, "#7b3fa0"),
}

figure, axes = plt.subplots(1, 4, figsize=(12.5, 3.6), width_ratios=(1, 1, 1, 1.3), layout="constrained")
for axis, (title, (pursuing, evading, hue)) in zip(axes, starts.items(), strict=False):
    state = jf.Species(
        pursuers=jf.MovingParticles(shape, np.full(9, pursuing)),
        evaders=jf.MovingParticles(1.0 + shape, np.full(9, evading)),
    )
    flow = jf.evolve(law, state, scheme=jf.Inertial(epsilon), dt=0.05, t_end=t_end)
    for name, colour in colours.items():
        paths = np.array([particles.points for particles in flow[name]])
        axis.plot(paths, flow.times, color=colour, linewidth=0.8, label=[name] + [None] * 8)
    axis.set(title=title, xlabel="x", xlim=(-0.4, 4.4), ylim=(0, t_end))
    gap = np.array([species["evaders"].mean - species["pursuers"].mean for species in flow])
    exact = 1.0 + epsilon * (1 - np.exp(-flow.times / epsilon)) * (evading - pursuing)
    axes[3].plot(flow.times, exact, color=hue, linewidth=3.0 if pursuing == 1 else 1.4, label=title.partition(":")[0])
    axes[3].plot(flow.times[::6], gap[::6], "o", color=hue, markersize=4.5)
axes[0].set_ylabel("time")
axes[0].legend(frameon=False, loc="lower right")
axes[3].axhline(0.0, color="0.85", linewidth=0.8, zorder=0)
axes[3].set(title="the gap (lines: closed form)", xlabel="time", ylabel="gap between the centres")
axes[3].legend(frameon=False)
for axis in axes:
    axis.spines[["top", "right"]].set_visible(False)

print(flow)
RESULT = float(gap[-1])  # of the sprint
