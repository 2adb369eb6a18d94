// A harmonized picture with controls, computed in the browser for the visible part, at the size of the screen.

import { isNeutral, steer } from "./controls.js";

export class LivePhoto {
  #known = []; // the visible part of each picture, {key, layers}: at rest, and while a slider moves
  #canvas = document.createElement("canvas");
  #drawn; // the layers and controls that are drawn

  /**
   * `photos` by name: composite, harmonized at full strength, before (the foreground's own colors) and mask; `extent`
   * [left, top, right, bottom] bounds the mask; `levels` are the mean luma for contrast.
   */
  constructor(photos, extent, levels, controls) {
    Object.assign(this, { photos, extent, levels, controls });
    const { width, height } = photos.harmonized;
    Object.assign(this, { width, height });
  }

  draw(context, view, later, visible = view.visible()) {
    const { harmonized } = this.photos;
    harmonized.draw(context, view, later, visible);
    if (isNeutral(this.controls)) return;
    const where = this.#onScreen(view);
    if (!where) return;
    const layers = this.#read(where, view, () => {
      this.#known = [];
      later();
    });
    this.#steer(where, layers);
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(this.#canvas, where.x, where.y);
    context.restore();
  }

  /** The rectangle of the foreground on the canvas, in its pixels; nothing if it is not visible. */
  #onScreen({ x, y, scale, room }) {
    const [left, top, right, bottom] = this.extent;
    const area = {
      x: Math.max(0, Math.floor(x + left * scale)),
      y: Math.max(0, Math.floor(y + top * scale)),
      width: Math.min(room.width, Math.ceil(x + right * scale)),
      height: Math.min(room.height, Math.ceil(y + bottom * scale)),
    };
    area.width -= area.x;
    area.height -= area.y;
    return area.width > 0 && area.height > 0 ? area : null;
  }

  /** Return the pixels of the four pictures there, and cache them. */
  #read(where, view, later) {
    const key = JSON.stringify([where, view.x, view.y, view.scale]);
    const found = this.#known.find((each) => each.key === key);
    if (found) return found.layers;
    const known = new Map(); // by photo, because the foreground's own colors may be the composite's
    const layers = {};
    for (const [name, photo] of Object.entries(this.photos)) {
      if (!known.has(photo)) known.set(photo, pixels(photo, where, view, later));
      layers[name] = known.get(photo);
    }
    this.#known = [...this.#known, { key, layers }].slice(-2);
    return layers;
  }

  #steer({ width, height }, layers) {
    const drawn = [layers, JSON.stringify(this.controls)];
    if (this.#drawn?.every((each, k) => each === drawn[k])) return;
    this.#drawn = drawn;
    Object.assign(this.#canvas, { width, height });
    const context = this.#canvas.getContext("2d");
    const image = context.createImageData(width, height);
    steer(image.data, layers, this.controls, this.levels);
    context.putImageData(image, 0, 0);
  }
}

function pixels(photo, { x, y, width, height }, view, later) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.setTransform(view.scale, 0, 0, view.scale, view.x - x, view.y - y);
  photo.draw(context, view, later);
  return context.getImageData(0, 0, width, height).data;
}
