# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Lesson 3. Entropy and heat", css_file="lesson.css")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    from scipy.special import erf

    import jkoflow as jf
    from jkoflow.course import LESSONS, exercises_of, shown, solved

    lesson = LESSONS[2]


@app.cell(hide_code=True)
def introduction():
    mo.md(r"""
    # 3. Entropy and heat

    The gradient flow of an energy $E$ in $W_2$ moves mass with the velocity $v = -\nabla \tfrac{\delta E}{\delta \rho}$.
    Take the entropy

    $$E(\rho) = \int \rho \log \rho \, dx, \qquad \frac{\delta E}{\delta \rho} = \log \rho + 1, \qquad
    v = -\frac{\nabla \rho}{\rho}, \qquad \partial_t \rho = -\nabla \cdot (\rho v) = \Delta \rho .$$

    So heat flows down the entropy as steeply as $W_2$ allows. Mass moves from where it is dense to where it is thin. On the
    line the second moment is known without solving anything:

    $$\frac{d}{dt} \int x^2 \rho \, dx = \int x^2 \rho_{xx} \, dx = 2, \qquad \text{so the variance grows by } 2t .$$
    """)
    return


@app.cell(hide_code=True)
def heat_controls():
    heap = mo.ui.dropdown(["one hill", "two hills", "a box"], value="two hills", label="start")
    moment = mo.ui.slider(0.0, 2.0, 0.05, value=0.2, label="t", show_value=True)
    mo.hstack([heap, moment], justify="start", wrap=True)
    return heap, moment


@app.cell(hide_code=True)
def heat_run(heap):
    _hills = {"one hill": [(1.0, -1.0, 0.3)], "two hills": [(0.6, -1.5, 0.4), (0.4, 2.0, 0.3)]}.get(heap.value, [])

    def spread(x, t):
        """The solution of the heat equation: the start, averaged over a Gaussian of variance 2 t."""
        if not _hills:
            _width = np.sqrt(4 * t + 1e-12)
            return (erf((x + 1) / _width) - erf((x - 1) / _width)) / 4
        _terms = [(_mass, _mean, _deviation**2 + 2 * t) for _mass, _mean, _deviation in _hills]
        return sum(_m * np.exp(-((x - _c) ** 2) / (2 * _v)) / np.sqrt(2 * np.pi * _v) for _m, _c, _v in _terms)

    space = jf.Grid.box((-10, 10), cells=200)
    heat = jf.evolve(
        jf.Entropy(),
        space.density(lambda x: spread(x, 0.0), order=4),
        scheme=jf.JKO(jf.FiniteVolume()),
        dt=0.025,
        t_end=2.0,
        progress=False,
    )
    return heat, space, spread


@app.cell(hide_code=True)
def heat_picture(heat, moment, space, spread):
    _now = round(moment.value / 0.025)
    _variances = np.array([_rho.covariance for _rho in heat])
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    _x = space.axes[0]
    _left.fill_between(_x, heat[_now].values, alpha=0.5, label="jkoflow")
    _left.plot(_x, spread(_x, moment.value), "k--", linewidth=0.8, label="exact")
    _left.set(xlabel="x", ylabel="density", xlim=(-6, 6))
    _left.legend(fontsize=8)
    _right.plot(heat.times, _variances, label="measured")
    _right.plot(heat.times, _variances[0] + 2 * heat.times, "k:", label=r"$\mathrm{Var}(\rho_0) + 2t$")
    _right.plot(heat.times[_now], _variances[_now], "o")
    _right.set(xlabel="t", ylabel="variance", ylim=(0, None))
    _right.legend(fontsize=8)
    mo.vstack(
        [
            shown(_fig, f"The density at t = {moment.value}, and the variance, which is a straight line in t of slope 2", 760),
            mo.md(
                f"Variance: **{_variances[_now]:.4f}**; at the start plus $2t$: **{_variances[0] + 2 * moment.value:.4f}**. "
                "Every start tends to the shape of a Gaussian. No start keeps an edge: after any time there is mass everywhere."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def information_text():
    mo.md(r"""
    ## How fast does entropy fall?

    Along a gradient flow $\tfrac{dE}{dt} = -\int |v|^2 d\rho$. For the entropy this is the *Fisher information*:

    $$-\frac{dE}{dt} = I(\rho) = \int \frac{|\nabla \rho|^2}{\rho} \, dx = 4 \int |\nabla \sqrt{\rho}|^2 \, dx .$$

    Among all densities of one variance the Gaussian has the least information: $I(\rho) \, \mathrm{Var}(\rho) \ge 1$ on the
    line, the inequality of Cramér and Rao. On a grid both are sums over cells. With few cells the sums are too rough.
    The start is two hills.
    """)
    return


@app.cell(hide_code=True)
def information_control():
    cells = mo.ui.slider(20, 200, 20, value=100, label="cells", show_value=True)
    cells
    return (cells,)


@app.cell(hide_code=True)
def information_picture(cells):
    _grid = jf.Grid.box((-10, 10), cells=cells.value)
    _hills = lambda x: 1.5 * np.exp(-((x + 1.5) ** 2) / 0.32) + 4 / 3 * np.exp(-((x - 2) ** 2) / 0.18)  # noqa: E731
    _start = _grid.density(_hills, order=4)
    _flow = jf.evolve(jf.Entropy(), _start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.02, t_end=1.0, progress=False)
    _h = _grid.spacing[0]
    information = np.array([4 * np.sum(np.diff(np.sqrt(_rho.values)) ** 2) / _h for _rho in _flow])
    _variances = np.array([_rho.covariance for _rho in _flow])
    _fall = -np.diff(_flow.energies) / _flow.dts
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    _left.semilogy(_flow.times[1:] - 0.01, _fall, "k.", label=r"$-dE/dt$, differences of the energy")
    _left.semilogy(_flow.times[1:], information[1:], label=r"$I(\rho)$")
    _left.set(xlabel="t")
    _left.legend(fontsize=8)
    _right.plot(_flow.times[1:], (information * _variances)[1:], label=r"$I(\rho)\,\mathrm{Var}(\rho)$")
    _right.axhline(1, color="grey", linestyle="--")
    _right.set(xlabel="t", ylim=(0.8, None))
    _right.legend(fontsize=8)
    _lost, _paid = _flow.energies[10] - _flow.energies[-1], np.trapezoid(information[10:], _flow.times[10:])
    mo.vstack(
        [
            shown(_fig, "The fall of the entropy per time and the Fisher information; the information times the variance", 760),
            mo.md(
                f"With {cells.value} cells the entropy falls by **{_lost:.4f}** from $t = 0.2$ to $t = 1$. The integral of $I$ "
                f"is **{_paid:.4f}**. The product on the right ends at **{information[-1] * _variances[-1]:.3f}**. "
                "A Gaussian has 1. If the product is below 1, the cells are too wide."
            ),
        ]
    )
    return (information,)


@app.cell(hide_code=True)
def well_text():
    mo.md(r"""
    ## A potential stops the spreading

    With $E(\rho) = \int \rho \log \rho + V \rho \, dx$ the velocity is $v = -\nabla (\log \rho + V)$. It vanishes if $\log
    \rho + V$ is constant:

    $$\partial_t \rho = \Delta \rho + \nabla \cdot (\rho \nabla V), \qquad
    \rho_\infty = \frac{1}{Z} e^{-V}, \qquad Z = \int e^{-V} dx .$$

    The flow forgets where it began. It ends in $\rho_\infty$ for every start of the same mass.
    """)
    return


@app.cell(hide_code=True)
def well_controls():
    shapes = {
        "x²/2": lambda x: x**2 / 2,
        "x⁴/4": lambda x: x**4 / 4,
        "2|x|": lambda x: 2 * abs(x),
        "(x²-1)²": lambda x: (x**2 - 1) ** 2,
        "x²/4 + cos 4x": lambda x: x**2 / 4 + np.cos(4 * x),
    }
    shape = mo.ui.dropdown(list(shapes), value="(x²-1)²", label="V")
    mesh = mo.ui.slider(steps=[16, 32, 64, 128], value=64, label="cells", show_value=True)
    mo.hstack([shape, mesh], justify="start", wrap=True)
    return mesh, shape, shapes


@app.cell(hide_code=True)
def well_picture(mesh, shape, shapes):
    V = shapes[shape.value]
    _grid = jf.Grid.box((-5, 5), cells=mesh.value)
    _start = _grid.density(lambda x: np.exp(-((x - 1.8) ** 2) / 0.2), order=4)
    _law = jf.Entropy() + jf.Potential(V)
    _flow = jf.evolve(_law, _start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.1, t_end=8.0, progress=False)
    _fine = (np.arange(2560) + 0.5) / 256 - 5
    _gibbs = np.exp(-V(_fine)) / (np.exp(-V(_fine)).sum() / 256)
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for _t in (0.1, 0.4, 1.5, 8.0):
        _left.stairs(_flow[round(_t / 0.1)].values, np.linspace(-5, 5, mesh.value + 1), label=f"t = {_t}")
    _left.plot(_fine, _gibbs, "k--", linewidth=0.8, label=r"$e^{-V} / Z$")
    _left.set(xlabel="x", ylabel="density", xlim=(-4, 4))
    _left.legend(fontsize=8)
    _right.plot(_fine, V(_fine))
    _right.set(xlabel="x", ylabel="V", xlim=(-4, 4), ylim=(V(_fine).min() - 0.5, V(_fine).min() + 6))
    _means = _gibbs.reshape(mesh.value, -1).mean(axis=1)
    _steady = jf.closed_forms.gibbs_state(_grid, V)
    unsettled = _grid.integrate(abs(_flow.final.values - _steady.values))
    mesh_error = _grid.integrate(abs(_steady.values - _means))
    mo.vstack(
        [
            shown(_fig, f"Densities on {mesh.value} cells, from a hill at the right to the equilibrium; the potential V", 760),
            mo.md(
                f"At $t = 8$ the distance in $L^1$ to the equilibrium on {mesh.value} cells is **{unsettled:.4f}**. It falls "
                "with time. The equilibrium on the cells differs from the averages of $e^{-V}/Z$ by "
                f"**{mesh_error:.4f}**. This error stays. For smooth $V$ it falls with the square of the width of the cells."
            ),
        ]
    )
    return V, mesh_error, unsettled


@app.cell(hide_code=True)
def rate_text():
    mo.md(r"""
    ## The rate: relative entropy and the logarithmic Sobolev inequality

    The *relative entropy* is the energy above its least value, and it falls by the relative information:

    $$H(\rho) = E(\rho) - E(\rho_\infty) = \int \rho \log \frac{\rho}{\rho_\infty} \, dx, \qquad
    -\frac{dH}{dt} = I(\rho \,|\, \rho_\infty) = \int \Bigl| \nabla \log \frac{\rho}{\rho_\infty} \Bigr|^2 \rho \, dx .$$

    If $V'' \ge \lambda > 0$ then $2 \lambda H \le I$, the logarithmic Sobolev inequality. (Bakry and Émery proved it. For a
    $\lambda$-convex function on $\mathbb{R}^d$ it is $2 \lambda (f - \min f) \le |\nabla f|^2$.) With Gronwall's lemma

    $$H(\rho_t) \le e^{-2 \lambda t} H(\rho_0) .$$

    Here $V = \lambda x^2 / 2 + b\, x^4 / 4$, and the start is a Gaussian, shifted by 1.5. For $b = 0$ it is the shifted
    equilibrium, for which the inequality is an equality.
    """)
    return


@app.cell(hide_code=True)
def rate_controls():
    stiffness = mo.ui.slider(0.5, 2.0, 0.25, value=1.0, label="λ", show_value=True)
    quartic = mo.ui.slider(0.0, 1.0, 0.1, value=0.0, label="b", show_value=True)
    mo.hstack([stiffness, quartic], justify="start", wrap=True)
    return quartic, stiffness


@app.cell(hide_code=True)
def rate_picture(quartic, stiffness):
    _k, _b = stiffness.value, quartic.value
    _grid = jf.Grid.box((-7, 7), cells=175)
    _V = lambda x: _k * x**2 / 2 + _b * x**4 / 4  # noqa: E731
    _law = jf.Entropy() + jf.Potential(_V)
    _start = _grid.density(lambda x: np.exp(-_k * (x - 1.5) ** 2 / 2))
    _flow = jf.evolve(_law, _start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.02, t_end=2.0, progress=False)
    _end = jf.closed_forms.gibbs_state(_grid, _V)
    entropies = _flow.energies - _law(_end)
    _root = [np.sqrt(_rho.values / _end.values) for _rho in _flow]
    _between = np.sqrt(_end.values[1:] * _end.values[:-1])
    relative = np.array([4 * np.sum(_between * np.diff(_f) ** 2) / _grid.spacing[0] for _f in _root])
    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    _left.semilogy(_flow.times, entropies, label="relative entropy H")
    _left.semilogy(_flow.times, entropies[0] * np.exp(-2 * _k * _flow.times), "k--", label=r"$e^{-2 \lambda t} H(\rho_0)$")
    _left.set(xlabel="t")
    _left.legend(fontsize=8)
    _right.plot(_flow.times[5:], (relative / (2 * entropies))[5:], label="I / (2 H)")
    _right.axhline(_k, color="k", linestyle="--", label="λ")
    _right.set(xlabel="t", ylim=(0, 1.3 * max(_k, (relative / (2 * entropies))[5:].max())))
    _right.legend(fontsize=8)
    _measured = np.log(entropies[0] / entropies[-1]) / 2.0
    mo.vstack(
        [
            shown(_fig, f"Relative entropy under its bound for λ = {_k}, b = {_b}; the ratio I / (2 H) is not below λ", 760),
            mo.md(
                f"Bound on the rate: 2λ = **{2 * _k:.3f}**. Measured until $t = 2$: **{_measured:.3f}**. "
                + ("Steps of 0.02 make it a little smaller, for a step divides by $(1 + \\lambda\\,dt)^2$. " if _b == 0 else "")
                + f"The least value of $I / (2H)$ is {(relative / (2 * entropies)).min():.3f}."
            ),
        ]
    )
    return entropies, relative


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
    **Further.** Jordan, Kinderlehrer, Otto, *The variational formulation of the Fokker-Planck equation* (1998); Otto,
    Villani, *Generalization of an inequality by Talagrand and links with the logarithmic Sobolev inequality* (2000); Bakry,
    Gentil, Ledoux, *Analysis and Geometry of Markov Diffusion Operators* (2014), chapter 5. Next: convexity, from which all
    rates come (`jkoflow course 4`).
    """)
    return


if __name__ == "__main__":
    app.run()
