// The placement of the cut-out on the background: moved, scaled and rotated.

import { History } from "./history.js";

const REACH = 14; // CSS pixels around a handle that grab it
const STALK = 34; // CSS pixels from the upper edge to the rotation handle
const ROOM = { mouse: 44, touch: 120 }; // least side of a frame in CSS pixels, so that handles leave the center free
const LEAST = 1; // least side of a cut-out in pixels
const radians = (degrees) => (degrees * Math.PI) / 180;

export class PlaceTool {
  /** `changed` is called after every change, `redraw` when more of a picture is loaded. */
  constructor(changed, redraw) {
    this.changed = changed;
    this.redraw = redraw;
    this.history = new History();
    this.background = this.foreground = null;
    this.center = { x: 0, y: 0 };
    this.scale = 1;
    this.rotate = 0; // degrees, clockwise
    this.flip = false; // left to right
  }

  set(background, foreground) {
    const keep = isAlike(background, this.background) && isAlike(foreground, this.foreground);
    Object.assign(this, { background, foreground });
    if (background && foreground && !keep) {
      this.history.clear();
      this.#center();
      this.changed();
    }
  }

  get state() {
    const { center, scale, rotate, flip } = this;
    return { center, scale, rotate, flip };
  }

  set state(state) {
    Object.assign(this, state);
    this.changed();
  }

  /** Record the state before a change; quick changes of one kind are one step. */
  #record(kind) {
    this.history.record(this.state, kind);
  }

  undo() {
    const state = this.history.undo(this.state);
    if (state) this.state = state;
  }

  redo() {
    const state = this.history.redo(this.state);
    if (state) this.state = state;
  }

  /** Center the cut-out, which for one of the background's size is its original position. */
  reset() {
    this.#record();
    this.#center();
    this.changed();
  }

  #center() {
    const { background, foreground } = this;
    const fits = foreground.width <= background.width && foreground.height <= background.height;
    const room = 0.6 * Math.min(background.width / foreground.width, background.height / foreground.height);
    this.center = { x: background.width / 2, y: background.height / 2 };
    this.scale = fits ? 1 : Number(room.toPrecision(3));
    this.rotate = 0;
    this.flip = false;
  }

  /** Return the placement for `cdtnet.compose`: on whole pixels, so that an unscaled cut-out stays sharp. */
  get settings() {
    const { x, y } = this.center;
    const at = [x - (this.foreground.width * this.scale) / 2, y - (this.foreground.height * this.scale) / 2];
    return { at: at.map(Math.round), scale: this.scale, rotate: this.rotate, flip: this.flip };
  }

  set settings({ at: [left, top], scale, rotate }) {
    this.#record("numbers");
    this.#scaleTo(scale);
    this.rotate = rotate;
    this.center = {
      x: left + (this.foreground.width * this.scale) / 2,
      y: top + (this.foreground.height * this.scale) / 2,
    };
    this.changed();
  }

  #scaleTo(scale) {
    const most = Math.max(this.background.width, this.background.height) * 4;
    const side = Math.max(this.foreground.width, this.foreground.height);
    const least = LEAST / Math.min(this.foreground.width, this.foreground.height);
    this.scale = Math.min(Math.max(scale, least, 1 / 400), Math.max(most / side, least), 400);
  }

  scaleBy(factor) {
    this.#record("scale");
    this.#scaleTo(this.scale * factor);
    this.changed();
  }

  mirror() {
    this.#record();
    this.flip = !this.flip;
    this.rotate = -this.rotate || 0;
    this.changed();
  }

  turnTo(degrees) {
    this.#record("turn");
    this.rotate = rounded(degrees);
    this.changed();
  }

  /** The initial center at 100 %. */
  get focus() {
    return this.foreground ? this.center : null;
  }

  moveTo(x, y) {
    this.#record("move");
    this.center = { x, y };
    this.changed();
  }

  draw(context, view) {
    this.background.draw(context, view, this.redraw);
    if (!this.foreground) return;
    const { at, scale } = this.settings;
    const [width, height] = [this.foreground.width * scale, this.foreground.height * scale];
    context.save();
    context.beginPath();
    context.rect(0, 0, view.width, view.height);
    context.clip();
    context.translate(at[0] + width / 2, at[1] + height / 2);
    context.rotate(radians(this.rotate));
    if (this.flip) context.scale(-1, 1);
    context.imageSmoothingEnabled = true;
    context.drawImage(this.foreground.preview, -width / 2, -height / 2, width, height);
    context.restore();
    this.#drawFrame(context, view);
  }

  #drawFrame(context, view) {
    const corners = this.#handles(view);
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.lineWidth = 1.5 * devicePixelRatio;
    context.beginPath();
    for (const corner of corners.slice(0, 4)) context.lineTo(corner.sx, corner.sy);
    context.closePath();
    const turn = corners[4];
    const top = nearer(turn, middle(corners[0], corners[1]), middle(corners[2], corners[3]));
    context.moveTo(top.sx, top.sy);
    context.lineTo(turn.sx, turn.sy);
    for (const color of ["#0009", "#fff"]) {
      context.strokeStyle = color;
      context.setLineDash(color === "#fff" ? [5 * devicePixelRatio, 4 * devicePixelRatio] : []);
      context.stroke();
    }
    context.setLineDash([]);
    context.strokeStyle = "#0009";
    context.fillStyle = "#fff";
    for (const { sx, sy, turns } of corners) {
      context.beginPath();
      const size = 5 * devicePixelRatio;
      if (turns) context.arc(sx, sy, size * 1.2, 0, 7);
      else context.rect(sx - size, sy - size, 2 * size, 2 * size);
      context.fill();
      context.stroke();
    }
    context.restore();
  }

  /** The four corners, and the rotation handle, on the canvas. */
  #handles(view) {
    const [width, height] = this.#frame(view);
    const [cos, sin] = [Math.cos(radians(this.rotate)), Math.sin(radians(this.rotate))];
    const stalk = (STALK * devicePixelRatio) / view.scale;
    const place = ([x, y]) => ({
      sx: view.x + (this.center.x + cos * x - sin * y) * view.scale,
      sy: view.y + (this.center.y + sin * x + cos * y) * view.scale,
    });
    const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([x, y]) => place([(x * width) / 2, (y * height) / 2]));
    const margin = REACH * devicePixelRatio;
    const isSeen = ({ sx, sy }) =>
      Math.min(sx, view.room.width - sx) > margin && Math.min(sy, view.room.height - sy) > margin;
    const turn = [-height / 2 - stalk, height / 2 + stalk].map((y) => place([0, y])).find(isSeen);
    return [...corners, { ...(turn ?? place([0, stalk - height / 2])), turns: true }];
  }

  /** Width and height of the frame in pixels of the picture: larger than a small cut-out. */
  #frame(view) {
    const room = (matchMedia("(pointer: coarse)").matches ? ROOM.touch : ROOM.mouse) * devicePixelRatio;
    return [this.foreground.width, this.foreground.height].map((side) => Math.max(side * this.scale, room / view.scale));
  }

  #hit(point, view, reach = REACH) {
    if (!this.foreground) return null;
    const near = ({ sx, sy }) => Math.hypot(point.sx - sx, point.sy - sy) < reach * devicePixelRatio;
    const handle = this.#handles(view).reverse().find(near);
    if (handle) return handle.turns ? "turn" : "scale";
    const [dx, dy] = [point.x - this.center.x, point.y - this.center.y];
    const [cos, sin] = [Math.cos(radians(this.rotate)), Math.sin(radians(this.rotate))];
    const [width, height] = this.#frame(view);
    const inside = Math.abs(cos * dx + sin * dy) < width / 2 && Math.abs(cos * dy - sin * dx) < height / 2;
    return inside ? "move" : null;
  }

  hover(point, view) {
    return { turn: "crosshair", scale: "nwse-resize", move: "move" }[this.#hit(point, view)];
  }

  down(point, view, event) {
    const part = this.#hit(point, view, event.pointerType === "touch" ? 2 * REACH : REACH);
    if (!part) return null;
    const start = this.state;
    const polar = ({ x, y }) => [Math.hypot(x - start.center.x, y - start.center.y), Math.atan2(y - start.center.y, x - start.center.x)];
    const [distance, angle] = polar(point);
    const moves = {
      move: ({ x, y }) => ({ center: { x: start.center.x + x - point.x, y: start.center.y + y - point.y } }),
      scale: (now) => this.#scaleTo((start.scale * polar(now)[0]) / distance),
      turn: (now) => ({ rotate: rounded(start.rotate + ((polar(now)[1] - angle) * 180) / Math.PI) }),
    };
    this.#record();
    return {
      move: (to) => {
        Object.assign(this, moves[part](to));
        this.changed();
      },
      end: () => this.#isAs(start) && this.history.forget(),
      cancel: () => {
        this.history.forget();
        this.state = start;
      },
    };
  }

  #isAs(state) {
    return JSON.stringify(state) === JSON.stringify(this.state);
  }

  wheel(factor) {
    if (this.foreground) this.scaleBy(factor);
  }

  key(event, view) {
    if (!this.foreground) return false;
    const step = event.shiftKey ? 1 : Math.max(1, Math.round((10 * devicePixelRatio) / view.scale));
    const { x, y } = this.center;
    const acts = {
      ArrowLeft: () => this.moveTo(x - step, y),
      ArrowRight: () => this.moveTo(x + step, y),
      ArrowUp: () => this.moveTo(x, y - step),
      ArrowDown: () => this.moveTo(x, y + step),
      s: () => this.scaleBy(1 / 1.02),
      b: () => this.scaleBy(1.02),
      f: () => this.mirror(),
      "[": () => this.turnTo(this.rotate - 1),
      "]": () => this.turnTo(this.rotate + 1),
    };
    acts[event.key]?.();
    return event.key in acts;
  }
}

/** Degrees from -180 to 180, in tenths. */
function rounded(degrees) {
  return Math.round((((((degrees + 180) % 360) + 360) % 360) - 180) * 10) / 10;
}

function middle(a, b) {
  return { sx: (a.sx + b.sx) / 2, sy: (a.sy + b.sy) / 2 };
}

function nearer(to, ...points) {
  const distance = ({ sx, sy }) => Math.hypot(sx - to.sx, sy - to.sy);
  return points.sort((a, b) => distance(a) - distance(b))[0];
}

function isAlike(one, other) {
  return one?.width === other?.width && one?.height === other?.height;
}
