# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Lesson 8. Particles and their limits", css_file="lesson.css")

with app.setup(hide_code=True):
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np

    import jkoflow as jf
    from jkoflow.course import LESSONS, exercises_of, shown, solved

    lesson = LESSONS[7]


@app.cell(hide_code=True)
def introduction():
    mo.md(r"""
    # 8. Particles and their limits

    Particles $x_1, \dots, x_N$ of mass $1/N$ are a measure too, the *empirical measure*

    $$\mu_N = \frac1N \sum_{i=1}^N \delta_{x_i} .$$

    How near is it to the density $\mu$ from which the particles are drawn? For the uniform law on $(0, 1)$ the mean is known
    exactly:

    $$\mathbb E \, W_2(\mu_N, \mu)^2 = \frac1{6 N} .$$

    So $W_2$ falls like $N^{-1/2}$. Particles that are placed by hand do better: at the middles $(i - \frac12) / N$ the
    distance is $1 / (\sqrt{12} N)$. In the plane chance costs a little more: on the unit square
    $\mathbb E \, W_2^2 \approx \log N / (4 \pi N)$.
    """)
    return


@app.cell(hide_code=True)
def sample_controls():
    number = mo.ui.slider(steps=[4, 8, 16, 32, 64, 128, 256, 512], value=16, label="N", show_value=True)
    seed = mo.ui.slider(0, 20, 1, value=0, label="draw", show_value=True)
    mo.hstack([number, seed], justify="start", wrap=True)
    return number, seed


@app.cell(hide_code=True)
def sample_picture(number, seed):
    _rng = np.random.default_rng(seed.value)
    _uniform = jf.Quantiles([0.0, 1.0])
    _n = number.value

    def _distance(points):
        return float(jf.wasserstein(jf.Particles(points).quantiles(), _uniform))

    _drawn = np.sort(_rng.random(_n))
    _found = _distance(_drawn)
    _many = [_distance(_rng.random(_n)) ** 2 for _ in range(50)]
    _levels = np.arange(_n + 1) / _n

    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    _left.stairs(_drawn, _levels, baseline=None, label="drawn")
    _left.plot([0, 1], [0, 1], "k:", label="uniform")
    _left.set(xlabel="mass to the left, s", ylabel="quantile")
    _left.legend()
    _sizes = np.array([4.0, 512.0])
    _right.loglog(_sizes, 1 / np.sqrt(6 * _sizes), "tab:blue", label=r"drawn: $1/\sqrt{6N}$")
    _right.loglog(_sizes, 1 / (np.sqrt(12) * _sizes), "tab:red", label=r"middles: $1/(\sqrt{12} N)$")
    _right.plot(_n, np.sqrt(np.mean(_many)), "o", color="tab:blue")
    _right.plot(_n, _distance((np.arange(_n) + 0.5) / _n), "o", color="tab:red")
    _right.set(xlabel="N", ylabel=r"$W_2$ to the uniform law")
    _right.legend(fontsize="small")
    mo.vstack(
        [
            shown(_fig, f"Quantiles of {_n} points drawn at random, and the distance to the uniform law against N", 760),
            mo.md(
                f"This draw: $W_2$ = **{_found:.4f}**. Mean of $6 N W_2^2$ over 50 other draws: "
                f"**{6 * _n * np.mean(_many):.2f}**. Over all draws it is 1."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def mean_field_text():
    mo.md(r"""
    ## The mean field

    Let the particles move by a potential and by a force of all on all:

    $$x_i' = -V'(x_i) - \frac1N \sum_j W'(x_i - x_j) .$$

    The sum is $W' * \mu_N$. So $\mu_N$ itself solves the equation
    $\partial_t \mu = \partial_x(\mu \, \partial_x (V + W * \mu))$ of the limit. What is left to show is that two solutions
    stay near if they start near. For a gradient flow this is the contraction of lesson 4: if $V$ is $\lambda_V$-convex and
    $W$ is convex,

    $$W_2(\mu_N(t), \mu(t)) \le e^{-\lambda_V t} \, W_2(\mu_N(0), \mu(0)) .$$

    So the error of the start is all: whatever $N$ buys at the start, it buys for ever. Below $V$ is a double well,
    $V'' \ge -1$.
    """)
    return


@app.cell(hide_code=True)
def field_controls():
    field_number = mo.ui.slider(steps=[5, 10, 20, 40, 80, 160], value=20, label="N", show_value=True)
    attraction = mo.ui.slider(0.0, 2.0, 0.25, value=0.5, label="attraction", show_value=True)
    field_seed = mo.ui.slider(0, 20, 1, value=1, label="draw", show_value=True)
    mo.hstack([field_number, attraction, field_seed], justify="start", wrap=True)
    return attraction, field_number, field_seed


@app.cell(hide_code=True)
def field_picture(attraction, field_number, field_seed):
    _law = jf.Potential(lambda x: (x**2 - 1) ** 2 / 4, gradient=lambda x: x**3 - x)
    _law = _law + attraction.value * jf.Interaction(jf.Quadratic())

    def _run(levels):
        _start = jf.Particles(2.4 * levels - 1)
        return jf.evolve(_law, _start, scheme=jf.Overdamped(1e-6), dt=0.1, t_end=2.0)

    _many = _run((np.arange(1000) + 0.5) / 1000)
    _few = _run(np.sort(np.random.default_rng(field_seed.value).random(field_number.value)))
    _apart = np.array([float(jf.wasserstein(_a, _b)) for _a, _b in zip(_few, _many, strict=True)])

    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    _paths = np.array([_state.points for _state in _many])
    for _low in range(0, 1000, 100):
        _left.fill_between(_many.times, _paths[:, _low], _paths[:, _low + 99], color="0.85" if _low % 200 else "0.7", lw=0)
    _left.plot(_few.times, [_state.points for _state in _few], color="tab:blue", lw=0.7)
    _left.set(xlabel="time", ylabel="x", title="particles; grey: tenths of the limit")
    _right.plot(_few.times, _apart, label=r"$W_2$ to the limit")
    _right.plot(_few.times, _apart[0] * np.exp(_few.times), "k:", label=r"$e^t W_2(0)$")
    _right.set(xlabel="time", ylim=(0, 3 * _apart.max()))
    _right.legend()
    mo.vstack(
        [
            shown(_fig, f"Paths of {field_number.value} particles in a double well, and their distance to the limit", 760),
            mo.md(
                f"$W_2$ at the start **{_apart[0]:.4f}**, at $t = 2$ **{_apart[-1]:.4f}**, "
                f"at most {_apart[0] * np.exp(2):.4f} by the bound. Try other draws: the error grows if too many "
                f"particles start on one "
                "side of the barrier. An attraction that is stronger than the barrier gathers all at one place."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def flock_text():
    mo.md(r"""
    ## Velocities: a flock

    Birds have velocities. In the model of Cucker and Smale each draws its velocity towards those of the others, more so
    towards the near:

    $$x_i' = v_i, \qquad v_i' = \frac1N \sum_j \psi(|x_i - x_j|) (v_j - v_i), \qquad \psi(r) = (1 + r^2)^{-\beta} .$$

    The mean velocity stays. If $\beta \le \frac12$, all birds agree on one velocity, from every start. Beyond, birds that
    are too fast fly apart before they agree. If $\beta = 0$, then $v_i' = \bar v - v_i$, and the spread of the velocities
    falls like $e^{-t}$.
    """)
    return


@app.cell(hide_code=True)
def flock_controls():
    beta = mo.ui.slider(0.0, 2.0, 0.25, value=0.25, label="β", show_value=True)
    wildness = mo.ui.slider(0.2, 2.0, 0.2, value=1.0, label="spread of the velocities", show_value=True)
    birds = mo.ui.slider(10, 60, 10, value=40, label="N", show_value=True)
    mo.hstack([beta, wildness, birds], justify="start", wrap=True)
    return beta, birds, wildness


@app.cell(hide_code=True)
def flock_picture(beta, birds, wildness):
    _rng = np.random.default_rng(5)
    _points, _velocities = _rng.normal(size=(2, birds.value, 2))
    _start = jf.MovingParticles(_points, wildness.value * _velocities + np.array([0.6, 0.3]))
    _flow = jf.evolve(jf.Alignment(lambda r: (1 + r**2) ** -beta.value), _start, scheme=jf.Inertial(), dt=0.2, t_end=6.0)
    _spread = np.array([_state.velocity_spread for _state in _flow])

    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3.2), width_ratios=(1.2, 1), layout="constrained")
    for _state, _colour in ((_flow[0], "0.6"), (_flow.final, "tab:blue")):
        _left.quiver(*_state.points.T, *_state.velocities.T, color=_colour, scale=25, width=0.005)
    _left.set(aspect="equal", title="grey: start, blue: t = 6", adjustable="datalim")
    _right.semilogy(_flow.times, _spread, label="spread of the velocities")
    _right.semilogy(_flow.times, _spread[0] * np.exp(-_flow.times), "k:", label=r"$e^{-t}$")
    _right.set(xlabel="time")
    _right.legend()
    _drift = np.abs(_flow.final.mean_velocity - _start.mean_velocity).max()
    _rate = np.log(_spread[-2] / _spread[-1]) / 0.2
    mo.vstack(
        [
            shown(_fig, f"A flock of {birds.value} birds with beta = {beta.value}, at the start and at t = 6", 760),
            mo.md(
                f"At $t = 6$ the spread of the velocities falls with the rate **{_rate:.3f}**. "
                f"The mean velocity has moved by {_drift:.0e}."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def inertia_text():
    mo.md(r"""
    ## Small inertia

    A gradient flow is motion without inertia. Let $\varepsilon$ be the time in which friction stops a particle:

    $$x' = v, \qquad \varepsilon v' = -v - V'(x) .$$

    As $\varepsilon \to 0$ the velocity relaxes within a layer of the length $\varepsilon$, and $x' = -V'(x)$ is left. The
    distance of the two motions is $O(\varepsilon)$. In $V = x^2 / 2$ the exponents are the roots of
    $\varepsilon r^2 + r + 1 = 0$: particles oscillate if $4 \varepsilon > 1$.
    """)
    return


@app.cell(hide_code=True)
def inertia_controls():
    epsilon = mo.ui.slider(steps=[0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0], value=0.1, label="ε", show_value=True)
    push = mo.ui.slider(-2.0, 2.0, 0.5, value=1.0, label="velocity at the start", show_value=True)
    mo.hstack([epsilon, push], justify="start", wrap=True)
    return epsilon, push


@app.cell(hide_code=True)
def inertia_picture(epsilon, push):
    _places = np.linspace(0.5, 1.5, 7)
    _start = jf.MovingParticles(_places, np.full(7, push.value))
    _well = jf.Potential(lambda x: x**2 / 2, gradient=lambda x: x)
    _flow = jf.evolve(_well, _start, scheme=jf.Inertial(epsilon.value), dt=0.05, t_end=4.0)
    _found = float(jf.wasserstein(_flow[20].places, jf.Particles(_places * np.exp(-1))))

    def _known(eps):
        _p, _q = jf.closed_forms.damped_oscillator(1.0, rate=1.0, epsilon=eps)
        return np.sqrt(np.mean(((_p - np.exp(-1)) * _places + _q * push.value) ** 2))

    _fig, (_left, _right) = plt.subplots(1, 2, figsize=(9, 3), layout="constrained")
    _left.plot(_flow.times, np.exp(-_flow.times)[:, None] * _places, "k:", lw=0.8)
    _left.plot(_flow.times, [_state.points for _state in _flow], color="tab:blue", lw=0.9)
    _left.set(xlabel="time", ylabel="x", title="dotted: without inertia")
    _sizes = np.geomspace(0.01, 4, 40)
    _right.loglog(_sizes, [_known(_e) for _e in _sizes], label="closed form")
    _right.loglog(_sizes, _known(0.01) * _sizes / 0.01, "k:", label="slope 1")
    _right.plot(epsilon.value, _found, "o", label="run")
    _right.set(xlabel=r"$\varepsilon$", title=r"$W_2$ to the flow without inertia, $t = 1$")
    _right.legend(fontsize="small")
    mo.vstack(
        [
            shown(_fig, f"Particles in a well with the inertia time {epsilon.value}, and the distance to first order", 760),
            mo.md(f"$W_2$ at $t = 1$: run **{_found:.4f}**, closed form {_known(epsilon.value):.4f}."),
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
    **Further.** Dobrushin, *Vlasov equations* (1979); Cucker and Smale, *Emergent behavior in flocks* (2007); Bobkov and
    Ledoux, *One-dimensional empirical measures, order statistics, and Kantorovich transport distances* (2019); Ambrosio,
    Stra and Trevisan, *A PDE approach to a 2-dimensional matching problem* (2019). Next: charges (`jkoflow course 9`).
    """)
    return


if __name__ == "__main__":
    app.run()
