# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Lesson 6. Quantiles: the line is flat", css_file="lesson.css")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np

    import jkoflow as jf
    from jkoflow.course import LESSONS, exercises_of, shown, solved

    lesson = LESSONS[5]


@app.cell(hide_code=True)
def introduction():
    mo.md(r"""
    # 6. Quantiles: the line is flat

    A measure on the line is known by its quantile $X(s)$, the place below which the mass $s$ lies. Lesson 1 showed that

    $$W_2(\mu, \nu)^2 = \int_0^1 |X(s) - Y(s)|^2 \, ds .$$

    So the measures on the line, with the metric $W_2$, are the non-decreasing functions in $L^2(0, 1)$. This set is convex,
    and its geodesics are straight: *the line is flat*. A gradient flow in $W_2$ is a gradient flow in a Hilbert space. The
    energy

    $$E = \int U(\rho) \, dx + \int V \rho \, dx + \tfrac12 \iint W(x - y) \, \rho(x) \, \rho(y) \, dx \, dy$$

    becomes a function of $X$. Put $\rho = 1 / X_s$ and $\Psi(p) = p \, U(1 / p)$. Then

    $$E(X) = \int_0^1 \Psi(X_s) + V(X) \, ds + \tfrac12 \iint W(X(s) - X(r)) \, ds \, dr, \qquad
    X_t = \partial_s \Psi'(X_s) - V'(X) - \int_0^1 W'(X(s) - X(r)) \, dr .$$

    For the entropy $\Psi(p) = -\log p$. Then $-\Psi'(1/\rho) = \rho$ is the pressure of the gas.
    """)
    return


@app.cell(hide_code=True)
def flow_controls():
    gases = {
        "entropy": (jf.Entropy(), r"1/3 + 2 t", lambda t: 1 / 3 + 2 * t),
        "entropy + x²/2": (
            jf.Entropy() + jf.Potential(lambda x: x**2 / 2),
            r"1 - \tfrac23 e^{-2t}",
            lambda t: 1 - 2 / 3 * np.exp(-2 * t),
        ),
        "x²/2 alone": (jf.Potential(lambda x: x**2 / 2), r"\tfrac13 e^{-2t}", lambda t: np.exp(-2 * t) / 3),
    }
    gas = mo.ui.dropdown(gases.keys(), value="entropy", label="energy")
    cells = mo.ui.slider(4, 80, 4, value=16, label="cells", show_value=True)
    mo.hstack([gas, cells], justify="start", wrap=True)
    return cells, gas, gases


@app.cell(hide_code=True)
def flow_of_quantiles(cells, gas, gases):
    _energy, _formula, _variance = gases[gas.value]
    _start = jf.Quantiles(np.linspace(-1, 1, cells.value + 1))
    _flow = jf.evolve(_energy, _start, scheme=jf.BDF2(), dt=0.025, t_end=0.5)
    _nodes = np.array([_x.nodes for _x in _flow])

    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
    for _k, _shade in zip((0, 4, 20), ("0.7", "tab:blue", "tab:red"), strict=True):
        _left.plot(_start.levels, _nodes[_k], ".-", color=_shade, label=f"t = {_flow.times[_k]:.1f}")
    _left.set(xlabel="mass to the left, s", ylabel="x", title="quantiles")
    _left.legend()
    _right.plot(_flow.times, _nodes, color="tab:blue", lw=0.7)
    _right.set(xlabel="time", title="paths of the nodes")
    _found, _known = float(_flow.final.covariance), _variance(0.5)
    mo.vstack(
        [
            shown(_fig, f"Quantiles at three times and the paths of {cells.value + 1} nodes; variance {_found:.4f}", 760),
            mo.md(
                f"Variance at $t = 0.5$: **{_found:.4f}** with {cells.value} cells. Exact is ${_formula}$ = {_known:.4f}. "
                "A cell is an interval that keeps its mass. So there is no grid in space. Nodes never cross."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def atom_text():
    mo.md(r"""
    ## Atoms: what attraction does

    Let all mass attract by a kernel $W$, and nothing else act. For $W = |x|$ the equation is as simple as can be: the mass
    at the level $s$ sees the mass $s$ on its left and $1 - s$ on its right, so

    $$X_t = -(2 s - 1) \qquad \text{as long as } X \text{ increases}.$$

    The straight line $X_0 - t (2 s - 1)$ loses its order sooner or later. The gradient flow in the convex set of
    non-decreasing functions projects it back. A stretch where $X$ is constant is an *atom*, a point mass. Mass that has met
    stays together.

    * A *pointy* kernel, $W'(0+) > 0$, makes atoms in finite time.
    * A smooth kernel pulls less and less. Two points of mass $m$ each, alone at the distance $D$, meet after the time
      $\int_0^D dr / (2 m W'(r))$. Under $|x|^2 / 2$ this is infinite.
    """)
    return


@app.cell(hide_code=True)
def atom_controls():
    kernels = {
        "|x|": lambda length: jf.PowerLaw(1),
        "Morse": lambda length: jf.Morse(length, length),
        "|x|²/2": lambda length: jf.Quadratic(),
    }
    kernel = mo.ui.dropdown(kernels.keys(), value="|x|", label="W")
    reach = mo.ui.slider(0.2, 4.0, 0.2, value=1.0, label="length of Morse", show_value=True)
    atom_cells = mo.ui.slider(6, 48, 6, value=24, label="cells", show_value=True)
    mo.hstack([kernel, reach, atom_cells], justify="start", wrap=True)
    return atom_cells, kernel, kernels, reach


@app.cell(hide_code=True)
def atom_picture(atom_cells, kernel, kernels, reach):
    # two heaps of the masses 1/3 and 2/3, each spread evenly
    _n = atom_cells.value // 6
    _places = np.concatenate([np.linspace(-1.2, -0.6, 2 * _n + 1), np.linspace(0.4, 1.2, 4 * _n + 1)])
    _masses = np.concatenate([np.full(2 * _n, 1 / (6 * _n)), [0.0], np.full(4 * _n, 1 / (6 * _n))])
    _start = jf.Quantiles(_places, _masses)
    _flow = jf.evolve(jf.Interaction(kernels[kernel.value](reach.value)), _start, dt=0.1, t_end=4.0)
    _nodes = np.array([_x.nodes for _x in _flow])
    _places = [len(np.unique(_x.round(9))) for _x in _nodes]

    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), width_ratios=(1.6, 1), layout="constrained")
    _left.plot(_flow.times, _nodes, color="tab:blue", lw=0.7)
    _left.axhline(_start.mean, color="0.6", ls=":")
    _left.set(xlabel="time", ylabel="x", title="nodes; dotted: the centre of mass")
    _right.step(_flow.times, _places, where="post")
    _right.set(xlabel="time", ylim=(0, None), title="different places among the nodes")
    _one = np.flatnonzero(np.array(_places) == 1)
    _when = (
        f"All mass is one atom from $t$ = **{_flow.times[_one[0]]:.2f}** on."
        if len(_one)
        else "There is no atom of all mass yet."
    )
    _known = (
        " The centres of the two heaps are at $-0.9$ and $0.8$. Under $|x|$ they close in with the speed 1, "
        "so this happens at $t = 1.7$."
    )
    mo.vstack(
        [
            shown(_fig, f"Paths of two heaps under the attraction {kernel.value}, and the number of places that are left", 760),
            mo.md(_when + (_known if kernel.value == "|x|" else "")),
        ]
    )
    return


@app.cell(hide_code=True)
def order_text():
    mo.md(r"""
    ## Second order

    The JKO step is implicit Euler for $X' = -\nabla E(X)$: its error is of order $dt$. In a flat space the better schemes of
    numerical analysis are steps of the same kind. The backward differentiation formula BDF2,

    $$\frac{3 X^{k+1} - 4 X^k + X^{k-1}}{2 \, dt} = -\nabla E(X^{k+1}),$$

    is the minimisation of $\frac{3}{4\,dt} \| X - \tfrac13 (4 X^k - X^{k-1}) \|^2 + E(X)$: a JKO step of size $\tfrac23 dt$
    from an extrapolation. Below is $E = \int \frac14 x^4 \, d\rho$, where every point moves on its own:
    $X(t) = X_0 / \sqrt{1 + 2 X_0^2 t}$.
    """)
    return


@app.cell(hide_code=True)
def order_controls():
    order_steps = mo.ui.slider(4, 10, 1, value=6, label="steps to t = 1", show_value=True)
    order_cells = mo.ui.slider(5, 125, 20, value=85, label="cells", show_value=True)
    mo.hstack([order_steps, order_cells], justify="start", wrap=True)
    return order_cells, order_steps


@app.cell(hide_code=True)
def order_picture(order_cells, order_steps):
    _start = jf.Quantiles(np.linspace(-2, 2, order_cells.value + 1))
    _exact = _start.like(_start.nodes / np.sqrt(1 + 2 * _start.nodes**2))
    _energy = jf.Potential(lambda x: x**4 / 4)

    def _error(scheme, steps):
        _final = jf.evolve(_energy, _start, scheme=scheme, dt=1 / steps, t_end=1.0).final
        return float(jf.wasserstein(_final, _exact))

    _counts = np.array([order_steps.value, 2 * order_steps.value])
    _fig, _axis = plt.subplots(figsize=(6.5, 3), layout="constrained")
    _lines = []
    for _scheme, _name, _power, _colour in ((jf.JKO(), "JKO", 1, "tab:blue"), (jf.BDF2(), "BDF2", 2, "tab:red")):
        _errors = np.array([_error(_scheme, _k) for _k in _counts])
        _axis.plot(1 / _counts, _errors, "o-", color=_colour, label=_name)
        _fine = np.geomspace(1 / 30, 1 / 3, 5)
        _axis.plot(_fine, _errors[0] * (_fine * _counts[0]) ** _power, ":", color=_colour, label=f"slope {_power}")
        _lines.append(f"{_name} **{np.log2(_errors[0] / _errors[1]):.2f}**")
    _axis.set(xscale="log", yscale="log", xlabel="dt", ylabel=r"error in $W_2$", xlim=(1 / 30, 1 / 3))
    _axis.legend(ncols=2)
    mo.vstack(
        [
            shown(_fig, "Error against dt for JKO and BDF2, with lines of slope 1 and 2", 620),
            mo.md(
                f"From {_counts[0]} to {_counts[1]} steps the errors fall with the orders {' and '.join(_lines)}. "
                "Cells have an error too, which no small dt removes. It falls like the square of their width. "
                "With few cells it hides the second order."
            ),
        ]
    )
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
    **Further.** Villani, *Topics in Optimal Transportation* (2003), chapter 2; Brenier, Gangbo, Savaré and Westdickenberg,
    *Sticky particle dynamics with interactions* (2013); Matthes and Plazotta, *A variational formulation of the BDF2 method
    for metric gradient flows* (2019). Next: two species that act on one another (`jkoflow course 7`).
    """)
    return


if __name__ == "__main__":
    app.run()
