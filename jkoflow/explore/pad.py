"""A square in which a density is drawn, by mouse, finger or keyboard."""

from __future__ import annotations

import anywidget
import numpy as np
import traitlets

from .._typing import Array

_SCRIPT = r"""
function render({ model, el }) {
  const n = model.get("cells"), size = Math.max(4, Math.floor(384 / n));
  const values = new Float32Array(n * n);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = n * size;
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  const help = "Drag to add to it, or move with the arrow keys and press space.";
  canvas.setAttribute("aria-label", `Drawing area for the ${model.get("what")}. ${help}`);
  canvas.style.cssText = "border:1px solid #767676;touch-action:none;cursor:crosshair";
  canvas.style.cssText += ";width:100%;min-width:280px;max-width:384px";
  const pen = canvas.getContext("2d");
  const place = { x: n / 2, y: n / 2 };
  let down = false;

  function paint() {
    for (let j = 0; j < n; j++) for (let i = 0; i < n; i++) {
      const share = Math.min(1, values[i * n + j]);
      pen.fillStyle = `rgb(${255 - 230 * share}, ${255 - 180 * share}, ${255 - 120 * share})`;
      pen.fillRect(i * size, (n - 1 - j) * size, size, size);
    }
    if (document.activeElement === canvas) {
      pen.strokeStyle = "#b00020";
      pen.strokeRect((place.x - 1) * size, (n - place.y - 1) * size, 2 * size, 2 * size);
    }
  }
  function dab() {
    const width = n / 20;
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) {
      const square = (i + 0.5 - place.x) ** 2 + (j + 0.5 - place.y) ** 2;
      const more = 0.3 * Math.exp(-square / (2 * width * width));
      if (more > 0.01) values[i * n + j] = Math.min(1, values[i * n + j] + more);
    }
    paint();
  }
  function at(event) {
    const box = canvas.getBoundingClientRect();
    place.x = (event.clientX - box.left) * n / box.width;
    place.y = n - (event.clientY - box.top) * n / box.height;
    dab();
  }
  function send() {
    const view = new DataView(new ArrayBuffer(4 * n * n));
    values.forEach((value, k) => view.setFloat32(4 * k, value, true));
    model.set("data", view);
    model.save_changes();
  }
  canvas.addEventListener("pointerdown", event => { down = true; canvas.setPointerCapture(event.pointerId); at(event); });
  canvas.addEventListener("pointermove", event => { if (down) at(event); });
  const up = () => { if (down) { down = false; send(); } };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("focus", paint);
  canvas.addEventListener("blur", paint);
  canvas.addEventListener("keydown", event => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (event.key in steps) {
      place.x = Math.min(n, Math.max(0, place.x + steps[event.key][0]));
      place.y = Math.min(n, Math.max(0, place.y + steps[event.key][1]));
      paint();
    } else if (event.key === " ") { dab(); send(); } else return;
    event.preventDefault();
  });
  const clear = document.createElement("button");
  clear.textContent = `Clear the ${model.get("what")}`;
  clear.style.cssText = "display:block;margin-top:6px;padding:4px 10px;border:1px solid #767676;border-radius:4px";
  clear.addEventListener("click", () => { values.fill(0); paint(); send(); });
  paint();
  el.append(canvas, clear);
}
export default { render };
"""


class Pad(anywidget.AnyWidget):  # type: ignore[misc]  # its library has no types
    """A drawing of ``what``: ``cells`` times ``cells`` numbers between 0 and 1. ``drawn`` holds them, the first axis is x."""

    _esm = _SCRIPT
    cells = traitlets.Int(48).tag(sync=True)
    what = traitlets.Unicode("density").tag(sync=True)
    data = traitlets.Bytes(b"").tag(sync=True)

    @property
    def drawn(self) -> Array:
        """The drawing, an array (cells, cells). All 0 before anything is drawn."""
        n = self.cells
        if len(self.data) != 4 * n * n:
            return np.zeros((n, n))
        return np.frombuffer(self.data, "<f4").reshape(n, n).astype(float)
