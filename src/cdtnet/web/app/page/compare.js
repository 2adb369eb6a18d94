// Comparison of before and after, on both sides of a divider.

const REACH = 22; // CSS pixels around the divider that grab it if the view can be moved, too

export class CompareTool {
  /** `moved(share)` is called when the divider is moved on the canvas. */
  constructor(moved, redraw) {
    this.moved = moved;
    this.redraw = redraw;
    this.before = this.after = null;
    this.share = 0.5; // of the visible width, left of the divider
    this.holding = false; // whether only the picture before is shown
    this.focus = null; // the center of the object
  }

  set(before, after) {
    const [left, top, right, bottom] = after.extent;
    Object.assign(this, { before, after, focus: { x: (left + right) / 2, y: (top + bottom) / 2 } });
  }

  hold(yes) {
    this.holding = yes;
    this.redraw();
  }

  /** Move the divider to the object. */
  begin(view) {
    const { left, right } = view.visible();
    this.#moveTo((this.focus.x - left) / (right - left));
  }

  draw(context, view) {
    const visible = view.visible();
    if (this.holding) return this.before.draw(context, view, this.redraw);
    const divider = this.#divider(visible);
    this.#drawPart(context, view, this.before, { ...visible, right: divider });
    this.#drawPart(context, view, this.after, { ...visible, left: divider });
    this.#drawDivider(context, view, divider, visible);
  }

  #divider({ left, right }) {
    return left + this.share * (right - left);
  }

  #drawPart(context, view, photo, part) {
    if (part.right <= part.left) return;
    context.save();
    context.beginPath();
    context.rect(part.left, part.top, part.right - part.left, part.bottom - part.top);
    context.clip();
    photo.draw(context, view, this.redraw, part);
    context.restore();
  }

  #drawDivider(context, view, divider, { top, bottom }) {
    const { ratio } = view;
    const x = Math.round(view.x + divider * view.scale);
    const end = view.y + bottom * view.scale;
    const grip = Math.min(end + 18 * ratio, view.room.height - 18 * ratio); // below the picture, if there is space
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#fff";
    context.shadowColor = "#0008";
    context.shadowBlur = 4 * ratio;
    const start = view.y + top * view.scale;
    context.fillRect(x - ratio, start, 2 * ratio, Math.max(end, grip) - start);
    context.beginPath();
    context.arc(x, grip, 15 * ratio, 0, 7);
    context.fill();
    context.shadowBlur = 0;
    context.strokeStyle = "#333";
    context.lineWidth = 2 * ratio;
    context.beginPath();
    for (const side of [-1, 1]) {
      context.moveTo(x + side * 4 * ratio, grip - 4 * ratio);
      context.lineTo(x + side * 8 * ratio, grip);
      context.lineTo(x + side * 4 * ratio, grip + 4 * ratio);
    }
    context.stroke();
    context.restore();
  }

  #moveTo(share) {
    this.share = Math.min(1, Math.max(0, share));
    this.moved(this.share);
    this.redraw();
  }

  #isNear(point, view) {
    const x = view.x + this.#divider(view.visible()) * view.scale;
    return Math.abs(point.sx - x) < REACH * devicePixelRatio;
  }

  hover(point, view) {
    return view.fitted || this.#isNear(point, view) ? "ew-resize" : "grab";
  }

  down(point, view) {
    if (!view.fitted && !this.#isNear(point, view)) return null;
    const move = ({ x }) => {
      const { left, right } = view.visible();
      this.#moveTo((x - left) / (right - left));
    };
    move(point);
    return { move };
  }

  /** Arrows move the divider, with Shift the picture. */
  key(event) {
    const steps = { ArrowLeft: -0.02, ArrowRight: 0.02 };
    if (event.shiftKey || !(event.key in steps)) return false;
    this.#moveTo(this.share + steps[event.key]);
    return true;
  }
}
