r"""
Second order on the line
========================

On quantiles W2 is a Hilbert distance. This makes schemes of second order possible. Here diffusion in a double well is computed
by JKO, by BDF2, and by the variational extrapolation of Zaitzeff, Esedoglu and Garikipati. The errors are those against a run
with a fine dt.

.. math::

    \partial_t\rho = D \rho_{xx} + (\rho\, V')_x, \qquad X^{n+1} = \arg\min_X \tfrac{1}{2\,dt} \| X - X^n \|^2 + E(X).
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

energy = jf.Entropy() + jf.Potential(lambda x: x**4 / 4 - x**2 / 2)
rho = jf.Grid.box((-3, 3), cells=2000).density(lambda x: np.exp(-3 * (x - 0.5) ** 2))
start = jf.evolve(energy, rho.quantiles(200, walls=False), dt=0.02, t_end=0.1).final
fine = jf.evolve(energy, start, scheme=jf.VariationalExtrapolation(), dt=0.5 / 256, t_end=0.5)

steps = np.array([4, 8, 16, 32, 64])
figure, axis = plt.subplots(figsize=(6.4, 4), layout="constrained")
for scheme in (jf.JKO(), jf.BDF2(), jf.VariationalExtrapolation()):
    flows = [jf.evolve(energy, start, scheme=scheme, dt=0.5 / n, t_end=0.5) for n in steps]
    errors = [flow.final.wasserstein(fine.final) for flow in flows]
    axis.loglog(0.5 / steps, errors, "o-", label=type(scheme).__name__)
axis.set(xlabel="dt", ylabel="W2 to the fine run")
axis.legend(frameon=False)

jf.plot.density(fine)
jf.plot.quantiles(fine)

RESULT = float(np.log2(errors[-2] / errors[-1]))
print(f"observed order of the last scheme: {RESULT:.2f}")
