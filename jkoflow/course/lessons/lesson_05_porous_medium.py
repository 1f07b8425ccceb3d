# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Lesson 5. The porous medium equation", css_file="lesson.css")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np

    import jkoflow as jf
    from jkoflow.course import LESSONS, exercises_of, shown, solved

    lesson = LESSONS[4]


@app.cell(hide_code=True)
def introduction():
    mo.md(r"""
    # 5. The porous medium equation

    Replace $\rho \log \rho$ by a power. Otto found that the porous medium equation is the gradient flow of Rényi's entropy:

    $$E(\rho) = \frac{1}{m - 1} \int \rho^m dx, \qquad u = \frac{\delta E}{\delta \rho} = \frac{m}{m - 1} \rho^{m - 1}, \qquad
    \partial_t \rho = \nabla \cdot (\rho \nabla u) = \Delta \rho^m .$$

    Mass moves with the velocity $-\nabla u$, where $u$ is the *pressure* of a gas in sand. For $m > 1$ the pressure
    vanishes where there is no mass. There is a solution in closed form, that of Barenblatt: with $a = 1 / (d (m - 1) + 2)$
    and $\ell = t^a$

    $$\rho(x, t) = \ell^{-d} \Bigl(A - b \frac{|x|^2}{\ell^2}\Bigr)_+^{1 / (m - 1)}, \qquad b = \frac{(m - 1)\, a}{2 m} .$$

    Its pressure is a parabola that is cut off at 0. The JKO scheme keeps this form. Only the number $\ell$ changes in a
    step: $\ell' = \ell + dt\, a\, \ell'^{\,1 - 1/a}$.
    """)
    return


@app.cell(hide_code=True)
def barenblatt_controls():
    power = mo.ui.slider(1.5, 5.0, 0.25, value=2.0, label="m", show_value=True)
    pace = mo.ui.slider(steps=[0.04, 0.1, 0.2, 0.5], value=0.1, label="dt", show_value=True)
    mo.hstack([power, pace], justify="start", wrap=True)
    return pace, power


@app.cell(hide_code=True)
def barenblatt_picture(pace, power):
    _m, _dt = power.value, pace.value
    known = jf.closed_forms.Barenblatt(m=_m, d=1)
    _flow = jf.evolve(jf.RenyiEntropy(_m), known.quantiles(0.1, cells=60), dt=_dt, t_end=2.0, progress=False)
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    _x = np.linspace(-4.2, 4.2, 600)
    for _k, _color in zip((0, len(_flow) // 4, len(_flow) - 1), ("tab:blue", "tab:orange", "tab:green"), strict=True):
        _t = 0.1 + _flow.times[_k]
        _left.stairs(_flow[_k].values, _flow[_k].nodes, fill=True, alpha=0.5, color=_color, label=f"t = {_t:.2g}")
        _left.plot(_x, known.density(_t)(_x), "k--", linewidth=0.8)
    _left.set(xlabel="x", ylabel="density", xlim=(-4.2, 4.2), ylim=(0, 1.6))
    _left.legend(fontsize=8)
    _times = 0.1 + _flow.times
    _edge = np.array([_rho.nodes[-1] for _rho in _flow])
    _right.loglog(_times, _edge, ".", label="edge, jkoflow")
    _right.loglog(_times, [known.radius(_t) for _t in _times], "k--", linewidth=0.8, label=f"flow, slope {known.alpha:.3f}")
    _right.set(xlabel="t", ylabel="radius")
    _right.legend(fontsize=8)
    _steps = known.jko(known.scale(0.1), dt=_dt, steps=len(_flow) - 1) * known.radius(1.0)
    mo.vstack(
        [
            shown(_fig, f"Barenblatt's solution for m = {_m} at three times, from jkoflow and (dashed) exact; its radius", 760),
            mo.md(
                f"The radius at the end: **{_edge[-1]:.4f}** from jkoflow, {_steps:.4f} by the recursion for exact steps, "
                f"{known.radius(2.1):.4f} for the flow. For $m$ near 1 the profile is nearly a Gaussian. For large $m$ it is "
                "nearly a box."
            ),
        ]
    )
    return (known,)


@app.cell(hide_code=True)
def speed_text():
    mo.md(r"""
    ## Finite speed

    Heat is everywhere at once. For $m > 1$ the support has an edge, and the edge moves with the speed $|u_x|$ at the edge.
    Every start of mass 1 ends in Barenblatt's solution. So on the line every support ends up growing like $t^{1/(m+1)}$,
    though not at once. Here two boxes meet and become one hill. The larger $m$, the slower the hill forgets them.
    """)
    return


@app.cell(hide_code=True)
def speed_control():
    slow = mo.ui.slider(1.25, 4.0, 0.25, value=2.0, label="m", show_value=True)
    slow
    return (slow,)


@app.cell(hide_code=True)
def speed_picture(slow):
    _m = slow.value
    _grid = jf.Grid.box((-2, 2), cells=200)
    _state = _grid.density(lambda x: (abs(x + 1) < 0.3) + 0.5 * (abs(x - 0.8) < 0.4)).quantiles(48, walls=False)
    _states, _times, _t = [_state], [0.0], 0.01
    for _ in range(11):  # the time doubles, and so does the step
        _run = jf.evolve(jf.RenyiEntropy(_m), _state, dt=_t / 6, t_end=_t, progress=False)
        _state = _run.final
        _times.append(_times[-1] + _t)
        _states.append(_state)
        _t *= 2
    _exact = jf.closed_forms.Barenblatt(m=_m, d=1)
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for _k in (0, 4, 7):
        _left.stairs(_states[_k].values, _states[_k].nodes, label=f"t = {_times[_k]:.2g}")
    _left.set(xlabel="x", ylabel="density", xlim=(-4, 4), ylim=(0, 1.4))
    _left.legend(fontsize=8)
    widths = np.array([(_rho.nodes[-1] - _rho.nodes[0]) / 2 for _rho in _states[1:]])
    _right.loglog(_times[1:], widths, "o-", label="half of the width of the support")
    _right.loglog(_times[1:], [_exact.radius(_time) for _time in _times[1:]], "k--", linewidth=0.8, label="Barenblatt")
    _right.set(xlabel="t")
    _right.legend(fontsize=8)
    _slope = np.log(widths[-1] / widths[-2]) / np.log(_times[-1] / _times[-2])
    mo.vstack(
        [
            shown(_fig, f"Two boxes that spread and meet, for m = {_m}; the width of the support against time", 760),
            mo.md(
                f"Slope of the last doubling of time: **{_slope:.3f}**. In the limit it is $1/(m+1)$ = **{1 / (_m + 1):.3f}**."
            ),
        ]
    )
    return (widths,)


@app.cell(hide_code=True)
def waiting_text():
    mo.md(r"""
    ## An edge that waits

    An edge at which the pressure is flat does not move at once. On the line the pressure solves $u_t = (m - 1) u u_{xx} +
    u_x^2$. If $u \le A y^2$ at the start, with $y$ the distance to the edge, the edge waits at least until

    $$t^* = \frac{1}{2 (m + 1) A} .$$

    The solution behind it is $A y^2 / (1 - t / t^*)$. (The second exercise asks for a solution that waits in $d$
    dimensions.) Here $m = 2$ and $u = \cos(\pi x / 2)^q$ at the start. For $q < 2$ the pressure is too steep, and the edge
    moves at once. For $q = 2$, where $A = \pi^2 / 4$, it waits. For $q > 2$ it waits longer.
    """)
    return


@app.cell(hide_code=True)
def waiting_control():
    flatness = mo.ui.slider(1.0, 3.0, 0.25, value=2.0, label="q", show_value=True)
    flatness
    return (flatness,)


@app.cell(hide_code=True)
def waiting_picture(flatness):
    _q = flatness.value
    _nodes, _fine = np.linspace(-1, 1, 81), np.linspace(-1, 1, 8001)
    _rho = np.maximum(np.cos(np.pi * _fine / 2), 0) ** _q / 2  # u = 2 rho for m = 2
    _mass = np.append(0, np.cumsum((_rho[1:] + _rho[:-1]) / 2 * np.diff(_fine)))
    _start = jf.Quantiles(_nodes, np.diff(np.interp(_nodes, _fine, _mass)))
    _wait = 4 / (6 * np.pi**2)
    _flow = jf.evolve(jf.RenyiEntropy(2.0), _start, dt=_wait / 20, t_end=2.5 * _wait, progress=False)
    edge = np.array([_state.nodes[-1] for _state in _flow])
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for _k in (0, 20, 50):
        _state = _flow[_k]
        _left.plot(_state.points, 2 * _state.values, label=f"t = {_flow.times[_k]:.3f}")
    _left.set(xlabel="x", ylabel="pressure", xlim=(0, 1.3))
    _left.legend(fontsize=8)
    _right.plot(_flow.times, edge)
    _right.axvline(_wait, color="k", linestyle="--", linewidth=0.8, label=r"$t^*$ for $q = 2$")
    _right.set(xlabel="t", ylabel="edge", ylim=(0.98, 1.2))
    _right.legend(fontsize=8)
    mo.vstack(
        [
            shown(_fig, f"The pressure of a hill with a start of exponent q = {_q}, and the place of its right edge", 760),
            mo.md(
                f"For $q = 2$ the bound is $t^*$ = **{_wait:.4f}**. The edge began at 1. At $t^*$ it is at "
                f"**{edge[20]:.3f}**, and at $2.5\\,t^*$ at **{edge[-1]:.3f}**. An edge never recedes: a value just below 1 is "
                "an error of the mesh. While an edge waits, the pressure inside grows steep towards it."
            ),
        ]
    )
    return (edge,)


@app.cell(hide_code=True)
def dissipation_text():
    mo.md(r"""
    ## Entropy and its dissipation

    Rényi's entropy is convex along geodesics, on the line for every $m > 0$ with $m \ne 1$. With a potential $x^2 / 2$ the
    sum is 1-convex. So lesson 4 gives a rate which does not depend on $m$:

    $$E(\rho) = \int \frac{\rho^m}{m - 1} + \frac{x^2}{2} \rho \, dx, \qquad
    -\frac{dE}{dt} = \int |u_x + x|^2 \rho \, dx, \qquad
    E(\rho_t) - E(\rho_\infty) \le e^{-2 t} (E(\rho_0) - E(\rho_\infty)) .$$

    The equilibrium is a Barenblatt profile. In growing coordinates this flow *is* the porous medium equation. That is why
    every start ends in Barenblatt's solution.
    """)
    return


@app.cell(hide_code=True)
def dissipation_control():
    strength = mo.ui.slider(1.25, 3.0, 0.25, value=2.0, label="m", show_value=True)
    strength
    return (strength,)


@app.cell(hide_code=True)
def dissipation_picture(strength):
    _m = strength.value
    _grid = jf.Grid.box((-4, 4), cells=120)
    _law = jf.RenyiEntropy(_m) + jf.Potential(lambda x: x**2 / 2)
    _start = _grid.density(lambda x: (abs(x + 2) < 0.5) + 0.5 * (abs(x - 1) < 0.5))
    _flow = jf.evolve(_law, _start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.1, t_end=3.0, progress=False)
    _end = jf.closed_forms.gibbs_state(_grid, lambda x: x**2 / 2, m=_m)
    excess = _flow.energies - _law(_end)
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for _k in (0, 2, 10):
        _left.plot(_grid.axes[0], _flow[_k].values, label=f"t = {_flow.times[_k]:.1f}")
    _left.plot(_grid.axes[0], _end.values, "k--", linewidth=0.8, label="equilibrium")
    _left.set(xlabel="x", ylabel="density", xlim=(-3, 3))
    _left.legend(fontsize=8)
    _right.semilogy(_flow.times, excess, label=r"$E - E(\rho_\infty)$")
    _right.semilogy(_flow.times, excess[0] * np.exp(-2 * _flow.times), "k--", linewidth=0.8, label=r"$e^{-2t}$")
    _right.set(xlabel="t")
    _right.legend(fontsize=8)
    _rate = np.log(excess[10] / excess[-1]) / 2
    mo.vstack(
        [
            shown(
                _fig,
                f"Densities that tend to a Barenblatt profile for m = {_m}, and the energy above the least under its bound",
                760,
            ),
            mo.md(
                f"Rate between $t = 1$ and $t = 3$: **{_rate:.3f}**. Late it tends to 2: what is left is a shift, for which "
                "2 is sharp."
            ),
        ]
    )
    return (excess,)


@app.cell(hide_code=True)
def fast_text():
    mo.md(r"""
    ## Fast diffusion

    For $m < 1$ the diffusivity $m \rho^{m-1}$ is large where there is *little* mass. Then $b < 0$: Barenblatt's solution
    has no edge, but a tail

    $$\rho \approx \Bigl(\frac{2 m (1 + m)\, t}{(1 - m)\, x^2}\Bigr)^{1 / (1 - m)} \qquad (|x| \text{ large}),$$

    on the line. The tail does not depend on the mass. It is fatter than any Gaussian. For $m \le 1/3$ its variance is
    infinite, and $W_2$ loses sense.
    """)
    return


@app.cell(hide_code=True)
def fast_control():
    fast = mo.ui.slider(0.4, 0.8, 0.05, value=0.5, label="m", show_value=True)
    fast
    return (fast,)


@app.cell(hide_code=True)
def fast_picture(fast):
    _m = fast.value
    _grid = jf.Grid.box((-40, 40), cells=400)
    _start = _grid.density(lambda x: np.exp(-(x**2)))
    _flow = jf.evolve(jf.RenyiEntropy(_m), _start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.04, t_end=1.0, progress=False)
    _x, _values = _grid.axes[0], _flow.final.values
    _right_half = _x > 0
    _exact = jf.closed_forms.Barenblatt(m=_m, d=1).density(1.0)(_x)
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    _left.plot(_x, _start.values, label="start")
    _left.plot(_x, _values, label="t = 1")
    _left.set(xlabel="x", ylabel="density", xlim=(-5, 5))
    _left.legend(fontsize=8)
    _right.loglog(_x[_right_half], _values[_right_half], label="t = 1")
    _right.loglog(_x[_right_half], _exact[_right_half], "k--", linewidth=0.8, label="Barenblatt")
    _tail = (2 * _m * (1 + _m) / ((1 - _m) * _x[_right_half] ** 2)) ** (1 / (1 - _m))
    _right.loglog(_x[_right_half], _tail, "k:", linewidth=0.8, label=f"slope {-2 / (1 - _m):.2f}")
    _right.loglog(_x[_right_half], np.exp(-(_x[_right_half] ** 2) / 5) / np.sqrt(5 * np.pi), color="grey", label="heat")
    _right.set(xlabel="x", xlim=(0.5, 30), ylim=(_exact[_right_half].min() / 10, 2))
    _right.legend(fontsize=8)
    _a, _b = np.searchsorted(_x, [10.0, 25.0])
    slopes = [np.log(_of[_b] / _of[_a]) / np.log(_x[_b] / _x[_a]) for _of in (_values, _exact)]
    mo.vstack(
        [
            shown(
                _fig,
                f"Fast diffusion for m = {_m} at t = 1; on logarithmic axes a straight tail, which heat does not have",
                760,
            ),
            mo.md(
                f"Slope of the tail between $x = 10$ and $x = 25$: **{slopes[0]:.2f}**. Barenblatt's solution has "
                f"**{slopes[1]:.2f}** there and {-2 / (1 - _m):.2f} in the limit. The steps of 0.04 make the "
                "tail a little too fat."
            ),
        ]
    )
    return (slopes,)


@app.cell(hide_code=True)
def exercises():
    answers, _view = exercises_of(lesson)
    _view
    return (answers,)


@app.cell(hide_code=True)
def verdict(answers):
    solved(lesson, answers.value)
    return


@app.cell(hide_code=True)
def further():
    mo.md(r"""
    **Further.** Otto, *The geometry of dissipative evolution equations: the porous medium equation* (2001); Vázquez, *The
    Porous Medium Equation: Mathematical Theory* (2007); Aronson, Caffarelli, Kamin, *How an initially stationary interface
    begins to move in porous medium flow* (1983). Next: the coordinates that make the line flat (`jkoflow course 6`).
    """)
    return


if __name__ == "__main__":
    app.run()
