// The mask over a composite: a loaded mask, and strokes that add to it or remove from it, with undo.

import { History } from "./history.js";
import { contrastingTint, drawStroke, makeCanvas, runsAround, tinted } from "./strokes.js";

const OPACITY = 0.5;
const LEAST = 3; // pixels of the preview
const MOST = 0.4; // of the preview's longer side

export class PaintTool {
  /**
   * `changed` is called after every stroke, `redraw` when more of a picture is loaded, `resized(size)` by keys,
   * `masked(mask)` when undo restores another mask, or none.
   */
  constructor({ changed, redraw, resized, masked }) {
    Object.assign(this, { changed, redraw, resized, masked });
    this.history = new History();
    this.composite = this.mask = null;
    this.strokes = [];
    this.kind = "brush"; // or "lasso" or "fill"
    this.size = 0.5; // of the brush, 0 to 1
    this.erase = false;
    this.tint = "#ec1c6e";
    this.cursor = null; // the brush that keys move, in preview pixels
    this.pen = null; // the stroke that keys draw
    this.pointer = null;
  }

  /** Reset for another composite; another mask is a step that can be undone. */
  set(composite, mask = null) {
    const isNew = composite !== this.composite;
    if (isNew || !composite) {
      this.strokes = [];
      this.history.clear();
    } else if (mask !== this.mask) this.history.record(this.state);
    Object.assign(this, { composite, mask });
    if (!composite) return;
    const { width, height } = composite.preview;
    this.overlay = makeCanvas(width, height);
    this.layer = makeCanvas(width, height);
    if (isNew) this.tint = contrastingTint(composite.preview);
    this.#renew();
  }

  /** Replace mask and strokes by a mask, in one step. */
  adopt(mask) {
    this.#finish();
    this.history.record(this.state);
    this.state = { mask, strokes: [] };
  }

  get state() {
    return { mask: this.mask, strokes: this.strokes };
  }

  set state({ mask, strokes }) {
    const masked = mask !== this.mask;
    Object.assign(this, { mask, strokes });
    this.#renew();
    if (masked) this.masked(mask);
  }

  get isEmpty() {
    return !this.mask && !this.strokes.length;
  }

  /** The initial center at 100 %: the center of the mask, in pixels of the picture. */
  get focus() {
    if (!this.composite) return null;
    const small = makeCanvas(64, 64);
    small.drawImage(this.overlay.canvas, 0, 0, 64, 64);
    const { data } = small.getImageData(0, 0, 64, 64);
    let [x, y, total] = [0, 0, 0];
    for (let k = 3; k < data.length; k += 4) {
      x += data[k] * (((k >> 2) & 63) + 0.5);
      y += data[k] * ((k >> 8) + 0.5);
      total += data[k];
    }
    return total ? { x: (x / total / 64) * this.composite.width, y: (y / total / 64) * this.composite.height } : null;
  }

  /** The brush's radius in preview pixels. */
  get radius() {
    const { width, height } = this.composite.preview;
    const most = Math.max(width, height) * MOST;
    return (LEAST * (most / LEAST) ** this.size) / 2;
  }

  /** Encode the strokes alone, for the server. */
  async file() {
    const blob = await new Promise((resolve) => this.layer.canvas.toBlob(resolve, "image/png"));
    return new File([blob], "strokes.png", { type: "image/png" });
  }

  undo() {
    this.#finish();
    const state = this.history.undo(this.state);
    if (state) this.state = state;
  }

  redo() {
    this.#finish();
    const state = this.history.redo(this.state);
    if (state) this.state = state;
  }

  clear() {
    this.#finish();
    this.history.record(this.state);
    this.strokes = [];
    this.#renew();
  }

  colorBy(tint) {
    this.tint = tint;
    this.#renew(false);
  }

  draw(context, view) {
    this.composite.draw(context, view, this.redraw);
    context.save();
    context.globalAlpha = OPACITY;
    context.imageSmoothingEnabled = true;
    context.drawImage(this.overlay.canvas, 0, 0, view.width, view.height);
    context.restore();
    const keys = document.activeElement === view.canvas && view.canvas.matches(":focus-visible");
    const brush = keys ? this.cursor : this.pointer;
    if (brush) this.#drawBrush(context, view, brush, keys || this.kind !== "brush");
  }

  /** Draw the brush, or a cross, and the current outline. */
  #drawBrush(context, view, { x, y }, crossed) {
    const factor = this.#factor(view);
    context.save();
    context.scale(1 / factor, 1 / factor);
    context.lineWidth = (1.5 * devicePixelRatio * factor) / view.scale;
    context.beginPath();
    for (const point of this.outline?.points ?? []) context.lineTo(...point);
    if (this.kind === "brush") {
      context.moveTo(x + this.radius, y);
      context.arc(x, y, this.radius, 0, 7);
    }
    if (crossed) {
      const arm = 6 * context.lineWidth;
      context.moveTo(x - arm, y);
      context.lineTo(x + arm, y);
      context.moveTo(x, y - arm);
      context.lineTo(x, y + arm);
    }
    for (const [color, dash] of [["#000a", []], ["#fff", [4, 4]]]) {
      context.strokeStyle = color;
      context.setLineDash(dash.map((length) => length * context.lineWidth));
      context.stroke();
    }
    context.restore();
  }

  #factor(view) {
    return this.composite.preview.width / view.width;
  }

  hover(point, view) {
    const factor = this.#factor(view);
    this.pointer = { x: point.x * factor, y: point.y * factor };
    view.redraw();
    return "none";
  }

  leave() {
    this.pointer = null;
    this.redraw();
  }

  down(point, view, event) {
    this.#finish();
    const erase = this.erase || event.altKey;
    const factor = this.#factor(view);
    const [x, y] = [point.x * factor, point.y * factor];
    if (this.#isOutside(x, y)) return null;
    const before = this.state;
    const stroke = this.#start(x, y, erase);
    return {
      move: (to) => {
        this.pointer = { x: to.x * factor, y: to.y * factor };
        this.#extend(stroke, this.pointer.x, this.pointer.y);
      },
      end: () => this.#end(stroke),
      cancel: () => {
        this.outline = null;
        this.history.forget();
        this.state = before;
      },
    };
  }

  #isOutside(x, y) {
    const { width, height } = this.composite.preview;
    const reach = this.kind === "brush" ? this.radius : 0;
    return x < -reach || y < -reach || x > width + reach || y > height + reach;
  }

  /** Handle keys: arrows move the brush, Space puts it down and lifts it. */
  key(event, view) {
    const { width, height } = this.composite.preview;
    this.cursor ??= { x: width / 2, y: height / 2 };
    const step = event.shiftKey ? Math.max(1, this.radius / 6) : Math.max(1, this.radius);
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.key in moves) {
      const [x, y] = moves[event.key];
      this.cursor = {
        x: Math.min(width, Math.max(0, this.cursor.x + x * step)),
        y: Math.min(height, Math.max(0, this.cursor.y + y * step)),
      };
      if (this.pen) this.#extend(this.pen, this.cursor.x, this.cursor.y);
    } else if (event.key === " ") {
      if (this.pen) this.#finish();
      else if (this.kind === "fill") this.#end(this.#start(this.cursor.x, this.cursor.y, this.erase));
      else this.pen = this.#start(this.cursor.x, this.cursor.y, this.erase);
    } else if (event.key === "[" || event.key === "]") {
      this.size = Math.min(1, Math.max(0, this.size + (event.key === "]" ? 0.05 : -0.05)));
      this.resized(this.size);
    } else return false;
    view.redraw();
    return true;
  }

  #finish() {
    const { pen } = this;
    this.pen = null;
    if (pen) this.#end(pen);
  }

  /** Start a stroke: the brush draws at once, the lasso when it is closed, a fill at once. */
  #start(x, y, erase) {
    const stroke = { kind: this.kind, erase, radius: this.radius, points: [[x, y]] };
    this.history.record(this.state);
    if (stroke.kind === "fill") stroke.runs = runsAround(this.overlay, x, y);
    this.strokes = [...this.strokes, stroke];
    if (stroke.kind === "lasso") this.outline = stroke;
    else this.#drawStroke(stroke);
    this.redraw();
    return stroke;
  }

  #extend(stroke, x, y) {
    if (stroke.kind === "fill") return;
    stroke.points.push([x, y]);
    if (stroke.kind === "brush") this.#drawStroke(stroke, stroke.points.length - 1);
    this.redraw();
  }

  #end(stroke) {
    if (stroke === this.outline) {
      this.outline = null;
      this.#drawStroke(stroke);
      this.redraw();
    }
    this.changed();
  }

  /** Draw mask and strokes again. */
  #renew(changes = true) {
    const { width, height } = this.overlay.canvas;
    for (const context of [this.overlay, this.layer]) context.clearRect(0, 0, width, height);
    if (this.mask) this.overlay.drawImage(tinted(this.mask.preview, width, height, this.tint), 0, 0);
    for (const stroke of this.strokes) this.#drawStroke(stroke);
    if (changes) this.changed();
    this.redraw();
  }

  /** Draw a stroke: a tint on the screen, white or black for the server. */
  #drawStroke(stroke, first) {
    this.overlay.globalCompositeOperation = stroke.erase ? "destination-out" : "source-over";
    drawStroke(this.overlay, stroke, this.tint, first);
    this.overlay.globalCompositeOperation = "source-over";
    drawStroke(this.layer, stroke, stroke.erase ? "#000" : "#fff", first);
  }
}
