# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Lesson 9. Ions: Poisson, Nernst and Planck", css_file="lesson.css")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np

    import jkoflow as jf
    from jkoflow.course import LESSONS, exercises_of, shown, solved

    lesson = LESSONS[8]


@app.cell(hide_code=True)
def introduction():
    mo.md(r"""
    # 9. Ions: Poisson, Nernst and Planck

    Ions of the densities $n_i$ and the valences $z_i$ diffuse, and feel the electric potential $\psi$ that they make:

    $$\partial_t n_i = \nabla \cdot \bigl( n_i \nabla (\log n_i + z_i \psi) \bigr), \qquad
    -\varepsilon \Delta \psi = \sum_i z_i n_i + q .$$

    Here $q$ is a fixed charge, and $\varepsilon$ is the permittivity. Energies are measured in $k T$. This is the gradient
    flow of

    $$E = \sum_i \int n_i \log n_i \, dx + \frac{\varepsilon}{2} \int |\nabla \psi|^2 dx$$

    in the product of the metrics $W_2$: the variation of the field energy in $n_i$ is $z_i \psi$. So all species make one
    joint JKO step.

    ## Screening

    At rest $\log n_i + z_i \psi$ is constant. For a salt with $z = \pm 1$ and the density $c$ far away this gives the
    equation of *Poisson and Boltzmann*, $\varepsilon \psi'' = 2 c \sinh \psi$. Next to a wall with the surface charge
    $-\sigma$ it has a solution in closed form (Gouy and Chapman):

    $$\tanh \frac{\psi(x)}{4} = \tanh \frac{\psi_0}{4} \; e^{-x / \lambda}, \qquad \lambda = \sqrt{\frac{\varepsilon}{2 c}},
    \qquad \sinh \frac{\psi_0}{2} = -\frac{\sigma}{\sqrt{8 \varepsilon c}} .$$

    The length $\lambda$ is that of *Debye*. A few $\lambda$ from the wall the solution feels nothing of the charge.
    """)
    return


@app.cell(hide_code=True)
def wall_controls():
    permittivity = mo.ui.slider(steps=[0.001, 0.002, 0.005, 0.01, 0.02, 0.05], value=0.005, label="ε", show_value=True)
    surface = mo.ui.slider(0.0, 0.3, 0.02, value=0.1, label="surface charge", show_value=True)
    mo.hstack([permittivity, surface], justify="start", wrap=True)
    return permittivity, surface


@app.cell(hide_code=True)
def wall_picture(permittivity, surface):
    _grid = jf.Grid.box((0, 1), cells=200)
    _x, _width = _grid.axes[0], _grid.spacing[0]
    _salt = jf.Species(
        plus=_grid.density(lambda x: 1 + 0 * x, mass=1 + surface.value), minus=_grid.density(lambda x: 1 + 0 * x)
    )
    _coupling = jf.DirichletCoupling(
        plus=+1, minus=-1, permittivity=permittivity.value, doping=np.where(_x < _width, -surface.value / _width, 0.0)
    )
    _rest = jf.equilibrium(jf.Entropy("plus") + jf.Entropy("minus") + _coupling, _salt)
    _plus, _minus = (_rest.state[_name].values for _name in ("plus", "minus"))
    _psi = _rest.potential - _rest.potential[-1]
    _c = np.sqrt(_plus[-1] * _minus[-1])
    _debye = np.sqrt(permittivity.value / (2 * _c))
    _wall = 0.0 - 2 * np.arcsinh(surface.value / np.sqrt(8 * permittivity.value * _c))
    _known = 4 * np.arctanh(np.tanh(_wall / 4) * np.exp(-_x / _debye))

    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    _left.plot(_x, _plus, "tab:red", label="positive ions")
    _left.plot(_x, _minus, "tab:blue", label="negative ions")
    _left.axvline(_debye, color="0.6", ls=":")
    _left.set(xlabel="x; dotted: the Debye length", ylim=(0, None), title="densities")
    _left.legend()
    _right.plot(_x, _psi, label="computed")
    _right.plot(_x[::8], _known[::8], "k.", label="Gouy and Chapman")
    _right.set(xlabel="x", title=r"potential $\psi$")
    _right.legend()
    mo.vstack(
        [
            shown(_fig, f"A salt next to a charged wall; the Debye length is {_debye:.3f}", 760),
            mo.md(
                rf"Debye length $\lambda$ = **{_debye:.4f}**. Potential at the first cell: **{_psi[0]:.4f}**, known "
                rf"{_known[0] + 0.0:.4f}. "
                "The wall draws ions of the other sign, and keeps those of its own away."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def rates_text():
    mo.md(r"""
    ## Two rates

    Disturb the uniform salt $n_\pm = c$ by a small wave $\cos k x$. The sum $n_+ + n_-$ and the charge $n_+ - n_-$ decay on
    their own:

    $$\text{sum: } k^2, \qquad \text{charge: } k^2 + \frac{2 c}{\varepsilon} = k^2 \bigl( 1 + (k \lambda)^{-2} \bigr) .$$

    If the Debye length is small, the charge is gone long before the salt has moved. Such a system is *stiff*. A step that
    takes the potential from the last state is stable only if $dt < \varepsilon / c$, or so. The JKO step multiplies a wave
    of the rate $r$ by $1 / (1 + r \, dt)$, whatever $dt$.
    """)
    return


@app.cell(hide_code=True)
def rates_controls():
    stiff = mo.ui.slider(steps=[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0], value=0.1, label="ε", show_value=True)
    rate_dt = mo.ui.slider(steps=[0.002, 0.005, 0.01, 0.02, 0.05], value=0.01, label="dt", show_value=True)
    mo.hstack([stiff, rate_dt], justify="start", wrap=True)
    return rate_dt, stiff


@app.cell(hide_code=True)
def rates_picture(rate_dt, stiff):
    _grid = jf.Grid.box((0, 1), cells=48)
    _wave = np.cos(np.pi * _grid.axes[0])
    _salt = jf.Species(
        plus=_grid.density(lambda x: 1 + 0.015 * np.cos(np.pi * x)),
        minus=_grid.density(lambda x: 1 + 0.005 * np.cos(np.pi * x)),
    )
    _law = jf.Entropy("plus") + jf.Entropy("minus") + jf.DirichletCoupling(plus=1, minus=-1, permittivity=stiff.value)
    _flow = jf.evolve(_law, _salt, scheme=jf.JKO(jf.FiniteVolume()), dt=rate_dt.value, t_end=8 * rate_dt.value)
    _parts = np.array([[(_s["plus"].values + _sign * _s["minus"].values) @ _wave for _sign in (1, -1)] for _s in _flow])
    _rates = jf.closed_forms.debye_rates(np.pi, permittivity=stiff.value)

    _fig, _axis = plt.subplots(figsize=(6.5, 3), layout="constrained")
    _lines = []
    for _k, (_name, _colour) in enumerate((("sum", "tab:green"), ("charge", "tab:purple"))):
        _axis.semilogy(_flow.times, abs(_parts[:, _k] / _parts[0, _k]), "o", color=_colour, label=_name)
        _axis.semilogy(_flow.times, np.exp(-_rates[_k] * _flow.times), ":", color=_colour)
        _factor = _parts[1, _k] / _parts[0, _k]
        _lines.append(f"{_name} **{_factor:.4f}**, known {1 / (1 + rate_dt.value * _rates[_k]):.4f}")
    _axis.set(xlabel="time", title="size of the wave; dotted: the flow", ylim=(None, 2))
    _axis.legend()
    mo.vstack(
        [
            shown(_fig, f"Decay of the sum and of the charge for the permittivity {stiff.value}", 620),
            mo.md(f"Factors of one step: {'; '.join(_lines)}."),
        ]
    )
    return


@app.cell(hide_code=True)
def membrane_text():
    mo.md(r"""
    ## Between two reservoirs: current and voltage

    Now let $(0, 1)$ be a membrane between two baths, with the concentrations $c_L$ and $c_R$ of both ions, and a voltage $V$
    across it, $\psi(0) = V$ and $\psi(1) = 0$. The steady state is no minimum of an energy: a current flows. It is known in
    two limits.

    * *Thick Debye layer*, $\varepsilon \to \infty$: the field is constant. An ion of mobility $a$ has the flux of
      Goldman, Hodgkin and Katz,

    $$J = a \, u \, \frac{c_L - c_R \, e^{-u}}{1 - e^{-u}}, \qquad u = z V .$$

    * *Thin Debye layer*, $\varepsilon \to 0$: the charge vanishes, both concentrations are equal and linear in $x$, and the
      current is

    $$I = (a_+ + a_-) \frac{c_L - c_R}{\log (c_L / c_R)} \, V + (a_+ - a_-) (c_L - c_R) .$$

    The first is bent, the second a line: Ohm's law. At the *reversal potential* no current flows. In the first limit it is
    $\log \frac{a_+ c_R + a_- c_L}{a_+ c_L + a_- c_R}$, in the second, after Planck,
    $\frac{a_+ - a_-}{a_+ + a_-} \log \frac{c_R}{c_L}$. If only one ion moves, both are Nernst's $\pm \log (c_R / c_L)$.
    """)
    return


@app.cell(hide_code=True)
def membrane_controls():
    layer = mo.ui.slider(steps=[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 10.0, 100.0], value=0.01, label="ε", show_value=True)
    bath = mo.ui.slider(0.1, 1.0, 0.1, value=0.2, label="right bath, of 1 on the left", show_value=True)
    slow = mo.ui.slider(0.1, 1.0, 0.1, value=0.2, label="mobility of the negative ion", show_value=True)
    mo.hstack([layer, bath, slow], justify="start", wrap=True)
    return bath, layer, slow


@app.cell(hide_code=True)
def membrane():
    def membrane_law(left, right, permittivity):
        """The law at every voltage. Cells below 0 are the left bath, those beyond 1 the right one."""
        below, beyond = (lambda x: x < 0), (lambda x: x > 1)

        def at(voltage):
            plates = jf.Electrode(below, voltage), jf.Electrode(beyond, 0.0)
            law = jf.DirichletCoupling(plus=1, minus=-1, permittivity=permittivity, electrodes=plates)
            for ion in ("plus", "minus"):
                law = law + jf.Entropy(ion) + jf.Reservoir(below, left, ion, "left") + jf.Reservoir(beyond, right, ion, "right")
            return law

        return at

    space = jf.Grid.box((-0.05, 1.05), cells=44)
    filled = jf.Species({_ion: space.density(lambda x: 0.5 * (x > 0) * (x < 1), mass=None) for _ion in ("plus", "minus")})
    return filled, membrane_law, space


@app.cell(hide_code=True)
def membrane_picture(bath, filled, layer, membrane_law, slow, space):
    _left, _right, _mobility = 1.0, bath.value, {"plus": 1.0, "minus": slow.value}
    _volts = np.linspace(-4, 4, 9)
    _curve = jf.current_voltage(membrane_law(_left, _right, layer.value), filled, _volts, mobility=_mobility)
    _currents = _curve.currents["right"]

    def _ghk(z, v):
        _u = z * np.where(v == 0, 1e-9, v)
        return _u * (_left - _right * np.exp(-_u)) / -np.expm1(-_u)

    _fine = np.linspace(-4, 4, 81)
    _mean = _right if _left == _right else (_left - _right) / np.log(_left / _right)
    _bent = _ghk(1, _fine) - slow.value * _ghk(-1, _fine)
    _line = (1 + slow.value) * _mean * _fine + (1 - slow.value) * (_left - _right)
    _zero = float(np.interp(0.0, _currents, _volts))
    _limits = (
        np.log((_right + slow.value * _left) / (_left + slow.value * _right)),
        (1 - slow.value) / (1 + slow.value) * np.log(_right / _left) + 0.0,
    )

    _fig, (_iv, _field) = plt.subplots(1, 2, figsize=(9, 3.2), width_ratios=(1.4, 1), layout="constrained")
    _iv.plot(_fine, _bent, "tab:orange", lw=1, label="Goldman, Hodgkin, Katz")
    _iv.plot(_fine, _line, "tab:green", lw=1, label="no charge")
    _iv.plot(_volts, _currents, "o", color="tab:blue", label="computed")
    _iv.axhline(0, color="0.7", lw=0.6)
    _iv.set(xlabel="voltage", ylabel="current")
    _iv.legend(fontsize="small")
    for _k in (0, 2, 4, 6, 8):
        _field.plot(space.axes[0], _curve.steady_states[_k].potential, lw=1)
    _field.set(xlabel="x", title=r"$\psi$ for five voltages")
    mo.vstack(
        [
            shown(_fig, f"Current against voltage for the permittivity {layer.value}, between its two limits", 760),
            mo.md(
                f"Reversal potential, from a line between the points: **{_zero:.3f}**. The limits are {_limits[0]:.3f} "
                f"for a thick "
                f"and {_limits[1]:.3f} for a thin layer. The Debye length is about "
                f"{np.sqrt(layer.value / (_left + _right)):.2g}."
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
    **Further.** Kinderlehrer, Monsaingeon and Xu, *A Wasserstein gradient flow approach to Poisson-Nernst-Planck equations*
    (2017); Hodgkin and Katz, *The effect of sodium ions on the electrical activity of the giant axon of the squid* (1949);
    Rubinstein, *Electro-Diffusion of Ions* (1990). Next: cells that follow a signal (`jkoflow course 10`).
    """)
    return


if __name__ == "__main__":
    app.run()
