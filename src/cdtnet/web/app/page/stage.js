// Pointers, wheel and keys on the canvas. The wheel zooms; Space held down, the middle button and two fingers move the
// view. Other input goes to the current tool first.
//
// A tool has draw(context, view) and may have
//   down(point, view, event): a drag {move(point), end(), cancel()}, or nothing to move the view;
//   wheel(factor): called for the wheel with Alt;
//   focus: the initial center at 100 %;
//   key(event, view): returns whether it handled the key;
//   hover(point, view): a CSS cursor, and leave() when the pointer leaves.

import { View } from "./view.js";

const STEP = 1.25; // zoom factor of a key or button
const PAN = 60; // CSS pixels per key press

export class Stage {
  #pointers = new Map();
  #drag;
  #pinch;
  #space; // "down" while Space is held, "used" once the view was moved with it

  constructor(canvas) {
    this.canvas = canvas;
    this.tool = null;
    this.view = new View(canvas, (context) => this.tool?.draw(context, this.view.drawn));
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const kind of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(kind, (event) => this.#up(event, kind === "pointerup"));
    }
    canvas.addEventListener("pointerleave", () => this.tool?.leave?.());
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    addEventListener("keydown", (event) => {
      if (event.key === " " && event.target === document.body && !canvas.hidden) this.#key(event);
    });
    addEventListener("keyup", (event) => this.#release(event));
    canvas.addEventListener("blur", () => {
      this.#space = undefined;
      this.view.redraw();
    });
    canvas.addEventListener("focus", () => this.view.redraw());
  }

  use(tool, width, height) {
    this.tool = tool;
    this.view.show(width, height);
  }

  redraw() {
    this.view.redraw();
  }

  zoomBy(factor) {
    this.view.zoomTo(this.view.scale * factor);
  }

  /** Zoom to 100 %, at the object if the whole picture was visible, otherwise at the center of the view. */
  zoomFull() {
    const { view, tool } = this;
    const focus = view.fitted && tool?.focus;
    view.zoomTo(1);
    if (!focus) return;
    view.center(focus);
    tool.begin?.(view);
  }

  #down(event) {
    if (!this.tool || event.button > 1) return;
    this.canvas.setPointerCapture(event.pointerId);
    const point = this.view.point(event);
    this.#pointers.set(event.pointerId, point);
    if (this.#pointers.size === 2) {
      this.#drag?.cancel?.();
      this.#drag = undefined;
      this.#pinch = this.#spread();
    } else if (this.#pointers.size === 1) {
      const own = event.button === 0 && !this.#space ? this.tool.down?.(point, this.view, event) : undefined;
      if (this.#space) this.#space = "used";
      this.#drag = own ?? this.#panning(point);
    }
  }

  #panning(start) {
    let last = start;
    return {
      move: (point) => {
        this.view.pan(point.sx - last.sx, point.sy - last.sy);
        last = point;
      },
    };
  }

  #move(event) {
    const point = this.view.point(event);
    if (!this.#pointers.has(event.pointerId)) {
      this.canvas.style.cursor = this.#space ? "grab" : this.tool?.hover?.(point, this.view) ?? "grab";
      return;
    }
    this.#pointers.set(event.pointerId, point);
    if (this.#pinch) {
      const next = this.#spread();
      this.view.pan(next.sx - this.#pinch.sx, next.sy - this.#pinch.sy);
      this.view.zoomTo((this.view.scale * next.distance) / this.#pinch.distance, next);
      this.#pinch = next;
    } else {
      const events = event.getCoalescedEvents?.() ?? [];
      for (const each of events.length ? events : [event]) this.#drag?.move(this.view.point(each));
    }
  }

  #up(event, whole) {
    if (!this.#pointers.delete(event.pointerId)) return;
    if (this.#pinch) this.#pinch = undefined;
    else if (whole) this.#drag?.end?.();
    else this.#drag?.cancel?.();
    this.#drag = undefined;
  }

  /** The center between two fingers, and their distance. */
  #spread() {
    const [a, b] = [...this.#pointers.values()];
    const distance = Math.max(Math.hypot(a.sx - b.sx, a.sy - b.sy), 1);
    return { sx: (a.sx + b.sx) / 2, sy: (a.sy + b.sy) / 2, distance };
  }

  #wheel(event) {
    if (!this.tool) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * 30;
    const factor = Math.exp(-Math.max(-300, Math.min(300, lines)) / 600);
    const point = this.view.point(event);
    if (event.altKey && this.tool.wheel) return this.tool.wheel(factor);
    this.view.zoomTo(this.view.scale * factor ** (event.ctrlKey ? 4 : 1), point);
  }

  #key(event) {
    if (!this.tool || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " ") {
      event.preventDefault();
      this.#space ??= "down";
      return;
    }
    const pan = PAN * devicePixelRatio;
    const moves = { ArrowLeft: [pan, 0], ArrowRight: [-pan, 0], ArrowUp: [0, pan], ArrowDown: [0, -pan] };
    const zooms = {
      "+": () => this.zoomBy(STEP),
      "=": () => this.zoomBy(STEP),
      "-": () => this.zoomBy(1 / STEP),
      0: () => this.view.fit(),
      1: () => this.zoomFull(),
    };
    if (this.tool.key?.(event, this.view)) event.preventDefault();
    else if (event.key in moves) {
      event.preventDefault();
      this.view.pan(...moves[event.key]);
    } else if (event.key in zooms) {
      event.preventDefault();
      zooms[event.key]();
    }
  }

  /** Pass Space to the tool if it did not move the view. */
  #release(event) {
    if (event.key !== " ") return;
    if (this.#space === "down" && event.target === this.canvas) this.tool?.key?.(event, this.view);
    this.#space = undefined;
  }
}
