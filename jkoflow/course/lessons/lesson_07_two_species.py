# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Lesson 7. Two species", css_file="lesson.css")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np

    import jkoflow as jf
    from jkoflow.course import LESSONS, exercises_of, shown, solved

    lesson = LESSONS[6]


@app.cell(hide_code=True)
def introduction():
    mo.md(r"""
    # 7. Two species

    Let $\rho_1$ and $\rho_2$ be the masses of two species. The mass of each one is kept. Kernels say who acts on whom:

    $$\partial_t \rho_i = \nabla \cdot \Bigl( \rho_i \, \nabla \sum_j K_{ij} * \rho_j \Bigr) .$$

    A kernel that grows with the distance attracts. If $K_{12} = K_{21}$, this is the gradient flow of

    $$E = \tfrac12 \iint K_{11} \, d\rho_1 d\rho_1 + \tfrac12 \iint K_{22} \, d\rho_2 d\rho_2 +
    \iint K_{12} \, d\rho_1 d\rho_2$$

    in the metric $W_2(\rho_1, \nu_1)^2 + W_2(\rho_2, \nu_2)^2$. For $K_{ij} = a_{ij} |x|^2 / 2$ and unit masses everything
    is known. The fluctuations of a species about its mean decay with the rate $a_{ii} + a_{12}$, and the distance of the two
    means with the rate $2 a_{12}$. So a species that repels the other one may still hold together, if it attracts itself
    strongly enough.
    """)
    return


@app.cell(hide_code=True)
def pair_controls():
    own = mo.ui.slider(-0.5, 1.5, 0.25, value=1.0, label="a₁₁ = a₂₂", show_value=True)
    cross = mo.ui.slider(-0.75, 1.5, 0.25, value=-0.25, label="a₁₂", show_value=True)
    mo.hstack([own, cross], justify="start", wrap=True)
    return cross, own


@app.cell(hide_code=True)
def pair_picture(cross, own):
    _first, _second = jf.Quantiles(np.linspace(-1.5, -0.5, 9)), jf.Quantiles(np.linspace(0.2, 1.8, 9))
    _law = own.value * jf.Interaction(jf.Quadratic(), "first") + own.value * jf.Interaction(jf.Quadratic(), "second")
    _law = _law + cross.value * jf.CrossInteraction(jf.Quadratic(), between=("first", "second"))
    _flow = jf.evolve(_law, jf.Species(first=_first, second=_second), scheme=jf.BDF2(), dt=0.05, t_end=1.0)
    _means = np.array([[_x.mean for _x in _state.values()] for _state in _flow])
    _spread = np.array([_state["first"].covariance ** 0.5 for _state in _flow])
    _gap = _means[:, 1] - _means[:, 0]

    _fig, _axis = plt.subplots(figsize=(7, 3), layout="constrained")
    for _name, _colour in (("first", "tab:blue"), ("second", "tab:red")):
        _axis.plot(_flow.times, [_state[_name].nodes for _state in _flow], color=_colour, lw=0.8)
    _axis.plot(_flow.times, _means, "k:")
    _axis.set(xlabel="time", ylabel="x", title="nodes of the two species; dotted: their means")
    _found = [float(-np.log(_q[-1] / _q[0])) for _q in (_spread, _gap)]
    _known = (own.value + cross.value, 2 * cross.value)
    mo.vstack(
        [
            shown(_fig, f"Paths of two species with own attraction {own.value} and cross attraction {cross.value}", 620),
            mo.md(
                f"Rate of the fluctuations: **{_found[0]:.3f}**, known ${_known[0]:.3f}$. "
                f"Rate of the distance of the means: **{_found[1]:.3f}**, known ${_known[1]:.3f}$. The common mean stays."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def energy_text():
    mo.md(r"""
    ## Which laws have an energy?

    Now let $K_{ij}$ differ from $K_{ji}$. Species of different mobilities $\alpha_i > 0$ move with
    $-\alpha_i \nabla \delta E / \delta \rho_i$. So the law has an energy if there are numbers $\alpha_i$ with

    $$K_{ij} / \alpha_i = K_{ji} / \alpha_j \qquad \text{for all } i, j .$$

    For two species this says that $K_{12}$ is a positive multiple of $K_{21}$. For three it also says
    $K_{12} K_{23} K_{31} = K_{21} K_{32} K_{13}$, for the coefficients of one kernel: both ways round the circle must agree.
    `law.symmetrizable()` finds the $\alpha_i$, or says that there are none.

    Below, each of three species, one atom each, is drawn to the next one with $(g + w) |x|^2 / 2$ and to the one before with
    $(g - w) |x|^2 / 2$. As complex numbers the atoms are multiplied by $e^{(-3 g + i \sqrt3 w) t}$. No energy can fall along
    a circle.
    """)
    return


@app.cell(hide_code=True)
def circle_controls():
    pull = mo.ui.slider(0.0, 0.5, 0.05, value=0.1, label="g", show_value=True)
    twist = mo.ui.slider(-1.0, 1.0, 0.1, value=0.8, label="w", show_value=True)
    mo.hstack([pull, twist], justify="start", wrap=True)
    return pull, twist


@app.cell(hide_code=True)
def circle_picture(pull, twist):
    _names, _law = "abc", 0 * jf.Drift(jf.Quadratic(), moves="a", by="b")
    for _me, _next in zip("abc", "bca", strict=True):
        _law = _law + (pull.value + twist.value) * jf.Drift(jf.Quadratic(), moves=_me, by=_next)
        _law = _law + (pull.value - twist.value) * jf.Drift(jf.Quadratic(), moves=_next, by=_me)
    _corners = np.exp(2j * np.pi * np.arange(3) / 3)
    _start = {_name: jf.Particles([[_z.real, _z.imag]]) for _name, _z in zip(_names, _corners, strict=True)}
    _flow = jf.evolve(_law, jf.Species(_start), scheme=jf.Overdamped(1e-7), dt=0.1, t_end=3.0)
    _paths = np.array([[complex(*_state[_name].points[0]) for _name in _names] for _state in _flow])
    _turns = np.unwrap(np.angle(_paths[:, 0]))
    _rates = -np.log(abs(_paths[-1, 0])) / 3, (_turns[-1] - _turns[0]) / 3
    _alpha = _law.symmetrizable()

    _fig, _axis = plt.subplots(figsize=(3.4, 3.2), layout="constrained")
    for _k, _name in enumerate(_names):
        _axis.plot(_paths[:, _k].real, _paths[:, _k].imag, "-", label=_name)
        _axis.plot(_paths[-1, _k].real, _paths[-1, _k].imag, "ko", ms=4)
    _axis.set(aspect="equal", xlim=(-1.1, 1.1), ylim=(-1.1, 1.1))
    _axis.legend(fontsize="small")
    _verdict = "none: **no energy**" if _alpha is None else ", ".join(f"{_v:g}" for _v in _alpha.values())
    mo.vstack(
        [
            shown(_fig, f"Three atoms that run after one another, g = {pull.value} and w = {twist.value}", 330),
            mo.md(
                f"Mobilities: {_verdict}. "
                f"They close in with the rate **{_rates[0]:.3f}**, known $3 g = {3 * pull.value:.3f}$. "
                rf"They turn with the speed **{_rates[1]:.3f}**, known $\sqrt3 w = {np.sqrt(3) * twist.value:.3f}$."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def chase_text():
    mo.md(r"""
    ## Predator and prey

    The fox is drawn to the hare, and the hare flees from the fox: $K_{12}$ and $K_{21}$ have opposite signs, so there is no
    energy and no JKO step. The *semi-implicit* scheme freezes the other species at the last state. Then each species makes a
    JKO step of its own.

    With an energy, action equals reaction, and the mean of all mass (weighted by $1 / \alpha_i$) rests. Without one the two
    may run.
    """)
    return


@app.cell(hide_code=True)
def chase_controls():
    chase = mo.ui.slider(0.0, 2.0, 0.25, value=1.5, label="how the fox is drawn", show_value=True)
    flee = mo.ui.slider(-1.0, 2.0, 0.25, value=1.5, label="how the hare flees", show_value=True)
    mo.hstack([chase, flee], justify="start", wrap=True)
    return chase, flee


@app.cell(hide_code=True)
def chase_picture(chase, flee):
    _circle = jf.Grid.torus((0, 6), cells=48)
    _x = _circle.axes[0]
    _start = jf.Species(
        fox=_circle.density(lambda x: np.exp(-4 * (x - 1.5) ** 2)), hare=_circle.density(lambda x: np.exp(-4 * (x - 2.5) ** 2))
    )
    _kernel = jf.Gaussian(1.0, 1.5)
    _law = 0.1 * jf.Entropy("fox") + 0.1 * jf.Entropy("hare") + chase.value * jf.Drift(_kernel, moves="fox", by="hare")
    _law = _law - flee.value * jf.Drift(_kernel, moves="hare", by="fox")
    _flow = jf.evolve(_law, _start, scheme=jf.SemiImplicitJKO(), dt=0.15, t_end=4.5)
    _fox, _hare = (np.array([_state[_name].values for _state in _flow]) for _name in ("fox", "hare"))
    _angles = np.unwrap([[np.angle(_row @ np.exp(2j * np.pi * _x / 6)) for _row in _all] for _all in (_fox, _hare)])
    _gone = np.ptp(_angles[:, [0, -1]], axis=1) * np.sign(_angles[:, -1] - _angles[:, 0]) * 6 / (2 * np.pi)

    _picture = np.ones((len(_fox), len(_x), 3))
    _picture[..., 1:] -= np.clip(_fox, 0, 1)[..., None] * 0.9
    _picture[..., :2] -= np.clip(_hare, 0, 1)[..., None] * 0.9
    _fig, _axis = plt.subplots(figsize=(6.5, 3), layout="constrained")
    _axis.imshow(np.clip(_picture, 0, 1).swapaxes(0, 1), origin="lower", aspect="auto", extent=(0, 4.5, 0, 6))
    _axis.set(xlabel="time", ylabel="place on a circle", title="red: fox, blue: hare")
    _energy = "no energy" if _law.symmetrizable() is None else "an energy"
    mo.vstack(
        [
            shown(_fig, f"Fox and hare on a circle in time; the fox went {_gone[0]:.2f} and the hare {_gone[1]:.2f}", 620),
            mo.md(
                f"The law has **{_energy}**. The fox went {_gone[0]:+.2f}, the hare {_gone[1]:+.2f}. "
                "A hare that does not flee is caught. "
                "One that flees as hard as the fox is drawn leads it round the circle, until diffusion blurs both."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def newton_text():
    mo.md(r"""
    ## Newtonian kernels on the line

    On the line Newton's kernel is $|x|$, up to a factor. Let each species repel itself and attract the other: opposite
    charges, without inertia. With the distribution functions $F$ and $G$ of the two species the energy is the *Cramér
    distance*,

    $$E = -\tfrac12 \iint |x - y| \, d(\rho - \eta) \, d(\rho - \eta) = \int (F - G)^2 dx , \qquad
    X_t = 2 (s - G(X)), \quad Y_t = 2 (s - F(Y)) .$$

    The mass $s$ of the first species runs to where as much of the second one lies to its left. At rest $F = G$.
    """)
    return


@app.cell(hide_code=True)
def newton_controls():
    newton_time = mo.ui.slider(0.0, 2.0, 0.1, value=0.5, label="t", show_value=True)
    newton_gap = mo.ui.slider(-0.5, 1.5, 0.1, value=0.2, label="gap at the start", show_value=True)
    mo.hstack([newton_time, newton_gap], justify="start", wrap=True)
    return newton_gap, newton_time


@app.cell(hide_code=True)
def newton_picture(newton_gap, newton_time):
    _law = jf.newtonian_law("rho", "eta")
    _start = jf.Species(rho=jf.Quantiles(np.linspace(-1, 0, 61)), eta=jf.Quantiles(np.linspace(0, 1.5, 61) + newton_gap.value))
    _flow = jf.evolve(_law, _start, scheme=jf.JKO(jf.NewtonianStep()), dt=0.05, t_end=2.0)
    _now = _flow[round(newton_time.value / 0.05)]
    _x = np.linspace(-1.2, 3.2, 881)
    _difference = _now["rho"].cdf(_x) - _now["eta"].cdf(_x)
    _cramer = np.trapezoid(_difference**2, _x)

    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 2.8), width_ratios=(1.5, 1), layout="constrained")
    for _name, _colour in (("rho", "tab:blue"), ("eta", "tab:red")):
        _left.plot(_x, _now[_name].cdf(_x), color=_colour, label=f"{'F' if _name == 'rho' else 'G'}")
    _left.fill_between(_x, _now["rho"].cdf(_x), _now["eta"].cdf(_x), color="0.85")
    _left.set(xlabel="x", title="distribution functions")
    _left.legend()
    _right.plot(_flow.times, _flow.energies)
    _right.plot(newton_time.value, _law(_now), "ko")
    _right.set(xlabel="time", title="energy")
    mo.vstack(
        [
            shown(_fig, f"Two distribution functions at t = {newton_time.value}, and the energy in time", 760),
            mo.md(f"Energy **{_law(_now):.4f}**, from the picture $\\int (F - G)^2 dx$ = {_cramer:.4f}."),
        ]
    )
    return


@app.cell(hide_code=True)
def room_text():
    mo.md(r"""
    ## Sharing the room

    Species may also act on one another by the room that they take. Let the energy hold $\int U(\rho_1 + \rho_2) dx$. Then
    both feel the *same pressure* of the sum: $\partial_t \rho_i = \nabla \cdot (\rho_i \nabla U'(\rho_1 + \rho_2))$. The
    diffusion of one depends on the gradient of the other, which is called *cross-diffusion*. The sum solves an equation of
    its own, so the species are carried by one stream. On the line two that are separate at the start stay separate.
    """)
    return


@app.cell(hide_code=True)
def room_controls():
    rooms = {
        "no interaction: U(ρ₁) + U(ρ₂)": jf.RenyiEntropy(2, "a") + jf.RenyiEntropy(2, "b"),
        "one pressure: U(ρ₁ + ρ₂)": 1.0 * jf.RenyiEntropy(2, {"a": 1.0, "b": 1.0}),
        "one bound: ρ₁ + ρ₂ ≤ 1": 1.0 * jf.Congestion(1.0, ("a", "b")),
    }
    room = mo.ui.dropdown(rooms.keys(), value="one bound: ρ₁ + ρ₂ ≤ 1", label="energy beside x²")
    room_time = mo.ui.slider(0.0, 1.2, 0.1, value=0.6, label="t", show_value=True)
    mo.hstack([room, room_time], justify="start", wrap=True)
    return room, room_time, rooms


@app.cell(hide_code=True)
def room_picture(room, room_time, rooms):
    _line = jf.Grid.box((-2, 2), cells=80)
    _start = jf.Species(
        a=_line.density(lambda x: 1.0 * (x < -0.1) * (x > -1.6)), b=_line.density(lambda x: 1.0 * (x > 0.4) * (x < 1.9))
    )
    _law = 0.5 * rooms[room.value] + jf.Potential(lambda x: x**2, "a") + jf.Potential(lambda x: x**2, "b")
    _now = jf.evolve(_law, _start, scheme=jf.JKO(jf.FiniteVolume()), dt=0.1, t_end=max(room_time.value, 0.1))
    _now = _now[0] if room_time.value == 0 else _now.final
    _a, _b = _now["a"].values, _now["b"].values
    _shared = _line.integrate(np.minimum(_a, _b))

    _fig, _axis = plt.subplots(figsize=(7, 2.8), layout="constrained")
    _axis.fill_between(_line.axes[0], _a, step="mid", color="tab:blue", alpha=0.5, label="first")
    _axis.fill_between(_line.axes[0], _b, step="mid", color="tab:red", alpha=0.5, label="second")
    _axis.plot(_line.axes[0], _a + _b, "k", lw=0.8, drawstyle="steps-mid", label="sum")
    _axis.set(xlabel="x", ylim=(0, 1.6))
    _axis.legend(fontsize="small")
    mo.vstack(
        [
            shown(_fig, f"Two species drawn to 0 at t = {room_time.value}, with {room.value}", 620),
            mo.md(
                rf"Overlap $\int \min(\rho_1, \rho_2) dx$ = **{_shared:.3f}**, largest sum {np.max(_a + _b):.3f}. "
                "Cells that hold both species mix them, so a little overlap at the border is an error of the grid."
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
    **Further.** Di Francesco and Fagioli, *Measure solutions for non-local interaction PDEs with two species* (2013); Di
    Francesco, Esposito and Schmidtchen, *Many-particle limit for a system of interaction equations driven by Newtonian
    potentials* (2021); Bertsch, Gurtin and Hilhorst, *On interacting populations that disperse to avoid crowding* (1987).
    Next: particles, and what many of them do (`jkoflow course 8`).
    """)
    return


if __name__ == "__main__":
    app.run()
