// The view of a picture on the canvas: scale and offset in device pixels, so that 100 % is pixel for pixel.

const MOST = 16; // device pixels per picture pixel
const SWIFT = 7e5; // number of pixels that are drawn fast enough while a slider moves
const CALM = 250; // milliseconds after which a slider is at rest

export class View {
  constructor(canvas, draw) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.draw = draw;
    this.width = this.height = 0; // of the picture
    this.scale = 1;
    this.x = this.y = 0; // of the picture's corner
    this.fitted = true;
    this.room = { width: canvas.width, height: canvas.height }; // in device pixels
    this.share = 1; // share of the room's width and height that is drawn
    new ResizeObserver(() => this.#resize()).observe(canvas);
  }

  /** Show a picture of this size; fit it, unless the last one had the same size. */
  show(width, height) {
    if (width === this.width && height === this.height) return this.redraw();
    [this.width, this.height] = [width, height];
    this.fit();
  }

  fit() {
    this.fitted = true;
    this.scale = this.#whole();
    this.x = this.y = 0;
    this.#settle();
  }

  /** Change the scale around a point of the canvas. */
  zoomTo(scale, at = { sx: this.room.width / 2, sy: this.room.height / 2 }) {
    const least = Math.min(this.#whole(), 1);
    const next = Math.min(MOST, Math.max(least, scale));
    this.x = at.sx - ((at.sx - this.x) * next) / this.scale;
    this.y = at.sy - ((at.sy - this.y) * next) / this.scale;
    this.scale = next;
    this.fitted = next <= this.#whole() * 1.0001;
    this.#settle();
  }

  /** Move a point of the picture to the center of the canvas. */
  center({ x, y }) {
    this.x = this.room.width / 2 - x * this.scale;
    this.y = this.room.height / 2 - y * this.scale;
    this.#settle();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.#settle();
  }

  /** The position of an event: x, y in the picture, sx, sy on the canvas. */
  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const sx = ((event.clientX - box.left) * this.room.width) / box.width;
    const sy = ((event.clientY - box.top) * this.room.height) / box.height;
    return { sx, sy, x: (sx - this.x) / this.scale, y: (sy - this.y) / this.scale };
  }

  /** The visible part of the picture, in its pixels. */
  visible() {
    const clamp = (value, most) => Math.min(most, Math.max(0, value));
    return {
      left: clamp(-this.x / this.scale, this.width),
      top: clamp(-this.y / this.scale, this.height),
      right: clamp((this.room.width - this.x) / this.scale, this.width),
      bottom: clamp((this.room.height - this.y) / this.scale, this.height),
    };
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      clearTimeout(this.calm);
      this.context.setTransform(1, 0, 0, 1, 0, 0);
      this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      if (!this.width) return;
      const { scale, x, y } = this.drawn;
      this.context.setTransform(scale, 0, 0, scale, x, y);
      this.draw(this.context);
      if (this.share < 1) this.calm = setTimeout(() => this.#drawShare(1), CALM); // after drawing, however long that took
    });
  }

  /** The view in pixels of the canvas, which has fewer than the screen while a slider moves. */
  get drawn() {
    const { share, scale, x, y, canvas } = this;
    const ratio = devicePixelRatio * share;
    const room = { width: canvas.width, height: canvas.height };
    return Object.assign(Object.create(this), { scale: scale * share, x: x * share, y: y * share, room, ratio });
  }

  /** Draw fewer pixels, until no slider has moved for a moment. */
  hurry() {
    clearTimeout(this.calm);
    const { width, height } = this.room;
    this.#drawShare(Math.min(1, Math.sqrt(SWIFT / (width * height))));
  }

  #drawShare(share) {
    if (share === this.share) return;
    this.share = share;
    const { width, height } = this.room;
    Object.assign(this.canvas, { width: Math.round(width * share), height: Math.round(height * share) });
    this.redraw();
  }

  #whole() {
    const { width, height } = this.room;
    return Math.min(width / this.width, height / this.height) || 1;
  }

  /** Limit the offset: no gaps if the picture is larger than the canvas, centered if it is smaller. */
  #settle() {
    const place = (offset, room, size) => (size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, offset)));
    this.x = Math.round(place(this.x, this.room.width, this.width * this.scale));
    this.y = Math.round(place(this.y, this.room.height, this.height * this.scale));
    this.canvas.dispatchEvent(new CustomEvent("view"));
    this.redraw();
  }

  #resize() {
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight].map((side) => Math.round(side * devicePixelRatio));
    this.room = { width, height };
    this.share = 1;
    Object.assign(this.canvas, { width, height });
    if (this.fitted) this.fit();
    else this.#settle();
  }
}
