# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Lesson 4. Convexity and rates", css_file="lesson.css")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np

    import jkoflow as jf
    from jkoflow.course import LESSONS, exercises_of, shown, solved

    lesson = LESSONS[3]


@app.cell(hide_code=True)
def introduction():
    mo.md(r"""
    # 4. Convexity and rates

    In $\mathbb{R}^d$ a smooth function with $D^2 E \ge \lambda$ lies below its chords by a parabola. This needs only
    geodesics, so it makes sense for masses. $E$ is $\lambda$-*convex* along the geodesics $\mu_t$ of $W_2$ if

    $$E(\mu_t) \le (1 - t) E(\mu_0) + t E(\mu_1) - \frac{\lambda}{2} t (1 - t) W_2(\mu_0, \mu_1)^2 .$$

    McCann found which energies are convex in this sense:

    | energy | $\lambda$ |
    |---|---|
    | $\int V d\rho$ | $\min V''$ |
    | $\int \rho \log \rho$ | 0 |
    | $\tfrac12 \iint \tfrac12 \lvert x - y \rvert^2 d\rho \, d\rho$ | 0; 1 among masses with one centre |

    Convexity along mixtures $(1 - t) \mu_0 + t \mu_1$ is something else. A potential is linear on them; the attraction of
    the table is concave.
    """)
    return


@app.cell(hide_code=True)
def chord_controls():
    laws = {
        "entropy": (jf.Entropy(), 0.0),
        "potential x²/2": (jf.Potential(lambda x: x**2 / 2), 1.0),
        "potential (x²-1)²": (jf.Potential(lambda x: (x**2 - 1) ** 2), -4.0),
        "attraction": (jf.Interaction(jf.Quadratic()), 0.0),
    }
    kind = mo.ui.dropdown(list(laws), value="attraction", label="energy")
    place = mo.ui.slider(-3.0, 3.0, 0.25, value=1.5, label="mean of the second heap", show_value=True)
    mo.hstack([kind, place], justify="start", wrap=True)
    return kind, laws, place


@app.cell(hide_code=True)
def chord_picture(kind, laws, place):
    _law, known = laws[kind.value]
    _grid = jf.Grid.box((-6, 6), cells=240)
    _ends = [
        _grid.density(lambda x, _m=_m, _s=_s: np.exp(-(((x - _m) / _s) ** 2) / 2))
        for _m, _s in ((-1.5, 0.4), (place.value, 0.7))
    ]
    _x, _y = (_rho.quantiles(120, walls=False, spread=0.0) for _rho in _ends)
    _t = np.linspace(0, 1, 21)
    _way = np.array([_law(_x.like((1 - _s) * _x.nodes + _s * _y.nodes)) for _s in _t])
    _mix = [_law(_grid.density((1 - _s) * _ends[0].values + _s * _ends[1].values)) for _s in _t]
    _chord = (1 - _t) * _way[0] + _t * _way[-1]
    _square = float(jf.wasserstein(_x, _y)) ** 2
    allowed = (2 * (_chord - _way)[1:-1] / (_t * (1 - _t))[1:-1]).min() / _square
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for _rho in _ends:
        _left.fill_between(_grid.axes[0], _rho.values, alpha=0.5)
    _left.set(xlabel="x", ylabel="density")
    _right.plot(_t, _way, label="along the geodesic")
    _right.plot(_t, _mix, ":", label="along the mixture")
    _right.plot(_t, _chord - known / 2 * _t * (1 - _t) * _square, "k--", linewidth=0.8, label=f"bound with λ = {known:g}")
    _right.set(xlabel="t", ylabel="energy")
    _right.legend(fontsize=8)
    mo.vstack(
        [
            shown(_fig, f"Two heaps, and the energy ({kind.value}) along the geodesic and along the mixture", 760),
            mo.md(
                f"The theorem holds with λ = **{known:g}** for all pairs. This pair would allow λ = **{allowed:.4f}**."
                + (" With both means at -1.5 it allows 1." if kind.value == "attraction" else "")
            ),
        ]
    )
    return allowed, known


@app.cell(hide_code=True)
def contraction_text():
    mo.md(r"""
    ## Two runs come closer

    The first gift of $\lambda$-convexity: the flow is a contraction, and it forgets its start.

    $$W_2(\rho_t, \sigma_t) \le e^{-\lambda t} W_2(\rho_0, \sigma_0) .$$

    Here $E = \int \rho \log \rho + V \rho$ with $V = \lambda x^2 / 2 + b\, x^4 / 4$, so that $V'' \ge \lambda$. For
    $\lambda < 0$ the bound grows. On the line a JKO step contracts by $1 / (1 + \lambda\,dt)$, which is a little weaker.
    """)
    return


@app.cell(hide_code=True)
def contraction_controls():
    curvature = mo.ui.slider(-0.5, 2.0, 0.25, value=1.0, label="λ", show_value=True)
    quartic = mo.ui.slider(0.0, 1.0, 0.25, value=0.0, label="b", show_value=True)
    mo.hstack([curvature, quartic], justify="start", wrap=True)
    return curvature, quartic


@app.cell(hide_code=True)
def starts():
    def heap(mean, deviation):
        """A Gaussian, by quantiles of 40 equal masses."""
        _grid = jf.Grid.box((mean - 7 * deviation, mean + 7 * deviation), cells=400)
        _rho = _grid.density(lambda x: np.exp(-((x - mean) ** 2) / (2 * deviation**2)))
        return _rho.quantiles(40, walls=False, spread=0.0)

    return (heap,)


@app.cell(hide_code=True)
def contraction_picture(curvature, heap, quartic):
    _k, _b, _dt = curvature.value, quartic.value, 0.05
    _V = jf.Potential(lambda x: _k * x**2 / 2 + _b * x**4 / 4, gradient=lambda x: _k * x + _b * x**3)
    _law = jf.Entropy() + _V
    _runs = [jf.evolve(_law, _start, dt=_dt, t_end=1.5, progress=False) for _start in (heap(-2.0, 0.4), heap(1.5, 0.9))]
    report = jf.diagnostics.contraction(*_runs, convexity=_k)
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for _run, _color in zip(_runs, ("tab:blue", "tab:orange"), strict=True):
        _left.plot(_run.times, [_rho.nodes[2::6] for _rho in _run], color=_color, linewidth=0.8)
    _left.set(xlabel="t", ylabel="x")
    _distance, _bound = (next(iter(_of.values())) for _of in (report.curves, report.bounds))
    _right.semilogy(report.times, _distance, label=r"$W_2(\rho_t, \sigma_t)$")
    _right.semilogy(report.times, _bound, "k--", linewidth=0.8, label=r"$e^{-\lambda t}$")
    _steps = _distance[0] / (1 + _k * _dt) ** np.arange(len(_distance))
    _right.semilogy(report.times, _steps, "k:", linewidth=0.8, label=r"$(1 + \lambda\,dt)^{-k}$")
    _right.set(xlabel="t")
    _right.legend(fontsize=8)
    mo.vstack(
        [
            shown(_fig, f"Quantiles of two runs with λ = {_k} and b = {_b}; their distance and the two bounds", 760),
            mo.md(
                f"At $t = 1.5$ the distance is **{_distance[-1]:.4f}**. The bound of the flow is **{_bound[-1]:.4f}**. That of "
                f"the steps is **{_steps[-1]:.4f}**. `jf.diagnostics.contraction` reports an excess of {report.worst:.2g} over "
                "the bound of the flow."
            ),
        ]
    )
    return (report,)


@app.cell(hide_code=True)
def evi_text():
    mo.md(r"""
    ## One inequality that says all

    The flow of a $\lambda$-convex energy is *characterised* by the evolution variational inequality: for every reference
    $\nu$

    $$\frac12 \frac{d}{dt} W_2(\rho_t, \nu)^2 + \frac{\lambda}{2} W_2(\rho_t, \nu)^2 + E(\rho_t) - E(\nu) \le 0 .$$

    No derivative of $E$ occurs. Contraction, uniqueness and the order of the JKO scheme follow. Here $V = x^2 / 2$, the
    flow starts from $N(2, 1)$, and $\nu = N(c, 1)$. *Claim* a $\lambda$: is the left side at most 0? With the time
    difference of the scheme it may be tested on every step.
    """)
    return


@app.cell(hide_code=True)
def evi_controls():
    claim = mo.ui.slider(0.0, 2.0, 0.1, value=1.0, label="claimed λ", show_value=True)
    centre = mo.ui.slider(-2.0, 2.0, 0.25, value=-1.0, label="c", show_value=True)
    mo.hstack([claim, centre], justify="start", wrap=True)
    return centre, claim


@app.cell(hide_code=True)
def evi_run(heap):
    convex = jf.Entropy() + jf.Potential(lambda x: x**2 / 2, gradient=lambda x: x)
    falling = jf.evolve(convex, heap(2.0, 1.0), dt=0.02, t_end=1.5, progress=False)
    return convex, falling


@app.cell(hide_code=True)
def evi_picture(centre, claim, convex, falling, heap):
    _reference = {f"N({centre.value}, 1)": heap(centre.value, 1.0)}
    evi = jf.diagnostics.evi_residual(falling, convex, _reference, convexity=claim.value)
    _residual = next(iter(evi.curves.values()))
    _fig, _ax = plt.subplots(figsize=(9, 2.8), layout="constrained")
    _ax.plot(evi.times, _residual)
    _ax.fill_between(evi.times, 0, np.maximum(_residual, 0), color="tab:red", alpha=0.4)
    _ax.axhline(0, color="k", linewidth=0.8)
    _ax.set(xlabel="t", ylabel="left side")
    mo.vstack(
        [
            shown(_fig, f"The left side of the inequality along the flow, for the claim λ = {claim.value}", 760),
            mo.md(
                f"The largest left side is **{evi.worst:.4f}**: "
                + ("the claim is refuted." if evi.worst > 1e-9 else "the claim stands for this reference.")
                + " With λ = 1 the flow meets it with equality, up to dt. A larger claim fails for some $c$."
            ),
        ]
    )
    return (evi,)


@app.cell(hide_code=True)
def wells_text():
    mo.md(r"""
    ## Without convexity: metastability

    Let $V = h\,(x^2 - 1)^2$. Then $\min V'' = -4h$, and the bound $e^{4ht}$ says nothing. There is still one equilibrium,
    and the flow tends to it. But a well is left over a barrier of height $h$ only. Kramers' formula for the rate at which
    the masses of the wells become equal is

    $$r \approx \frac{\sqrt{V''(1)\, |V''(0)|}}{\pi} e^{-h} = \frac{4 \sqrt2\, h}{\pi} e^{-h} \qquad (h \text{ large}).$$

    The exact rate is the least positive eigenvalue of $-f'' + V' f'$.
    """)
    return


@app.cell(hide_code=True)
def wells_control():
    barrier = mo.ui.slider(1.0, 6.0, 0.5, value=4.0, label="h", show_value=True)
    barrier
    return (barrier,)


@app.cell(hide_code=True)
def wells_picture(barrier):
    _h = barrier.value
    _V = lambda x: _h * (x**2 - 1) ** 2  # noqa: E731
    _grid = jf.Grid.box((-2.2, 2.2), cells=88)
    _x, _dx = _grid.axes[0], _grid.spacing[0]
    _over = np.exp(_V(_x[:-1]) - _V(_x[:-1] + _dx / 2)), np.exp(_V(_x[1:]) - _V(_x[:-1] + _dx / 2))
    _off = -np.sqrt(_over[0] * _over[1])
    _matrix = np.diag(np.append(_over[0], 0) + np.append(0, _over[1])) + np.diag(_off, 1) + np.diag(_off, -1)
    gap = np.linalg.eigvalsh(_matrix / _dx**2)[1]
    kramers = 4 * np.sqrt(2) * _h / np.pi * np.exp(-_h)
    _start = _grid.density(lambda x: np.exp(-((x - 1.3) ** 2) / 0.02))
    _law = jf.Entropy() + jf.Potential(_V)
    _dt = 0.04 / gap
    _first = jf.evolve(_law, _start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.05, t_end=0.5, progress=False)
    _slow = jf.evolve(_law, _first.final, scheme=jf.JKO(jf.FiniteVolume()), dt=_dt, t_end=50 * _dt, progress=False)
    _excess = np.array([_rho.values[_x > 0].sum() * _dx - 0.5 for _rho in _slow])
    measured = np.log(_excess[10] / _excess[-1]) / (_slow.times[-1] - _slow.times[10])
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for _rho, _time in (
        (_start, 0.0),
        (_first.final, 0.5),
        (_slow[25], 0.5 + _slow.times[25]),
        (_slow.final, 0.5 + _slow.times[-1]),
    ):
        _left.plot(_x, _rho.values, label=f"t = {_time:.1f}")
    _left.set(xlabel="x", ylabel="density", ylim=(0, 1.4 * _first.final.values.max()))
    _left.legend(fontsize=8)
    _right.semilogy(_slow.times + 0.5, _excess, label="mass at the right, less 1/2")
    _right.semilogy(_slow.times + 0.5, _excess[0] * np.exp(-gap * _slow.times), "k--", linewidth=0.8, label="exact rate")
    _right.semilogy(_slow.times + 0.5, _excess[0] * np.exp(-kramers * _slow.times), "k:", linewidth=0.8, label="Kramers")
    _right.set(xlabel="t")
    _right.legend(fontsize=8)
    mo.vstack(
        [
            shown(
                _fig, f"The density at four times in wells of depth {_h}, and the slow decay of the excess at the right", 760
            ),
            mo.md(
                f"Measured rate **{measured:.4f}**, eigenvalue **{gap:.4f}**, Kramers **{kramers:.4f}**. At $t = 0.5$ the "
                "right well is nearly in equilibrium with itself. The excess halves in a time of "
                f"{np.log(2) / gap:.3g}. Implicit steps of {_dt:.3g} suffice to follow it."
            ),
        ]
    )
    return gap, kramers, measured


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
    **Further.** McCann, *A convexity principle for interacting gases* (1997); Ambrosio, Gigli, Savaré, *Gradient Flows in
    Metric Spaces and in the Space of Probability Measures* (2nd ed. 2008), chapters 4, 9 and 11; Carrillo, McCann, Villani,
    *Kinetic equilibration rates for granular media and related equations* (2003). Next: diffusion that stops at an edge
    (`jkoflow course 5`).
    """)
    return


if __name__ == "__main__":
    app.run()
