# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(
    width="medium", app_title="Lesson 2. The JKO scheme: steepest descent in a space of masses", css_file="lesson.css"
)

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np

    import jkoflow as jf
    from jkoflow.course import LESSONS, exercises_of, shown, solved

    lesson = LESSONS[1]


@app.cell(hide_code=True)
def introduction():
    mo.md(r"""
    # 2. The JKO scheme: steepest descent in a space of masses

    In $\mathbb{R}^d$ the gradient flow of $E$ is $x' = -\nabla E(x)$. The implicit Euler method takes the step $(y - x) /
    dt = -\nabla E(y)$. This equation says that $y$ is a critical point of a function:

    $$y = \arg\min_z \; \frac{|z - x|^2}{2\,dt} + E(z).$$

    The right side needs no gradient and no linear space. It needs a distance and an energy. So it makes sense for masses:

    $$\rho_{k+1} = \arg\min_\rho \; \frac{W_2(\rho, \rho_k)^2}{2\,dt} + E(\rho).$$

    This is the scheme of Jordan, Kinderlehrer and Otto. As $dt \to 0$ its steps tend to the solution of $\partial_t \rho =
    \nabla \cdot (\rho \nabla \tfrac{\delta E}{\delta \rho})$.

    ## One step, in a plane

    Take $E(\rho) = \int \rho \log \rho + \tfrac12 x^2 \rho \, dx$. Its flow is the Fokker-Planck equation $\partial_t \rho
    = \rho_{xx} + (x \rho)_x$. The step from a Gaussian $N(m, s^2)$ is a Gaussian $N(n, t^2)$. So the least value over all
    masses is a least value over the half-plane of $(n, t)$, in which $W_2$ is the distance of lesson 1:

    $$\frac{(n - m)^2 + (t - s)^2}{2\,dt} + \tfrac12 (n^2 + t^2) - \log t \;\to\; \min, \qquad
    n = \frac{m}{1 + dt}, \quad t = \frac{s + \sqrt{s^2 + 4\,dt\,(1 + dt)}}{2\,(1 + dt)} .$$
    """)
    return


@app.cell(hide_code=True)
def step_controls():
    size = mo.ui.slider(0.05, 4.0, 0.05, value=0.5, label="dt of the one step", show_value=True)
    size
    return (size,)


@app.cell(hide_code=True)
def well():
    grid = jf.Grid.box((-6, 6), cells=240)
    fokker_planck = jf.Entropy() + jf.Potential(lambda x: x**2 / 2, gradient=lambda x: x)
    start = grid.density(lambda x: np.exp(-((x - 2) ** 2) / 0.5), order=3).quantiles(100, walls=False)
    gaussian = jf.closed_forms.OrnsteinUhlenbeck(mean=2.0, variance=0.25)
    return fokker_planck, gaussian, grid, start


@app.cell(hide_code=True)
def one_step(fokker_planck, gaussian, size, start):
    _dt = size.value
    _after = jf.evolve(fokker_planck, start, dt=_dt, t_end=_dt, progress=False).final
    _n, _t = gaussian.jko(_dt)[0], gaussian.jko(_dt)[1] ** 0.5
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    _means, _widths = np.meshgrid(np.linspace(-0.5, 2.6, 120), np.linspace(0.2, 1.7, 100))
    _objective = ((_means - 2) ** 2 + (_widths - 0.5) ** 2) / (2 * _dt) + (_means**2 + _widths**2) / 2 - np.log(_widths)
    _levels = _objective.min() + np.geomspace(0.01, 10, 10)
    _left.contour(_means, _widths, _objective, levels=_levels, cmap="viridis", linewidths=0.8)
    _moments = np.array([gaussian.flow(_time) for _time in np.linspace(0, 6, 100)])
    _left.plot(_moments[:, 0], _moments[:, 1] ** 0.5, color="grey", label="the flow")
    _left.plot(2, 0.5, "ko", label="start")
    _left.plot(_n, _t, "r*", markersize=11, label="one step")
    _left.plot(0, 1, "k+", markersize=9, label="equilibrium")
    _left.set(xlabel="mean", ylabel="standard deviation")
    _left.legend(fontsize=8)
    for _rho, _name in ((start, "start"), (_after, "one step")):
        _right.stairs(_rho.values, _rho.nodes, fill=True, alpha=0.5, label=_name)
    _right.set(xlabel="x", ylabel="density", xlim=(-4, 5))
    _right.legend()
    mo.vstack(
        [
            shown(
                _fig,
                f"Contours of the objective for dt = {_dt}, least at mean {_n:.3f}, deviation {_t:.3f}; two densities",
                760,
            ),
            mo.md(
                f"The formula says mean {_n:.4f} and deviation {_t:.4f}. jkoflow, which knows no Gaussians, finds mean "
                f"{_after.mean:.4f} and deviation {_after.covariance**0.5:.4f}. For small dt the step lies near the start. "
                "For large dt it lies near the equilibrium. It never lies beyond it."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def descent_text():
    mo.md(r"""
    ## Energy falls, whatever dt

    Compare the minimiser with the competitor $\rho = \rho_k$. It follows that

    $$\frac{W_2(\rho_{k+1}, \rho_k)^2}{2\,dt} + E(\rho_{k+1}) \le E(\rho_k), \qquad \text{so} \qquad
    \sum_k \frac{W_2(\rho_{k+1}, \rho_k)^2}{2\,dt} \le E(\rho_0) - E(\rho_K).$$

    The sum telescopes. Nothing is said about convexity, and dt may be large. This one estimate gives the compactness from
    which Jordan, Kinderlehrer and Otto construct the flow. Along the flow itself energy falls by $\int |v|^2 d\rho$ per
    time, which is $W_2^2 / dt$ per step. So the estimate sees one half of the loss. If $E$ is convex along geodesics, a
    step loses all of $W_2^2 / dt$ at least.
    """)
    return


@app.cell(hide_code=True)
def descent_controls():
    landscape = mo.ui.dropdown(["one well", "two wells"], value="one well", label="potential")
    pace = mo.ui.slider(steps=[0.05, 0.1, 0.2, 0.5, 1.0], value=0.2, label="dt of the run", show_value=True)
    mo.hstack([landscape, pace], justify="start", wrap=True)
    return landscape, pace


@app.cell(hide_code=True)
def descent(fokker_planck, grid, landscape, pace, start):
    if landscape.value == "one well":
        run = jf.evolve(fokker_planck, start, dt=pace.value, t_end=2.0, progress=False)
    else:
        _two_wells = jf.Potential(lambda x: (x**2 - 1) ** 2, gradient=lambda x: 4 * x * (x**2 - 1))
        _hill = grid.density(lambda x: np.exp(-((x - 0.15) ** 2) / 0.02)).quantiles(60, walls=False)
        run = jf.evolve(0.01 * jf.Entropy() + _two_wells, _hill, dt=pace.value, t_end=2.0, progress=False)
    _loss, _speed = run.energies[0] - run.energies, run.squared_distances / run.dts
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    _left.plot(run.times, _loss, "k.-", label=r"$E(\rho_0) - E(\rho_k)$")
    for _factor, _name in ((1.0, r"sum of $W_2^2 / dt$"), (0.5, r"sum of $W_2^2 / (2\,dt)$")):
        _left.plot(run.times, _factor * np.append(0, np.cumsum(_speed)), "--", label=_name)
    _left.set(xlabel="time", ylabel="energy lost")
    _left.legend(fontsize=8)
    _ratio = np.diff(_loss) / _speed
    _right.plot(run.times[1:], _ratio, "k.-", label=r"loss of the step over $W_2^2 / dt$")
    for _bound in (0.5, 1.0):
        _right.axhline(_bound, color="grey", linestyle="--")
    _right.set(xlabel="time", ylim=(0.4, max(1.2, 1.1 * _ratio.max())))
    _right.legend(fontsize=8)
    _report = jf.diagnostics.energy_dissipation(run)
    mo.vstack(
        [
            shown(
                _fig, f"Energy lost and the sums of the estimate for dt = {pace.value}; the ratio of both for every step", 760
            ),
            mo.md(
                f"Lost: **{_loss[-1]:.4f}**. Sum of $W_2^2/(2\\,dt)$: **{_speed.sum() / 2:.4f}**. Largest violation, from "
                f"`jf.diagnostics.energy_dissipation`: {max(_report.worst, 0.0):.1g}. The least ratio is {_ratio.min():.3f}. "
                + (
                    "In one well it is never below 1."
                    if landscape.value == "one well"
                    else "Mass starts on the hill between the wells, where the energy is not convex. There the ratio is "
                    "below 1. It never falls below 1/2."
                )
            ),
        ]
    )
    return (run,)


@app.cell(hide_code=True)
def explicit_text():
    mo.md(r"""
    ## Why implicit?

    The explicit step needs no minimisation. Take $n$ points of mass $1/n$ with the energy $\tfrac1n \sum_i \tfrac12 x_i^2 -
    \tfrac1n \sum_i \log (x_{i+1} - x_i)$. Its explicit step is

    $$x_i \;\leftarrow\; x_i - dt \Bigl( x_i + \frac{1}{x_{i+1} - x_i} - \frac{1}{x_i - x_{i-1}} \Bigr).$$

    It is stable for $dt < 2 / L$ only, where $L$ is the largest curvature of the energy. Here $L$ is of the order of $n^2$:
    the more points, the smaller the steps. The implicit step is stable for every dt.
    """)
    return


@app.cell(hide_code=True)
def explicit_controls():
    points = mo.ui.slider(4, 20, 2, value=14, label="points", show_value=True)
    stride = mo.ui.slider(steps=[0.015, 0.02, 0.03, 0.05, 0.1, 0.2], value=0.03, label="dt", show_value=True)
    mo.hstack([points, stride], justify="start", wrap=True)
    return points, stride


@app.cell(hide_code=True)
def explicit_and_implicit(fokker_planck, points, stride):
    _n, _dt = points.value, stride.value
    _wide = jf.Grid.box((-6, 10), cells=400).density(lambda x: np.exp(-((x - 2) ** 2) / 4.5)).quantiles(400, walls=False)
    _shares = (np.arange(_n) + 0.5) / _n
    paths = [_wide.quantile(_shares)]
    for _ in range(round(1.5 / _dt)):
        _x = paths[-1]
        _push = 1 / np.diff(_x)
        paths.append(_x - _dt * (_x + np.append(_push, 0) - np.append(0, _push)))
        if np.any(np.diff(paths[-1]) <= 0):
            break
    _implicit = jf.evolve(fokker_planck, jf.Quantiles(paths[0]), dt=_dt, t_end=1.5, progress=False)
    _stiff = 1 / np.diff((paths[0] - 2) / 1.5) ** 2  # near the equilibrium, N(0, 1)
    _curvature = np.eye(_n) + np.diag(np.append(_stiff, 0) + np.append(0, _stiff)) - np.diag(_stiff, 1) - np.diag(_stiff, -1)
    limit = 2 / np.linalg.eigvalsh(_curvature)[-1]
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
    _left.plot(_dt * np.arange(len(paths)), paths, color="tab:blue", linewidth=0.8)
    _right.plot(_implicit.times, [_state.nodes for _state in _implicit], color="tab:blue", linewidth=0.8)
    _left.set(title="explicit", xlabel="time", ylabel="x", xlim=(0, 1.5), ylim=(-4, 6))
    _right.set(title="implicit", xlabel="time", xlim=(0, 1.5))
    _stopped = len(paths) <= round(1.5 / _dt)
    _fate = (
        f"Two points have met at time {_dt * (len(paths) - 1):.2f}: the run ends."
        if _stopped
        else "No points have met until time 1.5."
    )
    mo.vstack(
        [
            shown(_fig, f"Paths of {_n} points under explicit and implicit steps of {_dt}. {_fate}", 760),
            mo.md(
                f"dt = **{_dt}**, and $2 / L$ is about **{limit:.4f}** for {_n} points. {_fate} Just above the limit the "
                "oscillation grows slowly."
            ),
        ]
    )
    return limit, paths


@app.cell(hide_code=True)
def order_text():
    mo.md(r"""
    ## How wrong is a step?

    Implicit Euler has order 1: until a fixed time the error is about $C\,dt$. Half the step, half the error. Schemes that
    look back at two states, such as `BDF2`, have order 2. Here the error is the distance of $(m, s)$ from that of the flow
    at the time $T$, which is known: $m(T) = 2 e^{-T}$ and $s(T)^2 = 1 - \tfrac34 e^{-2T}$.
    """)
    return


@app.cell(hide_code=True)
def order_controls():
    final = mo.ui.slider(0.5, 2.0, 0.5, value=1.0, label="T", show_value=True)
    final
    return (final,)


@app.cell(hide_code=True)
def order_picture(final, fokker_planck, gaussian, start):
    _end = final.value
    _dts = _end / np.array([2, 4, 8, 16])
    _mean, _variance = gaussian.flow(_end)
    errors, orders = {}, {}
    for _scheme in (jf.JKO(), jf.BDF2()):
        _states = [jf.evolve(fokker_planck, start, scheme=_scheme, dt=_dt, t_end=_end, progress=False).final for _dt in _dts]
        _name = type(_scheme).__name__
        errors[_name] = [np.hypot(_rho.mean - _mean, _rho.covariance**0.5 - _variance**0.5) for _rho in _states]
        orders[_name] = np.log2(errors[_name][-2] / errors[_name][-1])
    _fig, _ax = plt.subplots(figsize=(9, 3), layout="constrained")
    for _name, _marker in (("JKO", "o-"), ("BDF2", "s-")):
        _ax.loglog(_dts, errors[_name], _marker, label=f"{_name}, measured order {orders[_name]:.2f}")
    _fine = np.geomspace(_dts[-1], _dts[0], 30)
    _exact = [gaussian.jko(_end / _k, steps=_k) for _k in (2, 4, 8, 16)]
    _ax.loglog(_dts, [np.hypot(_m - _mean, _v**0.5 - _variance**0.5) for _m, _v in _exact], "k+", label="JKO, closed form")
    _ax.loglog(_fine, errors["JKO"][-1] * _fine / _fine[0], color="grey", linestyle=":", label="slope 1")
    _ax.set(xlabel="dt", ylabel="error")
    _ax.legend(fontsize=8)
    _text = ", ".join(f"{_name} {_order:.2f}" for _name, _order in orders.items())
    shown(_fig, f"Errors at T = {_end} against dt on logarithmic axes; the measured orders are {_text}", 760)
    return errors, orders


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
    **Further.** Jordan, Kinderlehrer, Otto, *The variational formulation of the Fokker-Planck equation* (1998); Ambrosio,
    Gigli, Savaré, *Gradient Flows in Metric Spaces and in the Space of Probability Measures* (2nd ed. 2008), chapters 2 and
    3; Santambrogio, *Euclidean, metric, and Wasserstein gradient flows: an overview* (2017). Next: what diffusion is
    (`jkoflow course 3`).
    """)
    return


if __name__ == "__main__":
    app.run()
