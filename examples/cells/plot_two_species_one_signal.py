r"""
Two species and one signal
==========================

Hunters and prey secrete the same signal. Hunters follow it, and prey flee from it:

.. math::

    \partial_t a = D_a a_{xx} - \eta_a (a\, c_x)_x, \qquad \partial_t b = D_b b_{xx} + \eta_b (b\, c_x)_x, \qquad
    \partial_t c = D c_{xx} - \kappa c + a + b.

Hunters gather where the signal is, and make more of it. The prey leave, so the signal falls there, and rises where they
arrive: the hunters turn round. So both swing from one end to the other. This is no gradient flow of masses and signal:
``Alternating`` takes it.

Upper row: hunters that follow gently swing for long. Lower row: eager ones gather for good after one swing.

Near the uniform state a wave cos(pi x) obeys three linear equations. Their matrix has a pair of complex eigenvalues: the
swings have the period 2 pi / Im(lambda). The last picture shows the signal of a small wave, and what the linear equations
say.

RESULT is the measured frequency in units of Im(lambda), so it must be 1 up to the error of the steps.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.linalg import expm

import jkoflow as jf

D_A, D_B, ETA_B, D, KAPPA = 0.1, 0.02, 0.3, 0.05, 1.0
grid = jf.Grid.box((0, 1), cells=40)
k = np.pi


def law(eta):
    return (
        D_A * jf.Entropy("hunters")
        + D_B * jf.Entropy("prey")
        + jf.FieldEnergy("c", diffusion=D, decay=KAPPA)
        + jf.Secretion(by="hunters")
        + jf.Secretion(by="prey")
        + jf.Chemotaxis(eta, moves="hunters")
        + jf.Chemotaxis(-ETA_B, moves="prey")
    )


def matrix(eta):
    """The rates of the amplitudes of cos(k x) in a, b and c."""
    return np.array([[-D_A * k**2, 0, eta * k**2], [0, -D_B * k**2, -ETA_B * k**2], [1, 1, -KAPPA - D * k**2]])


def run(eta, size, dt, t_end):
    species = jf.Species(hunters=grid.density(lambda x: 1 + size * np.cos(k * x)), prey=grid.density(lambda x: 1 + 0 * x))
    start = jf.State(species, {"c": jf.Field(grid, 2.0 / KAPPA)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", jf.ConcentrationWarning)  # eager hunters gather in a few cells: that is shown
        return jf.evolve(law(eta), start, scheme=jf.Alternating(jf.FiniteVolume()), dt=dt, t_end=t_end)


def amplitudes(flow):
    """The amplitudes of cos(k x) in a, b and c, shape (3, times)."""
    wave = 2 * np.cos(k * grid.axes[0]) * grid.cell_volume
    ways = [[measure.values @ wave for measure in flow[name]] for name in flow.species]
    return np.array([*ways, [state.fields["c"].modes[1] for state in flow]])


GENTLE, EAGER = 0.42, 0.56
figure, axes = plt.subplots(2, 4, figsize=(14.5, 6.4), layout="constrained", width_ratios=(1, 1, 1, 1.25))
for row, eta, t_end in zip(axes, (GENTLE, EAGER), (30.0, 15.0), strict=True):
    flow = run(eta, 0.3, 0.05, t_end)
    print(flow)
    maps = {name: [measure.values for measure in flow[name]] for name in flow.species}
    maps["signal"] = [state.fields["c"].values for state in flow]
    for axis, (name, values), ink in zip(row, maps.items(), ("Oranges", "Blues", "Greys"), strict=False):
        picture = axis.imshow(np.array(values), ink, origin="lower", aspect="auto", extent=(0, 1, 0, t_end), vmin=0, vmax=4)
        axis.set_title(name if eta == GENTLE else "")
        figure.colorbar(picture, ax=axis, extend="max", ticks=(0, 2, 4))
    row[0].set_ylabel(rf"$\eta_a$ = {eta:g}:   time")
    row[3].plot(flow.times, np.array(maps["signal"])[:, [0, -1]], linewidth=1.6)
    row[3].legend(["at x = 0", "at x = 1"], frameon=False, fontsize="small")
    row[3].set(title="signal at the ends" if eta == GENTLE else "", xlabel="time")
for axis in axes[1, :3]:
    axis.set_xlabel("x")

small = run(GENTLE, 1e-3, 0.02, 12.0)
rates, left_vectors = np.linalg.eig(matrix(GENTLE).T)
swing = int(np.argmax(rates.imag))
part = left_vectors[:, swing] @ amplitudes(small)  # the part of the swing in the wave: it goes like exp(lambda t)
RESULT = float(np.unwrap(np.angle(part / part[0]))[-1] / small.times[-1] / rates[swing].imag)
growth = float(np.log(np.abs(part[-1] / part[0])) / small.times[-1])
print(f"lambda = {rates[swing]:.4f}; measured: growth {growth:.4f}, frequency {RESULT:.4f} of Im lambda")

for axis in axes[:, 3]:
    axis.spines[["top", "right"]].set_visible(False)
figure, axis = plt.subplots(figsize=(6.0, 3.4), layout="constrained")
waves = amplitudes(small)
exact = [expm(matrix(GENTLE) * t)[2] @ waves[:, 0] for t in small.times]
axis.plot(small.times, 1e3 * np.array(exact), color="#1f5fa8", linewidth=1.8, label="linear equations")
axis.plot(small.times[::20], 1e3 * waves[2, ::20], "o", color="#c1440e", markersize=5, label="run")
axis.set(title="a small wave of the signal", xlabel="time", ylabel=r"$10^3$ amplitude of cos($\pi$x)")
axis.legend(frameon=False)
axis.spines[["top", "right"]].set_visible(False)
plt.show()
