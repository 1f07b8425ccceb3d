# /// script
# [tool.marimo.display]
# theme = "system"
# ///

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="jkoflow explore", css_file="explore.css")

with app.setup(hide_code=True):
    import tempfile
    from pathlib import Path

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np

    import jkoflow as jf
    from jkoflow.course import shown
    from jkoflow.explore import ENERGIES, LANDSCAPES, LARGEST_UPLOAD, Setting, array_of
    from jkoflow.explore.pad import Pad

    CELLS = 48


@app.cell(hide_code=True)
def title():
    mo.md(r"""
    # Explore a flow

    Draw a density or load one, choose a landscape $V$ and an energy $E$, and watch the gradient flow
    $\partial_t \rho = \nabla \cdot (\rho \nabla (\delta E / \delta \rho + V))$. Everything stays on this machine.
    """)
    return


@app.cell(hide_code=True)
def drawing():
    pad = mo.ui.anywidget(Pad(cells=CELLS))
    hills = mo.ui.anywidget(Pad(cells=CELLS, what="landscape"))
    density_file = mo.ui.file(filetypes=[".npy", ".png", ".jpg"], max_size=LARGEST_UPLOAD, label="Load a .npy or a picture")
    landscape_file = mo.ui.file(filetypes=[".npy"], max_size=LARGEST_UPLOAD, label="Load a .npy")
    return density_file, hills, landscape_file, pad


@app.cell(hide_code=True)
def choices():
    landscape = mo.ui.dropdown(list(LANDSCAPES), value="two wells", label="landscape")
    energy = mo.ui.dropdown(list(ENERGIES), value="porous medium: Renyi's entropy, m = 2", label="energy")
    strength = mo.ui.slider(steps=[0.005, 0.01, 0.02, 0.05, 0.1, 0.2], value=0.02, label="strength", show_value=True)
    dt = mo.ui.slider(steps=[0.005, 0.01, 0.02, 0.05], value=0.02, label="dt", show_value=True)
    steps = mo.ui.slider(5, 40, 5, value=20, label="steps", show_value=True)
    return dt, energy, landscape, steps, strength


@app.cell(hide_code=True)
def controls(density_file, dt, energy, hills, landscape, landscape_file, pad, steps, strength):
    mo.hstack(
        [
            mo.vstack([mo.md("**Draw a density here**, or load one"), pad, density_file]),
            mo.vstack([mo.md("**Draw a landscape here**, load or choose one"), hills, landscape_file]),
            mo.vstack([landscape, energy, strength, dt, steps]),
        ],
        justify="start",
        gap=2,
        wrap=True,
    )
    return


@app.cell(hide_code=True)
def start(density_file, hills, landscape, landscape_file, pad):
    def _loaded(given):
        return array_of(given.name(), given.contents(), CELLS) if given.value else None

    pad.value, hills.value  # the cell runs again when a drawing changes
    values, heights, problem = None, None, None
    try:
        values, heights = _loaded(density_file), _loaded(landscape_file)
        if values is not None and values.min() < 0:
            raise ValueError("a density must be >= 0")
    except ValueError as reason:
        values, problem = None, str(reason)
    if values is None:
        values = pad.widget.drawn
    if heights is None and hills.widget.drawn.any():
        heights = hills.widget.drawn
    _defaults = []
    if not values.any():
        _x = (np.arange(CELLS) + 0.5) / CELLS
        values = np.exp(-80 * ((_x[:, None] - 0.5) ** 2 + (_x - 0.5) ** 2))  # something to look at before anything is drawn
        _defaults.append("No density is drawn. The flow starts from a round drop in the middle of the square.")
    if heights is None:
        _defaults.append(f"No landscape is drawn. The flow takes the landscape of the list: {landscape.value}.")
    mo.callout(problem, kind="danger") if problem else mo.md("<br>".join(_defaults))
    return heights, values


@app.cell(hide_code=True)
def run(dt, energy, heights, landscape, steps, strength, values):
    setting = Setting(
        values, landscape.value if heights is None else heights, energy.value, strength.value, dt.value, dt.value * steps.value
    )
    with mo.status.spinner(title="The flow is computed"):
        flow = setting.flow()
    mo.callout(mo.md(f"`{flow}`"), kind="success" if flow.ok else "warn")
    return flow, setting


@app.cell(hide_code=True)
def frame_control(flow):
    frame = mo.ui.slider(0, len(flow) - 1, 1, value=len(flow) - 1, label="state", show_value=True)
    frame
    return (frame,)


@app.cell(hide_code=True)
def picture(flow, frame):
    _k = min(frame.value, len(flow) - 1)
    _fig, (_map, _curve) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
    _image = _map.imshow(flow[_k].values.T, origin="lower", extent=(0, 1, 0, 1), cmap="viridis")
    _fig.colorbar(_image, ax=_map, label="density")
    _map.set_title(f"t = {flow.times[_k]:.3g}")
    _curve.plot(flow.times, flow.energies)
    _curve.plot(flow.times[_k], flow.energies[_k], "o")
    _curve.set(xlabel="t", ylabel="energy", title="the energy never rises")
    shown(_fig, f"The density at t = {flow.times[_k]:.3g} and the energy over time, {flow.energies[_k]:.4g} now", 860)
    return


@app.cell(hide_code=True)
def downloads(flow, setting):
    def _gif():
        with tempfile.TemporaryDirectory() as _folder:
            return jf.plot.animate(flow, Path(_folder) / "flow.gif", seconds=4, dpi=70).read_bytes()

    mo.hstack(
        [
            mo.download(setting.script().encode(), filename="flow.py", mimetype="text/x-python", label="Download the script"),
            mo.download(_gif, filename="flow.gif", mimetype="image/gif", label="Download the GIF"),
        ],
        justify="start",
        wrap=True,
    )
    return


if __name__ == "__main__":
    app.run()
