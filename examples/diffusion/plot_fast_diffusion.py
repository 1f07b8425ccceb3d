r"""
Fast diffusion, heat, and the porous medium
===========================================

One equation, three kinds of tails. The diffusivity is :math:`m \rho^{m-1}`. If m < 1, it is large where mass is rare:

.. math::

    \partial_t\rho = \partial_{xx}\, \rho^m, \qquad E(\rho) = \frac{1}{m - 1} \int \rho^m\, dx, \qquad
    m = \tfrac12,\ 1,\ 2.

All mass starts from one narrow bump. It forgets the bump soon, and is as if it had come from one point. Lines are the solutions
that come from a point: the Barenblatt profiles, and the heat kernel between them. Dots are the runs.

First three panels: the density on a logarithmic scale. Fast diffusion has heavy tails, heat has Gaussian tails, and the porous
medium has an edge. Last panel: the tails of fast diffusion on double-logarithmic axes. At a given time they tend to
:math:`9 t^2 / x^4` (dashed), whatever the bump and its mass.

RESULT is read from the tail at t = 8. The Barenblatt profile with m = 1/2 has
:math:`\rho^{-1/2} = \text{constant} + x^2 / (3t)`. RESULT is :math:`3t` times the slope of :math:`\rho^{-1/2}` in
:math:`x^2`, from x = 5 to x = 12. So it is 1, up to the width of the bump and an error of the order of dt.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

grid = jf.Grid.box((-40, 40), cells=800)
bump = grid.density(lambda x: np.exp(-(x**2) / (2 * 0.2**2)))
heat = jf.closed_forms.OrnsteinUhlenbeck(0.0, 1e-9, stiffness=0.0)


def gaussian(t):
    return lambda x: np.exp(-(x**2) / (2 * heat.flow(t)[1])) / np.sqrt(2 * np.pi * heat.flow(t)[1])


cases = {
    "fast diffusion, m = 1/2": (jf.RenyiEntropy(0.5), jf.closed_forms.Barenblatt(m=0.5, d=1).density),
    "heat, m = 1": (jf.Entropy(), gaussian),
    "porous medium, m = 2": (jf.RenyiEntropy(2), jf.closed_forms.Barenblatt(m=2, d=1).density),
}
scheme, times, fine = jf.JKO(jf.FiniteVolume()), (0.5, 2.0, 8.0), np.linspace(-40, 40, 4001)
figure, axes = plt.subplots(1, 4, figsize=(14.0, 3.9), layout="constrained")
figure.suptitle("From one point, through fast diffusion, heat and a porous medium", fontsize="x-large")
x = grid.axes[0]
for axis, (title, (energy, exact)) in zip(axes, cases.items(), strict=False):
    flow = jf.evolve(energy, bump, scheme=scheme, dt=0.005, t_end=times[0])
    flow = jf.evolve(energy, flow, scheme=scheme, dt=0.05, t_end=times[-1])
    print(f"{title}: {flow}")
    for shown in (axis, axes[3]) if axis is axes[0] else (axis,):
        for t, hue in zip(times, ("#8a6d00", "#c1440e", "#7b3fa0"), strict=True):
            run = flow[int(np.argmin(abs(flow.times - t)))].values
            shown.plot(fine, np.maximum(exact(t)(fine), 1e-30), color=hue, linewidth=1.6, label=f"t = {t:g}")
            shown.plot(x[4::8], run[4::8], "o", color=hue, markersize=3.5)
    axis.set(title=title, xlabel="x", xlim=(-10.5, 10.5), ylim=(1e-5, 2), yscale="log")
    if axis is axes[0]:
        slope = np.polyfit(x[450:521] ** 2, run[450:521] ** -0.5, 1)[0]  # from x = 5 to x = 12
        RESULT = float(3 * times[-1] * slope)
for t in times:
    axes[3].plot(fine, 9 * t**2 / np.maximum(fine, 1e-9) ** 4, "--", color="0.5", linewidth=1.0)
axes[3].set(title="tails of fast diffusion", xlabel="x", xscale="log", yscale="log", xlim=(0.5, 25), ylim=(1e-5, 2))
axes[0].legend(frameon=False, loc="upper left", fontsize="small")
axes[0].set_ylabel("density")
for axis in axes:
    axis.spines[["top", "right"]].set_visible(False)
print(f"3t times the slope of the tail: {RESULT:.4f}")
plt.show()
