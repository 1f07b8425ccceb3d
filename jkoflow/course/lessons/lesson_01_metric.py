# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Lesson 1. The metric: how far apart are two masses?", css_file="lesson.css")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np

    import jkoflow as jf
    from jkoflow.course import LESSONS, exercises_of, shown, solved

    lesson = LESSONS[0]


@app.cell(hide_code=True)
def introduction():
    mo.md(r"""
    # 1. The metric: how far apart are two masses?

    Take two heaps of sand of the same mass, $\mu$ and $\nu$. To move a grain from $x$ to $y$ costs $|x - y|^2$ per unit of
    mass. The *Wasserstein distance* is the square root of the least cost of moving one heap onto the other:

    $$W_2(\mu, \nu)^2 = \min_{\pi} \int |x - y|^2 \, d\pi(x, y),$$

    over all *plans* $\pi$ with the marginals $\mu$ and $\nu$. A plan says how much mass goes from $x$ to $y$.

    On the line the best plan keeps the order: the leftmost grain goes to the leftmost place. Let $X(s)$ be the place below
    which the mass $s$ lies, the *quantile*. Then

    $$W_2(\mu, \nu)^2 = \int_0^1 |X(s) - Y(s)|^2 \, ds .$$
    """)
    return


@app.cell(hide_code=True)
def controls():
    shift = mo.ui.slider(0.0, 4.0, 0.1, value=2.0, label="distance of the means", show_value=True)
    width = mo.ui.slider(0.2, 2.0, 0.1, value=0.5, label="width of the second heap", show_value=True)
    mo.hstack([shift, width], justify="start", wrap=True)
    return shift, width


@app.cell(hide_code=True)
def two_heaps(shift, width):
    grid = jf.Grid.box((-6, 8), cells=280)
    mu = grid.density(lambda x: np.exp(-((x + 1) ** 2) / 2))
    nu = grid.density(lambda x: np.exp(-((x + 1 - shift.value) ** 2) / (2 * width.value**2)))
    distance = jf.wasserstein(mu, nu)
    known = np.hypot(shift.value, 1 - width.value)

    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    for _rho, _name in ((mu, "first"), (nu, "second")):
        _left.fill_between(grid.axes[0], _rho.values, alpha=0.5, label=_name)
    _left.set(xlabel="x", ylabel="density")
    _left.legend()
    x, y = (_rho.quantiles(400) for _rho in (mu, nu))
    _right.plot(x.levels, x.nodes, y.levels, y.nodes)
    _right.fill_between(x.levels, x.nodes, y.nodes, alpha=0.2)
    _right.set(xlabel="mass to the left, s", ylabel="quantile")
    mo.vstack(
        [
            shown(_fig, f"Two densities on the line and their quantiles; the distance is {distance:.3f}", 760),
            mo.md(
                f"$W_2$ = **{distance:.4f}**, computed from the cells. Both heaps are Gaussians. For $N(m, s^2)$ and "
                f"$N(n, t^2)$ the formula is $W_2^2 = (m - n)^2 + (s - t)^2$. It says {known:.4f}."
            ),
        ]
    )
    return grid, mu, nu, x, y


@app.cell(hide_code=True)
def geodesic_text():
    mo.md(r"""
    ## The way from one to the other

    A metric has shortest ways. In $L^2$ the way from $\mu$ to $\nu$ is the mixture $(1 - t) \mu + t \nu$: one heap fades, the
    other appears. In $W_2$ mass *moves*: the quantiles at time $t$ are $(1 - t) X + t Y$. This is McCann's displacement
    interpolation.
    """)
    return


@app.cell(hide_code=True)
def geodesic_control():
    time = mo.ui.slider(0.0, 1.0, 0.05, value=0.5, label="t", show_value=True)
    time
    return (time,)


@app.cell(hide_code=True)
def geodesic_picture(grid, mu, nu, x, y, time):
    _t = time.value
    between = jf.Density.from_quantiles(x.like((1 - _t) * x.nodes + _t * y.nodes), grid)
    _fig, _axes = plt.subplots(1, 2, figsize=(9, 2.6), sharey=True, layout="constrained")
    _axes[0].fill_between(grid.axes[0], (1 - _t) * mu.values + _t * nu.values, alpha=0.6)
    _axes[1].fill_between(grid.axes[0], between.values, alpha=0.6)
    for _ax, _title in zip(_axes, (r"mixture, the way in $L^2$", r"displacement, the way in $W_2$"), strict=True):
        _ax.set(xlim=(-6, 8), title=_title)
    shown(_fig, f"At t = {_t}: the mixture has two heaps, the displacement interpolation one that moves", 760)
    return


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
    **Further.** Villani, *Topics in Optimal Transportation* (2003), chapters 1, 2 and 5; McCann, *A convexity principle for
    interacting gases* (1997). Next: the step that makes flows from this metric (`jkoflow course 2`).
    """)
    return


if __name__ == "__main__":
    app.run()
