// The mask over a composite: a loaded one, and strokes that add to it or take away, with undo.

const TINT = [236, 28, 110];
const OPACITY = 0.5;
const LEAST = 3; // pixels of the preview
const MOST = 0.4; // of the preview's long side

export class PaintTool {
  /** `changed` is called after every stroke, `redraw` when more of a picture has come, `resized(size)` by keys. */
  constructor(changed, redraw, resized) {
    Object.assign(this, { changed, redraw, resized });
    this.composite = this.mask = null;
    this.strokes = [];
    this.size = 0.5; // of the brush, 0 to 1
    this.erase = false;
    this.cursor = null; // the brush that keys move, in preview pixels
    this.pen = null; // the stroke that keys draw
    this.pointer = null;
  }

  set(composite, mask) {
    if (composite !== this.composite) this.strokes = [];
    Object.assign(this, { composite, mask });
    if (!composite) return;
    const { width, height } = composite.preview;
    this.overlay = makeCanvas(width, height);
    this.layer = makeCanvas(width, height);
    this.base = mask ? tinted(mask.preview, width, height) : null;
    this.#renew();
  }

  get isEmpty() {
    return !this.mask && !this.strokes.length;
  }

  /** The brush's radius in preview pixels. */
  get radius() {
    const { width, height } = this.composite.preview;
    const most = Math.max(width, height) * MOST;
    return (LEAST * (most / LEAST) ** this.size) / 2;
  }

  /** The strokes alone, as the server takes them. */
  async file() {
    const blob = await new Promise((resolve) => this.layer.canvas.toBlob(resolve, "image/png"));
    return new File([blob], "strokes.png", { type: "image/png" });
  }

  undo() {
    this.#finish();
    this.strokes.pop();
    this.#renew();
  }

  clear() {
    this.#finish();
    this.strokes = [];
    this.#renew();
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
    if (brush) this.#drawBrush(context, view, brush, keys);
  }

  #drawBrush(context, view, { x, y }, crossed) {
    const factor = this.#factor(view);
    context.save();
    context.scale(1 / factor, 1 / factor);
    context.lineWidth = (1.5 * devicePixelRatio * factor) / view.scale;
    context.beginPath();
    context.arc(x, y, this.radius, 0, 7);
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

  down(point, view, event) {
    this.#finish();
    const erase = this.erase || event.altKey;
    const factor = this.#factor(view);
    const stroke = this.#start(point.x * factor, point.y * factor, erase);
    return {
      move: ({ x, y }) => {
        this.pointer = { x: x * factor, y: y * factor };
        this.#extend(stroke, x * factor, y * factor);
      },
      end: () => this.changed(),
      cancel: () => this.undo(),
    };
  }

  /** Arrows move the brush, Space puts it down and lifts it. */
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
      else this.pen = this.#start(this.cursor.x, this.cursor.y, this.erase);
    } else if (event.key === "[" || event.key === "]") {
      this.size = Math.min(1, Math.max(0, this.size + (event.key === "]" ? 0.05 : -0.05)));
      this.resized(this.size);
    } else return false;
    view.redraw();
    return true;
  }

  #finish() {
    if (!this.pen) return;
    this.pen = null;
    this.changed();
  }

  #start(x, y, erase) {
    const stroke = { erase, radius: this.radius, points: [[x, y]] };
    this.strokes.push(stroke);
    this.#drawStroke(stroke, 0);
    this.redraw();
    return stroke;
  }

  #extend(stroke, x, y) {
    stroke.points.push([x, y]);
    this.#drawStroke(stroke, stroke.points.length - 1);
    this.redraw();
  }

  /** All strokes anew. */
  #renew() {
    for (const context of [this.overlay, this.layer]) context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    if (this.base) this.overlay.drawImage(this.base, 0, 0);
    for (const stroke of this.strokes) stroke.points.forEach((_, index) => this.#drawStroke(stroke, index));
    this.changed();
    this.redraw();
  }

  /** The part of a stroke that ends at its point `index`: tint on the screen, white or black for the server. */
  #drawStroke({ erase, radius, points }, index) {
    const from = points[Math.max(0, index - 1)];
    for (const [context, color, mode] of [
      [this.overlay, `rgb(${TINT})`, erase ? "destination-out" : "source-over"],
      [this.layer, erase ? "#000" : "#fff", "source-over"],
    ]) {
      context.globalCompositeOperation = mode;
      context.strokeStyle = color;
      context.lineWidth = 2 * radius;
      context.lineCap = "round";
      context.beginPath();
      context.moveTo(...from);
      context.lineTo(...points[index]);
      context.stroke();
      context.globalCompositeOperation = "source-over";
    }
  }
}

function makeCanvas(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
}

/** A mask as a tint that is as opaque as the mask is white. */
function tinted(mask, width, height) {
  const context = makeCanvas(width, height);
  context.drawImage(mask, 0, 0, width, height);
  const image = context.getImageData(0, 0, width, height);
  for (let k = 0; k < image.data.length; k += 4) {
    image.data[k + 3] = image.data[k];
    [image.data[k], image.data[k + 1], image.data[k + 2]] = TINT;
  }
  context.putImageData(image, 0, 0);
  return context.canvas;
}
