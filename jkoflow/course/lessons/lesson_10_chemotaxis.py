# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Lesson 10. Chemotaxis: Keller and Segel", css_file="lesson.css")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np

    import jkoflow as jf
    from jkoflow.course import LESSONS, exercises_of, shown, solved

    lesson = LESSONS[9]


@app.cell(hide_code=True)
def introduction():
    mo.md(r"""
    # 10. Chemotaxis: Keller and Segel

    Cells of the density $\rho$ diffuse, secrete a signal $c$, and walk up its gradient:

    $$\partial_t \rho = D \Delta \rho - \eta \, \nabla \cdot (\rho \nabla c), \qquad
    \partial_t c = d \, \Delta c - \kappa c + \rho .$$

    The signal has no mass that is kept. It lives in $L^2$, not in $W_2$. Still, both together are *one* gradient flow, in
    the metric $W_2(\rho, \tilde \rho)^2 + \eta \int (c - \tilde c)^2 dx$, of the energy

    $$E = D \int \rho \log \rho \, dx - \eta \int \rho \, c \, dx +
    \frac{\eta}{2} \int d \, |\nabla c|^2 + \kappa \, c^2 \, dx .$$

    So a JKO step takes cells and signal at once, and the energy falls. Below: a circle, with $D = 0.2$, $d = 0.1$,
    $\kappa = 0.5$ and the mean density 1, from a state that is almost uniform.
    """)
    return


@app.cell(hide_code=True)
def model():
    def keller_segel(eta, diffusion=0.2):
        signal = jf.FieldEnergy("c", diffusion=0.1, decay=0.5) + jf.Secretion()
        return diffusion * jf.Entropy() + signal + jf.Chemotaxis(eta)

    circle = jf.Grid.torus((0, 2 * np.pi), cells=48)
    return circle, keller_segel


@app.cell(hide_code=True)
def growth_controls():
    eta = mo.ui.slider(0.1, 1.0, 0.1, value=0.6, label="η", show_value=True)
    now = mo.ui.slider(0.0, 8.0, 0.5, value=4.0, label="t", show_value=True)
    mo.hstack([eta, now], justify="start", wrap=True)
    return eta, now


@app.cell(hide_code=True)
def growth_picture(circle, eta, keller_segel, now):
    _x = circle.axes[0]
    _rho = circle.density(lambda x: 1 + 0.04 * sum(np.cos(k * x + k**2) for k in range(1, 6)), mass=2 * np.pi)
    _start = jf.State(_rho, {"c": jf.Field(circle, 2.0 + 0 * _x)})

    def _narrow(step):
        _share = step.reached.masses[""].values.max() * circle.cell_volume / (2 * np.pi)
        return "a heap is as narrow as the cells" if _share > 0.1 else None

    _flow = jf.evolve(keller_segel(eta.value), _start, dt=0.25, t_end=8.0, stop=_narrow, on_failure="return")
    _k = min(round(now.value / 0.25), len(_flow) - 1)
    _state = _flow.state(_k)
    _cells, _signal = _state.masses[""].values, _state.fields["c"].values

    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), width_ratios=(1.5, 1), layout="constrained")
    _left.fill_between(_x, _cells, alpha=0.4, label="cells")
    _left.plot(_x, _signal, "tab:red", label="signal")
    _left.set(xlabel="x", ylim=(0, None), title=f"t = {_flow.times[_k]:g}")
    _left.legend()
    _right.plot(_flow.times, _flow.energies)
    _right.plot(_flow.times[_k], _flow.energies[_k], "ko")
    _right.set(xlabel="time", title="energy")
    mo.vstack(
        [
            shown(
                _fig, f"Cells and signal on a circle at t = {_flow.times[_k]:g}, with eta = {eta.value}, and the energy", 760
            ),
            mo.md(
                f"Largest density **{_cells.max():.2f}**, least {_cells.min():.3f}. The energy never rises: its largest "
                f"change in a "
                f"step is {np.diff(_flow.energies).max():.1e}. Weak attraction lets the waves die, strong attraction "
                f"makes heaps."
                + (
                    f" At $t$ = {_flow.times[-1]:g} a heap is too narrow for the cells, and the run ends."
                    if _flow.times[-1] < 8
                    else ""
                )
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def waves_text():
    mo.md(r"""
    ## Which waves grow?

    Put $\rho = \bar \rho + a \, e^{r t} \cos k x$ and $c = \bar \rho / \kappa + b \, e^{r t} \cos k x$, with small $a$ and
    $b$, into the equations. The terms of first order give $(r + D k^2) \, a = \eta \bar \rho k^2 \, b$ and
    $(r + \kappa + d k^2) \, b = a$. So $r$ solves the *dispersion relation*

    $$(r + D k^2) (r + \kappa + d k^2) = \eta \bar \rho k^2 .$$

    The larger root is positive exactly if $\eta \bar \rho > D (\kappa + d k^2)$. Long waves are the first to be unstable,
    but they grow slowly, as there is little gradient. The pattern takes the wave number that grows fastest.
    """)
    return


@app.cell(hide_code=True)
def waves_controls():
    wave_eta = mo.ui.slider(0.05, 1.5, 0.05, value=0.5, label="η", show_value=True)
    wave_diffusion = mo.ui.slider(0.05, 0.5, 0.05, value=0.2, label="D", show_value=True)
    mo.hstack([wave_eta, wave_diffusion], justify="start", wrap=True)
    return wave_diffusion, wave_eta


@app.cell(hide_code=True)
def waves_picture(circle, keller_segel, wave_diffusion, wave_eta):
    _x, _dt = circle.axes[0], 0.02

    def _root(k):
        _cells, _signal = wave_diffusion.value * k**2, 0.5 + 0.1 * k**2
        return -(_cells + _signal) / 2 + np.sqrt((_cells - _signal) ** 2 / 4 + wave_eta.value * k**2)

    def _measured(k):
        _rho = circle.density(lambda x: 1 + 1e-3 * np.cos(k * x), mass=2 * np.pi)
        _share = 1 / (_root(k) + 0.5 + 0.1 * k**2)
        _start = jf.State(_rho, {"c": jf.Field(circle, 2.0 + 1e-3 * _share * np.cos(k * _x))})
        _flow = jf.evolve(keller_segel(wave_eta.value, wave_diffusion.value), _start, dt=_dt, t_end=2 * _dt)
        _first, _last = (_state.masses[""].values @ np.cos(k * _x) for _state in (_flow[0], _flow.final))
        return (1 - np.sqrt(_first / _last)) / _dt  # a step multiplies the wave by 1 / (1 - r dt)

    _numbers = np.arange(1, 7)
    _rates = np.array([_measured(_k) for _k in _numbers])
    _fine = np.linspace(0, 6.5, 100)
    _limit = (wave_eta.value / wave_diffusion.value - 0.5) / 0.1
    _fig, _axis = plt.subplots(figsize=(6.5, 3), layout="constrained")
    _axis.plot(_fine, _root(_fine), label="dispersion relation")
    _axis.plot(_numbers, _rates, "o", label="one wave, two JKO steps")
    _axis.axhline(0, color="0.6", lw=0.6)
    _axis.set(xlabel="wave number k", ylabel="rate r")
    _axis.legend()
    _who = f"waves with $k < {np.sqrt(_limit):.2f}$ grow" if _limit > 0 else "no wave grows"
    mo.vstack(
        [
            shown(_fig, f"Rates of growth against the wave number for eta = {wave_eta.value}: {_who}", 620),
            mo.md(
                f"By the formula {_who}. Largest difference of a dot to the line: "
                f"**{np.abs(_rates - _root(_numbers)).max():.3f}**, "
                "an error of the cells, which are wide for short waves."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def mass_text():
    mo.md(r"""
    ## The critical mass

    In the plane the *mass* decides. Let the signal be fast, $-\Delta c = \rho$, and $D = \eta = 1$. Then
    $c = -\frac{1}{2\pi} \log |x| * \rho$, and only cells are left: a gradient flow of entropy and logarithmic attraction.
    Let $q$ be the mean of $|x|^2$. The *virial* is exact,

    $$q' = 4 \Bigl( 1 - \frac{M}{8 \pi} \Bigr),$$

    because $x \cdot \nabla \log |x| = 1$ for every pair of cells. If $M > 8 \pi$, then $q$ would be 0 in finite time. A
    smooth solution cannot reach this time: before it, mass concentrates at a point. If $M < 8 \pi$, the cells spread for
    ever.

    Below: the disc with radius 1, in shells that move in the whole plane. A run ends when its innermost shell is small.
    """)
    return


@app.cell(hide_code=True)
def mass_controls():
    ratio = mo.ui.slider(0.25, 2.0, 0.25, value=1.5, label="M / 8π", show_value=True)
    shells = mo.ui.slider(6, 15, 3, value=12, label="shells", show_value=True)
    mo.hstack([ratio, shells], justify="start", wrap=True)
    return ratio, shells


@app.cell(hide_code=True)
def mass_picture(ratio, shells):
    _n, _mass = shells.value, 8 * np.pi * ratio.value
    _disc = jf.RadialQuantiles(np.sqrt(np.arange(_n + 1) / _n), np.full(_n, _mass / _n), dim=2)
    _law = jf.Entropy() + jf.Interaction(jf.PowerLaw(0) * (1 / (2 * np.pi)))

    def _narrow(step):
        _inner = step.reached.masses[""].nodes[1]
        return "the innermost shell is small" if _inner < 0.25 * _disc.nodes[1] else None

    _dt = 0.02 if ratio.value < 1.6 else 0.01  # the steps of a collapse are hard
    _flow = jf.evolve(_law, _disc, dt=_dt, t_end=0.2, stop=_narrow, on_failure="return")
    _squares = np.array([_state.second_moment / _mass for _state in _flow])
    _time = np.linspace(0, 0.2, 50)

    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    _left.plot(_flow.times, [_state.nodes for _state in _flow], "tab:blue", lw=0.8)
    _left.set(xlabel="time", title="radii of the shells", xticks=[0, 0.05, 0.1, 0.15, 0.2], ylim=(0, None))
    _right.plot(_time, np.maximum(0.5 + 4 * (1 - ratio.value) * _time, 0), "k:", label="virial")
    _right.plot(_flow.times, _squares, "o", ms=4, label="run")
    _right.set(xlabel="time", title="q, the mean of |x|²", xticks=[0, 0.05, 0.1, 0.15, 0.2], ylim=(0, None))
    _right.legend()
    _slope = (_squares[1] - _squares[0] + _flow.distances[0] ** 2 / _mass) / _dt
    mo.vstack(
        [
            shown(_fig, f"Radii of shells of cells, and the mean square radius, at {ratio.value} of the critical mass", 760),
            mo.md(
                rf"A JKO step satisfies $\Delta q + W_2^2 / M = 4 (1 - M / 8 \pi) \, dt$ exactly. Left over $dt$ in the "
                rf"first step: "
                f"**{_slope:.4f}**, right {4 * (1 - ratio.value):.4f}. "
                + (f"The run ended at $t$ = {_flow.times[-1]:.2f}." if _flow.times[-1] < 0.195 else "No shell became small.")
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def food_text():
    mo.md(r"""
    ## Consumption

    Bacteria follow what they *eat*: $\partial_t c = d \, \Delta c + s \rho$ with $s < 0$. Cells are drawn to the food, and
    the food flees from the cells by being eaten. The signs are those of fox and hare, so there is no energy. In the
    dispersion relation (with $\kappa = 0$, $d = D$ and $\eta = 1$)

    $$(r + D k^2)^2 = s \bar \rho k^2, \qquad r = -D k^2 \pm k \sqrt{s \bar \rho} .$$

    For $s > 0$ heaps grow. For $s < 0$ the roots are complex: *waves* run to both sides with the speed
    $\sqrt{|s| \bar \rho}$, and are damped. `Alternating` moves cells and signal in turn, and needs no energy.
    """)
    return


@app.cell(hide_code=True)
def food_controls():
    secretion = mo.ui.slider(-4.0, 0.25, 0.25, value=-1.0, label="s", show_value=True)
    food_diffusion = mo.ui.slider(0.02, 0.1, 0.02, value=0.04, label="D", show_value=True)
    mo.hstack([secretion, food_diffusion], justify="start", wrap=True)
    return food_diffusion, secretion


@app.cell(hide_code=True)
def food_picture(circle, food_diffusion, secretion):
    _x, _d, _s = circle.axes[0], food_diffusion.value, secretion.value
    _law = _d * jf.Entropy() + jf.FieldEnergy("c", diffusion=_d) + _s * jf.Secretion() + jf.Chemotaxis(1.0)
    _rho = circle.density(lambda x: 1 + 0.3 * np.exp(-8 * (x - np.pi) ** 2), mass=2 * np.pi)
    _start = jf.State(_rho, {"c": jf.Field(circle, 1.0 + 0 * _x)})
    _flow = jf.evolve(_law, _start, scheme=jf.Alternating(), dt=0.05, t_end=2.0, on_failure="return")
    _cells = np.array([_state.masses[""].values for _state in _flow])

    _fig, _axis = plt.subplots(figsize=(6.5, 3), layout="constrained")
    _reach = np.abs(_cells - 1).max()
    _image = _axis.imshow(
        _cells.T,
        "RdBu_r",
        origin="lower",
        aspect="auto",
        extent=(0, _flow.times[-1], 0, 2 * np.pi),
        vmin=1 - _reach,
        vmax=1 + _reach,
    )
    if _s < 0:
        for _way in (1, -1):
            _axis.plot(_flow.times, np.pi + _way * np.sqrt(-_s) * _flow.times, "k:", lw=1)
    _axis.set(xlabel="time", ylabel="x", ylim=(0, 2 * np.pi), title="density; dotted: the speed of waves")
    _fig.colorbar(_image)
    _wave = _cells @ np.cos(_x - np.pi)
    _turn = np.flatnonzero(_wave <= 0)
    _line = "The wave of $k = 1$ does not change its sign before $t = 2$."
    if len(_turn):
        _k = _turn[0]
        _when = _flow.times[_k - 1] + 0.05 * _wave[_k - 1] / (_wave[_k - 1] - _wave[_k])
        _line = f"The wave of $k = 1$ is 0 first at $t$ = **{_when:.3f}**. "
        _line += rf"By the formula for small waves $\pi / (2 \sqrt{{|s|}})$ = {np.pi / 2 / np.sqrt(-_s):.3f}."
    _energy = "has an energy" if _law.symmetrizable() is not None else "has no energy"
    mo.vstack(
        [
            shown(_fig, f"Density of cells in space and time with the secretion rate {_s}", 620),
            mo.md(f"The law {_energy}. {_line}"),
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
    **Further.** Keller and Segel, *Initiation of slime mold aggregation viewed as an instability* (1970); Blanchet,
    Dolbeault and Perthame, *Two-dimensional Keller-Segel model: optimal critical mass and qualitative properties of the
    solutions* (2006); Blanchet, Calvez and Carrillo, *Convergence of the mass-transport steepest descent scheme for the
    subcritical Patlak-Keller-Segel model* (2008). This was the last lesson. The gallery of the documentation shows where to
    go from here; `jkoflow course 1` begins again.
    """)
    return


if __name__ == "__main__":
    app.run()
