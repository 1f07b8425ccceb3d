r"""
Steps that grow as the flow slows down
======================================

Mass in a porous medium spreads fast at first, and ever more slowly:

.. math::

    \partial_t\rho = \partial_{xx}\, \rho^2, \qquad X(t, s) = t^{1/3}\, Y(s).

X are the quantiles of the Barenblatt solution. ``Adaptive`` takes steps with one error, which it estimates by step doubling.

A scheme of order p makes an error of the order of :math:`dt^{p+1}` times the derivative of X of order p + 1 in a step. This
derivative is of the order of :math:`t^{1/3 - (p+1)}`. So steps with one error have

.. math::

    dt \sim t^{\,1 - 1 / (3 (p + 1))}: \qquad t^{5/6} \text{ for JKO}, \qquad t^{8/9} \text{ for a scheme of second order.}

Left: the paths of the mass over four decades of time. Every column of dots is a step. Middle: the steps of both schemes, and
these powers (dashed). Right: the largest W2 to the Barenblatt solution along the run, against the number of steps. A step of
``Adaptive`` counts three times, because it takes a whole step and two halves. Constant steps make their error at the beginning,
and spend their effort at the end, where little happens.

RESULT is the exponent of dt in the time, fitted to the run with JKO. It is 5/6.
"""

import matplotlib.pyplot as plt
import numpy as np

import jkoflow as jf

barenblatt = jf.closed_forms.Barenblatt(m=2, d=1)
begin, end = 1e-3, 10.0
start = barenblatt.quantiles(begin, cells=100)


def run(scheme, dt):
    return jf.evolve(jf.RenyiEntropy(2), start, scheme=scheme, dt=dt, t_end=end - begin)


def error(flow):
    """The largest W2 to the Barenblatt solution along a run."""
    states = zip(begin + flow.times, flow, strict=True)
    return max(state.wasserstein(barenblatt.quantiles(t, cells=100)) for t, state in states)


def exponent(flow):
    """The exponent of dt in the time. The start, where dt is sought, and the last decade are left out."""
    times = begin + flow.times[:-1]
    shown = (times > 10 * begin) & (times < end / 10)
    return float(np.polyfit(np.log(times[shown]), np.log(flow.dts[shown]), 1)[0])


figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13.0, 4.0), layout="constrained")
figure.suptitle("Adaptive steps", fontsize="x-large")
schemes = {
    "JKO": (jf.JKO(), 1, (1e-3, 3e-4, 1e-4), "#1f5fa8"),
    "second order": (jf.VariationalExtrapolation(), 2, (1e-2, 3e-3, 1e-3), "#c1440e"),
}
exponents = {}
for name, (scheme, order, tolerances, hue) in schemes.items():
    flows = [run(jf.Adaptive(scheme, tolerance), 1e-5) for tolerance in tolerances]
    exponents[name] = exponent(flows[-1])
    print(f"{name}: {flows[-1]}, dt grows as t^{exponents[name]:.4f}")
    if order == 2:
        for node in range(0, 101, 10):
            left.semilogx(begin + flows[-1].times, [state.nodes[node] for state in flows[-1]], "o-", color=hue, markersize=4)
    times, power = begin + flows[-1].times[:-1], 1 - 1 / (3 * (order + 1))
    middle.loglog(times[:-1], flows[-1].dts[:-1], "o", color=hue, markersize=3, label=name)
    middle.loglog(times, flows[-1].dts[len(times) // 2] * (times / times[len(times) // 2]) ** power, "k--", linewidth=0.9)
    errors = [error(flow) for flow in flows]
    right.loglog([3 * len(flow) for flow in flows], errors, "o-", color=hue, label=f"{name}, adaptive")
    numbers = np.array([25, 50, 100, 200])
    errors = [error(run(scheme, (end - begin) / number)) for number in numbers]
    right.loglog(numbers, errors, "s:", color=hue, markerfacecolor="white", label=f"{name}, constant dt")
RESULT = exponents["JKO"]
left.set(title="paths, by a scheme of second order", xlabel="time", ylabel="x")
middle.set(title="dt", xlabel="time")
right.set(title="largest W2 to the closed form", xlabel="steps of the scheme")
right.set_xticks([30, 100, 300], [30, 100, 300])
right.set_xticks([], minor=True)
middle.legend(frameon=False)
right.legend(frameon=False, fontsize="small")
for axis in (left, middle, right):
    axis.spines[["top", "right"]].set_visible(False)
plt.show()
