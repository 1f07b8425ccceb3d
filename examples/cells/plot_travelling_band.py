r"""
A travelling band
=================

Cells that hold together flee from a signal that they make themselves:

.. math::

    \partial_t\rho = D_0 \rho_{xx} + (\rho\, (W * \rho)_x)_x + \eta\, (\rho\, c_x)_x, \qquad
    \partial_t c = D c_{xx} - \kappa c + \chi * \rho, \qquad W = \tfrac{w}{2} x^2.

At rest the signal is the same on both sides, and nothing drives the band. Once it moves, there is more signal behind it than
before it: its own trail drives it on. If eta is large enough, a band that has begun to move does not stop. At the wall it meets
the mirror image of its signal, flees from that too, and turns round. The cells flee from what they make, so masses and signal
are no gradient flow: ``Alternating`` takes them.

Left: the density in space and time, and the way of the centre. Right: the band and its trail at one time.

The speed v is known once the shape is. The trail of a band of mass 1 that moves as it is, with the transforms rho_k of its mass
and chi_k of the profile, pushes it with the force v:

.. math::

    1 = \eta \int \frac{k^2\, \hat\chi_k\, |\hat\rho_k|^2}{(\kappa + D k^2)^2 + k^2 v^2}\, \frac{dk}{2\pi}.

RESULT is the measured speed over the root v of this equation, for the shape in the middle of the box. It must be 1 up to the
error of the steps, which are of order 1.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq

import jkoflow as jf

D_0, W, ETA, D, KAPPA, S, LENGTH = 0.05, 4.0, 2.0, 0.05, 1.0, 0.25, 12.0
law = (
    D_0 * jf.Entropy()
    + W * jf.Interaction(jf.PowerLaw(2))
    + jf.FieldEnergy("c", diffusion=D, decay=KAPPA)
    + jf.Secretion(jf.GaussianProfile(S))
    + jf.Chemotaxis(-ETA)
)
nodes = 3 + 0.3 * np.linspace(-1, 1, 61)
band = jf.Quantiles(nodes, np.full(60, 1 / 60), (0.0, LENGTH))
grid = jf.Grid.box((0, LENGTH), cells=160)
trail = jf.Field(grid, lambda x: 0.3 * np.exp(-5 * (x - 2.8) ** 2))  # a push to the right
flow = jf.evolve(law, jf.State(band, {"c": trail}), scheme=jf.Alternating(), dt=0.02, t_end=16.0)

bands = [state.masses[""] for state in flow.states]
centres = np.array([measure.mean for measure in bands])
middle = int(np.argmin(np.abs(centres[: len(centres) // 2] - LENGTH / 2)))
speed = np.polyfit(flow.times[middle - 50 : middle + 51], centres[middle - 50 : middle + 51], 1)[0]


def shape(k, x=bands[middle].nodes - centres[middle]):
    """|rho_k|^2: the mass is spread evenly between the nodes."""
    cells = np.exp(1j * k * (x[1:] + x[:-1]) / 2) * np.sinc(k * np.diff(x) / (2 * np.pi))
    return abs(cells @ band.masses) ** 2


def push(v):
    """The force of the trail over the speed."""
    rate = lambda k: k**2 * np.exp(-((S * k) ** 2) / 2) * shape(k) / ((KAPPA + D * k**2) ** 2 + (k * v) ** 2)  # noqa: E731
    return ETA * quad(rate, 0, 40, limit=200)[0] / np.pi


expected = brentq(lambda v: push(v) - 1, 0.1, 10.0)
RESULT = float(speed / expected)
print(f"at rest the trail pushes {push(0.0):.2f} times as hard as it must; speed {speed:.4f}, from the shape {expected:.4f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(10.0, 4.0), layout="constrained", width_ratios=(1.3, 1.0))
edges = np.linspace(0, LENGTH, 161)
densities = np.diff([measure.cdf(edges) for measure in bands], axis=1) / np.diff(edges)
picture = left.imshow(densities.T, "Blues", origin="lower", aspect="auto", extent=(0, 16, 0, LENGTH), vmax=1.5)
left.plot(flow.times, centres, color="#c1440e", linewidth=1.2, label="centre")
left.set(xlabel="time", ylabel="x", title="density")
left.legend(frameon=False, loc="upper right")
figure.colorbar(picture, ax=left, extend="max")
x = (edges[1:] + edges[:-1]) / 2
right.fill_between(x, densities[middle], color="#9ec3e6", label="cells")
right.plot(x, flow.states[middle].fields["c"].at(x), color="#c1440e", linewidth=1.8, label="signal")
right.annotate("", (centres[middle] + 2.2, 1.0), (centres[middle] + 1.0, 1.0), arrowprops={"arrowstyle": "->"})
right.set(xlabel="x", ylim=(0, None), title=f"t = {flow.times[middle]:.2f}")
right.legend(frameon=False)
right.spines[["top", "right"]].set_visible(False)
plt.show()
